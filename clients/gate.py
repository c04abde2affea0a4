#!/usr/bin/env python3
"""Ask before a pipeline reads governed data: `gate.py run … -- command`, and `gate.py verify PERMIT --jwks FILE`.

A scheduled job has a standing permit and renews it for each run: `gate.py run --standing REF --job NAMESPACE/NAME … -- command`. The
gate then stays beside the command, renews before a permit ends, and writes each to the file that GATE_PERMIT_FILE names.

One file to copy: Python 3.10+, its standard library and `cryptography`. It asks the service, prints the verdict, waits for the build
when one is needed, checks the permit offline (Ed25519, RFC 8037 and 9864; status list) and runs the command with GATE_DATASET,
GATE_NAMESPACE, GATE_PERMIT and GATE_RUN_FACETS (OpenLineage run facets that name the permit) in its environment; under a standing
permit also with GATE_RUN, the run's id for OpenLineage.

Exit codes: the command's own, or 2 for wrong usage, 3 when there is no permit, 4 when the service cannot be reached.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
import zlib
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

REFUSED, UNREACHABLE = 3, 4
PERMIT_TYPE, STATUS_TYPE = "governance-permit+jwt", "statuslist+jwt"
STANDING_TYPE = "governance-standing-permit+jwt"
FACET_SCHEMA = "/schema/governance_permit-run-facet.json"
USABLE = ("release", "override")  # kinds of permits that let data be used
SKEW = 60  # seconds between our clock and the service's
TRIES, PAUSE = 4, 0.5
MAX_LIST = 64 * 1024 * 1024
AGAIN = 30.0  # seconds at most between tries to renew while the service is away
GRACE = 30.0  # seconds that a command has to end by itself

Json = dict[str, Any]


class Refused(Exception):
    """No permit, or one that does not hold: exit 3."""


class Unreachable(Exception):
    """The service does not answer, or answers with a fault of its own: exit 4."""


# ---- permits, offline ---------------------------------------------------------------------------------------------------------


def verify(token: str, jwks: Json, *, now: float, typ: str = PERMIT_TYPE) -> Json:
    """Return the claims of a signed permit (or status list); raises `Refused` naming what is wrong with it."""
    try:
        head, body, signature = token.strip().split(".")
        header, claims = json.loads(_unbase64(head)), json.loads(_unbase64(body))
        raw = _unbase64(signature)
    except (ValueError, TypeError) as error:
        raise Refused(f"this is not a compact JWS: {error}") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused("header and claims must be JSON objects")
    if typ == PERMIT_TYPE and (header.get("typ") == STANDING_TYPE or claims.get("kind") == "standing"):
        raise Refused("a standing permit lets no run use anything: renew it, and verify the permit of the run")
    if header.get("alg") != "Ed25519" or header.get("typ") != typ or "crit" in header or "b64" in header:
        raise Refused(f"expected alg Ed25519 and typ {typ}, found {header.get('alg')!r} and {header.get('typ')!r}")
    try:
        _key(jwks, header.get("kid")).verify(raw, f"{head}.{body}".encode())
    except InvalidSignature:
        raise Refused("the signature does not fit: altered, or signed by somebody else") from None
    _check_times(claims, now)
    return claims


def check_status(claims: Json, status: Json) -> None:
    """Raise `Refused` when the status list (its verified claims) says that the permit is revoked, or does not know it."""
    try:
        index = claims["status"]["status_list"]["idx"]
        if status["status_list"]["bits"] != 1 or type(index) is not int or index < 0:
            raise ValueError("one bit per permit expected")
        inflate = zlib.decompressobj()
        bits = inflate.decompress(_unbase64(status["status_list"]["lst"]), MAX_LIST)
        revoked = bits[index // 8] >> (index % 8) & 1
    except (KeyError, TypeError, ValueError, IndexError, zlib.error) as error:
        raise Refused(f"the status list cannot answer for this permit: {error!r}") from error
    if revoked:
        raise Refused("the permit was revoked")


def _check_times(claims: Json, now: float) -> None:
    for name in ("iat", "exp"):
        if type(claims.get(name)) is not int:
            raise Refused(f"{name} is missing")
    if claims["exp"] <= now:
        raise Refused(f"expired {_when(claims['exp'])}")
    if max(claims["iat"], claims.get("nbf", 0)) > now + SKEW:
        raise Refused("issued in the future: check this machine's clock")


def _key(jwks: Json, kid: object) -> Ed25519PublicKey:
    for key in jwks.get("keys", []):
        if (
            key.get("kid") == kid
            and key.get("kty") == "OKP"
            and key.get("crv") == "Ed25519"
            and key.get("use", "sig") == "sig"
        ):
            return Ed25519PublicKey.from_public_bytes(_unbase64(key["x"]))
    raise Refused(f"key {kid!r} is not among the trusted ones")


def _unbase64(text: str) -> bytes:
    if "=" in text or "+" in text or "/" in text:
        raise ValueError("base64url without padding expected")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise ValueError("base64url is not in its one canonical form")
    return raw


# ---- talking to the service ---------------------------------------------------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:  # a redirect would carry the key to another host
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def call(url: str, *, key: str = "", body: Json | None = None, once: str = "", timeout: float = 60) -> str:
    """GET, or POST `body` as JSON; tries again on faults of the line or the service. Raises `Refused` on 4xx, else `Unreachable`."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    headers |= {"Idempotency-Key": once} if once else {}
    data = None if body is None else json.dumps(body).encode()
    last = "no answer"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            with _OPENER.open(urllib.request.Request(url, data, headers), timeout=timeout) as answer:  # noqa: S310
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in {408, 429}:
                raise Refused(_problem(error)) from error
            last = f"HTTP {error.code}"
        except (urllib.error.URLError, OSError, ValueError) as error:
            last = str(getattr(error, "reason", error))
    raise Unreachable(f"{url} does not answer: {last}")


