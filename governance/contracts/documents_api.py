"""`/api/v1/documents`: draft, change, submit, approve, sign, activate, terminate."""

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
from governance.contracts import clauses, documents, families, readings, terminations
from governance.contracts.models import Clause, Document
from governance.contracts.serializers import (
    ClauseIn,
    ClauseOut,
    ClosingIn,
    DocumentChange,
    DocumentIn,
    DocumentOut,
    EndIn,
    EndOut,
    PrevailsIn,
    RepealIn,
    SignIn,
)
from lineage import errors

READ_WRITE = {
    "GET": "contracts:read",
    "POST": "contracts:write",
    "PATCH": "contracts:write",
    "DELETE": "contracts:write",
}
# People approve and activate by their role, which the verbs check; a key with this scope gets as far as that refusal.
BY_ROLE = {"POST": "contracts:read"}
WRITE = {"POST": "contracts:write"}


class Documents(Once):
    """Documents."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="documents_list", parameters=paging.PARAMETERS, responses=DocumentOut(many=True))
    def get(self, request: Request) -> Response:
        """List the documents that the caller may see."""
        rows = readings.known(documents.visible_to(actors.of(request.user)).select_related("family"))
        return paging.respond(request, rows.prefetch_related("ends__document"), lambda row: DocumentOut(row).data)

    @extend_schema(request=DocumentIn, responses={201: DocumentOut})
    def post(self, request: Request) -> Response:
        """Draft a document, whole or not at all."""
        document = _draft(reading.body(DocumentIn, request), by=actors.of(request.user))
        return Response(
            DocumentOut(document).data, status=201, headers={"Location": f"/api/v1/documents/{document.ref}"}
        )


class DocumentDetail(APIView):
    """One document."""

    required_scopes = READ_WRITE

    @extend_schema(responses=DocumentOut)
    def get(self, request: Request, ref: str) -> Response:
        """Show it."""
        return Response(DocumentOut(documents.get(ref, by=actors.of(request.user))).data)

    @extend_schema(request=DocumentChange, responses=DocumentOut)
    def patch(self, request: Request, ref: str) -> Response:
        """Change a draft."""
        by = actors.of(request.user)
        document = documents.get(ref, by=by)
        return Response(DocumentOut(documents.edit(document, by=by, **reading.body(DocumentChange, request))).data)


class Clauses(Once):
    """The clauses of a draft."""

    required_scopes = WRITE

    @extend_schema(request=ClauseIn, responses={201: ClauseOut})
    def post(self, request: Request, ref: str) -> Response:
        """Add one."""
        by = actors.of(request.user)
        clause = clauses.add(documents.get(ref, by=by), by=by, **reading.body(ClauseIn, request))
        return Response(ClauseOut(clause).data, status=201)


class ClauseDetail(APIView):
    """One clause of a draft."""

    required_scopes = {"PUT": "contracts:write", "DELETE": "contracts:write"}

    @extend_schema(request=ClauseIn, responses=ClauseOut)
    def put(self, request: Request, ref: str, clause: str) -> Response:
        """Write it anew."""
        by = actors.of(request.user)
        row = _clause(ref, clause, by)
        return Response(ClauseOut(clauses.change(row, by=by, **reading.body(ClauseIn, request))).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, ref: str, clause: str) -> Response:
        """Remove it."""
        by = actors.of(request.user)
        clauses.remove(_clause(ref, clause, by), by=by)
        return Response(status=204)


class Repeals(Once):
    """Clauses that a draft takes back."""

    required_scopes = WRITE

    @extend_schema(request=RepealIn, responses={201: DocumentOut})
    def post(self, request: Request, ref: str) -> Response:
        """Take one back."""
        by = actors.of(request.user)
        document, given = documents.get(ref, by=by), reading.body(RepealIn, request)
        clauses.repeal(document, visible_clause(given["clause"], by), by=by)
        return Response(DocumentOut(documents.get(ref, by=by)).data, status=201)


class RepealDetail(APIView):
    """A clause that a draft takes back."""

    required_scopes = {"DELETE": "contracts:write"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, ref: str, clause: str) -> Response:
        """Leave it in force."""
        by = actors.of(request.user)
        said = documents.get(ref, by=by).repeals.filter(clause__ref=clause).first()
        if said is None:
            raise errors.NotFound("the document does not repeal this clause", where="clause")
        clauses.unsay(said, by=by)
        return Response(status=204)


class Precedence(Once):
    """Documents over which a draft prevails."""

    required_scopes = WRITE

    @extend_schema(request=PrevailsIn, responses={201: DocumentOut})
    def post(self, request: Request, ref: str) -> Response:
        """State one, with the actions and categories for which it does."""
        by = actors.of(request.user)
        document, given = documents.get(ref, by=by), reading.body(PrevailsIn, request)
        over = documents.get(given["over"], by=by)
        clauses.prevail(document, over, actions=given["actions"], categories=given["categories"], by=by)
        return Response(DocumentOut(documents.get(ref, by=by)).data, status=201)


class PrecedenceDetail(APIView):
    """What a draft says about one other document."""

    required_scopes = {"DELETE": "contracts:write"}

    @extend_schema(responses={204: None})
    @transaction.atomic
    def delete(self, request: Request, ref: str, over: str) -> Response:
        """Take all of it out."""
        by = actors.of(request.user)
        said = list(documents.get(ref, by=by).prevails.filter(over__ref=over))
        if not said:
            raise errors.NotFound("the document does not prevail over this one", where="over")
        for statement in said:
            clauses.unsay(statement, by=by)
        return Response(status=204)


class Step(Once):
    """A step of a document's life: `verb` is called with the members of `body`."""

    required_scopes = WRITE
    verb: Callable[..., Document]
    body: type[serializers.Serializer[Any]] | None = None

    def post(self, request: Request, ref: str) -> Response:
        """Take the step and show the document as it then is."""
        by = actors.of(request.user)
        given = reading.body(self.body, request) if self.body else {}
        return Response(DocumentOut(type(self).verb(documents.get(ref, by=by), by=by, **given)).data)


