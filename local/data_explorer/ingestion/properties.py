"""Values of ingestion properties, as queue messages and commands both write them.

Source: Microsoft Learn, "Data ingestion properties".
"""

import datetime
import json

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.times import datetime_ticks


def text_list(name: str, value: object) -> tuple[str, ...]:
    """A JSON list of strings, as such or in text. Raises IngestionRefused (BadRequest_MalformedIngestionProperty)."""
    if not value:
        return ()
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise IngestionRefused("BadRequest_MalformedIngestionProperty", f"Property '{name}' is no JSON list: {value}")
    return tuple(str(each) for each in found)


def creation_time(value: object) -> datetime.datetime | None:
    """When the data is to count as ingested, to the microsecond. Raises IngestionRefused."""
    if not value:
        return None
    ticks = datetime_ticks(str(value))
    if ticks is None:
        raise IngestionRefused("BadRequest_MalformedIngestionProperty", f"creationTime '{value}' is no datetime")
    return datetime.datetime(1, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=ticks // 10)


def is_true(value: object) -> bool:
    return str(value).lower() == "true"


def shown_path(address: str) -> str:
    """A storage address without its secrets."""
    return address.partition("?")[0].partition(";")[0]
