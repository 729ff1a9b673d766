"""A stack starts whole, heals itself, and leaves nothing behind, however it ends."""

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.contract.stack.conftest import Start
from tests.contract.stack.stacks import ALL, Stack, run, wait_for

pytestmark = pytest.mark.timeout(150)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stack_that_is_asked_to_stop_leaves_no_process(start: Start, number: signal.Signals) -> None:
    stack = start("--no-host").wait_until_up()
    family = psutil.Process(stack.process.pid).children(recursive=True)
    assert len(family) >= len(ALL) - 1

    assert stack.send(number) == 0

    assert [each for each in family if each.is_running()] == []
    assert stack.servers() == []
    assert "Traceback" not in stack.output


def test_a_stack_that_is_stopped_while_it_starts_leaves_no_process(start: Start) -> None:
    stack = start()
    wait_for(lambda: "event_hubs is ready" in stack.output)

    assert stack.press_ctrl_c() == 130

    assert stack.servers() == []
    assert "Traceback" not in stack.output


def test_a_port_in_use_is_one_sentence_and_nothing_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # when another process has it already, that serves as well
            taken.bind(("127.0.0.1", 7071))
            taken.listen()

        ended = run("local", "up", "--data", tmp_path / "state", "--settings", tmp_path / "settings.json")

    assert ended.returncode == 2
    assert ended.stdout == ""
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("Port ")
    assert "is in use" in sentence
    assert not (tmp_path / "settings.json").exists()
    assert [each for each in psutil.process_iter() if str(tmp_path) in " ".join(_arguments(each))] == []


def test_a_server_that_dies_is_started_again_on_its_port(start: Start) -> None:
    stack = start().wait_until_up()
    before = stack.state
    wait_for(lambda: _age(before["cosmos"]["pid"]) > 6)

    for name in ("cosmos", "functions_host"):
        os.kill(before[name]["pid"], signal.SIGKILL)

    wait_for(
        lambda: all(
            stack.state[name]["pid"] not in (None, before[name]["pid"])
            for name in before
            if name in ("cosmos", "functions_host")
        )
    )
    assert {name: each["url"] for name, each in stack.state.items()} == {
        name: each["url"] for name, each in before.items()
    }
    assert run("local", "status", "--data", stack.data).returncode == 0
    assert stack.press_ctrl_c() == 0
    assert stack.servers() == []


def test_the_next_start_cleans_up_after_a_supervisor_that_was_killed(start: Start) -> None:
    first = start("--no-host").wait_until_up()
    first.kill_supervisor()
    orphans = first.servers()
    assert len(orphans) >= len(ALL) - 1

    second = start("--no-host").wait_until_up()

    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in orphans)
    assert second.press_ctrl_c() == 0
    assert second.servers() == []


def test_a_second_stack_on_the_same_data_is_refused_in_a_sentence(stack: Stack) -> None:
    ended = run("local", "up", "--free-ports", "--data", stack.data, "--settings", stack.settings)

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"A stack runs on {stack.data} already (process {stack.process.pid}): stop it first."
    ]
    assert set(stack.state) == set(ALL)


def test_status_tells_every_server_of_a_running_stack(stack: Stack) -> None:
    told = run("local", "status", "--data", stack.data)

    assert told.returncode == 0
    for name, server in stack.state.items():
        (line,) = [line for line in told.stdout.splitlines() if f" {name} " in line]
        assert server["url"] in line
        assert str(server["pid"]) in line
        assert "well" in line
        assert "not well" not in line


def test_status_tells_that_no_stack_runs(tmp_path: Path) -> None:
    told = run("local", "status", "--data", tmp_path / "state")

    assert told.returncode == 1
    assert told.stdout.startswith("No stack runs.")


def test_status_tells_a_server_that_is_not_well(stack: Stack) -> None:
    os.kill(stack.state["cosmos"]["pid"], signal.SIGSTOP)
    try:
        told = run("local", "status", "--data", stack.data)
    finally:
        os.kill(stack.state["cosmos"]["pid"], signal.SIGCONT)

    assert told.returncode == 1
    assert [line for line in told.stdout.splitlines() if "not well" in line and " cosmos " in line]


def test_reset_refuses_while_a_stack_runs(stack: Stack) -> None:
    ended = run("local", "reset", "--data", stack.data)

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == ["The stack is running: stop it first (Ctrl-C)."]
    assert (stack.data / "cosmos").exists()


def test_reset_forgets_everything_and_stops_what_a_killed_supervisor_left(start: Start) -> None:
    stack = start("--no-host").wait_until_up()
    stack.kill_supervisor()

    assert run("local", "reset", "--data", stack.data).returncode == 0

    assert stack.servers() == []
    assert not stack.data.exists()


def test_reset_deletes_no_folder_that_is_not_a_stack_s(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    ended = run("local", "reset", "--data", tmp_path)

    assert ended.returncode == 2
    assert ended.stderr == f"{tmp_path} is no stack's folder: nothing was deleted.\n"
    assert (tmp_path / "thesis.txt").exists()


def test_the_settings_file_keeps_what_the_user_has_put_there(stack: Stack) -> None:
    written = json.loads(stack.settings.read_text())

    assert written["Host"] == {"CORS": "*"}
    assert written["Values"]["MINE"] == "1"
    assert written["Values"]["ANALYTICS_ROUTE"] == "parallel"
    assert stack.state["cosmos"]["url"] in written["Values"]["CosmosDB"]


def test_a_settings_file_that_is_no_json_is_left_alone_and_told_in_a_sentence(tmp_path: Path) -> None:
    settings = tmp_path / "local.settings.json"
    settings.write_text("{ half")

    ended = run("local", "up", "--free-ports", "--data", tmp_path / "state", "--settings", settings)

    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"{settings} is no JSON")
    assert settings.read_text() == "{ half"


def _age(pid: int) -> float:
    return time.time() - psutil.Process(pid).create_time()


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
