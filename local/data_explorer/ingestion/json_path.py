"""JSON paths of ingestion mappings: `$`, `$.a.b`, `$['a b']`, `$.['a b']`, `$.a[0]`.

Source: Microsoft Learn, "JSONPath syntax" (Kusto): the subset that names one value. As the data-connection samples do,
a plain step may hold a hyphen (`$.x-opt-enqueued-time`).
"""

import re
from functools import reduce

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.values import Json

Path = tuple[str | int, ...]
"""The steps from the root: names and array positions; none for the whole record."""

_STEP = re.compile(
    r"""\.?\[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]|\.?\[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]"""
    r"""|\.?\[\s*(?P<index>\d{1,9})\s*\]|\.(?P<name>[^.\[\]'"*\s][^.\[\]'"*]*)"""
)
_ESCAPE = re.compile(r"\\(.)")


def parse_path(text: str) -> Path:
    """The steps of a path that starts with `$`. Raises IngestionRefused (BadRequest_InvalidMapping)."""
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise IngestionRefused(
                "BadRequest_InvalidMapping", f"'{text}' is not a JSON path to one value: '{text[position:]}' is no step"
            )
        if step["index"] is not None:
            steps.append(int(step["index"]))
        elif step["name"] is not None:
            steps.append(step["name"])
        else:
            steps.append(_ESCAPE.sub(r"\1", step["single"] if step["single"] is not None else step["double"]))
        position = step.end()
    return tuple(steps)


def value_at(record: Json, path: Path) -> Json:
    """What a path leads to; None when there is nothing."""
    return reduce(_step, path, record)


def _step(value: Json, step: str | int) -> Json:
    if isinstance(value, dict):
        return value.get(step) if isinstance(step, str) else None
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None
