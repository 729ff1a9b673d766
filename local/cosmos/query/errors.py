"""What is wrong with a query, and where in its text."""

SNIPPET = 24


class QueryError(Exception):
    """The service answers 400: the query, its parameters or its continuation token can't be served.

    `code` is the service's own (SC1001: syntax, SC2001: unresolved identifier, …); `position` and `end` are offsets
    into the query's text, and `message` names the line and column when there is a text.
    """

    def __init__(self, message: str, position: int = 0, *, code: str = "SC1001", end: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.code = code
        self.end = position + 1 if end is None else end


def query_error(text: str, code: str, message: str, start: int, end: int | None = None) -> QueryError:
    """The error with its place spelled out for a reader: line, column and the text around."""
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    around = text[max(0, start - SNIPPET) : start] + "»" + text[start : start + SNIPPET]
    place = f"line {line}, column {column}: {' '.join(around.split())}"
    return QueryError(f"{message} ({place})", start, code=code, end=end)
