"""Re-checking the whole ledger against an attacker who owns the tables and holds no key.

Leaf hashes are made again from the stored bytes, the tree from the leaf hashes, and every root that was ever signed is compared.
Keyed seals then tell which row was touched. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from itertools import batched
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from lineage.journal import copies, guards, keys, payloads, seals, walking
from lineage.journal.findings import Finding
from lineage.journal.models import Checkpoint, Entry, Head, Leaf, Node, Payload, Pending
from lineage.ledger import checkpoints, commitments, entries, hashing, tiles
from lineage.ledger.checkpoints import TreeHead
from lineage.ledger.errors import LedgerError

CHUNK = 2_000


def check_ledger(outside: Sequence[Path] = ()) -> Iterator[Finding]:
    """Yield what is wrong, and at the end one finding that counts what was looked at. `outside`: checkpoints kept elsewhere."""
    copied, bad_copies = _outside([*copies.all_paths(), *outside])
    yield from bad_copies
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            _freeze()
        yield from _check(copied)


def _check(copied: Sequence[TreeHead]) -> Iterator[Finding]:
    signed, bad = _stored_checkpoints()
    yield from bad
    walk = walking.Walk({head.size for head in [*signed, *copied]})
    yield from _check_entries(walk)
    yield from _check_strays(walk)
    yield from _check_roots(walk, signed, "checkpoint")
    yield from _check_roots(walk, copied, "checkpoint kept outside")
    yield from _check_nodes(walk)
    yield from _check_head(walk, signed)
    yield from guards.check()
    yield Finding(
        "ledger", f"{walk.size} entries, {len(signed)} checkpoints and {len(copied)} kept outside were read", ok=True
    )


def _check_entries(walk: walking.Walk) -> Iterator[Finding]:
    erased: dict[str, int] = {}
    missing: dict[str, int] = {}
    for leaves in batched(Leaf.objects.order_by("index").iterator(CHUNK), CHUNK):
        refs = [leaf.entry_ref for leaf in leaves]
        rows, held = Entry.objects.in_bulk(refs, field_name="ref"), Payload.objects.in_bulk(refs)
        for leaf in leaves:
            yield from walk.step(leaf)
            entry = rows.get(leaf.entry_ref)
            yield from _check_leaf(leaf, entry)
            if entry is None:
                continue
            yield from _check_entry(leaf.index, entry)
            if entry.kind == payloads.ERASED:
                erased |= dict.fromkeys(entry.about, leaf.index)
            if entry.ref in held:
                yield from _check_payload(leaf.index, entry, held[entry.ref])
            else:
                missing[entry.ref] = leaf.index
    yield from _check_missing(missing, erased)


def _check_leaf(leaf: Leaf, entry: Entry | None) -> Iterator[Finding]:
    where = _name(leaf.index, leaf.entry_ref)
    if not seals.matches(bytes(leaf.seal), seals.leaf(leaf.index, leaf.entry_ref, bytes(leaf.hash))):
        yield Finding(
            where, "its place in the ledger was changed, swapped or inserted by somebody who is not this service"
        )
    if entry is None:
        yield Finding(where, "the entry was deleted")
    elif hashing.leaf(bytes(entry.body)) != bytes(leaf.hash):
        yield Finding(where, "the entry's bytes are not those that were hashed: it was changed or swapped")


def _check_entry(index: int, entry: Entry) -> Iterator[Finding]:
    where, body = _name(index, entry.ref), bytes(entry.body)
    if not seals.matches(bytes(entry.seal), seals.entry(body)):
        yield Finding(where, "the entry was changed or inserted by somebody who is not this service")
    try:
        said = entries.parse(body)
    except LedgerError as error:
        yield Finding(where, f"the entry's bytes cannot be read: {error}")
        return
    rewritten = entries.write(
        ref=entry.ref, kind=entry.kind, by=entry.by, at=entry.at, about=tuple(entry.about), commitment=said.commitment
    )
    if rewritten != body:
        yield Finding(where, f"the entry's columns say something else than its bytes ({_different(entry, said)})")


def _different(entry: Entry, said: entries.Statement) -> str:
    names = [name for name in ("ref", "kind", "by") if getattr(entry, name) != getattr(said, name)]
    names += ["about"] if tuple(entry.about) != said.about else []
    return ", ".join(names) or "at"


def _check_payload(index: int, entry: Entry, payload: Payload) -> Iterator[Finding]:
    try:
        commitments.verify(entries.parse(bytes(entry.body)).commitment, bytes(payload.salt), bytes(payload.body))
    except LedgerError as error:
        yield Finding(_name(index, entry.ref), f"its payload was changed or swapped: {error}")


def _check_missing(missing: dict[str, int], erased: dict[str, int]) -> Iterator[Finding]:
    for ref, index in missing.items():
        if ref not in erased:
            yield Finding(_name(index, ref), "its payload is gone, and no entry says that it was erased")
    for ref in erased.keys() - missing.keys():
        yield Finding(f"entry {ref}", f"its payload is there, although entry {erased[ref]} says that it was erased")


def _check_strays(walk: walking.Walk) -> Iterator[Finding]:
    """Rows that hang on nothing. What waits in the outbox has no place yet, and must bear our seal."""
    placed = Leaf.objects.values("entry_ref")
    waiting = set(Pending.objects.values_list("entry_ref", flat=True))
    for entry in Entry.objects.exclude(ref__in=placed).order_by("id").iterator(CHUNK):
        if not seals.matches(bytes(entry.seal), seals.entry(bytes(entry.body))):
            yield Finding(f"entry {entry.ref}", "the entry was inserted by somebody who is not this service")
        elif entry.ref not in waiting:
            yield Finding(
                f"entry {entry.ref}", "the entry has lost its place in the ledger: leaf or outbox row was deleted"
            )
    for ref in Payload.objects.exclude(entry_ref__in=Entry.objects.values("ref")).values_list("entry_ref", flat=True):
        yield Finding(f"payload of {ref}", "it belongs to no entry: the entry was deleted, or the payload inserted")
    for ref in Pending.objects.exclude(entry_ref__in=Entry.objects.values("ref")).values_list("entry_ref", flat=True):
        yield Finding(f"entry {ref}", "it waits in the outbox and is not there: the entry was deleted")
    for ref in Pending.objects.filter(entry_ref__in=placed).values_list("entry_ref", flat=True):
        yield Finding(f"entry {ref}", "it waits in the outbox although it has its place")


def _stored_checkpoints() -> tuple[list[TreeHead], list[Finding]]:
    found, bad, previous = [], [], 0
    for row in Checkpoint.objects.order_by("size").iterator(CHUNK):
        where = f"checkpoint at {row.size}"
        try:
            head = checkpoints.verify(row.note, [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN)
            found.append(head)
            if (head.size, head.root) != (row.size, bytes(row.root)):
                bad.append(Finding(where, "the row says something else than the checkpoint it holds"))
        except LedgerError as error:
            bad.append(Finding(where, f"it cannot be believed: {error}"))
        if not seals.matches(bytes(row.seal), seals.checkpoint(row.previous, row.note)):
            bad.append(Finding(where, "it was changed or inserted by somebody who is not this service"))
        elif row.previous != previous:
            bad.append(Finding(where, f"the checkpoint at {row.previous}, which came before it, was deleted"))
        previous = row.size
    return found, bad


def _outside(paths: Sequence[Path]) -> tuple[list[TreeHead], list[Finding]]:
    found, bad = [], []
    for path in paths:
        try:
            note = path.read_bytes().decode()
            found.append(checkpoints.verify(note, [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN))
        except (OSError, UnicodeDecodeError, LedgerError) as error:
            bad.append(Finding(f"checkpoint in {path.name}", f"it cannot be believed: {error}"))
    return found, bad


def _check_roots(walk: walking.Walk, heads: Sequence[TreeHead], what: str) -> Iterator[Finding]:
    """Compare with every signed root. The first that differs says between which entries to look; later ones follow from it."""
    good = 0
    for head in sorted(heads, key=lambda each: each.size):
        if head.size > walk.size:
            yield Finding(
                f"{what} at {head.size}",
                f"{head.size} entries were signed and {walk.size} are there: the end was cut off",
            )
            return
        if walk.roots[head.size] != head.root:
            span = f"entry {good}" if head.size - good == 1 else f"one of the entries {good} to {head.size - 1}"
            yield Finding(f"{what} at {head.size}", f"the entries are not those that were signed: {span} was changed")
            return
        good = head.size


def _check_nodes(walk: walking.Walk) -> Iterator[Finding]:
    expected = dict(walk.nodes)
    for level, index, value in Node.objects.order_by("id").values_list("level", "index", "hash").iterator(CHUNK):
        wanted = expected.pop((level, index), None)
        if wanted is None:
            yield Finding(f"tile hash {level}/{index}", "it was inserted: the tree has none there")
        elif wanted != bytes(value):
            yield Finding(f"tile hash {level}/{index}", "it is not the hash of the tile below it")
    for level, index in expected:
        yield Finding(f"tile hash {level}/{index}", f"it was deleted (root of the {tiles.WIDTH} hashes below)")


def _check_head(walk: walking.Walk, signed: Sequence[TreeHead]) -> Iterator[Finding]:
    head, last = Head.objects.first(), signed[-1] if signed else None
    size = head.size if head else 0
    if head and (size, bytes(head.root), bytes(head.frontier)) != (
        walk.size,
        walk.frontier.root(),
        walk.frontier.pack(),
    ):
        yield Finding(
            "head", f"the head stands at {size} entries and is not the head of the {walk.size} that are there"
        )
    if not head and (last or walk.size):
        yield Finding("head", "the head of the ledger was deleted")
    if (last.size if last else 0) != size:
        yield Finding("head", f"the head stands at {size} entries, the last checkpoint at {last.size if last else 0}")


def _name(index: int, ref: str) -> str:
    return f"entry {index} ({ref})"


def _freeze() -> None:
    """One picture of all tables, so that a sequencer at work does not look like a forger."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
