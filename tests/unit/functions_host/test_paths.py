"""Blob paths of triggers and of outputs."""

import re

import pytest

from local.functions_host.blob_paths import InvalidPath, parse_blob_path
from local.functions_host.output_paths import bind_path


@pytest.mark.parametrize(
    ("path", "blob", "names"),
    [
        ("uploads/{name}", "a/b.txt", {"name": "a/b.txt"}),
        ("uploads/{name}.{extension}", "a.b.txt", {"name": "a.b", "extension": "txt"}),
        ("uploads", "anything", {"name": "anything"}),
        ("uploads/in/{name}.csv", "in/x.csv", {"name": "x"}),
        ("uploads/fixed (1).txt", "fixed (1).txt", {}),
    ],
)
def test_blob_is_taken(path: str, blob: str, names: dict[str, str]) -> None:
    assert parse_blob_path(path).match(blob) == names


def test_other_blobs_are_not_taken() -> None:
    path = parse_blob_path("uploads/in/{name}.csv")
    assert (path.container, path.prefix) == ("uploads", "in/")
    assert [path.match(blob) for blob in ("in/x.txt", "x.csv", "in/.csv")] == [None, None, None]


@pytest.mark.parametrize("path", ["", "{container}/x", "c/{name}-{name}"])
def test_path_that_cannot_be_used_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        parse_blob_path(path)


def test_output_paths_take_the_triggers_names() -> None:
    assert bind_path("copies/{Name}.txt", {"name": "a"}) == "copies/a.txt"
    assert re.fullmatch(r"x/[0-9a-f-]{36}", bind_path("x/{rand-guid}", {}))
    assert re.fullmatch(r"x/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", bind_path("x/{DateTime}", {}))
    with pytest.raises(KeyError, match="the trigger gives no value for"):
        bind_path("x/{missing}", {})
