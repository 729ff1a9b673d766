"""A query made ready to run with its parameters: every expression compiled, and what SQL may do for it found out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.cosmos.query.compiler import Compiler
from local.cosmos.query.continuation import Position
from local.cosmos.query.errors import query_error
from local.cosmos.query.evaluators import Environment, Evaluator
from local.cosmos.query.indexes import Column, Path
from local.cosmos.query.pushdown import Restriction, path_of, restrictions
from local.cosmos.query.rows import (
    Expansion,
    Grouping,
    counts_rows,
    document_expansion,
    filtering,
    grouping,
    is_grouped,
    projection,
    subquery_rows,
)
from local.cosmos.query.syntax import Chain, Constant, Expression, Logical, Parameter, Query, Reference
from local.cosmos.query.syntax import Path as PathNode
from local.cosmos.query.values import sort_key

_INVERSE = bytes(255 - byte for byte in range(256))
_COUNT_CODES = {"TOP": "SC2060", "OFFSET": "SC2062", "LIMIT": "SC2061"}
Rank = tuple[bytes, bytes, str | int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """A query, ready to run."""

    query: Query
    compiler: Compiler
    expanded: Expansion
    where: Evaluator | None
    keys: tuple[tuple[Evaluator, bool], ...]
    """ORDER BY: each key, and whether it is descending."""
    groups: Grouping | None
    row: Evaluator
    is_whole: bool
    """Is each row its document, as it is stored?"""
    offset: int
    limit: int | None
    restrictions: tuple[Restriction, ...]
    is_counting: bool
    """Can COUNT be answered by the restrictions alone?"""
    item: str | None
    """The only item id that can match."""
    order: tuple[Column, ...] | None
    """ORDER BY as columns of an index; none when it is over other things than the documents' properties."""

    @property
    def is_descending(self) -> bool:
        return bool(self.keys) and self.keys[0][1]


def make_plan(query: Query, parameters: Mapping[str, Any]) -> Plan:
    """Raises QueryError for parameters that are missing or can't be used."""
    compiler = Compiler(query.text, parameters, subquery_rows)
    expanded, scope = document_expansion(query, compiler)
    groups = grouping(query, compiler, scope) if is_grouped(query) else None
    root = _root_alias(query)
    found, is_all = restrictions(query.where, root, compiler.parameter) if root else ([], query.where is None)
    limit = _count(query, compiler, "TOP", query.top)
    return Plan(
        query=query,
        compiler=compiler,
        expanded=expanded,
        where=filtering(query.where, compiler, scope),
        keys=tuple((compiler.evaluator(order.expression, scope), order.descending) for order in query.order_by),
        groups=groups,
        row=groups.row if groups else projection(query.selection, compiler, scope, 1),
        is_whole=groups is None and len(query.sources) == 1 and root is not None and _is_whole(query, root),
        offset=_count(query, compiler, "OFFSET", query.offset) or 0,
        limit=_least(limit, _count(query, compiler, "LIMIT", query.limit)),
        restrictions=tuple(found),
        is_counting=groups is not None and is_all and root is not None and _is_counting(query),
        item=_item(query.where, root, compiler) if root else None,
        order=_order_columns(query, root),
    )


def wanted_paths(query: Query, parameters: Mapping[str, Any]) -> tuple[Path, ...]:
    """The properties that this query would be quicker with an index on: of its filter and its ORDER BY.

    For containers whose policy indexes everything: `ensure_index` makes what is wanted the first time it is.
    Raises QueryError for a parameter that is missing or can't be used.
    """
    root = _root_alias(query)
    if root is None:
        return ()
    compiler = Compiler(query.text, parameters, subquery_rows)
    found, _ = restrictions(query.where, root, compiler.parameter)
    ordered = _order_columns(query, root) or ()
    paths = [
        *(restriction.path for restriction in found),
        *(column.path for column in ordered[:1] if len(ordered) == 1),
    ]
    return tuple(path for path in dict.fromkeys(paths) if path != ("id",))


def keys_of(plan: Plan, environment: Environment) -> tuple[bytes, ...]:
    """The sort keys of ORDER BY for a row."""
    return tuple(sort_key(key(environment)) for key, _ in plan.keys)


def rank(plan: Plan, position: Position) -> Rank:
    """What positions are ordered by; ties of ORDER BY by the item's place, in the direction of the first key."""
    if not plan.keys:
        return b"".join(position.keys), position.epk, position.item, position.ordinal
    keys = b"".join(
        key.translate(_INVERSE) if is_descending else key
        for key, (_, is_descending) in zip(position.keys, plan.keys, strict=True)
    )
    if not plan.is_descending:
        return keys, position.epk, position.number, position.ordinal
    return keys, position.epk.translate(_INVERSE), -position.number, position.ordinal


def _root_alias(query: Query) -> str | None:
    """The alias of the documents themselves; none when FROM starts with something within them."""
    if not query.sources or query.sources[0].iterates or not isinstance(query.sources[0].origin, Reference):
        return None
    return query.sources[0].alias


def _is_whole(query: Query, root: str) -> bool:
    selection = query.selection
    return selection.kind == "*" or (
        selection.kind == "value" and isinstance(only := selection.items[0].expression, Reference) and only.name == root
    )


def _is_counting(query: Query) -> bool:
    return (
        len(query.sources) == 1
        and not query.group_by
        and query.selection.kind != "*"
        and all(counts_rows(item.expression) for item in query.selection.items)
    )


def _count(query: Query, compiler: Compiler, clause: str, given: Constant | Parameter | None) -> int | None:
    if given is None:
        return None
    value = given.value if isinstance(given, Constant) else compiler.parameter(given)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < (1 << 31):
        message = f"The count value provided for a {clause} clause must be a non-negative integer."
        at = given.at if isinstance(given, Parameter) else query.at
        raise query_error(query.text, _COUNT_CODES[clause], message, at)
    return value


def _least(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def _item(where: Expression | None, root: str, compiler: Compiler) -> str | None:
    """The id that the filter insists on."""
    conjuncts = where.operands if isinstance(where, Logical) and where.operator == "AND" else (where,)
    for conjunct in conjuncts:
        if isinstance(conjunct, Chain) and len(conjunct.rest) == 1 and conjunct.rest[0][0] == "=":
            sides = (conjunct.first, conjunct.rest[0][1])
            for path, other in (sides, sides[::-1]):
                value = other.value if isinstance(other, Constant) else None
                value = compiler.parameter(other) if isinstance(other, Parameter) else value
                if path_of(path, root) == ("id",) and isinstance(value, str):
                    return value
    return None


def _order_columns(query: Query, root: str | None) -> tuple[Column, ...] | None:
    columns: list[Column] = []
    for order in query.order_by:
        path: Path | None = None
        if root is not None and isinstance(order.expression, PathNode):
            path = path_of(order.expression, root)
        if path is None:
            return None
        columns.append(Column(path, order.descending))
    return tuple(columns)
