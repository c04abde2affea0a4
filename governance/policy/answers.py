"""What the engine gives back: verdict, reasons, plan, remedies. Frozen values; equal facts give equal bytes."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from governance.policy import canonical
from governance.policy.values import RULES_VERSION, Bounds, Known, Need


class Verdict(StrEnum):
    """SEMANTICS §1."""

    PERMIT = "permit"
    PERMIT_WITH_PLAN = "permit_with_plan"
    DENY = "deny"


class Treatment(StrEnum):
    """What happens to a column for a class of customers."""

    KEEP = "keep"
    APPLY = "apply"
    BLANK = "blank"
    NONE = "none"  # holds nothing of the class: written as it is, there is nothing of theirs in it


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """The identity of something that decided. Sentences are made from it later (`explain`).

    `code` stands in `reasons.CODES`. `clause` and `document` name what a contract says; `about` any other fact: a declaration, an
    offer, a basis record, an obligation, a source (`namespace name column`), a safeguard. `count` is of people or rows.
    """

    code: str
    customer: str = ""
    column: str = ""
    document: str = ""
    clause: str = ""
    about: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Duty:
    """A safeguard that must be in place before the column may be used. Its fields in this order decide ties."""

    safeguard: str
    standard: str = ""
    known: Known = Known.DECLARED
    bounds: Bounds = field(default_factory=Bounds)
    quasi_identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What happens to one column; `duties` only for `apply`."""

    column: str
    treatment: Treatment
    duties: tuple[Duty, ...] = ()


@dataclass(frozen=True, slots=True)
class PeopleList:
    """An allow-list that rows must pass: the persons in `columns` of D, by the list of (space, controller, need) at `position`.

    `kind`: `only` who is listed, or everybody `except` who is.
    """

    space: str
    controller: str
    need: Need
    kind: str
    columns: tuple[str, ...]
    count: int
    digest: str
    position: int


@dataclass(frozen=True, slots=True)
class ErasureList:
    """People whose deletion is due: left out, `count` and `digest` of the list over the space."""

    space: str
    columns: tuple[str, ...]
    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class TreatmentClass:
    """Customers with equal outcomes. Their references are `Decision.members[ref]`; here only their number and digest."""

    ref: str
    customers: int
    customers_digest: str
    columns: tuple[ColumnPlan, ...]
    people: tuple[PeopleList, ...] = ()
    erased: tuple[ErasureList, ...] = ()


@dataclass(frozen=True, slots=True)
class TenantFilter:
    """Rows are kept whose tenant keys, in all of `columns`, belong (in `space`) to customers of a class."""

    declaration: str
    space: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UndertakingNote:
    """A duty that travels with the permission; `terms` is JSON text."""

    document: str
    clause: str
    terms: str


@dataclass(frozen=True, slots=True)
class Plan:
    """An allow-list: what is included, and what must be done first. `changes_rows`: the build leaves rows out.

    `keep_for_days`: copies live no longer after release (`delete_by`). `generalisations`: (column, method, parameters as JSON text).
    """

    columns: tuple[str, ...]
    classes: tuple[TreatmentClass, ...]
    tenant_filters: tuple[TenantFilter, ...]
    filter_columns: tuple[str, ...]
    changes_rows: bool
    quasi_identifiers: tuple[str, ...] = ()
    generalisations: tuple[tuple[str, str, str], ...] = ()
    undertakings: tuple[UndertakingNote, ...] = ()
    keep_for_days: int | None = None

    def digest(self) -> str:
        """Return the SHA-256 that permits bind."""
        return canonical.value_digest(self)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Customers who are in D and in no class, with the codes that put them out."""

    customers: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """People registered for the customers in D, by who allows their use. `exact` only for a version that the builder made."""

    both: int = 0
    contract_alone: int = 0
    consent_alone: int = 0
    neither: int = 0
    exact: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One thing that would help. `kind` stands in `remedies.KINDS`; `target` names what it is done to, `detail` is JSON text."""

    kind: str
    target: str
    customer: str = ""
    detail: str = "{}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """A least set of steps after which the customer's cells in `columns` have no refusing reason; checked by deciding again.

    No columns: after which its rows are in the plan. Neither customer nor columns: after which the question has no gap.

    `still_blocking` are codes that keep the customer's rows out all the same. Gains compare the two plans; `rows` None: not counted.
    """

    customer: str
    columns: tuple[str, ...]
    steps: tuple[Step, ...]
    customers_gained: int
    cells_gained: int
    rows_gained: int | None
    still_blocking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `holds_until`: the first instant within the look-ahead at which less would be allowed, None if there is none."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    plan: Plan | None
    members: dict[str, tuple[str, ...]]
    left_out: tuple[LeftOut, ...]
    counts: Counts
    facts_digest: str
    holds_until: datetime | None = None
    remedies: tuple[Remedy, ...] = ()
    completeness: str = "known"
    completeness_reasons: tuple[str, ...] = ()
    rules_version: str = RULES_VERSION

    def to_json(self) -> Any:
        """Return plain JSON values."""
        return canonical.to_json(self)

    @classmethod
    def from_json(cls, value: Any) -> "Decision":
        """Read a decision back; raises `canonical.Unreadable`."""
        return canonical.from_json(cls, value)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes: replaying the facts gives the same."""
        return canonical.value_bytes(self)
