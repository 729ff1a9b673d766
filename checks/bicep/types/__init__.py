"""Azure's published resource types, trimmed to those that infra/ uses (README.md here)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Type = dict[str, Any]
REQUIRED, READ_ONLY = 1, 2
"""Flags of a property (bicep-types, ObjectTypePropertyFlags)."""
ANYTHING: Type = {"$ref": "#/any"}
"""Stands for a type that is not looked at."""


class Types:
    """One resource type: what its body and the parts of that refer to."""

    def __init__(self, types: list[Type]) -> None:
        self._types = types

    @property
    def body(self) -> Type:
        return self.at(self._types[0]["body"])

    def at(self, reference: Type) -> Type:
        """The type that `{"$ref": "#/N"}` stands for."""
        if reference == ANYTHING:
            return {"$type": "AnyType"}
        return self._types[int(reference["$ref"].rpartition("/")[2])]


def file_of(resource: str) -> Path:
    """Where `Namespace/type@version` is kept."""
    return FOLDER / (resource.lower().replace("/", "-") + ".json")


@cache
def resource_type(resource: str) -> Types | None:
    """What is known of `Namespace/type@version`; None when nothing is."""
    path = file_of(resource)
    return Types(json.loads(path.read_text())) if path.exists() else None


def known_versions(kind: str) -> list[str]:
    """The versions of a type that are known."""
    prefix = kind.lower().replace("/", "-") + "@"
    return sorted(path.stem.removeprefix(prefix) for path in FOLDER.glob(f"{prefix}*.json"))
