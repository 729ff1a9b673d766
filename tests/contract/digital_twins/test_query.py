"""Queries over the graph, by the unmodified SDK, sync and aio."""

from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient

from tests.contract.digital_twins.conftest import base, code_of, room
from tests.contract.digital_twins.models import BASE, FREEZER, ROOM


class Rooms:
    """Five rooms of one building, room0 to room4 with temperatures 0 to 4, and a freezer in the last."""

    def __init__(self, client: DigitalTwinsClient, name: str) -> None:
        self.client = client
        self.name = name
        self.ids = [f"{name}-room{number}" for number in range(5)]
        client.upsert_digital_twin(name, room(label=name))
        for number, id in enumerate(self.ids):
            client.upsert_digital_twin(id, room(label=name, temperature=float(number), pose={"roll": 0.5}))
            self.relate(name, id, "contains", since=f"200{number}")
        sensor = {"$metadata": {}, "reading": -18.5}
        freezer = {"$metadata": {"$model": FREEZER}, "label": name, "door": True, "sensor": sensor}
        client.upsert_digital_twin(f"{name}-freezer", freezer)
        self.relate(self.ids[4], f"{name}-freezer", "near")

    def relate(self, source: str, target: str, name: str, **properties: Any) -> None:
        ends = {"$relationshipName": name, "$targetId": target}
        self.client.upsert_relationship(source, f"to-{target}", {**ends, **properties})

    def query(self, text: str, **options: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.client.query_twins(text, **options)]

    def ids_where(self, condition: str) -> list[str]:
        """Without the part that all the ids of this graph begin with."""
        rows = self.query(f"SELECT T.$dtId AS id FROM DIGITALTWINS T WHERE T.label = '{self.name}' AND {condition}")
        return [row["id"].removeprefix(f"{self.name}-") for row in rows]


@pytest.fixture
def rooms(client: DigitalTwinsClient, name: str) -> Rooms:
    return Rooms(client, name)


def test_a_queried_twin_is_the_document_that_a_read_gives(rooms: Rooms) -> None:
    [found] = rooms.query(f"SELECT * FROM DIGITALTWINS WHERE $dtId = '{rooms.ids[2]}'")

    assert found == rooms.client.get_digital_twin(rooms.ids[2])


def test_twins_are_found_by_property_model_component_and_metadata(rooms: Rooms) -> None:
    assert rooms.ids_where("T.temperature >= 3") == ["room3", "room4"]
    assert rooms.ids_where(f"IS_OF_MODEL(T, '{ROOM}') AND T.temperature IN [1, 2.0]") == ["room1", "room2"]
    assert rooms.ids_where(f"IS_OF_MODEL('{BASE}') AND NOT IS_OF_MODEL('{ROOM}')") == ["freezer"]
    assert rooms.ids_where(f"IS_OF_MODEL('{BASE}', exact)") == []
    assert rooms.ids_where("T.sensor.reading < -18") == ["freezer"]
    assert rooms.ids_where("T.pose.roll = 0.5 AND NOT IS_DEFINED(T.pose.pitch) AND T.temperature < 1") == ["room0"]
    assert rooms.ids_where(f"T.$metadata.$model = '{FREEZER}' AND IS_BOOL(T.door)") == ["freezer"]


def test_a_change_is_seen_by_the_next_query(rooms: Rooms) -> None:
    rooms.client.update_digital_twin(rooms.ids[0], [{"op": "replace", "path": "/temperature", "value": 30}])

    assert rooms.ids_where("T.temperature > 20") == ["room0"]


def test_joins_count_and_top(rooms: Rooms) -> None:
    joined = (
        "FROM DIGITALTWINS B JOIN R RELATED B.contains C JOIN F RELATED R.near "
        f"WHERE B.$dtId = '{rooms.name}' AND IS_OF_MODEL(F, '{FREEZER}')"
    )

    assert rooms.query(f"SELECT COUNT() {joined}") == [{"COUNT": 1}]
    assert rooms.query(f"SELECT R.temperature, C.since, F.$dtId AS freezer {joined}") == [
        {"temperature": 4.0, "since": "2004", "freezer": f"{rooms.name}-freezer"}
    ]
    assert len(rooms.query(f"SELECT TOP(3) FROM DIGITALTWINS WHERE label = '{rooms.name}'")) == 3


def test_match_goes_several_hops(rooms: Rooms) -> None:
    pattern = "(B)-[:contains|near*..2]->(F)"

    [row] = rooms.query(f"SELECT F FROM DIGITALTWINS MATCH {pattern} WHERE B.$dtId = '{rooms.name}' AND F.door = true")

    assert row["F"]["$dtId"] == f"{rooms.name}-freezer"


def test_relationships_are_queried_as_a_collection(rooms: Rooms) -> None:
    text = f"SELECT * FROM RELATIONSHIPS R WHERE R.$sourceId = '{rooms.name}' AND R.since = '2003'"

    [found] = rooms.query(text)

    assert found == rooms.client.get_relationship(rooms.name, f"to-{rooms.ids[3]}")


def test_pages_go_on_where_the_last_one_ended(rooms: Rooms) -> None:
    text = f"SELECT $dtId FROM DIGITALTWINS WHERE label = '{rooms.name}' AND IS_DEFINED(temperature)"

    found = [list(page) for page in rooms.client.query_twins(text, headers={"max-items-per-page": "2"}).by_page()]

    assert [[row["$dtId"] for row in page] for page in found] == [rooms.ids[:2], rooms.ids[2:4], rooms.ids[4:]]


async def test_aio_queries_page_by_page(aio_client: AsyncDigitalTwinsClient, name: str) -> None:
    for number in range(3):
        await aio_client.upsert_digital_twin(f"{name}-{number}", base(label=name))
    text = f"SELECT $dtId AS id FROM DIGITALTWINS WHERE label = '{name}'"

    pages = aio_client.query_twins(text, headers={"max-items-per-page": "2"}).by_page()
    found = [[row["id"] async for row in page] async for page in pages]

    assert found == [[f"{name}-0", f"{name}-1"], [f"{name}-2"]]


def test_a_query_that_cant_be_read_is_refused_with_the_place(client: DigitalTwinsClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        list(client.query_twins("SELECT * FROM DIGITALTWINS WHERE name ~ 'a'"))

    assert refused.value.status_code == 400
    assert code_of(refused.value) == "SqlQueryError"
    assert "Line=1, Position=38" in str(refused.value)


def test_a_page_tells_its_charge_and_a_wrong_token_is_refused(raw: httpx.Client) -> None:
    page = raw.post("/query", json={"query": "SELECT COUNT() FROM DIGITALTWINS"})
    refused = raw.post("/query", json={"query": "SELECT * FROM DIGITALTWINS", "continuationToken": "made up"})

    assert float(page.headers["query-charge"]) > 0
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")
