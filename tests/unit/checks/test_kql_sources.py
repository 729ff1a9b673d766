"""Every query text in the project is found, wherever it stands, and nothing else is taken for one."""

from pathlib import Path
from typing import Any

import pytest

from checks.kql.checker import Schema
from checks.kql.sources import Recogniser, scripts
from checks.kql.topology import broken_topology

SCHEMA = Schema(
    tables={"Silver": {"Asset": "string"}, "Bronze": {"Data": "dynamic"}},
    external_tables={},
    views={"Readings": {"Asset": "string"}},
    functions=frozenset({"LatestReadings"}),
    mappings=frozenset({"Bronze/BronzeMapping"}),
)


@pytest.mark.parametrize(
    "text",
    [
        "Silver | count",
        "\n    Readings\n    | where Asset == 'a'\n",
        "// newest first\nLatestReadings('a')",
        "LatestReadings() | take 1",
        "let wanted = dynamic(['a']);\nReadings | where Asset in (wanted)",
        "declare query_parameters(asset: string);\nReadings | where Asset == asset",
        "union Silver, Bronze | count",
        ".set-or-append Silver <| Readings",
        ".clear table Silver data",
    ],
)
def test_a_query_on_this_database_is_recognised(text: str) -> None:
    assert Recogniser(SCHEMA).is_query(text)


@pytest.mark.parametrize(
    "text",
    [
        "Silver",
        "Silver has one row for each reading.",
        "Readings (each once)",
        "let us see",
        "Other | count",
        "SELECT * FROM Silver | nothing",
        "SilverLining | count",
        ".show tables",
    ],
)
def test_other_text_is_not_recognised(text: str) -> None:
    assert not Recogniser(SCHEMA).is_query(text)


def test_queries_are_found_in_kql_files_markdown_and_python(tmp_path: Path) -> None:
    (tmp_path / "kql").mkdir()
    (tmp_path / "kql/010-silver.kql").write_text(".create-merge table Silver (Asset: string)")
    (tmp_path / "kql/count.kql").write_text("Silver | count")
    (tmp_path / "guide.md").write_text("How many?\n\n```kusto\nSilver\n| count\n```\n\n```sql\nSELECT 1\n```\n")
    (tmp_path / "ask.py").write_text('"""Silver is a table."""\n\nCOUNT = """\nSilver | count\n"""\n')
    (tmp_path / "other.py").write_text('# kql: another database\nCOUNT = "Silver | count"\n')
    (tmp_path / "tests/contract/data_explorer").mkdir(parents=True)
    (tmp_path / "tests/contract/data_explorer/test_queries.py").write_text('COUNT = "Silver | count"\n')
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/installed.py").write_text('COUNT = "Silver | count"\n')

    found = Recogniser(SCHEMA).queries(tmp_path)

    assert [(text.file, text.line, text.text.strip()) for text in found] == [
        ("kql/count.kql", 1, "Silver | count"),
        ("guide.md", 4, "Silver\n| count"),
        ("ask.py", 3, "Silver | count"),
    ]
    assert [script.file for script in scripts(tmp_path)] == ["kql/010-silver.kql"]


def test_a_query_built_as_an_f_string_is_found_outside_the_tests(tmp_path: Path) -> None:
    source = "def ask(asset: str) -> str:\n    return f\"Silver | where Asset == '{asset}'\"\n"
    (tmp_path / "ask.py").write_text(source)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_ask.py").write_text(source)

    found = Recogniser(SCHEMA).built_strings(tmp_path)

    assert [(finding.file, finding.line, finding.code) for finding in found] == [("ask.py", 2, "f-string")]


SOUND_TOPOLOGY = {
    "hub": "analytics",
    "consumerGroup": "adx",
    "table": "Bronze",
    "mapping": "BronzeMapping",
    "eventSystemProperties": ["x-opt-partition-key"],
}


def problems(connection: dict[str, Any]) -> list[str]:
    topology = {
        "eventHubs": {"analytics": {"consumerGroups": ["adx"]}},
        "dataExplorer": {"dataConnections": {"analytics": connection}},
    }
    return [finding.message for finding in broken_topology(topology, SCHEMA)]


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("hub", "analitics", "no hub 'analitics'"),
        ("consumerGroup", "store", "no consumer group 'store'"),
        ("table", "Brass", "creates the table 'Brass'"),
        ("mapping", "SilverMapping", "creates the mapping 'SilverMapping'"),
        ("eventSystemProperties", ["x-opt-key"], "'x-opt-key' is no event system property"),
    ],
)
def test_a_data_connection_that_names_what_there_is_not_is_found(field: str, wrong: Any, said: str) -> None:
    assert problems(SOUND_TOPOLOGY) == []
    assert any(said in problem for problem in problems(SOUND_TOPOLOGY | {field: wrong}))


SOUND_BLOBS = {"container": "letters", "hub": "notices", "table": "Bronze", "mapping": "BronzeMapping"}


@pytest.mark.parametrize(
    ("connection", "history", "said"),
    [
        (SOUND_BLOBS, {"propertyTable": "Silver"}, []),
        (SOUND_BLOBS | {"container": "lettres"}, {}, ["blob connection 'blobs': there is no container 'lettres'"]),
        (SOUND_BLOBS | {"table": "Brass"}, {}, ["the table 'Brass'", "the mapping 'BronzeMapping' of 'Brass'"]),
        (SOUND_BLOBS, {"propertyTable": "Sliver"}, ["data history: no script creates the table 'Sliver'"]),
    ],
)
def test_blob_connections_and_data_history_name_what_there_is(
    connection: dict[str, str], history: dict[str, str], said: list[str]
) -> None:
    topology = {
        "eventHubs": {},
        "dataExplorer": {"dataConnections": {}, "blobConnections": {"blobs": connection}},
        "digitalTwins": {"history": history},
        "storage": {"containers": {"deadLetters": "letters"}},
    }

    found = [finding.message for finding in broken_topology(topology, SCHEMA)]

    assert len(found) == len(said)
    assert all(part in message for part, message in zip(said, found, strict=True))
