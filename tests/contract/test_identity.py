"""The managed-identity endpoint, asked by an unmodified DefaultAzureCredential."""

import datetime
from pathlib import Path

import httpx
import pytest
from azure.identity import CredentialUnavailableError, DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

from local.identity.tokens import InvalidToken, Tokens, endpoint_secret
from local.launch import ServerProcess

TWINS = "https://digitaltwins.azure.net"


@pytest.fixture
def identity_settings(identity: ServerProcess, trust_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", identity.url)
    monkeypatch.setenv("IDENTITY_HEADER", endpoint_secret(trust_directory))


@pytest.mark.usefixtures("identity_settings")
def test_default_credential_gets_a_token_that_the_servers_accept(trust_directory: Path) -> None:
    with DefaultAzureCredential() as credential:
        token = credential.get_token(f"{TWINS}/.default")

    assert Tokens(trust_directory).check(f"Bearer {token.token}", [TWINS])
    assert token.expires_on > datetime.datetime.now(datetime.UTC).timestamp() + 3600


@pytest.mark.usefixtures("identity_settings")
async def test_aio_credential_gets_a_token_for_its_client_id(trust_directory: Path) -> None:
    async with AsyncDefaultAzureCredential(managed_identity_client_id="my-identity") as credential:
        token = await credential.get_token(f"{TWINS}/.default")

    assert Tokens(trust_directory).check(f"Bearer {token.token}", [TWINS]) == "my-identity"


def test_wrong_identity_header_gets_no_token(identity: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", identity.url)
    monkeypatch.setenv("IDENTITY_HEADER", "guessed")
    with DefaultAzureCredential() as credential, pytest.raises(Exception, match="X-IDENTITY-HEADER") as caught:
        credential.get_token(f"{TWINS}/.default")
    assert not isinstance(caught.value, CredentialUnavailableError)


def test_missing_resource_is_refused_with_a_reason(identity: ServerProcess, trust_directory: Path) -> None:
    answer = httpx.get(
        identity.url,
        params={"api-version": "2019-08-01"},
        headers={"x-identity-header": endpoint_secret(trust_directory)},
    )

    assert answer.status_code == 400
    assert "resource" in answer.json()["message"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic abc", "Bearer", "Bearer not.a.token"],
)
def test_token_check_refuses_what_is_no_token(trust_directory: Path, authorization: str | None) -> None:
    with pytest.raises(InvalidToken):
        Tokens(trust_directory).check(authorization, [TWINS])


def test_token_check_refuses_expired_foreign_and_misdirected_tokens(trust_directory: Path, tmp_path: Path) -> None:
    tokens = Tokens(trust_directory)
    expired = tokens.issue(TWINS, "a", lifetime=datetime.timedelta(seconds=-1))
    foreign = Tokens(tmp_path).issue(TWINS, "a")
    misdirected = tokens.issue("https://kusto.example", "a")

    for token in (expired, foreign, misdirected):
        with pytest.raises(InvalidToken):
            tokens.check(f"Bearer {token.text}", [TWINS])
