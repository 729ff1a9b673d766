"""Which files are checked, how each is read, and what its schema finds in it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from jsonschema import FormatChecker
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from checks.documents.workflows import broken_rules

PROJECT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: a JSON path, or the reader's own line and column."""

    file: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.message}"


class Unreadable(Exception):
    """The file is no JSON or YAML, or names something twice."""


def read_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise Unreadable(str(error)) from error


def read_yaml(text: str) -> Any:
    """YAML 1.2, as GitHub and azd read it: `on` is a name. Names may not repeat."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise Unreadable(" ".join(str(error).split())) from error


def own_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / name).read_text())
    return schema


def workflow_schema() -> dict[str, Any]:
    """SchemaStore's (Apache-2.0), in the version that check-jsonschema brings."""
    schema: dict[str, Any] = get_builtin_schema("vendor.github-workflows")
    return schema


def _no_rules(document: Any) -> Iterator[tuple[str, str]]:
    return iter(())


@dataclass(frozen=True)
class Kind:
    """Files of one form. `rules` yields places and messages of what a schema can't say."""

    pattern: str
    read: Callable[[str], Any]
    schema: Callable[[], dict[str, Any]]
    rules: Callable[[Any], Iterator[tuple[str, str]]] = _no_rules


KINDS = (
    Kind("azure.yaml", read_yaml, lambda: own_schema("azure.schema.json")),
    Kind("host.json", read_json, lambda: own_schema("host.schema.json")),
    Kind("local.settings.sample.json", read_json, lambda: own_schema("local.settings.schema.json")),
    Kind(".github/workflows/*.yml", read_yaml, workflow_schema, broken_rules),
)


def findings(root: Path = PROJECT) -> list[Finding]:
    """What is wrong with the project's files. A kind without any file is a finding, too."""
    found: list[Finding] = []
    for kind in KINDS:
        paths = sorted(root.glob(kind.pattern))
        if not paths:
            found.append(Finding(kind.pattern, "-", "there is no such file"))
        for path in paths:
            found += check(path.read_text(), kind, str(path.relative_to(root)))
    return found


def check(text: str, kind: Kind, file: str) -> Iterator[Finding]:
    try:
        document = kind.read(text)
    except Unreadable as error:
        yield Finding(file, "-", str(error))
        return
    validator = _validator(kind.schema())
    broken = sorted(validator.iter_errors(document), key=lambda each: each.json_path)
    for each in broken:
        nearest = best_match([each]) or each
        yield Finding(file, nearest.json_path, nearest.message)
    if not broken:
        for place, message in kind.rules(document):
            yield Finding(file, place, message)


def _validator(schema: dict[str, Any]) -> Validator:
    form = validator_for(schema)
    form.check_schema(schema)
    return form(schema, format_checker=FormatChecker())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Unreadable(f"{name} is named twice")
        members[name] = value
    return members
