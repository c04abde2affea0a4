"""The main job: take a question, gather the facts, decide, and keep all of it - question, facts, answer, entry, permit - in one transaction."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from django.db import connection

from consent import trees
from governance.access.actors import Actor
from governance.catalogue import queries as catalogue
from governance.parties import epoch
from governance.policy import answers, canonical, engine, rules, values
from governance.releases import gathering, kept, overriding, permits, resting, rulebook
from governance.releases.kept import Asking, Current, Kept, Unsteady
from governance.releases.models import Decision, Permit, StoredAnswer, StoredFacts
from governance.releases.requests import Ask
from lineage import errors
from lineage import queries as lineage
from lineage.journal import entries

SCOPE = "release:request"
PLACES = 2  # of the status list, for a permit and an advisory


class NoSuchDecision(errors.NotFound):
    code = "unknown-decision"


class NeedsPlan(errors.Conflict):
    """A standing permit was asked for what each run must have built first."""

    code = "standing-needs-a-plain-permit"


class NotReplayed(errors.Conflict):
    """Deciding the stored facts again gave something else."""

    code = "replay-differs"


@dataclass(frozen=True)
class Answered:
    """A decision as it was stored, with the engine's answer and the permits that came with it."""

    decision: Decision
    answer: answers.Decision
    permit: Permit | None = None
    advisory: Permit | None = None
    kept: Kept | None = None  # what answers made of equal facts may share


def request(
    ask: Ask,
    *,
    by: Actor,
    at: datetime,
    built_from: Decision | None = None,
    run: permits.Run | None = None,
    asking: Asking | None = None,
) -> Answered:
    """Decide a question and store everything; raises `Malformed` where it cannot be asked. `at` is now, `run` one under a standing permit."""
    by.needs(SCOPE)
    found = kept.current(
        ask,
        at=at,
        columns=_columns,
        deciding=True,
        permits=PLACES if ask.about_now else 0,
        asking=asking,
    )
    answer = found.kept.whole
    with entries.together(
        at=found.look.at
    ) as written:  # one statement, and without a transaction around it one round trip
        row = _store(ask, found, by=by, built_from=built_from)
        permit, advisory = _permits(row, ask, found, at=found.now, by=by, run=run)
    row.recorded_at = cast(datetime, written.written_at)
    if not connection.in_atomic_block:
        found.kept.stored, found.kept.based = True, found.kept.based or permit is not None
    return Answered(row, answer.value, permit, advisory, found.kept)


def ready(ask: Ask, *, at: datetime) -> None:
    """Have everything at hand that deciding a question takes, outside of any transaction, so that it can be kept."""
    kept.current(ask, at=at, columns=_columns)


def evaluate(ask: Ask, *, by: Actor, at: datetime, asking: Asking | None = None) -> tuple[answers.Decision, Kept]:
    """Decide a question and store nothing: no permit comes of it, and no remedies are looked for. Raises `Malformed` as `request` does.

    With it comes what answers made of equal facts may share.
    """
    by.needs(SCOPE)
    found = kept.current(ask, at=at, columns=_columns, asking=asking)
    return found.kept.bare, found.kept


def preview(
    question: values.Question, *, with_facts: Callable[[values.Facts], values.Facts] = lambda facts: facts
) -> answers.Decision:
    """Decide without storing anything, on facts changed by `with_facts`: for re-checks and impact pages."""
    return look(question, with_facts=with_facts)[0]


def look(
    question: values.Question, *, with_facts: Callable[[values.Facts], values.Facts] = lambda facts: facts
) -> tuple[answers.Decision, gathering.Gathered]:
    """Decide without storing anything; return the answer with everything that it rests on."""
    question = replace(question, purpose=trees.called(question.purpose, question.as_known_at))
    gathered, _ = _gather(question)
    gathered = replace(gathered, facts=with_facts(gathered.facts))
    return decide(question, gathered.facts), gathered


