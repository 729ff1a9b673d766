"""Partial document updates through the real SDK: six operations, conditions, refusals."""

from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

START = {
    "id": "a",
    "device": "d",
    "count": 1,
    "list": [1, 2, 3],
    "inner": {"x": 1, "deep": {"y": 2}},
    "a/b": 0,
    "m~n": 0,
}


def patched(container: ContainerProxy, *operations: dict[str, Any]) -> dict[str, Any]:
    container.create_item(START)
    document = container.patch_item("a", "d", list(operations))
    assert document == container.read_item("a", "d")
    return {name: value for name, value in document.items() if not name.startswith("_")}


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ({"op": "add", "path": "/new", "value": {"k": [1]}}, {"new": {"k": [1]}}),
        ({"op": "add", "path": "/count", "value": "other"}, {"count": "other"}),
        ({"op": "add", "path": "/list/1", "value": 9}, {"list": [1, 9, 2, 3]}),
        ({"op": "add", "path": "/list/3", "value": 9}, {"list": [1, 2, 3, 9]}),
        ({"op": "add", "path": "/list/-", "value": 9}, {"list": [1, 2, 3, 9]}),
        ({"op": "set", "path": "/new", "value": None}, {"new": None}),
        ({"op": "set", "path": "/inner/deep/y", "value": 5}, {"inner": {"x": 1, "deep": {"y": 5}}}),
        ({"op": "set", "path": "/list/1", "value": 9}, {"list": [1, 9, 3]}),
        ({"op": "replace", "path": "/inner", "value": 0}, {"inner": 0}),
        ({"op": "replace", "path": "/list/0", "value": 0}, {"list": [0, 2, 3]}),
        ({"op": "remove", "path": "/inner/deep"}, {"inner": {"x": 1}}),
        ({"op": "remove", "path": "/list/0"}, {"list": [2, 3]}),
        ({"op": "incr", "path": "/count", "value": 4}, {"count": 5}),
        ({"op": "incr", "path": "/count", "value": -0.5}, {"count": 0.5}),
        ({"op": "incr", "path": "/fresh", "value": 7}, {"fresh": 7}),
        ({"op": "incr", "path": "/list/2", "value": 1}, {"list": [1, 2, 4]}),
        ({"op": "set", "path": "/a~1b", "value": 1}, {"a/b": 1}),
        ({"op": "set", "path": "/m~0n", "value": 1}, {"m~n": 1}),
    ],
)
def test_operation_changes_what_it_names(
    container: ContainerProxy, operation: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert patched(container, operation) == {**START, **changes}


def test_move_takes_the_value_along(container: ContainerProxy) -> None:
    document = patched(container, {"op": "move", "from": "/inner/deep", "path": "/moved"})

    assert document["moved"] == {"y": 2}
    assert document["inner"] == {"x": 1}


def test_operations_are_done_in_order(container: ContainerProxy) -> None:
    document = patched(
        container,
        {"op": "set", "path": "/new", "value": {}},
        {"op": "add", "path": "/new/k", "value": 1},
        {"op": "incr", "path": "/new/k", "value": 2},
        {"op": "remove", "path": "/count"},
    )

    assert document["new"] == {"k": 3}
    assert "count" not in document


@pytest.mark.parametrize(
    ("operations", "reason"),
    [
        ([{"op": "replace", "path": "/missing", "value": 1}], "not found"),
        ([{"op": "remove", "path": "/missing"}], "not found"),
        ([{"op": "add", "path": "/missing/x", "value": 1}], "no path found beyond"),
        ([{"op": "add", "path": "/count/x", "value": 1}], "no path found beyond"),
        ([{"op": "add", "path": "/list/9", "value": 1}], "no index"),
        ([{"op": "set", "path": "/list/x", "value": 1}], "no index"),
        ([{"op": "remove", "path": "/list/-"}], "no index"),
        ([{"op": "set", "path": "/list/" + "9" * 5000, "value": 1}], "no index"),
        ([{"op": "set", "path": "/list/" + "9" * 5000 + "/x", "value": 1}], "no path found beyond"),
        ([{"op": "incr", "path": "/inner", "value": 1}], "Only a number"),
        ([{"op": "incr", "path": "/count", "value": "1"}], "must be a number"),
        ([{"op": "incr", "path": "/count", "value": 1.7e308}] * 2, "too large"),
        ([{"op": "move", "from": "/missing", "path": "/x"}], "not found"),
        ([{"op": "move", "from": "/inner", "path": "/inner/deep/z"}], "JSON child"),
        ([{"op": "set", "path": "/id", "value": "b"}], "can't be patched"),
        ([{"op": "set", "path": "/_ts", "value": 1}], "can't be patched"),
        ([{"op": "set", "path": "/device", "value": "other"}], "partition key"),
        ([{"op": "set", "path": "count", "value": 1}], "must start with '/'"),
        ([{"op": "set", "path": "/ttl", "value": 0}], "ttl"),
        ([{"op": "test", "path": "/count", "value": 1}], "not a valid operation type"),
        ([{"op": "set", "path": "/count"}], "'value' of the operation is missing"),
        ([{"op": "set", "path": f"/p{number}", "value": 1} for number in range(11)], "can't exceed '10'"),
        ([], "payload is invalid"),
        ([{"op": "set", "path": "/count", "value": 2}, {"op": "remove", "path": "/missing"}], r"For Operation\(2\)"),
    ],
)
def test_patch_that_cannot_be_done_changes_nothing(
    container: ContainerProxy, operations: list[dict[str, Any]], reason: str
) -> None:
    created = container.create_item(START)

    with pytest.raises(CosmosHttpResponseError, match=reason) as refused:
        container.patch_item("a", "d", operations)

    assert refused.value.status_code == 400
    assert container.read_item("a", "d") == created


def test_patch_of_nothing_is_not_found(container: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        container.patch_item("a", "d", [{"op": "set", "path": "/count", "value": 1}])


def test_patch_is_done_only_if_its_condition_holds(container: ContainerProxy) -> None:
    container.create_item(START)
    more = [{"op": "incr", "path": "/count", "value": 1}]

    container.patch_item("a", "d", more, filter_predicate="FROM c WHERE c.count = 1 AND ARRAY_LENGTH(c.list) = 3")
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.patch_item("a", "d", more, filter_predicate="FROM c WHERE c.count = 1")

    assert (refused.value.status_code, refused.value.sub_status) == (412, 1110)
    assert container.read_item("a", "d")["count"] == 2


def test_condition_that_is_no_sql_is_refused(container: ContainerProxy) -> None:
    container.create_item(START)

    with pytest.raises(CosmosHttpResponseError, match="filter predicate") as refused:
        container.patch_item("a", "d", [{"op": "remove", "path": "/count"}], filter_predicate="WHERE WHERE")

    assert refused.value.status_code == 400
