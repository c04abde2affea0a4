"""The compiled SQL makes exactly the planned rows: held against plain Python over the same rows, on real PostgreSQL."""

import hashlib
import hmac
from collections import Counter
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.building import compiler, keyed
from governance.building.recipes import (
    Band,
    Blank,
    Class,
    Keep,
    Key,
    People,
    Prefix,
    Pseudonym,
    Recipe,
    Treatment,
    Truncate,
)

pytestmark = pytest.mark.django_db

KEYS = {"pseudonym": b"p" * 32, "subject_0": b"s" * 32}
COLUMNS = ("person", "age", "note")
type Row = tuple[str | None, str | None, int | None, str | None]


def sha(key: str, value: str) -> str:
    return hmac.new(KEYS[key], value.encode(), hashlib.sha256).hexdigest()


def run(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def table(rows: list[Row], allowed: dict[int, set[str]] | None = None) -> None:
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS world; CREATE TEMP TABLE world (tenant text, person text, age int, note text)"
        )
        cursor.execute(
            "DROP TABLE IF EXISTS governance_allowed; CREATE TEMP TABLE governance_allowed (list int, subject text)"
        )
        cursor.executemany("INSERT INTO world VALUES (%s, %s, %s, %s)", rows)
        pairs = [(number, sha("subject_0", person)) for number, people in (allowed or {}).items() for person in people]
        cursor.executemany("INSERT INTO governance_allowed VALUES (%s, %s)", pairs)
    keyed.load(raw, KEYS)


def recipe(*classes: Class, keys: dict[str, int] | None = None, **more: Any) -> Recipe:
    tenant = () if keys is None else (Key("tenant", keys),)
    return Recipe("pg_temp", "world", COLUMNS, classes, tenant, **more)


def everything(treatment: Treatment) -> dict[str, Treatment]:
    return dict.fromkeys(COLUMNS, treatment)


ROWS: list[Row] = [
    ("a", "ann", 31, "x"),
    ("a", "bob", 38, "y"),
    ("b", "cid", 44, "z"),
    (None, "dan", 50, "n"),
    ("nobody", "eve", 51, "m"),
]


def test_rows_of_unnamed_and_unmapped_tenants_are_left_out() -> None:
    table(ROWS)
    assert run(compiler.select(recipe(Class(0, everything(Keep())), keys={"a": 0}))) == [
        ("ann", 31, "x"),
        ("bob", 38, "y"),
    ]


def test_the_keyed_hash_is_hmac_sha256() -> None:
    table(ROWS)
    made = run(compiler.select(recipe(Class(0, {"person": Pseudonym()}), keys={"b": 0})))
    assert made == [(sha("pseudonym", "cid"), None, None)]


def test_a_column_the_plan_does_not_name_comes_out_blank() -> None:
    table(ROWS)
    assert run(compiler.select(recipe(Class(0, {}), keys={"b": 0}))) == [(None, None, None)]


def test_no_class_at_all_gives_no_row() -> None:
    table(ROWS)
    assert run(compiler.select(recipe(keys={}))) == []
    assert run(compiler.select(recipe())) == []


def test_only_and_except_lists_leave_out_people_and_unknown_people() -> None:
    table([*ROWS, ("a", None, 1, "?")], {1: {"ann"}})
    only = recipe(Class(0, everything(Keep()), (People("person", 0, 1, "only"),)), keys={"a": 0})
    assert run(compiler.select(only)) == [("ann", 31, "x")]
    but = recipe(Class(0, everything(Keep()), (People("person", 0, 1, "except"),)), keys={"a": 0})
    assert run(compiler.select(but)) == [("bob", 38, "y")]


def test_generalisations() -> None:
    table([("a", "ann", 38, "2026-05-17")])
    made = run(
        compiler.select(
            recipe(Class(0, {"person": Prefix(1), "age": Band("10"), "note": Truncate("month")}), keys={"a": 0})
        )
    )
    assert [str(value) for value in made[0]] == ["a", "30", "2026-05-01 00:00:00"]


def test_groups_below_k_are_left_out_as_a_reader_sees_them() -> None:
    table([("a", "ann", 31, "x"), ("a", "bob", 38, "x"), ("a", "cid", 44, "x")])
    banded = recipe(Class(0, {"age": Band("10"), "note": Keep()}), keys={"a": 0}, quasi_identifiers=("age",), k=2)
    assert [int(row[1]) for row in run(compiler.select(banded))] == [30, 30]


