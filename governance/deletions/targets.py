"""Which rows of which table a task means: found by the customer's keys in a declared key column, or every row.

Leaving a customer out needs the key of *every* source declaration that reaches the table (SEMANTICS §5.4). A task whose rows nobody
can tell apart has no target: that is a refusal with a name, and the item stays open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from governance.building import planes
from governance.catalogue import places
from governance.catalogue.models import KeyColumn, SourceDeclaration
from governance.deletions import machine
from governance.deletions.models import Task
from governance.obligations.models import Obligation
from governance.parties.models import TenantKey
from lineage import errors


class NotSeparable(errors.Conflict):
    """Nothing says which rows of the table are the customer's."""

    code = "not-separable"


class SharedKey(errors.Conflict):
    """A key of the customer means, or once meant, somebody else too: deleting by it would delete theirs."""

    code = "shared-key"


@dataclass(frozen=True)
class Rows:
    """Rows of one table. Without `column` every row is meant; with `space` (of identifiers) its keyed hash is compared."""

    namespace: str
    table: planes.Table
    column: str = ""
    keys: tuple[str, ...] = ()
    space: str = ""

    @property
    def whole(self) -> bool:
        """Say whether every row of the table is meant."""
        return not self.column


def of(task: Task, *, at: datetime) -> list[Rows]:
    """Return what must go of a task's table, one `Rows` per key column; raises `NotSeparable`, `SharedKey`, `planes.BadName`."""
    if task.kind not in {machine.Kind.DATASET, machine.Kind.RELEASE}:
        raise errors.Conflict(
            f"a {task.kind} is not rows of a table",
            code="not-a-table",
            remedy="hand in evidence of what was done to it",
        )
    table, duty = planes.table(task.name), task.obligation
    sources = list(SourceDeclaration.objects.filter(ref__in=task.declarations).select_related("tenant_space"))
    if not duty.subject and _all_of_it(sources, task, duty):
        return [Rows(task.namespace, table)]
    columns, without = _columns(sources, task, duty, at)
    if without or not columns:
        return _whole_release(task, table) or _refuse(task, without)
    if duty.subject:
        return [Rows(task.namespace, table, column, (duty.subject,), _space(duty)) for column in sorted(columns)]
    return [_keyed(task, table, column, space, duty) for column, space in sorted(columns.items())]


def _all_of_it(sources: list[SourceDeclaration], task: Task, duty: Obligation) -> bool:
    # The table itself is declared to hold this customer's data and nothing else.
    return any(s.customer_id == duty.customer_id and places.covers(s, task.namespace, task.name) for s in sources)


def _columns(
    sources: Iterable[SourceDeclaration], task: Task, duty: Obligation, at: datetime
) -> tuple[dict[str, int], list[str]]:
    """Return key column -> space, and the declarations for which the table has no key."""
    known = KeyColumn.objects.counting(at=at, as_known_at=at).filter(
        kind=KeyColumn.Kind.PERSON if duty.subject else KeyColumn.Kind.TENANT
    )
    keys = [key for key in known if places.covers(key, task.namespace, task.name)]
    found: dict[str, int] = {}
    without: list[str] = []
    for source in sources:
        columns = _own(source, task, duty) or _of(source, keys, duty)
        found |= columns
        if not columns:
            without.append(source.ref)
    return found, without


def _own(source: SourceDeclaration, task: Task, duty: Obligation) -> dict[str, int]:
    if not places.covers(source, task.namespace, task.name):
        return {}
    if duty.subject:
        same = source.subject_space_id == duty.subject_space_id
        return {source.subject_column: int(source.subject_space_id or 0)} if source.subject_column and same else {}
    return {source.tenant_column: int(source.tenant_space_id or 0)} if source.tenant_column else {}


def _of(source: SourceDeclaration, keys: Iterable[KeyColumn], duty: Obligation) -> dict[str, int]:
    space = "subject_space_id" if duty.subject else "tenant_space_id"
    wanted = duty.subject_space_id if duty.subject else source.tenant_space_id
    fitting = [k for k in keys if k.source_id == source.pk or (k.source_id is None and getattr(k, space) == wanted)]
    return {key.column: int(getattr(key, space)) for key in fitting if wanted is None or getattr(key, space) == wanted}


def _space(duty: Obligation) -> str:
    return duty.subject_space.ref if duty.subject_space else ""


def _keyed(task: Task, table: planes.Table, column: str, space: int, duty: Obligation) -> Rows:
    values = set(TenantKey.objects.filter(customer=duty.customer, space=space).values_list("value", flat=True))
    if TenantKey.objects.filter(~Q(customer=duty.customer), space=space, value__in=values).exists():
        raise SharedKey(
            f"a key of the customer in {column} of {task.name} belongs, or belonged, to another customer too",
            remedy="delete the rows by hand, with the periods of the key before you, and hand in evidence",
        )
    if not values:
        raise NotSeparable(f"the customer has no key that could stand in {column} of {task.name}")
    return Rows(task.namespace, table, column, tuple(sorted(values)))


def _whole_release(task: Task, table: planes.Table) -> list[Rows]:
    # A release that our builder wrote without its keys cannot be told apart any more. It is a copy, and goes whole.
    return [Rows(task.namespace, table)] if task.kind == machine.Kind.RELEASE else []


def _refuse(task: Task, without: list[str]) -> list[Rows]:
    raise NotSeparable(
        f"nobody can say which rows of {task.name} are the customer's: no key column is declared for what reaches it",
        declarations=without,
        remedy="declare its key column, rebuild the table without the customer, or hand in evidence of how the rows went",
    )
