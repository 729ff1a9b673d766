"""The models that the tests' twins are made of."""

from collections.abc import MutableMapping
from typing import Any

Model = MutableMapping[str, Any]
SENSOR, BASE, ROOM, FREEZER, SITE = (f"dtmi:tests:{name};1" for name in ("Sensor", "Base", "Room", "Freezer", "Site"))


def interface(model: str, *contents: Model, version: int = 3, **more: Any) -> Model:
    document = {"@id": model, "@type": "Interface", "@context": f"dtmi:dtdl:context;{version}", **more}
    return {**document, "contents": list(contents)} if contents else document


def property_(name: str, schema: Any = "double") -> Model:
    return {"@type": "Property", "name": name, "schema": schema}


def relationship(name: str, *properties: Model, **more: Any) -> Model:
    return {"@type": "Relationship", "name": name, "properties": list(properties), **more}


def component(name: str, model: str) -> Model:
    return {"@type": "Component", "name": name, "schema": model}


MAP = {
    "@type": "Map",
    "mapKey": {"name": "key", "schema": "string"},
    "mapValue": {"name": "value", "schema": "string"},
}
MODELS: list[Model] = [
    interface(SENSOR, property_("reading"), property_("status", "string"), displayName="Sensor"),
    interface(BASE, property_("label", "string"), property_("installed", "dateTime")),
    interface(
        ROOM,
        property_("temperature"),
        property_("count", "integer"),
        property_("tags", MAP),
        property_(
            "pose",
            {
                "@type": "Object",
                "fields": [{"name": "roll", "schema": "double"}, {"name": "pitch", "schema": "double"}],
            },
        ),
        property_(
            "mode",
            {
                "@type": "Enum",
                "valueSchema": "string",
                "enumValues": [{"name": "on", "enumValue": "on"}, {"name": "off", "enumValue": "off"}],
            },
        ),
        property_("levels", {"@type": "Array", "elementSchema": "integer"}),
        {"@type": "Telemetry", "name": "noise", "schema": "double"},
        relationship("contains", property_("since", "string"), target=BASE),
        relationship("near"),
        extends=BASE,
        displayName={"en": "Room"},
        description="A room",
    ),
    interface(FREEZER, component("sensor", SENSOR), property_("door", "boolean"), extends=[BASE]),
    interface(SITE, relationship("contains")),
]
