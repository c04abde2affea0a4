"""Permits: signed, bound to what was decided, short-lived, revocable (SEMANTICS §7).

A permit is a compact JWS (Ed25519, RFC 9864) with JWT claim names where there are any. Its place in the status list follows the IETF's
token status list: `status.status_list.idx` is a bit in the list at `uri`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.releases import resting
from governance.releases.models import Decision, Override, Permit
from lineage import errors, refs
from lineage.journal import entries, keys
from lineage.ledger.checkpoints import TreeHead

TYPE = "governance-permit+jwt"
STANDING_TYPE = "governance-standing-permit+jwt"  # another type: nobody who checks permits of runs takes it for one
LONGEST, STANDING_LONGEST = timedelta(hours=24), timedelta(days=90)
STATUS_PATH = "/api/v1/permits/status"


class NoSuchPermit(errors.NotFound):
    code = "unknown-permit"


class NotNow(errors.Unprocessable):
    """A permit was asked for a question about another time than now."""

    code = "not-about-now"


@dataclass(frozen=True)
class Terms:
    """What a permit binds, beside what its decision says."""

    dataset: Mapping[str, str]
    versions: Sequence[Mapping[str, str]]
    columns: Sequence[str]
    filter_columns: Sequence[str] = ()
    outputs: Sequence[Mapping[str, str]] = ()
    undertakings: Sequence[Mapping[str, Any]] = ()
    recipient: str = ""
    model: str = ""
    delete_by: datetime | None = None
    first_change: datetime | None = None  # when deciding again would first allow less
    list_hours: int | None = None  # maximum age of the allow-list, where there is one
    lists: Sequence[Mapping[str, Any]] = ()
    override: Override | None = None
    job: Mapping[str, str] | None = None  # of a standing permit, and of those under it
    run: "Run | None" = None


@dataclass(frozen=True)
class Run:
    """One run under a standing permit, and the permit that it had before."""

    standing: Permit
    ref: str
    before: Permit | None = None


def for_job(job: Mapping[str, str], terms: Terms) -> Terms:
    """Return the terms of a standing permit: the job instead of versions. How long a copy may live is said to each run."""
    return replace(terms, job=job, versions=(), delete_by=None)


def for_run(run: Run, terms: Terms) -> Terms:
    """Return the terms of a run's permit: it does not outlive the standing one."""
    ends = [moment for moment in (terms.first_change, run.standing.expires_at) if moment is not None]
    return replace(terms, job=job_of(run.standing), run=run, first_change=min(ends))


def job_of(permit: Permit) -> dict[str, str]:
    """Return the job that a permit binds."""
    return {"namespace": permit.job_namespace, "name": permit.job_name}


def under(override: Override, terms: Terms, *, columns: Sequence[str], outputs: Sequence[Mapping[str, str]]) -> Terms:
    """Return the terms of a permit by override: the columns as they are, for as long as the override is known to last."""
    ends = [moment for moment in (terms.first_change, override.until()) if moment is not None]
    return replace(
        terms,
        columns=columns,
        filter_columns=(),
        outputs=outputs,
        lists=(),
        list_hours=None,
        first_change=min(ends),
        override=override,
    )


@dataclass(frozen=True)
class Place:
    """The number of a permit and a place in the status list that were taken, and where the ledger stood then."""

    pk: int
    index: int
    head: TreeHead | None


def issue(
    decision: Decision, *, kind: Permit.Kind, terms: Terms, at: datetime, by: Actor, place: Place | None = None
) -> Permit:
    """Sign a permit for a decision that allows it; inside the decision's transaction. Raises `NotNow` for questions about another time.

    `place`, with how far the ledger went when the facts were read; without it every change has the permit looked at again.
    """
    if not decision.about_now:
        raise NotNow("permits are given only for questions about now", where="at", remedy="ask again without a time")
    _must_fit(decision, kind)
    expires = expiry(at, terms, kind)
    if expires <= at:
        raise NotNow("what this would permit ends at once", remedy="ask again")
    where = place or _next_place()
    found = _claims(decision, kind, terms, ref=refs.new("prm"), place=where, at=at, expires=expires)
    bound = {"columns": list(terms.columns), "versions": _plain(terms.versions), "outputs": _plain(terms.outputs)}
    return _sign(
        decision, kind, found, bound | {"override": terms.override} | _of_job(terms), at, expires, by, where.pk
    )


