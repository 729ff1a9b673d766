"""Commands on stored functions."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Literal

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import AlreadyExists, EntityNotFound, KustoError, SemanticMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.kql.stored_functions import read_function
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import Function

_COLUMNS = "Name Parameters Body Folder DocString"
Existing = Literal["refuse", "replace", "keep", "require"]


def _defining(existing: Existing) -> Callable[[CommandContext, CommandReader], ResultTable]:
    """`[with (…)] Name(parameters) { body }`, and what to do when the function is there already."""

    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        keep = reader.accept("ifnotexists") or existing == "keep"
        properties = reader.properties()
        name = reader.name()
        parameters, body = reader.bracketed(), reader.bracketed()
        reader.end()
        function = Function(name, parameters, body, properties.get("folder", ""), properties.get("docstring", ""))
        with context.database.change() as change:
            known = change.catalog.functions.get(name)
            if known is not None and keep:
                return _shown([known])
            if known is not None and existing == "refuse":
                raise AlreadyExists(f"Entity '{name}' of kind 'Function' already exists.")
            if known is None and existing == "require":
                raise _not_found(name)
            _check(function)
            change.put("functions", name, function)
        return _shown([function])

    return run


def _check(function: Function) -> None:
    """Raises SemanticMistake when the function's text can't be read."""
    try:
        read_function(function)
    except ValueError as error:
        raise SemanticMistake(
            f"Function '{function.name}' can't be read: {str(error).partition(' expecting ')[0]}"
        ) from error


def _not_found(name: str) -> KustoError:
    return EntityNotFound(f"Entity ID '{name}' of kind 'Function' was not found.")


def _shown(functions: Iterable[Function]) -> ResultTable:
    return table(_COLUMNS, [(f.name, f.parameters, f.body, f.folder, f.docstring) for f in functions])


def _describing(attribute: str) -> Callable[[CommandContext, CommandReader], ResultTable]:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        name = reader.name()
        reader.expect(attribute)
        changed: dict[str, Any] = {attribute: reader.string()}
        reader.end()
        with context.database.change() as change:
            if name not in change.catalog.functions:
                raise _not_found(name)
            function = dataclasses.replace(change.catalog.functions[name], **changed)
            change.put("functions", name, function)
        return _shown([function])

    return run


def _drop(context: CommandContext, reader: CommandReader) -> ResultTable:
    names = reader.names()
    may_be_missing = reader.accept("ifexists")
    reader.end()
    with context.database.change() as change:
        for name in names:
            if name not in change.catalog.functions and not may_be_missing:
                raise _not_found(name)
            change.remove("functions", name)
        left = list(change.catalog.functions.values())
    return _shown(left)


def _show(context: CommandContext, reader: CommandReader) -> ResultTable:
    reader.end()
    return _shown(context.database.catalog.functions.values())


def _show_one(context: CommandContext, reader: CommandReader) -> ResultTable:
    name = reader.name()
    reader.end()
    function = context.database.catalog.functions.get(name)
    if function is None:
        raise _not_found(name)
    return _shown([function])


COMMANDS = (
    Command(("create", "function"), _defining("refuse")),
    Command(("create-or-alter", "function"), _defining("replace")),
    Command(("alter", "function"), _defining("require")),
    Command(("alter", "function", "*", "docstring"), _describing("docstring")),
    Command(("alter", "function", "*", "folder"), _describing("folder")),
    Command(("drop", "function"), _drop),
    Command(("drop", "functions"), _drop),
    Command(("show", "functions"), _show),
    Command(("show", "function"), _show_one),
)
