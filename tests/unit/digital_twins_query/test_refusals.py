"""What can't be answered is a 400 with the place, in the service's words, never a wrong answer."""

import pytest

from local.digital_twins.errors import ServiceError
from local.digital_twins.query import execute
from tests.unit.digital_twins_query.graph import Graph, relationship, twin

ALL = "SELECT * FROM DIGITALTWINS"
ALL_OF = "SELECT a FROM DIGITALTWINS"
JOIN = "FROM DIGITALTWINS A JOIN B RELATED A.r"


def refusal(text: str, graph: Graph | None = None) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        execute((graph or Graph()).connection, text, None, 10)
    assert refused.value.status == 400
    return refused.value


def test_the_message_is_the_services_own() -> None:
    error = refusal("foo")

    assert error.code == "SqlQueryError"
    assert error.message == (
        "SQL query parse failed: SQL Parser Error, Line=1, Position=0, Message=missing SELECT at 'foo' "
        "See samples in https://aka.ms/adtv2query for the correct syntax."
    )


@pytest.mark.parametrize(
    ("text", "line", "position"),
    [
        ("", 1, 0),
        ("SELECT", 1, 6),
        ("SELECT * FROM DEVICES", 1, 14),
        ("SELECT * FROM\n  (SELECT * FROM DIGITALTWINS)", 2, 2),
        (f"{ALL} WHERE", 1, 32),
        (f"{ALL} WHERE a", 1, 34),
        (f"{ALL} WHERE a = ", 1, 37),
        (f"{ALL} WHERE a = 1 b", 1, 39),
        (f"{ALL} WHERE a = 'open", 1, 37),
        (f'{ALL} WHERE a = "double"', 1, 37),
        (f"{ALL} WHERE a = 'bad \\q'", 1, 42),
        (f"{ALL} WHERE a = 1e999", 1, 37),
        (f"{ALL} WHERE a LIKE 'x'", 1, 35),
        (f"{ALL} WHERE 1 = 1", 1, 33),
        (f"{ALL} WHERE a NOT IN [1]", 1, 35),
        (f"{ALL} WHERE a IN []", 1, 39),
        (f"{ALL} WHERE a IN ('x')", 1, 38),
        (f"{ALL} WHERE a[0] = 1", 1, 34),
        (f"{ALL} WHERE UPPER(a) = 'X'", 1, 33),
        (f"{ALL} WHERE IS_DEFINED()", 1, 44),
        (f"{ALL} WHERE IS_OF_MODEL(a)", 1, 46),
        (f"{ALL} WHERE IS_OF_MODEL('m', 'exact')", 1, 50),
        (f"{ALL} WHERE CONTAINS(a, 1)", 1, 45),
        (f"{ALL} WHERE group = 'a'", 1, 33),
        (f"{ALL} T WHERE T = 'a'", 1, 35),
        (f"{ALL} ORDER BY a", 1, 27),
        ("SELECT a, b.a FROM DIGITALTWINS", 1, 14),
        ("SELECT *, a FROM DIGITALTWINS", 1, 8),
        ("SELECT COUNT(*) FROM DIGITALTWINS", 1, 13),
        ("SELECT TOP(-1) FROM DIGITALTWINS", 1, 11),
        ("SELECT TOP(1.5) FROM DIGITALTWINS", 1, 11),
        ("SELECT TOP(1) COUNT() FROM DIGITALTWINS", 1, 14),
        ("SELECT FROM DIGITALTWINS", 1, 7),
        (f"SELECT * {JOIN} WHERE A.$dtId = 'a'", 1, 7),
        (f"SELECT A {JOIN}", 1, 47),
        (f"SELECT A {JOIN} WHERE A.x = 'a'", 1, 63),
        (f"SELECT A {JOIN} WHERE NOT A.$dtId = 'a'", 1, 71),
        (f"SELECT A {JOIN} WHERE A.$dtId = 'a' OR B.x = 1", 1, 78),
        (f"SELECT x {JOIN} WHERE A.$dtId = 'a'", 1, 7),
        (f"SELECT A {JOIN} WHERE A.$dtId = 'a' AND x = 1", 1, 72),
        (f"SELECT A {JOIN} WHERE A.$dtId = 'a' AND IS_OF_MODEL('m')", 1, 72),
        (f"SELECT A {JOIN} JOIN C RELATED D.r WHERE A.$dtId = 'a'", 1, 63),
        (f"SELECT A {JOIN} R JOIN C RELATED R.r WHERE A.$dtId = 'a'", 1, 65),
        (f"SELECT A {JOIN} JOIN B RELATED A.r WHERE A.$dtId = 'a'", 1, 53),
        ("SELECT A FROM RELATIONSHIPS A JOIN B RELATED A.r WHERE A.$dtId = 'a'", 1, 30),
        ("SELECT * FROM RELATIONSHIPS WHERE IS_OF_MODEL('m')", 1, 34),
        ("SELECT * FROM RELATIONSHIPS WHERE ARRAY_CONTAINS(a, 1)", 1, 49),
        (f"{ALL} MATCH (a)-[]->(b) WHERE a.$dtId = 'x'", 1, 7),
        (f"{ALL_OF} MATCH (a)-[]->(b)", 1, 44),
        (f"{ALL_OF} MATCH (a)-[]->(a) WHERE a.$dtId = 'x'", 1, 42),
        (f"{ALL_OF} MATCH (a)<-[]->(b) WHERE a.$dtId = 'x'", 1, 41),
        (f"{ALL_OF} MATCH (a)--(b) WHERE a.$dtId = 'x'", 1, 37),
        (f"{ALL_OF} MATCH (a)-[has|includes*..3]-(b) WHERE a.$dtId = 'x'", 1, 41),
        (f"{ALL_OF} MATCH (a)-[*]->(b) WHERE a.$dtId = 'x'", 1, 39),
        (f"{ALL_OF} MATCH (a)-[*3..3]->(b) WHERE a.$dtId = 'x'", 1, 43),
        (f"{ALL_OF} MATCH (a)-[*0]->(b) WHERE a.$dtId = 'x'", 1, 40),
        (f"{ALL_OF} MATCH (a)-[*11]->(b) WHERE a.$dtId = 'x'", 1, 44),
        (f"{ALL_OF} MATCH (a)-[r*2]->(b) WHERE a.$dtId = 'x'", 1, 41),
        (f"{ALL_OF} T MATCH (a)-[]->(b) WHERE a.$dtId = 'x'", 1, 29),
        (f"{ALL_OF} MATCH (a)-[]->(b) MATCH (b)-[]->(c) WHERE a.$dtId = 'x'", 1, 45),
    ],
)
def test_a_refusal_names_the_place(text: str, line: int, position: int) -> None:
    error = refusal(text)

    assert error.code == "SqlQueryError"
    assert f"Line={line}, Position={position}, Message=" in error.message


