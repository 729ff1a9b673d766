"""A local Digital Twins that tells a local Event Hubs, and the SDK's unmodified clients for it."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

from local.certificates import Trust
from local.event_hubs_namespace import connection_string
from local.identity.tokens import endpoint_secret
from local.launch import ServerProcess
from tests.contract.digital_twins.hub import Hub
from tests.contract.digital_twins.models import BASE, MODELS, ROOM

_names = itertools.count(1)
API = {"api-version": "2023-10-31"}
ENDPOINT = "events"


@pytest.fixture(scope="session")
def event_hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    arguments = ["--data", str(tmp_path_factory.mktemp("hubs"))]
    for hub in ("twin-events", "twin-history", "killed-events", "killed-history"):
        arguments += ["--hub", f"{hub}:4"]
    with ServerProcess("event_hubs", arguments, has_admin=True).start() as server:
        yield server


@pytest.fixture(scope="session")
def digital_twins(
    tmp_path_factory: pytest.TempPathFactory, trust: Trust, trust_directory: Path, event_hubs: ServerProcess
) -> Iterator[ServerProcess]:
    """`url` is HTTPS with a token check, `admin` plain HTTP without. It has the tests' models."""
    arguments = ["--endpoint", f"{ENDPOINT}=twin-events", "--history", "twin-history"]
    arguments += ["--event-hubs", connection_string(event_hubs.port)]
    with server(tmp_path_factory.mktemp("twins"), trust_directory, *arguments).start() as started:
        httpx.post(f"{started.admin}/models", params=API, json=MODELS).raise_for_status()
        yield started


def server(data: Path, trust_directory: Path, *arguments: str) -> ServerProcess:
    """A server on this data, not yet started."""
    common = ["--data", str(data), "--trust", str(trust_directory), "--http", "0"]
    return ServerProcess("digital_twins", [*common, *arguments], has_admin=True)


@pytest.fixture
def credentials(identity: ServerProcess, trust: Trust, trust_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stack sets for every process: who the managed identity is, and whom to trust."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", identity.url)
    monkeypatch.setenv("IDENTITY_HEADER", endpoint_secret(trust_directory))
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trust.bundle))


@pytest.fixture
def client(digital_twins: ServerProcess, credentials: None) -> Iterator[DigitalTwinsClient]:
    with DefaultAzureCredential() as credential:
        yield DigitalTwinsClient(digital_twins.url, credential, retry_total=0)


@pytest.fixture
async def aio_client(digital_twins: ServerProcess, credentials: None) -> AsyncIterator[AsyncDigitalTwinsClient]:
    async with (
        AsyncDefaultAzureCredential() as credential,
        AsyncDigitalTwinsClient(digital_twins.url, credential, retry_total=0) as client,
    ):
        yield client


@pytest.fixture
def raw(digital_twins: ServerProcess) -> Iterator[httpx.Client]:
    """Plain HTTP, for what no SDK sends."""
    assert digital_twins.admin is not None
    with httpx.Client(base_url=digital_twins.admin, params=API) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A new id, whichever time this test is tried."""
    return f"twin-{next(_names)}-{uuid4().hex[:8]}"


@pytest.fixture
def hub(event_hubs: ServerProcess) -> Hub:
    return Hub(event_hubs)


def room(**properties: Any) -> dict[str, Any]:
    """The body of a twin of the model Room."""
    return {"$metadata": {"$model": ROOM}, **properties}


def base(**properties: Any) -> dict[str, Any]:
    return {"$metadata": {"$model": BASE}, **properties}
