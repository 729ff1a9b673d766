"""Events of the twin graph → which places are to be made anew."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.events import Rejected
from shared.twins.registry import registry
from shared.twins.twin_events import ChildChanged, PlaceChanged, read_event
from tests.unit.shared.hub_events import hub_event


def read(kind: Any, data: Any, subject: Any = "mote1", time: Any = "2026-11-22T09:00:00.5Z") -> Any:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    properties = {"cloudEvents:type": kind, "cloudEvents:subject": subject, "cloudEvents:time": time}
    return read_event(hub_event(body, properties=properties), registry())


def update(*paths: str, model: str = "dtmi:iot:Mote;1") -> dict[str, Any]:
    return {"modelId": model, "patch": [{"op": "replace", "path": path, "value": 1} for path in paths]}


TWIN, RELATIONSHIP = "Microsoft.DigitalTwins.Twin.", "Microsoft.DigitalTwins.Relationship."


def test_update_of_an_aggregated_property_asks_for_the_places_above() -> None:
    assert read(f"{TWIN}Update", update("/temperature")) == ChildChanged("mote1", "2026-11-22T09:00:00.5000000Z")
    assert read(f"{TWIN}Update", update("/steps", "/status")) is not None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (f"{TWIN}Update", update("/steps", "/$metadata/temperature/sourceTime")),
        (f"{TWIN}Update", update("/temperatureMax", "/status", model="dtmi:iot:Site;1")),
        (f"{TWIN}Update", update("/status", model="dtmi:iot:Area;1")),
        (f"{TWIN}Create", {"$dtId": "mote1"}),
        (f"{TWIN}Delete", {"$dtId": "mote1"}),
        (f"{RELATIONSHIP}Update", {}),
        (f"{RELATIONSHIP}Create", {"$relationshipName": "feeds", "$sourceId": "a", "$targetId": "b"}),
        ("microsoft.iot.telemetry", b"not json"),
        (None, b""),
    ],
)
def test_other_events_ask_for_nothing(kind: Any, data: Any) -> None:
    assert read(kind, data) is None


@pytest.mark.parametrize("what", ["Create", "Delete"])
def test_relationships_ask_for_the_place_at_their_end(what: str) -> None:
    ends = {"$sourceId": "a", "$targetId": "b"}

    assert read(f"{RELATIONSHIP}{what}", {"$relationshipName": "contains", **ends}) == PlaceChanged("a")
    assert read(f"{RELATIONSHIP}{what}", {"$relationshipName": "isPartOf", **ends}) == PlaceChanged("b")


@pytest.mark.parametrize("subject", [None, "", 7, "a/b", "a/relationships/b", "ü", "x" * 129])
def test_what_is_no_twins_id_is_rejected(subject: Any) -> None:
    with pytest.raises(Rejected, match="no twin's id"):
        read(f"{TWIN}Update", update("/temperature"), subject)
    with pytest.raises(Rejected, match="no twin's id"):
        read(f"{RELATIONSHIP}Create", {"$relationshipName": "contains", "$sourceId": subject})


def test_update_without_a_time_is_never_taken_for_old() -> None:
    assert read(f"{TWIN}Update", update("/temperature"), time=None).time > "2099"


@given(
    st.sampled_from([f"{TWIN}Update", f"{RELATIONSHIP}Create", f"{RELATIONSHIP}Delete"]),
    st.binary(max_size=20)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["modelId", "patch", "path", "$relationshipName", "$sourceId"]), inner)
        ),
        max_leaves=8,
    ),
    st.none() | st.integers() | st.text(max_size=5),
)
def test_whatever_comes_is_read_or_rejected(kind: str, data: Any, subject: Any) -> None:
    try:
        found = read(kind, data, subject, subject)
    except Rejected:
        return
    assert found is None or isinstance(found, (ChildChanged, PlaceChanged))
