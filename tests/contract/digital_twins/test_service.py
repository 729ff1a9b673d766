"""The service's edges: tokens, versions, paths, bodies, faults, limits."""

import json
import os
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

from local.identity.tokens import Tokens, endpoint_secret
from local.launch import ServerProcess
from tests.contract.digital_twins.conftest import API, Issued, code_of, room, server
from tests.contract.digital_twins.hub import eventually
from tests.contract.digital_twins.models import MODELS, ROOM

JSON_PATCH = {"content-type": "application/json-patch+json"}


@pytest.fixture
def managed_identity(
    identity: ServerProcess, trust_directory: Path, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", identity.url)
    monkeypatch.setenv("IDENTITY_HEADER", endpoint_secret(trust_directory))


@pytest.mark.usefixtures("managed_identity")
async def test_default_credential_opens_the_service_for_both_clients(digital_twins: ServerProcess) -> None:
    with DefaultAzureCredential() as credential:
        assert DigitalTwinsClient(digital_twins.url, credential).get_model(ROOM).id == ROOM
    async with (
        AsyncDefaultAzureCredential() as aio_credential,
        AsyncDigitalTwinsClient(digital_twins.url, aio_credential) as client,
    ):
        assert (await client.get_model(ROOM)).id == ROOM


@pytest.mark.usefixtures("trusted")
def test_token_of_another_authority_is_refused(digital_twins: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(ClientAuthenticationError):
        DigitalTwinsClient(digital_twins.url, Issued(tmp_path)).get_model(ROOM)


@pytest.mark.parametrize("audience", ["https://kusto.kusto.windows.net", ""])
def test_without_a_token_for_digital_twins_nothing_is_told(
    digital_twins: ServerProcess, trust_directory: Path, trust: Any, audience: str
) -> None:
    token = Tokens(trust_directory).issue(audience, "tests").text if audience else ""
    headers = {"authorization": f"Bearer {token}"} if token else {}

    answer = httpx.get(
        f"{digital_twins.url}/models",
        params=API,
        headers=headers,
        verify=ssl.create_default_context(cafile=str(trust.bundle)),
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
    assert "Bearer" in answer.headers["www-authenticate"]


def test_api_version_is_required_and_known(raw: httpx.Client) -> None:
    missing = raw.get("/models", params={"api-version": ""})
    unknown = raw.get("/models", params={"api-version": "2031-01-01"})

    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "MissingApiVersionParameter")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "UnsupportedApiVersion")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/jobs/imports/one", 501),
        ("GET", "/jobs/deletions", 501),
        ("POST", "/digitaltwins/x", 405),
        ("DELETE", "/query", 405),
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
    ],
)
def test_what_is_not_served_is_said_so(raw: httpx.Client, method: str, path: str, status: int) -> None:
    answer = raw.request(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


BODIES = [
    *(b"", b"{", b"nil", b"NaN", b"3", b"\xff\xfe", b'{"a": 1e999}', b'"\\ud800"', b"[null]", b"[[]]"),
    *(b"[" * 3000, b"{" * 3000, b"[" * 400 + b"]" * 400),
    *(b'[{"op": 1, "path": 2}]', b'{"$metadata": []}', b'{"$metadata": {"$model": 3}}'),
    b'{"$metadata": {"$model": "dtmi:tests:Room;1", "temperature": 3}, "temperature": {"$metadata": 3}}',
    b'{"$metadata": {"$model": "dtmi:tests:Freezer;1"}, "sensor": {"$metadata": [1], "$x": 1}}',
    b'[{"op": "add", "path": "/sensor/$metadata", "value": 1}]',
    b'[{"op": "add", "path": "//", "value": 1}]',
]


@pytest.mark.parametrize("body", BODIES)
def test_no_body_breaks_the_server(raw: httpx.Client, name: str, body: bytes) -> None:
    raw.put(f"/digitaltwins/{name}", json=room()).raise_for_status()
    for method, path in (
        ("PUT", f"/digitaltwins/{name}-x"),
        ("PATCH", f"/digitaltwins/{name}"),
        ("PUT", f"/digitaltwins/{name}/relationships/r"),
        ("POST", "/models"),
        ("PATCH", f"/models/{ROOM}"),
        ("PUT", f"/eventroutes/{name}"),
        ("POST", "/query"),
    ):
        answer = raw.request(method, path, content=body, headers=JSON_PATCH)
        assert answer.status_code == 400, (method, path, answer.text)
        assert answer.json()["error"]["code"]


def test_body_that_is_too_large_is_413(raw: httpx.Client, name: str) -> None:
    answer = raw.put(f"/digitaltwins/{name}", json=room(label="x" * 300_000))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PayloadTooLarge")


def test_twin_does_not_grow_beyond_what_an_event_holds(raw: httpx.Client, name: str) -> None:
    raw.put(f"/digitaltwins/{name}", json=room(tags={})).raise_for_status()

    statuses = [
        raw.patch(
            f"/digitaltwins/{name}", json=[{"op": "add", "path": f"/tags/t{number}", "value": "x" * 200_000}]
        ).status_code
        for number in range(3)
    ]

    assert statuses == [204, 413, 413]


@pytest.mark.parametrize("size", ["0", "-1", "x", "1e3", "9" * 40])
def test_page_size_that_is_no_positive_number_is_refused(raw: httpx.Client, size: str) -> None:
    answer = raw.get("/models", headers={"max-items-per-page": size})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidArgument")


@pytest.mark.parametrize("token", ["", "x", "W10", "WzEsMl0", "é"])
def test_continuation_that_is_none_is_refused(raw: httpx.Client, token: str) -> None:
    answer = raw.get("/models", params={**API, "continuationToken": token})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidArgument")


@pytest.mark.parametrize("header", [{}, {"message-id": "m", "telemetry-source-time": "noon"}])
def test_telemetry_without_an_id_or_with_a_wrong_time_is_refused(
    raw: httpx.Client, name: str, header: dict[str, str]
) -> None:
    raw.put(f"/digitaltwins/{name}", json=room()).raise_for_status()

    assert raw.post(f"/digitaltwins/{name}/telemetry", json={}, headers=header).status_code == 400


def test_query_tells_its_charge_and_continues(client: DigitalTwinsClient, raw: httpx.Client, name: str) -> None:
    for number in range(3):
        client.upsert_digital_twin(f"{name}-{number}", room(label=name))
    query = f"SELECT * FROM digitaltwins T WHERE T.label = '{name}'"

    pages = [
        [twin["$dtId"] for twin in page]
        for page in client.query_twins(query, headers={"max-items-per-page": "2"}).by_page()
    ]
    answer = raw.post("/query", json={"query": query})

    assert [len(page) for page in pages] == [2, 1]
    assert sorted(twin for page in pages for twin in page) == [f"{name}-{number}" for number in range(3)]
    assert float(answer.headers["query-charge"]) > 0


@pytest.fixture
def faults(raw: httpx.Client) -> Iterator[httpx.Client]:
    yield raw
    raw.delete("/_local/faults").raise_for_status()


def strike(raw: httpx.Client, **rule: Any) -> None:
    raw.put("/_local/faults", json={"rules": [rule]}).raise_for_status()


@pytest.mark.usefixtures("trusted")
def test_injected_429_is_ridden_out_by_the_sdk(
    faults: httpx.Client, digital_twins: ServerProcess, trust_directory: Path, name: str
) -> None:
    client = DigitalTwinsClient(digital_twins.url, Issued(trust_directory))
    client.upsert_digital_twin(name, room(temperature=1))
    strike(faults, match="twins.patch", action="status", status=429, retryAfterMs=1, count=1)

    client.update_digital_twin(name, [{"op": "add", "path": "/temperature", "value": 2}])

    assert client.get_digital_twin(name)["temperature"] == 2
    assert faults.get("/_local/faults").json()["rules"][0]["count"] == 0


def test_injected_fault_tells_when_to_come_again(faults: httpx.Client, client: DigitalTwinsClient, name: str) -> None:
    strike(faults, match="twins.*", action="status", status=429, retryAfterMs=1500, count=1)

    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(name, room())

    assert (refused.value.status_code, code_of(refused.value)) == (429, "TooManyRequests")
    response: Any = refused.value.response
    assert response.headers["Retry-After"] == "2"


def test_reset_fault_ends_the_connection(faults: httpx.Client) -> None:
    strike(faults, match="models.list", action="reset", count=1)

    with pytest.raises(httpx.TransportError):
        faults.get("/models")
    assert faults.get("/models").status_code == 200


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, trust_directory: Path, trust: Any) -> Iterator[httpx.Client]:
    with server(tmp_path_factory.mktemp("limited"), trust_directory, "--limits").start() as started:
        assert started.admin is not None
        with httpx.Client(base_url=started.admin, params=API) as client:
            client.post("/models", json=MODELS).raise_for_status()
            yield client


