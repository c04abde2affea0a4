"""The tasks of an obligation: made from its inventory, kept up to date with lineage, added by hand where lineage cannot see."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from governance.access import actors
from governance.access.actors import Actor
from governance.catalogue.models import Model
from governance.deletions import evidence, inventories, machine
from governance.deletions.inventories import Item
from governance.deletions.machine import Kind, State
from governance.deletions.models import Certificate, Evidence, Inventory, Task
from governance.obligations import duties
from governance.obligations.machine import State as Duty
from governance.obligations.models import Obligation
from governance.parties import customers
from lineage import errors, queries
from lineage.journal import clock, entries

BY_HAND = {Kind.BACKUP, Kind.EXPORT}


@dataclass(frozen=True)
class Review:
    """What taking stock again brought: items nobody had listed, items that came back, and the certificates that fell with them."""

    inventory: Inventory
    added: list[Task] = field(default_factory=list)
    returned: list[Task] = field(default_factory=list)
    superseded: list[Certificate] = field(default_factory=list)


def confirm(ref: str, *, reason: str = "", by: Actor, at: datetime) -> Obligation:
    """Confirm an obligation as a named person and list what it means; both or neither."""
    with transaction.atomic():
        duty = duties.confirm(ref, reason=reason, by=by)
        open(duty, by=by, at=at)
    return duty


def open(duty: Obligation, *, by: Actor, at: datetime) -> list[Task]:
    """List what must go for an open obligation. Asked again, it is `review`."""
    return review(duty, by=by, at=at).added


def review(duty: Obligation, *, by: Actor, at: datetime) -> Review:
    """Take stock again: new items become tasks, verified items that lineage still reaches re-open, certificates fall with them."""
    with transaction.atomic():
        duty = (
            Obligation.objects.select_for_update(of=("self",))
            .select_related("customer", "subject_space")
            .get(pk=duty.pk)
        )
        if duty.state not in {Duty.OPEN, Duty.CLOSED}:
            raise errors.Conflict(
                f"the obligation is {duty.state}: a named person confirms it first", code="not-confirmed"
            )
        first = not duty.inventories.exists()
        inventory, items = inventories.take(duty, by=by, at=at)
        tasks = {(task.kind, task.namespace, task.name): task for task in duty.tasks.all()}
        _learn(items, tasks)
        new = [item for item in items if item.key not in tasks]
        back = _returned(duty, at=at)
        superseded = _reopen(duty, new, back, by=by, at=at)
        added = [_add(duty, inventory, item, late=not first, by=by, at=at) for item in new]
        for task in back:
            evidence.reopened(task, because="lineage still reaches it after it was verified", by=by, at=at)
    return Review(inventory, added, back, superseded)


def outdated(duty: Obligation, *, at: datetime) -> bool:
    """Say whether `review` would find anything: an item nobody listed, or one that came back. Writes nothing."""
    items, _ = inventories.survey(duty, at=at, gaps=False)
    listed = {(task.kind, task.namespace, task.name) for task in duty.tasks.all()}
    return any(item.key not in listed for item in items) or bool(_returned(duty, at=at))


def add(duty: Obligation, *, kind: str, namespace: str, name: str, statement: str, by: Actor, at: datetime) -> Task:
    """Add an item that lineage cannot see (a backup, an export), as a named person, saying how it is known."""
    evidence.may_work(by)
    if kind not in BY_HAND:
        raise errors.Unprocessable("only backups and exports are added by hand; lineage finds the rest", where="kind")
    if not name.strip() or not statement.strip():
        raise errors.Unprocessable("name the item, and say how it is known", where="statement")
    with transaction.atomic():
        duty = Obligation.objects.select_for_update(of=("self",)).select_related("customer").get(pk=duty.pk)
        inventory = duty.inventories.order_by("id").first()
        if duty.state != Duty.OPEN or inventory is None:
            raise evidence.TaskClosed(f"the obligation is {duty.state}: nothing is added to it", where="obligation")
        if duty.tasks.filter(kind=kind, namespace=namespace, name=name).exists():
            raise errors.Conflict("this item is on the list already", code="task-exists")
        item = Item(Kind(kind), namespace, name, [{"namespace": "", "name": statement, "run": ""}])
        return _create(duty, inventory, item, late=True, by=by)


def of(ref: str, *, by: Actor) -> Obligation:
    """Return an obligation that the caller may see; raises `NotFound` in the same words for one that is not there."""
    seen = customers.visible_to(by)
    duty = Obligation.objects.select_related("customer", "subject_space").filter(ref=ref, customer__in=seen).first()
    if duty is None:
        raise errors.NotFound("no such obligation, or none that you may see", where="deletion")
    return duty


def visible(by: Actor) -> QuerySet[Obligation]:
    """Return the obligations of every customer that the caller may see, the latest first."""
    seen = customers.visible_to(by)
    return Obligation.objects.select_related("customer", "subject_space").filter(customer__in=seen).order_by("-id")


def task(duty: Obligation, ref: str) -> Task:
    """Return a task of an obligation; raises `NotFound`, also for a task of another one."""
    found = duty.tasks.select_related("obligation__customer", "obligation__subject_space").filter(ref=ref).first()
    if found is None:
        raise errors.NotFound("no such task of this obligation", where="task")
    return found


def _learn(items: list[Item], tasks: dict[tuple[str, str, str], Task]) -> None:
    """Keep a listed item's declarations and versions up to date: the executor needs the keys of all that reaches it."""
    for item in items:
        known = tasks.get(item.key)
        if known is None:
            continue
        known.declarations = sorted({*known.declarations, *item.declarations})
        known.versions = list({v["run"]: v for v in [*known.versions, *item.plain()["versions"]]}.values())
        known.save(update_fields=["declarations", "versions"])


