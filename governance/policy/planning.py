"""From judged groups to the plan (SEMANTICS §5, *Plan*). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.policy import canonical, safeguards
from governance.policy import reasons as reasons_list
from governance.policy.answers import (
    ColumnPlan,
    Duty,
    ErasureList,
    LeftOut,
    PeopleList,
    Plan,
    Reason,
    TenantFilter,
    Treatment,
    TreatmentClass,
    UndertakingNote,
)
from governance.policy.clauses import RetentionLimit, Undertaking, retention_limit, undertaking
from governance.policy.judging import Group, Judged, emptied
from governance.policy.standing import Law, Live, may_concern
from governance.policy.world import World

type Treated = tuple[tuple[ColumnPlan, ...], tuple[PeopleList, ...], tuple[ErasureList, ...]]


@dataclass(frozen=True)
class Sorted:
    """Groups that stay, and members who go with the codes that put them out."""

    staying: tuple[Group, ...]
    left_out: tuple[LeftOut, ...]
    reasons: tuple[Reason, ...]


def sort(world: World, groups: Iterable[Group]) -> Sorted:
    """Leave out whom presence refuses, and classes of which nothing may be used, or nothing that was required."""
    staying: list[Group] = []
    gone: dict[tuple[str, ...], set[str]] = defaultdict(set)
    reasons: list[Reason] = []
    for group in groups:
        why = [reason for member in group.members for reason in member.out]
        empty = emptied(world, group.cells)
        if not why and not empty:
            staying.append(group)
        for member in group.members if why or empty else ():
            reasons += [Reason(code, member.customer, column) for code, column in empty]
            blanks = {
                reason.code
                for cell in member.cells.values()
                for reason in cell.reasons
                if cell.treatment is Treatment.BLANK and speaks_against(reason)
            }
            codes = {reason.code for reason in why} | {code for code, _ in empty} | (blanks if empty else set())
            gone[tuple(sorted(codes))].add(member.customer)
    left_out = tuple(LeftOut(tuple(sorted(customers)), codes) for codes, customers in sorted(gone.items()))
    return Sorted(tuple(staying), left_out, tuple(reasons))


def speaks_against(reason: Reason) -> bool:
    """Say whether a reason refuses, rather than explains a permit or names a duty."""
    return reasons_list.refuses(reason.code) and reason.code not in reasons_list.DUTIES


def changes_rows(groups: Iterable[Group]) -> bool:
    """Say whether treating these groups leaves out rows: people on lists, or groups that are too small."""
    return any(
        group.lists
        or group.erased
        or any(safeguards.rests_on_rows(d) for cell in group.cells.values() for d in cell.duties)
        for group in groups
    )


def plan(world: World, groups: tuple[Group, ...], *, filtered: bool) -> tuple[Plan, dict[str, tuple[str, ...]]]:
    """Return the plan for the groups that stay, and the members of its classes. `filtered`: rows are left out by tenant."""
    by_outcome: dict[Any, list[Group]] = defaultdict(list)
    for group in groups:
        cells = tuple([(cell.treatment, cell.duties) for cell in map(group.cells.__getitem__, world.question.columns)])
        by_outcome[cells, group.lists, group.erased].append(group)
    treated = [(_treated(world, alike[0]), _customers(alike)) for alike in by_outcome.values()]
    ordered = sorted(treated, key=lambda item: canonical.value_bytes(item[0]))
    classes = tuple(_class(number, treated, customers) for number, (treated, customers) in enumerate(ordered, 1))
    # survives: there are as many classes as there are treatments
    members = {each.ref: tuple(sorted(customers)) for each, (_, customers) in zip(classes, ordered, strict=True)}
    needs_tenants = filtered or len(classes) > 1
    filters = _filters(world) if needs_tenants else ()
    columns = {c for f in filters for c in f.columns} | _person_columns(classes)
    judged = [member for group in groups for member in group.members]
    made = Plan(
        columns=world.question.columns,
        classes=classes,
        tenant_filters=filters,
        filter_columns=tuple(sorted(columns)),
        changes_rows=filtered or changes_rows(groups),
        quasi_identifiers=world.quasi_identifiers if _measures_k(classes) else (),
        generalisations=_generalisations(world, classes),
        undertakings=_undertakings(world, {member.customer: member.laws for member in judged}),
        keep_for_days=_keep_for_days(world, groups, judged),
    )
    return made, members


def _person_columns(classes: Iterable[TreatmentClass]) -> set[str]:
    people = {column for each in classes for row in each.people for column in row.columns}
    return people | {column for each in classes for row in each.erased for column in row.columns}


def _customers(groups: Iterable[Group]) -> list[str]:
    return [member.customer for group in groups for member in group.members]


def _treated(world: World, group: Group) -> Treated:
    columns = tuple(ColumnPlan(c, group.cells[c].treatment, group.cells[c].duties) for c in world.question.columns)
    return columns, group.lists, group.erased


def _class(number: int, treated: Treated, customers: list[str]) -> TreatmentClass:
    columns, lists, erased = treated
    return TreatmentClass(
        f"class-{number}", len(customers), canonical.value_digest(sorted(customers)), columns, lists, erased
    )


def _filters(world: World) -> tuple[TenantFilter, ...]:
    found = [
        TenantFilter(d.ref, d.tenant_space or _space(world, d.ref), world.tenant_columns(d)) for d in world.bringing
    ]
    return tuple(each for each in found if each.columns)


def _space(world: World, declaration: str) -> str:
    """The key space in which a column of D names the customer of a source that holds only one."""
    spaces = {i.space for i in world.facts.identities if i.kind == "tenant" and i.declaration == declaration}
    return min(spaces, default="")  # survives: where no space is named, no column is, and the filter falls


def _duties(classes: Iterable[TreatmentClass]) -> Iterable[tuple[str, Duty]]:
    return ((column.column, duty) for each in classes for column in each.columns for duty in column.duties)


def _measures_k(classes: Iterable[TreatmentClass]) -> bool:
    return any(duty.bounds.k is not None for _, duty in _duties(classes))


def _generalisations(world: World, classes: Iterable[TreatmentClass]) -> tuple[tuple[str, str, str], ...]:
    columns = {column for column, duty in _duties(classes) if duty.safeguard == "deidentified"}
    return tuple(sorted((g.column, g.method, g.parameters) for g in world.facts.generalisations if g.column in columns))


def passed_on(world: World, laws: Mapping[str, tuple[Law, ...]]) -> Plan:
    """Return the plan of a model that may be passed on: nothing is built, and what was undertaken travels with it."""
    return Plan((), (), (), (), changes_rows=False, undertakings=_undertakings(world, laws))


def _concerned(world: World, customer: str, live: Live) -> bool:
    return may_concern(live.clause, [world.declarations[ref] for ref in sorted(world.declarations_of[customer])])


def _undertakings(world: World, laws: Mapping[str, tuple[Law, ...]]) -> tuple[UndertakingNote, ...]:
    found = {
        (live.document.ref, live.clause.ref, live.clause.body)
        for customer, families in laws.items()
        for law in families
        for live, term in law.of(Undertaking)
        if undertaking.concerns(term, world.question.action) and _concerned(world, customer, live)
    }
    return tuple(UndertakingNote(*each) for each in sorted(found))


def _keep_for_days(world: World, groups: Iterable[Group], judged: Iterable[Judged]) -> int | None:
    days: list[Any] = [cell.keep_for_days for group in groups for cell in group.cells.values()]
    days += [
        term.days
        for member in judged
        for law in member.laws
        for live, term in law.of(RetentionLimit)
        if retention_limit.concerns(world.question.action) and _concerned(world, member.customer, live)
    ]
    return min((each for each in days if each is not None), default=None)
