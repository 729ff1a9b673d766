"""What a service may answer that its caller must know about, in our own types."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Unavailable(Exception):
    """A service did not do what it was asked, after its SDK's own retries, and the data is not at fault.

    Whoever meets it lets it pass up: the host then tries the whole batch again, without end.
    """

    def __init__(self, service: str, error: BaseException) -> None:
        status = getattr(error, "status_code", None)
        said = f"answered {status}" if status else "can't be reached"
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else ""
        super().__init__(f"{service} {said}: {type(error).__name__}: {first_line}")
        self.service = service
        self.status: int | None = status


class Refused(NamedTuple):
    """A document that the service will never take: it answered 400 or 413 to this one alone."""

    document: Mapping[str, Any]
    status: int
    detail: str


DATA_AT_FAULT = (400, 413)
