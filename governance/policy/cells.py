"""What each family and then the customer answers about a cell (SEMANTICS §3, *Combining*; §5.2). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from consent import vocabulary
from governance.policy import granting, safeguards
from governance.policy.answers import Duty, Reason, Treatment
from governance.policy.clauses import (
    Grant,
    Prohibition,
    TrainingPosition,
    UnencodedTerm,
    prohibition,
    reading,
    training_position,
)
from governance.policy.clauses import unencoded_term as unencoded
from governance.policy.exposure import Cell
from governance.policy.granting import Offer
from governance.policy.standing import Law, Live, may_concern, prevails
from governance.policy.world import NOBODY, World


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a cell by the contracts."""

    treatment: Treatment
    reasons: tuple[Reason, ...]
    duties: tuple[Duty, ...] = ()
    keep_for_days: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What one family says about a cell: refuse, permit (offers per category) or silent."""

    refuses: bool
    offers: dict[str, tuple[Offer, ...]]
    reasons: tuple[Reason, ...]
    missing: frozenset[str]

    @property
    def permits(self) -> bool:
        """All of the column's contract-axis categories are granted, and nothing refuses."""
        return not self.refuses and not self.missing


def answer(world: World, cell: Cell, laws: Iterable[Law]) -> Answer:
    """Return what the customer's contracts say about a cell; anything unknown refuses."""
    if cell.customer == NOBODY:
        # survives: of nobody's data the cell alone is looked at
        return _own_data(world, cell)
    gaps = _gaps(world, cell, laws)
    returned = world.returns_to(cell.customer)
    said = {law.family.ref: _family(world, cell, law) for law in laws}
    refusals = [reason for each in said.values() if each.refuses for reason in _why_refused(each, returned)]
    if gaps or refusals:
        return Answer(Treatment.BLANK, (*gaps, *refusals))
    if returned:
        return Answer(Treatment.KEEP, ())
    permitting = {ref: each for ref, each in said.items() if each.permits and each.offers}
    if not permitting:
        return Answer(Treatment.BLANK, _why_not(world, cell, laws, said.values()))
    return _granted(world, cell, permitting)


def _own_data(world: World, cell: Cell) -> Answer:
    """The vendor's own data need no contract; what people have to say about them is `people`'s business."""
    # survives: of nobody's data the cell alone is looked at
    return Answer(Treatment.BLANK if (gaps := _gaps(world, cell, ())) else Treatment.KEEP, gaps)


def _gaps(world: World, cell: Cell, laws: Iterable[Law]) -> tuple[Reason, ...]:
    customer, column = cell.customer, cell.column
    found = [Reason("uncategorised-column", customer, column, about=source) for source in cell.uncategorised]
    found += [Reason("unreadable-fact", customer, column, about=f"category {key}") for key in cell.unreadable]
    if cell.customer != NOBODY and not _contract_axis(world, cell) and not cell.uncategorised:
        found.append(Reason("uncategorised-column", customer, column))
    for law in laws:
        for live, term in law.of(UnencodedTerm):
            if _unencoded_touches(world, term, live, cell):
                found.append(Reason("unencoded-term", customer, column, live.document.ref, live.clause.ref))
    return tuple(found)


def _unencoded_touches(world: World, term: UnencodedTerm, live: Live, cell: Cell) -> bool:
    if term.categories is None or not unencoded.concerns(term, world.question.action):
        return False
    touched = [key for key in cell.categories if reading.touches_one(term.categories, key)]
    return _concerned(world, live, cell, touched)


def _contract_axis(world: World, cell: Cell) -> tuple[str, ...]:
    return tuple(key for key in cell.categories if vocabulary.is_contract(key, world.own))


def _concerned(world: World, live: Live, cell: Cell, keys: Iterable[str]) -> bool:
    """Say whether some data of these categories may lie within the clause's scope."""
    return any(
        may_concern(live.clause, [world.declarations[ref] for ref in cell.declarations & cell.categories[key]])
        for key in keys
    )


def _touching(world: World, cell: Cell, law: Law) -> list[tuple[Live, frozenset[str]]]:
    """The prohibitions that touch a cell, each with the categories it touches."""
    question = world.question
    found = []
    for live, term in law.of(Prohibition):
        touched = prohibition.touched(term, question.action, question.purpose, cell.categories)
        touched = frozenset(key for key in touched if _concerned(world, live, cell, [key]))
        if touched:
            found.append((live, touched))
    return found


def positions(world: World, law: Law, wanted: str, declarations: Iterable[str]) -> list[Live]:
    """Return the live training positions of a kind that speak about the question and may concern the data."""
    if not training_position.concerns(world.question.action):
        return []
    sources = [world.declarations[ref] for ref in sorted(declarations)]
    return [
        live for live, term in law.of(TrainingPosition) if term.position == wanted and may_concern(live.clause, sources)
    ]


