"""Sealing with this installation's own key: the key and chain of the ledger's keystore, and what kind of seal that makes."""

from datetime import datetime

from asn1crypto import pem, x509

from governance.publishing import signatures
from governance.publishing.signatures import Credentials, Seal
from lineage.journal import keys

DEVELOPMENT = "development authority"


def seal(pdf: bytes, *, reason: str, at: datetime) -> bytes:
    """Return the PDF under this installation's seal."""
    return signatures.sign(pdf, credentials(), reason=reason, at=at)


def check(pdf: bytes) -> Seal:
    """Return the seal of one of our PDFs; raises `signatures.BrokenSeal` for one that is not ours or was changed."""
    return signatures.validate(pdf, [credentials().chain[-1]])


def credentials() -> Credentials:
    """Return key and chain from the keystore."""
    key, passphrase, chain = keys.pdf_credentials()
    return Credentials(key, passphrase, tuple(chain))


def kind() -> str:
    """Say in a sentence what kind of seal this is, by whom: it stands in the document that carries it."""
    leaf = x509.Certificate.load(pem.unarmor(credentials().chain[0])[2])
    subject, issuer = leaf.subject.human_friendly, leaf.issuer.human_friendly
    who = f"The PDF carries an advanced electronic seal (PAdES baseline B-B, ECDSA P-256) of {subject}, issued by {issuer}."
    if DEVELOPMENT in f"{subject} {issuer}".lower():
        return f"{who} That authority was made by this installation for itself: nobody else has verified the issuer's identity."
    return f"{who} It carries no time stamp of a third party: the time of signing is the issuer's."
