"""A bounded load generator: keep-alive connections on raw sockets, one request at a time on each; a process of its own.

`python -m bench.http_load PORT PATH FILE --connections 8 --seconds 5 [--rate 500]`. FILE holds `{"secret": …, "asks": […]}` (`--asks` names another list of it); without
asks the path is fetched. With `--rate` requests start on a clock (open loop) and the wait for a free connection counts as latency;
without, each connection asks again as soon as it was answered. Prints one JSON object.
"""

import argparse
import asyncio
import collections
import json
import statistics
import time
from pathlib import Path
from typing import Any


class Client(asyncio.Protocol):
    """One connection: writes prepared bytes, and says when the answer is whole."""

    def __init__(self) -> None:
        self.buffer, self.waiting = bytearray(), asyncio.get_event_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole: head, and as many bytes as it says."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self.buffer) >= end + 4 + length:
            body = bytes(self.buffer[end + 4 :])
            self.buffer.clear()
            self.waiting.set_result((int(head[9:12]), b"connection: close" in head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that was awaited will not come."""
        if not self.waiting.done():
            self.waiting.set_exception(ConnectionError("closed"))

    async def ask(self, request: bytes) -> tuple[int, bool, bytes]:
        """Return status, whether the server closes, and body."""
        self.waiting = asyncio.get_event_loop().create_future()
        self.transport.write(request)
        found: tuple[int, bool, bytes] = await self.waiting
        return found


class Load:
    """Sends the requests in turn and keeps what came back."""

    def __init__(self, port: int, requests: list[bytes], *, connections: int, seconds: float, rate: float) -> None:
        self.port, self.requests, self.connections, self.rate = port, requests, connections, rate
        self.number, self.started = 0, time.perf_counter()
        self.end = self.started + seconds
        self.took: list[float] = []
        self.statuses: collections.Counter[int | str] = collections.Counter()
        self.kept: list[str] = []

    async def run(self, *, keep: bool) -> dict[str, Any]:
        """Run and return the figures; `keep` lists the references of answered decisions."""
        await asyncio.gather(*(self._work(keep) for _ in range(self.connections)))
        elapsed = time.perf_counter() - self.started
        ordered = sorted(self.took) or [0.0]
        return {
            "requests": len(self.took), "per_second": len(self.took) / elapsed, "statuses": self.statuses,
            "p50_ms": 1e3 * statistics.median(ordered), "p99_ms": 1e3 * ordered[int(0.99 * (len(ordered) - 1))],
            "max_ms": 1e3 * ordered[-1], "refs": self.kept,
        }  # fmt: skip

    async def _work(self, keep: bool) -> None:
        client: Client | None = None
        while (due := await self._turn()) is not None:
            try:
                client = client or await self._connect()
                status, closes, body = await client.ask(self.requests[self.number % len(self.requests)])
            except OSError:
                self.statuses["lost"] += 1
                client = None
                await asyncio.sleep(0.05)
                continue
            self.took.append(time.perf_counter() - due)
            self.statuses[status] += 1
            if keep and status == 201:
                self.kept.append(json.loads(body)["ref"])
            if closes:
                client = None

    async def _turn(self) -> float | None:
        """Wait for one's turn; return when it was due, or None at the end."""
        self.number += 1
        due = self.started + self.number / self.rate if self.rate else time.perf_counter()
        if max(due, time.perf_counter()) >= self.end:
            return None
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        return due

    async def _connect(self) -> Client:
        _, client = await asyncio.get_event_loop().create_connection(Client, "127.0.0.1", self.port)
        return client


def prepared(path: str, secret: str, asks: list[Any]) -> list[bytes]:
    """The requests as bytes."""
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
    if not asks:
        return [f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()]
    bodies = [json.dumps(each).encode() for each in asks]
    head = f"POST {path} HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("file", type=Path)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--asks", default="asks", help="which list of the file")
    given = parser.parse_args()
    world = json.loads(given.file.read_text())
    requests = prepared(given.path, world.get("secret", ""), world.get(given.asks, []))
    load = Load(given.port, requests, connections=given.connections, seconds=given.seconds, rate=given.rate)
    print(json.dumps(asyncio.run(load.run(keep=given.keep))))


if __name__ == "__main__":
    main()
