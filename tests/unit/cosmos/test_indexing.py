"""What an indexing policy indexes, and how many entries a document makes."""

from typing import Any

import pytest

from local.cosmos.indexing import parse_policy

DOCUMENT = {"id": "a", "n": 1, "list": [1, 2, {"x": 3}], "tags": {"t": {"value": 1, "time": "now"}}, "empty": {}}


def policy(included: list[str], excluded: list[str], **more: Any) -> dict[str, Any]:
    return {
        "includedPaths": [{"path": path} for path in included],
        "excludedPaths": [{"path": path} for path in excluded],
        **more,
    }


@pytest.mark.parametrize(
    ("given", "terms"),
    [
        (None, 7),
        (policy(["/*"], []), 7),
        (policy(["/*"], ["/tags/*"]), 5),
        (policy(["/*"], ["/n/?", "/list/*"]), 3),
        (policy(["/n/?"], ["/*"]), 1),
        (policy(["/n/?", "/missing/?", "/tags/?"], ["/*"]), 1),
        (policy(["/tags/*"], ["/*"]), 2),
        (policy(["/list/[]/?"], ["/*"]), 2),
        (policy(["/list/[]/x/?"], ["/*"]), 1),
        (policy(['/"n"/?'], ["/*"]), 1),
        (policy([], ["/*"]), 0),
        ({"indexingMode": "none"}, 0),
        (policy([], ["/*"], compositeIndexes=[[{"path": "/n"}, {"path": "/id", "order": "descending"}]]), 1),
    ],
)
def test_terms_are_the_values_on_included_paths(given: Any, terms: int) -> None:
    _, parsed = parse_policy(given)

    assert parsed.count_terms(DOCUMENT) == terms


@pytest.mark.parametrize(
    ("path", "is_covered"),
    [(("n",), True), (("tags", "t"), False), (("tags", "kept"), True), (("tags", "kept", "deep"), False), ((), True)],
)
def test_longest_rule_says_whether_a_path_is_covered(path: tuple[str, ...], is_covered: bool) -> None:
    _, parsed = parse_policy(policy(["/*", "/tags/kept/?"], ["/tags/*"]))

    assert parsed.covers(path) is is_covered


def test_only_single_properties_are_selected_for_indexes_of_their_own() -> None:
    _, parsed = parse_policy(policy(["/a/?", "/b/c/?", "/tree/*", "/list/[]/?"], ["/*"]))

    assert parsed.selected == ("/a/?", "/b/c/?")
