"""What makes the service refuse data, under the service's own codes.

Source: Microsoft Learn, "Ingestion error codes" and "Ingestion behavior of invalid data" (Azure Data Explorer).
"""

from local.data_explorer.errors import KustoError

_TRANSIENT = frozenset(
    {
        "Download_UnknownError",
        "Download_TransientNameResolutionFailure",
        "General_InternalServerError",
        "General_ThrottledIngestion",
        "Timeout",
        "Unknown",
        "UpdatePolicy_FailedDescendantTransaction",
        "UpdatePolicy_IngestionError",
        "UpdatePolicy_UnknownError",
    }
)


class IngestionRefused(KustoError):
    """Data that can't be ingested; `code` is the service's name for why, `permanent` that a retry won't help."""

    kind = "Kusto.DataNode.Exceptions.StreamingIngestionRequestException"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.permanent = code not in _TRANSIENT
