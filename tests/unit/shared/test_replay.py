"""Which consumers a dead letter is run by again."""

import pytest

from shared.consumers.replay import _consumers
from shared.dead_letters.letters import letter_of_rejection
from shared.gateways.worker import Gateways
from shared.settings import Route, read_settings
from shared.telemetry.events import Reason
from tests.unit.shared.hub_events import rejected_one
from tests.unit.shared.test_settings import COMPLETE

TWINS = {"DIGITAL_TWINS_URL": "https://localhost:8083", "TWIN_EVENTS_HUB": "twin-events"}


@pytest.mark.parametrize(
    ("consumer", "reason", "route", "more", "expected"),
    [
        ("store", Reason.NOT_JSON, "change-feed", {}, ("store",)),
        ("store", Reason.NOT_JSON, "parallel", {}, ("store", "forward")),
        ("store", Reason.NOT_JSON, "change-feed", TWINS, ("store", "twins")),
        ("store", Reason.NOT_JSON, "parallel", TWINS, ("store", "forward", "twins")),
        ("store", Reason.STORE_REFUSED, "parallel", TWINS, ("store",)),
        ("twins", Reason.NO_TWIN, "parallel", TWINS, ("twins",)),
        ("propagate", Reason.NOT_TWIN_EVENT, "parallel", TWINS, ("propagate",)),
    ],
)
def test_what_nobody_could_decode_is_everybodys(
    consumer: str,
    reason: Reason,
    route: Route,
    more: dict[str, str],
    expected: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DIGITAL_TWINS_URL", raising=False)
    for name, value in (COMPLETE | more).items():
        monkeypatch.setenv(name, value)
    letter = letter_of_rejection(consumer, rejected_one(b"{")._replace(reason=reason))

    assert tuple(_consumers(letter, Gateways(read_settings()), route)) == expected
