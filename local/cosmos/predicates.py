"""Whether an item meets a condition in the query language, as patches have it: `from c where c.version = 3`."""

from local.cosmos.catalog import Container
from local.cosmos.errors import bad_request
from local.cosmos.items import Stored
from local.cosmos.query import QueryError, Source, execute, parse
from local.cosmos.storage import Transaction


def holds(transaction: Transaction, container: Container, item: Stored, condition: str) -> bool:
    """Raises ServiceError (400) for a condition that is no SQL."""
    source = Source(transaction.connection, container.table, "lsn = ?", (item.lsn,))
    try:
        page = execute(parse(f"SELECT VALUE 1 {condition}"), {}, source, page_size=1, continuation=None)
    except QueryError as error:
        raise bad_request(f"The filter predicate {condition!r} is invalid: {error.message}") from None
    return bool(page.rows)
