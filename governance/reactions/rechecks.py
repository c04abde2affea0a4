"""When what permits rest on has changed, every live one is decided again and revoked where it no longer holds (SEMANTICS §7)."""

from collections.abc import Sequence

from governance.access.actors import SYSTEM
from governance.reactions import alerts
from governance.reactions.models import Alert
from governance.releases import permits, rechecks
from lineage.journal import clock
from lineage.journal.models import Entry

# What cannot change an answer. Everything else, kinds that nobody has thought of included, has every live permit looked at again.
QUIET = frozenset(
    {
        "account-changed", "account-reopened", "alert-noted", "alert-raised", "basis-declared", "basis-end-proposed",
        "build-failed", "build-finished", "build-measured", "build-started", "certificate-superseded", "clause-changed",
        "clause-drafted", "clause-removed", "consent-recorded", "consents-loaded", "correction-effects", "correction-drafted",
        "correction-edited", "correction-rejected", "correction-submitted", "correction-taken-back",
        "correction-withdrawn", "customer-given", "customer-renamed", "customer-taken", "decision",
        "deletion-certificate", "deletion-inventory", "deletion-statement", "deletion-task", "document-approved",
        "document-drafted", "document-edited", "document-rejected", "document-signed", "document-submitted",
        "document-taken-back", "document-withdrawn", "file.finished", "identifier-space-opened", "mode-proposed",
        "namespace-owned", "override-granted", "override-reviewed", "override-withdrawn", "party-renamed", "permit-issued", "permit-revoked", "precedence-drafted", "repeal-drafted",
        "roles-given", "service-key-issued", "service-key-revoked", "statement-removed", "subjects-registered",
        "violation-found",
    }
)  # fmt: skip


# One person's word revokes no permit, but no override lifts it: those are looked at again.
SPOKEN = frozenset({"consent-recorded", "consents-loaded", "subjects-registered"})


def after(found: Sequence[Entry]) -> None:
    """Look at every live permit again when one of these entries may have changed what it rests on."""
    loud = [entry for entry in found if entry.kind not in QUIET]
    now = clock.now()
    if not loud:
        loud = [entry for entry in found if entry.kind in SPOKEN]
        again = [permit for permit in permits.live(at=now) if permit.override_id] if loud else []
    else:
        again = permits.live(at=now)
    for made in rechecks.sweep(again, at=now, by=SYSTEM):
        permit = made.permit
        text = f"permit {permit.ref} for {permit.decision.name} is revoked: {made.why}"
        alerts.raise_once(
            Alert.Kind.REVOKED, text, key=permit.ref, entry=loud[-1], about=[permit.ref, permit.decision.ref]
        )
