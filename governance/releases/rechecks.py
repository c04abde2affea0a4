"""Does a permit still hold? Asked again whenever something it rests on changes; revoked at once where it does not (SEMANTICS §7).

One person's withdrawal or erasure revokes nothing: it joins the delta that the builder must apply, and opens that person's obligation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from governance.access.actors import Actor
from governance.policy import answers, reasons, safeguards, values
from governance.policy.answers import Treatment, Verdict
from governance.policy.people import STRICTNESS
from governance.releases import decisions, gathering, overriding, permits, resting
from governance.releases.comparing import by_customer
from governance.releases.models import Permit
from lineage import errors, noted

type Cells = dict[str, answers.ColumnPlan]


@dataclass(frozen=True)
class Recheck:
    """What became of one permit: `why` is empty where it holds."""

    permit: Permit
    why: str

    @property
    def holds(self) -> bool:
        """Say whether it still may be used."""
        return not self.why


def recheck(permit: Permit, *, at: datetime, by: Actor) -> Recheck:
    """Decide again and revoke the permit where less is allowed now; what cannot be decided is not allowed."""
    why = failing(permit, at=at, note=True)
    if why:
        permits.revoke(permit, why=why, by=by)
    return Recheck(permit, why)


def sweep(found: Iterable[Permit] | None = None, *, at: datetime, by: Actor) -> list[Recheck]:
    """Re-check these permits, or all that are live; return those that were revoked."""
    return [
        made
        for permit in (permits.live(at=at) if found is None else found)
        if not (made := recheck(permit, at=at, by=by)).holds
    ]


def failing(permit: Permit, *, at: datetime, note: bool = False) -> str:
    """Return why a permit no longer holds, empty where it does; `note` what it rests on by now, and when it is due again."""
    try:
        with noted.noting() as read:
            now, gathered, question = _again(permit, at=at)
    except errors.Problem as problem:
        return f"it cannot be decided any more: {problem.detail}"
    if note:
        resting.grow(permit, question, gathered, now, resting.turn(read, at=question.at))
    if permit.override is not None:
        return overriding.failing(permit.override, now, gathered, question)
    return falls_short(permit, now)


def falls_short(permit: Permit, now: answers.Decision) -> str:
    """Return why a permit does not hold by this answer to its question, empty where it does."""
    if permit.override is not None:
        return overriding.beyond(permit.override, now)
    if permit.kind in (Permit.Kind.RELEASE, Permit.Kind.STANDING):
        return "" if now.verdict is Verdict.PERMIT else _why(now)
    before = decisions.answer_of(permit.decision)
    return "" if covers(now, before) else _why(now) or "the plan allows less now"


def again(permit: Permit, *, at: datetime) -> answers.Decision:
    """Decide the permit's question as of now, taking lists that the builder applied for fresh."""
    return _again(permit, at=at)[0]


def _again(permit: Permit, *, at: datetime) -> tuple[answers.Decision, gathering.Gathered, values.Question]:
    asked = decisions.question_now(permit.decision, at=at)
    return *decisions.look(asked, with_facts=lambda facts: fresh(facts, asked.at)), asked


def covers(now: answers.Decision, before: answers.Decision) -> bool:
    """Say whether a plan still allows every cell of an earlier one, with no more to be done and no stronger consent asked for."""
    if now.plan is None or before.plan is None:
        return before.plan is None
    present, earlier = by_customer(now), by_customer(before)
    return all(customer in present and _at_least(present[customer], mine) for customer, mine in earlier.items())


def adds_lists(now: answers.Decision, before: answers.Decision) -> bool:
    """Say whether people must be left out by a list that the earlier plan did not know."""
    present, earlier = by_customer(now), by_customer(before)
    return any(
        not _lists(present[customer]) <= _lists(mine) for customer, mine in earlier.items() if customer in present
    )


def fresh(facts: values.Facts, at: datetime) -> values.Facts:
    """Return the facts as if every list of people that the builder applied were of this moment: age is no matter of contracts."""
    if facts.built is None:
        return facts
    lists = tuple(replace(row, unapplied=0, applied_at=at) for row in facts.built.lists)
    spaces = {row.space for row in facts.built.erased} | {
        row.subject_space for row in facts.obligations if row.subject_space
    }
    erased = tuple(values.AppliedList(space, "", values.Need.NOTHING, at) for space in sorted(spaces))
    return replace(facts, built=replace(facts.built, lists=lists, erased=erased))


def _at_least(now: answers.TreatmentClass, before: answers.TreatmentClass) -> bool:
    mine: Cells = {column.column: column for column in now.columns}
    cells = all(column.column in mine and _cell(mine[column.column], column) for column in before.columns)
    needs = {(one.space, one.controller): one.need for one in before.people}
    people = all(
        (one.space, one.controller) in needs
        and STRICTNESS.index(one.need) >= STRICTNESS.index(needs[one.space, one.controller])
        for one in now.people
    )
    return cells and people


def _cell(now: answers.ColumnPlan, before: answers.ColumnPlan) -> bool:
    match before.treatment:
        case Treatment.BLANK | Treatment.NONE:
            return True
        case Treatment.KEEP:
            return now.treatment in (Treatment.KEEP, Treatment.NONE)
        case Treatment.APPLY:
            done = all(any(safeguards.implies(old, new) for old in before.duties) for new in now.duties)
            return now.treatment is not Treatment.BLANK and done


def _lists(each: answers.TreatmentClass) -> set[tuple[str, str, str]]:
    listed = {(one.space, one.controller, str(one.need)) for one in each.people}
    return listed | {(one.space, "", "") for one in each.erased}


def _why(now: answers.Decision) -> str:
    codes = sorted({reason.code for reason in now.reasons if reasons.refuses(reason.code)})
    return "; ".join(codes) or ("" if now.verdict is Verdict.PERMIT else str(now.verdict))
