"""Many consents in one file: good lines are kept, bad ones named by number and reason, nothing is kept of half an upload."""

import io
import json
from typing import BinaryIO

import pytest

from consent import bulk, consents, subjects
from consent.models import BulkLoad, ConsentEvent, IdentifierSpace, Registration
from lineage import errors
from lineage.journal import entries
from lineage.journal.models import Entry
from tests.consent.test_consents import RAW, ask, everything_stored
from tests.consent.worlds import DAY, START

BY = "key:key_crm"
HEADER = "subject_id,controller,action,purpose,state,at,customer"
pytestmark = pytest.mark.django_db


def line(who: str, state: str = "given", **more: str) -> str:
    cells = {
        "controller": "cus_a",
        "action": "train",
        "purpose": "analytics",
        "at": "2026-11-02T00:00:00Z",
        "customer": "cus_a",
        **more,
    }
    return ",".join(
        [who, cells["controller"], cells["action"], cells["purpose"], state, cells["at"], cells["customer"]]
    )


def load(space: IdentifierSpace, body: bytes | str, format: str = "csv", size: int | None = None) -> bulk.Loaded:
    raw = body.encode() if isinstance(body, str) else body
    return bulk.load(io.BytesIO(raw), format=format, space=space, size=size, by=BY, at=START + 6 * DAY)


def reasons(found: bulk.Loaded) -> list[tuple[int, str]]:
    return [(rejection["line"], rejection["reason"]) for rejection in found.load.rejections]


def test_good_lines_become_events_and_one_ledger_entry_with_root_and_count(space: IdentifierSpace) -> None:
    before = Entry.objects.count()
    found = load(
        space, "\n".join([HEADER, line("ann"), line("bob"), line("bob", "withdrawn", at="2026-11-03T00:00:00Z")])
    )

    assert (found.load.accepted, found.load.rejected, found.duplicate) == (3, 0, False)
    assert consents.allow_list(ask(space)).subjects == (subjects.reference(space, "ann"),)
    assert Registration.objects.filter(customer_ref="cus_a").count() == 2
    assert Entry.objects.count() == before + 1
    stated = json.loads(entries.payload(Entry.objects.latest("id")) or b"{}")
    assert (stated["root"], stated["events"]) == (bulk.root_of(found.load), 3)


def test_broken_lines_are_reported_by_number_and_reason_and_the_good_ones_kept(space: IdentifierSpace) -> None:
    body = b"\n".join(
        [
            HEADER.encode(),
            line("ann").encode(),
            b"only,three,cells",
            line("bob", purpose="worldpeace").encode(),
            line("cem", action="sell").encode(),
            line("dan", at="2027-01-01T00:00:00Z").encode(),
            "jos\u00e9,".encode("latin-1") + line("x").split(",", 1)[1].encode(),
            b'"an open quote,cus_a,train,analytics,given,2026-11-02T00:00:00Z,cus_a',
            line("eve", "perhaps").encode(),
            line("a\x00b").encode(),
            b"",
            line("x" * 70_000).encode(),
            line("fay").encode(),
        ]
    )
    found = load(space, body)
    assert reasons(found) == [
        (3, "broken-line"),
        (4, "unknown-purpose"),
        (5, "unknown-action"),
        (6, "future-dated"),
        (7, "wrong-encoding"),
        (8, "broken-line"),
        (9, "unknown-state"),
        (10, "broken-line"),
        (12, "line-too-long"),
    ]
    assert found.load.accepted == 2
    assert set(consents.allow_list(ask(space)).subjects) == {subjects.reference(space, who) for who in ("ann", "fay")}


def test_a_report_never_repeats_what_stood_in_a_line(space: IdentifierSpace) -> None:
    load(space, "\n".join([HEADER, line(RAW, purpose=RAW), line(RAW, RAW), f"{RAW},{RAW}", line("ok", action=RAW)]))
    assert RAW not in everything_stored()


def test_the_same_file_twice_changes_nothing_and_answers_the_first_report(space: IdentifierSpace) -> None:
    body = "\n".join([HEADER, line("ann"), line("bad", purpose="worldpeace")])
    first, second = load(space, body), load(space, body)
    assert (second.duplicate, second.load) == (True, first.load)
    assert ConsentEvent.objects.count() == 1
    assert Entry.objects.filter(kind="consents-loaded").count() == 1


def test_lines_known_from_another_file_or_repeated_within_are_counted_once(space: IdentifierSpace) -> None:
    load(space, "\n".join([HEADER, line("ann")]))
    found = load(space, "\n".join([HEADER, line("ann"), line("bob"), line("bob")]))
    assert (found.load.accepted, found.load.repeated) == (1, 2)
    assert ConsentEvent.objects.count() == 2


def test_ndjson_says_the_same_as_csv(space: IdentifierSpace) -> None:
    record = {
        "subject_id": "ann",
        "controller": "cus_a",
        "action": "train",
        "purpose": "analytics",
        "state": "given",
        "at": "2026-11-02T00:00:00Z",
    }
    lines = [
        json.dumps(record),
        "[1]",
        "{",
        json.dumps({**record, "subject_id": "b\u0000"}),
        json.dumps({**record, "x": 1}),
        "[" * 60_000,
    ]
    found = load(space, "\n".join(lines), format="ndjson")
    assert [reason for _, reason in reasons(found)] == [
        "broken-line",
        "broken-line",
        "bad-identifier",
        "unknown-field",
        "broken-line",
    ]
    load(space, "\n".join([HEADER, line("ann")]))
    assert ConsentEvent.objects.count() == 1


def test_half_an_upload_keeps_nothing(space: IdentifierSpace) -> None:
    body = "\n".join([HEADER, line("ann"), line("bob")]).encode()
    with pytest.raises(bulk.HalfAnUpload):
        load(space, body[:-20], size=len(body))
    assert not ConsentEvent.objects.exists()
    assert not BulkLoad.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ((HEADER + "\nann").encode("utf-16"), "wrong-encoding"),
        (b"who,what\nann,yes", "bad-header"),
        (b"subject_id,subject_id\na,b", "bad-header"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused_whole(space: IdentifierSpace, body: bytes, code: str) -> None:
    with pytest.raises(errors.Malformed) as refused:
        load(space, body)
    assert refused.value.code == code


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(space: IdentifierSpace) -> None:
    found = load(space, b"\xef\xbb\xbf" + "\r\n".join([HEADER, line("ann"), ""]).encode())
    assert (found.load.accepted, found.load.rejected) == (1, 0)


def test_at_most_a_thousand_rejections_are_listed_and_all_are_counted(space: IdentifierSpace) -> None:
    found = load(space, "\n".join([HEADER, *["broken"] * 1_200]))
    assert (found.load.rejected, len(found.load.rejections)) == (1_200, 1_000)


class Endless(io.RawIOBase):
    """A stream of `total` bytes without a line end, to see what is held in memory."""

    def __init__(self, total: int) -> None:
        self.left, self.asked = total, 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None and 0 < size <= bulk.MAX_LINE
        taken = min(size, self.left)
        self.left -= taken
        return b"x" * taken


def test_a_line_without_end_is_never_held_in_memory(space: IdentifierSpace) -> None:
    stream: BinaryIO = Endless(20_000_000)  # type: ignore[assignment]
    found = bulk.load(stream, format="ndjson", space=space, by=BY, at=START)
    assert reasons(found) == [(1, "line-too-long")]