def _ask(url: str, **options: Any) -> Json:
    try:
        answer = json.loads(call(url, **options))
    except ValueError as error:
        raise Unreachable(f"{url} did not answer with JSON") from error
    if not isinstance(answer, dict):
        raise Unreachable(f"{url} did not answer with a JSON object")
    return answer


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return " - ".join(str(problem[name]) for name in ("detail", "where", "remedy") if problem.get(name))
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return f"HTTP {error.code}"


# ---- run ----------------------------------------------------------------------------------------------------------------------


def question(options: argparse.Namespace) -> Json:
    """Return the body of `POST /api/v1/releases` for these options."""
    asked: Json = {"dataset": _dataset(options.dataset), "action": options.action, "purpose": options.purpose}
    for name in ("columns", "required"):
        if getattr(options, name):
            asked[name] = [column.strip() for column in getattr(options, name).split(",") if column.strip()]
    for name in ("recipient", "model", "environment", "region", "mode"):
        if getattr(options, name):
            asked[name] = getattr(options, name)
    if options.output:
        asked["output"] = _dataset(options.output, options.dataset)
    if options.writes:
        asked["writes"] = [_dataset(each, options.dataset) for each in options.writes]
    return asked


def run(options: argparse.Namespace) -> int:
    """Ask, wait, verify, then become the command; returns an exit code when it does not come to that."""
    asked, key, now = question(options), _service_key(options), time.time()
    try:
        _send_spooled(options, key)
        answer = _ask(f"{options.url}/api/v1/releases", key=key, body=asked, once=uuid.uuid4().hex)
        _remember(options, asked, str(answer.get("enforcement", "enforce")))
        _print_answer(answer)
        dataset, kind, token = _granted(options, asked, answer, key)
        if token:
            _check(options, token, asked | {"dataset": dataset, "kind": kind}, now)
    except Unreachable as error:
        return _without_service(options, asked, error)
    except Refused as error:
        return _say(f"no permit: {error}", REFUSED)
    _become(options, dataset, token)


# ---- run under a standing permit ----------------------------------------------------------------------------------------------


