"""`python -m benchmarks.pure_work`: what store_telemetry does with a batch before anything is written, on one core.

Decode, validate, id, group by partition; typed by pydantic. Batches of 256 events of 2 to 6 tags, 1 % malformed.
All contenders run in turn in the same rounds, on the same bodies; each one's best round counts, in CPU time.
"""

import gc
import hashlib
import json
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import orjson
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum
from pydantic import BaseModel, Field, RootModel, ValidationError

from benchmarks.table import Measure, print_table, timed
from shared.telemetry.decoding import by_partition, decode
from shared.telemetry.events import HubEvent
from shared.triggers import hub_events

BATCH = 256
BATCHES = 24
ROUNDS = 25
DEVICES = 8
TAGS = ("temperature", "humidity", "pressure", "vibration", "compressor", "setpoint")
START = datetime(2026, 11, 22, tzinfo=UTC)
ARRIVED = START + timedelta(days=1)

Batch = Sequence[HubEvent]


class NaiveReading(BaseModel):
    SourceTimestamp: datetime
    Value: int | float | bool | str


class NaiveMessage(RootModel[dict[str, NaiveReading]]):
    pass


class NaiveSystem(BaseModel):
    device: str = Field(alias="iothub-connection-device-id")
    module: str | None = Field(default=None, alias="iothub-connection-module-id")
    arrived: datetime = Field(alias="iothub-enqueuedtime")
    content_encoding: str | None = Field(default=None, alias="content-encoding")


class NaiveEvent(BaseModel):
    body: bytes
    hub: str
    partition: str
    sequence_number: int
    enqueued_time: datetime
    partition_key: str | None
    properties: dict[str, str]
    system: NaiveSystem


class NaiveTelemetry(BaseModel):
    event_id: str
    device: str
    asset: str
    day: str
    ahead: bool
    readings: NaiveMessage
    event: NaiveEvent


def bodies(chance: random.Random) -> list[bytes]:
    return [_body(chance, number) for number in range(BATCH * BATCHES)]


def _body(chance: random.Random, number: int) -> bytes:
    if chance.random() < 0.01:
        return b'{"temperature": {"SourceTimestamp": "2026-11-2'
    tags = {}
    for tag in chance.sample(TAGS, chance.randint(2, 6)):
        time_text = (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S")
        value = chance.choice([round(chance.uniform(-40, 90), 3)] * 3 + [chance.randint(0, 4000)])
        tags[tag] = {"SourceTimestamp": f"{time_text}.{chance.randint(0, 9_999_999):07}Z", "Value": value}
    return json.dumps(tags).encode()


def batches(texts: Sequence[bytes]) -> list[list[HubEvent]]:
    events = [
        HubEvent(text, "telemetry", "0", number, ARRIVED, f"d{number % DEVICES}", {}, _system(number))
        for number, text in enumerate(texts)
    ]
    return [events[start : start + BATCH] for start in range(0, len(events), BATCH)]


def _system(number: int) -> dict[str, str]:
    return {
        "iothub-connection-device-id": f"d{number % DEVICES}",
        "iothub-enqueuedtime": "2026-11-23T00:00:00.1230000Z",
        "content-type": "application/json",
    }


def work(batch: Batch) -> object:
    return by_partition(decode(batch).telemetry)


def parse_only(batch: Batch) -> object:
    parsed = []
    for event in batch:
        try:
            parsed.append(orjson.loads(event.body))
        except ValueError:
            parsed.append(None)
    return parsed


def naive(batch: Batch) -> object:
    """The same work as one writes it first: a model for each thing, and each thing validated where it enters."""
    telemetry: dict[str, NaiveTelemetry] = {}
    for given in batch:
        try:
            event = NaiveEvent.model_validate(given._asdict())
            readings = NaiveMessage.model_validate_json(event.body)
        except ValidationError:
            continue
        times = [reading.SourceTimestamp for reading in readings.root.values()]
        device = event.system.device
        asset = event.properties.get("asset") or device
        event_id = hashlib.blake2b(f"{device}/{asset}/".encode() + event.body, digest_size=16).hexdigest()
        telemetry[event_id] = NaiveTelemetry(
            event_id=event_id,
            device=device,
            asset=asset,
            day=min(times).date().isoformat(),
            ahead=max(times) - event.system.arrived > timedelta(minutes=5),
            readings=readings,
            event=event,
        )
    partitions: dict[tuple[str, str], list[NaiveTelemetry]] = {}
    for each in telemetry.values():
        partitions.setdefault((each.device, each.day), []).append(each)
    return partitions


def library(batch: Batch) -> Any:
    """The host library's own decoding of a batch, from what the host sends it."""
    systems = [
        {
            **event.system,
            "SequenceNumber": event.sequence_number,
            "Offset": "1",
            "PartitionKey": event.partition_key,
            "EnqueuedTimeUtc": "2026-11-23T00:00:00.123",
        }
        for event in batch
    ]
    metadata = {
        "PartitionContext": Datum('{"EventHubName":"telemetry","PartitionId":"0"}', "json"),
        "PropertiesArray": Datum(json.dumps([{}] * len(batch)), "json"),
        "SystemPropertiesArray": Datum(json.dumps(systems), "json"),
    }
    given = Datum(SimpleNamespace(bytes=[event.body for event in batch]), "collection_bytes")
    return lambda: EventHubTriggerConverter.decode(given, trigger_metadata=metadata)


def best(contenders: Sequence[Callable[[Batch], object]], given: list[list[HubEvent]]) -> list[float]:
    """Events a second of each contender in its best round."""
    seconds = [float("inf")] * len(contenders)
    for _ in range(ROUNDS):
        for index, contender in enumerate(contenders):
            took = timed(partial(_one_after_another, contender, given), time.process_time)
            seconds[index] = min(seconds[index], took)
    return [BATCH * BATCHES / each for each in seconds]


def _one_after_another(contender: Callable[[Batch], object], given: list[list[HubEvent]]) -> None:
    """As a worker does: what a batch became is gone before the next one comes."""
    for batch in given:
        contender(batch)


def _library_rates(given: list[list[HubEvent]]) -> tuple[float, float]:
    """Events a second of the library's decoding, and of ours of its events."""
    prepared = [library(batch) for batch in given]
    decoded: list[Any] = []
    took = timed(lambda: decoded.extend(decode_batch() for decode_batch in prepared), time.process_time)
    ours = timed(lambda: [hub_events(events, "telemetry") for events in decoded], time.process_time)
    return BATCH * BATCHES / took, BATCH * BATCHES / ours


def main() -> None:
    texts = bodies(random.Random(7))
    given = batches(texts)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # as the app's worker does once it is warm
    ours, parsing, naively = best([work, parse_only, naive], given)
    by_library, adapting = _library_rates(given)
    print_table(
        f"Pure work of store_telemetry: batches of {BATCH}, {sum(map(len, texts)) / len(texts):.0f} bytes an event",
        [
            Measure("decode, validate, id, group", ours, "events/s", 150_000),
            Measure("… of orjson.loads alone", ours / parsing, "×", 0.18),
            Measure("… of a naive pydantic loop", ours / naively, "×", 2.5),
            Measure("orjson.loads alone", parsing, "events/s"),
            Measure("naive pydantic loop", naively, "events/s"),
            Measure("beside it: the host library's batch decode", by_library, "events/s"),
            Measure("beside it: its events → ours", adapting, "events/s"),
        ],
    )


if __name__ == "__main__":
    main()
