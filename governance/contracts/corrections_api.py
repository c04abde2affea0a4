"""`/api/v1/corrections` and `/api/v1/documents/{ref}/corrections`: our typing errors in activated documents, typed anew."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, paging, reading
from governance.access.actors import Actor
from governance.access.idempotency import Once
from governance.contracts import corrected_clauses, corrections, documents, families
from governance.contracts.correction_serializers import CorrectionChange, CorrectionIn, CorrectionOut
from governance.contracts.documents_api import BY_ROLE, READ_WRITE, WRITE, visible_clause
from governance.contracts.models import Correction, Document
from governance.contracts.serializers import ClosingIn


class DocumentCorrections(Once):
    """The corrections of a document."""

    required_scopes = READ_WRITE

    @extend_schema(
        operation_id="document_corrections_list", parameters=paging.PARAMETERS, responses=CorrectionOut(many=True)
    )
    def get(self, request: Request, ref: str) -> Response:
        """List them, in the order in which they were drafted."""
        document = documents.get(ref, by=actors.of(request.user))
        rows = document.corrections.select_related("document__family")
        return paging.respond(request, rows, lambda row: CorrectionOut(row).data)

    @extend_schema(request=CorrectionIn, responses={201: CorrectionOut})
    def post(self, request: Request, ref: str) -> Response:
        """Draft one, whole or not at all."""
        by = actors.of(request.user)
        correction = _draft(documents.get(ref, by=by), reading.body(CorrectionIn, request), by=by)
        return Response(
            CorrectionOut(correction).data, status=201, headers={"Location": f"/api/v1/corrections/{correction.ref}"}
        )


class ContractCorrections(APIView):
    """The corrections of a contract's documents."""

    required_scopes = READ_WRITE

    @extend_schema(
        operation_id="contract_corrections_list", parameters=paging.PARAMETERS, responses=CorrectionOut(many=True)
    )
    def get(self, request: Request, ref: str) -> Response:
        """List them, in the order in which they were drafted."""
        family = families.get(ref, by=actors.of(request.user))
        rows = Correction.objects.filter(document__family=family).select_related("document__family")
        return paging.respond(request, rows, lambda row: CorrectionOut(row).data)


class CorrectionDetail(APIView):
    """One correction."""

    required_scopes = READ_WRITE

    @extend_schema(responses=CorrectionOut)
    def get(self, request: Request, ref: str) -> Response:
        """Show it, with before and after."""
        return Response(CorrectionOut(corrections.get(ref, by=actors.of(request.user))).data)

    @extend_schema(request=CorrectionChange, responses=CorrectionOut)
    def patch(self, request: Request, ref: str) -> Response:
        """Change a draft."""
        by = actors.of(request.user)
        correction = corrections.get(ref, by=by)
        return Response(CorrectionOut(_write(correction, reading.body(CorrectionChange, request), by=by)).data)


class Step(Once):
    """A step of a correction's life: `verb` is called with the members of `body`."""

    required_scopes = WRITE
    verb: Callable[..., Correction]
    body: type[serializers.Serializer[Any]] | None = None

    def post(self, request: Request, ref: str) -> Response:
        """Take the step and show the correction as it then is."""
        by = actors.of(request.user)
        given = reading.body(self.body, request) if self.body else {}
        return Response(CorrectionOut(type(self).verb(corrections.get(ref, by=by), by=by, **given)).data)


@extend_schema(request=None, responses=CorrectionOut)
class Submit(Step):
    """Freeze it and ask a second person."""

    verb = staticmethod(corrections.submit)


@extend_schema(request=None, responses=CorrectionOut)
class TakeBack(Step):
    """Make a submitted correction a draft again."""

    verb = staticmethod(corrections.take_back)


def _apply(correction: Correction, *, by: Actor) -> Correction:
    return corrections.apply(correction, by=by, at=timezone.now())


@extend_schema(request=None, responses=CorrectionOut)
class Apply(Step):
    """Approve and apply it, as a second person."""

    verb = staticmethod(_apply)
    required_scopes = BY_ROLE


@extend_schema(request=ClosingIn, responses=CorrectionOut)
class Reject(Step):
    """Reject it, as a second person."""

    verb = staticmethod(corrections.reject)
    body = ClosingIn
    required_scopes = BY_ROLE


@extend_schema(request=ClosingIn, responses=CorrectionOut)
class Withdraw(Step):
    """Give it up."""

    verb = staticmethod(corrections.withdraw)
    body = ClosingIn


@transaction.atomic
def _draft(document: Document, given: dict[str, Any], *, by: Actor) -> Correction:
    correction = corrections.draft(document, reason=given.pop("reason"), by=by)
    return _write(correction, given, by=by)


@transaction.atomic
def _write(correction: Correction, given: dict[str, Any], *, by: Actor) -> Correction:
    parts = {name: given.pop(name, None) for name in ("clauses", "repeals", "prevails")}
    row = corrections.edit(correction, by=by, **given)
    for clause in parts["clauses"] or ():
        _clause(row, dict(clause), by=by)
    if parts["repeals"] is not None:
        corrected_clauses.repeal(row, [visible_clause(ref, by) for ref in parts["repeals"]], by=by)
    if parts["prevails"] is not None:
        said = [(documents.get(each["over"], by=by), each["actions"], each["categories"]) for each in parts["prevails"]]
        corrected_clauses.prevail(row, said, by=by)
    return corrections.get(row.ref, by=by)


def _clause(correction: Correction, given: dict[str, Any], *, by: Actor) -> None:
    ref, struck = given.pop("ref", None), given.pop("struck")
    if ref is None:
        corrected_clauses.add(correction, by=by, **given)
    elif struck:
        corrected_clauses.strike(correction, ref, by=by)
    else:
        corrected_clauses.change(correction, ref, by=by, **given)
