"""What leaves all of a customer's rows out, reason by reason (SEMANTICS §5.1, §4): each with the clause and the source column that it names."""

from dataclasses import replace
from typing import Any

import pytest

from governance.policy import exposure as exposed
from governance.policy import presence, standing
from governance.policy import world as laid_out
from governance.policy.answers import Reason
from governance.policy.values import (
    Clause,
    ColumnCategory,
    Coverage,
    Facts,
    Gap,
    KeyColumn,
    Membership,
    Model,
    Obligation,
    OptIn,
    Origin,
    OwnKeys,
    Path,
    Prevails,
    Question,
    Schema,
    ServedTo,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, S, ask, clause, document, family, grant, world

VISITS = f"{NS} {S} visits"
BAN = {"actions": ["train"], "categories": ["customer.usage"]}


def joined(*clauses: Clause, column: str = "visits", keys: tuple[str, ...] = ("customer.usage",), **more: Any) -> Facts:
    """One customer, whose rows are chosen by another column than the one asked for."""
    facts = world([family("a", document("d", *clauses))])
    facts = replace(
        facts,
        origins=(*facts.origins, Origin("", "src", NS, S, column, Path.PRESENCE)),
        categories=(*facts.categories, *(ColumnCategory(NS, S, "visits", key) for key in keys)),
    )
    return replace(facts, **more)


def refusals(facts: Facts, **asked: Any) -> tuple[Reason, ...]:
    """Why the customer's rows are left out."""
    question: Question = ask(**asked)
    read = laid_out.read(question, facts.normal())
    return presence.refusals(read, "a", standing.laws(read).get("a", ()), exposed.presences(read).get("a", ()))


def because(code: str, clause_: str = "", about: str = "", document_: str = "d") -> Reason:
    return Reason(code, "a", "", document_ if clause_ else "", clause_, about)


def scoped(found: Clause, product: str) -> Clause:
    return replace(found, products=(product,))


def test_rows_that_a_grant_covers_stay() -> None:
    assert refusals(joined(grant())) == ()


# --- contract and deletion


def test_a_contract_that_never_was_and_one_that_ended_have_their_own_names() -> None:
    assert refusals(joined(families=())) == (because("no-contract"), because("presence-not-granted", about=VISITS))
    ended = family("a", document("d", grant(), terminated_at=NOW))
    assert refusals(joined(families=(ended,))) == (
        because("contract-ended"), because("presence-not-granted", about=VISITS),
    )  # fmt: skip
    assert refusals(joined(families=(ended, family("a", document("e", grant()), ref="other")))) == ()


def test_a_deletion_of_the_customer_says_which_and_one_of_some_people_does_not_leave_it_out() -> None:
    due = (Obligation("obl-1", "a", "proposed", NOW), Obligation("obl-2", "b", "open", NOW), Obligation("obl-3", "a", "open", NOW, subject_space="people"))  # fmt: skip
    assert refusals(joined(grant(), obligations=due)) == (because("deletion-open", about="obl-1"),)


def test_what_goes_back_to_its_customer_needs_no_contract_and_is_stopped_by_no_deletion() -> None:
    back = {"action": "return", "recipient": "pty-a"}
    due = (Obligation("obl-1", "a", "open", NOW),)
    assert refusals(joined(families=(), obligations=due), **back) == ()
    assert refusals(joined(families=(), obligations=due), action="return", recipient="pty-x") == (
        because("deletion-open", about="obl-1"), because("no-contract"), because("presence-not-granted", about=VISITS),
    )  # fmt: skip


# --- parties


def restricted(*parties: str, **more: Any) -> Facts:
    return joined(grant(recipients=["pty-x", "pty-vendor"]), clause("not", "PartyRestriction", parties=list(parties)), **more)  # fmt: skip


def test_a_restricted_party_is_named_whether_it_receives_or_is_served_itself_or_by_its_group() -> None:
    said = because("party-restriction", "not", "pty-x")
    assert refusals(restricted("pty-x"), recipient="pty-x") == (said,)
    assert refusals(restricted("pty-x")) == ()
    served = (Model("m", (ServedTo("pty-x", LONG_AGO), ServedTo("pty-y", LONG_AGO))),)
    assert refusals(restricted("pty-x", models=served), model="m") == (said,)
    assert refusals(restricted("pty-x", models=served), model="n") == ()
    member = (Membership("grp", "pty-x", LONG_AGO),)
    assert refusals(restricted("grp", memberships=member), recipient="pty-x") == (said,)
    assert refusals(restricted("pty-vendor")) == (because("party-restriction", "not", "pty-vendor"),)
    both = refusals(restricted("pty-x", "pty-y", models=served), model="m")
    assert both == (said, because("party-restriction", "not", "pty-y"))


def test_a_restriction_for_data_that_is_not_here_restricts_nobody() -> None:
    for product, left_out in (("desk", True), ("shop", False)):
        facts = joined(
            grant(recipients=["pty-x"]), scoped(clause("not", "PartyRestriction", parties=["pty-x"]), product)
        )
        assert (refusals(facts, recipient="pty-x") != ()) is left_out


# --- what nobody encoded, or can read


@pytest.mark.parametrize(
    ("said", "product", "about"),
    [
        ({}, "", ""), ({"actions": ["train"]}, "", ""), ({"actions": ["review"]}, "", None), ({}, "desk", ""), ({}, "shop", None),
        ({"categories": ["customer.usage"]}, "", VISITS), ({"categories": ["customer"]}, "", VISITS),
        ({"categories": ["customer.input"]}, "", None), ({"categories": ["customer"]}, "shop", None),
        ({"categories": ["customer.usage"], "actions": ["review"]}, "", None),
        ({"categories": ["customer.usage"], "actions": ["train.pretrain"]}, "", VISITS),
    ],
)  # fmt: skip
def test_a_term_that_nobody_encoded_leaves_rows_out_where_it_may_speak_of_them(
    said: dict[str, Any], product: str, about: str | None
) -> None:
    term = clause("raw", "UnencodedTerm", note="words", **said)
    facts = joined(grant(), scoped(term, product) if product else term)
    assert refusals(facts) == (() if about is None else (because("unencoded-term", "raw", about),))


def test_a_clause_or_fact_that_cannot_be_read_leaves_out_whom_it_concerns() -> None:
    assert refusals(joined(grant(), Clause("odd", "Grant", "{}"))) == (because("unreadable-fact", "odd"),)
    gaps = (Gap("everything"), Gap("a's", "a"), Gap("b's", "b"))
    assert refusals(joined(grant(), gaps=gaps)) == (
        because("unreadable-fact", about="a's"), because("unreadable-fact", about="everything"),
    )  # fmt: skip
    strange = joined(grant(), keys=("customer.usage", "nonsense", "rubbish"))
    assert refusals(strange) == (
        because("unreadable-fact", about="category nonsense"), because("unreadable-fact", about="category rubbish"),
    )  # fmt: skip


# --- the column through which the customer is present


def test_a_column_without_a_category_is_named_unless_it_is_a_declared_key() -> None:
    assert refusals(joined(grant(), keys=())) == (because("uncategorised-column", about=VISITS),)
    key = (KeyColumn(NS, S, "visits"),)
    assert refusals(joined(grant(), keys=(), source_keys=key)) == ()
    schema = (Schema(NS, S, ("visits",)),)
    anything = refusals(joined(grant(), keys=(), column="*", source_keys=key, schemas=schema))
    assert anything == (because("uncategorised-column", about=VISITS),)
    unknown = refusals(joined(grant(), column="*", schemas=()))
    assert unknown == (because("uncategorised-column", about=f"{NS} {S} *"),)


@pytest.mark.parametrize(
    ("said", "product", "left_out"),
    [
        (BAN, "", True), ({**BAN, "categories": ["customer"]}, "", True), ({**BAN, "actions": ["train.pretrain"]}, "", True),
        ({**BAN, "categories": ["customer.input"]}, "", False), ({**BAN, "actions": ["review"]}, "", False),
        ({**BAN, "purposes": ["marketing"]}, "", False), (BAN, "desk", True), (BAN, "shop", False),
    ],
)  # fmt: skip
def test_a_ban_that_touches_the_column_leaves_the_rows_out(said: dict[str, Any], product: str, left_out: bool) -> None:
    ban = clause("ban", "Prohibition", **said)
    facts = joined(grant(), scoped(ban, product) if product else ban)
    assert refusals(facts) == ((because("prohibition", "ban", VISITS),) if left_out else ())


def test_what_speaks_of_all_data_speaks_of_a_key_column_too() -> None:
    key = {"keys": (), "source_keys": (KeyColumn(NS, S, "visits"),)}
    for category, left_out in (("customer", True), ("customer.usage", False)):
        ban = clause("ban", "Prohibition", actions=["train"], categories=[category])
        assert refusals(joined(grant(), ban, **key)) == ((because("prohibition", "ban", VISITS),) if left_out else ())
        term = clause("raw", "UnencodedTerm", note="words", categories=[category])
        assert refusals(joined(grant(), term, **key)) == (
            (because("unencoded-term", "raw", VISITS),) if left_out else ()
        )
    personal = {**key, "keys": ("user.name",)}
    ban = clause("ban", "Prohibition", actions=["train"], categories=["customer"])
    assert refusals(joined(grant(), ban, **personal)) == (because("prohibition", "ban", VISITS),)


def prevailing(*granted: Clause, over: tuple[str, ...] = ("e",), categories: tuple[str, ...] = ("customer",)) -> Facts:
    """A document whose grant stands over one or two others that ban."""
    bans = [document(ref, clause(f"ban-{ref}", "Prohibition", **BAN)) for ref in ("e", "f")[: 2 if "f" in over or len(over) == 0 else 1]]  # fmt: skip
    first = document("d", *granted, prevails=tuple(Prevails(each, ("train",), categories) for each in over))
    return joined(families=(family("a", first, *bans),))


def test_a_ban_is_lifted_by_an_applicable_grant_of_a_document_that_prevails_over_it() -> None:
    assert refusals(prevailing(grant())) == ()
    assert refusals(prevailing(grant(), over=("e", "f"))) == ()
    said = because("prohibition", "ban-e", VISITS, "e")
    assert refusals(prevailing(grant(), categories=("customer.content",))) == (said,)
    assert refusals(prevailing(grant("g", "customer", scope=("shop",)))) == (because("presence-not-granted", about=VISITS), said)  # fmt: skip
    assert refusals(prevailing(grant(customer_only=True))) == (because("presence-not-granted", about=VISITS), said)
    one_only = refusals(joined(families=(family("a", document("d", grant(), prevails=(Prevails("e", ("train",), ("customer",)),)), document("e", clause("ban-e", "Prohibition", **BAN)), document("f", clause("ban-f", "Prohibition", **BAN))),)))  # fmt: skip
    assert one_only == (said, because("prohibition", "ban-f", VISITS, "f"))


# --- some grant is needed


@pytest.mark.parametrize(
    ("found", "granted"),
    [
        (grant(), True), (grant("g", "customer.input"), True), (grant(purposes=["marketing"]), False), (grant(actions=["review"]), False),
        (grant(customer_only=True), False), (grant("g", "customer", scope=("shop",)), False), (grant("g", "customer", scope=("desk",)), True),
        (grant(recipients=["pty-x"]), False), (grant(until="2026-01-01"), False),
    ],
)  # fmt: skip
def test_presence_needs_some_applicable_grant_for_action_and_purpose(found: Clause, granted: bool) -> None:
    assert refusals(joined(found)) == (() if granted else (because("presence-not-granted", about=VISITS),))


def test_where_training_is_prohibited_a_grant_of_the_family_must_stand_in_the_same_or_a_prevailing_document() -> None:
    position = clause("pos", "TrainingPosition", position="prohibited")
    missing, said = because("presence-not-granted", about=VISITS), because("presence-not-granted", "pos", VISITS)
    assert refusals(joined(position)) == (missing, said)
    assert refusals(joined(position, grant())) == ()
    elsewhere = family("a", document("d", position), document("e", grant()))
    assert refusals(joined(families=(elsewhere,))) == (missing, said)
    over = document("e", grant(), prevails=(Prevails("d", ("train",), ("customer",)),))
    assert refusals(joined(families=(family("a", document("d", position), over),))) == ()
    another = family("a", document("e", grant()), ref="another")
    assert refusals(joined(families=(family("a", document("d", position)), another))) == (said,)
    silent = clause("pos", "TrainingPosition", position="silent")
    assert refusals(joined(families=(family("a", document("d", silent)), another))) == ()
    assert refusals(joined(families=(family("a", document("d", scoped(position, "shop"))), another))) == ()


def test_a_customer_covered_from_tomorrow_on_has_no_contract_yet() -> None:
    facts = joined(grant())
    later = replace(facts.families[0], coverage=(Coverage("a", NOW.replace(day=2)),))
    assert refusals(replace(facts, families=(later,)))[0] == because("no-contract")


def test_a_grant_that_hangs_on_an_offer_or_serves_the_customer_alone_helps_where_that_is_so() -> None:
    offer, taken = clause("off", "OptInOffer", discount="8 %"), (OptIn("off", "a", LONG_AGO),)
    assert refusals(joined(grant(offer="off"), offer, opt_ins=taken)) == ()
    assert refusals(joined(grant(offer="off"), offer)) == (because("presence-not-granted", about=VISITS),)
    alone = (Model("m", (ServedTo("pty-a", LONG_AGO),)),)
    assert refusals(joined(grant(customer_only=True), models=alone), model="m") == ()
    ban = document("e", clause("ban-e", "Prohibition", **BAN))
    over = document("d", grant(offer="off"), offer, prevails=(Prevails("e", ("train",), ("customer",)),))
    assert refusals(joined(families=(family("a", over, ban),), opt_ins=taken)) == ()
    assert refusals(joined(families=(family("a", over, ban),)))[1:] == (because("prohibition", "ban-e", VISITS, "e"),)


@pytest.mark.parametrize("key", ["customer.usage", "customer.usage.uptime"])
def test_a_ban_on_all_data_is_lifted_by_who_prevails_for_what_the_column_holds(key: str) -> None:
    ban = document("e", clause("ban", "Prohibition", actions=["train"], categories=["customer"]))
    over = document("d", grant(), prevails=(Prevails("e", ("train",), (key,)),))
    own = OwnKeys(contract=("customer.usage.uptime",))
    assert refusals(joined(families=(family("a", over, ban),), keys=(key,), own_keys=own)) == ()
