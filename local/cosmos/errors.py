"""The service's refusals: HTTP status, code, substatus and message.

Source: Microsoft Learn, "HTTP status codes for Azure Cosmos DB", and the SDK's `http_constants.SubStatusCodes`.
"""

from collections.abc import Mapping
from typing import Any

CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    424: "FailedDependency",
    429: "TooManyRequests",
    449: "RetryWith",
    500: "InternalServerError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}

PARTITION_KEY_MISMATCH = 1001
PARTITION_KEY_RANGE_GONE = 1002
OWNER_RESOURCE_NOT_FOUND = 1003
CROSS_PARTITION_QUERY_NOT_SERVABLE = 1004
COLLECTION_RID_MISMATCH = 1024
PATCH_CONDITION_NOT_MET = 1110
THROUGHPUT_EXCEEDED = 3200
RETRY_WITH = 5350


class ServiceError(Exception):
    """A request is refused: nothing was written."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        substatus: int = 0,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = CODES.get(status, str(status))
        self.message = message
        self.substatus = substatus
        self.headers = dict(headers or {})
        self.details = details or {"Errors": [message]}
        """What the answer's message says, as JSON."""


def bad_request(message: str, *, substatus: int = 0) -> ServiceError:
    return ServiceError(400, message, substatus=substatus)


def invalid_payload() -> ServiceError:
    return bad_request("The request payload is invalid. Ensure to provide a valid request payload.")


def not_found() -> ServiceError:
    return ServiceError(404, "Entity with the specified id does not exist in the system.")


def owner_not_found() -> ServiceError:
    return ServiceError(404, "Owner resource does not exist", substatus=OWNER_RESOURCE_NOT_FOUND)


def conflict() -> ServiceError:
    return ServiceError(409, "Entity with the specified id already exists in the system.")


def precondition_failed() -> ServiceError:
    return ServiceError(412, "Operation cannot be performed because one of the specified precondition is not met.")


def too_large() -> ServiceError:
    return ServiceError(413, "Request size is too large. The limit is 2 MB (2097152 bytes).")


def not_done(what: str) -> ServiceError:
    return ServiceError(501, f"The local Cosmos DB does not do {what}: see local/cosmos/README.md.")


def throttled(retry_after_ms: int) -> ServiceError:
    return ServiceError(
        429,
        "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request"
        " later.",
        substatus=THROUGHPUT_EXCEEDED,
        headers={"x-ms-retry-after-ms": str(retry_after_ms)},
    )


def injected(status: int, retry_after_ms: int) -> ServiceError:
    """What the service says when it fails with this status on its own account."""
    if status == 429:
        return throttled(retry_after_ms)
    messages = {
        408: "Request timed out. More info: https://aka.ms/cosmosdb-tsg-request-timeout",
        449: "Conflicting request to resource has been attempted. Retry to avoid conflicts.",
        503: "Service is currently unavailable, please retry after a while. If this problem persists please contact"
        " support.",
    }
    headers = {"x-ms-retry-after-ms": str(retry_after_ms)} if retry_after_ms else {}
    substatus = RETRY_WITH if status == 449 else 0
    return ServiceError(status, messages.get(status, "An injected fault."), substatus=substatus, headers=headers)
