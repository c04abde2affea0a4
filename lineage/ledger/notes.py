"""C2SP signed notes (c2sp.org/signed-note) with Ed25519 signatures, and verifier keys in their text form."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lineage.ledger import text
from lineage.ledger.errors import BadForm, BadSignature

ED25519 = b"\x01"
MAX_SIGNATURES = 64
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Verifier:
    """A named public key."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if (
            not self.name
            or "+" in self.name
            or any(each.isspace() for each in self.name)
            or not self.name.isprintable()
        ):
            raise BadForm("a key's name has no spaces and no plus sign")
        if len(self.public) != 32:
            raise BadForm("an Ed25519 public key has 32 bytes")

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Read `<name>+<hex key id>+<base64 of type and key>`; raise `BadForm` for anything else, or a wrong key id."""
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise BadForm("a verifier key is <name>+<key id>+<base64 key>")
        material = text.decode(parts[2], size=33)
        if material[:1] != ED25519:
            raise BadForm("only Ed25519 verifier keys (type 1) are known here")
        found = cls(parts[0], material[1:])
        if found.key_id.hex() != parts[1]:
            raise BadForm("the key id does not belong to this name and key")
        return found

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys apart; not a fingerprint."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The text form that people pass on."""
        return f"{self.name}+{self.key_id.hex()}+{text.encode(ED25519 + self.public)}"

    def verify(self, body: str, signature: bytes) -> None:
        """Raise `BadSignature` unless `signature` is this key's over `body`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, body.encode())
        except (InvalidSignature, ValueError):
            raise BadSignature(f"the signature of {self.name} does not match the text") from None


@dataclass(frozen=True)
class Signer:
    """A named private key."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """Its public half."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    def line(self, body: str) -> str:
        """The signature line for `body`."""
        return f"— {self.name} {text.encode(self.verifier.key_id + self.private.sign(body.encode()))}\n"


def sign(body: str, signer: Signer) -> str:
    """Return the note: `body` (which ends in a newline), an empty line, one signature line."""
    _check_text(body)
    if not body.endswith("\n"):
        raise BadForm("the text of a note ends in a newline")
    return f"{body}\n{signer.line(body)}"


def split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Take a note apart into its text and its signatures `(name, key id, signature)`; nothing is verified yet."""
    _check_text(note)
    body, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise BadForm("a note has a text, an empty line and signature lines that end in a newline")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise BadForm(f"a note with more than {MAX_SIGNATURES} signatures is not read")
    return body + "\n", [_signature(line) for line in signatures]


def verify(note: str, trusted: Sequence[Verifier]) -> str:
    """Return the text of `note`. Raise `BadSignature` unless a trusted key signed it, or where a trusted key's signature is wrong."""
    body, signatures = split(note)
    known = {(each.name, each.key_id): each for each in trusted}
    hits = [(known[name, key_id], signature) for name, key_id, signature in signatures if (name, key_id) in known]
    if not hits:
        raise BadSignature("no signature of a key that is trusted here")
    for verifier, signature in hits:
        verifier.verify(body, signature)
    return body


def _signature(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not parts[1] or "+" in parts[1]:
        raise BadForm("a signature line is: dash, key name, base64")
    value = text.decode(parts[2])
    if len(value) < 5:
        raise BadForm("a signature is longer than its key id")
    return parts[1], value[:4], value[4:]


def _check_text(value: str) -> None:
    if len(value) > MAX_BYTES:
        raise BadForm("the note is too long")
    if any(each < " " and each != "\n" for each in value):
        raise BadForm("a note has no control characters but newlines")
