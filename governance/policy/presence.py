"""What leaves all of a customer's rows out (SEMANTICS §5.1). Pure; one rule, one function."""

from collections.abc import Callable, Iterable, Iterator

from consent import vocabulary
from governance.policy import exposure, granting
from governance.policy.answers import Reason
from governance.policy.cells import helps, positions
from governance.policy.clauses import (
    Grant,
    PartyRestriction,
    Prohibition,
    UnencodedTerm,
    party_restriction,
    prohibition,
    reading,
)
from governance.policy.clauses import unencoded_term as unencoded
from governance.policy.exposure import Presence
from governance.policy.standing import Law, Live, may_concern, prevails
from governance.policy.values import Declaration
from governance.policy.world import World

ANY_DATA = "customer"  # the root of the contract axis

type Rule = Callable[[World, str, tuple[Law, ...], tuple[Presence, ...]], Iterable[Reason]]


def refusals(world: World, customer: str, laws: tuple[Law, ...], presences: tuple[Presence, ...]) -> tuple[Reason, ...]:
    """Return every reason that leaves the customer's rows out."""
    return tuple(sorted({reason for rule in RULES for reason in rule(world, customer, laws, presences)}))


def _contract(world: World, customer: str, laws: tuple[Law, ...], _: object) -> Iterator[Reason]:
    """Without a contract that counts nothing of the customer is used; what is its own it gets back all the same."""
    if not any(law.runs for law in laws) and not world.returns_to(customer):
        yield Reason("contract-ended" if laws else "no-contract", customer)


def _deletion(world: World, customer: str, laws: object, _: object) -> Iterator[Reason]:
    """A deletion of the customer, open or only proposed; a single person's is `people`'s business."""
    if world.returns_to(customer):
        return
    for duty in world.duties_of.get(customer, ()):
        if not duty.subject_space:
            yield Reason("deletion-open", customer, about=duty.ref)


def _parties(world: World, customer: str, laws: tuple[Law, ...], _: object) -> Iterator[Reason]:
    parties = sorted({*world.recipients, *world.served})
    for law in laws:
        for live, term in law.of(PartyRestriction):
            for party in parties:
                if party_restriction.touches(term, world.belongs_to(party)) and _may_concern(world, customer, live):
                    yield Reason("party-restriction", customer, "", live.document.ref, live.clause.ref, party)


def _unencoded(world: World, customer: str, laws: tuple[Law, ...], _: object) -> Iterator[Reason]:
    for law in laws:
        for live, term in law.of(UnencodedTerm):
            if (
                term.categories is None
                and unencoded.concerns(term, world.question.action)
                and _may_concern(world, customer, live)
            ):
                yield _clause_reason("unencoded-term", customer, live)


def _unreadable(world: World, customer: str, laws: tuple[Law, ...], _: object) -> Iterator[Reason]:
    for law in laws:
        for live in law.live:
            if live.term is None:
                yield _clause_reason("unreadable-fact", customer, live)
    for gap in world.facts.gaps:
        if gap.customer in ("", customer):
            yield Reason("unreadable-fact", customer, about=gap.what)


def _touched(world: World, customer: str, laws: tuple[Law, ...], presences: tuple[Presence, ...]) -> Iterator[Reason]:
    """A prohibition, or a term that nobody encoded, that touches the categories of a column through which the customer is present."""
    for presence in presences:
        for law in laws:
            bans = _bans(world, law, presence)
            if bans and not _lifted(world, law, customer, presence, bans):
                yield from (_clause_reason("prohibition", customer, live, exposure.name(presence)) for live, _ in bans)
            for live, term in law.of(UnencodedTerm):
                if _unencoded_touches(world, term, live, presence):
                    yield _clause_reason("unencoded-term", customer, live, exposure.name(presence))


def _uncategorised(world: World, customer: str, laws: object, presences: tuple[Presence, ...]) -> Iterator[Reason]:
    for presence in presences:
        if exposure.needs_category(world, presence):
            yield Reason("uncategorised-column", customer, about=exposure.name(presence))


