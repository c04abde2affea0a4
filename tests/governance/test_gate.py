"""The gate as pipelines run it: a process of its own against a scripted service."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clients import gate
from governance.releases import permits, statuses
from lineage.journal import keys

ROOT = Path(__file__).resolve().parents[2]
DATASET = {"namespace": "postgres://db:5432", "name": "shop.train_set"}
BUILT = {"namespace": "postgres://db:5432", "name": "shop.train_set_built"}
SHOW = "import os; print(os.environ['GATE_DATASET'], bool(os.environ['GATE_PERMIT']), os.environ.get('GATE_KEY'))"


class Service:
    """Answers what a test tells it to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.once: list[str | None] = []
        self.failures = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self, "GET", b"")

            def do_POST(self) -> None:
                outer.answer(self, "POST", self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, method: str, body: bytes) -> None:
        self.asked.append((method, handler.path, json.loads(body or b"{}")))
        self.once.append(handler.headers["Idempotency-Key"])
        status, found = 200, self.answers.get(f"{method} {handler.path}")
        if self.failures:
            self.failures -= 1
            status, found = 503, {}
        if isinstance(found, tuple):
            status, found = found
        raw = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        handler.send_response(status if found is not None else 404)
        if status == 302:
            handler.send_header("Location", "http://127.0.0.1:9/elsewhere")
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.answers["GET /.well-known/jwks.json"] = keys.public_jwks()
    made.answers["GET /api/v1/permits/status"] = status_list(b"\0")
    yield made
    made.server.shutdown()
    made.server.server_close()


