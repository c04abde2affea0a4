"""What people said, reason by reason and list by list (SEMANTICS §3 *People*, §5.3): what the corpus asserts by code alone stands here whole."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from governance.policy import engine, exposure, judging, people
from governance.policy import world as laid_out
from governance.policy.answers import ErasureList, PeopleList, Reason, Treatment
from governance.policy.people import Needed
from governance.policy.values import (
    AppliedList,
    Basis,
    Built,
    ColumnCategory,
    ConsentView,
    Declaration,
    Facts,
    Identity,
    Need,
    Obligation,
    OwnKeys,
    Question,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, D, S, ask, document, family, grant, world

MAIL = {"mail": ("customer.content", "user.contact.email")}
SAID = {"refused": 1, "withdrawn": 2, "expired": 3, "silent": 4, "objected": 5}
DAY = timedelta(hours=24)


def told(
    *, keyed: bool = True, columns: dict[str, tuple[str, ...]] | None = None, space: str = "people", **more: Any
) -> Facts:
    """One customer, whose rows are about people of a space; the vendor asks a controller's consent."""
    facts = world([family("a", document("d", grant()))], columns=columns or MAIL)
    about = replace(facts.declarations[0], subject_column="person", subject_space=space, controller="ctl")
    key = (Identity("person", "person", "people"),) if keyed else ()
    return replace(facts, declarations=(about,), identities=(*facts.identities, *key), **more)  # fmt: skip


def view(need: Need = Need.CONSENT, **more: Any) -> ConsentView:
    kind = "except" if need in (Need.NO_OBJECTION, Need.NOTHING) else "only"
    given = {"kind": kind, "count": 5, "digest": "list", "position": 7, "registered": 8, "allowed": 5, **more}
    return ConsentView("a", "people", "ctl", need, **given)


def basis(ground: str, ref: str = "bas", **more: Any) -> Basis:
    return Basis(**{"ref": ref, "customer": "a", "category": "user", "action": "train", "purpose": PURPOSE, "ground": ground, "valid_from": LONG_AGO, **more})  # fmt: skip


def judged(facts: Facts, question: Question | None = None) -> judging.Judged:
    """The customer."""
    return judging.everybody(laid_out.read(question or ask("mail"), facts.normal()))[1]


def because(code: str, about: str = "people ctl", count: int = 0, column: str = "") -> Reason:
    return Reason(code, "a", column, about=about, count=count)


# --- why people are left out, with their number


def test_of_those_who_must_say_yes_everybody_who_did_not_is_counted_by_what_they_said() -> None:
    found = judged(told(consents=(view(**SAID),))).reasons
    assert found == (
        because("consent-expired", count=3), because("consent-missing", count=4), because("consent-refused", count=1),
        because("consent-withdrawn", count=2), because("objection", count=5),
    )  # fmt: skip


def test_of_those_who_may_say_no_only_who_did_is_counted() -> None:
    facts = told(consents=(view(Need.NO_OBJECTION, **SAID),), bases=(basis("legitimate-interest"),))
    assert judged(facts).reasons == (
        because("basis", "bas"), because("consent-refused", count=1), because("consent-withdrawn", count=2),
        because("objection", count=5),
    )  # fmt: skip
    nobody_said = told(consents=(view(Need.NO_OBJECTION),), bases=(basis("legitimate-interest"),))
    assert judged(nobody_said).reasons == (because("basis", "bas"),)


@pytest.mark.parametrize(("allowed", "count", "expected"), [(5, 5, 3), (8, 8, None), (7, 9, 1), (9, 9, None)])
def test_who_is_registered_and_not_allowed_is_missing(allowed: int, count: int, expected: int | None) -> None:
    found = judged(told(consents=(view(allowed=allowed, count=count),)))
    assert found.reasons == (() if expected is None else (because("consent-missing", count=expected),))
    assert found.lists == (PeopleList("people", "ctl", Need.CONSENT, "only", ("person",), count, "list", 7),)
    assert found.out == ()


