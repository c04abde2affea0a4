"""The demo's server, and a plain HTTP caller for its API."""

import json
import os
import subprocess
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

from demo import places

PORT = os.environ.get("PORT") or "8000"
URL = f"http://127.0.0.1:{PORT}"


class Refused(Exception):
    """The service answered with a problem."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"HTTP {status}: {body}")
        self.status, self.body = status, body


@dataclass(frozen=True)
class Caller:
    """Whoever holds one service key."""

    key: str

    def get(self, path: str) -> Any:
        """GET a path; JSON where the answer is JSON, else bytes."""
        return _call("GET", path, self.key, None, "application/json")

    def post(self, path: str, body: Any, *, content_type: str = "application/json") -> Any:
        """POST JSON, or bytes of another type."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return _call("POST", path, self.key, data, content_type)


def start(server: places.Server) -> None:
    """Start the server on the demo's database, under the application's role."""
    environment = os.environ | {"APP_DATABASE_URL": server.url("app", places.GOVERNANCE), "PORT": PORT}
    done = subprocess.run(
        [".ci/server.sh", "start"], cwd=places.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)


def stop() -> None:
    """Stop the demo's server, if it runs."""
    subprocess.run(
        [".ci/server.sh", "stop-server"], cwd=places.ROOT, env=os.environ | {"STATE_DIR": str(places.STATE)}, check=True
    )


def _call(method: str, path: str, key: str, data: bytes | None, content_type: str) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, */*", "Content-Type": content_type}
    if method == "POST":
        headers["Idempotency-Key"] = uuid.uuid4().hex
    request = urllib.request.Request(f"{URL}{path}", data, headers if key else {}, method=method)  # noqa: S310 - our own loopback address
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            body = answer.read()
            return json.loads(body) if "json" in answer.headers.get("Content-Type", "") else body
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from error
