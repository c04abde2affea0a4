"""What an entry of the ledger speaks of, in the references that permits rest on: `None` where nobody can tell, and then it is everything.

A kind that is not named here touches everything: to be exact about a new kind is work for whoever adds it, to be safe is not.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Q

from governance.catalogue import models as catalogue
from governance.catalogue.declared import Declared
from governance.catalogue.models import Model
from governance.releases.resting import place
from lineage import openlineage
from lineage.journal import entries
from lineage.journal.models import Entry
from lineage.models import Dataset, Declaration, Run, Symlink

type Touched = set[str] | None
type Places = Iterable[tuple[str, str]]

# What these speak of stands in `about`, as long as one reference of such a kind is among it.
ABOUT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("basis-approved", "basis-ended", "opt-in-activated", "opt-in-ended", "obligation-proposed", "obligation-open", "obligation-closed",
         "obligation-dismissed", "legal-hold-placed", "legal-hold-lifted", "customer-covered", "customer-uncovered", "customer-registered",
         "document-activated", "document-terminated", "document-corrected", "contract-ended"),
        ("cus_",),
    ),
    **dict.fromkeys(("tenant-key-assigned", "tenant-key-ended"), ("space:",)),
    **dict.fromkeys(("party-group-joined", "party-group-left"), ("pty_", "grp_")),
    "party-group-created": ("grp_",),
    "party-registered": ("pty_",),
    "contract-opened": ("pty_",),
    "tenant-key-space-created": ("space:",),
    "model-retired": ("mdl_",),
}  # fmt: skip
DECLARED: Mapping[str, type[Declared]] = {
    kind.KIND: kind
    for kind in (
        catalogue.SourceDeclaration, catalogue.CategoryDeclaration, catalogue.KeyColumn, catalogue.QuasiIdentifiers,
        catalogue.Generalisation, catalogue.SafeguardDeclaration, catalogue.LineageStatement, catalogue.Service, catalogue.OwnerRelease,
    )
}  # fmt: skip
STEPS = ("-declared", "-approved", "-end-proposed", "-ended")


def by(entry: Entry) -> Touched:
    """Return what an entry may have changed."""
    if entry.kind in ABOUT:
        known = any(ref.startswith(ABOUT[entry.kind]) for ref in entry.about)
        return set(entry.about) if known else None
    if entry.kind in READ:
        return READ[entry.kind](entry)
    for step in STEPS:
        if entry.kind.endswith(step) and (kind := DECLARED.get(entry.kind.removesuffix(step))):
            return _declared(kind, entry)
    return None


def _declared(kind: type[Declared], entry: Entry) -> Touched:
    row: Any = kind._default_manager.filter(**{"ref__in": entry.about}).first()
    if row is None or getattr(row, "is_pattern", False):
        return None
    if isinstance(row, catalogue.Service | catalogue.OwnerRelease):
        return {*entry.about, row.model.ref, place(row.model.namespace, row.model.name)}
    return {*entry.about, *_at([(row.namespace, row.name)])}


def _event(entry: Entry) -> Touched:
    """Everything that the event's run reads or writes, by all it has said so far, and what stands under the same names."""
    body = entries.payload(entry)
    if body is None:
        return None
    report = openlineage.read(openlineage.decode(body))
    named = [(each.namespace, each.name) for each in (*report.inputs, *report.outputs)]
    return {*_at(named), *_of_runs(Q(key=report.key) | (Q(about=report.run) & ~Q(about="")))}


def _declaration(entry: Entry) -> Touched:
    row = Declaration.objects.filter(ref__in=entry.about).first()
    if row is None or row.is_pattern:
        return None
    if row.kind == "run-closed":
        return _of_runs(Q(key=str(row.payload.get("run", ""))))
    made_from = row.payload.get("trained_on") or []
    return _at([(row.namespace, row.name), *((each["namespace"], each["name"]) for each in made_from)]) | {row.ref}


def _model(entry: Entry) -> Touched:
    """A model serves whom its descendants serve: what it was made from is touched as well."""
    row = Model.objects.select_related("adapted_from").filter(ref__in=entry.about).first()
    if row is None:
        return None
    up = [row.adapted_from] if row.adapted_from else []
    from_ = [(each["namespace"], each["name"]) for each in row.trained_on]
    return {*_at([*from_, *((each.namespace, each.name) for each in (row, *up))]), row.ref, *(each.ref for each in up)}


def _of_runs(wanted: Q) -> set[str]:
    runs = Run.objects.filter(wanted)
    ids = Dataset.objects.filter(
        Q(writes__run__in=runs) | Q(reads__run__in=runs) | Q(flows__write__run__in=runs) | Q(endings__run__in=runs)
    )
    return _at(ids.values_list("namespace", "name").distinct())


def _at(found: Places) -> set[str]:
    """Datasets by all their names."""
    places = set(found)
    query = Q(pk=None)
    for namespace, name in places:
        query |= Q(one__namespace=namespace, one__name=name)
    others = Symlink.objects.filter(query).values_list("other__namespace", "other__name") if places else ()
    return {place(*each) for each in {*places, *others}}


READ: Mapping[str, Callable[[Entry], Touched]] = {
    "lineage.event": _event,
    "lineage.declaration": _declaration,
    "lineage.declaration-ended": _declaration,
    "model-registered": _model,
}
