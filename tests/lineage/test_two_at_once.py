"""Two writers at once: the same bytes are stored once, and a replacer and a writer do not miss each other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from lineage import derivation, ingest
from lineage.models import LineageEvent
from tests.graph.worlds import DBT, body, dbt, did
from tests.lineage.worlds import BY, NOW, rows

pytestmark = pytest.mark.django_db(transaction=True)


def _at_once(bodies: list[bytes]) -> list[Any]:
    def one(raw: bytes) -> Any:
        try:
            return ingest.accept(raw, by=BY, at=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, bodies))


def test_the_same_bytes_from_many_senders_are_one_event() -> None:
    raw = body(did("r", 0, 1, reads=["s"], writes=["d"])[0])
    found = _at_once([raw] * 8)
    assert LineageEvent.objects.count() == 1
    assert len({each.event_ref for each in found}) == 1
    assert sum(not each.duplicate for each in found) == 1


def test_replacers_and_writers_do_not_miss_each_other() -> None:
    events = [
        body(message)
        for number in range(6)
        for message in (
            *did(f"a{number}", number * 100, number * 100 + 10, reads=["s", "t"], writes=["d", "e"]),
            *did(
                f"z{number}",
                number * 100 + 50,
                number * 100 + 60,
                producer=DBT,
                reads=["t"],
                writes={"d": dbt("table")},
            ),
        )
    ]
    _at_once([each for pair in zip(events, reversed(events), strict=True) for each in pair])
    found = rows()
    derivation.rederive_all()
    assert rows() == found
