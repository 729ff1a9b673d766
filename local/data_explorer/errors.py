"""The errors the service answers with: an HTTP status, a code, and whether trying again can help.

Shapes: Learn, "Query/management HTTP response" (OneApiErrors) and "Ingestion error codes".
"""

from typing import Any, Self


class KustoError(Exception):
    """A request refused, in the service's terms.

    `code` as in the service's tables of error codes; `permanent` is False when the same request may pass later;
    `inner` is the `innererror` object of the answer, with the place of a mistake in the text.
    """

    status = 400
    code = "General_BadRequest"
    kind = "Kusto.Data.Exceptions.KustoBadRequestException"
    summary = "Request is invalid and cannot be executed."
    permanent = True

    def __init__(self, message: str, *, code: str | None = None, inner: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.inner = inner or {}
        if code is not None:
            self.code = code


class SyntaxMistake(KustoError):
    """The text is not KQL, or not a command. `line` and `column` count from 1."""

    kind = "Kusto.Data.Exceptions.SyntaxException"

    def __init__(self, reason: str, *, text: str = "", token: str = "", line: int = 1, column: int = 1) -> None:
        message = f"Syntax error: {reason} [line:position={line}:{column}]. Query: '{text[:500]}'"
        inner = {
            "code": "SYN0002",
            "message": message,
            "@type": self.kind,
            "@message": message,
            "@errorCode": "SYN0002",
            "@errorMessage": reason,
            "@text": text,
            "@token": token,
            "@line": line,
            "@pos": column,
        }
        super().__init__(f"Request is invalid and cannot be processed: {message}", inner=inner)

    @classmethod
    def at(cls, reason: str, text: str, position: int, token: str = "") -> Self:
        """The mistake at a position in the text, counted from 0."""
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        return cls(reason, text=text, token=token, line=line, column=column)


class SemanticMistake(KustoError):
    """The text is KQL, but names or types in it don't fit the database. `error` is the service's number (SEM0100).

    `line` and `column` count from 1, and are 0 when the place is not known.
    """

    kind = "Kusto.Data.Exceptions.SemanticException"

    def __init__(self, message: str, *, error: str = "SEM0001", line: int = 0, column: int = 0) -> None:
        place = f" [line:position={line}:{column}]" if line else ""
        text = f"Semantic error: {error}: {message}{place}"
        inner: dict[str, Any] = {
            "code": error,
            "message": text,
            "@type": "Kusto.Data.Exceptions.SemanticException",
            "@message": text,
            "@errorCode": error,
            "@errorMessage": message,
        }
        if line:
            inner |= {"@line": line, "@pos": column}
        super().__init__(f"Request is invalid and cannot be processed: {text}", inner=inner)


class EntityNotFound(KustoError):
    """A database, table, mapping, function… that the request names does not exist."""

    code = "BadRequest_EntityNotFound"
    kind = "Kusto.Data.Exceptions.EntityNotFoundException"


class AlreadyExists(KustoError):
    """What the request would create is there already."""

    code = "BadRequest_EntityAlreadyExists"
    kind = "Kusto.Data.Exceptions.EntityAlreadyExistsException"


class NotServed(KustoError):
    """Data Explorer can do this, the local one does not."""

    status = 501
    code = "General_NotImplemented"
    kind = "Kusto.Data.Exceptions.KustoServiceException"
    summary = "Not served by the local Data Explorer."


class Unauthorized(KustoError):
    """The request's token is missing or can't be accepted."""

    status = 401
    code = "Unauthorized"
    kind = "Kusto.Common.Svc.Exceptions.UnauthorizedException"
    summary = "Access denied."


class TimedOut(KustoError):
    """The query took longer than its servertimeout."""

    status = 504
    code = "Request execution timed out"
    kind = "Kusto.Data.Exceptions.KustoServiceTimeoutException"
    summary = "Request execution timed out."
    permanent = False


class ResultTooLarge(KustoError):
    """A query's result passed its truncation limits: what came before is answered, marked as partial."""

    code = "LimitsExceeded"
    kind = "Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException"
    summary = "Request exceeds limits and cannot be executed."


class Throttled(KustoError):
    """Too many requests (429)."""

    status = 429
    code = "Too many requests"
    kind = "Kusto.Common.Svc.Exceptions.DistributedThrottledException"
    summary = "Request is denied due to throttling."
    permanent = False


class Unavailable(KustoError):
    """The service can't do it now."""

    status = 503
    code = "General_ServiceUnavailable"
    kind = "Kusto.Data.Exceptions.KustoServiceException"
    summary = "The service is unavailable."
    permanent = False


class InternalError(KustoError):
    """The server's own mistake."""

    status = 500
    code = "Internal service error"
    kind = "Kusto.Data.Exceptions.KustoServiceException"
    summary = "An unexpected error occurred."
    permanent = False


class UpdatePolicyFailed(KustoError):
    """A transactional update policy failed, and so the ingestion it belongs to did."""

    code = "UpdatePolicy_UnknownError"
    kind = "Kusto.Data.Exceptions.UpdatePolicyFailureException"
