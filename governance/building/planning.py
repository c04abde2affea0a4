"""A plan, read as a recipe: which key values belong to which class, what becomes of each column, which lists of people apply."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from governance.building import planes
from governance.building.recipes import (
    Band,
    Blank,
    Class,
    Keep,
    Key,
    People,
    Prefix,
    Pseudonym,
    Recipe,
    Treatment,
    Truncate,
    Unit,
)
from governance.parties.models import TenantKey
from governance.policy import answers, canonical, values
from governance.releases import people
from lineage import errors

UNITS: dict[str, Unit] = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week",
    "day": "day",
    "hour": "hour",
}
DONE_BY_BUILDER = ("pseudonymised", "deidentified")


class CannotBuild(errors.Unprocessable):
    """The plan needs something that the builder cannot do as it stands."""

    code = "cannot-build"


@dataclass(frozen=True, order=True)
class ListKey:
    """What identifies a list of people: who consented to what `controller` does, or (`need` empty) whose deletion is due.

    `named` is the controller as the declaration names it: empty where each customer is its own.
    """

    space: str
    controller: str = ""
    need: str = ""
    named: str = ""


@dataclass(frozen=True)
class Planned:
    """A recipe with the lists and identifier spaces that its numbers stand for, and what must be measured afterwards."""

    recipe: Recipe
    lists: tuple[ListKey, ...]
    spaces: tuple[str, ...]
    quasi_identifiers: tuple[str, ...]
    pseudonymised: tuple[str, ...]
    deidentified: tuple[str, ...]


def plan(decision: answers.Decision, facts: values.Facts, *, at: datetime, known: datetime) -> Planned:
    """Return how to build a decision's plan; raises `CannotBuild`, or `planes.BadName` where the dataset is no table."""
    found = decision.plan
    if found is None:
        raise CannotBuild("there is no plan to build", where="verdict")
    table = planes.table(facts.dataset.name)
    outsiders = _outsiders(facts, decision)
    lists = sorted({*_lists(found, decision.members), *(key for keys in outsiders for key, _ in keys)})
    spaces = sorted({key.space for key in lists})
    numbers = _Numbers(lists, spaces)
    treatments = _treatments(found)
    quasi = tuple(
        sorted({*found.quasi_identifiers, *(name for duty in _duties(found) for name in duty.quasi_identifiers)})
    )
    classes = {customer: n for n, each in enumerate(found.classes) for customer in decision.members[each.ref]}
    classes |= {customer: len(found.classes) + n for n, mine in enumerate(outsiders.values()) for customer in mine}
    recipe = Recipe(
        schema=table.schema,
        table=table.name,
        columns=found.columns,
        classes=(
            *(_class(n, each, decision.members[each.ref], treatments, numbers) for n, each in enumerate(found.classes)),
            *(_outside(len(found.classes) + n, keys, numbers) for n, keys in enumerate(outsiders)),
        ),
        keys=_keys(classes, found, at=at, known=known),
        quasi_identifiers=tuple(name for name in quasi if name in found.columns),
        k=max((duty.bounds.k for duty in _duties(found) if duty.bounds.k is not None), default=None),
        undone=tuple(sorted({_undone(duty) for duty in _duties(found) if not _can_do(duty)})),
    )
    if len(found.classes) > 1 and not recipe.keys:
        raise CannotBuild(
            "customers are treated differently, but no key column tells them apart", where="tenant_filters"
        )
    return Planned(
        recipe, tuple(lists), tuple(spaces), quasi, _needing(found, "pseudonymised"), _needing(found, "deidentified")
    )


@dataclass(frozen=True)
class _Numbers:
    """The numbers by which the SQL knows lists and spaces."""

    lists: list[ListKey]
    spaces: list[str]

    def people(self, column: str, key: ListKey, kind: str) -> People:
        return People(column, self.spaces.index(key.space), self.lists.index(key), _kind(kind))


type _Listed = tuple[tuple[ListKey, tuple[str, ...]], ...]


def _outsiders(facts: values.Facts, decision: answers.Decision) -> dict[_Listed, list[str]]:
    """Customers who are left out, by the lists that their people would have to pass: for the counts, as consent alone allows."""
    if decision.plan is None or not decision.plan.tenant_filters:
        return {}
    inside = {customer for members in decision.members.values() for customer in members}
    found: dict[_Listed, list[str]] = {}
    for customer in sorted({row.ref for row in facts.customers} - inside):
        found.setdefault(_would_pass(facts, customer), []).append(customer)
    return found


def _would_pass(facts: values.Facts, customer: str) -> _Listed:
    """The strictest list of each (space, controller) of a customer, with the person columns of D in that space."""
    strictest: dict[tuple[str, str], values.Need] = {}
    for view in facts.consents:
        if view.customer == customer:
            key = (view.space, view.controller)
            strictest[key] = people.strictest([view.need, *([strictest[key]] if key in strictest else [])])
    return tuple(
        (ListKey(space, people.speaks_to(named, customer), str(need), named), columns)
        for (space, named), need in sorted(strictest.items())
        if (columns := tuple(sorted({i.column for i in facts.identities if i.kind == "person" and i.space == space})))
    )


def _outside(number: int, listed: _Listed, numbers: _Numbers) -> Class:
    rows = tuple(numbers.people(column, key, _kind_of(key)) for key, columns in listed for column in columns)
    return Class(number, {}, rows, included=False)


