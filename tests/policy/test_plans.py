"""A whole plan, member by member, and the counts of people beside it: what a permit binds may not change unseen."""

from dataclasses import replace

import pytest

from governance.policy import canonical, engine, judging, tallies
from governance.policy import world as worlds_
from governance.policy.answers import (
    ColumnPlan,
    Counts,
    Duty,
    ErasureList,
    LeftOut,
    PeopleList,
    Plan,
    TenantFilter,
    Treatment,
    TreatmentClass,
    UndertakingNote,
)
from governance.policy.people import Needed
from governance.policy.values import (
    Bounds,
    Built,
    ColumnCategory,
    ConsentView,
    Declaration,
    Facts,
    Generalisation,
    Identity,
    Known,
    Need,
    Obligation,
    Origin,
    Schema,
)
from tests.policy.worlds import NOW, NS, ask, clause, document, family, grant, world

K = Duty("deidentified", known=Known.MEASURED, bounds=Bounds(k=20))
COLUMNS = {
    "mail": ("customer.content", "user.contact.email"),
    "text": ("customer.content",),
    "use": ("customer.usage",),
}
BAN = clause("ban", "Prohibition", actions=["train"], categories=["customer.usage"])
CARE = clause("care", "Undertaking", duty="attribution")


def full() -> Facts:
    """Customers a and b alike, c without usage data, d out; people on lists; a source with a key of its own; rows of nobody."""
    needs = [{"kind": "deidentified", "k": 20, "known": "measured"}]
    facts = world(
        [
            family("a", document("da", grant("ga", "customer.content", max_retention_days=90), grant("gu", "customer.usage", safeguards=needs), CARE)),
            family("b", document("db", grant("gb", "customer.content"), grant("gu", "customer.usage", safeguards=needs), clause("keep", "RetentionLimit", days=60))),
            family("c", document("dc", grant("gc", "customer"), BAN, clause("other", "Undertaking", duty="attribution", actions=["review"]))),
            family("d", document("dd", grant("gd", "customer"), replace(BAN, body=canonical.text({"actions": ["train"]})))),
        ],
        columns=COLUMNS,
        generalisations=(Generalisation("use", "band", '{"width":10}'), Generalisation("text", "truncate"), Generalisation("gone", "band")),
        obligations=(Obligation("obl", "a", "open", NOW, subject_space="people", subjects=2, digest="erased"),),
    )  # fmt: skip
    crm = replace(facts.declarations[0], subject_space="people", controller="ctl", unmapped_rows=3)
    calls = Declaration("calls", NS, "crm.calls", ("a",))
    own = Declaration("own", NS, "own.notes", no_customer_data=True)
    return replace(
        facts,
        declarations=(crm, calls, own),
        origins=(*facts.origins, Origin("text", "calls", NS, "crm.calls", "words"), Origin("text", "own", NS, "own.notes", "note")),
        schemas=(*facts.schemas, Schema(NS, "crm.calls", ("words",))),
        categories=(*facts.categories, ColumnCategory(NS, "crm.calls", "words", "customer.content"), ColumnCategory(NS, "own.notes", "note", "system.operations")),
        identities=(*facts.identities, Identity("caller", "tenant", "numbers", "calls"), Identity("person", "person", "people")),
        consents=tuple(
            ConsentView(u, "people", "ctl", Need.CONSENT, "only", 7, "list", 4, registered=10, allowed=n, refused=10 - n) for u, n in (("a", 7), ("b", 6), ("c", 5), ("d", 4))
        ),
    )  # fmt: skip


def plan_of(facts: Facts, *columns: str, **more: object) -> Plan:
    plan = engine.decide(ask(*columns, **more), facts, with_remedies=False).plan
    assert plan is not None
    return plan


def test_the_whole_plan() -> None:
    decision = engine.decide(ask("mail", "text", "use"), full(), with_remedies=False)
    people = (PeopleList("people", "ctl", Need.CONSENT, "only", ("person",), 7, "list", 4),)

    def like(ref: str, customers: list[str], use: ColumnPlan, *gone: ErasureList) -> TreatmentClass:
        kept = (ColumnPlan("mail", Treatment.KEEP), ColumnPlan("text", Treatment.KEEP), use)
        return TreatmentClass(ref, len(customers), canonical.value_digest(customers), kept, people, gone)

    apply = ColumnPlan("use", Treatment.APPLY, (K,))
    assert decision.plan == Plan(
        columns=("mail", "text", "use"),
        classes=(
            like("class-1", ["c"], ColumnPlan("use", Treatment.BLANK)),
            like("class-2", ["b"], apply),
            like("class-3", ["a"], apply, ErasureList("people", ("person",), 2, "erased")),
        ),
        tenant_filters=(TenantFilter("calls", "numbers", ("caller",)), TenantFilter("src", "crm", ("tenant",))),
        filter_columns=("caller", "person", "tenant"),
        changes_rows=True,
        quasi_identifiers=("mail",),
        generalisations=(("use", "band", '{"width":10}'),),
        undertakings=(UndertakingNote("da", "care", CARE.body),),
        keep_for_days=60,
    )
    assert decision.members == {"class-1": ("c",), "class-2": ("b",), "class-3": ("a",)}
    assert decision.left_out == (LeftOut(("d",), ("all-blank", "prohibition")),)
    assert decision.counts == Counts(both=7 + 6 + 5, contract_alone=3 + 4 + 5, consent_alone=4, neither=6)


