"""Customers of whom the rules must say the same: one of them is judged, the others take its answer under their own references. Pure.

What rules look at is a customer's *content*: clauses and who says them, prevailing documents, opt-ins, bases, open deletions, how it
stands to the parties of the question, and by which sources it is in D. Beside that stand its *references*, which rules only carry
along, and by which they break ties: the content says in which order the tied ones stand. References that are not told apart (the
same one twice) make a content of its own: such a customer is judged alone.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from governance.policy import canonical
from governance.policy.answers import Reason
from governance.policy.clauses import Grant, OptInOffer
from governance.policy.standing import Law, Live
from governance.policy.values import Basis, ConsentView, Document, Obligation
from governance.policy.world import World

type Pair = tuple[str, str]  # a document and a clause of it

# Whose references stand in `about`; of all other codes it names what is the same for everybody.
OFFER, BASIS, DUTY = "opt-in-inactive", "basis", "deletion-open"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of a customer (`content`, hashable), and its references slot by slot, in an order that follows the content."""

    customer: str
    content: tuple[Any, ...]
    clauses: tuple[Pair, ...] = ()
    offers: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()


class Naming:
    """Carries reasons from the customer that was judged to another one with the same content."""

    def __init__(self, judged: Terms, other: Terms) -> None:
        self.customer = other.customer
        self._clauses: dict[Pair, Pair] = dict(zip(judged.clauses, other.clauses, strict=True))
        self._about = {
            OFFER: dict(zip(judged.offers, other.offers, strict=True)),
            BASIS: dict(zip(judged.bases, other.bases, strict=True)),
            DUTY: dict(zip(judged.duties, other.duties, strict=True)),
        }

    def reason(self, said: Reason) -> Reason:
        """Return the same reason, of the other customer."""
        document, clause = self._clauses[said.document, said.clause] if said.document else ("", "")
        about = self._about[said.code][said.about] if said.code in self._about else said.about
        return Reason(said.code, self.customer, said.column, document, clause, about, said.count)

    def live(self, live: Live) -> Live:
        """Return the same clause, as the other customer's document says it."""
        document, clause = self._clauses[live.document.ref, live.clause.ref]
        return Live(replace(live.document, ref=document, clauses=()), replace(live.clause, ref=clause), live.term)

    def reasons(self, said: Iterable[Reason]) -> tuple[Reason, ...]:
        """Return the same reasons, of the other customer."""
        return tuple(map(self.reason, said))


def terms(world: World, customer: str, laws: Iterable[Law]) -> Terms:
    """Lay a customer's content and references apart."""
    families = sorted(laws, key=lambda law: law.family.ref)
    clauses: list[Pair] = []
    offers: list[str] = []
    said = tuple(_law(world, customer, law, clauses, offers) for law in families)
    bases = sorted((basis(row), row.ref) for row in world.bases_of.get(customer, ()) if world.counts(row))
    duties = world.duties_of.get(customer, ())
    content = (
        said,
        tuple(row for row, _ in bases),
        tuple(map(duty, duties)),
        world.gaps_of.get(customer, ()),
        _stands(world, customer),
        world.brought_by.get(customer, 0),
    )
    found = Terms(
        customer, content, tuple(clauses), tuple(offers), tuple(r for _, r in bases), tuple(d.ref for d in duties)
    )
    return found if _is_told_apart(found, families) else replace(found, content=(customer,))


def is_alone(found: Terms) -> bool:
    """Say whether the content is the customer itself, since its references are not told apart."""
    return found.content == (found.customer,)


def _is_told_apart(found: Terms, families: list[Law]) -> bool:
    documents = [
        ref for law in families for ref in {id(live.document): live.document.ref for live in law.live}.values()
    ]
    named = (found.clauses, found.bases, found.duties, documents, [law.family.ref for law in families])
    return all(len(set(refs)) == len(refs) for refs in named)


def _law(world: World, customer: str, law: Law, clauses: list[Pair], offers: list[str]) -> tuple[Any, ...]:
    """What one family says, its documents and their clauses in the order of what they say."""
    by_document: dict[int, list[tuple[Any, str, Live]]] = {}
    for live in law.live:
        by_document.setdefault(id(live.document), []).append((_said(live), live.clause.ref, live))
    for rows in by_document.values():
        rows.sort(key=_by_content)
    parts = list(by_document.values())
    if len(parts) > 1:
        parts.sort(key=lambda rows: ([row[0] for row in rows], rows[0][2].document.ref))
    place = {rows[0][2].document.ref: number for number, rows in enumerate(parts)}
    grants: list[tuple[Any, int]] = []
    hanging: list[tuple[Any, ...]] = []
    for rows in parts:
        for _, _, live in rows:
            if isinstance(live.term, Grant):
                grants.append(((live.clause.body, live.document.ref, live.clause.ref), len(clauses)))
                if live.term.offer:
                    hanging.append(_offer(world, customer, law, live.term.offer, len(clauses), offers))
            clauses.append((live.document.ref, live.clause.ref))
    return (
        law.runs,
        tuple(tuple(row[0] for row in rows) for rows in parts),
        tuple(_prevails(rows[0][2].document, place) for rows in parts) if len(parts) > 1 else (),
        tuple(slot for _, slot in sorted(grants)) if len(grants) > 1 else (),
        tuple(hanging),
    )


def _by_content(row: tuple[Any, str, Live]) -> tuple[Any, str]:
    return row[0], row[1]


def _said(live: Live) -> tuple[Any, ...]:
    clause = live.clause
    offered = isinstance(live.term, Grant) and live.term.offer
    body = without_offer(clause.body)[0] if offered else clause.body
    return (clause.kind, body, clause.products, clause.environments, clause.regions)


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


def _offer(world: World, customer: str, law: Law, offer: str, slot: int, offers: list[str]) -> tuple[Any, ...]:
    """Which grant hangs on which of the customer's offers, and, where that one is taken up, for which data it is made."""
    if offer not in offers:
        offers.append(offer)
    clauses = [live.clause for live, _ in law.of(OptInOffer) if live.clause.ref == offer]
    made = sorted((each.products, each.environments, each.regions) for each in clauses)
    return slot, offers.index(offer), tuple(made) if (customer, offer) in world.opted_in else ()


def _prevails(document: Document, place: Mapping[str, int]) -> frozenset[tuple[Any, ...]]:
    return frozenset((place[p.over], p.actions, p.categories) for p in document.prevails if p.over in place)


def basis(row: Basis) -> tuple[str, ...]:
    return (row.category, row.action, row.purpose, row.ground)


def duty(row: Obligation) -> tuple[Any, ...]:
    return (row.covers_models, row.subject_space, row.subjects, row.digest)


def _stands(world: World, customer: str) -> tuple[Any, ...]:
    """How the party that the customer is stands to the recipient and to whom the model serves."""
    party = world.customers[customer].party if customer in world.customers else ""
    if not party:
        return (False, False, False, world.released_by(customer))
    return (True, party == world.question.recipient, world.served == (party,), world.released_by(customer))


def views(rows: Iterable[ConsentView]) -> tuple[Any, ...]:
    """Return what a customer's people said, without the customer."""
    return tuple(replace(row, customer="") for row in rows)


def classes(found: Iterable[Terms]) -> tuple[tuple[Terms, ...], ...]:
    """Part customers into those with equal content, in the order of the first of each."""
    by_content: dict[tuple[Any, ...], list[Terms]] = defaultdict(list)
    for each in found:
        by_content[each.content].append(each)
    return tuple(map(tuple, by_content.values()))
