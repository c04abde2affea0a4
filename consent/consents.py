"""Record what people say, and answer who may be used: the same fold as `consent.scope`, in SQL over all people at once."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection, transaction

from consent import selecting, subjects, writers
from consent.models import ConsentEvent, IdentifierSpace
from consent.scope import Standing
from consent.statements import Statement
from lineage import noted
from lineage.journal import entries

Question = selecting.Question


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one statement: its event, and whether it was known already."""

    event: ConsentEvent
    repeated: bool
    entry_ref: str


@dataclass(frozen=True, slots=True)
class ListHead:
    """What identifies an allow-list: how many references, SHA-256 over them (sorted, one per line), and at which position.

    `kind` says how to read it: `only` the people listed, or all `except` the people listed.
    """

    kind: Literal["only", "except"]
    count: int
    digest: str
    position: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AllowList:
    """An allow-list with its references, sorted."""

    head: ListHead
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the people registered for a customer, how many consent allows."""

    registered: int
    allowed: int


def record(statement: Statement, *, by: str) -> Recorded:
    """Store one statement and its ledger entry, which names the event and never the person. Repeating it changes nothing."""
    with transaction.atomic():
        writers.enter()
        if statement.customer:
            subjects.register(
                statement.space, [statement.subject], customer_ref=statement.customer, minor=statement.minor, by=by
            )
        event, new = ConsentEvent.objects.get_or_create(
            digest=statement.digest(), defaults={**_columns(statement), "by": by}
        )
        if not new:
            return Recorded(event, repeated=True, entry_ref="")
        entry = entries.record(
            "consent-recorded", _payload(event, statement.space), by=by, about=[event.ref, statement.controller]
        )
    return Recorded(event, repeated=False, entry_ref=entry.ref)


def standings(question: Question, *, only: list[str] | None = None) -> Iterator[tuple[str, Standing]]:
    """Yield (subject, standing) for everybody who ever said anything that counts, sorted by subject; silent people are absent.

    Streams through a server-side cursor, so memory stays flat. `only` narrows to the given references.
    """
    sql, values = selecting.standings(question, only)
    for subject, state in selecting.stream(sql, values):
        yield subject, Standing(state)


def effective(question: Question, subject: str) -> Standing:
    """Return one person's standing."""
    return dict(standings(question, only=[subject])).get(subject, Standing.SILENT)


def write_list(question: Question, sink: Callable[[list[str]], object]) -> ListHead:
    """Send the allow-list of a question to `sink` in sorted batches and return its head."""
    _note(question)
    with transaction.atomic():
        writers.settle()
        position = current_position()
        sql, values = selecting.listed(question)
        digest, count, batch = hashlib.sha256(), 0, list[str]()
        for (subject,) in selecting.stream(sql, values):
            digest.update(f"{subject}\n".encode())
            count += 1
            batch.append(subject)
            if len(batch) == selecting.BATCH:
                sink(batch)
                batch = []
        if batch:
            sink(batch)
    return ListHead(kind=question.kind, count=count, digest=digest.hexdigest(), position=position, at=question.at)


def allow_list(question: Question) -> AllowList:
    """Return the allow-list of a question, in memory."""
    collected: list[str] = []
    head = write_list(question, collected.extend)
    return AllowList(head=head, subjects=tuple(collected))


def delta(before: Question, now: Question) -> tuple[list[str], list[str]]:
    """Return who came onto the list and who left it between two askings of one question: what a builder must apply.

    Expiries and new minors count as well as what people said. Exact where the first list was made by `write_list`.
    """
    (old, old_values), (new, new_values) = selecting.listed(before), selecting.listed(now)
    return _without(new, old, [*new_values, *old_values]), _without(old, new, [*old_values, *new_values])


def _without(one: str, other: str, values: selecting.Values) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"({one}) EXCEPT ({other}) ORDER BY 1", values)
        return [row[0] for row in cursor.fetchall()]


