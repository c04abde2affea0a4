"""Legal holds: data that must stay, with its ground, until a named person lifts the hold."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.obligations.duties import DECIDERS, Person
from governance.obligations.models import LegalHold
from governance.parties.models import Customer
from lineage import errors
from lineage.journal import entries


def place(customer: Customer, *, ground: str, on: datetime, person: Person | None = None, by: Actor) -> LegalHold:
    """Place a hold on a customer's data, or on one person's."""
    _must_decide(by)
    if not ground.strip():
        raise errors.Unprocessable("name the ground of the hold", where="ground")
    with transaction.atomic():
        hold = LegalHold.objects.create(
            customer=customer,
            ground=ground,
            valid_from=on,
            placed_by=by.ref,
            subject=person.subject if person else "",
            subject_space=person.space if person else None,
        )
        payload = {"hold": hold.ref, "customer": customer.ref, "of_one_person": bool(person), "from": on.isoformat()}
        entries.record("legal-hold-placed", payload, by=by.ref, about=[hold.ref, customer.ref])
    return hold


def lift(ref: str, *, on: datetime, by: Actor) -> LegalHold:
    """Lift a hold from an instant on."""
    _must_decide(by)
    with transaction.atomic():
        hold = LegalHold.objects.select_for_update(of=("self",)).filter(ref=ref).first()
        if hold is None:
            raise errors.NotFound("no legal hold of that reference")
        if hold.lifted_on:
            raise errors.Conflict("this hold is lifted already", code="already-lifted")
        hold.lifted_on, hold.lifted_by, hold.lifted_at = on, by.ref, Now()
        hold.save(update_fields=["lifted_on", "lifted_by", "lifted_at"])
        hold.refresh_from_db()
        payload = {"hold": hold.ref, "customer": hold.customer.ref, "on": on.isoformat()}
        entries.record("legal-hold-lifted", payload, by=by.ref, about=[hold.ref, hold.customer.ref])
    return hold


def _must_decide(by: Actor) -> None:
    if not by.is_person:
        raise errors.Forbidden(
            "this takes a named person, not a key", code="person-needed", remedy="log in as a person"
        )
    by.must(DECIDERS)
