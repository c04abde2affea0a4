"""What a contract permits at an instant, told so that nobody who reads it in other words can take more from it. Pure.

The family is first made narrower until every permission that is left can be said without a condition, then the engine itself is asked, use
by use and category by category, what remains. So a refusal can get lost on the way out only together with the permission that it limits.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from consent import vocabulary
from consent.mappings import Loss
from governance.policy import clauses, engine, values
from governance.policy.answers import Duty, Treatment
from governance.policy.clauses import Grant, Prohibition, RetentionLimit, Undertaking, UnencodedTerm, reading
from governance.policy.values import Bounds, Clause, Family, Known

PLAIN = ("pseudonymised", "deidentified", "aggregated", "anonymised")  # safeguards that can be named without bounds
ASKED = tuple(key for key in vocabulary.ACTIONS if key not in ("serve", "assign", "return", "disclose"))
WHO, NS, D, SOURCE = "customer", "export", "data", "source"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Permitted:
    """One use of one category for one purpose; `safeguards` must be in place."""

    action: str
    category: str
    purpose: str
    safeguards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that names categories of people: it stands beside the permissions, for data hold several kinds at once."""

    clause: str
    actions: tuple[str, ...]
    categories: tuple[str, ...]
    purposes: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What a contract permits, refuses of personal data, and demands; with what could not be said."""

    permitted: tuple[Permitted, ...]
    refused: tuple[Refused, ...]
    duties: tuple[tuple[str, str, tuple[str, ...]], ...]  # clause, its words, the actions it travels with
    losses: tuple[Loss, ...]


def said(family: Family | None, *, at: datetime, own: vocabulary.Own) -> Said:
    """Return what a family says at an instant; of no family, or one that covers nobody then, nothing."""
    if family is None or not any(_holds(each, at) for each in family.coverage):
        return Said((), (), (), (Loss("contract", "everything", "it covers nobody at this instant"),))
    losses: list[Loss] = []
    narrow = replace(
        family,
        coverage=(values.Coverage(WHO, LONG_AGO),),
        documents=tuple(_narrower(each, own, losses) for each in family.documents),
    )
    permitted = tuple(_permitted(narrow, at, own, losses))
    terms = [(each, clauses.read(each.kind, each.body, own)) for each in _standing(family, at)]
    return Said(permitted, tuple(_refused(terms, own)), tuple(_duties(terms, losses)), (*losses, *_ALWAYS))


_ALWAYS = (
    Loss(
        "serve, assign, disclose, return",
        "the use",
        "these hang on who receives, which is asked anew for each decision",
    ),
    Loss("people", "consent and lawful bases", "they belong to people and to basis records, not to the contract"),
)


def keys(tree: dict[str, str], own: Iterable[str]) -> list[str]:
    """Return the keys of a tree, the vendor's own among them."""
    return sorted({*tree, *own})


def _holds(row: values.Coverage, at: datetime) -> bool:
    return row.valid_from <= at and (row.valid_to is None or at < row.valid_to)


def _narrower(document: values.Document, own: vocabulary.Own, losses: list[Loss]) -> values.Document:
    """Without the grants that cannot be said, and with every other clause for all data."""
    kept = []
    for clause in document.clauses:
        term = clauses.read(clause.kind, clause.body, own)
        if isinstance(term, Grant):
            if why := _unspeakable(clause, term):
                losses.append(Loss(clause.ref, "the permission", f"{why}: it is left out, and so refused"))
                continue
        elif clause.products or clause.environments or clause.regions:
            losses.append(Loss(clause.ref, "its scope", "refused, or demanded, for all data instead"))
        elif clause.kind in _SILENT:
            losses.append(Loss(clause.ref, "the clause", _SILENT[clause.kind]))
        kept.append(clause if isinstance(term, Grant) else replace(clause, products=(), environments=(), regions=()))
    return replace(document, clauses=tuple(kept))


_SILENT = {
    "DeletionTerm": "what must be deleted when is no permission",
    "AuditRight": "who may audit is no permission",
    "PartyRestriction": "permissions are told for the vendor alone, which it does not concern",
    "ModelOwnership": "to serve or assign models is not told",
    "OptInOffer": "grants that hang on an opt-in are left out",
}


def _unspeakable(clause: Clause, term: Grant) -> str:
    """Why a grant cannot be said; empty where it can."""
    conditions = {
        "it hangs on an opt-in": bool(term.offer),
        "it ends on a day": term.until is not None,
        "it is for this customer's own benefit": term.customer_only,
        "it names recipients": bool(term.recipients),
        "it names regions": bool(term.regions),
        "copies live for some days only": term.max_retention_days is not None,
        "it is confined to products, environments or regions": bool(
            clause.products or clause.environments or clause.regions
        ),
        "a safeguard has bounds, a standard or a way to be known": not all(_is_plain(each) for each in term.safeguards),
    }
    return "; ".join(why for why, applies in conditions.items() if applies)


