"""Standing permits: a scheduled job asks once, and every run of it is decided anew and gets a permit of its own (SEMANTICS §7).

A standing permit lets nobody use anything: its token is of a type that no verifier takes for a permit, which is why it may last for
days. It says which question a job may have answered again, for which columns and outputs; the answer is that of the moment.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import transaction

from governance.access.actors import SYSTEM, Actor
from governance.policy import reasons
from governance.releases import decisions, permits, rechecks
from governance.releases.decisions import Answered
from governance.releases.models import Permit
from governance.releases.requests import Ask, JobName
from lineage import errors


@dataclass(frozen=True)
class Renewal:
    """What a run was answered under a standing permit: `why` says why it got no permit, empty where it did."""

    standing: Permit
    run: str
    answered: Answered
    why: str


def renew(ref: str, *, job: JobName, run: str, by: Actor, at: datetime) -> Renewal:
    """Decide a standing permit's question as of now for a run of its job; where it is still permitted, that run gets a release permit.

    A run that had one gets the next. The standing permit is revoked where it no longer holds. A decision is stored in any case, so that
    in namespaces that do not enforce the refusal is counted and an advisory given. Raises `NoSuchPermit` for another key's.
    """
    by.needs(decisions.SCOPE)
    row = _own(ref, job=job, by=by)
    question = asked(row)
    decisions.ready(question, at=at)  # outside the transaction, in which nothing that is gathered could be kept
    with transaction.atomic():
        row = Permit.objects.select_for_update(of=("self",)).select_related("decision").get(pk=row.pk)
        before = row.runs.filter(run=run).order_by("-pk").first()
        found = decisions.request(question, by=by, at=at, run=permits.Run(row, run, before))
        why = "" if found.permit else _refused(row, found, at=found.decision.valid_at)
    row.refresh_from_db()
    return Renewal(row, run, found, why)


def asked(standing: Permit) -> Ask:
    """Return the question that each run is decided on: the one that was asked, for the columns that were permitted."""
    question = msgspec.convert(standing.decision.asked, Ask)
    return msgspec.structs.replace(question, standing=None, columns=tuple(standing.columns))


def _own(ref: str, *, job: JobName, by: Actor) -> Permit:
    row = permits.find(ref) if "\0" not in ref else None
    if row is None or row.decision.by != by.ref:
        raise permits.NoSuchPermit("no permit of that reference, or none of yours")
    if row.kind != Permit.Kind.STANDING:
        raise errors.Conflict(f"{ref} is a {row.kind} permit, which no run can renew", code="not-standing",
                              remedy="ask with `standing` for a permit of a job")  # fmt: skip
    if job.plain() != permits.job_of(row):
        raise errors.Unprocessable(f"{ref} is for runs of {row.job_name} in {row.job_namespace}", code="other-job", where="job",
                                   remedy="each job asks for a standing permit of its own")  # fmt: skip
    return row


def _refused(standing: Permit, found: Answered, *, at: datetime) -> str:
    """Why a run got no permit. The standing permit goes as well, unless what is wrong is this version's alone, such as an old allow-list."""
    if standing.revoked_at is not None:
        return f"the standing permit was revoked: {standing.revoked_why}"
    if not permits.is_live(standing, at=at):
        return "the standing permit has expired: ask for another"
    made = rechecks.recheck(standing, at=at, by=SYSTEM)
    codes = sorted({each.code for each in found.answer.reasons if reasons.refuses(each.code)})
    return made.why or "; ".join(codes) or "what this would permit ends at once: ask again"
