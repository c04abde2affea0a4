"""Recording and reading entries. `record` is the only way in, and it stands in the transaction of what it records."""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model

from lineage import errors, refs
from lineage import rows as rows_of
from lineage.journal import clock, outbox, seals, sequencer
from lineage.journal.models import Entry, Leaf, Payload
from lineage.ledger import canonical, commitments, hashing, text
from lineage.ledger import entries as ledger_entries
from lineage.ledger.errors import BadForm
from lineage.rows import Part


class OutsideTransaction(RuntimeError):
    """A bug of the caller: the entry would commit without what it records, or the other way round."""


class UnfitEntry(errors.Unprocessable):
    """An entry that may not stand in the ledger as it is; the message says what in it is more than an identifier."""

    code = "unfit-entry"


@dataclass(frozen=True)
class Draft:
    """One entry to be recorded: `payload` as a mapping (made canonical) or as the very bytes; `about` holds references only."""

    kind: str
    payload: Mapping[str, object] | bytes
    about: Sequence[str] = ()


def record(kind: str, payload: Mapping[str, object] | bytes, *, by: str, about: Sequence[str] = ()) -> Entry:
    """Record one entry in the caller's transaction and return it; it has no index until a sequencer comes by.

    `by` and `about` are opaque references (`user:usr_…`, `cus_…`): they stay for ever and are read by every auditor. What may have
    to be erased one day belongs into `payload`, of which the entry holds a salted commitment only.
    Raise `OutsideTransaction` without a transaction, `UnfitEntry` for a reference that may be more than an identifier.
    """
    return record_many([Draft(kind, payload, about)], by=by)[0]


def record_many(drafts: Sequence[Draft], *, by: str) -> list[Entry]:
    """The same for many entries of one actor, in their order, with one statement in all."""
    waiting = _TOGETHER.get()
    if waiting is None and not connection.in_atomic_block:
        raise OutsideTransaction("entries are recorded inside transaction.atomic(), together with what they record")
    at = waiting.at if waiting else clock.now()
    rows = [_rows(draft, by=by, at=at) for draft in drafts]
    if waiting:
        waiting.rows += rows
    else:
        outbox.write(rows)
        sequence_after_commit()
    return [entry for entry, _ in rows]


def store(row: Model, *, once: bool = False) -> None:
    """Insert a new row beside the entries that tell of it: in their statement where one is collected (`together`), else at once.

    `once`: where the row is there already, nothing happens. It is in the database when the block has ended.
    """
    waiting, part = _TOGETHER.get(), rows_of.insert(row, once=once)
    if waiting:
        waiting.beside.append((row, part))
    else:
        outbox.write((), beside=[part])
        rows_of.written(row)


@dataclass
class _Together:
    at: datetime
    rows: list[outbox.Row] = field(default_factory=list)
    beside: list[tuple[Model, Part]] = field(default_factory=list)
    written_at: datetime | None = None


_TOGETHER: ContextVar[_Together | None] = ContextVar("together", default=None)


@contextmanager
def together(*, at: datetime) -> Iterator[_Together]:
    """Write what the block records and stores in one statement at its end: for verbs that are called very often.

    In a transaction it commits with it; outside of one it is a transaction of its own, and the block may do nothing but read: whatever
    else it wrote would be committed without its entries (`OutsideTransaction`). `at` is the database's clock as it was just read;
    afterwards `written_at` is that of the statement. An error in the block, and nothing is written.
    """
    if _TOGETHER.get() is not None:
        raise RuntimeError("what is written together is one statement: there is none inside it")
    waiting = _Together(at)
    token = _TOGETHER.set(waiting)
    try:
        with nullcontext() if connection.in_atomic_block else connection.execute_wrapper(_reading):
            yield waiting
    finally:
        _TOGETHER.reset(token)
    waiting.written_at = outbox.write(waiting.rows, beside=[part for _, part in waiting.beside])
    for row, _ in waiting.beside:
        rows_of.written(row)
    if waiting.rows:
        sequence_after_commit()


