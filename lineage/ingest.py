"""Taking events in: parse at the edge, then one transaction that stores the event, its ledger entry and what follows from it.

The digest of the bytes received says whether an event is known; the bytes stored (without what may hold secrets) are what the
ledger commits to. Order and repetition of events change nothing but their place in the ledger.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from lineage import atoms, derivation, errors, openlineage, refs
from lineage.journal import entries
from lineage.models import LineageEvent, RejectedEvent
from lineage.openlineage import Report
from lineage.values import nanoseconds

KEPT_OF_REJECTED = 20_000  # bytes
CHUNK = 200  # events per transaction of a batch
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is stored, now or before (`duplicate`). `notes` say what was assumed and what was dropped."""

    event_ref: str
    digest: str
    duplicate: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    """An event read and ready to be stored."""

    digest: bytes
    body: bytes
    report: Report
    notes: tuple[str, ...]


class EventTooLarge(errors.TooLarge):
    """The event is over the limit."""

    code = "event-too-large"


def accept(body: bytes, *, by: str, at: datetime | None = None) -> Accepted:
    """Store one event; the same bytes again are answered as a duplicate. `at`: now, by the caller's clock (the database's if None).

    Raises `Malformed` (no event), `TooLarge`, `Unprocessable` (from the future, names too long); each is kept for the operator.
    """
    (verdict,) = accept_many([body], by=by, at=at)
    if isinstance(verdict, errors.Problem):
        raise verdict
    return verdict


def accept_many(bodies: Sequence[bytes], *, by: str, at: datetime | None = None) -> list[Accepted | errors.Problem]:
    """Store many events, a few transactions for all; return a verdict for each, in order. A bad one does not hurt the others."""
    now = nanoseconds(at or _database_clock())
    taken = [_taken(body, by=by, now=now) for body in bodies]
    verdicts: list[Accepted | errors.Problem] = []
    for start in range(0, len(taken), CHUNK):
        verdicts.extend(_chunk(taken[start : start + CHUNK], by=by))
    return verdicts


def _database_clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
        return found.astimezone(UTC)


# -- reading ------------------------------------------------------------------------------------------------------------------


def _taken(body: bytes, *, by: str, now: int) -> _Taken | errors.Problem:
    try:
        return _read(body, now=now)
    except errors.Problem as problem:
        keep_refusal(body, problem, by=by)
        return problem


def _read(body: bytes, *, now: int) -> _Taken:
    if len(body) > settings.LINEAGE_MAX_EVENT_BYTES:
        raise EventTooLarge(
            f"an event has at most {settings.LINEAGE_MAX_EVENT_BYTES} bytes, this one has {len(body)}",
            remedy="leave out large facets, or raise LINEAGE_MAX_EVENT_BYTES",
        )
    message = openlineage.decode(body)
    report = openlineage.read(message)
    openlineage.must_not_be_ahead(report, now=now)
    kept, dropped = openlineage.without_secrets(message)
    stored = msgspec.json.encode(kept) if dropped else body
    return _Taken(hashlib.sha256(body).digest(), stored, report, (*report.notes, *dropped))


def keep_refusal(body: bytes, problem: errors.Problem, *, by: str) -> None:
    """Keep what was refused, once per sender and reason; its count tells repetition. May hold secrets: the operator's page only."""
    row = RejectedEvent(
        digest=hashlib.sha256(body).digest(), body=body[:KEPT_OF_REJECTED], size=len(body), code=problem.code,
        detail=_storable(problem.detail), where=_storable(problem.where), recorded_by=by,
    )  # fmt: skip
    known = RejectedEvent.objects.filter(digest=row.digest, code=row.code, recorded_by=by)
    if not known.update(times=F("times") + 1, recorded_at=Now()):
        RejectedEvent.objects.bulk_create([row], ignore_conflicts=True)


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL in text, and the sender's words may stand in a message."""
    return text.encode(errors="replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


# -- storing ------------------------------------------------------------------------------------------------------------------


def _chunk(taken: Sequence[_Taken | errors.Problem], *, by: str) -> list[Accepted | errors.Problem]:
    good = [each for each in taken if isinstance(each, _Taken)]
    accepted = iter(_stored(good, by=by) if good else ())
    return [next(accepted) if isinstance(each, _Taken) else each for each in taken]


def _stored(taken: Sequence[_Taken], *, by: str) -> list[Accepted]:
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _store(taken, by=by)
        except (IntegrityError, OperationalError):
            # Somebody stored one of these events a moment ago, or we waited for each other: look again.
            if connection.in_atomic_block or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _store(taken: Sequence[_Taken], *, by: str) -> list[Accepted]:
    rows = LineageEvent.objects.filter(digest__in=[each.digest for each in taken]).only("digest", "ref", "notes")
    known = {bytes(row.digest): (row.ref, tuple(row.notes)) for row in rows}
    fresh: dict[bytes, _Taken] = {}
    for each in taken:
        if each.digest not in known:
            fresh.setdefault(each.digest, each)
    names = {digest: refs.new("evt") for digest in fresh}
    if fresh:
        _enter(list(fresh.values()), names, by=by)
        _unite([each.report for each in fresh.values()])
    verdicts = []
    for each in taken:
        new = fresh.get(each.digest) is each
        ref, notes = (names[each.digest], each.notes) if each.digest in names else known[each.digest]
        verdicts.append(Accepted(ref, each.digest.hex(), not new, notes))
    return verdicts


def _enter(fresh: Sequence[_Taken], names: dict[bytes, str], *, by: str) -> None:
    drafts = [entries.Draft("lineage.event", each.body, (names[each.digest],)) for each in fresh]
    recorded = entries.record_many(drafts, by=by)
    LineageEvent.objects.bulk_create(
        [
            LineageEvent(
                ref=names[each.digest], digest=each.digest, body=each.body, kind=each.report.kind, event_type=each.report.type,
                event_time=each.report.at, producer=each.report.producer, run_key=each.report.key,
                job_namespace=each.report.job.namespace if each.report.job else "",
                job_name=each.report.job.name if each.report.job else "",
                notes=list(each.notes), recorded_by=by, entry_ref=entry.ref,
            )
            for each, entry in zip(fresh, recorded, strict=True)
        ]
    )  # fmt: skip


def _unite(reports: Sequence[Report]) -> None:
    found: dict[str, atoms.Atoms] = {}
    for report in reports:
        found[report.key] = found.get(report.key, frozenset()) | atoms.of(report)
    derivation.unite(found, about={report.key: report.run for report in reports if report.kind != "run"})
