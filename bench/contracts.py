"""The contracts of GOALS.md: from 200 templates, a tenth with one to three later documents. Made from one number.

40 categories (the vendor's own below the contract axis), 20 purposes, opt-in offers, safeguards, competitors' groups. References are as
random as real ones. `unique`: every contract also says something that no other says, so that no two customers are alike.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from governance.policy import canonical
from governance.policy.values import Clause, Coverage, Customer, Dataset, Document, Facts, Family, OptIn, OwnKeys

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)
ROOTS = ("content", "input", "prompt", "output", "feedback", "usage", "equipment", "derived")
CATEGORIES = tuple(f"customer.{root}" for root in ROOTS) + tuple(
    f"customer.{root}.{name}" for root in ROOTS for name in ("text", "media", "logs", "metrics")
)
PURPOSES = tuple(f"vendor.{area}.{name}" for area in ("assist", "search", "forecast", "safety") for name in "abcde")
ASKED = tuple(f"customer.{root}.text" for root in ROOTS[:6])
PURPOSE = PURPOSES[0]
OWN = OwnKeys(contract=CATEGORIES[len(ROOTS) :], purposes=(*PURPOSES, "vendor.assist"))
COMPETITORS = ("grp_retail", "grp_banks")
TEMPLATES = 200
DEIDENTIFIED = [{"kind": "deidentified", "k": 20, "known": "measured"}]
PSEUDONYMISED = [{"kind": "pseudonymised"}]

type Terms = list[tuple[str, dict[str, object]]]


def book(count: int, *, seed: int = 1, unique: bool = False) -> Facts:
    """What is on file of `count` customers with a contract each."""
    dice = random.Random(seed)
    templates = [list(_clauses(dice)) for _ in range(TEMPLATES)]
    rows = [_contract(dice, number, dice.choice(templates), unique) for number in range(count)]
    return Facts(
        dataset=Dataset("", ""),
        customers=tuple(row[0] for row in rows),
        families=tuple(row[1] for row in rows),
        opt_ins=tuple(opt_in for row in rows for opt_in in row[2]),
        own_keys=OWN,
    )


def _ref(dice: random.Random, kind: str) -> str:
    return f"{kind}_{dice.getrandbits(48):012x}"


def _contract(dice: random.Random, number: int, template: Terms, unique: bool) -> tuple[Customer, Family, list[OptIn]]:
    customer = Customer(_ref(dice, "cus"), f"pty_{number:06}")
    signed = date(2024, 1, 1) + timedelta(days=dice.randrange(700))
    offer = _ref(dice, "cls")
    clauses = [(kind, body | {"offer": offer} if "offer" in body else body) for kind, body in template]
    if unique:
        clauses.append(("RetentionLimit", {"days": 1000 + number}))
    main = _document(dice, signed, clauses, offer)
    later = [_later(dice, signed, n, main) for n in range(dice.choice((1, 2, 3)))] if dice.random() < 0.1 else []
    opt_ins = (
        [OptIn(offer, customer.ref, LONG_AGO)]
        if any(k == "OptInOffer" for k, _ in clauses) and dice.random() < 0.5
        else []
    )
    family = Family(_ref(dice, "fam"), (Coverage(customer.ref, _midnight(signed)),), (main, *later))
    return customer, family, opt_ins


def _clauses(dice: random.Random) -> Iterator[tuple[str, dict[str, object]]]:
    """The clauses of a template."""
    purposes = dice.choice((["vendor.assist"], ["vendor.assist"], [PURPOSE], list(PURPOSES[:3]), ["*"]))
    grant = {"actions": ["train"], "categories": ["customer"], "purposes": purposes}
    match dice.randrange(8):
        case 0 | 1:
            yield "Grant", grant
        case 2:
            yield "Grant", grant | {"categories": ["customer.feedback", "customer.usage"]}
        case 3:
            yield "Grant", grant | {"safeguards": dice.choice((DEIDENTIFIED, PSEUDONYMISED))}
        case 4:
            yield "OptInOffer", {"discount": "8 %"}
            yield "Grant", grant | {"offer": ""}
        case 5:
            yield "TrainingPosition", {"position": "prohibited"}
        case 6:
            yield "TrainingPosition", {"position": "silent"}
        case _:
            yield "Grant", grant | {"until": f"{dice.choice((2027, 2028))}-12-31"}
    if dice.random() < 0.3:
        yield "Prohibition", {"actions": ["train"], "categories": [dice.choice(CATEGORIES)]}
    if dice.random() < 0.2:
        yield "PartyRestriction", {"groups": [dice.choice(COMPETITORS)]}


def _later(dice: random.Random, signed: date, number: int, main: Document) -> Document:
    """An amendment: widens, narrows, or repeals a clause of the main document."""
    what = dice.randrange(3)
    clauses: list[tuple[str, dict[str, object]]] = [
        ("Grant", {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["vendor.assist"]}),
        ("Prohibition", {"actions": ["train"], "categories": ["customer.input"]}),
        ("RetentionLimit", {"days": 365}),
    ][what : what + 1]
    repeals = (main.clauses[0].ref,) if what == 2 else ()
    return _document(dice, signed + timedelta(days=30 * (number + 1)), clauses, "", repeals=repeals)


def _document(
    dice: random.Random,
    signed: date,
    clauses: list[tuple[str, dict[str, object]]],
    offer: str,
    repeals: tuple[str, ...] = (),
) -> Document:
    start = _midnight(signed)
    return Document(
        _ref(dice, "doc"), start + timedelta(days=2), start, signed,
        clauses=tuple(
            Clause(offer if kind == "OptInOffer" else _ref(dice, "cls"), kind, canonical.text(body), number=str(n))
            for n, (kind, body) in enumerate(clauses, 1)
        ),
        expires_at=start + timedelta(days=365 * dice.choice((3, 5))), repeals=repeals,
    )  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
