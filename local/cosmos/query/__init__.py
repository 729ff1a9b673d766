"""The query language of Azure Cosmos DB for NoSQL: texts to syntax trees, and their results over an SQLite table.

`parse` takes a text to a Query or raises QueryError with the place; `execute` gives one Page of its results over a
Source, and a continuation token for the next one. The Source's table has at least `epk`, `id`, `expires_at` and
`body`, the served JSON document; (epk, id) is unique and indexed.

Indexes over properties are SQL indexes made by `index_statements` and `composite_index_statements`, or the first time
a query would gain by one (`wanted_paths`, `ensure_index`); `execute` uses those that are there. They rest on an SQL
function: `register` every connection that writes or indexes such a table.
"""

from local.cosmos.query.errors import QueryError
from local.cosmos.query.execution import Page, execute
from local.cosmos.query.indexes import composite_index_statements, ensure_index, index_statements, register
from local.cosmos.query.parser import parse
from local.cosmos.query.plan import wanted_paths
from local.cosmos.query.scan import Source
from local.cosmos.query.syntax import Query

__all__ = [
    "Page",
    "Query",
    "QueryError",
    "Source",
    "composite_index_statements",
    "ensure_index",
    "execute",
    "index_statements",
    "parse",
    "register",
    "wanted_paths",
]