def _kind_of(key: ListKey) -> str:
    return "only" if key.need in ("consent", "explicit", "guarded") else "except"


def _duties(found: answers.Plan) -> list[answers.Duty]:
    return [duty for each in found.classes for column in each.columns for duty in column.duties]


def _needing(found: answers.Plan, safeguard: str) -> tuple[str, ...]:
    pairs = [
        (column.column, duty.safeguard) for each in found.classes for column in each.columns for duty in column.duties
    ]
    return tuple(sorted({column for column, needed in pairs if needed == safeguard}))


def _lists(found: answers.Plan, members: Mapping[str, tuple[str, ...]]) -> list[ListKey]:
    keys = {_key(one, members[c.ref]) for c in found.classes for one in c.people}
    return sorted(keys | {ListKey(each.space) for c in found.classes for each in c.erased})


def _key(one: answers.PeopleList, customers: tuple[str, ...]) -> ListKey:
    """Customers of one class have equal lists, so the first speaks for all where each is its own controller."""
    return ListKey(
        one.space, people.speaks_to(one.controller, customers[0] if customers else ""), str(one.need), one.controller
    )


def _class(
    number: int,
    each: answers.TreatmentClass,
    customers: tuple[str, ...],
    treatments: Mapping[str, Treatment],
    numbers: _Numbers,
) -> Class:
    listed = [numbers.people(column, _key(one, customers), one.kind) for one in each.people for column in one.columns]
    listed += [numbers.people(column, ListKey(one.space), "except") for one in each.erased for column in one.columns]
    columns = {
        column.column: Blank() if column.treatment is answers.Treatment.BLANK else treatments.get(column.column, Keep())
        for column in each.columns
    }
    return Class(number, columns, tuple(listed))


def _treatments(found: answers.Plan) -> dict[str, Treatment]:
    """The treatment of a column for everybody whose column is not blank: a safeguard belongs to a version, not to some of its rows."""
    by_column: dict[str, list[answers.Duty]] = {}
    for each in found.classes:
        for column in each.columns:
            by_column.setdefault(column.column, []).extend(column.duties)
    return {name: _treatment(name, duties, found) for name, duties in by_column.items()}


def _treatment(name: str, duties: Iterable[answers.Duty], found: answers.Plan) -> Treatment:
    needed = {duty.safeguard for duty in duties}
    if "deidentified" in needed:
        return _generalised(name, found)
    return Pseudonym() if "pseudonymised" in needed else Keep()


def _generalised(name: str, found: answers.Plan) -> Treatment:
    """As declared for the column; blank where nobody declared anything, or what was declared cannot be read."""
    declared = [(method, parameters) for column, method, parameters in found.generalisations if column == name]
    if len(declared) != 1:
        return Blank()
    method, parameters = declared[0][0], canonical.mapping(declared[0][1])
    match method, parameters:
        case "bands", {"width": int(width)} if width > 0:
            return Band(str(width))
        case "truncate", {"length": int(length)} if length >= 0:
            return Prefix(length)
        case "truncate", {"unit": str(unit)} if unit in UNITS:
            return Truncate(UNITS[unit])
        case _:
            return Blank()


def _keys(classes: Mapping[str, int], found: answers.Plan, *, at: datetime, known: datetime) -> tuple[Key, ...]:
    spaces: dict[str, set[str]] = {}
    for each in found.tenant_filters:
        for column in each.columns:
            spaces.setdefault(column, set()).add(each.space)
    return tuple(
        Key(column, _values(sorted(mine), classes, at=at, known=known)) for column, mine in sorted(spaces.items())
    )


def _values(spaces: Iterable[str], classes: Mapping[str, int], *, at: datetime, known: datetime) -> dict[str, int]:
    """Key value -> class. A value that means (or ever meant) customers of different fates says nothing, so its rows are of nobody."""
    meant: dict[str, set[int | None]] = {}
    for space in spaces:
        for value, customers in customers_by_key(space, at=at, known=known).items():
            meant.setdefault(value, set()).update(classes.get(customer) for customer in customers)
    found = {value: next(iter(fates)) for value, fates in sorted(meant.items()) if len(fates) == 1}
    return {value: number for value, number in found.items() if number is not None}


def customers_by_key(space: str, *, at: datetime, known: datetime) -> dict[str, frozenset[str]]:
    """Return the customers behind each key value of a space; keys that ended still say whose the old rows are."""
    if not space:
        raise CannotBuild(
            "a key column is declared in no tenant-key space", remedy="declare the space of the key column"
        )
    meant: dict[str, set[str]] = {}
    rows = TenantKey.objects.filter(space__key=space, recorded_at__lte=known, valid_from__lte=at)
    for value, customer in rows.values_list("value", "customer__ref"):
        meant.setdefault(value, set()).add(customer)
    return {value: frozenset(customers) for value, customers in sorted(meant.items())}


def _can_do(duty: answers.Duty) -> bool:
    return duty.safeguard in DONE_BY_BUILDER and not duty.standard


def _undone(duty: answers.Duty) -> str:
    return f"{duty.safeguard} ({duty.standard})" if duty.standard else duty.safeguard


def _kind(text: str) -> Literal["only", "except"]:
    match text:
        case "only" | "except":
            return text
        case _:
            raise CannotBuild(f"a list of people of the unknown kind {text!r}")
