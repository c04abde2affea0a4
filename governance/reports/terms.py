"""What the contracts said over a period: documents that counted, each clause with its words and what they mean, opt-ins."""

from datetime import datetime
from typing import Any

from consent import trees
from governance.contracts import queries
from governance.contracts.models import Clause, OptIn
from governance.deletions.statements import instant
from governance.parties.models import Customer
from governance.policy import explain, values
from governance.reports.period import Period


def of(customer: Customer, period: Period, *, at: datetime) -> list[dict[str, Any]]:
    """Return the contract families with the documents in effect at any time of the period, oldest first, as known at `at`."""
    families = queries.families_of([customer.ref], as_known_at=at)
    return [_family(family, period) for family in families if _documents(family, period)]


def opt_ins(customer: Customer, period: Period) -> list[dict[str, Any]]:
    """Return the opt-ins that were active at any time of the period."""
    rows = OptIn.objects.filter(customer=customer).select_related("offer__document").order_by("valid_from", "ref")
    return [_opt_in(row) for row in rows if period.meets(row.valid_from, row.valid_to)]


def _family(family: values.Family, period: Period) -> dict[str, Any]:
    return {
        "ref": family.ref,
        "title": family.title,
        "documents": [_document(document) for document in _documents(family, period)],
    }


def _documents(family: values.Family, period: Period) -> list[values.Document]:
    found = [each for each in family.documents if period.meets(each.effective_at, queries.end(each))]
    return sorted(found, key=lambda each: (each.effective_at, each.ref))


def _document(document: values.Document) -> dict[str, Any]:
    return {
        "ref": document.ref,
        "title": document.title,
        "number": document.number,
        "kind": document.kind,
        "signed_on": document.signed_on.isoformat() if document.signed_on else "",
        "effective_from": instant(document.effective_at),
        "ended_on": instant(queries.end(document)),
        "known_since": instant(document.recorded_at),
        "clauses": [_clause(clause) for clause in document.clauses],
        "repeals": list(document.repeals),
        "prevails_over": [each.over for each in document.prevails],
    }


def _clause(clause: values.Clause) -> dict[str, Any]:
    return {
        "ref": clause.ref,
        "number": clause.number,
        "title": clause.title,
        "kind": Clause.Kind(clause.kind).label if clause.kind in Clause.Kind.values else clause.kind,
        "passage": clause.passage,
        "page": clause.page,
        "meaning": trees.titled(explain.said(clause, trees.sayable()), trees.titles()),
    }


def _opt_in(row: OptIn) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "offer": f"clause {row.offer.number} of {row.offer.document.title}",
        "from": instant(row.valid_from),
        "until": instant(row.valid_to),
        "evidence": row.evidence,
    }
