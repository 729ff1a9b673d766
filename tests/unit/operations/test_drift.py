"""The asset registry against readings and twins."""

import json
from typing import Any

from operations.assets.comparison import Drift, Twin, asset_twins, drifts, idle_rules
from shared.twins.registry import FILE, Registry, registry

MOTE = {"temperature", "humidity"}


def twin(asset: str, *properties: str, model: str = "dtmi:iot:Mote;1") -> Twin:
    return Twin(asset, model, frozenset(properties))


def found(readings: dict[str, set[str]], *twins: Twin, given: Registry | None = None) -> list[Drift]:
    return drifts(given or registry(), readings, twins)


def with_rules(*rules: dict[str, str]) -> Registry:
    return Registry.model_validate({**json.loads(FILE.read_text()), "assets": rules})


def test_what_agrees_is_no_drift() -> None:
    assert found({"a/mote1": MOTE}, twin("a/mote1", *MOTE)) == []
    assert found({"a/mote1": MOTE | {"status"}}, twin("a/mote1", *MOTE, "status")) == []


def test_readings_that_the_registry_does_not_know() -> None:
    assert found({"mote1": MOTE | {"colour"}}, twin("mote1", *MOTE)) == [
        Drift("mote1", "colour", "has readings, and is not in the registry")
    ]


def test_tags_of_the_registry_that_are_never_read() -> None:
    assert found({"mote1": {"humidity"}}, twin("mote1", "humidity")) == [
        Drift("mote1", "temperature", "is in the registry, and has no readings")
    ]


def test_assets_without_twins_and_twins_without_readings() -> None:
    assert found({"mote1": MOTE}, twin("mote2")) == [
        Drift("mote1", "", "has readings, and no twin"),
        Drift("mote2", "", "has a twin, and no readings"),
    ]


def test_twins_that_hold_too_much_too_little_or_are_of_another_model() -> None:
    assert found({"mote1": MOTE}, twin("mote1", "humidity", "steps", model="dtmi:iot:FitnessTracker;1")) == [
        Drift("mote1", "", "its twin is of dtmi:iot:FitnessTracker;1, in the registry of dtmi:iot:Mote;1"),
        Drift("mote1", "steps", "is in the twin, and not in the registry"),
        Drift("mote1", "temperature", "has readings, and is not in the twin"),
    ]


def test_assets_of_no_rule_and_rules_of_no_asset() -> None:
    given = with_rules({"path": "a/mote1", "kind": "Mote"}, {"path": "b/*", "kind": "Mote"})

    assert found({"c": {"x"}}, given=given) == [
        Drift("c", "", "is not in the registry"),
        Drift("a/mote1", "", "is in the registry, and has neither readings nor a twin"),
    ]
    assert idle_rules(given, ["c", "a/mote1"]) == ["b/*"]


def test_places_are_no_assets() -> None:
    def document(name: str, model: str, **more: Any) -> dict[str, Any]:
        return {"$dtId": name, "$etag": "e", "$metadata": {"$model": model}, **more}

    rows = [
        document("a", "dtmi:iot:Site;1", assetCount=1),
        document("a!mote1", "dtmi:iot:Mote;1", path="a/mote1", humidity=1),
        document("mote2", "dtmi:iot:Mote;1"),
    ]

    assert asset_twins(rows, registry()) == [twin("a/mote1", "humidity"), twin("mote2")]
