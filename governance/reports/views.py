"""The auditor's pages: what an auditor sees of the customers given to them, and nothing of anyone else (404).

Server-rendered, without scripts and without inline styles, so that the strict content security policy holds.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from governance.access import actors
from governance.access.actors import Actor
from governance.deletions import certificates
from governance.deletions.api import download
from governance.parties import customers
from governance.reports import api, audits, overviews
from lineage import errors

View = Callable[..., HttpResponse]


def audited(view: View) -> View:
    """Let in who is signed in and may read audits; what is not there or not to be seen answers 404."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        by = actors.of(request.user)
        if audits.SCOPE not in by.scopes:
            raise PermissionDenied("these pages are for auditors")
        try:
            return view(request, *args, by=by, **kwargs)
        except errors.NotFound as problem:
            raise Http404(problem.detail) from None

    return guarded


@require_GET
@audited
def customers_page(request: HttpRequest, *, by: Actor) -> HttpResponse:
    """List the customers given to the auditor."""
    return render(request, "audit/customers.html", {"rows": overviews.customers_of(by)})


@require_GET
@audited
def customer_page(request: HttpRequest, ref: str, *, by: Actor) -> HttpResponse:
    """Show one customer: contracts, releases, deletions, certificates, reports."""
    return _customer(request, ref, by=by)


@require_POST
@audited
def make_report(request: HttpRequest, ref: str, *, by: Actor) -> HttpResponse:
    """Make a report over the days of the form, the last one included."""
    customer = customers.get(ref, by=by)
    try:
        start, last = _day(request.POST.get("from", "")), _day(request.POST.get("to", ""))
        made = audits.make(customer, start=start, end=last + timedelta(days=1), by=by, at=timezone.now())
    except (errors.Unprocessable, errors.Malformed, errors.Conflict) as problem:
        return _customer(request, ref, by=by, error=problem.detail, status=422)
    messages.success(request, f"Report {made.ref} is made and sealed.")
    return redirect(f"/audit/customers/{customer.ref}/#reports")


@require_GET
@audited
def report_file(request: HttpRequest, ref: str, form: str, *, by: Actor) -> HttpResponse:
    """Download a report, its facts or its proof."""
    return _once_in_ledger(request, lambda: api.file(audits.of(ref, by=by), form))


@require_GET
@audited
def certificate_file(request: HttpRequest, ref: str, form: str, *, by: Actor) -> HttpResponse:
    """Download a certificate, its statement or its proof."""
    found = certificates.of(ref, by=by)
    name = certificates.file_name(found)
    if form == "pdf":
        return download(bytes(found.pdf), name, "application/pdf")
    if form == "json":
        return download(bytes(found.envelope), name.replace(".pdf", ".json"), "application/json")
    proof = f"{name}.tlog-proof"
    return _once_in_ledger(
        request, lambda: download(certificates.tlog_proof(found).encode(), proof, "text/plain; charset=utf-8")
    )


def _once_in_ledger(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return answer()
    except errors.Conflict as problem:
        return render(request, "audit/wait.html", {"why": problem.detail}, status=409)


def _customer(request: HttpRequest, ref: str, *, by: Actor, error: str = "", status: int = 200) -> HttpResponse:
    shown = overviews.customer(customers.get(ref, by=by), at=timezone.now())
    today = timezone.now().date()
    form = {"from": request.POST.get("from") or today.replace(month=1, day=1), "to": request.POST.get("to") or today}
    return render(request, "audit/customer.html", {**shown, "form": form, "error": error}, status=status)


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, tzinfo=UTC)
    except ValueError:
        raise errors.Malformed("choose the first and the last day of the period", where="from") from None
