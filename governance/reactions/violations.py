"""Runs that used governed data without a live permit, or beyond the one they named (SEMANTICS §7).

Pipelines copy and shape data all day; that is lineage's business. A run *uses* governed data when it names a permit, when it reads
what our builder made for a release, or when it writes a registered model. Such a run needs a live permit that names what it reads,
the columns, and what it writes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from governance.building.models import Build
from governance.catalogue import modes
from governance.catalogue import queries as catalogue
from governance.catalogue.models import Model
from governance.reactions import alerts
from governance.reactions.models import Alert, Violation
from governance.releases import permits
from governance.releases.models import Permit
from lineage import openlineage, queries
from lineage.journal import entries
from lineage.journal.models import Entry

FACET = "governance_permit"
REFERENCE = re.compile(r"prm_[0-9a-z]{1,36}")
What = Violation.What
Place = tuple[str, str]


@dataclass(frozen=True)
class Use:
    """What one run event says that matters here."""

    run: str
    job: Place
    at: datetime
    inputs: frozenset[Place]
    outputs: frozenset[Place]
    columns: dict[Place, frozenset[str]]
    permit: str | None


def look(entry: Entry) -> None:
    """Judge the run event behind a ledger entry; write down and raise what is wrong with it, once per run and finding."""
    use = _use(entry)
    if use is None:
        return
    for what, detail in _found(use, known_at=entry.at):
        row, new = Violation.objects.get_or_create(
            run=use.run,
            what=what,
            detail=detail,
            defaults={"job": " ".join(use.job), "permit_ref": use.permit or "", "entry_ref": entry.ref},
        )
        if new:
            payload = {
                "violation": row.ref,
                "what": str(what),
                "run": use.run,
                "permit": use.permit or "",
                "event": entry.ref,
            }
            entries.record("violation-found", payload, by="system", about=[row.ref])
            text = f"the run of {' '.join(use.job)} {row.get_what_display()}: {detail}"
            alerts.raise_once(Alert.Kind.VIOLATION, text, key=row.ref, entry=entry, about=[row.ref])


def _use(entry: Entry) -> Use | None:
    body = entries.payload(entry)
    if body is None:
        return None  # erased: what it said can no longer be judged, and the entry says that it was
    message = openlineage.decode(body)
    report = openlineage.read(message)
    if report.kind != "run" or report.job is None:
        return None
    return Use(
        run=report.run,
        job=(report.job.namespace, report.job.name),
        at=datetime.fromtimestamp(report.at / 1e9, UTC),
        inputs=frozenset((each.namespace, each.name) for each in report.inputs),
        outputs=frozenset((each.namespace, each.name) for each in report.outputs),
        columns=_columns(message),
        permit=_permit(message),
    )


def _permit(message: dict[str, Any]) -> str | None:
    """The permit that the run names; empty when it names something that cannot be one, which no event may stop us with."""
    facets = message.get("run", {}).get("facets")
    facet = facets.get(FACET) if isinstance(facets, dict) else None
    if facet is None:
        return None
    named = facet.get("permit") if isinstance(facet, dict) else None
    return named if isinstance(named, str) and REFERENCE.fullmatch(named) else ""


def _columns(message: dict[str, Any]) -> dict[Place, frozenset[str]]:
    """The columns of each input that column lineage says were read."""
    found: dict[Place, set[str]] = {}
    for output in message.get("outputs") or []:
        facet = (output.get("facets") or {}).get("columnLineage") or {}
        named = [field for each in (facet.get("fields") or {}).values() for field in each.get("inputFields") or []]
        for field in [*named, *(facet.get("dataset") or [])]:
            found.setdefault((field["namespace"], field["name"]), set()).add(field["field"])
    return {place: frozenset(columns) for place, columns in found.items()}


def _found(use: Use, *, known_at: datetime) -> Iterator[tuple[What, str]]:
    if use.permit is None:
        if reason := _uses(use, known_at):
            yield What.NO_PERMIT, reason
        return
    permit = Permit.objects.select_related("decision").filter(ref=use.permit).first()
    if permit is None:
        yield (
            What.UNKNOWN_PERMIT,
            f"no permit {use.permit!r} was ever issued" if use.permit else "what it names cannot be a permit",
        )
        return
    yield from _beyond(use, permit, known_at)


def _uses(use: Use, known_at: datetime) -> str:
    """Why a run without a permit needed one; empty when it did not."""
    built = sorted(place for place in use.inputs if Build.objects.filter(namespace=place[0], name=place[1]).exists())
    if built:
        return f"it read {_name(built[0])}, which was built for a release"
    models = sorted(place for place in use.outputs if catalogue.model_at(place, as_known_at=known_at))
    governed = sorted(place for place in use.inputs if _governed(place, use.at))
    if models and governed:
        return f"it made the model {_name(models[0])} from {_name(governed[0])}"
    return ""


def _beyond(use: Use, permit: Permit, known_at: datetime) -> Iterator[tuple[What, str]]:
    if permit.kind == Permit.Kind.STANDING:
        yield What.NO_PERMIT, f"{permit.ref} stands for a job, and this run did not renew it"
    if permit.job_name and use.job != (job := (permit.job_namespace, permit.job_name)):
        yield What.OTHER_JOB, f"{permit.ref} is for runs of {_name(job)}"
    yield from _ended(use, permit)
    claims = permits.claims(permit)
    asked = (permit.decision.namespace, permit.decision.name)
    for place in sorted(use.inputs - {asked}):
        if _governed(place, use.at):
            yield What.OTHER_DATA, f"{_name(place)}; the permit is for {_name(asked)}"
    allowed = {*claims["columns"], *claims["filter_columns"]}
    beyond = sorted(use.columns.get(asked, frozenset()) - allowed)
    if beyond:
        yield What.OTHER_COLUMNS, f"{', '.join(beyond)} of {_name(asked)}"
    others = sorted(use.outputs - _outputs(claims, known_at))
    if others:
        yield What.OTHER_OUTPUTS, ", ".join(map(_name, others))


def _ended(use: Use, permit: Permit) -> Iterable[tuple[What, str]]:
    skew = timedelta(seconds=settings.LINEAGE_SKEW_SECONDS)
    if permit.kind == Permit.Kind.ADVISORY and modes.of(permit.decision.namespace) == "enforce":
        yield What.NO_PERMIT, f"{permit.ref} is advice, and {permit.decision.namespace} enforces"
    permit = _followed(permit, by=use.at - skew)
    if use.at - skew >= permit.expires_at:
        yield What.ENDED_PERMIT, f"{permit.ref} expired before the run was over"
    elif permit.revoked_at is not None and use.at - skew >= permit.revoked_at:
        yield What.ENDED_PERMIT, f"{permit.ref} was revoked before the run was over"


def _followed(permit: Permit, *, by: datetime) -> Permit:
    """A long run names the permit it began with: what counts is the one it had by then, as long as it renewed in time."""
    while (
        later := Permit.objects.select_related("decision")
        .filter(renews=permit, issued_at__lte=by, issued_at__lt=permit.expires_at)
        .first()
    ):
        permit = later
    return permit


def _outputs(claims: dict[str, Any], known_at: datetime) -> set[Place]:
    named = {(each["namespace"], each["name"]) for each in claims["outputs"]}
    models = Model.objects.filter(ref=claims["model"] or "", recorded_at__lte=known_at)
    return named | {(model.namespace, model.name) for model in models}


def _governed(place: Place, at: datetime) -> bool:
    """Data of customers, or data of which nobody knows whose it is."""
    exposure = queries.exposure(*place, at=at)
    return exposure.completeness == "unknown" or any(exposure.origins.values())


def _name(place: Place) -> str:
    return f"{place[1]} ({place[0]})"
