"""Contracts as the policy engine reads them: plain values, as known at a moment."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from consent import trees, vocabulary
from governance.contracts import naming, readings, soundness
from governance.contracts.encoded import EncodedHead
from governance.contracts.models import Clause, ContractFamily, CorrectedClause, Document, FamilyCustomer
from governance.contracts.readings import Reading
from governance.contracts.states import State
from governance.policy import canonical, values

type Read = Callable[[Document], Reading]


@dataclass(frozen=True)
class Contracts:
    """Families as values, and what in them nobody can rely on: gaps, by customer."""

    families: tuple[values.Family, ...]
    gaps: tuple[values.Gap, ...]


def families_of(
    customer_refs: Iterable[str], *, as_known_at: datetime, read: Read | None = None
) -> tuple[values.Family, ...]:
    """Return the families that cover, covered or will cover one of these customers, with those customers' coverage only.

    Documents read as known then, unless `read` says how they are to be read.
    """
    return contracts_of(customer_refs, as_known_at=as_known_at, read=read).families


def contracts_of(customer_refs: Iterable[str], *, as_known_at: datetime, read: Read | None = None) -> Contracts:
    """Return the same with the gaps that old data leave."""
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
    found = [
        _family(row, as_known_at, read or (lambda each: readings.of(each, as_known_at=as_known_at))) for row in rows
    ]
    named = trees.renames(as_known_at)
    return Contracts(tuple(_named(value, named) for value, _ in found), tuple(gap for _, gaps in found for gap in gaps))


def _named(family: values.Family, named: vocabulary.Renames) -> values.Family:
    """Keys by the names they had then, whatever a clause was written down with."""
    return replace(family, documents=tuple(naming.document(each, named) for each in family.documents))


def document_value(row: Document, *, as_known_at: datetime, read: Read | None = None) -> values.Document:
    """Return one activated document as a value, as it read then; the acceptance of a standard form carries the form's clauses."""

    known = read or (lambda each: readings.of(each, as_known_at=as_known_at))
    return _value(known(row), known(row.form) if row.form else None, as_known_at)


def _value(reading: Reading, form: Reading | None, as_known_at: datetime) -> values.Document:
    row, head = reading.document, reading.head
    expiry = expiry_of(*(each.head for each in (reading, form) if each))
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


def expiry_of(*heads: EncodedHead) -> date | None:
    """Return the day on which a document (and the form that it accepts) ends by itself; what renews has none."""
    days = (head.expires_on for head in heads if head.renewal == EncodedHead.Renewal.NONE)
    return min((day for day in days if day is not None), default=None)


def clause_value(clause: Clause | CorrectedClause) -> values.Clause:
    """Return a clause as a value."""
    return values.Clause(
        ref=clause.ref,
        kind=clause.kind,
        body=_body(clause.body),
        number=clause.number,
        title=clause.title,
        passage=clause.passage,
        page=clause.page,
        products=tuple(sorted(clause.products)),
        environments=tuple(sorted(clause.environments)),
        regions=tuple(sorted(clause.regions)),
    )


def _body(body: object) -> str:
    """A body that cannot be written as canonical text reads as none: the engine makes a gap of it."""
    try:
        return canonical.text(body) if isinstance(body, dict) else ""
    except (ValueError, RecursionError):
        return ""


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
    # Without the moment of its activation nobody can say that it was not known then: it is read, and leaves a gap.
    rows = Document.objects.filter(Q(recorded_at__lte=as_known_at) | Q(recorded_at=None), state=State.ACTIVATED)
    return readings.known(rows.order_by("ref"), as_known_at=as_known_at).prefetch_related("ends", "form__ends")


def _family(row: Any, as_known_at: datetime, read: Read) -> tuple[values.Family, list[values.Gap]]:
    found = [(read(each), read(each.form) if each.form else None) for each in row.known_documents]
    coverage = tuple(
        values.Coverage(each.customer.ref, each.valid_from, each.known_end(as_known_at), each.recorded_at)
        for each in sorted(row.known_coverage, key=lambda each: (each.customer.ref, each.valid_from))
    )
    value = values.Family(
        ref=row.ref,
        coverage=coverage,
        documents=tuple(_value(mine, form, as_known_at) for mine, form in found if soundness.is_dated(mine)),
        title=row.title,
        counterparty=row.counterparty.ref,
    )
    return value, list(_gaps(row, coverage, [each for pair in found for each in pair if each is not None]))


def _gaps(row: ContractFamily, coverage: tuple[values.Coverage, ...], found: list[Reading]) -> Iterator[values.Gap]:
    wrong = [*(said for reading in found for said in soundness.document(reading)), *soundness.family(row, found)]
    mine: dict[str, list[values.Coverage]] = defaultdict(list)
    for each in coverage:
        mine[each.customer].append(each)
    for customer, rows in mine.items():
        yield from (values.Gap(said, customer) for said in wrong)
        if soundness.overlapping(rows):
            yield values.Gap(f"periods of coverage by contract {row.ref} overlap", customer)