def counts(question: Question, *, customer_ref: str) -> Counts:
    """Return how many people are registered for a customer, and how many of them the question allows."""
    sql, values = selecting.listed(question)
    allowed = (
        "subject IN (SELECT subject FROM l)" if question.kind == "only" else "subject NOT IN (SELECT subject FROM l)"
    )
    known, moment = selecting.known_by(question, "recorded_at")
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH l AS MATERIALIZED ({sql}), r AS (SELECT DISTINCT subject FROM consent_registration "  # noqa: S608
            f"WHERE space_id = %s AND customer_ref = %s{known}) SELECT count(*), count(*) FILTER (WHERE {allowed}) FROM r",
            [*values, question.space.pk, customer_ref, *moment],
        )
        registered, count = cursor.fetchone()
    return Counts(registered=registered, allowed=count)


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the people registered for a customer: how many the question allows, and how many are of each standing."""

    registered: int
    allowed: int
    standings: dict[Standing, int]


def tally(question: Question, customers: list[str]) -> dict[str, Tally]:
    """Return the tally of each of these customers, in one query."""
    listed, listed_values = selecting.listed(question)
    standing, standing_values = selecting.standings(question, None)
    known, moment = selecting.known_by(question, "recorded_at")
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH l AS MATERIALIZED ({listed}), s AS MATERIALIZED ({standing}), r AS (SELECT DISTINCT customer_ref, subject "  # noqa: S608
            f"FROM consent_registration WHERE space_id = %s AND customer_ref = ANY(%s){known}) "
            "SELECT customer_ref, coalesce(standing, 'silent'), subject IN (SELECT subject FROM l), count(*) "
            "FROM r LEFT JOIN s USING (subject) GROUP BY 1, 2, 3",
            [*listed_values, *standing_values, question.space.pk, customers, *moment],
        )
        rows = cursor.fetchall()
    by_customer: dict[str, list[tuple[str, bool, int]]] = {customer: [] for customer in customers}
    for customer, *rest in rows:
        by_customer[customer].append((rest[0], rest[1], rest[2]))
    return {customer: _tally(question, mine) for customer, mine in by_customer.items()}


def no_longer_allowed(before: Question, now: Question) -> int:
    """Return how many people the first question allowed and the second does not: who would have to go from what was built."""
    _note(now)
    gone, came = (
        (selecting.listed(before), selecting.listed(now))
        if now.kind == "only"
        else (selecting.listed(now), selecting.listed(before))
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM (({gone[0]}) EXCEPT ({came[0]})) d", [*gone[1], *came[1]])  # noqa: S608
        return int(cursor.fetchone()[0])


def _note(question: Question) -> None:
    """Whoever keeps the answer must know when a giving expires, or a statement dated a little ahead begins to count."""
    note = noted.current()
    if note is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(at) FILTER (WHERE at > %(now)s), min(expires_at) FILTER (WHERE expires_at > %(now)s) FROM consent_consentevent"
            " WHERE space_id = %(space)s AND controller_ref = %(controller)s AND (at > %(now)s OR expires_at > %(now)s)",
            {"now": question.at, "space": question.space.pk, "controller": question.controller},
        )
        note.turns_on(cursor.fetchone())


def _tally(question: Question, rows: list[tuple[str, bool, int]]) -> Tally:
    standings_: dict[Standing, int] = {}
    for standing, _, count in rows:
        standings_[Standing(standing)] = standings_.get(Standing(standing), 0) + count
    allowed = sum(count for _, listed, count in rows if listed == (question.kind == "only"))
    return Tally(registered=sum(count for *_, count in rows), allowed=allowed, standings=standings_)


def current_position() -> int:
    """Return a position before which every event is visible to us: the oldest transaction still running."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def _columns(statement: Statement) -> dict[str, object]:
    return {
        "space": statement.space,
        "subject": statement.subject,
        "controller_ref": statement.controller,
        "action": statement.action,
        "purpose": statement.purpose,
        "state": str(statement.state),
        "explicit": statement.explicit,
        "representative": statement.representative,
        "at": statement.at,
        "expires_at": statement.expires_at,
    }


def _payload(event: ConsentEvent, space: IdentifierSpace) -> dict[str, str]:
    """What the ledger says of an event. Its digest covers the person's reference, but nobody gets the reference back from it."""
    return {
        "event": event.ref,
        "space": space.ref,
        "controller": event.controller_ref,
        "action": event.action,
        "purpose": event.purpose,
        "state": event.state,
        "at": event.at.isoformat(),
        "digest": event.digest,
    }
