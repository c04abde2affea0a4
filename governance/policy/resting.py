"""What a reason rests on, as facts with their references: the clause with its quote, the declaration, basis, obligation, list or source. Pure.

The same for pages and for proofs: whoever reads a reason finds the thing that decided, and where it is written down.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from consent import vocabulary
from governance.policy import explain
from governance.policy.answers import Reason
from governance.policy.explain import Texts
from governance.policy.values import Basis, Clause, Declaration, Document, Facts, Obligation, OptIn

FOLLOWING = frozenset(
    {"all-blank", "required-column", "nobody-left"}
)  # follow from other reasons: these are what they rest on
NAMED = ("title", "number", "clause_title", "quote", "page", "says", "name")  # what only `explanation:read` may see


@dataclass(frozen=True)
class Ground:
    """Facts by reference, and what reasons rest on among them."""

    facts: Facts

    @cached_property
    def texts(self) -> Texts:
        """What the facts say in words."""
        return Texts(self.facts)

    @cached_property
    def declarations(self) -> dict[str, Declaration]:
        """Source declarations."""
        return {each.ref: each for each in self.facts.declarations}

    @cached_property
    def bases(self) -> dict[str, Basis]:
        """Basis records."""
        return {each.ref: each for each in self.facts.bases}

    @cached_property
    def obligations(self) -> dict[str, Obligation]:
        """Open deletions."""
        return {each.ref: each for each in self.facts.obligations}

    @cached_property
    def opt_ins(self) -> dict[tuple[str, str], tuple[OptIn, ...]]:
        """Opt-ins by customer and offer."""
        found: dict[tuple[str, str], tuple[OptIn, ...]] = {}
        for each in self.facts.opt_ins:
            key = (each.customer, each.offer)
            found[key] = (*found.get(key, ()), each)
        return found

    def of(self, reason: Reason) -> list[dict[str, Any]]:
        """Return the facts that a reason rests on, the clause first."""
        found = []
        document, clause = (
            self.texts.documents.get(reason.document),
            self.texts.clauses.get((reason.document, reason.clause)),
        )
        if document and clause:
            found.append(self.clause(document, clause))
        if reason.about:
            found.append(self._about(reason))
        elif not found and reason.code in ("no-contract", "model-ownership", "contract-ended", "action-not-granted"):
            found.append(self._contracts(reason.customer))
        elif not found and reason.code == "not-separable":
            found += [self._declaration(each) for each in self.unkeyed]  # survives: nothing stands there yet
        elif not found and reason.column and reason.code not in FOLLOWING:
            found.append({"fact": "column", "what": reason.column})
        return found

    @cached_property
    def unkeyed(self) -> tuple[Declaration, ...]:
        """Declarations of customers' data for which no column tells whose a row is."""
        reaching = {origin.declaration for origin in self.facts.origins}
        keys = [each for each in self.facts.identities if each.kind == "tenant"]

        def keyed(d: Declaration) -> bool:
            return any(
                k.declaration == d.ref or (not k.declaration and bool(d.tenant_space) and k.space == d.tenant_space)
                for k in keys
            )

        return tuple(
            d for ref, d in sorted(self.declarations.items()) if ref in reaching and d.customers and not keyed(d)
        )

    def clause(self, document: Document, clause: Clause) -> dict[str, Any]:
        """Return a clause as a fact: where it stands, what it quotes, what its encoding says, and when its document counts."""
        return {
            "fact": "clause",
            "document": document.ref,
            "clause": clause.ref,
            "kind": clause.kind,
            "title": document.title,
            "number": clause.number,
            "clause_title": clause.title,
            "quote": clause.passage,
            "page": clause.page,
            "says": explain.said(clause, self.texts.own),
            "dates": explain.dates(document),
        }

    def _about(self, reason: Reason) -> dict[str, Any]:
        about = reason.about
        if about in self.declarations:
            return self._declaration(self.declarations[about])
        if about in self.bases:
            return self._basis(self.bases[about])
        if about in self.obligations:
            return self._obligation(self.obligations[about])
        if reason.code == "opt-in-inactive":
            return self._offer(reason)
        kind = KINDS_OF_ABOUT.get(reason.code, "thing")
        if kind == "list of people":
            space, _, controller = about.partition(" ")
            return {
                "fact": kind,
                "what": f"those of {space}" + (f", by what they said to {controller}" if controller else ""),
            }
        title = vocabulary.title(about)
        return {"fact": kind, "what": f"{title} ({about})" if kind == "category" and title != about else about}

    def _declaration(self, each: Declaration) -> dict[str, Any]:
        whose = (
            "nobody's" if each.no_customer_data else "one customer's" if not each.tenant_space else "every customer's"
        )
        return {
            "fact": "declaration",
            "declaration": each.ref,
            "what": f"{each.namespace} {each.name}",
            "holds": f"{whose} data",
            "customers": len(each.customers),
            "unmapped_rows": each.unmapped_rows,
        }

    def _basis(self, each: Basis) -> dict[str, Any]:
        period = f"from {each.valid_from:%Y-%m-%d}" + (f" until {each.valid_to:%Y-%m-%d}" if each.valid_to else "")
        return {
            "fact": "basis",
            "basis": each.ref,
            "what": f"{each.ground} for {each.category}, to {each.action} for {each.purpose}",
            "dates": period,
        }

    def _obligation(self, each: Obligation) -> dict[str, Any]:
        return {
            "fact": "deletion",
            "obligation": each.ref,
            "what": f"a deletion that is {each.state}, due {each.due_at:%Y-%m-%d}",
            "people": each.subjects,
        }

    def _offer(self, reason: Reason) -> dict[str, Any]:
        """The offer that the grant hangs on, and the opt-ins that there are or were."""
        periods = self.opt_ins.get((reason.customer, reason.about), ())
        clause = self.texts.clause(reason.about)
        return {
            "fact": "offer",
            "clause": reason.about,
            "what": f"offer in clause {clause.number}" if clause else "an offer that is in no document",
            "quote": clause.passage if clause else "",
            "opt_ins": [
                f"{o.valid_from:%Y-%m-%d} to {o.valid_to:%Y-%m-%d}" if o.valid_to else f"{o.valid_from:%Y-%m-%d} on"
                for o in periods
            ],
        }

    def _contracts(self, customer: str) -> dict[str, Any]:
        """That nothing is said is a fact, too: these are the contracts in which it is not said."""
        families = [f for f in self.facts.families if any(row.customer == customer for row in f.coverage)]
        return {
            "fact": "contracts",
            "contracts": [f.ref for f in families],
            "documents": [d.ref for f in families for d in f.documents],
            "what": "; ".join(
                f"{f.title or f.ref}: {', '.join(_document(d) for d in f.documents) or 'no document'}" for f in families
            )
            or "there is none",
        }


# What `about` names, for codes whose fact has no reference of its own.
KINDS_OF_ABOUT = {
    "unknown-dataset": "dataset",
    "unknown-provenance": "dataset",
    "undeclared-source": "source",
    "uncategorised-column": "source column",
    "presence-not-granted": "source column",
    "prohibition": "source column",
    "unencoded-term": "source column",
    "party-restriction": "party",
    "not-granted": "category",
    "action-not-granted": "category",
    "no-basis": "category",
    "consent-missing": "list of people",
    "consent-refused": "list of people",
    "consent-withdrawn": "list of people",
    "consent-expired": "list of people",
    "objection": "list of people",
    "stale": "list of people",
    "not-separable": "key of people",
    "safeguard-missing": "safeguard",
    "k-too-low": "safeguard",
    "unreadable-fact": "unreadable fact",
}


def _document(each: Document) -> str:
    return f"{each.title or each.ref} ({explain.dates(each)})"


def hidden(fact: dict[str, Any]) -> dict[str, Any]:
    """Return the same fact without names, numbers and quotes: its kind, and references that say nothing."""
    return {key: value for key, value in fact.items() if key not in NAMED and key not in ("what", "dates", "opt_ins")}
