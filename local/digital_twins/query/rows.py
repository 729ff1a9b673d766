"""The rows of an answer: whole documents, or what SELECT names of them."""

from collections.abc import Sequence
from typing import Any

import orjson

from local.digital_twins.query.scopes import Member, Scope
from local.digital_twins.query.syntax import Query

_MISSING = object()


class Rows:
    """Makes rows of a query from the documents of `members`, in that order. Raises ServiceError (400) at once."""

    def __init__(self, query: Query, scope: Scope) -> None:
        self._columns: list[tuple[str, Member, tuple[str, ...]]] = []
        self._is_document = query.projections is None
        if query.projections is None:
            self._columns = [(member.name, member, ()) for member in scope.members.values()]
        for projection in query.projections or ():
            found = scope.resolve(projection.path)
            self._columns.append((projection.name, found.member, found.parts))
        self.members: Sequence[Member] = list(dict.fromkeys(member for _, member, _ in self._columns))

    def row(self, texts: Sequence[str]) -> dict[str, Any]:
        """A property that a document does not have is not in its row."""
        documents = {member: orjson.loads(text) for member, text in zip(self.members, texts, strict=True)}
        if self._is_document:
            [document] = documents.values()
            return dict(document)
        found = ((name, _inside(documents[member], parts)) for name, member, parts in self._columns)
        return {name: value for name, value in found if value is not _MISSING}


def _inside(value: Any, parts: tuple[str, ...]) -> Any:
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            return _MISSING
        value = value[part]
    return value
