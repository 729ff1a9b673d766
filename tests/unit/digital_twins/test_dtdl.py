"""DTDL: models are read or refused with a reason, whatever is uploaded; values conform or are named."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.digital_twins.dtdl.interfaces import DtdlError, Interface
from local.digital_twins.dtdl.linking import link
from local.digital_twins.dtdl.parsing import declarations
from local.digital_twins.dtdl.schemas import Array, Enumeration, Geospatial, Map, Primitive, Schema, violations
from local.digital_twins.errors import ServiceError
from tests.contract.digital_twins.models import BASE, FREEZER, MODELS, ROOM, interface, property_, relationship

UNHURRIED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No example fails for being made slowly: other tests use the machine too."""
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
WORDS = st.sampled_from(
    ["@id", "@type", "name", "schema", "Property", "Object", "Map", "Array", "Enum", "double", ROOM]
)
JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def linked(models: object, model: str) -> Interface:
    known = declarations(models)
    return link(known[model], known.get)


@UNHURRIED
@given(JSON)
def test_any_json_is_read_or_refused_with_a_reason(document: object) -> None:
    for upload in (document, [document]):
        outcome = outcome_of(lambda: declarations(upload))  # noqa: B023
        assert isinstance(outcome, dict) or str(outcome)


@UNHURRIED
@given(st.data())
def test_any_change_of_a_good_model_is_read_or_refused_with_a_reason(data: st.DataObject) -> None:
    models = copy.deepcopy(MODELS)
    holder, key = data.draw(st.sampled_from(_places(models)))
    holder[key] = data.draw(JSON)

    def interfaces() -> list[Interface]:
        known = declarations(models)
        return [link(declaration, known.get) for declaration in known.values()]

    outcome = outcome_of(interfaces)

    assert all(each.id in each.bases for each in outcome) if isinstance(outcome, list) else str(outcome)