@extend_schema(request=None, responses=DocumentOut)
class Submit(Step):
    """Freeze the text and ask a second person."""

    verb = staticmethod(documents.submit)


@extend_schema(request=None, responses=DocumentOut)
class TakeBack(Step):
    """Make a submitted document a draft again."""

    verb = staticmethod(documents.take_back)


@extend_schema(request=None, responses=DocumentOut)
class Approve(Step):
    """Approve it, as a second person."""

    verb = staticmethod(documents.approve)
    required_scopes = BY_ROLE


@extend_schema(request=ClosingIn, responses=DocumentOut)
class Reject(Step):
    """Reject it, as a second person."""

    verb = staticmethod(documents.reject)
    body = ClosingIn
    required_scopes = BY_ROLE


@extend_schema(request=ClosingIn, responses=DocumentOut)
class Withdraw(Step):
    """Give it up."""

    verb = staticmethod(documents.withdraw)
    body = ClosingIn


@extend_schema(request=SignIn, responses=DocumentOut)
class Sign(Step):
    """Record the signature."""

    verb = staticmethod(documents.sign)
    body = SignIn


def _activate(document: Document, *, by: Actor) -> Document:
    return documents.activate(document, by=by, at=timezone.now())


@extend_schema(request=None, responses=DocumentOut)
class Activate(Step):
    """Make an approved and signed document count."""

    verb = staticmethod(_activate)
    required_scopes = BY_ROLE


class Terminate(Once):
    """The end of an activated document."""

    required_scopes = WRITE

    @extend_schema(request=EndIn, responses={201: EndOut})
    def post(self, request: Request, ref: str) -> Response:
        """Record it; a deletion is proposed from it."""
        by = actors.of(request.user)
        end = terminations.terminate(documents.get(ref, by=by), by=by, **reading.body(EndIn, request))
        return Response(EndOut(end).data, status=201)


@transaction.atomic
def _draft(given: dict[str, Any], *, by: Actor) -> Document:
    parts = {name: given.pop(name, []) for name in ("clauses", "repeals", "prevails")}
    contract, form = given.pop("contract", None), given.pop("form", None)
    family = families.get(contract, by=by) if contract else None
    if form:
        given["form"] = documents.get(form, by=by)
    document = documents.draft(family, by=by, **given)
    for clause in parts["clauses"]:
        clauses.add(document, by=by, **clause)
    for ref in parts["repeals"]:
        clauses.repeal(document, visible_clause(ref, by), by=by)
    for said in parts["prevails"]:
        over = documents.get(said["over"], by=by)
        clauses.prevail(document, over, actions=said["actions"], categories=said["categories"], by=by)
    document.refresh_from_db()
    return document


def _clause(document_ref: str, ref: str, by: Actor) -> Clause:
    return _found(documents.get(document_ref, by=by).clauses.filter(ref=ref).first())


def visible_clause(ref: str, by: Actor) -> Clause:
    """Return a clause of a visible document; raises `NotFound`."""
    return _found(Clause.objects.filter(ref=ref, document__in=documents.visible_to(by)).first())


def _found(clause: Clause | None) -> Clause:
    if clause is None:
        raise errors.NotFound("no such clause, or none that you may see", where="clause")
    return clause
