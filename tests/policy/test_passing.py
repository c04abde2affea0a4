"""Offering a model, and passing it on: everything that speaks against it (SEMANTICS §5, `serve` and `assign`), with the clause that does."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from governance.policy import passing, planning, standing
from governance.policy import world as laid_out
from governance.policy.answers import Reason
from governance.policy.standing import Law
from governance.policy.values import (
    Clause,
    Declaration,
    Facts,
    Gap,
    Membership,
    Model,
    Obligation,
    Origin,
    OwnerRelease,
    Path,
    ServedTo,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, S, ask, clause, document, family, world

VENDORS = clause("own", "ModelOwnership", owner="vendor")


def model(*clauses: Clause, **more: Any) -> Facts:
    """A model in which one customer is present."""
    facts = world([family("a", document("d", *clauses))])
    return replace(facts, origins=(Origin("", "src", NS, S, "text", Path.PRESENCE),), **more)


def read(facts: Facts, *, recipient: str | None = "pty-x", action: str = "serve") -> laid_out.World:
    question = replace(ask(action=action, purpose="", recipient=recipient), columns=())
    return laid_out.read(question, facts.normal())


def refusals(facts: Facts, **asked: Any) -> tuple[Reason, ...]:
    found = passing.refusals(read(facts, **asked))
    assert found == passing.refusals(read(facts, **asked), one_by_one=True)
    return found


def because(code: str, clause_: str = "", about: str = "", count: int = 0, customer: str = "a") -> Reason:
    return Reason(code, customer, "", "d" if clause_ else "", clause_, about, count)


def scoped(found: Clause, product: str) -> Clause:
    return replace(found, products=(product,))


def test_the_vendors_own_model_may_be_offered() -> None:
    assert refusals(model(VENDORS)) == ()


# --- ownership


def test_unsaid_ownership_refuses() -> None:
    assert refusals(model()) == (because("model-ownership"),)
    assert refusals(model(scoped(VENDORS, "shop"))) == (because("model-ownership"),)
    assert refusals(model(scoped(VENDORS, "desk"))) == ()
    assert refusals(model(families=())) == (because("model-ownership"),)


def test_ownership_must_be_said_for_all_of_the_customers_data() -> None:
    shop = Declaration("shop", NS, "shop.log", ("a",), tenant_space="crm", unmapped_rows=0, product="shop", region="eu")
    facts = model(scoped(VENDORS, "desk"))
    more = {"declarations": (*facts.declarations, shop), "origins": (*facts.origins, Origin("", "shop", NS, "shop.log", "x", Path.PRESENCE))}  # fmt: skip
    assert refusals(replace(facts, **more)) == (because("model-ownership"),)  # type: ignore[arg-type]
    both = model(scoped(VENDORS, "desk"), scoped(replace(VENDORS, ref="own-2"), "shop"))
    assert refusals(replace(both, **more)) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("owner", "action", "recipient", "refused"),
    [
        ("vendor", "serve", "pty-x", False), ("vendor", "assign", "pty-x", False),
        ("customer", "serve", "pty-x", True), ("customer", "serve", "pty-a", False), ("customer", "serve", "pty-vendor", True),
        ("customer", "assign", "pty-x", True), ("customer", "assign", "pty-a", False), ("customer", "assign", "pty-vendor", True),
        ("joint", "serve", "pty-x", True), ("joint", "serve", "pty-a", False), ("joint", "serve", "pty-vendor", False),
        ("joint", "assign", "pty-x", True), ("joint", "assign", "pty-a", False), ("joint", "assign", "pty-vendor", True),
    ],
)  # fmt: skip
def test_a_model_that_is_not_the_vendors_own_stays_in_its_owners_circle(
    owner: str, action: str, recipient: str, refused: bool
) -> None:
    facts = model(clause("own", "ModelOwnership", owner=owner))
    assert refusals(facts, action=action, recipient=recipient) == (
        (because("model-ownership", "own"),) if refused else ()
    )
    nameless = replace(facts, customers=(replace(facts.customers[0], party=""),))
    assert (refusals(nameless, action=action, recipient=recipient) != ()) is (owner != "vendor")
    assert (refusals(replace(facts, customers=()), action=action, recipient=recipient) != ()) is (owner != "vendor")


@pytest.mark.parametrize(
    ("changed", "released"),
    [
        ({}, True), ({"customer": "b"}, False), ({"action": "assign"}, False), ({"recipient": "pty-y"}, False), ({"valid_to": NOW}, False),
        ({"valid_from": NOW.replace(day=2)}, False),
    ],
)  # fmt: skip
def test_the_owners_release_lets_the_model_out_of_the_circle(changed: dict[str, Any], released: bool) -> None:
    given = {"customer": "a", "action": "serve", "recipient": "pty-x", "valid_from": LONG_AGO, **changed}
    facts = model(clause("own", "ModelOwnership", owner="customer"), owner_releases=(OwnerRelease(**given),))
    assert (refusals(facts) == ()) is released


# --- what else refuses


def test_open_deletions_that_cover_models_refuse_with_their_number_of_people() -> None:
    due = (Obligation("obl-1", "a", "open", NOW, subject_space="people", subjects=3), Obligation("obl-2", "a", "open", NOW, covers_models=False))  # fmt: skip
    assert refusals(model(VENDORS, obligations=due)) == (because("deletion-open", about="obl-1", count=3),)


def test_what_cannot_be_read_refuses_for_whom_it_concerns() -> None:
    gaps = (Gap("everything"), Gap("a's", "a"), Gap("b's", "b"))
    assert refusals(model(VENDORS, gaps=gaps)) == (
        because("unreadable-fact", about="a's"), because("unreadable-fact", about="everything"),
    )  # fmt: skip
    assert refusals(model(VENDORS, Clause("odd", "Grant", "{}"))) == (because("unreadable-fact", "odd"),)
    elsewhere = scoped(Clause("odd", "Grant", "{}"), "shop")
    assert refusals(model(VENDORS, elsewhere)) == (because("unreadable-fact", "odd"),)


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("Prohibition", {"actions": ["serve"]}, "prohibition"), ("Prohibition", {"actions": ["assign"]}, ""), ("Prohibition", {"actions": ["serve"], "categories": ["customer.usage"]}, "prohibition"),
        ("UnencodedTerm", {"note": "words"}, "unencoded-term"), ("UnencodedTerm", {"note": "words", "actions": ["assign"]}, ""),
        ("UnencodedTerm", {"note": "words", "actions": ["serve"], "categories": ["customer.usage"]}, "unencoded-term"),
        ("PartyRestriction", {"parties": ["pty-x"]}, "party-restriction"), ("PartyRestriction", {"parties": ["pty-y"]}, ""),
        ("PartyRestriction", {"groups": ["grp"]}, "party-restriction"), ("PartyRestriction", {"parties": ["pty-served"]}, "party-restriction"),
        ("Grant", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}, ""),
    ],
)  # fmt: skip
def test_a_clause_refuses_by_its_kind_whatever_categories_it_names(kind: str, body: dict[str, Any], code: str) -> None:
    more = {
        "memberships": (Membership("grp", "pty-x", LONG_AGO),),
        "models": (Model("m", (ServedTo("pty-served", LONG_AGO),)),),
    }
    said = clause("says", kind, **body)
    assert refusals(model(VENDORS, said, **more)) == ((because(code, "says"),) if code else ())
    assert refusals(model(VENDORS, scoped(said, "shop"), **more)) == ()
    assert (refusals(model(VENDORS, scoped(said, "desk"), **more)) != ()) is bool(code)


def test_whoever_is_served_counts_even_where_nobody_is_named() -> None:
    restricted = model(VENDORS, clause("not", "PartyRestriction", parties=["pty-x"]))
    assert refusals(restricted, recipient=None) == ()
    served = replace(restricted, models=(Model("m", (ServedTo("pty-x", LONG_AGO),)),))
    assert refusals(served, recipient=None) == (because("party-restriction", "not"),)


def test_every_customer_in_the_model_is_asked_and_each_by_its_own_clauses() -> None:
    facts = world([family(u, document(f"d-{u}", clause(f"own-{u}", "ModelOwnership", owner="customer"))) for u in "abc"])  # fmt: skip
    facts = replace(facts, origins=(Origin("", "src", NS, S, "text", Path.PRESENCE, without=("c",)),))
    assert refusals(facts) == tuple(Reason("model-ownership", u, "", f"d-{u}", f"own-{u}") for u in "ab")


# --- what travels with it


def test_what_was_undertaken_about_the_action_travels_with_the_model() -> None:
    duties = [clause(f"u-{n}", "Undertaking", duty="no-reidentification", **more) for n, more in enumerate(({}, {"actions": ["serve"]}, {"actions": ["train"]}))]  # fmt: skip
    facts = model(VENDORS, *duties, scoped(replace(duties[0], ref="u-3"), "shop"))
    world_ = read(facts)
    plan = planning.passed_on(world_, standing.laws(world_))
    assert [(note.document, note.clause, note.terms) for note in plan.undertakings] == [("d", each.ref, each.body) for each in duties[:2]]  # fmt: skip
    assert (plan.columns, plan.classes, plan.tenant_filters, plan.filter_columns, plan.changes_rows) == ((), (), (), (), False)  # fmt: skip


@pytest.mark.parametrize(
    ("one_by_one", "asked"),
    [({}, ["a", "c"]), ({"one_by_one": False}, ["a", "c"]), ({"one_by_one": True}, ["a", "b", "c"])],
)
def test_of_customers_of_whom_the_same_is_said_one_is_asked(
    monkeypatch: pytest.MonkeyPatch, one_by_one: dict[str, bool], asked: list[str]
) -> None:
    owners = {"a": "customer", "b": "customer", "c": "joint"}
    facts = world(
        [
            family(u, document(f"d-{u}", clause(f"own-{u}", "ModelOwnership", owner=owner)))
            for u, owner in owners.items()
        ]
    )
    seen: list[str] = []
    unpatched = passing._of_customer

    def of_customer(read_: laid_out.World, customer: str, families: tuple[Law, ...]) -> Iterator[Reason]:
        seen.append(customer)
        return unpatched(read_, customer, families)

    monkeypatch.setattr(passing, "_of_customer", of_customer)
    found = passing.refusals(read(facts), **one_by_one)
    assert seen == asked and [reason.customer for reason in found] == ["a", "b", "c"]
