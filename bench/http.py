"""Decisions over HTTP: the real server (gunicorn, two workers, sequencer and reactions beside it) on a database of its own.

PostgreSQL and the load generator share the machine, as in GOALS.md. The floor is measured in the same run on the same database.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JOB = "decision over HTTP"
ROOT = Path(__file__).parent.parent
PORT, FLOOR_PORT = 8931, 8932
SECONDS = float(os.environ.get("BENCH_HTTP_SECONDS", "8"))
RELEASES = "/api/v1/releases"
EVALUATE = "/access/v1/evaluation"
GOAL_DURABLE, GOAL_EVALUATION, GOAL_P99 = 500, 1_200, 20
GOAL_FLOOR = (
    2_500  # requests a second of the plain view where those goals were set: machines vary, the share of it counts
)


@dataclass(frozen=True)
class Place:
    """A scratch database, a state folder, and the environment in which processes use both."""

    state: Path
    environment: dict[str, str]

    @property
    def questions(self) -> Path:
        """What the load sends."""
        return self.state / "questions.json"


def rows() -> Iterator[dict[str, Any]]:
    """Measure the floor and the decisions."""
    with scratch() as place:
        with floor(place):
            plain = load(place, FLOOR_PORT, "/plain", asks=False)["per_second"]
            drf = load(place, FLOOR_PORT, "/drf", asks=False)["per_second"]
        with server(place):
            warm(place)
            durable = load(place, PORT, RELEASES)
            bare = load(place, PORT, EVALUATE, more=("--asks", "evaluations"))
            steady = load(place, PORT, RELEASES, rate=min(GOAL_DURABLE, 0.5 * durable["per_second"]))
        for case, found, goal in (
            ("enforcing, stored and entered in the ledger", durable, GOAL_DURABLE),
            ("AuthZEN evaluation, not stored", bare, GOAL_EVALUATION),
        ):
            yield throughput(case, found, "plain Django view, one query", plain, goal)
            yield throughput(case, found, "DRF view, one query", drf)
        yield latency(f"stored, at {steady['per_second']:.0f} a second", steady)


def warm(place: Place) -> None:
    """Ask until both workers have answered every question before: what is measured is a service that has run for a minute."""
    for _ in range(40):
        if load(place, PORT, RELEASES, seconds=5)["max_ms"] < 400:
            return


def throughput(case: str, found: dict[str, Any], baseline: str, value: float, goal: int = 0) -> dict[str, Any]:
    """One row of requests per second; a goal is met as the share of the plain view that it was when it was set."""
    ratio = found["per_second"] / value
    row = {
        "job": JOB, "case": f"{case}, 100 customers, 8 in flight", "value": round(found["per_second"]), "unit": "req/s", "baseline": baseline,
        "baseline_value": round(value), "ratio": ratio, "better": "higher",
    }  # fmt: skip
    return row | {
        "goal": f"{goal:,}/s where the plain view gives {GOAL_FLOOR:,}, {goal / GOAL_FLOOR:.2f} of it"
        if goal
        else None,
        "met": ratio >= goal / GOAL_FLOOR if goal else None,
    }


def latency(case: str, found: dict[str, Any]) -> dict[str, Any]:
    """One row of the 99th percentile, beside the median."""
    return {
        "job": JOB, "case": f"p99, {case}", "value": round(found["p99_ms"], 2), "unit": "ms", "baseline": "its own median",
        "baseline_value": round(found["p50_ms"], 2), "ratio": found["p99_ms"] / found["p50_ms"], "goal": f"{GOAL_P99} ms", "met": found["p99_ms"] <= GOAL_P99,
    }  # fmt: skip


def load(place: Place, port: int, path: str, *, asks: bool = True, seconds: float = SECONDS, rate: float = 0, more: tuple[str, ...] = ()) -> dict[str, Any]:  # fmt: skip
    """Run the load generator in a process of its own; raises where an answer was not a success."""
    file = place.questions if asks else place.state / "nothing.json"
    if not asks:
        file.write_text("{}")
    command = [sys.executable, "-m", "bench.http_load", str(port), path, str(file), "--seconds", str(seconds), "--rate", str(rate), *more]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if bad := {status: number for status, number in found["statuses"].items() if status not in ("200", "201")}:
        raise RuntimeError(f"{path} answered {bad}; see {place.state}/server.log")
    return found


@contextmanager
def scratch() -> Iterator[Place]:
    """A database of its own in the embedded cluster, filled with the bench's world; dropped afterwards."""
    from governance import localdb

    cluster, name = ROOT / ".local" / "postgres", f"bench_{secrets.token_hex(4)}"
    localdb.create(cluster, name)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield prepared(Path(folder), {role: localdb.url(cluster, role=role, database=name) for role in ("owner", "app")})  # fmt: skip
    finally:
        localdb.drop(cluster, name)


def prepared(state: Path, urls: dict[str, str]) -> Place:
    """Migrate the database and fill it."""
    environment = os.environ | {
        "STATE_DIR": str(state), "SECRET_KEY": secrets.token_urlsafe(32), "KEYSTORE_PASSPHRASE": secrets.token_urlsafe(32), "PORT": str(PORT),
        "DATABASE_URL": urls["owner"], "APP_DATABASE_URL": urls["app"], "MIGRATED": "yes", "DJANGO_SETTINGS_MODULE": "governance.settings",
        "ENV_FILE": str(state / "env"),
    }  # fmt: skip
    for command in (["migrate", "-v", "0"], ["grant_app_role"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    made = subprocess.run([sys.executable, "-m", "bench.http_world"], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)  # fmt: skip
    (state / "questions.json").write_bytes(made.stdout)
    return Place(state, environment)


@contextmanager
def server(place: Place) -> Iterator[None]:
    """The service as `make serve` runs it."""
    script = str(ROOT / ".ci" / "server.sh")
    subprocess.run([script, "start"], cwd=ROOT, env=place.environment, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([script, "stop-server"], cwd=ROOT, env=place.environment, check=True, capture_output=True)


@contextmanager
def floor(place: Place) -> Iterator[None]:
    """The same number of workers and threads around two bare views."""
    command = [
        sys.executable, "-m", "gunicorn", "bench.http_floor:application", "--bind", f"127.0.0.1:{FLOOR_PORT}", "--workers", "2", "--threads", "4",
        "--no-control-socket",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, env=place.environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{FLOOR_PORT}/plain", timeout=2)
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def show() -> None:
    """`python -m bench.http`: the rows alone, in one line each."""
    for row in rows():
        print(json.dumps(row))


if __name__ == "__main__":
    show()
