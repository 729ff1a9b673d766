"""A twin as it is against the newest values of its asset: what is to be sent."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.twins.coalescing import Fate, Newest
from shared.twins.memory import NewestTimes, SuppressedKey
from shared.twins.values import rank, source_time

Operation = dict[str, Any]
"""One of a JSON Patch (RFC 6902)."""


class Change(NamedTuple):
    """A property that is to be set, and the operations that set it."""

    name: str
    operations: list[Operation]


def changes(
    twin: Mapping[str, Any], newest: Mapping[str, Newest], suppressed: NewestTimes[SuppressedKey]
) -> tuple[list[Change], Counter[Fate]]:
    """What is to be sent of these values, and what became of the others."""
    fates: Counter[Fate] = Counter()
    found: list[Change] = []
    for name, given in newest.items():
        fate = _fate(twin, name, given, suppressed)
        if fate is Fate.SENT:
            found.append(_setting(name, given))
            continue
        fates[fate] += 1
        if fate is Fate.WITHIN_DEADBAND:
            suppressed.note(_key(twin, name), given.time)
    return found, fates


def _fate(twin: Mapping[str, Any], name: str, given: Newest, suppressed: NewestTimes[SuppressedKey]) -> Fate:
    """A value without a source time was not set by a reading, so that any reading is newer."""
    stored, time = twin.get(name), stored_time(twin, name)
    if stored is None or not time:
        return Fate.SENT
    is_newer = (given.time, rank(given.value)) > (time, rank(stored))
    if not is_newer:
        return Fate.HELD if given.time == time and given.value == stored else Fate.OLDER
    if given.time < suppressed.of(_key(twin, name)):
        return Fate.OLDER
    return Fate.WITHIN_DEADBAND if _is_within(given, stored) else Fate.SENT


def _key(twin: Mapping[str, Any], name: str) -> SuppressedKey:
    return twin["$dtId"], name, str(twin["$metadata"][name].get("lastUpdateTime"))


def _is_within(given: Newest, stored: Any) -> bool:
    if given.deadband is None:
        return False
    if isinstance(stored, (int, float)) and isinstance(given.value, (int, float)):
        return abs(given.value - stored) <= given.deadband
    return bool(given.value == stored)


def stored_time(twin: Mapping[str, Any], name: str) -> str:
    """The source time that a twin holds of a property; an empty text when it holds none that is one."""
    text = twin.get("$metadata", {}).get(name, {}).get("sourceTime")
    try:
        return source_time(str(text)) if text else ""
    except ValueError:
        return ""


def _setting(name: str, given: Newest) -> Change:
    return Change(
        name,
        [
            {"op": "add", "path": f"/{name}", "value": given.value},
            {"op": "add", "path": f"/$metadata/{name}/sourceTime", "value": given.time},
        ],
    )


def patched(twin: Mapping[str, Any], operations: Iterable[Operation], etag: str) -> dict[str, Any]:
    """The twin as a patch of `add` operations has left it, but for the times at which it was written."""
    metadata = dict(twin["$metadata"])
    document = {**twin, "$etag": etag, "$metadata": metadata}
    for operation in operations:
        name, *within = operation["path"].removeprefix("/").split("/")
        if within:
            metadata[within[0]] = {within[1]: operation["value"]}
        else:
            document[name] = operation["value"]
            metadata[name] = {}
    return document
