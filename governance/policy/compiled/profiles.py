"""Profiles: equal terms of customers, told apart from the references that each carries. Pure.

Laying terms and references apart is the plain engine's work (`alike.terms`), which is too slow for every contract of a large vendor:
it reads the first customer of each structure, and the others take their references from the same places of their own files.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from governance.policy import alike, standing, world
from governance.policy.alike import Terms
from governance.policy.clauses import Grant, grant, read
from governance.policy.compiled.files import File
from governance.policy.compiled.structures import Sight
from governance.policy.standing import Law, Live
from governance.policy.values import (
    Clause,
    Coverage,
    Customer,
    Dataset,
    Declaration,
    Document,
    Facts,
    Family,
    OptIn,
    Origin,
    OwnKeys,
    Question,
)
from governance.policy.world import World

type Places = tuple[tuple[int, int, tuple[int, ...]], ...]  # by slot: family, document, clauses, in a customer's files

EVER = datetime(1970, 1, 1, tzinfo=UTC)
SEPARATOR = "\0"  # stands in no reference: PostgreSQL stores none


@dataclass(frozen=True, slots=True)
class Profile:
    """Equal terms: what they are, and a file that says so at any moment, to judge in the name of all.

    `sizes`: clauses per document, by slot.
    """

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
        self.vocabulary = world.own_of(own)
        self.profiles: list[Profile] = []
        self.lapses: set[datetime] = set()  # grants end by their own words: the profile stays, what it answers does not
        self._by_content: dict[tuple[Any, ...], Profile] = {}
        self._structures: dict[Any, Known] = {}
        self._clauses: dict[Any, int] = {}

    def read(self, file: File, at: datetime) -> tuple[Profile, str, datetime]:
        """Return the customer's profile, its references as one text, and the instant at which its profile must be read again."""
        seen = Sight(at, self._clauses, self._learn_clause)
        structure = seen.file(file)
        if structure is None:
            profile, found = self._understand(file, at)
            return profile, _written(found), seen.changes
        known = self._structures.get(structure)
        if known is None:
            profile, found = self._understand(file, at)
            known = Known(profile, _places(file, found), tuple(map(seen.offers.index, found.offers)))
            self._structures[structure] = known
        return known.profile, _references(file, known, seen), seen.changes

    def _understand(self, file: File, at: datetime) -> tuple[Profile, Terms]:
        """Let the plain engine say what files mean."""
        laid_out = _alone(file, at, self.own)
        laws = standing.laws(laid_out)[file.customer]
        found = alike.terms(laid_out, file.customer, laws)
        profile = None if alike.is_alone(found) else self._by_content.get(found.content)
        if profile is None:
            profile = Profile(len(self.profiles), found, _timeless(laid_out, file, laws), _sizes(found))
            self.profiles.append(profile)
            self._by_content[found.content] = profile
        return profile, found

    def _learn_clause(self, key: Any, clause: Clause) -> int:
        number = self._clauses[key] = len(self._clauses)
        term = read(clause.kind, clause.body, self.vocabulary) if clause.kind == grant.KIND else None
        if isinstance(term, Grant) and term.until:
            self.lapses.add(term.until)
        return number


def _alone(file: File, at: datetime, own: OwnKeys) -> World:
    """The world of one customer, as far as contracts go."""
    facts = Facts(
        Dataset("", ""),
        declarations=(Declaration("", "", "", customers=(file.customer,)),),
        origins=(Origin("", "", "", "", "*"),),
        customers=(Customer(file.customer, file.party),),
        families=tuple([_covering(family, rows) for family, rows in file.families]),
        opt_ins=file.opt_ins,
        bases=file.bases,
        obligations=file.obligations,
        gaps=file.gaps,
        own_keys=own,
    )
    return world.read(Question("", "", (), "", "", at, at), facts)


def _timeless(laid_out: World, file: File, laws: Iterable[Law]) -> File:
    """A file that says at any moment what another one says now: only what counts, since ever and for good."""
    return replace(
        file,
        families=[_family(law) for law in laws],
        opt_ins=tuple(OptIn(row.offer, row.customer, EVER) for row in file.opt_ins if laid_out.counts(row)),
        bases=tuple(replace(row, valid_from=EVER, valid_to=None) for row in file.bases if laid_out.counts(row)),
    )


def _family(law: Law) -> tuple[Family, tuple[Coverage, ...]]:
    """Where nothing runs any more coverage has ended, so that grants could not come back."""
    live: dict[str, list[Live]] = {}
    for each in law.live:
        live.setdefault(each.document.ref, []).append(each)
    documents = [_document(rows[0].document, [row.clause for row in rows]) for rows in live.values()]
    silent = Document(SEPARATOR, EVER, EVER, EVER.date())  # a document counts, even where all it says is repealed
    family = Family(law.family.ref, (), (*documents, silent))
    return family, (Coverage("", EVER, None if law.runs else EVER),)


def _document(document: Document, clauses: Iterable[Clause]) -> Document:
    prevails = document.prevails
    return Document(document.ref, EVER, EVER, EVER.date(), clauses=tuple(clauses), prevails=prevails)


def _covering(family: Family, rows: tuple[Coverage, ...]) -> Family:
    return family if len(rows) == len(family.coverage) else replace(family, coverage=rows)


def _places(file: File, found: Terms) -> Places:
    """Where the clauses of each slot stand in the files, document by document."""
    documents = {
        d.ref: (f, n, d) for f, (family, _) in enumerate(file.families) for n, d in enumerate(family.documents)
    }
    refs = {ref: [clause.ref for clause in document.clauses] for ref, (_, _, document) in documents.items()}
    return tuple(
        (*documents[ref][:2], tuple(refs[ref].index(clause) for _, clause in pairs))
        for ref, pairs in groupby(found.clauses, key=itemgetter(0))
    )


def _sizes(found: Terms) -> tuple[int, ...]:
    return tuple(len(list(pairs)) for _, pairs in groupby(found.clauses, key=itemgetter(0)))


def _references(file: File, known: Known, seen: Sight) -> str:
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
    return _joined(refs)


def _written(found: Terms) -> str:
    pairs = groupby(found.clauses, key=itemgetter(0))
    refs = [ref for document, rows in pairs for ref in (document, *(clause for _, clause in rows))]
    return _joined([*refs, *found.offers, *found.bases, *found.duties])


def _joined(refs: list[str]) -> str:
    text = SEPARATOR.join(refs)
    if text.count(SEPARATOR) > max(0, len(refs) - 1):
        raise ValueError("a reference holds a zero byte: it cannot be compiled")
    return text


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
