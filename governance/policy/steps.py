"""Steps that would help, and what each does to a copy of question and facts. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from governance.policy import canonical
from governance.policy.answers import Step
from governance.policy.clauses import requirement
from governance.policy.values import (
    Clause,
    ColumnCategory,
    Completeness,
    ConsentView,
    Coverage,
    Declaration,
    Document,
    Facts,
    Family,
    Identity,
    InPlace,
    OptIn,
    Origin,
    Prevails,
    Question,
)

PROPOSED = "proposed"
KINDS: dict[str, str] = {
    "activate-opt-in": "activate the opt-in",
    "add-clause": "agree on a clause",
    "repeal-clause": "agree to repeal the clause",
    "encode-term": "encode the term (as one that does not stand in the way)",
    "apply-safeguard": "apply the safeguard",
    "drop-column": "do not ask for the column",
    "collect-consent": "collect people's consent",
    "declare-source": "declare the source",
    "declare-category": "declare the category of the column",
    "declare-key": "declare the key column",
    "rebuild": "rebuild from the ancestor in which rows can be told apart",
}

type World = tuple[Question, Facts]


def step(kind: str, target: str, customer: str = "", detail: Mapping[str, Any] | None = None) -> Step:
    """Return a step with its details as canonical text."""
    return Step(kind, target, customer, canonical.text(detail or {}))


def apply(taken: Step, question: Question, facts: Facts) -> World:
    """Return question and facts as they would be after a step."""
    return _APPLY[taken.kind](taken, json.loads(taken.detail), question, facts)


def _opt_in(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    row = OptIn(taken.target, taken.customer, question.at, ref=PROPOSED)
    return question, replace(facts, opt_ins=(*facts.opt_ins, row))


def _add_clause(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    """A new document with one grant, in the family named, or a new contract where there is none."""
    document = Document(
        ref=f"{PROPOSED}:{taken.target}",
        recorded_at=question.as_known_at,
        effective_at=question.at,
        signed_on=min(question.as_known_at, question.at).date(),
        clauses=(Clause(f"{PROPOSED}:{taken.target}", "Grant", canonical.text(detail["grant"])),),
        prevails=tuple(
            Prevails(over, (question.action,), tuple(detail["grant"]["categories"])) for over in detail["prevails_over"]
        ),
    )
    if taken.target != PROPOSED:
        families = (
            replace(f, documents=(*f.documents, document)) if f.ref == taken.target else f for f in facts.families
        )
        return question, replace(facts, families=tuple(families))
    family = Family(f"{PROPOSED}:{taken.customer}", (Coverage(taken.customer, question.at),), (document,))
    return question, replace(facts, families=(*facts.families, family))


def _without(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    """The clause is repealed, or encoded as one that stands in nobody's way."""

    def left(document: Document) -> Document:
        if document.ref != detail["document"]:
            return document
        return replace(document, clauses=tuple(c for c in document.clauses if c.ref != taken.target))

    families = tuple(
        replace(family, documents=tuple(map(left, family.documents)))
        if any(d.ref == detail["document"] for d in family.documents)
        else family
        for family in facts.families
    )
    return question, replace(facts, families=families)


def _safeguard(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    """The safeguard is in place on the column, in every version."""
    needed = requirement.parse(detail)
    quasi = {
        *needed.quasi_identifiers,
        *facts.quasi_identifiers,
        *(c.name for c in facts.dataset.columns),
        *question.columns,
    }
    rows = tuple(
        InPlace(
            v.run, needed.safeguard, needed.known, (taken.target,), needed.standard, needed.bounds, tuple(sorted(quasi))
        )
        for v in facts.dataset.versions
    )
    return question, replace(facts, safeguards=(*facts.safeguards, *rows))


def _drop(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    columns = tuple(c for c in question.columns if c != taken.target)
    return replace(question, columns=columns, required=tuple(c for c in question.required if c != taken.target)), facts


def _consent(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    """Those who said nothing, or whose giving has run out, say yes; a refusal stays one."""

    def asked(view: ConsentView) -> ConsentView:
        said = view.silent + view.expired
        if view.customer != taken.customer or view.kind != "only" or not said:
            return view
        return replace(
            view, silent=0, expired=0, allowed=min(view.registered, view.allowed + said), count=view.count + said
        )

    return question, replace(facts, consents=tuple(map(asked, facts.consents)))


def _source(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    """The root is declared; who is in it remains to be seen, so that only the gap is cleared."""
    left = tuple(root for root in facts.dataset.undeclared if root != taken.target)
    completeness = facts.dataset.completeness if left else Completeness.PARTIAL
    dataset = replace(facts.dataset, undeclared=left, completeness=completeness)
    ref = f"{PROPOSED}:{taken.target}"
    declaration = Declaration(ref, "", taken.target, no_customer_data=True)
    origins = (Origin("*", ref, "", taken.target, "*"),)
    return question, replace(
        facts, dataset=dataset, declarations=(*facts.declarations, declaration), origins=(*facts.origins, *origins)
    )


def _category(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    row = ColumnCategory(detail["namespace"], detail["dataset"], detail["column"], detail["category"])
    return question, replace(facts, categories=(*facts.categories, row))


def _key(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    row = Identity(PROPOSED, detail["kind"], taken.target, detail.get("declaration", ""))
    return question, replace(facts, identities=(*facts.identities, row))


def _rebuild(taken: Step, detail: Any, question: Question, facts: Facts) -> World:
    """In the ancestor every declaration has its key."""
    rows = tuple(Identity(PROPOSED, "tenant", PROPOSED, d.ref) for d in facts.declarations if not d.no_customer_data)
    return question, replace(facts, identities=(*facts.identities, *rows))


_APPLY: dict[str, Callable[[Step, Any, Question, Facts], World]] = {
    "activate-opt-in": _opt_in,
    "add-clause": _add_clause,
    "repeal-clause": _without,
    "encode-term": _without,
    "apply-safeguard": _safeguard,
    "drop-column": _drop,
    "collect-consent": _consent,
    "declare-source": _source,
    "declare-category": _category,
    "declare-key": _key,
    "rebuild": _rebuild,
}
