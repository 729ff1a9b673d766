"""The query language of Azure Cosmos DB for NoSQL: texts to syntax trees, and their results over an SQLite table.

`parse` takes a text to a Query or raises QueryError with the place; `execute` gives one Page of its results over a
Source, and a continuation token for the next one. The Source's table has at least `epk`, `id`, `expires_at` and
`body`, the served JSON document; (epk, id) is unique and indexed.

Indexes over properties are SQL indexes: `single_index` and `composite_index` give them, `Index.make` makes them, or
`ensure_index` the first time a query would gain by one (`wanted_paths`); `execute` uses those that are there. Whoever
writes such a table fills the columns of their keys (`key_paths`, `property_keys`). They rest on an SQL function:
`register` every connection to such a table.
"""

from local.cosmos.query.errors import QueryError
from local.cosmos.query.execution import Page, execute
from local.cosmos.query.indexes import composite_index, ensure_index, register, single_index
from local.cosmos.query.parser import parse
from local.cosmos.query.plan import wanted_paths
from local.cosmos.query.scan import Source
from local.cosmos.query.syntax import Query

__all__ = [
    "Page",
    "Query",
    "QueryError",
    "Source",
    "composite_index",
    "ensure_index",
    "execute",
    "parse",
    "register",
    "single_index",
    "wanted_paths",
]
