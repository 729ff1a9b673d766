"""Rebuilding gold drops exactly the views that the script makes, and makes them again, filled."""

import re

from operations.rebuild import GOLD, gold_commands

SCRIPT = """// Two views.

// The first.
.create ifnotexists materialized-view with (folder = "gold") First on table T {
    T
    | summarize take_any(*) by Id
}

.create ifnotexists materialized-view with (folder = "gold", docString = "b") Second on materialized-view First {
    First
    | summarize count() by Id
}

.alter materialized-view First policy caching hot = 1d
"""


def test_a_view_over_another_is_dropped_before_it() -> None:
    assert gold_commands(SCRIPT)[:2] == [
        ".drop materialized-view Second ifexists",
        ".drop materialized-view First ifexists",
    ]


def test_views_are_made_again_from_what_is_there_in_the_script_s_order() -> None:
    assert gold_commands(SCRIPT)[2:] == [
        '.create async ifnotexists materialized-view with (backfill = true, folder = "gold") First on table T {\n'
        "    T\n    | summarize take_any(*) by Id\n}",
        '.create async ifnotexists materialized-view with (backfill = true, folder = "gold", docString = "b") '
        "Second on materialized-view First {\n    First\n    | summarize count() by Id\n}",
        ".alter materialized-view First policy caching hot = 1d",
    ]


def test_of_the_project_s_own_script_every_view_is_made_again_and_nothing_is_left_out() -> None:
    script = GOLD.read_text()
    wanted = re.findall(r"^\.create ifnotexists materialized-view with \(.*?\) (\w+) on ", script, re.MULTILINE)
    commands = gold_commands(script)

    drops = [each.split()[2] for each in commands if each.startswith(".drop")]
    creates = [match[1] for each in commands if (match := re.match(r"\.create async .*?\) (\w+) on ", each))]

    assert wanted
    assert creates == wanted
    assert drops == wanted[::-1]
    assert len(commands) == len(wanted) + len(re.findall(r"^\.", script, re.MULTILINE))