def test_a_row_with_two_keys_needs_both_and_takes_the_stricter_treatment() -> None:
    table([("a", "b", 1, "x"), ("a", "zzz", 2, "y")])
    both = Recipe(
        "pg_temp",
        "world",
        ("age", "note"),
        (Class(0, {"age": Keep(), "note": Keep()}), Class(1, {"age": Keep(), "note": Blank()})),
        (Key("tenant", {"a": 0}), Key("person", {"b": 1})),
    )
    assert run(compiler.select(both)) == [(1, None)]


def test_blank_keeps_the_type_of_the_column() -> None:
    table(ROWS)
    with connection.cursor() as cursor:
        cursor.execute(compiler.select(recipe(Class(0, {"person": Keep(), "age": Blank()}), keys={"a": 0})))
        assert cursor.description[1].type_code == 23  # int4


def test_counts_account_for_every_row() -> None:
    table(ROWS, {1: {"ann"}, 2: {"cid"}})
    listed = (People("person", 0, 1, "only"),)
    left_out = Class(1, {}, (People("person", 0, 2, "only"),), included=False)
    made = run(compiler.counts(recipe(Class(0, everything(Keep()), listed), left_out, keys={"a": 0, "b": 1})))
    by = {row[:3]: row[3:] for row in made}
    assert by[True, True, True] == (1, 1) and by[True, True, False] == (1, 1) and by[True, False, True] == (1, 1)
    assert by[False, False, True] == (2, 2)
    assert sum(row[3] for row in made) == len(ROWS)


@pytest.mark.parametrize(
    "name",
    ['x" FROM pg_authid; --', "it's", 'a"b', "a;b", "SELECT", "naïve", "a\\b", "$1", "%s", ":x", "{{x}}", "--", "/*"],
)
def test_names_and_keys_are_only_ever_names_and_keys(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {quoted} ({quoted} text, other text)".replace("%", "%%"), [])
        cursor.execute(
            f"INSERT INTO {quoted} VALUES (%s, 'kept'), ('no', 'not')".replace(f"{quoted}", quoted.replace("%", "%%")),
            [name],
        )
    made = Recipe(
        "pg_temp", name, (name, "other"), (Class(0, {name: Keep(), "other": Keep()}),), (Key(name, {name: 0}),)
    )
    assert run(compiler.select(made)) == [(name, "kept")]
    assert run(compiler.smallest_group("pg_temp", name, [name])) == [(1,)]


@pytest.mark.parametrize("name", ["text", "name", "world", "group_size", "source"])
def test_a_column_that_is_not_there_is_an_error_never_the_whole_row(name: str) -> None:
    table(ROWS)
    made = Recipe("pg_temp", "world", (name,), (Class(0, {name: Keep()}),))
    with pytest.raises(DatabaseError), transaction.atomic():
        run(compiler.select(made))


values = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "it's", "d\\", "é"]))
treatments = st.sampled_from([Keep(), Blank(), Pseudonym(), Prefix(1)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(values, values, st.one_of(st.none(), st.integers(0, 3)), values), max_size=12),
    classes=st.lists(st.tuples(treatments, treatments, st.sampled_from([None, "only", "except"])), max_size=3),
    listed=st.sets(st.sampled_from(["a", "b", "c", "é"])),
    k=st.sampled_from([None, 1, 2, 3]),
)
def test_sql_makes_the_rows_that_plain_python_makes(
    rows: list[Row], classes: list[Any], listed: set[str], k: int | None
) -> None:
    table(rows, {1: listed})
    made = [
        Class(n, {"person": one, "age": Keep(), "note": two}, (People("person", 0, 1, kind),) if kind else ())
        for n, (one, two, kind) in enumerate(classes)
    ]
    keys = dict(zip(["a", "it's", "d\\"], range(len(made)), strict=False))
    got = run(compiler.select(recipe(*made, keys=keys, quasi_identifiers=("age", "note"), k=k)))
    assert Counter(got) == Counter(naive(rows, made, keys, listed, k))


def naive(
    rows: list[Row], classes: list[Class], keys: dict[str, int], listed: set[str], k: int | None
) -> list[tuple[Any, ...]]:
    written = []
    for tenant, person, age, note in rows:
        if tenant not in keys:
            continue
        mine = classes[keys[tenant]]
        if mine.people and (person is None or (person in listed) != (mine.people[0].kind == "only")):
            continue
        written.append((treated(mine.columns["person"], person), age, treated(mine.columns["note"], note)))
    groups = Counter(row[1:] for row in written)
    return [row for row in written if k is None or groups[row[1:]] >= k]


def treated(treatment: Treatment, value: str | None) -> str | None:
    match treatment:
        case Pseudonym():
            return None if value is None else sha("pseudonym", value)
        case Prefix(length):
            return None if value is None else value[:length]
        case Keep():
            return value
        case _:
            return None
