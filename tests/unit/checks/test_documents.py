"""azure.yaml, host.json, the sample settings and the workflows keep their schemas; each check finds what breaks it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import Draft202012Validator

from checks.documents.documents import KINDS, PROJECT, SCHEMAS, Kind, check, findings

KIND_OF = {kind.pattern: kind for kind in KINDS}
HOST, SETTINGS = KIND_OF["host.json"], KIND_OF["local.settings.sample.json"]
AZURE, WORKFLOW = KIND_OF["azure.yaml"], KIND_OF[".github/workflows/*.yml"]
SHA = "0" * 40
AZURE_TEXT = """
name: app
infra: {provider: bicep, path: infra}
services:
  app: {project: ., host: function, language: python}
hooks:
  postprovision: {shell: sh, run: ./hook.sh}
"""
WORKFLOW_TEXT = f"""
name: test
on: [push]
permissions: {{contents: read}}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@{SHA}
        with: {{persist-credentials: false}}
      - run: make
"""


def told(text: str, kind: Kind) -> str:
    return " ".join(str(finding) for finding in check(text, kind, "file"))


def host(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads((PROJECT / "host.json").read_text())
    change(document)
    return told(json.dumps(document), HOST)


def sample(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads((PROJECT / "local.settings.sample.json").read_text())
    change(document)
    return told(json.dumps(document), SETTINGS)


def test_the_project_s_documents_keep_their_schemas() -> None:
    assert [str(finding) for finding in findings()] == []


def test_a_project_without_them_is_told_what_it_lacks(tmp_path: Path) -> None:
    assert {finding.file for finding in findings(tmp_path)} == set(KIND_OF)


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_each_schema_is_one_and_says_where_its_facts_are_from(path: Path) -> None:
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert "https://learn.microsoft.com/" in schema["description"]


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda host: host.update(version="3.0"), "$.version: '2.0' was expected"),
        (lambda host: host.pop("version"), "'version' is a required property"),
        (lambda host: host.update(telemetrymode="OpenTelemetry"), "'telemetrymode' was unexpected"),
        (lambda host: host["extensions"].update(eventhub={}), "'eventhub' was unexpected"),
        (lambda host: host["extensions"]["eventHubs"].update(maxBatchSize=5), "'maxBatchSize' was unexpected"),
        (lambda host: host["extensions"]["eventHubs"].update(maxEventBatchSize=0), "maxEventBatchSize: 0 is less"),
        (lambda host: host["extensions"]["eventHubs"].update(maxWaitTime="1s"), "maxWaitTime: '1s' does not match"),
        (
            lambda host: host["extensions"]["eventHubs"].update(initialOffsetOptions={"type": "fromEnqueuedTime"}),
            "'enqueuedTimeUtc' is a required property",
        ),
        (lambda host: host["extensionBundle"].update(version="4"), "version: '4' does not match"),
        (lambda host: host["logging"]["logLevel"].update(default="Verbose"), "'Verbose' is not one of"),
    ],
)
def test_what_breaks_host_json_is_found(change: Callable[[dict[str, Any]], object], finding: str) -> None:
    assert finding in host(change)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda sample: sample.update(IsEncrypted=True), "IsEncrypted: False was expected"),
        (lambda sample: sample["Values"].update(PORT=7071), "PORT: 7071 is not of type 'string'"),
        (lambda sample: sample["Values"].update({"a name": ""}), "does not match"),
        (lambda sample: sample["Values"].pop("AzureWebJobsStorage"), "'AzureWebJobsStorage' is a required property"),
        (lambda sample: sample.update(Value={}), "'Value' was unexpected"),
    ],
)
def test_what_breaks_the_sample_settings_is_found(change: Callable[[dict[str, Any]], object], finding: str) -> None:
    assert finding in sample(change)


@pytest.mark.parametrize("kind", [HOST, SETTINGS])
def test_json_that_names_something_twice_or_is_none_is_found(kind: Kind) -> None:
    assert "version is named twice" in told('{"version": "2.0", "version": "3.0"}', kind)
    assert "Expecting" in told("{", kind)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("name: app", "name: My App", "'My App' does not match"),
        ("host: function", "host: functions", "'function' was expected"),
        ("language: python", "language: cobol", "'cobol' is not one of"),
        ("postprovision", "postprovison", "does not match"),
        ("shell: sh", "shell: bash", "'bash' is not one of"),
        ("provider: bicep", "providr: bicep", "'providr' was unexpected"),
        ("name: app", "name: app\nname: other", "duplicate key"),
        ("run: ./hook.sh", "script: ./hook.sh", "$.hooks.postprovision"),
    ],
)
def test_what_breaks_azure_yaml_is_found(old: str, new: str, finding: str) -> None:
    assert told(AZURE_TEXT, AZURE) == ""
    assert finding in told(AZURE_TEXT.replace(old, new, 1), AZURE)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("runs-on", "run-on", "$.jobs.test"),
        ("on: [push]", "on: [pushed]", "$.on"),
        ("run: make", "runs: make", "$.jobs.test.steps[1]"),
        (f"checkout@{SHA}", "checkout@v4", "pin it by the full SHA"),
        (f"checkout@{SHA}", f"checkout@{SHA[:7]}", "pin it by the full SHA"),
        ("with: {persist-credentials: false}", "with: {fetch-depth: 1}", "persist-credentials"),
        ("    timeout-minutes: 5\n", "", "timeout-minutes"),
        ("permissions: {contents: read}\n", "", "name the permissions"),
        ("permissions: {contents: read}", "permissions: write-all", "more than a job needs"),
        ("permissions: {contents: read}", "permissions: {contents: write}", "no job here needs to write"),
        ("    timeout-minutes", "    permissions: {id-token: write}\n    timeout-minutes", "needs an environment"),
        ("on: [push]", "on: [push", "expected"),
    ],
)
def test_what_breaks_a_workflow_is_found(old: str, new: str, finding: str) -> None:
    assert told(WORKFLOW_TEXT, WORKFLOW) == ""
    assert finding in told(WORKFLOW_TEXT.replace(old, new, 1), WORKFLOW)
