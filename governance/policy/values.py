"""What the engine takes in: a question and the facts. Frozen, hashable values that name things by external references only.

Facts are *as known* at the question's `as_known_at`: whoever gathers leaves out what was recorded later (of an end that was
recorded later, the end). Valid periods are half-open and judged here. All times are aware and in UTC. The order and repetition of
facts mean nothing. Money, rows and people appear as counts; no person's reference stands in facts.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from governance.policy import canonical

RULES_VERSION = "2"


class Mode(StrEnum):
    """How a question wants to be answered."""

    PLAN = "plan"  # a part is welcome: permit_with_plan says which
    STRICT = "strict"  # all or nothing
    PREFLIGHT = "preflight"  # for a planned output that does not exist yet


class Path(StrEnum):
    """What an origin brings: the values themselves, or only that the customer is there (join, filter, sort)."""

    CONTENT = "content"
    PRESENCE = "presence"


class Known(StrEnum):
    """How a safeguard is known; each satisfies the ones below it."""

    CLAIMED = "claimed"
    DECLARED = "declared"
    MEASURED = "measured"


class Completeness(StrEnum):
    """How well lineage knows where a dataset comes from."""

    KNOWN = "known"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


class Need(StrEnum):
    """What a lawful basis asks of a person; the values of `consent.scope.Need`, in falling strictness."""

    GUARDED = "guarded"
    EXPLICIT = "explicit"
    CONSENT = "consent"
    NO_OBJECTION = "no-objection"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """A column of a planned output, and the columns of one source that will go into it."""

    column: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """What a planned output will be made from. No `columns`: each of its columns from all of the source's.

    `filters` are columns of the source that will only decide which rows are there.
    """

    namespace: str
    dataset: str
    columns: tuple[PlannedColumn, ...] = ()
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """May these columns of a dataset be used for this action and purpose by this recipient, at `at`?

    `sources` belong to `preflight`: the dataset is an output that does not exist yet and will be made from them.

    `recipient` None is the vendor itself. For `serve` and `assign` the dataset is the model's node and columns and purpose are
    empty. `model` is the model that the data goes into; `region` and `environment` are where the work is done.
    """

    namespace: str
    dataset: str
    columns: tuple[str, ...]
    action: str
    purpose: str
    at: datetime
    as_known_at: datetime
    recipient: str | None = None
    model: str | None = None
    environment: str | None = None
    region: str | None = None
    mode: Mode = Mode.PLAN
    required: tuple[str, ...] = ()
    sources: tuple[PlannedSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of D. `kind` is `value`, `text` (free text) or `embedding`: k cannot be measured on the last two."""

    name: str
    kind: str = "value"


@dataclass(frozen=True, slots=True)
class Version:
    """What one run wrote and is still there to read."""

    name: str
    run: str
    started: datetime
    gone: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """D. `known` false: nobody ever heard of it. `undeclared` names roots (`namespace name`) that nobody declared.

    `ancestors` are the nearest upstream datasets (`namespace name`) in which customers can be told apart, for the remedy *rebuild*.
    """

    namespace: str
    name: str
    kind: str = "dataset"  # dataset, model, embedding
    known: bool = True
    columns: tuple[Column, ...] = ()
    versions: tuple[Version, ...] = ()
    completeness: Completeness = Completeness.KNOWN
    reasons: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """A source declaration that reaches D and counts. `customers`: the one, or everybody with a key in the space.

    `tenant_space` is empty for a single customer's source. `unmapped_rows` counts rows whose tenant key belongs to nobody; None
    means nobody counted, which is judged as if there were some. `controller_is_vendor` matters for `no_customer_data`.
    """

    ref: str
    namespace: str
    name: str
    customers: tuple[str, ...] = ()
    tenant_space: str = ""
    tenant_column: str = ""
    unmapped_rows: int | None = None
    no_customer_data: bool = False
    subject_column: str = ""
    subject_space: str = ""
    controller: str = ""
    controller_is_vendor: bool = False
    product: str = ""
    environment: str = ""
    region: str = ""
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """A column of D comes from a column of a declared source.

    `column` `*` stands for the columns of D that lineage does not cover, the empty one for the dataset as a whole (presence only).
    `source_column` `*` means every column of the source, as content and as presence. `masked`: every path claims masking.
    `without`: customers absent or purged on every path, by attestation.
    """

    column: str
    declaration: str
    namespace: str
    dataset: str
    source_column: str
    path: Path = Path.CONTENT
    masked: bool = False
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns that a source is known to have; a source without a schema has unknown ones."""

    namespace: str
    dataset: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnCategory:
    """A declared category, of either axis, on a column of a source or of D."""

    namespace: str
    dataset: str
    column: str
    category: str


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A declared key column of a source: presence through it needs no category."""

    namespace: str
    dataset: str
    column: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A declared key column of D itself: `tenant` or `person`, in a space; for one declaration, or for all of the space."""

    column: str
    kind: str
    space: str
    declaration: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How strong a safeguard is, or must be: k; n people and c customers per group; epsilon as a decimal string."""

    k: int | None = None
    n: int | None = None
    c: int | None = None
    epsilon: str | None = None


