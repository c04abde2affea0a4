"""`/api/v1/contracts` and `/api/v1/opt-ins`: what the caller may not see is not there (404)."""

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, paging, reading
from governance.access.actors import Actor
from governance.access.idempotency import Once
from governance.contracts import families, optins
from governance.contracts.models import ContractFamily, OptIn
from governance.contracts.serializers import (
    AtIn,
    ContractIn,
    ContractOut,
    CoverageIn,
    CoverageOut,
    EndIn,
    EndOut,
    OptInIn,
    OptInOut,
)
from governance.parties import customers, organisations
from lineage import errors

READ_WRITE = {"GET": "contracts:read", "POST": "contracts:write"}


def _shown(rows: QuerySet[ContractFamily]) -> QuerySet[ContractFamily]:
    return rows.select_related("vendor", "counterparty").prefetch_related("coverage__customer", "documents")


class Contracts(Once):
    """Contracts: families of documents with one counterparty."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="contracts_list", parameters=paging.PARAMETERS, responses=ContractOut(many=True))
    def get(self, request: Request) -> Response:
        """List the contracts whose customers the caller sees."""
        return paging.respond(
            request, _shown(families.visible_to(actors.of(request.user))), lambda row: ContractOut(row).data
        )

    @extend_schema(request=ContractIn, responses={201: ContractOut})
    def post(self, request: Request) -> Response:
        """Open a contract."""
        given = reading.body(ContractIn, request)
        vendor, counterparty = organisations.get(given["vendor"]), organisations.get(given["counterparty"])
        family = families.create(given["title"], vendor=vendor, counterparty=counterparty, by=actors.of(request.user))
        return Response(ContractOut(family).data, status=201, headers={"Location": f"/api/v1/contracts/{family.ref}"})


class ContractDetail(APIView):
    """One contract."""

    required_scopes = READ_WRITE

    @extend_schema(responses=ContractOut)
    def get(self, request: Request, ref: str) -> Response:
        """Show it."""
        return Response(ContractOut(families.get(ref, by=actors.of(request.user))).data)


class ContractCustomers(Once):
    """Whose data a contract covers."""

    required_scopes = {"POST": "contracts:write"}

    @extend_schema(request=CoverageIn, responses={201: CoverageOut})
    def post(self, request: Request, ref: str) -> Response:
        """Cover a customer for a period."""
        by, given = actors.of(request.user), reading.body(CoverageIn, request)
        family, customer = _own_or_visible(ref, by), customers.get(given["customer"], by=by)
        row = families.cover(family, customer, valid_from=given["valid_from"], valid_to=given["valid_to"], by=by)
        row.refresh_from_db()
        return Response(CoverageOut(row).data, status=201)


class ContractCustomerEnd(Once):
    """The end of a customer's coverage."""

    required_scopes = {"POST": "contracts:write"}

    @extend_schema(request=AtIn, responses={201: CoverageOut})
    def post(self, request: Request, ref: str, customer: str) -> Response:
        """From then on the contract no longer speaks for the customer; a deletion is proposed from it."""
        by, given = actors.of(request.user), reading.body(AtIn, request)
        family = families.get(ref, by=by)
        rows = family.coverage.filter(customer=customers.get(customer, by=by))
        row = rows.order_by(F("valid_to").desc(nulls_first=True)).first()  # the open one; of closed ones the last
        if row is None:
            raise errors.NotFound("the contract does not cover this customer", where="customer")
        return Response(CoverageOut(families.uncover(row, at=given["at"], by=by)).data, status=201)


class ContractEnd(Once):
    """The end of a contract."""

    required_scopes = {"POST": "contracts:write"}

    @extend_schema(request=EndIn, responses={201: EndOut(many=True)})
    def post(self, request: Request, ref: str) -> Response:
        """Terminate every document of the contract that still runs then; a deletion is proposed from it."""
        by, given = actors.of(request.user), reading.body(EndIn, request)
        ends = families.end(families.get(ref, by=by), by=by, **given)
        return Response(EndOut(ends, many=True).data, status=201)


class OptIns(Once):
    """Opt-ins."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="opt_ins_list", parameters=paging.PARAMETERS, responses=OptInOut(many=True))
    def get(self, request: Request) -> Response:
        """List opt-ins of the customers that the caller sees."""
        rows: QuerySet[OptIn] = optins.visible_to(actors.of(request.user)).select_related("offer", "customer")
        return paging.respond(request, rows, lambda row: OptInOut(row).data)

    @extend_schema(request=OptInIn, responses={201: OptInOut})
    def post(self, request: Request) -> Response:
        """Record that a customer took up an offer."""
        by, given = actors.of(request.user), reading.body(OptInIn, request)
        customer = customers.get(given["customer"], by=by)
        offer = optins.offers_visible_to(by).filter(ref=given["offer"]).select_related("document").first()
        if offer is None:
            raise errors.NotFound("no such opt-in offer, or none that you may see", where="offer")
        period = {name: given[name] for name in ("valid_from", "valid_to", "evidence")}
        row = optins.activate(offer, customer, by=by, **period)
        return Response(OptInOut(row).data, status=201, headers={"Location": f"/api/v1/opt-ins/{row.ref}"})


class OptInDetail(APIView):
    """One opt-in."""

    required_scopes = READ_WRITE

    @extend_schema(responses=OptInOut)
    def get(self, request: Request, ref: str) -> Response:
        """Show it."""
        return Response(OptInOut(optins.get(ref, by=actors.of(request.user))).data)


class OptInEnd(Once):
    """The end of an opt-in."""

    required_scopes = {"POST": "contracts:write"}

    @extend_schema(request=AtIn, responses={201: OptInOut})
    def post(self, request: Request, ref: str) -> Response:
        """From then on the offer is no longer taken up."""
        by, given = actors.of(request.user), reading.body(AtIn, request)
        return Response(OptInOut(optins.end(optins.get(ref, by=by), at=given["at"], by=by)).data, status=201)


def _own_or_visible(ref: str, by: Actor) -> ContractFamily:
    """A contract that covers nobody yet is seen by who opened it: else nobody without sight of all could fill it."""
    own = ContractFamily.objects.filter(ref=ref, created_by=by.ref, coverage=None).first()
    return own or families.get(ref, by=by)
