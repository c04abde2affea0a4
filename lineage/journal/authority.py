"""The development authority: a certificate chain that this installation makes for itself to sign PDFs with.

It says what it is in every name. Nobody has checked who holds it, so a PDF reader trusts it only where a person tells it to; a
production installation puts a chain of a real authority in the same files.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lineage.journal import files, keystore

DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
YEARS = {"authority": 10, "leaf": 5}


def chain() -> list[bytes]:
    """The certificates as PEM: the signing one first, then the authority's."""
    path = keystore.folder() / "pdf-chain.pem"
    if not path.exists():
        _make(path)
    end = b"-----END CERTIFICATE-----\n"
    return [each + end for each in path.read_bytes().split(end) if each.strip()]


def _make(path: Path) -> None:
    authority_key, key = keystore.p256("pdf-authority"), keystore.p256("pdf")
    with files.locked(path.parent):
        if path.exists():
            return
        authority = _authority(authority_key)
        leaf = _leaf(key, authority, authority_key)
        files.write(path, leaf.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM), mode=0o600)


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Contract and Consent Ledger development authority")
    return (
        _builder(name, name, key.public_key(), YEARS["authority"])
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    name = _name("Contract and Consent Ledger documents (development authority)")
    return (
        _builder(name, issuer.subject, key.public_key(), YEARS["leaf"])
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, years: int
) -> x509.CertificateBuilder:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(
        hours=1
    )  # a certificate's dates are the machine's, as its readers' are
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * years))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "development authority, identity not verified"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
