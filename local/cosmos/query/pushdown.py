"""The parts of a filter that SQL can answer exactly: a property compared with a constant.

A restriction means in SQL what its condition means in the query language, on the keys of `values.sort_key`: the
condition is true for a document exactly when the key lies in one of the ranges.
"""

from collections.abc import Callable
from dataclasses import dataclass

from local.cosmos.query.indexes import Path, key_sql
from local.cosmos.query.syntax import (
    Between,
    Call,
    Chain,
    Constant,
    Expression,
    In,
    Logical,
    Parameter,
    Reference,
)
from local.cosmos.query.syntax import Path as PathNode
from local.cosmos.query.values import UNDEFINED, UNDEFINED_KEY, Value, sort_key, string_prefix_range

ValueOf = Callable[[Parameter], Value]

_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MAX_CHOICES = 500
_MAX_RESTRICTIONS = 50
_TYPE_STARTS = {type(None): b"\x01", bool: b"\x02", int: b"\x04", float: b"\x04", str: b"\x05"}
_TYPE_ENDS = {type(None): b"\x02", bool: b"\x04", int: b"\x05", float: b"\x05", str: b"\x06"}


@dataclass(frozen=True, slots=True)
class Restriction:
    """A condition on one property as SQL: `sql` has a `?` for each of the bindings."""

    path: Path
    sql: str
    bindings: tuple[bytes, ...]
    is_point: bool


def path_of(node: Expression, root: str) -> Path | None:
    """The property names of `root.a.b`; None for anything else."""
    if not isinstance(node, PathNode) or not isinstance(node.base, Reference) or node.base.name != root:
        return None
    names = [step.value for step in node.steps if isinstance(step, Constant) and isinstance(step.value, str)]
    return tuple(names) if len(names) == len(node.steps) else None


def restrictions(where: Expression | None, root: str, value_of: ValueOf) -> tuple[list[Restriction], bool]:
    """What of the filter is a restriction, and whether that is all of it."""
    if where is None:
        return [], True
    conjuncts = where.operands if isinstance(where, Logical) and where.operator == "AND" else (where,)
    found = [_restriction(conjunct, root, value_of) for conjunct in conjuncts[:_MAX_RESTRICTIONS]]
    is_all = None not in found and len(found) == len(conjuncts)
    return [restriction for restriction in found if restriction is not None], is_all


def _restriction(node: Expression, root: str, value_of: ValueOf) -> Restriction | None:
    match node:
        case Chain(first, ((operator, second),)) if operator in _FLIPPED:
            return _comparison(operator, first, second, root, value_of)
        case Between(value, low, high):
            return _between(path_of(value, root), _constant(low, value_of), _constant(high, value_of))
        case In(value, choices) if len(choices) <= _MAX_CHOICES:
            return _in(path_of(value, root), [_constant(choice, value_of) for choice in choices])
        case Call("IS_DEFINED", (argument,)):
            return _ranges(path_of(argument, root), [(UNDEFINED_KEY + b"\x00", b"\xff")])
        case Call("STARTSWITH", (argument, prefix)):
            start = _constant(prefix, value_of)
            return _ranges(path_of(argument, root), [string_prefix_range(start)]) if isinstance(start, str) else None
        case _:
            return None


def _constant(node: Expression, value_of: ValueOf) -> Value:
    """The value of a literal or parameter; undefined for anything else."""
    if isinstance(node, Constant):
        return node.value
    return value_of(node) if isinstance(node, Parameter) else UNDEFINED


def _comparison(
    operator: str, first: Expression, second: Expression, root: str, value_of: ValueOf
) -> Restriction | None:
    path, value = path_of(first, root), _constant(second, value_of)
    if path is None:
        path, value, operator = path_of(second, root), _constant(first, value_of), _FLIPPED[operator]
    if path is None or value is UNDEFINED:
        return None
    key = sort_key(value)
    if operator == "=":
        return Restriction(path, f"{key_sql(path)} = ?", (key,), is_point=True)
    if type(value) not in _TYPE_STARTS:
        return None
    start, end, after = _TYPE_STARTS[type(value)], _TYPE_ENDS[type(value)], key + b"\x00"
    bounds = {"<": (start, key), "<=": (start, after), ">": (after, end), ">=": (key, end)}
    return _ranges(path, [bounds[operator]])


def _between(path: Path | None, low: Value, high: Value) -> Restriction | None:
    if type(low) not in _TYPE_STARTS or type(high) not in _TYPE_STARTS:
        return None
    if _TYPE_STARTS[type(low)] != _TYPE_STARTS[type(high)]:
        return None
    return _ranges(path, [(sort_key(low), sort_key(high) + b"\x00")])


def _in(path: Path | None, values: list[Value]) -> Restriction | None:
    if path is None or any(value is UNDEFINED for value in values):
        return None
    keys = tuple(sorted({sort_key(value) for value in values}))
    return Restriction(path, f"{key_sql(path)} IN ({', '.join('?' * len(keys))})", keys, is_point=True)


def _ranges(path: Path | None, ranges: list[tuple[bytes, bytes]]) -> Restriction | None:
    if path is None:
        return None
    key = key_sql(path)
    sql = " OR ".join(f"({key} >= ? AND {key} < ?)" for _ in ranges)
    return Restriction(path, sql, tuple(bound for pair in ranges for bound in pair), is_point=False)
