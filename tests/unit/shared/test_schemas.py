"""The JSON Schemas in docs/schemas: current, and of one mind with the decoder."""

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from local.launch import PROJECT
from shared.dead_letters.letters import letter_of_rejection
from shared.schemas import schemas, text
from tests.unit.shared.hub_events import rejected_one
from tests.unit.shared.test_decoding import tag_maps

SCHEMAS = schemas()
message = Draft202012Validator(SCHEMAS["message.schema.json"])
dead_letter = Draft202012Validator(SCHEMAS["dead-letter.schema.json"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_in_docs_is_current(name: str) -> None:
    written = (PROJECT / "docs" / "schemas" / name).read_text(encoding="utf-8")

    assert written == text(SCHEMAS[name]), "run: python -m shared.schemas docs/schemas"


@given(tag_maps)
def test_messages_that_are_taken_are_valid(tags: dict[str, Any]) -> None:
    message.validate(tags)
    message.validate([tags, {"specversion": "1.0", "id": "1", "source": "s", "data": tags}])


@pytest.mark.parametrize(
    "value",
    [7, "text", None, {"a": None}, {"a": {"Value": None}}, {"a": {"Value": [1]}}, {"a": 1, "timestamp": "yesterday"}],
)
def test_what_is_rejected_is_not_valid(value: Any) -> None:
    rejected_one(json.dumps(value).encode())

    assert not message.is_valid(value)


def test_dead_letter_is_valid() -> None:
    dead_letter.validate(json.loads(letter_of_rejection("store", rejected_one(b"{")).to_json()))
