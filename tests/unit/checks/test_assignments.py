"""A role assignment in Bicep that is no line of grants.json, or on another resource than it says, is found."""

import shutil
from pathlib import Path

import pytest

from checks.access.assignments import unfit_assignments
from checks.access.grants import grants
from checks.bicep.source import PROJECT, sources

HARD_CODED = """
resource extra 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, 'extra')
  properties: {
    principalId: principals.app
    roleDefinitionId: 'b24988ac-6180-42a0-ab88-20f7382dd24c'
  }
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "infra", tmp_path / "infra")
    return tmp_path


def found(root: Path) -> list[str]:
    return [finding.message for finding in unfit_assignments(sources(root), grants())]


def test_every_assignment_of_the_project_is_a_line_and_every_line_an_assignment(root: Path) -> None:
    assert found(root) == []


def test_an_assignment_that_is_no_line_is_found(root: Path) -> None:
    file = root / "infra/app/storage.bicep"
    file.write_text(file.read_text() + HARD_CODED)

    assert found(root) == ["'extra' is no loop over lines of grants.json, with their role and principal"]


@pytest.mark.parametrize(
    ("module", "sound", "broken", "said"),
    [
        (
            "storage",
            "scope: grantedContainers[i]",
            "scope: account",
            "must be Microsoft.Authorization/roleAssignments on",
        ),
        ("event-hubs", "scope: grantedHubs[i]", "scope: namespace", "Microsoft.EventHub/namespaces/eventhubs"),
        ("data-explorer", "    scope: database\n", "    scope: cluster\n", "Microsoft.Kusto/clusters/databases"),
        ("storage", "grant.resource != 'account'", "grant.resource == 'account'", "carried out 0 times"),
        ("storage", "grant.resource == 'account'", "grant.resource != 'none'", "carried out 2 times"),
        ("monitoring", "grant.service == 'monitoring'", "grant.service == 'monitor'", "carried out 0 times"),
        ("cosmos", "principals[grant.principal]\n", "principals.app\n", "is no loop over lines"),
    ],
)
def test_a_line_carried_out_elsewhere_or_not_once_is_found(
    root: Path, module: str, sound: str, broken: str, said: str
) -> None:
    file = root / f"infra/app/{module}.bicep"
    text = file.read_text()
    assert sound in text

    file.write_text(text.replace(sound, broken))

    assert any(said in message for message in found(root)), found(root)
