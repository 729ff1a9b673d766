"""Clients of the local Cosmos DB as processes of their own, so that their cost is told apart from the server's.

`python -m benchmarks.cosmos_client sdk|raw URL FIRST BATCHES` stores batches of 50 documents at concurrency 16, and
prints one JSON line: documents, seconds, CPU seconds. `raw` sends requests that were built and signed before the clock
started, and reads no more of the answers than their status: what is left is the server.
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
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos.authorization import EMULATOR_KEY

DATABASE, CONTAINER = "iot", "telemetry"
BATCH = 50
CONCURRENCY = 16
DEVICES = 200

Document = dict[str, Any]


def document(number: int) -> Document:
    """A telemetry document of about 600 bytes, of the batch that `number` falls into."""
    batch, place = divmod(number, BATCH)
    device = f"device-{batch % DEVICES:04d}"
    time_text = f"2026-11-22T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.{number % 1000:03d}Z"
    tags = {
        name: {"SourceTimestamp": time_text, "Value": round(20 + number % 977 / 7 + offset, 3)}
        for offset, name in enumerate(("temperature", "humidity", "pressure"))
    }
    return {
        "id": f"{number:032x}",
        "deviceId": device,
        "day": "2026-11-22",
        "asset": f"site01/channel{place % 8:02d}/{device}",
        "enqueuedTime": time_text,
        "body": orjson.dumps(tags).decode(),
        "tags": tags,
    }


def batch(number: int) -> tuple[list[str], list[Document]]:
    documents = [document(number * BATCH + place) for place in range(BATCH)]
    return [documents[0]["deviceId"], documents[0]["day"]], documents


async def store_with_sdk(url: str, first: int, batches: int) -> float:
    """Seconds that the unmodified aio client takes."""
    async with CosmosClient(url, EMULATOR_KEY) as client:
        container = client.get_database_client(DATABASE).get_container_client(CONTAINER)
        await container.read()
        numbers = iter(range(first, first + batches))
        started = time.perf_counter()
        await asyncio.gather(*(_store(container, numbers) for _ in range(CONCURRENCY)))
        return time.perf_counter() - started


async def _store(container: ContainerProxy, numbers: Iterator[int]) -> None:
    for number in numbers:
        key, documents = batch(number)
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


async def store_raw(url: str, first: int, batches: int) -> float:
    """Seconds that requests built before take, 16 connections at a time."""
    requests = [_batch_request(url, number) for number in range(first, first + batches)]
    shared = iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_send(url, shared) for _ in range(CONCURRENCY)))
    return time.perf_counter() - started


async def _send(url: str, requests: Iterator[bytes]) -> None:
    address = urllib.parse.urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    for request in requests:
        writer.write(request)
        status, _ = await answer(reader)
        if status != 200:
            raise SystemExit(f"a batch was answered with {status}")
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one HTTP answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return int(head[9:12]), await reader.readexactly(length)


def main() -> None:
    kind, url, first, batches = sys.argv[1:]
    store = {"sdk": store_with_sdk, "raw": store_raw}[kind]
    cpu = time.process_time()
    seconds = asyncio.run(store(url, int(first), int(batches)))
    result = {"documents": int(batches) * BATCH, "seconds": seconds, "cpu": time.process_time() - cpu}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