class Renewing:
    """One run of a scheduled job: its permit now, and the next in time. `ended` says with which exit code the command must stop."""

    def __init__(self, options: argparse.Namespace, key: str) -> None:
        self.options, self.key, self.job = options, key, _dataset(options.job)
        self.run = options.run or str(uuid.uuid4())
        self.dataset: Json = {}
        self.token = self.mode = ""
        self.expires = self.due = 0.0  # our clock; 0 where there is no permit to lose
        self.ended = 0
        self.finished = threading.Event()
        self._file = Path()

    def renew(self) -> None:
        """Ask for the run's next permit and check it offline; raises `Refused` and `Unreachable`."""
        now, options = time.time(), self.options
        left = self.expires - now if self.expires else 60.0
        url = f"{options.url}/api/v1/permits/{options.standing}/renew"
        body, once = {"job": self.job, "run": self.run}, uuid.uuid4().hex
        answer = _ask(url, key=self.key, body=body, once=once, timeout=min(60.0, max(1.0, left / TRIES)))
        asked = {name: answer.get(name) for name in ("dataset", "action", "purpose")}
        self.mode = str(answer.get("enforcement", "enforce"))
        if not self.token:
            _print_answer(answer)
        answer |= {"why": dict(answer.get("renewal") or {}).get("why"), "next": ""}
        dataset, kind, token = _granted(options, asked, answer, self.key)
        bound = {"standing": options.standing, "job": self.job, "run": self.run} if kind == "release" else {}
        claims = _check(options, token, asked | {"kind": kind} | bound | _told(options), now) if token else {}
        asked |= {"columns": claims["columns"]} if claims.get("columns") else {}
        _standing_file(options).write_text(json.dumps({"mode": self.mode, "body": asked}))
        self.dataset, self.token = dataset, token
        self.expires = float(claims.get("exp", 0)) if kind == "release" else 0.0
        self.due = now + max(0.5, (self.expires - now) * 2 / 3)

    def keep(self) -> None:
        """Renew before each permit ends, until the command is over; for a thread of its own."""
        wait = self.due - time.time()
        while self.expires and not self.finished.wait(max(0.0, wait)):
            try:
                self.renew()
            except Unreachable as error:
                if not self.expires:
                    return
                _say(f"{error}; going on with the permit there is, until {_when(self.expires)}", 0)
                wait = min(AGAIN, max(0.5, (self.expires - time.time()) / 4))
            except Exception as error:  # whatever it is, the run has no next permit
                self.refused(str(error), REFUSED)
                return
            else:
                self.write()
                wait = self.due - time.time()

    def refused(self, why: str, code: int) -> None:
        """Have the command end, or say that it goes on without a permit."""
        self.expires = 0.0
        if self.options.on_refusal == "warn" or self.options.observe or self.mode in {"observe", "warn"}:
            _say(f"no permit any more: {why}; the command goes on without", code)
        else:
            self.ended = _say(f"no permit any more: {why}; ending the command", code)

    def write(self) -> None:
        """Put the permit where the command finds it: a whole file at every moment."""
        new = self._file.with_suffix(".new")
        new.write_text(self.token)
        new.replace(self._file)

    def beside(self) -> int:
        """Run the command and renew beside it; return the exit code: the command's, or why it was ended."""
        with tempfile.TemporaryDirectory(prefix="gate-") as folder:  # readable by us alone
            self._file = Path(folder) / "permit.jws"
            self.write()
            added = {"GATE_PERMIT_FILE": str(self._file), "GATE_RUN": self.run}
            environment = _environment(self.options, self.dataset, self.token) | added
            sys.stdout.flush()
            try:
                child = subprocess.Popen(self.options.command, env=environment, start_new_session=True)
            except OSError as error:
                return _say(f"cannot run {self.options.command[0]}: {error.strerror}", 127)
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(each, lambda number, _: _send(child, number))
            threading.Thread(target=self.keep, daemon=True).start()
            try:
                return self._watch(child)
            finally:
                self.finished.set()

    def _watch(self, child: "subprocess.Popen[bytes]") -> int:
        while True:
            try:
                code = child.wait(timeout=0.2)
                return code if code >= 0 else 128 - code
            except subprocess.TimeoutExpired:
                pass
            if self.expires and time.time() >= self.expires:
                self.refused("it expired, and the service cannot be reached", UNREACHABLE)
            if self.ended:
                return _end(child, self.ended)


def run_standing(options: argparse.Namespace) -> int:
    """Renew the standing permit for this run, then run the command beside the renewals."""
    key = _service_key(options)
    renewing = Renewing(options, key)
    try:
        _send_spooled(options, key)
        renewing.renew()
    except Unreachable as error:
        return _standing_without_service(options, error)
    except Refused as error:
        return _say(f"no permit: {error}", REFUSED)
    return renewing.beside()


