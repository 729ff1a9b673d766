"""HTTP triggers through a real client: routes, what handlers get and give, keys, faults, draining."""

import concurrent.futures
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.launch import ServerProcess
from tests.contract.functions_host.hosts import eventually, host_of

OFF = {"AzureWebJobs.switched_off.Disabled": "true"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with host_of("web", tmp_path_factory.mktemp("web"), OFF) as host:
        yield host


@pytest.fixture
def client(web: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("devices/5", {"by": "number", "id": "5"}),
        ("devices/abc", {"by": "name", "name": "abc"}),
        ("devices/abc/live", {"by": "name", "name": "abc", "view": "live"}),
        ("DEVICES/ALL", {"by": "all"}),
        ("files/a/b%20c/d", {"by": "path", "path": "a/b c/d"}),
        ("files", {"by": "path"}),
    ],
)
def test_route_goes_to_the_function_that_fits_best(client: httpx.Client, path: str, found: dict[str, str]) -> None:
    answer = client.get(f"/api/{path}")
    assert (answer.status_code, answer.json()) == (200, found)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "devices/abcdef"),
        ("GET", "devices/5/6/7"),
        ("POST", "devices/5"),
        ("GET", "echo"),
        ("GET", "off"),
        ("GET", "unknown"),
    ],
)
def test_request_that_no_function_takes_is_not_found(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, f"/api/{path}").status_code == 404


def test_request_and_response_pass_whole(client: httpx.Client, web: ServerProcess) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = bytes(range(256)) * 40
    answer = client.post("/api/echo?a=1&a=2&empty=", content=body, headers={"traceparent": parent})

    assert (answer.status_code, answer.content) == (201, body)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-function"] == "echo"
    assert answer.headers["x-parent"] == parent
    assert answer.headers["x-thread"].startswith("function"), "sync handlers run in the thread pool"
    assert json.loads(answer.headers["x-query"]) == {"a": "1,2"}
    assert answer.cookies["session"] == "42"
    invocation = answer.headers["x-invocation"]
    assert f"Id={invocation})" in web.output
    assert f"echoing {len(body)} bytes" in web.output


def test_text_result_is_the_body(client: httpx.Client) -> None:
    answer = client.get("/api/text")
    assert (answer.text, answer.headers["content-type"]) == ("plain words", "text/plain; charset=utf-8")


def test_failing_handler_answers_500_and_its_own_stack_is_shown(client: httpx.Client, web: ServerProcess) -> None:
    answer = client.get("/api/fails")

    assert (answer.status_code, answer.content) == (500, b"")
    assert "Exception: ValueError: the handler's own mistake" in web.output
    assert 'function_app.py", line' in web.output
    assert "concurrent/futures" not in web.output


def test_handler_that_returns_nothing_fails_as_in_the_real_worker(client: httpx.Client, web: ServerProcess) -> None:
    assert client.get("/api/nothing").status_code == 500
    assert "unable to encode outgoing TypedData" in web.output


def test_host_tells_of_itself_and_of_functions_in_error(client: httpx.Client, web: ServerProcess) -> None:
    status = client.get("/admin/host/status").json()
    assert status["state"] == "Running"
    assert any("'unknown_trigger' function is in error" in error for error in status["errors"])
    names = {function["name"]: function["isDisabled"] for function in client.get("/admin/functions").json()}
    assert names["switched_off"] is True
    assert names["echo"] is False
    in_error = client.get("/_local/health").json()["inError"]
    assert set(in_error) == {"unknown_trigger", "queued", "underscored"}
    assert "daprBindingTrigger is not supported by this local host" in in_error["unknown_trigger"]
    assert "no underscore" in in_error["underscored"]
    assert client.get("/").status_code == 200
    assert client.get("/admin/functions/unknown").status_code == 404
    assert client.post("/admin/functions/echo", json={}).status_code == 400


def test_http_faults_hit_one_function(client: httpx.Client) -> None:
    rule = {"match": "http:text", "action": "status", "status": 503, "count": 1}
    assert client.put("/_local/faults", json={"rules": [rule]}).status_code == 200
    assert client.get("/api/devices/all").status_code == 200
    assert client.get("/api/text").status_code == 503
    assert client.get("/api/text").status_code == 200


def test_keys_are_asked_for_only_when_told_to(web: ServerProcess, tmp_path: Path) -> None:
    assert httpx.get(f"{web.url}/api/guarded").status_code == 200
    with host_of("web", tmp_path, OFF, "--enable-auth") as locked:
        keys = json.loads((tmp_path / "keys.json").read_text()) if (tmp_path / "keys.json").exists() else {}
        assert keys == {}
        guarded, master = f"{locked.url}/api/guarded", f"{locked.url}/api/master"
        assert httpx.get(f"{locked.url}/api/text").status_code == 200, "anonymous functions need no key"
        assert httpx.get(guarded).status_code == 401
        assert httpx.get(guarded, params={"code": "guessed"}).status_code == 401
        assert httpx.get(master).status_code == 401
        keys = json.loads((tmp_path / "keys.json").read_text())
        for key in (keys["function:guarded"], keys["default"], keys["_master"]):
            assert httpx.get(guarded, headers={"x-functions-key": key}).text == "opened"
        assert httpx.get(guarded, params={"code": keys["default"]}).text == "opened"
        assert httpx.get(master, params={"code": keys["default"]}).status_code == 401
        assert httpx.get(master, params={"code": keys["_master"]}).text == "opened"
        assert httpx.get(f"{locked.url}/admin/functions").status_code == 401
        shown = httpx.get(f"{locked.url}/admin/functions/guarded/keys", params={"code": keys["_master"]})
        assert shown.json()["keys"] == [{"name": "default", "value": keys["function:guarded"]}]


def test_stopping_host_finishes_the_requests_it_has(tmp_path: Path) -> None:
    with host_of("web", tmp_path, OFF) as host, concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(httpx.get, f"{host.url}/api/slow", params={"seconds": "1"}, timeout=30)
        eventually(lambda: "Executing 'Functions.slow'" in host.output, lambda: host.output)
        assert host.terminate() == 0
        assert answer.result().text == "finished"


def test_handler_that_never_ends_does_not_keep_the_host_from_ending(tmp_path: Path) -> None:
    with host_of("web", tmp_path, OFF, "--drain", "1") as host:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{host.url}/api/stuck", timeout=0.5)
        assert host.terminate() == 0
