"""Contracts as the policy engine reads them: plain values, as known at a moment."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Prefetch, QuerySet

from governance.contracts.models import (
    Clause,
    ContractFamily,
    Document,
    FamilyCustomer,
    Prevails,
    Repeal,
)
from governance.contracts.states import State
from governance.policy import canonical, values


def families_of(customer_refs: Iterable[str], *, as_known_at: datetime) -> tuple[values.Family, ...]:
    """Return the families that cover, covered or will cover one of these customers, with those customers' coverage only."""
    wanted = set(customer_refs)
    covered = FamilyCustomer.objects.filter(customer__ref__in=wanted, recorded_at__lte=as_known_at)
    rows = (
        ContractFamily.objects.filter(pk__in=covered.values("family"))
        .select_related("counterparty")
        .prefetch_related(
            Prefetch("coverage", covered.select_related("customer"), to_attr="known_coverage"),
            Prefetch("documents", _counting(as_known_at), to_attr="known_documents"),
        )
        .order_by("ref")
    )
    return tuple(_family(row, as_known_at) for row in rows)


def document_value(row: Document, *, as_known_at: datetime) -> values.Document:
    """Return one activated document as a value; the acceptance of a standard form carries the form's clauses."""
    assert row.recorded_at is not None and row.effective_on is not None  # noqa: S101  (a check constraint says so)
    form = list(row.form.clauses.all()) if row.form else []
    over = [*row.ends.all(), *(row.form.ends.all() if row.form else [])]
    ends = [each.ends_at for each in over if each.recorded_at <= as_known_at]
    return values.Document(
        ref=row.ref,
        recorded_at=row.recorded_at,
        effective_at=midnight(row.effective_on),
        signed_on=row.signed_on,
        clauses=tuple(clause_value(clause) for clause in [*form, *row.clauses.all()]),
        expires_at=midnight(row.expires_on) if row.expires_on and row.renewal == Document.Renewal.NONE else None,
        terminated_at=min(ends, default=None),
        renewal=row.renewal,
        title=row.title,
        number=row.number,
        kind=row.kind,
        repeals=tuple(sorted(repeal.clause.ref for repeal in row.repeals.all())),
        prevails=tuple(
            sorted(
                (
                    values.Prevails(said.over.ref, tuple(sorted(said.actions)), tuple(sorted(said.categories)))
                    for said in row.prevails.all()
                ),
                key=lambda said: (said.over, said.actions, said.categories),
            )
        ),
    )


def clause_value(clause: Clause) -> values.Clause:
    """Return a clause as a value."""
    return values.Clause(
        ref=clause.ref,
        kind=clause.kind,
        body=canonical.text(clause.body) if isinstance(clause.body, dict) else "",  # the engine makes a gap of it
        number=clause.number,
        title=clause.title,
        passage=clause.passage,
        page=clause.page,
        products=tuple(sorted(clause.products)),
        environments=tuple(sorted(clause.environments)),
        regions=tuple(sorted(clause.regions)),
    )


def ends(customer_ref: str, *, as_known_at: datetime) -> dict[str, datetime]:
    """Return family reference -> the moment from which none of its documents runs, for families of the customer that have one."""
    found = {}
    for family in families_of([customer_ref], as_known_at=as_known_at):
        moments = [end(document) for document in family.documents]
        coverage = [each.valid_to for each in family.coverage]
        known = [moment for moment in moments if moment is not None]
        over = max(known) if moments and len(known) == len(moments) else None
        left = max((each for each in coverage if each), default=None) if coverage and all(coverage) else None
        first = min((each for each in (over, left) if each is not None), default=None)
        if first is not None:
            found[family.ref] = first
    return found


def end(document: values.Document) -> datetime | None:
    """Return the moment from which the document no longer runs, or None."""
    return min((moment for moment in (document.expires_at, document.terminated_at) if moment is not None), default=None)


def midnight(day: date) -> datetime:
    """00:00 UTC of the day: documents count from and until then."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def _counting(as_known_at: datetime) -> QuerySet[Document]:
    rows = Document.objects.filter(state=State.ACTIVATED, recorded_at__lte=as_known_at).order_by("ref")
    return rows.select_related("form").prefetch_related(
        "clauses",
        "form__clauses",
        "ends",
        "form__ends",
        Prefetch("repeals", Repeal.objects.select_related("clause")),
        Prefetch("prevails", Prevails.objects.select_related("over")),
    )


def _family(row: Any, as_known_at: datetime) -> values.Family:
    return values.Family(
        ref=row.ref,
        coverage=tuple(
            values.Coverage(each.customer.ref, each.valid_from, each.known_end(as_known_at), each.recorded_at)
            for each in sorted(row.known_coverage, key=lambda each: (each.customer.ref, each.valid_from))
        ),
        documents=tuple(document_value(document, as_known_at=as_known_at) for document in row.known_documents),
        title=row.title,
        counterparty=row.counterparty.ref,
    )
