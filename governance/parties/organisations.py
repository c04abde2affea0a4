"""Parties: our own entities and everybody else who can sign, receive, be served or be kept out."""

from collections.abc import Iterable

from django.db import transaction

from governance.access import roles
from governance.access.actors import Actor
from governance.parties.models import Party
from lineage import errors
from lineage.journal import entries

EDITORS = (roles.LAWYER, roles.ADMINISTRATOR)


@transaction.atomic
def register(name: str, *, by: Actor, kind: str = Party.Kind.OTHER, country: str = "") -> Party:
    """Add an organisation; raises `Unprocessable` for an empty name or unknown kind."""
    may_edit(by)
    if kind not in Party.Kind.values:
        raise errors.Unprocessable(f"unknown kind of party {kind}", where="kind", known=list(Party.Kind.values))
    party = Party.objects.create(name=named(name), kind=kind, country=country.upper())
    entries.record(
        "party-registered", {"party": party.ref, "name": party.name, "kind": kind}, by=by.ref, about=[party.ref]
    )
    return party


@transaction.atomic
def rename(party: Party, name: str, *, by: Actor) -> Party:
    """Correct or change a name; the reference stays."""
    may_edit(by)
    party.name = named(name)
    party.save(update_fields=["name"])
    entries.record("party-renamed", {"party": party.ref, "name": party.name}, by=by.ref, about=[party.ref])
    return party


def get(ref: str) -> Party:
    """Return the party; raises `NotFound`."""
    party = Party.objects.filter(ref=ref).first()
    if party is None:
        raise errors.NotFound("no such party", where="party", remedy="register it, or use one of /api/v1/parties")
    return party


def names(refs: Iterable[str]) -> dict[str, str]:
    """Return the names of those among these references that are parties."""
    return dict(Party.objects.filter(ref__in=set(refs)).values_list("ref", "name"))


def may_edit(by: Actor) -> None:
    """Parties, customers and keys are edited by lawyers and administrators, and by keys with `contracts:write`."""
    if by.is_person:
        by.must(EDITORS)
    else:
        by.needs("contracts:write")


def named(name: str, where: str = "name") -> str:
    """Return the trimmed name; raises `Unprocessable` for an empty or overlong one, or one with a null character."""
    text = name.strip()
    if not text or len(text) > 200 or "\0" in text:
        raise errors.Unprocessable("a name has 1 to 200 characters", code="bad-name", where=where)
    return text
