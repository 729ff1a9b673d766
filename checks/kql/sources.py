"""Where the project's KQL stands.

- `kql/NNN-name.kql`: the scripts that build the database, in the order of their names.
- any other `.kql` file: a query.
- a fenced block marked `kusto` or `kql` in a Markdown file.
- in Python, a string literal that reads as a query or data command on this database: it starts with one of its
  names and goes on with `|` (a function also with its arguments), or it starts with `let`,
  `declare query_parameters`, `union` or a data command and has one of its names in it. Nothing has to be marked.
  A module whose queries are for another database says so in a line of its own: `# kql: another database`; the
  contract tests of the local Data Explorer, which make databases of their own, need not.
- a query may not be put together as an f-string outside the tests: values travel as query parameters.
"""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from checks.findings import Finding
from checks.kql.checker import Schema, Text

PROJECT = Path(__file__).resolve().parents[2]
ANOTHER_DATABASE = "# kql: another database"
WITH_DATABASES_OF_THEIR_OWN = "tests/contract/data_explorer"
FENCE = re.compile(r"^```(?:kusto|kql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_OURS = {".venv", "node_modules", ".local", ".git"}


def scripts(root: Path = PROJECT) -> list[Text]:
    """The numbered scripts, in the order in which they run."""
    paths = sorted((root / "kql").glob("[0-9][0-9][0-9]-*.kql"))
    return [Text(str(path.relative_to(root)), 1, path.read_text()) for path in paths]


class Recogniser:
    """Tells the query texts of a database from all other strings."""

    def __init__(self, schema: Schema) -> None:
        known = _any_of(schema.names)
        called = _any_of(schema.functions)
        self._start = re.compile(rf"\s*(?://[^\n]*\n\s*)*(?:(?:{known})\s*\||(?:{called})\()")
        self._opening = re.compile(
            r"\s*(?:let\s+\w+\s*=|declare\s+query_parameters\b|union\b|\.(?:set|append|set-or-append|clear\s+table)\b)"
        )
        self._mention = re.compile(rf"\b(?:{known})\b")

    def is_query(self, text: str) -> bool:
        if self._start.match(text):
            return True
        return bool(self._opening.match(text) and self._mention.search(text))

    def queries(self, root: Path = PROJECT) -> list[Text]:
        """Every query text under the root, scripts left out."""
        found: list[Text] = []
        for path in _files(root, ".kql"):
            if not (path.parent == root / "kql" and path.name[:3].isdigit()):
                found.append(Text(str(path.relative_to(root)), 1, path.read_text()))
        for path in _files(root, ".md"):
            found += _fenced(path.read_text(), str(path.relative_to(root)))
        for path in _files(root, ".py"):
            found += self._literals(path, str(path.relative_to(root)))
        return found

    def _literals(self, path: Path, file: str) -> Iterator[Text]:
        source = path.read_text()
        if ANOTHER_DATABASE in source.splitlines() or file.startswith(WITH_DATABASES_OF_THEIR_OWN):
            return
        tree = ast.parse(source)
        pieces = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in pieces:
                continue
            if self.is_query(node.value):
                yield Text(file, node.lineno, node.value)

    def built_strings(self, root: Path = PROJECT) -> list[Finding]:
        """Queries put together as f-strings, outside the tests."""
        return [
            Finding(str(path.relative_to(root)), node.lineno, node.col_offset + 1, "f-string", "use query parameters")
            for path in _files(root, ".py")
            if path.relative_to(root).parts[0] != "tests" and ANOTHER_DATABASE not in path.read_text().splitlines()
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.JoinedStr) and self._starts_query(node)
        ]

    def _starts_query(self, node: ast.JoinedStr) -> bool:
        first = node.values[0] if node.values else None
        return isinstance(first, ast.Constant) and isinstance(first.value, str) and bool(self._start.match(first.value))


def _any_of(names: frozenset[str]) -> str:
    return "|".join(sorted(map(re.escape, names)))


def _fenced(markdown: str, file: str) -> Iterator[Text]:
    for block in FENCE.finditer(markdown):
        yield Text(file, markdown.count("\n", 0, block.start(1)) + 1, block[1])


def _files(root: Path, suffix: str) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - NOT_OURS)
        for name in sorted(names):
            if name.endswith(suffix):
                yield Path(folder, name)
