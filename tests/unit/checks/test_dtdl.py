"""The project's models and asset registry; and that the check finds what is wrong with others."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from checks.dtdl.parser import Parsed, models_of, parsed
from checks.dtdl.registry import disagreements
from shared.twins.registry import FILE, Registry, registry
from simulator.fleet import Fleet, FleetPlan
from simulator.recordings import motes
from tests.unit.functions.trigger_batches import ENQUEUED

CONTEXT = ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1"]
PLACE = {"@type": "Relationship", "name": "isPartOf"}


def interface(name: str, contents: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "@id": f"dtmi:x:{name};1", "@type": "Interface", "contents": contents, **more}


WRONG: Mapping[str, list[dict[str, Any]]] = {
    "stringInvalid": [interface("A", [{"@type": "Property", "name": "a b", "schema": "double"}])],
    "badDtmiOrTerm": [interface("A", [{"@type": "Property", "name": "a", "schema": "dooble"}])],
    "undefined": [interface("A", [], extends="dtmi:x:B;1")],
    "target": [interface("A", [{**PLACE, "target": "dtmi:x:B;1"}])],
    "duplicate": [interface("A", []), interface("A", [])],
    "noId": [{"@type": "Interface"}],
    "context": [{**interface("A", []), "@context": "dtmi:dtdl:context;4"}],
}
"""Sets of models by the code of what is wrong with them."""


@pytest.fixture(scope="module")
def all_parsed() -> list[Parsed]:
    """The project's models first, then the wrong sets, then a text that is no JSON."""
    wrong = [{f"{number}.json": json.dumps(model) for number, model in enumerate(models)} for models in WRONG.values()]
    return parsed(models_of(), *wrong, {"a.json": "{"})


@pytest.fixture(scope="module")
def project(all_parsed: list[Parsed]) -> Parsed:
    return all_parsed[0]


def test_models_are_what_microsofts_parser_and_the_service_take(project: Parsed) -> None:
    assert not project.findings, "\n".join(map(str, project.findings))


def test_registry_and_models_agree(project: Parsed) -> None:
    found = disagreements(registry(), project.models)

    assert not found, "\n".join(map(str, found))


def test_every_kind_is_an_asset_and_stands_in_places(project: Parsed) -> None:
    models = project.models
    for name, kind in registry().kinds.items():
        assert name == "Asset" or "dtmi:iot:Asset;1" in models[kind.model].extends
        assert models[kind.model].relationships["isPartOf"] == "dtmi:iot:Place;1"
    assert {name for name in models if models[name].relationships.get("contains")} >= {"dtmi:iot:Site;1"}


def test_all_that_the_simulator_sends_is_in_the_registry() -> None:
    message = next(iter(Fleet(FleetPlan(name="x-")).messages(ENQUEUED, ENQUEUED - ENQUEUED)))
    sample = motes()[0]
    for asset, tags in ((message.asset, json.loads(message.body)), (sample.asset, sample.tags)):
        kind = registry().kind_of(asset)
        assert kind is not None
        assert set(tags) <= set(registry().tags_of(kind)), asset


def test_wrong_models_are_found(all_parsed: list[Parsed]) -> None:
    for expected, found in zip(WRONG, all_parsed[1:-1], strict=True):
        assert expected in {finding.code for finding in found.findings}, (expected, found.findings)


def test_text_that_is_no_json_is_found(all_parsed: list[Parsed]) -> None:
    last = all_parsed[-1]

    assert [(finding.file, finding.code) for finding in last.findings] == [("a.json", "json")]
    assert last.models == {}


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("kinds", "Mote", "model"), "dtmi:iot:Moat;1", "model"),
        (("kinds", "Mote", "tags", "temperature", "schema"), "long", "schema"),
        (("kinds", "Mote", "tags", "temperature", "unit"), "kelvin", "schema"),
        (("kinds", "Mote", "tags", "colour"), {"schema": "string"}, "property"),
        (("tags", "status", "values"), ["ok"], "schema"),
        (("severity",), ["ok", "worse"], "values"),
        (("aggregates", "coldest"), {"by": "min", "of": "temperature"}, "property"),
        (("places", "site"), "dtmi:iot:Freezer;1", "relationship"),
    ],
)
def test_registry_that_disagrees_with_the_models_is_found(
    project: Parsed, path: tuple[str, ...], value: Any, code: str
) -> None:
    document = json.loads(FILE.read_text())
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value

    found = disagreements(Registry.model_validate(document), project.models)

    assert code in {finding.code for finding in found}
