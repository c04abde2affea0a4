#!/usr/bin/env python3
"""Ask before a pipeline reads governed data: `gate.py run … -- command`, and `gate.py verify PERMIT --jwks FILE`.

One file to copy: Python 3.10+, its standard library and `cryptography`. It asks the service, prints the verdict, waits for the build
when one is needed, checks the permit offline (Ed25519, RFC 8037 and 9864; status list) and runs the command with GATE_DATASET,
GATE_NAMESPACE, GATE_PERMIT and GATE_RUN_FACETS (OpenLineage run facets that name the permit) in its environment.

Exit codes: the command's own, or 2 for wrong usage, 3 when there is no permit, 4 when the service cannot be reached.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
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
FACET_SCHEMA = "/schema/governance_permit-run-facet.json"
USABLE = ("release", "override")  # kinds of permits that let data be used
SKEW = 60  # seconds between our clock and the service's
TRIES, PAUSE = 4, 0.5
MAX_LIST = 64 * 1024 * 1024

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


def _check(options: argparse.Namespace, token: str, wanted: Json, now: float) -> None:
    """The permit must be genuine, live, and for what we asked."""
    jwks = _jwks(options)
    claims = verify(token, jwks, now=now)
    names = ("kind", "action", "purpose", "dataset", "recipient", "model")
    wrong = [name for name in names if name in wanted and claims.get(name) != wanted[name]]
    if wrong:
        raise Refused(f"the permit is for another {', '.join(wrong)}")
    if wanted["kind"] != "advisory":
        check_status(claims, verify(call(f"{options.url}/api/v1/permits/status"), jwks, now=now, typ=STATUS_TYPE))


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


def _become(options: argparse.Namespace, dataset: Json, token: str) -> NoReturn:
    names = {"GATE_DATASET": str(dataset["name"]), "GATE_NAMESPACE": str(dataset["namespace"]), "GATE_PERMIT": token}
    if token:
        names["GATE_RUN_FACETS"] = json.dumps({"governance_permit": facet(token, options.url)})
    environment = {name: value for name, value in os.environ.items() if name != "GATE_KEY"} | names
    sys.stdout.flush()
    try:
        os.execvpe(options.command[0], options.command, environment)  # noqa: S606
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
    ask.add_argument("--dataset", required=True, metavar="NAMESPACE/NAME")
    ask.add_argument("--action", required=True)
    ask.add_argument("--purpose", required=True)
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
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
