"""Cells and presence (SEMANTICS §4): what of whom is in D, from the origins that lineage gives. Pure."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from consent import vocabulary
from governance.policy.values import Declaration, Origin
from governance.policy.world import NOBODY, Place, World, is_content, is_presence


@dataclass(frozen=True, slots=True)
class Cell:
    """What one column holds of one customer.

    `categories` says by which declarations each category (of both axes) reaches the column. `uncategorised` names source columns
    that bear no category of the contract axis, `unreadable` categories that are in no tree. `masked`: every path claims masking.
    """

    customer: str
    column: str
    categories: dict[str, frozenset[str]]
    declarations: frozenset[str]
    uncategorised: tuple[str, ...]
    unreadable: tuple[str, ...]
    masked: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """A source column that decides which of a customer's rows are here. `place` None: the source's columns are unknown."""

    customer: str
    origin: Origin
    place: Place | None
    categories: frozenset[str]
    declaration: Declaration


def cells(world: World, customers: Collection[str] | None = None) -> dict[tuple[str, str], Cell]:
    """Return the cells of the columns asked for, by (customer, column); customers whom a column holds nothing of are left out.

    `customers`: only of these.
    """
    found: dict[tuple[str, str], list[Origin]] = defaultdict(list)
    for column in world.question.columns:
        for origin in filter(is_content, world.origins_of(column)):
            for customer in _among(world.customers_of(origin), customers):
                found[customer, column].append(origin)
    return {key: _cell(world, *key, origins) for key, origins in sorted(found.items())}


def cell(world: World, customer: str, column: str) -> Cell | None:
    """Return one cell of a column asked for; None where the column holds nothing of the customer."""
    found = [o for o in filter(is_content, world.origins_of(column)) if customer in world.customers_of(o)]
    return _cell(world, customer, column, found) if found else None


def _cell(world: World, customer: str, column: str, origins: list[Origin]) -> Cell:
    declarations = frozenset(origin.declaration for origin in origins)
    categories: dict[str, set[str]] = {key: set(declarations) for key in world.declared_here(column)}
    uncategorised: set[str] = set()
    for origin in origins:
        places = world.places_of(origin)
        uncategorised.update([_source(origin)] if places is None else ())
        for place in places or ():
            keys = world.categories.get(place, frozenset())
            for key in keys:
                categories.setdefault(key, set()).add(origin.declaration)
            if not _says_what(world, customer, keys):
                uncategorised.add(" ".join(place))
    off_axis = world.off_personal_axis(column)
    return Cell(
        customer=customer,
        column=column,
        categories={
            key: frozenset(refs) for key, refs in sorted(categories.items()) if not (off_axis and _personal(world, key))
        },
        declarations=declarations,
        uncategorised=tuple(sorted(uncategorised)),
        unreadable=tuple(sorted(key for key in categories if not vocabulary.is_category(key, world.own))),
        masked=all(origin.masked for origin in origins),
    )


def _says_what(world: World, customer: str, keys: frozenset[str]) -> bool:
    """A customer's column needs a category of the contract axis; one of the vendor's own data some category at least."""
    return bool(keys) if customer == NOBODY else any(vocabulary.is_contract(key, world.own) for key in keys)


def _personal(world: World, key: str) -> bool:
    return vocabulary.is_personal(key, world.own)


def _source(origin: Origin) -> str:
    return f"{origin.namespace} {origin.dataset} {origin.source_column}"


def _among(found: frozenset[str], customers: Collection[str] | None) -> frozenset[str]:
    return found if customers is None else found.intersection(customers)


def presences(world: World, customers: Collection[str] | None = None) -> dict[str, tuple[Presence, ...]]:
    """Return, by customer, the source columns through which it is merely present in D, in whatever column; `customers`: only theirs."""
    found: dict[str, set[Presence]] = defaultdict(set)
    for origin in filter(is_presence, world.facts.origins):
        for customer in _among(world.customers_of(origin), customers) - {NOBODY}:
            for place in world.places_of(origin) or (None,):
                # survives: no category is declared on no place
                keys = world.categories.get(place, frozenset()) if place else frozenset[str]()
                found[customer].add(Presence(customer, origin, place, keys, world.declarations[origin.declaration]))
    return {customer: tuple(sorted(rows, key=_order)) for customer, rows in found.items()}


def _order(presence: Presence) -> tuple[str, ...]:
    origin = presence.origin
    return (
        origin.declaration,
        *(presence.place or (origin.namespace, origin.dataset, "*")),
        origin.column,
        origin.source_column,
    )


def name(presence: Presence) -> str:
    """Return the source column as reasons name it."""
    return " ".join(presence.place) if presence.place else _source(presence.origin)


def needs_category(world: World, presence: Presence) -> bool:
    """Say whether an uncategorised source speaks against its customer: declared keys do not, when named and not reached through `*`."""
    if presence.place is None:
        return True
    if any(vocabulary.is_contract(key, world.own) for key in presence.categories):
        return False
    return presence.origin.source_column == "*" or presence.place not in world.source_keys
