"""Roles against calls: a role too few, too many or too large is found, and so is a call that nobody gave a right."""

from dataclasses import replace
from pathlib import Path

import pytest

from checks.access.grants import Grant, grants, unfit_grants
from checks.access.needs import Need, needs
from checks.access.sdk_calls import calls_of

READ = Need("app", "storage", "deadLetters", "blobs/read", "list_blobs in here.py")
WRITE = replace(READ, right="blobs/write")
READER = Grant("app", "storage", "deadLetters", "Storage Blob Data Reader", "")
CONTRIBUTOR = replace(READER, role="Storage Blob Data Contributor")


def codes(given: list[Grant], needed: list[Need]) -> list[str]:
    return [finding.code for finding in unfit_grants(given, needed)]


@pytest.mark.parametrize(
    ("given", "needed", "found"),
    [
        ([READER], [READ], []),
        ([CONTRIBUTOR], [READ, WRITE], []),
        ([], [READ], ["missing"]),
        ([READER], [READ, WRITE], ["missing"]),
        ([replace(READER, principal="operator")], [READ], ["missing", "unneeded"]),
        ([replace(READER, resource="archive")], [READ], ["missing", "unneeded"]),
        ([replace(READER, resource="account")], [READ], []),
        ([READER], [], ["unneeded"]),
        ([READER, CONTRIBUTOR], [READ, WRITE], ["unneeded"]),
        ([CONTRIBUTOR], [READ], ["too large"]),
        ([replace(READER, role="Storage Table Data Reader")], [], ["role"]),
    ],
)
def test_roles_fit_needs_exactly(given: list[Grant], needed: list[Need], found: list[str]) -> None:
    assert codes(given, needed) == found


def test_no_role_of_the_project_can_be_left_out() -> None:
    given, needed = grants(), needs()

    for grant in given:
        assert "missing" in codes([each for each in given if each != grant], needed), grant


def test_calls_are_found_in_the_text_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "gateway.py").write_text(
        "import asyncio\n"
        "from azure.cosmos.aio import ContainerProxy\n"
        "from azure.storage.blob.aio import BlobServiceClient\n"
        "from azure.kusto.data import KustoClient\n"
        "class Gateway:\n"
        "    async def run(self, container: ContainerProxy, blobs: BlobServiceClient, kusto: KustoClient) -> None:\n"
        "        await container.execute_item_batch([('create', ({},)), ('delete', ('a',))], partition_key='a')\n"
        "        await container.patch_item('a', 'a', [])\n"
        "        await asyncio.to_thread(kusto.execute_query, 'iot', 'T')\n"
        "        await self.upload_blob()\n"
    )

    found = [(call.sdk, call.operation, call.line, call.verbs) for call in calls_of(tmp_path / "gateway.py", tmp_path)]

    assert found == [
        ("azure.cosmos", "execute_item_batch", 7, frozenset({"create", "delete"})),
        ("azure.cosmos", "patch_item", 8, frozenset()),
        ("azure.kusto.data", "execute_query", 9, frozenset()),
    ]


def test_the_apps_needs_are_those_of_its_triggers_and_gateways() -> None:
    of_app = {(need.service, need.resource, need.right) for need in needs() if need.principal == "app"}

    assert of_app >= {
        ("eventHubs", "telemetry", "receive"),
        ("eventHubs", "twin-events", "receive"),
        ("eventHubs", "analytics", "send"),
        ("cosmos", "telemetry", "items/create"),
        ("cosmos", "telemetry", "readChangeFeed"),
        ("cosmos", "leases", "items/replace"),
        ("digitalTwins", "instance", "digitaltwins/write"),
        ("storage", "account", "blobs/write"),
        ("monitoring", "component", "publish"),
    }
    assert ("dataExplorer", "database", "admin") not in of_app
