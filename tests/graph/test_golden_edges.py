"""The events recorded from real clients give exactly the edges that a person read from the files."""

import csv
from pathlib import Path

import pytest

from lineage import atoms, openlineage, runs
from lineage.values import Rules
from tests.graph import edges

GOLDEN = Path(__file__).parent.parent / "golden"
COUNTS = {"dbt-run": 12, "airflow-run": 3, "marquez-seed": 26}


def _events(file: str) -> list[bytes]:
    return (GOLDEN / "events" / f"{file}.ndjson").read_bytes().splitlines()


@pytest.mark.parametrize("file", COUNTS)
def test_recorded_events_give_exactly_the_edges_that_a_person_read(file: str) -> None:
    found: dict[str, atoms.Atoms] = {}
    for line in _events(file):
        report = openlineage.read(openlineage.decode(line))
        found[report.key] = atoms.united(found.get(report.key, ()), atoms.of(report))
    derived = [runs.derive(key, each, Rules()) for key, each in found.items()]
    with (GOLDEN / "edges.csv").open() as lines:
        expected = {tuple(row.values())[1:] for row in csv.DictReader(lines) if row["file"] == file}
    assert edges.of(derived) == expected


def test_all_recorded_events_are_there() -> None:
    assert {file: len(_events(file)) for file in COUNTS} == COUNTS


def test_both_recorded_dbt_models_are_views() -> None:
    found: dict[str, atoms.Atoms] = {}
    for line in _events("dbt-run"):
        report = openlineage.read(openlineage.decode(line))
        found[report.key] = atoms.united(found.get(report.key, ()), atoms.of(report))
    writes = [write for key, each in found.items() for write in runs.derive(key, each, Rules()).writes]
    assert {write.name.name: write.view for write in writes} == {"d.main.train_set": 2, "d.main.stats": 2}
