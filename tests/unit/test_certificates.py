"""The stack's trust: made once, renewed in time, whole whatever happens."""

import datetime
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest
from cryptography import x509

from local import certificates
from local.certificates import ensure_trust


def test_trust_is_made_once(tmp_path: Path) -> None:
    first = ensure_trust(tmp_path)
    contents = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}

    assert ensure_trust(tmp_path) == first
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == contents


def test_the_bundle_holds_certifis_authorities_and_the_stacks(tmp_path: Path) -> None:
    trust = ensure_trust(tmp_path)

    authorities = ssl.create_default_context(cafile=str(trust.bundle)).get_ca_certs()
    known = ssl.create_default_context(cafile=certifi.where()).get_ca_certs()
    assert len(authorities) == len(known) + 1


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    trust = ensure_trust(tmp_path)

    assert [oct(path.stat().st_mode & 0o777) for path in (trust.server_key, tmp_path / "ca.key")] == ["0o600"] * 2


def test_a_server_certificate_about_to_expire_is_renewed_and_the_authority_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "SERVER_LIFETIME", datetime.timedelta(days=29))
    old = ensure_trust(tmp_path).server_chain.read_bytes()
    authority = (tmp_path / "ca.pem").read_bytes()
    monkeypatch.undo()

    assert ensure_trust(tmp_path).server_chain.read_bytes() != old
    assert (tmp_path / "ca.pem").read_bytes() == authority


def test_a_damaged_certificate_is_made_anew(tmp_path: Path) -> None:
    trust = ensure_trust(tmp_path)
    trust.server_chain.write_bytes(b"half a cert")

    ensure_trust(tmp_path)

    x509.load_pem_x509_certificate(trust.server_chain.read_bytes())


def test_several_processes_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ensure_trust(tmp_path), range(8)))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
