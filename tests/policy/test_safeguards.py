"""What is in place, what it meets, and how duties add up; periods and their ends: the small rules, value by value."""

from datetime import timedelta
from itertools import permutations, product

import pytest

from governance.policy import periods, safeguards
from governance.policy.answers import Duty
from governance.policy.values import Bounds as B
from governance.policy.values import Column, InPlace, Known, OptIn
from tests.policy.worlds import LONG_AGO, NOW

C, D, M = Known.CLAIMED, Known.DECLARED, Known.MEASURED
NAMES = ("pseudonymised", "deidentified", "aggregated", "synthetic", "dp", "anonymised")
IMPLIED = {("deidentified", "pseudonymised"), ("anonymised", "deidentified"), ("anonymised", "pseudonymised")}
TICK = timedelta(microseconds=1)


def meets(found: InPlace, needed: Duty, kind: str = "value", quasi: tuple[str, ...] = ()) -> bool:
    return safeguards.satisfies(found, needed, Column("text", kind), quasi)


def placed(safeguard: str = "deidentified", known: Known = D, **more: object) -> InPlace:
    return InPlace("run-1", safeguard, known, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("found", "needed"), list(product(NAMES, NAMES)))
def test_a_safeguard_meets_itself_and_what_it_implies(found: str, needed: str) -> None:
    assert meets(placed(found), Duty(needed)) is (found == needed or (found, needed) in IMPLIED)
    assert safeguards.implies(Duty(found), Duty(needed)) is (found == needed or (found, needed) in IMPLIED)


@pytest.mark.parametrize(("found", "needed"), list(product(Known, Known)))
def test_what_is_known_better_meets_what_may_be_known_worse(found: Known, needed: Known) -> None:
    better = list(Known).index(found) >= list(Known).index(needed)
    assert meets(placed(known=found), Duty("deidentified", known=needed)) is better
    assert safeguards.implies(Duty("dp", known=found), Duty("dp", known=needed)) is better


@pytest.mark.parametrize("known", [C, M])
def test_anonymised_can_only_be_declared(known: Known) -> None:
    for needed in ("anonymised", "pseudonymised"):
        assert not meets(placed("anonymised", known), Duty(needed, known=C))
    assert meets(placed("synthetic", known), Duty("synthetic", known=C))


def test_a_standard_is_met_by_the_same_and_none_by_any() -> None:
    hipaa = placed(standard="hipaa")
    assert meets(hipaa, Duty("deidentified")) and meets(hipaa, Duty("deidentified", "hipaa"))
    assert not meets(hipaa, Duty("deidentified", "ccpa")) and not meets(placed(), Duty("deidentified", "hipaa"))


def test_k_counts_over_all_that_could_tell_people_apart_and_only_for_values() -> None:
    k = placed(known=M, bounds=B(k=5), quasi_identifiers=("age", "zip"))
    needed = Duty("deidentified", bounds=B(k=5))
    assert meets(k, needed) and meets(k, needed, quasi=("zip",)) and meets(k, needed, quasi=("age", "zip"))
    assert not meets(k, needed, quasi=("age", "city"))
    assert meets(k, Duty("deidentified", bounds=B(k=5), quasi_identifiers=("age",)))
    assert not meets(k, Duty("deidentified", bounds=B(k=5), quasi_identifiers=("city",)))
    for kind in ("text", "embedding"):
        assert not meets(k, needed, kind) and meets(k, Duty("deidentified"), kind, ("city",))


@pytest.mark.parametrize("name", ["k", "n", "c"])
def test_a_count_is_met_from_its_bound_on(name: str) -> None:
    needed = B(**{name: 5})
    assert [safeguards.within(B(**{name: count}), needed) for count in (4, 5, 6)] == [False, True, True]
    assert not safeguards.within(B(), needed) and safeguards.within(needed, B())
    assert not safeguards.within(B(**{other: 9 for other in ("k", "n", "c") if other != name}), needed)


@pytest.mark.parametrize(
    ("found", "met"),
    [("0.5", True), ("1", True), ("1.0", True), ("1.01", False), ("10", False), ("0", False), ("-1", False), ("x", False), ("NaN", False), (None, False)],
)  # fmt: skip
def test_epsilon_is_met_up_to_its_bound(found: str | None, met: bool) -> None:
    assert safeguards.within(B(epsilon=found), B(epsilon="1")) is met
    assert safeguards.within(B(epsilon=found), B())


def test_only_k_and_groups_rest_on_the_rows_that_are_there() -> None:
    assert safeguards.rests_on_rows(Duty("deidentified", bounds=B(k=2))) and safeguards.rests_on_rows(
        Duty("aggregated")
    )
    assert not any(safeguards.rests_on_rows(Duty(name)) for name in NAMES if name != "aggregated")


