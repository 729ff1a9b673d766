"""Pages: each row once, whatever changes in between, and tokens that can't be made up."""

import base64

import pytest

from local.digital_twins.errors import ServiceError
from local.digital_twins.query import QueryPage, execute
from tests.unit.digital_twins_query.graph import Graph, relationship, twin

ALL = "SELECT * FROM DIGITALTWINS"


@pytest.fixture
def graph() -> Graph:
    ids = [f"t{number}" for number in range(10)]
    links = [relationship("t0", f"r{number}", id) for number, id in enumerate(ids)]
    return Graph((twin(id, number=number) for number, id in enumerate(ids)), links)


def first(graph: Graph, text: str, size: int = 4) -> tuple[QueryPage, str]:
    page = execute(graph.connection, text, None, size)
    assert page.continuation is not None
    return page, page.continuation


def ids(page: QueryPage) -> list[str]:
    return [row["$dtId"] for row in page.value]


def test_twins_made_and_deleted_between_pages_move_no_other(graph: Graph) -> None:
    page, token = first(graph, ALL)
    graph.remove_twin("t1")
    graph.remove_twin("t5")
    graph.add_twin(twin("t00"))
    graph.add_twin(twin("t45"))

    rest = execute(graph.connection, ALL, token, 100)

    assert ids(page) == ["t0", "t1", "t2", "t3"]
    assert ids(rest) == ["t4", "t45", "t6", "t7", "t8", "t9"]
    assert rest.continuation is None


def test_a_page_may_be_asked_for_again(graph: Graph) -> None:
    _, token = first(graph, ALL)

    again = [execute(graph.connection, ALL, token, 3) for _ in range(2)]

    assert again[0] == again[1]
    assert ids(again[0]) == ["t4", "t5", "t6"]


def test_a_token_brings_its_query_with_it(graph: Graph) -> None:
    _, token = first(graph, f"{ALL} WHERE number >= 1")

    assert ids(execute(graph.connection, "anything else", token, 2)) == ["t5", "t6"]


def test_the_last_full_page_has_no_token(graph: Graph) -> None:
    assert execute(graph.connection, ALL, None, 10).continuation is None


def test_top_holds_over_pages(graph: Graph) -> None:
    assert graph.ids("SELECT TOP(7) FROM DIGITALTWINS", page_size=3) == [f"t{number}" for number in range(7)]
    assert graph.ids("SELECT TOP(6) FROM DIGITALTWINS", page_size=3) == [f"t{number}" for number in range(6)]


def test_pages_of_relationships_and_patterns(graph: Graph) -> None:
    joined = "SELECT B.$dtId FROM DIGITALTWINS A JOIN B RELATED A.contains WHERE A.$dtId = 't0'"
    matched = "SELECT B.$dtId FROM DIGITALTWINS MATCH (A)-[]->(B) WHERE A.$dtId = 't0'"
    everything = [f"t{number}" for number in range(10)]

    assert graph.ids(joined, page_size=3) == everything
    assert graph.ids(matched, page_size=3) == everything
    assert len(graph.query("SELECT * FROM RELATIONSHIPS", page_size=3)) == 10


def test_a_page_holds_a_thousand_rows_at_most() -> None:
    graph = Graph(twin(f"t{number}") for number in range(1_001))

    assert len(execute(graph.connection, ALL, None, 5_000).value) == 1_000
    assert len(execute(graph.connection, ALL, None, 0).value) == 1


def forged(graph: Graph) -> list[str]:
    _, token = first(graph, ALL)
    raw = base64.urlsafe_b64decode(token)
    changed = base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
    return ["", "null", "x", "ä", token[:-4], token + "AAAA", changed, base64.urlsafe_b64encode(b"123456{}").decode()]


def test_a_forged_token_is_refused(graph: Graph) -> None:
    for token in forged(graph):
        with pytest.raises(ServiceError) as refused:
            execute(graph.connection, ALL, token, 4)
        assert (refused.value.status, refused.value.code) == (400, "BadRequest")
