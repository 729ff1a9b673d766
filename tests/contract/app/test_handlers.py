"""The handlers, called as the worker calls them, on the real services: every element has exactly one outcome."""

import asyncio
import base64
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from azure.functions import Document, DocumentList, EventHubEvent
from azure.storage.blob.aio import BlobServiceClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import shared.telemetry.decoding
from functions.forward_changes import forward_changes
from functions.forward_telemetry import forward_telemetry
from functions.store_telemetry import store_telemetry
from local.azurite import KEY
from operations.__main__ import app as operations
from shared.consumers.store import store
from shared.dead_letters.letter_box import LetterBox
from shared.gateways.blobs import LetterContainer
from shared.gateways.errors import Unavailable
from shared.gateways.worker import gateways
from shared.telemetry.decoding import decode
from shared.telemetry.documents import telemetry_document
from shared.triggers import hub_events
from tests.contract.app.places import Place, faults
from tests.contract.app.taps import Tap
from tests.contract.app.traffic import eventually, forwarded
from tests.unit.functions.trigger_batches import ENQUEUED, Sent, trigger_batch
from tests.unit.shared.hub_events import tag_map
from tests.unit.shared.test_decoding import bodies, property_values, system_properties

Handler = Callable[[Any], Any]
command = CliRunner()
LARGE_BODY = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
"""aiohttp's advice to azure-core on requests over 1 MB."""


def dead_letters(*arguments: str) -> str:
    """What the operator's command prints; it must succeed."""
    result = command.invoke(operations, ["dead-letters", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def stored_ids(place: Place) -> set[str]:
    return {document["id"] for document in place.documents()}


def letters(place: Place) -> list[dict[str, Any]]:
    return [json.loads(content) for content in place.letters().values()]


def test_batch_is_stored_once_however_often_it_is_given(place: Place, worker: asyncio.Runner) -> None:
    batch = trigger_batch([Sent(tag_map(str(number))) for number in range(150)] + [Sent(b"{bad")])

    for _ in range(3):
        worker.run(store_telemetry(batch))

    assert len(place.documents()) == 150
    assert [letter["reason"] for letter in letters(place)] == ["not-json"]


def test_batch_cut_anew_stores_the_rest(place: Place, worker: asyncio.Runner) -> None:
    messages = [Sent(tag_map(str(number))) for number in range(250)]

    worker.run(store_telemetry(trigger_batch(messages[40:160], first=47)))
    worker.run(store_telemetry(trigger_batch(messages)))

    assert len(place.documents()) == 250


def test_counts_are_one_line_of_the_log(place: Place, worker: asyncio.Runner, caplog: pytest.LogCaptureFixture) -> None:
    batch = trigger_batch([Sent(tag_map("1")), Sent(tag_map("1")), Sent(tag_map("2")), Sent(b"{"), Sent(b"[{},{}]")])

    with caplog.at_level(logging.INFO, "iot-telemetry"):
        worker.run(store_telemetry(batch))
        worker.run(store_telemetry(batch))

    first, second = (json.loads(record.getMessage()) for record in caplog.records if record.name == "iot-telemetry")
    assert first.pop("lagSeconds") >= 0
    assert first == {
        "function": "store_telemetry",
        "messages": 5,
        "received": 6,
        "stored": 2,
        "alreadyStored": 1,
        "forwarded": 0,
        "passed": 0,
        "deadLettered": {"no-readings": 2, "not-json": 1},
    }
    assert (second["stored"], second["alreadyStored"]) == (0, 3)


@LARGE_BODY
def test_document_too_large_for_cosmos_is_dead_lettered_alone(place: Place, worker: asyncio.Runner) -> None:
    flat = b"{" + b",".join(b'"tag%06d":%d' % (number, number) for number in range(20_000)) + b"}"
    batch = trigger_batch([Sent(tag_map("1")), Sent(flat), Sent(tag_map("2"))])

    worker.run(store_telemetry(batch))

    assert len(place.documents()) == 2
    (letter,) = letters(place)
    assert (letter["reason"], base64.b64decode(letter["body"])) == ("store-refused", flat)
    assert letter["eventId"]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 500, 503])
def test_what_is_not_the_datas_fault_raises(place: Place, worker: asyncio.Runner, status: int) -> None:
    batch = trigger_batch([Sent(tag_map("1"))])
    rule = {"match": "batch", "action": "status", "status": status}

    with faults(place.servers.cosmos, rule), pytest.raises(Unavailable):
        worker.run(store_telemetry(batch))
    worker.run(store_telemetry(batch))

    assert len(place.documents()) == 1
    assert letters(place) == []


def test_letter_box_that_is_down_raises_and_is_tried_again(place: Place, worker: asyncio.Runner) -> None:
    batch = trigger_batch([Sent(tag_map("1")), Sent(b"{bad")])
    with socket.create_server(("127.0.0.1", 0)) as closed:
        account = f"http://127.0.0.1:{closed.getsockname()[1]}/devstoreaccount1"

    async def store_without_letter_box() -> None:
        async with BlobServiceClient(account, credential=KEY, retry_total=0) as down:
            events = hub_events(batch, "telemetry")
            await store(events, decode(events), gateways().telemetry, LetterBox(LetterContainer(down, "letters")))

    with pytest.raises(Unavailable, match="Blob Storage can't be reached"):
        worker.run(store_without_letter_box())
    worker.run(store_telemetry(batch))

    assert len(place.documents()) == 1
    assert [letter["reason"] for letter in letters(place)] == ["not-json"]


