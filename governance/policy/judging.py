"""Every customer in D, judged: presence, cells, people, and what cannot be told apart (SEMANTICS §5.1 to §5.4). Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from governance.policy import alike, exposure, people, presence, safeguards, standing
from governance.policy import cells as answers
from governance.policy.alike import Naming, Terms
from governance.policy.answers import ErasureList, PeopleList, Reason, Treatment
from governance.policy.cells import Answer
from governance.policy.memory import Look, Memory
from governance.policy.people import Asked
from governance.policy.standing import Law
from governance.policy.values import Declaration
from governance.policy.world import NOBODY, World

NOTHING_HERE = Answer(Treatment.NONE, ())


@dataclass(frozen=True)
class Judged:
    """What is said of one customer. `out` leaves its rows out altogether; `reasons` are those beside the cells'."""

    customer: str
    out: tuple[Reason, ...]
    cells: dict[str, Answer]
    lists: tuple[PeopleList, ...]
    erased: tuple[ErasureList, ...]
    reasons: tuple[Reason, ...]
    laws: tuple[Law, ...] = ()
    granted: bool = False  # its contracts alone would let it in
    needs: tuple[people.Needed, ...] = ()


@dataclass(frozen=True)
class Group:
    """Customers who share one outcome: a single one, or all where they cannot be told apart."""

    members: tuple[Judged, ...]
    cells: dict[str, Answer]
    lists: tuple[PeopleList, ...]
    erased: tuple[ErasureList, ...]


def everybody(world: World, *, one_by_one: bool = False, memory: Memory | None = None) -> tuple[Judged, ...]:
    """Judge the vendor's own data (which has no customer), then every customer in D, sorted.

    Of customers of whom the same is said one is judged and the others take its answer; `one_by_one` judges each on its own, slowly.
    With a `memory` only those are judged of whom something else is said than before.
    """
    look = (memory or Memory()).look(world)
    if look.judged(NOBODY) not in look.found:
        look.found[look.judged(NOBODY)] = _own(world)
    own = look.found[look.judged(NOBODY)]
    new = [customer for customer in world.present if look.judged(customer) not in look.found]
    for each in _customers(world, new, own, look, one_by_one=one_by_one):
        look.found[look.judged(each.customer)] = each
    return (own, *(look.found[look.judged(customer)] for customer in world.present))


def _customers(world: World, customers: list[str], own: Judged, look: Look, *, one_by_one: bool) -> Iterator[Judged]:
    on_file = _on_file(world, customers, look, one_by_one=one_by_one)
    classes = alike.classes(terms for terms, _ in on_file.values())
    laws = {customer: laws for customer, (_, laws) in on_file.items()}
    firsts = [members[0].customer for members in classes]
    unseen = [first for first in firsts if look.presence(first) not in look.found]
    presences = exposure.presences(world, unseen) if unseen else {}
    for members in classes:
        first = members[0].customer
        said = _contracts(world, first, laws[first], presences.get(first, ()), look)
        yield from _with_people(world, members, said, laws, own)


def _on_file(
    world: World, customers: list[str], look: Look, *, one_by_one: bool
) -> dict[str, tuple[Terms, tuple[Law, ...]]]:
    new = [customer for customer in customers if look.law(customer) not in look.found]
    for customer, laws in standing.laws(world, new).items() if new else ():
        terms = Terms(customer, (customer,)) if one_by_one else alike.terms(world, customer, laws)
        look.found[look.law(customer)] = terms, laws
    return {customer: look.found[look.law(customer)] for customer in customers}


def _own(world: World) -> Judged:
    """The vendor's own data: no contract, but a basis for what is personal in them."""
    cells = {column: cell for (_, column), cell in exposure.cells(world, {NOBODY}).items()}
    gaps = {column: people.no_basis(world, cell) for column, cell in cells.items()}
    asked = people.outcome(
        world, NOBODY, [people.asked_of(world, cell) for column, cell in cells.items() if not gaps[column]]
    )
    blank = {**asked.blank}
    for column, why in gaps.items():
        if why or asked.nobody:
            blank[column] = (*blank.get(column, ()), *why)
    # survives: the vendor's own data are judged by their cells alone
    judged = {column: _blanked(answers.answer(world, cell, ()), blank.get(column)) for column, cell in cells.items()}
    judged |= {column: NOTHING_HERE for column in world.question.columns if column not in judged}
    return Judged(NOBODY, (), judged, asked.lists, asked.erased, asked.reasons)


@dataclass(frozen=True, slots=True)
class Said:
    """What contracts say of a customer, cell by cell and of its rows, and what its people are asked about each cell."""

    asked: tuple[Asked, ...]
    answers: dict[str, Answer]
    out: tuple[Reason, ...]


def _contracts(
    world: World, customer: str, laws: tuple[Law, ...], presences: tuple[exposure.Presence, ...], look: Look
) -> Said:
    found = look.found
    keys = look.cells(customer)
    for column, key in keys.items():
        if key not in found:
            cell = exposure.cell(world, customer, column)
            found[key] = (people.asked_of(world, cell), answers.answer(world, cell, laws)) if cell else None
    if look.presence(customer) not in found:
        found[look.presence(customer)] = presence.refusals(world, customer, laws, presences)
    said = [(column, pair) for column, key in keys.items() if (pair := found[key])]
    return Said(
        tuple([asked for _, (asked, _) in said]),
        {column: answer for column, (_, answer) in said},
        found[look.presence(customer)],
    )


