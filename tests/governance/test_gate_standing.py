"""The gate beside a run of a scheduled job: it renews before a permit ends, and ends the command when there is no next one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.journal import keys
from tests.governance.test_gate import BUILT, DATASET, ROOT, Service, answer, signed, status_list

STANDING, RUN = "prm_aaaaaaaaaaaaaaaa", "6f3a2f0e-31a5-4a9e-9d43-0c3f5a0f8e11"
JOB = {"namespace": "shop", "name": "nightly"}
RENEW = f"POST /api/v1/permits/{STANDING}/renew"
SHORT = 'import os, time\nprint(os.environ["GATE_RUN"], os.environ.get("GATE_KEY"), flush=True)\n'
LONG = SHORT + "time.sleep(60)\n"
# Says when the file holds another permit than the one it began with, and ends.
WAITS = SHORT + (
    'file = os.environ["GATE_PERMIT_FILE"]\n'
    'while open(file).read() == os.environ["GATE_PERMIT"]: time.sleep(0.05)\n'
    'print("a fresh permit", oct(os.stat(os.path.dirname(file)).st_mode & 0o777))\n'
)


class Renewals(Service):
    """Answers renewals one after the other; the last answer stays. `away` once those are given."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[Any] = []
        self.away = False

    def answer(self, handler: Any, method: str, body: bytes) -> None:
        if handler.path.endswith("/renew"):
            if self.away and not self.queue:
                self.failures = 1
            elif self.queue:
                self.answers[RENEW] = self.queue.pop(0)
        super().answer(handler, method, body)


@pytest.fixture
def service() -> Iterator[Renewals]:
    made = Renewals()
    made.answers["GET /.well-known/jwks.json"] = keys.public_jwks()
    made.answers["GET /api/v1/permits/status"] = status_list(b"\0")
    yield made
    made.server.shutdown()
    made.server.server_close()


def renewed(seconds: int = 600, enforcement: str = "enforce", **claims: Any) -> dict[str, Any]:
    given = {"standing": STANDING, "job": JOB, "run": RUN, "exp": int(time.time()) + seconds, "columns": ["text"]}
    said: dict[str, Any] = {"dataset": DATASET, "action": "train", "purpose": "functional", "renewal": {"why": ""}}
    return answer(enforcement=enforcement, permit=signed(**given | claims)) | said


def refused(why: str = "prohibition", enforcement: str = "enforce") -> dict[str, Any]:
    return renewed(enforcement=enforcement) | {
        "verdict": "deny",
        "permit": None,
        "next": "none",
        "renewal": {"why": why},
    }


