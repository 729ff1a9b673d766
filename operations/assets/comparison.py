"""Pure: assets and tags in Readings and in the twin graph against the registry, in both directions."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, NamedTuple

from shared.twins.registry import Kind, Registry

Tags = Mapping[str, Set[str]]
"""The tags of each asset."""
PATH = "path"
_WILDCARDS = ("*", "?")


class Twin(NamedTuple):
    """An asset's twin. `asset` is the path that it stands for, or its id when it has none."""

    asset: str
    model: str
    properties: frozenset[str]


class Drift(NamedTuple):
    """One thing that is not as the registry says; `tag` is empty when it is of the asset as a whole."""

    asset: str
    tag: str
    finding: str


def asset_twins(documents: Iterable[Mapping[str, Any]], registry: Registry) -> list[Twin]:
    """The twins of assets among all twins: places are left out."""
    found = []
    for document in documents:
        model = str(document["$metadata"]["$model"])
        if model not in registry.place_models:
            properties = frozenset(name for name in document if not name.startswith("$") and name != PATH)
            found.append(Twin(str(document.get(PATH, document["$dtId"])), model, properties))
    return found


def drifts(registry: Registry, readings: Tags, twins: Iterable[Twin]) -> list[Drift]:
    """All differences, by asset."""
    by_asset = {twin.asset: twin for twin in twins}
    found: list[Drift] = []
    for asset in sorted(readings.keys() | by_asset.keys()):
        kind = registry.kind_of(asset)
        if kind is None:
            found.append(Drift(asset, "", "is not in the registry"))
        else:
            found += _of_asset(asset, kind, registry, readings.get(asset), by_asset.get(asset))
    return found + [
        Drift(rule.path, "", "is in the registry, and has neither readings nor a twin")
        for rule in registry.assets
        if not any(wildcard in rule.path for wildcard in _WILDCARDS)
        and rule.path not in readings
        and rule.path not in by_asset
    ]


def _of_asset(asset: str, kind: Kind, registry: Registry, read: Set[str] | None, twin: Twin | None) -> Iterator[Drift]:
    tags = registry.tags_of(kind)
    for tag in sorted((read or set()) - tags.keys()):
        yield Drift(asset, tag, "has readings, and is not in the registry")
    if read is None:
        yield Drift(asset, "", "has a twin, and no readings")
    else:
        for tag in sorted(kind.tags.keys() - read):
            yield Drift(asset, tag, "is in the registry, and has no readings")
    if twin is None:
        yield Drift(asset, "", "has readings, and no twin")
        return
    if twin.model != kind.model:
        yield Drift(asset, "", f"its twin is of {twin.model}, in the registry of {kind.model}")
    properties = {tag.property or name: name for name, tag in tags.items()}
    for name in sorted(twin.properties - properties.keys()):
        yield Drift(asset, name, "is in the twin, and not in the registry")
    for name in sorted(properties.keys() - twin.properties):
        if read is not None and properties[name] in read:
            yield Drift(asset, properties[name], "has readings, and is not in the twin")


def idle_rules(registry: Registry, assets: Iterable[str]) -> list[str]:
    """The patterns of rules that no asset is of."""
    used = {registry.rule_of(asset) for asset in assets}
    return [rule.path for rule in registry.assets if rule not in used]
