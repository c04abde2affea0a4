"""A contract from the database in the words of W3C DPV or IETF AIPREF."""

from datetime import datetime
from typing import Any

from consent import mappings, trees
from governance.contracts import permissions, queries, telling
from governance.contracts.models import ContractFamily


def contract(family: ContractFamily, *, form: str, at: datetime, base: str) -> dict[str, Any]:
    """Return what the contract permits at an instant as `dpv` or `aipref`, with everything that could not be said."""
    own = trees.standing(at=at, as_known_at=at)
    whose = set(family.coverage.values_list("customer__ref", flat=True))
    found = [each for each in queries.families_of(whose, as_known_at=at) if each.ref == family.ref]
    said = permissions.said(found[0] if found else None, at=at, own=own)
    about = telling.About(family.ref, family.title, family.vendor.ref, at)
    if form == "dpv":
        document, losses = telling.as_dpv(said, about, base=base, titles=trees.titles(), own=own)
    else:
        document, losses = telling.as_aipref(said, own=own)
    return {"contract": family.ref, "at": at, "document": document, "losses": mappings.plain(losses)}
