"""The built-in functions, by upper-case name."""

from local.cosmos.query.functions.arrays import ARRAY_FUNCTIONS
from local.cosmos.query.functions.conversions import CONVERSION_FUNCTIONS
from local.cosmos.query.functions.dates import DATE_FUNCTIONS
from local.cosmos.query.functions.function import Function
from local.cosmos.query.functions.mathematics import MATHEMATICAL_FUNCTIONS
from local.cosmos.query.functions.strings import STRING_FUNCTIONS
from local.cosmos.query.functions.types import TYPE_FUNCTIONS

FUNCTIONS: dict[str, Function] = {
    **ARRAY_FUNCTIONS,
    **CONVERSION_FUNCTIONS,
    **DATE_FUNCTIONS,
    **MATHEMATICAL_FUNCTIONS,
    **STRING_FUNCTIONS,
    **TYPE_FUNCTIONS,
}
