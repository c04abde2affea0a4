"""Imports and their reports; and whole contracts, which come in as submitted documents and count when a second person activates them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from consent import trees, vocabulary
from governance.access import roles
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import clauses, contract_files, documents, families, may, optins
from governance.contracts.contract_files import ContractFile, DocumentPart
from governance.contracts.encoded import CLAUSE, HEAD
from governance.contracts.models import Clause, ContractFamily, Document, DocumentEnd, Import, OptIn
from governance.contracts.states import State
from governance.parties import customers, epoch
from governance.parties.models import Party, PartyGroup, Product
from lineage import errors
from lineage.journal import entries

REFERENCE = re.compile(r"(fam|doc|cls|opt)_[0-9a-hjkmnp-tv-z]{16}")
WRITES = frozenset({"contracts:write"})


class UnknownReferences(errors.Unprocessable):
    """The file names what is not here; all of it is listed."""

    code = "unknown-references"


class ReferencesClash(errors.Conflict):
    """What the file brings is here already, under the same references."""

    code = "references-clash"


@dataclass
class Renaming:
    """How references of the file are called here: by the caller's map, and new ones where wanted."""

    given: Mapping[str, str]
    made: dict[str, str] = field(default_factory=dict)

    def __call__(self, ref: str) -> str:
        """Return the reference here."""
        return self.made.get(ref) or self.given.get(ref, ref)

    def body(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a clause with the references of here."""
        found = dict(said)
        for name in contract_files.PARTIES:
            if isinstance(found.get(name), list):
                found[name] = [self(ref) if isinstance(ref, str) else ref for ref in found[name]]
        if isinstance(found.get("offer"), str):
            found["offer"] = self(found["offer"])
        return found


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[Import]:
    """Return the imports into contracts that the caller sees, and their own."""
    actor_ref = who.ref
    return Import.objects.filter(family__in=families.visible_to(who)) | Import.objects.filter(imported_by=actor_ref)


def get(ref: str, *, by: Actor | User | ServiceKey) -> Import:
    """Return a visible import; raises `NotFound`."""
    found = visible_to(by).filter(ref=ref).select_related("family", "document").first()
    if found is None:
        raise errors.NotFound("no such import, or none that you may see", where="import")
    return found


@transaction.atomic
def take(
    found: ContractFile, *, by: Actor, keep_references: bool = True, named_here: Mapping[str, str] | None = None
) -> Import:
    """Bring in a contract as submitted documents; nothing of it counts before `activate`.

    `named_here` says how parties, groups, customers and products of the file are called here. Raises `UnknownReferences` and
    `ReferencesClash` with everything that is in the way.
    """
    may.draft(by)
    here = Renaming(named_here or {})
    _check_known(found, here, by)
    forms = {form.ref: row for form in found.forms if (row := _same_form(form)) is not None}
    brought = [form for form in found.forms if form.ref not in forms]
    _check_references(found, [*brought, *found.documents], keep_references, here)
    family = families.create(
        found.title, vendor=_party(here(found.vendor)), counterparty=_party(here(found.counterparty)), by=by,
        ref=here(found.ref) if keep_references else "",
    )  # fmt: skip
    here.made[found.ref] = family.ref
    rows = {form.ref: _draft(form, None, {}, here, keep_references, by) for form in brought}
    rows |= {each.ref: _draft(each, family, forms | rows, here, keep_references, by) for each in found.documents}
    _write_clauses([*brought, *found.documents], rows, here, keep_references)
    notes = _write_statements(found.documents, rows, here, by)
    for part in (*brought, *found.documents):
        _check_ends(part)
    for row in rows.values():
        documents.submit(row, by=by)
    made = Import.objects.create(
        kind=Import.Kind.CONTRACT,
        family=family,
        digest=contract_files.digest(found),
        report=_report(found, rows, forms, here, notes),
        steps=_steps(found, here, rows, keep_references),
        imported_by=by.ref,
    )
    entries.record(
        "contract-imported",
        {"import": made.ref, "file": made.digest, "contract": family.ref},
        by=by.ref,
        about=[made.ref, family.ref],
    )
    return made


@transaction.atomic
def activate(row: Import, *, by: Actor, at: datetime) -> Import:
    """Let the whole contract count, as a person who wrote nothing in it: approves and activates its documents, then records who is
    covered, who opted in and what has ended, in the name of who imported it."""
    made = _settling(row, Import.Outcome.ACTIVATED, by=by)
    for ref in made.steps["documents"]:
        document = documents.approve(Document.objects.get(ref=ref), by=by)
        documents.activate(document, by=by, at=at)
    importer = Actor(made.imported_by, frozenset({roles.LAWYER}), WRITES, every_customer=True)
    _record_steps(made, importer)
    entries.record(
        "import-activated",
        {"import": made.ref, "contract": made.family.ref},
        by=by.ref,
        about=[made.ref, made.family.ref],
    )
    return made


@transaction.atomic
def reject(row: Import, *, reason: str, by: Actor) -> Import:
    """Say no to all of it, for good."""
    made = _settling(row, Import.Outcome.REJECTED, by=by)
    for ref in made.steps["documents"]:
        documents.reject(Document.objects.get(ref=ref), reason=reason, by=by)
    entries.record(
        "import-rejected",
        {"import": made.ref, "contract": made.family.ref},
        by=by.ref,
        about=[made.ref, made.family.ref],
    )
    return made


def _settling(row: Import, outcome: Import.Outcome, *, by: Actor) -> Import:
    by.must(roles.APPROVER)
    made = Import.objects.select_for_update().get(pk=row.pk)
    if made.kind != Import.Kind.CONTRACT:
        raise errors.Conflict("a cover page became a draft: approve and activate that", code="wrong-kind")
    if made.settled_at is not None:
        raise errors.Conflict(f"this import is {made.outcome} already", code="already-settled")
    if made.imported_by == by.ref:
        raise may.SecondPersonNeeded(
            "you imported this contract: a second person must let it count", remedy="ask another approver"
        )
    made.settled_by, made.settled_at, made.outcome = by.ref, Now(), outcome
    made.save(update_fields=["settled_by", "settled_at", "outcome"])
    made.refresh_from_db()
    return made


def _check_known(found: ContractFile, here: Renaming, by: Actor) -> None:
    """Everything that the file refers to must be here and visible; otherwise all that is missing is listed."""
    every = [*found.documents, *found.forms]
    parties = {here(ref) for ref in (found.vendor, found.counterparty)}
    named = {here(ref) for ref in contract_files.referred(every)}
    whose = {here(ref) for ref in [*(c.customer for c in found.coverage), *(o.customer for o in found.opt_ins)]}
    products = {key for document in every for clause in document.clauses for key in map(here, clause.products)}
    own = trees.speakable()
    keys = {
        key
        for key in contract_files.used_keys(every)
        if not (vocabulary.is_category(key, own) or vocabulary.is_purpose(key, own))
    }
    missing = {
        "parties": parties - set(Party.objects.filter(ref__in=parties).values_list("ref", flat=True)),
        "parties and groups in clauses": named
        - set(Party.objects.filter(ref__in=named).values_list("ref", flat=True))
        - set(PartyGroup.objects.filter(ref__in=named).values_list("ref", flat=True)),
        "customers": whose - set(customers.visible_to(by).filter(ref__in=whose).values_list("ref", flat=True)),
        "products": products - set(Product.objects.filter(key__in=products).values_list("key", flat=True)),
        "keys of the vocabulary": keys,
    }
    listed = {what: sorted(refs) for what, refs in missing.items() if refs}
    if listed:
        raise UnknownReferences(
            f"the file names what is not here, or what you may not see: {', '.join(listed)}",
            where="map",
            remedy="register them, add the keys, or say in map how they are called here",
            unknown=listed,
        )


def _check_references(found: ContractFile, brought: Iterable[DocumentPart], keep: bool, here: Renaming) -> None:
    refs = [found.ref] if keep else []
    refs += [ref for document in brought for ref in (document.ref, *(clause.ref for clause in document.clauses))]
    refs += [each.ref for each in found.opt_ins]
    bad = sorted({ref for ref in refs if not REFERENCE.fullmatch(ref)} | {ref for ref in refs if refs.count(ref) > 1})
    if bad:
        raise contract_files.BadFile(
            "a reference is malformed, or stands twice", code="bad-reference", where="ref", references=bad[:50]
        )
    if not keep:
        return
    clash = [
        ref
        for model in (ContractFamily, Document, Clause, OptIn)
        for ref in model._default_manager.filter(ref__in=refs).values_list("ref", flat=True)
    ]
    if clash:
        raise ReferencesClash(
            "this contract, or a part of it, is here already",
            where="references",
            remedy="import it under new references",
            references=sorted(clash)[:50],
        )


def _same_form(form: DocumentPart) -> Document | None:
    """A standard form that is here already and says the same; one that says something else clashes with the file's."""
    row = Document.objects.filter(ref=form.ref, kind=Document.Kind.STANDARD_FORM, state=State.ACTIVATED).first()
    if row is None:
        return None
    mine = contract_files.of_document(row)
    return row if contract_files.says(mine) == contract_files.says(form) else None


def _draft(
    part: DocumentPart, family: ContractFamily | None, forms: Mapping[str, Document], here: Renaming, keep: bool, by: Actor
) -> Document:  # fmt: skip
    """A draft, even of the acceptance of a form that comes with it: it is activated after its form."""
    if (part.kind == Document.Kind.STANDARD_FORM) != (family is None):
        raise contract_files.BadFile("standard forms stand among the forms, other documents do not", where=part.ref)
    if part.form is not None and part.form not in forms:
        raise contract_files.BadFile("the accepted form does not stand in the file", where=f"{part.ref}/form")
    row = Document(
        family=family,
        kind=part.kind,
        form=forms[part.form] if part.form is not None else None,
        drafted_by=by.ref,
        authors=[by.ref],
        **{name: getattr(part, name) for name in HEAD},
    )
    if keep:
        row.ref = part.ref
    documents.clean(row)
    row.save()
    here.made[part.ref] = row.ref
    return row


def _write_clauses(parts: Iterable[DocumentPart], rows: Mapping[str, Document], here: Renaming, keep: bool) -> None:
    """All references first: a grant may hang on an offer of a later document."""
    made = [
        (part, each, Clause(document=rows[part.ref], position=n))
        for part in parts
        for n, each in enumerate(part.clauses, 1)
    ]
    for _, each, clause in made:
        if keep:
            clause.ref = each.ref
        here.made[each.ref] = clause.ref
    for _, each, clause in made:
        said = {name: getattr(each, name) for name in CLAUSE}
        said |= {"body": here.body(each.body), "products": [here(key) for key in each.products]}
        said |= {name: list(said[name]) for name in ("environments", "regions")}
        clauses.fill(clause, said)
    Clause.objects.bulk_create([clause for _, _, clause in made])


def _write_statements(
    parts: Iterable[DocumentPart], rows: Mapping[str, Document], here: Renaming, by: Actor
) -> list[str]:
    notes = []
    for part in parts:
        for ref in part.repeals:
            clause = Clause.objects.filter(ref=here(ref)).first()
            if clause is None:
                notes.append(
                    f"{part.ref} repeals {ref}, which no document of the file has: left out, for there is nothing to repeal"
                )
            else:
                clauses.repeal(rows[part.ref], clause, by=by)
        for said in part.prevails:
            if said.over not in rows:
                raise contract_files.BadFile(
                    "the document that is prevailed over is not in the file", where=f"{part.ref}/prevails"
                )
            clauses.prevail(rows[part.ref], rows[said.over], actions=said.actions, categories=said.categories, by=by)
    return notes


def _check_ends(part: DocumentPart) -> None:
    for end in part.ends:
        documents.reasoned(end.reason)
        if end.ground not in DocumentEnd.Ground.values:
            raise contract_files.BadFile(f"there is no ground {end.ground!r}", where=f"{part.ref}/ends")


def _steps(found: ContractFile, here: Renaming, rows: Mapping[str, Document], keep: bool) -> dict[str, Any]:
    """What is recorded once the documents count; kept as plain JSON."""
    mine = [part for part in (*found.forms, *found.documents) if part.ref in rows]
    plain = contract_files.plain(found)
    return {
        "documents": [rows[part.ref].ref for part in mine],
        "coverage": [each | {"customer": here(each["customer"])} for each in plain["coverage"]],
        "opt_ins": [
            each
            | {"customer": here(each["customer"]), "offer": here(each["offer"]), "ref": each["ref"] if keep else ""}
            for each in plain["opt_ins"]
        ],
        "ends": [{"document": rows[part.ref].ref, **contract_files.plain(end)} for part in mine for end in part.ends],
    }


def _record_steps(made: Import, by: Actor) -> None:
    steps = made.steps
    for each in steps["coverage"]:
        whose = customers.get(each["customer"], by=by)
        families.cover(
            made.family, whose, valid_from=_moment(each["valid_from"]), valid_to=_moment(each["valid_to"]), by=by
        )
    for each in steps["opt_ins"]:
        optins.activate(
            Clause.objects.get(ref=each["offer"]), customers.get(each["customer"], by=by), valid_from=_moment(each["valid_from"]),
            valid_to=_moment(each["valid_to"]), evidence=each["evidence"], ref=each["ref"], by=by,
        )  # fmt: skip
    for each in steps["ends"]:
        _end(Document.objects.get(ref=each["document"]), each, by)


def _end(document: Document, said: Mapping[str, Any], by: Actor) -> None:
    """As it was recorded elsewhere: whether notice was in time is not asked again."""
    noticed = said["noticed_on"]
    end = DocumentEnd.objects.create(
        document=document, ends_at=_moment(said["ends_at"]), ground=said["ground"], reason=said["reason"], recorded_by=by.ref,
        noticed_on=date.fromisoformat(noticed) if noticed else None,
    )  # fmt: skip
    epoch.bump()
    more = {"ground": end.ground, "noticed_on": noticed, "customers": documents.covered(document.family)}
    documents.record("document-terminated", document, by=by, ends_at=said["ends_at"], **more)


def _report(
    found: ContractFile, rows: Mapping[str, Document], forms: Mapping[str, Document], here: Renaming, notes: list[str]
) -> dict[str, Any]:  # fmt: skip
    corrected = [part.ref for part in (*found.documents, *found.forms) if part.corrections]
    more = [f"{ref} comes as it was corrected; what stood there before stays where it came from" for ref in corrected]
    return {
        "references": dict(sorted(here.made.items())),
        "documents": [row.ref for row in rows.values()],
        "forms_here_already": sorted(forms),
        "clauses": sum(len(part.clauses) for part in (*found.forms, *found.documents) if part.ref in rows),
        "customers": sorted({here(each.customer) for each in found.coverage}),
        "opt_ins": len(found.opt_ins),
        "notes": [*notes, *more, "the contract is known here from its import on"],
    }


def _party(ref: str) -> Party:
    return Party.objects.get(ref=ref)


def _moment(text: str | None) -> Any:
    return datetime.fromisoformat(text) if text else None
