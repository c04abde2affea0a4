"""Declarations of people about the warehouse: whose data, of which kind, which columns are keys, how k is measured."""

from datetime import UTC, datetime

from consent import subjects
from consent.models import IdentifierSpace
from demo import places, warehouse, world
from demo.team import Team
from governance.catalogue import columns, declarations, modes, sources
from governance.catalogue.models import KeyColumn
from governance.catalogue.places import Place
from governance.parties.models import TenantKeySpace

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
PERSON_SPACE = "helpdesk-people"
SETTING = sources.Setting(product="helpdesk", environment="production", region="eu")
TRAINING_SET = "training.triage_set"
PERSON = "user.unique_id"

# What the columns of the source tables hold, on both axes.
CATEGORIES: dict[str, dict[str, list[str]]] = {
    "crm.accounts": {"tenant_key": [world.RECORDS], "name": [world.RECORDS], "segment": [world.RECORDS]},
    "crm.contacts": {
        "person_key": [world.RECORDS, PERSON],
        "tenant_key": [world.RECORDS],
        "full_name": [world.RECORDS, "user.name"],
        "email": [world.RECORDS, "user.contact.email"],
        "birth_year": [world.RECORDS, "user.demographic.age_range"],
        "postcode": [world.RECORDS, "user.contact.address.postal_code"],
        "job_title": [world.RECORDS, "user.job_title"],
    },
    "support.tickets": {
        "ticket_id": [world.RECORDS],
        "tenant_key": [world.RECORDS],
        "person_key": [world.RECORDS, PERSON],
        "opened_on": [world.RECORDS],
        "channel": [world.RECORDS],
        "body": [world.TICKETS, "user.content.private"],
        "rating": [world.RATINGS],
    },
    "telemetry.events": {
        "tenant_key": [world.USAGE],
        "person_key": [world.USAGE, PERSON],
        "day": [world.USAGE, "user.behavior"],
        "function": [world.USAGE, "user.behavior"],
        "seconds": [world.USAGE, "user.behavior"],
    },
}
# Tables on the way, in which the keys of the sources are still there. Of the training set nobody said so yet: see `tenant_key`.
ON_THE_WAY = ("staging.people", "staging.tickets", "staging.usage", "features.people", "features.tickets")
# How a column of the training set is made coarser before it may be called de-identified.
COARSER: dict[str, tuple[str, dict[str, int]]] = {
    "age": ("bands", {"width": 20}),
    "area": ("truncate", {"length": 1}),
    "segment": ("truncate", {"length": 40}),
    "usual_rating": ("bands", {"width": 1}),
    "active_days": ("bands", {"width": 5}),
    "minutes": ("bands", {"width": 60}),
    "unhappy": ("bands", {"width": 1}),
}


def place(table: str) -> Place:
    """Return a table of the warehouse as lineage names it."""
    return Place(warehouse.NAMESPACE, f"{places.WAREHOUSE}.{table}")


def declare(team: Team, space: TenantKeySpace) -> IdentifierSpace:
    """Declare sources, categories, keys and how k is measured. Of the training set's keys only the person's: see `tenant_key`."""
    officer = team.actor("officer")
    persons = subjects.open_space(name=PERSON_SPACE, description="person_key of the help desk", by=officer.ref)
    for table, kinds in CATEGORIES.items():
        found = sources.People("person_key", persons) if "person_key" in kinds else None
        sources.of_space(
            place(table),
            space,
            tenant_column="tenant_key",
            people=found,
            setting=SETTING,
            valid_from=LONG_AGO,
            by=officer,
        )
        for column, categories in kinds.items():
            for category in categories:
                columns.categorise(place(table), column, category, valid_from=LONG_AGO, by=officer)
        columns.tenant_key(place(table), "tenant_key", space, valid_from=LONG_AGO, by=officer)
        if found:
            columns.person_key(place(table), "person_key", persons, valid_from=LONG_AGO, by=officer)
    for table in (*ON_THE_WAY, TRAINING_SET):
        columns.person_key(place(table), "person_key", persons, valid_from=LONG_AGO, by=officer)
    for table in ON_THE_WAY:
        columns.tenant_key(place(table), "tenant_key", space, valid_from=LONG_AGO, by=officer)
    _measuring(team)
    return persons


def tenant_key(team: Team, space: TenantKeySpace) -> KeyColumn:
    """Declare which column of the training set says whose a row is: what makes its customers separable."""
    return columns.tenant_key(place(TRAINING_SET), "tenant_key", space, valid_from=LONG_AGO, by=team.actor("officer"))


def enforce(team: Team) -> None:
    """Switch the warehouse's namespace from observing to enforcing: proposed by one person, approved by another."""
    modes.own(warehouse.NAMESPACE, team.key_refs["pipeline_key"], by=team.actor("admin"))
    proposed = modes.propose(
        warehouse.NAMESPACE, "enforce", reason="the story wants a gate that closes", by=team.actor("officer")
    )
    modes.approve(proposed.ref, by=team.actor("approver"))


def _measuring(team: Team) -> None:
    officer, approver = team.actor("officer"), team.actor("approver")
    identifiers = columns.quasi_identifiers(place(TRAINING_SET), ["age", "area"], valid_from=LONG_AGO, by=officer)
    declarations.approve(identifiers, by=approver)
    for column, (method, parameters) in COARSER.items():
        coarser = columns.generalise(place(TRAINING_SET), column, method, parameters, valid_from=LONG_AGO, by=officer)
        declarations.approve(coarser, by=approver)
