"""The rows of the demo: about three thousand people of six customers and of one key that belongs to nobody. Always the same rows."""

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A customer as the help desk's own database knows it."""

    tenant_key: str
    name: str
    segment: str
    people: int


ACCOUNTS = (
    Account("t-101", "Alder Logistics", "logistics", 700),
    Account("t-202", "Brandt Maschinenbau", "machinery", 600),
    Account("t-303", "Cormorant Insurance", "insurance", 650),
    Account("t-404", "Delft Waterworks", "utilities", 400),
    Account("t-505", "Estuary Media", "media", 350),
    Account("t-606", "Falk Retail", "retail", 300),
    Account("t-707", "(closed test account)", "test", 40),  # nobody knows whose
)
FIRST = "Ada Bela Cleo Dario Edda Finn Gita Hugo Iris Jonas Kira Levi Mina Nils Olga Piet Rosa Sven Tara Ugo Vera Wim Yara Zeno".split()  # noqa: SIM905
LAST = "Adler Bakker Costa Dahl Engel Fabre Grau Holm Ivanov Jansen Kowal Lund Moreau Novak Okafor Petit Rossi Sato Toth Vogel".split()  # noqa: SIM905
THINGS = (
    "the report",
    "my invoice",
    "the login page",
    "a shipment",
    "the calendar",
    "the export",
    "our dashboard",
    "an order",
)
GOOD = ("works again", "was quick, thank you", "is fixed now", "looks right", "is much better", "arrived")
BAD = ("is still broken", "fails every time", "is slow again", "lost my data", "shows an error", "is wrong, urgent")
FUNCTIONS = ("search", "reply", "report", "admin")
TODAY = datetime.date(2026, 10, 1)
AREAS = ("10", "20", "30")
AGES = (24, 34, 44, 54)  # the middle of each band
CONSENT = ("given",) * 16 + ("refused",) * 2 + ("",) * 2  # four in five say yes, one in ten no, one in ten nothing

Person = dict[str, object]


def people() -> Iterator[Person]:
    """Yield one contact after the other."""
    rng = random.Random(2026)
    for account in ACCOUNTS:
        for number in range(account.people):
            yield _person(rng, account, number)


def _person(rng: random.Random, account: Account, number: int) -> Person:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    age, area = rng.choice(AGES) + rng.randint(-4, 4), rng.choice(AREAS)
    if account.segment == "insurance" and number % 90 == 0:  # a handful of people whom age and place would give away
        age, area = 83 + number % 7, "99"
    domain = account.name.split()[0].strip("(").lower()
    return {
        "person_key": f"{account.tenant_key}/{first.lower()}.{last.lower()}.{number}",
        "tenant_key": account.tenant_key,
        "full_name": f"{first} {last}",
        "email": f"{first.lower()}.{last.lower()}.{number}@{domain}.example",
        "birth_year": TODAY.year - age,
        "postcode": f"{area}{rng.randint(100, 999)}",
        "job_title": rng.choice(("clerk", "planner", "engineer", "manager")),
        "mood": rng.random(),
        "consent": rng.choice(CONSENT) if account.segment != "test" else "",
    }


def tickets(persons: list[Person]) -> Iterator[tuple[object, ...]]:
    """Yield (ticket_id, tenant_key, person_key, opened_on, channel, body, rating); two per person, more or less."""
    rng = random.Random(7)
    number = 40_000
    for person in persons:
        for _ in range(rng.choice((1, 2, 2, 3))):
            number += 1
            happy = rng.random() < float(str(person["mood"])) * 0.6 + 0.3
            opened = TODAY - datetime.timedelta(days=rng.randint(1, 600))
            words = rng.choice(GOOD if (rng.random() < 0.9) == happy else BAD)
            body = f"Hello, {rng.choice(THINGS)} {words}. Case {number}."
            rating = rng.choice((3, 4, 4, 5)) if happy else rng.choice((1, 1, 2))
            yield number, person["tenant_key"], person["person_key"], opened, rng.choice(("mail", "chat")), body, rating


def events(persons: list[Person]) -> Iterator[tuple[object, ...]]:
    """Yield (tenant_key, person_key, day, function, seconds) of the telemetry."""
    rng = random.Random(11)
    for person in persons:
        for _ in range(rng.randint(3, 10)):
            day = TODAY - datetime.timedelta(days=rng.randint(1, 90))
            yield person["tenant_key"], person["person_key"], day, rng.choice(FUNCTIONS), rng.randint(20, 3_600)
