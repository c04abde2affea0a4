"""The file keystore: one PKCS#8 PEM per key, encrypted with `KEYSTORE_PASSPHRASE`, 0600 in a 0700 folder.

Keys are made at first need, under a file lock, so that two processes that start together agree. A 32-byte secret is kept as the
seed of an Ed25519 key: one format and one encryption for everything, and OpenSSL can read it.
"""

from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from lineage.journal import files

type PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def folder() -> Path:
    """The keystore, made if it is not there. Nobody but its owner may enter it."""
    found = Path(settings.KEYSTORE_DIR)
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    if found.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"others may enter the keystore {found}: chmod 700 it")
    return found


def passphrase() -> bytes:
    """What encrypts the files."""
    return str(settings.KEYSTORE_PASSPHRASE).encode()


def ed25519(name: str) -> Ed25519PrivateKey:
    """The Ed25519 key of this name."""
    key = _key(str(settings.KEYSTORE_DIR), name, passphrase(), "ed25519")
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"the key {name} in {folder()} is not an Ed25519 key")
    return key


def p256(name: str) -> ec.EllipticCurvePrivateKey:
    """The ECDSA key of this name on P-256."""
    key = _key(str(settings.KEYSTORE_DIR), name, passphrase(), "p256")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ImproperlyConfigured(f"the key {name} in {folder()} is not a P-256 key")
    return key


def secret(name: str) -> bytes:
    """The 32-byte secret of this name."""
    return ed25519(name).private_bytes_raw()


def pem(key: PrivateKey, password: bytes) -> bytes:
    """The encrypted PKCS#8 form."""
    how = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@lru_cache(maxsize=256)
def _key(home: str, name: str, password: bytes, kind: str) -> PrivateKey:
    """Opened once in a process (decrypting takes milliseconds). `home` is part of the cache's key."""
    path = folder() / f"{name}.pem"
    if not path.exists():
        with files.locked(path.parent):
            if not path.exists():  # another process may have made it while we waited
                files.write(path, pem(_new(kind), password), mode=0o600)
    return _load(path, password)


def _new(kind: str) -> PrivateKey:
    return Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())


def _load(path: Path, password: bytes) -> PrivateKey:
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"others may read the key {path}: chmod 600 it")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password)
    except (ValueError, TypeError):
        raise ImproperlyConfigured(f"the key {path} does not open with KEYSTORE_PASSPHRASE") from None
    if not isinstance(key, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise ImproperlyConfigured(f"the key {path} is of a kind that is not used here")
    return key
