"""HTTP of consent: one record, many in a file, identifier spaces, lawful bases. Who may call is said by scopes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.http import UnreadablePostError
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import bases, bulk, consents, statements, subjects, trees
from consent.models import Basis, BulkLoad, ConsentEvent, IdentifierSpace
from lineage import errors

ANY = OpenApiTypes.OBJECT
OFFICER = "privacy_officer"
PAGE = 200


class Consents(APIView):
    """Record one statement of a person, or list what one person (by reference) said."""

    required_scopes: ClassVar = {"GET": "consent:read", "POST": "consent:write"}

    @extend_schema(operation_id="consents_list", responses=ANY)
    def get(self, request: Request) -> Response:
        """List a person's events, latest first: `?space=…&subject=<reference>`. Raw identifiers never stand in addresses."""
        space = subjects.space(request.query_params.get("space", ""))
        subject = request.query_params.get("subject", "")
        if not subjects.is_reference(subject):
            raise errors.Malformed("name the person by reference (64 hexadecimal digits)", where="subject")
        events = ConsentEvent.objects.filter(space=space, subject=subject).order_by("-at", "-id")[:PAGE]
        return Response({"events": [shown(event) for event in events]})

    @extend_schema(request=ANY, responses=ANY)
    def post(self, request: Request) -> Response:
        """Record one statement; 201 when it is new, 200 when it was known."""
        record = dict(mapping(request))
        space = subjects.space(str(record.pop("space", "")))
        statement = statements.parse(record, space=space, now=timezone.now(), own=trees.sayable())
        found = consents.record(statement, by=caller(request))
        status = 200 if found.repeated else 201
        body = shown(found.event) | {"repeated": found.repeated, "ledger_entry": found.entry_ref}
        return Response(body, status=status, headers={"Location": f"/api/v1/consents/{found.event.ref}"})


class Consent(APIView):
    """One recorded event."""

    required_scopes: ClassVar = {"GET": "consent:read"}

    @extend_schema(responses=ANY)
    def get(self, request: Request, ref: str) -> Response:
        """Return the event."""
        event = ConsentEvent.objects.filter(ref=ref).first()
        if event is None:
            raise errors.NotFound("no consent event of that reference")
        return Response(shown(event))


class _Lines(BaseParser):
    """Hands the untouched byte stream on: a bulk load is never held in memory."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return stream


class Csv(_Lines):
    media_type = "text/csv"


class Ndjson(_Lines):
    media_type = "application/x-ndjson"


class Bulk(APIView):
    """Many statements in one file: `?space=…`, body CSV (`text/csv`) or NDJSON (`application/x-ndjson`)."""

    required_scopes: ClassVar = {"POST": "consent:write"}
    parser_classes = (Csv, Ndjson)

    @extend_schema(
        request={"text/csv": OpenApiTypes.BINARY, "application/x-ndjson": OpenApiTypes.BINARY}, responses=ANY
    )
    def post(self, request: Request) -> Response:
        """Load the good lines and report the others; the same file again answers with the first report."""
        space = subjects.space(request.query_params.get("space", ""))
        size = _length(request)
        format = "csv" if str(request.content_type).startswith("text/csv") else "ndjson"
        stream: Any = request.data  # what `_Lines` handed on
        try:
            found = bulk.load(stream, format=format, space=space, size=size, by=caller(request), at=timezone.now())
        except UnreadablePostError:
            raise bulk.HalfAnUpload("the upload broke off; nothing was kept", remedy="send the file again") from None
        return Response(report(found.load) | {"duplicate": found.duplicate}, status=200 if found.duplicate else 201)


class BulkReport(APIView):
    """The report of one load."""

    required_scopes: ClassVar = {"GET": "consent:read"}

    @extend_schema(responses=ANY)
    def get(self, request: Request, ref: str) -> Response:
        """Return what was taken and what was rejected, line by line."""
        load = BulkLoad.objects.select_related("space").filter(ref=ref).first()
        if load is None:
            raise errors.NotFound("no bulk load of that reference")
        return Response(report(load))


class Spaces(APIView):
    """Identifier spaces."""

    required_scopes: ClassVar = {"GET": "consent:read", "POST": "consent:write"}

    @extend_schema(responses=ANY)
    def get(self, request: Request) -> Response:
        """List them."""
        return Response({"spaces": [_space(space) for space in IdentifierSpace.objects.order_by("name")]})

    @extend_schema(request=ANY, responses=ANY)
    def post(self, request: Request) -> Response:
        """Open one, with a key of its own."""
        body = mapping(request)
        space = subjects.open_space(
            name=_text(body, "name"), description=str(body.get("description", "")), by=caller(request)
        )
        return Response(_space(space), status=201)


class Registrations(APIView):
    """Which people are a customer's, so that the counts of a release can be stated."""

    required_scopes: ClassVar = {"POST": "consent:write"}

    @extend_schema(request=ANY, responses=ANY)
    def post(self, request: Request, ref: str) -> Response:
        """Register `subject_ids` (raw, hashed here and forgotten) or `subjects` (references) for `customer`."""
        body, space = mapping(request), subjects.space(ref)
        raw, known = body.get("subject_ids", []), body.get("subjects", [])
        if not (isinstance(raw, list) and isinstance(known, list) and all(isinstance(x, str) for x in [*raw, *known])):
            raise errors.Malformed("subject_ids and subjects are lists of texts", where="subject_ids")
        customer = _text(body, "customer")
        if not statements.REFERENCE.fullmatch(customer):
            raise errors.Unprocessable("name the customer by its reference", where="customer")
        people = [*known, *(subjects.reference(space, one) for one in raw)]
        minor = body.get("minor", False) is True
        new = subjects.register(space, people, customer_ref=customer, minor=minor, by=caller(request))
        return Response({"registered": new, "known": len(set(people)) - new}, status=201)


