"""The contract epoch: the number that says whether what was read about contracts is still all there is."""

from django.db import connection
from django.db.models import F

from governance.parties.models import Epoch


def bump() -> None:
    """Raise the epoch; called inside the transaction of the change, after the caller's other locks."""
    if not connection.in_atomic_block:
        raise RuntimeError("the epoch is raised inside the transaction of the change")
    Epoch.objects.get_or_create(pk=1)
    Epoch.objects.filter(pk=1).update(number=F("number") + 1)


def current() -> int:
    """Return the committed epoch. Read it before the facts: facts that come later are then at least as new."""
    return Epoch.objects.filter(pk=1).values_list("number", flat=True).first() or 0
