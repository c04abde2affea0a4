"""Two requests at once with one Idempotency-Key create one thing; two approvals at once count once."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections, transaction

from governance.access import actors
from governance.contracts import clauses, corrections, documents
from governance.parties import groups
from governance.parties.models import Party
from lineage import errors
from tests import cast as named

pytestmark = pytest.mark.django_db(transaction=True)


def together(work: Any, times: int = 4) -> list[Any]:
    def run(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_one_key_at_once_creates_once() -> None:
    cast = named.assemble()
    _, secret = named.key("contracts:write", owner=cast.lawyer)

    def send(_: int) -> Any:
        return named.caller(secret).post(
            "/api/v1/parties", {"name": "Alder"}, format="json", headers={"Idempotency-Key": "k1"}
        )

    answers = together(send)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["ref"] for answer in answers}) == 1
    assert Party.objects.filter(name="Alder").count() == 1


def test_two_approvers_at_once_approve_once() -> None:
    cast = named.assemble()
    family = named.family(named.customer("Alder"), by=cast.lawyer.actor)
    document = documents.submit(named.draft(family, by=cast.lawyer.actor), by=cast.lawyer.actor)

    def approve(number: int) -> str:
        try:
            documents.approve(document, by=[cast.approver, cast.second_lawyer][number].actor)
        except documents.WrongState:
            return "late"
        return "approved"

    assert sorted(together(approve, 2)) == ["approved", "late"]


def test_two_halves_of_a_circle_of_groups_at_once() -> None:
    one, two = (groups.create(name, by=actors.SYSTEM) for name in ("one", "two"))

    def join(number: int) -> str:
        upper, lower = [(one, two), (two, one)][number]
        try:
            with transaction.atomic():
                groups.add(upper, lower, valid_from=named.LONG_AGO, by=actors.SYSTEM)
                time.sleep(0.2)  # the other half is tried while this one is not committed
        except errors.Unprocessable:
            return "circle"
        return "joined"

    assert sorted(together(join, 2)) == ["circle", "joined"]


def test_two_halves_of_a_circle_of_precedence_at_once() -> None:
    cast = named.assemble()
    family = named.family(named.customer("Alder"), by=cast.lawyer.actor)
    drafts = [named.draft(family, by=cast.lawyer.actor, title=title) for title in ("one", "two")]

    def prevail(number: int) -> str:
        mine, over = drafts[number], drafts[1 - number]
        try:
            with transaction.atomic():
                clauses.prevail(mine, over, actions=["train"], categories=["customer"], by=cast.lawyer.actor)
                time.sleep(0.2)
        except errors.Unprocessable:
            return "circle"
        return "prevails"

    assert sorted(together(prevail, 2)) == ["circle", "prevails"]


def test_two_corrections_of_one_document_at_once() -> None:
    cast = named.assemble()
    family = named.family(named.customer("Alder"), by=cast.lawyer.actor)
    document = named.activated(family, lawyer=cast.lawyer, approver=cast.approver)

    def draft(number: int) -> str:
        try:
            corrections.draft(document, reason="typo", by=cast.lawyer.actor)
        except errors.Conflict:
            return "open already"
        return "drafted"

    assert sorted(together(draft, 2)) == ["drafted", "open already"]


def test_two_people_apply_a_correction_once() -> None:
    cast = named.assemble()
    family = named.family(named.customer("Alder"), by=cast.lawyer.actor)
    document = named.activated(family, lawyer=cast.lawyer, approver=cast.approver)
    correction = corrections.draft(document, reason="typo", number="A-1", by=cast.lawyer.actor)
    corrections.submit(correction, by=cast.lawyer.actor)

    def apply(number: int) -> str:
        by = [cast.approver, cast.second_lawyer][number].actor
        try:
            corrections.apply(correction, by=by, at=datetime.now(UTC))
        except documents.WrongState:
            return "late"
        return "applied"

    assert sorted(together(apply, 2)) == ["applied", "late"]
