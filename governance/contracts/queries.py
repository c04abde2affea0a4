"""Contracts as the policy engine reads them: plain values, as known at a moment."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Prefetch, QuerySet

from consent import trees, vocabulary
from governance.contracts import naming, readings
from governance.contracts.encoded import EncodedHead
from governance.contracts.models import Clause, ContractFamily, CorrectedClause, Document, FamilyCustomer
from governance.contracts.readings import Reading
from governance.contracts.states import State
from governance.policy import canonical, values

type Read = Callable[[Document], Reading]


def families_of(
    customer_refs: Iterable[str], *, as_known_at: datetime, read: Read | None = None
) -> tuple[values.Family, ...]:
    """Return the families that cover, covered or will cover one of these customers, with those customers' coverage only.

    Documents read as known then, unless `read` says how they are to be read.
    """
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
    named = trees.renames(as_known_at)
    return tuple(_named(_family(row, as_known_at, read), named) for row in rows)


def document_value(row: Document, *, as_known_at: datetime, read: Read | None = None) -> values.Document:
    """Return one activated document as a value, as it read then; the acceptance of a standard form carries the form's clauses."""

    def known(document: Document) -> Reading:
        return read(document) if read else readings.of(document, as_known_at=as_known_at)

    reading, form = known(row), known(row.form) if row.form else None
    head = reading.head
    expiry = min((day for each in (reading, form) if each and (day := _expiry(each.head))), default=None)
    assert row.recorded_at is not None and head.effective_on is not None  # noqa: S101  (a check constraint says so)
    over = [*row.ends.all(), *(row.form.ends.all() if row.form else [])]
    ends = [each.ends_at for each in over if each.recorded_at <= as_known_at]
    return values.Document(
        ref=row.ref,
        recorded_at=row.recorded_at,
        effective_at=midnight(head.effective_on),
        signed_on=head.signed_on,
        clauses=tuple(clause_value(clause) for clause in [*(form.clauses if form else ()), *reading.clauses]),
        expires_at=midnight(expiry) if expiry else None,
        terminated_at=min(ends, default=None),
        renewal=EncodedHead.Renewal.NONE if expiry else head.renewal,
        title=head.title,
        number=head.number,
        kind=row.kind,
        repeals=reading.repeals,
        prevails=reading.prevails,
    )


def _expiry(head: EncodedHead) -> date | None:
    return head.expires_on if head.renewal == EncodedHead.Renewal.NONE else None


def clause_value(clause: Clause | CorrectedClause) -> values.Clause:
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
    found = {each.ref: family_end(each) for each in families_of([customer_ref], as_known_at=as_known_at)}
    return {ref: moment for ref, moment in found.items() if moment is not None}


def family_end(family: values.Family) -> datetime | None:
    """Return the moment from which none of a family's documents runs, or from which it speaks for nobody of its coverage."""
    moments = [end(document) for document in family.documents]
    coverage = [each.valid_to for each in family.coverage]
    known = [moment for moment in moments if moment is not None]
    over = max(known) if moments and len(known) == len(moments) else None
    left = max((each for each in coverage if each), default=None) if coverage and all(coverage) else None
    return min((each for each in (over, left) if each is not None), default=None)


def end(document: values.Document) -> datetime | None:
    """Return the moment from which the document no longer runs, or None."""
    return min((moment for moment in (document.expires_at, document.terminated_at) if moment is not None), default=None)


def midnight(day: date) -> datetime:
    """00:00 UTC of the day: documents count from and until then."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def _counting(as_known_at: datetime) -> QuerySet[Document]:
    rows = Document.objects.filter(state=State.ACTIVATED, recorded_at__lte=as_known_at).order_by("ref")
    return readings.known(rows, as_known_at=as_known_at).prefetch_related("ends", "form__ends")


def _named(family: values.Family, named: vocabulary.Renames) -> values.Family:
    return replace(family, documents=tuple(naming.document(each, named) for each in family.documents))


def _family(row: Any, as_known_at: datetime, read: Read | None) -> values.Family:
    return values.Family(
        ref=row.ref,
        coverage=tuple(
            values.Coverage(each.customer.ref, each.valid_from, each.known_end(as_known_at), each.recorded_at)
            for each in sorted(row.known_coverage, key=lambda each: (each.customer.ref, each.valid_from))
        ),
        documents=tuple(document_value(each, as_known_at=as_known_at, read=read) for each in row.known_documents),
        title=row.title,
        counterparty=row.counterparty.ref,
    )
