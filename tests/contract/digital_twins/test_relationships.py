"""Relationships: made, listed from both ends, patched, deleted, by the unmodified SDK."""

from collections.abc import Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient

from tests.contract.digital_twins.conftest import base, code_of, room
from tests.contract.digital_twins.models import SITE

Pair = tuple[str, str]


@pytest.fixture
def pair(client: DigitalTwinsClient, name: str) -> Pair:
    """A room, and something that it may contain."""
    source, target = f"{name}-room", f"{name}-base"
    client.upsert_digital_twin(source, room())
    client.upsert_digital_twin(target, base())
    return source, target


def contains(target: str, **properties: Any) -> dict[str, Any]:
    return {"$relationshipName": "contains", "$targetId": target, **properties}


def test_relationship_comes_back_whole_with_etag(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    put = client.upsert_relationship(source, "r1", contains(target, since="2026"))

    assert put == client.get_relationship(source, "r1")
    assert {key: value for key, value in put.items() if key != "$etag"} == {
        "$relationshipId": "r1",
        "$sourceId": source,
        "$relationshipName": "contains",
        "$targetId": target,
        "since": "2026",
    }
    assert put["$etag"].startswith('W/"')


def test_lists_hold_both_ends_and_filter_by_name(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    client.upsert_relationship(source, "r1", contains(target))
    client.upsert_relationship(source, "r2", {"$relationshipName": "near", "$targetId": target})

    assert [each["$relationshipId"] for each in client.list_relationships(source)] == ["r1", "r2"]
    assert [each["$relationshipId"] for each in client.list_relationships(source, "near")] == ["r2"]
    incoming = list(client.list_incoming_relationships(target))
    assert [(each.relationship_id, each.source_id, each.relationship_name) for each in incoming] == [
        ("r1", source, "contains"),
        ("r2", source, "near"),
    ]
    assert incoming[0].relationship_link == f"/digitaltwins/{source}/relationships/r1"


def test_lists_are_paged_without_gaps(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    keys = [f"r{number}" for number in range(7)]
    for key in keys:
        client.upsert_relationship(source, key, contains(target))

    small: dict[str, Any] = {"headers": {"max-items-per-page": "3"}}
    outgoing = [list(page) for page in client.list_relationships(source, **small).by_page()]
    incoming = [list(page) for page in client.list_incoming_relationships(target, **small).by_page()]

    assert [len(page) for page in outgoing] == [len(page) for page in incoming] == [3, 3, 1]
    assert [each["$relationshipId"] for page in outgoing for each in page] == keys
    assert [each.relationship_id for page in incoming for each in page] == keys


def test_patch_changes_properties_and_nothing_else(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    etag = client.upsert_relationship(source, "r1", contains(target, since="2025"))["$etag"]
    patch = [{"op": "replace", "path": "/since", "value": "2026"}]

    unmodified = MatchConditions.IfNotModified
    client.update_relationship(source, "r1", patch, etag=etag, match_condition=unmodified)

    assert client.get_relationship(source, "r1")["since"] == "2026"
    with pytest.raises(ResourceModifiedError):
        client.update_relationship(source, "r1", patch, etag=etag, match_condition=unmodified)
    with pytest.raises(ResourceModifiedError):
        client.delete_relationship(source, "r1", etag=etag, match_condition=unmodified)
    with pytest.raises(HttpResponseError) as refused:
        client.update_relationship(source, "r1", [{"op": "replace", "path": "/$targetId", "value": source}])
    assert code_of(refused.value) == "JsonPatchInvalid"
    with pytest.raises(HttpResponseError) as refused:
        client.update_relationship(source, "r1", [{"op": "add", "path": "/since", "value": 2026}])
    assert code_of(refused.value) == "ValidationFailed"


def test_if_missing_refuses_a_relationship_that_is_there(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    client.upsert_relationship(source, "r1", contains(target))

    with pytest.raises(ResourceExistsError) as refused:
        client.upsert_relationship(source, "r1", contains(target), match_condition=MatchConditions.IfMissing)

    assert "a relationship with the id r1 was found. Please specify a different relationship id." in (
        refused.value.message
    )


def test_relationship_id_belongs_to_its_source(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    client.upsert_relationship(source, "r1", contains(target))

    with pytest.raises(ResourceNotFoundError) as missing:
        client.get_relationship(target, "r1")

    assert code_of(missing.value) == "RelationshipNotFound"


Body = Callable[[str, str], dict[str, Any]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (lambda source, target: contains("absent"), 404, "TargetTwinNotFound"),
        (lambda source, target: contains(source), 400, "OperationNotAllowed"),
        (lambda source, target: contains(target, colour="red"), 400, "ValidationFailed"),
        (lambda source, target: contains(target, since=3), 400, "ValidationFailed"),
        (lambda source, target: {"$relationshipName": "owns", "$targetId": target}, 400, "InvalidRelationship"),
        (lambda source, target: {"$relationshipName": "label", "$targetId": target}, 400, "InvalidRelationship"),
        (lambda source, target: {"$targetId": target}, 400, "InvalidRelationship"),
        (lambda source, target: {"$relationshipName": "contains"}, 400, "InvalidRelationship"),
        (lambda source, target: {**contains(target), "$sourceId": target}, 400, "InvalidArgument"),
    ],
)  # fmt: skip
def test_relationship_that_its_model_does_not_allow_is_refused(
    client: DigitalTwinsClient, pair: Pair, body: Body, status: int, code: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_relationship(pair[0], "r1", body(*pair))

    assert (refused.value.status_code, code_of(refused.value)) == (status, code)
    assert list(client.list_relationships(pair[0])) == []


def test_target_must_be_of_the_declared_model_or_one_that_extends_it(
    client: DigitalTwinsClient, pair: Pair, name: str
) -> None:
    source, _ = pair
    client.upsert_digital_twin(f"{name}-site", {"$metadata": {"$model": SITE}})
    client.upsert_digital_twin(f"{name}-other", room())

    client.upsert_relationship(source, "r1", contains(f"{name}-other"))
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_relationship(source, "r2", contains(f"{name}-site"))
    assert code_of(refused.value) == "InvalidRelationship"


def test_twin_with_relationships_at_either_end_is_not_deleted(client: DigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    client.upsert_relationship(source, "r1", contains(target))

    for end in pair:
        with pytest.raises(HttpResponseError) as refused:
            client.delete_digital_twin(end)
        assert (refused.value.status_code, code_of(refused.value)) == (400, "RelationshipsNotDeleted")
        assert f"Twin {end} has active relationships." in refused.value.message

    client.delete_relationship(source, "r1")
    for end in pair:
        client.delete_digital_twin(end)


async def test_aio_client_does_the_same(aio_client: AsyncDigitalTwinsClient, pair: Pair) -> None:
    source, target = pair
    await aio_client.upsert_relationship(source, "r 1", contains(target))
    await aio_client.update_relationship(source, "r 1", [{"op": "add", "path": "/since", "value": "2026"}])

    assert (await aio_client.get_relationship(source, "r 1"))["since"] == "2026"
    assert [each["since"] async for each in aio_client.list_relationships(source)] == ["2026"]
    assert [each.source_id async for each in aio_client.list_incoming_relationships(target)] == [source]
    await aio_client.delete_relationship(source, "r 1")
    assert [each async for each in aio_client.list_relationships(source)] == []
