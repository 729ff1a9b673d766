"""A setting that is missing, or that nobody reads, is found in Bicep and in the sample."""

import json
import shutil
from pathlib import Path

import pytest

from checks.bicep.source import PROJECT
from checks.settings import BICEP, SAMPLE, expected_in_azure, expected_on_laptop, unfit_settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for file in (BICEP, SAMPLE):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, tmp_path / file)
    return tmp_path


def found(root: Path) -> list[tuple[str, str]]:
    return [(finding.file, finding.message.split(" ")[0]) for finding in unfit_settings(root)]


def test_a_connection_is_keyless_in_azure_and_a_connection_string_on_the_laptop() -> None:
    assert expected_in_azure() >= {"EventHubs__fullyQualifiedNamespace", "AZURE_CLIENT_ID", "TELEMETRY_HUB"}
    assert not expected_in_azure() & {"EventHubs", "CosmosDB", "AzureWebJobsStorage"}
    assert expected_on_laptop() >= {"EventHubs", "CosmosDB", "AzureWebJobsStorage", "TELEMETRY_HUB"}


@pytest.mark.parametrize("name", sorted(expected_in_azure()))
def test_a_setting_missing_in_bicep_is_found(root: Path, name: str) -> None:
    text = (root / BICEP).read_text()
    (root / BICEP).write_text(text.replace(f"  {name}: ", "  Other: ", 1))

    assert found(root) == [(str(BICEP), name), (str(BICEP), "Other")]


@pytest.mark.parametrize("name", sorted(expected_on_laptop()))
def test_a_setting_missing_in_the_sample_is_found(root: Path, name: str) -> None:
    sample = json.loads((root / SAMPLE).read_text())
    del sample["Values"][name]
    (root / SAMPLE).write_text(json.dumps(sample, indent=2))

    assert found(root) == [(str(SAMPLE), name)]


def test_a_connection_string_in_bicep_is_found(root: Path) -> None:
    text = (root / BICEP).read_text()
    (root / BICEP).write_text(text.replace("var appSettings = {", "var appSettings = {\n  EventHubs: 'Endpoint=…'", 1))

    assert found(root) == [(str(BICEP), "EventHubs")]
