"""One sequencer at a time gives indices to what was recorded, extends the tree, signs it and moves the head.

Everything up to the commit is one database transaction, so a crash before it leaves the outbox as it was and nothing signed that
anybody has seen. The copy outside the database follows the commit.

Who sequences is a setting. `inline`: whoever committed an entry, at once. `background`: `manage.py sequence`, in batches; a commit
then costs no signature. Should that process be dead, entries wait in the outbox, durable and in order; whoever records the next
entry sees the age of the oldest and sequences inline until the process is back, and `/health/ready` tells.
"""

import logging
import time

from django.conf import settings
from django.db import connection, transaction

from lineage import errors
from lineage.journal import clock, copies, keys, seals, stored
from lineage.journal.models import Checkpoint, Head, Pending
from lineage.ledger import checkpoints, hashing, tree
from lineage.ledger.checkpoints import TreeHead
from lineage.ledger.errors import LedgerError
from lineage.ledger.frontier import Frontier

log = logging.getLogger(__name__)
LOCK = 0x6C65_6467_6572  # "ledger"; advisory locks are per database
BATCH = 10_000
WATCH_EVERY = 1.0  # seconds between two looks of one process at how long entries have been waiting
_looked = {"at": float("-inf")}


class LedgerHeld(errors.Conflict):
    """The ledger refuses to sign: what is stored contradicts what was signed before."""

    code = "ledger-held"


def run() -> TreeHead:
    """Give an index to every committed entry and return the signed head; waits for another sequencer that is at work.

    Raise `LedgerHeld` where the stored head contradicts an earlier checkpoint. Must not be called inside a transaction: a head
    that was signed and then rolled back would be a fork.
    """
    last = Pending.objects.order_by("-id").values_list("id", flat=True).first()
    while _batch(wait=True) and last is not None and Pending.objects.filter(id__lte=last).exists():
        pass  # what others commit meanwhile is not waited for: under load that would never end
    return head() or TreeHead(settings.LEDGER_ORIGIN, 0, hashing.EMPTY_ROOT)


def batch() -> bool:
    """Sequence one batch of what waits, if anything does; return whether something did. What the background process does in turn."""
    return _waiting() and _batch(wait=True)


def nudge() -> None:
    """The same after a commit, unless somebody is at it already. Whoever holds the lock looks again after letting it go, so that
    an entry committed meanwhile is never left lying."""
    while _batch(wait=False) and _waiting():
        pass


def watch() -> None:
    """After a commit, where a process of its own sequences: see at times that it does, and do its work while it does not."""
    if time.monotonic() - _looked["at"] < WATCH_EVERY:
        return
    _looked["at"] = time.monotonic()
    waited = waiting_seconds()
    if waited > settings.SEQUENCER_PATIENCE_SECONDS:
        log.warning("entries have been waiting for %.0f s: is `manage.py sequence` running? Sequencing here", waited)
        nudge()


