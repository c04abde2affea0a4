"""Two requests at once with one Idempotency-Key create one thing; two approvals at once count once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from governance.contracts import documents
from governance.parties.models import Party
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
