"""The paths of output bindings, such as `copies/{name}.txt`."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

_EXPRESSION = re.compile(r"\{([^{}:]+)(?::([^{}]*))?\}")


def bind_path(path: str, names: Mapping[str, str]) -> str:
    """A path with its `{name}` expressions filled; `{rand-guid}` and `{DateTime}` are always there.

    Raises KeyError with the name that the trigger does not give.
    """
    given = {name.lower(): value for name, value in names.items()}

    def value(match: re.Match[str]) -> str:
        name = match[1].lower()
        if name == "rand-guid":
            return str(uuid.uuid4())
        if name == "datetime":
            return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        if name not in given:
            raise KeyError(f"the trigger gives no value for {{{match[1]}}} of {path}")
        return given[name]

    return _EXPRESSION.sub(value, path)
