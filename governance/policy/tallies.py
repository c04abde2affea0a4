"""The four counts of people (SEMANTICS §5.3): allowed by contract and by consent, by one of them alone, by neither. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from governance.policy.answers import Counts
from governance.policy.judging import Group, Judged
from governance.policy.people import SAID, STRICTNESS
from governance.policy.values import ConsentView
from governance.policy.world import World


def count(world: World, customers: Iterable[Judged], staying: Iterable[Group]) -> Counts:
    """Count over the people registered for the customers in D. Exact only for what the builder made."""
    included = {member.customer for group in staying for member in group.members}
    both = contract = consent = neither = 0
    for judged in customers:
        registered, allowed = _people(world, judged)
        if judged.customer in included or _left_out_for_consent(judged):
            both, contract = both + allowed, contract + registered - allowed
        else:
            consent, neither = consent + allowed, neither + registered - allowed
    return Counts(both, contract, consent, neither, exact=world.facts.built is not None)


def _left_out_for_consent(judged: Judged) -> bool:
    return bool(judged.out) and all(reason.code in SAID for reason in judged.out)


def _people(world: World, judged: Judged) -> tuple[int, int]:
    """Registered and allowed people of a customer: per identifier space, by the strictest list that its rows must pass."""
    by_space: dict[str, list[ConsentView]] = defaultdict(list)
    for view in world.views_of.get(judged.customer, ()):
        by_space[view.space].append(view)
    asked = {(row.space, row.controller, row.need) for row in judged.lists}
    registered = allowed = 0
    for space in sorted(by_space):
        views = sorted(by_space[space], key=lambda view: (STRICTNESS.index(view.need), view.controller))
        binding = [view for view in views if (view.space, view.controller, view.need) in asked]
        known = max(view.registered for view in views)
        registered += known
        allowed += min((view.allowed for view in binding), default=known)
    return registered, allowed
