#!/usr/bin/env python3
"""Check a folder of outputs offline: python verify.py FOLDER --key VERIFICATION-KEY [--checkpoint FILE ...]

One file; needs Python 3.12 and `cryptography`, nothing of the product that wrote the folder. Everything chains to the one key that
you give, so get that key from somewhere else than from the folder.

  key -> endorsement of the other keys (signed note) -> manifest (DSSE) -> SHA-256 of every file
  key -> checkpoints (C2SP) -> inclusion proofs (.tlog-proof) -> entry -> salted payload -> SHA-256 of the finished file

Exit code 0: everything holds. 1: something does not. 2: it could not be checked. PDF signatures are left to PDF tools.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.exit("verify.py needs the Python package `cryptography`: pip install cryptography")

MANIFEST = "manifest.json"
MANIFEST_TYPE = "application/vnd.governance.manifest+json"
PROOF_LINE = "c2sp.org/tlog-proof@v1"
EMPTY_ROOT = sha256(b"").digest()
MAX_FILE = 1_000_000_000


class Wrong(Exception):
    """Something is not as it must be."""


@dataclass(frozen=True)
class Key:
    """A named Ed25519 key (c2sp.org/signed-note)."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first bytes of each of its signatures."""
        return sha256(self.name.encode() + b"\n\x01" + self.public).digest()[:4]


@dataclass(frozen=True)
class Head:
    """A tree head and where it was found."""

    where: str
    size: int
    root: bytes


@dataclass
class Trust:
    """What the given key vouches for, as far as the checks have come."""

    key: Key
    endorsed: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # purpose -> key id, public key
    manifest: dict[str, Any] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """One line of the answer. `status`: ok, wrong, or note (nothing vouches for it, and nothing has to)."""

    status: str
    what: str
    detail: str


# Readings: one value has one spelling


def unbase64(value: str, size: int | None = None) -> bytes:
    """Strict base64; every other spelling is refused."""
    found = base64.b64decode(value, validate=True)
    if base64.b64encode(found).decode() != value or (size is not None and len(found) != size):
        raise Wrong("base64 of another form or length than expected")
    return found


def unbase64url(value: str) -> bytes:
    """Strict unpadded base64url (RFC 7515)."""
    found = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != value:
        raise Wrong("base64url of another form than expected")
    return found


def number(value: str) -> int:
    """A plain decimal."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", value, re.ASCII):
        raise Wrong(f"{value[:30]!r} is not a plain number")
    return int(value)


def canonical(content: bytes) -> Any:
    """JSON in its canonical spelling (RFC 8785, as far as it goes without fractions)."""
    found = json.loads(content.decode("utf-8"))
    if json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != content:
        raise Wrong("the JSON is not in its canonical spelling")
    return found


def parse_key(vkey: str) -> Key:
    """`<name>+<key id>+<base64>`."""
    name, key_id, material = vkey.split("+", 2)
    raw = unbase64(material, 33)
    key = Key(name, raw[1:])
    if raw[:1] != b"\x01" or not name or key.key_id.hex() != key_id:
        raise Wrong("not an Ed25519 verification key, or its key id is wrong")
    return key


def signature(public: bytes, value: bytes, message: bytes, whose: str) -> None:
    """Raise unless the signature is right."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(value, message)
    except InvalidSignature:
        raise Wrong(f"the signature of {whose} does not match") from None


def note_text(note: str, key: Key) -> str:
    """The text of a signed note; `key` must have signed it."""
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n") or any(each < " " and each != "\n" for each in note):
        raise Wrong("this is not a signed note")
    hits = 0
    for line in lines[:-1].split("\n"):
        dash, name, value = line.split(" ")
        raw = unbase64(value)
        if dash != "—" or len(raw) < 5:
            raise Wrong("this is not a signature line")
        if (name, raw[:4]) == (key.name, key.key_id):
            signature(key.public, raw[4:], (text + "\n").encode(), key.name)
            hits += 1
    if not hits:
        raise Wrong("the key that you gave has not signed it")
    return text + "\n"


def checkpoint(note: str, key: Key, where: str) -> Head:
    """A signed tree head of the ledger that the key names."""
    origin, size, root, *rest = note_text(note, key).split("\n")
    head = Head(where, number(size), unbase64(root, 32))
    if origin != key.name or rest != [""] or head.size == 0 or head.root == EMPTY_ROOT:
        raise Wrong("this is not a checkpoint of this ledger")
    return head


# The tree (RFC 9162 section 2.1)