def decide(question: values.Question, facts: values.Facts, *, with_remedies: bool = False) -> answers.Decision:
    """Decide by the rules that answer now; raises `rules.NotRun` where this code does not run them."""
    return engine.decide(question, facts, with_remedies=with_remedies, by_rules=rulebook.active())


def facts_now(question: values.Question) -> tuple[values.Facts, int]:
    """Return the facts that a question would be decided from, and the contract epoch under which they were read."""
    gathered, number = _gather(question)
    return gathered.facts, number


def default_output(row: Decision) -> dict[str, str]:
    """Return where a build of this decision is written: as asked, else beside its source under the decision's own name."""
    asked = row.asked.get("output")
    if asked:
        return dict(asked)
    parts = row.name.split(".")
    own = f"{parts[-1][:40]}_{row.ref.removeprefix('dec_')}"
    return {"namespace": row.namespace, "name": ".".join([*parts[:-1], own])}


def find(ref: str) -> Decision:
    """Return the decision of this reference; raises `NoSuchDecision`."""
    row = Decision.objects.select_related("facts", "answer").filter(ref=ref).first()
    if row is None:
        raise NoSuchDecision("no decision of that reference")
    return row


def question_of(row: Decision) -> values.Question:
    """Return the question that was decided."""
    return canonical.from_json(values.Question, row.question)


def question_now(row: Decision, *, at: datetime) -> values.Question:
    """Return the same question about `at`, with everything known by then."""
    asked = question_of(row)
    known = max(at, asked.at, asked.as_known_at)
    return replace(asked, at=max(at, asked.at), as_known_at=known, purpose=trees.called(asked.purpose, known))


def facts_of(row: Decision) -> values.Facts:
    """Return the facts it was decided from; raises `NotReplayed` when they are not those that were stored."""
    body = bytes(row.facts.body)
    if _sha256(body) != row.facts.digest:
        raise NotReplayed(f"the stored facts of {row.ref} were altered", remedy="run manage.py verify")
    return values.Facts.from_json(msgspec.json.decode(body))


def answer_of(row: Decision) -> answers.Decision:
    """Return the engine's answer as it was stored."""
    return answers.Decision.from_json(msgspec.json.decode(bytes(row.body)))


def replay(row: Decision) -> bytes:
    """Decide the stored facts again and return the bytes; raises `NotReplayed` unless they are the stored ones."""
    return replay_from(row, question_of(row), facts_of(row))


def replay_from(row: Decision, question: values.Question, facts: values.Facts) -> bytes:
    """The same where question and facts were read already."""
    try:
        body = engine.decide(question, facts, by_rules=row.rules_version).to_bytes()
    except rules.NotRun as problem:
        raise NotReplayed(f"{row.ref} was decided under {problem.detail}", remedy=problem.remedy) from problem
    if body != bytes(row.body) or _sha256(body) != row.digest:
        raise NotReplayed(
            f"deciding the stored facts of {row.ref} again gives another answer", remedy="run manage.py verify"
        )
    _check_entry(row)
    return body


def _check_entry(row: Decision) -> None:
    """What the ledger holds about the decision must be what the row says."""
    stored = entries.payload(entries.read(row.entry_ref))
    if stored is not None and stored != canonical.to_bytes(_payload(row, asked=canonical.digest(row.question))):
        raise NotReplayed(f"{row.ref} is not what the ledger says of it", remedy="run manage.py verify")


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _columns(ask: Ask, now: datetime) -> tuple[str, ...]:
    """What is asked for: the columns named, or all that lineage knows but the keys, which are for filtering."""
    if ask.columns or ask.action in ("serve", "assign"):
        return ask.columns
    if ask.sources:
        return tuple(sorted({column for source in ask.sources for column in source.columns}))
    place, at, known = (ask.dataset.namespace, ask.dataset.name), ask.at or now, ask.as_known_at or now
    exposure = lineage.exposure(*place, at=at, as_known_at=known)
    declared = catalogue.key_columns([place], at=at, as_known_at=known)[place]
    sources = catalogue.sources_on([place], at=at, as_known_at=known)[place]
    keys = {row.column for row in declared} | {
        name for row in sources for name in (row.tenant_column, row.subject_column)
    }
    return tuple(name for name in exposure.columns if name not in keys and name != "*")


