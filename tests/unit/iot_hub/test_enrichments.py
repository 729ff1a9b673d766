"""Enrichments: static text, twin tags, and the path itself where a tag is missing."""

import pytest

from local.iot_hub.enrichments import Enrichment
from local.iot_hub.registry import Device, new_device, patched

DEVICE: Device = new_device("d", tags={"asset": "site/a", "floor": {"number": 3, "open": True}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("west", "west"),
        ("$twin.tags.asset", "site/a"),
        ("$twin.tags.floor.number", "3"),
        ("$twin.tags.floor.open", "true"),
        ("$twin.tags.floor", "$twin.tags.floor"),
        ("$twin.tags.nothing", "$twin.tags.nothing"),
        ("$twin.tags.asset.deeper", "$twin.tags.asset.deeper"),
        ("$twin.properties.desired.x", "$twin.properties.desired.x"),
    ],
)
def test_a_value_is_text_or_a_tag_or_its_own_path(value: str, expected: str) -> None:
    assert Enrichment("key", value).value_for(DEVICE) == expected


def test_a_patch_merges_replaces_and_deletes() -> None:
    tags = {"a": 1, "b": {"c": 2, "d": 3}, "e": 5}

    assert patched(tags, {"a": None, "b": {"c": 4}, "e": {"f": 6}}) == {"b": {"c": 4, "d": 3}, "e": {"f": 6}}
    assert tags == {"a": 1, "b": {"c": 2, "d": 3}, "e": 5}
