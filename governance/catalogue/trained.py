"""Models: register the node and what it was trained on, say whom it serves, record what its owners release, retire it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.catalogue import declarations, passing_down
from governance.catalogue.models import Model, OwnerRelease, Service
from governance.catalogue.places import Place
from governance.parties.models import Customer, Party
from lineage import errors
from lineage.journal import entries

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Version:
    """What one run wrote into one dataset."""

    namespace: str
    name: str
    run: str


def register(
    place: Place,
    *,
    title: str = "",
    run: str = "",
    trained_on: Sequence[Version] = (),
    adapted_from: Model | None = None,
    served_to: Sequence[str] = (),
    at: datetime,
    by: Actor,
) -> Model:
    """Register a model as a node of lineage; raises `Conflict` when the node is a model already."""
    by.needs(declarations.SCOPE)
    with transaction.atomic():
        _alone(place)
        versions = sorted({(v.namespace, v.name, v.run) for v in trained_on})
        model = Model.objects.create(
            namespace=place.namespace,
            name=place.name,
            title=title,
            run=run,
            adapted_from=adapted_from,
            registered_by=by.ref,
            trained_on=[{"namespace": n, "name": d, "run": r} for n, d, r in versions],
        )
        payload = {
            "model": model.ref,
            "namespace": model.namespace,
            "name": model.name,
            "run": run,
            "trained_on": model.trained_on,
        }
        entries.record("model-registered", payload, by=by.ref, about=[model.ref])
        passing_down.model(model, at=at, by=by.ref)
        for party in dict.fromkeys(served_to):
            serve(model, party, valid_from=at, by=by)
    return model


def _alone(place: Place) -> None:
    """Of two who register one node at once, the second waits for the first and is then told."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"model {place.namespace} {place.name}"]
        )
    if Model.objects.filter(namespace=place.namespace, name=place.name).exists():
        raise errors.Conflict("this node is registered as a model already", code="model-exists", where="name")


def serve(
    model: Model, party_ref: str, *, valid_from: datetime, valid_to: datetime | None = None, by: Actor
) -> Service:
    """Say that a model serves a party, over a period; saying that it no longer does takes two persons."""
    if not Party.objects.filter(ref=party_ref).exists():
        raise errors.Unprocessable("no party of that reference", code="unknown-party", where="served_to")
    return declarations.declare(
        Service(model=model, party_ref=party_ref, valid_from=valid_from, valid_to=valid_to), by=by
    )


def release(
    model: Model,
    customer: Customer,
    *,
    action: str,
    recipient: str,
    evidence: str,
    evidence_digest: str = "",
    valid_from: datetime,
    valid_to: datetime | None = None,
    by: Actor,
) -> OwnerRelease:
    """Record that a customer, as an owner of the model, lets it be served or assigned to a party; counts once a second person confirms it."""
    if action not in OwnerRelease.Action.values:
        raise errors.Unprocessable(
            "an owner releases a model for serve or assign", code="unknown-action", where="action"
        )
    if not Party.objects.filter(ref=recipient).exists():
        raise errors.Unprocessable("no party of that reference", code="unknown-party", where="recipient")
    if not evidence.strip():
        raise errors.Unprocessable(
            "say what the release rests on: what was received, from whom, when", where="evidence"
        )
    if evidence_digest and not SHA256.fullmatch(evidence_digest):
        raise errors.Unprocessable("a digest is the SHA-256 in lower-case hex", where="evidence_digest")
    if valid_to is not None and valid_to <= valid_from:
        raise errors.Unprocessable("a period ends after it begins", code="bad-period", where="valid_to")
    row = OwnerRelease(
        model=model,
        customer=customer,
        action=action,
        recipient_ref=recipient,
        evidence=evidence,
        evidence_digest=evidence_digest,
        valid_from=valid_from,
        valid_to=valid_to,
    )
    return declarations.declare(row, by=by)


def retire(model: Model, *, evidence_digest: str = "", by: Actor) -> Model:
    """Mark a model as retired: it serves nobody and is not used any more."""
    if not by.scopes & {declarations.SCOPE, "deletion:evidence"}:
        by.needs(declarations.SCOPE)
    with transaction.atomic():
        model = Model.objects.select_for_update(of=("self",)).get(pk=model.pk)
        if model.retired_at:
            raise errors.Conflict("this model is retired already", code="already-retired")
        model.retired_at, model.retired_by = Now(), by.ref
        model.save(update_fields=["retired_at", "retired_by"])
        model.refresh_from_db()
        entries.record("model-retired", {"model": model.ref, "evidence": evidence_digest}, by=by.ref, about=[model.ref])
    return model


def find(ref: str) -> Model:
    """Return a model by reference; raises `NotFound`."""
    model = Model.objects.filter(ref=ref).first()
    if model is None:
        raise errors.NotFound("no model of that reference")
    return model