MERGED = [
    ((), ()),
    ((Duty("pseudonymised"), Duty("deidentified")), (Duty("deidentified"),)),
    ((Duty("pseudonymised", known=M), Duty("deidentified", known=C)), (Duty("deidentified", known=M),)),
    ((Duty("pseudonymised", "hipaa"), Duty("deidentified")), (Duty("deidentified", "hipaa"),)),
    ((Duty("pseudonymised", "hipaa"), Duty("deidentified", "ccpa")), (Duty("deidentified", "ccpa"), Duty("pseudonymised", "hipaa"))),
    # one without a standard joins the first that there is
    ((Duty("deidentified", bounds=B(k=9)), Duty("pseudonymised", "b"), Duty("pseudonymised", "a")), (Duty("deidentified", "a", bounds=B(k=9)), Duty("pseudonymised", "b"))),
    ((Duty("deidentified", bounds=B(k=5), quasi_identifiers=("b",)), Duty("deidentified", bounds=B(k=9), quasi_identifiers=("a", "b"))), (Duty("deidentified", bounds=B(k=9), quasi_identifiers=("a", "b")),)),
    ((Duty("deidentified", bounds=B(k=5), quasi_identifiers=("b",)), Duty("deidentified", bounds=B(k=5), quasi_identifiers=("a",))), (Duty("deidentified", bounds=B(k=5), quasi_identifiers=("a", "b")),)),
    ((Duty("aggregated", bounds=B(n=5, c=2)), Duty("aggregated", bounds=B(n=3, c=4))), (Duty("aggregated", bounds=B(n=5, c=4)),)),
    ((Duty("dp", bounds=B(epsilon="10")), Duty("dp", bounds=B(epsilon="9"))), (Duty("dp", bounds=B(epsilon="9")),)),
    ((Duty("dp", bounds=B(epsilon="2")), Duty("dp")), (Duty("dp", bounds=B(epsilon="2")),)),
    ((Duty("dp"), Duty("aggregated"), Duty("synthetic")), (Duty("aggregated"), Duty("dp"), Duty("synthetic"))),
    # what is anonymised is pseudonymised, but by no standard, unmeasured, and to no k
    ((Duty("pseudonymised"), Duty("anonymised")), (Duty("anonymised"),)),
    ((Duty("deidentified", known=C), Duty("anonymised")), (Duty("anonymised"),)),
    ((Duty("deidentified"), Duty("anonymised", known=C)), (Duty("anonymised", known=C), Duty("deidentified"))),
    ((Duty("pseudonymised", "hipaa"), Duty("anonymised")), (Duty("anonymised"), Duty("pseudonymised", "hipaa"))),
    ((Duty("pseudonymised", known=M), Duty("anonymised")), (Duty("anonymised"), Duty("pseudonymised", known=M))),
    ((Duty("deidentified", bounds=B(k=5)), Duty("anonymised")), (Duty("anonymised"), Duty("deidentified", bounds=B(k=5)))),
    ((Duty("pseudonymised"), Duty("dp")), (Duty("dp"), Duty("pseudonymised"))),
]  # fmt: skip


@pytest.mark.parametrize(("duties", "merged"), MERGED)
def test_duties_add_up(duties: tuple[Duty, ...], merged: tuple[Duty, ...]) -> None:
    for order in permutations(duties):
        assert safeguards.merge(order) == merged
        assert safeguards.merge([*order, *order]) == merged
    assert all(any(safeguards.implies(one, given) for one in merged) for given in duties)


def test_a_period_holds_from_its_first_instant_to_before_its_last() -> None:
    during = OptIn("o", "a", NOW, NOW + TICK * 2)
    assert [periods.holds(during, NOW + TICK * n) for n in (-1, 0, 1, 2, 3)] == [False, True, True, False, False]
    assert periods.holds(OptIn("o", "a", NOW), NOW + timedelta(days=9_999))


def test_a_fact_counts_where_it_holds_and_was_known() -> None:
    late = OptIn("o", "a", LONG_AGO, recorded_at=NOW)
    assert [periods.counts(late, NOW, NOW + TICK * n) for n in (-1, 0, 1)] == [False, True, True]
    assert not periods.counts(late, LONG_AGO - TICK, NOW)
    assert periods.counts(OptIn("o", "a", LONG_AGO), NOW, LONG_AGO - TICK)  # whoever gathered it has looked
    assert periods.known(None, LONG_AGO) and not periods.over(None, NOW)
    assert [periods.over(NOW, NOW + TICK * n) for n in (-1, 0, 1)] == [False, True, True]
