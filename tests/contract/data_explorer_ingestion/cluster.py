"""The cluster under test through azure-kusto-data."""

import time
from typing import Any, Self

from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

DATABASE = "iot"


class Cluster:
    """Queries and commands on database iot, over plain HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = KustoClient(self.connection())

    def connection(self) -> KustoConnectionStringBuilder:
        return KustoConnectionStringBuilder.with_no_authentication(self.url)

    def query(self, text: str) -> list[list[Any]]:
        return [list(row) for row in self._client.execute_query(DATABASE, text).primary_results[0]]

    def manage(self, text: str) -> list[dict[str, Any]]:
        return [row.to_dict() for row in self._client.execute_mgmt(DATABASE, text).primary_results[0]]

    def count(self, table: str) -> int:
        return int(self.query(f"{table} | count")[0][0])

    def wait_for(self, query: str, expected: object, *, seconds: float = 30) -> None:
        """Returns once the query's first value is as expected; fails with what it is instead."""
        deadline = time.monotonic() + seconds
        while (found := self._value(query)) != expected:
            assert time.monotonic() < deadline, f"{query} gives {found}, not {expected}"
            time.sleep(0.05)

    def _value(self, query: str) -> object:
        rows = self.query(query)
        return rows[0][0] if rows else None

    def failures(self, table: str) -> list[dict[str, Any]]:
        return self.manage(f".show ingestion failures | where Table == '{table}'")

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
