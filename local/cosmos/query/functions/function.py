"""What a built-in function is."""

from collections.abc import Callable
from dataclasses import dataclass

from local.cosmos.query.values import Value

ANY_NUMBER = 1000


@dataclass(frozen=True, slots=True)
class Function:
    """How many arguments a function takes, and what it makes of their values.

    A strict function is never called with undefined: its result is undefined then.
    """

    arity: tuple[int, int]
    call: Callable[..., Value]
    is_strict: bool = True
