"""When something has changed, the permits that rest on it are decided again, and revoked where they no longer hold (SEMANTICS §7)."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from governance.access.actors import SYSTEM
from governance.reactions import alerts, touching
from governance.reactions.models import Alert
from governance.releases import permits, rechecks, resting, statuses
from governance.releases.models import Permit
from lineage.journal import clock, entries
from lineage.journal.models import Entry

type Placed = tuple[int, Entry]  # an entry with its index in the ledger

logger = logging.getLogger(__name__)
AT_ONCE = 100  # permits that are due

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


def after(found: Sequence[Placed]) -> None:
    """Look again at every live permit that rests on what these entries may have changed; at all of them where that cannot be told.

    Those whose facts were read when an entry stood in the ledger know what it tells: that entry has nobody look at them again.
    """
    now = clock.present()  # not when the transaction began: these entries may have come after that
    for permit, entry in _to_look_at(found, at=now):
        _look(permit, entry, at=now)


def due(*, at: datetime) -> int:
    """Look again at live permits for which an instant has come that may end them, though nothing is recorded then; return at how many.

    At some of them, those that have waited longest, where they are many: what is recorded meanwhile must not wait for the others.
    """
    done = 0
    for permit in resting.due(at=at)[:AT_ONCE]:
        entry = entries.read(permit.entry_ref)
        try:
            with transaction.atomic():
                _look(permit, entry, at=at)
            done += 1
        except (OperationalError, InterfaceError):
            raise  # the database went away: it stays due
        except Exception:
            logger.exception("permit %s could not be decided again when it was due", permit.ref)
            text = f"permit {permit.ref} could not be decided again when it was due; see the log, mend the cause, and it will be"
            with transaction.atomic():
                alerts.raise_once(Alert.Kind.STUCK, text, key=f"{permit.ref}:due", entry=entry)
    return done


def revoked(entry: Entry) -> None:
    """Tell of a standing permit that fell because a run of its job was refused: nobody took it back, and no re-check has told of it."""
    permit = permits.find(next(ref for ref in entry.about if ref.startswith("prm_")))
    if permit.kind == Permit.Kind.STANDING and permit.revoked_by == SYSTEM.ref:
        _tell(permit, permit.revoked_why, entry)


def _look(permit: Permit, entry: Entry, *, at: datetime) -> None:
    made = rechecks.recheck(permit, at=at, by=SYSTEM)
    if not made.holds:
        _tell(permit, made.why, entry)


def _tell(permit: Permit, why: str, entry: Entry) -> None:
    text = f"permit {permit.ref} for {permit.decision.name} is revoked: {why}"
    alerts.raise_once(Alert.Kind.REVOKED, text, key=permit.ref, entry=entry, about=[permit.ref, permit.decision.ref])


def _to_look_at(found: Sequence[Placed], *, at: datetime) -> list[tuple[Permit, Entry]]:
    """Each permit once, with the last entry that speaks of what it rests on."""
    chosen = dict(_missed([entry for _, entry in found], at=at))
    spoken = [(index, entry) for index, entry in found if entry.kind in SPOKEN]
    loud = [(index, entry, touching.by(entry)) for index, entry in found if entry.kind not in QUIET]
    everything = [(index, entry) for index, entry, names in loud if names is None]
    for index, entry in spoken[-1:]:  # whoever knows the last knows those before
        chosen |= dict.fromkeys(_numbers(_overrides(at=at), index), entry)
    for index, entry in everything[-1:]:
        chosen |= dict.fromkeys(_numbers(resting.on(None, at=at), index), entry)
    for index, entry, names in loud:
        if names:
            chosen |= dict.fromkeys(_numbers(resting.on(names, at=at), index), entry)
    return [(permit, chosen[permit.pk]) for permit in resting.on(None, at=at).filter(pk__in=chosen)]


def _numbers(found: "QuerySet[Permit]", index: int) -> "QuerySet[Permit, int]":
    """Of these permits, those whose facts were read before the ledger had an entry at `index`."""
    return found.filter(ledger_size__lte=index).values_list("pk", flat=True)


def _missed(found: Sequence[Entry], *, at: datetime) -> Iterator[tuple[int, Entry]]:
    """Permits that a change missed: it was worked through when they could not be seen yet, and their facts had been read before it.

    A permit comes after its facts, and is seen from its commit on; what was read and worked through in between is looked up again now.
    """
    reached = statuses.cursor()
    issued = {ref for entry in found if entry.kind == "permit-issued" for ref in entry.about}
    new = resting.on(None, at=at).filter(ref__in=issued, ledger_size__lt=reached)
    late = list(new.values_list("pk", "ledger_size", "override_id"))
    if not late:
        return
    quiet = QUIET - SPOKEN if any(override for _, _, override in late) else QUIET
    for index, entry in entries.between(min(size for _, size, _ in late), reached, leaving_out=quiet):
        touched = _overrides(at=at) if entry.kind in SPOKEN else resting.on(touching.by(entry), at=at)
        for pk in _numbers(touched, index).filter(pk__in=[pk for pk, _, _ in late]):
            yield pk, entry


def _overrides(*, at: datetime) -> "QuerySet[Permit]":
    return resting.on(None, at=at).filter(override__isnull=False)
