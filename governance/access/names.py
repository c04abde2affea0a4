"""People and keys by name, for the pages: rows and the ledger hold references."""

from collections.abc import Iterable

from governance.access.models import ServiceKey, User


def of(refs: Iterable[str]) -> dict[str, str]:
    """Return the names of those among these references that are people or keys here."""
    wanted = set(refs)
    keys = {ref for ref in wanted if ref.startswith("key:")}
    found = {user.ref: str(user) for user in User.objects.filter(ref__in=wanted - keys)} if wanted - keys else {}
    if keys:
        found |= {
            ref: f"key {name}" for ref, name in ServiceKey.objects.filter(ref__in=keys).values_list("ref", "name")
        }
    return found


def listed(refs: Iterable[str]) -> str:
    """Return these people's names, a dash for nobody."""
    found = list(refs)
    known = of(found)
    return ", ".join(known.get(ref, ref) for ref in found) or "–"
