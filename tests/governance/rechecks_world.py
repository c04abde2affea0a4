"""A world whose permits are looked at again: some customers, a table and a training set of each, and one set made from two of them."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from governance.access import actors
from governance.catalogue import columns, sources, trained
from governance.catalogue.models import SourceDeclaration
from governance.catalogue.places import Place
from governance.parties.models import Customer
from governance.reactions import reading
from governance.releases import decisions, requests
from governance.releases.models import Permit
from lineage import ingest
from tests import cast as named
from tests.cast import LONG_AGO, Cast

NS = "postgres://plane.example:5432"
GRANT = {"actions": ["train", "disclose"], "categories": ["customer.usage"], "purposes": ["*"], "basis": "negotiated"}
BAN = {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}


def now() -> datetime:
    return datetime.now(UTC)


def report(output: str, *inputs: str) -> None:
    """A run that wrote `output` from `inputs`, column by column."""
    facet = {"_producer": "https://jobs.example", "_schemaURL": "https://openlineage.io/spec/facets/x.json"}
    how = [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]
    fields = {
        "amount": {
            "inputFields": [
                {"namespace": NS, "name": each, "field": "amount", "transformations": how} for each in inputs
            ]
        }
    }
    facets = {"schema": facet | {"fields": [{"name": "amount"}]}} | (
        {"columnLineage": facet | {"fields": fields}} if inputs else {}
    )
    run = str(uuid.uuid4())
    event = {
        "producer": "https://jobs.example",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent", "run": {"runId": run},
        "job": {"namespace": "shop", "name": f"make {output}"}, "inputs": [{"namespace": NS, "name": each} for each in inputs],
        "outputs": [{"namespace": NS, "name": output, "facets": facets}],
    }  # fmt: skip
    for kind in ("START", "COMPLETE"):
        said = event | {"eventType": kind, "eventTime": now().isoformat()}
        ingest.accept(json.dumps(said).encode(), by="key:test")


class World:
    """Some customers, each with a table of its own and a set made from it; the sets of the first two are joined in a third."""

    def __init__(self, cast: Cast, size: int = 4) -> None:
        self.cast, self.size = cast, size
        self.customers: list[Customer] = []
        self.said: Any = ()
        self.families: list[Any] = []
        self.sources: list[SourceDeclaration] = []
        self.make()
        reading.run()

    @named.at_once()
    def make(self) -> None:
        for number in range(self.size):
            customer = named.customer(f"Customer {number}")
            family = named.family(customer, by=actors.SYSTEM)
            named.activated(family, ("Grant", GRANT), lawyer=self.cast.lawyer, approver=self.cast.approver)
            self.customers.append(customer)
            self.families.append(family)
            self.sources.append(self.declare(f"t{number}", customer))
            report(f"t{number}")
            report(f"set{number}", f"t{number}")
        report("joined", "set0", "set1")
        self.model = trained.register(Place(NS, "model"), at=now(), by=actors.SYSTEM)

    def declare(self, table: str, customer: Customer) -> SourceDeclaration:
        row = sources.of_customer(
            Place(NS, table), customer, setting=sources.Setting(), valid_from=LONG_AGO, by=actors.SYSTEM
        )
        columns.categorise(Place(NS, table), "amount", "customer.usage", valid_from=LONG_AGO, by=actors.SYSTEM)
        return row

    def ask(self, name: str, **fields: Any) -> Permit | None:
        body = {
            "dataset": {"namespace": NS, "name": name},
            "columns": ["amount"],
            "action": "train",
            "purpose": "functional.service",
        }
        found = decisions.request(requests.parse(body | fields), by=actors.SYSTEM, at=now())
        self.said = found.answer.reasons
        return found.permit

    def permitted(self, name: str, **fields: Any) -> Permit:
        found = self.ask(name, **fields)
        assert found is not None, self.said
        return found

    def activate(self, number: int, *terms: tuple[str, dict[str, Any]], **fields: Any) -> None:
        named.activated(
            self.families[number],
            *terms,
            lawyer=self.cast.lawyer,
            approver=self.cast.approver,
            title=f"Amendment {uuid.uuid4()}",
            **fields,
        )
