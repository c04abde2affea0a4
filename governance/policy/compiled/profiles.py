"""What is on file of each customer, folded into profiles: equal terms, told apart from the references that they carry. Pure.

Laying terms and references apart is the plain engine's work (`alike.terms`), which is too slow for every contract of a large vendor.
So each customer's files are first read into a *structure*: clauses in order, which documents count at the instant, and how references
stand to each other. Equal structures differ in their references only, place by place: the plain engine reads the first of them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from operator import lt
from typing import Any

from governance.policy import alike, canonical, standing, world
from governance.policy.alike import Terms
from governance.policy.clauses import Grant, grant, read
from governance.policy.values import (
    Basis,
    Clause,
    Coverage,
    Customer,
    Dataset,
    Declaration,
    Document,
    Facts,
    Family,
    Gap,
    Obligation,
    OptIn,
    Origin,
    OwnKeys,
    Question,
)
from governance.policy.world import World

type Places = tuple[tuple[int, int, tuple[int, ...]], ...]  # by slot: family, document, clauses, in a customer's files

NEVER = datetime.max.replace(tzinfo=UTC)
SEPARATOR = "\0"  # stands in no reference: PostgreSQL stores none


@dataclass(slots=True)
class File:
    """All that is on file of one customer. `families`: those that cover it, each with its own rows of coverage."""

    customer: str
    party: str = ""
    families: list[tuple[Family, tuple[Coverage, ...]]] = field(default_factory=list)
    opt_ins: tuple[OptIn, ...] = ()
    bases: tuple[Basis, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    gaps: tuple[Gap, ...] = ()


def files(facts: Facts) -> dict[str, File]:
    """Sort facts by the customer they are about."""
    found = {customer.ref: File(customer.ref, customer.party) for customer in facts.customers}
    for family in facts.families:
        rows: dict[str, list[Coverage]] = {}
        for row in family.coverage:
            rows.setdefault(row.customer, []).append(row)
        for customer, mine in rows.items():
            file = found.get(customer)
            if file is None:
                file = found[customer] = File(customer)
            file.families.append((family, tuple(mine)))
    for name in ("opt_ins", "bases", "obligations", "gaps"):
        for fact in getattr(facts, name):
            file = found.setdefault(fact.customer, File(fact.customer))
            setattr(file, name, (*getattr(file, name), fact))
    return found


@dataclass(frozen=True, slots=True)
class Profile:
    """Equal terms: what they are, and one customer's files to judge in the name of all. `sizes`: clauses per document, by slot."""

    number: int
    terms: Terms
    file: File
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A structure that has been read: its profile, and where in a customer's files each slot's reference stands."""

    profile: Profile
    places: Places
    offers: tuple[int, ...]


class Reader:
    """Reads files as they stand at an instant. `own`: the vendor's own keys. Profiles keep their numbers for good."""

    def __init__(self, own: OwnKeys) -> None:
        self.own = own
        self._vocabulary = world.own_of(own)
        self.profiles: list[Profile] = []
        self.lapses: set[datetime] = set()  # when grants end by their own words: no profile changes, but what it answers
        self._by_content: dict[tuple[Any, ...], Profile] = {}
        self._structures: dict[Any, Known] = {}
        self._clauses: dict[Any, int] = {}

    def read(self, file: File, at: datetime) -> tuple[Profile, str, datetime]:
        """Return the customer's profile, its references as one text, and the instant at which its profile must be read again."""
        seen = _Sight(at, self._clauses, self._learn_clause)
        structure = seen.file(file)
        known = self._structures.get(structure)
        if known is None:
            known = self._structures[structure] = self._learn(file, at, seen)
        return known.profile, _references(file, known, seen), seen.changes

    def _learn(self, file: File, at: datetime, seen: "_Sight") -> Known:
        """Let the plain engine say what a structure means."""
        laid_out = _alone(file, at, self.own)
        laws = standing.laws(laid_out)[file.customer]
        found = alike.terms(laid_out, file.customer, laws)
        profile = self._by_content.get(found.content)
        if profile is None:
            profile = Profile(len(self.profiles), found, file, _sizes(found))
            self.profiles.append(profile)
            self._by_content[found.content] = profile
        return Known(profile, _places(file, found), tuple(map(seen.offers.index, found.offers)))

    def _learn_clause(self, key: Any, clause: Clause) -> int:
        number = self._clauses[key] = len(self._clauses)
        term = read(clause.kind, clause.body, self._vocabulary) if clause.kind == grant.KIND else None
        if isinstance(term, Grant) and term.until:
            self.lapses.add(term.until)
        return number


