"""A whole contract as one JSON file (`docs/contract-file-v1.schema.json`): everything that counts in it, as it reads now.

The file holds what decisions read: activated documents with their dates, clauses, repeals and statements of precedence; the standard forms
that they accept; their ends; who is covered; who opted in. A corrected document stands there as corrected, with its corrections named.
What was known when is not carried: elsewhere the contract is known from its import on.
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from consent import trees, vocabulary
from consent.key_models import OwnKey
from governance.contracts import naming, readings
from governance.contracts.encoded import CLAUSE, HEAD
from governance.contracts.models import Clause, ContractFamily, CorrectedClause, Document, OptIn
from governance.contracts.states import State
from governance.parties.models import Customer, Party, PartyGroup, Product
from governance.policy import canonical
from lineage import errors

FORMAT: Literal["contract-file/1"] = "contract-file/1"
MOST_DOCUMENTS, MOST_CLAUSES = 500, 5_000
PARTIES = ("parties", "recipients", "groups")  # fields of bodies that hold references to parties and groups


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the file: no member that it does not know, or a misspelt condition would fall in silence."""


class ClausePart(Part, frozen=True):
    """A clause: the words of the signed text and their encoding."""

    ref: str
    number: str
    passage: str
    kind: str
    body: dict[str, Any]
    title: str = ""
    page: int | None = None
    products: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


class PrevailsPart(Part, frozen=True):
    """The document prevails over another, for these actions and categories."""

    over: str
    actions: tuple[str, ...]
    categories: tuple[str, ...]


class EndPart(Part, frozen=True):
    """The document was terminated."""

    ends_at: datetime
    reason: str
    ground: str = "notice"
    noticed_on: date | None = None


class CorrectionPart(Part, frozen=True):
    """A correction that the document's encoding already contains."""

    ref: str
    reason: str
    known_since: datetime


class DocumentPart(Part, frozen=True):
    """An activated document as it reads now; `form` names the standard form that it accepts."""

    ref: str
    kind: str
    title: str
    signed_on: date
    effective_on: date
    known_since: datetime
    clauses: tuple[ClausePart, ...]
    form: str | None = None
    number: str = ""
    expires_on: date | None = None
    renewal: str = "none"
    renewal_months: int | None = None
    notice_days: int | None = None
    file_name: str = ""
    file_digest: str = ""
    repeals: tuple[str, ...] = ()
    prevails: tuple[PrevailsPart, ...] = ()
    ends: tuple[EndPart, ...] = ()
    corrections: tuple[CorrectionPart, ...] = ()


class CoveragePart(Part, frozen=True):
    """The contract covers a customer for a period."""

    customer: str
    valid_from: datetime
    valid_to: datetime | None = None


class OptInPart(Part, frozen=True):
    """A customer took up an offer (the reference of its clause) for a period."""

    ref: str
    offer: str
    customer: str
    valid_from: datetime
    evidence: str
    valid_to: datetime | None = None


class KeyPart(Part, frozen=True):
    """An own key of the vendor that the contract names, so that it can be added where it is unknown."""

    tree: str
    title: str
    definition: str
    special: bool = False


class Names(Part, frozen=True):
    """What the references stand for, for people who have to find their like elsewhere."""

    parties: dict[str, str] = {}
    groups: dict[str, str] = {}
    customers: dict[str, str] = {}
    products: dict[str, str] = {}
    keys: dict[str, KeyPart] = {}


class ContractFile(Part, frozen=True):
    """A contract with everything that counts in it."""

    format: Literal["contract-file/1"]
    ref: str
    title: str
    vendor: str
    counterparty: str
    documents: tuple[DocumentPart, ...]
    forms: tuple[DocumentPart, ...] = ()
    coverage: tuple[CoveragePart, ...] = ()
    opt_ins: tuple[OptInPart, ...] = ()
    names: Names = Names()
    left_out: tuple[str, ...] = ()  # documents that do not count, which stay at home: drafts are privileged


class BadFile(errors.Unprocessable):
    """The file is no contract; `where` names the place."""

    code = "bad-contract-file"


def parse(value: Any) -> ContractFile:
    """Return the contract in decoded JSON; raises `BadFile`."""
    try:
        found = msgspec.convert(value, ContractFile)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise BadFile(said[:1].lower() + said[1:], where=where.strip("`.")) from None
    if len(found.documents) + len(found.forms) > MOST_DOCUMENTS:
        raise errors.TooLarge(f"a contract has at most {MOST_DOCUMENTS} documents", code="contract-too-large")
    if sum(len(each.clauses) for each in (*found.documents, *found.forms)) > MOST_CLAUSES:
        raise errors.TooLarge(f"a contract has at most {MOST_CLAUSES} clauses", code="contract-too-large")
    return found


