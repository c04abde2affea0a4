"""What each namespace's enforcement mode has let through: so that people know what `enforce` would refuse before they switch it on (SEMANTICS §7)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, Max, Q, QuerySet

from governance.catalogue import modes
from governance.catalogue.models import EnforcementMode
from governance.policy import reasons
from governance.releases.models import Decision, Permit, StoredAnswer

DAYS = 30
MOST = 200  # namespaces
ANSWERS = 2_000  # different refusals whose reasons are read, the most frequent first
TOP = 5

DENY, ENFORCE = Decision.Verdict.DENY, Decision.Enforcement.ENFORCE


@dataclass(frozen=True)
class Namespace:
    """Questions about now of some days: how many, how they were answered, and how many refusals there would have been but for the mode."""

    name: str
    mode: str
    since: datetime | None  # when the mode came into force; None where nobody ever set one
    proposed: tuple[EnforcementMode, ...]
    asked: int
    permitted: int
    planned: int
    refused: int
    let_through: int  # refused by the policy, not by the gate, which enforcing would have refused
    overridden: int  # refused by the policy, permitted by a person for a time: enforcing would change nothing
    last_asked: datetime | None
    reasons: tuple[tuple[str, str, int], ...]  # code, its sentence, refusals that name it; the most frequent first


def overview(*, at: datetime, days: int = DAYS) -> list[Namespace]:
    """Return every namespace that was asked about or has a mode; those where the most would have been refused come first."""
    rows = Decision.objects.filter(about_now=True, recorded_at__gt=at - timedelta(days=days), recorded_at__lte=at)
    counted = {row["namespace"]: row for row in _counted(rows)}
    set_ = EnforcementMode.objects.order_by("namespace").values_list("namespace", flat=True).distinct()
    names = [*counted, *(name for name in set_[:MOST] if name not in counted)]
    why = _why(rows.filter(namespace__in=names, verdict=DENY))
    found = [_namespace(name, counted.get(name, {}), why.get(name, Counter()), at) for name in names]
    return sorted(found, key=lambda each: (-each.let_through, -each.asked, each.name))


def _counted(rows: "QuerySet[Decision]") -> Iterable[Mapping[str, Any]]:
    verdicts = {str(verdict): Count("pk", filter=Q(verdict=verdict)) for verdict in Decision.Verdict}
    overridden = Q(verdict=DENY, pk__in=Permit.objects.filter(override__isnull=False).values("decision"))
    through = Count("pk", filter=Q(verdict=DENY) & ~Q(enforcement=ENFORCE) & ~overridden)
    counts = {"asked": Count("pk"), "let_through": through, "last_asked": Max("recorded_at"), **verdicts}
    counts["overridden"] = Count("pk", filter=overridden)
    found: Any = rows.order_by().values("namespace").annotate(**counts)
    return list(found.order_by("-asked", "namespace")[:MOST])


def _why(refused: "QuerySet[Decision]") -> dict[str, Counter[str]]:
    """By namespace: how many refusals name each code."""
    often = list(refused.order_by().values_list("namespace", "answer").annotate(n=Count("pk")).order_by("-n")[:ANSWERS])
    codes = {
        digest: _codes(body)
        for digest, body in StoredAnswer.objects.filter(digest__in={a for _, a, _ in often}).values_list(
            "digest", "body"
        )
    }
    found: dict[str, Counter[str]] = {}
    for namespace, answer, number in often:
        found.setdefault(namespace, Counter()).update(dict.fromkeys(codes[answer], number))
    return found


def _codes(body: bytes | memoryview) -> set[str]:
    found = {str(each["code"]) for each in msgspec.json.decode(bytes(body)).get("reasons", ())}
    return {code for code in found if reasons.refuses(code)}


def _namespace(name: str, row: Mapping[str, Any], why: Counter[str], at: datetime) -> Namespace:
    changes = EnforcementMode.objects.filter(namespace=name)
    latest = changes.filter(approved_at__lte=at).order_by("-approved_at", "-id").first()
    return Namespace(
        name=name,
        mode=str(modes.of(name, as_known_at=at)),
        since=latest.approved_at if latest else None,
        proposed=tuple(changes.filter(approved_at=None).order_by("pk")),
        asked=row.get("asked", 0),
        permitted=row.get(str(Decision.Verdict.PERMIT), 0),
        planned=row.get(str(Decision.Verdict.PERMIT_WITH_PLAN), 0),
        refused=row.get(str(DENY), 0),
        let_through=row.get("let_through", 0),
        overridden=row.get("overridden", 0),
        last_asked=row.get("last_asked"),
        reasons=tuple((code, reasons.CODES[code].sentence, number) for code, number in why.most_common(TOP)),
    )
