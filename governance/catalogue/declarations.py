"""The life of any declaration: said, confirmed by a second person where it takes two, ended, its end confirmed.

Each step writes the ledger in its own transaction; those that lineage must know are passed down as opaque declarations the
moment they count, and not before.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.catalogue import passing_down
from governance.catalogue.declared import Declared
from governance.catalogue.models import NamespaceOwner
from lineage import errors
from lineage.journal import entries

SCOPE = Declared.SCOPE
CONFIRMERS = ("approver", "privacy_officer", "administrator", "lawyer")


class SecondPersonNeeded(errors.Forbidden):
    code = "second-person-needed"


class OwnerOfTheJob(errors.Forbidden):
    """Whoever owns the jobs of a namespace can neither propose nor confirm what removes risk there."""

    code = "owner-of-the-job"


def declare[M: Declared](row: M, *, by: Actor) -> M:
    """Store a declaration; it counts at once, or from `approve` on when it takes two persons."""
    by.needs(row.SCOPE)
    if row.takes_two():
        _must_be_person(by)
        _must_not_own(row, by)
    storable(summary(row))
    with transaction.atomic():
        row.declared_by = by.ref
        if not row.takes_two():
            row.known_at = Now()
        row.save(force_insert=True)
        row.refresh_from_db()
        entries.record(f"{row.KIND}-declared", summary(row), by=by.ref, about=_about(row))
        if row.known_at:
            passing_down.declare(row, by=by.ref)
    return row


def approve[M: Declared](row: M, *, by: Actor) -> M:
    """Confirm a declaration as the second person; from now on it counts."""
    with transaction.atomic():
        row = _locked(row)
        if row.known_at:
            raise errors.Conflict("this declaration counts already", code="already-approved")
        if row.end_known_at:
            raise errors.Conflict("this declaration was withdrawn before it was approved", code="ended")
        _second(row, first=row.declared_by, by=by)
        row.approved_by, row.known_at = by.ref, Now()
        row.save(update_fields=["approved_by", "known_at"])
        row.refresh_from_db()
        entries.record(f"{row.KIND}-approved", summary(row), by=by.ref, about=_about(row))
        passing_down.declare(row, by=by.ref)
    return row


def end[M: Declared](row: M, *, on: datetime, by: Actor) -> M:
    """Say that a declaration holds only until `on`; where its end takes two persons it counts from `approve_end`."""
    by.needs(row.SCOPE)
    with transaction.atomic():
        row = _locked(row)
        if row.ended_on:
            raise errors.Conflict("the end of this declaration is recorded already", code="already-ended")
        two = row.TWO_TO_END and row.known_at is not None
        if two:
            _must_be_person(by)
            _must_not_own(row, by)
        row.ended_on, row.ended_by = on, by.ref
        row.save(update_fields=["ended_on", "ended_by"])
        entries.record(f"{row.KIND}-end-proposed", _ended(row), by=by.ref, about=_about(row))
        return row if two else _finish(row, by)


def approve_end[M: Declared](row: M, *, by: Actor) -> M:
    """Confirm as the second person that a declaration ends."""
    with transaction.atomic():
        row = _locked(row)
        if not row.ended_on or row.end_known_at:
            raise errors.Conflict("no end of this declaration waits for approval", code="nothing-to-approve")
        _second(row, first=row.ended_by, by=by)
        row.end_approved_by = by.ref
        return _finish(row, by)


def find[M: Declared](kind: type[M], ref: str) -> M:
    """Return the declaration of a kind by reference; raises `NotFound`."""
    row = kind._default_manager.filter(ref=ref).first()
    if row is None:
        raise errors.NotFound(f"no {kind._meta.verbose_name} of that reference")
    return row


def summary(row: Declared) -> dict[str, Any]:
    """Return what a declaration says, as plain values with external references only."""
    return {"reason": row.reason} | dict(_plain(row))


def storable(value: object) -> None:
    """Raise `Unprocessable` for text that PostgreSQL cannot hold, wherever it stands in a value: NUL and lone surrogates."""
    match value:
        case str():
            if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
                raise errors.Unprocessable("a text holds characters that cannot be stored", code="bad-text")
        case Mapping():
            for each in (*value.keys(), *value.values()):
                storable(each)
        case list() | tuple():
            for each in value:
                storable(each)


def _finish[M: Declared](row: M, by: Actor) -> M:
    row.end_known_at = Now()
    row.save(update_fields=["end_known_at", "end_approved_by"])
    row.refresh_from_db()
    entries.record(f"{row.KIND}-ended", _ended(row), by=by.ref, about=_about(row))
    passing_down.end(row, by=by.ref)
    return row


def _second(row: Declared, *, first: str, by: Actor) -> None:
    _must_be_person(by)
    by.must(CONFIRMERS)
    if by.ref == first:
        raise SecondPersonNeeded("whoever declared this cannot confirm it", remedy="ask a second person to confirm")
    _must_not_own(row, by)


def _must_be_person(by: Actor) -> None:
    if not by.is_person:
        raise SecondPersonNeeded("this takes two named persons, not a key", remedy="log in as a person")


def _must_not_own(row: Declared, by: Actor) -> None:
    namespace = getattr(row, "namespace", "")
    if NamespaceOwner.objects.filter(namespace=namespace, owner=by.ref).exists():
        raise OwnerOfTheJob(f"you own the jobs of {namespace}", remedy="ask two persons who do not")


def _locked[M: Declared](row: M) -> M:
    return type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk)


def _about(row: Declared) -> list[str]:
    customer = getattr(row, "customer", None)
    return [row.ref, *([customer.ref] if customer else [])]  # type: ignore[attr-defined]


def _ended(row: Declared) -> Mapping[str, Any]:
    return {"ref": row.ref, "kind": row.KIND, "ended_on": row.ended_on.isoformat() if row.ended_on else ""}  # type: ignore[attr-defined]


HIDDEN = {
    "id",
    "declared_by",
    "declared_at",
    "approved_by",
    "known_at",
    "ended_on",
    "ended_by",
    "end_approved_by",
    "end_known_at",
    "reason",
}


def _plain(row: Declared) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for field in row._meta.concrete_fields:
        if field.name in HIDDEN:
            continue
        value = getattr(row, field.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif field.is_relation and value is not None:
            value = getattr(value, "ref", None) or value.key
        pairs.append((field.name, value))
    return pairs
