"""Grant: permits actions x categories x purposes under conditions. It must cover what is asked.

All conditions but the safeguards decide whether the grant is *applicable*; missing safeguards become duties.
"""

from dataclasses import dataclass
from datetime import datetime

from consent import vocabulary
from governance.policy.answers import Duty
from governance.policy.clauses import reading, requirement

KIND = "Grant"
BASES = ("negotiated", "opt-in", "accepted-use")
FIELDS = (
    "actions", "categories", "purposes", "basis", "safeguards", "offer", "until", "customer_only", "recipients", "regions",
    "max_retention_days", "signatory",
)  # fmt: skip
EXAMPLE = {
    "actions": ["train"],
    "categories": ["customer.usage"],
    "purposes": ["functional.service"],
    "basis": "negotiated",
    "safeguards": [{"kind": "deidentified", "k": 20, "known": "measured"}],
    "until": "2027-12-31",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """`offer` is the reference of the OptInOffer that must be active; no recipients means the vendor only, no regions any."""

    actions: tuple[str, ...]
    categories: tuple[str, ...]
    purposes: tuple[str, ...]
    basis: str
    safeguards: tuple[Duty, ...] = ()
    offer: str = ""
    until: datetime | None = None
    customer_only: bool = False
    recipients: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    max_retention_days: int | None = None
    signatory: str = ""


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> Grant:
    """Read a body; raises `BadClause`."""
    reading.only(body, FIELDS)
    grant = Grant(
        actions=reading.keys(body, "actions", vocabulary.is_action),
        categories=reading.keys(body, "categories", lambda key: vocabulary.is_contract(key, own)),
        purposes=reading.keys(body, "purposes", lambda key: vocabulary.is_purpose(key, own), any_allowed=True),
        basis=reading.choice(body, "basis", BASES, "negotiated"),
        safeguards=requirement.parse_all(body),
        offer=reading.text(body, "offer"),
        until=reading.instant(body, "until"),
        customer_only=reading.flag(body, "customer_only"),
        recipients=reading.texts(body, "recipients"),
        regions=reading.texts(body, "regions"),
        max_retention_days=reading.number(body, "max_retention_days"),
        signatory=reading.text(body, "signatory"),
    )
    _check_basis(grant)
    return grant


def _check_basis(grant: Grant) -> None:
    if grant.basis == "opt-in" and not grant.offer:
        raise reading.BadClause("a grant on the basis of an opt-in names its offer", where="offer")
    if grant.basis == "accepted-use" and not (grant.signatory and grant.until):
        missing = "until" if grant.signatory else "signatory"
        raise reading.BadClause("an accepted use needs who signed for it, and an end", where=missing)


def covers(grant: Grant, action: str, purpose: str) -> bool:
    """Say whether action and purpose are covered, of whatever category."""
    return reading.covers_one(grant.actions, action) and reading.covers_one(grant.purposes, purpose)


def explain(grant: Grant) -> str:
    """Say it in words."""
    said = f"Permits to {reading.listed(grant.actions)} with {reading.listed(grant.categories)}, for {reading.listed(grant.purposes)}"
    conditions = [f"once the data are {requirement.explain(needed)}" for needed in grant.safeguards]
    conditions += ["while the opt-in is active"] if grant.offer else []
    conditions += [f"until {grant.until:%Y-%m-%d}"] if grant.until else []
    conditions += ["for a model or improvement that serves this customer alone"] if grant.customer_only else []
    conditions += [f"by {', '.join(grant.recipients)}"] if grant.recipients else []
    conditions += [f"in {', '.join(grant.regions)}"] if grant.regions else []
    conditions += [f"for at most {grant.max_retention_days} days"] if grant.max_retention_days else []
    return ", ".join([said, *conditions]) + "."
