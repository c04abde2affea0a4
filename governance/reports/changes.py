"""Changes of contracts that nobody has made yet: each turns facts as they are into facts as they would be.

A document about to be activated, an end about to be recorded, an opt-in about to be taken up: one mechanism, the same engine.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import QuerySet

from consent import trees
from governance.contracts import encoding, naming, optins, queries, readings
from governance.contracts.models import Clause, ContractFamily, Document, FamilyCustomer
from governance.contracts.states import State
from governance.obligations import terms as deletion_terms
from governance.obligations.models import Obligation
from governance.parties.models import Customer
from governance.policy import values
from governance.releases import terms
from lineage import errors

UNDECIDED = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})
FAMILIES_AT_MOST = 1_000
PROPOSED = "proposed"

type Families = tuple[values.Family, ...]


@dataclass(frozen=True)
class Change:
    """What would be: in words, from when, for whom, and as functions. `families` and `customers` hold references."""

    kind: str  # activation, termination, opt-in
    title: str
    starts_at: datetime
    families: frozenset[str]
    customers: tuple[str, ...]
    documents: Callable[[values.Family], values.Family]  # a family that it touches, as it would be
    opt_in: values.OptIn | None = None
    parties: frozenset[str] = frozenset()  # what new clauses name
    notes: tuple[str, ...] = ()

    def families_after(self, found: Families) -> Families:
        """Return contracts as they would be."""
        return tuple(self.documents(each) if each.ref in self.families else each for each in found)

    def facts_after(self, facts: values.Facts, question: values.Question) -> values.Facts:
        """Return a question's facts as they would be; the very same object where this change does not touch them."""
        if not self.families & {each.ref for each in facts.families}:
            return facts
        after = self.families_after(facts.families)
        taken = (self.opt_in,) if self.opt_in else ()
        return replace(
            facts,
            families=after,
            parties=tuple(sorted({*facts.parties, *terms.registered(self.parties, known=question.as_known_at)})),
            opt_ins=(*facts.opt_ins, *taken),
            obligations=(*facts.obligations, *self._proposed(facts, after, question.at)),
        )

    def _proposed(self, facts: values.Facts, after: Families, at: datetime) -> Iterable[values.Obligation]:
        """A contract that has ended has its deletion proposed, and that refuses whatever other contracts say."""
        earlier = {each.ref: each for each in facts.families}
        for family in after:
            for customer in sorted({each.customer for each in family.coverage} if family.ref in self.families else ()):
                end, ended = ends_for(family, customer), ends_for(earlier[family.ref], customer)
                if end is not None and end <= at and end != ended:
                    found = deletion_terms.deadline(
                        deletion_terms.among([_only(family, customer)], Obligation.Trigger.CONTRACT_END, on=end), on=end
                    )
                    yield values.Obligation(
                        "proposed at the end of the contract", customer, PROPOSED, found.due_on if found else end,
                        covers_models=found.covers["models"] if found else True,
                    )  # fmt: skip


def ends_for(family: values.Family, customer: str) -> datetime | None:
    """Return when the contract ends for one of its customers."""
    return queries.family_end(_only(family, customer))


def activation(document: Document, *, at: datetime) -> Change:
    """What activating a draft, submitted or approved document would do; of a standard form: its acceptance by those who took another."""
    if document.state not in UNDECIDED:
        raise errors.Conflict(
            f"the document is {State(document.state).label}: nothing is left to decide about its activation",
            code="nothing-to-weigh",
            remedy="for one that counts, say from when it would end (ends_at), or which offer a customer would take up",
        )
    row = Document.objects.select_related("form", "family").get(pk=document.pk)
    notes = _filled(row, at)
    value = naming.document(queries.document_value(row, as_known_at=at), trees.renames(at))
    families, more = ({row.family.ref}, []) if row.family else _acceptors(row)
    own = {clause.ref for clause in value.clauses}

    def added(family: values.Family) -> values.Family:
        mine = value if row.family else replace(value, ref=f"{value.ref} {family.ref}", kind=Document.Kind.ACCEPTANCE)
        return replace(family, documents=(*family.documents, mine))

    return Change(
        kind="activation",
        title=f"If “{row.title}” were activated now",
        starts_at=max(at, value.effective_at),
        families=frozenset(families),
        customers=_customers(families),
        documents=added,
        parties=frozenset(terms.named_parties([values.Family("", (), (value,))])),
        notes=(*notes, *more, *([] if own or value.repeals or value.prevails else ["The document says nothing yet."])),
    )


