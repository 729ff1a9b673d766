"""A container's indexing policy: which properties it indexes, which SQL indexes that asks for, and how it is charged.

Source: Microsoft Learn, "Indexing policies in Azure Cosmos DB": the most precise path wins, `/?` means the value at
the path, `/*` everything under it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.cosmos.errors import bad_request

DEFAULT: Mapping[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}

_ABSENT: Mapping[str, Any] = {}
_NO_TERM = frozenset({dict, list})
"""What `/?` does not index; a property that is absent counts as an object."""

_Rule = tuple[tuple[str, ...], bool]
"""A path's segments ([] is any element of an array), and whether it means all that is under it."""


@dataclass(frozen=True, slots=True)
class IndexingPolicy:
    """A checked indexing policy."""

    included: tuple[str, ...]
    composite: tuple[tuple[tuple[str, str], ...], ...]
    """Each composite index: (path, `ascending` or `descending`) pairs."""
    count_terms: Callable[[Mapping[str, Any]], int]
    """How many index entries a document makes: what writing it is charged for."""
    excluded: tuple[str, ...] = ()

    @property
    def selected(self) -> tuple[str, ...]:
        """The included paths that name one property: those worth an SQL index of their own."""
        return tuple(path for path in self.included if path.endswith("/?") and "[]" not in path)

    def covers(self, path: tuple[str, ...]) -> bool:
        """Whether the values at a property path are indexed: the longest rule that fits it says so."""
        fitting = [
            (len(segments), is_included)
            for paths, is_included in ((self.included, True), (self.excluded, False))
            for segments, is_tree in map(_rule, paths)
            if segments == path or (is_tree and segments == path[: len(segments)])
        ]
        return max(fitting, default=(0, False))[1]


def parse_policy(given: object) -> tuple[dict[str, Any], IndexingPolicy]:
    """The policy as it is kept and returned, and as it is used. Raises ServiceError (400)."""
    if given is None:
        given = DEFAULT
    if not isinstance(given, Mapping):
        raise bad_request("The indexing policy is invalid: it must be an object.")
    mode = str(given.get("indexingMode", "consistent")).lower()
    if mode not in ("consistent", "none", "lazy"):
        raise bad_request(f"The indexing mode '{mode}' is invalid: give 'consistent' or 'none'.")
    kept = {"indexingMode": mode, "automatic": given.get("automatic", mode != "none"), **_kept_paths(given, mode)}
    if mode == "none":
        return kept, IndexingPolicy((), (), lambda document: 0)
    included = _paths(kept, "includedPaths")
    excluded = _paths(kept, "excludedPaths")
    if not any(_rule(path) == ((), True) for path in (*included, *excluded)):
        raise bad_request(
            "The special mandatory indexing path '/' is not provided in any of the path type sets. Please provide this"
            " path in one of the sets."
        )
    composite = _composite(kept.get("compositeIndexes", []))
    counter = _counter([_rule(path) for path in included], [_rule(path) for path in excluded], len(composite))
    return kept, IndexingPolicy(included, composite, counter, excluded)


def _kept_paths(given: Mapping[str, Any], mode: str) -> dict[str, Any]:
    paths: dict[str, Any] = {name: value for name, value in given.items() if name not in ("indexingMode", "automatic")}
    paths.setdefault("includedPaths", [{"path": "/*"}] if mode != "none" and "excludedPaths" not in given else [])
    paths.setdefault("excludedPaths", [])
    etag = {"path": '/"_etag"/?'}
    if mode != "none" and isinstance(paths["excludedPaths"], list) and etag not in paths["excludedPaths"]:
        paths["excludedPaths"] = [*paths["excludedPaths"], etag]
    return paths


def _paths(policy: Mapping[str, Any], name: str) -> tuple[str, ...]:
    entries = policy[name]
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("path"), str) for entry in entries
    ):
        raise bad_request(f"The indexing policy's {name} must be a list of objects with a 'path'.")
    return tuple(entry["path"] for entry in entries)


def _composite(given: object) -> tuple[tuple[tuple[str, str], ...], ...]:
    if not isinstance(given, list):
        raise bad_request("The indexing policy's compositeIndexes must be a list of lists of paths.")
    indexes = []
    for index in given:
        if not isinstance(index, list) or len(index) < 2:
            raise bad_request("A composite index must have at least two paths.")
        columns = []
        for column in index:
            path = column.get("path") if isinstance(column, dict) else None
            order = column.get("order", "ascending") if isinstance(column, dict) else None
            if not isinstance(path, str) or not path.startswith("/") or order not in ("ascending", "descending"):
                raise bad_request(f"The composite index path {column!r} is invalid.")
            columns.append((path, order))
        indexes.append(tuple(columns))
    return tuple(indexes)


def _rule(path: str) -> _Rule:
    if not path.startswith("/") or not path.endswith(("/?", "/*", "/")):
        raise bad_request(f"The indexing path '{path}' could not be accepted: end it with '/?' or '/*'.")
    *segments, last = path[1:].split("/")
    return tuple(segment.strip('"') for segment in segments), last != "?"


def _counter(included: list[_Rule], excluded: list[_Rule], composite: int) -> Callable[[Mapping[str, Any]], int]:
    """Counts the values that a policy indexes: by walking the document when all is included, else path by path."""
    if ((), True) in included:
        dropped = [rule for rule in excluded if rule[0] != ("_etag",)]
        return lambda document: composite + _leaves(document) - sum(_matches(document, *rule) for rule in dropped)
    names = [segments[0] for segments, is_tree in included if len(segments) == 1 and not is_tree]
    others = [rule for rule in included if len(rule[0]) != 1 or rule[1]]

    def count(document: Mapping[str, Any]) -> int:
        terms = composite
        for name in names:
            if type(document.get(name, _ABSENT)) not in _NO_TERM:
                terms += 1
        for segments, is_tree in others:
            terms += _matches(document, segments, is_tree)
        return terms

    return count


def _matches(value: Any, segments: tuple[str, ...], is_tree: bool) -> int:
    for position, segment in enumerate(segments):
        if segment == "[]":
            inner = value if isinstance(value, list) else []
            return sum(_matches(element, segments[position + 1 :], is_tree) for element in inner)
        if not isinstance(value, dict) or segment not in value:
            return 0
        value = value[segment]
    if isinstance(value, dict | list):
        return _leaves(value) if is_tree else 0
    return 1


def _leaves(value: Any) -> int:
    count = 0
    for inner in value.values() if isinstance(value, dict) else value:
        count += _leaves(inner) if isinstance(inner, dict | list) else 1
    return count