def test_a_list_of_nobody_lets_no_row_pass_even_where_nobody_is_registered() -> None:
    found = judged(told(consents=(view(count=0, registered=0, allowed=0),)))
    assert found.reasons == found.out == (because("consent-missing", "people"),)
    assert judged(told(consents=(view(count=1, registered=0, allowed=0),))).reasons == ()
    exceptions = view(Need.NO_OBJECTION, count=0, registered=0, allowed=0)
    assert judged(told(consents=(exceptions,), bases=(basis("legitimate-interest"),))).out == ()


def test_a_list_that_is_missing_lets_no_row_pass() -> None:
    found = judged(told(bases=(basis("consent"),)))
    assert (found.lists, found.out) == ((), (because("consent-missing"),))
    assert found.reasons == (because("basis", "bas"), because("consent-missing"))


def test_a_source_that_names_no_space_is_told_so_without_a_stray_blank() -> None:
    found = judged(told(space=""))
    assert found.cells["mail"].treatment is Treatment.BLANK
    assert because("not-separable", "person", column="mail") in found.cells["mail"].reasons
    assert found.needs == ()


# --- where nobody can tell people apart


def test_a_column_about_people_is_blank_without_a_person_key_and_says_whose_list_would_have_counted() -> None:
    found = judged(told(keyed=False, consents=(view(refused=3),)))
    assert found.lists == ()
    assert found.cells["mail"].reasons[1:] == (because("not-separable", "person people", column="mail"),)
    assert found.reasons == (because("consent-refused", count=3),)
    assert judged(told(keyed=False)).reasons == ()


def test_two_columns_about_people_are_each_blank_with_all_their_reasons() -> None:
    facts = told(
        keyed=False, columns={"mail": MAIL["mail"], "name": ("customer.content", "user.name")}, consents=(view(),)
    )
    duty = Obligation("obl", "a", "open", NOW, subject_space="people", subjects=2, digest="e")
    found = judged(replace(facts, obligations=(duty, replace(duty, ref="obl-2"))), ask("mail", "name"))
    for column in ("mail", "name"):
        assert found.cells[column].treatment is Treatment.BLANK
        assert found.cells[column].reasons[1:] == (
            because("not-separable", "person people", column=column),
            because("deletion-open", "obl", column=column), because("deletion-open", "obl-2", column=column),
        )  # fmt: skip
    assert found.reasons == (
        because("consent-missing", count=3), because("deletion-open", "obl", 2), because("deletion-open", "obl-2", 2),
    )  # fmt: skip
    assert found.erased == ()


@pytest.mark.parametrize(("count", "blank"), [(0, False), (1, True)])
def test_nothing_is_asked_of_people_while_no_minor_is_among_the_exceptions(count: int, blank: bool) -> None:
    facts = told(keyed=False, bases=(basis("contract"),), consents=(view(Need.NOTHING, count=count),))
    assert (judged(facts).cells["mail"].treatment is Treatment.BLANK) is blank
    without = judged(replace(facts, consents=()))
    assert without.cells["mail"].treatment is Treatment.BLANK
    only = judged(replace(facts, consents=(view(Need.NOTHING, kind="only", count=0),)))
    assert only.cells["mail"].treatment is Treatment.BLANK


# --- lists that were applied


def built(*rows: AppliedList, **more: Any) -> Built:
    return Built("plan", rows, **more)


