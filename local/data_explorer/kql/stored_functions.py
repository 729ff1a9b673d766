"""A database's stored functions, as duckdb-kql can call them.

It takes tabular functions of scalar parameters. Functions that give a scalar, or take a table (for `invoke`), it takes
as `let` functions only: those are written before a query, or into a function's body, that mentions them.
"""

import dataclasses
from collections.abc import Iterable
from functools import lru_cache

from duckdb_kql import parse
from duckdb_kql.errors import KqlError
from duckdb_kql.stored_functions import ResolvedFunctions, StoredFunction, parse_functions

from local.data_explorer.commands.tokens import Kind, tokenize
from local.data_explorer.errors import SyntaxMistake
from local.data_explorer.kql.rewriting import resolve_references
from local.data_explorer.kql.spellings import respelled
from local.data_explorer.schema import Function


class StoredFunctions:
    """`tabular` are those that duckdb-kql is given."""

    def __init__(self, functions: Iterable[Function]) -> None:
        known = list(functions)
        self._lets = {function.name: function for function in known if read_function(function) is None}
        self.tabular: ResolvedFunctions = {None: {}}
        for function in known:
            parsed = read_function(self._complete(function))
            if parsed is not None:
                self.tabular[None][function.name] = parsed

    def preamble(self, text: str) -> str:
        """The `let` statements that a text needs, on lines of their own before it; empty when it needs none."""
        return "".join(f"let {let.name} = {let.parameters} {let.body};\n" for let in self._needed(text, {}).values())

    def _complete(self, function: Function) -> Function:
        lets = self.preamble(function.body)
        return dataclasses.replace(function, body="{" + lets + function.body[1:]) if lets else function

    def _needed(self, text: str, found: dict[str, Function]) -> dict[str, Function]:
        """The functions that a text mentions, each after those that it mentions itself."""
        for name in _words(text) & self._lets.keys() - found.keys():
            function = self._lets[name]
            inner = self._needed(function.body, {**found, name: function})
            inner.pop(name)
            found.update(inner)
            found[name] = function
        return found


def read_function(function: Function) -> StoredFunction | None:
    """The function as duckdb-kql takes it, None when it can only be a `let`. Raises ValueError when it is neither."""
    return _read(function.name, function.parameters, function.body)


@lru_cache(maxsize=1000)
def _read(name: str, parameters: str, body: str) -> StoredFunction | None:
    body = respelled(resolve_references(body)[0])
    try:
        parsed = parse_functions([Function(name, parameters, body).definition])
    except ValueError as error:
        try:
            parse(f"let {name} = {parameters} {body};\nprint 0")
        except KqlError:
            raise error from None
        return None
    assert parsed is not None
    return parsed[None][name]


def _words(text: str) -> set[str]:
    if not text:
        return set()
    try:
        return {token.text for token in tokenize(text) if token.kind is Kind.WORD}
    except SyntaxMistake:
        return set()