@dataclass(frozen=True, slots=True)
class InPlace:
    """A safeguard of one version of D (`run`), on columns (none named: all of them)."""

    run: str
    safeguard: str
    known: Known
    columns: tuple[str, ...] = ()
    standard: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    quasi_identifiers: tuple[str, ...] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Generalisation:
    """How a column of D is made coarser; `parameters` is JSON text."""

    column: str
    method: str
    parameters: str = "{}"


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a document. `body` is JSON text (`canonical.text(mapping)`); empty scopes mean any."""

    ref: str
    kind: str
    body: str
    number: str = ""
    title: str = ""
    passage: str = ""
    page: int | None = None
    products: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prevails:
    """The document states that it prevails over another, for these actions and categories."""

    over: str
    actions: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a family; the acceptance of a standard form carries the form's clauses.

    `effective_at` and `expires_at` are midnights UTC of the dates; `expires_at` counts only where `renewal` is `none`.
    `activated` false is a draft, which never counts. `recorded_at`: when it was activated.
    """

    ref: str
    recorded_at: datetime
    effective_at: datetime
    signed_on: date | None
    clauses: tuple[Clause, ...] = ()
    expires_at: datetime | None = None
    terminated_at: datetime | None = None
    renewal: str = "none"
    activated: bool = True
    title: str = ""
    number: str = ""
    kind: str = ""
    repeals: tuple[str, ...] = ()
    prevails: tuple[Prevails, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """The family covers a customer, over a period. At its end its grants fall for the customer, what forbids stays."""

    customer: str
    valid_from: datetime
    valid_to: datetime | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """All documents between a vendor entity and a counterparty."""

    ref: str
    coverage: tuple[Coverage, ...]
    documents: tuple[Document, ...] = ()
    title: str = ""
    counterparty: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """Whose data it is, with the party that this customer is. `rows`: how many of D's rows are its, where counted."""

    ref: str
    party: str = ""
    name: str = ""
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class OptIn:
    """A customer took up an offer (the reference of an OptInOffer clause), over a period."""

    offer: str
    customer: str
    valid_from: datetime
    valid_to: datetime | None = None
    ref: str = ""
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A party or a whole group (`member`, a reference of either) belongs to a group, over a period."""

    group: str
    member: str
    valid_from: datetime
    valid_to: datetime | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis record of a customer, or of the vendor's own data (`customer` empty)."""

    ref: str
    customer: str
    category: str
    action: str
    purpose: str
    ground: str
    valid_from: datetime
    valid_to: datetime | None = None
    role: str = "processor"
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsentView:
    """What a customer's people said to a controller about the question's action and purpose, at a strength of need.

    `kind` `only`: the list names who may be used; `except`: who may not. `count`, `digest` and `position` are the list's, over
    everybody in the space; the numbers after them are of the people registered for the customer.
    """

    customer: str
    space: str
    controller: str
    need: Need
    kind: str
    count: int
    digest: str
    position: int
    registered: int = 0
    allowed: int = 0
    refused: int = 0
    withdrawn: int = 0
    objected: int = 0
    expired: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Obligation:
    """An open duty to delete a customer's data, or (`subject_space` set) those of some of its people.

    `state` is `proposed` or `open`; a closed or dismissed one is no fact. `subjects`, `digest`: of the people to leave out in that
    space, over all customers of D.
    """

    ref: str
    customer: str
    state: str
    due_at: datetime
    covers_models: bool = True
    subject_space: str = ""
    subjects: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ServedTo:
    """A model, or a model made from it, serves a party, over a period."""

    party: str
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A model with every party that it and its descendants serve."""

    ref: str
    served_to: tuple[ServedTo, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnerRelease:
    """The owner's recorded release: the model may be served or assigned (`action`) to `recipient`."""

    customer: str
    action: str
    recipient: str
    valid_from: datetime
    valid_to: datetime | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class AppliedList:
    """The product's builder left people out by this list. `unapplied`: who would have to go since then."""

    space: str
    controller: str
    need: Need
    applied_at: datetime
    unapplied: int = 0


@dataclass(frozen=True, slots=True)
class Built:
    """D is a version that the product's own builder made: by which plan, and with which lists of people applied.

    `erased` names the spaces in which people with an open deletion were left out, in age too.
    """

    plan_digest: str
    lists: tuple[AppliedList, ...] = ()
    erased: tuple[AppliedList, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A fact that exists and cannot be read. `customer` empty: it concerns everybody."""

    what: str
    customer: str = ""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The vendor's own keys of the trees (`consent.vocabulary.Own`)."""

    contract: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision rests on."""

    dataset: Dataset
    declarations: tuple[Declaration, ...] = ()
    origins: tuple[Origin, ...] = ()
    schemas: tuple[Schema, ...] = ()
    categories: tuple[ColumnCategory, ...] = ()
    source_keys: tuple[KeyColumn, ...] = ()
    identities: tuple[Identity, ...] = ()
    safeguards: tuple[InPlace, ...] = ()
    quasi_identifiers: tuple[str, ...] = ()
    generalisations: tuple[Generalisation, ...] = ()
    customers: tuple[Customer, ...] = ()
    families: tuple[Family, ...] = ()
    opt_ins: tuple[OptIn, ...] = ()
    parties: tuple[str, ...] = ()  # every registered party that the question or a clause names
    vendor_parties: tuple[str, ...] = ()
    memberships: tuple[Membership, ...] = ()
    bases: tuple[Basis, ...] = ()
    consents: tuple[ConsentView, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    models: tuple[Model, ...] = ()
    owner_releases: tuple[OwnerRelease, ...] = ()
    built: Built | None = None
    gaps: tuple[Gap, ...] = ()
    own_keys: OwnKeys = field(default_factory=OwnKeys)

    def to_json(self) -> Any:
        """Return plain JSON values."""
        return canonical.to_json(self)

    @classmethod
    def from_json(cls, value: Any) -> "Facts":
        """Read facts back; raises `canonical.Unreadable`."""
        return canonical.from_json(cls, value)

    def normal(self) -> "Facts":
        """Return the same facts in their one order, each once: what decisions are made from and what is stored."""
        return canonical.in_order(self)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that are stored and named by their digest."""
        return canonical.value_bytes(self)

    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes."""
        return canonical.value_digest(self)
