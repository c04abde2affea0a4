"""The four counts of people (SEMANTICS §5.3): allowed by contract and by consent, by one of them alone, by neither. Pure."""

from collections.abc import Iterable

from governance.policy.answers import Counts
from governance.policy.judging import Judged
from governance.policy.world import World


def count(world: World, customers: Iterable[Judged]) -> Counts:
    """Count over the people registered for the customers in D. Exact only for what the builder made."""
    both = contract = consent = neither = 0
    for judged in customers:
        registered, allowed = _people(world, judged)
        if judged.granted:
            both, contract = both + allowed, contract + registered - allowed
        else:
            consent, neither = consent + allowed, neither + registered - allowed
    return Counts(both, contract, consent, neither, exact=world.facts.built is not None)


def _people(world: World, judged: Judged) -> tuple[int, int]:
    """Registered and allowed people of a customer: per identifier space, by the strictest that its rows ask for."""
    views = world.views_of.get(judged.customer, ())
    registered = allowed = 0
    for space in sorted({view.space for view in views}):
        known = max(view.registered for view in views if view.space == space)
        asked = [(judged.customer, each.space, each.controller, each.need) for each in judged.needs]
        binding = [world.views[key].allowed if key in world.views else 0 for key in asked if key[1] == space]
        registered += known
        allowed += min(binding, default=known)
    return registered, allowed