@pytest.mark.parametrize(
    ("age", "unapplied", "need", "fresh"),
    [
        (timedelta(0), 0, Need.CONSENT, True),
        (DAY - timedelta(microseconds=1), 0, Need.CONSENT, True),
        (DAY, 0, Need.CONSENT, False),
        (-timedelta(microseconds=1), 0, Need.CONSENT, False),
        (timedelta(hours=1), 1, Need.CONSENT, False),
        (timedelta(hours=1), 0, Need.EXPLICIT, True),
        (timedelta(hours=1), 0, Need.NO_OBJECTION, False),
    ],
)
def test_an_applied_list_counts_for_a_day_while_nobody_has_gone(
    age: timedelta, unapplied: int, need: Need, fresh: bool
) -> None:
    row = AppliedList("people", "ctl", need, NOW - age, unapplied)
    found = judged(told(keyed=False, consents=(view(refused=3),), built=built(row)))
    assert (found.cells["mail"].treatment is Treatment.KEEP) is fresh
    stale = because("stale", count=unapplied, column="mail")
    assert (stale in found.cells["mail"].reasons) is not fresh
    keyed = judged(told(consents=(view(refused=3),), built=built(row)))
    assert (keyed.lists == ()) is fresh
    assert (because("stale", count=unapplied) in keyed.reasons) is not fresh
    assert keyed.needs == (Needed("a", "people", "ctl", Need.CONSENT),)


def test_a_list_of_another_space_or_controller_is_another_list() -> None:
    rows = [AppliedList(space, by, Need.CONSENT, NOW) for space, by in (("others", "ctl"), ("people", "somebody"))]
    found = judged(told(keyed=False, consents=(view(),), built=built(*rows)))
    assert found.cells["mail"].treatment is Treatment.BLANK
    assert "stale" not in {reason.code for reason in found.cells["mail"].reasons}


def test_of_stale_lists_the_most_who_would_have_to_go_are_counted() -> None:
    rows = [AppliedList("people", "ctl", Need.CONSENT, NOW, n) for n in (2, 9, 4)]
    assert because("stale", count=9) in judged(told(consents=(view(),), built=built(*rows))).reasons


# --- deletions of people


def test_people_whose_deletion_is_due_are_left_out_by_their_list() -> None:
    duty = Obligation("obl", "a", "open", NOW, subject_space="people", subjects=2, digest="e")
    found = judged(told(consents=(view(allowed=8),), obligations=(duty,)))
    assert found.erased == (ErasureList("people", ("person",), 2, "e"),)
    assert found.reasons == (because("deletion-open", "obl", 2),)
    assert found.cells["mail"].treatment is Treatment.KEEP


@pytest.mark.parametrize(("space", "age", "unapplied", "gone"), [
    ("people", timedelta(0), 0, True), ("people", DAY, 0, False), ("people", timedelta(0), 1, False), ("others", timedelta(0), 0, False),
])  # fmt: skip
def test_a_deletion_of_people_is_applied_in_its_space_for_a_day(
    space: str, age: timedelta, unapplied: int, gone: bool
) -> None:
    duty = Obligation("obl", "a", "open", NOW, subject_space="people", subjects=2, digest="e")
    row = AppliedList(space, "", Need.NOTHING, NOW - age, unapplied)
    found = judged(told(consents=(view(allowed=8),), obligations=(duty,), built=built(erased=(row,))))
    assert (found.erased == ()) is gone and ("deletion-open" not in {r.code for r in found.reasons}) is gone


def test_a_deletion_of_people_of_a_space_that_is_not_here_concerns_only_columns_of_which_nobody_says_whose_they_are() -> (
    None
):
    duty = Obligation("obl", "a", "open", NOW, subject_space="others", subjects=2, digest="e")
    found = judged(told(consents=(view(allowed=8),), obligations=(duty,)))
    assert (found.erased, found.reasons) == ((), ())
    blind = judged(told(space="", bases=(basis("contract"),), obligations=(duty,)))
    assert because("deletion-open", "obl", column="mail") in blind.cells["mail"].reasons
    assert because("deletion-open", "obl", 2) in blind.reasons and blind.erased == ()


def test_a_deletion_spares_columns_that_are_not_about_people() -> None:
    columns = {"mail": MAIL["mail"], "text": ("customer.content",)}
    duty = Obligation("obl", "a", "open", NOW, subject_space="people", subjects=2, digest="e")
    found = judged(told(keyed=False, columns=columns, obligations=(duty,)), ask("mail", "text"))
    assert found.cells["text"].treatment is Treatment.KEEP
    assert found.cells["mail"].treatment is Treatment.BLANK


