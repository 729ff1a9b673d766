"""The service's refusals: HTTP status, code, message, and details.

Source: the recorded answers in Azure/azure-sdk-for-net and azure-sdk-for-js (sdk/digitaltwins), and the data-plane
reference, api-version 2023-10-31.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class ServiceError(Exception):
    """A request is refused: nothing was written. `details` are the messages of what is wrong, one by one."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [{"code": self.code, "message": detail} for detail in self.details]
        return {"error": error}


def bad_request(message: str) -> ServiceError:
    """400 BadRequest: a query, a filter or a parameter that can't be read; the message names the place."""
    return ServiceError(400, "BadRequest", message)


def not_served(what: str) -> ServiceError:
    return ServiceError(501, "NotImplemented", f"The local Digital Twins does not do {what}: see its README.md.")