def _unfit(options: argparse.Namespace) -> str:
    if not options.job:
        return "give --job NAMESPACE/NAME with --standing"
    names = ("columns", "required", "environment", "region", "output", "writes", "mode", "accept_plan", "build")
    said = [name for name in names if getattr(options, name)]
    return f"a standing permit says {', '.join(said)} itself: leave them out" if said else ""


def _told(options: argparse.Namespace) -> Json:
    """What was said of the question all the same: the permit must be for that."""
    told = {name: getattr(options, name) for name in ("action", "purpose", "recipient", "model")}
    told["dataset"] = _dataset(options.dataset) if options.dataset else None
    return {name: value for name, value in told.items() if value}


def _send(child: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)  # a shell's children as well


def _end(child: "subprocess.Popen[bytes]", code: int) -> int:
    _send(child, signal.SIGTERM)
    try:
        child.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        _say(f"the command did not end within {GRACE:g} s: killed", code)
    _send(child, signal.SIGKILL)
    child.wait()
    return code


def _standing_file(options: argparse.Namespace) -> Path:
    return _state("standing-" + hashlib.sha256(f"{options.url}\0{options.standing}".encode()).hexdigest()[:16])


def _standing_without_service(options: argparse.Namespace, error: Unreachable) -> int:
    """As for any question, by what the service said last of this one."""
    try:
        known = dict(json.loads(_standing_file(options).read_text()))
    except (OSError, ValueError):
        return _say(f"{error}; of this standing permit nothing is known here", UNREACHABLE)
    _remember(options, known["body"], str(known["mode"]))
    return _without_service(options, known["body"], error)


# ---- what both do -------------------------------------------------------------------------------------------------------------


def _granted(options: argparse.Namespace, asked: Json, answer: Json, key: str) -> tuple[Json, str, str]:
    """The dataset to read, the kind of permit and the permit; outside `enforce` a refusal is said, counted by the service, and not enforced."""
    enforced = answer.get("enforcement") == "enforce"
    state = answer
    if answer.get("next") == "build" and (options.accept_plan or options.build):
        state = _build(options, asked, str(answer["ref"]), key)
    permit = state.get("permit")
    if isinstance(permit, dict) and permit.get("kind") in USABLE:
        if permit["kind"] == "override":
            print(
                f"gate: refused by the policy, and overridden by a person ({dict(permit.get('override') or {}).get('ref')})"
            )
        return dict(state.get("dataset") or asked["dataset"]), str(permit["kind"]), str(permit["token"])
    if answer.get("next") == "build" and state is answer:
        why = "a part may be used: run again with --accept-plan to build it"
    else:
        why = str(state.get("why") or answer.get("verdict"))
    if enforced:
        raise Refused(why)
    print(f"gate: {answer.get('enforcement')} - would be refused ({why}); running anyway, and it is counted")
    advisory = answer.get("advisory")
    return dict(asked["dataset"]), "advisory", str(advisory["token"]) if isinstance(advisory, dict) else ""


def _build(options: argparse.Namespace, asked: Json, ref: str, key: str) -> Json:
    print("gate: building the permitted part")
    body: Json = {"output": asked["output"]} if "output" in asked else {}
    address, deadline = f"{options.url}/api/v1/releases/{ref}", time.time() + options.wait
    state = _ask(f"{address}/build", key=key, body=body, once=uuid.uuid4().hex, timeout=options.wait)
    while state.get("state") == "running":
        if time.time() > deadline:
            raise Unreachable(f"the build of {ref} is not finished after {options.wait} s")
        time.sleep(1)
        state = _ask(f"{address}/build", key=key)
    for name, number in dict(state.get("counts") or {}).items():
        if type(number) is int:
            print(f"gate:   {name.replace('_', ' ')}: {number}")
    return state


def _check(options: argparse.Namespace, token: str, wanted: Json, now: float) -> Json:
    """The permit must be genuine, live, and for what we asked; returns what it says."""
    jwks = _jwks(options)
    claims = verify(token, jwks, now=now)
    names = ("kind", "action", "purpose", "dataset", "recipient", "model", "standing", "job", "run")
    wrong = [name for name in names if name in wanted and claims.get(name) != wanted[name]]
    if wrong:
        raise Refused(f"the permit is for another {', '.join(wrong)}")
    if wanted["kind"] != "advisory":
        check_status(claims, verify(call(f"{options.url}/api/v1/permits/status"), jwks, now=now, typ=STATUS_TYPE))
    return claims


