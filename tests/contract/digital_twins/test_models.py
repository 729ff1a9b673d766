"""Models: uploaded, listed, decommissioned, deleted, by the unmodified SDK."""

from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.digitaltwins.core import DigitalTwinsClient
from azure.digitaltwins.core.aio import DigitalTwinsClient as AsyncDigitalTwinsClient

from tests.contract.digital_twins.conftest import base, code_of
from tests.contract.digital_twins.models import BASE, FREEZER, MAP, ROOM, SENSOR, component, interface, property_


def _id(name: str) -> str:
    return f"dtmi:tests:{name.replace('-', '_')};1"


def test_uploaded_model_is_described_with_its_texts_by_language(client: DigitalTwinsClient) -> None:
    room = client.get_model(ROOM, include_model_definition=True)

    assert (room.id, room.decommissioned) == (ROOM, False)
    assert room.display_name == {"en": "Room"}
    assert room.description == {"en": "A room"}
    assert room.model is not None
    assert room.model["extends"] == BASE
    assert room.upload_time is not None
    assert room.upload_time.tzinfo is not None


def test_model_comes_without_its_definition_unless_asked_for(client: DigitalTwinsClient) -> None:
    assert client.get_model(ROOM).model is None


def test_list_of_dependencies_holds_bases_and_components(client: DigitalTwinsClient) -> None:
    listed = client.list_models(dependencies_for=[FREEZER], include_model_definition=True)

    assert {model.id for model in listed} == {FREEZER, BASE, SENSOR}


def test_models_are_listed_a_page_at_a_time_without_gaps(client: DigitalTwinsClient) -> None:
    pages = [
        [model.id for model in page]
        for page in client.list_models(include_model_definition=True, headers={"max-items-per-page": "2"}).by_page()
    ]

    assert all(len(page) <= 2 for page in pages)
    listed = [model for page in pages for model in page]
    assert {BASE, FREEZER, ROOM, SENSOR} <= set(listed)
    assert len(listed) == len(set(listed))


async def test_aio_client_lists_dependencies_page_by_page(aio_client: AsyncDigitalTwinsClient) -> None:
    listed = aio_client.list_models(dependencies_for=[FREEZER], headers={"max-items-per-page": "1"})

    assert sorted([model.id async for model in listed]) == sorted([BASE, FREEZER, SENSOR])


def test_model_that_exists_is_refused_with_409(client: DigitalTwinsClient) -> None:
    with pytest.raises(ResourceExistsError) as refused:
        client.create_models([interface(ROOM)])

    assert code_of(refused.value) == "ModelIdAlreadyExists"


