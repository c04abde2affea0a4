"""C2SP checkpoints (c2sp.org/tlog-checkpoint): a signed tree head that anybody can keep."""

from collections.abc import Sequence
from dataclasses import dataclass

from lineage.ledger import hashing, notes, text
from lineage.ledger.errors import BadForm


@dataclass(frozen=True)
class TreeHead:
    """The ledger at one moment: which one, how many entries, their root. `note` is the signed checkpoint it was read from."""

    origin: str
    size: int
    root: bytes
    note: str = ""


def body(head: TreeHead) -> str:
    """The text that is signed."""
    return f"{head.origin}\n{head.size}\n{text.encode(head.root)}\n"


def sign(head: TreeHead, signer: notes.Signer) -> TreeHead:
    """Return the head with its signed checkpoint. Only heads of at least one entry are signed."""
    if head.size < 1:
        raise BadForm("an empty ledger is not signed")
    return TreeHead(head.origin, head.size, head.root, notes.sign(body(head), signer))


def parse(note: str) -> TreeHead:
    """Read a checkpoint without verifying its signature. Raise `BadForm` for another form, size 0, or the root of nothing."""
    lines = notes.split(note)[0].split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise BadForm("a checkpoint has three lines: origin, size, root")
    if len(lines) > 3:
        raise BadForm("this ledger writes no extension lines in its checkpoints")
    head = TreeHead(lines[0], text.number(lines[1]), text.decode(lines[2], size=hashing.SIZE), note)
    if head.size == 0 or head.root == hashing.EMPTY_ROOT:
        raise BadForm("a checkpoint of an empty tree says nothing")
    return head


def verify(note: str, trusted: Sequence[notes.Verifier], *, origin: str) -> TreeHead:
    """Read a checkpoint of `origin` that one of `trusted` signed; raise otherwise."""
    notes.verify(note, trusted)
    head = parse(note)
    if head.origin != origin:
        raise BadForm(f"a checkpoint of {head.origin!r}, expected {origin!r}")
    return head
