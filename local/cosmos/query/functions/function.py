"""What a built-in function is."""

from collections.abc import Callable
from dataclasses import dataclass

from local.cosmos.query.errors import QueryError
from local.cosmos.query.values import Value

ANY_NUMBER = 1000
MAX_LENGTH = 16 * 1024 * 1024
"""Characters of a string, or elements of an array, that a function may make: more than any document can hold."""


@dataclass(frozen=True, slots=True)
class Function:
    """How many arguments a function takes, and what it makes of their values.

    A strict function is never called with undefined: its result is undefined then. A constant one has one value for
    the whole query.
    """

    arity: tuple[int, int]
    call: Callable[..., Value]
    is_strict: bool = True
    is_constant: bool = False


def bounded(length: int) -> None:
    """Raises QueryError when something that long is about to be made."""
    if length > MAX_LENGTH:
        raise QueryError(f"A function's result is longer than {MAX_LENGTH} characters or elements.", code="SC3006")