def _with_people(
    world: World, members: tuple[Terms, ...], said: Said, laws: Mapping[str, tuple[Law, ...]], own: Judged
) -> Iterator[Judged]:
    """Judge what people have to say, once for customers whose people said the same, and carry all of it to each customer."""
    heard: dict[object, tuple[Terms, Judged]] = {}
    for each in members:
        views = alike.views(world.views_of.get(each.customer, ()))
        if views not in heard:
            # survives: to carry something to whom it was said of only takes time
            mine = said if each is members[0] else _carried(said, alike.Naming(members[0], each))
            heard[views] = each, _judge(world, each.customer, mine, laws[each.customer], own)
        first, judged = heard[views]
        yield judged if first is each else carried(judged, alike.Naming(first, each), laws[each.customer])


def _carried(said: Said, naming: Naming) -> Said:
    return Said(said.asked, _answers(said.answers, naming), naming.reasons(said.out))


def _answers(found: Mapping[str, Answer], naming: Naming) -> dict[str, Answer]:
    return {
        column: Answer(each.treatment, naming.reasons(each.reasons), each.duties, each.keep_for_days)
        for column, each in found.items()
    }


def carried(judged: Judged, naming: Naming, laws: tuple[Law, ...]) -> Judged:
    """Return what was judged of one customer as it stands for another of whom the same is said."""
    return Judged(
        naming.customer,
        naming.reasons(judged.out),
        _answers(judged.cells, naming),
        judged.lists,
        judged.erased,
        naming.reasons(judged.reasons),
        laws,
        judged.granted,
        tuple(replace(need, customer=naming.customer) for need in judged.needs),
    )


def _judge(world: World, customer: str, said: Said, laws: tuple[Law, ...], own: Judged) -> Judged:
    asked = people.outcome(world, customer, said.asked)
    by_contract = {column: said.answers.get(column, NOTHING_HERE) for column in world.question.columns}
    judged = {c: _cell(each, asked.blank.get(c), own.cells.get(c)) for c, each in by_contract.items()}
    out = [reason for reason in asked.reasons if asked.nobody and reason.code in people.SAID]
    return Judged(
        customer,
        (*said.out, *out),
        judged,
        tuple(sorted({*asked.lists, *own.lists}, key=_list_order)),
        tuple(sorted({*asked.erased, *own.erased}, key=lambda each: (each.space, each.digest))),
        asked.reasons,
        laws,
        not said.out and not emptied(world, by_contract),
        asked.needs,
    )


def _list_order(each: PeopleList) -> tuple[str, ...]:
    return (each.space, each.controller, each.need, each.digest)


def _cell(said: Answer, why: tuple[Reason, ...] | None, own: Answer | None) -> Answer:
    """A customer's own cell; where the vendor's data in the same column may not be used, the column is blank for everybody."""
    found = _blanked(said, why)
    return _blanked(found, ()) if own and own.treatment is Treatment.BLANK else found


def _blanked(answer: Answer, why: tuple[Reason, ...] | None) -> Answer:
    return answer if why is None else Answer(Treatment.BLANK, (*answer.reasons, *why))


def emptied(world: World, cells: Mapping[str, Answer]) -> list[tuple[str, str]]:
    """Return why nothing is left of these cells: nothing is kept and something blank, or a required column is blank."""
    kinds = {cell.treatment for cell in cells.values()}
    found = [("required-column", c) for c in world.question.required if cells[c].treatment is Treatment.BLANK]
    if Treatment.BLANK in kinds and not kinds & {Treatment.KEEP, Treatment.APPLY}:
        found.append(("all-blank", ""))
    return found


def unkeyed(world: World) -> tuple[Declaration, ...]:
    """Return the declarations that bring customers to D and whose key D does not have."""
    return tuple(d for d in world.reaching if not world.tenant_columns(d))


def groups(world: World, judged: Iterable[Judged]) -> tuple[Group, ...]:
    """Part customers into those who can be treated on their own; one unkeyed declaration makes everybody share the meet."""
    customers = [each for each in judged if each.customer != NOBODY]
    if not unkeyed(world) or len(customers) == 1:
        return tuple(Group((each,), each.cells, each.lists, each.erased) for each in customers)
    return (_meet(world, customers),) if customers else ()  # survives: what has no key brings somebody


def _meet(world: World, customers: list[Judged]) -> Group:
    shared = {column: _meet_of([each.cells[column] for each in customers]) for column in world.question.columns}
    members = [replace(each, cells={c: _taken(each, c, shared[c]) for c in shared}) for each in customers]
    return Group(
        tuple(members),
        shared,
        tuple(sorted({row for each in customers for row in each.lists}, key=_list_order)),
        tuple(sorted({row for each in customers for row in each.erased}, key=lambda row: (row.space, row.digest))),
    )


def _meet_of(cells: list[Answer]) -> Answer:
    """Blank for one is blank for all; duties add up."""
    duties = safeguards.merge(duty for cell in cells for duty in cell.duties)
    days = [cell.keep_for_days for cell in cells if cell.keep_for_days is not None]
    kinds = {cell.treatment for cell in cells}
    if Treatment.BLANK in kinds:
        return Answer(Treatment.BLANK, ())
    if kinds == {Treatment.NONE}:
        return NOTHING_HERE
    return Answer(Treatment.APPLY if duties else Treatment.KEEP, (), duties, min(days, default=None))


def _taken(each: Judged, column: str, shared: Answer) -> Answer:
    """A member's cell after the meet; `not-separable` is a reason where the meet took something from it."""
    mine = each.cells[column]
    if mine.treatment in (Treatment.NONE, Treatment.BLANK) or (mine.treatment, mine.duties) == (
        shared.treatment,
        shared.duties,
    ):
        return mine
    return replace(mine, reasons=(*mine.reasons, Reason("not-separable", each.customer, column)))
