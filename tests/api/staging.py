"""Build the world of an entry of the corpus in the database with the product's own verbs, and its lineage over HTTP.

Whatever an entry dates is moved by whole days, so that the moment it asks about is today and no claim lies in the future. What was
known only later than the question's `as_known_at` is built after the clock was read.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rest_framework.test import APIClient

from consent import keys, subjects
from consent.key_models import OwnKey
from governance.access import actors
from governance.catalogue.places import Place
from governance.contracts.models import Clause, ContractFamily, Document
from governance.parties import customers, groups, keyspaces, organisations
from governance.parties.models import Customer, Party, PartyGroup, TenantKeySpace
from governance.policy import values as v
from lineage.journal import clock, entries
from tests import cast as people
from tests.api import staging_contracts, staging_data
from tests.cast import Cast
from tests.policy.entries import SPACE, VENDOR, Tale
from tests.policy.worlds import LONG_AGO, NOW


@dataclass
class Stage:
    """Who plays on every stage: the cast, the vendor, and the keys of the pipeline. `rows` are what is built for one entry, by name."""

    cast: Cast
    vendor: Party
    pipeline: APIClient
    sender: APIClient
    names: dict[str, str] = field(default_factory=dict)  # of the entry -> reference
    rows: dict[str, Any] = field(default_factory=dict)
    moved: timedelta = timedelta()

    def ref(self, name: str) -> str:
        """Return the reference that stands for a name of the entry; a name that stands for nothing stays."""
        return self.names.get(name, name)

    def keep(self, name: str, row: Any) -> Any:
        """Remember a row by its name in the entry."""
        self.names[name], self.rows[name] = row.ref, row
        return row

    def customer(self, name: str) -> Customer:
        """Return a customer by its name in the entry."""
        found: Customer = self.rows[name]
        return found

    def clause(self, name: str) -> Clause:
        """Return a clause by its name in the entry."""
        found: Clause = self.rows[name]
        return found

    def document(self, name: str) -> Document:
        """Return a document by its name in the entry."""
        found: Document = self.rows[name]
        return found

    def family(self, name: str) -> ContractFamily:
        """Return a contract by its name in the entry."""
        found: ContractFamily = self.rows[name]
        return found

    def space(self, key: str) -> TenantKeySpace:
        """Return a tenant-key space."""
        found: TenantKeySpace = self.rows[f"space {key}"]
        return found


def ready(cast: Cast) -> Stage:
    """Set what entries share: the cast, and who and what most of them name."""
    _, pipeline = people.key("release:request", owner=cast.pipeline_owner)
    _, sender = people.key("lineage:write", owner=cast.pipeline_owner)
    stage = Stage(cast, people.vendor(), people.caller(pipeline), people.caller(sender))
    stage.names[VENDOR] = stage.vendor.ref
    for name in ("a", "b"):
        _customer(stage, name)
    for name in ("pty-x", "pty-y"):
        _party(stage, name)
    keyspaces.add_product("desk", title="Desk", by=actors.SYSTEM)
    stage.rows |= {"product desk": True, f"space {SPACE}": keyspaces.create(SPACE, title="CRM", by=actors.SYSTEM)}
    stage.keep("people", subjects.open_space(name="people", by="system"))
    return stage


@dataclass(frozen=True)
class Played:
    """An entry that was built: its facts, moved to today, the question as it is posted, and what its names stand for."""

    tale: Tale
    question: v.Question
    body: dict[str, Any]
    names: dict[str, str]


def build(stage: Stage, tale: Tale) -> Played:
    """Build an entry's world; returns what to ask."""
    stage = replace(
        stage, names=dict(stage.names), rows=dict(stage.rows), moved=timedelta(days=(datetime.now(UTC) - NOW).days)
    )
    tale = move(tale, stage.moved)
    then = tale.question.as_known_at
    with entries.together(at=clock.now()):  # hundreds of statements less; the verbs are the same
        _own_keys(stage, tale.facts.own_keys)
        _parties(stage, tale)
        staging_contracts.draft(stage, tale)
        staging_data.lay_out(stage, tale)
        _wave(stage, tale, lambda known: known is None or known <= then)
    read = clock.present() if tale.question.as_known_at < tale.question.at else None
    if read:
        _wave(stage, tale, lambda known: known is not None and known > then)
        staging_contracts.terminate(stage, tale.later_ends)
    return Played(tale, tale.question, body(stage, tale.question, read), stage.names)


