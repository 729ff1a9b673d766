"""What changes tell: CloudEvents by routes, data history, telemetry, all in the local Event Hubs."""

import re
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.digitaltwins.core import DigitalTwinsClient, DigitalTwinsEventRoute
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient

from tests.contract.digital_twins.conftest import ENDPOINT, base, code_of, room
from tests.contract.digital_twins.hub import Event, Hub
from tests.contract.digital_twins.models import FREEZER, ROOM, SENSOR

EVENTS, HISTORY = "twin-events", "twin-history"
SOURCE_TIME = "2026-11-22T10:00:00.1234567Z"


@pytest.fixture
def all_events(client: DigitalTwinsClient) -> None:
    client.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name=ENDPOINT, filter="true"))


def of_type(events: list[Event], suffix: str) -> list[Event]:
    return [event for event in events if event.type.endswith(suffix)]


@pytest.mark.usefixtures("all_events")
def test_twin_s_life_is_told_as_cloud_events_in_order(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    created = client.upsert_digital_twin(name, room(temperature=1))
    patch = [{"op": "replace", "path": "/temperature", "value": 2}]
    client.update_digital_twin(name, patch)
    last = client.get_digital_twin(name)
    client.delete_digital_twin(name)

    events = hub.events_of(EVENTS, name, 3)

    assert [event.type for event in events] == [
        "Microsoft.DigitalTwins.Twin.Create",
        "Microsoft.DigitalTwins.Twin.Update",
        "Microsoft.DigitalTwins.Twin.Delete",
    ]
    assert events[0].body == created
    assert events[1].body == {"modelId": ROOM, "patch": patch}
    assert events[2].body == last


@pytest.mark.usefixtures("all_events")
def test_event_is_cloud_events_in_binary_mode(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, room())

    (event,) = hub.events_of(EVENTS, name, 1)

    assert event.content_type == "application/json"
    properties = event.properties
    assert properties["cloudEvents:specversion"] == "1.0"
    assert (properties["cloudEvents:source"], properties["cloudEvents:subject"]) == ("localhost", name)
    assert re.fullmatch(r"[0-9a-f-]{36}", properties["cloudEvents:id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", properties["cloudEvents:time"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", properties["cloudEvents:traceparent"])


@pytest.mark.usefixtures("all_events")
def test_component_and_source_time_patches_are_told_with_whole_paths(
    client: DigitalTwinsClient, hub: Hub, name: str
) -> None:
    client.upsert_digital_twin(name, {"$metadata": {"$model": FREEZER}, "sensor": {"$metadata": {}, "reading": 1}})
    client.update_component(
        name,
        "sensor",
        [
            {"op": "add", "path": "/reading", "value": 2},
            {"op": "add", "path": "/$metadata/reading/sourceTime", "value": SOURCE_TIME},
        ],
    )

    _, update = hub.events_of(EVENTS, name, 2)

    assert update.body["patch"] == [
        {"op": "add", "path": "/sensor/reading", "value": 2},
        {"op": "add", "path": "/sensor/$metadata/reading/sourceTime", "value": SOURCE_TIME},
    ]


@pytest.mark.usefixtures("all_events")
def test_replacing_a_twin_tells_what_became_different(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1, count=1, label="same"))
    client.upsert_digital_twin(name, room(temperature=2, mode="on", label="same"))

    _, update = hub.events_of(EVENTS, name, 2)

    assert sorted(update.body["patch"], key=lambda operation: str(operation["path"])) == [
        {"op": "remove", "path": "/count"},
        {"op": "add", "path": "/mode", "value": "on"},
        {"op": "replace", "path": "/temperature", "value": 2},
    ]


@pytest.mark.usefixtures("all_events")
def test_relationship_s_life_is_told_under_its_source(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, room())
    client.upsert_digital_twin(f"{name}-b", base())
    created = client.upsert_relationship(name, "r1", {"$relationshipName": "contains", "$targetId": f"{name}-b"})
    client.update_relationship(name, "r1", [{"op": "add", "path": "/since", "value": "2026"}])
    last = client.get_relationship(name, "r1")
    client.delete_relationship(name, "r1")

    events = of_type(hub.events_of(EVENTS, name, 4), "")[1:]

    kind = "Microsoft.DigitalTwins.Relationship"
    assert [event.type for event in events] == [f"{kind}.Create", f"{kind}.Update", f"{kind}.Delete"]
    assert {event.properties["cloudEvents:subject"] for event in events} == {f"{name}/relationships/r1"}
    assert events[0].body == created
    assert events[1].body == {"modelId": ROOM, "patch": [{"op": "add", "path": "/since", "value": "2026"}]}
    assert events[2].body == last


@pytest.mark.usefixtures("all_events")
def test_telemetry_goes_through_as_it_came(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    body: Any = {"noise": [1, 2.5], "any": None}
    client.upsert_digital_twin(name, {"$metadata": {"$model": FREEZER}, "sensor": {"$metadata": {}}})
    client.publish_telemetry(name, body, message_id="m-1")
    client.publish_component_telemetry(name, "sensor", body, message_id="m-2")

    whole, part = of_type(hub.events_of(EVENTS, name, 3), "microsoft.iot.telemetry")

    assert whole.body == part.body == body
    assert whole.properties["cloudEvents:source"] == f"localhost/digitaltwins/{name}"
    assert (whole.properties["cloudEvents:id"], whole.properties["cloudEvents:dataschema"]) == ("m-1", FREEZER)
    assert (part.properties["cloudEvents:id"], part.properties["cloudEvents:dataschema"]) == ("m-2", SENSOR)
    assert "cloudEvents:subject" not in whole.properties
    assert part.properties["cloudEvents:subject"] == "sensor"


def test_telemetry_of_a_component_that_is_not_there_is_404(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_digital_twin(name, room())

    with pytest.raises(ResourceNotFoundError) as missing:
        client.publish_component_telemetry(name, "sensor", {"noise": 1})

    assert code_of(missing.value) == "ComponentNotFound"


async def test_one_twin_s_events_stay_in_order_under_load(
    aio_client: AsyncDigitalTwinsClient, hub: Hub, name: str
) -> None:
    await aio_client.upsert_digital_twin(name, room())
    for value in range(60):
        await aio_client.update_digital_twin(name, [{"op": "add", "path": "/count", "value": value}])

    history = [event for event in hub.events_of(HISTORY, name, 61) if event.properties["Table"] == "AdtPropertyEvents"]

    assert [event.body["Value"] for event in history] == list(range(60))
    moments = [event.body["TimeStamp"] for event in history]
    assert moments == sorted(set(moments))
    assert len({event.partition for event in history}) == 1


def test_history_of_properties_is_as_the_service_writes_it(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, room(temperature=1))
    client.update_digital_twin(
        name,
        [
            {"op": "add", "path": "/temperature", "value": 2.5},
            {"op": "add", "path": "/$metadata/temperature/sourceTime", "value": SOURCE_TIME},
            {"op": "add", "path": "/pose", "value": {"roll": 1}},
            {"op": "add", "path": "/pose/pitch", "value": 2},
        ],
    )
    updated = client.get_digital_twin(name)["$metadata"]["$lastUpdateTime"]

    first, second, third = hub.events_of(HISTORY, name, 4)[1:]

    common = {"ServiceId": "localhost", "Id": name, "ModelId": ROOM, "RelationshipTarget": "", "RelationshipId": ""}
    assert (first.body["Key"], first.body["Value"], first.body["SourceTimeStamp"]) == ("temperature", 1, None)
    assert second.body == {
        "TimeStamp": updated, "SourceTimeStamp": SOURCE_TIME, "Key": "temperature", "Value": 2.5, **common,
    }  # fmt: skip
    assert third.body == {
        "TimeStamp": updated, "SourceTimeStamp": None, "Key": "pose", "Value": {"roll": 1, "pitch": 2}, **common,
    }  # fmt: skip
    assert second.properties == {
        "Table": "AdtPropertyEvents",
        "IngestionMappingReference": "AdtPropertyEventsMapping",
        "Format": "json",
    }


def test_history_of_life_cycles_is_as_the_service_writes_it(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, room())
    client.upsert_digital_twin(f"{name}-b", base())
    client.upsert_relationship(name, "r1", {"$relationshipName": "contains", "$targetId": f"{name}-b", "since": "2026"})
    client.delete_relationship(name, "r1")
    client.delete_digital_twin(name)

    records = hub.events_of(HISTORY, name, 5)

    shown = [
        (event.properties["Table"], {key: value for key, value in event.body.items() if key != "TimeStamp"})
        for event in records
    ]
    twin = {"TwinId": name, "ServiceId": "localhost", "ModelId": ROOM}
    link = {
        "RelationshipId": "r1", "Name": "contains", "ServiceId": "localhost", "Source": name, "Target": f"{name}-b",
    }  # fmt: skip
    since = {
        "SourceTimeStamp": None, "ServiceId": "localhost", "Id": name, "ModelId": ROOM, "Key": "since",
        "Value": "2026", "RelationshipTarget": f"{name}-b", "RelationshipId": "r1",
    }  # fmt: skip
    assert shown == [
        ("AdtTwinLifecycleEvents", {**twin, "Action": "Create"}),
        ("AdtRelationshipLifecycleEvents", {**link, "Action": "Create"}),
        ("AdtPropertyEvents", since),
        ("AdtRelationshipLifecycleEvents", {**link, "Action": "Delete"}),
        ("AdtTwinLifecycleEvents", {**twin, "Action": "Delete"}),
    ]


def test_component_s_property_has_one_key_in_history(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, {"$metadata": {"$model": FREEZER}, "sensor": {"$metadata": {}, "reading": 1}})
    client.update_component(
        name,
        "sensor",
        [
            {"op": "add", "path": "/reading", "value": 2},
            {"op": "add", "path": "/$metadata/reading/sourceTime", "value": SOURCE_TIME},
        ],
    )

    created, updated = hub.events_of(HISTORY, name, 3)[1:]

    assert (created.body["Key"], created.body["Value"]) == ("sensor_reading", 1)
    assert (updated.body["Value"], updated.body["SourceTimeStamp"]) == (2, SOURCE_TIME)


def test_refused_change_tells_nothing(client: DigitalTwinsClient, hub: Hub, name: str) -> None:
    client.upsert_digital_twin(name, room())
    with pytest.raises(HttpResponseError):
        client.update_digital_twin(name, [{"op": "add", "path": "/temperature", "value": "warm"}])
    client.delete_digital_twin(name)

    actions = [event.body.get("Action") for event in hub.events_of(HISTORY, name, 2)]

    assert actions == ["Create", "Delete"]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = '{model}'", ["Update"]),
        ("type IN ['Microsoft.DigitalTwins.Twin.Create', 'Microsoft.DigitalTwins.Twin.Delete']", ["Create", "Delete"]),
        ("NOT STARTS_WITH(subject, 'no') AND $body.$metadata.$model = '{model}' AND $body.temperature > 1.5",
         ["Delete"]),
        ("false", []),
    ],
)  # fmt: skip
def test_route_lets_through_what_its_filter_says(
    client: DigitalTwinsClient, hub: Hub, name: str, text: str, passes: list[str]
) -> None:
    client.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name=ENDPOINT, filter="false"))
    route = DigitalTwinsEventRoute(endpoint_name=ENDPOINT, filter=text.format(model=ROOM))
    client.upsert_event_route(name, route)
    client.upsert_digital_twin(name, room(temperature=1))
    client.update_digital_twin(name, [{"op": "replace", "path": "/temperature", "value": 2}])
    client.delete_digital_twin(name)
    client.upsert_event_route(name, DigitalTwinsEventRoute(endpoint_name=ENDPOINT, filter="true"))
    client.upsert_digital_twin(name, room(label="end"))
    client.delete_event_route(name)

    events = hub.read(EVENTS, name, lambda found: any(event.body.get("label") == "end" for event in found))

    assert [event.type.rpartition(".")[2] for event in events[:-1]] == passes


def test_routes_are_kept_listed_and_deleted(client: DigitalTwinsClient, name: str) -> None:
    client.upsert_event_route(name, DigitalTwinsEventRoute(endpoint_name=ENDPOINT, filter="type = 'x'"))

    kept = client.get_event_route(name)
    assert (kept.id, kept.endpoint_name, kept.filter) == (name, ENDPOINT, "type = 'x'")
    pages = client.list_event_routes(headers={"max-items-per-page": "1"})
    assert name in [route.id for route in pages]

    client.delete_event_route(name)
    for attempt in (lambda: client.get_event_route(name), lambda: client.delete_event_route(name)):
        with pytest.raises(ResourceNotFoundError) as missing:
            attempt()
        assert code_of(missing.value) == "EventRouteNotFound"


@pytest.mark.parametrize(
    ("endpoint", "text", "code"),
    [
        ("elsewhere", "true", "EventRouteEndpointInvalid"),
        (ENDPOINT, "type =", "EventRouteFilterInvalid"),
        (ENDPOINT, "colour = 'red'", "EventRouteFilterInvalid"),
        (ENDPOINT, "type = 'x' OR", "EventRouteFilterInvalid"),
        (ENDPOINT, "(type = 'x'", "EventRouteFilterInvalid"),
        (ENDPOINT, "type ~ 'x'", "EventRouteFilterInvalid"),
        (ENDPOINT, "", "EventRouteFilterInvalid"),
    ],
)
def test_route_that_makes_no_sense_is_refused(
    client: DigitalTwinsClient, name: str, endpoint: str, text: str, code: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_event_route(name, DigitalTwinsEventRoute(endpoint_name=endpoint, filter=text))

    assert (refused.value.status_code, code_of(refused.value)) == (400, code)
