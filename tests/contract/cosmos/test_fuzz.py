"""Garbage of every kind: always an answer below 500 (or 501), never a hang, and the server lives on."""

import json
import socket
import urllib.parse
from typing import Any

import httpx
import pytest
from azure.cosmos import ContainerProxy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.launch import ServerProcess
from tests.contract.cosmos.raw import RawClient

FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
names = st.sampled_from(["a", "b", "c"]) | st.text(max_size=12) | scalars
documents = st.fixed_dictionaries(
    {"id": names}, optional={"device": scalars, "ttl": scalars, "x": values, "_ts": values}
)
operations = st.fixed_dictionaries(
    {},
    optional={
        "operationType": st.sampled_from(["Create", "Upsert", "Replace", "Read", "Delete", "Patch"]) | scalars,
        "id": names,
        "resourceBody": documents | values,
        "ifMatch": scalars,
        "partitionKey": scalars,
    },
)
patches = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "set", "replace", "remove", "incr", "move"]) | scalars,
        "path": st.sampled_from(["/x", "/x/0", "/x/-", "/id", "/device", "/"]) | st.text(max_size=8) | scalars,
        "from": st.sampled_from(["/x", "/y"]) | scalars,
        "value": values,
    },
)
flags = st.sampled_from(["True", "False", "true", "", "x"])
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)
headers = st.fixed_dictionaries(
    {},
    optional={
        "x-ms-documentdb-partitionkey": scalars.map(lambda value: json.dumps([value])) | printable,
        "x-ms-documentdb-is-upsert": flags,
        "x-ms-documentdb-isquery": flags,
        "x-ms-documentdb-query-enablecrosspartition": flags,
        "x-ms-cosmos-is-batch-request": flags,
        "x-ms-cosmos-batch-atomic": flags,
        "x-ms-cosmos-batch-continue-on-error": flags,
        "x-ms-cosmos-is-query-plan-request": flags,
        "x-ms-documentdb-partitionkeyrangeid": st.sampled_from(["0", "3", "4", "-1", "a,2"]) | printable,
        "x-ms-start-epk": st.sampled_from(["", "10", "FF"]) | printable,
        "x-ms-end-epk": st.sampled_from(["", "10", "FF", "ff"]) | printable,
        "x-ms-max-item-count": st.sampled_from(["1", "-1"]) | printable,
        "x-ms-continuation": printable,
        "a-im": st.sampled_from(["Incremental feed"]) | printable,
        "if-match": printable,
        "if-none-match": st.sampled_from(["*", '"3"']) | printable,
        "if-modified-since": st.sampled_from(["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"])
        | printable,
        "content-type": st.sampled_from(["application/json", "application/query+json", "application/sql"]) | printable,
        "prefer": st.sampled_from(["return=minimal"]),
        "x-ms-offer-throughput": printable,
        "x-ms-cosmos-offer-autopilot-settings": printable,
    },
)
bodies = (
    documents
    | values
    | st.lists(operations, max_size=4)
    | st.fixed_dictionaries({"operations": st.lists(patches, max_size=4)}, optional={"condition": st.text(max_size=20)})
    | st.fixed_dictionaries({"query": st.text(max_size=30)}, optional={"parameters": values})
)


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert set(answer.json()) == {"code", "message"}


def is_alive(container: ContainerProxy) -> bool:
    return bool(container.read()["id"] == container.id)


@FUZZ
@given(
    verb=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    name=st.sampled_from(["", "/a", "/b"]),
    body=bodies,
    given_headers=headers,
)
def test_requests_on_items_never_break_the_server(
    container: ContainerProxy, raw: RawClient, verb: str, name: str, body: Any, given_headers: dict[str, str]
) -> None:
    path = f"dbs/tests/colls/{container.id}/docs{name}"

    check(raw.send(verb, path, body, headers=given_headers))


@FUZZ
@given(content=st.binary(max_size=200), given_headers=headers, verb=st.sampled_from(["POST", "PUT", "PATCH"]))
def test_bodies_of_any_bytes_never_break_the_server(
    container: ContainerProxy, raw: RawClient, content: bytes, given_headers: dict[str, str], verb: str
) -> None:
    path = f"dbs/tests/colls/{container.id}/docs" + ("" if verb == "POST" else "/a")

    check(raw.send(verb, path, content=content, key=["d"], headers=given_headers))


@FUZZ
@given(
    verb=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"]),
    parts=st.lists(
        st.sampled_from(["dbs", "colls", "docs", "offers", "pkranges", "users", "x", "sprocs"])
        | st.text(st.characters(codec="utf-8"), min_size=1, max_size=6),
        max_size=7,
    ),
    body=bodies,
)
def test_paths_of_any_kind_never_break_the_server(
    container: ContainerProxy, raw: RawClient, verb: str, parts: list[str], body: Any
) -> None:
    path = "/".join(urllib.parse.quote(part, safe="") for part in parts)

    check(raw.send(verb, f"dbs/none/{path}", body))


@FUZZ
@given(change=st.dictionaries(st.sampled_from(["id", "partitionKey", "defaultTtl", "indexingPolicy"]), values))
def test_containers_of_any_kind_never_break_the_server(
    container: ContainerProxy, raw: RawClient, change: dict[str, Any]
) -> None:
    properties = {"id": container.id, "partitionKey": {"paths": ["/device"], "kind": "Hash"}, **change}

    check(raw.send("PUT", f"dbs/tests/colls/{container.id}", properties))
    check(raw.send("POST", "dbs/none/colls", properties))
    assert is_alive(container)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=300))
def test_bytes_that_are_no_http_never_break_the_server(
    cosmos: ServerProcess, container: ContainerProxy, garbage: bytes
) -> None:
    address = urllib.parse.urlsplit(cosmos.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)

    assert not answer or answer.startswith(b"HTTP/1.1 4")


@pytest.fixture(autouse=True)
def server_is_alive_afterwards(container: ContainerProxy) -> Any:
    yield
    assert is_alive(container)
