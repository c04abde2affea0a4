"""Data of an entry: sources, categories and keys declared, lineage sent as a pipeline sends it, people, duties, models."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consent import bases, consents, statements, subjects
from governance.access import actors
from governance.access.actors import Actor
from governance.catalogue import columns, declarations, movements, safeguards, sources, trained
from governance.catalogue.places import Place
from governance.obligations import duties
from governance.parties import keyspaces
from governance.policy import values as v
from governance.releases.models import RowCount
from tests.policy.entries import SPACE, Tale
from tests.policy.people import Said
from tests.policy.worlds import LONG_AGO, NS, D

if TYPE_CHECKING:
    from tests.api.staging import Stage

FACET = {"_producer": "https://jobs.example", "_schemaURL": "https://openlineage.io/spec/facets/x.json"}
JOB = f"make {D}"


def lay_out(stage: "Stage", tale: Tale) -> None:
    """What the entry does not date: keys of customers, lineage, categories, models."""
    facts, since = tale.facts, LONG_AGO + stage.moved - timedelta(days=1)
    held = {(d.tenant_space, u) for d in facts.declarations if d.tenant_space for u in d.customers}
    for key, customer in sorted(held):
        keyspaces.assign(
            stage.space(key), customer, customer=stage.customer(customer), valid_from=since, by=actors.SYSTEM
        )
    stage.names |= {version.run: str(uuid.uuid4()) for version in facts.dataset.versions}
    _send(stage, tale)
    for row in facts.categories:
        columns.categorise(
            Place(row.namespace, row.dataset), row.column, row.category, valid_from=since, by=actors.SYSTEM
        )
    for model in facts.models:
        name = D if model.ref == "trained" else f"models.{model.ref}"
        made = stage.keep(model.ref, trained.register(Place(NS, name), at=since, by=_declarer(stage)))
        for served in model.served_to:
            trained.serve(
                made,
                stage.ref(served.party),
                valid_from=served.valid_from,
                valid_to=served.valid_to,
                by=_declarer(stage),
            )


def declare(stage: "Stage", tale: Tale, chosen: Any) -> None:
    """Everything else, in the wave in which the entry knew of it."""
    from tests.api import staging

    facts, since = tale.facts, LONG_AGO + stage.moved
    late = [d for d in facts.declarations if chosen(d.recorded_at)]
    for source in late:
        stage.keep(source.ref, _source(stage, source, since))
    for row in facts.memberships:
        if chosen(row.recorded_at):
            staging.join(stage, row)
    for basis in facts.bases:
        if chosen(basis.recorded_at):
            _basis(stage, basis)
    for said in tale.people:
        if chosen(said.event.recorded_at if said.event else None):
            _say(stage, said)
    if chosen(None):
        _describe(stage, tale, since)


def _describe(stage: "Stage", tale: Tale, since: datetime) -> None:
    """What is said of the dataset itself, and of its customers, once sources stand."""
    facts, here = tale.facts, Place(NS, D)
    for row in facts.identities:
        if row.kind == "person":
            columns.person_key(here, row.column, stage.rows["people"], valid_from=since, by=actors.SYSTEM)
        else:
            source = stage.rows[row.declaration] if row.declaration else None
            columns.tenant_key(
                here, row.column, stage.space(row.space), source=source, valid_from=since, by=actors.SYSTEM
            )
    for found in facts.safeguards:
        _two(stage, _safeguard(stage, found, facts, since))
    if facts.quasi_identifiers:
        _two(stage, columns.quasi_identifiers(here, facts.quasi_identifiers, valid_from=since, by=_declarer(stage)))
    for made in facts.generalisations:
        said = json.loads(made.parameters)
        _two(stage, columns.generalise(here, made.column, made.method, said, valid_from=since, by=_declarer(stage)))
    for customer in sorted({u for origin in facts.origins for u in origin.without}):
        by = {"valid_from": since, "reason": "the job leaves it out", "by": _declarer(stage)}
        _two(stage, movements.absence(here, customer=stage.customer(customer), job=(NS, JOB), **by))
    for duty in facts.obligations:
        _duty(stage, duty, tale)
    for given in facts.owner_releases:
        row_ = trained.release(
            stage.rows["trained"], stage.customer(given.customer), action=given.action, recipient=stage.ref(given.recipient), evidence="letter of 3 May",
            valid_from=given.valid_from, valid_to=given.valid_to, by=stage.cast.lawyer.actor,
        )  # fmt: skip
        _two(stage, row_)
    _count(stage, facts)


def _source(stage: "Stage", said: v.Declaration, since: datetime) -> Any:
    here = Place(said.namespace, said.name)
    setting = sources.Setting(said.product, said.environment, said.region, stage.ref(said.controller))
    whose = sources.People(said.subject_column, stage.rows["people"]) if said.subject_space else None
    more: dict[str, Any] = {"people": whose, "setting": setting, "valid_from": since, "by": _declarer(stage)}
    if said.no_customer_data:
        return _two(stage, sources.of_nobody(here, reason="ours", **more))
    if said.tenant_space:
        return sources.of_space(here, stage.space(said.tenant_space), tenant_column=said.tenant_column, **more)
    return sources.of_customer(here, stage.customer(said.customers[0]), **more)


def _basis(stage: "Stage", said: v.Basis) -> None:
    whose = stage.ref(said.customer) if said.customer else ""
    terms = bases.Terms(
        whose, said.category, said.action, said.purpose, said.role, said.ground, "looked at", said.valid_from, said.valid_to
    )  # fmt: skip
    row = bases.declare(terms, by=stage.cast.lawyer.ref, officer=False)
    bases.approve(row.ref, by=stage.cast.privacy_officer.ref, officer=True)


def _say(stage: "Stage", said: Said) -> None:
    space, customer = stage.rows["people"], stage.ref(said.customer)
    if said.event is None:
        subjects.register(
            space, [subjects.reference(space, said.person)], customer_ref=customer, minor=said.minor, by="system"
        )
        return
    event = said.event
    record = {
        "subject_id": said.person, "customer": customer, "controller": stage.ref(said.controller), "action": event.action, "purpose": event.purpose,
        "state": str(event.state), "at": event.at.isoformat(), "explicit": event.explicit, "minor": said.minor,
        "expires_at": event.expires_at.isoformat() if event.expires_at else "", "representative_id": f"of {said.person}" if event.represented else "",
    }  # fmt: skip
    consents.record(statements.parse(record, space=space, now=datetime.now(UTC)), by="system")


def _duty(stage: "Stage", said: v.Obligation, tale: Tale) -> None:
    """One duty for the customer, or one for each of its persons (facts sum these up)."""
    space = stage.rows["people"]
    persons = tale.erased.get(said.ref, ())
    deadline = duties.Deadline(said.due_at, covers=duties.Covers(models=said.covers_models))
    by = stage.cast.privacy_officer.actor
    for person in persons or [""]:
        whom = duties.Person(space, subjects.reference(space, person)) if person else None
        trigger = "subject-erasure" if person else "customer-request"
        row = duties.propose(
            stage.customer(said.customer), trigger=trigger, on=said.due_at, person=whom, deadline=deadline, by=by
        )
        if said.state == "open":
            duties.confirm(row.ref, by=by)


def _safeguard(stage: "Stage", said: v.InPlace, facts: v.Facts, since: datetime) -> Any:
    bounds = {name: getattr(said.bounds, name) for name in ("k", "n", "c", "epsilon")} | {
        "quasi_identifiers": list(said.quasi_identifiers)
    }
    named = said.columns or tuple(column.name for column in facts.dataset.columns)
    return safeguards.declare(
        Place(NS, D), stage.ref(said.run), named, said.safeguard, standard=said.standard, bounds={n: b for n, b in bounds.items() if b},
        valid_from=since, reason="looked at", by=_declarer(stage),
    )  # fmt: skip


def _declarer(stage: "Stage") -> Actor:
    """Who declares: the privacy officer, who owns no jobs."""
    return stage.cast.privacy_officer.actor


def _two(stage: "Stage", row: Any) -> Any:
    """The second person confirms."""
    return declarations.approve(row, by=stage.cast.administrator.actor)


def _count(stage: "Stage", facts: v.Facts) -> None:
    """What `building.counting` writes where it can reach the rows; here there are none to reach."""
    counted = [d for d in facts.declarations if d.tenant_space and d.unmapped_rows is not None]
    runs = sorted(stage.ref(version.run) for version in facts.dataset.versions)
    for space in sorted({d.tenant_space for d in counted}):
        unmapped = max(d.unmapped_rows or 0 for d in counted if d.tenant_space == space)
        RowCount.objects.create(namespace=NS, name=D, runs=runs, space=space, rows={}, unmapped=unmapped, by="system")


# ---- lineage


def _send(stage: "Stage", tale: Tale) -> None:
    """Send the runs that made the dataset, and for sources of which all columns are known one that lists them."""
    events = [*_of_sources(stage, tale), *_of_dataset(stage, tale)]
    if events:
        body = b"\n".join(json.dumps(event).encode() for event in events)
        answer = stage.sender.post("/api/v1/lineage/batch", data=body, content_type="application/x-ndjson")
        assert answer.status_code == 200, answer.content


def _of_sources(stage: "Stage", tale: Tale) -> Iterator[dict[str, Any]]:
    starred = {(o.namespace, o.dataset) for o in tale.facts.origins if o.source_column == "*"}
    for schema in tale.facts.schemas:
        if (schema.namespace, schema.dataset) in starred:
            yield from _run(
                str(uuid.uuid4()),
                LONG_AGO + stage.moved - timedelta(days=1),
                schema.dataset,
                [],
                _schema(schema.columns),
            )


def _of_dataset(stage: "Stage", tale: Tale) -> Iterator[dict[str, Any]]:
    facts = tale.facts
    if not facts.dataset.known:
        return
    named = {column.name for column in facts.dataset.columns} | {i.column for i in facts.identities}
    inputs = sorted(
        {o.dataset for o in facts.origins} | {name.removeprefix(f"{NS} ") for name in facts.dataset.undeclared}
    )
    facets = _schema(named) | (
        {"columnLineage": FACET | _column_lineage((*facts.origins, *_keys(facts)))} if facts.origins else {}
    )
    kinds = ("COMPLETE",) if "start-missing" in facts.dataset.reasons else ("START", "COMPLETE")
    for version in facts.dataset.versions:
        yield from _run(stage.ref(version.run), version.started, D, inputs, facets, kinds)


def _keys(facts: v.Facts) -> Iterator[v.Origin]:
    """Key columns come from the keys of the sources."""
    reaching = {o.declaration for o in facts.origins}
    for row in facts.identities:
        for d in facts.declarations:
            if d.ref in reaching and row.declaration in ("", d.ref):
                column = d.subject_column if row.kind == "person" else d.tenant_column
                yield v.Origin(row.column, d.ref, d.namespace, d.name, column or "key")


def _column_lineage(origins: tuple[v.Origin, ...]) -> dict[str, Any]:
    """The facet; a column that comes from every column of its sources is one that it does not cover."""
    fields: dict[str, list[Any]] = {}
    for origin in (each for each in origins if each.source_column != "*"):
        kind = (
            {"type": "INDIRECT", "subtype": "JOIN"}
            if origin.path is v.Path.PRESENCE
            else {"type": "DIRECT", "subtype": "IDENTITY"}
        )
        source = {"namespace": origin.namespace, "name": origin.dataset, "field": origin.source_column}
        fields.setdefault(origin.column, []).append(source | {"transformations": [kind | {"masking": origin.masked}]})
    whole = fields.pop("", [])
    return {"fields": {column: {"inputFields": found} for column, found in fields.items()}} | (
        {"dataset": whole} if whole else {}
    )


def _schema(names: Any) -> dict[str, Any]:
    return {"schema": FACET | {"fields": [{"name": name} for name in sorted(names)]}}


def _run(
    run: str,
    at: datetime,
    output: str,
    inputs: list[str],
    facets: dict[str, Any],
    kinds: tuple[str, ...] = ("START", "COMPLETE"),
) -> Iterator[dict[str, Any]]:
    for kind in kinds:
        yield {
            "eventType": kind,
            "eventTime": (at if kind == "START" else at + timedelta(minutes=5)).isoformat(),
            "producer": "https://jobs.example",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": run},
            "job": {"namespace": NS, "name": f"make {output}"},
            "inputs": [{"namespace": NS, "name": name} for name in inputs],
            "outputs": [{"namespace": NS, "name": output, "facets": facets}],
        }


__all__ = ["SPACE", "declare", "lay_out"]