def _jwks(options: argparse.Namespace) -> Json:
    if options.jwks:
        return dict(json.loads(Path(options.jwks).read_text()))
    return _ask(f"{options.url}/.well-known/jwks.json")


def _without_service(options: argparse.Namespace, asked: Json, error: Unreachable) -> int:
    """In `observe` and `warn` nothing stops: it is written down and sent with the next question. In `enforce`, exit 4."""
    if not options.observe and _remembered(options, asked) not in {"observe", "warn"}:
        return _say(f"{error}", UNREACHABLE)
    record = {"once": uuid.uuid4().hex, "url": options.url, "body": asked | {"ran_unasked_at": _when(time.time())}}
    with _state("spool.jsonl").open("a") as spool:
        spool.write(json.dumps(record) + "\n")
    print(f"gate: {error}; observing, so the command runs, and the question is sent later")
    _become(options, asked["dataset"], "")


def _send_spooled(options: argparse.Namespace, key: str) -> None:
    spool = _state("spool.jsonl")
    if not spool.exists():
        return
    taken = spool.with_name(f"spool-{os.getpid()}.jsonl")
    spool.rename(taken)  # a gate that starts meanwhile writes a new file
    left = [json.loads(line) for line in taken.read_text().splitlines() if line]
    try:
        while left:
            if left[0]["url"] == options.url:
                _send_one(options, key, left[0])
                left.pop(0)
            else:
                with spool.open("a") as other:
                    other.write(json.dumps(left.pop(0)) + "\n")
    finally:
        with spool.open("a") as rest:
            rest.writelines(json.dumps(record) + "\n" for record in left)
        taken.unlink()
        if not spool.stat().st_size:
            spool.unlink()


def _send_one(options: argparse.Namespace, key: str, record: Json) -> None:
    try:
        _ask(f"{options.url}/api/v1/releases", key=key, body=record["body"], once=record["once"])
        print("gate: sent an earlier question")
    except Refused as error:
        print(f"gate: an earlier question was not accepted: {error}")


def _environment(options: argparse.Namespace, dataset: Json, token: str) -> dict[str, str]:
    """What the command finds around it: everything but the service key."""
    names = {"GATE_DATASET": str(dataset["name"]), "GATE_NAMESPACE": str(dataset["namespace"]), "GATE_PERMIT": token}
    if token:
        names["GATE_RUN_FACETS"] = json.dumps({"governance_permit": facet(token, options.url)})
    return {name: value for name, value in os.environ.items() if name != "GATE_KEY"} | names


def _become(options: argparse.Namespace, dataset: Json, token: str) -> NoReturn:
    sys.stdout.flush()
    try:
        os.execvpe(options.command[0], options.command, _environment(options, dataset, token))  # noqa: S606
    except OSError as error:
        sys.exit(_say(f"cannot run {options.command[0]}: {error.strerror}", 127))


def facet(token: str, url: str) -> Json:
    """Return the OpenLineage run facet `governance_permit` that names this permit (schema: docs/)."""
    claims = json.loads(_unbase64(token.split(".")[1]))
    return {
        "_producer": f"{url}/gate",
        "_schemaURL": f"{url}{FACET_SCHEMA}",
        "permit": claims["jti"],
        "digest": "sha256:" + hashlib.sha256(token.encode()).hexdigest(),
    }


# ---- small things -------------------------------------------------------------------------------------------------------------


def _print_answer(answer: Json) -> None:
    print(f"gate: {answer.get('verdict')} ({answer.get('ref')})")
    for reason in list(answer.get("reasons") or [])[:3]:
        print(f"gate:   {reason.get('code')}: {reason.get('text')}")
    for remedy in list(answer.get("remedies") or [])[:1]:
        print(f"gate:   what would help: {remedy.get('text')}")


def _dataset(text: str, like: str = "") -> Json:
    namespace, _, name = text.rpartition("/")
    if not namespace and like:
        namespace = like.rpartition("/")[0]
    if not namespace or not name:
        sys.exit(_say(f"{text!r}: write NAMESPACE/NAME", 2))
    return {"namespace": namespace, "name": name}


def _service_key(options: argparse.Namespace) -> str:
    text = Path(options.key_file).read_text() if options.key_file else os.environ.get("GATE_KEY", "")
    if not text.strip():
        sys.exit(_say("set GATE_KEY in the environment or give --key-file", 2))
    return text.strip()