def helps(world: World, document: Live, prohibited: Iterable[Live], category: str) -> bool:
    """Against `prohibited` only grants of the same document help, or of one that prevails over it."""
    mine = document.document
    return all(p.document.ref == mine.ref or prevails(world, mine, p.document, [category]) for p in prohibited)


def _family(world: World, cell: Cell, law: Law) -> Said:
    touching = _touching(world, cell, law)
    prohibited = positions(world, law, "prohibited", cell.declarations)
    offers: dict[str, tuple[Offer, ...]] = {}
    near: list[Reason] = []
    for category in _contract_axis(world, cell):
        for live, terms in granting.covering(world, law):
            sources = sorted(cell.categories[category])
            if not granting.reaches(world, live, terms, category, sources):
                continue
            if not _usable(world, live, touching, prohibited, category):
                continue
            if failing := granting.failing(world, law, cell.customer, live, terms, sources):
                near += [replace(reason, column=cell.column) for reason in failing]
            else:
                found = granting.offer(world, live, terms, cell.column, cell.masked)
                offers[category] = (*offers.get(category, ()), found)
    missing = frozenset(_contract_axis(world, cell)) - set(offers)
    refused = bool(missing) and bool(touching or prohibited)
    return Said(refused, offers, (*_refusals(cell, touching, prohibited), *near), missing)


def _usable(
    world: World, live: Live, touching: list[tuple[Live, frozenset[str]]], prohibited: list[Live], category: str
) -> bool:
    """A grant counts beside a touching prohibition only where its document prevails for every category that one touches."""
    lifted = all(prevails(world, live.document, ban.document, touched) for ban, touched in touching)
    return lifted and helps(world, live, prohibited, category)


def _refusals(cell: Cell, touching: list[tuple[Live, frozenset[str]]], prohibited: list[Live]) -> list[Reason]:
    bans = [("prohibition", live) for live, _ in touching] + [("prohibited-by-contract", live) for live in prohibited]
    return [Reason(code, cell.customer, cell.column, live.document.ref, live.clause.ref) for code, live in bans]


def _why_refused(said: Said, returned: bool) -> tuple[Reason, ...]:
    """Giving data back needs no grant: then only what expressly forbids it refuses."""
    return tuple(r for r in said.reasons if r.code == "prohibition") if returned else said.reasons


def _why_not(world: World, cell: Cell, laws: Iterable[Law], said: Iterable[Said]) -> tuple[Reason, ...]:
    """No family permits: name the silent positions and the grants that nearly apply, else what is not granted."""
    silent = [live for law in laws for live in positions(world, law, "silent", cell.declarations)]
    found = [
        Reason("contract-silent", cell.customer, cell.column, live.document.ref, live.clause.ref) for live in silent
    ]
    found += [
        reason for each in said for reason in each.reasons
    ]  # no bans: a family with one refuses, or permits in spite of it
    if found:
        return tuple(sorted(set(found)))
    action = world.question.action
    granted = any(
        reading.covers_one(terms.actions, action)
        for law in laws
        for _, terms in law.of(Grant)
        if granting.is_current(world, terms)
    )
    code = "not-granted" if granted else "action-not-granted"
    missing = sorted({key for each in said for key in each.missing}) or sorted(_contract_axis(world, cell))
    return tuple(Reason(code, cell.customer, cell.column, about=key) for key in missing)


def _granted(world: World, cell: Cell, permitting: dict[str, Said]) -> Answer:
    options = {(ref, category): offers for ref, said in permitting.items() for category, offers in said.offers.items()}
    chosen = granting.choose(options)
    duties = safeguards.merge(duty for offer in chosen for duty in offer.missing)
    grants = {Reason("granted-by", cell.customer, cell.column, o.live.document.ref, o.live.clause.ref) for o in chosen}
    days = [offer.terms.max_retention_days for offer in chosen if offer.terms.max_retention_days is not None]
    return Answer(
        treatment=Treatment.APPLY if duties else Treatment.KEEP,
        reasons=tuple(sorted(grants)) + _missing(world, cell, duties),
        duties=duties,
        keep_for_days=min(days, default=None),
    )


def _missing(world: World, cell: Cell, duties: Iterable[Duty]) -> tuple[Reason, ...]:
    return tuple(
        Reason(_duty_code(world, cell.column, d), cell.customer, cell.column, about=d.safeguard) for d in duties
    )


def _duty_code(world: World, column: str, duty: Duty) -> str:
    """A k that was measured and fell short has its own name."""
    if duty.bounds.k is None:
        return "safeguard-missing"
    measured = [s for version in world.in_place(column) for s in version if s.bounds.k is not None]
    # survives: a needed k is two at least
    return "k-too-low" if any((s.bounds.k or 0) < duty.bounds.k for s in measured) else "safeguard-missing"
