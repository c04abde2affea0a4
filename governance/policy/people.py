"""Whose consent is asked, and which rows it leaves out (SEMANTICS §3 *People*, §5.3). Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from consent import vocabulary
from governance.policy.answers import ErasureList, PeopleList, Reason
from governance.policy.exposure import Cell
from governance.policy.values import AppliedList, Basis, ConsentView, Declaration, Need
from governance.policy.world import NOBODY, World

STRICTNESS = tuple(Need)  # the strictest first
GROUNDS = {
    "explicit-consent": Need.EXPLICIT,
    "consent": Need.CONSENT,
    "legitimate-interest": Need.NO_OBJECTION,
    "contract": Need.NOTHING,
    "legal-duty": Need.NOTHING,
    "customer-warranty": Need.NOTHING,
}
MAXIMUM_AGE = timedelta(hours=24)  # of an applied allow-list (SEMANTICS §7)
CODES = (
    ("consent-refused", "refused"),
    ("consent-withdrawn", "withdrawn"),
    ("consent-expired", "expired"),
    ("consent-missing", "silent"),
    ("objection", "objected"),
)

SAID = frozenset(code for code, _ in CODES)  # what people said, or did not say

type Key = tuple[str, str]  # identifier space, controller


@dataclass(frozen=True, slots=True)
class Asked:
    """What a customer's people are asked about one column: per (space, controller) how strongly, by which declarations."""

    column: str
    needs: dict[Key, Need]
    declarations: dict[Key, tuple[Declaration, ...]]


@dataclass(frozen=True, slots=True)
class Needed:
    """A consent view that a decision will look for: whoever gathers facts provides it."""

    customer: str
    space: str
    controller: str
    need: Need


@dataclass(frozen=True, slots=True)
class Outcome:
    """What people's say does to a customer: columns to blank, lists to pass, `nobody`: no row of it may pass.

    `needs` is what its rows ask of people, whoever has made sure of it.
    """

    blank: dict[str, tuple[Reason, ...]]
    lists: tuple[PeopleList, ...]
    erased: tuple[ErasureList, ...]
    reasons: tuple[Reason, ...]
    nobody: bool = False
    needs: tuple[Needed, ...] = ()


def strictest(needs: Iterable[Need]) -> Need:
    """Return the strictest of some needs; nothing asked is nothing needed."""
    return min(needs, key=STRICTNESS.index, default=Need.NOTHING)


def needed(world: World, cells: Iterable[Cell]) -> tuple[Needed, ...]:
    """Return the consent views that matter to a question, sorted."""
    by_customer: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_customer[cell.customer].append(cell)
    found: set[tuple[str, str, str, str]] = set()
    for customer, rows in by_customer.items():
        if not world.returns_to(customer):
            asked = [asked_of(world, cell) for cell in rows]
            # What rows need is the strictest of what their cells do, and so among these.
            found |= {(customer, *key, str(need)) for each in asked for key, need in each.needs.items() if key[0]}
    return tuple(Needed(u, space, controller, Need(need)) for u, space, controller, need in sorted(found))


def outcome(world: World, customer: str, wanted: Iterable[Asked]) -> Outcome:
    """Return what the people of a customer, and the bases for using their data, do to its cells, by what is asked of each."""
    if world.returns_to(customer):
        return Outcome({}, (), (), ())
    asked = [each for each in wanted if each.needs]
    blank, reasons = _blanked(world, customer, asked)
    lists: list[PeopleList] = []
    nobody = False
    needs = sorted(_row_needs(asked).items())
    for key, need in needs:
        view = _view(world, customer, key, need)
        columns = _columns(world, [d for each in asked for d in each.declarations.get(key, ())])
        if _is_applied(world, key, need) or not columns or _asks_nobody(need, key, view):
            continue
        if view is None:
            nobody = True
            reasons.append(Reason("consent-missing", customer, about=" ".join(key)))
            continue
        lists.append(PeopleList(*key, need, view.kind, columns, view.count, view.digest, view.position))
        reasons += [*_left_out(customer, view), *_stale(world, customer, "", key)]
        nobody = nobody or (view.kind == "only" and view.count == 0)
    erased, gone, erasures = _erased(world, customer, asked)
    for column, why in gone.items():
        blank[column] = (*blank.get(column, ()), *why)
    return Outcome(
        blank,
        tuple(lists),
        erased,
        tuple(sorted({*reasons, *erasures, *_bases(world, customer, asked)})),
        nobody,
        tuple(Needed(customer, *key, need) for key, need in needs if key[0]),
    )


