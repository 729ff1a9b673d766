"""What the end-to-end tests do to the stack, and what they ask of it."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import httpx
from azure.cosmos import CosmosClient
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.storage.blob import ContainerClient

from local.iot_hub.access import SERVICE_KEY, SERVICE_POLICY
from local.stack.connections import TOPOLOGY, write_settings
from local.stack.servers import Servers
from simulator.fleet import Fleet, FleetPlan
from simulator.replay import replay
from simulator.samples import Message
from simulator.senders import HttpsSender, HubSender, IotHubAddress, Sender

Reading = tuple[str, str, datetime, str, Any]
"""(asset, tag, source timestamp, type of the value, value)."""

PATIENCE_SECONDS = 90
_COLUMNS = (("ValueLong", "long"), ("ValueReal", "real"), ("ValueString", "string"), ("ValueBool", "bool"))


class Pipeline:
    """The stack, for one fleet's events: `name` stands before each of its devices and assets."""

    def __init__(self, servers: Servers, name: str) -> None:
        assert servers.connections is not None
        self.servers = servers
        self.name = name
        self._connections = servers.connections
        self._kusto = KustoClient(KustoConnectionStringBuilder.with_no_authentication(self._connections.kusto_http))
        self._cosmos = CosmosClient.from_connection_string(self._connections.cosmos)
        self._letters = ContainerClient.from_connection_string(
            self._connections.storage, TOPOLOGY["storage"]["containers"]["deadLetters"]
        )

    def close(self) -> None:
        self._kusto.close()  # type: ignore[no-untyped-call]
        self._cosmos.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self._letters.close()

    # ---- sending

    def fleet(self, messages: int, *, devices: int = 8, **shares: float) -> list[Message]:
        """So many messages of a fleet of this test's own."""
        fleet = Fleet(FleetPlan(devices=devices, name=self.name, **shares))  # type: ignore[arg-type]
        start = datetime.now(UTC) - timedelta(seconds=5) * (messages // devices)
        return list(islice(fleet.messages(start, timedelta(seconds=5)), messages))

    def send(self, messages: Sequence[Message], rate: float | None = None, sender: Sender | None = None) -> None:
        """Straight to the hub, if no other sender is given."""

        async def send() -> None:
            async with sender or HubSender(self._connections.event_hubs, self._hub) as way:
                await replay(messages, way, rate=rate)

        asyncio.run(send())

    def devices(self) -> HttpsSender:
        """Sends as devices do, over HTTPS to the IoT Hub; tries again for some seconds."""
        authority = self._connections.trust.authority
        return HttpsSender(IotHubAddress(self._connections.iot_hub, authority, SERVICE_POLICY, SERVICE_KEY))

    @contextmanager
    def sending(self, messages: Sequence[Message], rate: float, sender: Sender | None = None) -> Iterator[None]:
        """Sends in the background while the block runs, and to the end of it."""
        errors: list[BaseException] = []

        def send() -> None:
            try:
                self.send(messages, rate, sender)
            except Exception as error:  # noqa: BLE001 - raised again below, in the test's own thread
                errors.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        if errors:
            raise errors[0]

    def send_until_accepted(self, messages: Sequence[Message], rate: float) -> None:
        """Sends piece by piece, each again until the hub has taken it: as a device does whose hub is away."""
        piece = max(1, int(rate / 4))
        for start in range(0, len(messages), piece):
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    self.send(messages[start : start + piece])
                    break
                except Exception:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)

    # ---- asking

    def readings(self) -> Counter[Reading]:
        """This fleet's rows in Readings."""
        rows = self.query(
            f"Readings | where Asset startswith '{self.name}' "
            "| project Asset, TagName, SourceTimestamp, ValueLong, ValueReal, ValueString, ValueBool"
        )
        return Counter(_reading(row) for row in rows)

    def stored(self) -> int:
        container = self._cosmos.get_database_client(TOPOLOGY["cosmos"]["database"]).get_container_client("telemetry")
        counts: list[Any] = list(
            container.query_items(
                "SELECT VALUE COUNT(1) FROM c WHERE STARTSWITH(c.deviceId, @name)",
                parameters=[{"name": "@name", "value": self.name}],
                enable_cross_partition_query=True,
            )
        )
        return sum(counts)

    def letters(self) -> list[dict[str, Any]]:
        """This fleet's dead letters."""
        found = (json.loads(self._letters.download_blob(name).readall()) for name in self._letters.list_blob_names())
        return [letter for letter in found if str(letter.get("deviceId", "")).startswith(self.name)]

    def query(self, text: str) -> list[list[Any]]:
        answer = self._kusto.execute_query(TOPOLOGY["dataExplorer"]["database"], text).primary_results[0]
        return [list(row) for row in answer.raw_rows]

    def wait_until_settled(self, messages: Sequence[Message]) -> None:
        """Returns once what these messages should leave behind is there; the test then looks whether it is right."""
        wanted = sum(readings_of(messages).values())
        self.wait(lambda: sum(self.readings().values()) >= wanted)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Returns when the condition holds, or when patience ends: what then is missing, the assertions tell."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except Exception:  # noqa: BLE001 - a server that is being killed answers in many ways
                pass
            time.sleep(0.3)

    # ---- doing harm

    def switch_route(self, route: str) -> None:
        """Has the app send to analytics the other way, as an operator does: settings, then a graceful restart."""
        write_settings(self.servers.settings, {"ANALYTICS_ROUTE": route})
        host = self.servers.by_name["functions_host"]
        host.stop()
        host.start()

    def lose_documents(self, count: int) -> None:
        """Deletes some of this fleet's documents from Cosmos DB."""
        container = self._cosmos.get_database_client(TOPOLOGY["cosmos"]["database"]).get_container_client("telemetry")
        query = f"SELECT TOP {count} c.id, c.deviceId, c.day FROM c WHERE STARTSWITH(c.deviceId, @name)"
        parameters: list[dict[str, object]] = [{"name": "@name", "value": self.name}]
        found = list(container.query_items(query, parameters=parameters, enable_cross_partition_query=True))
        for document in found:
            container.delete_item(document["id"], [document["deviceId"], document["day"]])

    def command(self, text: str) -> None:
        """Runs a management command of the analytics database."""
        self._kusto.execute_mgmt(TOPOLOGY["dataExplorer"]["database"], text)

    def faults(self, server: str, *rules: dict[str, Any]) -> None:
        self._faults(server, "PUT", json={"rules": list(rules)})

    def no_faults(self, server: str) -> None:
        self._faults(server, "DELETE")

    def _faults(self, server: str, method: str, **request: Any) -> None:
        process = self.servers.by_name[server]
        httpx.request(method, f"{process.admin or process.url}/_local/faults", **request).raise_for_status()

    @property
    def _hub(self) -> str:
        hub: str = next(iter(TOPOLOGY["eventHubs"]))
        return hub


