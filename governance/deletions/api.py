"""`/api/v1/deletions` and `/api/v1/certificates`: a customer that the caller may not see is not there (404)."""

from typing import ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, paging, reading
from governance.access.actors import Actor
from governance.access.idempotency import Once
from governance.deletions import certificates, checker, evidence, executor, serializers, worklists
from governance.deletions.models import Certificate, Task
from governance.obligations import duties
from governance.obligations.models import Obligation
from governance.parties import customers

JSON = OpenApiTypes.OBJECT
DECIDE = {"POST": "audit:read"}  # which role decides is the verb's question; see obligations.duties.DECIDERS
EVIDENCE = {"GET": "deletion:evidence", "POST": "deletion:evidence"}


class Deletions(Once):
    """Obligations to delete, and proposing one."""

    required_scopes: ClassVar = {"GET": "audit:read", "POST": "contracts:write"}

    @extend_schema(operation_id="deletions_list", parameters=paging.PARAMETERS, responses=JSON)
    def get(self, request: Request) -> Response:
        """List the obligations of every customer that the caller may see."""
        return paging.respond(request, worklists.visible(actors.of(request.user)), serializers.deletion)

    @extend_schema(request=serializers.ProposeIn, responses={201: JSON})
    def post(self, request: Request) -> Response:
        """Propose one; a named person confirms it or says why not."""
        given, by = reading.body(serializers.ProposeIn, request), actors.of(request.user)
        customer = customers.get(given["customer"], by=by)
        duty = duties.propose(customer, trigger=given["trigger"], on=given["on"], reason=given["reason"], by=by)
        return Response(serializers.deletion(duty), status=201, headers={"Location": f"/api/v1/deletions/{duty.ref}"})


class Deletion(APIView):
    """One obligation."""

    required_scopes: ClassVar = {"GET": "audit:read"}

    @extend_schema(responses=JSON)
    def get(self, request: Request, ref: str) -> Response:
        """Show it, and how many of its items are in which state."""
        return Response(serializers.deletion(_duty(request, ref)))


class Confirmation(APIView):
    """Confirming an obligation takes a named person; its inventory follows at once."""

    required_scopes: ClassVar = DECIDE

    @extend_schema(request=serializers.ReasonIn, responses=JSON)
    def post(self, request: Request, ref: str) -> Response:
        """Confirm, and list what must go."""
        given = reading.body(serializers.ReasonIn, request)
        _duty(request, ref)
        duty = worklists.confirm(ref, reason=given["reason"], by=actors.of(request.user), at=timezone.now())
        return Response(serializers.deletion(duty))


class Dismissal(APIView):
    """Saying as a named person why the data need not go."""

    required_scopes: ClassVar = DECIDE

    @extend_schema(request=serializers.ReasonIn, responses=JSON)
    def post(self, request: Request, ref: str) -> Response:
        """Dismiss."""
        given = reading.body(serializers.ReasonIn, request)
        _duty(request, ref)
        return Response(serializers.deletion(duties.dismiss(ref, reason=given["reason"], by=actors.of(request.user))))


class Inventories(APIView):
    """Taking stock again."""

    required_scopes: ClassVar = EVIDENCE

    @extend_schema(request=None, responses=JSON)
    def post(self, request: Request, ref: str) -> Response:
        """Take an inventory now: new items become tasks, items that came back re-open, certificates fall with them."""
        by = actors.of(request.user)
        evidence.may_work(by)
        found = worklists.review(_duty(request, ref), by=by, at=timezone.now())
        body = {
            "inventory": found.inventory.ref,
            "ledger_position": found.inventory.ledger_position,
            "unknowns": found.inventory.unknowns,
            "added": [task.ref for task in found.added],
            "returned": [task.ref for task in found.returned],
            "superseded": [certificate.ref for certificate in found.superseded],
        }
        return Response(body)


class Tasks(Once):
    """The items of an obligation."""

    required_scopes: ClassVar = EVIDENCE

    @extend_schema(operation_id="deletion_tasks_list", parameters=paging.PARAMETERS, responses=JSON)
    def get(self, request: Request, ref: str) -> Response:
        """List them, with their evidence."""
        rows = _duty(request, ref).tasks.select_related("obligation").prefetch_related("evidence")
        return paging.respond(request, rows, serializers.task)

    @extend_schema(request=serializers.ItemIn, responses={201: JSON})
    def post(self, request: Request, ref: str) -> Response:
        """Add a backup or an export, which lineage cannot see."""
        given = reading.body(serializers.ItemIn, request)
        task = worklists.add(_duty(request, ref), **given, by=actors.of(request.user), at=timezone.now())
        where = f"/api/v1/deletions/{ref}/tasks/{task.ref}"
        return Response(serializers.task(task), status=201, headers={"Location": where})


class TaskDetail(APIView):
    """One item."""

    required_scopes: ClassVar = EVIDENCE

    @extend_schema(responses=JSON)
    def get(self, request: Request, ref: str, task: str) -> Response:
        """Show it, with its evidence."""
        return Response(serializers.task(_task(request, ref, task)))


