"""Request charges, in request units: the model is described in README.md.

Fixed to what the service shows: a point read of 1 KB is 1 RU and of 100 KB is 10; a create of 1 KB is about 6 RU with
no index, 8 with a few indexed paths, 19 with all of some 26; a create of 100 KB with no index is 50.
"""

import orjson

from local.cosmos.documents import without_system_properties
from local.cosmos.indexing import IndexingPolicy

_KB = 1024


def point_read(size: int) -> float:
    return max(1.0, 0.91 + 0.0909 * size / _KB)


def write(size: int, terms: int) -> float:
    """A new item of `size` bytes with `terms` indexed values."""
    return 5.5 + 0.45 * size / _KB + 0.5 * terms


def rewrite(size: int, terms: int) -> float:
    """An item in place of another one: the old index entries go, the new ones come."""
    return write(size, terms) + 2.0 + 0.25 * terms


def page(examined: int, size: int, returned: int) -> float:
    """One page of a query or feed: items looked at, bytes and items given back."""
    return 2.3 + 0.01 * examined + 0.02 * returned + 0.25 * size / _KB


def delete(body: bytes, policy: IndexingPolicy) -> float:
    """Deleting an item costs what writing it did."""
    return write(len(body), policy.count_terms(orjson.loads(without_system_properties(body))))
