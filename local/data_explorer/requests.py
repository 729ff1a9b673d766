"""A request's body and its properties, checked.

Source: Learn, "Request properties" and "Query/management HTTP request".
"""

import datetime
import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from duckdb_kql.params import parse_timespan

from local.data_explorer.errors import KustoError

DEFAULT_ROWS = 500_000
DEFAULT_BYTES = 64 * 1024 * 1024
DEFAULT_QUERY_SECONDS = 240.0
LONGEST_SECONDS = 3600.0
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class QueryLimits:
    """How much a query may return and how long it may take; None: no limit."""

    rows: int | None = DEFAULT_ROWS
    bytes: int | None = DEFAULT_BYTES
    seconds: float = DEFAULT_QUERY_SECONDS
    take: int | None = None
    """query_take_max_records: at most so many rows, and no error when there are more."""


@dataclass(frozen=True)
class KustoRequest:
    """`csl` is the query or command; `parameters` are values of its `declare query_parameters`."""

    database: str | None
    csl: str
    parameters: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    client_request_id: str = ""

    def is_set(self, option: str) -> bool:
        return _truth(self.options.get(option, False))


def limits(options: dict[str, Any]) -> QueryLimits:
    """The limits that request properties (or `set` statements) ask for. Raises KustoError."""
    seconds = DEFAULT_QUERY_SECONDS
    if "servertimeout" in options:
        seconds = min(_seconds(options["servertimeout"]), LONGEST_SECONDS)
    if _truth(options.get("norequesttimeout", False)):
        seconds = LONGEST_SECONDS
    unlimited = _truth(options.get("notruncation", False))
    return QueryLimits(
        rows=None if unlimited else _count(options, "truncationmaxrecords", DEFAULT_ROWS),
        bytes=None if unlimited else _count(options, "truncationmaxsize", DEFAULT_BYTES),
        seconds=seconds,
        take=_count(options, "query_take_max_records", None),
    )


def parse_request(body: bytes, client_request_id: str) -> KustoRequest:
    """Reads {"db", "csl", "properties"}; properties may be an object or, as azure-kusto-data sends it, a JSON string.

    Raises KustoError.
    """
    try:
        document = json.loads(gzip.decompress(body) if body.startswith(_GZIP) else body)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise KustoError(f"The request's body is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("csl"), str):
        raise KustoError('The request\'s body must be an object with a "csl" string.')
    properties = document.get("properties") or {}
    if isinstance(properties, str):
        try:
            properties = json.loads(properties)
        except ValueError as error:
            raise KustoError(f'The request\'s "properties" are not JSON: {error}') from error
    if not isinstance(properties, dict):
        raise KustoError('The request\'s "properties" must be an object.')
    options = {**(properties.get("Options") or {}), **(properties.get("options") or {})}
    return KustoRequest(
        database=document.get("db"),
        csl=document["csl"],
        parameters=dict(properties.get("Parameters") or properties.get("parameters") or {}),
        options={name.lower(): value for name, value in options.items()},
        client_request_id=str(properties.get("ClientRequestId") or client_request_id),
    )


def _truth(value: object) -> bool:
    return str(value).strip().lower() in ("true", "1")


def _count(options: dict[str, Any], name: str, default: int | None) -> int | None:
    if name not in options:
        return default
    try:
        value = int(options[name])
    except (TypeError, ValueError, OverflowError):
        value = -1
    if value < 0:
        raise KustoError(f"Request property '{name}' must be a whole number, not {options[name]!r}.")
    return value


def _seconds(value: object) -> float:
    """A timespan as JSON carries it: `00:04:00`, Python's `0:04:00` or `1 day, 0:00:00`, or ticks."""
    if isinstance(value, int | float):
        return float(value) / 1e7
    text = str(value).replace(" days, ", ".").replace(" day, ", ".")
    span: datetime.timedelta | None = parse_timespan(text)
    if span is None:
        raise KustoError(f"Request property 'servertimeout' must be a timespan such as 00:04:00, not {value!r}.")
    return span.total_seconds()
