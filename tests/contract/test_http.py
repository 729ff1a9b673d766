"""What every HTTP server of the stack shares: TLS by the stack's authority, /_local, faults on the wire, draining."""

import asyncio
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local.certificates import Trust
from local.faults import Faults
from local.http import FaultInjection, local_app, serving, with_local_routes
from local.launch import PROJECT, NotReady, ServerProcess
from local.process import LOOPBACK, listen


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def slow(request: Request) -> Response:
    await asyncio.sleep(0.3)
    return PlainTextResponse("done")


def faulty(faults: Faults) -> FaultInjection:
    app = Starlette(routes=[Route("/", hello), Route("/slow", slow)])
    return FaultInjection(app, faults, lambda scope: f"get {scope['path']}")


async def test_https_is_trusted_by_the_stacks_bundle(trust: Trust) -> None:
    context = ssl.create_default_context(cafile=str(trust.bundle))
    async with (
        serving(faulty(Faults()), 0, certificate=trust.server) as url,
        httpx.AsyncClient(verify=context) as client,
    ):
        assert url.startswith("https://")
        assert (await client.get(url)).text == "hello"
        assert (await client.get(url.replace(LOOPBACK, "localhost"))).text == "hello"


async def test_faults_are_set_shown_and_cleared_over_http() -> None:
    faults = Faults()
    app = with_local_routes(faulty(faults), local_app(faults, lambda: {"items": 3}))
    async with serving(app, 0) as url, httpx.AsyncClient(base_url=url) as client:
        rule = {"match": "get /", "action": "status", "status": 429, "retryAfterMs": 1500, "count": 1}
        assert (await client.put("/_local/faults", json={"rules": [rule]})).json()["rules"][0]["count"] == 1
        refused = await client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert (await client.get("/")).text == "hello"
        assert (await client.get("/_local/faults")).json()["rules"][0]["count"] == 0
        assert (await client.delete("/_local/faults")).json() == {"rules": []}
        assert (await client.get("/_local/health")).json() == {"status": "ok", "items": 3}


async def test_a_wrong_fault_rule_is_refused_and_the_old_ones_stay() -> None:
    faults = Faults()
    app = with_local_routes(faulty(faults), local_app(faults, dict))
    async with serving(app, 0) as url, httpx.AsyncClient(base_url=url) as client:
        await client.put("/_local/faults", json={"rules": [{"action": "reset", "match": "never"}]})
        refused = await client.put("/_local/faults", json={"rules": [{"action": "explode"}]})

        assert refused.status_code == 400
        assert refused.json()["error"][0]["loc"] == ["rules", 0, "action"]
        assert (await client.get("/_local/faults")).json()["rules"][0]["match"] == "never"


async def test_a_reset_ends_the_connection_in_the_middle() -> None:
    faults = Faults()
    app = with_local_routes(faulty(faults), local_app(faults, dict))
    async with serving(app, 0) as url, httpx.AsyncClient(base_url=url) as client:
        await client.put("/_local/faults", json={"rules": [{"match": "get*", "action": "reset", "count": 1}]})
        with pytest.raises(httpx.ReadError):
            await client.get("/")
        assert (await client.get("/")).text == "hello"


async def test_a_delay_answers_late_and_right() -> None:
    faults = Faults()
    app = with_local_routes(faulty(faults), local_app(faults, dict))
    async with serving(app, 0) as url, httpx.AsyncClient(base_url=url) as client:
        await client.put("/_local/faults", json={"rules": [{"action": "delay", "delayMs": 150}]})
        start = time.monotonic()
        assert (await client.get("/")).text == "hello"
        assert time.monotonic() - start >= 0.15


async def test_stopping_lets_a_running_request_finish() -> None:
    async with httpx.AsyncClient() as client:
        async with serving(faulty(Faults()), 0) as url:
            answer = asyncio.create_task(client.get(f"{url}/slow"))
            await asyncio.sleep(0.1)
        assert (await answer).text == "done"


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    taken = listen(0)
    port = taken.getsockname()[1]
    command = [sys.executable, "-m", "local.identity", "--port", str(port), "--trust", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    taken.close()

    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"Port {port} on 127.0.0.1 can't be had")


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    taken = listen(0)
    server = ServerProcess("identity", ["--trust", str(tmp_path)], port=taken.getsockname()[1])
    with pytest.raises(NotReady, match="can't be had"):
        server.start()
    server.close()
    taken.close()


def test_a_server_drains_on_sigterm_and_exits_with_0(tmp_path: Path) -> None:
    with ServerProcess("identity", ["--trust", str(tmp_path)]).start() as server:
        assert server.terminate() == 0


def test_a_server_killed_starts_again_on_its_port(tmp_path: Path) -> None:
    with ServerProcess("identity", ["--trust", str(tmp_path)]).start() as server:
        url = server.url
        server.restart()

        assert server.url == url
        assert httpx.get(url).status_code == 401
