"""`python -m benchmarks.digital_twins_queries`: queries over 100,000 twins, by HTTP, the first page of each."""

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.table import Measure, median, print_table
from local.launch import ServerProcess

TWINS = 100_000
KINDS = 5
TRIES = 7
API = {"api-version": "2023-10-31"}
BASE, TAGS = "dtmi:bench:Asset;1", ("temperature", "humidity", "pressure", "level", "power")
ONE_KIND = "dtmi:bench:Kind1;1"
QUERIES = (
    ("a kind (20,000 twins) and a property, 0.1 % found", f"IS_OF_MODEL('{ONE_KIND}') AND temperature > 99.9"),
    ("a kind (20,000 twins) and a property, a full page", f"IS_OF_MODEL('{ONE_KIND}') AND temperature > 50"),
    ("a base of all kinds and a property, 0.1 % found", f"IS_OF_MODEL('{BASE}') AND temperature > 99.9"),
    ("a base of all kinds and a property, a full page", f"IS_OF_MODEL('{BASE}') AND temperature > 50"),
    ("two properties of any kind, none found", "temperature > 100 AND humidity < 0"),
)


def main() -> None:
    with serving() as url, httpx.Client(base_url=url, params=API, timeout=60) as client:
        rows = [
            Measure(name, milliseconds(client, f"SELECT * FROM DIGITALTWINS WHERE {where}"), "ms", 300, "lower")
            for name, where in QUERIES
        ]
        counted = f"SELECT COUNT() FROM DIGITALTWINS WHERE IS_OF_MODEL('{BASE}') AND temperature > 50"
        rows.append(
            Measure("how many: a base of all kinds and a property", milliseconds(client, counted), "ms", 300, "lower")
        )
    print_table(f"Queries over {TWINS:,} twins (median of {TRIES}; pages of 1,000)", rows)


def milliseconds(client: httpx.Client, text: str) -> float:
    times: list[float] = []
    for _ in range(TRIES):
        started = time.perf_counter()
        client.post("/query", json={"query": text}).raise_for_status()
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


@contextmanager
def serving() -> Iterator[str]:
    """A server's address. One twin of each kind comes by the API, the others are made of them in its file."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--data", f"{folder}/data", "--trust", f"{folder}/trust", "--http", "0"]
        with ServerProcess("digital_twins", arguments, has_admin=True).start() as server:
            assert server.admin is not None
            make_one_of_each(server.admin)
        multiply(Path(folder) / "data" / "digital_twins.sqlite3")
        with ServerProcess("digital_twins", arguments, has_admin=True).start() as server:
            assert server.admin is not None
            yield server.admin


def make_one_of_each(url: str) -> None:
    with httpx.Client(base_url=url, params=API) as client:
        client.post("/models", json=models()).raise_for_status()
        for kind in range(KINDS):
            body = {"$metadata": {"$model": f"dtmi:bench:Kind{kind};1"}, **dict.fromkeys(TAGS, 0.5)}
            client.put(f"/digitaltwins/kind{kind}", json=body).raise_for_status()


def models() -> list[dict[str, Any]]:
    properties = [{"@type": "Property", "name": tag, "schema": "double"} for tag in TAGS]
    common = {"@type": "Interface", "@context": "dtmi:dtdl:context;3"}
    base = {**common, "@id": BASE, "contents": properties}
    return [base, *({**common, "@id": f"dtmi:bench:Kind{kind};1", "extends": BASE} for kind in range(KINDS))]


def multiply(path: Path) -> None:
    """Makes it so many twins, each with values and an id of its own."""
    chance = random.Random(1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_function("chance", 0, lambda: round(chance.uniform(0, 100), 3))
        values = ", ".join(f"'$.{tag}', chance()" for tag in TAGS)
        connection.execute(
            f"WITH RECURSIVE numbers(n) AS (SELECT {KINDS} UNION ALL SELECT n + 1 FROM numbers WHERE n < {TWINS - 1}) "
            "INSERT INTO twins(id, model, document) "
            "SELECT 'site' || (n % 20) || '!asset' || n, model, "
            f"json_set(document, '$.$dtId', 'site' || (n % 20) || '!asset' || n, {values}) "
            f"FROM numbers JOIN twins ON twins.id = 'kind' || (n % {KINDS})"
        )


if __name__ == "__main__":
    main()
