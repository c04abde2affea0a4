"""What judging remembers over the copies of one search for remedies, each a few steps away from the same facts. Pure.

A copy shares with the facts it was made from whatever the steps left alone - the very objects. Of whom the same objects speak, in the
same setting, the same is judged; so objects are told by identity here, and kept for as long as they are remembered.
"""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from governance.policy.values import Facts, Mode
from governance.policy.world import NOBODY, World

# What steps change of single customers; whatever else a copy has of its own is another setting for all of them.
_OF_CUSTOMERS = {"families", "opt_ins", "consents"}
# What contracts are not asked about: keys of D, and safeguards but those of the column in question.
_BESIDE_CONTRACTS = {"identities", "safeguards"}
_SETTING = attrgetter(*(n for n in Facts.__dataclass_fields__ if n not in _OF_CUSTOMERS))
_CONTRACTS = attrgetter(*(n for n in Facts.__dataclass_fields__ if n not in _OF_CUSTOMERS | _BESIDE_CONTRACTS))


@dataclass
class Memory:
    """What was found, by keys that `Look` makes."""

    found: dict[Hashable, Any] = field(default_factory=dict)
    _settings: dict[Hashable, int] = field(default_factory=dict)
    _kept: list[Facts] = field(default_factory=list)

    def look(self, world: World) -> "Look":
        """Look at a world in the light of those seen before."""
        self._kept.append(world.facts)
        return Look(self, world)

    def number(self, *setting: Hashable) -> int:
        """Return a setting's number: shorter than the setting, since everybody's key holds it."""
        return self._settings.setdefault(setting, len(self._settings))


class Look:
    """The keys of one world: what is found under a key rests on nothing that the key leaves out."""

    def __init__(self, memory: Memory, world: World) -> None:
        self.found = memory.found
        self._said = _said(world.facts)
        question, facts = world.question, world.facts
        own = self._said.get(NOBODY, ())
        self._setting = memory.number("all", question, world.rows_change, own, *map(id, _SETTING(facts)))
        asked = replace(question, columns=(), required=(), mode=Mode.PLAN)
        shared = (asked, world.rows_change, *map(id, _CONTRACTS(facts)))
        self._contracts = memory.number("contracts", *shared)
        self._columns = {
            c: memory.number(c, world.quasi_identifiers, world.in_place(c), *shared) for c in question.columns
        }

    def judged(self, customer: str) -> Hashable:
        """The key of all that is judged of a customer."""
        return self._setting, customer, self._said.get(customer, ())

    def law(self, customer: str) -> Hashable:
        """The key of what is on file of a customer."""
        return "law", self._contracts, customer, self._said.get(customer, ())

    def presence(self, customer: str) -> Hashable:
        """The key of what leaves a customer's rows out by contract."""
        return "presence", self._contracts, customer, self._said.get(customer, ())

    def cells(self, customer: str) -> dict[str, Hashable]:
        """By column, the key of what contracts say of a customer's cell, and of what its people are asked about it."""
        said = self._said.get(customer, ())
        return {column: (number, customer, said) for column, number in self._columns.items()}


def _said(facts: Facts) -> dict[str, tuple[int, ...]]:
    """Which objects speak of each customer, among those that steps change."""
    found: dict[str, list[int]] = defaultdict(list)
    for family in facts.families:
        for customer in {row.customer for row in family.coverage}:
            found[customer].append(id(family))
    for opt_in in facts.opt_ins:
        found[opt_in.customer].append(id(opt_in))
    for view in facts.consents:
        found[view.customer].append(id(view))
    return {customer: tuple(ids) for customer, ids in found.items()}
