"""The demo's server, and a plain HTTP caller for its API."""

import http.cookiejar
import json
import os
import subprocess
import urllib.error
import urllib.parse
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


class Person:
    """Somebody who logged in with their password, as a browser does."""

    def __init__(self, username: str, password: str) -> None:
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self._open("GET", "/login/", None, "")
        form = urllib.parse.urlencode(
            {"username": username, "password": password, "csrfmiddlewaretoken": self._token()}
        )
        self._open("POST", "/login/", form.encode(), "application/x-www-form-urlencoded")
        if not any(cookie.name == "sessionid" for cookie in self.jar):
            raise Refused(403, f"{username} could not log in")

    def get(self, path: str) -> Any:
        """GET a path."""
        return self._open("GET", path, None, "application/json")

    def post(self, path: str, body: Any) -> Any:
        """POST JSON."""
        return self._open("POST", path, json.dumps(body).encode(), "application/json")

    def _open(self, method: str, path: str, data: bytes | None, content_type: str) -> Any:
        headers = {
            "Content-Type": content_type,
            "X-CSRFToken": self._token(),
            "Referer": f"{URL}/",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        return _send(urllib.request.Request(f"{URL}{path}", data, headers, method=method), self.opener)  # noqa: S310 - our own loopback address

    def _token(self) -> str:
        return next((str(cookie.value) for cookie in self.jar if cookie.name == "csrftoken"), "")


def start(server: places.Server) -> None:
    """Start the server on the demo's database, under the application's role."""
    environment = os.environ | {
        "APP_DATABASE_URL": server.url("app", places.GOVERNANCE),
        "PORT": PORT,
        "MIGRATED": "yes",
    }
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
    return _send(request, urllib.request.build_opener())


def _send(request: urllib.request.Request, opener: urllib.request.OpenerDirector) -> Any:
    try:
        with opener.open(request, timeout=120) as answer:
            body = answer.read()
            return json.loads(body) if "json" in answer.headers.get("Content-Type", "") else body
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")[:2_000]) from error