def _reading(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    if not str(sql).lstrip().upper().startswith("SELECT"):
        raise OutsideTransaction("outside of a transaction only `record` and `store` write in this block")
    return execute(sql, params, many, context)


def record_file(kind: str, name: str, sha256: str, *, by: str, about: Sequence[str] = (), **facts: object) -> Entry:
    """Record a finished file by its name and SHA-256 (hex), with whatever else shall be said of it; see `proofs.write_proof_file`."""
    if not ledger_entries.COMMITMENT.fullmatch(sha256):
        raise UnfitEntry("a file is recorded by the SHA-256 of its bytes in lower-case hex", where="sha256")
    return record(kind, {"file": name, "sha256": sha256, **facts}, by=by, about=about)


def read(ref: str) -> Entry:
    """The entry of this reference; raise `NotFound`."""
    entry = Entry.objects.filter(ref=ref).first()
    if entry is None:
        raise errors.NotFound("no such entry in the ledger", where="ref")
    return entry


def at_index(index: int) -> Entry:
    """The entry at this place of the ledger, counted from 0; raise `NotFound`."""
    leaf = Leaf.objects.filter(index=index).first() if index < 1 << 63 else None
    if leaf is None:
        raise errors.NotFound(f"the ledger has no entry {index}", where="index")
    return read(leaf.entry_ref)


def payload(entry: Entry) -> bytes | None:
    """The bytes that `entry` committed to; None when they were erased."""
    row = Payload.objects.filter(entry_ref=entry.ref).first()
    return bytes(row.body) if row else None


def feed(after: int, limit: int) -> list[tuple[int, Entry]]:
    """At most `limit` entries from index `after` on, each with the cursor to go on from (its index + 1). Begin with 0.

    The order is that of the ledger. Indices are given after commit, so nothing can appear behind a cursor that has gone by; an
    entry recorded a moment ago is here as soon as `sequencer.run()` has been by.
    """
    leaves = list(Leaf.objects.filter(index__gte=after).order_by("index")[:limit])
    found = Entry.objects.in_bulk([leaf.entry_ref for leaf in leaves], field_name="ref")
    missing = next((leaf for leaf in leaves if leaf.entry_ref not in found), None)
    if missing is not None:
        raise errors.Conflict(
            f"entry {missing.index} of the ledger is missing", code="ledger-damaged", remedy="run manage.py verify"
        )
    return [(leaf.index + 1, found[leaf.entry_ref]) for leaf in leaves]


def between(first: int, end: int, *, leaving_out: Collection[str]) -> list[tuple[int, Entry]]:
    """Entries of the ledger from index `first` up to, and without, `end`, each with its index, but for those of some kinds; in its order."""
    leaves = Leaf.objects.filter(index__gte=first, index__lt=end)
    found = (
        Entry.objects.filter(ref__in=leaves.values("entry_ref")).exclude(kind__in=leaving_out).in_bulk(field_name="ref")
    )
    places = Leaf.objects.filter(entry_ref__in=list(found)).order_by("index").values_list("index", "entry_ref")
    return [(index, found[ref]) for index, ref in places]


def describe(entry: Entry, *, index: int, whole: bool) -> dict[str, object]:
    """The entry for readers: everything its bytes say, or (not `whole`) only what shows that something stands there."""
    body = bytes(entry.body)
    statement = ledger_entries.parse(body)
    shown: dict[str, object] = {
        "index": index,
        "leaf_hash": hashing.leaf(body).hex(),
        "commitment": statement.commitment,
    }
    if whole:
        erased = not Payload.objects.filter(entry_ref=entry.ref).exists()
        shown |= {
            **vars(statement),
            "about": list(statement.about),
            "entry": text.encode(body),
            "payload_erased": erased,
        }
    return shown


def _rows(draft: Draft, *, by: str, at: datetime) -> tuple[Entry, Payload]:
    ref, salt, about = refs.new("ent"), secrets.token_bytes(commitments.SALT_SIZE), tuple(draft.about)
    try:
        body = draft.payload if isinstance(draft.payload, bytes) else canonical.encode(draft.payload)
        commitment = commitments.commit(salt, body)
        statement = ledger_entries.write(ref=ref, kind=draft.kind, by=by, at=at, about=about, commitment=commitment)
    except BadForm as error:
        raise UnfitEntry(f"this cannot be entered in the ledger: {error}") from None
    entry = Entry(
        ref=ref, kind=draft.kind, by=by, at=at, about=list(about), body=statement, seal=seals.entry(statement)
    )
    return entry, Payload(entry_ref=ref, salt=salt, body=body)


def sequence_after_commit() -> None:
    """Have the sequencer look in after the commit. `robust`: what was recorded is committed by then, whatever becomes of the nudge."""
    look = sequencer.nudge if settings.SEQUENCER == "inline" else sequencer.watch
    if not any(each[1] is look for each in connection.run_on_commit):
        transaction.on_commit(look, robust=True)
