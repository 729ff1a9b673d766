"""What the functions bind to, and how a trigger's events become ours."""

import importlib
import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.functions import EventHubEvent, FunctionApp

from shared.settings import SettingsMistake, settings
from shared.triggers import hub_events
from tests.unit.functions.trigger_batches import ENQUEUED, Sent, trigger_batch
from tests.unit.shared.test_settings import COMPLETE


def load_app(monkeypatch: pytest.MonkeyPatch, **more: str) -> FunctionApp:
    for name, value in (COMPLETE | more).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    for name in [each for each in sys.modules if each == "function_app" or each.startswith("functions.")]:
        monkeypatch.delitem(sys.modules, name)
    app: FunctionApp = importlib.import_module("function_app").app
    settings.cache_clear()
    return app


def bindings(app: FunctionApp) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for function in app.get_functions():
        (trigger,) = json.loads(function.get_function_json())["bindings"]
        retry = function.get_settings_dict("retry_policy")
        found[str(function.get_function_name())] = {**trigger, "retry": retry}
    return found


@pytest.mark.parametrize(
    ("route", "names"),
    [
        ("change-feed", {"store_telemetry", "forward_changes"}),
        ("parallel", {"store_telemetry", "forward_telemetry"}),
    ],
)
def test_only_the_chosen_routes_function_runs(monkeypatch: pytest.MonkeyPatch, route: str, names: set[str]) -> None:
    assert set(bindings(load_app(monkeypatch, ANALYTICS_ROUTE=route))) == names


@pytest.mark.parametrize("route", ["change-feed", "parallel"])
def test_every_function_is_tried_again_without_end(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    for trigger in bindings(load_app(monkeypatch, ANALYTICS_ROUTE=route)).values():
        assert trigger["retry"]["max_retry_count"] == "-1"
        assert trigger["retry"]["strategy"] == "exponential_backoff"
        assert trigger["name"].isalpha(), "the host refuses underscores in a binding's name"


def test_hub_triggers_take_raw_batches_of_their_own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    app = bindings(load_app(monkeypatch, ANALYTICS_ROUTE="parallel"))

    for name, group in (("store_telemetry", "store"), ("forward_telemetry", "analytics")):
        trigger = app[name]
        assert (trigger["type"], trigger["eventHubName"]) == ("eventHubTrigger", "%TELEMETRY_HUB%")
        assert (trigger["consumerGroup"], trigger["connection"]) == (group, "EventHubs")
        assert (trigger["cardinality"], trigger["dataType"]) == ("MANY", "BINARY")


def test_change_feed_trigger_begins_at_the_beginning_with_its_own_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = bindings(load_app(monkeypatch))["forward_changes"]

    assert (trigger["databaseName"], trigger["containerName"]) == ("%COSMOS_DATABASE%", "telemetry")
    assert (trigger["leaseContainerName"], trigger["leaseContainerPrefix"]) == ("leases", "forward-changes")
    assert trigger["startFromBeginning"] is True
    assert trigger["maxItemsPerInvocation"] == 1000


def test_app_does_not_start_with_a_setting_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsMistake, match="TELEMETRY_HUB is missing"):
        load_app(monkeypatch, TELEMETRY_HUB="")


def test_events_carry_what_the_host_said_of_each() -> None:
    later = datetime(2026, 11, 22, 11, tzinfo=UTC)
    batch = trigger_batch(
        [
            Sent(b"\xff\x00", None, {"asset": "a"}, {"message-id": "m", "iothub-connection-device-id": "d"}),
            Sent(b"", "key", enqueued=later),
        ]
    )

    one, two = hub_events(batch, "unused")

    assert (one.body, one.hub, one.partition, one.sequence_number) == (b"\xff\x00", "telemetry", "2", 7)
    assert (one.enqueued_time, one.partition_key, one.properties) == (ENQUEUED, None, {"asset": "a"})
    assert one.system["message-id"] == "m"
    assert one.system["iothub-connection-device-id"] == "d"
    assert (two.body, two.partition_key, two.sequence_number, two.enqueued_time) == (b"", "key", 8, later)


def test_metadata_is_read_once_for_a_batch() -> None:
    batch = trigger_batch([Sent(b"{}")] * 3)

    hub_events(batch, "unused")

    assert batch[0]._trigger_metadata_pyobj is not None
    assert batch[1]._trigger_metadata_pyobj is None


def test_event_without_metadata_still_has_a_source() -> None:
    event = EventHubEvent(
        body=b"{}",
        partition_key="k",
        sequence_number=3,
        enqueued_time=datetime(2026, 11, 22, 10),
        iothub_metadata={"connection-device-id": "d"},
    )

    (given,) = hub_events([event], "telemetry")

    assert (given.hub, given.partition_key, given.sequence_number) == ("telemetry", "k", 3)
    assert given.enqueued_time == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert given.system == {"iothub-connection-device-id": "d"}
