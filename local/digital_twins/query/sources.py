"""Where rows come from, as SQL: the tables of FROM and JOIN, or the walk of a MATCH."""

from dataclasses import dataclass

from local.digital_twins.query.errors import query_error
from local.digital_twins.query.pins import Pins, pins
from local.digital_twins.query.predicates import Parameters
from local.digital_twins.query.scopes import Member, Scope
from local.digital_twins.query.syntax import Pattern, Query
from local.digital_twins.query.walks import walk


@dataclass(frozen=True, slots=True)
class Source:
    """`before` are common table expressions; `keys` name a row and give the order of all rows."""

    tables: str
    keys: tuple[str, ...]
    before: str = ""


def source_of(query: Query, scope: Scope, parameters: Parameters) -> Source:
    """Raises ServiceError (400) when a query over relationships pins no twin."""
    if query.pattern is None and not query.joins:
        [member] = scope.members.values()
        return Source(f"{query.collection} AS {member.table}", keys_of(member))
    pinned = pins(query.where, scope)
    if not pinned:
        clause = "JOIN" if query.joins else "MATCH"
        message = f"a query with {clause} must filter on the $dtId of one of its collections in the WHERE clause."
        raise query_error(query.text, len(query.text), message)
    if query.pattern is None:
        return _joined(query, scope)
    return _matched(query.pattern, scope, pinned, parameters)


def keys_of(member: Member) -> tuple[str, ...]:
    if member.kind == "twins":
        return (f"{member.table}.id",)
    return (f"{member.table}.source", f"{member.table}.id")


def _joined(query: Query, scope: Scope) -> Source:
    root = scope.members[query.alias.text if query.alias is not None else ""]
    tables, keys = [f"twins AS {root.table}"], list(keys_of(root))
    for number, join in enumerate(query.joins):
        target = scope.members[join.target.text]
        source = scope.members.get(join.source.text)
        if source is None or source.kind != "twins" or int(source.table[1:]) >= int(target.table[1:]):
            raise query_error(query.text, join.source.start, f"'{join.source.text}' is no collection of twins before.")
        link = scope.members[join.alias.text].table if join.alias is not None else f"r{number}"
        name = "'" + join.relationship.replace("'", "''") + "'"
        tables.append(
            f"JOIN relationships AS {link} ON {link}.source = {source.table}.id AND {link}.name = {name} "
            f"JOIN twins AS {target.table} ON {target.table}.id = {link}.target"
        )
        keys.append(f"{link}.id")
    return Source(" ".join(tables), tuple(keys))


def _matched(pattern: Pattern, scope: Scope, pinned: Pins, parameters: Parameters) -> Source:
    """One row for each different combination of what the pattern names. It begins where the fewest twins are pinned."""
    start, ids = min(pinned.items(), key=lambda pin: len(pin[1]))
    found = walk(pattern, scope, start, sorted(ids), parameters)
    tables = [f"(SELECT DISTINCT {', '.join(found.columns)} FROM {found.table}) AS found"]
    for each in scope.members.values():
        if each.kind == "twins":
            tables.append(f"JOIN twins AS {each.table} ON {each.table}.id = found.{each.table}")
        else:
            on = f"{each.table}.source = found.{each.table}_source AND {each.table}.id = found.{each.table}"
            tables.append(f"JOIN relationships AS {each.table} ON {on}")
    keys = tuple(key for each in scope.members.values() for key in keys_of(each))
    return Source(" ".join(tables), keys, found.before)