def leaf(entry: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree with these leaf hashes."""
    level = list(hashes)
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd
    return level[0]


def check_inclusion(leaf_hash: bytes, index: int, head: Head, path: Sequence[bytes]) -> None:
    """Section 2.1.3.2."""
    if index >= head.size:
        raise Wrong(f"there is no entry {index} among {head.size}")
    position, last, current = index, head.size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise Wrong("the proof is too long")
        if position & 1 or position == last:
            current = node(sibling, current)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            current = node(current, sibling)
        position, last = position >> 1, last >> 1
    if last or current != head.root:
        raise Wrong("the entry is not in the ledger that was signed")


def check_consistency(first: Head, second: Head, path: Sequence[bytes]) -> None:
    """Section 2.1.4.2, for two heads of different size."""
    hashes = list(path) if first.size & first.size - 1 else [first.root, *path]
    position, last = first.size - 1, second.size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise Wrong("the proof is too long")
        if position & 1 or position == last:
            old, new = node(sibling, old), node(sibling, new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = node(new, sibling)
        position, last = position >> 1, last >> 1
    if last or (old, new) != (first.root, second.root):
        raise Wrong(f"the ledger of {first.size} entries is not the beginning of the one of {second.size}")


# The checks


def check_manifest(folder: Path, trust: Trust) -> str:
    """From the given key to the manifest."""
    envelope = canonical((folder / MANIFEST).read_bytes())
    if (
        set(envelope) != {"endorsement", "payload", "payloadType", "signatures"}
        or envelope["payloadType"] != MANIFEST_TYPE
    ):
        raise Wrong("this is not a manifest")
    if envelope["endorsement"].count("\n— ") != 1:
        raise Wrong("the endorsement has more than one signature")
    first, *lines = note_text(envelope["endorsement"], trust.key).split("\n")[:-1]
    if first != f"{trust.key.name} keys":
        raise Wrong("the note in the manifest does not endorse keys")
    for line in lines:
        purpose, key_id, *rest = line.split(" ")
        if rest:
            trust.endorsed[purpose] = key_id, unbase64(rest[0], 32)
    payload = canonical(dsse(envelope, trust))
    if payload["v"] != 1 or payload["origin"] != trust.key.name:
        raise Wrong("the manifest is of another version or another ledger")
    trust.manifest = payload
    return f"signed by the statement key, which {trust.key.name} endorses; names {len(payload['files'])} files"


def dsse(envelope: dict[str, Any], trust: Trust) -> bytes:
    """The bytes that the statement key signed (DSSE v1)."""
    [signed] = envelope["signatures"]
    key_id, public = trust.endorsed["statement"]
    if set(signed) != {"keyid", "sig"} or signed["keyid"] != key_id:
        raise Wrong("it is not signed by the statement key alone")
    kind, payload = envelope["payloadType"].encode(), unbase64(envelope["payload"])
    signature(
        public,
        unbase64(signed["sig"]),
        b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload),
        "the statement key",
    )
    return payload


def check_file(folder: Path, listed: dict[str, Any]) -> str:
    """The bytes of one file."""
    path = folder / listed["name"]
    if not path.is_file():
        raise Wrong("the manifest names it and it is not there")
    content = path.read_bytes()
    if (len(content), sha256(content).hexdigest()) != (listed["size"], listed["sha256"]):
        raise Wrong("its bytes are not those that the manifest names")
    return f"{listed['size']} bytes, SHA-256 {listed['sha256'][:16]}…"


def check_proof(folder: Path, name: str, trust: Trust) -> str:
    """That a finished file stands in the ledger."""
    text = (folder / f"{name}.tlog-proof").read_bytes().decode()
    top, gap, note = text.partition("\n\n")
    first, extra, index, *path = top.split("\n")
    if not gap or first != PROOF_LINE or not extra.startswith("extra ") or not index.startswith("index "):
        raise Wrong("this is not a proof")
    held = {each: unbase64(value) for each, value in canonical(unbase64(extra.removeprefix("extra "))).items()}
    head = checkpoint(note, trust.key, f"{name}.tlog-proof")
    check_inclusion(
        leaf(held["entry"]), number(index.removeprefix("index ")), head, [unbase64(each, 32) for each in path]
    )
    entry = json.loads(held["entry"])
    if len(held["salt"]) != 32 or sha256(held["salt"] + held["payload"]).hexdigest() != entry["commitment"]:
        raise Wrong("the payload is not the one that the entry committed to")
    if json.loads(held["payload"])["sha256"] != sha256((folder / name).read_bytes()).hexdigest():
        raise Wrong("the ledger's entry speaks of a file with another SHA-256")
    trust.heads.append(head)
    return f"entry {index.removeprefix('index ')} ({entry['kind']}, {entry['at']}) of {head.size}"


def check_jwks(folder: Path, trust: Trust) -> str:
    """That the published keys are the endorsed ones."""
    published = {
        each["kid"]: unbase64url(each["x"]) for each in json.loads((folder / "jwks.json").read_bytes())["keys"]
    }
    unknown = published.keys() - {key_id for key_id, _ in trust.endorsed.values()}
    for key_id, public in trust.endorsed.values():
        thumbprint = sha256(
            b'{"crv":"Ed25519","kty":"OKP","x":"%b"}' % base64.urlsafe_b64encode(public).rstrip(b"=")
        ).digest()
        if published.get(key_id) != public or unbase64url(key_id) != thumbprint:
            raise Wrong(f"the key {key_id} is not published as it was endorsed")
    if unknown:
        raise Wrong(f"nothing endorses the key {unknown.pop()}")
    return f"{len(published)} keys, all endorsed"


def check_jws(folder: Path, name: str, trust: Trust) -> str:
    """A permit, against the endorsed permit key (RFC 7515, RFC 9864)."""
    signed, _, value = (folder / name).read_bytes().decode().strip().rpartition(".")
    head, _, body = signed.partition(".")
    header = json.loads(unbase64url(head))
    key_id, public = trust.endorsed["permit"]
    if header.get("alg") != "Ed25519" or header.get("kid") != key_id or "crit" in header:
        raise Wrong("it is not signed with the permit key")
    signature(public, unbase64url(value), signed.encode(), "the permit key")
    trust.heads += find_heads(json.loads(unbase64url(body)), name, trust)
    return f"{header.get('typ', 'JWS')}, signed with the permit key"


def check_statement(folder: Path, name: str, trust: Trust) -> str:
    """A signed statement, such as a certificate of deletion."""
    payload = dsse(json.loads((folder / name).read_bytes()), trust)
    found = json.loads(payload)
    trust.heads += find_heads(found, name, trust)
    return f"{found.get('predicateType', 'statement')}, signed with the statement key"


def find_heads(value: Any, where: str, trust: Trust) -> list[Head]:
    """Every checkpoint of this ledger that stands somewhere inside."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [head for each in value for head in find_heads(each, where, trust)]
    if isinstance(value, str) and value.startswith(f"{trust.key.name}\n") and "\n\n— " in value:
        return [checkpoint(value, trust.key, where)]
    return []


def check_heads(folder: Path, trust: Trust, extra: Sequence[Path]) -> Iterator[tuple[str, Callable[[], str]]]:
    """That all checkpoints are heads of one and the same growing ledger."""
    latest = Head("the manifest", trust.manifest["ledger"]["size"], unbase64(trust.manifest["ledger"]["root"], 32))
    named = {each["name"] for each in trust.manifest["files"]}
    leaves = _leaf_hashes(folder) if "leaf-hashes.bin" in named else []
    sources = [folder / "consistency.json"] if "consistency.json" in named else []
    paths = {sizes: hashes for path in [*sources, *extra] for sizes, hashes in _consistency(path)}
    if leaves:
        yield "leaf-hashes.bin", lambda: _check_leaves(leaves, latest)
    for head in trust.heads:
        yield f"history up to {head.where}", lambda head=head: _check_head(head, latest, leaves, paths)  # type: ignore[misc]


def _check_leaves(leaves: Sequence[bytes], latest: Head) -> str:
    if len(leaves) != latest.size or root_of(leaves) != latest.root:
        raise Wrong("these are not the leaf hashes of the ledger that the manifest names")
    return f"{len(leaves)} leaf hashes give the root that the manifest names"


def _check_head(head: Head, latest: Head, leaves: Sequence[bytes], paths: dict[tuple[int, int], list[bytes]]) -> str:
    first, second = sorted((head, latest), key=lambda each: each.size)
    if head.size == latest.size:
        if head.root != latest.root:
            raise Wrong(f"another root for the same {head.size} entries: the ledger was forked")
    elif head is first and head.size <= len(leaves):
        if root_of(leaves[: head.size]) != head.root:
            raise Wrong(
                f"its {head.size} entries are not the beginning of the ledger of {latest.size}: it was rewritten"
            )
    elif (first.size, second.size) in paths:
        check_consistency(first, second, paths[first.size, second.size])
    else:
        raise Wrong(
            f"nothing here proves that the first {first.size} of {second.size} entries are the same: give --consistency"
        )
    return f"{head.size} entries, one history with the {latest.size} of the manifest"


def _leaf_hashes(folder: Path) -> list[bytes]:
    content = (folder / "leaf-hashes.bin").read_bytes()
    if not content or len(content) % 32:
        raise Wrong("leaf-hashes.bin does not hold hashes of 32 bytes")
    return [content[at : at + 32] for at in range(0, len(content), 32)]


def _consistency(path: Path) -> Iterator[tuple[tuple[int, int], list[bytes]]]:
    for each in json.loads(path.read_bytes())["proofs"]:
        yield (each["first"], each["second"]), [unbase64(value, 32) for value in each["hashes"]]


def checks(folder: Path, trust: Trust, kept: Sequence[Path], extra: Sequence[Path]) -> Iterator[Check]:
    """Every check, in order; what rests on a manifest that does not hold is not looked at."""
    first = attempt(MANIFEST, lambda: check_manifest(folder, trust))
    yield first
    if first.status != "ok":
        return
    listed = trust.manifest["files"]
    names = [each["name"] for each in listed]
    for each in listed:
        yield attempt(each["name"], lambda each=each: check_file(folder, each))  # type: ignore[misc]
    yield attempt("jwks.json", lambda: check_jwks(folder, trust))
    for each in listed:
        if each["proven"]:
            yield attempt(f"{each['name']}.tlog-proof", lambda name=each["name"]: check_proof(folder, name, trust))  # type: ignore[misc]
    for name in names:
        if name.endswith(".jws"):
            yield attempt(name, lambda name=name: check_jws(folder, name, trust))  # type: ignore[misc]
        elif name.endswith(".json") and is_envelope(folder / name):
            yield attempt(name, lambda name=name: check_statement(folder, name, trust))  # type: ignore[misc]
    for path in [folder / "checkpoint.txt", *kept]:
        yield attempt(str(path if path in kept else path.name), lambda path=path: keep(path, trust))  # type: ignore[misc]
    for what, check in attempts(folder, trust, extra):
        yield attempt(what, check)
    for name in sorted({each.name for each in folder.iterdir()} - {MANIFEST, *names}):
        yield Check("note", name, "not named in the manifest: nothing vouches for it")


def attempts(folder: Path, trust: Trust, extra: Sequence[Path]) -> list[tuple[str, Callable[[], str]]]:
    """`check_heads`, where even its preparation may fail."""

    def failed(error: Exception) -> str:
        raise Wrong(str(error))

    try:
        return list(check_heads(folder, trust, extra))
    except Exception as error:
        return [("checkpoints", lambda error=error: failed(error))]  # type: ignore[misc]


def keep(path: Path, trust: Trust) -> str:
    """Read one checkpoint file."""
    head = checkpoint(path.read_bytes().decode(), trust.key, path.name)
    trust.heads.append(head)
    return f"signed by {trust.key.name} over {head.size} entries"


def is_envelope(path: Path) -> bool:
    """Whether this JSON is a DSSE envelope."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"payload", "payloadType", "signatures"} <= found.keys()


def attempt(what: str, check: Callable[[], str]) -> Check:
    """Whatever goes wrong while reading something is wrong with it."""
    try:
        return Check("ok", what, check())
    except Wrong as error:
        return Check("wrong", what, str(error))
    except Exception as error:
        return Check("wrong", what, f"cannot be read: {error} ({type(error).__name__})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, check, print; return the exit code."""
    parser = argparse.ArgumentParser(description="Check a folder of outputs offline.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--key", required=True, help="the verification key, from a source that you trust: <name>+<id>+<base64>"
    )
    parser.add_argument(
        "--checkpoint", action="append", default=[], type=Path, metavar="FILE", help="one that you kept; repeatable"
    )
    parser.add_argument(
        "--consistency", action="append", default=[], type=Path, metavar="FILE", help="further proofs; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    try:
        trust = Trust(parse_key(given.key))
    except (Wrong, ValueError) as error:
        return stop(f"the verification key cannot be used: {error}")
    for path in (given.folder / MANIFEST, *given.checkpoint, *given.consistency):
        if not path.is_file():
            return stop(f"there is no file {path}")
    return report(list(checks(given.folder, trust, given.checkpoint, given.consistency)), as_json=given.json)


def report(found: Sequence[Check], *, as_json: bool) -> int:
    """Print one line for each check and a last one; return the exit code."""
    wrong = [each for each in found if each.status == "wrong"]
    if as_json:
        print(json.dumps({"ok": not wrong, "checks": [asdict(each) for each in found]}, indent=2, ensure_ascii=False))
        return 1 if wrong else 0
    for each in found:
        print(f"{each.status.upper() if each.status == 'wrong' else each.status:5}  {each.what}: {each.detail}")
    print(f"REJECTED: {len(wrong)} of {len(found)} checks failed" if wrong else f"accepted: {len(found)} checks")
    return 1 if wrong else 0


def stop(why: str) -> int:
    """Say why nothing could be checked."""
    print(why, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
