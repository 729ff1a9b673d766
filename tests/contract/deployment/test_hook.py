"""What azd's hook does after it has provisioned: settings for this machine, models, routes, the demo graph."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.launch import PROJECT
from operations.twins import DEMO, MODELS
from shared.topology import TWIN_ROUTES
from tests.contract.deployment.conftest import Deployment

pytestmark = pytest.mark.timeout(300)
HOOKS = PROJECT / "infra" / "hooks"
PATIENCE = 120
ALL = "SELECT COUNT() FROM DIGITALTWINS"
MODEL_IDS = {json.loads(path.read_text())["@id"] for path in MODELS.glob("*.json")}


def hook(checkout: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the script as azd does, in a project folder of its own."""
    script = checkout / "infra/hooks/postprovision.sh"
    return subprocess.run(
        ["sh", script], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def operations(checkout: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / ".venv/bin/python"), "-m", "operations", *arguments]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def settings_in(checkout: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((checkout / "local.settings.json").read_text())["Values"]
    return values


def test_the_hook_writes_settings_uploads_models_and_sets_routes(checkout: Path, deployment: Deployment) -> None:
    before = deployment.count(ALL)

    done = hook(checkout, deployment.environment)

    assert done.returncode == 0, done.stderr
    assert {model["id"] for model in deployment.ask("models")} == MODEL_IDS
    assert {route["id"]: route["filter"] for route in deployment.ask("eventroutes")} == TWIN_ROUTES
    assert deployment.count(ALL) == before
    values = settings_in(checkout)
    assert values["EventHubs__fullyQualifiedNamespace"] == "namespace1.servicebus.windows.net"
    assert values["DIGITAL_TWINS_URL"] == deployment.twins.url
    assert values["TELEMETRY_HUB"] == "telemetry"
    assert values["ANALYTICS_ROUTE"] == "parallel"


def test_the_demo_graph_is_made_when_asked_for_and_once(checkout: Path, deployment: Deployment) -> None:
    environment = deployment.environment | {"DEMO_GRAPH": "true"}

    first = hook(checkout, environment)
    twins = deployment.count(ALL)
    second = operations(checkout, environment, "twins", "upload", "--demo")

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    paths = set(DEMO) | {"demo", "demo/cold-store", "demo/hall", "demo/roof"}
    assert twins == deployment.count(ALL) == len(paths)
    coldest = "SELECT COUNT() FROM DIGITALTWINS T WHERE T.path = 'demo/cold-store/freezer01' AND T.temperature = -18.4"
    assert deployment.count(coldest) == 1
    assert "0 models uploaded" in second.stdout


def test_a_role_that_takes_a_while_is_waited_for(checkout: Path, deployment: Deployment) -> None:
    assert operations(checkout, deployment.environment, "settings", "write").returncode == 0
    refuse = {"rules": [{"match": "*", "action": "status", "status": 403, "count": 3}]}
    httpx.put(f"{deployment.twins.admin}/_local/faults", json=refuse).raise_for_status()

    done = operations(checkout, deployment.environment, "twins", "upload", "--pause", "0.01")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("does not let us in yet") == 3
    assert len(deployment.ask("models")) == len(MODEL_IDS)


def test_a_refusal_that_stays_is_told_in_a_sentence(checkout: Path, deployment: Deployment) -> None:
    assert operations(checkout, deployment.environment, "settings", "write").returncode == 0
    refuse = {"rules": [{"match": "*", "action": "status", "status": 403, "count": 1000}]}
    httpx.put(f"{deployment.twins.admin}/_local/faults", json=refuse).raise_for_status()

    done = operations(checkout, deployment.environment, "twins", "upload", "--patience", "0")

    assert done.returncode == 1
    assert "Digital Twins answered 403" in done.stderr
    assert "Traceback" not in done.stderr


def test_both_shells_run_the_same_commands() -> None:
    def commands(file: str) -> list[str]:
        return re.findall(r"-m (operations [^\n]*?|pip [^\n]*?)\s*$", (HOOKS / file).read_text(), re.MULTILINE)

    assert commands("postprovision.sh") == commands("postprovision.ps1")
    assert len(commands("postprovision.sh")) == 4


def test_azd_runs_the_hook_of_each_system() -> None:
    text = (PROJECT / "azure.yaml").read_text()

    for script in re.findall(r"infra/hooks/[\w.]+", text):
        assert (PROJECT / script).is_file()
    assert {"infra/hooks/postprovision.sh", "infra/hooks/postprovision.ps1"} <= set(re.findall(r"infra/\S+", text))
