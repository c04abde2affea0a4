"""What a verified item means below: lineage stops carrying the data, keys of the customer end, a retired model is marked so."""

from datetime import datetime

from governance.access import actors
from governance.access.actors import Actor
from governance.catalogue import trained
from governance.catalogue.models import Model, SourceDeclaration
from governance.deletions import machine
from governance.deletions.models import Evidence, Task
from governance.obligations.models import Obligation
from governance.parties import keyspaces
from governance.parties.models import TenantKey
from lineage import declarations, refs

ROWS = {machine.Kind.DATASET, machine.Kind.RELEASE, machine.Kind.EXPORT}


def settle(task: Task, row: Evidence, *, by: Actor) -> None:
    """Tell the rooms below, inside the transaction that verified the task."""
    if task.kind in ROWS and task.executed_at:
        declarations.declare(
            "purge",
            ref=row.ref,
            payload=_who(task.obligation),
            namespace=task.namespace,
            name=task.name,
            valid_from=task.executed_at,
            by=by.ref,
        )
        _end_keys(task.obligation)
    if task.kind == machine.Kind.MODEL and task.action in {machine.Action.RETIRED, machine.Action.DELETED}:
        model = Model.objects.filter(namespace=task.namespace, name=task.name, retired_at=None).first()
        if model:
            trained.retire(model, evidence_digest=row.digest, by=actors.SYSTEM)


def _who(duty: Obligation) -> dict[str, object]:
    spaces = TenantKey.objects.filter(customer=duty.customer).values_list("space__key", flat=True)
    whose: dict[str, object] = {"subject": duty.subject} if duty.subject else {"customer": duty.customer.ref}
    return {**whose, "tenant_spaces": sorted(set(spaces)), "obligation": duty.ref}


def _end_keys(duty: Obligation) -> None:
    """End the customer's keys in every space all of whose sources are verified: from now on a row under such a key is nobody's.

    Without it every later append to a shared source would count as the customer's data coming back (LINEAGE.md, Purge).
    """
    if duty.subject:
        return
    for space, at in _spaces_done(duty).items():
        keys = list(
            TenantKey.objects.filter(customer=duty.customer, space__key=space, valid_to=None, valid_from__lt=at)
        )
        for key in keys:
            keyspaces.end(key, at=at, by=actors.SYSTEM)
        if keys:
            declarations.declare(
                "key-ended",
                ref=refs.new("end"),
                payload={"customer": duty.customer.ref, "tenant_space": space, "obligation": duty.ref},
                namespace="*",
                pattern="*",
                valid_from=at,
                by=actors.SYSTEM.ref,
            )


def _spaces_done(duty: Obligation) -> dict[str, datetime]:
    """Return the tenant-key spaces of which every source dataset has a verified task, with the moment of the last deletion."""
    own = [task for task in duty.tasks.all() if len(task.path) == 1]
    named = {ref for task in own for ref in task.declarations}
    sources = SourceDeclaration.objects.filter(ref__in=named, tenant_space__isnull=False)
    spaces = dict(sources.values_list("ref", "tenant_space__key"))
    last: dict[str, datetime] = {}
    waiting: set[str] = set()
    for task in own:
        for space in {spaces[ref] for ref in task.declarations if ref in spaces}:
            if task.state != machine.State.VERIFIED or task.executed_at is None:
                waiting.add(space)
            else:
                last[space] = max(last.get(space, task.executed_at), task.executed_at)
    return {space: at for space, at in sorted(last.items()) if space not in waiting}
