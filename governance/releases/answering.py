"""How a decision is shown over HTTP: to pipelines codes, opaque references and counts; names and quotes to `explanation:read`."""

from typing import Any

import msgspec
from django.utils import timezone

from governance.access.actors import Actor
from governance.policy import answers, canonical
from governance.releases import decisions, explaining, overrides, permits
from governance.releases.decisions import Answered
from governance.releases.models import Decision, Override, Permit
from governance.releases.standing import Renewal

SHOWN = 20
NEXT = {
    Permit.Kind.RELEASE: "use",
    Permit.Kind.OVERRIDE: "use",
    Permit.Kind.BUILD: "build",
    Permit.Kind.STANDING: "renew",
}


def answered(found: Answered, *, by: Actor) -> dict[str, Any]:
    """Return the answer to a question that was just decided."""
    row, answer = found.decision, found.answer
    body = head(row) | {
        "next": next_step(row, found.permit),
        "permit": permits.shown(found.permit) if found.permit else None,
        "advisory": permits.shown(found.advisory) if found.advisory else None,
        "plan": plan_head(answer),
        "people": canonical.to_json(answer.counts),
        "left_out": [{"customers": list(each.customers), "codes": list(each.codes)} for each in answer.left_out],
    }
    return body | _reasons(row, answer, by)


def encoded(found: Answered, *, by: Actor) -> bytes:
    """Return the same as JSON. What equal facts and words always say is put into bytes once, as long as no names are in it."""
    if explaining.SCOPE in by.scopes or found.kept is None:
        return msgspec.json.encode(answered(found, by=by))
    row, shown = found.decision, found.kept.shown
    own = head(row) | {
        "next": next_step(row, found.permit),
        "permit": permits.shown(found.permit) if found.permit else None,
        "advisory": permits.shown(found.advisory) if found.advisory else None,
    }
    if "tail" not in shown:
        whole = answered(found, by=by)
        shown["tail"] = msgspec.json.encode({name: value for name, value in whole.items() if name not in own})[1:]
    tail: bytes = shown["tail"]
    return b"%b,%b" % (msgspec.json.encode(own)[:-1], tail)


def renewed(found: Renewal, *, by: Actor) -> dict[str, Any]:
    """Return the answer to a run's renewal: that of a release, with what became of the standing permit."""
    row = found.standing
    said = {
        "standing": row.ref,
        "job": permits.job_of(row),
        "run": found.run,
        "standing_expires_at": row.expires_at,
        "standing_revoked": row.revoked_at is not None,
        "why": found.why,
    }
    return answered(found.answered, by=by) | {"renewal": said}


def again(row: Decision, *, by: Actor) -> dict[str, Any]:
    """Return a stored decision in the same form, with the permit that counts now."""
    kinds = tuple(NEXT)
    found = row.permits.filter(kind__in=kinds).order_by("-pk").first()
    advisory = row.permits.filter(kind=Permit.Kind.ADVISORY).first()
    return answered(Answered(row, decisions.answer_of(row), found, advisory), by=by)


def head(row: Decision) -> dict[str, Any]:
    """Return what identifies a decision."""
    return {
        "ref": row.ref,
        "verdict": row.verdict,
        "enforcement": row.enforcement,
        "dataset": {"namespace": row.namespace, "name": row.name},
        "action": row.action,
        "purpose": row.purpose,
        "at": row.valid_at,
        "as_known_at": row.as_known_at,
        "rules": row.rules_version,
        "facts": row.facts_id,
        "digest": row.digest,
        "ledger_entry": row.entry_ref,
    }


def next_step(row: Decision, permit: Permit | None) -> str:
    """Return what the caller can do now: `use` the dataset, `build` the plan, `renew` for a run under a standing permit, or nothing."""
    if permit is None:
        return "none"
    return NEXT.get(Permit.Kind(permit.kind), "none")


def override(row: Override) -> dict[str, Any]:
    """Return an override as those see it who read explanations: what it was given over in codes, its reason and its review in full."""
    fields = (
        "ref", "namespace", "name", "run", "action", "purpose", "columns", "recipient", "model", "reason", "granted_by", "granted_at",
        "review_by", "ends_at", "agreed", "reviewed_by", "reviewed_at", "review_note", "withdrawn_by", "withdrawn_at", "withdrawn_why",
    )  # fmt: skip
    return {name: getattr(row, name) for name in fields} | {
        "state": overrides.state(row, at=timezone.now()),
        "decision": row.decision.ref,
        "over": sorted({each["code"] for each in row.over}),
        "ledger_entry": row.entry_ref,
    }


def plan_head(answer: answers.Decision) -> dict[str, Any] | None:
    """Return a plan in numbers."""
    plan = answer.plan
    if plan is None:
        return None
    return {
        "digest": plan.digest(),
        "columns": list(plan.columns),
        "filter_columns": list(plan.filter_columns),
        "classes": len(plan.classes),
        "customers": sum(each.customers for each in plan.classes),
        "changes_rows": plan.changes_rows,
        "duties": sorted(
            {duty.safeguard for each in plan.classes for column in each.columns for duty in column.duties}
        ),
    }


def plan_whole(row: Decision) -> dict[str, Any] | None:
    """Return the plan with the members of its classes, as opaque references."""
    answer = decisions.answer_of(row)
    if answer.plan is None:
        return None
    return {
        "digest": answer.plan.digest(),
        "plan": canonical.to_json(answer.plan),
        "members": canonical.to_json(answer.members),
    }


def _reasons(row: Decision, answer: answers.Decision, by: Actor) -> dict[str, Any]:
    if explaining.SCOPE not in by.scopes:
        reasons, remedies = explaining.short(answer), explaining.short_remedies(answer)
    else:
        found = explaining.reader(row, by=by)
        lines = explaining.headlines(found)
        reasons, remedies = [canonical.to_json(line) for line in lines], explaining.remedies(found)
    return {"reasons": reasons[:SHOWN], "reason_count": len(reasons), "remedies": remedies[:SHOWN]}
