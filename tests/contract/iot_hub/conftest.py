"""A local IoT Hub in front of a local Event Hubs. azure-iot-device knows one MQTT port only, so it is a session's."""

import base64
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from local.certificates import Trust
from local.event_hubs_namespace import connection_string
from local.iot_hub.access import SERVICE_KEY, SERVICE_POLICY
from local.launch import ServerProcess
from local.shared_access import sign

API = {"api-version": "2021-04-12"}


@dataclass(frozen=True)
class IotHub:
    """A running hub: where it is, and what its telemetry goes to."""

    server: ServerProcess
    event_hubs: ServerProcess
    connection_string: str
    trust: Trust

    @property
    def url(self) -> str:
        return self.server.url.replace("127.0.0.1", "localhost")

    @property
    def authority(self) -> str:
        """The stack's authority, PEM."""
        return self.trust.authority.read_text()

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, params=API, verify=ssl.create_default_context(cafile=str(self.trust.authority))
        )

    def register(self, device: str, **body: object) -> str:
        """Registers a device; its primary key."""
        with self.client() as client:
            client.delete(f"/devices/{device}", headers=service_headers())
            answer = client.put(f"/devices/{device}", headers=service_headers(), json={"deviceId": device, **body})
            answer.raise_for_status()
            return str(answer.json()["authentication"]["symmetricKey"]["primaryKey"])

    def tag(self, device: str, tags: dict[str, object]) -> None:
        with self.client() as client:
            client.patch(f"/twins/{device}", headers=service_headers(), json={"tags": tags}).raise_for_status()


def service_headers() -> dict[str, str]:
    token = sign("localhost", int(time.time()) + 600, base64.b64decode(SERVICE_KEY), SERVICE_POLICY)
    return {"Authorization": token}


def device_token(device: str, key: str, *, lifetime: int = 600) -> str:
    return sign(f"localhost/devices/{device}", int(time.time()) + lifetime, base64.b64decode(key))


@pytest.fixture(scope="session")
def iot_hub(tmp_path_factory: pytest.TempPathFactory, trust_directory: Path, trust: Trust) -> Iterator[IotHub]:
    data = tmp_path_factory.mktemp("iot_hub")
    hubs = ServerProcess("event_hubs", ["--data", str(data / "events"), "--hub", "telemetry:4"], has_admin=True)
    with hubs.start():
        connection = connection_string(hubs.port)
        arguments = ["--data", str(data / "hub"), "--trust", str(trust_directory), "--event-hubs", connection]
        enrichments = ["--enrichment", "asset=$twin.tags.asset", "--enrichment", "region=west"]
        server = ServerProcess("iot_hub", [*arguments, *enrichments])
        with server.start():
            yield IotHub(server, hubs, connection, trust)
