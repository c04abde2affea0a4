"""Vouch for a safeguard of one dataset version: two persons, neither the owner of the job. Measured ones come from building."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from governance.access.actors import Actor
from governance.catalogue import declarations
from governance.catalogue.models import SafeguardDeclaration
from governance.catalogue.places import Place
from lineage import errors

DECIMAL = re.compile(r"^\d{1,9}(\.\d{1,9})?$")
BOUNDS = {
    "k": "deidentified",
    "quasi_identifiers": "deidentified",
    "n": "aggregated",
    "c": "aggregated",
    "epsilon": "dp",
}


def declare(
    place: Place,
    run: str,
    columns: Sequence[str],
    safeguard: str,
    *,
    standard: str = "",
    bounds: Mapping[str, Any] | None = None,
    evidence_digest: str = "",
    valid_from: datetime,
    reason: str,
    by: Actor,
) -> SafeguardDeclaration:
    """Declare a safeguard on columns of what `run` wrote; counts once a second person has confirmed it."""
    if place.is_pattern or not run:
        raise errors.Unprocessable(
            "a safeguard belongs to one version: name the dataset and the run", code="not-a-version", where="run"
        )
    if safeguard not in SafeguardDeclaration.Safeguard.values:
        raise errors.Unprocessable("no safeguard of that name", code="unknown-safeguard", where="safeguard")
    if not columns or not reason.strip():
        raise errors.Unprocessable("name the columns, and say what the safeguard rests on", where="columns")
    row = SafeguardDeclaration(
        namespace=place.namespace,
        name=place.name,
        run=run,
        columns=sorted(set(columns)),
        safeguard=safeguard,
        standard=standard,
        bounds=_bounds(safeguard, bounds or {}),
        evidence_digest=evidence_digest,
        valid_from=valid_from,
        reason=reason,
    )
    return declarations.declare(row, by=by)


def _bounds(safeguard: str, bounds: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in bounds.items():
        if BOUNDS.get(name) != safeguard or not _fine(name, value):
            raise errors.Unprocessable(
                "a bound that this safeguard does not have, or not a number",
                code="bad-bounds",
                where="bounds",
                remedy="k and quasi_identifiers for deidentified, n and c for aggregated, epsilon (as text) for dp",
            )
    return dict(bounds)


def _fine(name: str, value: object) -> bool:
    match name:
        case "epsilon":
            return isinstance(value, str) and DECIMAL.match(value) is not None
        case "quasi_identifiers":
            return isinstance(value, list) and all(isinstance(column, str) for column in value)
        case _:
            return isinstance(value, int) and not isinstance(value, bool) and value > 0