def asked_of(world: World, cell: Cell) -> Asked:
    """Return the needs of one column: of each category about people by its bases; explicit consent where nobody says what it holds."""
    needs: dict[Key, list[Need]] = defaultdict(list)
    declarations: dict[Key, set[str]] = defaultdict(set)
    for category, refs in _about_people(world, cell).items():
        need = need_of(world, cell.customer, category)
        for ref in refs:
            key = _key(world.declarations[ref])
            needs[key].append(need)
            declarations[key].add(ref)
    return Asked(
        cell.column,
        {key: strictest(found) for key, found in needs.items()},
        {key: tuple(world.declarations[ref] for ref in sorted(refs)) for key, refs in declarations.items()},
    )


def _about_people(world: World, cell: Cell) -> dict[str, frozenset[str]]:
    found = {key: refs for key, refs in cell.categories.items() if vocabulary.is_about_people(key, world.own)}
    if cell.uncategorised or cell.unreadable:
        found["?"] = cell.declarations
    return found


def _key(declaration: Declaration) -> Key:
    return (declaration.subject_space, declaration.controller)


def need_of(world: World, customer: str, category: str) -> Need:
    """Return what the customer's bases ask of people for a category: of the records that touch it the strictest counts.

    A record helps only where it covers what is asked. Special categories need explicit consent whatever the record says, those of
    children a representative's.
    """
    if category == "?":
        return Need.EXPLICIT
    touching = [record for record in world.bases_of.get(customer, ()) if _touches(world, record, category)]
    needs = [GROUNDS.get(record.ground, Need.EXPLICIT) for record in touching]
    if not any(_covers(world, record, category) for record in touching):
        needs.append(Need.CONSENT)
    if vocabulary.is_special(category, world.own):
        needs.append(Need.GUARDED if vocabulary.is_of_children(category) else Need.EXPLICIT)
    return strictest(needs)


def _touches(world: World, record: Basis, category: str) -> bool:
    question = world.question
    return (
        world.counts(record)
        and vocabulary.touches(record.category, category)
        and vocabulary.touches(record.action, question.action)
        and vocabulary.touches(record.purpose, question.purpose)
    )


def _covers(world: World, record: Basis, category: str) -> bool:
    question = world.question
    return (
        record.ground in GROUNDS
        and vocabulary.covers(record.category, category)
        and vocabulary.covers(record.action, question.action)
        and vocabulary.covers(record.purpose, question.purpose)
    )


def _bases(world: World, customer: str, asked: list[Asked]) -> set[Reason]:
    """The records that covered something that was asked."""
    if not asked:
        return set()
    return {
        Reason("basis", customer, about=record.ref)
        for record in world.bases_of.get(customer, ())
        for category in {key for each in asked for key in _categories(world, customer, each.column)}
        if _touches(world, record, category) and _covers(world, record, category)
    }


def _categories(world: World, customer: str, column: str) -> set[str]:
    places = [
        p for o in world.origins_of(column) if customer in world.customers_of(o) for p in world.places_of(o) or ()
    ]
    keys = {key for place in places for key in world.categories.get(place, ())} | world.declared_here(column)
    return {key for key in keys if vocabulary.is_about_people(key, world.own)}


def _row_needs(asked: Iterable[Asked]) -> dict[Key, Need]:
    found: dict[Key, list[Need]] = defaultdict(list)
    for each in asked:
        for key, need in each.needs.items():
            found[key].append(need)
    return {key: strictest(needs) for key, needs in found.items()}


def _blanked(world: World, customer: str, asked: list[Asked]) -> tuple[dict[str, tuple[Reason, ...]], list[Reason]]:
    """Where no person key separates people, personal columns are blank, unless everybody may be used or the list was applied."""
    blank: dict[str, tuple[Reason, ...]] = {}
    reasons: list[Reason] = []
    for each in asked:
        for key, need in sorted(each.needs.items()):
            view = _view(world, customer, key, need)
            if (
                _columns(world, each.declarations[key])
                or _is_applied(world, key, need)
                or _asks_nobody(need, key, view)
            ):
                continue
            why = (
                Reason("not-separable", customer, each.column, about=f"person {key[0]}".strip()),
                *_stale(world, customer, each.column, key),
            )
            blank[each.column] = (*blank.get(each.column, ()), *why)
            reasons += _left_out(customer, view) if view else ()
    return blank, reasons


