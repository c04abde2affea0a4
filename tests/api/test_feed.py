"""The feed: every change once, in the ledger's order, and no customer named to whom the reader does not see."""

from datetime import UTC, datetime
from typing import Any

import pytest

from governance.access import actors
from governance.obligations import duties
from governance.parties import customers
from governance.reactions import reading
from lineage.journal.models import Entry
from tests import cast as people
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/feed"


@pytest.fixture
def two(cast: Cast) -> list[str]:
    """Two customers with an activated document and a proposed deletion each; the first is given to the pipeline owner."""
    refs = []
    for name in ("Alder", "Brandt"):
        customer = people.customer(name)
        family = people.family(customer, by=actors.SYSTEM)
        people.activated(
            family, ("TrainingPosition", {"position": "silent"}), lawyer=cast.lawyer, approver=cast.approver
        )
        duties.propose(customer, trigger="customer-request", on=datetime.now(UTC), reason="asked", by=actors.SYSTEM)
        refs.append(customer.ref)
        if name == "Alder":
            customers.give(customer, to=cast.pipeline_owner, by=cast.administrator.actor)
    reading.run()
    return refs


def walk(client: Any, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = client.get(URL, {"after": after, "limit": limit}).json()
        found += page["results"]
        if page["next"] == after:
            assert after == page["head"]
            return found
        after = page["next"]


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_each_change_comes_once_and_in_order_whatever_the_page(cast: Cast, two: list[str], limit: int) -> None:
    found = walk(people.caller(cast.administrator), limit)
    told = {"document-activated", "obligation-proposed", "alert-raised"}
    wanted = Entry.objects.filter(kind__in=told).values_list("ref", flat=True)
    assert {each["entry"] for each in found if each["kind"] in told} == set(wanted)
    cursors = [each["cursor"] for each in found]
    assert cursors == sorted(set(cursors))


def test_customers_that_the_key_does_not_see_are_neither_named_nor_told_of(cast: Cast, two: list[str]) -> None:
    _, secret = people.key("feed:read", owner=cast.pipeline_owner)
    found = walk(people.caller(secret), 500)
    named = {ref for each in found for ref in each["about"] if ref.startswith("cus_")}
    assert named == {two[0]}
    assert sum(each["kind"] == "document-activated" for each in found) == 1
    everything = walk(people.caller(cast.administrator), 500)
    assert sum(each["kind"] == "document-activated" for each in everything) == 2


@pytest.mark.parametrize(
    "query",
    [{"after": "-1"}, {"after": "x"}, {"after": "9" * 30}, {"after": "1000000"}, {"limit": "0"}, {"limit": "501"}],
)
def test_a_bad_cursor_is_a_problem_that_names_it(cast: Cast, query: dict[str, str]) -> None:
    answer = people.caller(cast.administrator).get(URL, query)
    assert answer.status_code == 400 and answer["Content-Type"] == "application/problem+json"
    assert answer.json()["where"] == next(iter(query))


def test_it_takes_the_scope(cast: Cast) -> None:
    assert people.caller(people.key("lineage:read", owner=cast.administrator)[1]).get(URL).status_code == 403
    assert people.caller().get(URL).status_code == 401
