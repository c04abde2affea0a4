"""Every customer judged, and what those share who cannot be told apart (SEMANTICS §5.3): what the corpus and the laws leave unseen."""

from dataclasses import replace

from governance.policy import judging
from governance.policy import world as laid_out
from governance.policy.answers import Reason, Treatment
from governance.policy.values import (
    Basis,
    ColumnCategory,
    ConsentView,
    Declaration,
    Facts,
    Identity,
    Need,
    Obligation,
    Origin,
)
from tests.policy.answering import Answerer
from tests.policy.test_pinned import both, with_people
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, ask, document, family, grant, world


def judged(facts: Facts) -> tuple[judging.Judged, ...]:
    """Everybody, the vendor's own data first."""
    return judging.everybody(laid_out.read(ask(), facts.normal()))


def shared(facts: Facts) -> judging.Group:
    """The one group of customers who cannot be told apart."""
    read = laid_out.read(ask(), facts.normal())
    (found,) = judging.groups(read, judging.everybody(read))
    return found


@both
def test_where_nobody_can_be_told_apart_copies_live_as_short_as_the_shortest_term_of_all(answer: Answerer) -> None:
    terms = {"a": {"max_retention_days": 30}, "b": {"max_retention_days": 9}, "c": {}}
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}", **more))) for u, more in terms.items()], keyed=False)
    assert answer(ask(), facts).days == 9


def test_what_customers_share_has_no_reasons_of_its_own() -> None:
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}"))) for u in "ab"], keyed=False)
    found = shared(facts)
    assert (found.cells["text"].treatment, found.cells["text"].reasons) == (Treatment.KEEP, ())
    assert [member.cells["text"].reasons[0].clause for member in found.members] == ["g-a", "g-b"]
    blank = shared(world([family("a", document("d", grant()))], customers=("a", "b"), keyed=False))
    assert (blank.cells["text"].treatment, blank.cells["text"].reasons) == (Treatment.BLANK, ())


def test_deletions_of_people_are_left_out_in_the_order_of_their_spaces() -> None:
    spaces = ("e", "b", "d", "a", "c", "f")
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}"))) for u in spaces], keyed=False)
    about = facts.declarations[0]
    sources = [
        replace(about, ref=u, customers=(u,), subject_column="person", subject_space=u, controller=u) for u in spaces
    ]
    facts = replace(
        facts,
        declarations=tuple(sources),
        origins=tuple(replace(facts.origins[0], declaration=u) for u in spaces),
        identities=tuple(Identity(f"person_{u}", "person", u) for u in spaces),
        obligations=tuple(
            Obligation(f"obl-{u}", u, "open", NOW, subject_space=u, subjects=1, digest=f"d{n}")
            for n, u in enumerate(spaces)
        ),
    )
    assert [row.space for row in shared(facts).erased] == sorted(spaces)


def with_own_data(facts: Facts, category: str = "user.contact", **more: object) -> Facts:
    """The same column holds data of the vendor's own, too."""
    own = Declaration("own", NS, "own.people", no_customer_data=True, controller="pty-vendor", controller_is_vendor=True, subject_column="who", subject_space="staff")  # fmt: skip
    return replace(
        facts,
        declarations=(*facts.declarations, own),
        origins=(*facts.origins, Origin("text", "own", NS, "own.people", "text")),
        categories=(*facts.categories, ColumnCategory(NS, "own.people", "text", category)),
        identities=(*facts.identities, Identity("who", "person", "staff")),
        **more,  # type: ignore[arg-type]
    )


GIVEN = Basis("bas-own", "", "user", "train", PURPOSE, "consent", LONG_AGO, role="controller")
STAFF = ConsentView("", "staff", "pty-vendor", Need.CONSENT, "only", 2, "own", 1, registered=2, allowed=2)


@both
def test_a_column_in_which_the_vendors_own_data_may_not_be_used_is_blank_for_every_customer(answer: Answerer) -> None:
    facts = world(
        [family("a", document("d", grant()))], columns={"text": ("customer.content",), "use": ("customer.usage",)}
    )
    mixed = with_own_data(facts)
    assert answer(ask("text", "use"), mixed).cells[("a", "text")][0] == "blank"
    assert answer(ask("text", "use"), mixed).cells[("a", "use")][0] == "keep"
    based = replace(mixed, bases=(GIVEN,), consents=(STAFF,))
    assert answer(ask("text", "use"), based).cells[("a", "text")][0] == "keep"
    assert [reason.code for reason in judged(mixed)[1].cells["text"].reasons] == ["granted-by"]


@both
def test_lists_and_deletions_of_the_vendors_own_people_hold_for_every_customers_rows(answer: Answerer) -> None:
    facts = with_own_data(
        with_people(world([family("a", document("d", grant()))], columns={"text": ("customer.content", "user.contact")})),
        bases=(GIVEN,),
        consents=(STAFF, *(replace(STAFF, space=space, customer="a", controller=by, digest=f"d-{by}") for space, by in (("people", "ctl"),))),
        obligations=tuple(Obligation(f"obl-{space}", u, "open", NOW, subject_space=space, subjects=1, digest=space) for u, space in (("", "staff"), ("a", "people"))),
    )  # fmt: skip
    found = answer(ask(), facts)
    assert {row[1:] for row in found.lists if row[0] == "a"} == {("people", "ctl", "consent"), ("staff", "pty-vendor", "consent")}  # fmt: skip
    assert {space for u, space in found.erased if u == "a"} == {"people", "staff"}
    mine = judged(facts)[1]
    assert [row.space for row in mine.lists] == [row.space for row in mine.erased] == ["people", "staff"]


def test_a_list_that_is_missing_for_the_vendors_own_people_adds_to_what_cannot_be_told_apart() -> None:
    facts = with_own_data(world([family("a", document("d", grant()))]), bases=(GIVEN,))
    strangers = replace(facts.declarations[1], ref="own-2", name="own.guests", subject_space="guests")
    facts = replace(
        facts,
        declarations=(*facts.declarations, strangers),
        origins=(*facts.origins, Origin("text", "own-2", NS, "own.guests", "text")),
        categories=(*facts.categories, ColumnCategory(NS, "own.guests", "text", "user.name")),
    )
    own = judged(facts)[0]
    assert (own.customer, own.out, own.laws) == ("", (), ())
    assert own.cells["text"].treatment is Treatment.BLANK
    assert own.cells["text"].reasons == (Reason("not-separable", "", "text", about="person guests"),)
    assert own.reasons == (Reason("basis", about="bas-own"), Reason("consent-missing", about="staff pty-vendor"))
