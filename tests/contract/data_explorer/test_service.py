"""The service around the engine: tokens, faults, readers beside ingestion, draining."""

import asyncio
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from azure.identity import DefaultAzureCredential
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoApiError, KustoNetworkError, KustoServiceError, KustoThrottlingError

from local.certificates import Trust
from local.identity.tokens import Tokens, endpoint_secret
from local.launch import PROJECT, NotReady, ServerProcess
from tests.contract.data_explorer.conftest import DATABASE, SLOW, Kusto, client_of, server, status

Named = Callable[[str], str]
AIO = """
import asyncio, sys
from azure.identity.aio import DefaultAzureCredential
from azure.kusto.data import KustoConnectionStringBuilder
from azure.kusto.data.aio import KustoClient

async def main():
    async with DefaultAzureCredential() as credential:
        kcsb = KustoConnectionStringBuilder.with_azure_token_credential(sys.argv[1], credential)
        async with KustoClient(kcsb) as client:
            print((await client.execute("iot", "print x = 40 + 2")).primary_results[0].raw_rows[0][0])

asyncio.run(main())
"""


@pytest.fixture
def stack_settings(identity: ServerProcess, trust_directory: Path, trust: Trust) -> dict[str, str]:
    """What the stack sets for a process that knows nothing of it."""
    return {
        "IDENTITY_ENDPOINT": identity.url,
        "IDENTITY_HEADER": endpoint_secret(trust_directory),
        "SSL_CERT_FILE": str(trust.bundle),
        "REQUESTS_CA_BUNDLE": str(trust.bundle),
    }


def test_default_credential_of_the_sync_client_is_let_in_over_https(
    data_explorer: ServerProcess, stack_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack_settings.items():
        monkeypatch.setenv(name, value)
    with DefaultAzureCredential() as credential:
        kcsb = KustoConnectionStringBuilder.with_azure_token_credential(data_explorer.url, credential)
        with KustoClient(kcsb) as client:
            rows = client.execute(DATABASE, "print x = 42").primary_results[0].raw_rows

    assert rows == [[42]]


def test_default_credential_of_the_aio_client_is_let_in_over_https(
    data_explorer: ServerProcess, stack_settings: dict[str, str]
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", AIO, data_explorer.url],
        env={**os.environ, **stack_settings},
        cwd=PROJECT,
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert ran.stdout.decode().strip() == "42"


def test_missing_foreign_and_misdirected_tokens_are_refused_over_https(
    data_explorer: ServerProcess, trust: Trust, trust_directory: Path, tmp_path: Path
) -> None:
    audience = "https://kusto.kusto.windows.net"
    foreign = Tokens(tmp_path).issue(audience, "a").text
    misdirected = Tokens(trust_directory).issue("https://digitaltwins.azure.net", "a").text
    good = Tokens(trust_directory).issue(audience, "a").text
    with httpx.Client(verify=ssl.create_default_context(cafile=trust.authority)) as client:

        def answered(token: str | None) -> int:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            url = f"{data_explorer.url}/v2/rest/query"
            return client.post(url, json={"db": DATABASE, "csl": "print 1"}, headers=headers).status_code

        assert [answered(token) for token in (None, foreign, misdirected, good)] == [401, 401, 401, 200]


@pytest.fixture
def faults(data_explorer: ServerProcess) -> Iterator[Callable[..., None]]:
    url = f"{data_explorer.admin}/_local/faults"

    def strike(**rule: object) -> None:
        httpx.put(url, json={"rules": [rule]}).raise_for_status()

    yield strike
    httpx.delete(url).raise_for_status()


def test_throttling_fault_is_the_clients_throttling_error_once(kusto: Kusto, faults: Callable[..., None]) -> None:
    faults(match="query", action="status", status=429, retryAfterMs=1000, count=1)

    with pytest.raises(KustoThrottlingError):
        kusto.rows("print 1")
    assert kusto.rows("print 1") == [(1,)]


def test_unavailable_fault_is_not_permanent_and_names_its_operation(kusto: Kusto, faults: Callable[..., None]) -> None:
    faults(match="mgmt", action="busy")

    assert kusto.rows("print 1") == [(1,)]
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(".show tables")
    assert status(caught.value) == 503
    assert caught.value.get_api_error().permanent is False


def test_delay_fault_makes_a_query_slow_and_right(kusto: Kusto, faults: Callable[..., None]) -> None:
    faults(match="query", action="delay", delayMs=300, count=1)
    began = time.monotonic()

    assert kusto.rows("print 1") == [(1,)]
    assert time.monotonic() - began >= 0.3


def test_second_server_on_the_same_data_says_why_it_does_not_start(tmp_path: Path, trust_directory: Path) -> None:
    second = server(tmp_path, trust_directory)
    with server(tmp_path, trust_directory).start(), pytest.raises(NotReady, match="another server"):
        second.start()
    second.close()


def test_reset_fault_is_a_network_error(kusto: Kusto, faults: Callable[..., None]) -> None:
    faults(match="query", action="reset", count=1)

    with pytest.raises(KustoNetworkError):
        kusto.rows("print 1")


def test_readers_go_on_while_data_is_ingested_and_see_whole_batches(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (v:long)")
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(int(kusto.rows(f"{table} | count")[0][0]))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(10):
        kusto.rows(f".append {table} <| range v from 1 to 100 step 1")
    done.set()
    for reader in readers:
        reader.join()

    assert {count % 100 for count in seen} == {0}
    assert kusto.rows(f"{table} | count") == [(1000,)]


async def test_client_that_hangs_up_cancels_its_query(data_explorer: ServerProcess) -> None:
    async with httpx.AsyncClient(base_url=data_explorer.admin or "") as client:
        with pytest.raises(httpx.TimeoutException):
            await client.post("/v2/rest/query", json={"db": DATABASE, "csl": SLOW}, timeout=0.3)
        async with asyncio.timeout(20):
            while (await client.get("/_local/health", timeout=20)).json()["runningQueries"] > 0:  # noqa: ASYNC110 - remote
                await asyncio.sleep(0.05)


def test_terminated_server_drains_and_keeps_everything(tmp_path: Path, trust_directory: Path) -> None:
    with server(tmp_path, trust_directory).start() as started:
        with client_of(started) as client:
            Kusto(client).rows(".set Kept <| print v = 1")
        assert started.terminate() == 0
        started.close()
        started.start()
        with client_of(started) as client:
            assert Kusto(client).rows("Kept") == [(1,)]


def test_client_with_a_forged_token_is_refused_over_https(
    data_explorer: ServerProcess, stack_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", stack_settings["REQUESTS_CA_BUNDLE"])
    with (
        KustoClient(
            KustoConnectionStringBuilder.with_aad_user_token_authentication(data_explorer.url, "forged")
        ) as client,
        pytest.raises(KustoServiceError, match="401"),
    ):
        client.execute(DATABASE, "print 1")
