"""Microsoft's KQL parser in a Node process, and what it finds."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from checks.findings import Finding

PROGRAM = Path(__file__).with_name("main.cjs")


class ParserFailed(Exception):
    """The Node process ended instead of answering; it wrote why to stderr."""


@dataclass(frozen=True)
class Text:
    """A script or query as it stands in a file, from that line on."""

    file: str
    line: int
    text: str


Columns = Mapping[str, str]
"""Column name → type, in order."""


@dataclass(frozen=True)
class Schema:
    """The database that scripts build."""

    tables: Mapping[str, Columns]
    external_tables: Mapping[str, Columns]
    views: Mapping[str, Columns]
    functions: frozenset[str]
    mappings: frozenset[str]
    """`table/mapping`."""

    @property
    def names(self) -> frozenset[str]:
        """Every name that a query can start with."""
        return frozenset([*self.tables, *self.views, *self.functions])


class Checker:
    """The parser, as a context manager; scripts first, then queries against the database that they build."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(["node", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def scripts(self, database: str, scripts: Sequence[Text]) -> tuple[list[Finding], Schema]:
        """Forgets the last database and builds one from these scripts, in their order."""
        texts = [{"file": script.file, "text": script.text} for script in scripts]
        answer = self._ask({"database": database, "scripts": texts})
        return _findings(answer), _schema(answer["schema"])

    def queries(self, queries: Sequence[Text]) -> tuple[list[Finding], dict[str, frozenset[str]]]:
        """What is wrong with the queries, and which stored functions each file's queries call."""
        texts = [{"file": query.file, "line": query.line, "text": query.text} for query in queries]
        answer = self._ask({"queries": texts})
        return _findings(answer), {file: frozenset(called) for file, called in answer["calls"].items()}

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise ParserFailed(f"node {PROGRAM.name} ended with {process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _findings(answer: Mapping[str, Any]) -> list[Finding]:
    return [Finding(**finding) for finding in answer["findings"]]


def _schema(described: Mapping[str, Any]) -> Schema:
    return Schema(
        tables=_columns(described["tables"]),
        external_tables=_columns(described["externalTables"]),
        views=_columns(described["views"]),
        functions=frozenset(described["functions"]),
        mappings=frozenset(described["mappings"]),
    )


def _columns(symbols: Mapping[str, Any]) -> dict[str, Columns]:
    return {name: {column["name"]: column["type"] for column in columns} for name, columns in symbols.items()}
