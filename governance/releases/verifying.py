"""What `manage.py verify` asks of this room: every decision, decided again, gives the bytes that were stored."""

from collections.abc import Iterator

from governance.policy import values
from governance.releases import decisions, permits
from governance.releases.models import Decision, Permit
from lineage import errors
from lineage.journal.findings import Finding

SHOWN = 20


def check_decisions() -> Iterator[Finding]:
    """Yield one finding per decision that cannot be replayed, then the number of those that can. Older rules are not replayed here."""
    good = older = 0
    for row in Decision.objects.select_related("facts").order_by("pk").iterator(chunk_size=100):
        if row.rules_version != values.RULES_VERSION:
            older += 1
            continue
        try:
            decisions.replay(row)
        except Exception as error:  # a damaged row may break anywhere, and a break proves nothing
            yield Finding("decisions", f"{row.ref}: {error.detail if isinstance(error, errors.Problem) else error}")
        else:
            good += 1
    yield Finding(
        "decisions", f"{good} replayed byte for byte" + (f", {older} of older rules left out" if older else ""), ok=True
    )


def check_permits() -> Iterator[Finding]:
    """Yield one finding per permit whose token is not what was signed for its decision."""
    good = 0
    for permit in Permit.objects.select_related("decision").order_by("pk").iterator(chunk_size=100):
        try:
            claims = permits.claims(permit)
            fits = (
                claims["jti"] == permit.ref
                and claims["decision"] == permit.decision.ref
                and claims["exp"] == permit.expires_at.timestamp()
            )
        except Exception:
            fits = False
        if fits:
            good += 1
        else:
            yield Finding(
                "permits", f"{permit.ref}: the token is not the one that was signed for {permit.decision.ref}"
            )
    yield Finding("permits", f"{good} signed as they say", ok=True)
