"""What an override may lift, and what it never lifts: a person's refusal, an open deletion, a legal hold (SEMANTICS §7).

Asked when one is given, at every question that would use it, and at every re-check. Where it cannot be seen whether a person refused -
provenance is unknown, people cannot be told apart, a fact cannot be read - nothing is lifted either.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from governance.obligations import queries as obligations
from governance.policy import answers, canonical, people, reasons, values
from governance.releases.gathering import Gathered
from governance.releases.models import Override

PEOPLES_WORD = frozenset({"consent-refused", "consent-withdrawn", "objection"})
UNSEEN = frozenset({"unknown-dataset", "unknown-provenance", "undeclared-source", "unreadable-fact", "no-basis"})


def never(answer: answers.Decision, gathered: Gathered, question: values.Question) -> tuple[str, ...]:
    """Return the codes of everything that no override lifts, sorted; `legal-hold` among them, which is no reason of the engine's."""
    return tuple(sorted(set(_never(answer, gathered.facts, question))))


def refused(answer: answers.Decision) -> list[answers.Reason]:
    """Return what speaks against the use, without counts: how many rows or people it is changes by the hour."""
    return sorted({replace(each, count=0) for each in answer.reasons if reasons.refuses(each.code)})


def over(question: values.Question, answer: answers.Decision, gathered: Gathered) -> Override | None:
    """Return the override that lets this question's data be used in spite of the answer, if there is one that may."""
    for row in _matching(question):
        if row.is_live(at=question.at) and not failing(row, answer, gathered, question):
            return row
    return None


def failing(row: Override, answer: answers.Decision, gathered: Gathered, question: values.Question) -> str:
    """Return why an override does not, or no longer, carry this answer; empty where it does."""
    if not row.is_live(at=question.at):
        return f"the override {row.ref} is over"
    if (runs := _runs(gathered)) != [row.run]:
        return f"the override {row.ref} is for what run {row.run} wrote, and {len(runs)} versions are there"
    if codes := never(answer, gathered, question):
        return f"no override lifts {', '.join(codes)}"
    return beyond(row, answer)


def beyond(row: Override, answer: answers.Decision) -> str:
    """Return which refusals of an answer the override was not given over, in a sentence; empty where there is none."""
    known = {canonical.from_json(answers.Reason, each) for each in row.over}
    if unknown := [each.code for each in refused(answer) if each not in known]:
        return f"the override {row.ref} was not given over {', '.join(sorted(set(unknown)))}"
    return ""


def one_version(gathered: Gathered) -> str | None:
    """Return the run whose version is there alone; None where several are, or none is known."""
    runs = _runs(gathered)
    return runs[0] if len(runs) == 1 else None


def _runs(gathered: Gathered) -> list[str]:
    return [each["run"] for each in gathered.versions]


def _matching(question: values.Question) -> Iterable[Override]:
    rows = Override.objects.filter(
        namespace=question.namespace,
        name=question.dataset,
        action=question.action,
        purpose=question.purpose,
        recipient=question.recipient or "",
        model=question.model or "",
        environment=question.environment or "",
        region=question.region or "",
    )
    return [row for row in rows if set(question.columns) <= set(row.columns)]


def _never(answer: answers.Decision, facts: values.Facts, question: values.Question) -> Iterator[str]:
    codes = {each.code for each in answer.reasons}
    yield from codes & (PEOPLES_WORD | UNSEEN)
    if any(each.code == "not-separable" and each.about == "person" for each in answer.reasons):
        yield "no-basis"  # personal data, and nobody says in which identifiers its people could be asked
    if facts.gaps:
        yield "unreadable-fact"
    if facts.obligations or "deletion-open" in codes:
        yield "deletion-open"
    for view in facts.consents:
        if not _applied(facts.built, view, question.at):
            said = {"consent-refused": view.refused, "consent-withdrawn": view.withdrawn, "objection": view.objected}
            yield from (code for code, count in said.items() if count)
    held = obligations.holds([each.ref for each in facts.customers], at=question.at, as_known_at=question.as_known_at)
    if held:
        yield "legal-hold"


def _applied(built: values.Built | None, view: values.ConsentView, at: datetime) -> bool:
    """The product's builder left out whoever refused, not long ago, and nobody has refused since."""
    return built is not None and any(
        (row.space, row.controller) == (view.space, view.controller)
        and row.unapplied == 0
        and at < row.applied_at + people.MAXIMUM_AGE
        for row in built.lists
    )
