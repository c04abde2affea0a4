"""Groups of parties (competitors, affiliates): who belongs where, when, as known when."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from governance.access.actors import Actor
from governance.parties import epoch, periods
from governance.parties.models import GroupMembership, Party, PartyGroup
from governance.parties.organisations import may_edit, named
from lineage import errors
from lineage.journal import entries


@transaction.atomic
def create(name: str, *, by: Actor) -> PartyGroup:
    """Add an empty group."""
    may_edit(by)
    if PartyGroup.objects.filter(name=named(name)).exists():
        raise errors.Conflict("a group of this name exists", code="group-exists", where="name")
    group = PartyGroup.objects.create(name=named(name))
    entries.record("party-group-created", {"group": group.ref, "name": group.name}, by=by.ref, about=[group.ref])
    return group


@transaction.atomic
def add(
    group: PartyGroup, member: Party | PartyGroup, *, valid_from: datetime, valid_to: datetime | None = None, by: Actor
) -> GroupMembership:
    """Make a party or a group a member for a period; raises `Conflict` for an overlap, `Unprocessable` for a circle."""
    may_edit(by)
    periods.checked(valid_from, valid_to)
    who = {"party": member} if isinstance(member, Party) else {"subgroup": member}
    try:
        with transaction.atomic():
            row = GroupMembership.objects.create(
                group=group, valid_from=valid_from, recorded_by=by.ref, **who, **periods.known(valid_to)
            )
    except IntegrityError as error:
        if "cannot contain itself" in str(error):
            raise errors.Unprocessable(
                "a party group cannot contain itself", code="group-cycle", where="subgroup"
            ) from error
        raise errors.Conflict(
            "it is a member already in that period", code="period-overlap", where="valid_from"
        ) from error
    epoch.bump()
    entries.record(
        "party-group-joined",
        {
            "group": group.ref,
            "member": member.ref,
            "valid_from": valid_from.isoformat(),
            "valid_to": valid_to.isoformat() if valid_to else None,
        },
        by=by.ref,
        about=[group.ref, member.ref],
    )
    return row


@transaction.atomic
def leave(membership: GroupMembership, *, at: datetime, by: Actor) -> GroupMembership:
    """End a membership at `at`."""
    may_edit(by)
    row = periods.close(membership, at=at)
    member = row.party or row.subgroup
    assert member is not None  # noqa: S101  (a check constraint says so)
    epoch.bump()
    entries.record(
        "party-group-left",
        {"group": row.group.ref, "member": member.ref, "at": at.isoformat()},
        by=by.ref,
        about=[row.group.ref, member.ref],
    )
    return row


def closure(*, at: datetime, as_known_at: datetime | None = None) -> dict[str, frozenset[str]]:
    """Return for every party reference the references of all groups that it belongs to, through other groups too."""
    rows = GroupMembership.objects.filter(periods.holding(at, as_known_at)).values_list(
        "group__ref", "party__ref", "subgroup__ref"
    )
    above: dict[str, set[str]] = {}
    for group, party, subgroup in rows:
        above.setdefault(party or subgroup, set()).add(group)
    parties = {party for _, party, _ in rows if party}
    return {party: _reach(party, above) for party in parties}


def of(party_refs: Iterable[str], *, at: datetime, as_known_at: datetime | None = None) -> dict[str, frozenset[str]]:
    """The same for these parties alone; one in no group has the empty set."""
    everything = closure(at=at, as_known_at=as_known_at)
    return {ref: everything.get(ref, frozenset()) for ref in party_refs}


def _reach(start: str, above: Mapping[str, set[str]]) -> frozenset[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        fresh = above.get(todo.pop(), set()) - found
        found |= fresh
        todo.extend(fresh)
    return frozenset(found)
