"""The device contract as pydantic types: what a message may look like. docs/schemas holds their JSON Schema.

A value's union is tried from left to right and strictly, so that 1 stays an integer, 1.0 a real and true a boolean.
Timestamps stay text: a datetime would lose the seventh digit. Models are built when first used: a cold worker needs
only the plain tag map.
"""

from typing import Annotated, NotRequired

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

LARGEST = 10**308
"""Integers beyond this fit no double, and so neither Cosmos DB nor Data Explorer."""

Timestamp = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?$",
        description="ISO 8601 date and time, up to 9 digits of a second; without a zone it is UTC",
        examples=["2025-02-04T11:24:52.9911021Z", "2025-02-04T12:24:52+01:00"],
    ),
]
Value = Annotated[
    Annotated[int, Field(strict=True, ge=-LARGEST, le=LARGEST), WithJsonSchema({"type": "integer"})]
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | Annotated[bool, Field(strict=True)]
    | Annotated[str, Field(strict=True)],
    Field(union_mode="left_to_right", description="what was measured: an integer, a finite real, a boolean or text"),
]
DeviceId = Annotated[
    str, Field(strict=True, description="who measured, when neither IoT Hub nor the partition key says so")
]


class Reading(TypedDict):
    """One tag's value and when it was measured. Other members are kept in the stored body and not looked at."""

    SourceTimestamp: NotRequired[Timestamp]
    Value: Value


class TagMap(BaseModel):
    """Tag names with their readings, as edge gateways send. `timestamp` stands for readings without their own."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    __pydantic_extra__: dict[str, Reading]

    device_id: DeviceId | Reading | None = Field(default=None, alias="deviceId")
    timestamp: Timestamp | Reading | None = None


class FlatMessage(BaseModel):
    """Tag names with bare values, all measured at `timestamp`, or when the message arrived."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    __pydantic_extra__: dict[str, Value]

    device_id: DeviceId | None = Field(default=None, alias="deviceId")
    timestamp: Timestamp | None = None


class CloudEvent(BaseModel):
    """A CloudEvents 1.0 JSON envelope around either. `subject` names the asset."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    specversion: Annotated[str, Field(strict=True, min_length=1)]
    id: Annotated[str, Field(strict=True, min_length=1)]
    source: Annotated[str, Field(strict=True, min_length=1)]
    subject: Annotated[str, Field(strict=True)] | None = None
    data: TagMap | FlatMessage


Element = TagMap | FlatMessage | CloudEvent

PlainTimestamp = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
        r"|02-(?:0[1-9]|1[0-9]|2[0-8]))T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z$",
    ),
]
"""A timestamp in UTC that exists, as far as a pattern can tell: texts of it sort as their seconds do."""


class PlainReading(TypedDict):
    """A reading with its own time in UTC: what most devices send, and so what is decoded quickest."""

    SourceTimestamp: PlainTimestamp
    Value: Value


_PLAIN = TypeAdapter[dict[str, PlainReading]](dict[str, PlainReading], config=ConfigDict(cache_strings="keys"))
validate_plain_tag_map = _PLAIN.validator.validate_json
