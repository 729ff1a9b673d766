"""The asset registry, assets.json: which kind an asset path is of, and each kind's model, tags, units and deadbands."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FILE = Path(__file__).resolve().parent.parent.parent / "assets.json"
DTDL_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
"""Names of DTDL contents (DTDL v3 language description, "Property")."""
Schema = Literal["boolean", "integer", "long", "float", "double", "string", "enum"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tag(_Part):
    """How a tag's values come into the twin. No deadband: every newer value is sent."""

    schema_: Schema = Field(alias="schema")
    unit: str | None = None
    deadband: float | None = Field(default=None, ge=0)
    values: tuple[str, ...] = ()
    property: str | None = Field(default=None, description="the twin's property, when it is not named as the tag")


class Kind(_Part):
    """What assets have in common: `model` is a DTMI; tags are by the name that devices send."""

    model: str
    tags: Mapping[str, Tag]


class Rule(_Part):
    """Assets of a path are of a kind. `*` stands for any text but a slash, `**` for any text, `?` for one character.

    A pattern without a slash is of the path's last step. Capitals and small letters are the same.
    """

    path: str
    kind: str


class Aggregate(_Part):
    """A property of a place, made of those of what it contains. `of` is a property of assets; without, the assets."""

    by: Literal["avg", "min", "max", "sum", "count", "worst-status"]
    of: str | None = None


class Places(_Part):
    """The models of the places on an asset's path: of its first step, and of those between that and the asset."""

    site: str
    area: str


class Registry(_Part):
    """The whole file. Rules are tried in their order; `tags` are of every kind; `severity` goes from best to worst."""

    places: Places
    severity: tuple[str, ...]
    tags: Mapping[str, Tag]
    kinds: Mapping[str, Kind]
    assets: tuple[Rule, ...]
    aggregates: Mapping[str, Aggregate]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for rule in self.assets:
            if rule.kind not in self.kinds:
                raise ValueError(f"{rule.path!r} is of kind {rule.kind!r}, which there is not")
        for name, kind in self.kinds.items():
            self._check_properties(name, kind)
        for name, aggregate in self.aggregates.items():
            if aggregate.by == "avg" and self.weight_of(aggregate) is None:
                raise ValueError(f"{name!r} is an average, and nothing counts {aggregate.of!r}")
            if aggregate.of is None and aggregate.by != "count":
                raise ValueError(f"{name!r} needs `of`: only count does without")
        return self

    def _check_properties(self, name: str, kind: Kind) -> None:
        properties = [tag.property or tag_name for tag_name, tag in self.tags_of(kind).items()]
        for each in properties:
            if not DTDL_NAME.fullmatch(each):
                raise ValueError(f"kind {name!r}: {each!r} is no name of a DTDL property; give it one with `property`")
        if len(set(properties)) != len(properties):
            raise ValueError(f"kind {name!r}: two tags have the same property")

    def tags_of(self, kind: Kind) -> Mapping[str, Tag]:
        return {**self.tags, **kind.tags}

    def kind_of(self, path: str) -> Kind | None:
        """The kind of an asset; None when no rule is of its path."""
        rule = self.rule_of(path)
        return None if rule is None else self.kinds[rule.kind]

    def rule_of(self, path: str) -> Rule | None:
        last = path.rpartition("/")[2]
        for rule in self.assets:
            if _pattern(rule.path).fullmatch(path if "/" in rule.path else last):
                return rule
        return None

    def weight_of(self, aggregate: Aggregate) -> str | None:
        """The aggregate that counts what this one is an average of."""
        for name, each in self.aggregates.items():
            if each.by == "count" and each.of == aggregate.of:
                return name
        return None

    @property
    def place_models(self) -> frozenset[str]:
        return frozenset([self.places.site, self.places.area])


@lru_cache(maxsize=1_024)
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\?)", path)
    return re.compile("".join(_PATTERNS.get(part, re.escape(part)) for part in parts), re.DOTALL | re.IGNORECASE)


_PATTERNS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The registry of this process, read once. Raises ValidationError (pydantic) when the file is wrong."""
    return Registry.model_validate_json(FILE.read_bytes())
