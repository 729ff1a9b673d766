"""The KQL checker finds what a cluster would refuse: each sound script below is broken in one way, and each break is
found by the rule that is for it."""

# kql: another database

import pytest

from checks.findings import Finding
from checks.kql.checker import Checker, Schema, Text

SOUND = {
    "tables": """
.create-merge table Bronze (Data: dynamic)

.create-merge table Silver (EventId: string, Value: real)
""",
    "mapping": """
.create-or-alter table Bronze ingestion json mapping "BronzeMapping" '[{"column": "Data", "Properties": {"Path": "$"}}]'
""",
    "policy": """
.create-or-alter function to_silver() {
    Bronze
    | project EventId = tostring(Data.id), Value = toreal(Data.value)
}

.alter table Silver policy update ```
[{"IsEnabled": true, "Source": "Bronze", "Query": "to_silver()", "IsTransactional": true}]
```
""",
    "views": """
.create ifnotexists materialized-view Readings on table Silver {
    Silver | summarize take_any(*) by EventId
}

.create ifnotexists materialized-view Totals on materialized-view Readings {
    Readings | summarize Sum = sum(Value), Count = count() by EventId
}

.alter-merge materialized-view Readings policy retention softdelete = 30d recoverability = enabled

.alter-merge materialized-view Totals policy retention softdelete = 30d recoverability = enabled
""",
}


TABLES_AND_POLICY = {name: SOUND[name] for name in ("tables", "policy")}


def check(checker: Checker, scripts: dict[str, str]) -> tuple[list[Finding], Schema]:
    return checker.scripts("iot", [Text(file, 1, text) for file, text in scripts.items()])


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def test_sound_scripts_have_no_finding_and_make_their_schema(checker: Checker) -> None:
    found, schema = check(checker, SOUND)

    assert found == []
    assert dict(schema.tables["Silver"]) == {"EventId": "string", "Value": "real"}
    assert dict(schema.views["Totals"]) == {"EventId": "string", "Sum": "real", "Count": "long"}
    assert schema.functions == {"to_silver"}
    assert schema.mappings == {"Bronze/BronzeMapping"}


@pytest.mark.parametrize(
    ("script", "sound", "broken", "code"),
    [
        ("tables", "(Data: dynamic)", "(Data dynamic)", "KS005"),
        ("tables", "(Data: dynamic)", "(Data: dinamic)", "KS005"),
        ("tables", ".create-merge table Silver", ".create table Silver", "verb"),
        ("tables", ".create-merge table Silver", ".drop table Silver", "verb"),
        ("tables", ".create-merge table Silver", ".set-or-append Gold <| Bronze\n\n.create-merge table Silver", "verb"),
        (
            "tables",
            ".create-merge table Silver",
            ".alter database gold policy caching hot = 1d\n\n.create-merge table Silver",
            "target",
        ),
        ("tables", ".create-merge table Silver", ".frobnicate table Silver", "command"),
        ("tables", ".create-merge table Silver", "Silver | take 1\n\n.create-merge table Silver", "command"),
        ("mapping", '"column": "Data"', '"column": "Date"', "mapping"),
        ("mapping", '"Path": "$"', '"Path": "Data"', "mapping"),
        ("mapping", '{"Path": "$"}}]', '{"Path": "$"}]', "json"),
        ("mapping", "table Bronze ingestion", "table Brass ingestion", "mapping"),
        ("policy", "tostring(Data.id)", "tostring(Date.id)", "KS142"),
        ("policy", "tostring(Data.id)", "tostring(Data.id, 1, 2)", "KS119"),
        ("policy", "tostring(Data.id)", "tostrung(Data.id)", "KS211"),
        ("policy", "    Bronze", "    Brass", "KS204"),
        ("policy", "toreal(Data.value)", "tolong(Data.value)", "update-policy"),
        ("policy", ", Value = toreal(Data.value)", "", "update-policy"),
        ("policy", 'to_silver()",', 'to_gold()",', "update-policy"),
        ("policy", '"Source": "Bronze"', '"Source": "Brass"', "update-policy"),
        ("policy", '"IsTransactional": true', '"IsTransactional": false', "update-policy"),
        ("policy", '"IsTransactional"', '"Transactional"', "update-policy"),
        ("policy", ".alter table Silver", ".alter table Gold", "target"),
        ("views", "summarize take_any(*) by EventId", "summarize arg_max(Value, *) by EventId", "view"),
        ("views", "summarize Sum = sum(Value)", "summarize Sum = stdev(Value)", "view"),
        ("views", "summarize Sum = sum(Value)", "summarize Sum = sum(Value) / 2", "view"),
        ("views", "Readings | summarize", "Readings | where Value > 0 | sort by Value | summarize", "view"),
        ("views", "Readings | summarize", "Readings | where now() > datetime(2025-01-01) | summarize", "view"),
        ("views", "count() by EventId", "count() by EventId | where Sum > 1", "view"),
        ("views", "Readings | summarize", "Silver | summarize", "view"),
        ("views", "Totals policy retention softdelete = 30d", "Totals policy retention softdelete = 31d", "retention"),
        ("views", "view Totals policy", "view Readings policy", "retention"),
        ("views", ".create ifnotexists materialized-view Totals", ".create materialized-view Totals", "verb"),
    ],
)
def test_a_broken_script_is_found(checker: Checker, script: str, sound: str, broken: str, code: str) -> None:
    assert sound in SOUND[script]

    found, _ = check(checker, {"tables": SOUND["tables"]} | {script: SOUND[script].replace(sound, broken)})

    assert code in codes(found), found


