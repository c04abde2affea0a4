"""Imports and their reports: seen by whoever sees the contract."""

from django.db.models import QuerySet

from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import families
from governance.contracts.models import Import
from lineage import errors


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[Import]:
    """Return the imports into contracts that the caller sees."""
    return Import.objects.filter(family__in=families.visible_to(who))


def get(ref: str, *, by: Actor | User | ServiceKey) -> Import:
    """Return a visible import; raises `NotFound`."""
    found = visible_to(by).filter(ref=ref).select_related("family", "document").first()
    if found is None:
        raise errors.NotFound("no such import, or none that you may see", where="import")
    return found
