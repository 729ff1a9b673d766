"""What is published is the app and nothing else, by either tool; it runs of these files alone, and is small."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from checks.package.contents import MOST_ZIPPED, PROJECT, findings, needed, published, zipped
from checks.package.dependencies import NotInstalled, sizes
from checks.package.ignoring import READERS, azd, core_tools

SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "EventHubs__fullyQualifiedNamespace": "somewhere.servicebus.windows.net",
    "CosmosDB__accountEndpoint": "https://somewhere.documents.azure.com",
    "DIGITAL_TWINS_URL": "https://somewhere.digitaltwins.azure.net",
    "TELEMETRY_HUB": "hub",
    "TWIN_EVENTS_HUB": "twins",
    "COSMOS_DATABASE": "database",
}
EVERY_MODULE = """
import importlib, json, pathlib
import function_app
for path in sorted(pathlib.Path("shared").rglob("*.py")):
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
print(json.dumps(sorted(each.get_function_name() for each in function_app.app.get_functions())))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as small as can be: an app, a data file that it names, a test."""
    for path, text in {
        "function_app.py": "from shared import names",
        "functions/__init__.py": "",
        "shared/names.py": "NAMES = open('names.json').read()",
        "shared/__pycache__/names.cpython-311.pyc": "",
        "names.json": "[]",
        "host.json": "{}",
        "requirements.txt": "",
        "tests/test_names.py": "",
        "tests/.hidden": "",
        ".funcignore": "/tests\n**/__pycache__\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def loaded(folder: Path, route: str) -> list[str]:
    """The functions that a worker finds in a folder, once every module in it was imported."""
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    environment = {**bare, **SETTINGS, "ANALYTICS_ROUTE": route}
    command = [sys.executable, "-c", EVERY_MODULE]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0, ended.stderr
    functions: list[str] = json.loads(ended.stdout)
    return functions


def test_what_is_published_is_the_app_and_nothing_else() -> None:
    assert [str(finding) for finding in findings()] == []


def test_both_tools_publish_the_same() -> None:
    assert published("azd deploy") == published("func azure functionapp publish") == sorted(needed(), key=_in_walk)


def _in_walk(path: str) -> tuple[tuple[bool, str], ...]:
    """The order in which files are walked: a folder's own before those of the folders in it."""
    *folders, name = path.split("/")
    return (*((True, folder) for folder in folders), (False, name))


def test_the_package_is_far_below_25_megabytes() -> None:
    package = zipped(published("azd deploy"))
    assert 20_000 < len(package) < MOST_ZIPPED / 25


@pytest.mark.parametrize("route", ["change-feed", "parallel"])
def test_the_app_loads_from_the_package_alone(tmp_path: Path, route: str) -> None:
    zipfile.ZipFile(io.BytesIO(zipped(published("azd deploy")))).extractall(tmp_path)
    functions = loaded(tmp_path, route)
    assert functions == loaded(PROJECT, route)
    assert "store_telemetry" in functions


@pytest.mark.parametrize("tool", READERS)
def test_a_file_beside_the_app_is_found(project: Path, tool: str) -> None:
    assert findings(project) == []
    (project / "secrets.txt").write_text("")
    assert f"{tool}: secrets.txt is no part of the app" in " ".join(map(str, findings(project)))


@pytest.mark.parametrize("tool", READERS)
def test_a_data_file_that_the_app_names_and_that_is_left_out_is_found(project: Path, tool: str) -> None:
    (project / ".funcignore").write_text("/tests\n**/__pycache__\n/names.json\n")
    assert f"{tool}: names.json is needed, and left out" in " ".join(map(str, findings(project)))


@pytest.mark.parametrize("tool", READERS)
def test_a_module_that_is_left_out_is_found(project: Path, tool: str) -> None:
    (project / ".funcignore").write_text("/tests\n**/__pycache__\n/shared\n")
    assert f"{tool}: shared/names.py is needed" in " ".join(map(str, findings(project)))


@pytest.mark.parametrize(
    ("lines", "path", "by_core_tools", "by_azd"),
    [
        ("/tests", "tests/unit/test_a.py", True, True),
        ("/tests", "shared/tests/a.py", False, False),
        ("tests", "shared/tests/a.py", False, True),
        ("tests/", "tests/a.py", True, True),
        ("tests/", "tests/.a", False, True),
        ("/local", "local.py", True, False),
        ("/local", "locals.py", False, False),
        ("**/__pycache__", "shared/twins/__pycache__/a.pyc", True, True),
        ("/.*_cache", ".mypy_cache/3.11/a.json", True, True),
        ("/.git*", ".github/workflows/ci.yml", True, True),
        ("# tests", "tests/a.py", False, False),
        ("*\n!shared", "shared/a.py", False, True),
        ("", ".git/config", True, False),
        ("", "local.settings.json", True, True),
        ("", ".azure/dev/.env", False, True),
    ],
)
def test_each_tool_reads_an_ignore_file_in_its_own_way(
    lines: str, path: str, by_core_tools: bool, by_azd: bool
) -> None:
    assert (core_tools(lines)(path), azd(lines)(path)) == (by_core_tools, by_azd)


def test_dependencies_are_measured_as_they_are_installed(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    orjson = next(line for line in (PROJECT / "requirements.txt").read_text().splitlines() if line.startswith("orjson"))
    requirements.write_text(orjson)
    (size,) = sizes(requirements)
    assert size.installed > size.zipped > 50_000


@pytest.mark.parametrize("pin", ["orjson==0.0.1", "no-such-package-at-all==1.0"])
def test_dependencies_that_are_not_installed_as_pinned_are_refused(tmp_path: Path, pin: str) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(pin)
    with pytest.raises(NotInstalled, match="make setup"):
        list(sizes(requirements))
