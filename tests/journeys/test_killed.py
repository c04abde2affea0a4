"""`make prove`: the service is killed under load - a worker, the sequencer, PostgreSQL - and every decision that was acknowledged is
in the database and in the ledger, exactly once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import http

pytestmark = pytest.mark.prove
ROUNDS = ("worker", "sequencer", "postgres")
# Run in a process of its own, for its settings name the scratch database: acknowledged references in, what is wrong with them out.
CHECK = """
import json, sys, django
django.setup()
from governance.releases.models import Decision
from lineage.journal import sequencer, verification
from lineage.journal.models import Entry, Leaf
sequencer.run()
refs = json.load(sys.stdin)
rows = dict(Decision.objects.filter(ref__in=refs).values_list("ref", "entry_ref"))
leaves = list(Leaf.objects.filter(entry_ref__in=rows.values()).values_list("entry_ref", flat=True))
print(json.dumps({
    "repeated": len(refs) - len(set(refs)), "lost": len(set(refs) - rows.keys()), "unentered": len(set(rows.values()) - set(leaves)),
    "twice": len(leaves) - len(set(leaves)), "loose": Entry.objects.count() - Leaf.objects.count(),
    "found": [f"{each.where}: {each.what}" for each in verification.check_ledger() if not each.ok],
}))
"""


def test_no_acknowledged_decision_is_lost_or_doubled_when_processes_are_killed() -> None:
    with http.scratch() as place, http.server(place):
        http.load(place, http.PORT, http.RELEASES, seconds=20)
        acknowledged: list[str] = []
        for victim in ROUNDS:
            acknowledged += under_load(place, victim)
        assert acknowledged
        told = check(place, acknowledged)
        assert told == {"repeated": 0, "lost": 0, "unentered": 0, "twice": 0, "loose": 0, "found": []}


def under_load(place: http.Place, victim: str) -> list[str]:
    """Kill `victim` with SIGKILL in the middle of some seconds of load; return the references that were acknowledged."""
    command = [sys.executable, "-m", "bench.http_load", str(http.PORT), http.RELEASES, str(place.questions), "--seconds", "15", "--keep"]  # fmt: skip
    with subprocess.Popen(command, cwd=http.ROOT, stdout=subprocess.PIPE, text=True) as load:
        time.sleep(5)
        kill(place, victim)
        out, _ = load.communicate(timeout=120)
    if victim == "sequencer":  # somebody must notice; here it is us
        with http.server(place):
            pass
        subprocess.run([str(http.ROOT / ".ci/server.sh"), "start"], cwd=http.ROOT, env=place.environment, check=True, capture_output=True)  # fmt: skip
    refs: list[str] = json.loads(out)["refs"]
    return refs


def kill(place: http.Place, victim: str) -> None:
    if victim == "postgres":
        # Every server process of the cluster would take the other tests' databases with it: one backend, killed, has PostgreSQL throw
        # out all connections, forget what is not on disk and recover, as after a crash.
        os.kill(backend(place), signal.SIGKILL)
        return
    pid = int((place.state / ("gunicorn.pid" if victim == "worker" else "sequence.pid")).read_text())
    os.kill(children(pid)[0] if victim == "worker" else pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def backend(place: http.Place) -> int:
    """Return the process id of a server process that is connected to the scratch database."""
    import psycopg

    with psycopg.connect(place.environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() LIMIT 1"
        ).fetchone()
    assert row is not None
    return int(row[0])


def check(place: http.Place, refs: list[str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=http.ROOT, env=place.environment, input=json.dumps(refs), capture_output=True, text=True, check=True)  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found
