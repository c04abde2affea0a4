"""A contract that went out as a file and came in again answers the same, up to references; and comes in only when two persons say so."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from governance.contracts import (
    contract_files,
    imports,
    queries,
)
from governance.contracts.contract_files import ContractFile
from governance.contracts.models import Import
from governance.parties.models import Party, PartyGroup, Product
from governance.policy import canonical, engine, values
from governance.policy import clauses as policy_clauses
from governance.policy.values import Facts, Family, Question
from governance.releases import terms
from lineage import refs
from tests import cast as named
from tests.cast import LONG_AGO, Cast
from tests.policy import entries, strategies, worlds

pytestmark = pytest.mark.django_db
SCHEMA = Path(__file__).parents[2] / "docs" / "contract-file-v1.schema.json"
LATER = datetime(2030, 1, 1, tzinfo=UTC)


# --- families made by hand or thrown from a number, made fit to be agreed on paper


def fit(found: Family, opt_ins: Iterable[values.OptIn]) -> tuple[Family, tuple[values.OptIn, ...]]:
    """The family without what no contract in a database can say: times within a day, clauses nobody can read, references to nothing."""
    kept = [
        each
        for each in found.documents
        if each.activated and each.signed_on and (each.recorded_at or worlds.NOW) <= worlds.NOW
    ]
    seen: set[str] = set()
    documents_ = [_document(each, seen) for each in kept]
    offers = {c.ref for d in documents_ for c in d.clauses if c.kind == "OptInOffer"}
    documents_ = [replace(d, clauses=tuple(c for c in d.clauses if _offer(c) in {"", *offers})) for d in documents_]
    every = {c.ref for d in documents_ for c in d.clauses}
    above: dict[str, str] = {}
    for n, each in enumerate(documents_):
        mine = {c.ref for c in each.clauses}
        over = tuple(
            p for p in each.prevails if p.over in {d.ref for d in documents_} and above.get(p.over) != each.ref
        )
        above.update((each.ref, p.over) for p in over)
        documents_[n] = replace(each, repeals=tuple(r for r in set(each.repeals) if r in every - mine), prevails=over)
    coverage = {
        c.customer: c for c in found.coverage if (c.valid_to is None or c.valid_to > c.valid_from) and _known(c)
    }
    mine_ = {(o.customer, o.offer): o for o in opt_ins if o.offer in offers and o.customer in coverage and _known(o)}
    lasting = tuple(o for o in mine_.values() if o.valid_to is None or o.valid_to > o.valid_from)
    return replace(
        found, documents=tuple(documents_), coverage=tuple(coverage.values()), title="", counterparty=""
    ), lasting


def _document(found: values.Document, seen: set[str]) -> values.Document:
    clauses_ = []
    for n, each in enumerate(found.clauses, 1):
        if each.ref not in seen and policy_clauses.read(each.kind, each.body) is not None:
            clauses_.append(replace(each, number=each.number or str(n), passage=each.passage or "words"))
            seen.add(each.ref)
    effective = datetime.combine(found.effective_at.date(), time(), tzinfo=UTC)
    expires = datetime.combine(found.expires_at.date(), time(), tzinfo=UTC) if found.expires_at else None
    ends = expires if expires and expires > effective and found.renewal == "none" else None
    return replace(
        found,
        clauses=tuple(clauses_),
        effective_at=effective,
        expires_at=ends,
        title=found.title or "Agreement",
        kind="msa",
    )


def _known(row: Any) -> bool:
    return row.recorded_at is None or row.recorded_at <= worlds.NOW


def _offer(clause: values.Clause) -> str:
    return str(json.loads(clause.body).get("offer") or "")


def written(found: Family, opt_ins: Iterable[values.OptIn]) -> tuple[ContractFile, dict[str, str]]:
    """The family as a file, under references such as a database gives; and how those of the family are called in it."""
    made = {found.ref: refs.new("fam")}
    made |= {document.ref: refs.new("doc") for document in found.documents}
    made |= {clause.ref: refs.new("cls") for document in found.documents for clause in document.clauses}
    plain = {
        "format": "contract-file/1", "ref": made[found.ref], "title": "A contract", "vendor": "pty-v", "counterparty": "pty-y",
        "documents": [_part(each, made) for each in found.documents],
        "coverage": [{"customer": c.customer, "valid_from": c.valid_from.isoformat(), "valid_to": c.valid_to and c.valid_to.isoformat()} for c in found.coverage],
        "opt_ins": [
            {"ref": refs.new("opt"), "offer": made[o.offer], "customer": o.customer, "valid_from": o.valid_from.isoformat(),
             "valid_to": o.valid_to and o.valid_to.isoformat(), "evidence": "order"}
            for o in opt_ins
        ],
    }  # fmt: skip
    return contract_files.parse(plain), made


def _part(found: values.Document, made: Mapping[str, str]) -> dict[str, Any]:
    def clause(each: values.Clause) -> dict[str, Any]:
        body = json.loads(each.body)
        if body.get("offer"):
            body["offer"] = made[body["offer"]]
        said = {
            "number": each.number,
            "title": each.title,
            "passage": each.passage,
            "page": each.page,
            "kind": each.kind,
            "products": each.products,
            "environments": each.environments,
            "regions": each.regions,
        }
        return said | {"ref": made[each.ref], "body": body}

    assert found.signed_on is not None
    until = found.effective_at + timedelta(days=365) if found.renewal == "automatic" else found.expires_at
    ends = [{"ends_at": found.terminated_at.isoformat(), "reason": "notice"}] if found.terminated_at else []
    return {
        "ref": made[found.ref], "kind": "msa", "title": found.title, "number": found.number, "signed_on": found.signed_on.isoformat(),
        "effective_on": found.effective_at.date().isoformat(), "expires_on": until and until.date().isoformat(),
        "renewal": found.renewal, "renewal_months": 12 if found.renewal == "automatic" else None, "known_since": LONG_AGO.isoformat(), "clauses": [clause(each) for each in found.clauses], "ends": ends,
        "repeals": [made[ref] for ref in found.repeals],
        "prevails": [{"over": made[p.over], "actions": p.actions, "categories": p.categories} for p in found.prevails],
    }  # fmt: skip


def furnish(file: ContractFile) -> None:
    """The parties, groups and products that the file names."""
    for ref in contract_files.referred(file.documents) | {file.vendor, file.counterparty}:
        if ref.startswith("grp"):
            PartyGroup.objects.get_or_create(ref=ref, defaults={"name": ref})
        else:
            kind = Party.Kind.VENDOR if ref == file.vendor else Party.Kind.OTHER
            Party.objects.get_or_create(ref=ref, defaults={"name": f"Party {ref}", "kind": kind})
    for key in {key for document in file.documents for clause in document.clauses for key in clause.products}:
        Product.objects.get_or_create(key=key, defaults={"title": key})


def brought_in(file: ContractFile, here: Mapping[str, str], cast: Cast) -> Import:
    row = imports.take(file, by=cast.lawyer.actor, keep_references=False, named_here=here)
    return imports.activate(row, by=cast.approver.actor, at=LATER)


def as_read(row: Import, called: Mapping[str, str]) -> tuple[Family, tuple[values.OptIn, ...]]:
    """The imported family as decisions read it, with the references of the family that it came from."""
    known = datetime.now(UTC) + timedelta(days=1)
    whose = row.report["customers"]
    found = [each for each in queries.families_of(whose, as_known_at=known) if each.ref == row.family.ref]
    mine = {each["offer"] for each in row.steps["opt_ins"]}
    opt_ins = tuple(each for each in terms.opt_ins(whose, known=known) if each.offer in mine)
    text = canonical.text({"families": canonical.to_json(found), "opt_ins": canonical.to_json(opt_ins)})
    for new, old in called.items():
        text = text.replace(f'"{new}"', f'"{old}"').replace(f'\\"{new}\\"', f'\\"{old}\\"')
    plain = canonical.mapping(text)
    families_ = [canonical.from_json(Family, each) for each in plain["families"]]
    return families_[0] if families_ else Family("none", ()), tuple(
        canonical.from_json(values.OptIn, o) for o in plain["opt_ins"]
    )


def told(facts: Facts, family: Family, opt_ins: Iterable[values.OptIn]) -> Facts:
    """The world with this family alone, as long known; bodies in one form."""
    known = tuple(
        replace(
            d,
            recorded_at=LONG_AGO,
            clauses=tuple(replace(c, body=canonical.text(json.loads(c.body))) for c in d.clauses),
        )
        for d in family.documents
    )
    covered = tuple(replace(each, recorded_at=None) for each in family.coverage)
    mine = replace(family, documents=known, coverage=covered, title="", counterparty="")
    return replace(
        facts, families=(mine,), opt_ins=tuple(replace(each, ref="", recorded_at=None) for each in opt_ins)
    ).normal()


def the_same_twice(facts: Facts, family: Family, question: Question, cast: Cast, rounds: int = 2) -> bool:
    """Value → file → database → file → database: read from the database, each time it is what it was at first."""
    fitted, opt_ins = fit(family, facts.opt_ins)
    if not fitted.coverage or not fitted.documents:
        return False
    original = told(facts, fitted, opt_ins)
    file, made = written(fitted, opt_ins)
    furnish(file)
    whose = {each.customer: each.customer for each in fitted.coverage}  # in the file -> at first
    called = {new: old for old, new in made.items()}
    for _ in range(rounds):
        here = {ref: named.customer(f"Successor of {ref}").ref for ref in whose}
        row = brought_in(file, here, cast)
        called = {row.report["references"][ref]: old for ref, old in called.items()}
        whose = {here[ref]: first for ref, first in whose.items()}
        again = told(facts, *as_read(row, called | whose))
        assert again == original
        assert engine.decide(question, again).to_bytes() == engine.decide(question, original).to_bytes()
        file = contract_files.of(row.family)
        jsonschema.validate(json.loads(json.dumps(contract_files.plain(file))), json.loads(SCHEMA.read_text()))
    return True


@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(strategies.facts(), strategies.questions())
def test_generated_families_answer_the_same_after_going_out_and_coming_in(
    cast: Cast, facts: Facts, question: Question
) -> None:
    the_same_twice(facts, facts.families[0], question, cast)


def of_the_corpus() -> Iterator[tuple[entries.Tale, Family]]:
    """Every contract of the corpus once, with an entry in which it decides."""
    told_: dict[bytes, tuple[entries.Tale, Family]] = {}
    for tale in entries.told():
        for family in tale.facts.families:
            told_.setdefault(canonical.to_bytes(family.documents), (tale, family))
    yield from (each for each in told_.values() if "malformed" not in each[0].expect)


def test_the_contracts_of_the_corpus_do_too(cast: Cast) -> None:
    seen = 0
    for tale, family in of_the_corpus():
        with named.at_once():
            seen += the_same_twice(tale.facts, family, tale.question, cast, rounds=1)
    assert seen > 50
