"""Twins and components: written, read, patched, deleted, by the unmodified SDK."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient

from tests.contract.digital_twins.conftest import base, code_of, room
from tests.contract.digital_twins.models import BASE, FREEZER, ROOM, SENSOR

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
SOURCE_TIME = "2026-11-22T10:00:00.1234567Z"


def freezer(**properties: Any) -> dict[str, Any]:
    return {"$metadata": {"$model": FREEZER}, "sensor": {"$metadata": {}, "reading": -18.5}, **properties}


def test_twin_comes_back_whole_with_etag_and_metadata(client: DigitalTwinsClient, name: str) -> None:
    put = client.upsert_digital_twin(name, room(temperature=20.5, tags={"floor": "2"}))

    assert put == client.get_digital_twin(name)
    assert list(put) == ["$dtId", "$etag", "temperature", "tags", "$metadata"]
    assert (put["$dtId"], put["temperature"], put["tags"]) == (name, 20.5, {"floor": "2"})
    assert re.fullmatch(r'W/"[0-9a-f-]{36}"', put["$etag"])
    metadata = put["$metadata"]
    assert metadata["$model"] == ROOM
    assert MOMENT.fullmatch(metadata["$lastUpdateTime"])
    assert metadata["temperature"] == {"lastUpdateTime": metadata["$lastUpdateTime"]}


def test_every_kind_of_value_comes_back_as_it_was(client: DigitalTwinsClient, name: str) -> None:
    values = {
        "temperature": 0.0,
        "count": 2**31 - 1,
        "pose": {"roll": 1e-9, "pitch": -0.5},
        "mode": "off",
        "levels": [3, 2, 1],
        "label": "Kühlhaus 冷 \u0000 '\"",
        "installed": "2026-11-22T10:00:00Z",
    }

    client.upsert_digital_twin(name, room(**values))

    twin = client.get_digital_twin(name)
    assert {key: twin[key] for key in values} == values


@pytest.mark.parametrize(
    ("properties", "place"),
    [
        ({"colour": "red"}, "colour"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": None}, "temperature"),
        ({"count": 1.5}, "count"),
        ({"count": 2**31}, "count"),
        ({"mode": "standby"}, "mode"),
        ({"pose": {"yaw": 1}}, "pose/yaw"),
        ({"pose": 3}, "pose"),
        ({"tags": {"floor": 2}}, "tags/floor"),
        ({"levels": [1, "two"]}, "levels/1"),
        ({"installed": "yesterday"}, "installed"),
        ({"noise": 1.0}, "noise is not a property - it is a Telemetry."),
        ({"contains": "x"}, "contains is not a property - it is a Relationship."),
    ],
)
def test_value_that_its_model_does_not_allow_is_invalid_and_writes_nothing(
    client: DigitalTwinsClient, name: str, properties: dict[str, Any], place: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(name, room(**properties))

    assert (refused.value.status_code, code_of(refused.value)) == (400, "ValidationFailed")
    assert refused.value.error is not None
    assert any(place in str(detail.message) for detail in refused.value.error.details)
    with pytest.raises(ResourceNotFoundError):
        client.get_digital_twin(name)


def test_all_that_is_wrong_is_told_at_once(client: DigitalTwinsClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(name, room(colour="red", temperature="warm"))

    assert refused.value.error is not None
    assert len(refused.value.error.details) == 2


def test_missing_twin_is_404_in_every_way(client: DigitalTwinsClient, name: str) -> None:
    patch = [{"op": "add", "path": "/temperature", "value": 1}]
    for attempt in (
        lambda: client.get_digital_twin(name),
        lambda: client.update_digital_twin(name, patch),
        lambda: client.delete_digital_twin(name),
        lambda: client.get_component(name, "sensor"),
        lambda: client.publish_telemetry(name, {"noise": 1}),
        lambda: list(client.list_relationships(name)),
        lambda: list(client.list_incoming_relationships(name)),
    ):
        with pytest.raises(ResourceNotFoundError) as missing:
            attempt()
        assert code_of(missing.value) == "DigitalTwinNotFound"


def test_if_missing_refuses_a_twin_that_is_there(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1), match_condition=MatchConditions.IfMissing)

    with pytest.raises(ResourceExistsError) as refused:
        client.upsert_digital_twin(name, room(temperature=2), match_condition=MatchConditions.IfMissing)

    assert refused.value.status_code == 412
    assert f"a twin with the id {name} was found" in refused.value.message
    assert client.get_digital_twin(name)["temperature"] == 1


def test_put_without_condition_replaces_the_whole_twin(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1, count=1))
    client.upsert_digital_twin(name, room(temperature=2))

    twin = client.get_digital_twin(name)
    assert twin["temperature"] == 2
    assert "count" not in twin


def test_patch_adds_replaces_removes_and_stamps_what_it_touched(client: DigitalTwinsClient, name: str) -> None:
    before = client.upsert_digital_twin(name, room(temperature=1, count=1, label="a"))

    client.update_digital_twin(
        name,
        [
            {"op": "add", "path": "/mode", "value": "on"},
            {"op": "replace", "path": "/temperature", "value": 2},
            {"op": "remove", "path": "/count"},
        ],
    )

    after = client.get_digital_twin(name)
    assert (after["mode"], after["temperature"], after["label"]) == ("on", 2, "a")
    assert "count" not in after
    assert "count" not in after["$metadata"]
    assert after["$etag"] != before["$etag"]
    assert after["$metadata"]["label"] == before["$metadata"]["label"]
    assert after["$metadata"]["mode"]["lastUpdateTime"] == after["$metadata"]["$lastUpdateTime"]
    assert after["$metadata"]["temperature"]["lastUpdateTime"] > before["$metadata"]["temperature"]["lastUpdateTime"]


def test_add_replaces_a_property_that_is_there(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1))
    client.update_digital_twin(name, [{"op": "add", "path": "/temperature", "value": 3}])

    assert client.get_digital_twin(name)["temperature"] == 3


def test_patch_goes_into_objects_and_maps(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room(pose={"roll": 1}, tags={"a/b": "x", "c": "y"}))

    client.update_digital_twin(
        name,
        [
            {"op": "add", "path": "/pose/pitch", "value": 2},
            {"op": "replace", "path": "/tags/a~1b", "value": "z"},
            {"op": "remove", "path": "/tags/c"},
        ],
    )

    twin = client.get_digital_twin(name)
    assert (twin["pose"], twin["tags"]) == ({"roll": 1, "pitch": 2}, {"a/b": "z"})


def test_source_time_is_kept_with_its_property(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1))

    client.update_digital_twin(
        name,
        [
            {"op": "add", "path": "/$metadata/temperature/sourceTime", "value": SOURCE_TIME},
            {"op": "add", "path": "/$metadata/count/sourceTime", "value": SOURCE_TIME},
            {"op": "add", "path": "/temperature", "value": 2},
            {"op": "add", "path": "/count", "value": 2},
        ],
    )

    metadata = client.get_digital_twin(name)["$metadata"]
    assert metadata["temperature"]["sourceTime"] == metadata["count"]["sourceTime"] == SOURCE_TIME


def test_source_time_comes_with_a_put_too(client: DigitalTwinsClient, name: str) -> None:
    body = room(temperature=1)
    body["$metadata"]["temperature"] = {"sourceTime": SOURCE_TIME}

    client.upsert_digital_twin(name, body)

    assert client.get_digital_twin(name)["$metadata"]["temperature"]["sourceTime"] == SOURCE_TIME


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ([{"op": "replace", "path": "/count", "value": 1}], "JsonPatchInvalid"),
        ([{"op": "remove", "path": "/count"}], "JsonPatchInvalid"),
        ([{"op": "move", "path": "/temperature", "from": "/count"}], "JsonPatchInvalid"),
        ([{"op": "test", "path": "/temperature", "value": 1}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "temperature", "value": 1}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "/temperature"}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "/temperature/x", "value": 1}], "JsonPatchInvalid"),
        ([{"op": "replace", "path": "/$dtId", "value": "other"}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "/$etag", "value": "x"}], "JsonPatchInvalid"),
        ([{"op": "replace", "path": "/$metadata", "value": {}}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "/$metadata/temperature/lastUpdateTime", "value": SOURCE_TIME}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "/$metadata/count/sourceTime", "value": SOURCE_TIME}], "JsonPatchInvalid"),
        ([{"op": "remove", "path": "/$metadata/$model"}], "JsonPatchInvalid"),
        ([{"op": "add", "path": "/$metadata/temperature/sourceTime", "value": "noon"}], "ValidationFailed"),
        ([{"op": "add", "path": "/temperature", "value": "warm"}], "ValidationFailed"),
        ([{"op": "add", "path": "/colour", "value": "red"}], "ValidationFailed"),
        ([{"op": "replace", "path": "/$metadata/$model", "value": "dtmi:tests:Absent;1"}], "ValidationFailed"),
        ([{"op": "replace", "path": "/$metadata/$model", "value": BASE}], "ValidationFailed"),
        ({"op": "add", "path": "/temperature", "value": 1}, "InvalidArgument"),
        (["add"], "InvalidArgument"),
    ],
)
def test_patch_that_is_refused_changes_nothing(
    client: DigitalTwinsClient, raw: httpx.Client, name: str, patch: Any, code: str
) -> None:
    before = client.upsert_digital_twin(name, room(temperature=1))

    answer = raw.patch(f"/digitaltwins/{name}", json=patch)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert client.get_digital_twin(name) == before


def test_second_operation_that_fails_takes_the_first_back(client: DigitalTwinsClient, name: str) -> None:
    before = client.upsert_digital_twin(name, room(temperature=1))

    with pytest.raises(HttpResponseError):
        client.update_digital_twin(
            name, [{"op": "add", "path": "/count", "value": 1}, {"op": "add", "path": "/colour", "value": "red"}]
        )

    assert client.get_digital_twin(name) == before


def test_refused_operations_are_worded_as_the_service_does(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1))

    with pytest.raises(HttpResponseError) as moved:
        client.update_digital_twin(name, [{"op": "move", "path": "/temperature"}])
    with pytest.raises(HttpResponseError) as replaced:
        client.update_digital_twin(name, [{"op": "replace", "path": "/count", "value": 1}])

    hint = "Please provide a valid patch document. See section on update apis in the documentation"
    assert f"Unsupported operation type move. {hint}" in moved.value.message
    assert f"count does not exist on component. {hint}" in replaced.value.message


def test_model_changes_when_the_twin_fits_the_new_one(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, base(label="x"))

    client.update_digital_twin(
        name,
        [
            {"op": "replace", "path": "/$metadata/$model", "value": FREEZER},
            {"op": "add", "path": "/sensor", "value": {"$metadata": {}, "reading": 1}},
        ],
    )

    twin = client.get_digital_twin(name)
    assert (twin["$metadata"]["$model"], twin["sensor"]["reading"]) == (FREEZER, 1)
    assert "lastUpdateTime" in twin["sensor"]["$metadata"]["reading"]


def test_etag_of_another_state_is_refused_with_412(client: DigitalTwinsClient, name: str) -> None:
    first = client.upsert_digital_twin(name, room(temperature=1))["$etag"]
    patch = [{"op": "add", "path": "/temperature", "value": 2}]
    unmodified = MatchConditions.IfNotModified
    client.update_digital_twin(name, patch, etag=first, match_condition=unmodified)

    with pytest.raises(ResourceModifiedError) as refused:
        client.update_digital_twin(name, patch, etag=first, match_condition=unmodified)
    assert (refused.value.status_code, code_of(refused.value)) == (412, "PreconditionFailed")
    with pytest.raises(ResourceModifiedError):
        client.delete_digital_twin(name, etag=first, match_condition=unmodified)

    current = client.get_digital_twin(name)["$etag"]
    client.delete_digital_twin(name, etag=current, match_condition=unmodified)
    with pytest.raises(ResourceNotFoundError):
        client.get_digital_twin(name)


async def test_only_one_of_many_writers_with_the_same_etag_wins(aio_client: AsyncDigitalTwinsClient, name: str) -> None:
    etag = (await aio_client.upsert_digital_twin(name, room(temperature=0)))["$etag"]

    async def attempt(value: int) -> int:
        patch = [{"op": "replace", "path": "/temperature", "value": value}]
        try:
            await aio_client.update_digital_twin(name, patch, etag=etag, match_condition=MatchConditions.IfNotModified)
        except ResourceModifiedError:
            return 0
        return value

    outcomes = await asyncio.gather(*map(attempt, range(1, 9)))

    winners = [each for each in outcomes if each]
    assert [(await aio_client.get_digital_twin(name))["temperature"]] == winners


def test_component_is_read_and_patched_on_its_own(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, freezer())

    client.update_component(
        name,
        "sensor",
        [
            {"op": "replace", "path": "/reading", "value": -20},
            {"op": "add", "path": "/$metadata/reading/sourceTime", "value": SOURCE_TIME},
        ],
    )

    component = client.get_component(name, "sensor")
    assert component["reading"] == -20
    assert component["$metadata"]["reading"]["sourceTime"] == SOURCE_TIME
    assert client.get_digital_twin(name)["sensor"] == component


def test_twin_patch_reaches_into_its_component(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, freezer())

    client.update_digital_twin(name, [{"op": "add", "path": "/sensor/status", "value": "ok"}])

    assert client.get_component(name, "sensor")["status"] == "ok"


def test_component_conforms_to_its_own_model(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, freezer())

    with pytest.raises(HttpResponseError) as refused:
        client.update_component(name, "sensor", [{"op": "add", "path": "/reading", "value": "cold"}])
    assert code_of(refused.value) == "ValidationFailed"
    with pytest.raises(HttpResponseError) as refused:
        client.update_component(name, "sensor", [{"op": "add", "path": "/door", "value": True}])
    assert SENSOR in refused.value.message


def test_component_must_be_there_and_be_one(client: DigitalTwinsClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(name, {"$metadata": {"$model": FREEZER}, "door": True})
    assert code_of(refused.value) == "ValidationFailed"

    client.upsert_digital_twin(name, freezer(door=True))
    with pytest.raises(ResourceNotFoundError) as missing:
        client.get_component(name, "door")
    assert code_of(missing.value) == "ComponentNotFound"
    with pytest.raises(HttpResponseError):
        client.update_digital_twin(name, [{"op": "remove", "path": "/sensor"}])


@pytest.mark.parametrize("key", ["plain-1.a", "a%b#c", "x*?!()", ",=@$'_+"])
def test_twin_ids_hold_what_the_service_allows(client: DigitalTwinsClient, name: str, key: str) -> None:
    client.upsert_digital_twin(key + name, room(temperature=1))

    assert client.get_digital_twin(key + name)["$dtId"] == key + name
    client.delete_digital_twin(key + name)


@pytest.mark.parametrize("key", ["a b", "a/b", "é", "x" * 129, "a;b"])
def test_other_twin_ids_are_invalid(client: DigitalTwinsClient, key: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(key, room(temperature=1))

    assert (refused.value.status_code, code_of(refused.value)) == (400, "InvalidArgument")


async def test_aio_client_does_the_same(aio_client: AsyncDigitalTwinsClient, name: str) -> None:
    await aio_client.upsert_digital_twin(name, freezer(label="a"))
    await aio_client.update_digital_twin(name, [{"op": "add", "path": "/door", "value": False}])
    await aio_client.update_component(name, "sensor", [{"op": "add", "path": "/status", "value": "ok"}])
    await aio_client.publish_telemetry(name, {"noise": 3})
    await aio_client.publish_component_telemetry(name, "sensor", {"noise": 3})

    twin = await aio_client.get_digital_twin(name)
    assert (twin["door"], twin["sensor"]["status"]) == (False, "ok")
    assert (await aio_client.get_component(name, "sensor"))["status"] == "ok"
    await aio_client.delete_digital_twin(name)
    with pytest.raises(ResourceNotFoundError):
        await aio_client.get_digital_twin(name)