def start(service: Renewals, tmp_path: Path, *options: str, command: str = SHORT) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATE_")}
    environment |= {"GATE_STATE_DIR": str(tmp_path / "state"), "GATE_KEY": "cc_secret"}
    words = [sys.executable, str(ROOT / "clients/gate.py"), "run", "--url", service.url, "--standing", STANDING]
    words += ["--job", "shop/nightly", "--run", RUN, *options, "--", sys.executable, "-c", command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def run(service: Renewals, tmp_path: Path, *options: str, command: str = SHORT) -> tuple[int, str, str]:
    process = start(service, tmp_path, *options, command=command)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_run_renews_and_the_command_runs_beside_the_gate(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed()]
    code, out, err = run(service, tmp_path)
    assert code == 0 and f"{RUN} None" in out, err
    assert (
        "POST", f"/api/v1/permits/{STANDING}/renew", {"job": JOB, "run": RUN}
    ) in service.asked and "cc_secret" not in out  # fmt: skip
    assert run(service, tmp_path, command="raise SystemExit(17)")[0] == 17


def test_a_long_run_finds_the_next_permit_in_the_file(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed(3), renewed()]
    code, out, err = run(service, tmp_path, command=WAITS)
    assert code == 0 and "a fresh permit 0o700" in out, err


def test_a_refusal_at_the_start_runs_nothing(service: Renewals, tmp_path: Path) -> None:
    service.queue = [refused("the standing permit was revoked: the job is retired")]
    code, out, err = run(service, tmp_path)
    assert code == 3 and RUN not in out and "the job is retired" in err
    service.queue = [(404, {"detail": "no permit of that reference, or none of yours"})]
    assert run(service, tmp_path)[0] == 3


def test_a_refusal_in_the_middle_ends_the_command_with_3(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed(3), refused()]
    code, out, err = run(service, tmp_path, command=LONG)
    assert code == 3 and RUN in out and "prohibition; ending the command" in err


def test_with_warn_a_refusal_lets_the_command_go_on_and_says_so(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed(3), refused()]
    code, out, err = run(service, tmp_path, "--on-refusal", "warn", command=SHORT + "time.sleep(4); print('done')")
    assert code == 0 and "done" in out and "prohibition; the command goes on without" in err


def test_without_the_service_a_run_goes_on_until_its_permit_ends(service: Renewals, tmp_path: Path) -> None:
    service.queue, service.away = [renewed(3)], True
    code, out, err = run(service, tmp_path, command=LONG)
    assert code == 4 and RUN in out and "expired" in err


def test_a_command_that_does_not_care_is_ended_with_its_children(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed(3), refused()]
    marker = tmp_path / "child"
    shell = f"import subprocess, time\nsubprocess.Popen(['sh', '-c', 'sleep 8; touch {marker}'])\ntime.sleep(60)"
    assert run(service, tmp_path, command=shell)[0] == 3
    time.sleep(6)
    assert not marker.exists()


def test_a_signal_reaches_the_command(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed()]
    process = start(service, tmp_path, command=LONG)
    assert process.stdout is not None
    while RUN not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "claims",
    [
        {"kind": "standing"}, {"standing": "prm_bbbbbbbbbbbbbbbb"}, {"job": JOB | {"name": "x"}}, {"run": "other"}, {"exp": 1},
        {"dataset": BUILT}, {"action": "disclose"},
    ],
)  # fmt: skip
def test_a_permit_of_another_run_is_refused(service: Renewals, tmp_path: Path, claims: dict[str, Any]) -> None:
    service.queue = [renewed(**claims)]
    code, out, _ = run(service, tmp_path)
    assert code == 3 and RUN not in out


def test_a_revoked_permit_is_refused(service: Renewals, tmp_path: Path) -> None:
    service.queue, service.answers["GET /api/v1/permits/status"] = [renewed()], status_list(b"\x01")
    assert run(service, tmp_path)[0] == 3


def test_where_nothing_is_enforced_nothing_stops(service: Renewals, tmp_path: Path) -> None:
    service.queue = [refused(enforcement="observe")]
    code, out, _ = run(service, tmp_path)
    assert code == 0 and "would be refused (prohibition)" in out
    service.queue, service.away = [renewed(3, "observe")], True
    code, _, err = run(service, tmp_path, command=SHORT + "time.sleep(5)")
    assert code == 0 and "goes on without" in err
    code, out, _ = run(service, tmp_path, command="print('ran')")  # the service is away from the start
    assert (
        code == 0
        and "ran" in out
        and (tmp_path / "state" / "spool.jsonl").read_text().count('"columns": ["text"]') == 1
    )


def test_where_it_is_enforced_no_service_means_no_run(service: Renewals, tmp_path: Path) -> None:
    service.away = True
    assert run(service, tmp_path)[0] == 4
    service.queue = [renewed()]
    assert run(service, tmp_path)[0] == 0
    assert run(service, tmp_path)[0] == 4


def test_what_the_standing_permit_says_is_not_said_again(service: Renewals, tmp_path: Path) -> None:
    service.queue = [renewed()]
    assert run(service, tmp_path, "--columns", "text")[0] == 2
    assert run(service, tmp_path, "--job", "")[0] == 2
    assert run(service, tmp_path, "--purpose", "other")[0] == 3
