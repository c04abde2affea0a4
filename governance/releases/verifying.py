"""What `manage.py verify` asks of this room: every decision, decided again, gives the bytes that were stored."""

from collections import Counter
from collections.abc import Iterator

from governance.policy import rules
from governance.releases import decisions, permits
from governance.releases.models import Decision, Permit
from lineage import errors
from lineage.journal.findings import Finding

SHOWN = 20


def check_decisions() -> Iterator[Finding]:
    """Yield one finding per decision that cannot be replayed, then the number of those that can. What was decided under rules that
    this code does not run is counted and named: nothing is claimed of it."""
    good, older = 0, Counter[str]()
    for row in Decision.objects.select_related("facts", "answer").order_by("pk").iterator(chunk_size=100):
        if (found := rules.known(row.rules_version)) is None or not found.runs:
            older[row.rules_version] += 1
            continue
        try:
            decisions.replay(row)
        except Exception as error:  # a damaged row may break anywhere, and a break proves nothing
            yield Finding("decisions", f"{row.ref}: {error.detail if isinstance(error, errors.Problem) else error}")
        else:
            good += 1
    left = "".join(
        f", {number} decided under rules {version}, which this code does not run, were not replayed"
        for version, number in sorted(older.items())
    )
    yield Finding("decisions", f"{good} replayed byte for byte{left}", ok=True)


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
