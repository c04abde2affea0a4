"""Contracts and parties as the engine takes them: families with every document that was known, opt-ins, memberships, bases."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Q

from consent.models import Basis
from governance.contracts.models import Clause, ContractFamily, Document, DocumentEnd, FamilyCustomer, OptIn
from governance.contracts.states import State
from governance.parties.models import Customer, GroupMembership, Party
from governance.parties.periods import Period
from governance.policy import canonical, values


def customers(refs: Iterable[str]) -> list[Customer]:
    """Return the rows of these customers, with their parties."""
    return list(Customer.objects.filter(ref__in=list(refs)).select_related("party").order_by("ref"))


def families(refs: Iterable[str], *, known: datetime) -> tuple[values.Family, ...]:
    """Return every family that ever covered one of these customers, with its coverage of them and all activated documents."""
    coverage: dict[int, list[FamilyCustomer]] = {}
    rows = FamilyCustomer.objects.filter(customer__ref__in=list(refs), recorded_at__lte=known).select_related(
        "customer"
    )
    for row in rows.order_by("pk"):
        coverage.setdefault(row.family_id, []).append(row)
    found = ContractFamily.objects.filter(pk__in=coverage).select_related("counterparty").order_by("ref")
    documents = _documents(list(coverage), known)
    return tuple(
        values.Family(
            ref=family.ref,
            coverage=tuple(values.Coverage(row.customer.ref, **_period(row, known)) for row in coverage[family.pk]),
            documents=tuple(documents.get(family.pk, ())),
            title=family.title,
            counterparty=family.counterparty.ref,
        )
        for family in found
    )


def opt_ins(refs: Iterable[str], *, known: datetime) -> tuple[values.OptIn, ...]:
    """Return what these customers ever opted in to."""
    rows = OptIn.objects.filter(customer__ref__in=list(refs), recorded_at__lte=known).select_related(
        "offer", "customer"
    )
    return tuple(
        values.OptIn(offer=row.offer.ref, customer=row.customer.ref, ref=row.ref, **_period(row, known))
        for row in rows.order_by("ref")
    )


def bases(refs: Iterable[str], *, known: datetime) -> tuple[values.Basis, ...]:
    """Return the approved basis records of these customers; the engine judges their periods."""
    rows = Basis.objects.filter(customer_ref__in=list(refs), approved_at__lte=known).order_by("ref")
    return tuple(
        values.Basis(
            ref=row.ref,
            customer=row.customer_ref,
            category=row.category,
            action=row.action,
            purpose=row.purpose,
            ground=row.ground,
            valid_from=row.valid_from,
            valid_to=_first(row.valid_to, row.ended_on if row.ended_at and row.ended_at <= known else None),
            role=row.role,
            recorded_at=row.approved_at,
        )
        for row in rows
    )


def memberships(parties: Iterable[str], *, known: datetime) -> tuple[values.Membership, ...]:
    """Return the memberships of these parties, and of the groups they are in, upwards."""
    found: dict[int, values.Membership] = {}
    todo = set(parties)
    seen: set[str] = set()
    while todo:
        seen |= todo
        rows = GroupMembership.objects.filter(
            Q(party__ref__in=todo) | Q(subgroup__ref__in=todo), recorded_at__lte=known
        )
        for row in rows.select_related("group", "party", "subgroup"):
            member = row.party or row.subgroup
            if member is not None:
                found[row.pk] = values.Membership(group=row.group.ref, member=member.ref, **_period(row, known))
        todo = {membership.group for membership in found.values()} - seen
    return tuple(sorted(found.values(), key=lambda m: (m.group, m.member, m.valid_from)))


def registered(refs: Iterable[str]) -> tuple[str, ...]:
    """Return those of these references that are registered parties."""
    return tuple(sorted(Party.objects.filter(ref__in=list(refs)).values_list("ref", flat=True)))


def vendors() -> tuple[str, ...]:
    """Return our own entities."""
    return tuple(sorted(Party.objects.filter(kind=Party.Kind.VENDOR).values_list("ref", flat=True)))


def named_parties(found: Iterable[values.Family]) -> set[str]:
    """Return what the clauses of these families name as parties or recipients."""
    named: set[str] = set()
    for family in found:
        for document in family.documents:
            for clause in document.clauses:
                body = _readable(clause.body)
                named |= {
                    ref for key in ("parties", "recipients") for ref in body.get(key) or () if isinstance(ref, str)
                }
    return named


def _documents(families_: list[int], known: datetime) -> dict[int, list[values.Document]]:
    rows = Document.objects.filter(family__in=families_, state=State.ACTIVATED, recorded_at__lte=known)
    rows = rows.select_related("form").order_by("ref")
    ends = _ends([pk for row in rows for pk in (row.pk, row.form_id) if pk], known)
    found: dict[int, list[values.Document]] = {}
    for row in rows:
        if row.family_id is not None:
            found.setdefault(row.family_id, []).append(_document(row, ends))
    return found


def _ends(documents: list[int], known: datetime) -> dict[int, datetime]:
    """Of several ends the earliest counts."""
    found: dict[int, datetime] = {}
    for row in DocumentEnd.objects.filter(document__in=documents, recorded_at__lte=known):
        found[row.document_id] = min(row.ends_at, found.get(row.document_id, row.ends_at))
    return found


def _document(row: Document, ends: dict[int, datetime]) -> values.Document:
    clauses = [*row.clauses.all(), *(row.form.clauses.all() if row.form else ())]
    if row.recorded_at is None or row.effective_on is None:
        raise ValueError(f"activated document {row.ref} lacks its dates")  # a check constraint forbids it
    return values.Document(
        ref=row.ref,
        recorded_at=row.recorded_at,
        effective_at=_midnight(row.effective_on),
        signed_on=row.signed_on,
        clauses=tuple(_clause(clause) for clause in clauses),
        expires_at=_midnight(row.expires_on) if row.expires_on else None,
        terminated_at=_first(ends.get(row.pk), ends.get(row.form_id) if row.form_id else None),
        renewal=row.renewal,
        title=row.title,
        number=row.number,
        kind=row.kind,
        repeals=tuple(sorted(row.repeals.values_list("clause__ref", flat=True))),
        prevails=tuple(
            values.Prevails(
                over=each.over.ref, actions=tuple(sorted(each.actions)), categories=tuple(sorted(each.categories))
            )
            for each in row.prevails.select_related("over").order_by("over__ref", "pk")
        ),
    )


def _clause(row: Clause) -> values.Clause:
    return values.Clause(
        ref=row.ref,
        kind=row.kind,
        body=canonical.text(row.body) if isinstance(row.body, dict) else "",
        number=row.number,
        title=row.title,
        passage=row.passage,
        page=row.page,
        products=tuple(sorted(row.products)),
        environments=tuple(sorted(row.environments)),
        regions=tuple(sorted(row.regions)),
    )


def _period(row: Period, known: datetime) -> dict[str, Any]:
    return {"valid_from": row.valid_from, "valid_to": row.known_end(known), "recorded_at": row.recorded_at}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _readable(body: str) -> dict[str, Any]:
    """An unreadable clause names nobody here; the engine makes a gap of it."""
    try:
        return canonical.mapping(body)
    except canonical.Unreadable:
        return {}
