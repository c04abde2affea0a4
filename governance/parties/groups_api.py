"""`/api/v1/party-groups`: competitors, affiliates and whoever else clauses speak of together."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access import actors, paging, reading
from governance.access.actors import Actor
from governance.access.idempotency import Once
from governance.parties import customers, groups, organisations
from governance.parties.models import GroupMembership, Party, PartyGroup
from governance.parties.serializers import GroupIn, GroupOut, MemberEndIn, MemberIn, MemberOut
from lineage import errors

READ_WRITE = {"GET": "contracts:read", "POST": "contracts:write"}


class Groups(Once):
    """Groups of parties."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="party_groups_list", parameters=paging.PARAMETERS, responses=GroupOut(many=True))
    def get(self, request: Request) -> Response:
        """List them, without members: those have their own list."""
        return paging.respond(request, PartyGroup.objects.all(), lambda row: GroupOut(row).data)

    @extend_schema(request=GroupIn, responses={201: GroupOut})
    def post(self, request: Request) -> Response:
        """Add an empty group."""
        given = reading.body(GroupIn, request)
        return Response(GroupOut(groups.create(given["name"], by=actors.of(request.user))).data, status=201)


class Members(Once):
    """Who belongs to a group."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="party_group_members_list", responses=MemberOut(many=True))
    def get(self, request: Request, ref: str) -> Response:
        """List the members, past ones too; one who does not see every customer sees the parties of their own."""
        by = actors.of(request.user)
        rows = _group(ref).memberships.select_related("party", "subgroup").order_by("pk")
        shown = [row for row in rows if row.party is None or by.every_customer or row.party in _visible(by)]
        return Response([dict(MemberOut(row).data) for row in shown])

    @extend_schema(request=MemberIn, responses={201: MemberOut})
    def post(self, request: Request, ref: str) -> Response:
        """Make a party, or a whole group, a member for a period."""
        by, given = actors.of(request.user), reading.body(MemberIn, request)
        period = {"valid_from": given["valid_from"], "valid_to": given["valid_to"]}
        row = groups.add(_group(ref), _member(given["member"]), by=by, **period)
        row.refresh_from_db()
        return Response(MemberOut(row).data, status=201)


class MemberEnd(Once):
    """The end of a membership."""

    required_scopes = {"POST": "contracts:write"}

    @extend_schema(request=MemberEndIn, responses={201: MemberOut})
    def post(self, request: Request, ref: str, member: str) -> Response:
        """From then on it is no member."""
        by, given = actors.of(request.user), reading.body(MemberEndIn, request)
        row = _open(_group(ref), _member(member))
        return Response(MemberOut(groups.leave(row, at=given["at"], by=by)).data, status=201)


def _open(group: PartyGroup, member: Party | PartyGroup) -> GroupMembership:
    whose: dict[str, Any] = {"party": member} if isinstance(member, Party) else {"subgroup": member}
    row = group.memberships.filter(valid_to=None, **whose).first() or group.memberships.filter(**whose).first()
    if row is None:
        raise errors.NotFound("it is no member of this group", where="member")
    return row


def _visible(by: Actor) -> set[Party]:
    return set(customers.parties_visible_to(by))


def _group(ref: str) -> PartyGroup:
    group = PartyGroup.objects.filter(ref=ref).first() if "\0" not in ref else None
    if group is None:
        raise errors.NotFound("no such party group", where="group")
    return group


def _member(ref: str) -> Party | PartyGroup:
    return _group(ref) if ref.startswith("grp_") else organisations.get(ref)
