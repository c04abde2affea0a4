"""Keys: made once, readable by nobody else, used for one purpose each."""

import json
import stat
import threading
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID
from django.core.exceptions import ImproperlyConfigured

from lineage.journal import authority, keys, keystore
from lineage.ledger import notes, text
from lineage.ledger.errors import BadForm, BadSignature


@pytest.fixture
def store(settings, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    settings.KEYSTORE_DIR = tmp_path / "fresh"
    return tmp_path / "fresh"


def test_key_files_are_encrypted_and_for_their_owner_only(store: Path) -> None:
    keys.pdf_credentials()
    keys.checkpoint_signer()
    keys.subject_key()
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    for path in store.glob("*.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        if path.name != "pdf-chain.pem":
            assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()


def test_two_that_start_together_agree_on_the_keys(store: Path) -> None:
    found: list[bytes] = []
    starting = threading.Barrier(8)

    def start() -> None:
        starting.wait()
        keystore._key.cache_clear()
        found.append(keystore.secret("race"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    [each.start() for each in threads]
    [each.join() for each in threads]
    assert len(found) == 8 and len(set(found)) == 1


def test_a_wrong_passphrase_and_open_permissions_are_named(store: Path, settings) -> None:  # type: ignore[no-untyped-def]
    keys.checkpoint_signer()
    settings.KEYSTORE_PASSPHRASE = "another passphrase altogether"
    with pytest.raises(ImproperlyConfigured, match="KEYSTORE_PASSPHRASE"):
        keys.checkpoint_signer()
    store.chmod(0o755)
    keystore._key.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="chmod 700"):
        keys.checkpoint_signer()


def test_the_passphrase_never_stands_in_the_store(store: Path, settings) -> None:  # type: ignore[no-untyped-def]
    keys.pdf_credentials()
    assert not any(str(settings.KEYSTORE_PASSPHRASE).encode() in path.read_bytes() for path in store.iterdir())


def test_a_jws_is_verified_by_joserfc_with_the_published_keys() -> None:
    from joserfc import jws
    from joserfc.jwk import KeySet

    token = keys.sign_jws({"ref": "prm_1"}, typ="permit+jwt")
    found = jws.deserialize_compact(token, KeySet.import_key_set(keys.public_jwks()), algorithms=["Ed25519"])
    assert found.headers() == {"alg": "Ed25519", "kid": keys.key_id("permit"), "typ": "permit+jwt"}
    assert json.loads(found.payload) == {"ref": "prm_1"} == keys.verify_jws(token, typ="permit+jwt")


def test_a_jws_of_another_type_purpose_or_algorithm_is_refused() -> None:
    token = keys.sign_jws({"ref": "prm_1"}, typ="permit+jwt")
    with pytest.raises(BadSignature):
        keys.verify_jws(token, typ="statuslist+jwt")
    with pytest.raises(BadSignature):
        keys.verify_jws(token, typ="permit+jwt", purpose="statement")
    none = "eyJhbGciOiJub25lIn0." + token.split(".")[1] + "."
    for bad in (none, token[:-4] + "AAAA", "", "a.b.c", "é.é.é", token + ".x"):
        with pytest.raises(BadSignature):
            keys.verify_jws(bad, typ="permit+jwt")
    with pytest.raises(BadForm):
        keys.sign_jws({}, typ="x", purpose="checkpoint")


def test_a_dsse_envelope_is_verified_by_securesystemslib() -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    envelope = keys.sign_dsse("application/vnd.in-toto+json", b'{"a":1}')
    assert keys.verify_dsse(envelope) == ("application/vnd.in-toto+json", b'{"a":1}')
    jwk = next(each for each in keys.public_jwks()["keys"] if each["kid"] == keys.key_id("statement"))
    public = b64decode(jwk["x"] + "=", altchars=b"-_")
    key = SSlibKey(jwk["kid"], "ed25519", "ed25519", {"public": public.hex()})
    assert Envelope.from_dict(envelope).verify([key], 1)


def test_an_envelope_of_another_type_or_signer_is_refused() -> None:
    envelope = keys.sign_dsse("application/vnd.in-toto+json", b"{}")
    with pytest.raises(BadSignature):
        keys.verify_dsse(envelope | {"payloadType": "application/x"})
    with pytest.raises(BadSignature):
        keys.verify_dsse(envelope | {"signatures": []})
    for bad in ({}, envelope | {"payload": "!"}, envelope | {"signatures": [1]}, envelope | {"payloadType": 1}):
        with pytest.raises((BadForm, BadSignature)):
            keys.verify_dsse(bad)


def test_the_checkpoint_key_endorses_every_published_key() -> None:
    body = notes.verify(keys.endorsement(), [keys.checkpoint_verifier()])
    for purpose in keys.JWS_PURPOSES:
        assert f"\n{purpose} {keys.key_id(purpose)} " in body
    assert "\npdf-authority sha256:" in body


def test_an_endorsement_is_no_checkpoint() -> None:
    from lineage.ledger import checkpoints

    with pytest.raises(BadForm):
        checkpoints.verify(keys.endorsement(), [keys.checkpoint_verifier()], origin=keys.checkpoint_verifier().name)


def test_the_pdf_chain_says_that_it_is_a_development_authority() -> None:
    key_pem, password, chain = keys.pdf_credentials()
    leaf, issuer = (x509.load_pem_x509_certificate(each) for each in chain)
    leaf.verify_directly_issued_by(issuer)
    key = serialization.load_pem_private_key(key_pem, password)
    assert isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    assert leaf.public_key() == key.public_key()
    usage = leaf.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert list(usage) == [authority.DOCUMENT_SIGNING]  # type: ignore[call-overload]
    for certificate in (leaf, issuer):
        assert "development authority" in certificate.subject.rfc4514_string()


def test_purposes_do_not_share_keys() -> None:
    seeds = [keystore.secret(name) for name in ("checkpoint", "permit", "statement", "subject", "pseudonym", "seal")]
    assert len(set(seeds)) == len(seeds)
    assert keys.pseudonym_key("rls_1") != keys.pseudonym_key("rls_2") and len(keys.pseudonym_key("rls_1")) == 32
    assert keys.subject_key() == keys.subject_key() and len(keys.subject_key()) == 32


def test_the_trust_anchor_is_a_c2sp_verifier_key() -> None:
    vkey = keys.checkpoint_verifier().vkey
    assert notes.Verifier.parse(vkey) == keys.checkpoint_verifier()
    assert len(text.decode(vkey.split("+", 2)[2])) == 33


@pytest.mark.parametrize(
    ("name", "value"), [("LEDGER_ORIGIN", "with space"), ("LEDGER_ORIGIN", "a+b"), ("KEYSTORE_PASSPHRASE", "short")]
)
def test_a_setting_that_cannot_work_is_found_at_start(settings, name: str, value: str) -> None:  # type: ignore[no-untyped-def]
    from lineage.journal import checks

    assert checks.check() == []
    setattr(settings, name, value)
    assert len(checks.check()) == 1
