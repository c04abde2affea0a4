"""Lists of contracts cost what they show: more rows on a page, no more queries."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.contracts import optins
from tests import cast as named
from tests.cast import LONG_AGO, Cast
from tests.governance.test_contracts_pages import client

pytestmark = pytest.mark.django_db
LISTS = (
    "contracts_contractfamily",
    "contracts_document",
    "contracts_optin",
    "parties_customer",
    "contracts_correction",
)
API = ("contracts", "documents", "opt-ins", "customers")


def fill(cast: Cast, numbers: range) -> None:
    for number in numbers:
        customer = named.customer(f"Customer {number}")
        named.space(f"space-{number}", **{f"K{number}": customer})
        family = named.family(customer, by=cast.lawyer.actor)
        document = named.activated(
            family,
            ("OptInOffer", {"discount": "8 %"}),
            lawyer=cast.lawyer,
            approver=cast.approver,
            number=f"N-{number}",
        )
        offer = document.clauses.get()
        optins.activate(offer, customer, valid_from=LONG_AGO, evidence="order", by=cast.lawyer.actor)


def queries(caller: Any, url: str) -> int:
    caller.get(url)  # what is asked once per process or session is asked now
    with CaptureQueriesContext(
        connection,
    ) as found:
        assert caller.get(url).status_code == 200
    return len(found)


def test_no_list_asks_more_for_more_rows(cast: Cast) -> None:
    fill(cast, range(2))
    lawyer, api = client(cast.lawyer), named.caller(cast.lawyer)
    pages = {name: reverse(f"admin:{name}_changelist") for name in LISTS}
    before = {name: queries(lawyer, url) for name, url in pages.items()}
    api_before = {name: queries(api, f"/api/v1/{name}") for name in API}
    fill(cast, range(2, 8))
    assert {name: queries(lawyer, url) for name, url in pages.items()} == before
    assert {name: queries(api, f"/api/v1/{name}") for name in API} == api_before


@pytest.mark.parametrize(
    ("model", "word"),
    [("contractfamily", "N-1"), ("contractfamily", "Customer 1"), ("document", "N-1"), ("document", "Customer 1")],
)
def test_contracts_are_found_by_title_number_and_counterparty(cast: Cast, model: str, word: str) -> None:
    fill(cast, range(2))
    page = client(cast.lawyer).get(reverse(f"admin:contracts_{model}_changelist"), {"q": f'"{word}"'})
    (found,) = page.context["cl"].result_list
    assert "Customer 1" in f"{found} {getattr(found, 'family', '')}"


def test_offers_and_customers_are_looked_up_and_not_listed(cast: Cast) -> None:
    fill(cast, range(3))
    form = client(cast.lawyer).get(reverse("admin:contracts_optin_add")).content.decode()
    assert "Customer 2" not in form
    look = {"app_label": "contracts", "model_name": "optin", "field_name": "offer", "term": "1"}
    found = client(cast.lawyer).get(reverse("admin:autocomplete"), look).json()["results"]
    assert found and all("8 %" in each["text"] for each in found)
