"""What the database would refuse today and lies there nevertheless: a gap that refuses whom it concerns, and nothing hangs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from governance.access import actors
from governance.contracts import clauses, corrections, documents
from governance.contracts.models import Clause, Document
from governance.parties import circles, groups
from governance.parties.models import Party
from tests import cast as named
from tests.governance.old_data import sql, unconstrained, unguarded
from tests.governance.releases_world import TRAIN, World
from tests.governance.test_contracts_pages import client
from tests.governance.test_releases import included

pytestmark = pytest.mark.django_db
DOCUMENTS = "contracts_document"


def acmes(world: World) -> Document:
    return Document.objects.get(family__coverage__customer=world.customers["acme"], kind="msa")


def without_signature(world: World) -> None:
    unconstrained(DOCUMENTS, "document_activation_whole")
    change(world, "signed_on = NULL")


def without_a_start(world: World) -> None:
    unconstrained(DOCUMENTS, "document_activation_whole")
    change(world, "effective_on = NULL")


def without_activation(world: World) -> None:
    unconstrained(DOCUMENTS, "document_activation_whole")
    change(world, "recorded_at = NULL")


def inverted(world: World) -> None:
    unconstrained(DOCUMENTS, "document_ends_after_start", "document_renews_whole")
    change(world, "expires_on = '2001-01-01', renewal = 'evergreen'")


def approved_by_its_author(world: World) -> None:
    unconstrained(DOCUMENTS, "document_approved_by_second_person")
    change(world, "approved_by = drafted_by")


def corrected_by_its_author(world: World) -> None:
    by = world.cast.second_lawyer.actor
    row = corrections.draft(acmes(world), reason="number", number="A-1", by=by)
    corrections.submit(row, by=by)
    unconstrained("contracts_correction", "correction_applied_by_second_person")
    sql("UPDATE contracts_correction SET state = 'applied', applied_by = %s, recorded_at = now()", by.ref)


def change(world: World, assignment: str) -> None:
    with unguarded(DOCUMENTS):
        sql(f"UPDATE contracts_document SET {assignment} WHERE id = %s", acmes(world).pk)


def body(text: str) -> Callable[[World], None]:
    def spoil(world: World) -> None:
        with unguarded("contracts_clause"):
            sql("UPDATE contracts_clause SET body = %s::jsonb WHERE document_id = %s", text, acmes(world).pk)

    return spoil


def kind_of_no_kind(world: World) -> None:
    unconstrained("contracts_clause", "clause_kind_known")
    with unguarded("contracts_clause"):
        sql("UPDATE contracts_clause SET kind = 'Wish' WHERE document_id = %s", acmes(world).pk)


def second(world: World) -> Document:
    mine = acmes(world)
    return named.activated(
        mine.family, ("Grant", TRAIN | {"categories": ["customer.content"]}), lawyer=world.cast.lawyer,
        approver=world.cast.approver, kind="amendment", title="Amendment",
    )  # fmt: skip


def precedence_in_a_circle(world: World) -> None:
    mine, other = acmes(world), second(world)
    with unguarded("contracts_prevails"):
        for document, over in ((mine, other), (other, mine)):
            sql(
                "INSERT INTO contracts_prevails (document_id, over_id, actions, categories) VALUES (%s, %s, '{train}', '{customer}')",
                document.pk,
                over.pk,
            )


def repeal_of_anothers_clause(world: World) -> None:
    theirs = Clause.objects.get(document__family__coverage__customer=world.customers["brandt"])
    with unguarded("contracts_repeal"):
        sql("INSERT INTO contracts_repeal (document_id, clause_id) VALUES (%s, %s)", acmes(world).pk, theirs.pk)


def coverage_twice(world: World) -> None:
    unconstrained("contracts_familycustomer", "family_customer_once")
    sql(
        "INSERT INTO contracts_familycustomer (family_id, customer_id, valid_from, recorded_by)"
        " VALUES (%s, %s, '2021-01-01', 'user:x')",
        acmes(world).family_id,
        world.customers["acme"].pk,
    )


def opt_in_twice(world: World) -> None:
    offer = named.activated(
        acmes(world).family, ("OptInOffer", {"discount": "8 %"}), lawyer=world.cast.lawyer, approver=world.cast.approver,
        kind="order_form", title="Offer",
    ).clauses.get()  # fmt: skip
    unconstrained("contracts_optin", "opt_in_once")
    for ref in ("opt_one", "opt_two"):
        sql(
            "INSERT INTO contracts_optin (ref, offer_id, customer_id, evidence, valid_from, recorded_by)"
            " VALUES (%s, %s, %s, 'x', '2021-01-01', 'user:x')",
            ref,
            offer.pk,
            world.customers["acme"].pk,
        )


def tenant_key_twice(world: World) -> None:
    unconstrained("parties_tenantkey", "tenant_key_one_customer")
    sql(
        "INSERT INTO parties_tenantkey (space_id, value, customer_id, valid_from, recorded_by)"
        " VALUES (%s, 'acme', %s, '2021-01-01', 'user:x')",
        world.space.pk,
        world.customers["corax"].pk,
    )


def its_own_group_in_a_circle(world: World) -> None:
    circle_of(world.customers["acme"].party)


def circle_of(party: Party) -> None:
    one, two = (groups.create(name, by=actors.SYSTEM) for name in ("one", "two"))
    groups.add(one, party, valid_from=named.LONG_AGO, by=actors.SYSTEM)
    groups.add(two, one, valid_from=named.LONG_AGO, by=actors.SYSTEM)
    with unguarded("parties_groupmembership"):
        sql(
            "INSERT INTO parties_groupmembership (group_id, subgroup_id, valid_from, recorded_by)"
            " VALUES (%s, %s, '2020-01-01', 'user:x')",
            one.pk,
            two.pk,
        )


SPOILS: dict[str, Callable[[World], None]] = {
    found.__name__: found
    for found in (
        without_signature, without_a_start, without_activation, inverted, approved_by_its_author, corrected_by_its_author,
        kind_of_no_kind, precedence_in_a_circle, repeal_of_anothers_clause, coverage_twice, opt_in_twice, tenant_key_twice,
        its_own_group_in_a_circle,
    )
} | {
    "unknown_key": body('{"actions": ["trane"], "categories": ["customer"], "purposes": ["*"]}'),
    "unknown_member": body('{"actions": ["train"], "categories": ["customer"], "purposes": ["*"], "colour": "red"}'),
    "bound_out_of_range": body(
        '{"actions": ["train"], "categories": ["customer"], "purposes": ["*"], "safeguards": [{"kind": "deidentified", "k": 0}]}'
    ),
    "number_beyond_json": body(
        '{"actions": ["train"], "categories": ["customer"], "purposes": ["*"], "max_retention_days": 99999999999999999999}'
    ),
    "no_object": body("[1, 2]"),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILS)
def test_it_refuses_whom_it_concerns_and_says_why(release_world: World, spoil: str) -> None:
    acme = release_world.customers["acme"].ref
    assert acme in included(release_world.ask())
    SPOILS[spoil](release_world)
    found = release_world.ask()
    assert acme not in included(found)
    left = {code for each in found.answer.left_out if acme in each.customers for code in each.codes}
    said = left | {reason.code for reason in found.answer.reasons if reason.customer in ("", acme)}
    assert "unreadable-fact" in said


def test_a_circle_of_the_recipients_groups_refuses_everybody(release_world: World) -> None:
    reader = named.customer("Reader").party
    release_world.grant(
        "acme", ("Grant", {**TRAIN, "actions": ["train"], "categories": ["customer"], "recipients": [reader.ref]})
    )
    assert release_world.customers["acme"].ref in included(release_world.ask(recipient=reader.ref))
    circle_of(reader)
    found = release_world.ask(recipient=reader.ref)
    assert not included(found) and "unreadable-fact" in {reason.code for reason in found.answer.reasons}
    assert release_world.customers["acme"].ref in included(
        release_world.ask()
    )  # asked for ourselves, it is nobody's matter


def test_circles_hang_nothing(release_world: World) -> None:
    precedence_in_a_circle(release_world)
    its_own_group_in_a_circle(release_world)
    party = release_world.customers["acme"].party.ref
    assert len(groups.closure(at=named.datetime.now(named.UTC))[party]) == 2
    lawyer = client(release_world.cast.lawyer)
    document = acmes(release_world)
    for page in (
        reverse("admin:contracts_document_change", args=[document.pk]),
        reverse("admin:parties_partygroup_changelist"),
    ):
        assert lawyer.get(page).status_code == 200
    draft = named.draft(document.family, by=release_world.cast.lawyer.actor, title="Next")
    clauses.prevail(draft, document, actions=["train"], categories=["customer"], by=release_world.cast.lawyer.actor)
    third = groups.create("three", by=actors.SYSTEM)
    groups.add(third, groups.PartyGroup.objects.get(name="one"), valid_from=named.LONG_AGO, by=actors.SYSTEM)
    assert documents.visible_to(release_world.cast.lawyer).count() == 5


def test_who_is_on_a_circle() -> None:
    edges: dict[str, Any] = {"a": ["b"], "b": ["c"], "c": ["b"], "d": ["d"], "e": ["a"], "f": []}
    assert circles.on_circle(edges) == {"b", "c", "d"}
    assert circles.reached(["e"], edges) == {"e", "a", "b", "c"}
