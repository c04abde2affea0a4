"""Thousands of questions in one call: NDJSON in, NDJSON out, one line a question, each answered as soon as it is decided.

Every question is its own transaction, so a stream that breaks has decided what it has answered. With an `Idempotency-Key` the same
call again goes on from there: what was decided is answered from memory, line by line.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from rest_framework.utils.encoders import JSONEncoder

from governance import problems
from governance.access import idempotency
from governance.access.actors import Actor
from governance.access.idempotency import Made
from governance.releases import answering, decisions, requests
from lineage import errors

log = logging.getLogger(__name__)
MOST_LINES = 50_000
LONGEST_KEY = idempotency.MAX_LENGTH - 10


class BadLine(errors.Malformed):
    """A line is no question."""

    code = "bad-line"


def lines(body: bytes) -> list[bytes]:
    """Return the lines that hold something; raises `Malformed` where there are none, or too many."""
    found = [line for line in body.split(b"\n") if line.strip()]
    if not found:
        raise errors.Malformed("the body holds no question", code="no-questions", remedy="send one question per line")
    if len(found) > MOST_LINES:
        raise errors.TooLarge(f"at most {MOST_LINES:,} questions at once", remedy="send several requests")
    return found


def check_key(key: str) -> str:
    """Return the caller's idempotency key, which must leave room for the number of a line; raises `Malformed`."""
    if len(key) > LONGEST_KEY:
        raise errors.Malformed(
            f"here {idempotency.HEADER} takes up to {LONGEST_KEY} characters", where=idempotency.HEADER
        )
    return idempotency.check(key)


def answered(found: Iterable[bytes], *, by: Actor, now: Callable[[], datetime], key: str = "") -> Iterator[bytes]:
    """Yield one line of JSON per question, in order: the answer of `POST /api/v1/releases`, or a problem, with its line number."""
    for number, line in enumerate(found, start=1):
        yield _encoded({"line": number, **_one(line, number, by=by, at=now(), key=key)})


def _one(line: bytes, number: int, *, by: Actor, at: datetime, key: str) -> dict[str, Any]:
    try:
        made = _once(line, number, by=by, at=at, key=key) if key else _decided(line, by=by, at=at)
    except errors.Problem as problem:
        return {"status": problems.status_of(problem), "problem": problems.of(problem)}
    except (
        Exception
    ):  # a line that breaks us must not take the others with it: it is told as a fault of ours, and logged
        log.exception("question %d of a bulk request failed", number)
        said = problems.body(500, "this question could not be decided; nothing was stored for it", code="internal")
        return {"status": 500, "problem": said}
    return {"status": made.status, **({"replayed": True} if made.replayed else {}), "answer": made.body}


def _once(line: bytes, number: int, *, by: Actor, at: datetime, key: str) -> Made:
    digest = hashlib.sha256(line).hexdigest()
    return idempotency.once_for(by.ref, f"{key}#{number}", digest, lambda: _decided(line, by=by, at=at))


def _decided(line: bytes, *, by: Actor, at: datetime) -> Made:
    try:
        body = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadLine("this line is no JSON") from None
    found = decisions.request(requests.parse(body), by=by, at=at)
    return Made(201, answering.answered(found, by=by), f"/api/v1/releases/{found.decision.ref}")


def _encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, cls=JSONEncoder, separators=(",", ":")).encode() + b"\n"
