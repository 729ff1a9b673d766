"""The SQL indexes that a container's indexing policy names: made with the container, kept with its policy."""

import sqlite3

from local.cosmos.catalog import Container
from local.cosmos.query.indexes import composite_index_statements, existing_indexes, index_statements


def match_policy(connection: sqlite3.Connection, container: Container) -> None:
    """Makes the indexes that the policy names, and drops those it names no more."""
    wanted = {_name(statement): statement for statement in _statements(container)}
    present = existing_indexes(connection, container.table)
    for name in present - wanted.keys():
        connection.execute(f'DROP INDEX "{name}"')
    for name in wanted.keys() - present:
        connection.execute(wanted[name])


def _statements(container: Container) -> list[str]:
    single = [statement for path in container.policy.selected for statement in index_statements(container.table, path)]
    composite = [
        statement
        for columns in container.policy.composite
        for statement in composite_index_statements(container.table, columns)
    ]
    return single + composite


def _name(statement: str) -> str:
    return statement.split('"')[1]