def readings_of(messages: Sequence[Message]) -> Counter[Reading]:
    """What well-formed messages must leave in Readings: each reading once, however often it was sent."""
    readings: set[Reading] = set()
    for message in messages:
        for tag, reading in _tags(message).items():
            time = datetime.fromisoformat(reading["SourceTimestamp"])
            readings.add((message.asset, tag, time, *_typed(reading["Value"])))
    return Counter(readings)


def is_malformed(message: Message) -> bool:
    return not _tags(message)


def well_formed(messages: Sequence[Message]) -> int:
    """How many different well-formed messages there are: what Cosmos must hold."""
    return len({(message.device, message.body) for message in messages if not is_malformed(message)})


def _tags(message: Message) -> dict[str, Any]:
    """A message's tags; none for what the simulator made malformed on purpose."""
    try:
        parsed = json.loads(message.body)
        for reading in parsed.values():
            datetime.fromisoformat(reading["SourceTimestamp"])
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}
    tags: dict[str, Any] = parsed
    return tags


def _typed(value: Any) -> tuple[str, Any]:
    kind = {bool: "bool", int: "long", float: "real", str: "string"}[type(value)]
    return kind, value


def _reading(row: list[Any]) -> Reading:
    asset, tag, timestamp, *values = row
    given = [
        (kind, bool(value) if kind == "bool" else value)
        for (_, kind), value in zip(_COLUMNS, values, strict=True)
        if value is not None and not (kind == "string" and value == "")
    ]
    (kind, value) = given[0] if len(given) == 1 else ("not exactly one value", given)
    return asset, tag, datetime.fromisoformat(timestamp), kind, value