def test_one_twin_takes_ten_changes_a_second(limited: httpx.Client, name: str) -> None:
    limited.put(f"/digitaltwins/{name}", json=room()).raise_for_status()
    refused: list[httpx.Response] = []

    def is_refused() -> bool:
        for _ in range(12):
            answer = limited.patch(
                f"/digitaltwins/{name}", json=[{"op": "add", "path": "/count", "value": 1}], headers=JSON_PATCH
            )
            if answer.status_code == 429:
                refused.append(answer)
        return bool(refused)

    eventually(is_refused)

    assert refused[0].headers["retry-after"] == "1"
    assert name in refused[0].json()["error"]["message"]
    eventually(lambda: limited.get(f"/digitaltwins/{name}").status_code == 200)


def test_bodies_and_strings_have_the_service_s_sizes(limited: httpx.Client, name: str) -> None:
    body = limited.put(f"/digitaltwins/{name}", json=room(tags={f"t{number}": "x" * 4000 for number in range(9)}))
    string = limited.put(f"/digitaltwins/{name}", json=room(label="x" * 4097))
    fitting = limited.put(f"/digitaltwins/{name}", json=room(label="x" * 4096))

    assert (body.status_code, string.status_code, fitting.status_code) == (413, 400, 200)


def test_without_limits_longer_strings_are_taken(raw: httpx.Client, name: str) -> None:
    assert raw.put(f"/digitaltwins/{name}", json=room(label="x" * 5000)).status_code == 200


def test_endpoint_without_a_namespace_is_the_caller_s_mistake(tmp_path: Path, trust_directory: Path) -> None:
    process = server(tmp_path, trust_directory, "--history", "twin-history").spawn()

    assert process.wait() == 2
    assert "--event-hubs" in process.output
    process.close()


def test_two_servers_do_not_share_data(tmp_path: Path, trust_directory: Path, trust: Any) -> None:
    with server(tmp_path, trust_directory).start():
        second = server(tmp_path, trust_directory).spawn()
        assert second.wait() == 2
        second.close()


def test_sigterm_drains_and_exits_0(tmp_path: Path, trust_directory: Path, trust: Any) -> None:
    with server(tmp_path, trust_directory).start() as process:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == 0


def test_health_counts_what_is_kept(raw: httpx.Client) -> None:
    health = json.loads(raw.get("/_local/health").content)

    assert health["status"] == "ok"
    assert health["models"] >= len(MODELS)
