"""The master key is really checked."""

import base64
import email.utils
import time
from pathlib import Path

import httpx
import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import NotReady, ServerProcess
from tests.contract.cosmos.raw import RawClient, signature

OTHER_KEY = base64.b64encode(b"another key of some length").decode()


def test_client_with_a_wrong_key_is_refused(cosmos: ServerProcess) -> None:
    with pytest.raises(CosmosHttpResponseError, match="authorization token") as refused:
        CosmosClient(cosmos.url, OTHER_KEY)

    assert refused.value.status_code == 401


def test_server_with_a_key_of_its_own_takes_no_other(tmp_path: Path) -> None:
    with ServerProcess("cosmos", ["--data", str(tmp_path), "--key", OTHER_KEY]).start() as server:
        assert CosmosClient(server.url, OTHER_KEY).create_database("d").id == "d"
        with pytest.raises(CosmosHttpResponseError):
            CosmosClient(server.url, EMULATOR_KEY)


def test_key_that_is_no_base64_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="ended with 2: The key is not base64"):
        ServerProcess("cosmos", ["--data", str(tmp_path), "--key", "no key!"]).start()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer abc"},
        {"authorization": "type%3Dmaster%26ver%3D1.0"},
        {"authorization": "type%3Daad%26ver%3D1.0%26sig%3Dtoken"},
        {"authorization": "type%3Dmaster%26ver%3D1.0%26sig%3DAAAA"},
        {"x-ms-date": ""},
        {"x-ms-date": "Sun, 22 Nov 2020 08:00:00 GMT"},
        {"x-ms-date": "now"},
    ],
)
def test_request_without_a_right_signature_is_refused(
    container: ContainerProxy, raw: RawClient, headers: dict[str, str]
) -> None:
    answer = raw.send("POST", f"dbs/tests/colls/{container.id}/docs", {"id": "a"}, key=[{}], headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "Unauthorized"
    assert list(container.read_all_items()) == []


def test_signature_for_another_resource_or_verb_is_refused(cosmos: ServerProcess, container: ContainerProxy) -> None:
    date = email.utils.formatdate(usegmt=True)
    link = f"dbs/tests/colls/{container.id}"

    def status(verb: str, resource_type: str, signed_link: str) -> int:
        headers = {"x-ms-date": date, "authorization": signature(verb, resource_type, signed_link, date)}
        return httpx.get(f"{cosmos.url}/{link}", headers=headers).status_code

    assert status("GET", "colls", link) == 200
    assert status("DELETE", "colls", link) == 401
    assert status("GET", "docs", link) == 401
    assert status("GET", "colls", "dbs/tests/colls/other") == 401


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_signature_of_another_time_is_refused(cosmos: ServerProcess, seconds: int) -> None:
    date = email.utils.formatdate(time.time() + seconds, usegmt=True)
    headers = {"x-ms-date": date, "authorization": signature("GET", "", "", date)}

    answer = httpx.get(f"{cosmos.url}/", headers=headers)

    assert answer.status_code == 403
    assert "not valid at the current time" in answer.json()["message"]
