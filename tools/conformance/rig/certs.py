"""A certificate authority of the test's own, and self-signed certificates for the recipient's server."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: str, issuer: x509.Name, key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )


def _alternatives(names: list[str]) -> x509.SubjectAlternativeName:
    out: list[x509.GeneralName] = []
    for name in names:
        try:
            out.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            out.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(out)


def _write(folder: Path, stem: str, certificate, key) -> tuple[Path, Path]:
    cert_file, key_file = folder / f"{stem}.pem", folder / f"{stem}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    key_file.chmod(0o600)
    return cert_file, key_file


def self_signed(folder: Path, stem: str, names: list[str]) -> tuple[Path, Path]:
    """A certificate nobody vouches for, as most mail servers have."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(names[0], _name(names[0]), key)
        .add_extension(_alternatives(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _write(folder, stem, certificate, key)


def issued(folder: Path, stem: str, names: list[str]) -> tuple[Path, Path, Path]:
    """(certificate, key, authority): a server certificate and the authority that clients trust."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        _builder("conformance authority", _name("conformance authority"), authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(names[0], authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_alternatives(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    authority_file, _ = _write(folder, f"{stem}-authority", authority, authority_key)
    cert_file, key_file = _write(folder, stem, certificate, key)
    return cert_file, key_file, authority_file
