"""Load many consents from one file: good lines are kept, bad ones reported by line number and reason, in flat memory.

CSV (a header line, then one record per physical line) or NDJSON, UTF-8. The bytes are read once and copied into a temporary
table; only at the end, in the same transaction, do they become events with one ledger entry: a crash or a broken upload leaves
nothing. The file's digest makes a repeat harmless, each line's digest makes a partly repeated file harmless. The ledger gets
the Merkle root (RFC 6962, `lineage.ledger`) over the digests of the new events in ascending order, and their number.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from django.db import connection, transaction

from consent import statements, trees, writers
from consent.models import BulkLoad, ConsentEvent, IdentifierSpace
from lineage import errors, refs
from lineage.journal import entries
from lineage.ledger import frontier, hashing

FORMATS = ("csv", "ndjson")
MAX_LINE = 65_536
REPORTED = 1_000  # rejected lines listed; all are counted
COLUMNS = "ref, subject, controller_ref, action, purpose, state, explicit, representative, at, expires_at, digest, customer, minor"
TYPES = (
    "ref text, subject text, controller_ref text, action text, purpose text, state text, explicit boolean, representative text, "
    "at timestamptz, expires_at timestamptz, digest text, customer text, minor boolean"
)


class HalfAnUpload(errors.Malformed):
    """Fewer bytes came than were announced: nothing was kept."""

    code = "half-an-upload"


class WrongEncoding(errors.Malformed):
    code = "wrong-encoding"


@dataclass(slots=True)
class _Count:
    accepted: int = 0
    rejected: int = 0
    rejections: list[dict[str, object]] = field(default_factory=list)

    def reject(self, line: int, problem: errors.Problem) -> None:
        """Count a bad line, and list it unless the list is full. The message never holds a value of the line."""
        self.rejected += 1
        if len(self.rejections) < REPORTED:
            self.rejections.append(
                {"line": line, "reason": problem.code, "detail": problem.detail, "where": problem.where}
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file."""

    load: BulkLoad
    duplicate: bool


