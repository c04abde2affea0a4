"""The plan (SEMANTICS §5): classes of customers, what happens to each column, filters, and what travels with it."""

from dataclasses import replace
from typing import Any

from governance.policy import canonical, judging, planning
from governance.policy import world as laid_out
from governance.policy.answers import (
    ColumnPlan,
    Duty,
    ErasureList,
    LeftOut,
    PeopleList,
    Plan,
    Reason,
    TenantFilter,
    Treatment,
)
from governance.policy.cells import Answer
from governance.policy.judging import Group, Judged
from governance.policy.planning import Sorted
from governance.policy.values import (
    Bounds,
    Declaration,
    Facts,
    Generalisation,
    Identity,
    Known,
    Need,
    Origin,
)
from tests.policy.worlds import NS, ask, clause, document, family, grant, world

KEEP, BLANK = Answer(Treatment.KEEP, ()), Answer(Treatment.BLANK, ())


def read(facts: Facts, *columns: str, **asked: Any) -> laid_out.World:
    return laid_out.read(ask(*columns, **asked), facts.normal())


def group(*customers: str, out: dict[str, tuple[Reason, ...]] | None = None, **cells: Answer) -> Group:
    found = cells or {"text": KEEP}
    members = [Judged(u, (out or {}).get(u, ()), found, (), (), ()) for u in customers]
    return Group(tuple(members), found, (), ())


def planned(
    facts: Facts, *columns: str, filtered: bool = False, **asked: Any
) -> tuple[Plan, dict[str, tuple[str, ...]]]:
    laid = read(facts, *columns, **asked)
    groups = judging.groups(laid, judging.everybody(laid))
    return planning.plan(laid, groups, filtered=filtered)


def terms(**each: list[Any]) -> Facts:
    """Customers by their clauses."""
    return world([family(u, document(f"d-{u}", *clauses)) for u, clauses in each.items()])


# --- who stays


def test_who_is_refused_goes_with_the_codes_that_put_it_out() -> None:
    laid = read(world(customers=("a", "b", "c")))
    out = {"a": (Reason("deletion-open", "a"), Reason("no-contract", "a")), "c": (Reason("no-contract", "c"), Reason("deletion-open", "c"))}  # fmt: skip
    stays = group("b")
    found = planning.sort(laid, [group("c", out=out), stays, group("a", out=out)])
    assert found == Sorted((stays,), (LeftOut(("a", "c"), ("deletion-open", "no-contract")),), ())


def test_a_class_of_which_nothing_is_left_goes_with_what_made_it_blank() -> None:
    laid = read(world(customers=("a",)), "text", "use")
    why = (Reason("prohibition", "a", "text"), Reason("granted-by", "a", "text"), Reason("safeguard-missing", "a", "text"), Reason("basis", "a"))  # fmt: skip
    cells = {"text": Answer(Treatment.BLANK, why), "use": Answer(Treatment.NONE, (Reason("not-granted", "a"),))}
    found = planning.sort(laid, [group("a", **cells)])
    assert found == Sorted((), (LeftOut(("a",), ("all-blank", "prohibition")),), (Reason("all-blank", "a"),))
    kept = {"text": Answer(Treatment.BLANK, why), "use": KEEP}
    stays = group("a", **kept)
    assert planning.sort(laid, [stays]) == Sorted((stays,), (), ())
    refused = planning.sort(laid, [group("a", out={"a": (Reason("no-contract", "a"),)}, **kept)])
    assert refused == Sorted((), (LeftOut(("a",), ("no-contract",)),), ())


def test_a_required_column_that_is_blank_leaves_the_class_out() -> None:
    laid = read(world(customers=("a",)), "text", "use", required=("text", "use"))
    found = planning.sort(laid, [group("a", text=BLANK, use=KEEP)])
    assert found.reasons == (Reason("required-column", "a", "text"),)
    assert found.left_out == (LeftOut(("a",), ("required-column",)),)
    nothing = Answer(Treatment.NONE, ())
    assert planning.sort(laid, [group("a", text=nothing, use=KEEP)]).left_out == ()
    assert planning.sort(read(world(customers=("a",)), "text", "use"), [group("a", text=nothing, use=nothing)]).left_out == ()  # fmt: skip


