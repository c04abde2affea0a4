"""How long a decision holds (SEMANTICS §7): which moments are looked at, and what counts as allowing less."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from governance.policy import decisions, engine, outlook
from governance.policy.answers import (
    ColumnPlan,
    Duty,
    ErasureList,
    PeopleList,
    Plan,
    Treatment,
    TreatmentClass,
    UndertakingNote,
    Verdict,
)
from governance.policy.decisions import Outcome
from governance.policy.values import (
    AppliedList,
    Bounds,
    Built,
    Facts,
    Need,
    OptIn,
    OwnKeys,
    Question,
)
from tests.policy.worlds import LONG_AGO, NOW, ask, clause, document, family, grant, world

TICK, DAY = timedelta(microseconds=1), timedelta(hours=24)


def ending(at: datetime) -> Facts:
    """A contract that permits and ends."""
    return world([family("a", document("d", grant(), terminated_at=at))])


# --- moments


@pytest.mark.parametrize(
    ("at", "holds"),
    [(NOW, False), (NOW + TICK, True), (NOW + DAY, True), (NOW + DAY + TICK, None)],
)
def test_a_permit_ends_at_the_first_moment_within_a_day_that_allows_less(at: datetime, holds: bool | None) -> None:
    found = engine.decide(ask(), ending(at)).holds_until
    assert found == (at if holds else None)


def test_of_several_moments_the_first_that_allows_less_ends_it() -> None:
    first = family("a", document("d", grant(), terminated_at=NOW + 3 * TICK), document("e", effective_at=NOW + TICK))
    more = replace(world([first]), opt_ins=(OptIn("x", "a", NOW + 2 * TICK, NOW + 4 * TICK),))
    assert engine.decide(ask(), more).holds_until == NOW + 3 * TICK


def test_what_is_known_later_counts_when_it_is_known() -> None:
    """A ban that was activated after the moment as of which the question asks is seen at the moment when it was."""
    ban = document("e", clause("ban", "Prohibition", actions=["train"]), recorded_at=NOW + TICK)
    facts = world([family("a", document("d", grant()), ban)])
    assert engine.decide(ask(), facts).holds_until == NOW + TICK
    known_long = replace(ask(), as_known_at=NOW + 2 * TICK)
    assert engine.decide(known_long, facts).verdict is Verdict.DENY


def test_a_refusal_does_not_end() -> None:
    assert engine.decide(ask(), world([family("a", document("d", terminated_at=NOW + TICK))])).holds_until is None


def test_every_moment_of_the_facts_is_looked_at_those_within_clauses_and_those_when_lists_grow_old_too() -> None:
    applied, erased = NOW - timedelta(hours=1), NOW - timedelta(hours=2)
    facts = world(
        [family("a", document("d", grant(until="2026-12-24"), clause("odd", "Grant"), clause("n", "RetentionLimit", days=3), signed_on=date(2026, 1, 2)))],
        built=Built("p", (AppliedList("s", "c", Need.CONSENT, applied),), (AppliedList("s", "", Need.NOTHING, erased),)),
    )  # fmt: skip
    found = set(outlook.instants(facts))
    assert found == {LONG_AGO, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC), applied, applied + DAY, erased, erased + DAY}  # fmt: skip
    without = set(outlook.instants(replace(facts, built=None)))
    assert without == {LONG_AGO, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC)}


def test_an_end_in_a_clause_with_the_vendors_own_keys_is_seen() -> None:
    body = grant("g", "customer.usage.uptime", until="2026-12-24")
    facts = world([family("a", document("d", body))], own_keys=OwnKeys(contract=("customer.usage.uptime",)))
    assert datetime(2026, 12, 24, tzinfo=UTC) in set(outlook.instants(facts))
    assert datetime(2026, 12, 24, tzinfo=UTC) not in set(outlook.instants(replace(facts, own_keys=OwnKeys())))


@pytest.mark.parametrize(
    ("moments", "stands"),
    [
        ((), None), ((NOW,), None), ((NOW + TICK,), NOW + TICK), ((NOW + DAY,), NOW + DAY), ((NOW + DAY + TICK,), NOW + TICK),
        ((NOW + 3 * DAY, NOW + 2 * DAY), NOW + DAY), ((NOW + 3 * DAY, NOW + 5 * TICK), NOW + 5 * TICK),
    ],
)  # fmt: skip
def test_the_same_bytes_stand_until_a_moment_comes_or_comes_into_sight(
    moments: tuple[datetime, ...], stands: datetime | None
) -> None:
    facts = replace(world([family("a", document("d", grant()))]), opt_ins=tuple(OptIn("x", "a", LONG_AGO, at) for at in moments))  # fmt: skip
    assert outlook.stands_until(ask(), facts) == engine.stands_until(ask(), facts) == stands


# --- what allows less


KEEP = ColumnPlan("text", Treatment.KEEP)
PEOPLE = PeopleList("s", "c", Need.CONSENT, "only", ("p",), 5, "d", 1)
ERASED = ErasureList("s", ("p",), 1, "d")


def outcome(*columns: ColumnPlan, customer: str = "a", verdict: Verdict = Verdict.PERMIT, **more: object) -> Outcome:
    people, erased = more.pop("people", ()), more.pop("erased", ())
    one = TreatmentClass("class-1", 1, "x", columns or (KEEP,), people, erased)  # type: ignore[arg-type]
    return Outcome(verdict, (), Plan(("text",), (one,), (), (), False, **more), {"class-1": (customer,) if customer else ()})  # type: ignore[arg-type]  # fmt: skip


def apply(*duties: Duty) -> ColumnPlan:
    return ColumnPlan("text", Treatment.APPLY, duties)


NOTE = UndertakingNote("d", "u", "{}")


@pytest.mark.parametrize(
    ("now", "later", "less"),
    [
        (outcome(), outcome(), False),
        (outcome(), outcome(customer="b"), True),
        (outcome(KEEP, replace(KEEP, column="use")), outcome(), True),
        (outcome(), outcome(KEEP, replace(KEEP, column="use")), False),
        (outcome(), outcome(ColumnPlan("text", Treatment.BLANK)), True),
        (outcome(), outcome(ColumnPlan("text", Treatment.NONE)), True),
        (outcome(ColumnPlan("text", Treatment.NONE)), outcome(ColumnPlan("text", Treatment.BLANK)), False),
        (outcome(ColumnPlan("text", Treatment.BLANK)), outcome(), False),
        (outcome(), outcome(apply(Duty("dp"))), True),
        (outcome(apply(Duty("dp"))), outcome(), False),
        (outcome(apply(Duty("deidentified"))), outcome(apply(Duty("pseudonymised"))), False),
        (outcome(apply(Duty("pseudonymised"))), outcome(apply(Duty("deidentified"))), True),
        (outcome(apply(Duty("deidentified", bounds=Bounds(k=9)), Duty("dp"))), outcome(apply(Duty("dp"), Duty("deidentified"))), False),
        (outcome(apply(Duty("dp"))), outcome(apply(Duty("dp"), Duty("aggregated"))), True),
        (outcome(apply(Duty("dp"))), outcome(ColumnPlan("text", Treatment.BLANK)), True),
        (outcome(), outcome(people=(PEOPLE,)), True), (outcome(people=(PEOPLE,)), outcome(), False), (outcome(people=(PEOPLE,)), outcome(people=(PEOPLE,)), False),
        (outcome(people=(PEOPLE,)), outcome(people=(replace(PEOPLE, count=4),)), True),
        (outcome(), outcome(erased=(ERASED,)), True), (outcome(erased=(ERASED,)), outcome(), False),
        (outcome(), outcome(undertakings=(NOTE,)), True), (outcome(undertakings=(NOTE,)), outcome(), False),
        (outcome(), outcome(keep_for_days=9), True), (outcome(keep_for_days=9), outcome(), False),
        (outcome(keep_for_days=9), outcome(keep_for_days=9), False), (outcome(keep_for_days=9), outcome(keep_for_days=8), True),
        (outcome(keep_for_days=8), outcome(keep_for_days=9), False),
        (Outcome(Verdict.PERMIT, ()), Outcome(Verdict.DENY, ()), True), (Outcome(Verdict.PERMIT, ()), Outcome(Verdict.PERMIT, ()), False),
        (Outcome(Verdict.DENY, ()), Outcome(Verdict.DENY, ()), False), (outcome(), Outcome(Verdict.DENY, ()), True),
        (Outcome(Verdict.DENY, ()), outcome(), False), (Outcome(Verdict.PERMIT, ()), outcome(verdict=Verdict.DENY), True),
    ],
)  # fmt: skip
def test_less_is_fewer_cells_or_rows_or_more_duties(now: Outcome, later: Outcome, less: bool) -> None:
    assert outlook.allows_less(now, later) is less


def test_treatments_are_by_customer_and_column_and_stand_under_nobody_where_nobody_is_a_customer() -> None:
    use = ColumnPlan("use", Treatment.BLANK)
    assert outlook.treatments(outcome(KEEP, use)) == {("a", "text"): KEEP, ("a", "use"): use}
    assert outlook.treatments(outcome(customer="")) == {("", "text"): KEEP}
    assert outlook.treatments(Outcome(Verdict.DENY, ())) == {}


def test_later_answers_are_those_of_the_rules_that_decided() -> None:
    asked: list[Question] = []

    def evaluate(question: Question, facts: Facts) -> Outcome:
        asked.append(question)
        return Outcome(Verdict.DENY, ())

    facts = ending(NOW + TICK).normal()
    now = decisions.evaluate(ask(), facts)
    assert outlook.holds_until(ask(), facts, now, evaluate) == NOW + TICK
    assert asked == [replace(ask(), at=NOW + TICK, as_known_at=NOW + TICK)]
    later = replace(ask(), as_known_at=NOW + 2 * TICK)
    assert outlook.holds_until(later, facts, now, evaluate) == NOW + TICK
    assert asked[1] == replace(later, at=NOW + TICK)