def _sign(
    decision: Decision,
    kind: str,
    found: Mapping[str, Any],
    bound: Mapping[str, Any],
    at: datetime,
    expires: datetime,
    by: Actor,
    pk: int,
) -> Permit:
    token = keys.sign_jws(found, typ=_type(kind))
    ref, index = str(found["jti"]), int(found["status"]["status_list"]["idx"])
    digest = hashlib.sha256(token.encode()).hexdigest()
    payload = {
        "permit": ref,
        "kind": str(kind),
        "decision": decision.ref,
        "digest": digest,
        "expires_at": expires,
        "index": index,
    } | ({"override": bound["override"].ref} if bound.get("override") else {})
    payload |= {name: found[name] for name in ("job", "run", "standing", "renews") if name in found}
    entry = entries.record("permit-issued", payload, by=by.ref, about=[ref, decision.ref])
    made = Permit(
        pk=pk,
        ref=ref,
        decision=decision,
        kind=kind,
        index=index,
        token=token,
        digest=digest,
        **bound,
        issued_at=at,
        expires_at=expires,
        ledger_size=found["ledger"]["size"],
        entry_ref=entry.ref,
    )
    entries.store(made)
    return made


def expiry(at: datetime, terms: Terms, kind: Permit.Kind | None = None) -> datetime:
    """The end of a permit: 24 h or the setting, whichever is less, and never past the first instant that would allow less.

    A standing permit lets no run use anything, so it may last for days, up to that same instant.
    Whole seconds, rounded down: a token counts in seconds, and late is the wrong side.
    """
    longest = min(LONGEST, timedelta(hours=settings.PERMIT_HOURS))
    if kind == Permit.Kind.STANDING:
        longest = min(STANDING_LONGEST, timedelta(days=settings.STANDING_PERMIT_DAYS))
    ends = [at + longest]
    ends += [moment for moment in (terms.first_change, terms.delete_by) if moment is not None]
    return min(ends).replace(microsecond=0)


def reissue(permit: Permit, *, outputs: Sequence[Mapping[str, str]], at: datetime, by: Actor) -> Permit:
    """Sign a live build permit anew for other outputs; it ends when the first one does. Raises `NotNow` when that is over."""
    if not is_live(permit, at=at) or permit.kind != Permit.Kind.BUILD:
        raise NotNow("this permit is no live build permit", remedy="ask for the release again")
    with transaction.atomic():
        ref, place = refs.new("prm"), _next_place()
        found = claims(permit) | {
            "jti": ref,
            "iat": _seconds(at),
            "nbf": _seconds(at),
            "outputs": _plain(outputs),
        }
        found["status"] = {"status_list": {"idx": place.index, "uri": settings.SITE_URL + STATUS_PATH}}
        bound = {"columns": permit.columns, "versions": permit.versions, "outputs": _plain(outputs)}
        made = _sign(permit.decision, permit.kind, found, bound, at, permit.expires_at, by, place.pk)
        resting.copy(permit, made)
    return made


def list_hours() -> int:
    """The maximum age of an allow-list: 24 h or the setting, whichever is less."""
    return min(24, settings.ALLOW_LIST_MAX_AGE_HOURS)


def revoke(permit: Permit, *, why: str, by: Actor) -> Permit:
    """Revoke a permit, once; it stands revoked in the status list from the commit on. Revoking again changes nothing.

    With a standing permit those that runs got under it are revoked.
    """
    if not why.strip():
        raise errors.Unprocessable("say why the permit is revoked", where="why")
    with transaction.atomic():
        locked = Permit.objects.select_for_update(of=("self",)).get(pk=permit.pk)
        if locked.revoked_at is not None:
            return locked
        locked.revoked_at, locked.revoked_by, locked.revoked_why = Now(), by.ref, why
        locked.save(update_fields=["revoked_at", "revoked_by", "revoked_why"])
        locked.refresh_from_db()
        payload = {"permit": locked.ref, "index": locked.index, "why": why}
        entries.record("permit-revoked", payload, by=by.ref, about=[locked.ref, locked.decision.ref])
        for run in locked.runs.filter(revoked_at=None, expires_at__gt=Now()).order_by("pk"):
            revoke(run, why=f"the standing permit {locked.ref} was revoked: {why}", by=by)
    return locked


def live(*, at: datetime) -> "list[Permit]":
    """Return the permits that would be accepted at `at`, standing ones included, oldest first."""
    found = Permit.objects.filter(expires_at__gt=at, revoked_at=None).exclude(kind=Permit.Kind.ADVISORY)
    return list(found.select_related("decision", "override").order_by("pk"))


def is_live(permit: Permit, *, at: datetime) -> bool:
    """Say whether a permit would be accepted at `at`."""
    return (
        permit.kind != Permit.Kind.ADVISORY and permit.revoked_at is None and permit.issued_at <= at < permit.expires_at
    )


def find(ref: str) -> Permit:
    """Return the permit of this reference (the `jti` of its token, what a run facet names); raises `NoSuchPermit`."""
    permit = Permit.objects.select_related("decision").filter(ref=ref).first()
    if permit is None:
        raise NoSuchPermit("no permit of that reference")
    return permit


def claims(permit: Permit) -> dict[str, Any]:
    """Return what a permit says, its signature checked."""
    return keys.verify_jws(permit.token, typ=_type(permit.kind))