def test_a_plan_for_one_class_that_stays_whole_filters_nobody() -> None:
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}"))) for u in "ab"], columns=COLUMNS)
    plan = plan_of(facts, "text", "use")
    assert (plan.tenant_filters, plan.filter_columns, plan.changes_rows, plan.keep_for_days) == ((), (), False, None)
    assert [(each.ref, each.customers) for each in plan.classes] == [("class-1", 2)]
    assert (plan.quasi_identifiers, plan.generalisations, plan.undertakings) == ((), (), ())


def test_two_classes_are_told_apart_though_nobody_goes() -> None:
    facts = world(
        [family("a", document("da", grant())), family("b", document("db", grant("g", "customer", safeguards=["dp"])))]
    )
    plan = plan_of(facts)
    assert [each.columns[0].treatment for each in plan.classes] == [Treatment.KEEP, Treatment.APPLY]
    assert (plan.tenant_filters, plan.changes_rows) == ((TenantFilter("src", "crm", ("tenant",)),), False)


@pytest.mark.parametrize(
    ("safeguard", "changes"),
    [("dp", False), ("aggregated", True), ({"kind": "deidentified", "k": 5}, True), ("deidentified", False)],
)
def test_groups_that_are_too_small_are_rows_that_go(safeguard: object, changes: bool) -> None:
    facts = world([family("a", document("da", grant("g", "customer", safeguards=[safeguard])))])
    assert plan_of(facts).changes_rows is changes


@pytest.mark.parametrize(
    ("terms", "days"),
    [
        ([grant()], None),
        ([grant("g", "customer", max_retention_days=30)], 30),
        ([grant("g", "customer", max_retention_days=30), clause("r", "RetentionLimit", days=9)], 9),
        ([grant("g", "customer", max_retention_days=3), clause("r", "RetentionLimit", days=9)], 3),
        ([grant(), clause("r", "RetentionLimit", days=9, scope=("mail",))], None),
        ([grant(), clause("r", "RetentionLimit", days=9, scope=("desk",))], 9),
    ],
)
def test_copies_live_as_long_as_the_strictest_says(terms: list[object], days: int | None) -> None:
    assert plan_of(world([family("a", document("d", *terms))])).keep_for_days == days  # type: ignore[arg-type]


def test_who_is_left_out_is_named_by_all_that_puts_it_out() -> None:
    """A required column that is blank, nothing that is left, what presence refuses: each with what blanks the cells."""
    terms = {
        "a": [grant("g", "customer.content")],
        "b": [grant("g", "customer.content"), clause("r", "PartyRestriction", parties=["pty-vendor"])],
        "c": [BAN, grant("g", "customer.input")],
        "d": [grant("g", "customer", safeguards=["dp"])],
    }
    facts = world([family(u, document(f"d-{u}", *said)) for u, said in terms.items()], columns=COLUMNS)
    decision = engine.decide(ask("text", "use", required=("use",)), facts, with_remedies=False)
    assert {row.customers: row.codes for row in decision.left_out} == {
        ("a",): ("not-granted", "required-column"),
        ("b",): ("not-granted", "party-restriction", "required-column"),
        ("c",): ("all-blank", "not-granted", "prohibition", "required-column"),
    }
    assert decision.members == {"class-1": ("d",)}
    reasons = {(r.customer, r.code, r.column) for r in decision.reasons if r.code in ("required-column", "all-blank")}
    assert reasons == {
        ("a", "required-column", "use"),
        ("b", "required-column", "use"),
        ("c", "required-column", "use"),
        ("c", "all-blank", ""),
    }


# counts of people


def counted(views: tuple[ConsentView, ...], *needs: Needed, granted: bool = True, built: Built | None = None) -> Counts:
    facts = world([family("a", document("d", grant()))], consents=views, built=built).normal()
    one = judging.Judged("a", (), {}, (), (), (), granted=granted, needs=needs)
    return tallies.count(worlds_.read(ask(), facts), [one])


def view(space: str, need: Need, registered: int, allowed: int) -> ConsentView:
    return ConsentView("a", space, "", need, "only", allowed, "list", 1, registered=registered, allowed=allowed)


def needed(space: str, need: Need) -> Needed:
    return Needed("a", space, "", need)


def test_people_are_counted_in_each_space_by_the_strictest_that_is_asked_of_them() -> None:
    views = (view("x", Need.CONSENT, 10, 6), view("x", Need.EXPLICIT, 10, 4), view("y", Need.CONSENT, 5, 2))
    asked = (needed("x", Need.CONSENT), needed("x", Need.EXPLICIT), needed("y", Need.CONSENT))
    assert counted(views, *asked) == Counts(both=4 + 2, contract_alone=6 + 3)
    assert counted(views, *asked, granted=False) == Counts(consent_alone=6, neither=9)
    assert counted(views, asked[0]) == Counts(both=6 + 5, contract_alone=4)  # nothing is asked of those in y
    assert counted(views[1:2], asked[0]) == Counts(contract_alone=10)  # a list that nobody provides allows nobody
    assert counted(()) == Counts()


def test_counts_are_exact_for_what_the_builder_made() -> None:
    assert counted((), built=Built("0" * 64)).exact and not counted(()).exact
