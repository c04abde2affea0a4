"""Engine and reference behind one face, so that every law is held against both."""

from collections.abc import Callable

from governance.policy import decisions, engine, questions, reasons
from governance.policy.answers import Duty
from governance.policy.clauses import requirement
from governance.policy.outlook import treatments
from governance.policy.values import Facts, Question
from tests.policy import reference
from tests.policy.reference import Req, Result

type Answerer = Callable[[Question, Facts], Result]


def by_engine(question: Question, facts: Facts) -> Result:
    """Answer with the engine, without remedies and look-ahead."""
    normal = facts.normal()
    found = decisions.evaluate(engine.check(question, normal), normal)
    plan = found.plan
    codes = {(r.code, r.customer, r.column) for r in found.reasons if reasons.refuses(r.code)}
    members = {u: each for each in (plan.classes if plan else ()) for u in found.members[each.ref] or ("",)}
    return Result(
        verdict=str(found.verdict),
        cells={key: (str(c.treatment), frozenset(map(duty, c.duties))) for key, c in treatments(found).items()},
        members=frozenset(members),
        lists=frozenset(
            (u, row.space, row.controller, str(row.need)) for u, each in members.items() for row in each.people
        ),
        erased=frozenset((u, row.space) for u, each in members.items() for row in each.erased),
        codes=frozenset((code, u, "" if code == "unmapped-tenant" else c) for code, u, c in codes),
        days=plan.keep_for_days if plan else None,
        changes=plan is not None and plan.changes_rows,
        people=(found.counts.both, found.counts.contract_alone, found.counts.consent_alone, found.counts.neither),
        undertakings=frozenset((note.document, note.clause) for note in (plan.undertakings if plan else ())),
    )


def duty(found: Duty) -> Req:
    """A duty as the reference writes it."""
    key = requirement.sort_key(found)
    return (key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7])


BOTH = [by_engine, reference.decide]
MALFORMED = (questions.BadQuestion, reference.Malformed)


def released(result: Result) -> set[tuple[str, str]]:
    """Cells that may be used, at once or after something is done."""
    return {key for key, (kind, _) in result.cells.items() if kind in ("keep", "apply")}


def plainly(result: Result) -> set[tuple[str, str]]:
    """Cells that may be used as they are."""
    return {key for key, (kind, _) in result.cells.items() if kind == "keep"}
