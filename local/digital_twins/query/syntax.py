"""What a query says, as a tree. A `start` is an offset into the query's text, for messages."""

from dataclasses import dataclass
from typing import Literal as OneOf

Scalar = str | int | float | bool | None
Direction = OneOf["forward", "backward", "either"]
Collection = OneOf["twins", "relationships"]
Operator = OneOf["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Path:
    """A collection, a property of one, or a property deeper inside."""

    parts: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar
    start: int


Operand = Path | Literal


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: Operator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand` IN or, `negated`, NIN the items."""

    operand: Operand
    items: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class TypeCheck:
    """IS_DEFINED, IS_NULL, IS_BOOL, IS_NUMBER, IS_STRING, IS_PRIMITIVE or IS_OBJECT."""

    function: str
    path: Path


@dataclass(frozen=True, slots=True)
class TextCheck:
    """STARTSWITH, ENDSWITH or CONTAINS."""

    function: str
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class ArrayContains:
    path: Path
    item: Literal


@dataclass(frozen=True, slots=True)
class OfModel:
    """`collection` is None where the query has but one."""

    collection: Name | None
    model: str
    exact: bool
    start: int


@dataclass(frozen=True, slots=True)
class Not:
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    conditions: tuple["Condition", ...]


Condition = Comparison | Membership | TypeCheck | TextCheck | ArrayContains | OfModel | Not | And | Or


@dataclass(frozen=True, slots=True)
class Projection:
    """`name` is the property of the answer's rows."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Join:
    """JOIN `target` RELATED `source`.`relationship` [`alias`]"""

    target: Name
    source: Name
    relationship: str
    alias: Name | None


@dataclass(frozen=True, slots=True)
class Hops:
    """From one node of a pattern to the next: `fewest` to `most` relationships, of any name if `names` is empty."""

    direction: Direction
    names: tuple[str, ...]
    fewest: int
    most: int
    variable: Name | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """MATCH: nodes (None: without a name), and what leads from each to the next."""

    nodes: tuple[Name | None, ...]
    hops: tuple[Hops, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """`projections` is None for `*`; `top` is None for all."""

    text: str
    top: int | None
    counts: bool
    projections: tuple[Projection, ...] | None
    collection: Collection
    alias: Name | None
    joins: tuple[Join, ...]
    pattern: Pattern | None
    where: Condition | None
