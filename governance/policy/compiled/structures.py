"""The structure of a customer's files: all that they say at an instant, with references told only by how they stand to each other. Pure.

Equal structures differ in their references alone, place by place, so that one of them stands for all: what repeats what, which of two
clauses that say the same comes first, which offer a grant hangs on. A structure is quick to read; its meaning is the plain engine's.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from governance.policy import alike, standing
from governance.policy.clauses import grant
from governance.policy.compiled.files import File
from governance.policy.values import (
    Basis,
    Coverage,
    Document,
    Family,
    Obligation,
)

NEVER = datetime.max.replace(tzinfo=UTC)


class Sight:
    """One look at a customer's files: `changes` becomes the first instant ahead at which they say something else."""

    def __init__(self, at: datetime, clauses: Mapping[Any, int], learn: Any) -> None:
        self.at = at
        self.day = at.date()
        self.changes = NEVER
        self.bases: list[Basis] = []
        self.duties: list[Obligation] = []
        self.offers: list[str] = []
        self.said: list[int] = []
        self.offered = False
        self._clauses = clauses
        self._learn = learn

    def file(self, file: File) -> Any:
        """Return the structure: hashable; equal ones differ in references only. None where references cannot be told apart."""
        families = file.families
        if len(families) > 1:
            families.sort(key=lambda each: each[0].ref)
        said = tuple([self._family(file, place, *each) for place, each in enumerate(families)])
        beside = self._beside(file) if file.bases or file.obligations or file.gaps else ()
        if None in said or (len(families) > 1 and not _differ(families)):
            return None
        return bool(file.party), said, beside

    def _beside(self, file: File) -> tuple[Any, ...]:
        counting = [row for row in file.bases if self._holds(row)]
        self.bases = sorted(counting, key=lambda row: (alike.basis(row), row.ref))
        self.duties = sorted(file.obligations, key=lambda row: row.ref)
        refs = [row.ref for row in self.bases], [row.ref for row in self.duties]
        alone = "" if all(len(set(each)) == len(each) for each in refs) else file.customer
        gaps = tuple(sorted({gap.what for gap in file.gaps}))
        return tuple(map(alike.basis, self.bases)), tuple(map(alike.duty, self.duties)), gaps, alone

    def _family(self, file: File, place: int, family: Family, rows: tuple[Coverage, ...]) -> Any:
        """Several documents are put in the order of what they say, in the file, too: their order means nothing."""
        covered = self._covers(rows[0]) if len(rows) == 1 else max(map(self._covers, rows))
        documents = family.documents
        said = [self._document(document) for document in documents]
        if len(documents) > 1 and None not in said:
            order = sorted(range(len(said)), key=said.__getitem__)
            said = [said[number] for number in order]
            documents = tuple([documents[number] for number in order])
            family = replace(family, documents=documents)
            file.families[place] = family, rows
        offers = self._offers(file, family) if self.offered else ()
        if None in said:
            return None
        if len(documents) == 1:
            return covered, said[0], offers
        refs = [document.ref for document in documents]
        if len(set(refs)) < len(refs):
            return None
        ties = _ranks(refs) if len(set(self.said)) < len(self.said) else ()
        return covered, tuple(said), offers, ties, _across(documents, refs)

    def _covers(self, row: Coverage) -> int:
        """2: the customer is covered; 1: it was; 0: not yet, or nobody knew."""
        if not self._by_now(row.valid_from) or not (row.recorded_at is None or self._by_now(row.recorded_at)):
            return 0
        return 1 if row.valid_to is not None and self._by_now(row.valid_to) else 2

    def _holds(self, row: Any) -> bool:
        known = row.recorded_at is None or self._by_now(row.recorded_at)
        return self._by_now(row.valid_from) and not (row.valid_to is not None and self._by_now(row.valid_to)) and known

    def _by_now(self, moment: datetime) -> bool:
        if moment <= self.at:
            return True
        self.changes = min(self.changes, moment)
        return False

    def _document(self, document: Document) -> Any:
        """How it stands, its clauses, their scopes, and where clauses say the same, the order they tie in."""
        numbers: list[int] = []
        scopes: tuple[Any, ...] = ()
        for clause in document.clauses:
            body = clause.body
            if clause.kind == "Grant" and "offer" in body:
                self.offered = True
                body = alike.without_offer(body)[0]
            number = self._clauses.get((clause.kind, body))
            numbers.append(self._learn((clause.kind, body), clause) if number is None else number)
            if clause.products or clause.environments or clause.regions:
                scopes = (*scopes, (len(numbers), clause.products, clause.environments, clause.regions))
        self.said += numbers
        refs = [clause.ref for clause in document.clauses]
        if len(refs) > 1 and len(set(refs)) < len(refs):
            return None
        order = _ranks(refs) if len(set(numbers)) < len(numbers) else ()
        return self._stands(document), tuple(numbers), scopes, order

    def _stands(self, document: Document) -> int:
        """2: it counts; 1: it has ended; 0: it does not count yet, or never will."""
        signed = document.signed_on
        if not document.activated or signed is None:
            return 0
        if signed > self.day and not self._by_now(_midnight(signed)):
            return 0
        at = self.at
        if not (document.recorded_at <= at or self._by_now(document.recorded_at)):
            return 0
        if not (document.effective_at <= at or self._by_now(document.effective_at)):
            return 0
        expires = document.expires_at if document.renewal == "none" else None
        ended = expires is not None and self._by_now(expires)
        if document.terminated_at is not None and self._by_now(document.terminated_at):
            ended = True
        return 1 if ended else 2

    def _offers(self, file: File, family: Family) -> tuple[Any, ...]:
        """Which grants hang on which offers, where those are made, whether they are taken up, and the order of what grants say."""
        taken = {row.offer for row in file.opt_ins if self._holds(row)}
        clauses = [clause for document in family.documents for clause in document.clauses]
        grants = [(place, clause) for place, clause in enumerate(clauses) if clause.kind == grant.KIND]
        found = []
        for place, clause in grants:
            offer = alike.without_offer(clause.body)[1]
            if offer:
                if offer not in self.offers:
                    self.offers.append(offer)
                made = tuple(n for n, each in enumerate(clauses) if each.ref == offer)
                found.append((place, self.offers.index(offer), made, offer in taken))
        return tuple(found), _ranks([clause.body for _, clause in grants]) if found else ()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _ranks(refs: list[str]) -> tuple[int, ...]:
    return tuple(sorted(range(len(refs)), key=refs.__getitem__))


def _differ(families: list[tuple[Family, tuple[Coverage, ...]]]) -> bool:
    """Say whether the documents of several families, and the families, can be told apart by their references."""
    refs = [document.ref for family, _ in families for document in family.documents]
    names = {family.ref for family, _ in families}
    return len(set(refs)) == len(refs) and len(names) == len(families)


def _across(documents: tuple[Document, ...], refs: list[str]) -> tuple[Any, ...]:
    """What documents say of each other, by place: repeals with the order of signing, and over whom they prevail."""
    place = {ref: number for number, ref in enumerate(refs)}
    return tuple(
        (
            _repeals(document, documents),
            frozenset((place[p.over], p.actions, p.categories) for p in document.prevails if p.over in place),
        )
        if document.repeals or document.prevails
        else ()
        for document in documents
    )


def _repeals(repealing: Document, documents: tuple[Document, ...]) -> tuple[tuple[int, int, bool], ...]:
    return tuple(
        (d, c, standing.is_earlier(document, repealing))
        for d, document in enumerate(documents)
        for c, clause in enumerate(document.clauses)
        if clause.ref in repealing.repeals
    )