def test_upload_is_all_or_nothing(client: DigitalTwinsClient, name: str) -> None:
    with pytest.raises(HttpResponseError):
        client.create_models([interface(_id(name)), interface(_id(f"{name}x"), extends=_id("absent"))])

    with pytest.raises(ResourceNotFoundError):
        client.get_model(_id(name))


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ({"@type": "Interface", "@context": "dtmi:dtdl:context;2"}, "DTDLParserError"),
        ({"@id": "dtmi:tests:Broken;1", "@type": "Interface", "@context": "dtmi:dtdl:context;9"},
         "ModelVersionNotSupported"),
        ({"@id": "no dtmi", "@type": "Interface", "@context": "dtmi:dtdl:context;2"}, "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", property_("a", "complex")), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", property_("a"), property_("a", "string")), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", property_("9lives")), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", property_("label"), extends=BASE), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", extends="dtmi:tests:Absent;1"), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", extends="dtmi:tests:Broken;1"), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", component("inner", FREEZER)), "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", property_("a", {"@type": "Array", "elementSchema": "double"}), version=2),
         "DTDLParserError"),
        (interface("dtmi:tests:Broken;1", colour="red"), "DTDLParserError"),
    ],
)  # fmt: skip
def test_broken_model_is_refused_with_the_service_scode_of(
    client: DigitalTwinsClient, model: dict[str, Any], code: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.create_models([model])

    assert (refused.value.status_code, code_of(refused.value)) == (400, code)


def test_version_2_is_taken_too(client: DigitalTwinsClient, name: str) -> None:
    client.create_models([interface(_id(name), property_("t"), version=2)])
    client.upsert_digital_twin(name, {"$metadata": {"$model": _id(name)}, "t": 1.5})

    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(name, {"$metadata": {"$model": _id(name)}, "t": "warm"})
    assert code_of(refused.value) == "ValidationFailed"


def test_decommissioned_model_makes_no_new_twins_and_keeps_the_old(client: DigitalTwinsClient, name: str) -> None:
    client.create_models([interface(_id(name), property_("t"))])
    client.upsert_digital_twin(name, {"$metadata": {"$model": _id(name)}, "t": 1})

    client.decommission_model(_id(name))

    assert client.get_model(_id(name)).decommissioned is True
    client.update_digital_twin(name, [{"op": "replace", "path": "/t", "value": 2}])
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(f"{name}x", {"$metadata": {"$model": _id(name)}, "t": 1})
    assert code_of(refused.value) == "ModelDecommissioned"


def test_model_that_others_need_is_decommissioned_and_deleted_only_after_them(
    client: DigitalTwinsClient, name: str
) -> None:
    needed, user = _id(name), _id(f"{name}x")
    client.create_models([interface(user, extends=needed), interface(needed)])

    with pytest.raises(ResourceExistsError) as refused:
        client.delete_model(needed)
    assert code_of(refused.value) == "ModelReferencesNotDeleted"
    assert user in str(refused.value)
    with pytest.raises(ResourceExistsError) as refused:
        client.decommission_model(needed)
    assert code_of(refused.value) == "ModelReferencesNotDecommissioned"

    client.delete_model(user)
    client.delete_model(needed)
    with pytest.raises(ResourceNotFoundError) as missing:
        client.get_model(needed)
    assert code_of(missing.value) == "ModelNotFound"


def test_twin_of_a_deleted_model_can_be_read_and_not_changed(client: DigitalTwinsClient, name: str) -> None:
    client.create_models([interface(_id(name), property_("t"))])
    client.upsert_digital_twin(name, {"$metadata": {"$model": _id(name)}, "t": 1})
    client.delete_model(_id(name))

    assert client.get_digital_twin(name)["t"] == 1
    with pytest.raises(HttpResponseError) as refused:
        client.update_digital_twin(name, [{"op": "replace", "path": "/t", "value": 2}])
    assert (refused.value.status_code, code_of(refused.value)) == (400, "ValidationFailed")


def test_component_of_a_deleted_model_can_still_be_read(client: DigitalTwinsClient, name: str) -> None:
    client.create_models([interface(_id(name), component("sensor", SENSOR), property_("tags", MAP))])
    sensor = {"$metadata": {}, "reading": 1}
    client.upsert_digital_twin(name, {"$metadata": {"$model": _id(name)}, "sensor": sensor, "tags": {"a": "b"}})
    client.delete_model(_id(name))

    assert client.get_component(name, "sensor")["reading"] == 1
    with pytest.raises(ResourceNotFoundError):
        client.get_component(name, "tags")


def test_deleted_model_can_come_again_changed(client: DigitalTwinsClient, name: str) -> None:
    client.create_models([interface(_id(name), property_("t"))])
    client.upsert_digital_twin(name, {"$metadata": {"$model": _id(name)}, "t": 1})
    client.delete_model(_id(name))
    client.create_models([interface(_id(name), property_("t"), property_("h", "string"))])

    client.update_digital_twin(name, [{"op": "add", "path": "/h", "value": "damp"}])

    assert client.get_digital_twin(name)["h"] == "damp"


def test_unknown_model_in_a_twin_is_invalid_as_the_service_words_it(client: DigitalTwinsClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(name, {"$metadata": {"$model": "dtmi:tests:Absent;1"}})

    assert (refused.value.status_code, code_of(refused.value)) == (400, "ValidationFailed")
    assert "Invalid twin specified" in refused.value.message
    assert "dtmi:tests:Absent;1 or one of its dependencies does not exist." in refused.value.message


def test_only_decommissioned_of_a_model_can_be_patched(raw: httpx.Client) -> None:
    patch = [{"op": "replace", "path": "/displayName", "value": "Hall"}]

    answer = raw.patch(f"/models/{ROOM}", json=patch)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "JsonPatchInvalid")


def test_models_of_one_upload_may_need_each_other_in_any_order(client: DigitalTwinsClient, name: str) -> None:
    top, middle = _id(f"{name}top"), _id(f"{name}middle")
    client.create_models([interface(top, extends=middle), interface(middle, extends=BASE)])

    client.upsert_digital_twin(name, {**base(label="x"), "$metadata": {"$model": top}})

    assert client.get_digital_twin(name)["label"] == "x"