def of(family: ContractFamily) -> ContractFile:
    """Return a family as a file."""
    every = list(family.documents.select_related("form").order_by("effective_on", "pk"))
    counting = [each for each in every if each.state == State.ACTIVATED]
    forms = {each.form.pk: each.form for each in counting if each.form is not None}
    documents, accepted = _documents(counting), _documents(forms.values())
    coverage = family.coverage.select_related("customer").order_by("customer__ref", "valid_from")
    opt_ins = _opt_ins(family, [*documents, *accepted])
    return ContractFile(
        format=FORMAT,
        ref=family.ref,
        title=family.title,
        vendor=family.vendor.ref,
        counterparty=family.counterparty.ref,
        documents=documents,
        forms=accepted,
        coverage=tuple(CoveragePart(row.customer.ref, row.valid_from, row.valid_to) for row in coverage),
        opt_ins=opt_ins,
        names=_names(family, [*documents, *accepted], [row.customer for row in coverage]),
        left_out=tuple(each.ref for each in every if each.state != State.ACTIVATED),
    )


def plain(found: Part) -> Any:
    """Return the file, or a part of it, as plain JSON values."""
    return msgspec.to_builtins(found, str_keys=True)


def digest(found: ContractFile) -> str:
    """Return the SHA-256 (hex) of the file's canonical bytes."""
    return hashlib.sha256(canonical.text(plain(found)).encode()).hexdigest()


def schema() -> dict[str, Any]:
    """Return the JSON schema of the file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(ContractFile)}


def _documents(rows: Iterable[Document]) -> tuple[DocumentPart, ...]:
    named = trees.renames()
    return tuple(_document(row, named) for row in rows)


def of_document(row: Document) -> DocumentPart:
    """Return one activated document as a part of a file."""
    return _document(row, trees.renames())


def says(part: DocumentPart) -> Any:
    """Return what a document says, without what became of it: two copies of one form are equal in it."""
    found = plain(part)
    return {name: found[name] for name in sorted(found) if name not in ("ends", "corrections", "known_since")}


def _document(row: Document, named: vocabulary.Renames) -> DocumentPart:
    reading = readings.of(row)
    assert row.recorded_at is not None  # noqa: S101  (a check constraint says so of an activated document)
    known = readings.applied(None).filter(document=row)
    made = [CorrectionPart(each.ref, each.reason, each.recorded_at) for each in known if each.recorded_at]
    return DocumentPart(
        ref=row.ref,
        kind=row.kind,
        form=row.form.ref if row.form else None,
        **{name: getattr(reading.head, name) for name in HEAD},
        known_since=row.recorded_at,
        clauses=tuple(_clause(clause, named) for clause in reading.clauses),
        repeals=reading.repeals,
        prevails=tuple(
            PrevailsPart(said.over, said.actions, said.categories)
            for said in naming.precedence(reading.prevails, named)
        ),
        ends=tuple(EndPart(end.ends_at, end.reason, end.ground, end.noticed_on) for end in row.ends.all()),
        corrections=tuple(reversed(made)),
    )


def _clause(clause: Clause | CorrectedClause, named: vocabulary.Renames) -> ClausePart:
    said = {name: getattr(clause, name) for name in CLAUSE}
    lists = {name: tuple(said[name]) for name in ("products", "environments", "regions")}
    return ClausePart(ref=clause.ref, **said | lists | {"body": naming.body(clause.body, named)})


def _opt_ins(family: ContractFamily, documents: list[DocumentPart]) -> tuple[OptInPart, ...]:
    """Of the contract's own offers, and of its forms' by the customers that it covers."""
    offers = [clause.ref for document in documents for clause in document.clauses]
    rows = OptIn.objects.filter(offer__ref__in=offers, customer__coverage__family=family).distinct().order_by("ref")
    return tuple(
        OptInPart(row.ref, row.offer.ref, row.customer.ref, row.valid_from, row.evidence, row.valid_to)
        for row in rows.select_related("offer", "customer")
    )


def referred(documents: Iterable[DocumentPart]) -> set[str]:
    """Return the parties and groups that clauses name."""
    bodies = [clause.body for document in documents for clause in document.clauses]
    found = [ref for body in bodies for field in PARTIES for ref in _list(body.get(field))]
    return {ref for ref in found if isinstance(ref, str)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _names(family: ContractFamily, documents: list[DocumentPart], customers: list[Customer]) -> Names:
    refs = referred(documents) | {family.vendor.ref, family.counterparty.ref}
    products = {key for document in documents for clause in document.clauses for key in clause.products}
    return Names(
        parties=dict(Party.objects.filter(ref__in=refs).order_by("ref").values_list("ref", "name")),
        groups=dict(PartyGroup.objects.filter(ref__in=refs).order_by("ref").values_list("ref", "name")),
        customers={customer.ref: customer.name for customer in customers},
        products=dict(Product.objects.filter(key__in=products).order_by("key").values_list("key", "title")),
        keys=_keys(documents),
    )


def used_keys(documents: Iterable[DocumentPart]) -> set[str]:
    """Return the categories and purposes that clauses and statements of precedence name."""
    found: set[str] = set()
    for document in documents:
        for clause in document.clauses:
            found |= {key for field in naming.FIELDS for key in _list(clause.body.get(field)) if isinstance(key, str)}
        found |= {key for said in document.prevails for key in said.categories}
    return found - {"*"}


def _keys(documents: list[DocumentPart]) -> dict[str, KeyPart]:
    used = used_keys(documents)
    own: dict[str, OwnKey] = {key: row for row, key in trees.current_rows()}
    return {
        key: KeyPart(row.tree, row.title, row.definition, row.special)
        for key, row in sorted(own.items())
        if key in used
    }
