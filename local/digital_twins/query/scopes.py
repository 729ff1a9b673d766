"""The collections of a query, and what a path means among them."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.digital_twins.query.errors import query_error
from local.digital_twins.query.syntax import Collection, Name, Path, Query

_COLUMNS: Mapping[Collection, Mapping[tuple[str, ...], str]] = {
    "twins": {("$dtId",): "id", ("$metadata", "$model"): "model"},
    "relationships": {
        ("$relationshipId",): "id",
        ("$sourceId",): "source",
        ("$targetId",): "target",
        ("$relationshipName",): "name",
    },
}
"""Properties that are columns of their own: always there, and always strings."""


@dataclass(frozen=True, slots=True)
class Member:
    """A collection of a query, and the name of its table in the SQL."""

    name: str
    kind: Collection
    table: str


@dataclass(frozen=True, slots=True)
class Property:
    """Something in a member's document; no parts are the document itself."""

    member: Member
    parts: tuple[str, ...]

    @property
    def column(self) -> str | None:
        column = _COLUMNS[self.member.kind].get(self.parts)
        return column and f"{self.member.table}.{column}"

    @property
    def value_sql(self) -> str:
        return self.column or f"json_extract({self.member.table}.document, {self._json_path})"

    @property
    def type_sql(self) -> str:
        """SQL of what json_type tells; null where the property is not defined."""
        return "'text'" if self.column else f"json_type({self.member.table}.document, {self._json_path})"

    @property
    def _json_path(self) -> str:
        path = "$" + "".join(f'."{part}"' for part in self.parts)
        return "'" + path.replace("'", "''") + "'"


class Scope:
    """The members of one query, in its own order."""

    def __init__(self, query: Query) -> None:
        self.text = query.text
        self.members: dict[str, Member] = {}
        for name, kind in _named(query):
            if name is not None and name.text in self.members:
                raise query_error(query.text, name.start, f"the name '{name.text}' is used twice.")
            key = name.text if name is not None else ""
            self.members[key] = Member(key, kind, f"m{len(self.members)}")

    @property
    def only(self) -> Member | None:
        """The one member of a query without JOIN and MATCH: its name may be left out."""
        return next(iter(self.members.values())) if len(self.members) == 1 else None

    def resolve(self, path: Path) -> Property:
        """Raises ServiceError (400) when a query of several collections does not say which."""
        member = self.members.get(path.parts[0])
        if member is not None:
            return Property(member, path.parts[1:])
        if self.only is None:
            raise query_error(self.text, path.start, f"'{path.parts[0]}' is none of the query's collections.")
        return Property(self.only, path.parts)

    def property_of(self, path: Path) -> Property:
        """The same, where a whole collection makes no sense."""
        found = self.resolve(path)
        if not found.parts:
            raise query_error(self.text, path.start, f"'{path.parts[0]}' is a collection: name a property of it.")
        return found

    def twins(self, name: Name | None, start: int) -> Member:
        """The collection of twins with this name; without one, the only one."""
        member = self.only if name is None else self.members.get(name.text)
        if member is None:
            what = "name a collection: the query has several." if name is None else "this is no collection."
            raise query_error(self.text, start if name is None else name.start, what)
        if member.kind != "twins":
            raise query_error(self.text, start if name is None else name.start, "a relationship has no model.")
        return member


def _named(query: Query) -> list[tuple[Name | None, Collection]]:
    """What the query names, in order: the collection after FROM, or the named parts of its pattern."""
    found: list[tuple[Name | None, Collection]] = []
    if query.pattern is None:
        found.append((query.alias, query.collection))
        for join in query.joins:
            found.append((join.target, "twins"))
            if join.alias is not None:
                found.append((join.alias, "relationships"))
        return found
    for index, node in enumerate(query.pattern.nodes):
        if node is not None:
            found.append((node, "twins"))
        if index < len(query.pattern.hops) and (variable := query.pattern.hops[index].variable) is not None:
            found.append((variable, "relationships"))
    return found
