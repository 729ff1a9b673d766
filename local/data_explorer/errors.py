"""The errors the service answers with: an HTTP status, a code, and whether trying again can help."""


class KustoError(Exception):
    """A request refused, in the service's terms.

    `code` as in the service's table of ingestion and query error codes (General_BadRequest, Syntax error …);
    `permanent` is False when the same request may pass later.
    """

    status = 400
    code = "General_BadRequest"
    kind = "Kusto.Data.Exceptions.KustoBadRequestException"
    permanent = True

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class SyntaxMistake(KustoError):
    """The text is not KQL, or not a command."""

    code = "General_BadRequest"
    kind = "Kusto.Data.Exceptions.SyntaxException"


class SemanticMistake(KustoError):
    """The text is KQL, but names or types in it don't fit the database."""

    kind = "Kusto.Data.Exceptions.SemanticException"


class EntityNotFound(KustoError):
    """A database, table, mapping, function… that the request names does not exist."""

    code = "BadRequest_EntityNotFound"
    kind = "Kusto.Data.Exceptions.EntityNotFoundException"


class NotServed(KustoError):
    """Data Explorer can do this, the local one does not."""

    status = 501
    code = "General_NotImplemented"
    kind = "Kusto.Data.Exceptions.KustoServiceException"


class Unauthorized(KustoError):
    """The request's token is missing or can't be accepted."""

    status = 401
    code = "General_Unauthorized"
    kind = "Kusto.Data.Exceptions.KustoServicePartialQueryFailureException"


class Unavailable(KustoError):
    """The service can't do it now."""

    status = 503
    code = "General_ServiceUnavailable"
    kind = "Kusto.Data.Exceptions.KustoServiceException"
    permanent = False


class UpdatePolicyFailed(KustoError):
    """A transactional update policy failed, and so the ingestion it belongs to did."""

    code = "UpdatePolicy_UnknownError"
    kind = "Kusto.Data.Exceptions.UpdatePolicyFailureException"