class _Sight:
    """One look at a customer's files: `changes` becomes the first instant ahead at which they say something else."""

    def __init__(self, at: datetime, clauses: Mapping[Any, int], learn: Any) -> None:
        self.at = at
        self.day = at.date()
        self.changes = NEVER
        self.bases: list[Basis] = []
        self.duties: list[Obligation] = []
        self.offers: list[str] = []
        self._clauses = clauses
        self._learn = learn

    def file(self, file: File) -> Any:
        """Return the structure: hashable; equal ones differ in references only."""
        families = file.families
        if len(families) > 1:
            families.sort(key=lambda each: each[0].ref)
        said = tuple([self._family(file, *each) for each in families])
        beside = self._beside(file) if file.bases or file.obligations or file.gaps else ()
        if None in said or not _differ(families):
            return ("alone", file.customer, self.at)
        return bool(file.party), said, beside

    def _beside(self, file: File) -> tuple[Any, ...]:
        counting = [row for row in file.bases if self._holds(row)]
        self.bases = sorted(counting, key=lambda row: (alike.basis(row), row.ref))
        self.duties = sorted(file.obligations, key=lambda row: row.ref)
        refs = [row.ref for row in self.bases], [row.ref for row in self.duties]
        alone = "" if all(len(set(each)) == len(each) for each in refs) else file.customer
        gaps = tuple(sorted({gap.what for gap in file.gaps}))
        return tuple(map(alike.basis, self.bases)), tuple(map(alike.duty, self.duties)), gaps, alone

    def _family(self, file: File, family: Family, rows: Iterable[Coverage]) -> Any:
        covered = max((self._covers(row) for row in rows), default=0)
        documents = family.documents
        said = [self._document(document) for document in documents]
        offers = self._offers(file, family) if any(each is None or each[3] for each in said) else ()
        if None in said:
            return None
        if len(documents) == 1:
            return covered, said[0], offers
        refs = [document.ref for document in documents]
        if len(set(refs)) < len(refs):
            return None
        return covered, tuple(said), offers, _ranks(refs), _across(documents, refs)

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
        if moment < self.changes:
            self.changes = moment
        return False

    def _document(self, document: Document) -> Any:
        """Whether it counts and has ended, its clauses, the order of their references, and whether a grant hangs on an offer."""
        clauses = document.clauses
        numbers = []
        offered = False
        for clause in clauses:
            body = clause.body
            if clause.kind == "Grant" and "offer" in body:
                offered = True
                body = without_offer(body)[0]
            key = (clause.kind, body, clause.products, clause.environments, clause.regions)
            number = self._clauses.get(key)
            numbers.append(self._learn(key, clause) if number is None else number)
        order: tuple[int, ...] = ()
        if len(clauses) > 1:
            refs = [clause.ref for clause in clauses]
            if not all(map(lt, refs, refs[1:])):
                if len(set(refs)) < len(refs):
                    return None
                order = _ranks(refs)
        return self._stands(document), tuple(numbers), order, offered

    def _stands(self, document: Document) -> int:
        """2: it counts; 1: it has ended; 0: it does not count yet, or never will."""
        signed = document.signed_on
        if not document.activated or signed is None:
            return 0
        if signed > self.day and not self._by_now(_midnight(signed)):
            return 0
        if not self._by_now(document.recorded_at) or not self._by_now(document.effective_at):
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
            offer = without_offer(clause.body)[1]
            if offer:
                if offer not in self.offers:
                    self.offers.append(offer)
                made = tuple(n for n, each in enumerate(clauses) if each.ref == offer)
                found.append((place, self.offers.index(offer), made, offer in taken))
        return tuple(found), _ranks([clause.body for _, clause in grants]) if found else ()


def without_offer(body: str) -> tuple[str, str]:
    """Return a grant's words without the reference of its offer, and that reference; bodies without one, or unreadable, as they are."""
    start = body.find('"offer":"')
    if start >= 0 and body.count("offer") == 1 and "\\" not in body:
        end = body.index('"', start + 9)
        return f"{body[: start + 9]}{body[end:]}", body[start + 9 : end].strip()
    if "offer" not in body:
        return body, ""
    try:
        said = canonical.mapping(body)
    except canonical.Unreadable:
        return body, ""
    offer = said.get("offer")
    if not isinstance(offer, str) or not offer.strip():
        return body, ""
    return json.dumps({**said, "offer": ""}, sort_keys=True), offer.strip()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _ranks(refs: list[str]) -> tuple[int, ...]:
    return tuple(sorted(range(len(refs)), key=refs.__getitem__))


