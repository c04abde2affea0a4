"""Why a decision came out as it did, for a page: each thing that decided once, with its quote and a link to where it is written down.

Grouped by what decided, not by customer: a clause of a form that thousands accepted is one block that names the first of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Model as Row
from django.urls import reverse

from consent import trees
from consent.models import Basis
from governance.catalogue.models import SourceDeclaration
from governance.contracts.models import Clause, ContractFamily, Document
from governance.obligations.models import Obligation
from governance.policy import reasons, statements
from governance.policy.answers import Decision as Answer
from governance.policy.resting import FOLLOWING
from governance.policy.statements import Statement
from governance.releases.explaining import Reader

NAMES_SHOWN = 12
PLACES: Mapping[str, type[Row]] = {"declaration": SourceDeclaration, "basis": Basis, "obligation": Obligation}


@dataclass(frozen=True)
class Fact:
    """Something behind a statement: its words, its quote, how it is encoded, and where it is shown."""

    words: str
    quote: str = ""
    says: str = ""
    dates: str = ""
    page: int | None = None
    link: str = ""


@dataclass(frozen=True)
class Block:
    """One statement as it is shown."""

    code: str
    refuses: bool
    text: str
    names: tuple[str, ...]
    more: int
    customers: int
    columns: tuple[str, ...]
    count: str
    facts: tuple[Fact, ...]
    way: str
    rows: str
    remedy: str


@dataclass
class Why:
    """The statements of a decision; `customer` narrows them to those that speak of one."""

    found: Reader
    customer: str = ""

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """What decided, refusals first."""
        every = statements.of(self.found.answer, self.found.facts, sees=self.found.may_name)
        return tuple(
            each for each in every if not self.customer or self.customer in each.customers or not each.customers
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """Names of the customers that the reader may know."""
        return {each.ref: each.name or each.ref for each in self.found.facts.customers if self.found.may_name(each.ref)}

    def blocks(self, chosen: Iterable[Statement]) -> list[Block]:
        """Return statements as they are shown; the links of all of them are looked up at once."""
        listed = list(chosen)
        links = _links(listed)
        return [self._block(each, links) for each in listed]

    def _block(self, each: Statement, links: Mapping[tuple[str, str], str]) -> Block:
        shown = self.shown(each)
        return Block(
            code=each.code,
            refuses=each.refuses,
            text=each.text,
            names=shown,
            more=len(each.customers) - len(shown),
            customers=len(each.customers),
            columns=each.columns,
            count=statements.counted(each),
            facts=tuple(self._fact(fact, links) for fact in each.rests_on),
            way=self._way(each),
            rows=self._rows(each),
            remedy=each.remedy if each.refuses else "",
        )

    def shown(self, each: Statement) -> tuple[str, ...]:
        """The first few customers by name, the one that was looked for first."""
        ordered = sorted(each.customers, key=lambda ref: (ref != self.customer, self.names.get(ref, ref)))
        return tuple(self.names.get(ref, ref) for ref in ordered[:NAMES_SHOWN])

    def _fact(self, fact: Mapping[str, Any], links: Mapping[tuple[str, str], str]) -> Fact:
        if fact["fact"] == "clause":
            return Fact(
                statements.where(dict(fact)), fact["quote"], self._titled(fact["says"]), fact["dates"], fact["page"],
                links.get(("clause", fact["clause"]), ""),
            )  # fmt: skip
        link = next(
            (
                links[key, fact[key]]
                for key in ("declaration", "basis", "obligation", "clause")
                if (key, fact.get(key, "")) in links
            ),
            "",
        )
        if fact["fact"] == "contracts":
            link = next((links["family", ref] for ref in fact["contracts"] if ("family", ref) in links), "")
        return Fact(self._titled(statements.named(dict(fact))), fact.get("quote", ""), link=link)

    def _titled(self, text: str) -> str:
        return trees.titled(text, self.found.titles)

    def _way(self, each: Statement) -> str:
        """A way through lineage, for what refuses somebody's data."""
        if not each.refuses or not each.customers or not self.found.may_name(each.customers[0]):
            return ""
        return self.found.path(each.customers[0], each.columns[0] if each.columns else "")

    def _rows(self, each: Statement) -> str:
        """How many rows are at stake, where they were counted for every customer."""
        counted = [self.found.rows_of(ref) for ref in each.customers]
        known = [rows for rows in counted if rows is not None]
        if not each.refuses or not known or len(known) < len(counted):
            return ""
        return f"{sum(known):,} {'row' if sum(known) == 1 else 'rows'}"


@dataclass(frozen=True)
class Outcome:
    """What becomes of some customers: the first of them with their names, and how many more there are."""

    stays: bool
    count: int
    names: tuple[tuple[str, str], ...]
    more: int
    what: str


def outcomes(answer: Answer, names: Mapping[str, str]) -> list[Outcome]:
    """Return who stays, by class with what happens to each column, and who is left out, by what left them out."""

    def of(stays: bool, refs: tuple[str, ...], what: str) -> Outcome:
        shown = tuple((ref, names.get(ref, ref)) for ref in refs[:NAMES_SHOWN])
        return Outcome(stays, len(refs), shown, len(refs) - len(shown), what)

    classes = answer.plan.classes if answer.plan else ()
    kept = [
        of(True, answer.members[c.ref], ", ".join(f"{each.column}: {each.treatment}" for each in c.columns))
        for c in classes
    ]
    return kept + [of(False, row.customers, _because(row.codes)) for row in answer.left_out]


def _because(codes: tuple[str, ...]) -> str:
    """What left them out, in sentences; what only follows from that goes without saying."""
    own = [code for code in codes if code not in FOLLOWING] or codes
    return " ".join(reasons.CODES[code].sentence for code in own) or "With the others."


def _links(chosen: Iterable[Statement]) -> dict[tuple[str, str], str]:
    """Return (kind, reference) -> address of the admin page that shows it, for every fact behind some statements."""
    facts = [fact for each in chosen for fact in each.rests_on]
    links: dict[tuple[str, str], str] = {}
    for key, kind in PLACES.items():
        wanted = {fact[key] for fact in facts if key in fact}
        found = kind._default_manager.filter(ref__in=wanted).values_list("ref", "pk") if wanted else ()
        links |= {(key, ref): _page(kind, pk) for ref, pk in found}
    return links | _clauses(facts) | _families(facts)


def _clauses(facts: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """A clause is shown on the page of its own document: the form's, where one was accepted."""
    wanted = {fact["clause"] for fact in facts if "clause" in fact}
    rows = Clause.objects.filter(ref__in=wanted).values_list("ref", "document_id") if wanted else ()
    return {("clause", ref): f"{_page(Document, pk)}#{ref}" for ref, pk in rows}


def _families(facts: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    wanted = {ref for fact in facts for ref in fact.get("contracts", ())}
    rows = ContractFamily.objects.filter(ref__in=wanted).values_list("ref", "pk") if wanted else ()
    return {("family", ref): _page(ContractFamily, pk) for ref, pk in rows}


def _page(kind: type[Row], pk: int) -> str:
    return reverse(f"admin:{kind._meta.app_label}_{kind._meta.model_name}_change", args=[pk])
