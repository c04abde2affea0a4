"""What the auditor's pages show."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from governance.access.actors import Actor
from governance.parties import customers
from governance.parties.models import Customer
from governance.reports import removals, terms, uses
from governance.reports.models import Report
from governance.reports.period import Period
from lineage.journal import sequencer

EVER = datetime(1, 1, 1, tzinfo=UTC)
MOST_RELEASES = 100


def customers_of(by: Actor) -> list[dict[str, Any]]:
    """Return the customers the auditor may see, with what there is to look at."""
    pending = Q(obligations__state__in=["proposed", "open"])
    rows = customers.visible_to(by).annotate(
        reports_made=Count("reports", distinct=True),
        certificates=Count("obligations__certificates", distinct=True),
        pending=Count("obligations", filter=pending, distinct=True),
    )
    return [
        {
            "ref": row.ref,
            "name": row.name,
            "reports": row.reports_made,
            "certificates": row.certificates,
            "pending": row.pending,
        }
        for row in rows.order_by("name", "ref")
    ]


def customer(row: Customer, *, at: datetime) -> dict[str, Any]:
    """Return everything the page of one customer shows."""
    ever = Period(EVER, at)
    releases = uses.of(row, ever)
    return {
        "customer": row,
        "contracts": terms.of(row, ever, at=at),
        "opt_ins": terms.opt_ins(row, ever),
        "releases": list(reversed(releases))[:MOST_RELEASES],
        "releases_in_all": len(releases),
        "deletions": removals.of(row, ever),
        "holds": removals.holds(row, ever),
        "reports": Report.objects.filter(customer=row).defer("pdf", "facts").order_by("-id"),
        "head": sequencer.head(),
        "origin": settings.LEDGER_ORIGIN,
    }