def _strange(world: World, customer: str, laws: object, presences: tuple[Presence, ...]) -> Iterator[Reason]:
    """Who knows what a category that is in no tree would have touched."""
    for key in sorted({key for presence in presences for key in presence.categories}):
        if not vocabulary.is_category(key, world.own):
            yield Reason("unreadable-fact", customer, about=f"category {key}")


def _granted(world: World, customer: str, laws: tuple[Law, ...], presences: tuple[Presence, ...]) -> Iterator[Reason]:
    """Presence needs some applicable grant for action and purpose, and no family in which training is prohibited without one."""
    if world.returns_to(customer):
        return
    for presence in presences:
        helped = [law for law in laws if _some_grant(world, law, customer, presence.declaration)]
        prohibiting = [
            (law, p) for law in laws for p in positions(world, law, "prohibited", [presence.declaration.ref])
        ]
        if not helped:
            yield Reason("presence-not-granted", customer, about=exposure.name(presence))
        for law, live in prohibiting:
            if law not in helped:
                yield _clause_reason("presence-not-granted", customer, live, exposure.name(presence))


def _some_grant(world: World, law: Law, customer: str, declaration: Declaration) -> bool:
    return any(True for _ in _grants(world, law, customer, declaration))


def _grants(world: World, law: Law, customer: str, declaration: Declaration) -> Iterator[tuple[Live, Grant]]:
    """Applicable grants of a family, for data of a declaration, that help where training is prohibited."""
    prohibited = positions(world, law, "prohibited", [declaration.ref])
    for live, terms in granting.covering(world, law):
        reached = [key for key in terms.categories if granting.reaches(world, live, terms, key, [declaration.ref])]
        if any(helps(world, live, prohibited, key) for key in reached) and not granting.failing(
            world, law, customer, live, terms, [declaration.ref]
        ):
            yield live, terms


def _bans(world: World, law: Law, presence: Presence) -> list[tuple[Live, frozenset[str]]]:
    question = world.question
    found = []
    for live, term in law.of(Prohibition):
        about = [*presence.categories, *_unsaid(world, presence, term.categories)]
        touched = prohibition.touched(term, question.action, question.purpose, about)
        if touched and may_concern(live.clause, [presence.declaration]):
            found.append((live, touched))
    return found


def _unsaid(world: World, presence: Presence, categories: tuple[str, ...]) -> tuple[str, ...]:
    """A key column needs no category; what speaks of all the customer's data speaks of it all the same."""
    said = any(vocabulary.is_contract(key, world.own) for key in presence.categories)
    return () if said or not reading.covers_one(categories, ANY_DATA) else (ANY_DATA,)


def _lifted(world: World, law: Law, customer: str, presence: Presence, bans: list[tuple[Live, frozenset[str]]]) -> bool:
    """Some applicable grant stands in a document that prevails over every one of the bans for all they touch."""
    return any(
        all(prevails(world, live.document, ban.document, touched) for ban, touched in bans)
        for live, _ in _grants(world, law, customer, presence.declaration)
    )


def _unencoded_touches(world: World, term: UnencodedTerm, live: Live, presence: Presence) -> bool:
    if term.categories is None or not unencoded.concerns(term, world.question.action):
        return False
    about = [*presence.categories, *_unsaid(world, presence, term.categories)]
    touched = any(reading.touches_one(term.categories, key) for key in about)
    return touched and may_concern(live.clause, [presence.declaration])


def _may_concern(world: World, customer: str, live: Live) -> bool:
    return may_concern(live.clause, [world.declarations[ref] for ref in sorted(world.declarations_of[customer])])


def _clause_reason(code: str, customer: str, live: Live, about: str = "") -> Reason:
    return Reason(code, customer, "", live.document.ref, live.clause.ref, about)


RULES: tuple[Rule, ...] = (
    _contract, _deletion, _parties, _unencoded, _unreadable, _touched, _uncategorised, _strange, _granted,
)  # fmt: skip