def test_both_routes_send_the_same_bytes(place: Place, worker: asyncio.Runner) -> None:
    batch = trigger_batch(
        [
            Sent(tag_map("1.10"), properties={"asset": "a", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}),
            Sent(b'{"_x":1,"y":true}', system={"iothub-connection-device-id": "d", "dt-dataschema": "dtmi:x;1"}),
            Sent(tag_map(time="2099-01-01T00:00:00Z")),
            Sent(b"{bad"),
        ]
    )
    worker.run(store_telemetry(batch))
    page = DocumentList([Document.from_dict(document) for document in place.documents()])

    with Tap(place, place.analytics_hub) as tap:
        worker.run(forward_changes(page))
        eventually(lambda: len(tap.events()) == 3, lambda: f"{len(tap.events())} of 3")
        worker.run(forward_telemetry(batch))
        eventually(lambda: len(tap.events()) == 6, lambda: f"{len(tap.events())} of 6")
        sent = forwarded(tap)

    assert len({(each.key, each.body, str(each.properties)) for each in sent}) == 3
    assert sorted(each.key for each in sent) == sorted(["a", "d", "freezer01"] * 2)
    assert len(letters(place)) == 1, "what can't be decoded is store's, and counted by the other"


@LARGE_BODY
def test_event_too_large_for_a_batch_is_dead_lettered_alone(place: Place, worker: asyncio.Runner) -> None:
    messages = [Sent(tag_map("1")), Sent(tag_map('"' + "x" * 1_048_400 + '"')), Sent(tag_map("2"))]
    batch = trigger_batch(messages)
    documents = [telemetry_document(each) | {"tags": {}} for each in decode(hub_events(batch, "telemetry")).telemetry]

    with Tap(place, place.analytics_hub) as tap:
        worker.run(forward_changes(DocumentList([Document.from_dict(dict(each)) for each in documents])))
        worker.run(forward_telemetry(batch))
        eventually(lambda: len(tap.events()) == 4, lambda: f"{len(tap.events())} of 4")

    assert [letter["reason"] for letter in letters(place)] == ["too-large-to-forward"] * 2
    assert {letter["eventId"] for letter in letters(place)} == {documents[1]["id"]}


def test_foreign_document_is_dead_lettered(place: Place, worker: asyncio.Runner) -> None:
    page = DocumentList([Document.from_dict({"id": "x", "deviceId": "d", "day": "2026-11-22", "body": 7})])

    worker.run(forward_changes(page))

    assert list(place.letters()) == ["forward/telemetry/2026/11/22/x.json"]
    assert letters(place)[0]["reason"] == "not-telemetry"


def test_letter_replayed_after_the_mending_is_stored_with_the_id_it_would_have_had(
    place: Place, worker: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = trigger_batch([Sent(b'[{"t":1},{"t":1}]'), Sent(tag_map("2"))], first=20)
    would_have = {each.event_id for each in decode(hub_events(batch, "telemetry")).telemetry}

    def faulty(*_: Any) -> Any:
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(shared.telemetry.decoding, "_decode_element", faulty)
        broken.setattr(shared.telemetry.decoding, "_decode_plain", lambda event: None)
        worker.run(store_telemetry(batch))
    assert stored_ids(place) == set()
    assert {letter["reason"] for letter in letters(place)} == {"unexpected"}
    assert "3 dead letters" in dead_letters("list", "--reason", "unexpected")

    assert "3 replayed, 0 still dead" in dead_letters("replay")

    assert stored_ids(place) == would_have
    assert all(letter["replayedAt"] for letter in letters(place))
    assert "0 dead letters" in dead_letters("list")
    assert "3 dead letters" in dead_letters("list", "--replayed", "--consumer", "store")


def test_letter_that_is_still_bad_stays_as_it_was(place: Place, worker: asyncio.Runner) -> None:
    worker.run(store_telemetry(trigger_batch([Sent(b"{bad")])))
    before = place.letters()
    (name,) = before

    result = command.invoke(operations, ["dead-letters", "replay", name])

    assert result.exit_code == 1
    assert f"still dead: {name}" in result.output
    assert place.letters() == before
    assert "{bad" in dead_letters("show", name)


def test_missing_letter_is_told_in_one_sentence(place: Place, worker: asyncio.Runner) -> None:
    worker.run(store_telemetry(trigger_batch([Sent(b"{bad")])))

    result = command.invoke(operations, ["dead-letters", "show", "store/none.json"])

    assert result.exit_code == 1
    assert "There is no dead letter store/none.json" in result.output


anything = st.lists(
    st.builds(
        Sent,
        bodies,
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.dictionaries(st.just("asset") | st.text(max_size=4), property_values, max_size=2),
        system_properties,
        st.just(ENQUEUED),
    ),
    min_size=1,
    max_size=4,
)
_first = iter(range(0, 10_000_000, 10))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
def test_any_batch_is_stored_or_lettered_whole(place: Place, worker: asyncio.Runner, messages: list[Sent]) -> None:
    batch: list[EventHubEvent] = trigger_batch(messages, first=next(_first))
    decoded = decode(hub_events(batch, "telemetry"))
    before = stored_ids(place)
    _known.update(place.letters(_known))

    worker.run(store_telemetry(batch))

    written = [json.loads(content) for content in place.letters(_known).values()]
    refused = {letter["eventId"] for letter in written if letter["reason"] == "store-refused"}
    assert stored_ids(place) - before == {each.event_id for each in decoded.telemetry} - before - refused
    assert len(written) == len(decoded.rejections) + len(refused)


_known: set[str] = set()
