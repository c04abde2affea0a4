"""Signing in and out, for everyone who has no business in the admin (auditors) and for everyone else too."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from governance.access import roles
from governance.access.models import User

AUDIT_PAGES = "/audit/"


@login_required
def after_login(request: HttpRequest) -> HttpResponse:
    """Send people to their work: the admin, the auditor's pages, or a page that says what is missing."""
    user = request.user
    if user.is_staff:
        return redirect("admin:index")
    if isinstance(user, User) and roles.AUDITOR in user.roles:
        return redirect(AUDIT_PAGES)
    return render(request, "access/nothing.html", status=403)