# --- what is needed of people


@pytest.mark.parametrize(
    ("category", "records", "need"),
    [
        ("user.contact.email", [], Need.CONSENT),
        ("user.contact.email", [{"ground": "consent"}], Need.CONSENT),
        ("user.contact.email", [{"ground": "explicit-consent"}], Need.EXPLICIT),
        ("user.contact.email", [{"ground": "legitimate-interest"}], Need.NO_OBJECTION),
        ("user.contact.email", [{"ground": "contract"}], Need.NOTHING),
        ("user.contact.email", [{"ground": "legal-duty"}], Need.NOTHING),
        ("user.contact.email", [{"ground": "customer-warranty"}], Need.NOTHING),
        ("user.contact.email", [{"ground": "a feeling"}], Need.EXPLICIT),
        ("user.contact.email", [{"ground": "contract"}, {"ground": "legitimate-interest"}], Need.NO_OBJECTION),
        # what touches without covering makes nothing weaker, and may make it stricter
        ("user.contact", [{"ground": "contract", "category": "user.contact.email"}], Need.CONSENT),
        ("user.contact", [{"ground": "explicit-consent", "category": "user.contact.email"}], Need.EXPLICIT),
        ("user.contact.email", [{"ground": "contract", "action": "train.pretrain"}], Need.CONSENT),
        ("user.contact.email", [{"ground": "explicit-consent", "action": "train.pretrain"}], Need.EXPLICIT),
        ("user.contact.email", [{"ground": "contract", "purpose": f"{PURPOSE}.improve"}], Need.CONSENT),
        # what does not touch says nothing
        ("user.contact.email", [{"ground": "explicit-consent", "category": "user.name"}], Need.CONSENT),
        ("user.contact.email", [{"ground": "explicit-consent", "action": "review"}], Need.CONSENT),
        ("user.contact.email", [{"ground": "explicit-consent", "purpose": "marketing"}], Need.CONSENT),
        ("user.contact.email", [{"ground": "explicit-consent", "customer": "b"}], Need.CONSENT),
        ("user.contact.email", [{"ground": "contract", "valid_to": NOW}], Need.CONSENT),
        ("user.contact.email", [{"ground": "contract", "recorded_at": NOW + DAY}], Need.CONSENT),
        # special categories and children
        ("user.biometric", [{"ground": "contract"}], Need.EXPLICIT),
        ("user.childrens", [{"ground": "contract"}], Need.GUARDED),
        ("?", [{"ground": "contract"}], Need.EXPLICIT),
    ],
)  # fmt: skip
def test_of_the_bases_that_touch_a_category_the_strictest_counts(
    category: str, records: list[dict[str, Any]], need: Need
) -> None:
    facts = told(bases=tuple(basis(**{"ref": f"bas-{n}", **row}) for n, row in enumerate(records)))
    assert people.need_of(laid_out.read(ask("mail"), facts.normal()), "a", category) is need


def test_only_bases_that_cover_something_asked_are_named() -> None:
    rows = (
        basis("consent", "covers"), basis("consent", "narrow", category="user.contact.email.work"), basis("a feeling", "strange"),
        basis("consent", "elsewhere", category="user.name"), basis("consent", "past", valid_to=NOW),
    )  # fmt: skip
    found = judged(told(consents=(view(allowed=8),), bases=rows)).reasons
    assert [reason.about for reason in found if reason.code == "basis"] == ["covers"]
    nothing_personal = told(columns={"text": ("customer.content",)}, bases=rows)
    assert judged(nothing_personal, ask("text")).reasons == ()


