"""Lineage that arrives after an inventory: items nobody had listed, and data that came back after its purge (SEMANTICS §8)."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from governance.access.actors import SYSTEM
from governance.deletions import worklists
from governance.deletions.models import Inventory
from governance.obligations.machine import State
from governance.obligations.models import Obligation
from governance.reactions import alerts
from governance.reactions.models import Alert
from lineage.journal import clock
from lineage.journal.models import Entry

TELLING = frozenset({"lineage.event", "lineage.declaration", "lineage.declaration-ended"})


def after(found: Sequence[Entry]) -> None:
    """Take stock again of every obligation that has an inventory, when lineage has changed."""
    telling = [entry for entry in found if entry.kind in TELLING]
    if not telling:
        return
    now = clock.now()
    listed = Exists(Inventory.objects.filter(obligation=OuterRef("pk")))
    for duty in Obligation.objects.filter(listed, state__in=[State.OPEN, State.CLOSED]).order_by("pk"):
        if worklists.outdated(duty, at=now):
            _tell(duty, worklists.review(duty, by=SYSTEM, at=now), telling[-1])


def _tell(duty: Obligation, review: worklists.Review, entry: Entry) -> None:
    about = [duty.ref, duty.customer.ref]
    for task in review.returned:
        text = f"{task.name} ({task.namespace}) holds deleted data again: the item is open once more"
        alerts.raise_once(
            Alert.Kind.RESURRECTION,
            text,
            key=f"{task.ref}:{review.inventory.ref}",
            entry=entry,
            about=[task.ref, *about],
        )
    for certificate in review.superseded:
        text = f"certificate {certificate.ref} no longer covers everything: {certificate.superseded_because}"
        alerts.raise_once(
            Alert.Kind.SUPERSEDED, text, key=certificate.ref, entry=entry, about=[certificate.ref, *about]
        )
