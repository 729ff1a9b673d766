"""What the twins' functions bind to, and when they are there."""

import pytest

from shared.settings import SettingsMistake, read_settings
from tests.unit.functions.test_triggers import bindings, load_app
from tests.unit.shared.test_settings import COMPLETE

TWINS = {"DIGITAL_TWINS_URL": "https://localhost:8083", "TWIN_EVENTS_HUB": "twin-events"}


def test_without_digital_twins_there_are_no_functions_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not {"update_twins", "propagate_twins"} & set(bindings(load_app(monkeypatch)))


def test_twins_functions_take_raw_batches_of_their_own_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    app = bindings(load_app(monkeypatch, **TWINS))

    for name, hub, group in (
        ("update_twins", "%TELEMETRY_HUB%", "twins"),
        ("propagate_twins", "%TWIN_EVENTS_HUB%", "propagate"),
    ):
        trigger = app[name]
        assert (trigger["type"], trigger["eventHubName"], trigger["consumerGroup"]) == ("eventHubTrigger", hub, group)
        assert (trigger["cardinality"], trigger["dataType"], trigger["connection"]) == ("MANY", "BINARY", "EventHubs")
        assert trigger["retry"]["max_retry_count"] == "-1"


def test_twins_settings_are_told_when_they_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "DIGITAL_TWINS_URL": "https://x",
        "TWIN_EVENTS_HUB": "",
        "TWIN_AUTO_PROVISION": "perhaps",
        "TWIN_PATCHES_PER_SECOND": "0",
    }
    for name, value in (COMPLETE | wrong).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsMistake) as caught:
        read_settings()

    for name in ("TWIN_AUTO_PROVISION is 'perhaps'", "TWIN_PATCHES_PER_SECOND is '0'", "TWIN_EVENTS_HUB is missing"):
        assert name in str(caught.value)


def test_twins_settings_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (COMPLETE | TWINS).items():
        monkeypatch.setenv(name, value)
    given = read_settings()
    assert (given.twin_auto_provision, given.twin_patches_per_second) == (True, 1000)

    monkeypatch.setenv("TWIN_AUTO_PROVISION", "false")
    assert read_settings().twin_auto_provision is False
