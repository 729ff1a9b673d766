"""What no client should send: the service's own 4xx, and nothing written."""

from typing import Any

import httpx
import pytest
from azure.cosmos import ContainerProxy

from local.cosmos.documents import MAX_BYTES
from tests.contract.cosmos.raw import RawClient


@pytest.fixture
def docs(container: ContainerProxy) -> str:
    return f"dbs/tests/colls/{container.id}/docs"


def errors(answer: httpx.Response) -> str:
    document = answer.json()
    assert set(document) == {"code", "message"}
    assert "ActivityId" in document["message"]
    return str(document["message"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b'"text"',
        b"[]",
        b"7",
        b"null",
        b'{"id":"a","device":"d",}',
        b'{"id":"a","device":"d","n":NaN}',
        b'{"id":"a","device":"d","n":1e999}',
        b'{"id":"a","device":"d","n":' + b"9" * 400 + b"}",
        b'{"id":"a","device":"d","s":"\xff"}',
        b'{"id":"a","device":"d","s":"\\ud800"}',
        b'{"id":"a","device":"d","s":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"id":"a","device":"d","s":' + b"[" * 900 + b"1e0" + b"]" * 900 + b"}",
        b'{"id":"a","device":"d","s":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
@pytest.mark.parametrize("upsert", ["True", "False"])
def test_body_that_is_no_document_is_refused(
    container: ContainerProxy, raw: RawClient, docs: str, content: bytes, upsert: str
) -> None:
    answer = raw.send("POST", docs, content=content, key=["d"], headers={"x-ms-documentdb-is-upsert": upsert})

    assert answer.status_code == 400
    assert errors(answer)
    assert list(container.read_all_items()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a/b", "must not contain"),
        ("a\\b", "must not contain"),
        ("a?b", "must not contain"),
        ("a#b", "must not contain"),
        ("a ", "nor end in a space"),
        ("", "non-empty string"),
        ("x" * 1024, "1023 bytes"),
        ("ü" * 600, "1023 bytes"),
        (7, "must be a string"),
        (True, "must be a string"),
        ({"a": 1}, "must be a string"),
        (None, "required properties - 'id; '"),
    ],
)
def test_id_that_cannot_be_one_is_refused(
    container: ContainerProxy, raw: RawClient, docs: str, name: Any, reason: str
) -> None:
    answer = raw.send("POST", docs, {"id": name, "device": "d"}, key=["d"])

    assert answer.status_code == 400
    assert reason in errors(answer)
    assert list(container.read_all_items()) == []


def test_missing_id_is_named(raw: RawClient, docs: str) -> None:
    answer = raw.send("POST", docs, {"device": "d"}, key=["d"])

    assert answer.status_code == 400
    assert "required properties - 'id; ' - are missing" in errors(answer)


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 5 * MAX_BYTES])
def test_document_over_two_megabytes_is_too_large(
    container: ContainerProxy, raw: RawClient, docs: str, size: int
) -> None:
    answer = raw.send("POST", docs, {"id": "a", "device": "d", "text": "x" * size}, key=["d"])

    assert answer.status_code == 413
    assert "Request size is too large" in errors(answer)
    assert list(container.read_all_items()) == []


def test_document_just_under_two_megabytes_is_stored(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "device": "d", "text": "x" * (MAX_BYTES - 100)})

    assert len(container.read_item("a", "d")["text"]) == MAX_BYTES - 100


@pytest.mark.parametrize(
    ("key", "substatus", "reason"),
    [
        (["other"], "1001", "doesn't match the one specified in the header"),
        ([{}], "1001", "doesn't match"),
        (["d", "d"], "1001", "components are expected"),
        ([], "1001", "components are expected"),
        ([["d"]], None, "is invalid"),
        ([{"a": 1}], None, "is invalid"),
    ],
)
def test_wrong_partition_key_header_is_refused(
    container: ContainerProxy, raw: RawClient, docs: str, key: list[Any], substatus: str | None, reason: str
) -> None:
    answer = raw.send("POST", docs, {"id": "a", "device": "d"}, key=key)

    assert answer.status_code == 400
    assert reason in errors(answer)
    assert answer.headers.get("x-ms-substatus") == substatus
    assert list(container.read_all_items()) == []


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "", {"id": "b", "device": "d"}),
        ("GET", "/a", None),
        ("PUT", "/a", {"id": "a", "device": "d", "value": 2}),
        ("PATCH", "/a", {"operations": [{"op": "set", "path": "/value", "value": 2}]}),
        ("DELETE", "/a", None),
    ],
)
def test_missing_partition_key_header_is_refused(
    container: ContainerProxy, raw: RawClient, docs: str, verb: str, path: str, body: Any
) -> None:
    created = container.create_item({"id": "a", "device": "d", "value": 1})

    answer = raw.send(verb, docs + path, body)

    assert answer.status_code == 400
    assert "PartitionKey value must be supplied" in errors(answer)
    assert list(container.read_all_items()) == [created]


