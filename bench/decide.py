"""Deciding in-process, for 1 and for 1,000 customers × 6 categories, beside one SQL statement and a plain Python loop over the same facts.

The baselines answer less: a bare yes or no per (customer, category), without reasons, plan, consents, lineage or dates; they are what a
user would write instead. Goals are of GOALS.md at 10,000 customers and belong to the compiled snapshot, which is not built yet.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from governance.policy import canonical, engine, values

JOB = "decide"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
NAMESPACE, DATASET, SOURCE, PURPOSE = "postgres://warehouse", "training.set", "crm.tickets", "functional.service"
CATEGORIES = tuple(f"customer.{name}" for name in ("content", "input", "prompt", "output", "feedback", "usage"))
SECONDS = 2.0


def rows() -> list[dict[str, Any]]:
    """Measure both sizes; nothing is written anywhere."""
    return [row for customers in (1, 1_000) for row in measured(customers)]


def measured(customers: int) -> list[dict[str, Any]]:
    """Return the rows for one number of customers, after checking that the baselines agree with the engine."""
    question, facts = world(customers)
    allowed = {(u, c) for u, c in yes_cells(engine.decide(question, facts, with_remedies=False))}
    clauses = list(encoded(facts))
    assert loop(clauses) == allowed
    ours = best(lambda: engine.decide(question, facts, with_remedies=False))
    found = [row(customers, ours, "plain Python loop, yes or no", best(lambda: loop(clauses)))]
    with_sql = statement(clauses, allowed)
    if with_sql is not None:
        found.append(row(customers, ours, "one SQL statement, yes or no", with_sql))
    return found


def row(customers: int, ours: float, baseline: str, value: float) -> dict[str, Any]:
    """One result row, in microseconds."""
    return {
        "job": JOB, "case": f"{customers:,} customers x {len(CATEGORIES)} categories, with reasons and plan, beside {baseline}",
        "value": ours * 1e6, "unit": "µs", "baseline": baseline, "baseline_value": value * 1e6, "ratio": ours / value,
        "goal": "300 µs at 10,000 customers (compiled snapshot)", "met": ours <= 300e-6,
    }  # fmt: skip


def best(work: Callable[[], object]) -> float:
    """The shortest time of one call, over some seconds."""
    shortest, end = float("inf"), time.perf_counter() + SECONDS
    while True:
        started = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - started)
        if time.perf_counter() > end:
            return shortest


def world(customers: int) -> tuple[values.Question, values.Facts]:
    """A dataset with one column per category; customers grant all, ban two categories, grant one, or say nothing, in turn."""
    refs = [f"cus_{number:05}" for number in range(customers)]
    columns = tuple(category.rpartition(".")[2] for category in CATEGORIES)
    question = values.Question(NAMESPACE, DATASET, columns, "train.finetune", PURPOSE, NOW, NOW)
    declaration = values.Declaration(
        "src", NAMESPACE, SOURCE, customers=tuple(refs), tenant_space="crm", tenant_column="tenant", unmapped_rows=0
    )
    facts = values.Facts(
        dataset=values.Dataset(
            NAMESPACE,
            DATASET,
            columns=tuple(map(values.Column, columns)),
            versions=(values.Version(DATASET, "r1", LONG_AGO),),
        ),
        declarations=(declaration,),
        origins=tuple(values.Origin(column, "src", NAMESPACE, SOURCE, column) for column in columns),
        schemas=(values.Schema(NAMESPACE, SOURCE, columns),),
        categories=tuple(
            values.ColumnCategory(NAMESPACE, SOURCE, column, key)
            for column, key in zip(columns, CATEGORIES, strict=True)
        ),
        identities=(values.Identity("tenant", "tenant", "crm", "src"),),
        customers=tuple(values.Customer(ref, f"pty_{ref}") for ref in refs),
        families=tuple(family(number, ref) for number, ref in enumerate(refs)),
    )
    return question, facts


def family(number: int, customer: str) -> values.Family:
    """One contract of one document."""
    document = values.Document(f"doc_{number}", LONG_AGO, LONG_AGO, date(2025, 1, 1), clauses=clauses_of(number))
    return values.Family(f"fam_{number}", (values.Coverage(customer, LONG_AGO),), (document,))


def clauses_of(number: int) -> tuple[values.Clause, ...]:
    """Four kinds of contract, in turn."""
    everything = {"actions": ["train"], "categories": ["customer"], "purposes": [PURPOSE]}
    match number % 4:
        case 0:
            found = [("Grant", everything)]
        case 1:
            found = [
                ("Grant", everything),
                ("Prohibition", {"actions": ["train"], "categories": ["customer.content", "customer.prompt"]}),
            ]
        case 2:
            found = [("Grant", everything | {"categories": ["customer.usage"]})]
        case _:
            found = [("TrainingPosition", {"position": "silent"})]
    return tuple(
        values.Clause(f"cls_{number}_{n}", kind, canonical.text(body), number=str(n))
        for n, (kind, body) in enumerate(found)
    )


def yes_cells(answer: Any) -> set[tuple[str, str]]:
    """(customer, category) that the plan keeps."""
    classes = answer.plan.classes if answer.plan else ()
    return {
        (customer, f"customer.{column.column}")
        for each in classes
        for customer in answer.members[each.ref]
        for column in each.columns
        if column.treatment == "keep"
    }


def encoded(facts: values.Facts) -> Any:
    """(customer, kind, category) per clause and category, as a user's own table would hold them."""
    for family_ in facts.families:
        for clause in family_.documents[0].clauses:
            for category in canonical.mapping(clause.body).get("categories", []):
                yield family_.coverage[0].customer, clause.kind, category


def loop(clauses: list[tuple[str, str, str]]) -> set[tuple[str, str]]:
    """What a user would write: grants cover, prohibitions touch."""
    granted, banned = set(), set()
    for customer, kind, category in clauses:
        for key in CATEGORIES:
            if key == category or key.startswith(category + "."):
                (granted if kind == "Grant" else banned).add((customer, key))
    return granted - banned


def statement(clauses: list[tuple[str, str, str]], expected: set[tuple[str, str]]) -> float | None:
    """The same as one SQL statement over an indexed temporary table; None where there is no database."""
    from django.db import DatabaseError, connection, transaction

    sql = """
        SELECT DISTINCT g.customer, k.key FROM bench_terms g, unnest(%s::text[]) AS k(key)
        WHERE g.kind = 'Grant' AND (k.key = g.category OR starts_with(k.key, g.category || '.')) AND NOT EXISTS (
            SELECT FROM bench_terms b WHERE b.customer = g.customer AND b.kind = 'Prohibition'
            AND (k.key = b.category OR starts_with(k.key, b.category || '.')))
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE bench_terms (customer text, kind text, category text) ON COMMIT DROP")
            cursor.executemany("INSERT INTO bench_terms VALUES (%s, %s, %s)", clauses)
            cursor.execute("CREATE INDEX ON bench_terms (customer, kind)")
            cursor.execute("ANALYZE bench_terms")

            def ask() -> list[tuple[str, str]]:
                cursor.execute(sql, [list(CATEGORIES)])
                return [(row[0], row[1]) for row in cursor.fetchall()]

            assert set(ask()) == expected
            return best(ask)
    except DatabaseError:
        return None