def outcome_of(work: Callable[[], Any]) -> Any:
    """What it returns, or how it is refused; any other failure comes out."""
    try:
        return work()
    except (DtdlError, ServiceError) as refused:
        return refused


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every member of every object and array within a document."""
    members = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in members:
        found.append((document, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


def test_interface_has_what_it_inherits_and_is_of_all_its_bases() -> None:
    room = linked(MODELS, ROOM)

    assert {"label", "installed", "temperature", "contains"} <= set(room.contents)
    assert room.bases == {ROOM, BASE}


def test_component_is_an_interface_of_its_own() -> None:
    assert set(linked(MODELS, FREEZER).components["sensor"].contents) == {"reading", "status"}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (interface("dtmi:a:B;1", extends="dtmi:a:B;1"), "extends itself"),
        (interface("dtmi:a:B;1", property_("p", {"@type": "Object", "fields": []})), "0 fields"),
        (interface("dtmi:a:B;1", property_("p", {"@type": "Enum", "valueSchema": "double", "enumValues": []})),
         "valueSchema"),
        (interface("dtmi:a:B;1", property_("p", {"@type": "Enum", "valueSchema": "integer", "enumValues": [
            {"name": "a", "enumValue": 1}, {"name": "b", "enumValue": 1}]})), "repeats"),
        (interface("dtmi:a:B;1", relationship("r", target="Room")), "target"),
        (interface("dtmi:a:B;1", {"@type": "Property", "name": "p"}), "requires a schema"),
        (interface("dtmi:a:B;1", {"@type": ["Property", "Telemetry"], "name": "p", "schema": "double"}), "@type"),
        (interface("dtmi:a:B;1", property_("p" * 513)), "name"),
        (interface("dtmi:a:B;1", property_("p" * 65), version=2), "name"),
        (interface("dtmi:a:B;1", displayName="x" * 513), "512"),
        (interface("dtmi:a:" + "B" * 125 + ";1"), "DTMI"),
        (interface("dtmi:a:B;0"), "DTMI"),
    ],
)  # fmt: skip
def test_what_dtdl_does_not_allow_is_refused(model: dict[str, Any], reason: str) -> None:
    with pytest.raises(DtdlError, match=reason):
        linked([model], model["@id"])


def test_inheritance_ends_at_ten_levels() -> None:
    chain = [interface("dtmi:a:N0;1")]
    chain += [interface(f"dtmi:a:N{level};1", extends=f"dtmi:a:N{level - 1};1") for level in range(1, 12)]

    linked(chain, "dtmi:a:N10;1")
    with pytest.raises(DtdlError, match="levels"):
        linked(chain, "dtmi:a:N11;1")


def test_bases_that_share_bases_many_times_over_are_linked_at_once() -> None:
    levels = [[f"dtmi:a:L{level}N{number};1" for number in range(30)] for level in range(10)]
    models = [interface(model) for model in levels[0]]
    models += [interface(model, extends=below) for below, above in itertools.pairwise(levels) for model in above]

    assert len(linked(models, levels[-1][0]).bases) == 9 * 30 + 1


def test_interfaces_inside_others_are_not_served() -> None:
    with pytest.raises(ServiceError) as refused:
        declarations([interface("dtmi:a:B;1", extends=interface("dtmi:a:C;1"))])

    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("boolean", [True, False], [1, "true", None]),
        ("integer", [0, -(2**31), 2.0], [2**31, 1.5, True, "1"]),
        ("long", [2**63 - 1, 2.0**53], [2**63, 1e19, -(2.0**63)]),
        ("double", [1, -0.0, 1.7e308], [True, "1", 10**400]),
        ("float", [3.4e38], [3.5e38]),
        ("string", ["", "é"], [1, None, []]),
        ("date", ["2024-02-29"], ["2023-02-29", "20240229", "2024-2-9", 3]),
        ("dateTime", ["2024-02-29T23:59:59.1234567Z", "2024-02-29T00:00:00+02:00", "2024-02-29T00:00:00"],
         ["2024-02-29", "2024-02-29 00:00:00", "2024-02-29T24:00:00Z", "2024-02-29T00:00:00.Z", "T", ""]),
        ("time", ["10:00:00", "10:00:00.5Z"], ["10:00", "25:00:00"]),
        ("duration", ["P1D", "PT0.5S", "P1Y2M3DT4H5M6S", "-P1W"], ["P", "1D", "PT", "P1DT"]),
    ],
)  # fmt: skip
def test_primitive_takes_its_own_values_only(name: str, good: list[Any], bad: list[Any]) -> None:
    schema = Primitive(name)

    assert [value for value in good if list(violations(schema, value, "p"))] == []
    assert [value for value in bad if not list(violations(schema, value, "p"))] == []


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (Array(Map(Primitive("double"))), [[], [{"a": 1}]], [{}, [{"a": "x"}], [1]]),
        (Enumeration("integer", frozenset((1, 2))), [1, 2], [3, True, "1", 1.0]),
        (Geospatial("point"), [{"type": "Point", "coordinates": [1, 2]}],
         [{"type": "Point"}, {"type": "Polygon", "coordinates": [1, 2]}, {"type": "Point", "coordinates": ["1", 2]}]),
        (Geospatial("polygon"), [{"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}],
         [{"type": "Polygon", "coordinates": [0, 0]}]),
    ],
)  # fmt: skip
def test_complex_schema_takes_its_own_values_only(schema: Schema, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if list(violations(schema, value, "p"))] == []
    assert [value for value in bad if not list(violations(schema, value, "p"))] == []


@UNHURRIED
@given(JSON)
def test_any_value_conforms_or_is_named(value: object) -> None:
    for element in linked(MODELS, ROOM).contents.values():
        schema = getattr(element, "schema", None)
        if schema is not None:
            assert all(text.startswith("here") for text in violations(schema, value, "here"))
