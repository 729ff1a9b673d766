"""Sizing: what it recommends keeps every limit, and a larger fleet never needs or costs less."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.launch import PROJECT
from operations.size import partitions, stores
from operations.size.facts import Measured, Prices, read_measured, read_prices
from operations.size.fleet import MOST_DEVICES, Fleet, FleetMistake, rate_of, share
from operations.size.hubs import EDITIONS, MOST_UNITS
from operations.size.sizing import Sizing, parts_of, size

MEASURED: Measured = read_measured()
PRICES: Prices = read_prices()
TOPOLOGY = json.loads((PROJECT / "topology.json").read_text())
MODERATE = settings(max_examples=30, deadline=None)

fleets = st.builds(
    Fleet,
    devices=st.integers(1, 10_000_000),
    rate=st.floats(1 / 86_400, 10),
    message_bytes=st.integers(1, 4_000),
    readings=st.integers(1, 50),
    changed=st.floats(0, 1),
)


def fleet(devices: int = 1000, rate: float = 1 / 60, message_bytes: int = 235, changed: float = 1.0) -> Fleet:
    return Fleet(devices, rate, message_bytes, 3, changed)


def sized(asked: Fleet) -> Sizing:
    return size(asked, MEASURED, PRICES)


def figures(sizing: Sizing) -> dict[str, float | str]:
    return {figure.name: figure.value for part in sizing.parts for figure in part.figures}


def number(sizing: Sizing, name: str) -> float:
    value = figures(sizing)[name]
    assert not isinstance(value, str)
    return value


@MODERATE
@given(fleets)
def test_what_is_recommended_keeps_every_limit(asked: Fleet) -> None:
    sizing = sized(asked)
    for part in sizing.parts:
        for use in part.uses:
            assert use.is_advice or use.used <= use.most, (part.service, use)
    assert sizing.deployments * sizing.devices_each >= asked.devices


@MODERATE
@given(fleets)
def test_what_is_bought_carries_what_it_is_bought_for(asked: Fleet) -> None:
    sizing = sized(asked)
    known = figures(sizing)
    _, daily, sends, most = next(each for each in EDITIONS if each[0] == known["edition"])
    units = number(sizing, "units")
    assert number(sizing, "messages a day, of 4 KB") <= units * daily
    assert sizing.devices_each * asked.rate <= max(100, units * sends)
    assert units <= most
    assert number(sizing, "MB/s in") <= number(sizing, "throughput units") <= MOST_UNITS
    assert number(sizing, "events/s in, all hubs") <= 1000 * number(sizing, "throughput units")
    assert number(sizing, "RU/s, used") <= number(sizing, "RU/s, most")


@MODERATE
@given(fleets, st.integers(1, 5_000_000))
def test_more_devices_never_need_fewer_deployments_nor_cost_less(asked: Fleet, more: int) -> None:
    less, larger = sized(asked), sized(replace(asked, devices=asked.devices + more))
    assert larger.deployments >= less.deployments
    assert larger.dollars >= less.dollars * (1 - 1e-9)


@MODERATE
@given(fleets, st.floats(1, 2))
def test_a_higher_rate_never_needs_fewer_deployments_nor_costs_less(asked: Fleet, times: float) -> None:
    less, larger = sized(asked), sized(replace(asked, rate=asked.rate * times))
    assert larger.deployments >= less.deployments
    assert larger.dollars >= less.dollars * (1 - 1e-9)


@MODERATE
@given(fleets, st.integers(1, 30))
def test_every_figure_of_one_deployment_grows_with_its_load(asked: Fleet, times: int) -> None:
    small = parts_of(share(asked, times), MEASURED, PRICES, is_only=False)
    large = parts_of(share(asked, 1), MEASURED, PRICES, is_only=False)
    for less, more in zip(small, large, strict=True):
        assert more.dollars >= less.dollars * (1 - 1e-9), less.service


@MODERATE
@given(fleets)
def test_a_limit_bites_just_beyond_the_devices_it_is_said_to(asked: Fleet) -> None:
    for bite in sized(asked).bites:
        if bite.devices in (None, 0):
            continue
        beyond = share(replace(asked, devices=bite.devices + 1), 1)
        parts = parts_of(beyond, MEASURED, PRICES, is_only=False)
        uses = [use for part in parts if part.service == bite.service for use in part.uses]
        assert bite.use.used <= bite.use.most
        assert any(use.used > use.most for use in uses), bite


def test_deployments_double() -> None:
    counts = [sized(fleet(devices=10**power)).deployments for power in range(1, 8)]
    assert all(count & (count - 1) == 0 for count in counts)
    assert counts == sorted(counts)


def test_more_deployments_than_a_subscription_has_instances_are_told_of() -> None:
    many, few = sized(fleet(devices=1_000_000)), sized(fleet(devices=100))
    assert many.deployments > 10
    assert "A subscription has 10 Digital Twins instances" in many.notes[0]
    assert few.notes == []
    assert sized(fleet(devices=10_000_000, changed=0)).notes == []


def test_a_few_devices_fit_the_smallest_of_everything() -> None:
    small = sized(fleet(devices=10))
    assert small.deployments == 1
    assert figures(small)["edition"] == "S1"
    assert number(small, "units") == 1
    assert number(small, "throughput units") == 1
    assert figures(small)["throughput"] == "serverless"
    assert str(figures(small)["SKU"]).startswith("Dev")


def test_many_devices_ask_more_requests_of_cosmos_db_than_many_messages() -> None:
    of_many = sized(fleet(devices=1000, rate=0.1, changed=0))
    of_few = sized(fleet(devices=4, rate=25, changed=0))
    assert number(of_many, "requests/s") > 20 * number(of_few, "requests/s")


def test_every_figure_limit_and_price_names_its_source() -> None:
    sizing = sized(fleet())
    for part in sizing.parts:
        assert all(figure.source for figure in part.figures)
        assert all(use.source.startswith("https://") for use in part.uses)
        assert all(charge.price.source.startswith("https://") for charge in part.charges)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"devices": 0}, "--devices is 0"),
        ({"devices": MOST_DEVICES + 1}, "--devices"),
        ({"rate": 0.0}, "--rate"),
        ({"rate": float("nan")}, "--rate"),
        ({"message_bytes": 300_000}, "--bytes"),
        ({"changed": 1.5}, "--changed"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused_by_name(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(FleetMistake, match=named):
        replace(fleet(), **wrong)  # type: ignore[arg-type]


def test_a_device_that_is_too_fast_is_refused_with_the_limit_it_breaks() -> None:
    with pytest.raises(FleetMistake, match="One device alone"):
        sized(fleet(devices=3, rate=1000, message_bytes=200_000))


@pytest.mark.parametrize(("text", "rate"), [("0.5", 0.5), ("1/60", 1 / 60), (" 2 ", 2.0), ("1e-2", 0.01)])
def test_a_rate_is_a_number_or_a_fraction(text: str, rate: float) -> None:
    assert rate_of(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "fast", "1/0", "nan", "inf", "1/2/3", "--"])
def test_any_other_rate_is_refused(text: str) -> None:
    with pytest.raises(FleetMistake, match="messages a second"):
        rate_of(text)


def test_a_price_list_of_ones_own_changes_the_costs(tmp_path: Path) -> None:
    given_prices = json.loads((PROJECT / "operations/size/prices.json").read_text())
    for price in given_prices["prices"].values():
        price["price"] *= 2
    own = tmp_path / "prices.json"
    own.write_text(json.dumps(given_prices))
    assert size(fleet(), MEASURED, read_prices(own)).dollars == pytest.approx(2 * sized(fleet()).dollars)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"asOf": "", "region": "", "currency": "", "prices": {}}'])
def test_a_file_that_is_no_price_list_is_refused(tmp_path: Path, text: str) -> None:
    own = tmp_path / "prices.json"
    own.write_text(text)
    with pytest.raises(FleetMistake, match="prices"):
        read_prices(own)


def test_the_calculation_knows_the_project_s_own_settings() -> None:
    host = json.loads((PROJECT / "host.json").read_text())["extensions"]["eventHubs"]
    assert host["minEventBatchSize"] == partitions.SMALLEST_BATCH
    assert TOPOLOGY["eventHubs"]["telemetry"]["partitions"] == partitions.FEWEST
    assert TOPOLOGY["cosmos"]["containers"]["telemetry"]["defaultTtl"] == stores.DAYS_KEPT * 86_400
    assert "feed_poll_delay=500" in (PROJECT / "functions" / "forward_changes.py").read_text()  # stores.IDLE_UNITS
    scripts = "\n".join(path.read_text() for path in sorted((PROJECT / "kql").glob("*.kql")))
    hot = dict(re.findall(r"\.alter (?:table|materialized-view) (\w+) policy caching hot = (\d+)d", scripts))
    kept = dict(
        re.findall(r"\.alter-merge (?:table|materialized-view) (\w+) policy retention softdelete = (\d+)d", scripts)
    )
    assert {name: int(hot[name]) for name in stores.HOT_DAYS} == stores.HOT_DAYS
    assert {name: min(365, int(kept[name])) for name in stores.KEPT_DAYS} == stores.KEPT_DAYS
