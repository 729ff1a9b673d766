"""Every clause of the language reference, by an example of each."""

import pytest

from tests.unit.digital_twins_query.graph import Graph, relationship, twin

ROOM, HALL, LAMP = "dtmi:test:Room;1", "dtmi:test:Hall;1", "dtmi:test:Lamp;1"


@pytest.fixture(scope="module")
def graph() -> Graph:
    """building -contains-> floor -contains-> hall, room -contains-> lamp1, lamp2; lamp1 -feeds-> room."""
    return Graph(
        [
            twin("building", name="O'Hara \\ Sons", address={"city": "Oslo", "zip": 150}),
            twin("floor", name="first"),
            twin("hall", HALL, temperature=21.5, tags={"red": True}),
            twin("room", ROOM, temperature=19, isOpen=False, numbers=[1, [2], 3]),
            twin("lamp1", LAMP, Group="a", power={"watts": 60, "$metadata": {}}),
            twin("lamp2", LAMP, Group="b", temperature="hot"),
        ],
        [
            relationship("building", "b-f", "floor"),
            relationship("floor", "f-h", "hall", since=2001),
            relationship("floor", "f-r", "room", since=2010),
            relationship("room", "r-1", "lamp1"),
            relationship("room", "r-2", "lamp2"),
            relationship("lamp1", "1-r", "room", "feeds"),
        ],
        {ROOM: [], HALL: [ROOM], LAMP: [], "dtmi:test:thing;1": []},
    )


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("$dtId = 'room'", ["room"]),
        ("T.$dtId IN ['room', 'lamp1', 'nobody']", ["lamp1", "room"]),
        ("temperature > 20", ["hall"]),
        ("20 > temperature", ["room"]),
        ("NOT T.temperature <= 20", ["building", "floor", "hall", "lamp1", "lamp2"]),
        ("temperature != 19", ["hall", "lamp2"]),
        ("temperature NIN [19, 'hot']", ["hall"]),
        ("temperature = -19", []),
        ("isOpen = false", ["room"]),
        ("isOpen != true AND temperature = 19.0", ["room"]),
        ("is_of_model('dtmi:test:Room;1')", ["hall", "room"]),
        ("IS_OF_MODEL(T, 'dtmi:test:Room;1', exact)", ["room"]),
        ("IS_OF_MODEL('dtmi:test:Room;1', exact) = false AND IS_NUMBER(temperature)", ["hall"]),
        ("$metadata.$model = 'dtmi:test:Hall;1'", ["hall"]),
        ("STARTSWITH($metadata.$model, 'dtmi:test:L')", ["lamp1", "lamp2"]),
        ("ENDSWITH($dtId, '2') OR CONTAINS(T.$dtId, 'oo')", ["floor", "lamp2", "room"]),
        ("IS_DEFINED(tags.red)", ["hall"]),
        ("tags.red = true", ["hall"]),
        ("IS_STRING(temperature)", ["lamp2"]),
        ("IS_BOOL(isOpen) AND NOT isOpen = true", ["room"]),
        ("IS_OBJECT(address) AND NOT IS_DEFINED(address.country)", ["building"]),
        ("IS_PRIMITIVE(numbers) OR IS_PRIMITIVE(name)", ["building", "floor"]),
        ("IS_NULL(name)", []),
        ("address.city = 'Oslo' AND address.zip < 151", ["building"]),
        ("power.watts >= 6e1", ["lamp1"]),
        ("name = 'O\\'Hara \\\\ Sons'", ["building"]),
        ("[[Group]] = 'b'", ["lamp2"]),
        ("T.[[Group]] = 'a' OR T.[[Group]] = 'b' AND T.temperature = 'hot'", ["lamp1", "lamp2"]),
        ("ARRAY_CONTAINS(numbers, 3) AND NOT ARRAY_CONTAINS(numbers, 2)", ["room"]),
    ],
)
def test_where(graph: Graph, where: str, ids: list[str]) -> None:
    assert graph.ids(f"SELECT * FROM DIGITALTWINS T WHERE {where}") == ids


def test_a_select_of_everything_gives_documents_as_they_are(graph: Graph) -> None:
    [row] = graph.query("SELECT * FROM digitaltwins WHERE $dtId = 'floor'")

    assert row == twin("floor", name="first")


def test_a_selected_collection_is_a_column(graph: Graph) -> None:
    [row] = graph.query("SELECT T FROM DIGITALTWINS T WHERE T.$dtId = 'floor'")

    assert row == {"T": twin("floor", name="first")}