def _wave(stage: Stage, tale: Tale, chosen: Any) -> None:
    staging_contracts.activate(stage, tale, chosen)
    staging_data.declare(stage, tale, chosen)


def body(stage: Stage, question: v.Question, as_known_at: datetime | None) -> dict[str, Any]:
    """The question as a caller posts it."""
    given: dict[str, Any] = {
        "dataset": {"namespace": question.namespace, "name": question.dataset},
        **{name: getattr(question, name) for name in ("action", "purpose", "environment", "region")},
        **{name: list(getattr(question, name)) for name in ("columns", "required")},
        **{name: stage.ref(getattr(question, name) or "") or None for name in ("recipient", "model")},
        "mode": str(question.mode),
        "at": question.at.isoformat(),
        "as_known_at": as_known_at.isoformat() if as_known_at else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _own_keys(stage: Stage, own: v.OwnKeys) -> None:
    """The vendor's own keys, those above others first, by the privacy officer and a second person."""
    said = [(tree, key, False) for tree in OwnKey.Tree for key in getattr(own, tree)]
    said += [(OwnKey.Tree.PERSONAL, key, True) for key in own.special]
    for tree, key, special in sorted(said, key=lambda each: each[1]):
        terms = keys.Proposal(tree, key, key.title(), "said by the vendor", LONG_AGO + stage.moved, special)
        row = keys.propose(terms, by=stage.cast.privacy_officer.ref, officer=True)
        keys.approve(row.ref, by=stage.cast.lawyer.ref, officer=False)


def _parties(stage: Stage, tale: Tale) -> None:
    """Parties and customers, groups with nobody in them yet, products that clauses and declarations name."""
    for each in tale.facts.customers:
        _customer(stage, each.ref)
    for name in tale.facts.parties:
        _party(stage, name)
    named = {row.group for row in tale.facts.memberships} | set(_groups(tale.facts))
    for name in sorted(named):
        stage.keep(name, groups.create(name, by=actors.SYSTEM))
    clauses = [c for f in tale.facts.families for d in f.documents for c in d.clauses]
    named = {*(p for c in clauses for p in c.products), *(d.product for d in tale.facts.declarations)} - {""}
    for key in sorted(each for each in named if f"product {each}" not in stage.rows):
        keyspaces.add_product(key, title=key.title(), by=actors.SYSTEM)
    for key in sorted({d.tenant_space for d in tale.facts.declarations} - {""}):
        if f"space {key}" not in stage.rows:
            stage.rows[f"space {key}"] = keyspaces.create(key, title=key.upper(), by=actors.SYSTEM)


def _party(stage: Stage, name: str) -> Party:
    if name not in stage.rows:
        stage.keep(name, organisations.register(name.upper(), by=actors.SYSTEM))
    found: Party = stage.rows[name]
    return found


def _customer(stage: Stage, name: str) -> None:
    if name not in stage.rows:
        stage.keep(name, customers.register(name.upper(), party=_party(stage, f"pty-{name}"), by=actors.SYSTEM))


def _groups(facts: v.Facts) -> Iterator[str]:
    for family in facts.families:
        for document in family.documents:
            for clause in document.clauses:
                said = json.loads(clause.body)
                yield from (
                    name for key in ("groups", "recipients") for name in said.get(key, ()) if name.startswith("grp-")
                )


def join(stage: Stage, row: v.Membership) -> None:
    """Make somebody a member of a group."""
    group: PartyGroup = stage.rows[row.group]
    groups.add(group, stage.rows[row.member], valid_from=row.valid_from, valid_to=row.valid_to, by=actors.SYSTEM)


def place(namespace: str, name: str) -> Place:
    """Where something is declared."""
    return Place(namespace, name)


def move[T](value: T, by: timedelta) -> T:
    """Return a value with every date in it moved; a grant's `until` stands in the text of its body."""
    found: Any = value
    match found:
        case datetime() | date():
            found = found + by
        case tuple():
            found = tuple(move(inner, by) for inner in found)
        case dict():
            found = {key: move(inner, by) for key, inner in found.items()}
        case v.Clause(kind="Grant") if "until" in json.loads(found.body):
            said = json.loads(found.body)
            until = date.fromisoformat(said["until"]) + by
            found = replace(found, body=json.dumps(said | {"until": until.isoformat()}))
        case _ if is_dataclass(found) and not isinstance(found, type):
            found = replace(found, **{f.name: move(getattr(found, f.name), by) for f in fields(found)})
    return found  # type: ignore[no-any-return]


__all__ = ["LONG_AGO", "Played", "Stage", "build", "ready"]