@pytest.mark.parametrize(
    "text",
    [
        f"{ALL} WHERE a = '{'x' * 8000}'",
        f"{ALL} WHERE a IN [{', '.join(map(str, range(51)))}]",
        f"{ALL} WHERE {' OR '.join(['a = 1'] * 52)}",
        f"{ALL} WHERE {'(' * 101}a = 1{')' * 101}",
        f"{ALL} WHERE {'NOT ' * 1500}a = 1",
        f"SELECT A FROM DIGITALTWINS A {' '.join(f'JOIN B{i} RELATED A.r' for i in range(6))} WHERE A.$dtId = 'a'",
    ],
)
def test_the_services_limits_hold(text: str) -> None:
    assert refusal(text).code == "SqlQueryError"


def test_the_limits_themselves_are_allowed() -> None:
    graph = Graph([twin("t", a=50)])

    assert graph.ids(f"{ALL} WHERE a IN [{', '.join(map(str, range(1, 51)))}]") == ["t"]
    assert graph.ids(f"{ALL} WHERE {' OR '.join(['a = 50'] * 51)}") == ["t"]
    assert graph.ids(f"{ALL} WHERE {'(' * 99}a = 50{')' * 99}") == ["t"]
    assert graph.ids(f"{ALL} WHERE a = 50 OR a = '".ljust(7999, "x") + "'") == ["t"]


def test_a_walk_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.digital_twins.query.execution.MAX_STEPS", 5_000)
    ids = [f"t{number}" for number in range(12)]
    graph = Graph([twin(id) for id in ids], [relationship(a, f"{a}-{b}", b) for a in ids for b in ids])

    error = refusal(f"{ALL_OF} MATCH (a)-[*10]-(b) WHERE a.$dtId = 't0'", graph)

    assert error.code == "TimeoutError"


def test_a_query_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(twin(f"t{number}", a=number) for number in range(100))
    monkeypatch.setattr("local.digital_twins.query.execution.TIMEOUT_SECONDS", -1.0)
    monkeypatch.setattr("local.digital_twins.query.execution.CHECK_EVERY", 10)

    assert refusal(f"{ALL} WHERE a = -1", graph).code == "TimeoutError"
