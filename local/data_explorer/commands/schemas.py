"""A schema as the service tells it: CSL and JSON."""

import json
from typing import Any

from local.data_explorer.catalog import Catalog
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.database import Database
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import Column, Function, TableSchema
from local.data_explorer.types import CLR_NAMES


def column_document(column: Column) -> dict[str, str]:
    document = {"Name": column.name, "Type": CLR_NAMES[column.type], "CslType": column.type}
    return {**document, "DocString": column.docstring} if column.docstring else document


def table_document(schema: TableSchema) -> dict[str, Any]:
    document: dict[str, Any] = {
        "Name": schema.name,
        "OrderedColumns": [column_document(column) for column in schema.columns],
    }
    if schema.folder:
        document["Folder"] = schema.folder
    if schema.docstring:
        document["DocString"] = schema.docstring
    return document


def schema_json(schema: TableSchema) -> str:
    """What `.create table` answers in its Schema column."""
    return json.dumps(table_document(schema))


def function_document(function: Function) -> dict[str, Any]:
    return {
        "Name": function.name,
        "InputParameters": function.parameters,
        "Body": function.body,
        "Folder": function.folder,
        "DocString": function.docstring,
        "FunctionKind": "Unknown",
        "OutputColumns": [],
    }


def database_document(name: str, catalog: Catalog) -> dict[str, Any]:
    """One database of `.show database schema as json`."""
    views = {
        view: {**table_document(schema), "Query": catalog.views[view].query, "SourceTable": catalog.views[view].source}
        for view, schema in catalog.view_columns.items()
    }
    return {
        "Name": name,
        "Tables": {table.name: table_document(table) for table in catalog.tables.values()},
        "ExternalTables": {},
        "MaterializedViews": views,
        "EntityGroups": {},
        "Functions": {function.name: function_document(function) for function in catalog.functions.values()},
        "MajorVersion": 1,
        "MinorVersion": catalog.version,
        "DatabaseAccessMode": "ReadWrite",
    }


def shown_schema(database: Database, schema: TableSchema, reader: CommandReader) -> ResultTable:
    """The rest of `.show table T schema as json`, `… schema as csl`, `… cslschema`."""
    as_json = reader.accept("schema", "as", "json")
    if not as_json and not reader.accept("schema", "as", "csl"):
        reader.expect("cslschema")
    reader.end()
    text = schema_json(schema) if as_json else schema.csl
    row = (schema.name, text, database.name, schema.folder, schema.docstring)
    return table("TableName Schema DatabaseName Folder DocString", [row])
