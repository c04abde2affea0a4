"""Sentences from reason identities (SEMANTICS §5, §7). Pure.

`full` is for people with `explanation:read`: names, documents, clause numbers, quotes, dates. `brief` is for pipelines: codes, opaque
customer references and counts, nothing else.
"""

import json
from dataclasses import dataclass
from functools import cached_property

from consent import vocabulary
from governance.policy import clauses, reasons, steps
from governance.policy.answers import Decision, Reason, Remedy, Step
from governance.policy.values import Clause, Document, Facts


@dataclass(frozen=True, slots=True)
class Sentence:
    """One reason in words. `quote` is the passage of the signed text, `meaning` what its encoding says."""

    code: str
    scope: str
    refuses: bool
    text: str
    remedy: str
    customer: str = ""
    customer_name: str = ""
    column: str = ""
    document: str = ""
    document_title: str = ""
    dates: str = ""
    clause: str = ""
    clause_number: str = ""
    clause_title: str = ""
    quote: str = ""
    page: int | None = None
    meaning: str = ""
    about: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Short:
    """One code with whom and what it concerns, for a pipeline: opaque references and counts only."""

    code: str
    scope: str
    customers: tuple[str, ...]
    columns: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Texts:
    """What facts say in words, by reference."""

    facts: Facts

    @cached_property
    def documents(self) -> dict[str, Document]:
        """Documents by reference."""
        return {document.ref: document for family in self.facts.families for document in family.documents}

    @cached_property
    def clauses(self) -> dict[tuple[str, str], Clause]:
        """Clauses by document and reference: the clauses of a standard form stand in many documents."""
        return {(ref, clause.ref): clause for ref, document in self.documents.items() for clause in document.clauses}

    @cached_property
    def own(self) -> vocabulary.Own:
        """The vendor's own keys."""
        keys = self.facts.own_keys
        return vocabulary.Own(*map(frozenset, (keys.contract, keys.personal, keys.special, keys.purposes)))

    @cached_property
    def names(self) -> dict[str, str]:
        """Names of customers, where facts carry them."""
        return {customer.ref: customer.name or customer.ref for customer in self.facts.customers}

    def clause(self, ref: str) -> Clause | None:
        """Return a clause by its reference alone."""
        return next((clause for (_, each), clause in self.clauses.items() if each == ref), None)


def full(decision: Decision, facts: Facts) -> tuple[Sentence, ...]:
    """Return every reason of a decision in words, refusals first."""
    texts = Texts(facts)
    found = [sentence(reason, texts) for reason in decision.reasons]
    return tuple(
        sorted(found, key=lambda each: (not each.refuses, each.scope != "question", each.customer_name, each.column))
    )


def sentence(reason: Reason, texts: Texts) -> Sentence:
    """Return one reason in words."""
    code = reasons.CODES[reason.code]
    document = texts.documents.get(reason.document)
    clause = texts.clauses.get((reason.document, reason.clause))
    return Sentence(
        code=reason.code,
        scope=str(code.scope),
        refuses=code.refuses,
        text=_text(reason, texts, document, clause),
        remedy=code.remedy,
        customer=reason.customer,
        customer_name=texts.names.get(reason.customer, reason.customer),
        column=reason.column,
        document=reason.document,
        document_title=document.title if document else "",
        dates=dates(document) if document else "",
        clause=reason.clause,
        clause_number=clause.number if clause else "",
        clause_title=clause.title if clause else "",
        quote=clause.passage if clause else "",
        page=clause.page if clause else None,
        meaning=said(clause, texts.own) if clause else "",
        about=reason.about,
        count=reason.count,
    )


def _text(reason: Reason, texts: Texts, document: Document | None, clause: Clause | None) -> str:
    """`Brandt, column segment: The contract forbids this use. Clause 7.2 of the Rahmenvertrag (in force since 2025-04-01).`"""
    whose = [texts.names.get(reason.customer, reason.customer)] if reason.customer else []
    whose += [f"column {reason.column}"] if reason.column else []
    lead = f"{', '.join(whose)}: " if whose else ""
    where = (
        f" Clause {clause.number}{f' ({clause.title})' if clause.title else ''} of {document.title or document.ref} ({dates(document)})."
        if document and clause
        else ""
    )
    return f"{lead}{meaning(reason)}{where}{_note(reason)}"


def meaning(reason: Reason) -> str:
    """Return what a reason says, whoever it says it of."""
    if reason.code == "not-separable" and reason.about.startswith("person"):
        return "People cannot be told apart here, so nobody's wish can be respected row by row."
    if reason.code == "deletion-open" and (reason.count or reason.column):
        return "Data of some people must be deleted."
    return reasons.CODES[reason.code].sentence