@pytest.mark.parametrize("header", ["d", "[", "{}", "null", '"d"', "[1e999]", "[" * 5000])
def test_partition_key_header_that_is_no_array_is_refused(raw: RawClient, docs: str, header: str) -> None:
    answer = raw.send("GET", f"{docs}/a", headers={"x-ms-documentdb-partitionkey": header})

    assert answer.status_code == 400
    assert "is invalid" in errors(answer)


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_document_whose_partition_key_is_no_scalar_is_refused(
    container: ContainerProxy, raw: RawClient, docs: str, value: Any
) -> None:
    answer = raw.send("POST", docs, {"id": "a", "device": value}, key=[{}])

    assert answer.status_code == 400
    assert list(container.read_all_items()) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("dbs/tests/colls/missing/docs/a", "Owner resource does not exist"),
        ("dbs/missing/colls/missing/docs/a", "Owner resource does not exist"),
        ("dbs/missing", "does not exist"),
        ("dbs/tests/colls/missing", "does not exist"),
        ("nothing/here", "is no resource of the service"),
    ],
)
def test_what_is_not_there_is_not_found(raw: RawClient, path: str, message: str) -> None:
    answer = raw.send("GET", path, key=["d"])

    assert answer.status_code == 404
    assert message in errors(answer)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "dbs/tests/users"),
        ("POST", "dbs/tests/colls/c/sprocs"),
        ("POST", "dbs/tests/colls/c/sprocs/s"),
        ("GET", "dbs/tests/colls/c/udfs/u"),
        ("PUT", "dbs/tests/colls/c/triggers/t"),
        ("PUT", "dbs/tests"),
        ("PUT", "dbs/tests/colls"),
        ("POST", "dbs/tests/colls/c"),
        ("DELETE", "dbs/tests/colls/c/docs"),
        ("POST", "dbs/tests/colls/c/docs/a/attachments"),
    ],
)
def test_what_is_not_done_says_so(raw: RawClient, verb: str, path: str) -> None:
    answer = raw.send(verb, path, {"id": "x"}, key=["d"])

    assert answer.status_code == 501
    assert "does not do" in errors(answer)


@pytest.mark.parametrize(
    "change", [{"uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/a"]}]}}, {"computedProperties": [{"name": "a"}]}]
)
def test_container_that_promises_what_is_not_done_is_refused(raw: RawClient, change: dict[str, Any]) -> None:
    answer = raw.send("POST", "dbs/tests/colls", {"id": "c", "partitionKey": {"paths": ["/id"]}, **change})

    assert answer.status_code == 501


def test_write_that_asks_for_a_trigger_is_refused(container: ContainerProxy, raw: RawClient, docs: str) -> None:
    headers = {"x-ms-documentdb-pre-trigger-include": "check"}

    assert raw.send("POST", docs, {"id": "a", "device": "d"}, key=["d"], headers=headers).status_code == 501
    assert list(container.read_all_items()) == []


def test_unknown_method_is_not_allowed(raw: RawClient, docs: str) -> None:
    assert raw.send("OPTIONS", docs).status_code == 405


@pytest.mark.parametrize("size", ["0", "-5", "ten", "9" * 5000])
def test_page_size_that_makes_no_sense_is_refused(raw: RawClient, docs: str, size: str) -> None:
    answer = raw.send("GET", docs, headers={"x-ms-max-item-count": size})

    assert answer.status_code == 400
    assert "x-ms-max-item-count" in errors(answer)
