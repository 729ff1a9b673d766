"""Commands on policies: kept as JSON for tables, materialized views and databases; update policies are checked."""

import json
from collections.abc import Callable
from typing import Any

import duckdb

from local.data_explorer.catalog import Catalog
from local.data_explorer.commands.policy_values import POLICIES, PolicyForm, merged
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound, KustoError, NotServed, SemanticMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable, table
from local.data_explorer.wire import type_of

_COLUMNS = "PolicyName EntityName Policy ChildEntities EntityType"
_OWNERS = {
    "table": "Table",
    "tables": "Table",
    "materialized-view": "MaterializedView",
    "database": "Database",
    "cluster": "Cluster",
}
Run = Callable[[CommandContext, CommandReader], ResultTable]


def _owners(context: CommandContext, reader: CommandReader, owner_kind: str) -> tuple[str, list[str]]:
    """The kind of entity, singular, and the names that stand here. Raises EntityNotFound."""
    if owner_kind == "cluster":
        return "cluster", [""]
    if owner_kind == "tables":
        names = [name[-1] for name in reader.listed(reader.qualified_name)]
    else:
        names = [reader.qualified_name()[-1]]
    if owner_kind == "database":
        return "database", [""]
    catalog = context.database.catalog
    for name in names:
        if owner_kind == "materialized-view":
            if name not in catalog.views:
                raise EntityNotFound(f"Entity ID '{name}' of kind 'MaterializedView' was not found.")
        else:
            catalog.table(name)
    return owner_kind.removesuffix("s"), names


def _policy(reader: CommandReader) -> tuple[str, PolicyForm]:
    reader.expect("policy")
    name = reader.name().lower()
    if name not in POLICIES:
        raise NotServed(f"The local Data Explorer does not serve the policy '{name}'.")
    return name, POLICIES[name]


def _altering(owner_kind: str, *, merging: bool) -> Run:
    """`.alter <owner> policy <name> <value>`, and `.alter-merge`, which changes only what the value names."""

    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        kind, names = _owners(context, reader, owner_kind)
        policy, form = _policy(reader)
        value = form.read(reader)
        reader.end()
        with context.database.change() as change:
            for name in names:
                before = change.catalog.policy(kind, name, policy)
                after = merged(before, value) if merging else value
                if policy == "update":
                    after = _checked_update(context.database, name, after)
                change.put("policies", (kind, name, policy), json.dumps(after))
        return _shown(context, kind, names, policy)

    return run


def _deleting(owner_kind: str) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        kind, names = _owners(context, reader, owner_kind)
        policy, _ = _policy(reader)
        reader.end()
        with context.database.change() as change:
            for name in names:
                change.remove("policies", (kind, name, policy))
        return _shown(context, kind, names, policy)

    return run


def _showing(owner_kind: str) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        if reader.accept("*"):
            names, kind = sorted(context.database.catalog.tables), owner_kind
        else:
            kind, names = _owners(context, reader, owner_kind)
        policy, _ = _policy(reader)
        reader.end()
        return _shown(context, kind, names, policy)

    return run


def _shown(context: CommandContext, kind: str, names: list[str], policy: str) -> ResultTable:
    catalog = context.database.catalog
    title = POLICIES[policy].title
    rows = []
    for name in names:
        text = catalog.policies.get((kind, name, policy), "null")
        entity = f"[{context.database.name}].[{name}]" if name else f"[{context.database.name}]"
        rows.append((title, entity, text, "", _OWNERS[kind]))
    return table(_COLUMNS, rows)


def _checked_update(database: Database, target: str, elements: Any) -> list[dict[str, Any]]:
    """An update policy in the service's own form. Raises KustoError when it can't work.

    The query's columns must be the target's, by name, order and type (Learn, "Update policy").
    """
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        raise KustoError("An update policy is a JSON array of objects.")
    checked = [_checked_element(element) for element in elements]
    for element in checked:
        database.catalog.table(element["Source"])
        if _leads_back(database.catalog, element["Source"], target):
            raise KustoError(f"The update policies would run in a circle: '{element['Source']}' is fed by '{target}'.")
        if element["IsEnabled"]:
            _check_columns(database, target, element["Query"])
    return checked


def _leads_back(catalog: Catalog, source: str, target: str) -> bool:
    """Whether rows of `target` set off policies that end in `source`."""
    if source == target:
        return True
    fed_by = [element["Source"] for element in catalog.policy("table", source, "update") or () if element["IsEnabled"]]
    return any(_leads_back(catalog, each, target) for each in fed_by)


def _checked_element(element: dict[str, Any]) -> dict[str, Any]:
    given = {name.lower(): value for name, value in element.items()}
    if not isinstance(given.get("source"), str) or not isinstance(given.get("query"), str):
        raise KustoError("Each object of an update policy must have a Source and a Query.")
    return {
        "IsEnabled": _truth(given.get("isenabled", True)),
        "Source": given["source"],
        "Query": given["query"],
        "IsTransactional": _truth(given.get("istransactional", False)),
        "PropagateIngestionProperties": _truth(given.get("propagateingestionproperties", False)),
        "ManagedIdentity": given.get("managedidentity"),
    }


def _truth(value: object) -> bool:
    """A JSON boolean, or the string of one, which the service takes too."""
    return str(value).strip().lower() == "true"


def _check_columns(database: Database, target: str, query: str) -> None:
    schema = database.table_schema(target)
    with database.storage.reading(database.name) as cursor:
        try:
            relation = cursor.sql(database.translator.translate(query).sql)
        except duckdb.Error as error:
            raise SemanticMistake(f"the update policy's query: {error}") from error
        produced = [(name, type_of(str(kind))) for name, kind in zip(relation.columns, relation.types, strict=True)]
    wanted = [(column.name, column.type) for column in schema.columns]
    for place, ((name, kind), (wanted_name, wanted_kind)) in enumerate(zip(produced, wanted, strict=False)):
        is_number = {kind, wanted_kind} <= {"int", "long"}
        if name != wanted_name or (kind != wanted_kind and not is_number):
            raise KustoError(
                f"Caught exception while validating query for Update Policy: Query schema does not match table schema. "
                f"Column {place}: the query gives '{name}:{kind}', the table has '{wanted_name}:{wanted_kind}'."
            )
    if len(produced) != len(wanted):
        raise KustoError(
            f"Caught exception while validating query for Update Policy: Query schema does not match table schema: "
            f"the query gives {len(produced)} columns, table '{target}' has {len(wanted)}."
        )


COMMANDS = tuple(
    Command(words, run)
    for owner in _OWNERS
    for words, run in (
        (("alter", owner, "*", "policy"), _altering(owner, merging=False)),
        (("alter-merge", owner, "*", "policy"), _altering(owner, merging=True)),
        (("delete", owner, "*", "policy"), _deleting(owner)),
        (("show", owner, "*", "policy"), _showing(owner)),
    )
)
