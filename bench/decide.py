"""Deciding in-process: who of a dataset's customers may be trained on, by category, with reasons; GOALS.md, rows 1 to 3.

The *snapshot* is compiled from 1,000, 10,000 and 100,000 contracts (`bench.contracts`) and asked about a dataset with up to 10,000
upstream customers x 6 categories: a first time (cold: profiles are judged by the plain rules) and again (warm). The *plain* engine is
asked about 1 and 1,000 customers. Beside them, on the same machine in the same run, `bench.rivals`.
"""

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bench import contracts, rivals
from bench.contracts import ASKED, NOW, OWN, PURPOSE
from bench.rivals import Cells, best
from governance.policy import compiled, decisions, engine, remedies
from governance.policy.answers import Decision, Treatment
from governance.policy.compiled import Answer, Exposure, Snapshot
from governance.policy.values import (
    Column,
    ColumnCategory,
    Dataset,
    Declaration,
    Facts,
    Identity,
    Membership,
    Model,
    Origin,
    Question,
    Schema,
    ServedTo,
    Version,
)

JOB = "decide"
NAMESPACE, DATASET, SOURCE = "postgres://warehouse", "training.set", "crm.tickets"
COLUMNS = {category.split(".")[1]: category for category in ASKED}
QUESTION = Question(NAMESPACE, DATASET, tuple(sorted(COLUMNS)), "train.finetune", PURPOSE, NOW, NOW, model="mdl")
UPSTREAM = 10_000
LIMIT = 300e-6


def rows() -> Iterator[dict[str, Any]]:
    """Measure; nothing is written anywhere."""
    for count in (1, 1_000):
        yield from plain(count)
    yield from remedied(100)
    for count in (1_000, 10_000, 100_000):
        yield from snapshots(count)
    yield from hostile(10_000)


def row(
    case: str, value: float, unit: str, goal: object, met: bool | None, baseline: str = "", beside: float | None = None
) -> dict[str, Any]:
    """One result row."""
    found = {"job": JOB, "case": case, "value": value, "unit": unit, "goal": goal, "met": met}
    return found | ({"baseline": baseline, "baseline_value": beside, "ratio": value / beside} if beside else {})


def dataset(customers: tuple[str, ...]) -> Facts:
    """Facts about a dataset with one column per category, of which a model is made that serves a competitor of some."""
    return Facts(
        dataset=Dataset(NAMESPACE, DATASET, columns=tuple(map(Column, COLUMNS)), versions=(Version(DATASET, "r1", contracts.LONG_AGO),)),
        declarations=(Declaration("src", NAMESPACE, SOURCE, customers, tenant_space="crm", tenant_column="tenant", unmapped_rows=0),),
        origins=tuple(Origin(column, "src", NAMESPACE, SOURCE, column) for column in COLUMNS),
        schemas=(Schema(NAMESPACE, SOURCE, tuple(COLUMNS)),),
        categories=tuple(ColumnCategory(NAMESPACE, SOURCE, column, key) for column, key in COLUMNS.items()),
        identities=(Identity("tenant", "tenant", "crm", "src"),),
        models=(Model("mdl", (ServedTo("pty_shop", contracts.LONG_AGO),)),),
        memberships=(Membership("grp_retail", "pty_shop", contracts.LONG_AGO),),
        own_keys=OWN,
    ).normal()  # fmt: skip


def whole(data: Facts, book: Facts) -> Facts:
    """The facts that the plain engine decides from: those about the dataset, and what is on file of its customers."""
    whose = set(data.declarations[0].customers)
    return replace(
        data,
        customers=tuple(each for each in book.customers if each.ref in whose),
        families=tuple(each for each in book.families if each.coverage[0].customer in whose),
        opt_ins=tuple(each for each in book.opt_ins if each.customer in whose),
    )


# the plain engine


def plain(count: int) -> Iterator[dict[str, Any]]:
    """The plain engine from its facts: normal form, digest and look-ahead included, remedies not; equal customers judged once or each."""
    book = contracts.book(count)
    facts = whole(dataset(tuple(each.ref for each in book.customers)), book)
    outcome = decisions.evaluate(QUESTION, facts.normal())
    told = rivals.by_customer(rivals.terms(QUESTION, facts))
    customers = [each.ref for each in book.customers]
    allowed = kept(outcome)
    assert rivals.loop(told, customers, ASKED, PURPOSE) == allowed
    looped = best(lambda: rivals.loop(told, customers, ASKED, PURPOSE))
    ours = best(lambda: engine.decide(QUESTION, facts, with_remedies=False))
    case = f"plain engine, {count:,} customers x 6 categories, whole decision with digest"
    yield row(case, ours * 1e6, "µs", None, None, "plain Python loop, yes or no", looped * 1e6)
    normal = facts.normal()
    grouped = best(lambda: decisions.evaluate(QUESTION, normal))
    alone = best(lambda: decisions.evaluate(QUESTION, normal, one_by_one=True))
    yield row(
        f"plain engine, {count:,} customers, equal ones judged once",
        grouped * 1e6,
        "µs",
        None,
        None,
        "each judged alone",
        alone * 1e6,
    )


