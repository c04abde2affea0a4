"""Every customer judged, and what those share who cannot be told apart (SEMANTICS §5.3): what the corpus and the laws leave unseen."""

from dataclasses import replace

from governance.policy import judging
from governance.policy import world as laid_out
from governance.policy.answers import Treatment
from governance.policy.values import Facts, Identity, Obligation
from tests.policy.answering import BOTH, Answerer
from tests.policy.test_pinned import both
from tests.policy.worlds import NOW, ask, document, family, grant, world

__all__ = ["BOTH"]


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