def _state(name: str) -> Path:
    default = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "governance-gate"
    folder = Path(os.environ.get("GATE_STATE_DIR", default))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / name


def _mode_file(options: argparse.Namespace, asked: Json) -> Path:
    return _state("mode-" + hashlib.sha256(f"{options.url}\0{asked['dataset']['namespace']}".encode()).hexdigest()[:16])


def _remember(options: argparse.Namespace, asked: Json, mode: str) -> None:
    _mode_file(options, asked).write_text(mode)


def _remembered(options: argparse.Namespace, asked: Json) -> str:
    try:
        return _mode_file(options, asked).read_text()
    except OSError:
        return "enforce"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _say(text: str, code: int) -> int:
    print(f"gate: {text}", file=sys.stderr)
    return code


def verify_command(options: argparse.Namespace) -> int:
    """Print the claims of a permit, or say what is wrong with it."""
    try:
        text = sys.stdin.read() if options.permit == "-" else options.permit
        token = Path(text).read_text() if text.count(".") != 2 or Path(text).is_file() else text
        jwks = dict(json.loads(Path(options.jwks).read_text()))
        claims = verify(token, jwks, now=time.time())
        if options.status:
            check_status(claims, verify(Path(options.status).read_text(), jwks, now=time.time(), typ=STATUS_TYPE))
    except Refused as error:
        return _say(f"not valid: {error}", REFUSED)
    except (OSError, ValueError) as error:
        return _say(f"cannot read: {error}", 2)
    print(json.dumps(claims, indent=2, sort_keys=True))
    return 0


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="gate.py", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="verb", required=True)
    ask = commands.add_parser("run", help="ask, then run a command")
    ask.add_argument("--url", default=os.environ.get("GATE_URL", ""), help="address of the service (or GATE_URL)")
    ask.add_argument("--key-file", help="file with the service key (default: GATE_KEY in the environment)")
    ask.add_argument("--standing", metavar="PERMIT", help="the job's standing permit: says what is asked")
    ask.add_argument("--job", metavar="NAMESPACE/NAME", help="the scheduled job; with --standing")
    ask.add_argument("--run", help="the run's id, a UUID; made up when left out; with --standing")
    ask.add_argument(
        "--on-refusal", choices=["end", "warn"], default="end", help="when a run gets no next permit; with --standing"
    )
    ask.add_argument("--dataset", metavar="NAMESPACE/NAME")
    ask.add_argument("--action")
    ask.add_argument("--purpose")
    ask.add_argument("--columns", help="comma-separated; all of the dataset's when left out")
    ask.add_argument("--required", help="columns without which a row is of no use")
    for name in ("recipient", "model", "environment", "region"):
        ask.add_argument(f"--{name}")
    ask.add_argument("--output", metavar="[NAMESPACE/]NAME", help="where a build is written")
    ask.add_argument(
        "--writes", action="append", metavar="[NAMESPACE/]NAME", help="what the command will write; repeatable"
    )
    ask.add_argument("--mode", choices=["plan", "strict", "preflight"])
    ask.add_argument("--accept-plan", action="store_true", help="take the permitted part, built by the service")
    ask.add_argument("--build", action="store_true", help="same as --accept-plan")
    ask.add_argument("--wait", type=float, default=900, help="seconds to wait for a build")
    ask.add_argument("--observe", action="store_true", help="run even when the service cannot be reached")
    ask.add_argument("--jwks", help="pinned keys; fetched from the service when left out")
    ask.add_argument("command", nargs="+", metavar="-- command")
    check = commands.add_parser("verify", help="check a permit offline")
    check.add_argument("permit", help="the permit, a file, or - for standard input")
    check.add_argument("--jwks", required=True)
    check.add_argument("--status", help="file with a signed status list")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = arguments().parse_args(words)
    if options.verb == "verify":
        return verify_command(options)
    options.url = options.url.rstrip("/")
    if not options.url.startswith(("http://", "https://")):
        return _say("give --url (or GATE_URL), http:// or https://", 2)
    if options.standing:
        return _say(wrong, 2) if (wrong := _unfit(options)) else run_standing(options)
    if not (options.dataset and options.action and options.purpose):
        return _say("give --dataset, --action and --purpose, or --standing and --job", 2)
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
