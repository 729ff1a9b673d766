"""Kusto's ten scalar types, and what holds each in DuckDB, in Arrow, and in .NET's names on the wire."""

from typing import Literal, get_args

import pyarrow as pa

KustoType = Literal["bool", "int", "long", "real", "decimal", "string", "datetime", "timespan", "guid", "dynamic"]
KUSTO_TYPES: tuple[KustoType, ...] = get_args(KustoType)

_ALIASES: dict[str, KustoType] = {
    "boolean": "bool",
    "int32": "int",
    "int64": "long",
    "double": "real",
    "date": "datetime",
    "time": "timespan",
    "uuid": "guid",
    "uniqueid": "guid",
    "sqldecimal": "decimal",
}
"""Learn, "Scalar data types": the other names a type goes by in commands and declarations."""

STORED_AS: dict[KustoType, str] = {
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "decimal": "DECIMAL(38, 18)",
    "string": "VARCHAR",
    "datetime": "TIMESTAMP_NS",
    "timespan": "INTERVAL",
    "guid": "UUID",
    "dynamic": "JSON",
}
"""TIMESTAMP_NS keeps Kusto's 100 ns ticks, and so spans 1677 to 2262; an INTERVAL keeps whole microseconds."""

APPENDED_AS: dict[KustoType, pa.DataType] = {
    "bool": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "real": pa.float64(),
    "decimal": pa.decimal128(38, 18),
    "string": pa.string(),
    "datetime": pa.timestamp("ns"),
    "timespan": pa.duration("us"),
    "guid": pa.string(),
    "dynamic": pa.string(),
}
"""The Arrow types of rows to append: a guid in its text form, a dynamic as JSON text."""

CLR_NAMES: dict[KustoType, str] = {
    "bool": "System.SByte",
    "int": "System.Int32",
    "long": "System.Int64",
    "real": "System.Double",
    "decimal": "System.Data.SqlTypes.SqlDecimal",
    "string": "System.String",
    "datetime": "System.DateTime",
    "timespan": "System.TimeSpan",
    "guid": "System.Guid",
    "dynamic": "System.Object",
}
"""What `getschema` and `.show table T cslschema` call the types."""


class UnknownType(Exception):
    """No Kusto type has this name."""


def kusto_type(name: str) -> KustoType:
    """The type that `name` or one of its aliases means. Raises UnknownType."""
    lowered = name.lower()
    found = _ALIASES.get(lowered, lowered)
    for known in KUSTO_TYPES:
        if found == known:
            return known
    raise UnknownType(f"'{name}' is not a Kusto type: it is one of {', '.join(KUSTO_TYPES)}")
