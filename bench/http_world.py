"""The world of the HTTP bench: 100 customers with 20 sets of terms, and 20 datasets in which all of them are. Made by the verbs.

`python -m bench.http_world` fills the database of the environment and prints the service key's secret and the questions as JSON.
"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

NAMESPACE, SOURCE, PURPOSE = "postgres://bench.example:5432", "shop.tickets", "functional.service"
CUSTOMERS, TERMS, DATASETS, PERSONS = 100, 20, 19, 200
COLUMNS = ("tenant", "person", "age", "city", "body", "clicks")
ASKED = ("age", "city", "body", "clicks")
CATEGORIES = {"body": "customer.content", "clicks": "customer.usage", "age": "customer.content", "city": "customer.content"}  # fmt: skip
ACTIONS = ("train.finetune", "review")


def main() -> None:
    """Fill the database and print what the load needs."""
    import django

    django.setup()
    json.dump(build(), sys.stdout)


def build() -> dict[str, Any]:
    """Make parties, contracts, declarations, lineage, counts and some consents; return the secret and the questions."""
    from django.db import transaction

    with transaction.atomic():
        secret = _world()
    asks = [ask(number, action) for number in range(DATASETS + 1) for action in ACTIONS]
    return {"secret": secret, "asks": asks, "evaluations": [evaluation(each) for each in asks]}


def evaluation(question: dict[str, Any]) -> dict[str, Any]:
    """The same question in AuthZEN's words, to be answered and not stored."""
    node = question["dataset"]
    return {
        "subject": {"type": "pipeline", "id": "trainer"}, "action": {"name": question["action"]},
        "resource": {"type": "dataset", "id": f"{node['namespace']}/{node['name']}"},
        "context": {"purpose": question["purpose"], "columns": question["columns"], "dry_run": True},
    }  # fmt: skip


def ask(number: int, action: str) -> dict[str, Any]:
    """One question: about dataset `number`, the last of which holds people's data; about one column, or about all."""
    columns = [*ASKED, "person"] if number == DATASETS else list(ASKED if number % 2 else ("clicks",))
    return {"dataset": {"namespace": NAMESPACE, "name": name(number)}, "action": action, "purpose": PURPOSE, "columns": columns}  # fmt: skip


def name(number: int) -> str:
    """The name of a dataset."""
    return f"shop.set_{number:02}"


def terms(number: int) -> list[tuple[str, dict[str, Any]]]:
    """One of the sets of terms: grants of several breadths, prohibitions, silence, duties."""
    everything = {"actions": ["train", "ground"], "purposes": ["*"], "categories": ["customer"]}
    usage = everything | {"categories": ["customer.usage"]}
    kinds: list[list[tuple[str, dict[str, Any]]]] = [
        [("Grant", everything)],
        [("Grant", everything), ("Prohibition", {"actions": ["train"], "categories": ["customer.content"], "purposes": ["*"]})],
        [("Grant", usage)],
        [("TrainingPosition", {"position": "silent"})],
        [("Grant", everything), ("RetentionLimit", {"days": 400})],
    ]  # fmt: skip
    found = list(kinds[number % len(kinds)])
    found.append(
        ("AuditRight", {"by": f"auditor {number}", "what": "the training pipeline", "notice_days": 10 + number})
    )
    return found


def _world() -> str:
    from governance.access import actors
    from governance.catalogue import modes
    from tests import cast as people
    from tests.cast import LONG_AGO

    cast = people.assemble()
    customers = {f"key{number}": people.customer(f"Customer {number}") for number in range(CUSTOMERS)}
    for number, customer in enumerate(customers.values()):
        family = people.family(customer, by=cast.lawyer.actor)
        people.activated(family, *terms(number % TERMS), lawyer=cast.lawyer, approver=cast.approver)
    space = people.space("crm", **customers)
    _declare(space, actors.SYSTEM, LONG_AGO)
    _lineage(actors.SYSTEM)
    _consents(list(customers.values()), cast)
    proposed = modes.propose(NAMESPACE, "enforce", by=cast.privacy_officer.actor)
    modes.approve(proposed.ref, by=cast.approver.actor)
    _, secret = people.key("release:request", owner=cast.pipeline_owner)
    return secret


def _declare(space: Any, by: Any, since: datetime) -> None:
    from consent import subjects
    from governance.catalogue import columns, sources
    from governance.catalogue.places import Place

    persons = subjects.open_space(name="shop person", by="system")
    place = Place(NAMESPACE, SOURCE)
    who = sources.People("person", persons)
    sources.of_space(place, space, tenant_column="tenant", people=who, setting=sources.Setting(), valid_from=since, by=by)  # fmt: skip
    for column, category in CATEGORIES.items():
        columns.categorise(place, column, category, valid_from=since, by=by)
    columns.categorise(place, "person", "customer.content", valid_from=since, by=by)
    columns.categorise(place, "person", "user.contact", valid_from=since, by=by)
    for number in range(DATASETS + 1):
        columns.tenant_key(Place(NAMESPACE, name(number)), "tenant", space, valid_from=since, by=by)
        columns.person_key(Place(NAMESPACE, name(number)), "person", persons, valid_from=since, by=by)


def _lineage(by: Any) -> None:
    from governance.parties.models import Customer
    from governance.releases.models import RowCount
    from lineage import ingest

    ended = datetime.now(UTC) - timedelta(minutes=1)
    customers = list(Customer.objects.values_list("ref", flat=True))
    for target, source in [(SOURCE, None), *((name(number), SOURCE) for number in range(DATASETS + 1))]:
        run = str(uuid.uuid4())
        for kind, at in (("START", ended - timedelta(seconds=5)), ("COMPLETE", ended)):
            ingest.accept(json.dumps(event(kind, run, target, source, at)).encode(), by="system")
        rows = dict.fromkeys(customers, 10)
        RowCount.objects.create(namespace=NAMESPACE, name=target, runs=[run], space="crm", rows=rows, unmapped=0, by=by.ref)  # fmt: skip


def _consents(customers: list[Any], cast: Any) -> None:
    from consent import consents, statements
    from consent.models import IdentifierSpace

    space = IdentifierSpace.objects.get()
    for number in range(PERSONS):
        customer = customers[number % len(customers)]
        said = {
            "subject_id": f"person {number}", "customer": customer.ref, "controller": customer.ref, "action": "train", "purpose": PURPOSE,
            "state": "given" if number % 3 else "refused",
        }  # fmt: skip
        consents.record(statements.parse(said, space=space, now=datetime.now(UTC)), by="system")


def event(kind: str, run: str, output: str, source: str | None, at: datetime) -> dict[str, Any]:
    """One run event of a job that copies `source` column by column, or just writes."""
    facet = {"_producer": "https://jobs.example", "_schemaURL": "https://openlineage.io/spec/facets/x.json"}
    facets: dict[str, Any] = {"schema": facet | {"fields": [{"name": each} for each in COLUMNS]}}
    if source:
        how = [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]
        fields = {
            each: {"inputFields": [{"namespace": NAMESPACE, "name": source, "field": each, "transformations": how}]}
            for each in COLUMNS
        }
        facets["columnLineage"] = facet | {"fields": fields}
    return {
        "eventType": kind, "eventTime": at.isoformat(), "producer": "https://jobs.example",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run}, "job": {"namespace": NAMESPACE, "name": f"make {output}"},
        "inputs": [{"namespace": NAMESPACE, "name": source}] if source else [],
        "outputs": [{"namespace": NAMESPACE, "name": output, "facets": facets}],
    }  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
    main()