def remedied(count: int) -> Iterator[dict[str, Any]]:
    """A whole decision with remedies, of customers no two of whom are alike; beside it, every copy decided from scratch."""
    book = contracts.book(count, unique=True)
    facts = whole(dataset(tuple(each.ref for each in book.customers)), book)

    def scratch() -> Decision:
        found, normal = engine.decide(QUESTION, facts, with_remedies=False), facts.normal()
        return replace(found, remedies=remedies.find(QUESTION, normal, decisions.evaluate(QUESTION, normal)))

    assert engine.decide(QUESTION, facts) == scratch()
    ours, slow, none = (
        min(timed(work)[1] for _ in range(5))
        for work in (lambda: engine.decide(QUESTION, facts), scratch, lambda: engine.decide(QUESTION, facts, with_remedies=False))
    )  # fmt: skip
    case = f"plain engine, {count:,} customers, no two alike, with remedies"
    yield row(case, ours * 1e3, "ms", "60 ms", ours <= 60e-3, "every copy decided from scratch", slow * 1e3)
    yield row(f"{case}, beside none", ours * 1e3, "ms", None, None, "without remedies", none * 1e3)


def kept(outcome: decisions.Outcome) -> Cells:
    """(customer, category) that the plan keeps as it is."""
    classes = outcome.plan.classes if outcome.plan else ()
    return {
        (customer, COLUMNS[column.column])
        for each in classes
        for customer in outcome.members[each.ref]
        for column in each.columns
        if column.treatment is Treatment.KEEP
    }


# the snapshot


def snapshots(count: int) -> Iterator[dict[str, Any]]:
    """Compile, decide, activate; beside what a user would pick."""
    book = contracts.book(count)
    snapshot, seconds = compiling(book, 3 if count > 10_000 else 5)
    refs = [each.ref for each in book.customers]
    customers = tuple(random.Random(3).sample(refs, min(UPSTREAM, count)))
    name = f"{count:,} contracts"
    data = dataset(customers)
    exposure, numbering = timed(lambda: snapshot.exposure(data, NOW))
    answer, cold = timed(lambda: snapshot.decide(QUESTION, exposure, epoch=1))
    allowed = agreed(answer, whole(data, book) if count <= 10_000 else None)
    warm = best(lambda: snapshot.decide(QUESTION, exposure, epoch=1))
    single = best(lambda: snapshot.single(QUESTION, exposure, customers[0], epoch=1), 0.5)
    size = f"{len(customers):,} of {name} x 6"
    yield row(f"snapshot, {size}", warm * 1e6, "µs", "300 µs at 10,000 customers", warm <= LIMIT)
    yield from beside(size, warm, single, name, list(customers), allowed, whole(data, book))
    outcomes = f"{snapshot.profiles:,} profiles, {len(answer.rows)} outcomes"
    yield row(f"snapshot, {size}: first time, {outcomes}", (numbering + cold) * 1e3, "ms", None, None)
    yield row(f"snapshot, {size}, named one by one", timed(answer.expand)[1] * 1e3, "ms", None, None)
    yield row(f"snapshot, single question, {name}", single * 1e6, "µs", "3 µs", single <= 3e-6)
    yield row(f"compile {name} ({snapshot.profiles:,} profiles)", seconds, "s", "1.5 s at 100,000", seconds <= 1.5)
    yield from activated(snapshot, exposure, book, name)
    memory = weighed(lambda: compiled.compile_contracts(book, at=NOW, epoch=1))
    yield row(f"memory of {name}", memory / 2**20, "MB", "64 MB at 100,000", memory <= 64 * 2**20)


def compiling(book: Facts, times: int) -> tuple[Snapshot, float]:
    """A snapshot, and the least seconds of compiling it."""
    runs = [timed(lambda: compiled.compile_contracts(book, at=NOW, epoch=1)) for _ in range(times)]
    return runs[0][0], min(seconds for _, seconds in runs)


def timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and its seconds of processor time: it is done once or a few times, and neighbours must not count.

    The rest of the process is kept out of the collector's way.
    """
    gc.collect()
    gc.freeze()
    started = time.process_time()
    found = work()
    seconds = time.process_time() - started
    gc.unfreeze()
    return found, seconds


def weighed(work: Callable[[], object]) -> int:
    """Bytes that the result keeps alive, contracts it was made from not included."""
    tracemalloc.start()
    found = work()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del found
    return size


def agreed(answer: Answer, facts: Facts | None) -> Cells:
    """Return what the snapshot keeps, after holding it against the plain engine."""
    outcome = answer.expand()
    if facts is not None:
        assert outcome == decisions.evaluate(QUESTION, facts.normal())
    return kept(outcome)


def beside(
    size: str, warm: float, single: float, name: str, customers: list[str], allowed: Cells, facts: Facts
) -> Iterator[dict[str, Any]]:
    """The same question to everybody else."""
    told = rivals.terms(QUESTION, facts)
    mine = rivals.by_customer(told)
    keys = list(ASKED)
    assert rivals.loop(mine, customers, keys, PURPOSE) == allowed, "the loop disagrees with the engine"
    ours, case = warm * 1e6, f"snapshot, {size}, beside"
    looped = best(lambda: rivals.loop(mine, customers, keys, PURPOSE))
    yield row(f"{case} a loop", ours, "µs", None, None, "plain Python loop, yes or no", looped * 1e6)
    asked = rivals.statement(told, customers, keys, PURPOSE, allowed)
    if asked is not None:
        yield row(f"{case} SQL", ours, "µs", "1/80", warm <= asked / 80, "one SQL statement, yes or no", asked * 1e6)
    cedar = rivals.Cedar(mine, customers, keys, PURPOSE)
    found, batch = timed(cedar.batch)
    assert found == allowed, "Cedar disagrees with the engine"
    yield row(f"{case} Cedar", ours, "µs", "1/2,000", warm <= batch / 2_000, "cedarpy batch, yes or no", batch * 1e6)
    one = best(lambda: cedar.single(customers[0], keys[0]), 0.5)
    yield row(
        f"single question, {name}, beside Cedar",
        single * 1e6,
        "µs",
        "1/20",
        single <= one / 20,
        "cedarpy, yes or no",
        one * 1e6,
    )
    slow = rivals.oso(mine, customers, keys, PURPOSE, allowed)
    if slow is None:
        yield row("oso was not run: no Python up to 3.12 that it can be installed for", 0, "", None, None)
        return
    yield row(
        f"single question, {name}, beside oso", single * 1e6, "µs", None, None, f"{rivals.OSO}, yes or no", slow * 1e6
    )


def activated(snapshot: Snapshot, exposure: Exposure, book: Facts, name: str) -> Iterator[dict[str, Any]]:
    """One contract changes: bring the snapshot to the next epoch, and ask again."""
    customer, family = book.customers[0], book.families[0]
    seconds = again = float("inf")
    for epoch, other in enumerate(book.families[1:20], 2):
        changed = replace(family, documents=other.documents)
        facts = Facts(Dataset("", ""), customers=(customer,), families=(changed,), own_keys=OWN)
        seconds = min(seconds, timed(partial(snapshot.activate, facts, epoch))[1])
        again = min(again, timed(partial(snapshot.decide, QUESTION, exposure, epoch=epoch))[1])
    yield row(f"after one activation, {name}", seconds * 1e3, "ms", "10 ms", seconds <= 10e-3)
    yield row(f"after one activation, {name}: the next decision", again * 1e3, "ms", None, None)


def hostile(count: int) -> Iterator[dict[str, Any]]:
    """No two contracts alike: nothing is shared until outcomes are."""
    book = contracts.book(count, unique=True)
    snapshot, seconds = compiling(book, 3)
    data = dataset(tuple(each.ref for each in book.customers))
    exposure = snapshot.exposure(data, NOW)
    answer, cold = timed(lambda: snapshot.decide(QUESTION, exposure, epoch=1))
    warm = best(lambda: snapshot.decide(QUESTION, exposure, epoch=1))
    name = f"{count:,} contracts, each unlike all others"
    yield row(f"compile {name} ({snapshot.profiles:,} profiles)", seconds, "s", None, None)
    yield row(f"snapshot, {name}: first time", cold * 1e3, "ms", None, None)
    yield row(f"snapshot, {name}: again ({len(answer.rows)} outcomes)", warm * 1e6, "µs", None, None)
