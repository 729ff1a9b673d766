"""Names stand in topology.json: what spells one elsewhere is found, and what means something else is told apart."""

import json
from pathlib import Path

import pytest

from checks.names.meanings import MEANINGS, Meaning
from checks.names.spelled import PROJECT, findings, spellable

TOPOLOGY = json.loads((PROJECT / "topology.json").read_text())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with nothing in it but the names."""
    (tmp_path / "topology.json").write_text(json.dumps(TOPOLOGY))
    return tmp_path


def told(project: Path, path: str, text: str, *meanings: Meaning) -> list[str]:
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text)
    return [str(finding) for finding in findings(project, meanings)]


def test_the_project_spells_no_name_outside_topology_json() -> None:
    assert [str(finding) for finding in findings()] == []


def test_every_kind_of_name_is_known() -> None:
    names = spellable(TOPOLOGY)
    assert {
        "analytics",
        "propagate",
        "leases",
        "iot",
        "dead-letters",
        "Bronze",
        "BronzeMapping",
        "telemetry-capture",
    } <= names
    assert "$Default" not in names
    assert not {name for name in names if name.startswith(("/", "$"))}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("function_app.py", "HUB = 'analytics'"),
        ("shared/gateways/hub.py", 'client(hub="twin-events")'),
        ("functions/store.py", "@trigger(consumer_group='store')\ndef f(): ..."),
        ("local/stack/made.py", "names = ['leases', other]"),
        ("simulator/fleet.py", "def f(database: str = 'iot') -> None: ..."),
        ("operations/letters.py", "box = {'container': 'dead-letters'}"),
        ("kql/010-made.kql", '.ingest into table X (h"x") with (ingestionMappingReference = "BronzeMapping")'),
        ("infra/hooks/made.sh", 'az eventhubs eventhub show --name "twin-history"'),
        (".github/workflows/made.yml", "env: {HUB: telemetry}"),
        (".github/workflows/made.yml", "jobs: {x: {steps: [{run: func show analytics}]}}"),
    ],
)
def test_a_name_that_is_spelled_is_found(project: Path, path: str, text: str) -> None:
    (finding,) = told(project, path, text)
    assert finding.startswith(f"{path}:")
    assert "is a name of topology.json" in finding


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shared/made.py", "HUB = TOPOLOGY['eventHubs']['analytics']"),
        ("shared/made.py", "'''analytics is a hub'''\nHUB = 'analytics events'"),
        ("shared/topology.py", "LEASES = _only('cosmos', 'leases')"),
        ("tests/test_made.py", "HUB = 'analytics'"),
        ("kql/010-made.kql", "// telemetry is no string\n.create table telemetry (Id: string)"),
        (".github/workflows/made.yml", "analytics: {runs: x}"),
    ],
)
def test_what_reads_a_name_or_only_speaks_of_it_is_not(project: Path, path: str, text: str) -> None:
    assert told(project, path, text) == []


def test_a_word_that_means_something_else_is_passed_where_it_is_said_to(project: Path) -> None:
    meaning = Meaning("operations/made", "twins", "a command")
    assert told(project, "operations/made/command.py", "NAME = 'twins'", meaning) == []
    (elsewhere,) = told(project, "operations/others.py", "NAME = 'twins'", meaning)
    assert elsewhere.startswith("operations/others.py:1")


def test_a_meaning_that_no_file_has_any_more_is_found(project: Path) -> None:
    (finding,) = told(project, "operations/made.py", "", Meaning("operations/made.py", "twins", "a command"))
    assert "'twins' is not in operations/made.py" in finding


def test_every_meaning_says_what_the_word_is() -> None:
    assert all(meaning.what for meaning in MEANINGS)
    assert len({(meaning.path, meaning.word) for meaning in MEANINGS}) == len(MEANINGS)
