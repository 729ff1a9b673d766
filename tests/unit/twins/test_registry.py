"""assets.json: which kind a path is of, and what a file may not say."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.twins.registry import FILE, Registry, registry

PARTS = json.loads(FILE.read_text())


def with_rules(*paths: str) -> Registry:
    rules = [{"path": path, "kind": "Mote"} for path in paths]
    return Registry.model_validate({**PARTS, "assets": rules})


@pytest.mark.parametrize(
    ("path", "asset", "is_of_it"),
    [
        ("*mote*", "site01/indoor/mote7", True),
        ("*mote*", "mote/indoor/sensor7", False),
        ("site01/*/m?", "site01/indoor/m1", True),
        ("site01/*/m?", "site01/in/door/m1", False),
        ("site01/*/m?", "site01/indoor/m12", False),
        ("site01/**", "site01/in/door/m1", True),
        ("site01/**", "site02/m1", False),
        ("a.b/*", "aXb/c", False),
        ("*", "x\ny", True),
        ("Mote*", "a/mOTE1", True),
    ],
)
def test_patterns(path: str, asset: str, is_of_it: bool) -> None:
    assert (with_rules(path).kind_of(asset) is not None) == is_of_it


def test_first_rule_that_fits_is_taken() -> None:
    rules = [{"path": "site01/mote1", "kind": "Freezer"}, {"path": "*", "kind": "Mote"}]
    given = Registry.model_validate({**PARTS, "assets": rules})

    assert given.kind_of("site01/mote1") is given.kinds["Freezer"]
    assert given.kind_of("site02/mote1") is given.kinds["Mote"]


def test_tags_of_every_kind_are_of_each() -> None:
    for kind in registry().kinds.values():
        assert "status" in registry().tags_of(kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"assets": [{"path": "*", "kind": "Boat"}]}, "'Boat', which there is not"),
        ({"tags": {"a b": {"schema": "long"}}}, "'a b' is no name of a DTDL property"),
        ({"tags": {"x_": {"schema": "long"}}}, "'x_' is no name of a DTDL property"),
        ({"tags": {"t": {"schema": "long", "property": "temperature"}}}, "two tags have the same property"),
        ({"tags": {"t": {"schema": "dooble"}}}, "schema"),
        ({"tags": {"t": {"schema": "long", "deadband": -1}}}, "deadband"),
        ({"tags": {"t": {"schema": "long", "dedband": 1}}}, "dedband"),
        ({"aggregates": {"a": {"by": "avg", "of": "temperature"}}}, "nothing counts 'temperature'"),
        ({"aggregates": {"a": {"by": "max"}}}, "needs `of`"),
    ],
)
def test_file_that_is_wrong_is_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Registry.model_validate({**PARTS, **change})


def test_tag_whose_name_is_no_dtdl_name_may_have_a_property() -> None:
    tags = {"temp °C": {"schema": "double", "property": "temperature2"}}

    assert Registry.model_validate({**PARTS, "tags": tags}).tags["temp °C"].property == "temperature2"