def test_a_decision_says_beforehand_which_lists_it_will_look_for() -> None:
    columns = {"mail": MAIL["mail"], "finger": ("customer.content", "user.biometric"), "text": ("customer.content",)}
    facts = told(columns=columns, bases=(basis("legitimate-interest"),))
    assert engine.consents_needed(ask("mail", "finger", "text"), facts) == (
        Needed("a", "people", "ctl", Need.EXPLICIT), Needed("a", "people", "ctl", Need.NO_OBJECTION),
    )  # fmt: skip
    assert judged(facts, ask("mail", "finger")).needs == (Needed("a", "people", "ctl", Need.EXPLICIT),)
    assert engine.consents_needed(ask("mail"), told(space="")) == ()
    back = replace(ask("mail"), action="return", recipient="pty-a")
    assert engine.consents_needed(back, facts) == ()


def test_every_customers_lists_are_looked_for() -> None:
    facts = told()
    more = replace(facts.customers[0], ref="b", party="pty-b")
    facts = replace(
        facts,
        declarations=(replace(facts.declarations[0], customers=("a", "b")),),
        customers=(*facts.customers, more),
        families=(*facts.families, family("b", document("e", grant()))),
    )
    assert engine.consents_needed(ask("mail"), facts) == tuple(Needed(u, "people", "ctl", Need.CONSENT) for u in "ab")
    back = replace(ask("mail"), action="return", recipient="pty-a")
    assert engine.consents_needed(back, facts) == (Needed("b", "people", "ctl", Need.CONSENT),)


def test_bases_are_named_for_what_a_column_holds_from_any_source_or_by_its_own_declaration() -> None:
    two = told(columns={"mail": MAIL["mail"], "bare": ()}, consents=(view(Need.EXPLICIT, allowed=8),), bases=(basis("consent"),))  # fmt: skip
    two = replace(two, origins=(*two.origins, replace(two.origins[0], source_column="bare")))
    assert because("basis", "bas") in judged(two).reasons
    here = told(columns={"mail": ("customer.content",)}, consents=(view(allowed=8),), bases=(basis("consent"),))
    declared = replace(here, categories=(*here.categories, ColumnCategory(NS, D, "mail", "user.name")))
    assert judged(declared).reasons == (because("basis", "bas"),) and judged(here).reasons == ()
    own = told(columns={"mail": ("customer.content", "acme.badge")}, consents=(view(allowed=8),), bases=(basis("consent", category="acme.badge"),), own_keys=OwnKeys(personal=("acme.badge",)))  # fmt: skip
    assert judged(own).reasons == (because("basis", "bas"),)


def test_a_deletion_of_the_vendors_own_people_is_nothing_where_no_data_of_its_own_are_here() -> None:
    duty = Obligation("obl", "", "open", NOW, subject_space="people", subjects=2, digest="e")
    nobody, customer = judging.everybody(laid_out.read(ask("mail"), told(obligations=(duty,)).normal()))
    assert (nobody.reasons, nobody.erased, customer.erased) == ((), (), ())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, None), ({"category": "user.contact.email"}, "no-basis"), ({"category": "user.name"}, "no-basis"), ({"valid_to": NOW}, "no-basis"),
        ({"customer": "a"}, "no-basis"), ({"ground": "a feeling"}, "no-basis"),
    ],
)  # fmt: skip
def test_personal_data_of_nobody_need_a_basis_of_the_vendors_that_covers_them(
    changed: dict[str, Any], code: str | None
) -> None:
    own = Declaration("own", NS, S, no_customer_data=True, controller_is_vendor=True)
    facts = replace(told(columns={"mail": ("user.contact",)}), declarations=(own,), bases=(basis(**{"ground": "contract", "customer": "", **changed}),))  # fmt: skip
    facts = replace(facts, origins=(replace(facts.origins[0], declaration="own"),))
    read = laid_out.read(ask("mail"), facts.normal())
    cell = exposure.cell(read, "", "mail")
    assert cell is not None
    assert people.no_basis(read, cell) == ((Reason("no-basis", column="mail", about="user.contact"),) if code else ())
    stranger = replace(facts, declarations=(replace(own, controller_is_vendor=False),))
    assert people.no_basis(laid_out.read(ask("mail"), stranger.normal()), cell) != ()