def waiting_seconds() -> float:
    """How long the first entry of the outbox has been waiting for its index; 0 where none waits."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        row = cursor.fetchone()
    return max(0.0, float(row[0])) if row else 0.0


_OLDEST = """SELECT extract(epoch FROM clock_timestamp() - e.at) FROM journal_pending p
JOIN journal_entry e ON e.ref = p.entry_ref ORDER BY p.id LIMIT 1"""


def head() -> TreeHead | None:
    """The last signed head with its checkpoint in `note`; None before the first."""
    row = Checkpoint.objects.order_by("-size").first()
    return TreeHead(settings.LEDGER_ORIGIN, row.size, bytes(row.root), row.note) if row else None


def _waiting() -> bool:
    return Pending.objects.exists()


def _batch(*, wait: bool) -> bool:
    """One round; return False where another sequencer holds the lock."""
    with transaction.atomic(durable=True):
        if not _lock(wait=wait):
            return False
        row = _head_row()
        _check_copy(row)
        signed = _sequence(row)
        # A crash before this commit: nothing happened. The signature existed in memory only.
    # A crash here: the head is ahead of its copy. The next round finds the copy to be an earlier head of this tree and renews it.
    if signed:
        copies.write(signed.note)
    return True


def _sequence(row: Head) -> TreeHead | None:
    """Take what waits out of the outbox, append it and sign; return None when nothing waited and the copy is up to date."""
    taken = _take()
    if not taken:
        return _uncopied(row)
    frontier = Frontier.unpack(row.size, bytes(row.frontier))
    if frontier.root() != bytes(row.root):
        raise LedgerHeld("the stored head contradicts itself", remedy="run manage.py verify")
    leaves = [(ref, hashing.leaf(body)) for ref, body in taken]
    # A crash from here to the commit: indices, tree and head roll back together with the emptied outbox.
    stored.append(leaves, frontier.extend(each for _, each in leaves))
    unsigned = TreeHead(settings.LEDGER_ORIGIN, frontier.size, frontier.root())
    signed = checkpoints.sign(unsigned, keys.checkpoint_signer())
    _keep(signed, previous=row.size)
    _swap(row, frontier)
    return signed


def _keep(signed: TreeHead, *, previous: int) -> None:
    seal = seals.checkpoint(previous, signed.note)
    Checkpoint.objects.create(
        size=signed.size, root=signed.root, note=signed.note, at=clock.now(), previous=previous, seal=seal
    )


def _lock(*, wait: bool) -> bool:
    name = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name}(%s)", [LOCK])
        return wait or bool(cursor.fetchone()[0])


def _take() -> list[tuple[str, bytes]]:
    """Empty (a batch of) the outbox; entry references and bytes in the order in which they were recorded."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [BATCH])
        found = cursor.fetchall()
    for ref, body, seal in found:
        if body is None:
            raise LedgerHeld(f"entry {ref} was recorded and is gone", remedy="run manage.py verify")
        if not seals.matches(bytes(seal), seals.entry(bytes(body))):
            raise LedgerHeld(f"entry {ref} is not as this service recorded it", remedy="run manage.py verify")
    return [(ref, bytes(body)) for ref, body, _ in found]


_TAKEN = """WITH first AS (SELECT id FROM journal_pending ORDER BY id LIMIT %s),
taken AS (DELETE FROM journal_pending p USING first WHERE p.id = first.id RETURNING p.id, p.entry_ref)
SELECT t.entry_ref, e.body, e.seal FROM taken t LEFT JOIN journal_entry e ON e.ref = t.entry_ref ORDER BY t.id"""


def _head_row() -> Head:
    Head.objects.bulk_create([Head(id=1, size=0, root=hashing.EMPTY_ROOT, frontier=b"")], ignore_conflicts=True)
    return Head.objects.get(id=1)


def _swap(row: Head, frontier: Frontier) -> None:
    """Move the head from where we found it. Whoever comes second would fork the ledger and is rolled back instead."""
    moved = Head.objects.filter(id=1, size=row.size, root=row.root).update(
        size=frontier.size, root=frontier.root(), frontier=frontier.pack()
    )
    if moved != 1:
        raise LedgerHeld(
            "somebody else moved the head of the ledger", remedy="try again; if it stays so, run manage.py verify"
        )


def _uncopied(row: Head) -> TreeHead | None:
    """The present head, if its copy outside has not been written yet."""
    present = head()
    if present is None or present.size != row.size:
        return None
    copy = copies.read()
    return present if copy is None or copy.size < present.size else None


def _check_copy(row: Head) -> None:
    """Refuse to go on from a head that is smaller than, or different from, the one that was copied outside the database."""
    try:
        copy = copies.read()
    except LedgerError as error:
        raise LedgerHeld(
            f"the checkpoint kept outside the database cannot be believed: {error}", remedy=_REMEDY
        ) from None
    if copy is None:
        return _accept_missing(row)
    if copy.size > row.size:
        raise LedgerHeld(
            f"the ledger has {row.size} entries, but {copy.size} were signed: some were lost", remedy=_REMEDY
        )
    root = bytes(row.root) if copy.size == row.size else tree.root(copy.size, stored.nodes(row.size))
    if root != copy.root:
        raise LedgerHeld(f"the first {copy.size} entries of the ledger are not those that were signed", remedy=_REMEDY)


def _accept_missing(row: Head) -> None:
    if row.size:
        log.warning(
            "no checkpoint is kept in %s although the ledger has %d entries; writing one", copies.path(), row.size
        )


# `manage.py ledger recover`, which records the loss, does not exist yet: until then a person restores the newer database.
_REMEDY = (
    "run manage.py verify and restore the database that was signed; recording a loss and going on is not built yet"
)
