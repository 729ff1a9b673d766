"""Filters of event routes: what they let through, and that no text breaks them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.digital_twins.errors import ServiceError
from local.digital_twins.route_filters import compiled
from tests.unit.digital_twins.test_dtdl import JSON, UNHURRIED, outcome_of

EVENT = {"type": "Microsoft.DigitalTwins.Twin.Update", "source": "localhost", "subject": "room-1"}
BODY: Any = {
    "modelId": "dtmi:tests:Room;1",
    "patch": [{"path": "/temperature", "value": 21.5}],
    "$metadata": {"$model": "dtmi:tests:Room;1"},
    "is": True,
    "nothing": None,
}
WORDS = st.sampled_from(
    ["type", "$body.patch", "$body.$metadata.$model", "=", "!=", "<", "AND", "OR", "NOT", "IN", "[", "]", "(", ")", ",",
     "'x'", "1.5", "true", "false", "null", "STARTS_WITH", "CONTAINS", "$body.patch[0].value"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("true", True),
        ("false", False),
        ("TRUE AND NOT false", True),
        ("type = 'Microsoft.DigitalTwins.Twin.Update'", True),
        ("type != 'Microsoft.DigitalTwins.Twin.Update'", False),
        ("type = 'a' OR source = 'localhost' AND subject = 'room-1'", True),
        ("(type = 'a' OR source = 'localhost') AND subject = 'room-2'", False),
        ("not type = 'a' and not (subject = 'room-2')", True),
        ("subject IN ['room-1', 'room-2']", True),
        ("subject NOT IN ['room-1', 'room-2']", False),
        ("STARTS_WITH(subject, 'room') AND ENDS_WITH(subject, '1') AND CONTAINS(subject, 'om-')", True),
        ("STARTS_WITH($body.absent, 'x')", False),
        ("$body.modelId = 'dtmi:tests:Room;1'", True),
        ("$body.$metadata.$model = 'dtmi:tests:Room;1'", True),
        ("$body.patch[0].value > 21 AND $body.patch[0].value <= 21.5", True),
        ("$body.patch[1].value = 1", False),
        ("$body.absent = 1", False),
        ("$body.absent != 1", False),
        ("$body.is = true AND $body.nothing = null", True),
        ("$body.is = 1", False),
        ("$body.is > false", False),
        ("'it\\'s' = 'it\\'s'", True),
        ("$body.patch[0].value > '1'", False),
    ],
)
def test_filter_lets_through_what_it_says(text: str, passes: bool) -> None:
    assert compiled(text)(EVENT, BODY) is passes


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("type", 4),
        ("type =", 6),
        ("type = 'x", 7),
        ("type = 'x' AND", 14),
        ("colour = 'red'", 0),
        ("type = 'x')", 10),
        ("type IN []", 9),
        ("STARTS_WITH(type)", 16),
        ("(" * 60 + "true", 50),
        ("true ; false", 5),
    ],
)
def test_mistake_is_told_with_its_place(text: str, position: int) -> None:
    with pytest.raises(ServiceError) as refused:
        compiled(text)

    assert (refused.value.status, refused.value.code) == (400, "EventRouteFilterInvalid")
    assert f"position {position}:" in refused.value.message


@UNHURRIED
@given(st.text(max_size=30) | st.lists(WORDS, max_size=12).map(" ".join), JSON)
def test_any_text_is_a_filter_or_refused(text: str, body: object) -> None:
    test = outcome_of(lambda: compiled(text))
    if isinstance(test, ServiceError):
        assert test.code == "EventRouteFilterInvalid"
        return

    assert test(EVENT, body) in (True, False)
    assert test(EVENT, BODY) in (True, False)
