"""A client of the local Digital Twins as a process of its own: the unmodified aio SDK, many requests under way at once.

`python -m benchmarks.digital_twins_client put|patch|get URL TRUST FIRST COUNT` prints `ready`, waits for a line, works
on the twins from number FIRST on, and prints one JSON line: operations, seconds, CPU seconds.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from azure.core.credentials import AccessToken
from azure.digitaltwins.core.aio import DigitalTwinsClient

from local.certificates import ensure_trust
from local.identity.tokens import Tokens

MODEL = "dtmi:benchmarks:Asset;1"
TAGS = ("temperature", "humidity", "pressure", "power")
TWINS = 1000
CONCURRENCY = 32
RESOURCE = "https://digitaltwins.azure.net"
INTERFACE = {
    "@id": MODEL,
    "@type": "Interface",
    "@context": "dtmi:dtdl:context;3",
    "contents": [
        *({"@type": "Property", "name": tag, "schema": "double"} for tag in TAGS),
        {"@type": "Relationship", "name": "contains"},
    ],
}


class Credential:
    """The stack's tokens, without the managed-identity endpoint."""

    def __init__(self, trust: Path) -> None:
        issued = Tokens(trust).issue(RESOURCE, "benchmark")
        self._token = AccessToken(issued.text, issued.expires_on)

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return self._token

    async def close(self) -> None: ...

    async def __aexit__(self, *error: object) -> None: ...


def twin(number: int) -> dict[str, Any]:
    return {"$metadata": {"$model": MODEL}, **dict.fromkeys(TAGS, number + 0.5)}


def patch(number: int) -> list[dict[str, Any]]:
    """What update_twins sends: two tags, each with its source time."""
    operations: list[dict[str, Any]] = []
    for tag in TAGS[:2]:
        operations.append({"op": "add", "path": f"/{tag}", "value": number + 0.25})
        operations.append(
            {"op": "add", "path": f"/$metadata/{tag}/sourceTime", "value": "2026-11-22T10:00:00.1234567Z"}
        )
    return operations


async def run(kind: str, url: str, trust: Path, first: int, count: int) -> dict[str, float]:
    async with DigitalTwinsClient(url, Credential(trust)) as client:  # type: ignore[arg-type]
        work: dict[str, Callable[[int], Awaitable[Any]]] = {
            "put": lambda number: client.upsert_digital_twin(f"asset-{number}", twin(number)),
            "patch": lambda number: client.update_digital_twin(f"asset-{number % TWINS}", patch(number)),
            "get": lambda number: client.get_digital_twin(f"asset-{number % TWINS}"),
        }
        print("ready", flush=True)
        sys.stdin.readline()
        numbers = iter(range(first, first + count))
        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(_each(numbers.__next__, work[kind]) for _ in range(CONCURRENCY)))
        return {
            "operations": count,
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - cpu,
        }


async def _each(next_number: Callable[[], int], work: Callable[[int], Awaitable[Any]]) -> None:
    while True:
        try:
            number = next_number()
        except StopIteration:
            return
        await work(number)


def main() -> None:
    kind, url, trust, first, count = sys.argv[1:]
    bundle = str(ensure_trust(Path(trust)).bundle)
    os.environ.update({"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle})
    print(json.dumps(uvloop.run(run(kind, url, Path(trust), int(first), int(count)))))


if __name__ == "__main__":
    main()
