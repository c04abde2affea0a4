"""The corpus of decisions (`corpus/*.yaml`, how to read it: `corpus/README.md`), run by engine and reference."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import yaml

from governance.policy import clauses
from governance.policy.values import Clause, Document, Facts, Membership, Mode, OptIn, Prevails, Question
from tests.policy import worlds
from tests.policy.answering import BOTH, Answerer
from tests.policy.worlds import LONG_AGO, PURPOSE

FILES = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))
ENTRIES = [(path.stem, entry) for path in FILES for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
OUTSIDE_BODY = ("kind", "ref", "products")


def read_clause(said: dict[str, Any], ref: str) -> Clause:
    """A clause; a grant that says nothing else is one to train, for the purpose asked about."""
    body = {key: value for key, value in said.items() if key not in OUTSIDE_BODY}
    if said["kind"] == "Grant":
        body = {"actions": ["train"], "purposes": [PURPOSE]} | body
    return worlds.clause(said.get("ref", ref), said["kind"], scope=tuple(said.get("products", ())), **body)


def read_document(said: Any, ref: str) -> Document:
    """A document: a list of clauses, or one with dates and statements of precedence."""
    given = {"clauses": said} if isinstance(said, list) else dict(said)
    found = [read_clause(each, f"{ref}.{n}") for n, each in enumerate(given.pop("clauses"), 1)]
    prevails = tuple(
        Prevails(p["over"], tuple(p["actions"]), tuple(p["categories"])) for p in given.pop("prevails", ())
    )
    dates = {key: _midnight(value) if isinstance(value, date) else value for key, value in given.items()}
    return worlds.document(ref, *found, prevails=prevails, **dates)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def read_facts(entry: dict[str, Any]) -> Facts:
    """The world of an entry."""
    families = [
        worlds.family(customer, *(read_document(said, f"{customer}-{n}") for n, said in enumerate(documents, 1)))
        for customer, documents in entry["contracts"].items()
    ]
    columns = {name: tuple(keys) for name, keys in entry.get("columns", {}).items()} or None
    facts = worlds.world(families, columns=columns, keyed=entry.get("keyed", True))
    return replace(
        facts,
        opt_ins=tuple(OptIn(offer, u, LONG_AGO) for u, offers in entry.get("opt_ins", {}).items() for offer in offers),
        memberships=tuple(
            Membership(g, m, LONG_AGO) for g, members in entry.get("memberships", {}).items() for m in members
        ),
    )


def read_question(entry: dict[str, Any]) -> Question:
    """The question of an entry."""
    given = dict(entry.get("ask", {}))
    columns = given.pop("columns", ["text"])
    if "mode" in given:
        given["mode"] = Mode(given["mode"])
    return replace(worlds.ask(*columns, **given), columns=tuple(columns))


@pytest.mark.parametrize("answer", BOTH, ids=["engine", "reference"])
@pytest.mark.parametrize(("kind", "entry"), ENTRIES, ids=[f"{kind}: {entry['name']}" for kind, entry in ENTRIES])
def test_the_corpus_is_decided_as_it_says(answer: Answerer, kind: str, entry: dict[str, Any]) -> None:
    facts, expect = read_facts(entry), entry["expect"]
    result = answer(read_question(entry), facts)
    spoken = {code for code, _, _ in result.codes}
    assert result.verdict == expect["verdict"], spoken
    for cell, treatment in expect.get("cells", {}).items():
        assert result.cells[tuple(cell.split("."))][0] == treatment  # type: ignore[index]
    assert set(expect.get("codes", [])) <= spoken
    assert not set(expect.get("out", [])) & result.members
    assert result.days == expect.get("days")


def test_every_clause_kind_has_an_example_that_reads_and_explains() -> None:
    for kind in clauses.KINDS:
        assert clauses.explain(clauses.parse(kind, clauses.EXAMPLES[kind]))
