"""`/api/v1/parties` and `/api/v1/customers`: a customer that the caller may not see is not there (404)."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, paging, reading
from governance.access.idempotency import Once
from governance.parties import customers, keyspaces, organisations
from governance.parties.models import TenantKeySpace
from governance.parties.serializers import CustomerIn, CustomerOut, KeyIn, KeyOut, NameIn, PartyIn, PartyOut
from lineage import errors

READ_WRITE = {"GET": "contracts:read", "POST": "contracts:write", "PATCH": "contracts:write"}


class Parties(Once):
    """Organisations."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="parties_list", parameters=paging.PARAMETERS, responses=PartyOut(many=True))
    def get(self, request: Request) -> Response:
        """List parties; one who does not see every customer sees our own entities and the parties of their customers."""
        rows = customers.parties_visible_to(actors.of(request.user))
        return paging.respond(request, rows, lambda row: PartyOut(row).data)

    @extend_schema(request=PartyIn, responses={201: PartyOut})
    def post(self, request: Request) -> Response:
        """Register a party."""
        given = reading.body(PartyIn, request)
        party = organisations.register(
            given["name"], kind=given["kind"], country=given["country"], by=actors.of(request.user)
        )
        return Response(PartyOut(party).data, status=201)


class Customers(Once):
    """Customers."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="customers_list", parameters=paging.PARAMETERS, responses=CustomerOut(many=True))
    def get(self, request: Request) -> Response:
        """List the customers that the caller may see."""
        rows = customers.visible_to(actors.of(request.user)).select_related("party")
        return paging.respond(request, rows, lambda row: CustomerOut(row).data)

    @extend_schema(request=CustomerIn, responses={201: CustomerOut})
    def post(self, request: Request) -> Response:
        """Register a customer."""
        given, by = reading.body(CustomerIn, request), actors.of(request.user)
        with transaction.atomic():
            party = (
                organisations.get(given["party"])
                if given.get("party")
                else organisations.register(given["name"], by=by)
            )
            customer = customers.register(given["name"], party=party, by=by)
        return Response(
            CustomerOut(customer).data, status=201, headers={"Location": f"/api/v1/customers/{customer.ref}"}
        )


class CustomerDetail(APIView):
    """One customer."""

    required_scopes = READ_WRITE

    @extend_schema(responses=CustomerOut)
    def get(self, request: Request, ref: str) -> Response:
        """Show it."""
        return Response(CustomerOut(customers.get(ref, by=actors.of(request.user))).data)

    @extend_schema(request=NameIn, responses=CustomerOut)
    def patch(self, request: Request, ref: str) -> Response:
        """Rename it."""
        by = actors.of(request.user)
        customer = customers.get(ref, by=by)
        return Response(CustomerOut(customers.rename(customer, reading.body(NameIn, request)["name"], by=by)).data)


class CustomerKeys(Once):
    """The tenant keys of one customer."""

    required_scopes = READ_WRITE

    @extend_schema(responses=KeyOut(many=True))
    def get(self, request: Request, ref: str) -> Response:
        """List them, ended ones too."""
        customer = customers.get(ref, by=actors.of(request.user))
        return Response(KeyOut(customer.tenant_keys.select_related("space"), many=True).data)

    @extend_schema(request=KeyIn, responses={201: KeyOut})
    def post(self, request: Request, ref: str) -> Response:
        """Assign one."""
        by = actors.of(request.user)
        customer, given = customers.get(ref, by=by), reading.body(KeyIn, request)
        space = TenantKeySpace.objects.filter(key=given["space"]).first()
        if space is None:
            raise errors.NotFound("no such tenant-key space", where="space")
        key = keyspaces.assign(
            space, given["value"], customer=customer, valid_from=given["valid_from"], valid_to=given["valid_to"], by=by
        )
        key.refresh_from_db()
        return Response(KeyOut(key).data, status=201)
