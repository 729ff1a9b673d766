"""Killed at any moment: what was acknowledged is there, and its events arrive, in order, at least once."""

import itertools
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from azure.core.exceptions import AzureError
from azure.digitaltwins.core import DigitalTwinsClient, DigitalTwinsEventRoute

from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess
from tests.contract.digital_twins.conftest import Issued, room, server
from tests.contract.digital_twins.hub import Event, Hub, eventually
from tests.contract.digital_twins.models import MODELS

WRITERS, KILLS, BETWEEN_KILLS = 4, 3, 40


@pytest.fixture
def mortal(tmp_path: Path, trust_directory: Path, event_hubs: ServerProcess) -> Iterator[ServerProcess]:
    arguments = ["--endpoint", "events=killed-events", "--history", "killed-history"]
    arguments += ["--event-hubs", connection_string(event_hubs.port)]
    with server(tmp_path, trust_directory, *arguments).start() as process:
        yield process


class Writing:
    """One twin, whose count goes up by one for each patch that is acknowledged."""

    def __init__(self, url: str, trust_directory: Path) -> None:
        self.twin = f"killed-{uuid4().hex[:8]}"
        self.acknowledged = -1
        self.tried = -1
        self._client = DigitalTwinsClient(url, Issued(trust_directory), retry_total=0)
        self._ends = threading.Event()
        self._client.upsert_digital_twin(self.twin, room())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        """A patch without an answer may have been done or not: the next one tries the same count again."""
        while not self._ends.is_set():
            self.tried = self.acknowledged + 1
            patch = [{"op": "add", "path": "/count", "value": self.tried}]
            try:
                self._client.update_digital_twin(self.twin, patch)
            except AzureError:
                self._ends.wait(0.05)
                continue
            self.acknowledged = self.tried


@pytest.mark.usefixtures("trusted")
def test_kill_loses_no_acknowledged_patch_and_no_event(mortal: ServerProcess, trust_directory: Path, hub: Hub) -> None:
    client = DigitalTwinsClient(mortal.url, Issued(trust_directory), retry_total=0)
    client.create_models(MODELS)
    client.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name="events", filter="true"))
    writings = [Writing(mortal.url, trust_directory) for _ in range(WRITERS)]
    try:
        for _ in range(KILLS):
            reached = [writing.acknowledged + BETWEEN_KILLS // WRITERS for writing in writings]
            eventually(lambda: all(w.acknowledged >= r for w, r in zip(writings, reached, strict=True)))  # noqa: B023
            mortal.restart()
    finally:
        for writing in writings:
            writing.stop()

    for writing in writings:
        count = client.get_digital_twin(writing.twin)["count"]
        assert writing.acknowledged <= count <= writing.tried
        history = hub.read("killed-history", writing.twin, lambda found: _counts(found)[-1:] == [count])  # noqa: B023
        assert _without_repeats(_counts(history)) == list(range(count + 1))
        events = hub.read("killed-events", writing.twin, lambda found: _patched(found)[-1:] == [count])  # noqa: B023
        assert _without_repeats(_patched(events)) == list(range(count + 1))


@pytest.mark.usefixtures("trusted")
def test_everything_is_there_after_a_kill(mortal: ServerProcess, trust_directory: Path) -> None:
    client = DigitalTwinsClient(mortal.url, Issued(trust_directory), retry_total=0)
    client.create_models(MODELS)
    client.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name="events", filter="type = 'x'"))
    first, second = (client.upsert_digital_twin(key, room(temperature=1)) for key in ("kept-a", "kept-b"))
    link = client.upsert_relationship("kept-a", "r", {"$relationshipName": "near", "$targetId": "kept-b"})

    mortal.restart()

    assert (client.get_digital_twin("kept-a"), client.get_digital_twin("kept-b")) == (first, second)
    assert client.get_relationship("kept-a", "r") == link
    assert {model.id for model in client.list_models()} == {model["@id"] for model in MODELS}
    assert client.get_event_route("all").filter == "type = 'x'"
    client.update_digital_twin("kept-a", [{"op": "add", "path": "/temperature", "value": 2}])


@pytest.mark.usefixtures("trusted")
def test_events_wait_for_their_hub_with_the_ids_they_have(tmp_path: Path, trust_directory: Path, trust: object) -> None:
    """Both are killed; what was to be told is told after the next start, by the ids that it had before."""
    hubs = ServerProcess("event_hubs", ["--data", str(tmp_path / "hubs"), "--hub", "late:2"], has_admin=True)
    with hubs.start():
        arguments = ["--endpoint", "events=late", "--history", "late", "--event-hubs", connection_string(hubs.port)]
        with server(tmp_path / "twins", trust_directory, *arguments).start() as twins:
            hubs.kill()
            client = DigitalTwinsClient(twins.url, Issued(trust_directory), retry_total=0)
            client.create_models(MODELS)
            client.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name="events", filter="true"))
            client.upsert_digital_twin("waiting", room(temperature=1))
            client.update_digital_twin("waiting", [{"op": "add", "path": "/temperature", "value": 2}])
            twins.kill()
            ids = _waiting_ids(tmp_path / "twins")
            for process in (hubs, twins):
                process.close()
                process.start()

            reading = Hub(hubs, "late")
            try:
                records = reading.events_of("late", "waiting", 5)
            finally:
                reading.close()

    assert [record.body["Value"] for record in records if "Key" in record.body] == [1, 2]
    assert len(set(ids)) == 2
    assert [record.properties["cloudEvents:id"] for record in records if record.type] == ids


def _waiting_ids(data: Path) -> list[str]:
    """The ids of the events that the file of a killed server still has to tell, in order."""
    with closing(sqlite3.connect(data / "digital_twins.sqlite3")) as file:
        rows = file.execute("SELECT properties FROM outbox ORDER BY sequence").fetchall()
    found = (json.loads(properties).get("cloudEvents:id") for (properties,) in rows)
    return [each for each in found if each is not None]


def _counts(events: list[Event]) -> list[int]:
    return [event.body["Value"] for event in events if event.body.get("Key") == "count"]


def _patched(events: list[Event]) -> list[int]:
    return [event.body["patch"][0]["value"] for event in events if event.type.endswith("Update")]


def _without_repeats(values: list[int]) -> list[int]:
    """Values as they came first: what is sent again, is sent again from where it was, in order."""
    seen: set[int] = set()
    kept = [value for value in values if value not in seen and not seen.add(value)]  # type: ignore[func-returns-value]
    steps = [after - before for before, after in itertools.pairwise(values)]
    assert all(step == 1 or step <= 0 for step in steps), "an event was passed over"
    return kept