def test_selected_properties_are_named_by_their_last_part_or_an_alias_and_left_out_where_missing(graph: Graph) -> None:
    rows = graph.query(
        "SELECT $dtId AS id, address.city, T.name AS called, T.none FROM DIGITALTWINS T WHERE IS_DEFINED(name)"
    )

    assert rows == [
        {"id": "building", "city": "Oslo", "called": "O'Hara \\ Sons"},
        {"id": "floor", "called": "first"},
    ]


def test_top_and_count(graph: Graph) -> None:
    assert graph.ids("SELECT TOP (2) FROM DIGITALTWINS", page_size=1) == ["building", "floor"]
    assert graph.query("SELECT TOP(1) T.name FROM DIGITALTWINS T") == [{"name": "O'Hara \\ Sons"}]
    assert graph.query("SELECT COUNT() FROM DIGITALTWINS") == [{"COUNT": 6}]
    assert graph.query("SELECT COUNT() FROM RELATIONSHIPS R WHERE R.since > 2005") == [{"COUNT": 1}]


def test_relationships_are_a_collection_of_their_own(graph: Graph) -> None:
    rows = graph.query("SELECT * FROM RELATIONSHIPS WHERE $sourceId = 'floor' AND $relationshipName = 'contains'")

    assert rows == [
        relationship("floor", "f-h", "hall", since=2001),
        relationship("floor", "f-r", "room", since=2010),
    ]


def test_joins_follow_relationships_and_name_them(graph: Graph) -> None:
    rows = graph.query(
        "SELECT room.$dtId AS room, link.since, lamp.[[Group]] FROM DIGITALTWINS floor "
        "JOIN room RELATED floor.contains link JOIN lamp RELATED room.contains "
        "WHERE floor.$dtId = 'floor' AND link.since > 2000"
    )

    assert rows == [{"room": "room", "since": 2010, "Group": "a"}, {"room": "room", "since": 2010, "Group": "b"}]


def test_a_join_may_start_from_its_target(graph: Graph) -> None:
    text = "SELECT room FROM DIGITALTWINS room JOIN lamp RELATED room.contains WHERE lamp.$dtId = 'lamp2'"

    assert [row["room"]["$dtId"] for row in graph.query(text)] == ["room"]


def test_five_joins_go_five_levels_down(graph: Graph) -> None:
    text = (
        "SELECT COUNT() FROM DIGITALTWINS A JOIN B RELATED A.contains JOIN C RELATED B.contains "
        "JOIN D RELATED C.contains JOIN E RELATED D.feeds JOIN F RELATED E.contains WHERE A.$dtId = 'building'"
    )

    assert graph.query(text) == [{"COUNT": 2}]


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("(a)-[]->(b)", ["hall", "room"]),
        ("(a)<-[]-(b)", ["building"]),
        ("(a)-[]-(b)", ["building", "hall", "room"]),
        ("(a)-[:contains*2]->(b)", ["lamp1", "lamp2"]),
        ("(a)-[:contains|feeds*..3]->(b)", ["hall", "lamp1", "lamp2", "room"]),
        ("(a)-[:contains|feeds*1..3]->(b)", ["lamp1", "lamp2", "room"]),
        ("(a)-[:feeds]->(b)", []),
        ("(a)-[]->()-[]->(b)", ["lamp1", "lamp2"]),
        ("(a)<-[:contains]-()-[:contains]->(b)", []),
        ("(b)<-[*2]-(a)", ["lamp1", "lamp2"]),
    ],
)
def test_match_from_the_floor(graph: Graph, pattern: str, ids: list[str]) -> None:
    assert graph.ids(f"SELECT b.$dtId FROM DIGITALTWINS MATCH {pattern} WHERE a.$dtId = 'floor'") == ids


def test_match_names_relationships_and_filters_by_their_properties(graph: Graph) -> None:
    rows = graph.query(
        "SELECT a.$dtId AS a, r.since, b FROM DIGITALTWINS MATCH (a)-[r:contains]->(b) "
        "WHERE a.$dtId = 'floor' AND r.since < 2005"
    )

    assert rows == [{"a": "floor", "since": 2001, "b": twin("hall", HALL, temperature=21.5, tags={"red": True})}]


def test_match_walks_no_relationship_twice_so_the_ancestor_is_the_nearest(graph: Graph) -> None:
    text = "SELECT P FROM digitaltwins MATCH (A)<-[*..3]-(P)-[*..3]->(B) WHERE A.$dtId = 'lamp2' AND B.$dtId = 'hall'"

    assert [row["P"]["$dtId"] for row in graph.query(text)] == ["floor"]


def test_match_of_a_single_twin(graph: Graph) -> None:
    assert graph.ids("SELECT a.$dtId FROM DIGITALTWINS MATCH (a) WHERE a.$dtId = 'hall'") == ["hall"]
