"""Patches of twins: whatever is sent, the twin conforms afterwards, or the patch is refused."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.digital_twins.dtdl.interfaces import Interface
from local.digital_twins.errors import ServiceError, invalid_twin
from local.digital_twins.json_patch import operations
from local.digital_twins.twin_documents import check, created, differences, patched, properties
from tests.contract.digital_twins.models import FREEZER, MODELS, ROOM
from tests.unit.digital_twins.test_dtdl import JSON, UNHURRIED, linked, outcome_of

BEFORE, AFTER = "2026-11-22T10:00:00.0000000Z", "2026-11-22T11:00:00.0000000Z"
INTERFACES = {model: linked(MODELS, model) for model in (ROOM, FREEZER)}
SEGMENTS = st.sampled_from(
    ["temperature", "count", "pose", "roll", "tags", "sensor", "reading", "$metadata", "$model", "sourceTime", "0"]
) | st.text(max_size=4)
POINTERS = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda path: "/" + "/".join(path))
GOOD = st.sampled_from(
    [
        {"op": "add", "path": "/temperature", "value": 3},
        {"op": "add", "path": "/$metadata/temperature/sourceTime", "value": AFTER},
        {"op": "remove", "path": "/temperature"},
        {"op": "add", "path": "/pose", "value": {"roll": 1}},
        {"op": "replace", "path": "/sensor/reading", "value": 3},
        {"op": "add", "path": "/sensor", "value": {"status": "ok"}},
        {"op": "replace", "path": "/$metadata/$model", "value": FREEZER},
    ]
)
OPERATION = GOOD | st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "replace", "remove", "move"]), "path": POINTERS}, optional={"value": JSON}
)
BODIES: list[dict[str, Any]] = [
    {"$metadata": {"$model": ROOM}, "temperature": 1.5, "pose": {"roll": 1}, "tags": {"a": "b"}, "levels": [1]},
    {"$metadata": {"$model": FREEZER}, "sensor": {"$metadata": {}, "reading": 1}, "label": "x"},
]


def interface_of(model: str) -> Interface:
    if model not in INTERFACES:
        raise invalid_twin([model])
    return INTERFACES[model]


def twin(body: dict[str, Any]) -> dict[str, Any]:
    return created("twin", copy.deepcopy(body), INTERFACES[body["$metadata"]["$model"]], BEFORE)


@UNHURRIED
@given(st.sampled_from(BODIES), st.lists(OPERATION, max_size=4), st.sampled_from(["", "sensor"]))
def test_patched_twin_conforms_or_the_patch_is_refused(
    body: dict[str, Any], patch: list[dict[str, Any]], below: str
) -> None:
    document = twin(body)
    places = outcome_of(lambda: patched(document, operations(patch, below=below), interface_of, AFTER))
    if isinstance(places, ServiceError):
        assert places.status == 400
        return

    interface = INTERFACES[document["$metadata"]["$model"]]
    check(document, interface)
    _assert_metadata_of_what_is_there(document, interface)
    present = set(properties(document, interface))
    assert all(_entry(document, place)["lastUpdateTime"] == AFTER for place in places if place in present)


@UNHURRIED
@given(JSON, st.sampled_from([ROOM, FREEZER]))
def test_any_body_becomes_a_conforming_twin_or_is_refused(body: Any, model: str) -> None:
    given_body = {**(body if isinstance(body, dict) else {"temperature": body}), "$metadata": {"$model": model}}
    document = outcome_of(lambda: created("twin", given_body, INTERFACES[model], BEFORE))
    if isinstance(document, ServiceError):
        assert document.status == 400
        return

    check(document, INTERFACES[model])
    _assert_metadata_of_what_is_there(document, INTERFACES[model])


@UNHURRIED
@given(st.lists(st.tuples(st.sampled_from(["temperature", "count"]), st.integers(-9, 9)), max_size=6))
def test_adding_is_assigning_and_the_last_one_stays(changes: list[tuple[str, int]]) -> None:
    document = twin(BODIES[0])
    patched(document, operations([{"op": "add", "path": f"/{key}", "value": value} for key, value in changes]),
            interface_of, AFTER)  # fmt: skip

    assert {key: document[key] for key, _ in changes} == dict(changes)


@UNHURRIED
@given(st.dictionaries(st.sampled_from(["temperature", "count", "label"]), st.just(1)))
def test_differences_lead_from_one_twin_to_the_other(values: dict[str, Any]) -> None:
    old = twin(BODIES[0])
    wanted = {**values, **({"label": "y"} if "label" in values else {})}
    new = twin({"$metadata": {"$model": ROOM}, **wanted})

    patched(old, operations(differences(old, new, INTERFACES[ROOM])), interface_of, AFTER)

    assert {key: value for key, value in old.items() if key[0] != "$"} == wanted


def test_untouched_properties_keep_their_moment() -> None:
    document = twin(BODIES[1])

    patched(document, operations([{"op": "add", "path": "/reading", "value": 2}], below="sensor"), interface_of, AFTER)

    assert document["$metadata"]["label"]["lastUpdateTime"] == BEFORE
    assert document["sensor"]["$metadata"]["reading"]["lastUpdateTime"] == AFTER
    assert document["$metadata"]["$lastUpdateTime"] == AFTER


def _assert_metadata_of_what_is_there(document: dict[str, Any], interface: Interface) -> None:
    """Each property has an entry, and there is no entry of what is not there."""
    holders = [(document, "$metadata"), *((document[name], name) for name in interface.components)]
    for holder, _ in holders:
        named = {name for name in holder["$metadata"] if not name.startswith("$")}
        assert named == {name for name in holder if not name.startswith("$") and name not in interface.components}


def _entry(document: dict[str, Any], place: tuple[str, str]) -> dict[str, Any]:
    component, name = place
    entry: dict[str, Any] = (document[component] if component else document)["$metadata"][name]
    return entry
