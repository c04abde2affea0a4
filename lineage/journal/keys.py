"""What each key may be used for, and the forms in which it signs.

| purpose | kind | signs |
|---|---|---|
| checkpoint | Ed25519 | checkpoints, and the note that endorses the other keys: the one key that people are given as trust anchor |
| permit | Ed25519 | permits and their status list (JWS) |
| statement | Ed25519 | certificates, manifests (DSSE) |
| pdf | P-256, X.509 | PDFs |
| subject, pseudonym | 32-byte secrets | keyed hashes of persons; keyed pseudonyms of a release |
"""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from lineage.journal import authority, keystore
from lineage.ledger import canonical, dsse, notes, text
from lineage.ledger.errors import BadForm, BadSignature

JWS_PURPOSES = ("permit", "statement")
ALGORITHM = "Ed25519"  # RFC 9864


def checkpoint_signer() -> notes.Signer:
    """Signs checkpoints under the ledger's name."""
    return notes.Signer(settings.LEDGER_ORIGIN, keystore.ed25519("checkpoint"))


def checkpoint_verifier() -> notes.Verifier:
    """Its public half; `.vkey` is the trust anchor that people are given."""
    return checkpoint_signer().verifier


def endorsement() -> str:
    """A note signed by the checkpoint key that names every other public key: who trusts the one can trust the others.

    `<origin> keys`, then `<purpose> <thumbprint> <base64 key>` per key, then the digest of the PDF authority's certificate.
    """
    lines = [f"{purpose} {key_id(purpose)} {text.encode(_public(purpose))}" for purpose in JWS_PURPOSES]
    lines.append(f"pdf-authority sha256:{_pdf_authority()}")
    return notes.sign("\n".join([f"{settings.LEDGER_ORIGIN} keys", *lines, ""]), checkpoint_signer())


def public_jwks() -> dict[str, list[dict[str, str]]]:
    """The public keys that verify permits, status lists and statements (RFC 7517)."""
    return {"keys": [_jwk(purpose) for purpose in JWS_PURPOSES]}


def key_id(purpose: str) -> str:
    """The RFC 7638 thumbprint of a purpose's public key: the `kid` of what it signs."""
    return OKPKey.import_key(_private(purpose).public_key()).thumbprint()


def sign_jws(payload: Mapping[str, Any], *, typ: str, purpose: str = "permit") -> str:
    """A compact JWS over the canonical JSON of `payload`, with `alg` Ed25519, `kid` and `typ`."""
    key = _private(purpose)
    signed = f"{_header(key, typ)}.{_base64url(canonical.encode(payload))}"  # RFC 7515, section 5.1
    return f"{signed}.{_base64url(key.sign(signed.encode()))}"


@lru_cache(maxsize=64)
def _header(key: Any, typ: str) -> str:
    """Kept for each key and type: the thumbprint costs more than the signature."""
    header = {"alg": ALGORITHM, "kid": OKPKey.import_key(key.public_key()).thumbprint(), "typ": typ}
    return _base64url(json.dumps(header, separators=(",", ":")).encode())


def _base64url(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def verify_jws(token: str, *, typ: str, purpose: str = "permit") -> dict[str, Any]:
    """The payload of a JWS that `purpose` signed as `typ`; raise `BadSignature` for any other."""
    try:
        found = jws.deserialize_compact(token, OKPKey.import_key(_private(purpose).public_key()), [ALGORITHM])
        header, payload = found.headers(), json.loads(found.payload)
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadSignature("this was not signed here") from None
    if header.get("kid") != key_id(purpose) or header.get("typ") != typ or not isinstance(payload, dict):
        raise BadSignature(f"this is not a {typ} signed here")
    return payload


def sign_dsse(payload_type: str, payload: bytes) -> dict[str, Any]:
    """A DSSE envelope over the very bytes given, signed with the statement key."""
    signature = _private("statement").sign(dsse.pae(payload_type, payload))
    return {
        "payload": text.encode(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": key_id("statement"), "sig": text.encode(signature)}],
    }


def verify_dsse(envelope: Mapping[str, Any]) -> tuple[str, bytes]:
    """The type and bytes that the statement key signed; raise `BadSignature` or `BadForm`."""
    try:
        kind, payload, signatures = envelope["payloadType"], text.decode(envelope["payload"]), envelope["signatures"]
        signature = next(text.decode(each["sig"]) for each in signatures if each.get("keyid") == key_id("statement"))
        message = dsse.pae(kind, payload)
    except (KeyError, TypeError, AttributeError):
        raise BadForm("this is not a DSSE envelope") from None
    except StopIteration:
        raise BadSignature("the statement key has not signed this") from None
    _verify_raw("statement", signature, message)
    return kind, payload


def subject_key() -> bytes:
    """The 32-byte key under which persons' identifiers are hashed."""
    return keystore.secret("subject")


def pseudonym_key(release: str) -> bytes:
    """The 32-byte key for the pseudonyms of one release; those of two releases cannot be joined."""
    return hmac.digest(keystore.secret("pseudonym"), b"pseudonym\x00" + release.encode(), sha256)


def pdf_credentials() -> tuple[bytes, bytes | None, list[bytes]]:
    """What a PDF signer needs: the encrypted PKCS#8 key as PEM, its passphrase, and the certificates as PEM, signing one first."""
    password = keystore.passphrase()
    return keystore.pem(keystore.p256("pdf"), password), password, authority.chain()


def _private(purpose: str) -> Any:
    if purpose not in JWS_PURPOSES:
        raise BadForm(f"the key for {purpose!r} does not sign such things")
    return keystore.ed25519(purpose)


def _public(purpose: str) -> bytes:
    found: bytes = _private(purpose).public_key().public_bytes_raw()
    return found


def _jwk(purpose: str) -> dict[str, str]:
    public = OKPKey.import_key(_private(purpose).public_key()).as_dict()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": str(public["x"]),
        "kid": key_id(purpose),
        "alg": ALGORITHM,
        "use": "sig",
    }


def _verify_raw(purpose: str, signature: bytes, message: bytes) -> None:
    try:
        _private(purpose).public_key().verify(signature, message)
    except InvalidSignature:
        raise BadSignature(f"the signature is not one of the {purpose} key") from None


def _pdf_authority() -> str:
    return x509.load_pem_x509_certificate(authority.chain()[-1]).fingerprint(SHA256()).hex()