def _gather(question: values.Question) -> tuple[gathering.Gathered, int]:
    """Facts under one contract epoch: read before and after, so that no half of a change to contracts is seen."""
    for _ in range(kept.TRIES):
        number = epoch.current()
        gathered = gathering.gather(question)
        if epoch.current() == number:
            return gathered, number
    raise Unsteady("the contracts change while they are being read", remedy="ask again")


def _store(ask: Ask, found: Current, *, by: Actor, built_from: Decision | None) -> Decision:
    question, answer = found.question, found.kept.whole
    facts, digest = found.kept.facts
    if not found.kept.stored:
        entries.store(StoredFacts(digest=digest, body=facts), once=True)
        entries.store(StoredAnswer(digest=answer.digest, body=answer.body), once=True)
    asked = canonical.value_bytes(question)
    row = Decision(
        pk=found.look.decision,
        namespace=question.namespace,
        name=question.dataset,
        action=question.action,
        purpose=question.purpose,
        question=msgspec.json.decode(asked),
        asked=msgspec.to_builtins(ask),
        verdict=str(answer.value.verdict),
        enforcement=found.kept.mode,
        rules_version=answer.value.rules_version,
        facts_id=digest,
        answer_id=answer.digest,
        plan_digest=answer.plan_digest,
        contract_epoch=found.look.epoch,
        valid_at=question.at,
        as_known_at=question.as_known_at,
        about_now=ask.about_now,
        built_from=built_from,
        ran_unasked_at=ask.ran_unasked_at,
        by=by.ref,
    )
    payload = _payload(row, asked=_sha256(asked))
    row.entry_ref = entries.record("decision", payload, by=by.ref, about=[row.ref]).ref
    entries.store(row)
    return row


def _payload(row: Decision, *, asked: str) -> dict[str, Any]:
    """What the ledger commits to: digests of everything, `asked` that of the question, of which it holds only what names no customer."""
    return {
        "decision": row.ref,
        "namespace": row.namespace,
        "dataset": row.name,
        "action": row.action,
        "purpose": row.purpose,
        "question": asked,
        "facts": row.facts_id,
        "answer": row.digest,
        "verdict": row.verdict,
        "plan": row.plan_digest,
        "rules": row.rules_version,
        "enforcement": str(row.enforcement),
        "contract_epoch": row.contract_epoch,
        "ran_unasked": row.ran_unasked_at is not None,
    }


def _permits(
    row: Decision, ask: Ask, found: Current, *, at: datetime, by: Actor, run: permits.Run | None
) -> tuple[Permit | None, Permit | None]:
    """A release permit for what may be used as it is, a build permit for a plan; where nothing is enforced, an advisory beside it."""
    if not ask.about_now:
        return None, None
    terms = _terms(row, ask, found.question, found.kept.whole.value, found.kept.gathered, at)
    kinds = {Decision.Verdict.PERMIT: Permit.Kind.RELEASE, Decision.Verdict.PERMIT_WITH_PLAN: Permit.Kind.BUILD}
    kind = kinds.get(Decision.Verdict(row.verdict))
    first, second = (permits.Place(pk, index, found.look.head) for pk, index in found.look.permits)
    if ask.standing or run:
        kind, terms = _standing(kind, ask, terms, run, at)
        may = False
    else:
        may = found.kept.overridden and kind is not Permit.Kind.RELEASE
    if may and (override := overriding.over(found.question, found.kept.whole.value, found.kept.gathered)):
        kind, terms = (
            Permit.Kind.OVERRIDE,
            permits.under(
                override, terms, columns=found.question.columns, outputs=[each.plain() for each in ask.writes]
            ),
        )
    permit = (
        permits.issue(row, kind=kind, terms=terms, at=at, by=by, place=first)
        if kind and permits.expiry(at, terms, kind) > at
        else None
    )
    if permit is not None:
        resting.write(permit, found)
    usable = permit is not None and permit.kind in (Permit.Kind.RELEASE, Permit.Kind.OVERRIDE)
    if row.enforcement == Decision.Enforcement.ENFORCE or row.verdict == Decision.Verdict.PERMIT or usable:
        return permit, None
    if ask.standing:  # advice is for a run, and there is none yet
        return None, None
    advisory = permits.Terms(
        dataset=terms.dataset,
        versions=terms.versions,
        columns=terms.columns,
        recipient=terms.recipient,
        model=terms.model,
    )
    return permit, permits.issue(row, kind=Permit.Kind.ADVISORY, terms=advisory, at=at, by=by, place=second)


