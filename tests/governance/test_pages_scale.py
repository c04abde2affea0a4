"""What a page asks the database does not grow with the rows that there are: ten times as many customers, contracts and clauses, as many queries."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.access import actors
from governance.catalogue import sources, trained
from governance.catalogue.places import Place
from governance.contracts import clauses, families, optins
from governance.contracts.models import Clause
from governance.parties import groups
from tests import cast as named
from tests.cast import LONG_AGO, Cast

pytestmark = pytest.mark.django_db
FEW, MANY = 2, 8
GRANT = {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["*"]}
BAN = {"actions": ["train"], "categories": ["customer.content"]}
OFFER = ("OptInOffer", {"discount": "8 %"})


class Shelf:
    """Contracts of many customers, one of which covers all of them, has a document for each, and many clauses."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self.size, by = cast, 0, cast.lawyer.actor
        self.first = named.customer("Alder Logistics AB")
        self.family = named.family(self.first, by=by, title="Reseller")
        self.document = named.draft(self.family, ("Grant", GRANT), by=by)
        self.model = trained.register(Place("pg", "models.triage"), at=datetime.now(UTC), by=actors.SYSTEM)
        self.group = groups.create("Rivals", by=actors.SYSTEM)

    @named.at_once()
    def grow(self, to: int) -> None:
        """Let there be so many of everything."""
        by = self.cast.lawyer.actor
        for n in range(self.size, to):
            customer = named.customer(f"Customer {n}")
            own = named.family(customer, by=by, title=f"Contract {n}")
            signed = named.activated(own, OFFER, ("Grant", GRANT), lawyer=self.cast.lawyer, approver=self.cast.approver)
            families.cover(self.family, customer, valid_from=LONG_AGO, by=by)
            clauses.add(
                self.document, number=f"9.{n}", passage="More words.", kind="PartyRestriction",
                body={"parties": [customer.party.ref]}, by=by,
            )  # fmt: skip
            named.activated(
                self.family,
                ("Prohibition", BAN),
                lawyer=self.cast.lawyer,
                approver=self.cast.approver,
                title=f"Amendment {n}",
            )
            optins.activate(signed.clauses.get(number="1"), customer, valid_from=LONG_AGO, evidence="order 7", by=by)
            sources.of_customer(
                Place("pg", f"t{n}"), customer, setting=sources.Setting(), valid_from=LONG_AGO, by=actors.SYSTEM
            )
            trained.release(
                self.model,
                customer,
                action="serve",
                recipient=customer.party.ref,
                evidence="letter",
                valid_from=LONG_AGO,
                by=by,
            )
            groups.add(self.group, customer.party, valid_from=LONG_AGO, by=actors.SYSTEM)
        self.size = to

    def pages(self) -> Iterator[str]:
        """The addresses that are looked at."""
        for name in (
            "contracts_contractfamily", "contracts_document", "contracts_optin", "parties_customer", "parties_party", "parties_partygroup",
            "catalogue_sourcedeclaration", "catalogue_ownerrelease", "releases_decision", "releases_permit", "releases_override",
        ):  # fmt: skip
            yield reverse(f"admin:{name}_changelist")
        for row in (self.family, self.document, self.first, self.first.party, self.group, self.model):
            yield reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        for name in (
            "contracts_contractfamily",
            "contracts_document",
            "contracts_optin",
            "catalogue_ownerrelease",
            "catalogue_sourcedeclaration",
        ):
            yield reverse(f"admin:{name}_add")
        for kind in Clause.Kind.values:
            yield f"{reverse('admin:contracts_clause_add')}?document={self.document.pk}&kind={kind}"


def asked(client: Client, address: str) -> int:
    client.get(address)  # what is read once per process has been read
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200, address
    return len(found)


def test_a_page_asks_the_same_of_few_rows_and_of_many(cast: Cast) -> None:
    shelf, client = Shelf(cast), Client()
    client.force_login(
        named.person("lena", "lawyer", "privacy_officer", "administrator"),
        backend="governance.access.backends.RoleBackend",
    )
    shelf.grow(FEW)
    few = {address: asked(client, address) for address in shelf.pages()}
    shelf.grow(MANY)
    many = {address: asked(client, address) for address in shelf.pages()}
    assert {address: (few[address], many[address]) for address in few if many[address] > few[address]} == {}


def test_a_contract_of_many_customers_shows_a_page_of_them_and_takes_another(cast: Cast) -> None:
    shelf, client = Shelf(cast), Client()
    client.force_login(cast.lawyer, backend="governance.access.backends.RoleBackend")
    with named.at_once():
        for n in range(60):
            families.cover(shelf.family, named.customer(f"Customer {n:02}"), valid_from=LONG_AGO, by=cast.lawyer.actor)
    address = reverse("admin:contracts_contractfamily_change", args=[shelf.family.pk])
    shown = client.get(address).content.decode()
    assert "Customer 48" in shown and "Customer 49" not in shown and "Customer 50" not in shown
    assert "Customer 50" in client.get(address, {"coverage-page": 2}).content.decode()
    late = named.customer("Late Customer")
    typed = {
        "coverage-TOTAL_FORMS": "51", "coverage-INITIAL_FORMS": "50", "coverage-50-customer": late.pk,
        "documents-TOTAL_FORMS": "1", "documents-INITIAL_FORMS": "1", "coverage-50-valid_from_0": "2025-05-01", "coverage-50-valid_from_1": "00:00",
    }  # fmt: skip
    assert client.post(address, typed).status_code == 302
    assert shelf.family.coverage.count() == 62 and shelf.family.coverage.filter(customer=late).exists()