def _returned(duty: Obligation, *, at: datetime) -> list[Task]:
    """Return the verified tasks into whose dataset the data was written again after its purge.

    Only the purge of a task's last check counts: what an earlier one let back in is what the later one took out again.
    """
    party = duty.subject or duty.customer.ref
    back = {found.purge for found in queries.resurrections(at=at) if found.party == party}
    settled = duty.tasks.filter(state=State.VERIFIED).select_related("obligation__customer") if back else []
    return [task for task in settled if _last_purge(task) in back]


def _last_purge(task: Task) -> str:
    last = task.evidence.filter(role=Evidence.Role.CHECK, remaining=0).order_by("-id").first()
    return last.ref if last else ""


def _reopen(duty: Obligation, new: list[Item], back: list[Task], *, by: Actor, at: datetime) -> list[Certificate]:
    if not new and not back:
        return []
    because = f"lineage names {len(new)} more items, and {len(back)} came back"
    fallen = list(duty.certificates.filter(superseded_at=None))
    for certificate in fallen:
        supersede(certificate, because=because, by=by)
    if duty.state == Duty.CLOSED:
        duties.reopen(duty.ref, reason=because, by=by)
        duty.refresh_from_db()
    return fallen


def supersede(certificate: Certificate, *, because: str, by: Actor) -> Certificate:
    """Say of a certificate that it no longer stands, and why. It stays as it was signed."""
    with transaction.atomic():
        certificate.superseded_at, certificate.superseded_because = clock.now(), because
        certificate.save(update_fields=["superseded_at", "superseded_because"])
        duty = certificate.obligation
        entries.record(
            "certificate-superseded",
            {"certificate": certificate.ref, "obligation": duty.ref, "because": because},
            by=by.ref,
            about=[certificate.ref, duty.ref, duty.customer.ref],
        )
    return certificate


def _add(duty: Obligation, inventory: Inventory, item: Item, *, late: bool, by: Actor, at: datetime) -> Task:
    made = _create(duty, inventory, item, late=late, by=by)
    allowed = _allowed(duty, item)
    if allowed:
        made = evidence.excepted(made, ground=machine.Ground.TERM_ALLOWS, text=allowed, by=actors.SYSTEM, at=at)
    return made


def _create(duty: Obligation, inventory: Inventory, item: Item, *, late: bool, by: Actor) -> Task:
    plain = item.plain()
    made = Task.objects.create(
        obligation=duty, inventory=inventory, kind=item.kind, namespace=item.namespace, name=item.name, path=item.path,
        declarations=plain["declarations"], versions=plain["versions"], late=late, due_on=duty.due_on,
    )  # fmt: skip
    payload = {"obligation": duty.ref, "customer": duty.customer.ref, "task": made.ref, "late": late, **plain}
    entries.record("deletion-task", payload, by=by.ref, about=[duty.ref, made.ref, duty.customer.ref])
    return made


def _allowed(duty: Obligation, item: Item) -> str:
    """Say why a term lets an item be kept, or nothing. It drops out only where the obligation says that it need not go."""
    clause = f"the deletion term ({duty.clause_ref})" if duty.clause_ref else "the obligation"
    if item.kind == Kind.MODEL:
        return "" if duty.covers_models else f"{clause} lets trained models be kept"
    if len(item.path) == 1:
        return "" if duty.covers_source else f"{clause} does not ask for the source data"
    if item.kind == Kind.RELEASE or _trained_on(item):
        return "" if duty.covers_training_copies else f"{clause} does not ask for training copies"
    return "" if duty.covers_derived else f"{clause} does not ask for derived data"


def _trained_on(item: Item) -> bool:
    rows = Model.objects.filter(trained_on__contains=[{"namespace": item.namespace, "name": item.name}])
    return rows.exists()
