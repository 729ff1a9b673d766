"""Microsoft's DTDL parser in a Node process, and what it finds."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("main.mjs")


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: `code` is the parser's own or the name of one of our rules."""

    file: str
    model: str | None
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.code}: {f'{self.model}: ' if self.model else ''}{self.message}"


@dataclass(frozen=True)
class Property:
    """`schema` is the last part of its DTMI, or `enum`, and then `values` are what it takes."""

    schema: str
    unit: str | None
    values: Sequence[str]


@dataclass(frozen=True)
class Model:
    """What twins of a model have, inherited or not."""

    extends: Sequence[str]
    properties: Mapping[str, Property]
    relationships: Mapping[str, str | None]


class Parsed(NamedTuple):
    """Of one set: what is wrong, and, unless the parser refused it, the models by id."""

    findings: list[Finding]
    models: dict[str, Model]


def models_of(folder: Path = PROJECT / "dtdl") -> dict[str, str]:
    """The text of every model file, by its path within the project."""
    return {str(path.relative_to(folder.parent)): path.read_text() for path in sorted(folder.rglob("*.json"))}


def parsed(*sets: Mapping[str, str]) -> list[Parsed]:
    """What is wrong with sets of models, each of texts by file, and what they are."""
    request = {"sets": [[{"file": file, "text": text} for file, text in files.items()] for files in sets]}
    run = subprocess.run(["node", PROGRAM], input=json.dumps(request), stdout=subprocess.PIPE, text=True, check=True)
    return [
        Parsed(
            [Finding(**each) for each in answer["findings"]],
            {name: _model(model) for name, model in answer["models"].items()},
        )
        for answer in json.loads(run.stdout)
    ]


def _model(described: Mapping[str, Any]) -> Model:
    properties = {name: Property(**each) for name, each in described["properties"].items()}
    return Model(described["extends"], properties, described["relationships"])
