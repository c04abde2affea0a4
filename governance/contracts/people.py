"""People by name, for the pages."""

from collections.abc import Iterable

from governance.access.models import User


def names(refs: Iterable[str]) -> str:
    """Return these people's names, a dash for nobody."""
    found = list(refs)
    known = {user.ref: str(user) for user in User.objects.filter(ref__in=found)}
    return ", ".join(known.get(ref, ref) for ref in found) or "–"