def test_of_no_needs_nothing_is_needed_and_of_some_the_strictest() -> None:
    assert people.strictest([]) is Need.NOTHING
    assert people.strictest([Need.NO_OBJECTION, Need.EXPLICIT, Need.CONSENT]) is Need.EXPLICIT


@pytest.mark.parametrize("keys", [(), ("customer.content", "nonsense")])
def test_who_knows_what_a_column_holds_of_people_where_nobody_says_what_it_holds(keys: tuple[str, ...]) -> None:
    found = judged(told(columns={"mail": keys}, consents=(view(Need.EXPLICIT, allowed=8),)))
    assert [row.need for row in found.lists] == [Need.EXPLICIT] and found.reasons == ()


def test_where_one_of_two_sources_has_no_person_key_nobody_can_be_told_apart() -> None:
    facts = told(consents=(view(allowed=8),))
    second = replace(facts.declarations[0], ref="second", name="crm.second")
    facts = replace(
        facts,
        declarations=(*facts.declarations, second),
        origins=(*facts.origins, replace(facts.origins[0], declaration="second", dataset="crm.second")),
        categories=(*facts.categories, ColumnCategory(NS, "crm.second", "mail", "customer.content"), ColumnCategory(NS, "crm.second", "mail", "user.name")),
    )  # fmt: skip
    assert judged(facts).cells["mail"].treatment is Treatment.KEEP
    one_only = tuple(replace(each, declaration="src") if each.kind == "person" else each for each in facts.identities)
    found = judged(replace(facts, identities=one_only))
    assert found.lists == () and found.cells["mail"].treatment is Treatment.BLANK


def test_somebody_may_pass_unless_it_is_said_that_nobody_may() -> None:
    facts = told(consents=(view(allowed=8),))
    read = laid_out.read(ask("mail"), facts.normal())
    cell = exposure.cell(read, "a", "mail")
    assert cell is not None
    assert people.outcome(read, "a", [people.asked_of(read, cell)]).nobody is False
    assert people.outcome(read, "a", []).nobody is False
    missing = laid_out.read(ask("mail"), replace(facts, consents=()).normal())
    assert people.outcome(missing, "a", [people.asked_of(missing, cell)]).nobody is True


def two_spaces(**more: Any) -> Facts:
    """Two columns, about people of two spaces whom two controllers ask."""
    facts = told()
    staff = replace(facts.declarations[0], ref="staff", name="hr", subject_space="staff", controller="boss")
    return replace(
        facts,
        declarations=(*facts.declarations, staff),
        origins=(*facts.origins, replace(facts.origins[0], column="desk", declaration="staff", dataset="hr")),
        categories=(*facts.categories, ColumnCategory(NS, "hr", "mail", "customer.content"), ColumnCategory(NS, "hr", "mail", "user.name")),
        identities=(*facts.identities, Identity("employee", "person", "staff")),
        **more,
    )  # fmt: skip


MINE, THEIRS = view(refused=3), replace(view(withdrawn=2), space="staff", controller="boss", digest="other")


def test_every_space_has_its_list_and_its_reasons() -> None:
    found = judged(two_spaces(consents=(MINE, THEIRS)), ask("mail", "desk"))
    assert [(row.space, row.columns, row.digest) for row in found.lists] == [("people", ("person",), "list"), ("staff", ("employee",), "other")]  # fmt: skip
    assert found.reasons == (because("consent-refused", count=3), because("consent-withdrawn", "staff boss", 2))
    assert [need.space for need in found.needs] == ["people", "staff"]


def test_a_list_that_is_missing_applied_or_not_needed_does_not_hide_the_next() -> None:
    asked = ask("mail", "desk")
    missing = judged(two_spaces(consents=(THEIRS,)), asked)
    assert [row.space for row in missing.lists] == ["staff"] and missing.out[0] == because("consent-missing")
    applied = judged(two_spaces(consents=(MINE, THEIRS), built=built(AppliedList("people", "ctl", Need.CONSENT, NOW))), asked)  # fmt: skip
    assert [row.space for row in applied.lists] == ["staff"] and applied.out == ()


