"""Functions in Python that the translated SQL calls: each gets whole Arrow columns, and answers one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling, PythonUDFType


@dataclass(frozen=True)
class PythonFunction:
    """`compute` takes a pyarrow.ChunkedArray or Array of each parameter's type, nulls included, and gives an Array.

    `name` is what SQL calls it; `parameters` and `result` are DuckDB types.
    """

    name: str
    compute: Callable[..., Any]
    parameters: tuple[str, ...]
    result: str


def install(connection: duckdb.DuckDBPyConnection, functions: Iterable[PythonFunction]) -> None:
    """Makes the functions known to every cursor of the connection's instance."""
    for function in functions:
        connection.create_function(
            function.name,
            function.compute,
            [duckdb.type(parameter) for parameter in function.parameters],
            duckdb.type(function.result),
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )
