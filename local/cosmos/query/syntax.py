"""The query's syntax tree. All nodes are frozen; `at` and `end` are offsets into the text and don't count in equality.

Runs of operators are kept flat, so that a filter of a thousand ORs is a thousand siblings and not a thousand levels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal as OneOf

from local.cosmos.query.values import Value


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: null, true, false, a number, a string, or undefined."""

    value: Value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash(repr(self.value))


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Reference:
    """An alias, or the container by whatever name the query gives it."""

    name: str
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Path:
    """`base.name`, `base["name"]`, `base[0]`, `base[expression]`, in a row."""

    base: "Expression"
    steps: tuple["Expression", ...]
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Unary:
    operator: OneOf["NOT", "-", "+", "~"]
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Chain:
    """Left-associative operators of one precedence: first op expression op expression …"""

    first: "Expression"
    rest: tuple[tuple[str, "Expression"], ...]
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Logical:
    operator: OneOf["AND", "OR", "??"]
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class In:
    value: "Expression"
    choices: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Between:
    value: "Expression"
    low: "Expression"
    high: "Expression"


@dataclass(frozen=True, slots=True)
class Like:
    value: "Expression"
    pattern: "Expression"
    escape: str | None
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: "Expression"
    consequent: "Expression"
    alternative: "Expression"


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    members: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function by its canonical, upper-case name."""

    name: str
    arguments: tuple["Expression", ...]
    at: int = field(compare=False, default=0)
    end: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(SELECT …)`, `EXISTS(SELECT …)`, `ARRAY(SELECT …)`."""

    kind: OneOf["scalar", "exists", "array"]
    query: "Query"
    at: int = field(compare=False, default=0)


Expression = (
    Constant
    | Parameter
    | Reference
    | Path
    | Unary
    | Chain
    | Logical
    | In
    | Between
    | Like
    | Conditional
    | ArrayLiteral
    | ObjectLiteral
    | Call
    | Subquery
)


@dataclass(frozen=True, slots=True)
class SelectItem:
    """One member of the result: its name (the alias, the path's last step, or $1, $2 …) and its expression."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Selection:
    """What a row is made of: everything, one value, or a list of named members."""

    kind: OneOf["*", "value", "list"]
    items: tuple[SelectItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """One input of FROM: a path or a subquery under an alias; `iterates`: the elements of the array it gives."""

    alias: str | None
    origin: "Reference | Path | Query"
    iterates: bool
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Order:
    expression: Expression
    descending: bool
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Query:
    """A query or a subquery; `text` is the whole text it came from."""

    text: str = field(compare=False, repr=False)
    selection: Selection
    distinct: bool = False
    top: Constant | Parameter | None = None
    sources: tuple[Collection, ...] = ()
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    order_by: tuple[Order, ...] = ()
    offset: Constant | Parameter | None = None
    limit: Constant | Parameter | None = None
    at: int = field(compare=False, default=0)


AGGREGATES = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG"})


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions right under one, in the order of the text; a subquery keeps its own to itself."""
    match node:
        case Path(base, steps):
            return (base, *steps)
        case Unary(_, operand):
            return (operand,)
        case Chain(first, rest):
            return (first, *(operand for _, operand in rest))
        case Logical(_, operands):
            return operands
        case In(value, choices):
            return (value, *choices)
        case Between(value, low, high):
            return (value, low, high)
        case Like(value, pattern):
            return (value, pattern)
        case Conditional(condition, consequent, alternative):
            return (condition, consequent, alternative)
        case ArrayLiteral(items):
            return items
        case ObjectLiteral(members):
            return tuple(value for _, value in members)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def walk(node: Expression) -> Iterator[Expression]:
    """The expression and all under it, without recursion; subqueries are given and not entered."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(children(current)))


def has_aggregate(node: Expression) -> bool:
    return any(isinstance(part, Call) and part.name in AGGREGATES for part in walk(node))
