"""What is on file of each customer: facts sorted by whom they are about. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any

from governance.policy.values import (
    Basis,
    Coverage,
    Customer,
    Dataset,
    Facts,
    Family,
    Gap,
    Obligation,
    OptIn,
)


@dataclass(slots=True)
class File:
    """All that is on file of one customer. `families`: those that cover it, each with its own rows of coverage."""

    customer: str
    party: str = ""
    families: list[tuple[Family, tuple[Coverage, ...]]] = field(default_factory=list)
    opt_ins: tuple[OptIn, ...] = ()
    bases: tuple[Basis, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    gaps: tuple[Gap, ...] = ()


def files(facts: Facts) -> Iterator[File]:
    """Yield one file after the other: of the customers who are listed, and of those of whom anything else is said."""
    parties = {customer.ref: customer.party for customer in facts.customers}
    families = _families(facts.families)
    beside = _beside(facts)
    coverage: dict[int, dict[str, tuple[Coverage, ...]]] = {}
    strangers = [customer for customer in dict.fromkeys((*families, *beside)) if customer not in parties]
    for customer, party in chain(parties.items(), zip(strangers, repeat(""))):
        mine = families.get(customer)
        rows: list[tuple[Family, tuple[Coverage, ...]]]
        if isinstance(mine, Family) and len(mine.coverage) == 1:
            rows = [(mine, mine.coverage)]
        else:
            some = mine if isinstance(mine, list) else [mine] if mine else []
            rows = [(each, _rows(each, customer, coverage)) for each in some]
        yield File(customer, party, rows, *beside.get(customer, ()))


def _families(found: Iterable[Family]) -> dict[str, Family | list[Family]]:
    """Families by customer; most have one, which stands there without a list."""
    families: dict[str, Family | list[Family]] = {}
    for family in found:
        for row in family.coverage:
            before = families.get(row.customer)
            if before is None:
                families[row.customer] = family
            elif isinstance(before, list):
                if before[-1] is not family:
                    before.append(family)
            elif before is not family:
                families[row.customer] = [before, family]
    return families


def _rows(family: Family, customer: str, coverage: dict[int, dict[str, tuple[Coverage, ...]]]) -> tuple[Coverage, ...]:
    """The customer's rows of coverage; a family of many (a standard form is accepted by thousands) is sorted once."""
    if len(family.coverage) == 1:
        return family.coverage
    if id(family) not in coverage:
        coverage[id(family)] = _coverage(family)
    return coverage[id(family)].get(customer, ())


def _coverage(family: Family) -> dict[str, tuple[Coverage, ...]]:
    found: dict[str, list[Coverage]] = {}
    for row in family.coverage:
        found.setdefault(row.customer, []).append(row)
    return {customer: tuple(rows) for customer, rows in found.items()}


def _beside(facts: Facts) -> dict[str, list[tuple[Any, ...]]]:
    """What is said of customers beside contracts: opt-ins, bases, deletions and gaps, in a file's order."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    kinds: tuple[tuple[Any, ...], ...] = (facts.opt_ins, facts.bases, facts.obligations, facts.gaps)
    for place, rows in enumerate(kinds):
        for fact in rows:
            mine = found.setdefault(fact.customer, [(), (), (), ()])
            mine[place] = (*mine[place], fact)
    return found


def facts_of(file: File, customer: str, party: str) -> Facts:
    """Return what is on file of a customer as facts, in the name of any customer and party."""
    return Facts(
        dataset=Dataset("", ""),
        customers=(Customer(customer, party),) if party else (),
        families=tuple(
            replace(family, coverage=tuple(replace(row, customer=customer) for row in rows))
            for family, rows in file.families
        ),
        opt_ins=tuple(replace(row, customer=customer) for row in file.opt_ins),
        bases=tuple(replace(row, customer=customer) for row in file.bases),
        obligations=tuple(replace(row, customer=customer) for row in file.obligations),
        gaps=tuple(replace(row, customer=customer) for row in file.gaps),
    )