def _is_plain(duty: Duty) -> bool:
    bare = duty.bounds == Bounds() and not duty.standard and not duty.quasi_identifiers
    return bare and duty.safeguard in PLAIN and duty.known is Known.DECLARED


def _permitted(family: Family, at: datetime, own: vocabulary.Own, losses: list[Loss]) -> Iterable[Permitted]:
    found = [
        term
        for document in family.documents
        for clause in document.clauses
        if isinstance(term := clauses.read(clause.kind, clause.body, own), Grant)
    ]
    categories = keys(vocabulary.CONTRACT, own.contract)
    facts = _facts(family, categories, at, own)
    for action in ASKED:
        for purpose in keys(vocabulary.PURPOSES, own.purposes):
            if any(reading.covers_one(g.actions, action) and reading.covers_one(g.purposes, purpose) for g in found):
                yield from _cells(facts, categories, action, purpose, at, losses)


def _cells(
    facts: values.Facts, categories: list[str], action: str, purpose: str, at: datetime, losses: list[Loss]
) -> Iterable[Permitted]:  # fmt: skip
    question = values.Question(NS, D, tuple(f"c{n}" for n in range(len(categories))), action, purpose, at, at)
    answer = engine.decide(question, facts, with_remedies=False)
    for each in answer.plan.classes if answer.plan else ():
        for column in each.columns:
            category = categories[int(column.column[1:])]
            if column.treatment is Treatment.KEEP:
                yield Permitted(action, category, purpose)
            elif column.treatment is Treatment.APPLY:
                yield Permitted(action, category, purpose, tuple(sorted({duty.safeguard for duty in column.duties})))


def _facts(family: Family, categories: list[str], at: datetime, own: vocabulary.Own) -> values.Facts:
    """A dataset with a column for each category, all of it the customer's, each row known to be."""
    names = [f"c{n}" for n in range(len(categories))]
    declaration = values.Declaration(
        SOURCE,
        NS,
        SOURCE,
        (WHO,),
        tenant_space="tenants",
        tenant_column="tenant",
        unmapped_rows=0,
        recorded_at=LONG_AGO,
    )
    return values.Facts(
        dataset=values.Dataset(
            NS, D, columns=tuple(map(values.Column, names)), versions=(values.Version(D, "run", LONG_AGO),)
        ),
        declarations=(declaration,),
        origins=tuple(values.Origin(name, SOURCE, NS, SOURCE, name) for name in names),
        schemas=(values.Schema(NS, SOURCE, ("tenant", *names)),),
        categories=tuple(
            values.ColumnCategory(NS, SOURCE, name, key) for name, key in zip(names, categories, strict=True)
        ),
        identities=(values.Identity("tenant", "tenant", "tenants"),),
        customers=(values.Customer(WHO, "party"),),
        families=(family,),
        parties=("party",),
        own_keys=values.OwnKeys(
            *(tuple(sorted(each)) for each in (own.contract, own.personal, own.special, own.purposes))
        ),
    )


def _standing(family: Family, at: datetime) -> Iterable[Clause]:
    """Clauses of documents that began, but for those that a running document repeals."""
    begun = [each for each in family.documents if each.activated and each.effective_at <= at]
    repealed = {ref for each in begun if _runs(each, at) for ref in each.repeals}
    return [clause for each in begun for clause in each.clauses if clause.ref not in repealed]


def _runs(document: values.Document, at: datetime) -> bool:
    expires = document.expires_at if document.renewal == "none" else None
    return all(end is None or at < end for end in (expires, document.terminated_at))


def _refused(terms: Iterable[tuple[Clause, clauses.Term | None]], own: vocabulary.Own) -> Iterable[Refused]:
    def personal(keys_: Iterable[str]) -> tuple[str, ...]:
        return tuple(key for key in keys_ if vocabulary.is_personal(key, own))

    for clause, term in terms:
        if isinstance(term, Prohibition) and personal(term.categories):
            yield Refused(clause.ref, term.actions, personal(term.categories), term.purposes)
        elif isinstance(term, UnencodedTerm) and term.categories and personal(term.categories):
            yield Refused(clause.ref, term.actions, personal(term.categories), (reading.ANY,))


def _duties(
    terms: Iterable[tuple[Clause, clauses.Term | None]], losses: list[Loss]
) -> Iterable[tuple[str, str, tuple[str, ...]]]:  # fmt: skip
    for clause, term in terms:
        if isinstance(term, Undertaking):
            losses.append(Loss(clause.ref, "all but its words", "the duty has no term"))
            yield clause.ref, clauses.explain(term), term.actions
        elif isinstance(term, RetentionLimit):
            losses.append(Loss(clause.ref, "all but its words", "the duty has no term"))
            yield clause.ref, clauses.explain(term), ("train",)


def widest(found: Iterable[str], covers: Callable[[str, str], bool] = vocabulary.covers) -> tuple[str, ...]:
    """Return the keys that no other of them covers, sorted."""
    every = set(found)
    return tuple(sorted(key for key in every if not any(other != key and covers(other, key) for other in every)))
