"""What a change tells the world: CloudEvents by the event routes, and data history records, into the outbox.

They are written in the change's own transaction, so that none is lost and none tells of what did not happen.

Source: Learn, "Event notifications" and "Data history (with Azure Data Explorer)"; CloudEvents AMQP protocol binding
1.0, binary mode: attributes are application properties `cloudEvents:…`, the body is the data.
"""

import os
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from local.digital_twins.dtdl.interfaces import Interface
from local.digital_twins.relationship_documents import properties as relationship_properties
from local.digital_twins.route_filters import compiled
from local.digital_twins.twin_documents import Place, model_of, properties, source_time_at, value_at

PROPERTY_TABLE = "AdtPropertyEvents"
TWIN_TABLE = "AdtTwinLifecycleEvents"
RELATIONSHIP_TABLE = "AdtRelationshipLifecycleEvents"
_PREFIX = "cloudEvents:"
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Destinations:
    """Where events go: `endpoints` are hubs by endpoint name, `history` the hub of data history records, if any.

    `instance` is what the service's host name is: the source of events, and history's ServiceId.
    """

    endpoints: Mapping[str, str]
    history: str | None = None
    instance: str = "localhost"


class Outbox:
    """Writes, through the connection of the change it tells of, what has to be sent."""

    def __init__(self, destinations: Destinations) -> None:
        self._to = destinations

    def twin_created(self, connection: sqlite3.Connection, twin: Document, interface: Interface, moment: str) -> None:
        twin_id = twin["$dtId"]
        self._notify(connection, "Microsoft.DigitalTwins.Twin.Create", twin_id, twin_id, twin, moment)
        self._record_twin(connection, twin, "Create", moment)
        self._record_properties(connection, twin, properties(twin, interface), moment)

    def twin_updated(
        self,
        connection: sqlite3.Connection,
        twin: Document,
        patch: Sequence[Mapping[str, Any]],
        places: Iterable[Place],
        moment: str,
    ) -> None:
        """`places` are the properties that the patch touched."""
        twin_id = twin["$dtId"]
        data = {"modelId": model_of(twin), "patch": patch}
        self._notify(connection, "Microsoft.DigitalTwins.Twin.Update", twin_id, twin_id, data, moment)
        self._record_properties(connection, twin, places, moment)

    def twin_deleted(self, connection: sqlite3.Connection, twin: Document, moment: str) -> None:
        twin_id = twin["$dtId"]
        self._notify(connection, "Microsoft.DigitalTwins.Twin.Delete", twin_id, twin_id, twin, moment)
        self._record_twin(connection, twin, "Delete", moment)

    def relationship_created(self, connection: sqlite3.Connection, link: Document, model: str, moment: str) -> None:
        """`model` is the source twin's."""
        kind = "Microsoft.DigitalTwins.Relationship.Create"
        self._notify(connection, kind, link["$sourceId"], _subject(link), link, moment)
        self._record_relationship(connection, link, "Create", moment)
        self._record_link_properties(connection, link, model, relationship_properties(link), moment)

    def relationship_updated(
        self,
        connection: sqlite3.Connection,
        link: Document,
        model: str,
        patch: Sequence[Mapping[str, Any]],
        names: Iterable[str],
        moment: str,
    ) -> None:
        """`names` are the properties that the patch touched."""
        kind, data = "Microsoft.DigitalTwins.Relationship.Update", {"modelId": model, "patch": patch}
        self._notify(connection, kind, link["$sourceId"], _subject(link), data, moment)
        self._record_link_properties(connection, link, model, names, moment)

    def relationship_deleted(self, connection: sqlite3.Connection, link: Document, moment: str) -> None:
        kind = "Microsoft.DigitalTwins.Relationship.Delete"
        self._notify(connection, kind, link["$sourceId"], _subject(link), link, moment)
        self._record_relationship(connection, link, "Delete", moment)

    def telemetry(
        self, connection: sqlite3.Connection, twin_id: str, component: str, model: str, message: "TelemetryMessage"
    ) -> None:
        """Telemetry is routed, and not kept. `model` is the twin's, or its component's."""
        attributes = {
            "id": message.id,
            "type": "microsoft.iot.telemetry",
            "source": f"{self._to.instance}/digitaltwins/{twin_id}",
            "time": message.time,
            "dataschema": model,
            **({"subject": component} if component else {}),
        }
        self._route(connection, twin_id, attributes, message.data)

    def _notify(
        self, connection: sqlite3.Connection, kind: str, twin_id: str, subject: str, data: Document, moment: str
    ) -> None:
        attributes = {"type": kind, "source": self._to.instance, "subject": subject, "time": moment}
        self._route(connection, twin_id, attributes, data)

    def _route(self, connection: sqlite3.Connection, twin_id: str, attributes: Mapping[str, str], data: Any) -> None:
        """Puts the event into the outbox once for each route that lets it through."""
        routes = connection.execute("SELECT endpoint, filter FROM routes ORDER BY id").fetchall()
        if not routes:
            return
        event = {"specversion": "1.0", "id": str(uuid.uuid4()), **attributes, "datacontenttype": "application/json"}
        event["traceparent"] = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
        headers = {_PREFIX + name: value for name, value in event.items() if name != "datacontenttype"}
        for endpoint, text in routes:
            hub = self._to.endpoints.get(endpoint)
            if hub is not None and compiled(text)(event, data):
                _put(connection, hub, twin_id, headers, data)

    def _record_twin(self, connection: sqlite3.Connection, twin: Document, action: str, moment: str) -> None:
        record = {
            "TwinId": twin["$dtId"],
            "Action": action,
            "TimeStamp": moment,
            "ServiceId": self._to.instance,
            "ModelId": model_of(twin),
        }
        self._record(connection, TWIN_TABLE, twin["$dtId"], record)

    def _record_relationship(self, connection: sqlite3.Connection, link: Document, action: str, moment: str) -> None:
        record = {
            "RelationshipId": link["$relationshipId"],
            "Name": link["$relationshipName"],
            "Action": action,
            "TimeStamp": moment,
            "ServiceId": self._to.instance,
            "Source": link["$sourceId"],
            "Target": link["$targetId"],
        }
        self._record(connection, RELATIONSHIP_TABLE, link["$sourceId"], record)

    def _record_properties(
        self, connection: sqlite3.Connection, twin: Document, places: Iterable[Place], moment: str
    ) -> None:
        """A component's property has the key component_property. A property that is gone has no record."""
        for place in places:
            try:
                value = value_at(twin, place)
            except KeyError:
                continue
            record = {
                "TimeStamp": moment,
                "SourceTimeStamp": source_time_at(twin, place),
                "ServiceId": self._to.instance,
                "Id": twin["$dtId"],
                "ModelId": model_of(twin),
                "Key": "_".join(part for part in place if part),
                "Value": value,
                "RelationshipTarget": "",
                "RelationshipId": "",
            }
            self._record(connection, PROPERTY_TABLE, twin["$dtId"], record)

    def _record_link_properties(
        self, connection: sqlite3.Connection, link: Document, model: str, names: Iterable[str], moment: str
    ) -> None:
        for name in names:
            if name not in link:
                continue
            record = {
                "TimeStamp": moment,
                "SourceTimeStamp": None,
                "ServiceId": self._to.instance,
                "Id": link["$sourceId"],
                "ModelId": model,
                "Key": name,
                "Value": link[name],
                "RelationshipTarget": link["$targetId"],
                "RelationshipId": link["$relationshipId"],
            }
            self._record(connection, PROPERTY_TABLE, link["$sourceId"], record)

    def _record(self, connection: sqlite3.Connection, table: str, twin_id: str, record: Document) -> None:
        if self._to.history is None:
            return
        headers = {"Table": table, "IngestionMappingReference": f"{table}Mapping", "Format": "json"}
        _put(connection, self._to.history, twin_id, headers, record)


@dataclass(frozen=True)
class TelemetryMessage:
    """What a client published: its own message id, when it was observed, and any JSON."""

    id: str
    time: str
    data: Any


def _subject(link: Document) -> str:
    return f"{link['$sourceId']}/relationships/{link['$relationshipId']}"


def _put(connection: sqlite3.Connection, hub: str, twin_id: str, headers: Mapping[str, str], data: Any) -> None:
    connection.execute(
        "INSERT INTO outbox(hub, partition_key, properties, body) VALUES(?, ?, ?, ?)",
        (hub, twin_id, orjson.dumps(headers).decode(), orjson.dumps(data).decode()),
    )
