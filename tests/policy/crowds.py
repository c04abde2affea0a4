"""Worlds with many customers of whom the same, or nearly the same, is said: copies of those of `strategies`, under other references."""

import json
from dataclasses import replace

from governance.policy import canonical
from governance.policy.values import Clause, Document, Facts, Family
from tests.policy import strategies
from tests.policy.strategies import Dice


def crowd_of(number: int) -> Facts:
    """Throw a world, and copy its customers once or twice, with all that is said of them; a copy may differ a little."""
    dice = Dice(number)
    world = strategies.world_of(number)
    for copy in range(dice.one(1, 2)):
        world = _copied(dice, world, f"{dice.one('', 'z')}{copy}")
    return replace(world, gaps=(*world.gaps, *(strategies.Gap("else", "b0") for _ in range(dice.chance(0.03)))))


class _Names:
    """New names for references: the same for the same, in no order."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.given: dict[tuple[str, str], str] = {}

    def __call__(self, kind: str, ref: str) -> str:
        if (kind, ref) not in self.given:
            self.given[kind, ref] = f"{kind}-{self.dice.random.randrange(10**6)}"
        return self.given[kind, ref]


def _copied(dice: Dice, world: Facts, suffix: str) -> Facts:
    names = _Names(dice)
    customers = {u: f"{u}{suffix}" for u in strategies.CUSTOMERS}
    if all(u in {c.ref for c in world.customers} for u in customers.values()):
        return world

    def of_copies[T](rows: tuple[T, ...], **renamed: str) -> tuple[T, ...]:
        """Copies of the rows about a customer; now and then one is forgotten."""
        whose = [row for row in rows if row.customer in customers and not dice.chance(0.05)]  # type: ignore[attr-defined]
        return tuple(
            _varied(
                dice,
                replace(
                    row, customer=customers[row.customer], **{f: names(k, getattr(row, f)) for f, k in renamed.items()}
                ),
            )  # type: ignore[attr-defined, type-var]
            for row in whose
        )

    families = [f for f in world.families if {row.customer for row in f.coverage} & set(customers)]
    shared = dice.chance(0.15)  # the copies may also be covered by the very same documents
    copies = tuple(_family(dice, names, family, customers, shared) for family in families)
    parties = {c.ref: c for c in world.customers}
    return replace(
        world,
        customers=(*world.customers, *(replace(parties[u], ref=v, party=dice.one(f"pty-{v}", f"pty-{u}")) for u, v in customers.items())),
        declarations=tuple(
            replace(d, customers=(*d.customers, *(customers[u] for u in d.customers if u in customers))) for d in world.declarations
        ),
        origins=tuple(
            replace(o, without=(*o.without, *(customers[u] for u in o.without if u in customers and dice.chance(0.9))))
            for o in world.origins
        ),
        families=(*([f for f in world.families if f not in families] if shared else world.families), *copies),
        opt_ins=(*world.opt_ins, *(of_copies(world.opt_ins) if shared else of_copies(world.opt_ins, offer="off"))),
        bases=(*world.bases, *of_copies(world.bases, ref="bas")),
        consents=(*world.consents, *of_copies(world.consents)),
        obligations=(*world.obligations, *of_copies(world.obligations, ref="obl")),
        owner_releases=(*world.owner_releases, *of_copies(world.owner_releases)),
    )  # fmt: skip


def _varied[T](dice: Dice, row: T) -> T:
    """A copy that may differ in one thing that rules look at, and in nothing else."""
    others = {
        "ground": ("consent", "customer-warranty", "contract"), "covers_models": (True, False), "subjects": (3, 4),
        "valid_to": (None, strategies.NOW), "refused": (0, 2), "prevails": ((),), "renewal": ("none", "evergreen"),
    }  # fmt: skip
    names = [name for name in others if hasattr(row, name)]
    if not names or not dice.chance(0.15):
        return row
    name = dice.one(*names)
    return replace(row, **{name: dice.one(*others[name])})  # type: ignore[type-var]


def _family(dice: Dice, names: _Names, family: Family, customers: dict[str, str], shared: bool) -> Family:
    coverage = tuple(
        _varied(dice, replace(row, customer=customers[row.customer]))
        for row in family.coverage
        if row.customer in customers
    )
    if shared:
        return replace(family, coverage=(*family.coverage, *coverage))
    return Family(
        names("fam", family.ref), coverage, tuple(_varied(dice, _document(names, d)) for d in family.documents)
    )


def _document(names: _Names, document: Document) -> Document:
    return replace(
        document,
        ref=names("doc", document.ref),
        clauses=tuple(_clause(names, clause) for clause in document.clauses),
        repeals=tuple(_name_of_clause(names, ref) for ref in document.repeals),
        prevails=tuple(replace(p, over=names("doc", p.over)) for p in document.prevails),
    )


def _name_of_clause(names: _Names, ref: str) -> str:
    return names("off" if ref == "off" else "cls", ref)


def _clause(names: _Names, clause: Clause) -> Clause:
    body = clause.body
    try:
        said = json.loads(body)
        if "offer" in said:
            body = canonical.text(said | {"offer": names("off", said["offer"])})
    except (ValueError, TypeError):  # one that cannot be read stays so
        pass
    return replace(clause, ref=_name_of_clause(names, clause.ref), body=body)
