"""What a user would pick instead of the engine, told the same contracts: Cedar, oso, one SQL statement, a plain Python loop.

All of them answer less: a bare yes or no per (customer, category), without reasons, plan, consents, lineage or dates. They are spared
the folding of documents: what counts today is told to them as *terms*. Each must agree with the engine before it is timed.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from governance.policy import standing, world
from governance.policy.clauses import (
    Grant,
    OptInOffer,
    PartyRestriction,
    Prohibition,
    TrainingPosition,
    party_restriction,
)
from governance.policy.values import Facts, Question

type Term = tuple[str, str, str, str]  # customer, grant or ban, category, purpose ("*": any)
type Cells = set[tuple[str, str]]  # customer, category

CACHE = Path(__file__).parent / ".cache"
OSO = "oso==0.27.3"  # wheels up to Python 3.12
OSO_CUSTOMERS = 1_000


def terms(question: Question, facts: Facts) -> list[Term]:
    """What counts for a question about training, told flat: safeguards that lack, offers not taken and restricted parties are resolved."""
    laid_out = world.read(question, facts)
    found: list[Term] = []
    for customer, laws in standing.laws(laid_out).items():
        for law in laws:
            taken = {
                live.clause.ref for live, _ in law.of(OptInOffer) if (customer, live.clause.ref) in laid_out.opted_in
            }
            for live in law.live:
                found += _told(laid_out, customer, live.term, taken)
    return found


def _told(laid_out: world.World, customer: str, term: object, taken: set[str]) -> Iterable[Term]:
    match term:
        case Grant() if not term.safeguards and (not term.offer or term.offer in taken):
            yield from (
                (customer, "grant", category, purpose) for category in term.categories for purpose in term.purposes
            )
        case Prohibition() if not term.purposes or term.purposes == ("*",):
            if any("train".startswith(action) for action in term.actions):
                yield from ((customer, "ban", category, "*") for category in term.categories)
        case TrainingPosition() if term.position == "prohibited":
            yield (customer, "ban", "customer", "*")
        case PartyRestriction():
            if any(party_restriction.touches(term, laid_out.belongs_to(party)) for party in laid_out.served):
                yield (customer, "ban", "customer", "*")
        case _:
            pass


def best(work: Callable[[], object], seconds: float = 2.0) -> float:
    """The shortest time of one call, over some seconds."""
    shortest, end = float("inf"), time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - started)
        if time.perf_counter() > end:
            return shortest


def above(key: str) -> list[str]:
    """A key and everything above it."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


# a plain loop


def loop(told: dict[str, list[Term]], customers: Iterable[str], keys: Iterable[str], purpose: str) -> Cells:
    """What a user would write: grants cover, bans touch."""
    allowed = set()
    for customer in customers:
        mine = told.get(customer, ())
        for key in keys:
            granted = False
            for _, kind, category, wanted in mine:
                if kind == "ban":
                    if key == category or key.startswith(category + ".") or category.startswith(key + "."):
                        break
                elif (key == category or key.startswith(category + ".")) and (
                    wanted in ("*", purpose) or purpose.startswith(wanted + ".")
                ):
                    granted = True
            else:
                if granted:
                    allowed.add((customer, key))
    return allowed


def by_customer(told: Iterable[Term]) -> dict[str, list[Term]]:
    """Terms where a loop finds them."""
    found: dict[str, list[Term]] = {}
    for term in told:
        found.setdefault(term[0], []).append(term)
    return found


# one SQL statement

SQL = """
    SELECT DISTINCT d.customer, k.key FROM bench_data d CROSS JOIN unnest(%(keys)s::text[]) AS k(key)
    JOIN bench_terms g ON g.customer = d.customer AND g.kind = 'grant' AND (k.key = g.category OR starts_with(k.key, g.category || '.'))
        AND (g.purpose IN ('*', %(purpose)s) OR starts_with(%(purpose)s, g.purpose || '.'))
    WHERE NOT EXISTS (
        SELECT FROM bench_terms b WHERE b.customer = d.customer AND b.kind = 'ban'
        AND (k.key = b.category OR starts_with(k.key, b.category || '.') OR starts_with(b.category, k.key || '.')))
"""


def statement(told: list[Term], customers: list[str], keys: list[str], purpose: str, expected: Cells) -> float | None:
    """Seconds of the statement over indexed, analysed tables; None where there is no database."""
    from django.db import DatabaseError, connection, transaction

    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE bench_terms (customer text, kind text, category text, purpose text) ON COMMIT DROP"
            )
            cursor.execute("CREATE TEMP TABLE bench_data (customer text) ON COMMIT DROP")
            for table, rows in (("bench_terms", told), ("bench_data", [(customer,) for customer in customers])):
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            cursor.execute("CREATE INDEX ON bench_terms (customer, kind)")
            cursor.execute("ANALYZE bench_terms, bench_data")

            def ask() -> list[Any]:
                cursor.execute(SQL, {"keys": keys, "purpose": purpose})
                found: list[Any] = cursor.fetchall()
                return found

            assert set(ask()) == expected, "the statement disagrees with the engine"
            return best(ask)
    except DatabaseError:
        return None


