"""The way to the rows of a query over all twins: SQLite's planner does not know what a condition lets through.

Reading the whole table in its own order costs half of reading as many twins by an index, but it ends only at the
table's end, and has to sort. So an index is used where it leaves most twins out, and the order of ids where a page
is soon full.
"""

import sqlite3

from local.digital_twins.query.pins import pins
from local.digital_twins.query.predicates import Parameters, Predicates
from local.digital_twins.query.scopes import Scope
from local.digital_twins.query.syntax import And, Comparison, Condition, Literal, OfModel, Path, Query

SMALL = 5_000
"""Twins that are read in no time, whatever way."""
FEW = 4
"""A model's index is used when not more than one in so many twins is left."""
SAMPLE, DENSE = 256, 16
"""How many twins are looked at, and of how many of them the condition has to be true for the order of ids."""
WHOLE_TABLE = "NOT INDEXED"
BY_ID = "INDEXED BY sqlite_autoindex_twins_1"


def hint(connection: sqlite3.Connection, query: Query, scope: Scope, after: tuple[str, ...]) -> str:
    """What to write behind the table's name; empty to leave the choice to SQLite."""
    if query.where is None or query.collection != "twins" or scope.only is None or pins(query.where, scope):
        return ""
    [(total,)] = connection.execute("SELECT coalesce(max(rowid), 0) FROM twins")
    if total < SMALL or _is_selective(connection, query.where, scope, total):
        return ""
    if query.counts:
        return WHOLE_TABLE
    return BY_ID if _is_dense(connection, query.where, scope, after) else WHOLE_TABLE


def _is_selective(connection: sqlite3.Connection, where: Condition, scope: Scope, total: int) -> bool:
    """Whether the models that the condition asks for leave few twins."""
    parameters = Parameters()
    models = [Predicates(scope, parameters).sql(each) for each in _conjuncts(where) if _is_of_model(each)]
    if not models:
        return False
    few = total // FEW
    left = f"SELECT 1 FROM twins AS m0 WHERE {' AND '.join(models)} LIMIT {few + 1}"
    [(count,)] = connection.execute(f"SELECT count(*) FROM ({left})", parameters.values)
    return bool(count <= few)


def _is_dense(connection: sqlite3.Connection, where: Condition, scope: Scope, after: tuple[str, ...]) -> bool:
    """Whether the condition is true of many of the next twins."""
    parameters = Parameters()
    condition = Predicates(scope, parameters).sql(where)
    begin = parameters.add(after[0] if after else "")
    following = f"SELECT * FROM twins WHERE id > {begin} ORDER BY id LIMIT {SAMPLE}"
    [(count,)] = connection.execute(f"SELECT count(*) FROM ({following}) AS m0 WHERE {condition}", parameters.values)
    return bool(count >= DENSE)


def _conjuncts(where: Condition) -> tuple[Condition, ...]:
    return where.conditions if isinstance(where, And) else (where,)


def _is_of_model(condition: Condition) -> bool:
    if isinstance(condition, Comparison):
        is_model = isinstance(condition.left, Path) and condition.left.parts[-2:] == ("$metadata", "$model")
        return condition.operator == "=" and is_model and isinstance(condition.right, Literal)
    return isinstance(condition, OfModel)
