"""Where the asset registry and the models disagree."""

from collections.abc import Iterator, Mapping

from checks.dtdl.parser import Finding, Model, Property
from shared.twins.registry import Registry, Tag

FILE = "assets.json"
AGGREGATED = {"count": ("long", "integer"), "worst-status": ("enum",)}
NUMBERS = ("double", "float", "long", "integer")


def disagreements(registry: Registry, models: Mapping[str, Model]) -> list[Finding]:
    """Every model that the registry names is there, and has what it says: properties, schemas, units, values."""
    found: list[Finding] = []
    for name, kind in registry.kinds.items():
        model = models.get(kind.model)
        if model is None:
            found.append(_finding(kind.model, "model", f"kind {name} is of a model that there is not"))
            continue
        found += _wrong_tags(kind.model, model, registry.tags_of(kind))
        if "isPartOf" not in model.relationships:
            found.append(_finding(kind.model, "relationship", "isPartOf is missing"))
    for place in sorted(registry.place_models):
        found += _wrong_place(place, models, registry)
    return found


def _wrong_tags(name: str, model: Model, tags: Mapping[str, Tag]) -> Iterator[Finding]:
    if (path := model.properties.get("path")) is None or path.schema != "string":
        yield _finding(name, "path", "a twin's path is a string property")
    for tag_name, tag in tags.items():
        there = model.properties.get(tag.property or tag_name)
        wanted = Property(tag.schema_, tag.unit, list(tag.values))
        if there is None:
            yield _finding(name, "property", f"{tag.property or tag_name} is missing")
        elif there != wanted:
            yield _finding(name, "schema", f"{tag_name} is {wanted} in the registry, {there} in the model")


def _wrong_place(name: str, models: Mapping[str, Model], registry: Registry) -> Iterator[Finding]:
    model = models.get(name)
    if model is None:
        yield _finding(name, "model", "places are of a model that there is not")
        return
    for relationship in ("contains", "isPartOf"):
        if relationship not in model.relationships:
            yield _finding(name, "relationship", f"{relationship} is missing")
    for property_name, aggregate in registry.aggregates.items():
        there = model.properties.get(property_name)
        if there is None:
            yield _finding(name, "property", f"{property_name} is missing")
        elif there.schema not in AGGREGATED.get(aggregate.by, NUMBERS):
            yield _finding(name, "schema", f"{property_name} ({aggregate.by}) is no {there.schema}")
        elif aggregate.by == "worst-status" and set(there.values) != set(registry.severity):
            yield _finding(name, "values", f"{property_name} takes {list(there.values)}, severity has other values")


def _finding(model: str, code: str, message: str) -> Finding:
    return Finding(FILE, model, code, message)
