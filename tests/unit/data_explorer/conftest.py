"""KQL in this process: the translator and DuckDB, without a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.errors import KustoError
from local.data_explorer.extensions import CommandContext
from local.data_explorer.queries import run_query
from local.data_explorer.requests import KustoRequest
from local.data_explorer.results import ResultTable

Row = tuple[Any, ...]


class Kql:
    """A database of its own, and the answers to queries in it, in their wire form."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory, ["iot"])
        self._commands = Commands([])

    def command(self, text: str) -> None:
        self._commands.run(CommandContext(self.cluster, self.cluster.database("iot")), text)

    def table(self, query: str) -> ResultTable:
        return run_query(self.cluster.database("iot"), KustoRequest("iot", query)).table

    def rows(self, query: str) -> list[Row]:
        return [tuple(row) for row in self.table(query).rows]

    def columns(self, query: str) -> list[str]:
        """`name:type` of each."""
        return [f"{column.name}:{column.type}" for column in self.table(query).columns]

    def mistake(self, query: str) -> KustoError:
        """How the query is refused."""
        with pytest.raises(KustoError) as caught:
            self.rows(query)
        return caught.value


@pytest.fixture(scope="session")
def kql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kql]:
    kql = Kql(tmp_path_factory.mktemp("kql"))
    yield kql
    kql.cluster.close()
