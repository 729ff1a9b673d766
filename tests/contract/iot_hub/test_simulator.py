"""`python -m simulator`, as it is typed: what it says was accepted is in the hub; a mistake is one sentence."""

import asyncio
import csv
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from local.launch import PROJECT
from tests.contract.iot_hub.conftest import IotHub
from tests.contract.iot_hub.events import events_of, from_device

ROWS = 60


def simulator(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "400"},
        check=False,
    )


def way(hub: IotHub, via: str) -> list[object]:
    return [
        "--via",
        via,
        "--event-hubs",
        hub.connection_string,
        "--iot-hub",
        hub.url,
        "--authority",
        hub.trust.authority,
    ]


def accepted(hub: IotHub) -> int:
    partitions = httpx.get(f"{hub.event_hubs.admin}/_local/health").json()["hubs"]["telemetry"]
    return sum(int(partition["last"]) + 1 for partition in partitions)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "freezers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["when", "unit", "path", "temp_c"])
        device = f"freezer-{uuid4().hex}"
        writer.writerows([f"2025-02-04T11:{row:02}:00Z", device, f"site/{device}", row / 2] for row in range(ROWS))
    return path


MAPPING = ("--time", "when", "--device", "unit", "--asset", "path", "--tag", "temperature=temp_c")


@pytest.mark.parametrize("via", ["hub", "https", "mqtt"])
def test_a_recording_is_replayed_by_every_way(iot_hub: IotHub, recorded: Path, via: str) -> None:
    before = accepted(iot_hub)

    ended = simulator("replay", recorded, *MAPPING, *way(iot_hub, via))

    assert ended.returncode == 0, ended.stderr
    assert f"{ROWS} messages accepted" in ended.stdout
    assert accepted(iot_hub) - before == ROWS
    device = recorded.read_text().splitlines()[1].split(",")[1]
    events = asyncio.run(events_of(iot_hub, from_device(device), ROWS))
    assert {event.body_as_json()["temperature"]["Value"] for event in events} == {row / 2 for row in range(ROWS)}
    assert {event.properties[b"asset"] for event in events} == {f"site/{device}".encode()}


def test_a_fleet_sends_so_many_messages_and_tells_what_they_were(iot_hub: IotHub) -> None:
    before = accepted(iot_hub)

    ended = simulator("fleet", "--messages", 300, "--malformed", 0.1, *way(iot_hub, "hub"))

    assert ended.returncode == 0, ended.stderr
    assert accepted(iot_hub) - before == 300
    assert "300 messages accepted" in ended.stdout
    assert "malformed" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("replay", "nowhere.csv"), "nowhere.csv can't be read"),
        (("replay", "--via", "https", "--authority", "nowhere.pem"), "nowhere.pem is not there: start the stack first"),
        (("replay", "--event-hubs", "not a connection string"), "--event-hubs is no connection string"),
        (("replay", "--start", "yesterday"), "yesterday"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    ended = simulator(*arguments)

    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_hub_that_is_not_there_is_told_in_a_sentence(iot_hub: IotHub) -> None:
    nobody = iot_hub.connection_string.replace(f":{iot_hub.event_hubs.port};", ":9;")
    over_https = ("--via", "https", "--iot-hub", "https://localhost:9", "--authority", str(iot_hub.trust.authority))

    for arguments in (("--event-hubs", nobody), over_https):
        ended = simulator("replay", *arguments)
        assert ended.returncode == 2
        assert ended.stderr.startswith("The hub can't be reached")
        assert "Traceback" not in ended.stderr


def test_a_line_that_is_no_reading_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "data.ndjson"
    path.write_text('{"unit": 1.5}\nhalf {\n')

    ended = simulator("replay", path)

    assert ended.returncode == 2
    assert ended.stderr.startswith("data.ndjson:2 ")
    assert "Traceback" not in ended.stderr
