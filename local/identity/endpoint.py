"""App Service's managed-identity endpoint, API version 2019-08-01.

Source: Microsoft Learn, "How to use managed identities for App Service and Azure Functions", REST endpoint reference.
"""

import hmac

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.identity.tokens import Tokens

API_VERSION = "2019-08-01"
DEFAULT_CLIENT = "00000000-0000-0000-0000-0000000000a1"
"""The client id of the identity that is meant when a client names none (the system-assigned one)."""
PATH = "/msi/token"


def identity_app(tokens: Tokens, secret: str) -> Starlette:
    """`GET /msi/token?api-version=2019-08-01&resource=…[&client_id=…]` with X-IDENTITY-HEADER."""

    async def token(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("x-identity-header", ""), secret):
            return _refused(401, "the X-IDENTITY-HEADER header is missing or wrong")
        version = request.query_params.get("api-version")
        if version != API_VERSION:
            return _refused(400, f"api-version {version!r} is not served, only {API_VERSION}")
        resource = request.query_params.get("resource")
        if not resource:
            return _refused(400, "the resource parameter is missing")
        client = request.query_params.get("client_id") or DEFAULT_CLIENT
        issued = tokens.issue(resource, client)
        return JSONResponse(
            {
                "access_token": issued.text,
                "expires_on": str(issued.expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client,
            }
        )

    return Starlette(routes=[Route(PATH, token)])


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)