class _Reader:
    """Lines of a byte stream, numbered from 1, never longer than `MAX_LINE` in memory, with the digest of all bytes."""

    def __init__(self, stream: BinaryIO, prefix: str) -> None:
        self.stream, self.size = stream, 0
        self.digest = hashlib.sha256(prefix.encode())

    def lines(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield (number, bytes without the line end), or (number, None) for a line that is too long."""
        number = 0
        while piece := self._read():
            number += 1
            long = not piece.endswith(b"\n") and len(piece) >= MAX_LINE
            while long and piece and not piece.endswith(b"\n"):
                piece = self._read()
            yield number, None if long else piece.rstrip(b"\r\n")

    def _read(self) -> bytes:
        piece = self.stream.readline(MAX_LINE)
        self.digest.update(piece)
        self.size += len(piece)
        return piece


def load(
    stream: BinaryIO, *, format: str, space: IdentifierSpace, size: int | None = None, by: str, at: datetime
) -> Loaded:
    """Load a file of consents into a space and return its report; the same bytes again change nothing.

    `size` is the announced number of bytes. Raises `Malformed` when nothing can be read: unknown format, wrong encoding or header
    of a CSV, half an upload. `at` is the present: times after it (by more than five minutes) are refused.
    """
    if format not in FORMATS:
        raise errors.Malformed("a bulk load is csv or ndjson", code="unknown-format", where="format")
    reader, count = _Reader(stream, f"{space.ref}\n{format}\n"), _Count()
    with transaction.atomic():
        _stage(reader, count, format, space, at)
        if size is not None and reader.size != size:
            raise HalfAnUpload("fewer bytes came than were announced; nothing was kept", remedy="send the file again")
        digest = reader.digest.hexdigest()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [digest])
        if known := BulkLoad.objects.filter(digest=digest).first():
            _drop()
            return Loaded(known, duplicate=True)
        return Loaded(_keep(space, digest, count, by), duplicate=False)


def root_of(load: BulkLoad) -> str:
    """Return the Merkle root over the digests of a load's events as the database holds them now: must equal what was entered."""
    tree = frontier.Frontier()
    digests = ConsentEvent.objects.filter(load=load).order_by("digest").values_list("digest", flat=True)
    tree.extend(hashing.leaf(digest.encode()) for digest in digests.iterator())
    return tree.root().hex()


def _stage(reader: _Reader, count: _Count, format: str, space: IdentifierSpace, at: datetime) -> None:
    own = trees.sayable()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE consent_staged (line bigserial, {TYPES}) ON COMMIT DROP")
        with cursor.copy(f"COPY consent_staged ({COLUMNS}) FROM STDIN") as copy:
            for number, record in _records(reader, format, count):
                try:
                    statement = statements.parse(record, space=space, now=at, own=own)
                except errors.Problem as problem:
                    count.reject(number, problem)
                    continue
                copy.write_row(_row(statement))
                count.accepted += 1


def _records(reader: _Reader, format: str, count: _Count) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield the lines that can be read at all as records; the others are counted as rejected."""
    lines = reader.lines()
    parse = _csv_parser(lines) if format == "csv" else _json_record
    for number, line in lines:
        if line is not None and not line.strip():
            continue
        try:
            if line is None:
                raise errors.Unprocessable(f"the line is longer than {MAX_LINE} bytes", code="line-too-long")
            yield number, parse(_text(line))
        except errors.Problem as problem:
            count.reject(number, problem)


def _csv_parser(lines: Iterator[tuple[int, bytes | None]]) -> Callable[[str], Mapping[str, object]]:
    _, first = next(lines, (1, b""))
    try:
        header = [name.strip() for name in _cells(_text((first or b"").removeprefix(b"\xef\xbb\xbf")))]
    except errors.Problem as problem:
        raise WrongEncoding("the header line is not UTF-8 text", remedy="save the file as UTF-8 CSV") from problem
    if unknown := [name for name in header if name not in statements.FIELDS]:
        known = sorted(statements.FIELDS)
        raise errors.Malformed(
            f"the header names {len(unknown)} column(s) that no consent record has",
            code="bad-header",
            remedy=f"use {known}",
        )
    if len(set(header)) != len(header):
        raise errors.Malformed("the header names a column twice", code="bad-header")

    def record(text: str) -> Mapping[str, object]:
        cells = _cells(text)
        if len(cells) != len(header):
            raise errors.Unprocessable(f"{len(cells)} cells where the header has {len(header)}", code="broken-line")
        return dict(zip(header, cells, strict=True))

    return record


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise errors.Unprocessable("not a line of CSV: is a quote left open?", code="broken-line") from None


def _json_record(text: str) -> Mapping[str, object]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.Unprocessable("not a line of JSON", code="broken-line") from None
    if not isinstance(record, dict):
        raise errors.Unprocessable("a line is one JSON object", code="broken-line")
    return record


def _text(line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise errors.Unprocessable("the line is not UTF-8", code="wrong-encoding") from None
    if "\x00" in text:
        raise errors.Unprocessable("the line holds a NUL character", code="broken-line")
    return text


def _row(said: statements.Statement) -> tuple[object, ...]:
    return (
        refs.new("evt"), said.subject, said.controller, said.action, said.purpose, str(said.state), said.explicit,
        said.representative, said.at, said.expires_at, said.digest(), said.customer, said.minor,
    )  # fmt: skip


def _keep(space: IdentifierSpace, digest: str, count: _Count, by: str) -> BulkLoad:
    """Turn what was staged into events, registrations, the load's row and its ledger entry."""
    writers.enter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('consent_bulkload', 'id'))")
        number = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO consent_consentevent (ref, space_id, subject, controller_ref, action, purpose, state, explicit, "
            "representative, at, expires_at, digest, load_id, by) "
            "SELECT ref, %s, subject, controller_ref, action, purpose, state, explicit, representative, at, expires_at, digest, "
            "%s, %s FROM consent_staged ORDER BY line ON CONFLICT (digest) DO NOTHING",
            [space.pk, number, by],
        )
        new = cursor.rowcount
        cursor.execute(
            "INSERT INTO consent_registration (space_id, subject, customer_ref, minor, by) SELECT %s, subject, customer, minor, %s "
            "FROM consent_staged WHERE customer <> '' GROUP BY subject, customer, minor ORDER BY min(line) ON CONFLICT DO NOTHING",
            [space.pk, by],
        )
        registered = cursor.rowcount
    _drop()
    row = BulkLoad(
        pk=number, digest=digest, space=space, accepted=new, repeated=count.accepted - new, rejected=count.rejected,
        rejections=count.rejections, by=by,
    )  # fmt: skip
    row.merkle_root = root_of(row)
    row.save(force_insert=True)
    payload = {
        "load": row.ref,
        "space": space.ref,
        "events": new,
        "registered": registered,
        "root": row.merkle_root,
        "file": digest,
    }
    entries.record("consents-loaded", payload, by=by, about=[row.ref, space.ref])
    return row


def _drop() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE consent_staged")