def _columns(world: World, declarations: Iterable[Declaration]) -> tuple[str, ...]:
    """Return the person columns of D for all of some declarations; none when one of them has none."""
    found = [world.person_columns(declaration) for declaration in declarations]
    return tuple(sorted({column for columns in found for column in columns})) if found and all(found) else ()


def _view(world: World, customer: str, key: Key, need: Need) -> ConsentView | None:
    return world.views.get((customer, *key, need))


def _asks_nobody(need: Need, key: Key, view: ConsentView | None) -> bool:
    """Nothing is needed of people, and no minor stands on the list of exceptions."""
    if need is not Need.NOTHING:
        return False
    return not key[0] or (view is not None and view.kind == "except" and view.count == 0)


def _is_applied(world: World, key: Key, need: Need) -> bool:
    """The product's builder applied this list, or a stricter one, not too long ago, and nobody has gone since."""
    built = world.facts.built
    return built is not None and any(
        (row.space, row.controller) == key
        and STRICTNESS.index(row.need) <= STRICTNESS.index(need)
        and _is_fresh(world, row)
        for row in built.lists
    )


def _is_fresh(world: World, row: AppliedList) -> bool:
    return row.unapplied == 0 and row.applied_at <= world.question.at < row.applied_at + MAXIMUM_AGE


def _stale(world: World, customer: str, column: str, key: Key) -> tuple[Reason, ...]:
    built = world.facts.built
    applied = [row for row in built.lists if (row.space, row.controller) == key] if built else []
    return (
        (Reason("stale", customer, column, about=" ".join(key), count=max(row.unapplied for row in applied)),)
        if applied
        else ()
    )


def _left_out(customer: str, view: ConsentView) -> list[Reason]:
    """Why people of a customer are left out, with their number."""
    only = view.kind == "only"
    found = [
        Reason(code, customer, about=f"{view.space} {view.controller}".strip(), count=count)
        for code, field in CODES
        if (count := getattr(view, field)) and (only or code not in ("consent-missing", "consent-expired"))
    ]
    if only and not found and view.allowed < view.registered:
        found.append(
            Reason(
                "consent-missing",
                customer,
                about=f"{view.space} {view.controller}".strip(),
                count=view.registered - view.allowed,
            )
        )
    return found or ([Reason("consent-missing", customer, about=view.space)] if only and view.count == 0 else [])


def _erased(
    world: World, customer: str, asked: list[Asked]
) -> tuple[tuple[ErasureList, ...], dict[str, tuple[Reason, ...]], list[Reason]]:
    """People whose deletion is due are left out; where nobody can tell them apart, the personal columns are blank: those of
    their space without a key, and those of which nobody says in which space people are identified."""
    lists: dict[str, ErasureList] = {}
    blank: dict[str, tuple[Reason, ...]] = {}
    reasons: list[Reason] = []
    for duty in world.duties_of.get(customer, ()):
        if not duty.subject_space or _erasure_is_applied(world, duty.subject_space):
            continue
        declarations = _of_space(world, customer, duty.subject_space)
        columns = _columns(world, declarations)
        blind = {""} if columns else {"", duty.subject_space}
        touched = [each.column for each in asked if any(space in blind for space, _ in each.needs)]
        if not declarations and not touched:
            continue
        why = Reason("deletion-open", customer, about=duty.ref, count=duty.subjects)
        reasons.append(why)
        if columns:
            lists[duty.subject_space] = ErasureList(duty.subject_space, columns, duty.subjects, duty.digest)
        blank |= {
            column: (*blank.get(column, ()), Reason(why.code, customer, column, about=duty.ref)) for column in touched
        }
    return tuple(lists[space] for space in sorted(lists)), blank, reasons


def _of_space(world: World, customer: str, space: str) -> list[Declaration]:
    found = [world.declarations[ref] for ref in sorted(world.declarations_of.get(customer, ()))]
    return [declaration for declaration in found if space and declaration.subject_space == space]


def _erasure_is_applied(world: World, space: str) -> bool:
    built = world.facts.built
    return built is not None and any(row.space == space and _is_fresh(world, row) for row in built.erased)


def no_basis(world: World, cell: Cell) -> tuple[Reason, ...]:
    """Personal data in no customer's source are a gap, unless the vendor is named as controller and a basis record exists."""
    found = []
    for category, refs in _about_people(world, cell).items():
        vendor = all(world.declarations[ref].controller_is_vendor for ref in refs)
        records = [
            r for r in world.bases_of.get(NOBODY, ()) if _touches(world, r, category) and _covers(world, r, category)
        ]
        if not vendor or not records:
            found.append(Reason("no-basis", column=cell.column, about=category))
    return tuple(found)
