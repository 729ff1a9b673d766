"""The built-in functions, by upper-case name."""

from local.cosmos.query.functions.function import Function
from local.cosmos.query.functions.types import TYPE_FUNCTIONS

FUNCTIONS: dict[str, Function] = {**TYPE_FUNCTIONS}