def _differ(families: list[tuple[Family, tuple[Coverage, ...]]]) -> bool:
    """Say whether the documents of several families, and the families, can be told apart by their references."""
    if len(families) < 2:
        return True
    refs = [document.ref for family, _ in families for document in family.documents]
    names = {family.ref for family, _ in families}
    return len(set(refs)) == len(refs) and len(names) == len(families)


def _across(documents: Iterable[Document], refs: list[str]) -> tuple[Any, ...]:
    """What documents say of each other: repeals with the order of signing, and over whom they prevail, by place."""
    place = {ref: number for number, ref in enumerate(refs)}
    found: list[Any] = []
    for document in documents:
        repealed = ()
        if document.repeals:
            gone = set(document.repeals)
            repealed = tuple(
                (d, c) for d, each in enumerate(documents) for c, clause in enumerate(each.clauses) if clause.ref in gone
            )
        prevails = frozenset((place[p.over], p.actions, p.categories) for p in document.prevails if p.over in place)
        found.append((repealed, prevails))
    if any(repealed for repealed, _ in found):
        found.append(tuple(document.signed_on for document in documents))
    return tuple(found)


def _alone(file: File, at: datetime, own: OwnKeys) -> World:
    """The world of one customer, as far as contracts go."""
    facts = replace(
        facts_of(file, file.customer, file.party),
        declarations=(Declaration("", "", "", customers=(file.customer,)),),
        origins=(Origin("", "", "", "", "*"),),
        own_keys=own,
    )
    return world.read(Question("", "", (), "", "", at, at), facts)


def facts_of(file: File, customer: str, party: str) -> Facts:
    """Return what is on file of a customer as facts, in the name of any customer and party."""
    return Facts(
        dataset=Dataset("", ""),
        customers=(Customer(customer, party),) if party else (),
        families=tuple(
            replace(family, coverage=tuple(replace(row, customer=customer) for row in rows))
            for family, rows in file.families
        ),
        opt_ins=tuple(replace(row, customer=customer) for row in file.opt_ins),
        bases=tuple(replace(row, customer=customer) for row in file.bases),
        obligations=tuple(replace(row, customer=customer) for row in file.obligations),
        gaps=tuple(replace(row, customer=customer) for row in file.gaps),
    )


def _places(file: File, found: Terms) -> Places:
    """Where the clauses of each slot stand in the files, document by document."""
    at = {
        (document.ref, clause.ref): (f, d, c)
        for f, (family, _) in enumerate(file.families)
        for d, document in enumerate(family.documents)
        for c, clause in enumerate(document.clauses)
    }
    rows: list[tuple[int, int, list[int]]] = []
    for pair in found.clauses:
        f, d, c = at[pair]
        if not rows or rows[-1][:2] != (f, d):
            rows.append((f, d, []))
        rows[-1][2].append(c)
    return tuple((f, d, tuple(cs)) for f, d, cs in rows)


def _sizes(found: Terms) -> tuple[int, ...]:
    sizes: list[int] = []
    before = None
    for document, _ in found.clauses:
        if document != before:
            sizes.append(0)
            before = document
        sizes[-1] += 1
    return tuple(sizes)


def _references(file: File, known: Known, seen: _Sight) -> str:
    refs: list[str] = []
    for f, d, numbers in known.places:
        document = file.families[f][0].documents[d]
        clauses = document.clauses
        refs.append(document.ref)
        refs += [clauses[c].ref for c in numbers]
    if seen.offers or seen.bases or seen.duties:
        refs += [seen.offers[number] for number in known.offers]
        refs += [row.ref for row in seen.bases]
        refs += [row.ref for row in seen.duties]
    return SEPARATOR.join(refs)


def terms_of(profile: Profile, customer: str, references: str) -> Terms:
    """Return a customer's terms from its profile and its references."""
    refs = iter(references.split(SEPARATOR))
    mine = profile.terms
    pairs = [(document, next(refs)) for size in profile.sizes for document in [next(refs)] for _ in range(size)]
    return Terms(
        customer,
        mine.content,
        tuple(pairs),
        tuple(next(refs) for _ in mine.offers),
        tuple(next(refs) for _ in mine.bases),
        tuple(next(refs) for _ in mine.duties),
    )
