"""A Digital Twins instance without models, as a deployment leaves it, and a project folder of its own for the hook."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from local.certificates import Trust
from local.event_hubs_namespace import connection_string
from local.identity.tokens import endpoint_secret
from local.launch import PROJECT, ServerProcess
from shared.topology import TWIN_ROUTES

NEEDED = ("operations", "shared", "dtdl", "assets.json", "topology.json", "infra", "docs")


@dataclass(frozen=True)
class Deployment:
    """`environment` is what azd's hook gets: the outputs of infra/main.bicep, and who signs in."""

    twins: ServerProcess
    environment: dict[str, str]

    def ask(self, path: str) -> list[dict[str, object]]:
        """A list of the instance's, over plain HTTP."""
        answer = httpx.get(f"{self.twins.admin}/{path}", params={"api-version": "2023-10-31"})
        rows: list[dict[str, object]] = answer.raise_for_status().json()["value"]
        return rows

    def count(self, query: str) -> int:
        """What a query's COUNT() says."""
        url = f"{self.twins.admin}/query"
        answer = httpx.post(url, params={"api-version": "2023-10-31"}, json={"query": query})
        return int(answer.raise_for_status().json()["value"][0]["COUNT"])


@pytest.fixture(scope="session")
def instance(
    tmp_path_factory: pytest.TempPathFactory, trust: Trust, trust_directory: Path, identity: ServerProcess
) -> Iterator[Deployment]:
    data = tmp_path_factory.mktemp("deployment")
    hub = next(iter(TWIN_ROUTES))
    with ServerProcess("event_hubs", ["--data", str(data / "hubs"), "--hub", f"{hub}:1"], has_admin=True) as broker:
        arguments = ["--data", str(data / "twins"), "--trust", str(trust_directory), "--http", "0"]
        arguments += ["--event-hubs", connection_string(broker.port), "--endpoint", f"{hub}={hub}"]
        with ServerProcess("digital_twins", arguments, has_admin=True) as twins:
            yield Deployment(twins, _environment(twins, identity, trust, trust_directory))


def _environment(twins: ServerProcess, identity: ServerProcess, trust: Trust, trust_directory: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AzureWebJobsStorage__accountName": "storage1",
        "EventHubs__fullyQualifiedNamespace": "namespace1.servicebus.windows.net",
        "CosmosDB__accountEndpoint": "https://account1.documents.azure.com:443/",
        "KUSTO_URI": "https://cluster1.westeurope.kusto.windows.net",
        "KUSTO_INGEST_URI": "https://ingest-cluster1.westeurope.kusto.windows.net",
        "DIGITAL_TWINS_URL": twins.url,
        "ANALYTICS_ROUTE": "parallel",
        "IDENTITY_ENDPOINT": identity.url,
        "IDENTITY_HEADER": endpoint_secret(trust_directory),
        "SSL_CERT_FILE": str(trust.bundle),
        "REQUESTS_CA_BUNDLE": str(trust.bundle),
    }


@pytest.fixture
def deployment(instance: Deployment) -> Iterator[Deployment]:
    """The instance, which takes everything again after the test."""
    yield instance
    httpx.delete(f"{instance.twins.admin}/_local/faults").raise_for_status()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project without settings, for whoever writes some."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in NEEDED:
        (folder / name).symlink_to(PROJECT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder
