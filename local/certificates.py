"""The stack's own certificate authority: made once, kept in the trust directory, and shared by every server.

Files: `ca.pem`, `ca.key`, `server.pem` (the chain), `server.key`, and `bundle.pem` (certifi's authorities and ours:
what SSL_CERT_FILE and REQUESTS_CA_BUNDLE are set to, so that unmodified SDKs trust the stack).
"""

import datetime
import fcntl
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.process import LOOPBACK

AUTHORITY_LIFETIME = datetime.timedelta(days=3650)
SERVER_LIFETIME = datetime.timedelta(days=397)
"""The longest that TLS clients accept (CA/Browser Forum baseline 6.3.2)."""
RENEW_BEFORE = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Trust:
    """Where the stack's trust is kept, each path a PEM file."""

    authority: Path
    bundle: Path
    server_chain: Path
    server_key: Path

    @property
    def server(self) -> tuple[Path, Path]:
        """(chain, key), as local.http.serving takes it."""
        return self.server_chain, self.server_key


def ensure_trust(directory: Path) -> Trust:
    """Makes what is missing or about to expire; safe to call from several processes at once."""
    directory.mkdir(parents=True, exist_ok=True)
    trust = Trust(
        authority=directory / "ca.pem",
        bundle=directory / "bundle.pem",
        server_chain=directory / "server.pem",
        server_key=directory / "server.key",
    )
    authority_key = directory / "ca.key"
    with locked(directory):
        made_authority = not _is_current(trust.authority, authority_key)
        if made_authority:
            _make_authority(trust.authority, authority_key)
        if made_authority or not _is_current(trust.server_chain, trust.server_key):
            _make_server(trust, authority_key)
        bundle = Path(certifi.where()).read_bytes() + b"\n" + trust.authority.read_bytes()
        if not trust.bundle.exists() or trust.bundle.read_bytes() != bundle:
            write_whole(trust.bundle, bundle)
    return trust


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time in the trust directory."""
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Writes a file so that a reader, or a kill -9, sees all of it or none."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _is_current(certificate: Path, key: Path) -> bool:
    if not certificate.exists() or not key.exists():
        return False
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False
    return loaded.not_valid_after_utc - RENEW_BEFORE > datetime.datetime.now(datetime.UTC)


def _make_authority(certificate: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "IoT telemetry local stack")])
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    built = (
        _certificate(name, name, key.public_key(), AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_whole(key_file, _key_pem(key), mode=0o600)
    write_whole(certificate, built.public_bytes(serialization.Encoding.PEM))


def _make_server(trust: Trust, authority_key: Path) -> None:
    authority = x509.load_pem_x509_certificate(trust.authority.read_bytes())
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in (LOOPBACK, "::1"))]
    )
    built = (
        _certificate(name, authority.subject, key.public_key(), SERVER_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    write_whole(trust.server_key, _key_pem(key), mode=0o600)
    write_whole(trust.server_chain, built.public_bytes(serialization.Encoding.PEM) + trust.authority.read_bytes())


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + lifetime)
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
