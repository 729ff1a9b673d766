"""A local Data Explorer for the contract tests, and unmodified clients of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoApiError

from local.launch import ServerProcess

DATABASE = "iot"
ALONE = ("--no-data-connections", "--no-queued-ingestion")
"""Arguments of a server that reads no hub and no queue."""
Row = tuple[Any, ...]


class Kusto:
    """An unmodified KustoClient over plain HTTP, with rows in their wire form."""

    def __init__(self, client: KustoClient) -> None:
        self.client = client

    def rows(self, query: str, *, database: str = DATABASE, **options: Any) -> list[Row]:
        return [tuple(row) for row in self.table(query, database=database, **options).raw_rows]

    def table(self, query: str, *, database: str = DATABASE, **options: Any) -> Any:
        properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
        for name, value in options.items():
            properties.set_option(name, value)
        return self.client.execute(database, query, properties).primary_results[0]

    def given(self, query: str, **parameters: Any) -> list[Row]:
        properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
        for name, value in parameters.items():
            properties.set_parameter(name, value)
        return [tuple(row) for row in self.client.execute(DATABASE, query, properties).primary_results[0].raw_rows]


@pytest.fixture(scope="session")
def data_explorer(tmp_path_factory: pytest.TempPathFactory, trust_directory: Path) -> Iterator[ServerProcess]:
    """`url` is HTTPS with a token check, `admin` plain HTTP without."""
    with server(tmp_path_factory.mktemp("data_explorer"), trust_directory).start() as started:
        yield started


def server(data: Path, trust_directory: Path) -> ServerProcess:
    """A server on this data, not yet started."""
    arguments = ["--data", str(data), "--trust", str(trust_directory), "--http", "0", *ALONE]
    arguments += ["--database", DATABASE, "--database", "other"]
    return ServerProcess("data_explorer", arguments, has_admin=True)


@pytest.fixture(scope="session")
def kusto(data_explorer: ServerProcess) -> Iterator[Kusto]:
    with client_of(data_explorer) as client:
        yield Kusto(client)


def client_of(started: ServerProcess) -> KustoClient:
    assert started.admin is not None
    return KustoClient(KustoConnectionStringBuilder.with_no_authentication(started.admin))


SLOW = (
    "range x from 1 to 1000000 step 1 | extend k = 1 "
    "| join kind=inner (range y from 1 to 1000000 step 1 | extend k = 1) on k | summarize sum(x * y)"
)
"""A query that nobody waits for."""


def status(error: KustoApiError) -> int:
    """The HTTP status that an error came with."""
    assert isinstance(error.http_response, requests.Response)
    return error.http_response.status_code


@pytest.fixture
def named() -> Callable[[str], str]:
    """Names of entities that no other test has."""
    suffix = uuid4().hex[:8]
    return lambda name: f"{name}_{suffix}"
