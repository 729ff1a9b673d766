"""Access tokens of the stack: JSON Web Tokens (RFC 7519) signed with a key that is kept in the trust directory."""

import datetime
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.certificates import locked, write_whole

LIFETIME = datetime.timedelta(hours=24)
"""A managed identity's token lasts 24 hours."""
ISSUER = "https://sts.windows.net/local/"
_ALGORITHM = "ES256"


class InvalidToken(Exception):
    """The bearer token can't be accepted; the message says why."""


@dataclass(frozen=True)
class AccessToken:
    """`text` is the JWT; `expires_on` is in seconds since 1970, as App Service reports it."""

    text: str
    expires_on: int


class Tokens:
    """Issues and checks the stack's tokens. Every process with the same trust directory agrees on them."""

    def __init__(self, trust: Path) -> None:
        self._key = _signing_key(trust)

    def issue(self, resource: str, client_id: str, *, lifetime: datetime.timedelta = LIFETIME) -> AccessToken:
        """A token for one resource, which is an App ID URI such as https://digitaltwins.azure.net."""
        now = datetime.datetime.now(datetime.UTC)
        expires = now + lifetime
        claims = {
            "aud": resource.rstrip("/"),
            "iss": ISSUER,
            "iat": now,
            "nbf": now - datetime.timedelta(minutes=5),
            "exp": expires,
            "appid": client_id,
            "oid": client_id,
            "ver": "1.0",
        }
        return AccessToken(jwt.encode(claims, self._key, algorithm=_ALGORITHM), int(expires.timestamp()))

    def check(self, authorization: str | None, audiences: Iterable[str]) -> str:
        """The client id that an Authorization header's bearer token was issued to.

        Raises InvalidToken when it is missing, forged, expired, or for another audience.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidToken("the Authorization header holds no bearer token")
        try:
            claims = jwt.decode(
                token.strip(),
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                audience=[audience.rstrip("/") for audience in audiences],
                issuer=ISSUER,
                options={"require": ["exp", "aud", "appid"]},
            )
        except jwt.InvalidTokenError as error:
            raise InvalidToken(str(error)) from error
        return str(claims["appid"])


def endpoint_secret(trust: Path) -> str:
    """What a client must send in X-IDENTITY-HEADER (App Service's IDENTITY_HEADER): made once and kept."""
    trust.mkdir(parents=True, exist_ok=True)
    path = trust / "identity-header"
    with locked(trust):
        if not path.exists():
            write_whole(path, secrets.token_hex(16).encode(), mode=0o600)
        return path.read_text()


def _signing_key(trust: Path) -> ec.EllipticCurvePrivateKey:
    trust.mkdir(parents=True, exist_ok=True)
    path = trust / "tokens.key"
    with locked(trust):
        if not path.exists():
            pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_whole(path, pem, mode=0o600)
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