def test_a_name_is_known_only_after_the_command_that_makes_it(checker: Checker) -> None:
    found, _ = check(checker, {name: SOUND[name] for name in ("policy", "tables", "views")})

    assert codes(found) >= {"KS204", "target"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Silver | where Valu > 1", "KS142"),
        ("Silver | where Value > 'a'", "comparison"),
        ("Silver | where EventId in (1, 2)", "comparison"),
        ("Silver | extend Before = prev(Value)", "order"),
        ("Silver | wher Value > 1", "KS176"),
        ("Brass | count", "KS204"),
        ("to_silver(1)", "KS119"),
        ("Silver | summarize sum(EventId)", "KS138"),
        (".frobnicate table Silver", "command"),
    ],
)
def test_a_broken_query_is_found(checker: Checker, query: str, code: str) -> None:
    check(checker, TABLES_AND_POLICY)

    found, _ = checker.queries([Text("here.py", 7, query)])

    assert code in codes(found), found
    assert {(finding.file, finding.line) for finding in found} == {("here.py", 7)}


def test_arguments_of_stored_functions_must_have_the_parameters_type(checker: Checker) -> None:
    check(
        checker,
        {
            "tables": SOUND["tables"],
            "more": ".create-or-alter function above(limit: real) { Silver | where Value > limit }",
        },
    )

    sound, _ = checker.queries([Text("here.py", 1, "above(1.5) | union above(limit = 2)")])
    broken, _ = checker.queries([Text("here.py", 1, "above('a')"), Text("here.py", 2, "above(limit = 1d)")])

    assert sound == []
    assert [(finding.line, finding.code) for finding in broken] == [(1, "argument"), (2, "argument")]


def test_sound_queries_have_no_finding_and_tell_whom_they_call(checker: Checker) -> None:
    check(checker, SOUND)

    found, calls = checker.queries(
        [
            Text("a.py", 1, "declare query_parameters(id: string);\nSilver | where EventId == id and Value > 1"),
            Text("a.py", 9, "to_silver() | sort by Value asc | extend Before = prev(Value)"),
            Text("b.py", 1, "Totals | project Average = Sum / Count"),
        ]
    )

    assert found == []
    assert calls == {"a.py": frozenset({"to_silver"}), "b.py": frozenset()}


def test_a_finding_says_the_place_in_its_file(checker: Checker) -> None:
    found, _ = check(checker, {"one.kql": "// a comment\n\n.create-merge table A (x: long)\n\n.drop table A\n"})

    assert [(finding.file, finding.line, finding.column) for finding in found] == [("one.kql", 5, 1)]
