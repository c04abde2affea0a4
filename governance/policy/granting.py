"""When a grant is applicable, and which grants are chosen (SEMANTICS §3, *Combining*). Pure."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance.policy import periods, safeguards
from governance.policy.answers import Duty, Reason
from governance.policy.clauses import Grant, OptInOffer, grant, reading, requirement
from governance.policy.standing import Law, Live, within_scope
from governance.policy.values import Declaration
from governance.policy.world import World

MOST_CHOICES = (
    4096  # beyond this the categories are settled one after the other: still an allowed choice, perhaps not the least
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A grant that may be chosen for a category, with the safeguards it still lacks."""

    live: Live
    terms: Grant
    missing: tuple[Duty, ...]


def failing(
    world: World, law: Law, customer: str, live: Live, terms: Grant, declarations: Iterable[str]
) -> tuple[Reason, ...]:
    """Return why a grant that would cover the question is not applicable to data of these declarations; nothing when it is."""
    sources = [world.declarations[ref] for ref in declarations]

    def because(code: str, about: str = "") -> Reason:
        return Reason(code, customer, "", live.document.ref, live.clause.ref, about)

    found = [
        *([] if _opted_in(world, law, customer, terms, sources) else [because("opt-in-inactive", terms.offer)]),
        *([] if not terms.customer_only or _serves_alone(world, customer) else [because("customer-only")]),
        *([] if _recipient_covered(world, terms) else [because("recipient-not-covered")]),
        *([] if not terms.regions or world.question.region in terms.regions else [because("region-unknown")]),
    ]
    return tuple(found)


def is_current(world: World, terms: Grant) -> bool:
    """Say whether the grant's own end lies ahead."""
    return not periods.over(terms.until, world.question.at)


def _opted_in(world: World, law: Law, customer: str, terms: Grant, sources: list[Declaration]) -> bool:
    """An offer that is named must count itself, for all of the data, and the customer must have taken it up."""
    if not terms.offer:
        return True
    offers = {each.clause.ref for each, _ in law.of(OptInOffer) if within_scope(each.clause, sources)}
    return terms.offer in offers and (customer, terms.offer) in world.opted_in


def _serves_alone(world: World, customer: str) -> bool:
    """The model is known to serve this customer and nobody else; a model that serves nobody yet may serve anybody tomorrow."""
    # survives: a name that no party has serves as well as none
    party = world.customers[customer].party if customer in world.customers else ""
    return bool(party) and world.served == (party,)


def _recipient_covered(world: World, terms: Grant) -> bool:
    """Nobody named: the vendor only. Whoever may receive the data must be covered."""
    if not terms.recipients:
        return set(world.recipients) <= set(world.facts.vendor_parties)
    found = [any(ref in world.belongs_to(recipient) for ref in terms.recipients) for recipient in world.recipients]
    return bool(found) and all(found)


def covering(world: World, law: Law) -> Iterator[tuple[Live, Grant]]:
    """Yield the grants of a family that cover the question's action and purpose and have not run out."""
    question = world.question
    for live, terms in law.of(Grant):
        if grant.covers(terms, question.action, question.purpose) and is_current(world, terms):
            yield live, terms


def reaches(world: World, live: Live, terms: Grant, category: str, declarations: Iterable[str]) -> bool:
    """Say whether a grant covers a category, all of whose data lie within its scope."""
    sources = [world.declarations[ref] for ref in declarations]
    return reading.covers_one(terms.categories, category) and within_scope(live.clause, sources)


def offer(world: World, live: Live, terms: Grant, column: str, masked: bool) -> Offer:
    """Return a grant with those of its safeguards that are not in place on a column, on every path."""
    missing = tuple(needed for needed in terms.safeguards if not is_met(world, needed, column, masked))
    return Offer(live, terms, missing)


def is_met(world: World, needed: Duty, column: str, masked: bool) -> bool:
    """Say whether a requirement is satisfied in every version of D, or by a claim of masking on every path.

    What rests on k or on groups must be measured again once rows are left out.
    """
    if world.rows_change and safeguards.rests_on_rows(needed):
        return False
    if masked and _content_with_a_claim(needed):
        return True
    versions = world.in_place(column)
    return bool(versions) and all(
        any(safeguards.satisfies(found, needed, world.column(column), world.quasi_identifiers) for found in in_place)
        for in_place in versions
    )


def _content_with_a_claim(needed: Duty) -> bool:
    return needed.safeguard == "pseudonymised" and needed.known == "claimed" and not needed.standard


def choose(options: Mapping[tuple[str, str], tuple[Offer, ...]]) -> tuple[Offer, ...]:
    """Choose one offer per (family, category) so that the merged union of missing duties is smallest; ties by content."""
    slots = [_distinct(options[key]) for key in sorted(options)]
    size = 1
    for slot in slots:
        size *= len(slot)
    if size > MOST_CHOICES:
        slots = [(min(slot, key=lambda each: _weight((each,))),) for slot in slots]
    return min(itertools.product(*slots), key=_weight)


def _distinct(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Of offers that lack the same, the first by content stands for all."""
    found: dict[Any, Offer] = {}
    for each in sorted(offers, key=_content):
        found.setdefault((each.missing, each.terms.max_retention_days), each)
    return tuple(found.values())


def _weight(chosen: tuple[Offer, ...]) -> Any:
    merged = safeguards.merge(duty for each in chosen for duty in each.missing)
    return (len(merged), [requirement.sort_key(duty) for duty in merged], [_content(each) for each in chosen])


def _content(each: Offer) -> tuple[str, ...]:
    """A grant by what it says, then by its stable references: never by a row id."""
    return (each.live.clause.body, each.live.document.ref, each.live.clause.ref)