def termination(document: Document, *, ends_at: datetime, at: datetime) -> Change:
    """What terminating an activated document would do; of a standard form: for every contract that accepted it."""
    if document.state != State.ACTIVATED:
        raise errors.Conflict("only a document that counts can end", code="nothing-to-weigh", where="ends_at")
    families, more = ({document.family.ref}, []) if document.family else _accepted(document)
    mine = {document.ref, *document.acceptances.values_list("ref", flat=True)}

    def ended(family: values.Family) -> values.Family:
        return replace(family, documents=tuple(_ended(each, mine, ends_at) for each in family.documents))

    return Change(
        kind="termination",
        title=f"If “{document.title}” ended on {ends_at:%-d %B %Y}",
        starts_at=max(at, ends_at),
        families=frozenset(families),
        customers=_customers(families),
        documents=ended,
        notes=tuple(more),
    )


def opt_in(offer: Clause, customer: Customer, *, at: datetime) -> Change:
    """What it would open if a customer took up an offer; raises what taking it up would raise."""
    optins.check_offer(offer, customer)
    if any(each.holds(at) for each in offer.opt_ins.filter(customer=customer)):
        raise errors.Conflict("the customer has taken up this offer", code="nothing-to-weigh", where="customer")
    made_to = FamilyCustomer.objects.filter(optins.made_to(offer), customer=customer)
    families = set(made_to.values_list("family__ref", flat=True))
    return Change(
        kind="opt-in",
        title=f"If {customer} took up the offer of clause {offer.number} of “{offer.document.title}”",
        starts_at=at,
        families=frozenset(families),
        customers=(customer.ref,),
        documents=lambda family: family,
        opt_in=values.OptIn(offer=offer.ref, customer=customer.ref, valid_from=at),
    )


def _filled(row: Document, at: datetime) -> list[str]:
    """Give a document what it would have on the day of its activation, and say so. The row is not saved."""
    notes = []
    if row.effective_on is None:
        row.effective_on = at.date()
        notes.append("It states no date from which it counts: today is taken.")
    if row.signed_on is None or row.signed_on > at.date():
        row.signed_on = at.date()
        notes.append("It is not signed yet: it is taken as signed today.")
    try:
        encoding.check_reading(readings.of(row))
    except errors.Problem as problem:
        notes.append(f"As it stands it cannot be submitted: {problem.detail}.")
    row.recorded_at = at
    return notes


def _acceptors(form: Document) -> tuple[set[str], list[str]]:
    """A form counts where a contract accepts it: those that accepted its namesake, else those that accepted any form."""
    accepted = Document.objects.filter(kind=Document.Kind.ACCEPTANCE, state=State.ACTIVATED)
    namesakes = accepted.filter(form__title__iexact=form.title)
    which = namesakes if namesakes.exists() else accepted
    families, more = _some(which)
    what = f"an earlier “{form.title}”" if which is namesakes else "another standard form"
    return families, [
        "A standard form counts only where a contract accepts it. Shown is what would change if the "
        f"{len(families)} contract(s) that accepted {what} accepted this one, too.",
        *more,
    ]


def _accepted(form: Document) -> tuple[set[str], list[str]]:
    return _some(Document.objects.filter(form=form, kind=Document.Kind.ACCEPTANCE, state=State.ACTIVATED))


def _some(found: QuerySet[Document]) -> tuple[set[str], list[str]]:
    rows = ContractFamily.objects.filter(documents__in=found).order_by("-pk").distinct()
    families, total = set(rows.values_list("ref", flat=True)[:FAMILIES_AT_MOST]), rows.count()
    left = total - len(families)
    return families, [f"{left} older contracts that accepted it were not looked at."] if left else []


def _customers(families: Collection[str]) -> tuple[str, ...]:
    rows = FamilyCustomer.objects.filter(family__ref__in=families)
    return tuple(rows.order_by("customer__ref").values_list("customer__ref", flat=True).distinct())


def _ended(document: values.Document, mine: Collection[str], ends_at: datetime) -> values.Document:
    if document.ref not in mine or (document.terminated_at is not None and document.terminated_at <= ends_at):
        return document
    return replace(document, terminated_at=ends_at)


def _only(family: values.Family, customer: str) -> values.Family:
    return replace(family, coverage=tuple(each for each in family.coverage if each.customer == customer))
