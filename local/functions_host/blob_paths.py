"""Blob trigger paths such as `uploads/{name}.{extension}`: which blobs they take, and what the names stand for."""

import re
from dataclasses import dataclass

from local.functions_host.settings import MissingSetting

_EXPRESSION = re.compile(r"\{([A-Za-z_][A-Za-z0-9_\-]*)\}")


class InvalidPath(MissingSetting):
    """A path that names no container, or has expressions that can't be told apart; puts its function in error."""


@dataclass(frozen=True)
class BlobPath:
    """A container, and which of its blobs are meant."""

    container: str
    prefix: str
    _pattern: re.Pattern[str]

    def match(self, blob: str) -> dict[str, str] | None:
        """The values of the path's names for a blob that it takes; None for another one."""
        found = self._pattern.fullmatch(blob)
        return found.groupdict() if found else None


def parse_blob_path(path: str) -> BlobPath:
    """A path `container[/blob pattern]`; without a pattern every blob is taken. Raises InvalidPath."""
    container, _, pattern = path.strip("/").partition("/")
    if not container or "{" in container:
        raise InvalidPath(f"The blob path '{path}' must begin with a container's own name.")
    pattern = pattern or "{name}"
    text, last = "", 0
    for match in _EXPRESSION.finditer(pattern):
        text += re.escape(pattern[last : match.start()]) + f"(?P<{match[1].replace('-', '_')}>.+)"
        last = match.end()
    text += re.escape(pattern[last:])
    try:
        compiled = re.compile(text, re.DOTALL)
    except re.error as error:
        raise InvalidPath(f"The blob path '{path}' can't be understood: {error}.") from error
    return BlobPath(container, pattern.split("{")[0], compiled)
