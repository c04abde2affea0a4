"""Contracts of an entry: drafted clause by clause, approved by a second person, activated when the entry knew of them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from governance.access import actors
from governance.contracts import clauses, documents, families, optins, terminations
from governance.contracts.models import Clause, Document
from governance.policy import values as v
from tests.policy.entries import Tale

if TYPE_CHECKING:
    from tests.api.staging import Stage

NAMING = ("parties", "recipients", "groups")


def draft(stage: "Stage", tale: Tale) -> None:
    """Open every contract and write every document, as drafts."""
    for family in tale.facts.families:
        counterparty = stage.rows[family.counterparty]
        stage.keep(
            family.ref,
            families.create(family.ref, vendor=stage.vendor, counterparty=counterparty, by=stage.cast.lawyer.actor),
        )
        for document in family.documents:
            _document(stage, family, document, tale.accepts.get(document.ref, ""))


def _document(stage: "Stage", family: v.Family, said: v.Document, form: str) -> None:
    by = stage.cast.lawyer.actor
    dates = {
        "signed_on": said.signed_on,
        "effective_on": said.effective_at.date(),
        "expires_on": said.expires_at.date() if said.expires_at else None,
    }
    more: dict[str, Any] = {"kind": said.kind}
    if form:
        more = {"kind": Document.Kind.ACCEPTANCE, "form": _form(stage, form, said)}
    row = documents.draft(
        stage.family(family.ref), title=said.title or said.ref, renewal=said.renewal, **dates, **more, by=by
    )
    stage.keep(said.ref, row)
    for clause in said.clauses:
        if not form or (not clause.ref.startswith(f"{form}.") and clause.ref not in stage.rows):
            _clause(stage, row, clause)
    for ref in said.repeals:
        clauses.repeal(row, stage.clause(ref), by=by)
    for stated in said.prevails:
        clauses.prevail(row, stage.document(stated.over), actions=stated.actions, categories=stated.categories, by=by)


def _form(stage: "Stage", name: str, said: v.Document) -> Document:
    """The standard form, encoded once and accepted by many."""
    if f"form {name}" not in stage.rows:
        dates = {"signed_on": said.signed_on, "effective_on": said.effective_at.date()}
        row = documents.draft(None, kind=Document.Kind.STANDARD_FORM, title=name, **dates, by=stage.cast.lawyer.actor)
        for clause in said.clauses:
            _clause(stage, row, clause)
        stage.rows[f"form {name}"] = _activate(stage, row)
    found: Document = stage.rows[f"form {name}"]
    return found


def _clause(stage: "Stage", document: Document, said: v.Clause) -> None:
    body = {
        key: [stage.ref(name) for name in value] if key in NAMING else stage.ref(value) if key == "offer" else value
        for key, value in json.loads(said.body).items()
    }
    scope = {name: list(getattr(said, name)) for name in ("products", "environments", "regions")}
    row = clauses.add(
        document, number=said.number, passage=said.passage, title=said.title, page=said.page, kind=said.kind, body=body, **scope,
        by=stage.cast.lawyer.actor,
    )  # fmt: skip
    stage.keep(said.ref, row)


def activate(stage: "Stage", tale: Tale, chosen: Any) -> None:
    """Let everything about contracts count that the entry knew of in this wave."""
    for family in tale.facts.families:
        for row in family.coverage:
            if chosen(row.recorded_at):
                families.cover(
                    stage.family(family.ref),
                    stage.customer(row.customer),
                    valid_from=row.valid_from,
                    valid_to=row.valid_to,
                    by=stage.cast.lawyer.actor,
                )
        for document in family.documents:
            if document.activated and chosen(document.recorded_at):
                _activate(stage, stage.document(document.ref))
                terminate(stage, {document.ref: document.terminated_at} if document.terminated_at else {})
    for taken in tale.facts.opt_ins:
        if chosen(taken.recorded_at):
            optins.activate(
                Clause.objects.get(ref=stage.ref(taken.offer)), stage.customer(taken.customer), valid_from=taken.valid_from, valid_to=taken.valid_to,
                evidence="order 7", by=stage.cast.lawyer.actor,
            )  # fmt: skip


def _activate(stage: "Stage", row: Document) -> Document:
    documents.submit(row, by=stage.cast.lawyer.actor)
    documents.approve(row, by=stage.cast.approver.actor)
    return documents.activate(row, by=stage.cast.lawyer.actor, at=datetime.now(UTC))


def terminate(stage: "Stage", ends: Mapping[str, datetime]) -> None:
    """Record that documents end."""
    for ref, moment in ends.items():
        terminations.terminate(
            stage.document(ref), ends_at=moment, reason="notice was given", by=stage.cast.lawyer.actor
        )


__all__ = ["activate", "actors", "draft", "terminate"]
