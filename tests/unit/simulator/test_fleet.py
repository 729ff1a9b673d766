"""The fleet: the same from the same seed, with as many faults as were asked for."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

from simulator.fleet import MALFORMED, Fleet, FleetPlan

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=5)


def test_the_same_seed_makes_the_same_fleet() -> None:
    plan = FleetPlan(devices=5, duplicates=0.1, late=0.1, malformed=0.1)

    first, second = (list(islice(Fleet(plan).messages(START, STEP), 500)) for _ in range(2))

    assert first == second


def test_every_device_sends_in_turn_from_its_site() -> None:
    messages = list(islice(Fleet(FleetPlan(devices=4, sites=2, duplicates=0)).messages(START, STEP), 8))

    assert Counter(message.device for message in messages) == {f"freezer000{number}": 2 for number in range(1, 5)}
    assert [message.asset for message in messages[:2]] == [
        "site01/channel01/freezer0001",
        "site02/channel01/freezer0002",
    ]


def test_faults_come_as_often_as_asked_for_and_are_counted() -> None:
    fleet = Fleet(FleetPlan(devices=10, duplicates=0.1, late=0.2, malformed=0.1, clock_ahead=0.05))
    messages = list(islice(fleet.messages(START, STEP), 5_000))

    assert 400 < sum(message.body in MALFORMED for message in messages) < 600
    assert 300 < fleet.made["duplicates"] < 600
    assert 700 < fleet.made["late"] < 1_100
    assert 100 < fleet.made["clock ahead"] < 350
    assert abs(fleet.made["good"] + fleet.made["malformed"] + fleet.made["duplicates"] - 5_000) <= 1


def test_two_fleets_of_different_names_share_no_device() -> None:
    first, second = (
        {message.device for message in islice(Fleet(FleetPlan(name=name)).messages(START, STEP), 50)}
        for name in ("a-", "b-")
    )

    assert not first & second
