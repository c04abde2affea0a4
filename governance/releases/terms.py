"""Parties as the engine takes them, what they opted in to, and the lawful bases; contracts come from `contracts.queries`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q

from consent import trees, vocabulary
from consent.models import Basis
from governance.contracts.models import OptIn
from governance.parties.models import Customer, GroupMembership, Party
from governance.parties.periods import Period
from governance.policy import canonical, values


def customers(refs: Iterable[str]) -> list[Customer]:
    """Return the rows of these customers, with their parties."""
    return list(Customer.objects.filter(ref__in=list(refs)).select_related("party").order_by("ref"))


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
    named = trees.renames(known)
    return tuple(
        values.Basis(
            ref=row.ref,
            customer=row.customer_ref,
            category=vocabulary.current(row.category, named),
            action=row.action,
            purpose=vocabulary.current(row.purpose, named),
            ground=row.ground,
            valid_from=row.valid_from,
            valid_to=_first(row.valid_to, row.ended_on if row.ended_at and row.ended_at <= known else None),
            role=row.role,
            recorded_at=row.approved_at,
        )
        for row in rows
    )


def own_keys(question: values.Question) -> values.OwnKeys:
    """Return the vendor's own keys that stand in the trees at the question's instant, by the names of then."""
    own = trees.standing(at=question.at, as_known_at=question.as_known_at)
    return values.OwnKeys(
        contract=tuple(sorted(own.contract)),
        personal=tuple(sorted(own.personal)),
        special=tuple(sorted(own.special)),
        purposes=tuple(sorted(own.purposes)),
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


def registered(refs: Iterable[str], *, known: datetime) -> tuple[str, ...]:
    """Return those of these references that were registered parties."""
    rows = Party.objects.filter(ref__in=list(refs), created_at__lte=known)
    return tuple(sorted(rows.values_list("ref", flat=True)))


def vendors(*, known: datetime) -> tuple[str, ...]:
    """Return our own entities."""
    rows = Party.objects.filter(kind=Party.Kind.VENDOR, created_at__lte=known)
    return tuple(sorted(rows.values_list("ref", flat=True)))


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


def _period(row: Period, known: datetime) -> dict[str, Any]:
    return {"valid_from": row.valid_from, "valid_to": row.known_end(known), "recorded_at": row.recorded_at}


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _readable(body: str) -> dict[str, Any]:
    """An unreadable clause names nobody here; the engine makes a gap of it."""
    try:
        return canonical.mapping(body)
    except canonical.Unreadable:
        return {}
