"""A local Digital Twins that tells a local Event Hubs, and the SDK's unmodified clients for it."""

import itertools
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import aiohttp.connector
import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient

from local.certificates import Trust
from local.digital_twins.server import RESOURCE
from local.event_hubs_namespace import connection_string
from local.identity.tokens import Tokens
from local.launch import ServerProcess
from tests.contract.digital_twins.hub import Hub
from tests.contract.digital_twins.models import BASE, MODELS, ROOM

_names = itertools.count(1)
API = {"api-version": "2023-10-31"}
ENDPOINT = "events"
HUBS = ("twin-events", "twin-history", "killed-events", "killed-history")


@pytest.fixture(scope="session")
def event_hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    arguments = ["--data", str(tmp_path_factory.mktemp("hubs"))]
    for hub in (*HUBS, "analytics"):
        arguments += ["--hub", f"{hub}:4:$Default,adx"]
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


class Issued:
    """A credential that has the stack's own tokens without asking its endpoint for each test."""

    def __init__(self, trust_directory: Path) -> None:
        self._tokens = Tokens(trust_directory)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        issued = self._tokens.issue(RESOURCE, "tests")
        return AccessToken(issued.text, issued.expires_on)


class AsyncIssued(Issued):
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # type: ignore[override]
        return super().get_token(*scopes, **options)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...


@pytest.fixture
def trusted(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stack sets for every process: whom to trust.

    aiohttp reads that at its import, which another test's module may have brought about before.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trust.bundle))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context())


@pytest.fixture
def client(digital_twins: ServerProcess, trust_directory: Path, trusted: None) -> DigitalTwinsClient:
    return DigitalTwinsClient(digital_twins.url, Issued(trust_directory), retry_total=0)


@pytest.fixture
async def aio_client(
    digital_twins: ServerProcess, trust_directory: Path, trusted: None
) -> AsyncIterator[AsyncDigitalTwinsClient]:
    async with AsyncDigitalTwinsClient(digital_twins.url, AsyncIssued(trust_directory), retry_total=0) as client:
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


@pytest.fixture(scope="session")
def hub(event_hubs: ServerProcess) -> Iterator[Hub]:
    """Reads, for the whole session, all that the tests' servers send."""
    reading = Hub(event_hubs, *HUBS)
    yield reading
    reading.close()


def room(**properties: Any) -> dict[str, Any]:
    """The body of a twin of the model Room."""
    return {"$metadata": {"$model": ROOM}, **properties}


def base(**properties: Any) -> dict[str, Any]:
    return {"$metadata": {"$model": BASE}, **properties}


def code_of(error: HttpResponseError) -> str:
    """The service's own code of a refusal."""
    assert error.error is not None
    return str(error.error.code)
