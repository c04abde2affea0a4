"""Rows → `policy.Facts`: everything that a decision rests on, as it was known at the question's `as_known_at`.

Facts hold more than one instant needs (documents that will begin, periods that will end): the engine judges periods, and sees from them
how long its answer holds. What cannot be read becomes a gap, and a gap refuses.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from consent import trees, vocabulary
from governance.catalogue import places
from governance.catalogue import queries as catalogue
from governance.catalogue.declared import Declared
from governance.catalogue.models import (
    CategoryDeclaration,
    Generalisation,
    KeyColumn,
    Model,
    QuasiIdentifiers,
    SafeguardDeclaration,
    SourceDeclaration,
)
from governance.contracts import queries as contracts
from governance.obligations import queries as obligations
from governance.parties.models import Customer, TenantKey
from governance.policy import engine, values
from governance.releases import oddities, people, provenance, terms
from governance.releases.provenance import Provenance
from lineage import queries as lineage

VENDOR = ""  # whose own data a basis record without a customer is about

PLACED: tuple[type[Declared], ...] = (
    SourceDeclaration,
    CategoryDeclaration,
    KeyColumn,
    QuasiIdentifiers,
    Generalisation,
    SafeguardDeclaration,
)


@dataclass(frozen=True)
class Gathered:
    """Facts, and what the engine does not need but a permit does: versions read, and when the catalogue will change next."""

    facts: values.Facts
    versions: tuple[dict[str, str], ...]
    first_change: datetime | None
    customers: frozenset[int] = frozenset()  # row ids, of those whose data is there
    nodes: frozenset[tuple[str, str]] = (
        frozenset()
    )  # every dataset whose lineage or declarations could change the facts


def gather(question: values.Question) -> Gathered:
    """Return the facts for a question."""
    found = provenance.read(question)
    holders = provenance.holders(found.sources, at=question.at, known=question.as_known_at)
    refs = sorted({customer for mine in holders.values() for customer in mine})
    facts = _facts(question, found, holders, refs)
    return Gathered(
        facts=replace(facts, consents=people.views(engine.consents_needed(question, facts), question)),
        versions=tuple({"name": v.name, "run": v.run} for v in found.versions),
        first_change=_first_change(found, refs, question),
        customers=frozenset(Customer.objects.filter(ref__in=refs).values_list("pk", flat=True)),
        nodes=_nodes(found, facts, question),
    )


def _facts(
    question: values.Question, found: Provenance, holders: Mapping[str, tuple[str, ...]], refs: list[str]
) -> values.Facts:
    known = question.as_known_at
    rows = terms.customers(refs)
    agreed = contracts.contracts_of(refs, as_known_at=known)
    models = _models(question)
    vendors = terms.vendors(known=known)
    recipients = {question.recipient} if question.recipient else set(vendors)  # no recipient is the vendor itself
    served = {each.party for model in models for each in model.served_to}
    party_of = {row.ref: row.party.ref for row in rows}
    asked = recipients | served
    opted, groups = terms.opt_ins(refs, known=known), terms.memberships(asked | {*party_of.values()}, known=known)
    return values.Facts(
        dataset=provenance.dataset(found, question, kind=_kind(found, question)),
        declarations=provenance.declarations(found, holders, question),
        origins=provenance.origins(found, question),
        schemas=provenance.schemas(found),
        categories=provenance.categories(found, question),
        source_keys=provenance.source_keys(found, question),
        identities=provenance.identities(found, question),
        safeguards=provenance.safeguards(found, question),
        quasi_identifiers=provenance.quasi_identifiers(found, question),
        generalisations=provenance.generalisations(found, question),
        customers=tuple(_customer(row, found) for row in rows),
        families=agreed.families,
        opt_ins=opted,
        parties=terms.registered(asked | {*party_of.values()} | terms.named_parties(agreed.families), known=known),
        vendor_parties=vendors,
        memberships=groups,
        bases=terms.bases([*refs, VENDOR], known=known),
        obligations=people.duties(refs, question),
        models=models,
        owner_releases=_owner_releases(question),
        built=_built(found, refs, question),
        gaps=(
            *found.gaps,
            *agreed.gaps,
            *oddities.opt_ins(opted),
            *oddities.groups(groups, asked=asked, party_of=party_of),
            *oddities.tenant_keys({row.tenant_space_id for row in found.sources.values() if row.tenant_space_id}),
        ),
        own_keys=terms.own_keys(question),
    )


def _customer(row: Customer, found: Provenance) -> values.Customer:
    counted = found.counted.rows if found.counted is not None else {}
    rows = counted.get(row.ref, 0) if found.counted is not None else None
    return values.Customer(ref=row.ref, party=row.party.ref, name=row.name, rows=rows)


def _built(found: Provenance, refs: Iterable[str], question: values.Question) -> values.Built | None:
    """Lists answer for the action and purpose they were made for; asked for another use, the version is like any other."""
    built = found.built
    if built is None or built.decision.action != question.action:
        return None
    if trees.called(built.decision.purpose, question.as_known_at) != question.purpose:
        return None
    return values.Built(
        plan_digest=built.plan_digest,
        lists=people.applied(built, question),
        erased=people.erasures_applied(built, refs, question),
    )


def _kind(found: Provenance, question: values.Question) -> str:
    return "model" if catalogue.model_at(found.place, as_known_at=question.as_known_at) else "dataset"


def _models(question: values.Question) -> tuple[values.Model, ...]:
    """The model that the data goes into, or that is asked about, with the parties that it and what was made from it serve."""
    known = question.as_known_at
    asked = catalogue.model_at((question.namespace, question.dataset), as_known_at=known)
    named = Model.objects.filter(ref=question.model, recorded_at__lte=known).first() if question.model else None
    return tuple(_model(row, question) for row in (asked, named) if row is not None)


def _model(row: Model, question: values.Question) -> values.Model:
    """A model serves whom its descendants serve, and inherits from what it was made of whom that serves."""
    node = (row.namespace, row.name)
    reached = lineage.descendants(*node, at=question.at, as_known_at=question.as_known_at)
    made_of = lineage.exposure(*node, at=question.at, as_known_at=question.as_known_at, columns=()).ancestors
    nodes = {node, *((each.version.namespace, each.version.name) for each in reached), *_adapted(row), *_bases(row)}
    nodes |= {(namespace, name) for namespace, name, _ in made_of}
    services = catalogue.services(nodes, as_known_at=question.as_known_at, not_over_at=question.at)
    periods = {(s.party_ref, s.valid_from, s.until(question.as_known_at)) for s in services}
    ordered = sorted(periods, key=lambda p: (p[0], p[1], p[2] is not None, p[2] or p[1]))
    return values.Model(ref=row.ref, served_to=tuple(values.ServedTo(*period) for period in ordered))


def _bases(row: Model) -> set[tuple[str, str]]:
    """What it was adapted from, and what that was."""
    found: set[tuple[str, str]] = set()
    above = row.adapted_from
    while above is not None and (node := (above.namespace, above.name)) not in found:
        found.add(node)
        above = above.adapted_from
    return found


def _owner_releases(question: values.Question) -> tuple[values.OwnerRelease, ...]:
    """What the owners of the model that is asked about have released: only `serve` and `assign` ask for it."""
    known = question.as_known_at
    model = catalogue.model_at((question.namespace, question.dataset), as_known_at=known)
    if model is None or question.action not in vocabulary.MODEL_ACTIONS:
        return ()
    return tuple(
        values.OwnerRelease(
            customer=row.customer.ref,
            action=row.action,
            recipient=row.recipient_ref,
            valid_from=row.valid_from,
            valid_to=row.until(known),
            ref=row.ref,
        )
        for row in catalogue.owner_releases(model, question.action, as_known_at=known)
    )


def _adapted(row: Model) -> set[tuple[str, str]]:
    """What was adapted from it, and from that."""
    found: dict[int, tuple[str, str]] = {}
    todo = [row.pk]
    while todo:
        below = Model.objects.filter(adapted_from=todo.pop()).exclude(pk__in=found)
        for each in below:
            found[each.pk] = (each.namespace, each.name)
            todo.append(each.pk)
    return set(found.values())


def _nodes(found: Provenance, facts: values.Facts, question: values.Question) -> frozenset[tuple[str, str]]:
    """Everything upstream of D whatever the time, and downstream of the models: they serve what was made from them."""
    models = Model.objects.filter(ref__in=[each.ref for each in facts.models])
    below = {(model.namespace, model.name) for model in models} | {node for model in models for node in _adapted(model)}
    up = lineage.near([found.place, *found.places], direction="up")
    return frozenset({*up, *found.places, *(lineage.near(sorted(below), direction="down") if below else ()), *below})


def _first_change(found: Provenance, refs: list[str], question: values.Question) -> datetime | None:
    """The next known instant at which a declaration, a tenant key or a deletion begins or ends: the engine sees no period of theirs."""
    at, known = question.at, question.as_known_at
    wanted = {
        *found.places,
        *((o.namespace, o.dataset) for reached in found.exposure.origins.values() for o in reached),
    }
    wanted |= {(namespace, name) for namespace, name, _ in found.exposure.ancestors}
    moments = [moment for kind in PLACED for moment in _boundaries(kind, wanted, known)]
    spaces = [row.tenant_space_id for row in found.sources.values() if row.tenant_space_id]
    moments += TenantKey.objects.filter(space__in=spaces, recorded_at__lte=known).values_list("valid_from", flat=True)
    moments.append(obligations.next_trigger(refs, after=at, as_known_at=known))
    return min((moment for moment in moments if moment is not None and moment > at), default=None)


def _boundaries(kind: type[Declared], wanted: set[tuple[str, str]], known: datetime) -> list[datetime | None]:
    rows = kind._default_manager.filter(_candidates(kind)(sorted(wanted)), known_at__lte=known)
    covering = [row for row in rows if any(places.covers(row, *place) for place in wanted)]
    return [moment for row in covering for moment in (row.valid_from, row.valid_to, row.ended_on)]


def _candidates(kind: type[Declared]) -> Callable[[list[tuple[str, str]]], Q]:
    if hasattr(kind, "is_pattern"):
        return places.candidates
    return lambda wanted: Q(namespace__in={n for n, _ in wanted}, name__in={n for _, n in wanted})
