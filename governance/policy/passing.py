"""`serve` and `assign`: may a model be offered, or pass, to another party? (SEMANTICS §5). Pure.

Decided for every customer present in the model by party restrictions, ownership, prohibitions and unencoded terms that touch the
action, and open deletions that cover models. One refusal refuses the whole: nobody can be left out of a model.
"""

from collections.abc import Iterable, Iterator

from governance.policy import alike
from governance.policy.alike import Terms
from governance.policy.answers import Reason
from governance.policy.clauses import (
    ModelOwnership,
    PartyRestriction,
    Prohibition,
    UnencodedTerm,
    party_restriction,
    reading,
)
from governance.policy.clauses import unencoded_term as unencoded
from governance.policy.standing import Law, Live, laws, may_concern, within_scope
from governance.policy.world import World


def refusals(world: World, *, one_by_one: bool = False) -> tuple[Reason, ...]:
    """Return everything that speaks against passing the model on; customers of whom the same is said are judged once."""
    families = laws(world)
    found: set[Reason] = set()
    for members in alike.classes(
        Terms(u, (u,)) if one_by_one else alike.terms(world, u, families[u]) for u in families
    ):
        first = members[0]
        said = tuple(_of_customer(world, first.customer, families[first.customer]))
        found.update(said, *(alike.Naming(first, each).reasons(said) for each in members[1:]))
    return tuple(sorted(found))


def _of_customer(world: World, customer: str, families: tuple[Law, ...]) -> Iterator[Reason]:
    yield from _ownership(world, customer, families)
    for duty in world.duties_of.get(customer, ()):
        if duty.covers_models:
            yield Reason("deletion-open", customer, about=duty.ref, count=duty.subjects)
    for gap in world.facts.gaps:
        if gap.customer in ("", customer):
            yield Reason("unreadable-fact", customer, about=gap.what)
    for law in families:
        for live in law.live:
            code = _refusing(world, live)
            if code and (live.term is None or _concerns(world, customer, live)):
                yield Reason(code, customer, "", live.document.ref, live.clause.ref)


def _refusing(world: World, live: Live) -> str:
    """Return the code by which a clause refuses, whatever categories it names; empty when it does not."""
    action = world.question.action
    match live.term:
        case None:
            return "unreadable-fact"
        case Prohibition() as term if reading.touches_one(term.actions, action):
            return "prohibition"
        case UnencodedTerm() as term if unencoded.concerns(term, action):
            return "unencoded-term"
        case PartyRestriction() as term if any(
            party_restriction.touches(term, world.belongs_to(p)) for p in _parties(world)
        ):
            return "party-restriction"
        # survives: no code and none are the same to who asks
        case _:
            return ""


def _parties(world: World) -> Iterable[str]:
    return {party for party in (world.question.recipient, *world.served) if party}


def _concerns(world: World, customer: str, live: Live) -> bool:
    return may_concern(live.clause, [world.declarations[ref] for ref in sorted(world.declarations_of[customer])])


def _ownership(world: World, customer: str, families: tuple[Law, ...]) -> Iterator[Reason]:
    """Unsaid refuses, for any of the customer's data in the model.

    The vendor's own models it may pass on; a customer's, or a joint one, only to it or with its release."""
    said = [
        (live, term) for law in families for live, term in law.of(ModelOwnership) if _concerns(world, customer, live)
    ]
    sources = [world.declarations[ref] for ref in world.declarations_of[customer]]
    if not all(any(within_scope(live.clause, [source]) for live, _ in said) for source in sources):
        yield Reason("model-ownership", customer)
    for live, term in said:
        if term.owner != "vendor" and not _in_circle(world, customer, term) and not world.released_by(customer):
            yield Reason("model-ownership", customer, "", live.document.ref, live.clause.ref)


def _in_circle(world: World, customer: str, term: ModelOwnership) -> bool:
    """The owners themselves are no third party; to assign a joint model to one of them is to take it from the other."""
    party = world.customers[customer].party if customer in world.customers else ""
    owners = {party} | (
        set(world.facts.vendor_parties) if term.owner == "joint" and world.question.action == "serve" else set()
    )
    return bool(party) and world.question.recipient in owners
