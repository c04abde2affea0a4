"""What the rooms above call: `check` a question, `decide` it, and ask which `consents_needed` to gather. Pure."""

from datetime import datetime

from governance.policy import decisions, exposure, outlook, people, questions, remedies, rules, world
from governance.policy.answers import Decision
from governance.policy.memory import Memory
from governance.policy.people import Needed
from governance.policy.values import RULES_VERSION, Facts, Question


def check(question: Question, facts: Facts) -> Question:
    """Return the question in its one form; raises `questions.BadQuestion` (400) for one that means nothing."""
    return questions.check(question, facts)


def decide(question: Question, facts: Facts, *, with_remedies: bool = True, by_rules: str = RULES_VERSION) -> Decision:
    """Answer a question from its facts by a version of the rules; raises `questions.BadQuestion` for one that means nothing.

    Same facts (in whatever order), same bytes. Raises `rules.NotRun` for a version that this code does not run. The facts to store are `facts.normal()`, whose digest the decision carries.
    """
    normal = facts.normal()
    asked = questions.check(question, normal)
    ruled = rules.running(by_rules)
    memory = Memory() if with_remedies else None
    outcome = ruled.outcome(asked, normal, memory=memory)
    return Decision(
        verdict=outcome.verdict,
        reasons=outcome.reasons,
        plan=outcome.plan,
        members=outcome.members,
        left_out=outcome.left_out,
        counts=outcome.counts,
        facts_digest=normal.digest(),
        holds_until=outlook.holds_until(asked, normal, outcome, ruled.outcome),
        remedies=remedies.find(asked, normal, outcome, ruled.outcome, memory=memory) if with_remedies else (),
        completeness=normal.dataset.completeness,
        completeness_reasons=normal.dataset.reasons,
        rules_version=ruled.version,
    )


def stands_until(question: Question, facts: Facts) -> datetime | None:
    """Return until when deciding the question about a later instant, from the same facts, gives the same bytes; None for ever."""
    return outlook.stands_until(question, facts)


def consents_needed(question: Question, facts: Facts) -> tuple[Needed, ...]:
    """Return the consent views that deciding will look for, given all other facts: what to gather last.

    A view that is then missing counts as nobody's consent. Nothing is needed where the question has a gap as a whole.
    """
    normal = facts.normal()
    asked = questions.check(question, normal)
    if decisions.provenance_gaps(asked, normal):
        return ()
    laid_out = world.read(asked, normal)
    return people.needed(laid_out, exposure.cells(laid_out).values())
