"""Fault rules strike what they match, as often as they say."""

import random
from collections import Counter

import pytest
from pydantic import ValidationError

from local.faults import FaultRules, Faults


def faults(*rules: dict[str, object], seed: int = 1) -> Faults:
    made = Faults(random.Random(seed))
    made.replace(FaultRules.model_validate({"rules": list(rules)}))
    return made


def test_without_rules_nothing_is_struck() -> None:
    assert Faults().strike("send:telemetry") is None


def test_the_first_rule_whose_glob_matches_strikes() -> None:
    made = faults({"match": "send:*", "action": "busy"}, {"match": "*", "action": "reset"})

    assert [rule.action for name in ("send:a", "receive:a") if (rule := made.strike(name))] == ["busy", "reset"]


def test_a_count_runs_out_and_the_rest_is_shown() -> None:
    made = faults({"match": "*", "action": "busy", "count": 2})

    assert [made.strike("x") is not None for _ in range(4)] == [True, True, False, False]
    assert made.rules.rules[0].count == 0


def test_a_rate_strikes_that_share() -> None:
    made = faults({"match": "*", "action": "busy", "rate": 0.2})

    struck = Counter(made.strike("x") is not None for _ in range(5_000))
    assert 800 < struck[True] < 1_200


def test_rules_are_told_when_they_change_and_can_be_cleared() -> None:
    made = Faults()
    changes: list[int] = []
    made.on_change = lambda: changes.append(len(made.rules.rules))
    made.replace(FaultRules.model_validate({"rules": [{"action": "reset"}]}))
    made.clear()

    assert changes == [1]
    assert made.strike("x") is None


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"action": "status", "status": 200},
        {"action": "busy", "rate": 0},
        {"action": "busy", "rate": 1.5},
        {"action": "busy", "count": -1},
        {"action": "busy", "colour": "red"},
        {},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        faults(rule)
