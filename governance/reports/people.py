"""What the customer's people said, in numbers: never who."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef

from consent import consents
from consent.models import Basis, ConsentEvent, IdentifierSpace, Registration
from governance.deletions.statements import instant
from governance.parties.models import Customer
from governance.reports.period import Period

MOST_QUESTIONS = 100


def registered(customer: Customer) -> list[dict[str, Any]]:
    """Return how many people are registered for the customer, by identifier space."""
    rows = Registration.objects.filter(customer_ref=customer.ref).values("space__ref", "space__name")
    counted = rows.annotate(people=Count("subject", distinct=True)).order_by("space__name")
    return [{"space": row["space__name"], "people": row["people"]} for row in counted]


def said(customer: Customer, period: Period) -> list[dict[str, Any]]:
    """Return how often these people gave, refused, withdrew or objected within the period, by action and purpose."""
    rows = _events(customer).filter(recorded_at__gte=period.start, recorded_at__lt=period.end)
    counted = (
        rows.values("action", "purpose", "state").annotate(times=Count("id")).order_by("action", "purpose", "state")
    )
    table: dict[tuple[str, str], dict[str, Any]] = {}
    for row in counted:
        line = table.setdefault(
            (row["action"], row["purpose"]),
            {"action": row["action"], "purpose": row["purpose"]} | dict.fromkeys(ConsentEvent.State.values, 0),
        )
        line[row["state"]] = row["times"]
    return list(table.values())


def standing(customer: Customer, *, at: datetime) -> list[dict[str, Any]]:
    """Return how the people stand at `at`, for each thing that any of them spoke about: the same count that decisions use."""
    asked = _events(customer).values_list("space", "controller_ref", "action", "purpose").distinct()
    lines = []
    for space, controller, action, purpose in asked.order_by("action", "purpose", "controller_ref", "space")[
        :MOST_QUESTIONS
    ]:
        question = consents.Question(IdentifierSpace.objects.get(pk=space), controller, action, purpose, at, at)
        tally = consents.tally(question, [customer.ref])[customer.ref]
        counts = {str(name): number for name, number in sorted(tally.standings.items())}
        lines.append(
            {
                "action": action,
                "purpose": purpose,
                "people": tally.registered,
                "allowed": tally.allowed,
                "standing": counts,
            }
        )
    return lines


def bases(customer: Customer, period: Period) -> list[dict[str, Any]]:
    """Return the lawful bases that two persons recorded and that held within the period."""
    rows = Basis.objects.filter(customer_ref=customer.ref, approved_at__isnull=False).order_by(
        "category", "action", "purpose", "id"
    )
    return [_basis(row) for row in rows if period.meets(row.valid_from, row.ended_on or row.valid_to)]


def _events(customer: Customer) -> Any:
    mine = Registration.objects.filter(customer_ref=customer.ref, space=OuterRef("space"), subject=OuterRef("subject"))
    return ConsentEvent.objects.filter(Exists(mine))


def _basis(row: Basis) -> dict[str, Any]:
    return {
        "ref": row.ref, "category": row.category, "action": row.action, "purpose": row.purpose, "role": row.role, "ground": row.ground,
        "from": instant(row.valid_from), "until": instant(row.ended_on or row.valid_to),
    }  # fmt: skip
