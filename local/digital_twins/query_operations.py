"""Requests on /query."""

from local.digital_twins.errors import bad_request, invalid_argument
from local.digital_twins.messages import Request, Response, ok
from local.digital_twins.pages import MAX_PAGE, page_size
from local.digital_twins.query import execute
from local.digital_twins.service import Service


async def query(service: Service, request: Request) -> Response:
    """`{"query": …, "continuationToken": …}`, of which a later page may give the token only."""
    document = request.json()
    if not isinstance(document, dict):
        raise invalid_argument("The payload must be a JSON object.")
    text, continuation = document.get("query"), document.get("continuationToken")
    if continuation is not None and not isinstance(continuation, str):
        raise bad_request("The continuation token is invalid.")
    if not isinstance(text, str) and (text is not None or continuation is None):
        raise bad_request("The payload's query must be a string.")
    size = page_size(request, default=MAX_PAGE)
    found = await service.queries.run(lambda connection: execute(connection, text or "", continuation, size))
    shown = {"value": found.value, "continuationToken": found.continuation}
    return ok(shown, headers={"query-charge": f"{found.charge:.2f}"})
