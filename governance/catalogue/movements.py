"""Say how data moved where events do not: a job replaces a dataset whole, a column map, an absence, a dead run.

All but closing a run narrow what provenance answers, so they take two persons, neither the owner of the job.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from governance.access.actors import Actor
from governance.catalogue import declarations
from governance.catalogue.models import LineageStatement
from governance.catalogue.places import Place
from governance.parties import customers
from governance.parties.models import Customer
from lineage import errors

Kind = LineageStatement.Kind


def replaces_whole(
    place: Place, *, job: tuple[str, str], valid_from: datetime, reason: str, by: Actor
) -> LineageStatement:
    """Declare that each completed run of `job` (namespace, name) replaces the dataset whole."""
    return _state(Kind.REPLACES_WHOLE, place, {"job": _pair(job)}, valid_from, reason, by)


def column_map(
    place: Place,
    *,
    job: tuple[str, str],
    fields: Mapping[str, Sequence[tuple[str, str, str]]],
    valid_from: datetime,
    reason: str,
    by: Actor,
) -> LineageStatement:
    """Declare from which (namespace, dataset, column) each column that `job` writes comes."""
    plain = {
        column: [{"namespace": n, "name": d, "field": f} for n, d, f in sources]
        for column, sources in sorted(fields.items())
    }
    return _state(Kind.COLUMN_MAP, place, {"job": _pair(job), "fields": plain}, valid_from, reason, by)


def absence(
    place: Place,
    *,
    customer: Customer,
    job: tuple[str, str],
    run: str = "",
    columns: Sequence[str] = (),
    valid_from: datetime,
    reason: str,
    by: Actor,
) -> LineageStatement:
    """Declare that what `job` writes (or one run of it), or the columns named, holds nothing of a customer."""
    payload = {"customer": customer.ref, "job": _pair(job), "run": run, "columns": sorted(set(columns))}
    return _state(Kind.ABSENCE, place, payload, valid_from, reason, by)


def close_run(place: Place, *, run: str, at: datetime, reason: str, by: Actor) -> LineageStatement:
    """Close a run that will never report its end; one named person may."""
    if not by.is_person:
        raise declarations.SecondPersonNeeded(
            "closing a run takes a named person, not a key", remedy="log in as a person"
        )
    if not run:
        raise errors.Unprocessable("name the run", where="run")
    return _state(Kind.RUN_CLOSED, place, {"run": run, "at": at.isoformat()}, at, reason, by)


def state(
    kind: str, place: Place, payload: Mapping[str, Any], *, valid_from: datetime, reason: str, by: Actor
) -> LineageStatement:
    """Declare what was typed as a payload: `job`, `fields`, `customer`, `run`, as the kind wants them."""
    try:
        return _typed(kind, place, payload, {"valid_from": valid_from, "reason": reason, "by": by})
    except (KeyError, TypeError, AttributeError, ValueError):
        raise errors.Unprocessable(f"a {kind} wants {WANTS.get(kind, 'another payload')}", where="payload") from None


WANTS: dict[str, str] = {
    Kind.REPLACES_WHOLE: '{"job": {"namespace", "name"}}',
    Kind.COLUMN_MAP: '{"job": …, "fields": {column: [{"namespace", "name", "field"}]}}',
    Kind.ABSENCE: '{"customer": reference, "job": …, "run", "columns"}',
    Kind.RUN_CLOSED: '{"run": run id}',
}


def _typed(kind: str, place: Place, payload: Mapping[str, Any], common: dict[str, Any]) -> LineageStatement:
    if kind == Kind.RUN_CLOSED:
        return close_run(place, run=str(payload["run"]), at=common.pop("valid_from"), **common)
    job = (str(payload["job"]["namespace"]), str(payload["job"]["name"]))
    if kind == Kind.REPLACES_WHOLE:
        return replaces_whole(place, job=job, **common)
    if kind == Kind.COLUMN_MAP:
        fields = {c: [(f["namespace"], f["name"], f["field"]) for f in found] for c, found in payload["fields"].items()}
        return column_map(place, job=job, fields=fields, **common)
    customer = customers.get(str(payload["customer"]), by=common["by"])
    run, columns = str(payload.get("run", "")), [str(column) for column in payload.get("columns", [])]
    return absence(place, customer=customer, job=job, run=run, columns=columns, **common)


def _state(
    kind: str, place: Place, payload: dict[str, Any], valid_from: datetime, reason: str, by: Actor
) -> LineageStatement:
    if place.is_pattern:
        raise errors.Unprocessable("name one dataset", code="not-a-dataset", where="name")
    if not reason.strip():
        raise errors.Unprocessable("say how you know", where="reason")
    row = LineageStatement(
        kind=kind, namespace=place.namespace, name=place.name, payload=payload, valid_from=valid_from, reason=reason
    )
    return declarations.declare(row, by=by)


def _pair(job: tuple[str, str]) -> dict[str, str]:
    if not all(job):
        raise errors.Unprocessable("name the job by namespace and name", where="job")
    return {"namespace": job[0], "name": job[1]}