def _standing(
    kind: Permit.Kind | None, ask: Ask, terms: permits.Terms, run: permits.Run | None, at: datetime
) -> tuple[Permit.Kind | None, permits.Terms]:
    """For a job, or for a run of it: nothing but what may be used as it is, and no person's override, which is for one version."""
    if run is not None:
        allowed = kind is Permit.Kind.RELEASE and permits.is_live(run.standing, at=at)
        return (kind, permits.for_run(run, terms)) if allowed else (None, terms)
    if kind is Permit.Kind.BUILD:
        raise NeedsPlan(
            "only a part may be used, and that is built anew for each run: no standing permit rests on a plan",
            where="standing",
            remedy="ask for each run without `standing` and build the plan, or ask for less: the columns that may be used as they are",
        )
    return (
        (Permit.Kind.STANDING, permits.for_job(ask.standing.plain(), terms)) if kind and ask.standing else (None, terms)
    )


def _terms(
    row: Decision,
    ask: Ask,
    question: values.Question,
    answer: answers.Decision,
    gathered: gathering.Gathered,
    at: datetime,
) -> permits.Terms:
    plan = answer.plan
    lists = [{"space": one.space, "controller": one.controller, "need": str(one.need)} for one in _lists(plan)]
    built = gathered.facts.built
    lists += [
        {"space": one.space, "controller": one.controller, "need": str(one.need)}
        for one in (built.lists if built else ())
    ]
    changes = [moment for moment in (gathered.first_change, answer.holds_until, _too_old(built)) if moment is not None]
    return permits.Terms(
        dataset=ask.dataset.plain(),
        versions=gathered.versions,
        columns=plan.columns if plan else question.columns,
        filter_columns=plan.filter_columns if plan else (),
        outputs=_outputs(row, ask),
        undertakings=[{"document": u.document, "clause": u.clause, "terms": u.terms} for u in plan.undertakings]
        if plan
        else [],
        recipient=ask.recipient or "",
        model=ask.model or "",
        delete_by=at + timedelta(days=plan.keep_for_days) if plan and plan.keep_for_days is not None else None,
        first_change=min(changes, default=None),
        list_hours=permits.list_hours() if lists else None,
        lists=lists,
    )


def _outputs(row: Decision, ask: Ask) -> list[dict[str, str]]:
    """A build permit names what the builder writes, a release permit what the run that uses the data will write."""
    if row.verdict == Decision.Verdict.PERMIT_WITH_PLAN:
        return [default_output(row)]
    return [each.plain() for each in ask.writes]


def _lists(plan: answers.Plan | None) -> list[answers.PeopleList]:
    found = {
        (one.space, one.controller, one.need): one for each in (plan.classes if plan else ()) for one in each.people
    }
    return [found[key] for key in sorted(found)]


def _too_old(built: values.Built | None) -> datetime | None:
    """When the first of the lists that were applied reaches its maximum age."""
    moments = [one.applied_at for one in (*built.lists, *built.erased)] if built else []
    return min(moments) + timedelta(hours=permits.list_hours()) if moments else None