class BasisTerms(serializers.Serializer[bases.Terms]):
    """What a basis record says."""

    customer = serializers.CharField(max_length=40, allow_blank=True, help_text="empty: the vendor's own data")
    category = serializers.CharField(max_length=200)
    action = serializers.CharField(max_length=100)
    purpose = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(Basis.Role.choices)
    ground = serializers.ChoiceField(Basis.Ground.choices)
    assessment = serializers.CharField(max_length=20_000)
    valid_from = serializers.DateTimeField(required=False)
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class Bases(APIView):
    """Basis records: proposed here, approved by a second person; one of the two is the privacy officer."""

    required_scopes: ClassVar = {"GET": "consent:read", "POST": "consent:write"}

    @extend_schema(responses=ANY)
    def get(self, request: Request) -> Response:
        """List the records, of one customer where `?customer=` names it."""
        rows = Basis.objects.order_by("-id")
        if customer := request.query_params.get("customer", ""):
            rows = rows.filter(customer_ref=customer)
        return Response({"bases": [_basis(row) for row in rows[:PAGE]]})

    @extend_schema(request=BasisTerms, responses=ANY)
    def post(self, request: Request) -> Response:
        """Propose a record."""
        form = BasisTerms(data=request.data)
        form.is_valid(raise_exception=True)
        fields = dict(form.validated_data)
        terms = bases.Terms(
            customer_ref=fields.pop("customer"), valid_from=fields.pop("valid_from", None) or timezone.now(), **fields
        )
        return Response(_basis(bases.declare(terms, by=caller(request), officer=is_officer(request))), status=201)


class BasisStep(APIView):
    """Approve a record, propose its end, approve its end."""

    required_scopes: ClassVar = {
        "POST": "consent:read"
    }  # who may is said by the verbs: two persons, one the privacy officer
    step = ""

    @extend_schema(request=ANY, responses=ANY)
    def post(self, request: Request, ref: str) -> Response:
        """Take the step."""
        by, officer = caller(request), is_officer(request)
        match self.step:
            case "approve":
                basis = bases.approve(ref, by=by, officer=officer)
            case "end":
                basis = bases.end(ref, on=_moment(mapping(request), "on") or timezone.now(), by=by, officer=officer)
            case _:
                basis = bases.approve_end(ref, by=by, officer=officer)
        return Response(_basis(basis))


def caller(request: Request) -> str:
    """Return the opaque reference of whoever calls."""
    return str(request.user.ref)  # type: ignore[union-attr]


def is_officer(request: Request) -> bool:
    """Say whether a privacy officer calls."""
    return OFFICER in getattr(request.user, "roles", frozenset())


def mapping(request: Request) -> Mapping[str, Any]:
    """Return the body as a JSON object; raises `Malformed` for anything else."""
    if not isinstance(request.data, Mapping):
        raise errors.Malformed("send one JSON object")
    return request.data


def shown(event: ConsentEvent) -> dict[str, Any]:
    """Return an event as callers see it."""
    return {
        "event": event.ref,
        "space": event.space.ref,
        "subject": event.subject,
        "controller": event.controller_ref,
        "action": event.action,
        "purpose": event.purpose,
        "state": event.state,
        "explicit": event.explicit,
        "represented": bool(event.representative),
        "at": event.at,
        "expires_at": event.expires_at,
        "recorded_at": event.recorded_at,
    }


def report(load: BulkLoad) -> dict[str, Any]:
    """Return the report of a bulk load; rejected lines by number and reason, never by content."""
    return {
        "load": load.ref,
        "space": load.space.ref,
        "accepted": load.accepted,
        "repeated": load.repeated,
        "rejected": load.rejected,
        "rejections": load.rejections,
        "merkle_root": load.merkle_root,
        "recorded_at": load.recorded_at,
    }


def _space(space: IdentifierSpace) -> dict[str, Any]:
    return {"space": space.ref, "name": space.name, "description": space.description, "key": space.key_id}


def _basis(basis: Basis) -> dict[str, Any]:
    fields = "ref category action purpose role ground assessment valid_from valid_to declared_by approved_by approved_at ended_on ended_at"
    return {"customer": basis.customer_ref, **{name: getattr(basis, name) for name in fields.split()}}


def _length(request: Request) -> int:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise errors.Malformed("send the file uncompressed", code="content-encoding", where="Content-Encoding")
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if not length.isdigit() or length == "0":
        raise errors.Malformed(
            "a bulk load needs a body and its Content-Length", code="empty-body", where="Content-Length"
        )
    return int(length)


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or "\x00" in value:
        raise errors.Malformed(f"{field} is a text of 1 to 200 characters", where=field)
    return value


def _moment(body: Mapping[str, Any], field: str) -> datetime | None:
    value = body.get(field)
    return serializers.DateTimeField().run_validation(value) if value else None
