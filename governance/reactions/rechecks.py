"""When something has changed, the permits that rest on it are decided again, and revoked where they no longer hold (SEMANTICS §7)."""

from collections.abc import Sequence
from datetime import datetime

from governance.access.actors import SYSTEM
from governance.reactions import alerts, touching
from governance.reactions.models import Alert
from governance.releases import permits, rechecks, resting
from governance.releases.models import Permit
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
    """Look again at every live permit that rests on what these entries may have changed; at all of them where that cannot be told."""
    now = clock.now()
    for permit, entry in _to_look_at(found, at=now):
        made = rechecks.recheck(permit, at=now, by=SYSTEM)
        if not made.holds:
            text = f"permit {permit.ref} for {permit.decision.name} is revoked: {made.why}"
            alerts.raise_once(
                Alert.Kind.REVOKED, text, key=permit.ref, entry=entry, about=[permit.ref, permit.decision.ref]
            )


def _to_look_at(found: Sequence[Entry], *, at: datetime) -> list[tuple[Permit, Entry]]:
    """Each permit once, with the last entry that speaks of what it rests on."""
    loud = [entry for entry in found if entry.kind not in QUIET]
    spoken = [entry for entry in found if entry.kind in SPOKEN]
    chosen: dict[int, tuple[Permit, Entry]] = {}
    for entry in spoken:
        chosen |= {permit.pk: (permit, entry) for permit in permits.live(at=at) if permit.override_id}
    touched = {entry.pk: touching.by(entry) for entry in loud}
    for entry in loud:
        if touched[entry.pk] is None:
            chosen |= {permit.pk: (permit, entry) for permit in permits.live(at=at)}
            break
    for entry in loud:
        if names := touched[entry.pk]:
            chosen |= {permit.pk: (permit, entry) for permit in resting.on(names, at=at)}
    return [chosen[pk] for pk in sorted(chosen)]
