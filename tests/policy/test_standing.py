"""Which clauses count, and which grants apply and are chosen (SEMANTICS §3): every edge of the dates, the scopes and the ties."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from governance.policy import clauses, granting, periods, standing
from governance.policy import world as laid_out
from governance.policy.answers import Duty, Reason
from governance.policy.granting import Offer
from governance.policy.standing import Law, Live
from governance.policy.values import (
    Bounds,
    Clause,
    Coverage,
    Customer,
    Declaration,
    Document,
    Facts,
    Family,
    InPlace,
    Known,
    Membership,
    Model,
    OptIn,
    Prevails,
    ServedTo,
    Version,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, S, ask, clause, document, family, grant, world

TICK = timedelta(microseconds=1)
BAN = clause("ban", "Prohibition", actions=["train"], categories=["customer.content"])


def read(facts: Facts, **asked: Any) -> laid_out.World:
    return laid_out.read(ask(**asked), facts.normal())


def law(*documents: Document, facts: Facts | None = None, **asked: Any) -> Law | None:
    """What the one family says of customer a."""
    found = standing.laws(read(facts or world([family("a", *documents)]), **asked)).get("a", ())
    return found[0] if found else None


def live(*documents: Document, **asked: Any) -> list[str]:
    found = law(*documents, **asked)
    return [each.clause.ref for each in found.live] if found else []


# --- periods


def test_a_period_holds_from_its_start_on_and_not_at_its_end() -> None:
    row = Coverage("a", NOW, NOW + TICK)
    assert [periods.holds(row, NOW + n * TICK) for n in (-1, 0, 1)] == [False, True, False]
    assert periods.holds(Coverage("a", NOW), NOW + timedelta(days=9999))
    assert [periods.over(end, NOW) for end in (None, NOW + TICK, NOW, NOW - TICK)] == [False, False, True, True]
    assert [periods.known(at, NOW) for at in (None, NOW - TICK, NOW, NOW + TICK)] == [True, True, True, False]
    known = replace(row, recorded_at=NOW)
    assert periods.counts(known, NOW, NOW) and not periods.counts(known, NOW, NOW - TICK)
    assert not periods.counts(known, NOW + TICK, NOW) and periods.counts(ServedTo("p", NOW), NOW, LONG_AGO)


# --- when a document counts


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True), ({"activated": False}, False), ({"signed_on": None}, False),
        ({"recorded_at": NOW}, True), ({"recorded_at": NOW + TICK}, False),
        ({"effective_at": NOW}, True), ({"effective_at": NOW + TICK}, False),
        ({"signed_on": NOW.date()}, True), ({"signed_on": NOW.date() + timedelta(days=1)}, False),
    ],
)  # fmt: skip
def test_a_document_counts_once_it_is_signed_activated_known_and_effective(
    changed: dict[str, Any], counts: bool
) -> None:
    assert live(document("d", grant(), **changed)) == (["g"] if counts else [])


def test_what_was_signed_at_midnight_was_signed_at_midnight_and_not_before() -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    first = document("d", grant(), signed_on=date(2026, 11, 1))
    assert live(first, as_known_at=midnight) == ["g"] and live(first, as_known_at=midnight - TICK) == []


@pytest.mark.parametrize(
    ("changed", "ended"),
    [
        ({}, False), ({"expires_at": NOW}, True), ({"expires_at": NOW + TICK}, False), ({"expires_at": NOW, "renewal": "evergreen"}, False),
        ({"terminated_at": NOW}, True), ({"terminated_at": NOW + TICK}, False), ({"terminated_at": NOW, "renewal": "evergreen"}, True),
    ],
)  # fmt: skip
def test_at_the_end_grants_and_offers_fall_and_all_else_stays(changed: dict[str, Any], ended: bool) -> None:
    offer = clause("off", "OptInOffer", discount="8 %")
    odd = Clause("odd", "Grant", "{}")
    found = law(document("d", grant(), offer, BAN, odd, **changed))
    assert found is not None and found.runs is not ended
    assert [each.clause.ref for each in found.live] == (["ban", "odd"] if ended else ["ban", "g", "off", "odd"])


def test_a_family_runs_while_one_of_its_documents_and_its_coverage_do() -> None:
    over = document("d", grant(), terminated_at=NOW)
    found = law(over, document("e", grant("g2")))
    assert found is not None and found.runs and [each.clause.ref for each in found.live] == ["g2"]
    for valid_from, valid_to, state in ((LONG_AGO, NOW, False), (LONG_AGO, NOW + TICK, True), (NOW, None, True), (NOW + TICK, None, None)):  # fmt: skip
        covered = Family("f", (Coverage("a", valid_from, valid_to),), (document("d", grant(), BAN),))
        one = law(facts=world([covered]))
        assert (one.runs if one else None) is state
        assert ([each.clause.ref for each in one.live] if one else []) == ({True: ["ban", "g"], False: ["ban"], None: []}[state])  # fmt: skip
    unknown = Family("f", (Coverage("a", LONG_AGO, recorded_at=NOW + TICK),), (document("d", grant()),))
    assert law(facts=world([unknown])) is None and law() is None


def test_one_of_several_coverages_is_enough() -> None:
    rows = (Coverage("a", LONG_AGO, NOW), Coverage("a", NOW), Coverage("b", LONG_AGO, NOW))
    facts = world([Family("f", rows, (document("d", grant()),))])
    assert {u: [each.runs for each in found] for u, found in standing.laws(read(facts)).items()} == {"a": [True], "b": [False]}  # fmt: skip
    assert list(standing.laws(read(facts), ["b"])) == ["b"]
    assert standing.laws(read(facts), ["c"]) == {"c": ()}


# --- repeals


def test_a_repeal_names_a_clause_of_another_earlier_document() -> None:
    first = document("d", BAN, signed_on=date(2025, 2, 1))
    for signed, gone in ((date(2025, 2, 1), True), (date(2025, 3, 1), True), (date(2025, 1, 1), False)):
        assert live(first, document("e", repeals=("ban",), signed_on=signed)) == ([] if gone else ["ban"])
    assert live(document("d", BAN, repeals=("ban",))) == ["ban"]
    assert live(first, document("e", repeals=("other",))) == ["ban"]
    assert live(first, document("e", repeals=("ban",), effective_at=NOW + TICK)) == ["ban"]
    assert live(first, document("e", repeals=("ban",), terminated_at=NOW)) == ["ban"]


def test_a_grant_is_repealed_in_any_order_and_for_good() -> None:
    first = document("d", grant(), signed_on=date(2025, 2, 1))
    assert live(first, document("e", repeals=("g",), signed_on=date(2025, 1, 1))) == []
    assert live(first, document("e", repeals=("g",), terminated_at=NOW)) == []


def test_a_standard_form_that_is_accepted_anew_says_again_what_was_repealed() -> None:
    first, again = document("d", BAN), document("e", BAN, repeals=("ban",))
    found = law(first, again)
    assert found is not None and [each.document.ref for each in found.live] == ["e"]


def test_documents_without_a_date_are_neither_earlier_nor_later() -> None:
    dated, undated = document("d"), document("e", signed_on=None)
    assert standing.is_earlier(dated, dated)
    assert not standing.is_earlier(dated, undated) and not standing.is_earlier(undated, dated)


# --- precedence and scope


def test_a_document_prevails_where_it_says_so_for_the_action_and_every_category() -> None:
    said = (Prevails("e", ("train",), ("customer.content",)), Prevails("e", ("train",), ("customer.usage",)), Prevails("f", ("*",), ("*",)))  # fmt: skip
    mine, facts = document("d", prevails=said), read(world())

    def over(ref: str, *categories: str, **asked: Any) -> bool:
        return standing.prevails(read(world(), **asked), mine, document(ref), categories)

    assert over("e", "customer.content") and over("e", "customer.content", "customer.usage") and over("f", "user.name")
    assert not over("e", "customer.content", "customer.input") and not over("g", "customer.content")
    assert not over("e", "customer") and not over("e", "customer.content", action="review")
    assert over("e", "customer.content", action="train.align")
    assert standing.prevails(facts, mine, document("g"), [])


DESK = Declaration("desk", NS, S, product="desk", environment="live", region="eu")
SILENT = Declaration("silent", NS, S)


@pytest.mark.parametrize("field", ["products", "environments", "regions"])
def test_a_scope_must_hold_all_data_for_a_grant_and_may_hold_some_for_what_refuses(field: str) -> None:
    mine = {"products": "desk", "environments": "live", "regions": "eu"}[field]
    inside = replace(BAN, **{field: ("x", mine)})
    outside = replace(BAN, **{field: ("x",)})
    assert standing.within_scope(inside, [DESK]) and not standing.within_scope(outside, [DESK])
    assert standing.may_concern(inside, [DESK]) and not standing.may_concern(outside, [DESK])
    assert not standing.within_scope(inside, [SILENT]) and standing.may_concern(outside, [SILENT])
    assert not standing.within_scope(inside, [DESK, SILENT]) and standing.may_concern(outside, [DESK, SILENT])
    assert standing.within_scope(BAN, [DESK, SILENT]) and standing.within_scope(outside, [])
    assert standing.may_concern(BAN, [DESK]) and not standing.may_concern(BAN, [])


# --- why a grant does not apply


def failing(
    body: Clause, facts: Facts, *, customer: str = "a", declarations: tuple[str, ...] = ("src",), **asked: Any
) -> list[Reason]:
    laid = read(facts, **asked)
    found = standing.laws(laid)["a"][0]
    each, terms = next((each, term) for each, term in found.of(clauses.Grant) if each.clause.ref == body.ref)
    return list(granting.failing(laid, found, customer, each, terms, declarations))


def because(code: str, about: str = "") -> Reason:
    return Reason(code, "a", "", "d", "g", about)


def test_every_condition_that_fails_is_named_with_the_grant() -> None:
    body = grant(offer="off", customer_only=True, recipients=["pty-x"], regions=["us"])
    facts = world([family("a", document("d", body))])
    assert failing(body, facts) == [
        because("opt-in-inactive", "off"), because("customer-only"), because("recipient-not-covered"), because("region-unknown"),
    ]  # fmt: skip
    assert failing(grant(), world([family("a", document("d", grant()))])) == []


@pytest.mark.parametrize(
    ("offer", "taken", "active"),
    [
        (clause("off", "OptInOffer", discount="x"), OptIn("off", "a", LONG_AGO), True),
        (clause("off", "OptInOffer", discount="x"), OptIn("off", "b", LONG_AGO), False),
        (clause("off", "OptInOffer", discount="x"), OptIn("other", "a", LONG_AGO), False),
        (clause("off", "OptInOffer", discount="x"), OptIn("off", "a", LONG_AGO, NOW), False),
        (clause("off", "OptInOffer", discount="x"), OptIn("off", "a", LONG_AGO, recorded_at=NOW + TICK), False),
        (clause("other", "OptInOffer", discount="x"), OptIn("off", "a", LONG_AGO), False),
        (clause("off", "OptInOffer", scope=("shop",), discount="x"), OptIn("off", "a", LONG_AGO), False),
        (clause("off", "OptInOffer", scope=("desk",), discount="x"), OptIn("off", "a", LONG_AGO), True),
    ],
)
def test_an_offer_must_be_made_for_the_data_and_taken_up(offer: Clause, taken: OptIn, active: bool) -> None:
    body = grant(offer="off")
    facts = world([family("a", document("d", body, offer))], opt_ins=(taken,))
    assert failing(body, facts) == ([] if active else [because("opt-in-inactive", "off")])


@pytest.mark.parametrize(("served", "alone"), [((), False), (("pty-a",), True), (("pty-a", "pty-b"), False), (("pty-b",), False)])  # fmt: skip
def test_a_model_serves_a_customer_alone_where_it_serves_it_and_nobody_else(
    served: tuple[str, ...], alone: bool
) -> None:
    body = grant(customer_only=True)
    facts = world([family("a", document("d", body))], models=(Model("m", tuple(ServedTo(p, LONG_AGO) for p in served)),))  # fmt: skip
    assert (failing(body, facts, model="m") == []) is alone
    nameless = replace(facts, customers=(Customer("a"),))
    assert failing(body, nameless, model="m") == [because("customer-only")]
    assert failing(body, replace(facts, customers=()), model="m") == [because("customer-only")]


@pytest.mark.parametrize(
    ("named", "recipient", "covered"),
    [
        ([], None, True), ([], "pty-vendor", True), ([], "pty-x", False), (["pty-x"], "pty-x", True), (["pty-x"], "pty-y", False),
        (["pty-x"], None, False), (["grp"], "pty-x", True), (["pty-vendor"], None, True),
    ],
)  # fmt: skip
def test_nobody_named_is_the_vendor_alone_and_whoever_receives_must_be_covered(
    named: list[str], recipient: str | None, covered: bool
) -> None:
    body = grant(recipients=named) if named else grant()
    facts = world([family("a", document("d", body))], memberships=(Membership("grp", "pty-x", LONG_AGO),))
    assert (failing(body, facts, recipient=recipient) == []) is covered
    two = replace(facts, vendor_parties=("pty-vendor", "pty-vendor-2"))
    assert (failing(body, two, recipient=recipient) == []) is (covered and named != ["pty-vendor"])
    nobody = replace(facts, vendor_parties=())
    assert (failing(body, nobody, recipient=None) == []) is (not named)


@pytest.mark.parametrize(("regions", "asked", "covered"), [([], None, True), (["eu"], "eu", True), (["eu"], "us", False), (["eu"], None, False)])  # fmt: skip
def test_a_grant_for_regions_needs_the_work_to_be_in_one(regions: list[str], asked: str | None, covered: bool) -> None:
    body = grant(regions=regions) if regions else grant()
    assert (failing(body, world([family("a", document("d", body))]), region=asked) == []) is covered


# --- which grants cover and reach


def test_grants_that_cover_the_question_and_have_not_run_out() -> None:
    terms = [
        grant("yes"), grant("wide", actions=["train", "review"]), grant("other", actions=["review"]), grant("fun", purposes=["marketing"]),
        grant("past", until="2026-11-01T12:00:00+00:00"), grant("soon", until="2026-11-01T12:00:01+00:00"), BAN,
    ]  # fmt: skip
    laid = read(world([family("a", document("d", *terms))]))
    found = standing.laws(laid)["a"][0]
    assert sorted(each.clause.ref for each, _ in granting.covering(laid, found)) == ["soon", "wide", "yes"]


# --- safeguards of a grant


@pytest.mark.parametrize(
    ("needed", "masked", "met"),
    [
        ({"kind": "pseudonymised", "known": "claimed"}, True, True), ({"kind": "pseudonymised", "known": "claimed"}, False, False),
        ({"kind": "pseudonymised"}, True, False), ({"kind": "deidentified", "known": "claimed"}, True, False),
        ({"kind": "pseudonymised", "known": "claimed", "standard": "s"}, True, False),
    ],
)  # fmt: skip
def test_masking_on_every_path_meets_who_is_content_with_a_claim(
    needed: dict[str, Any], masked: bool, met: bool
) -> None:
    body = grant(safeguards=[needed])
    laid = read(world([family("a", document("d", body))]))
    each, terms = next(standing.laws(laid)["a"][0].of(clauses.Grant))
    assert granting.offer(laid, each, terms, "text", masked) == Offer(each, terms, () if met else terms.safeguards)


def test_a_safeguard_must_be_in_place_in_every_version_and_is_not_while_rows_change() -> None:
    facts = world([family("a", document("d", grant()))])
    facts = replace(facts, dataset=replace(facts.dataset, versions=(Version("D", "one", LONG_AGO), Version("D", "two", LONG_AGO))))  # fmt: skip
    one, two = (InPlace(run, "pseudonymised", Known.DECLARED) for run in ("one", "two"))
    needed = Duty("pseudonymised")
    for found, met in (((one,), False), ((one, two), True), ((), False), ((one, replace(two, columns=("other",))), False)):  # fmt: skip
        assert granting.is_met(read(replace(facts, safeguards=found)), needed, "text", False) is met
    none = replace(facts, dataset=replace(facts.dataset, versions=()), safeguards=(one,))
    assert granting.is_met(read(none), needed, "text", False) is False
    grouped = tuple(InPlace(run, "aggregated", Known.DECLARED) for run in ("one", "two"))
    asked = read(replace(facts, safeguards=grouped))
    assert granting.is_met(asked, Duty("aggregated"), "text", False) is True
    assert granting.is_met(replace(asked, rows_change=True), Duty("aggregated"), "text", False) is False
    assert granting.is_met(replace(read(replace(facts, safeguards=(one, two))), rows_change=True), needed, "text", False) is True  # fmt: skip


# --- which grants are chosen


def offers(*said: tuple[str, tuple[Duty, ...], int | None], ref: str = "d") -> tuple[Offer, ...]:
    made = []
    for name, missing, days in said:
        body = grant(name, max_retention_days=days) if days else grant(name)
        term = clauses.parse("Grant", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"], **({"max_retention_days": days} if days else {})})  # fmt: skip
        assert isinstance(term, clauses.Grant)
        made.append(Offer(Live(document(ref), body, term), term, missing))
    return tuple(made)


def chosen(options: dict[tuple[str, str], tuple[Offer, ...]]) -> list[str]:
    return [each.live.clause.ref for each in granting.choose(options)]


PSEUDO, DEID, DP = Duty("pseudonymised"), Duty("deidentified"), Duty("dp")


def test_the_fewest_duties_after_merging_are_chosen_and_ties_fall_by_content() -> None:
    assert chosen({("f", "c"): offers(("a", (PSEUDO,), None), ("b", (), None))}) == ["b"]
    assert chosen({("f", "c"): offers(("b", (), None), ("a", (), None))}) == ["a"]
    assert chosen({("f", "c"): offers(("a", (DP,), None), ("b", (DEID,), None))}) == ["b"]
    # two that need the same are less than two that need different things
    assert chosen({("f", "c"): offers(("a", (PSEUDO,), None), ("b", (DP,), None)), ("f", "d"): offers(("c", (DP,), None))}) == ["b", "c"]  # fmt: skip
    assert chosen({("f", "c"): offers(("a", (PSEUDO, DP), None), ("b", (DEID,), None))}) == ["b"]
    # of two that lack the same the first by content stands for both; another life is another offer
    assert chosen({("f", "c"): offers(("b", (DP,), None), ("a", (DP,), None))}) == ["a"]
    assert chosen({("f", "c"): offers(("z", (), None), ("a", (), 9))}) == chosen({("f", "c"): offers(("a", (), 9), ("z", (), None))})  # fmt: skip
    assert [*chosen({("g", "x"): offers(("a", (), None)), ("f", "y"): offers(("b", (), None))})] == ["b", "a"]
    assert chosen({("f", "c"): (*offers(("a", (), None), ref="e"), *offers(("z", (), None), ref="d"))}) == ["z"]


def test_bounds_that_are_missed_count_as_they_merge() -> None:
    weak, strong = Duty("deidentified", bounds=Bounds(k=5)), Duty("deidentified", bounds=Bounds(k=9))
    assert chosen({("f", "c"): offers(("a", (strong,), None), ("b", (weak,), None))}) == ["b"]
    assert chosen({("f", "c"): offers(("a", (strong,), None), ("b", (weak,), None)), ("f", "d"): offers(("x", (strong,), None))}) == ["a", "x"]  # fmt: skip


@pytest.mark.parametrize(("most", "expected"), [(4, ["a", "c"]), (3, ["b", "d"])])
def test_beyond_a_number_of_choices_each_category_is_settled_on_its_own(
    monkeypatch: pytest.MonkeyPatch, most: int, expected: list[str]
) -> None:
    """Together pseudonymised does for both; on its own each falls for what comes first by content."""
    monkeypatch.setattr(granting, "MOST_CHOICES", most)
    first, second = (
        offers(("a", (PSEUDO,), None), ("b", (DP,), None)),
        offers(("c", (PSEUDO,), None), ("d", (Duty("aggregated"),), None)),
    )
    assert chosen({("f", "x"): first, ("f", "y"): second}) == expected
