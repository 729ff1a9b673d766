"""Commands on ingestion mappings, of a table or of the whole database."""

import json
from collections.abc import Callable, Iterable
from typing import Literal, get_args

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import AlreadyExists, EntityNotFound, KustoError
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.responses import now_text
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import Mapping, MappingKind

_COLUMNS = "Name Kind Mapping LastUpdatedOn:datetime Database Table"
Existing = Literal["refuse", "replace", "require"]
Run = Callable[[CommandContext, CommandReader], ResultTable]
_KINDS: tuple[MappingKind, ...] = get_args(MappingKind)


def _owner(context: CommandContext, reader: CommandReader, is_table: bool) -> str:
    """The table's name, or "" for the database's own mappings. Raises EntityNotFound."""
    name = reader.name()
    if not is_table:
        return ""
    context.database.table_schema(name)
    return name


def _kind(reader: CommandReader) -> MappingKind:
    for kind in _KINDS:
        if reader.accept(kind):
            return kind
    return reader.mistake(f"a mapping kind ({', '.join(_KINDS)})")


def _checked(text: str) -> str:
    """The mapping's JSON. Raises KustoError when it is no array of elements."""
    try:
        elements = json.loads(text)
    except ValueError as error:
        raise KustoError(f"The mapping is not JSON: {error}", code="BadRequest_InvalidMapping") from error
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements) or not elements:
        raise KustoError("A mapping is a JSON array of objects, and not empty.", code="BadRequest_InvalidMapping")
    for element in elements:
        if not isinstance(element.get("column", element.get("Column")), str):
            raise KustoError(f"A mapping's element names no Column: {element}", code="BadRequest_InvalidMapping")
    return text


def _defining(existing: Existing, *, is_table: bool) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        owner = _owner(context, reader, is_table)
        reader.expect("ingestion")
        kind = _kind(reader)
        reader.expect("mapping")
        name, text = reader.string(), _checked(reader.strings())
        reader.properties()
        reader.end()
        mapping = Mapping(owner, kind, name, text, now_text())
        with context.database.change() as change:
            is_known = (owner, kind, name) in change.catalog.mappings
            if is_known and existing == "refuse":
                raise AlreadyExists(f"Entity '{name}' of kind 'MappingPersistent' already exists.")
            if not is_known and existing == "require":
                raise _not_found(name)
            change.put("mappings", (owner, kind, name), mapping)
        return _shown(context, [mapping])

    return run


def _dropping(*, is_table: bool) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        owner = _owner(context, reader, is_table)
        reader.expect("ingestion")
        kind = _kind(reader)
        reader.expect("mapping")
        name = reader.string()
        reader.end()
        with context.database.change() as change:
            if (owner, kind, name) not in change.catalog.mappings:
                raise _not_found(name)
            change.remove("mappings", (owner, kind, name))
            left = [mapping for mapping in change.catalog.mappings.values() if mapping.table == owner]
        return _shown(context, left)

    return run


def _showing(*, is_table: bool) -> Run:
    """`.show table T ingestion [kind] mappings`, `.show table T ingestion kind mapping "name"`."""

    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        owner = _owner(context, reader, is_table)
        reader.expect("ingestion")
        found = [mapping for mapping in context.database.catalog.mappings.values() if mapping.table == owner]
        if not reader.is_words("mappings") and not reader.is_words("mapping"):
            kind = _kind(reader)
            found = [mapping for mapping in found if mapping.kind == kind]
        if reader.accept("mapping"):
            name = reader.string()
            found = [mapping for mapping in found if mapping.name == name]
            if not found:
                raise _not_found(name)
        else:
            reader.expect("mappings")
        reader.end()
        return _shown(context, found)

    return run


def _not_found(name: str) -> EntityNotFound:
    return EntityNotFound(f"Entity ID '{name}' of kind 'MappingPersistent' was not found.")


def _shown(context: CommandContext, mappings: Iterable[Mapping]) -> ResultTable:
    rows = [(m.name, m.kind.capitalize(), m.text, m.last_updated, context.database.name, m.table) for m in mappings]
    return table(_COLUMNS, rows)


COMMANDS = tuple(
    Command(words, run)
    for owner, is_table in (("table", True), ("database", False))
    for words, run in (
        (("create", owner, "*", "ingestion"), _defining("refuse", is_table=is_table)),
        (("create-or-alter", owner, "*", "ingestion"), _defining("replace", is_table=is_table)),
        (("alter", owner, "*", "ingestion"), _defining("require", is_table=is_table)),
        (("drop", owner, "*", "ingestion"), _dropping(is_table=is_table)),
        (("show", owner, "*", "ingestion"), _showing(is_table=is_table)),
    )
)
