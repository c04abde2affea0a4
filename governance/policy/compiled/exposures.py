"""Whose data is in D, as bitmaps: what lineage says of one dataset, with its customers numbered by a snapshot. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from pyroaring import BitMap

from governance.policy import alike, canonical, outlook, world
from governance.policy.compiled.structures import NEVER
from governance.policy.values import Facts, Origin, Question
from governance.policy.world import NOBODY

MOST_PARTS = 64

type Test = tuple[str, Any]


class NotCompiled(Exception):
    """These facts are for the plain engine to decide from; the message says why."""


@dataclass(frozen=True)
class Part:
    """Customers in D who are in one situation: the same sources bring them, they stand alike to the parties, their people said the same.

    `sources` are labels of origins (`label`); `party` is who these customers are, where that matters; `number` names the situation.
    """

    number: int
    customers: BitMap
    sources: frozenset[int]
    party: str
    consents: tuple[Any, ...]


@dataclass(frozen=True)
class Exposure:
    """The facts about D and the vendor's world: everything but what is on file of customers. Made by `Snapshot.exposure`.

    `bare`: the same as if nobody were in D; exposures with the same `key` differ only in whose data they hold. It counts in
    `[since, until)`. `prepared` is the snapshot's, for questions that were asked before.
    """

    facts: Facts
    bare: Facts
    key: tuple[bytes, datetime | None]
    sources: Mapping[int, BitMap]
    consents: tuple[tuple[tuple[Any, ...], BitMap], ...]
    since: datetime
    until: datetime
    owner: object
    prepared: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def present(self) -> BitMap:
        """Everybody who is in D."""
        return BitMap.union(*self.sources.values()) if self.sources else BitMap()

    def split(self, parties: Iterable[tuple[str, BitMap]], situations: dict[Any, int]) -> tuple[Part, ...]:
        """Part the customers by situation; `parties`: whom it matters to be, with the customers who are."""
        tests: list[tuple[Test, BitMap]] = [(("source", s), bitmap) for s, bitmap in self.sources.items()]
        tests += [(("party", party), bitmap) for party, bitmap in parties]
        tests += [(("consents", said), bitmap) for said, bitmap in self.consents]
        found: list[tuple[tuple[Test, ...], BitMap]] = [((), self.present)] if self.present else []
        for test, bitmap in tests:
            found = [each for names, rest in found for each in _halves(names, rest, test, bitmap)]
            if len(found) > MOST_PARTS:
                raise NotCompiled(f"customers are in more than {MOST_PARTS} different situations")
        return tuple(
            _part(situations.setdefault(names, len(situations)), names, customers) for names, customers in found
        )


def _halves(
    names: tuple[Test, ...], rest: BitMap, test: Test, bitmap: BitMap
) -> Iterator[tuple[tuple[Test, ...], BitMap]]:
    if inside := rest & bitmap:
        yield (*names, test), inside
    if outside := rest - bitmap:
        yield names, outside


def _part(number: int, names: tuple[Test, ...], customers: BitMap) -> Part:
    said = [value for kind, value in names if kind == "consents"]
    parties = [value for kind, value in names if kind == "party"]
    sources = frozenset(value for kind, value in names if kind == "source")
    return Part(number, customers, sources, parties[0] if parties else "", said[0] if said else ())


def compile_facts(facts: Facts, at: datetime, number_of: Callable[[str], int], owner: object) -> Exposure:
    """Number the customers of facts in their normal order. Raises `NotCompiled`."""
    of_customers = (*facts.customers, *facts.families, *facts.opt_ins, *facts.obligations)
    whose = {row.customer for row in facts.bases} | {gap.customer for gap in facts.gaps}
    if of_customers or whose - {NOBODY}:
        raise NotCompiled("what is on file of customers must stand in the snapshot, not in the facts about a dataset")
    laid_out = world.read(Question("", "", (), "", "", at, at), facts)
    sources: dict[int, BitMap] = {}
    for origin, number in zip(facts.origins, _labels(facts), strict=True):
        if number not in sources:
            sources[number] = BitMap(list(map(number_of, laid_out.customers_of(origin) - {NOBODY})))
    said: dict[tuple[Any, ...], list[int]] = {}
    for customer, rows in laid_out.views_of.items():
        if customer != NOBODY:
            said.setdefault(alike.views(rows), []).append(number_of(customer))
    bare = _bare(facts)
    changes = sorted(set(outlook.instants(facts)))
    return Exposure(
        facts=facts,
        bare=bare,
        key=(canonical.value_bytes(bare), max((c for c in changes if c <= at), default=None)),
        sources=sources,
        consents=tuple((views, BitMap(numbers)) for views, numbers in said.items()),
        since=at,
        until=min((c for c in changes if c > at), default=NEVER),
        owner=owner,
    )


def _labels(facts: Facts) -> list[int]:
    """A number per origin; origins that bring the same customers share theirs."""
    numbers: dict[tuple[str, tuple[str, ...]], int] = {}
    return [numbers.setdefault((o.declaration, o.without), len(numbers)) for o in facts.origins]


def label(origin: Origin) -> int:
    """Return the label of an origin in bare facts."""
    return int(origin.without[0])


def _bare(facts: Facts) -> Facts:
    """The same facts as if nobody were in D, with the labels of origins in the place of those who are absent."""
    return replace(
        facts,
        declarations=tuple(replace(d, customers=()) for d in facts.declarations),
        origins=tuple(
            replace(o, without=(str(number),)) for o, number in zip(facts.origins, _labels(facts), strict=True)
        ),
        consents=tuple(view for view in facts.consents if view.customer == NOBODY),
    )


def peopled(bare: Facts, by_source: Iterable[tuple[str, frozenset[int]]]) -> Facts:
    """Put customers into bare facts, each with the labels of the origins that bring it."""
    brought = dict(by_source)
    declared: dict[str, set[str]] = {}
    inside: dict[int, set[str]] = {}
    for origin in bare.origins:
        inside[label(origin)] = {u for u, labels in brought.items() if label(origin) in labels}
        declared.setdefault(origin.declaration, set()).update(inside[label(origin)])
    return replace(
        bare,
        declarations=tuple(
            d if d.no_customer_data else replace(d, customers=tuple(sorted(declared.get(d.ref, ()))))
            for d in bare.declarations
        ),
        origins=tuple(
            replace(o, without=tuple(sorted(declared[o.declaration] - inside[label(o)]))) for o in bare.origins
        ),
    )
