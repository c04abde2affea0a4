"""Lawful bases: two persons, one the privacy officer, held by messages and by the database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from consent import bases
from consent.bases import OfficerNeeded, SecondPersonNeeded, Terms
from consent.models import Basis
from lineage import errors

PAULA, LAURA = "user:usr_paula", "user:usr_laura"
FROM = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Terms(
    customer_ref="cus_a", category="user.contact", action="improve", purpose="analytics", role="processor",
    ground="legitimate-interest", assessment="balanced on 2026-01-01, see LIA 7", valid_from=FROM,
)  # fmt: skip
pytestmark = pytest.mark.django_db


def counting(at: datetime = datetime(2026, 6, 1, tzinfo=UTC), known: datetime | None = None) -> list[Basis]:
    return list(bases.counting(["cus_a"], at=at, as_known_at=known or timezone.now() + timedelta(seconds=1)))


def approved() -> Basis:
    return bases.approve(bases.declare(TERMS, by=PAULA, officer=True).ref, by=LAURA, officer=False)


def test_a_basis_counts_from_its_approval_and_not_before() -> None:
    proposed = bases.declare(TERMS, by=LAURA, officer=False)
    assert counting() == []
    bases.approve(proposed.ref, by=PAULA, officer=True)
    assert [basis.ref for basis in counting()] == [proposed.ref]
    assert counting(known=timezone.now() - timedelta(hours=1)) == []
    assert counting(at=FROM - timedelta(days=1)) == []


def test_nobody_approves_their_own() -> None:
    proposed = bases.declare(TERMS, by=PAULA, officer=True)
    with pytest.raises(SecondPersonNeeded):
        bases.approve(proposed.ref, by=PAULA, officer=True)


def test_one_of_the_two_is_the_privacy_officer() -> None:
    proposed = bases.declare(TERMS, by=LAURA, officer=False)
    with pytest.raises(OfficerNeeded):
        bases.approve(proposed.ref, by="user:usr_anton", officer=False)


def test_a_key_neither_declares_nor_approves() -> None:
    with pytest.raises(SecondPersonNeeded):
        bases.declare(TERMS, by="key:key_crm", officer=False)


@pytest.mark.parametrize(
    "forged",
    [
        {"approved_by": PAULA, "officer": PAULA},
        {"approved_by": LAURA, "officer": ""},
        {"approved_by": LAURA, "officer": "user:usr_somebody"},
    ],
)
def test_the_database_holds_the_two_persons(forged: dict[str, str]) -> None:
    proposed = bases.declare(TERMS, by=PAULA, officer=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Basis.objects.filter(pk=proposed.pk).update(approved_at=FROM, **forged)


@pytest.mark.parametrize(
    "change", [{"ground": "legal-duty"}, {"approved_by": "user:usr_x", "approved_at": FROM}, {"valid_to": FROM}]
)
def test_the_database_refuses_to_edit_an_approved_basis(change: dict[str, object]) -> None:
    basis = approved()
    with pytest.raises(DatabaseError), transaction.atomic():
        Basis.objects.filter(pk=basis.pk).update(**change)


def test_an_end_takes_two_persons_too_and_counts_from_its_day() -> None:
    basis, on = approved(), datetime(2026, 3, 1, tzinfo=UTC)
    bases.end(basis.ref, on=on, by=LAURA, officer=False)
    assert counting()
    with pytest.raises(SecondPersonNeeded):
        bases.approve_end(basis.ref, by=LAURA, officer=True)
    bases.approve_end(basis.ref, by=PAULA, officer=True)
    assert counting() == []
    assert counting(at=on - timedelta(days=1))
    assert counting(known=basis.approved_at)


def test_approving_twice_is_a_conflict() -> None:
    basis = approved()
    with pytest.raises(errors.Conflict):
        bases.approve(basis.ref, by=PAULA, officer=True)
    with pytest.raises(errors.Conflict):
        bases.approve_end(basis.ref, by=PAULA, officer=True)


@pytest.mark.parametrize(
    "field",
    [
        ("category", "customer.content"),
        ("action", "sell"),
        ("purpose", "x"),
        ("role", "boss"),
        ("ground", "habit"),
        ("assessment", " "),
    ],
)
def test_terms_in_no_tree_are_refused(field: tuple[str, str]) -> None:
    with pytest.raises(errors.Unprocessable) as refused:
        bases.declare(replace(TERMS, **dict([field])), by=PAULA, officer=True)
    assert refused.value.where == field[0]


def test_the_vendors_own_data_has_a_basis_without_a_customer() -> None:
    own = bases.declare(replace(TERMS, customer_ref=""), by=PAULA, officer=True)
    assert bases.approve(own.ref, by=LAURA, officer=False).approved_by == LAURA
