"""Inventories: everything that the data reached, by lineage, at a stated ledger position, and what lineage does not know."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from governance.access.actors import Actor
from governance.building.models import Build
from governance.catalogue import places
from governance.catalogue.models import Model, SourceDeclaration
from governance.deletions.machine import Kind
from governance.deletions.models import Inventory
from governance.obligations.models import Obligation
from governance.parties.models import Customer, TenantKey
from lineage import queries
from lineage.answers import Descendant
from lineage.journal import entries, sequencer
from lineage.models import Dataset

MOST_STRANGERS = 300  # datasets outside the inventory whose provenance is looked at; more are said to be unexamined


@dataclass
class Item:
    """One thing that the data reached: by which way (source first), from which declarations, in which versions."""

    kind: Kind
    namespace: str
    name: str
    path: list[dict[str, str]]
    declarations: set[str] = field(default_factory=set)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two items one."""
        return str(self.kind), self.namespace, self.name

    def plain(self) -> dict[str, Any]:
        """Return the item as JSON values, in one order."""
        return {
            "kind": str(self.kind), "namespace": self.namespace, "name": self.name, "path": self.path,
            "declarations": sorted(self.declarations), "versions": [self.versions[run] for run in sorted(self.versions)],
        }  # fmt: skip


def take(duty: Obligation, *, by: Actor, at: datetime) -> tuple[Inventory, list[Item]]:
    """Take stock for an obligation, and keep it. Inside a transaction; the position is the ledger's size before it began."""
    head = sequencer.head()
    items, unknowns = survey(duty, at=at)
    inventory = Inventory.objects.create(
        obligation=duty,
        ledger_position=head.size if head else 0,
        as_known_at=at,
        declarations=sorted({ref for item in items for ref in item.declarations}),
        items=[item.plain() for item in items],
        unknowns=unknowns,
        taken_by=by.ref,
    )
    payload = {
        "inventory": inventory.ref, "obligation": duty.ref, "customer": duty.customer.ref, "ledger_position": inventory.ledger_position,
        "items": inventory.items, "unknowns": unknowns,
    }  # fmt: skip
    entries.record("deletion-inventory", payload, by=by.ref, about=[inventory.ref, duty.ref, duty.customer.ref])
    return inventory, items


def survey(duty: Obligation, *, at: datetime, gaps: bool = True) -> tuple[list[Item], list[dict[str, str]]]:
    """Return what the data reached by now, sources first, and what is not known (with `gaps`: looking for that takes longer).

    Purged and absent ways are not followed.
    """
    unknowns: list[dict[str, str]] = []
    items = reached(_sources(duty, unknowns), party=duty.subject or duty.customer.ref, at=at, unknowns=unknowns)
    places_found = {(item.namespace, item.name) for item in items}
    return items, unknowns + (_gaps(items, at) + _strangers(places_found, at) if gaps else [])


def reached(
    sources_: Iterable[tuple[SourceDeclaration, str, str]], *, party: str, at: datetime, unknowns: list[dict[str, str]]
) -> list[Item]:
    """Return every item downstream of these sources, nearest first; what lineage is silent about is added to `unknowns`."""
    models = set(Model.objects.values_list("namespace", "name"))
    built = releases()
    found: dict[tuple[str, str], Item] = {}
    for source, namespace, name in sources_:
        versions = queries.descendants(namespace, name, party=party, at=at)
        if not versions:
            unknowns.append(
                _unknown(namespace, name, "no event of lineage tells how this declared source was written or read")
            )
        own = found.setdefault((namespace, name), Item(Kind.DATASET, namespace, name, [_step(namespace, name)]))
        own.declarations.add(source.ref)
        for descendant in versions:
            _add(found, descendant, source.ref, models, built)
    return sorted(found.values(), key=lambda item: (len(item.path), item.key))


def releases() -> set[tuple[str, str]]:
    """Return every dataset that our builder made: a copy, which may go whole."""
    return set(Build.objects.values_list("namespace", "name"))


def sources(customer: Customer) -> list[SourceDeclaration]:
    """Return every declaration, ended ones included, under which the customer's data came in."""
    spaces = TenantKey.objects.filter(customer=customer).values("space")
    rows = SourceDeclaration.objects.filter(known_at__isnull=False, no_customer_data=False)
    return list(rows.filter(Q(customer=customer) | Q(tenant_space__in=spaces)).order_by("ref"))


def placed(customer: Customer) -> list[tuple[SourceDeclaration, str, str]]:
    """Return those declarations with every dataset that each is about."""
    return [(source, *place) for source in sources(customer) for place in _datasets(source)]


def _sources(duty: Obligation, unknowns: list[dict[str, str]]) -> Iterable[tuple[SourceDeclaration, str, str]]:
    for source in sources(duty.customer):
        if duty.subject and source.subject_space_id != duty.subject_space_id:
            unknowns.append(
                _unknown(source.namespace, source.name, "no column tells whether the person is in this source")
            )
            continue
        for namespace, name in _datasets(source):
            yield source, namespace, name


def _datasets(source: SourceDeclaration) -> list[tuple[str, str]]:
    if not source.is_pattern:
        return [(source.namespace, source.name)]
    known = Dataset.objects.order_by("namespace", "name").values_list("namespace", "name")
    return [(namespace, name) for namespace, name in known if places.covers(source, namespace, name)]


def _add(
    found: dict[tuple[str, str], Item],
    descendant: Descendant,
    source: str,
    models: set[tuple[str, str]],
    releases: set[tuple[str, str]],
) -> None:
    version = descendant.version
    place = (version.namespace, version.name)
    kind = Kind.MODEL if place in models else Kind.RELEASE if place in releases else Kind.DATASET
    path = [_step(step.namespace, step.name, step.run) for step in descendant.path]
    item = found.setdefault(place, Item(kind, *place, path))
    item.kind = kind
    item.declarations.add(source)
    if len(path) < len(item.path):
        item.path = path
    item.versions[version.run] = {
        "run": version.run,
        "started": version.started.isoformat() if version.started else "",
        "gone": version.gone.isoformat() if version.gone else "",
    }


def _step(namespace: str, name: str, run: str = "") -> dict[str, str]:
    return {"namespace": namespace, "name": name, "run": run}


def _gaps(items: Iterable[Item], at: datetime) -> list[dict[str, str]]:
    """Return where lineage itself says that it does not know all of an item."""
    gaps = []
    for item in items:
        for finding in queries.exposure(item.namespace, item.name, at=at).unknown:
            gaps.append(
                _unknown(item.namespace, item.name, f"{finding.code} at {finding.namespace} {finding.name}".strip())
            )
    return gaps


def _strangers(found: set[tuple[str, str]], at: datetime) -> list[dict[str, str]]:
    """Return datasets outside the inventory of which lineage cannot tell whose data they hold: nobody can rule them out."""
    others = [place for place in Dataset.objects.order_by("id").values_list("namespace", "name") if place not in found]
    gaps = [
        _unknown(namespace, name, "its provenance is unknown, so it cannot be ruled out")
        for namespace, name in others[:MOST_STRANGERS]
        if queries.exposure(namespace, name, at=at).completeness == "unknown"
    ]
    if len(others) > MOST_STRANGERS:
        gaps.append(
            _unknown(
                "", "", f"{len(others) - MOST_STRANGERS} further datasets were not examined for unknown provenance"
            )
        )
    return gaps


def _unknown(namespace: str, name: str, reason: str) -> dict[str, str]:
    return {"namespace": namespace, "name": name, "reason": reason}