class TaskEvidence(Once):
    """Evidence on one item: that it was dealt with (`execution`), or what somebody else found left (`check`)."""

    required_scopes: ClassVar = EVIDENCE

    @extend_schema(request=serializers.EvidenceIn, responses={201: JSON})
    def post(self, request: Request, ref: str, task: str) -> Response:
        """Hand in evidence. It counts for the caller's own account, whatever system account it names."""
        given = reading.body(serializers.EvidenceIn, request)
        role, system = given.pop("role"), given.pop("system_account")
        handed = evidence.Given(**given, facts={"system_account": system} if system else {})
        take = evidence.executed if role == "execution" else evidence.checked
        done = take(_task(request, ref, task), handed, by=actors.of(request.user), at=timezone.now())
        return Response(serializers.task(done), status=201)


class TaskExecution(APIView):
    """Having the product's own executor delete the rows."""

    required_scopes: ClassVar = EVIDENCE

    @extend_schema(request=serializers.RunIn, responses=JSON)
    def post(self, request: Request, ref: str, task: str) -> Response:
        """Delete, or with `dry_run` count what would go."""
        given, by, at = reading.body(serializers.RunIn, request), actors.of(request.user), timezone.now()
        row = _task(request, ref, task)
        if given["dry_run"]:
            return Response({"task": row.ref, "would_delete": executor.dry_run(row, by=by, at=at)})
        found = executor.run(row, by=by, at=at)
        return Response({"task": row.ref, "deleted": found.affected, "account": found.account})


class TaskCheck(APIView):
    """Having the product's own checker look."""

    required_scopes: ClassVar = EVIDENCE

    @extend_schema(request=None, responses=JSON)
    def post(self, request: Request, ref: str, task: str) -> Response:
        """Count what is left in the real system, under the checker's account."""
        found = checker.run(_task(request, ref, task), by=actors.of(request.user), at=timezone.now())
        return Response({"task": task, "remaining": found.remaining, "account": found.account})


class TaskException(APIView):
    """Keeping an item with a ground takes a named person."""

    required_scopes: ClassVar = DECIDE

    @extend_schema(request=serializers.ExceptionIn, responses=JSON)
    def post(self, request: Request, ref: str, task: str) -> Response:
        """Record the exception."""
        given = reading.body(serializers.ExceptionIn, request)
        done = evidence.excepted(_task(request, ref, task), **given, by=actors.of(request.user), at=timezone.now())
        return Response(serializers.task(done))


class Certification(APIView):
    """Certifying an obligation. Not idempotent by key but by nature: a certified obligation answers with its certificate."""

    required_scopes: ClassVar = DECIDE

    @extend_schema(request=None, responses={201: JSON})
    def post(self, request: Request, ref: str) -> Response:
        """Issue the certificate; 409 names what is still open."""
        duty, by = _duty(request, ref), actors.of(request.user)
        by.must(duties.DECIDERS)
        standing = duty.certificates.filter(superseded_at=None).first()
        if standing is not None:
            return Response(serializers.certificate(standing))
        made = certificates.issue(duty, by=by, at=timezone.now())
        where = f"/api/v1/certificates/{made.ref}"
        return Response(serializers.certificate(made), status=201, headers={"Location": where})


class Certificates(APIView):
    """Certificates."""

    required_scopes: ClassVar = {"GET": "audit:read"}

    @extend_schema(operation_id="certificates_list", parameters=paging.PARAMETERS, responses=JSON)
    def get(self, request: Request) -> Response:
        """List those of every customer that the caller may see."""
        seen = customers.visible_to(actors.of(request.user))
        rows = Certificate.objects.filter(obligation__customer__in=seen).defer("pdf", "envelope", "statement")
        rows = rows.select_related("obligation__customer", "inventory")
        return paging.respond(request, rows, serializers.certificate)


class CertificateDetail(APIView):
    """One certificate."""

    required_scopes: ClassVar = {"GET": "audit:read"}

    @extend_schema(responses=JSON)
    def get(self, request: Request, ref: str) -> Response:
        """Show it, and whether it still stands."""
        return Response(serializers.certificate(certificates.of(ref, by=actors.of(request.user))))


class CertificateFile(APIView):
    """The files of a certificate."""

    required_scopes: ClassVar = {"GET": "audit:read"}

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, ref: str, form: str) -> HttpResponse:
        """Return the sealed PDF, the signed statement (DSSE), or the proof that the PDF is in the ledger."""
        found = certificates.of(ref, by=actors.of(request.user))
        name = certificates.file_name(found)
        if form == "pdf":
            return download(bytes(found.pdf), name, "application/pdf")
        if form == "json":
            return download(bytes(found.envelope), name.replace(".pdf", ".json"), "application/json")
        return download(certificates.tlog_proof(found).encode(), f"{name}.tlog-proof", "text/plain; charset=utf-8")


def download(content: bytes, name: str, kind: str) -> HttpResponse:
    """Return a file under the name that the ledger has for it."""
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _duty(request: Request, ref: str) -> Obligation:
    return worklists.of(ref, by=_by(request))


def _task(request: Request, ref: str, task: str) -> Task:
    return worklists.task(_duty(request, ref), task)


def _by(request: Request) -> Actor:
    return actors.of(request.user)