def test_what_explains_a_permit_or_names_a_duty_does_not_speak_against_it() -> None:
    said = {code: planning.speaks_against(Reason(code)) for code in ("prohibition", "granted-by", "basis", "safeguard-missing", "k-too-low")}  # fmt: skip
    assert said == {"prohibition": True, "granted-by": False, "basis": False, "safeguard-missing": False, "k-too-low": False}  # fmt: skip


def test_rows_change_where_people_or_small_groups_go() -> None:
    plain = group("a")
    assert not planning.changes_rows([plain]) and not planning.changes_rows([])
    erased = replace(plain, erased=(ErasureList("s", ("p",), 1, "d"),))
    assert planning.changes_rows([plain, erased])
    for duty, changes in ((Duty("aggregated"), True), (Duty("deidentified", bounds=Bounds(k=5)), True), (Duty("dp"), False)):  # fmt: skip
        assert planning.changes_rows([group("a", text=Answer(Treatment.APPLY, (), (duty,)), use=KEEP)]) is changes


# --- classes


def test_customers_with_the_same_outcome_are_one_class_in_the_order_of_what_happens() -> None:
    need = {"safeguards": ["pseudonymised"]}
    plan, members = planned(terms(a=[grant("g1")], b=[grant("g2", **need)], c=[grant("g3")]))
    assert members == {"class-1": ("a", "c"), "class-2": ("b",)}
    keep, apply = plan.classes
    assert (apply.ref, apply.customers, apply.columns) == ("class-2", 1, (ColumnPlan("text", Treatment.APPLY, (Duty("pseudonymised"),)),))  # fmt: skip
    assert (keep.ref, keep.customers, keep.columns) == ("class-1", 2, (ColumnPlan("text", Treatment.KEEP),))
    assert keep.customers_digest == canonical.value_digest(["a", "c"])
    assert plan.columns == ("text",) and plan.changes_rows is False and plan.keep_for_days is None


def test_classes_are_numbered_by_what_happens_and_not_by_whose_they_are() -> None:
    _, members = planned(terms(a=[grant("g1", safeguards=["pseudonymised"])], b=[grant("g2")]))
    assert members == {"class-1": ("b",), "class-2": ("a",)}


def test_columns_by_which_people_are_told_apart_are_read_for_filtering() -> None:
    told = PeopleList("s", "c", Need.CONSENT, "only", ("person",), 1, "d", 1)
    one = replace(group("a"), lists=(told,), erased=(ErasureList("t", ("employee",), 1, "d"),))
    plan, _ = planning.plan(read(world(customers=("a",))), (one,), filtered=False)
    assert plan.filter_columns == ("employee", "person") and plan.changes_rows is True


def test_rows_are_told_apart_by_tenant_only_where_that_is_needed() -> None:
    same = terms(a=[grant("g1")], b=[grant("g2")])
    tenants = (TenantFilter("src", "crm", ("tenant",)),)
    plan, _ = planned(same)
    assert (plan.tenant_filters, plan.filter_columns, plan.changes_rows) == ((), (), False)
    plan, _ = planned(same, filtered=True)
    assert (plan.tenant_filters, plan.filter_columns, plan.changes_rows) == (tenants, ("tenant",), True)
    plan, _ = planned(terms(a=[grant("g1")], b=[grant("g2", safeguards=["dp"])]))
    assert (plan.tenant_filters, plan.filter_columns, plan.changes_rows) == (tenants, ("tenant",), False)


