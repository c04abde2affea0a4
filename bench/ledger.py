"""The ledger beside the usual ways to keep a log in PostgreSQL, in a scratch database that is dropped afterwards."""

import random
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

JOB = "ledger append"
SECONDS = 2.0
GOAL_APPENDS = 20_000  # per second, GOALS.md
GOAL_PROOF = 50  # microseconds at 1M leaves, GOALS.md


def rows() -> list[dict[str, Any]]:
    """Appends per second, durable and included, beside one row per commit and a hash chain under a lock; then proofs."""
    with scratch():
        single = rate(one_row_per_commit())
        chain = rate(hash_chain())
        found = [
            appends("1 in flight", rate(one_by_one), single, chain),
            appends("16 in flight", rate(one_by_one, threads=16), rate(one_row_per_commit(), threads=16), None),
            appends("1,000 in one transaction", rate(in_batches), single, chain),
        ]
        found = [row for rows_ in found for row in rows_]
        found.append(stored_proof())
    return [*found, proof_in_memory()]


def appends(case: str, ours: float, single: float, chain: float | None) -> list[dict[str, Any]]:
    """One row for each baseline."""
    beside = {"one row per commit": single} | ({"hash chain under a lock": chain} if chain else {})
    return [
        {
            "job": JOB, "case": case, "value": round(ours), "unit": "entries/s", "baseline": name, "baseline_value": round(value),
            "ratio": ours / value, "goal": GOAL_APPENDS, "better": "higher", "met": ours >= GOAL_APPENDS,
        }
        for name, value in beside.items()
    ]  # fmt: skip


def rate(work: Callable[[], int], *, threads: int = 1) -> float:
    """Units of work per second over some seconds; `work` returns how many it did."""
    from django.db import connections

    done, end = [0] * threads, time.perf_counter() + SECONDS

    def run(number: int) -> None:
        try:
            while time.perf_counter() < end:
                done[number] += work()
        finally:
            if threads > 1:
                connections.close_all()

    started = time.perf_counter()
    if threads == 1:
        run(0)
    else:
        all_ = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
        [each.start() for each in all_]
        [each.join() for each in all_]
    return sum(done) / (time.perf_counter() - started)


def one_by_one() -> int:
    """One entry in one transaction; the sequencer runs after its commit, so it is signed when this returns (one in flight)."""
    from django.db import transaction

    from lineage.journal import entries

    with transaction.atomic():
        entries.record("bench.noted", {"number": 1}, by="system")
    return 1


def in_batches() -> int:
    """A thousand entries of one transaction."""
    from django.db import transaction

    from lineage.journal import entries

    with transaction.atomic():
        entries.record_many([entries.Draft("bench.noted", {"number": n}) for n in range(1_000)], by="system")
    return 1_000


def one_row_per_commit() -> Callable[[], int]:
    """The plain audit table: no chain, no proof."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_plain (id bigserial PRIMARY KEY, body bytea)")

    def append() -> int:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_plain (body) VALUES (%s)", [secrets.token_bytes(300)])
        return 1

    return append


def hash_chain() -> Callable[[], int]:
    """Each row holds the hash of the one before it, so appends stand in line."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_chain (id bigserial PRIMARY KEY, body bytea, hash bytea)")

    def append() -> int:
        body = secrets.token_bytes(300)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
            cursor.execute("SELECT hash FROM bench_chain ORDER BY id DESC LIMIT 1")
            last = cursor.fetchone()
            linked = sha256((bytes(last[0]) if last else b"") + body).digest()
            cursor.execute("INSERT INTO bench_chain (body, hash) VALUES (%s, %s)", [body, linked])
        return 1

    return append


def stored_proof() -> dict[str, Any]:
    """A proof from the tables, tiles read for each one anew."""
    from lineage.journal import sequencer, stored
    from lineage.ledger import tree

    size = sequencer.run().size
    took = [timed(lambda: tree.inclusion(random.randrange(size), size, stored.nodes(size))) for _ in range(100)]
    return {
        "job": "ledger proof",
        "case": f"inclusion from PostgreSQL, {size:,} entries",
        "value": round(sorted(took)[50]),
        "unit": "µs",
    }


def proof_in_memory() -> dict[str, Any]:
    """A proof from a tree in memory: the cost of the algorithm."""
    from lineage.ledger import hashing, tree

    size = 1_000_000
    leaves = [hashing.leaf(number.to_bytes(8)) for number in range(size)]
    nodes = tree.of_leaves(leaves)
    took = [timed(lambda: tree.inclusion(random.randrange(size), size, nodes)) for _ in range(1_000)]
    value = sorted(took)[500]
    return {
        "job": "ledger proof", "case": f"inclusion in memory, {size:,} entries", "value": round(value, 1), "unit": "µs",
        "goal": GOAL_PROOF, "better": "lower", "met": value <= GOAL_PROOF,
    }  # fmt: skip


def timed(work: Callable[[], object]) -> float:
    """Microseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e6


@contextmanager
def scratch() -> Iterator[None]:
    """A database, keys and a copy folder of its own: the real ledger gets no entry from a benchmark."""
    from django.core.management import call_command
    from django.db import connection
    from django.test import override_settings

    real, name = connection.settings_dict["NAME"], f"bench_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            switch(name)
            with override_settings(
                KEYSTORE_DIR=f"{folder}/keys",
                CHECKPOINT_COPY_DIR=f"{folder}/copies",
                KEYSTORE_PASSPHRASE=secrets.token_hex(16),
            ):
                call_command("migrate", "journal", verbosity=0)
                yield
    finally:
        switch(real)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def switch(name: str) -> None:
    """Go on in another database."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name
