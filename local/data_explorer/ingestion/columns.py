"""Column values to the Arrow table that a database appends."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation, localcontext
from typing import cast

import pyarrow as pa

from local.data_explorer.ingestion.times import UNIX_EPOCH
from local.data_explorer.ingestion.values import Value
from local.data_explorer.schema import TableSchema
from local.data_explorer.types import APPENDED_AS, KustoType

_INT64 = 1 << 63
_SCALE = Decimal(1).scaleb(-18)


def rows_of(schema: TableSchema, columns: Mapping[str, Sequence[Value]], count: int) -> pa.Table:
    """The table's columns in order, `count` rows; a column without values is null (empty, if of strings)."""
    return pa.table(
        [_array(columns.get(column.name) or [None] * count, column.type) for column in schema.columns],
        schema=schema.arrow,
    )


def _array(values: Sequence[Value], kind: KustoType) -> pa.Array:
    convert = _STORED.get(kind)
    stored = values if convert is None else [None if value is None else convert(value) for value in values]
    if kind == "string":
        stored = [value or "" for value in values]
    return pa.array(stored, APPENDED_AS[kind])


def _nanoseconds(value: Value) -> int | None:
    """Of a datetime's ticks, since 1970; None outside of what a column holds (1677 to 2262)."""
    stored = (cast(int, value) - UNIX_EPOCH) * 100
    return stored if -_INT64 < stored < _INT64 else None


def _microseconds(value: Value) -> int:
    return cast(int, value) // 10


def _decimal(value: Value) -> Decimal | None:
    """Rounded to the 18 places a column keeps; None when it has more digits before the point than a column takes."""
    with localcontext(prec=38) as context:
        try:
            return cast(Decimal, value).quantize(_SCALE, context=context)
        except InvalidOperation:
            return None


_STORED: dict[KustoType, Callable[[Value], Value]] = {
    "datetime": _nanoseconds,
    "timespan": _microseconds,
    "decimal": _decimal,
}