def test_a_source_of_one_customer_is_told_by_its_own_key_column() -> None:
    one = Declaration("one", NS, "one", ("a",), product="desk", region="eu")
    facts = replace(
        terms(a=[grant("g1")]), declarations=(one,), origins=(Origin("text", "one", NS, "one", "text"),),
        identities=(Identity("is_one", "tenant", "z", "one"), Identity("is_one", "tenant", "y", "one"), Identity("who", "person", "x", "one"), Identity("of", "tenant", "a", "two")),
    )  # fmt: skip
    plan, _ = planned(facts, filtered=True)
    assert plan.tenant_filters == (TenantFilter("one", "y", ("is_one",)),)
    plan, _ = planned(replace(facts, identities=()), filtered=True)
    assert (plan.tenant_filters, plan.filter_columns) == ((), ())


# --- what travels with the plan


def test_generalisations_stand_in_the_plan_for_columns_to_be_deidentified() -> None:
    said = (Generalisation("text", "round", "{}"), Generalisation("text", "cut", '{"n":1}'), Generalisation("use", "cut"))  # fmt: skip
    columns = {"text": ("customer.content",), "use": ("customer.usage",)}
    body = [grant("g1", "customer.content", safeguards=["deidentified"]), grant("g2", "customer.usage", safeguards=["dp"])]  # fmt: skip
    facts = world([family("a", document("d", *body))], columns=columns, generalisations=said)
    plan, _ = planned(facts, "text", "use")
    assert plan.generalisations == (("text", "cut", '{"n":1}'), ("text", "round", "{}"))
    assert plan.quasi_identifiers == ()


def test_over_what_k_is_measured_stands_in_the_plan_where_k_is() -> None:
    needed = [{"kind": "deidentified", "k": 5, "known": "measured"}]
    facts = terms(a=[grant("g1", safeguards=needed)])
    plan, _ = planned(replace(facts, quasi_identifiers=("zip", "age")))
    assert plan.quasi_identifiers == ("age", "zip") and plan.changes_rows is True
    plan, _ = planned(replace(terms(a=[grant("g1", safeguards=["deidentified"])]), quasi_identifiers=("zip",)))
    assert plan.quasi_identifiers == () and plan.changes_rows is False
    assert planning._measures_k([]) is False
    assert Known.MEASURED in {duty.known for each in planned(facts)[0].classes for c in each.columns for duty in c.duties}  # fmt: skip


def test_undertakings_about_the_action_and_the_data_travel_with_it() -> None:
    said = [
        clause("u1", "Undertaking", duty="attribution"), clause("u2", "Undertaking", duty="attribution", actions=["review"]),
        clause("u3", "Undertaking", scope=("shop",), duty="attribution"), clause("u0", "Undertaking", scope=("desk",), duty="no-human-review"),
    ]  # fmt: skip
    plan, _ = planned(terms(a=[grant("g1"), *said], b=[grant("g2"), clause("u9", "Undertaking", duty="attribution")]))
    assert [(note.document, note.clause) for note in plan.undertakings] == [("d-a", "u0"), ("d-a", "u1"), ("d-b", "u9")]  # fmt: skip


def test_copies_live_as_short_as_any_term_that_concerns_them_says() -> None:
    def days(*more: Any, action: str = "train", **body: Any) -> int | None:
        actions = {"actions": ["train", "review"]}
        return planned(terms(a=[grant("g1", **actions, **body), *more], b=[grant("g2", **actions)]), action=action)[0].keep_for_days  # fmt: skip

    assert days() is None and days(max_retention_days=9) == 9
    assert days(clause("r", "RetentionLimit", days=5), max_retention_days=9) == 5
    assert days(clause("r", "RetentionLimit", days=50), max_retention_days=9) == 9
    assert days(clause("r", "RetentionLimit", days=5), clause("s", "RetentionLimit", days=4)) == 4
    assert days(clause("r", "RetentionLimit", scope=("shop",), days=5)) is None
    assert days(clause("r", "RetentionLimit", scope=("desk",), days=5)) == 5
    assert days(clause("r", "RetentionLimit", days=5), action="review") is None
