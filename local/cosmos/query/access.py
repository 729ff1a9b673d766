"""Choosing how a query reads its documents: all of them in place, or through one of the indexes there are."""

from dataclasses import dataclass

from local.cosmos.query.indexes import Column, Index
from local.cosmos.query.plan import Plan
from local.cosmos.query.pushdown import Restriction
from local.cosmos.query.scan import EVERYTHING, Access, Scan

SMALL = 2000
"""Sources with fewer documents are simply read."""
MAX_CANDIDATES = 20_000
"""Through an index that doesn't give the right order by itself, so many items are sought at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The way in: places of candidates, or an access in place order, or (`is_ordered`) in the order of ORDER BY."""

    access: Access = EVERYTHING
    places: list[tuple[bytes, str]] | None = None
    is_ordered: bool = False


def choose(plan: Plan, scan: Scan, names: frozenset[str], table: str) -> Choice:
    """The cheapest way that gives the right rows; `names` are the indexes that the table has."""
    ordered = ordering_index(plan, names, table)
    usable = [part for part in plan.restrictions if _index(part).name(table) in names]
    if (ordered is None and not usable) or scan.is_smaller_than(SMALL):
        return Choice()
    limit = SMALL if ordered is not None else MAX_CANDIDATES
    for restriction in sorted(usable, key=lambda part: not part.is_point):
        access = Access(_index(restriction), (restriction,))
        places = scan.candidates(access, limit)
        if places is not None:
            return Choice(access, places=places)
    if ordered is not None:
        return Choice(Access(ordered), is_ordered=True)
    points = [part for part in usable if part.is_point and len(part.bindings) == 1]
    return Choice(Access(_index(points[0]), (points[0],))) if points else Choice()


def counting_access(plan: Plan, scan: Scan, names: frozenset[str], table: str) -> Access | None:
    """How COUNT reads no document at all; None when some restriction has no index, or the source is small."""
    if not plan.restrictions:
        return EVERYTHING
    indexes = [_index(part) for part in plan.restrictions]
    if any(index.name(table) not in names for index in indexes) or scan.is_smaller_than(SMALL):
        return None
    return Access(indexes[0], plan.restrictions)


def ordering_index(plan: Plan, names: frozenset[str], table: str) -> Index | None:
    """The index that gives the order of ORDER BY, read forwards or backwards."""
    if not plan.order:
        return None
    for columns in (plan.order, tuple(Column(column.path, not column.descending) for column in plan.order)):
        if Index(columns).name(table) in names:
            return Index(columns)
    return None


def _index(restriction: Restriction) -> Index:
    return Index((Column(restriction.path),))