# Cedar

POLICIES = """
permit(principal, action == Action::"train", resource) when { resource in principal.granted };
forbid(principal, action == Action::"train", resource) when { resource in principal.banned || principal.below.contains(resource) };
"""


class Cedar:
    """Customers as principals, purpose and category as the resource, with everything above it as parents. Parsed once, beforehand."""

    def __init__(self, told: dict[str, list[Term]], customers: Iterable[str], keys: list[str], purpose: str) -> None:
        import cedarpy

        self._cedar = cedarpy
        self._policies = cedarpy.PolicySet.from_str(POLICIES)
        entities = [*_uses(keys, purpose), *(_principal(u, told.get(u, ()), purpose) for u in customers)]
        text = json.dumps(entities)
        started = time.perf_counter()
        self._entities = cedarpy.Entities.from_json_str(text)
        self.loading = time.perf_counter() - started
        self._requests = {(u, key): _request(u, _use(purpose, key)) for u in customers for key in keys}

    def batch(self) -> Cells:
        """Ask everything at once."""
        found = self._cedar.is_authorized_batch(list(self._requests.values()), self._policies, self._entities)
        return {cell for cell, each in zip(self._requests, found, strict=True) if each.allowed}

    def single(self, customer: str, key: str) -> bool:
        """Ask one thing."""
        request = self._requests[customer, key]
        return bool(self._cedar.is_authorized(request, self._policies, self._entities).allowed)


def _use(purpose: str, category: str) -> str:
    return f"{purpose}|{category}"


def _entity(use: str) -> dict[str, str]:
    return {"type": "Use", "id": use}


def _uses(keys: list[str], purpose: str) -> list[dict[str, Any]]:
    """Every purpose and category that a term may name, below the ones that cover it."""
    wider = {
        _use(p, c): [_entity(_use(q, d)) for q in ("*", *above(p)) for d in above(c) if (q, d) != (p, c)]
        for p in (*above(purpose), "*")
        for key in keys
        for c in above(key)
    }
    return [{"uid": _entity(use), "attrs": {}, "parents": [e for e in parents if e["id"] in wider and e["id"] != use]} for use, parents in wider.items()]  # fmt: skip


def _principal(customer: str, told: Iterable[Term], asked: str) -> dict[str, Any]:
    def uses(rows: Iterable[str]) -> list[Any]:
        return [{"__entity": _entity(use)} for use in sorted(set(rows))]

    granted = [_use(purpose, category) for _, kind, category, purpose in told if kind == "grant"]
    banned = [category for _, kind, category, _ in told if kind == "ban"]
    below = [_use(asked, wider) for category in banned for wider in above(category)]
    attrs = {"granted": uses(granted), "banned": uses(_use("*", c) for c in banned), "below": uses(below)}
    return {"uid": {"type": "Customer", "id": customer}, "attrs": attrs, "parents": []}


def _request(customer: str, use: str) -> dict[str, Any]:
    return {"principal": {"type": "Customer", "id": customer}, "action": 'Action::"train"', "resource": _entity(use)}


# oso: in an environment of its own, for it has no wheels for the Python we run on


def oso(
    told: dict[str, list[Term]], customers: list[str], keys: list[str], purpose: str, expected: Cells
) -> float | None:
    """Seconds for one question, or None where oso cannot be installed."""
    python = _python_with_oso()
    if python is None:
        return None
    some = customers[:OSO_CUSTOMERS]
    asked = {
        "customers": {u: [term[1:] for term in told.get(u, ())] for u in some},
        "keys": {key: above(key) for key in keys},
        "purposes": ["*", *above(purpose)],
    }
    script = Path(__file__).parent / "oso_rival.py"
    run = subprocess.run(
        [python, script], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=300
    )
    answer = json.loads(run.stdout)
    wanted = {cell for cell in expected if cell[0] in set(some)}
    assert {(u, key) for u, key in answer["allowed"]} == wanted, "oso disagrees with the engine"
    return float(answer["seconds"])


def _python_with_oso() -> str | None:
    home = CACHE / "oso"
    python = home / "bin" / "python"
    if (home / "ready").exists():
        return str(python)
    for name in ("python3.12", "python3.11", "python3.10"):
        found = shutil.which(name)
        if found is None:
            continue
        try:
            subprocess.run([found, "-m", "venv", "--clear", home], check=True, capture_output=True, timeout=120)
            subprocess.run([python, "-m", "pip", "install", "-q", OSO], check=True, capture_output=True, timeout=300)
        except (subprocess.SubprocessError, OSError):
            continue
        (home / "ready").touch()
        return str(python)
    return None
