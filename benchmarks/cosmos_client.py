"""Clients of the local Cosmos DB as processes of their own, so that their cost is told apart from the server's.

`python -m benchmarks.cosmos_client sdk|raw URL FIRST BATCHES` stores batches of 50 documents, made before the clock
starts, at concurrency 16; `… feed URL FIRST PAGES` reads pages of 1,000 of the change feed, `… sdk-feed URL 0 0` all of
it. Each prints one JSON line: documents, seconds, CPU seconds. `raw` and `feed` send signed requests over bare sockets
and look no further into the answers than the head: what is left is the server.
"""

import asyncio
import base64
import email.utils
import hashlib
import hmac
import json
import sys
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import orjson
from azure.cosmos import CosmosClient as SyncClient
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos.authorization import EMULATOR_KEY

DATABASE, CONTAINER = "iot", "telemetry"
BATCH = 50
CONCURRENCY = 16
DEVICES = 200

Document = dict[str, Any]
Result = dict[str, float]


def document(number: int) -> Document:
    """A telemetry document as the app stores it, about 800 bytes, of the batch that `number` falls into.

    Its id is a digest, as the app's are: they come in no order, which is what costs an index the most.
    """
    batch, place = divmod(number, BATCH)
    device = f"device-{batch % DEVICES:04d}"
    time_text = f"2026-11-22T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.{number % 1000:03d}Z"
    tags = {
        name: {"SourceTimestamp": time_text, "Value": round(20 + number % 977 / 7 + offset, 3)}
        for offset, name in enumerate(("temperature", "humidity"))
    }
    name = hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest()
    asset = f"site01/channel{place % 8:02d}/{device}"
    envelope = {"_eventId": name, "_deviceId": device, "_asset": asset, "_enqueuedTime": time_text}
    return {
        "id": name,
        "deviceId": device,
        "day": "2026-11-22",
        "asset": asset,
        "body": orjson.dumps(tags).decode(),
        "envelope": orjson.dumps(envelope).decode(),
        "tags": tags,
        "enqueuedTime": time_text,
        "hub": "telemetry",
        "partition": str(batch % 4),
        "sequenceNumber": number,
        "element": 0,
        "contentType": "application/json",
    }


def batch(number: int) -> tuple[list[str], list[Document]]:
    documents = [document(number * BATCH + place) for place in range(BATCH)]
    return [documents[0]["deviceId"], documents[0]["day"]], documents


class Clock:
    """Wall and CPU time of this process from here on."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def result(self, documents: int) -> Result:
        wall, cpu = self._started
        return {"documents": documents, "seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


async def store_with_sdk(url: str, first: int, batches: int) -> Result:
    """With the unmodified aio client."""
    made = [batch(number) for number in range(first, first + batches)]
    async with CosmosClient(url, EMULATOR_KEY) as client:
        container = client.get_database_client(DATABASE).get_container_client(CONTAINER)
        await container.read()
        shared = iter(made)
        clock = Clock()
        await asyncio.gather(*(_store(container, shared) for _ in range(CONCURRENCY)))
        return clock.result(batches * BATCH)


async def _store(container: ContainerProxy, batches: Iterator[tuple[list[str], list[Document]]]) -> None:
    for key, documents in batches:
        await container.execute_item_batch([("create", (item,)) for item in documents], partition_key=key)


def signed(url: str, verb: str, resource: tuple[str, str], path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A whole HTTP request, its signature in it; `resource` is (type, link)."""
    date = email.utils.formatdate(usegmt=True)
    text = f"{verb.lower()}\n{resource[0]}\n{resource[1]}\n{date.lower()}\n\n"
    digest = base64.b64encode(hmac.digest(base64.b64decode(EMULATOR_KEY), text.encode(), hashlib.sha256)).decode()
    lines = {
        "Host": urllib.parse.urlsplit(url).netloc,
        "authorization": urllib.parse.quote(f"type=master&ver=1.0&sig={digest}", safe=""),
        "x-ms-date": date,
        "x-ms-version": "2020-07-15",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{verb} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def _batch_request(url: str, number: int) -> bytes:
    key, documents = batch(number)
    headers = {
        "Content-Type": "application/json",
        "x-ms-documentdb-partitionkey": json.dumps(key),
        "x-ms-cosmos-is-batch-request": "True",
        "x-ms-cosmos-batch-atomic": "True",
        "x-ms-cosmos-batch-continue-on-error": "False",
    }
    body = orjson.dumps([{"operationType": "Create", "resourceBody": item} for item in documents])
    link = f"dbs/{DATABASE}/colls/{CONTAINER}"
    return signed(url, "POST", ("docs", link), f"/{link}/docs", headers, body)


async def store_raw(url: str, first: int, batches: int) -> Result:
    """With requests built before, over 16 connections."""
    requests = [_batch_request(url, number) for number in range(first, first + batches)]
    shared = iter(requests)
    clock = Clock()
    await asyncio.gather(*(_send(url, shared) for _ in range(CONCURRENCY)))
    return clock.result(batches * BATCH)


async def read_feed(url: str, first: int, pages: int) -> Result:
    """Pages of the change feed after the sequence number `first`."""
    reader, writer = await _connected(url)
    link = f"dbs/{DATABASE}/colls/{CONTAINER}"
    headers = {"A-IM": "Incremental feed", "x-ms-max-item-count": "1000", "If-None-Match": f'"{first}"'}
    documents = 0
    clock = Clock()
    for _ in range(pages):
        writer.write(signed(url, "GET", ("docs", link), f"/{link}/docs", headers, b""))
        head, _ = await _answer(reader)
        headers["If-None-Match"] = _header(head, "etag")
        documents += int(_header(head, "x-ms-item-count") or 0)
    writer.close()
    return clock.result(documents)


async def read_feed_with_sdk(url: str, first: int, pages: int) -> Result:
    """The whole change feed with the synchronous client, which is the quicker one."""
    container = SyncClient(url, EMULATOR_KEY).get_database_client(DATABASE).get_container_client(CONTAINER)
    container.read()
    clock = Clock()
    seen = sum(1 for _ in container.query_items_change_feed(start_time="Beginning", max_item_count=1000))
    return clock.result(seen)


async def _send(url: str, requests: Iterator[bytes]) -> None:
    reader, writer = await _connected(url)
    for request in requests:
        writer.write(request)
        head, _ = await _answer(reader)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"a batch was answered with {head!r}")
    writer.close()


async def _connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urllib.parse.urlsplit(url)
    return await asyncio.open_connection(address.hostname, address.port, limit=8 << 20)


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one HTTP answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(_header(head, "content-length") or 0))


def _header(head: bytes, name: str) -> str:
    value = head.lower().partition(f"\r\n{name}: ".encode())[2].partition(b"\r\n")[0]
    return value.decode()


def main() -> None:
    kind, url, first, count = sys.argv[1:]
    work = {"sdk": store_with_sdk, "raw": store_raw, "feed": read_feed, "sdk-feed": read_feed_with_sdk}[kind]
    print(json.dumps(asyncio.run(work(url, int(first), int(count)))), flush=True)


if __name__ == "__main__":
    main()