def signed(kind: str = "release", dataset: dict[str, str] = DATASET, **claims: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {"jti": "prm_0123456789abcdef", "iat": now, "exp": now + 600, "kind": kind, "dataset": dataset}
    found |= {"action": "train", "purpose": "functional", "status": {"status_list": {"idx": 0, "uri": "x"}}}
    return {"kind": kind, "token": keys.sign_jws(found | claims, typ=permits.TYPE)}


def status_list(bits: bytes) -> str:
    import base64
    import zlib

    now, packed = int(time.time()), base64.urlsafe_b64encode(zlib.compress(bits)).decode().rstrip("=")
    claims = {"iat": now, "exp": now + 60, "status_list": {"bits": 1, "lst": packed}}
    return keys.sign_jws(claims, typ=statuses.TYPE)


def answer(verdict: str = "permit", enforcement: str = "enforce", **more: Any) -> dict[str, Any]:
    return {
        "ref": "dec_0",
        "verdict": verdict,
        "enforcement": enforcement,
        "reasons": [],
        "remedies": [],
        "next": "use",
    } | more


REFUSAL = answer(
    "deny",
    reasons=[{"code": f"code-{n}", "text": f"sentence {n}"} for n in range(5)],
    remedies=[{"text": "activate the opt-in"}, {"text": "drop the column"}],
    next="none",
)


def run(
    service_url: str, tmp_path: Path, *options: str, command: str = SHOW, key: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATE_")}
    environment |= {"GATE_STATE_DIR": str(tmp_path / "state")} | ({"GATE_KEY": "cc_secret"} if key else {})
    asked = [
        "--url",
        service_url,
        "--dataset",
        "postgres://db:5432/shop.train_set",
        "--action",
        "train",
        "--purpose",
        "functional",
    ]
    words = [
        sys.executable,
        str(ROOT / "clients/gate.py"),
        "run",
        *asked,
        *options,
        "--",
        sys.executable,
        "-c",
        command,
    ]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False, timeout=60)


def test_a_permit_lets_the_command_run_and_hides_the_key(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer(permit=signed())
    done = run(service.url, tmp_path)
    assert done.returncode == 0 and "shop.train_set True None" in done.stdout, done.stderr


def test_the_commands_exit_code_comes_back(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer(permit=signed())
    assert run(service.url, tmp_path, command="raise SystemExit(17)").returncode == 17


def test_a_refusal_exits_3_with_three_reasons_and_the_first_remedy(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = REFUSAL
    done = run(service.url, tmp_path)
    assert done.returncode == 3 and "GATE" not in done.stdout
    assert "sentence 2" in done.stdout and "sentence 3" not in done.stdout
    assert "activate the opt-in" in done.stdout and "drop the column" not in done.stdout


def test_a_plan_is_built_only_when_it_is_accepted(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer("permit_with_plan", next="build", permit=signed("build"))
    service.answers["POST /api/v1/releases/dec_0/build"] = {
        "state": "released", "counts": {"rows_written": 12}, "dataset": BUILT, "permit": signed(dataset=BUILT),
    }  # fmt: skip
    refused = run(service.url, tmp_path)
    assert refused.returncode == 3 and "--accept-plan" in refused.stderr
    done = run(service.url, tmp_path, "--accept-plan")
    assert done.returncode == 0 and "shop.train_set_built True" in done.stdout and "rows written: 12" in done.stdout


def test_a_refused_build_exits_3_and_says_why(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer("permit_with_plan", next="build")
    service.answers["POST /api/v1/releases/dec_0/build"] = {"state": "refused", "why": "k is 3, 20 needed"}
    done = run(service.url, tmp_path, "--build")
    assert done.returncode == 3 and "k is 3, 20 needed" in done.stderr


def test_a_build_that_takes_long_is_waited_for(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer("permit_with_plan", next="build")
    service.answers["POST /api/v1/releases/dec_0/build"] = {"state": "running"}
    service.answers["GET /api/v1/releases/dec_0/build"] = {
        "state": "released",
        "dataset": BUILT,
        "permit": signed(dataset=BUILT),
    }
    assert run(service.url, tmp_path, "--build").returncode == 0


@pytest.mark.parametrize(
    "claims", [{"action": "disclose"}, {"dataset": BUILT}, {"exp": 1}, {"kind": "release", "purpose": "other"}]
)
def test_a_permit_for_something_else_is_refused(service: Service, tmp_path: Path, claims: dict[str, Any]) -> None:
    service.answers["POST /api/v1/releases"] = answer(permit=signed(**claims))
    assert run(service.url, tmp_path).returncode == 3


def test_a_build_permit_or_an_advisory_does_not_run_the_command(service: Service, tmp_path: Path) -> None:
    for kind in ("build", "advisory"):
        service.answers["POST /api/v1/releases"] = answer(permit=signed(kind))
        assert run(service.url, tmp_path).returncode == 3
        lying = signed(kind) | {"kind": "release"}  # the answer says one thing, the token another
        service.answers["POST /api/v1/releases"] = answer(permit=lying)
        assert run(service.url, tmp_path).returncode == 3


def test_an_override_runs_the_command_and_is_said(service: Service, tmp_path: Path) -> None:
    permit = signed("override", override={"ref": "ovr_1"}) | {"override": {"ref": "ovr_1"}}
    service.answers["POST /api/v1/releases"] = answer("deny", permit=permit)
    done = run(service.url, tmp_path)
    assert done.returncode == 0 and "overridden by a person (ovr_1)" in done.stdout, done.stderr
    service.answers["GET /api/v1/permits/status"] = status_list(b"\x01")
    assert run(service.url, tmp_path).returncode == 3


def test_a_revoked_permit_is_refused(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer(permit=signed())
    service.answers["GET /api/v1/permits/status"] = status_list(b"\x01")
    done = run(service.url, tmp_path)
    assert done.returncode == 3 and "revoked" in done.stderr


def test_pinned_keys_win_over_fetched_ones(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer(permit=signed())
    pinned = tmp_path / "jwks.json"
    pinned.write_text(json.dumps({"keys": []}))
    assert run(service.url, tmp_path, "--jwks", str(pinned)).returncode == 3


def test_faults_are_tried_again_under_the_same_idempotency_key(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = answer(permit=signed())
    service.failures = 2
    assert run(service.url, tmp_path).returncode == 0
    first = [once for once, asked in zip(service.once, service.asked, strict=True) if asked[0] == "POST"]
    assert len(first) == 3 and len(set(first)) == 1 and first[0]


def test_no_service_exits_4_without_running(tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9", tmp_path)
    assert done.returncode == 4 and "shop" not in done.stdout


def test_a_redirect_is_not_followed_with_the_key(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = (302, {})
    assert run(service.url, tmp_path).returncode == 3


def test_observing_runs_without_a_service_and_sends_the_question_later(service: Service, tmp_path: Path) -> None:
    service.failures = 99
    done = run(service.url, tmp_path, "--observe")
    assert done.returncode == 0 and "shop.train_set False" in done.stdout
    service.failures, service.asked = 0, []
    service.answers["POST /api/v1/releases"] = answer(permit=signed())
    assert "sent an earlier question" in run(service.url, tmp_path).stdout
    assert "ran_unasked_at" in service.asked[0][2] and not (tmp_path / "state/spool.jsonl").exists()


def test_a_namespace_known_to_observe_keeps_running_and_one_that_enforces_stops(
    service: Service, tmp_path: Path
) -> None:
    service.answers["POST /api/v1/releases"] = REFUSAL | {"enforcement": "observe"}
    done = run(service.url, tmp_path)
    assert done.returncode == 0 and "would be refused" in done.stdout
    service.failures = 99
    assert run(service.url, tmp_path).returncode == 0
    service.failures = 0
    service.answers["POST /api/v1/releases"] = REFUSAL
    assert run(service.url, tmp_path).returncode == 3
    service.failures = 99
    assert run(service.url, tmp_path).returncode == 4


def test_a_malformed_question_is_said_plainly(service: Service, tmp_path: Path) -> None:
    service.answers["POST /api/v1/releases"] = (400, {"detail": "there is no action 'train'", "where": "action"})
    done = run(service.url, tmp_path)
    assert done.returncode == 3 and "there is no action 'train' - action" in done.stderr


def test_usage_errors_exit_2(service: Service, tmp_path: Path) -> None:
    assert run(service.url, tmp_path, key=False).returncode == 2
    assert run("file:///etc/passwd", tmp_path).returncode == 2


def test_verify_prints_the_claims_or_says_what_is_wrong(tmp_path: Path) -> None:
    trusted, token = tmp_path / "jwks.json", tmp_path / "permit.jws"
    trusted.write_text(json.dumps(keys.public_jwks()))
    token.write_text(signed()["token"])
    assert gate.main(["verify", str(token), "--jwks", str(trusted)]) == 0
    revoked = tmp_path / "status.jws"
    revoked.write_text(status_list(b"\x01"))
    assert gate.main(["verify", str(token), "--jwks", str(trusted), "--status", str(revoked)]) == 3
    token.write_text(token.read_text()[:-3] + "AAA")
    assert gate.main(["verify", str(token), "--jwks", str(trusted)]) == 3


def test_the_run_facet_follows_its_schema() -> None:
    schema = json.loads((ROOT / "docs/governance_permit-run-facet.json").read_text())
    jsonschema.validate({"governance_permit": gate.facet(signed()["token"], "https://x.example")}, schema)
