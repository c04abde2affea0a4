"""Legal's part of the story: customers, their keys, and their contracts encoded clause by clause from the prose."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from demo import people, prose
from demo.team import Team
from governance.contracts import clauses, documents, families, optins
from governance.contracts.models import Clause, ContractFamily, Document
from governance.parties import customers, groups, keyspaces, organisations
from governance.parties.models import Customer, Party, PartyGroup, TenantKeySpace

TRAINING = "functional.service"  # what for: the help desk works better for its users
SPACE = "helpdesk"
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
Body = Mapping[str, Any]

RECORDS, TICKETS, RATINGS, USAGE = "customer.content", "customer.input", "customer.feedback", "customer.usage"
EVERYTHING = [RECORDS, TICKETS, RATINGS, USAGE]
DEIDENTIFIED = {"kind": "deidentified", "k": 20, "known": "measured"}


@dataclass
class World:
    """What was made, by the names of the story."""

    customers: dict[str, Customer]
    families: dict[str, ContractFamily]
    documents: dict[str, Document]
    space: TenantKeySpace
    competitors: PartyGroup


def build(team: Team, *, at: datetime) -> World:
    """Register the customers and encode, approve and activate their contracts."""
    lawyer = team.actor("lawyer")
    vendor = organisations.register("Lumen Desk GmbH", kind=Party.Kind.VENDOR, country="DE", by=lawyer)
    space = keyspaces.create(SPACE, title="Help desk tenants", by=lawyer)
    keyspaces.add_product("helpdesk", title="Lumen help desk", by=lawyer)
    world = World({}, {}, {}, space, _competitors(team))
    for account in people.ACCOUNTS:
        if account.segment != "test":
            _customer(world, account, vendor, team)
    for file, (name, kind) in PAPERS.items():
        _document(world, file, name, kind, team, at=at)
    _opt_in(world, team)
    return world


def _customer(world: World, account: people.Account, vendor: Party, team: Team) -> None:
    lawyer = team.actor("lawyer")
    party = organisations.register(account.name, by=lawyer)
    customer = customers.register(account.name, party=party, by=lawyer)
    keyspaces.assign(world.space, account.tenant_key, customer=customer, valid_from=LONG_AGO, by=lawyer)
    family = families.create(f"Lumen Desk – {account.name}", vendor=vendor, counterparty=party, by=lawyer)
    families.cover(family, customer, valid_from=LONG_AGO, by=lawyer)
    world.customers[account.name], world.families[account.name] = customer, family


def _competitors(team: Team) -> PartyGroup:
    lawyer = team.actor("lawyer")
    group = groups.create("Kestrel group", by=lawyer)
    groups.add(group, organisations.register("Kestrel Freight Oy", by=lawyer), valid_from=LONG_AGO, by=lawyer)
    return group


def _document(world: World, file: str, name: str, kind: str, team: Team, *, at: datetime) -> None:
    """The lawyer encodes and submits, the approver approves, the lawyer activates: the four eyes of a contract."""
    paper, lawyer = prose.read(file), team.actor("lawyer")
    document = documents.draft(
        world.families[name],
        kind=kind,
        title=paper.title,
        signed_on=paper.signed_on,
        effective_on=paper.effective_on,
        renewal=Document.Renewal.EVERGREEN,
        file_name=paper.file,
        file_digest=paper.digest,
        by=lawyer,
    )
    offer = ""
    for number, clause_kind, body in encoded(world)[file]:
        filled = {**body, "offer": offer} if body.get("offer") == "" else body
        clause = clauses.add(
            document, number=number, passage=paper.clauses[number], kind=clause_kind, body=filled, by=lawyer
        )
        offer = clause.ref if clause_kind == Clause.Kind.OPT_IN_OFFER else offer
    documents.submit(document, by=lawyer)
    documents.approve(document, by=team.actor("approver"))
    world.documents[file] = documents.activate(document, by=lawyer, at=at)


def _opt_in(world: World, team: Team) -> None:
    offer = world.documents["cormorant-order-form.md"].clauses.get(kind=Clause.Kind.OPT_IN_OFFER)
    started = datetime.combine(date(2026, 3, 1), datetime.min.time(), tzinfo=UTC)
    optins.activate(
        offer,
        world.customers["Cormorant Insurance"],
        valid_from=started,
        evidence="order form 7, signed 12 February 2026",
        by=team.actor("lawyer"),
    )


PAPERS = {
    "alder-msa.md": ("Alder Logistics", Document.Kind.MSA),
    "brandt-msa.md": ("Brandt Maschinenbau", Document.Kind.MSA),
    "cormorant-msa.md": ("Cormorant Insurance", Document.Kind.MSA),
    "cormorant-order-form.md": ("Cormorant Insurance", Document.Kind.ORDER_FORM),
    "delft-msa.md": ("Delft Waterworks", Document.Kind.MSA),
    "estuary-msa.md": ("Estuary Media", Document.Kind.MSA),
    "estuary-ai-addendum.md": ("Estuary Media", Document.Kind.AI_ADDENDUM),
    "falk-msa.md": ("Falk Retail", Document.Kind.MSA),
}


def encoded(world: World) -> dict[str, list[tuple[str, str, Body]]]:
    """What each clause means: its number in the prose, its kind, its body."""
    return {
        "alder-msa.md": [
            ("8.1", Clause.Kind.GRANT, grant(EVERYTHING)),
            ("8.2", Clause.Kind.PARTY_RESTRICTION, {"groups": [world.competitors.ref]}),
            ("11.1", Clause.Kind.DELETION_TERM, deletion(90, ["source", "derived", "training"], keep_models=True)),
        ],
        "brandt-msa.md": [
            ("7.2", Clause.Kind.TRAINING_POSITION, {"position": "prohibited"}),
            ("7.3", Clause.Kind.GRANT, grant([USAGE])),
            ("12.1", Clause.Kind.DELETION_TERM, deletion(60, ["source", "training"])),
        ],
        "cormorant-msa.md": [
            ("4.1", Clause.Kind.TRAINING_POSITION, {"position": "negotiated"}),
            ("9.1", Clause.Kind.DELETION_TERM, deletion(60, ["source", "training"], keep_models=True)),
        ],
        "cormorant-order-form.md": [
            ("1", Clause.Kind.OPT_IN_OFFER, {"discount": "8 % of the fees"}),
            (
                "2.1",
                Clause.Kind.GRANT,
                {**grant([RECORDS, RATINGS, USAGE], basis="opt-in"), "safeguards": [DEIDENTIFIED], "offer": ""},
            ),
        ],
        "delft-msa.md": [
            ("3.1", Clause.Kind.TRAINING_POSITION, {"position": "silent"}),
            (
                "3.2",
                Clause.Kind.GRANT,
                {**grant(EVERYTHING), "actions": ["review"], "purposes": ["essential.service.security"]},
            ),
            ("8.1", Clause.Kind.DELETION_TERM, deletion(90, ["source"])),
        ],
        "estuary-msa.md": [
            ("5.4", Clause.Kind.GRANT, grant(EVERYTHING)),
            ("10.1", Clause.Kind.DELETION_TERM, deletion(90, ["source", "derived", "training"], keep_models=True)),
        ],
        "estuary-ai-addendum.md": [
            ("2", Clause.Kind.PROHIBITION, {"actions": ["train"], "categories": [TICKETS]}),
        ],
        "falk-msa.md": [
            ("6.1", Clause.Kind.GRANT, grant(["customer"])),
            ("13.1", Clause.Kind.DELETION_TERM, deletion(30, ["source", "derived", "training", "models"])),
        ],
    }


def grant(categories: list[str], *, basis: str = "negotiated") -> dict[str, Any]:
    """A grant to train models that make the help desk work better."""
    return {"actions": ["train"], "categories": categories, "purposes": [TRAINING], "basis": basis}


def deletion(days: int, scope: list[str], *, keep_models: bool = False) -> dict[str, Any]:
    """A duty to delete after the contract's end."""
    return {
        "trigger": "contract_end",
        "deadline_days": days,
        "scope": scope,
        "keep_models": keep_models,
        "certificate": True,
    }


def soon(at: datetime) -> datetime:
    """A moment just passed, for statements about now."""
    return at - timedelta(seconds=1)
