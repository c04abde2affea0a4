"""How a document reads: as it was activated, or as the last correction that was known then has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery

from governance.contracts.correction_states import State
from governance.contracts.models import (
    Clause,
    CorrectedClause,
    CorrectedPrevails,
    CorrectedRepeal,
    Correction,
    Document,
    Prevails,
    Repeal,
)
from governance.policy import values


@dataclass(frozen=True)
class Reading:
    """One reading of a document: `head` has its dates, `correction` is None for what was activated."""

    document: Document
    head: Document | Correction
    correction: Correction | None
    clauses: tuple[Clause | CorrectedClause, ...]
    repeals: tuple[str, ...]
    prevails: tuple[values.Prevails, ...]

    def clause(self, ref: str) -> Clause | CorrectedClause | None:
        """Return the clause of this reference, if it has one."""
        return next((clause for clause in self.clauses if clause.ref == ref), None)


def of(document: Document, *, as_known_at: datetime | None = None) -> Reading:
    """Return how a document reads as known then (now when None); of one that `known` fetched, as known when it was."""
    fetched = getattr(document, "known_corrections", None)
    found = applied(as_known_at).filter(document=document)[:1] if fetched is None else fetched
    correction = next(iter(found), None)
    return original(document) if correction is None else corrected(document, correction)


def original(document: Document) -> Reading:
    """Return what was activated (or, of a draft, what stands there)."""
    clauses = [clause for clause in document.clauses.all() if clause.correction_id is None]
    return Reading(
        document=document,
        head=document,
        correction=None,
        clauses=tuple(clauses),
        repeals=_refs(document.repeals.all()),
        prevails=_precedence(document.prevails.all()),
    )


def corrected(document: Document, correction: Correction) -> Reading:
    """Return the document as a correction has it, applied or not."""
    return Reading(
        document=document,
        head=correction,
        correction=correction,
        clauses=tuple(correction.clauses.all()),
        repeals=_refs(correction.repeals.all()),
        prevails=_precedence(correction.prevails.all()),
    )


def before(correction: Correction) -> Reading:
    """Return how the document read before this correction: now, where it is not applied."""
    rows = applied(None).filter(document=correction.document_id).exclude(pk=correction.pk)
    if correction.recorded_at is not None:
        earlier = Q(recorded_at__lt=correction.recorded_at) | Q(
            recorded_at=correction.recorded_at, pk__lt=correction.pk
        )
        rows = rows.filter(earlier)
    document = Document.objects.get(pk=correction.document_id)
    previous = rows.first()
    return original(document) if previous is None else corrected(document, previous)


def applied(as_known_at: datetime | None) -> QuerySet[Correction]:
    """Applied corrections that were known then, the last one first, with all that they say."""
    rows = Correction.objects.filter(state=State.APPLIED)
    if as_known_at is not None:
        rows = rows.filter(recorded_at__lte=as_known_at)
    return rows.order_by("-recorded_at", "-id").prefetch_related("clauses", *statements())


def statements() -> tuple["Prefetch[str, QuerySet[CorrectedRepeal | CorrectedPrevails], str]", ...]:
    """What a document or correction says of others, to be fetched with it."""
    return (
        Prefetch("repeals", CorrectedRepeal.objects.select_related("clause")),
        Prefetch("prevails", CorrectedPrevails.objects.select_related("over")),
    )


_CORRECTIONS = ("corrections", "form__corrections")


def known(rows: QuerySet[Document], *, as_known_at: datetime | None = None) -> QuerySet[Document]:
    """Fetch with these documents (and the forms they accept) everything that `of` needs, as known then (now when None)."""
    return rows.select_related("form").prefetch_related(
        "clauses",
        "form__clauses",
        *(Prefetch(path, applied(as_known_at), to_attr="known_corrections") for path in _CORRECTIONS),
        Prefetch("repeals", Repeal.objects.select_related("clause")),
        Prefetch("prevails", Prevails.objects.select_related("over")),
    )


def of_kind(kind: str) -> QuerySet[Clause]:
    """Return the rows of clauses that, as their documents read now, are of this kind."""
    last = Correction.objects.filter(document=OuterRef("document"), state=State.APPLIED)
    rows = Clause.objects.annotate(last=Subquery(last.order_by("-recorded_at", "-id").values("pk")[:1]))
    so_corrected = CorrectedClause.objects.filter(correction=OuterRef("last"), ref=OuterRef("ref"), kind=kind)
    return rows.filter(Q(last=None, kind=kind) | Exists(so_corrected))


def clause(row: Clause) -> Clause | CorrectedClause:
    """Return how a clause reads now; one that was struck, as it read at first."""
    return of(row.document).clause(row.ref) or row


def _refs(rows: Iterable[Repeal | CorrectedRepeal]) -> tuple[str, ...]:
    return tuple(sorted(row.clause.ref for row in rows))


def _precedence(rows: Iterable[Prevails | CorrectedPrevails]) -> tuple[values.Prevails, ...]:
    found = (values.Prevails(row.over.ref, tuple(sorted(row.actions)), tuple(sorted(row.categories))) for row in rows)
    return tuple(sorted(found, key=lambda said: (said.over, said.actions, said.categories)))
