"""Values in and out through the azure-functions library's own converters, as the Python worker uses them."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

from local.functions_host.functions import Parameter
from local.functions_host.indexing import converter

_NAIVE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)


class _EventHubTrigger(EventHubTriggerConverter, binding=None, trigger=True):
    """The library's converter, but for the time it takes: that one tries twelve formats on each event's time."""

    @classmethod
    def _parse_datetime(cls, datetime_str: str | None) -> datetime | None:
        found = _naive_time(datetime_str) if datetime_str else None
        return found or super()._parse_datetime(datetime_str)


@lru_cache(maxsize=1024)
def _naive_time(text: str) -> datetime | None:
    """The time, if written as the host does; events that came together have the same one."""
    return datetime.fromisoformat(text) if _NAIVE_TIME.fullmatch(text) else None


def decode(parameter: Parameter, data: Datum, metadata: Mapping[str, Datum]) -> Any:
    """The argument that a handler gets. Raises TypeError when the binding can't take this data."""
    found = _EventHubTrigger if parameter.converter == "eventHubTrigger" else converter(parameter.converter)
    if found is None:
        return data.value
    given: Any = metadata if found.has_trigger_support() else None
    try:
        return found.decode(data, trigger_metadata=given)
    except NotImplementedError as error:
        raise TypeError(
            f"unable to decode incoming TypedData: unsupported combination of TypedData field {data.type!r} "
            f"and expected binding type {found}"
        ) from error


def encode(parameter: Parameter, value: Any) -> Datum:
    """What a handler's result or Out value becomes. Raises TypeError when the binding can't take its type."""
    found = converter(parameter.converter)
    if found is None:
        return _generic(value)
    try:
        encoded: Datum = found.encode(value, expected_type=parameter.annotation)
    except NotImplementedError as error:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "{found}" for Python type "{type(value).__name__}"'
        ) from error
    return encoded


def _generic(value: Any) -> Datum:
    if value is None:
        return Datum(None, None)
    if isinstance(value, str):
        return Datum(value, "string")
    if isinstance(value, bytes | bytearray):
        return Datum(bytes(value), "bytes")
    raise TypeError(f'unable to encode outgoing TypedData: unsupported Python type "{type(value).__name__}"')
