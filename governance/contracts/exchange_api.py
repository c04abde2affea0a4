"""Contracts in and out: cover pages of an AI addendum, whole contracts as JSON files."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, reading
from governance.access.idempotency import Once
from governance.contracts import abroad, contract_files, cover_pages, families, imports
from governance.contracts.models import Import
from governance.contracts.serializers import ClosingIn, DocumentChange
from lineage import errors

READ, WRITE = "contracts:read", "contracts:write"
FORM = OpenApiParameter("form", str, enum=["json", "dpv", "aipref"])


def _base() -> str:
    return f"{settings.SITE_URL}/vocabulary#"


class Unambiguous(JSONParser):
    """JSON in which no member stands twice: of two answers the last one would win in silence."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the decoded body; raises `ParseError`."""
        try:
            return json.loads(stream.read().decode(), object_pairs_hook=_once, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"this is no JSON that can be read: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


class CoverPageIn(DocumentChange):
    """A filled cover page: as an object of fields, or as the text of a JSON or CSV file; and what the permissions are for."""

    page = serializers.DictField(required=False, help_text="field -> true, false or words")
    text = serializers.CharField(required=False, trim_whitespace=False, max_length=cover_pages.LARGEST)
    purposes = serializers.ListField(child=serializers.CharField(max_length=200), required=False, default=list)


class ImportOut(serializers.ModelSerializer[Import]):
    """An import with its report."""

    contract = serializers.CharField(source="family.ref")
    document = serializers.CharField(source="document.ref", allow_null=True, default=None)

    class Meta:
        model = Import
        fields = (
            "ref", "kind", "contract", "document", "digest", "report", "imported_by", "recorded_at", "settled_by", "settled_at", "outcome",
        )  # fmt: skip


class CoverPage(APIView):
    """The empty cover page."""

    required_scopes = {"GET": READ}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """List its fields, and give it as CSV to be filled in."""
        return Response({"fields": cover_pages.fields(), "csv": cover_pages.template()})


class CoverPageImport(Once):
    """A filled cover page of an AI addendum."""

    required_scopes = {"POST": WRITE}
    parser_classes = (Unambiguous,)

    @extend_schema(request=CoverPageIn, responses={201: ImportOut})
    def post(self, request: Request, ref: str) -> Response:
        """Draft the addendum that it amounts to; answers with a report of contradictions and of what stays unencoded."""
        by, given = actors.of(request.user), reading.body(CoverPageIn, request)
        page, text, purposes = given.pop("page", None), given.pop("text", None), given.pop("purposes")
        if (page is None) == (text is None):
            raise errors.Malformed("hand in page or text, one of the two", where="page")
        pairs = cover_pages.parse(text) if text is not None else cover_pages.checked((page or {}).items())
        found = cover_pages.take(families.get(ref, by=by), pairs, purposes=purposes, by=by, **given)
        return Response(
            ImportOut(found.row).data, status=201, headers={"Location": f"/api/v1/documents/{found.document.ref}"}
        )


class ContractImportIn(serializers.Serializer[Import]):
    """A contract file, and how what it refers to is called here."""

    contract = serializers.DictField(help_text="docs/contract-file-v1.schema.json")
    references = serializers.ChoiceField(choices=["keep", "new"], default="keep")
    map = serializers.DictField(
        child=serializers.CharField(max_length=60), required=False, help_text="reference in the file -> reference here"
    )


class ContractImport(Once):
    """Whole contracts."""

    required_scopes = {"POST": WRITE}
    parser_classes = (Unambiguous,)

    @extend_schema(request=ContractImportIn, responses={201: ImportOut})
    def post(self, request: Request) -> Response:
        """Bring in a contract as submitted documents; it counts when a second person activates the import."""
        by, given = actors.of(request.user), reading.body(ContractImportIn, request)
        found = contract_files.parse(given["contract"])
        row = imports.take(found, by=by, keep_references=given["references"] == "keep", named_here=given.get("map"))
        return Response(ImportOut(row).data, status=201, headers={"Location": f"/api/v1/imports/{row.ref}"})


class ContractExport(APIView):
    """A contract as a file."""

    required_scopes = {"GET": READ}

    @extend_schema(parameters=[FORM], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Give out everything that counts in the contract (json); or what it permits now, in the words of W3C DPV or IETF AIPREF, with a
        report of what those cannot say. What cannot be said is not permitted."""
        family = families.get(ref, by=actors.of(request.user))
        match request.query_params.get("form", "json"):
            case "json":
                return Response(contract_files.plain(contract_files.of(family)))
            case "dpv" | "aipref" as form:
                return Response(abroad.contract(family, form=form, at=timezone.now(), base=_base()))
            case _:
                raise errors.Malformed(
                    "a contract is given out as json, dpv or aipref", code="unknown-form", where="form"
                )


class ImportStep(Once):
    """The second person."""

    required_scopes = {"POST": READ}  # by role, which the verbs check

    @extend_schema(request=None, responses=ImportOut)
    def post(self, request: Request, ref: str) -> Response:
        """Let the imported contract count: its documents are approved and activated, who is covered and what has ended recorded."""
        by = actors.of(request.user)
        return Response(ImportOut(imports.activate(imports.get(ref, by=by), by=by, at=timezone.now())).data)


class ImportRejection(Once):
    """The second person says no."""

    required_scopes = {"POST": READ}

    @extend_schema(request=ClosingIn, responses=ImportOut)
    def post(self, request: Request, ref: str) -> Response:
        """Reject every document of the import."""
        by, given = actors.of(request.user), reading.body(ClosingIn, request)
        return Response(ImportOut(imports.reject(imports.get(ref, by=by), reason=given["reason"], by=by)).data)


class ImportDetail(APIView):
    """One import."""

    required_scopes = {"GET": READ}

    @extend_schema(responses=ImportOut)
    def get(self, request: Request, ref: str) -> Response:
        """Show its report."""
        return Response(ImportOut(imports.get(ref, by=actors.of(request.user))).data)