@pytest.mark.parametrize(("count", "listed"), [(0, []), (1, ["except"])])
def test_where_nothing_is_needed_only_minors_are_listed(count: int, listed: list[str]) -> None:
    facts = told(bases=(basis("contract"),), consents=(view(Need.NOTHING, count=count),))
    found = judged(facts)
    assert [row.kind for row in found.lists] == listed and found.out == ()
    objectors = told(bases=(basis("legitimate-interest"),), consents=(view(Need.NO_OBJECTION, count=0),))
    assert [row.kind for row in judged(objectors).lists] == ["except"]


def test_a_column_about_people_of_two_spaces_is_blank_for_each_that_nobody_can_tell_apart() -> None:
    both = two_spaces(consents=(MINE, THEIRS))
    both = replace(both, origins=(both.origins[0], replace(both.origins[1], column="mail")))
    assert judged(both).cells["mail"].treatment is Treatment.KEEP
    one = tuple(each for each in both.identities if each.column != "employee")
    found = judged(replace(both, identities=one))
    assert found.cells["mail"].reasons[1:] == (because("not-separable", "person staff", column="mail"),)
    neither = tuple(each for each in both.identities if each.kind != "person")
    found = judged(replace(both, identities=neither))
    assert found.cells["mail"].reasons[1:] == (
        because("not-separable", "person people", column="mail"), because("not-separable", "person staff", column="mail"),
    )  # fmt: skip
    assert found.reasons == (because("consent-refused", count=3), because("consent-withdrawn", "staff boss", 2))


def due(ref: str, space: str) -> Obligation:
    return Obligation(ref, "a", "open", NOW, subject_space=space, subjects=2, digest=ref)


def test_every_deletion_of_people_counts_whatever_stands_before_it() -> None:
    facts = two_spaces(consents=(replace(MINE, refused=0, allowed=8), replace(THEIRS, withdrawn=0, allowed=8)))
    duties = (due("1", ""), due("2", "nowhere"), due("3", "people"), due("4", "staff"))
    found = judged(replace(facts, obligations=duties[1:]), ask("mail", "desk"))
    assert [(row.space, row.digest) for row in found.erased] == [("people", "3"), ("staff", "4")]
    assert [reason.about for reason in found.reasons] == ["3", "4"]
    whole = judged(replace(facts, obligations=duties), ask("mail", "desk"))
    assert [row.space for row in whole.erased] == ["people", "staff"] and [r.about for r in whole.out] == ["1"]
    applied = built(erased=(AppliedList("people", "", Need.NOTHING, NOW),))
    assert [row.space for row in judged(replace(facts, obligations=duties[2:], built=applied), ask("mail", "desk")).erased] == ["staff"]  # fmt: skip
    blind = tuple(each for each in facts.identities if each.kind != "person")
    found = judged(replace(facts, obligations=duties[2:], identities=blind), ask("mail", "desk"))
    assert because("deletion-open", "3", column="mail") in found.cells["mail"].reasons
    assert because("deletion-open", "4", column="desk") in found.cells["desk"].reasons


def test_a_deletion_blanks_columns_of_which_nobody_says_whose_people_they_are_although_others_have_a_key() -> None:
    facts = two_spaces(consents=(replace(MINE, refused=0, allowed=8),), obligations=(due("1", "people"),), bases=(basis("contract"),))  # fmt: skip
    nameless = replace(facts.declarations[1], subject_space="", controller="")
    found = judged(replace(facts, declarations=(facts.declarations[0], nameless)), ask("mail", "desk"))
    assert [row.space for row in found.erased] == ["people"]
    assert because("deletion-open", "1", column="desk") in found.cells["desk"].reasons
    assert because("deletion-open", "1", column="mail") not in found.cells["mail"].reasons
