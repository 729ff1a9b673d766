"""What a user gets wrong is told in one clear sentence, without a stack trace; and where settings come from."""

import json
import textwrap
from pathlib import Path

import httpx
import pytest

from local.launch import NotReady
from local.process import USER_MISTAKE
from tests.contract.functions_host.hosts import host_of

HEAD = "import typing\nimport azure.functions as func\napp = func.FunctionApp(http_auth_level='ANONYMOUS')\n"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


def _refusal(app: Path, code: str, tmp_path: Path) -> str:
    (app / "function_app.py").write_text(HEAD + textwrap.dedent(code))
    with pytest.raises(NotReady) as caught:
        host_of(app, tmp_path / "data", {}).start()
    text = str(caught.value)
    assert f"ended with {USER_MISTAKE}:" in text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            """
            @app.event_hub_message_trigger(arg_name="events", event_hub_name="h", connection="C", cardinality="many")
            def batches(events: list[func.EventHubEvent]): ...
            """,
            "Cannot load the batches function: binding events has invalid non-type annotation list[",
        ),
        (
            """
            @app.route(route="a")
            def twice(req: func.HttpRequest) -> str: return ""
            @app.function_name("twice")
            @app.route(route="b")
            def other(req: func.HttpRequest) -> str: return ""
            """,
            "Function twice does not have a unique function name",
        ),
        (
            """
            @app.route(route="a")
            def wrong(request: func.HttpRequest) -> str: return ""
            """,
            "Cannot load the wrong function: it has parameters that no binding fills: request",
        ),
        (
            """
            @app.schedule(schedule="0 * * * * *", arg_name="timer")
            def wrong(timer: func.EventHubEvent): ...
            """,
            'type of timer binding "timerTrigger" does not match its annotation',
        ),
        (
            """
            @app.schedule(schedule="0 * * * * *", arg_name="timer")
            @app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:00.500")
            def wrong(timer: func.TimerRequest): ...
            """,
            "its retry policy can't be used: '00:00:00.500' is no interval that the worker reads",
        ),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("import benchmarks  # which this project has, but not the app", "No module named 'benchmarks'"),
        ("raise RuntimeError('no settings')", "RuntimeError: no settings ("),
        ("def broken(:", "SyntaxError"),
        ("app = None", "has no FunctionApp at its top level"),
    ],
)
def test_app_that_the_worker_would_refuse_is_refused_in_a_sentence(
    app: Path, tmp_path: Path, code: str, told: str
) -> None:
    assert told in _refusal(app, code, tmp_path)


def test_wrong_values_in_host_json_are_named(app: Path, tmp_path: Path) -> None:
    host_json = {"version": "2.0", "extensions": {"eventHubs": {"maxEventBatchSize": "many"}}}
    (app / "host.json").write_text(json.dumps(host_json))
    assert "extensions.eventhubs.maxeventbatchsize: Input should be a valid integer" in _refusal(app, "", tmp_path)


def test_settings_fill_the_environment_but_do_not_override_it(app: Path, tmp_path: Path) -> None:
    code = """
    import os
    print("printed while loading")
    from answers import answer
    @app.route(route="settings")
    def show(req: func.HttpRequest) -> str:
        return f"{os.environ['FROM_FILE']} {os.environ['FROM_BOTH']} {answer()}"
    """
    (app / "function_app.py").write_text(HEAD + textwrap.dedent(code))
    packages = app / ".python_packages" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "answers.py").write_text("def answer() -> int:\n    return 42\n")
    values = {"FROM_FILE": "file", "FROM_BOTH": "file", "AzureFunctionsJobHost__extensions__http__routePrefix": "v1"}
    settings = {"IsEncrypted": False, "Values": values, "Host": {"CORS": "http://localhost:3000"}}
    (app / "local.settings.json").write_text(json.dumps(settings))

    with host_of(app, tmp_path / "data", {"FROM_BOTH": "environment"}) as host:
        answer = httpx.get(f"{host.url}/v1/settings", headers={"Origin": "http://localhost:3000"})

        assert answer.text == "file environment 42"
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert "printed while loading" in host.output


def test_asgi_and_wsgi_apps_run_under_their_routes(app: Path, tmp_path: Path) -> None:
    code = """
    import contextlib
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    @contextlib.asynccontextmanager
    async def lifespan(app):
        print("up")
        yield
        print("down")

    async def show(request):
        return JSONResponse({"path": request.url.path, "who": request.path_params["who"]}, 202)

    web = Starlette(routes=[Route("/hello/{who}", show)], lifespan=lifespan)
    app = func.AsgiFunctionApp(web, func.AuthLevel.ANONYMOUS)
    """
    (app / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}')
    (app / "function_app.py").write_text(HEAD.rsplit("app =", 1)[0] + textwrap.dedent(code))
    with host_of(app, tmp_path / "data", {}) as host:
        answer = httpx.get(f"{host.url}/hello/world")
        assert (answer.status_code, answer.json()) == (202, {"path": "/hello/world", "who": "world"})
        assert httpx.get(f"{host.url}/elsewhere").status_code == 404
        assert httpx.get(f"{host.url}/admin/host/status").status_code == 200
        assert host.terminate() == 0
        assert [line for line in host.output.splitlines() if line in ("up", "down")] == ["up", "down"]
        assert "Traceback" not in host.output

    wsgi = """
    def greet(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    app = func.WsgiFunctionApp(greet, func.AuthLevel.ANONYMOUS)
    """
    (app / "function_app.py").write_text(HEAD.rsplit("app =", 1)[0] + textwrap.dedent(wsgi))
    with host_of(app, tmp_path / "data", {}) as host:
        assert httpx.get(f"{host.url}/some/where").text == "/some/where"


def test_function_timeout_fails_the_invocation(app: Path, tmp_path: Path) -> None:
    code = """
    import asyncio
    @app.route(route="slow")
    async def slow(req: func.HttpRequest) -> str:
        await asyncio.sleep(30)
        return "too late"
    """
    (app / "host.json").write_text('{"version": "2.0", "functionTimeout": "00:00:00.300"}')
    (app / "function_app.py").write_text(HEAD + textwrap.dedent(code))
    with host_of(app, tmp_path / "data", {}) as host:
        assert httpx.get(f"{host.url}/api/slow").status_code == 500
        assert "Timeout value of 0:00:00.300000 was exceeded by function: Functions.slow" in host.output
