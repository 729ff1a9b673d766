"""The KQL of this project: the scripts, every query text, and the names topology.json shares with them."""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from checks.findings import Finding
from checks.kql.checker import Checker, Schema
from checks.kql.sources import PROJECT, Recogniser, scripts
from checks.kql.topology import broken_topology

TOPOLOGY = json.loads((PROJECT / "topology.json").read_text())


class Checked(NamedTuple):
    schema: Schema
    in_scripts: list[Finding]
    in_queries: list[Finding]
    calls: Mapping[str, frozenset[str]]


@pytest.fixture(scope="module")
def checked(checker: Checker) -> Checked:
    in_scripts, schema = checker.scripts(TOPOLOGY["dataExplorer"]["database"], scripts())
    in_queries, calls = checker.queries(Recogniser(schema).queries())
    return Checked(schema, in_scripts, in_queries, calls)


def listed(findings: list[Finding]) -> str:
    return "\n".join(map(str, findings))


def test_scripts_are_what_a_cluster_takes(checked: Checked) -> None:
    assert not checked.in_scripts, listed(checked.in_scripts)


def test_every_query_text_fits_the_database(checked: Checked) -> None:
    assert not checked.in_queries, listed(checked.in_queries)


def test_no_query_is_built_from_an_f_string(checked: Checked) -> None:
    found = Recogniser(checked.schema).built_strings()

    assert not found, listed(found)


def test_every_stored_function_has_a_golden_test(checked: Checked) -> None:
    golden = {name for file, called in checked.calls.items() if file.startswith("tests/golden/") for name in called}

    assert checked.schema.functions - golden == set()


def test_topology_names_what_the_scripts_make(checked: Checked) -> None:
    assert list(broken_topology(TOPOLOGY, checked.schema)) == []


def test_bronze_and_silver_have_the_columns_of_the_architecture(checked: Checked) -> None:
    assert dict(checked.schema.tables["Bronze"]) == {"Data": "dynamic"}
    assert dict(checked.schema.tables["Silver"]) == {
        "EventId": "string",
        "DeviceId": "string",
        "Asset": "string",
        "TagName": "string",
        "SourceTimestamp": "datetime",
        "EnqueuedTime": "datetime",
        "ValueLong": "long",
        "ValueReal": "real",
        "ValueString": "string",
        "ValueBool": "bool",
    }


def test_the_archive_has_silvers_columns(checked: Checked) -> None:
    assert checked.schema.external_tables["SilverArchive"] == checked.schema.tables["Silver"]


def test_the_only_placeholder_is_the_documented_one() -> None:
    placeholders = {name for script in scripts() for name in re.findall(r"\{\{(.*?)\}\}", script.text)}

    assert placeholders == {"ARCHIVE_CONNECTION"}
