"""Overrides: given by a person with that role, reviewed by a second one within a day, withdrawn by either (SEMANTICS §7).

Giving one permits nothing by itself: the pipeline asks again, and is given a permit that names the override, as long as it carries
the answer of that moment.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from governance.access import roles
from governance.access.actors import Actor
from governance.policy import canonical
from governance.releases import decisions, overriding, permits
from governance.releases.models import OVERRIDE_LONGEST, OVERRIDE_REVIEWED, Decision, Override, Permit
from lineage import errors
from lineage.journal import entries

GIVER = roles.OVERRIDE_OFFICER
REVIEWERS = (roles.LAWYER, roles.APPROVER, roles.PRIVACY_OFFICER, roles.OVERRIDE_OFFICER)
MOST_A_DAY = 5  # overrides that one person gives in a day
HOURS = int(OVERRIDE_LONGEST.total_seconds()) // 3600
LONGEST_TEXT = 5_000


class NotLifted(errors.Conflict):
    """Something speaks against the use that no override lifts."""

    code = "never-overridden"


class Lapsed(errors.Conflict):
    """Nobody reviewed it in time."""

    code = "override-lapsed"


def grant(decision: Decision, *, reason: str, hours: int = HOURS, by: Actor) -> Override:
    """Let the version that a decision refused be used for its purpose; raises `NotLifted` for what no person can lift, `Conflict` otherwise."""
    _must_be_person(by)
    by.must(GIVER)
    text = _text(reason, "reason")
    if isinstance(hours, bool) or not 1 <= hours <= HOURS:
        raise errors.Unprocessable(f"an override lasts 1 to {HOURS} hours", where="hours")
    with transaction.atomic():
        at = _alone()
        question = decisions.question_now(decision, at=at)
        answer, gathered = decisions.look(question)
        _must_be_refused(decision, str(answer.verdict))
        if codes := overriding.never(answer, gathered, question):
            raise NotLifted(
                f"no override lifts {', '.join(codes)}",
                where=",".join(codes),
                remedy="respect it, or leave those rows out by a plan",
            )
        run = _version(overriding.one_version(gathered))
        _must_be_rare(by, at)
        row = Override(
            decision=decision,
            namespace=question.namespace,
            name=question.dataset,
            run=run,
            action=question.action,
            purpose=question.purpose,
            columns=sorted(question.columns),
            recipient=question.recipient or "",
            model=question.model or "",
            environment=question.environment or "",
            region=question.region or "",
            over=[canonical.to_json(each) for each in overriding.refused(answer)],
            reason=text,
            granted_by=by.ref,
            granted_at=at,
            review_by=at + OVERRIDE_REVIEWED,
            ends_at=at + timedelta(hours=hours),
        )
        _must_be_first(row)
        row.entry_ref = entries.record(
            "override-granted", _payload(row), by=by.ref, about=[row.ref, decision.ref, *_customers(row)]
        ).ref
        row.save(force_insert=True)
    return row


def review(ref: str, *, agreed: bool, note: str = "", by: Actor) -> Override:
    """Agree as the second person, or end it at once: a refused one takes its permits with it. Raises `Lapsed` when it is too late."""
    _must_be_person(by)
    by.must(REVIEWERS)
    text = _text(note, "note") if note.strip() or not agreed else ""
    with transaction.atomic():
        row = _locked(ref)
        at = _clock()
        if row.reviewed_at is not None:
            raise errors.Conflict("this override was reviewed already", code="already-reviewed")
        if row.granted_by == by.ref:
            raise errors.Forbidden(
                "whoever gave an override cannot review it", code="second-person-needed", remedy="ask a second person"
            )
        if at >= row.review_by:
            raise Lapsed(
                "nobody reviewed this override within a day, so it has lapsed",
                remedy="ask for a contract that allows the use",
            )
        row.reviewed_by, row.reviewed_at, row.agreed, row.review_note = by.ref, at, agreed, text
        row.save(update_fields=["reviewed_by", "reviewed_at", "agreed", "review_note"])
        entries.record("override-reviewed", {"override": ref, "agreed": agreed, "note": text}, by=by.ref, about=[ref])
        if not agreed:
            _take_permits(row, f"the override {ref} was refused on review", by=by)
    return row


def withdraw(ref: str, *, why: str, by: Actor) -> Override:
    """End an override early, with its permits; whoever may give or review one may withdraw it."""
    _must_be_person(by)
    by.must((GIVER, *REVIEWERS))
    text = _text(why, "why")
    with transaction.atomic():
        row = _locked(ref)
        if not row.is_live(at=_clock()):
            raise errors.Conflict("this override is over already", code="override-over")
        row.withdrawn_by, row.withdrawn_at, row.withdrawn_why = by.ref, Now(), text
        row.save(update_fields=["withdrawn_by", "withdrawn_at", "withdrawn_why"])
        row.refresh_from_db()
        entries.record("override-withdrawn", {"override": ref, "why": text}, by=by.ref, about=[ref])
        _take_permits(row, f"the override {ref} was withdrawn", by=by)
    return row


def find(ref: str) -> Override:
    """Return an override by reference; raises `NotFound`."""
    row = Override.objects.select_related("decision").filter(ref=ref).first() if "\0" not in ref else None
    if row is None:
        raise errors.NotFound("no override of that reference")
    return row


def lapsed(*, at: datetime) -> QuerySet[Override]:
    """Return those that nobody reviewed in time and nobody withdrew."""
    return Override.objects.filter(reviewed_at=None, withdrawn_at=None, review_by__lte=at).order_by("pk")


def state(row: Override, *, at: datetime) -> str:
    """Return where an override stands, in a word."""
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.agreed is False:
        return "refused"
    if not row.is_live(at=at):
        return "over" if row.agreed else "lapsed"
    return "agreed" if row.agreed else "waits for review"


def _must_be_person(by: Actor) -> None:
    if not by.is_person:
        raise errors.Forbidden(
            "an override takes named persons, not a key", code="person-needed", remedy="log in as a person"
        )


def _must_be_refused(decision: Decision, verdict: str) -> None:
    if not decision.purpose:
        raise errors.Conflict(
            "an override is for data and a purpose; a model is passed on only as its owners allow",
            code="not-for-models",
        )
    if verdict == Decision.Verdict.PERMIT:
        raise errors.Conflict(
            "this is permitted now: nothing has to be overridden", code="not-refused", remedy="ask again"
        )


def _version(run: str | None) -> str:
    if run is None:
        raise errors.Conflict(
            "an override is for one version, and not exactly one is there",
            code="not-one-version",
            remedy="copy what is needed into a dataset of its own",
        )
    return run


def _must_be_rare(by: Actor, at: datetime) -> None:
    if Override.objects.filter(granted_by=by.ref, granted_at__gt=at - timedelta(days=1)).count() >= MOST_A_DAY:
        raise errors.Conflict(
            f"one person gives at most {MOST_A_DAY} overrides a day",
            code="too-many-overrides",
            remedy="mend the contracts instead",
        )


def _must_be_first(row: Override) -> None:
    same = Override.objects.filter(
        namespace=row.namespace,
        name=row.name,
        run=row.run,
        action=row.action,
        purpose=row.purpose,
        recipient=row.recipient,
        model=row.model,
    ).first()
    if same is not None:
        raise errors.Conflict(
            f"this version was overridden for this use before ({same.ref}), and is so once",
            code="already-overridden",
            remedy="agree on a contract",
        )


def _take_permits(row: Override, why: str, *, by: Actor) -> None:
    for permit in Permit.objects.filter(override=row, revoked_at=None):
        permits.revoke(permit, why=why, by=by)


def _locked(ref: str) -> Override:
    find(ref)
    return Override.objects.select_for_update(of=("self",)).get(ref=ref)


def _text(value: str, where: str) -> str:
    text = value.strip()
    if not text or len(text) > LONGEST_TEXT or "\0" in text:
        raise errors.Unprocessable(f"say it in 1 to {LONGEST_TEXT} characters", where=where)
    return text


def _alone() -> datetime:
    """One at a time: of two for the same use the second is told of the first. Returns the database's clock, by which they are counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('override', 0))")
    return _clock()


def _clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def _customers(row: Override) -> list[str]:
    return sorted({each["customer"] for each in row.over if each.get("customer")})


def _payload(row: Override) -> dict[str, object]:
    return {
        "override": row.ref,
        "decision": row.decision.ref,
        "namespace": row.namespace,
        "dataset": row.name,
        "run": row.run,
        "action": row.action,
        "purpose": row.purpose,
        "columns": row.columns,
        "over": row.over,
        "reason": row.reason,
        "review_by": row.review_by,
        "ends_at": row.ends_at,
    }
