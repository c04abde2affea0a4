"""Lawful bases: declared and approved by two persons of whom one is the privacy officer; never edited, only ended.

This storey knows no roles: the caller says whether the acting person holds the privacy officer's (`officer`).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from consent import trees, vocabulary
from consent.models import Basis
from consent.statements import REFERENCE
from lineage import errors
from lineage.journal import entries


class SecondPersonNeeded(errors.Forbidden):
    code = "second-person-needed"


class OfficerNeeded(errors.Forbidden):
    code = "privacy-officer-needed"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a basis record says. `customer_ref` empty means the vendor's own data; `category` is a personal-axis key, `role` and `ground` values of `Basis`."""

    customer_ref: str
    category: str
    action: str
    purpose: str
    role: str
    ground: str
    assessment: str
    valid_from: datetime
    valid_to: datetime | None = None


def declare(terms: Terms, *, by: str, officer: bool) -> Basis:
    """Propose a basis record; it counts once a second person has approved it."""
    _must_be_person(by)
    _check(terms)
    with transaction.atomic():
        basis = Basis.objects.create(
            **{name: getattr(terms, name) for name in Terms.__dataclass_fields__},
            declared_by=by,
            officer=by if officer else "",
        )
        entries.record("basis-declared", _payload(basis), by=by, about=_about(basis))
    return basis


def approve(ref: str, *, by: str, officer: bool) -> Basis:
    """Make a basis record count; raises `SecondPersonNeeded`/`OfficerNeeded` when it is not another person, or none is the officer."""
    _must_be_person(by)
    with transaction.atomic():
        basis = _locked(ref)
        if basis.approved_at:
            raise errors.Conflict("this basis record is approved already", code="already-approved")
        if basis.ended_at:
            raise errors.Conflict("this basis record was withdrawn before it was approved", code="ended")
        _two(by, basis.declared_by, officer or bool(basis.officer))
        basis.approved_by, basis.approved_at, basis.officer = by, Now(), basis.officer or by
        basis.save(update_fields=["approved_by", "approved_at", "officer"])
        basis.refresh_from_db()
        entries.record("basis-approved", _payload(basis), by=by, about=_about(basis))
    return basis


def end(ref: str, *, on: datetime, by: str, officer: bool) -> Basis:
    """Propose that a record ends. It takes a second person too: of several records the strictest counts, so an end may loosen."""
    _must_be_person(by)
    with transaction.atomic():
        basis = _locked(ref)
        if basis.ended_by:
            raise errors.Conflict("the end of this basis record is proposed already", code="already-ended")
        basis.ended_on, basis.ended_by, basis.end_officer = on, by, by if officer else ""
        basis.save(update_fields=["ended_on", "ended_by", "end_officer"])
        payload = _payload(basis) | {"ends_on": on.isoformat()}
        entries.record("basis-end-proposed", payload, by=by, about=_about(basis))
    return basis


def approve_end(ref: str, *, by: str, officer: bool) -> Basis:
    """Make the end of a record count; the same two persons as for its beginning are needed, not necessarily the same people."""
    _must_be_person(by)
    with transaction.atomic():
        basis = _locked(ref)
        if not basis.ended_by or basis.ended_at:
            raise errors.Conflict("no end of this basis record waits for approval", code="nothing-to-approve")
        _two(by, basis.ended_by, officer or bool(basis.end_officer))
        basis.end_approved_by, basis.ended_at, basis.end_officer = by, Now(), basis.end_officer or by
        basis.save(update_fields=["end_approved_by", "ended_at", "end_officer"])
        basis.refresh_from_db()
        payload = _payload(basis) | {"ended_on": basis.ended_on.isoformat() if basis.ended_on else ""}
        entries.record("basis-ended", payload, by=by, about=_about(basis))
    return basis


def counting(customer_refs: list[str], *, at: datetime, as_known_at: datetime) -> "QuerySet[Basis]":
    """Return the records of these customers that count at `at`, as known at `as_known_at`, in a stable order."""
    return Basis.objects.filter(customer_ref__in=customer_refs).counting(at=at, as_known_at=as_known_at).order_by("ref")


def _check(terms: Terms) -> None:
    own = trees.speakable()
    known = {
        "action": vocabulary.is_action(terms.action),
        "purpose": vocabulary.is_purpose(terms.purpose, own),
        "category": vocabulary.is_personal(terms.category, own),
        "role": terms.role in Basis.Role.values,
        "ground": terms.ground in Basis.Ground.values,
        "assessment": bool(terms.assessment.strip()),
        "customer": not terms.customer_ref or bool(REFERENCE.fullmatch(terms.customer_ref)),
    }
    for field, fine in known.items():
        if not fine:
            raise errors.Unprocessable(f"the {field} is unknown or empty", code=f"unknown-{field}", where=field)
    if terms.valid_to and terms.valid_to <= terms.valid_from:
        raise errors.Unprocessable("the period ends before it starts", code="bad-period", where="valid_to")


def _locked(ref: str) -> Basis:
    basis = Basis.objects.select_for_update().filter(ref=ref).first()
    if basis is None:
        raise errors.NotFound("no basis record of that reference")
    return basis


def _two(by: str, first: str, officer: bool) -> None:
    if by == first:
        raise SecondPersonNeeded("whoever proposed this cannot approve it", remedy="ask a second person")
    if not officer:
        raise OfficerNeeded("one of the two must be the privacy officer", remedy="ask the privacy officer to approve")


def _must_be_person(by: str) -> None:
    if not by.startswith("user:"):
        raise SecondPersonNeeded("a basis record takes named persons, not keys", remedy="log in as a person")


def _about(basis: Basis) -> list[str]:
    return [ref for ref in (basis.ref, basis.customer_ref) if ref]


def _payload(basis: Basis) -> dict[str, str]:
    return {
        "basis": basis.ref,
        "customer": basis.customer_ref,
        "category": basis.category,
        "action": basis.action,
        "purpose": basis.purpose,
        "role": basis.role,
        "ground": basis.ground,
        "valid_from": basis.valid_from.isoformat(),
        "valid_to": basis.valid_to.isoformat() if basis.valid_to else "",
    }
