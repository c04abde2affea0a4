"""`/api/v1/reports`: audit reports, for customers that the caller may see."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, paging, reading
from governance.access.idempotency import Once
from governance.deletions.api import download
from governance.deletions.statements import instant
from governance.parties import customers
from governance.reports import audits
from governance.reports.models import Report

READ: dict[str, str] = {"GET": audits.SCOPE, "POST": audits.SCOPE}
JSON = OpenApiTypes.OBJECT


class ReportIn(serializers.Serializer[Any]):
    """`from` is a word of Python, so it is read under that name from the body and kept as `start`."""

    customer = serializers.CharField(max_length=40)
    to = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the field that cannot be written as an attribute."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class Reports(Once):
    """Audit reports."""

    required_scopes: ClassVar = READ

    @extend_schema(operation_id="reports_list", parameters=paging.PARAMETERS, responses=JSON)
    def get(self, request: Request) -> Response:
        """List the reports on every customer that the caller may see."""
        rows = audits.visible(actors.of(request.user)).defer("pdf", "facts")
        return paging.respond(request, rows, shown)

    @extend_schema(request=ReportIn, responses={201: JSON})
    def post(self, request: Request) -> Response:
        """Make a report on a customer over a period [from, to)."""
        given, by = reading.body(ReportIn, request), actors.of(request.user)
        customer = customers.get(given["customer"], by=by)
        made = audits.make(customer, start=given["from"], end=given["to"], by=by, at=timezone.now())
        return Response(shown(made), status=201, headers={"Location": f"/api/v1/reports/{made.ref}"})


class ReportDetail(APIView):
    """One report."""

    required_scopes: ClassVar = READ

    @extend_schema(responses=JSON)
    def get(self, request: Request, ref: str) -> Response:
        """Show it."""
        return Response(shown(audits.of(ref, by=actors.of(request.user))))


class ReportFile(APIView):
    """The files of a report."""

    required_scopes: ClassVar = READ

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, ref: str, form: str) -> HttpResponse:
        """Return the sealed PDF, its facts as data, or the proof that the PDF is in the ledger."""
        return file(audits.of(ref, by=actors.of(request.user)), form)


def file(report: Report, form: str) -> HttpResponse:
    """Return one file of a report as a download."""
    name = audits.file_name(report)
    if form == "pdf":
        return download(bytes(report.pdf), name, "application/pdf")
    if form == "json":
        return download(bytes(report.facts), name.replace(".pdf", ".json"), "application/json")
    return download(audits.tlog_proof(report).encode(), f"{name}.tlog-proof", "text/plain; charset=utf-8")


def shown(report: Report) -> dict[str, Any]:
    """Show a report and where its files are."""
    base = f"/api/v1/reports/{report.ref}"
    return {
        "ref": report.ref,
        "customer": report.customer.ref,
        "from": instant(report.period_start),
        "to": instant(report.period_end),
        "made_at": instant(report.made_at),
        "ledger_position": report.ledger_position,
        "sha256": report.pdf_digest,
        "pdf": f"{base}.pdf",
        "facts": f"{base}.json",
        "proof": f"{base}.tlog-proof",
    }