def _note(reason: Reason) -> str:
    """What else identifies the reason: a category, a source, a list, with its count."""
    counted = {"unmapped-tenant": "row(s)"}.get(reason.code, "person(s)")
    notes = [f"{reason.count} {counted}"] if reason.count else []
    if reason.about and not reason.about.startswith("person"):
        notes.append(vocabulary.title(reason.about))
    return f" ({'; '.join(notes)})" if notes else ""


def dates(document: Document) -> str:
    """Return when a document was signed and since when, and until when, it counts."""
    parts = [f"signed {document.signed_on:%Y-%m-%d}"] if document.signed_on else ["not signed"]
    parts.append(f"in effect from {document.effective_at:%Y-%m-%d}")
    if document.expires_at and document.renewal == "none":
        parts.append(f"until {document.expires_at:%Y-%m-%d}")
    parts += [f"terminated from {document.terminated_at:%Y-%m-%d}"] if document.terminated_at else []
    return ", ".join(parts)


def said(clause: Clause, own: vocabulary.Own = vocabulary.NONE) -> str:
    """Return what the encoding of a clause says; raises nothing for one that cannot be read. `own` are the vendor's own keys."""
    term = clauses.read(clause.kind, clause.body, own)
    return clauses.explain(term) if term else "This clause cannot be read as it is encoded."


def brief(decision: Decision) -> tuple[Short, ...]:
    """Return the reasons without names, clause numbers and quotes; those of one code and the same customers' columns together."""
    grouped: dict[tuple[str, tuple[str, ...]], tuple[set[str], int]] = {}
    for reason in decision.reasons:
        columns, count = grouped.get((reason.code, (reason.customer,)), (set(), 0))
        grouped[reason.code, (reason.customer,)] = ({*columns, reason.column}, count + reason.count)
    merged: dict[tuple[str, tuple[str, ...]], tuple[set[str], int]] = {}
    for (code, customers), (columns, count) in grouped.items():
        names, total = merged.get((code, tuple(sorted(columns - {""}))), (set(), 0))
        merged[code, tuple(sorted(columns - {""}))] = ({*names, *customers}, total + count)
    return tuple(
        Short(code, str(reasons.CODES[code].scope), tuple(sorted(customers - {""})), columns, count)
        for (code, columns), (customers, count) in sorted(merged.items())
    )


def remedy(found: Remedy, facts: Facts) -> str:
    """Return a remedy in words: what to do, for whom, and what it gains."""
    texts = Texts(facts)
    doing = "; ".join(_step(each, texts) for each in found.steps)
    gains = [f"{found.customers_gained} customer(s)"] if found.customers_gained else []
    gains += [f"{found.cells_gained} column(s) of customers"] if found.cells_gained else []
    gains += [f"{found.rows_gained} rows"] if found.rows_gained else []
    whose = f"{texts.names.get(found.customer, found.customer)}: " if found.customer else ""
    gained = f" This brings in {', '.join(gains)}." if gains else ""
    blocked = f" Its rows stay out because of: {', '.join(found.still_blocking)}." if found.still_blocking else ""
    return f"{whose}{doing[:1].upper()}{doing[1:]}.{gained}{blocked}"


def remedies(decision: Decision, facts: Facts) -> tuple[str, ...]:
    """Return the remedies of a decision in words, the most gainful first; what would help several is said once."""
    said: dict[frozenset[tuple[str, str, str]], str] = {}
    for found in decision.remedies:
        said.setdefault(frozenset((each.kind, each.target, each.detail) for each in found.steps), remedy(found, facts))
    return tuple(said.values())


def _step(taken: Step, texts: Texts) -> str:
    detail = json.loads(taken.detail)
    what = steps.KINDS[taken.kind]
    clause = texts.clause(taken.target)
    match taken.kind:
        case "add-clause":
            over = " in a document that prevails over the position on training" if detail["prevails_over"] else ""
            granted = clauses.read("Grant", json.dumps(detail["grant"]), texts.own)
            return f"{what}{over}: {clauses.explain(granted).rstrip('.') if granted else ''}"
        case "repeal-clause" | "encode-term" | "activate-opt-in":
            return f"{what} ({clause.number}{f' {clause.title}' if clause.title else ''})" if clause else what
        case "apply-safeguard":
            bounds = [f"{name} {detail[name]}" for name in ("k", "n", "c", "epsilon") if name in detail]
            return f"{what} {detail['kind']}{f' ({", ".join(bounds)})' if bounds else ''} on {taken.target}"
        case "declare-category":
            return f"{what} {taken.target} (it would do as {vocabulary.title(detail['category'])})"
        case "collect-consent":
            return f"{what} ({detail['people']} people)" if detail.get("people") else what
        case _:
            return f"{what} {taken.target}"
