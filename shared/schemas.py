"""The JSON Schemas of docs/schemas, made from the models that validate: `python -m shared.schemas DIR`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from shared.dead_letters.letters import DeadLetter
from shared.telemetry.models import Element

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, dict[str, Any]]:
    """Each schema by the name of its file."""
    return {
        "message.schema.json": {
            "$schema": DIALECT,
            "title": "Device message",
            **TypeAdapter[Any](Element | list[Element]).json_schema(by_alias=True),
        },
        "dead-letter.schema.json": {"$schema": DIALECT, **DeadLetter.model_json_schema(by_alias=True)},
    }


def text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    for name, schema in schemas().items():
        (folder / name).write_text(text(schema), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
