"""Any text is answered, or refused as the client's mistake; never anything else."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.digital_twins.errors import ServiceError
from local.digital_twins.query import execute
from tests.unit.digital_twins_query.graph import Graph, relationship, twin

GRAPH = Graph(
    [twin(id, a=number, o={"x": id}, l=[1]) for number, id in enumerate("abc")],
    [relationship("a", "r1", "b", "r"), relationship("b", "r2", "c", "r"), relationship("c", "r3", "a", "s")],
)
KEYWORDS = """
    SELECT FROM WHERE AND OR NOT IN NIN TOP COUNT JOIN RELATED MATCH AS DIGITALTWINS RELATIONSHIPS IS_OF_MODEL
    IS_DEFINED CONTAINS ARRAY_CONTAINS exact true null A B a.b A.$dtId $metadata.$model [[x]] [[ ]] ( ) [ ] , . .. * :
    | - > < = != <= >= -> <- 'a' ' 1 -1 2.5 1e400 99999999999999999999 \\ " ; -- /* ä 😀 {} @p
"""
PIECES = [*KEYWORDS.split(), "'\\''", "\n", "\x00", "\ud800"]
EXAMPLES = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHAPES = st.sampled_from(
    [
        "SELECT {0} FROM DIGITALTWINS {1} WHERE {2}",
        "SELECT COUNT() FROM DIGITALTWINS A JOIN B RELATED A.r {1} WHERE A.$dtId = 'a' AND {2}",
        "SELECT A FROM DIGITALTWINS MATCH (A){1}(B) WHERE A.$dtId = 'a' AND {2}",
        "SELECT A FROM DIGITALTWINS MATCH (A)-[{1}]->(B) WHERE A.$dtId = 'a' {2}",
        "SELECT {0} FROM RELATIONSHIPS {1} WHERE {2}",
    ]
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)


def ask(text: str, token: str | None = None) -> None:
    """Fails for any error that is not the client's."""
    status, rows = 400, 0
    try:
        rows = len(execute(GRAPH.connection, text, token, 2).value)
    except ServiceError as error:
        status = error.status
    assert status == 400
    assert rows <= 2


@EXAMPLES
@given(st.one_of(st.text(max_size=200), TEXTS))
def test_any_text(text: str) -> None:
    ask(text)


@EXAMPLES
@given(SHAPES, TEXTS, TEXTS, TEXTS)
def test_any_text_in_a_query(shape: str, selected: str, middle: str, where: str) -> None:
    ask(shape.format(selected, middle, where))


@EXAMPLES
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda raw: raw.hex())))
def test_any_token(token: str) -> None:
    ask("SELECT * FROM DIGITALTWINS", token)