def shown(permit: Permit) -> dict[str, Any]:
    """Return a permit as answers carry it."""
    return {
        "ref": permit.ref,
        "kind": permit.kind,
        "expires_at": permit.expires_at,
        "revoked": permit.revoked_at is not None,
        **({"override": said_of(permit.override)} if permit.override else {}),
        **({"job": job_of(permit)} if permit.job_name else {}),
        **({"run": permit.run, "standing": permit.standing.ref} if permit.standing else {}),
        "token": permit.token,
    }


def _must_fit(decision: Decision, kind: Permit.Kind) -> None:
    wanted = {
        Permit.Kind.RELEASE: (Decision.Verdict.PERMIT,),
        Permit.Kind.STANDING: (Decision.Verdict.PERMIT,),
        Permit.Kind.BUILD: (Decision.Verdict.PERMIT_WITH_PLAN, Decision.Verdict.PERMIT),
        Permit.Kind.OVERRIDE: (Decision.Verdict.PERMIT_WITH_PLAN, Decision.Verdict.DENY),
    }
    if kind != Permit.Kind.ADVISORY and decision.verdict not in wanted[kind]:
        raise errors.Conflict(f"a {kind} permit cannot rest on the verdict {decision.verdict}", code="not-permitted")


def _claims(
    decision: Decision, kind: Permit.Kind, terms: Terms, *, ref: str, place: Place, at: datetime, expires: datetime
) -> dict[str, Any]:
    head = place.head
    found: dict[str, Any] = {
        "iss": settings.SITE_URL,
        "jti": ref,
        "iat": _seconds(at),
        "nbf": _seconds(at),
        "exp": _seconds(expires),
        "kind": str(kind),
        "decision": decision.ref,
        "decision_digest": decision.digest,
        "verdict": decision.verdict,
        "rules": decision.rules_version,
        "dataset": dict(terms.dataset),
        "versions": [dict(each) for each in terms.versions],
        "columns": list(terms.columns),
        "filter_columns": list(terms.filter_columns),
        "plan": decision.plan_digest,
        "action": decision.action,
        "purpose": decision.purpose,
        "recipient": terms.recipient,
        "model": terms.model,
        "outputs": [dict(each) for each in terms.outputs],
        "undertakings": [dict(each) for each in terms.undertakings],
        "contract_epoch": decision.contract_epoch,
        "ledger": {"origin": settings.LEDGER_ORIGIN, "size": head.size if head else 0, "entry": decision.entry_ref},
        "allow_lists": [dict(each) for each in terms.lists],
        "status": {"status_list": {"idx": place.index, "uri": settings.SITE_URL + STATUS_PATH}},
    }
    if head:
        found["ledger"]["root"] = head.root.hex()
    if terms.delete_by is not None:
        found["delete_by"] = _seconds(terms.delete_by)
    if terms.list_hours is not None:
        found["allow_list_max_age"] = 3600 * terms.list_hours
    if terms.override is not None:
        found["override"] = said_of(terms.override)
    if terms.job is not None:
        found["job"] = dict(terms.job)
    if terms.run is not None:
        found |= {"run": terms.run.ref, "standing": terms.run.standing.ref}
        found |= {"renews": terms.run.before.ref} if terms.run.before else {}
    if kind == Permit.Kind.STANDING:
        found["notice"] = "no permission for a run: each run renews it and gets a permit of its own"
    if kind == Permit.Kind.ADVISORY:
        found["advisory"] = "no permission: this namespace does not enforce, and the refusal was counted"
    return found


def said_of(override: Override) -> dict[str, Any]:
    """Return what a permit (and an answer) says of its override: who gave it, until when, and whether a second person has agreed. Not why: that may name people."""
    return {
        "ref": override.ref,
        "by": override.granted_by,
        "ends_at": _seconds(override.ends_at),
        "review_by": _seconds(override.review_by),
        "agreed_by": override.reviewed_by if override.agreed else "",
    }


def _type(kind: str) -> str:
    return STANDING_TYPE if kind == Permit.Kind.STANDING else TYPE


def _of_job(terms: Terms) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if terms.job is not None:
        found = {"job_namespace": terms.job["namespace"], "job_name": terms.job["name"]}
    if terms.run is not None:
        found |= {"run": terms.run.ref, "standing": terms.run.standing, "renews": terms.run.before}
    return found


def _plain(each: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [dict(one) for one in each]


def _seconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())


def _next_place() -> Place:
    """The next place in the status list. Nobody waits for another; a place that comes to nothing stays an unused bit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('releases_permit_id_seq'), nextval('releases_permit_index')")
        pk, index = cursor.fetchone()
    # Nobody said how far the ledger went when the facts were read: every change has the permit looked at again.
    return Place(pk, index, None)
