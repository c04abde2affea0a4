"""Every customer in D, judged: presence, cells, people, and what cannot be told apart (SEMANTICS §5.1 to §5.4). Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from governance.policy import cells as answers
from governance.policy import exposure, people, presence, safeguards, standing
from governance.policy.answers import ErasureList, PeopleList, Reason, Treatment
from governance.policy.cells import Answer
from governance.policy.exposure import Cell
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


@dataclass(frozen=True)
class Group:
    """Customers who share one outcome: a single one, or all where they cannot be told apart."""

    members: tuple[Judged, ...]
    cells: dict[str, Answer]
    lists: tuple[PeopleList, ...]
    erased: tuple[ErasureList, ...]


def everybody(world: World) -> tuple[Judged, ...]:
    """Judge every customer in D on its own, and the vendor's own data (which has no customer) first where there are any."""
    found: dict[str, dict[str, Cell]] = defaultdict(dict)
    for (customer, column), cell in exposure.cells(world).items():
        found[customer][column] = cell
    own = _own(world, found.get(NOBODY, {}))
    laws = standing.laws(world)
    presences = exposure.presences(world)
    judged = [_judge(world, u, found[u], laws[u], presences.get(u, ()), own) for u in world.present]
    return (own, *judged)


def _own(world: World, cells: dict[str, Cell]) -> Judged:
    """The vendor's own data: no contract, but a basis for what is personal in them."""
    gaps = {column: people.no_basis(world, cell) for column, cell in cells.items()}
    asked = people.outcome(world, NOBODY, [cell for column, cell in cells.items() if not gaps[column]])
    blank = {**asked.blank}
    for column, why in gaps.items():
        if why or asked.nobody:
            blank[column] = (*blank.get(column, ()), *why)
    judged = {column: _blanked(answers.answer(world, cell, ()), blank.get(column)) for column, cell in cells.items()}
    judged |= {column: NOTHING_HERE for column in world.question.columns if column not in judged}
    return Judged(NOBODY, (), judged, asked.lists, asked.erased, asked.reasons)


def _judge(
    world: World,
    customer: str,
    cells: dict[str, Cell],
    laws: tuple[Law, ...],
    presences: tuple[exposure.Presence, ...],
    own: Judged,
) -> Judged:
    asked = people.outcome(world, customer, cells.values())
    judged = {
        column: _cell(world, cells.get(column), laws, asked, own.cells.get(column)) for column in world.question.columns
    }
    out = [*presence.refusals(world, customer, laws, presences)]
    out += [reason for reason in asked.reasons if asked.nobody and reason.code in people.SAID]
    return Judged(
        customer,
        tuple(out),
        judged,
        tuple(sorted({*asked.lists, *own.lists}, key=_list_order)),
        tuple(sorted({*asked.erased, *own.erased}, key=lambda each: (each.space, each.digest))),
        asked.reasons,
        laws,
    )


def _list_order(each: PeopleList) -> tuple[str, ...]:
    return (each.space, each.controller, each.need, each.digest)


def _cell(world: World, cell: Cell | None, laws: tuple[Law, ...], asked: people.Outcome, own: Answer | None) -> Answer:
    """A customer's own cell; where the vendor's data in the same column may not be used, the column is blank for everybody."""
    found = NOTHING_HERE
    if cell is not None:
        found = _blanked(answers.answer(world, cell, laws), asked.blank.get(cell.column))
    return replace(found, treatment=Treatment.BLANK, duties=()) if own and own.treatment is Treatment.BLANK else found


def _blanked(answer: Answer, why: tuple[Reason, ...] | None) -> Answer:
    return (
        answer
        if why is None
        else replace(answer, treatment=Treatment.BLANK, duties=(), reasons=(*answer.reasons, *why))
    )


def unkeyed(world: World) -> tuple[Declaration, ...]:
    """Return the declarations that bring customers to D and whose key D does not have."""
    return tuple(d for d in world.reaching if not world.tenant_columns(d))


def groups(world: World, judged: Iterable[Judged]) -> tuple[Group, ...]:
    """Part customers into those who can be treated on their own; one unkeyed declaration makes everybody share the meet."""
    customers = [each for each in judged if each.customer != NOBODY]
    if not unkeyed(world) or len(customers) == 1:
        return tuple(Group((each,), each.cells, each.lists, each.erased) for each in customers)
    return (_meet(world, customers),) if customers else ()


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
