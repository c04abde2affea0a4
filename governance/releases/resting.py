"""What a permit rests on: customers, parties, contracts, datasets upstream, keys, models - so that a change finds the permits it may end (SEMANTICS §7).

And the instant at which time alone may end it. A permit ends no later than any such instant that was known when it was signed; what
is recorded afterwards (a document that will begin tomorrow) is found when the permit is looked at again, and remembered.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from governance.policy import answers, engine, outlook, values
from governance.releases.gathering import Gathered
from governance.releases.models import Permit, PermitBasis, PermitRest
from lineage.journal import entries
from lineage.noted import Note
from lineage.values import moment

if TYPE_CHECKING:
    from governance.releases.kept import Current

_JUST = timedelta(microseconds=1)


def key(text: str) -> int:
    """Return the number that stands for a reference."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), signed=True)


def place(namespace: str, name: str) -> str:
    """Return the reference by which a dataset is looked up."""
    return f"at {namespace}\0{name}"


def basis(question: values.Question, gathered: Gathered) -> PermitBasis:
    """Return what a permit for this question rests on."""
    return _basis(_keys(question, gathered))


def write(permit: Permit, found: "Current") -> None:
    """Write down what a new permit rests on, beside the permit; what equal facts rest on is stored once."""
    kept = found.kept
    if not kept.based:
        entries.store(kept.basis, once=True)
    due = _turn(permit, found.question, kept.gathered, kept.whole.value, kept.turn)
    entries.store(PermitRest(permit_id=permit.pk, basis_id=kept.basis.digest, recheck_at=due))


def grow(
    permit: Permit, question: values.Question, gathered: Gathered, answer: answers.Decision, turn: datetime | None
) -> None:
    """Add what it rests on by now: the next change may come from there. When it is due again is known anew."""
    now, due = basis(question, gathered), _turn(permit, question, gathered, answer, turn)
    row = PermitRest.objects.select_related("basis").filter(permit=permit).first()
    if row is None:
        entries.store(now, once=True)
        entries.store(PermitRest(permit_id=permit.pk, basis_id=now.digest, recheck_at=due))
        return
    if not set(now.keys) <= set(row.basis.keys):
        now = _basis(sorted({*row.basis.keys, *now.keys}))
        entries.store(now, once=True)
        PermitRest.objects.filter(permit=permit).update(basis_id=now.digest)
    if row.recheck_at != due:
        PermitRest.objects.filter(permit=permit).update(recheck_at=due)


def copy(permit: Permit, to: Permit) -> None:
    """A permit signed anew rests on what the first one does."""
    rests = PermitRest.objects.filter(permit=permit).first()
    if rests is not None:
        PermitRest.objects.create(permit=to, basis_id=rests.basis_id, recheck_at=rests.recheck_at)


def on(found: Iterable[str] | None, *, at: datetime) -> QuerySet[Permit]:
    """Return the live permits that rest on any of these, and those of which nobody wrote down on what they rest; all for `None`."""
    if found is None:
        return _live(at)
    return _live(at).filter(Q(rests__basis__keys__overlap=sorted({key(each) for each in found})) | Q(rests=None))


def due(*, at: datetime) -> QuerySet[Permit]:
    """Return the live permits for which an instant has come at which time alone may have ended them."""
    return _live(at).filter(rests__recheck_at__lte=at).order_by("rests__recheck_at", "pk")


def turn(note: Note, *, at: datetime) -> datetime | None:
    """Return the next noted instant at which time alone may change what was read; a bound that counts itself turns just after it."""
    found = [found for instant in note.instants if (found := moment(instant)) is not None]
    return min((each for each in (*found, *(each + _JUST for each in found)) if each > at), default=None)


def _live(at: datetime) -> QuerySet[Permit]:
    live = Permit.objects.filter(expires_at__gt=at, revoked_at=None).exclude(kind=Permit.Kind.ADVISORY)
    return live.select_related("decision", "override").order_by("pk")


def _turn(
    permit: Permit, question: values.Question, gathered: Gathered, answer: answers.Decision, turn: datetime | None
) -> datetime | None:
    """The first known instant within the permit's life at which deciding again may allow less."""
    moments = [gathered.first_change, answer.holds_until, turn]
    if permit.override_id:  # carries a refusal, of which the answer does not say how long it stays the same
        moments.append(engine.stands_until(question, gathered.facts))
    moments.append(question.at + outlook.LOOK_AHEAD)  # further the answer did not look
    first = min(each for each in moments if each is not None and each > question.at)
    return first if first < permit.expires_at else None


def _basis(keys: list[int]) -> PermitBasis:
    return PermitBasis(digest=hashlib.sha256(",".join(map(str, keys)).encode()).hexdigest(), keys=keys)


def _keys(question: values.Question, gathered: Gathered) -> list[int]:
    return sorted({key(each) for each in _named(question, gathered) if each})


def _named(question: values.Question, gathered: Gathered) -> Iterator[str]:
    """Every reference by which an entry of the ledger may speak of something that the facts hold, or could come to hold."""
    facts = gathered.facts
    yield from (place(*each) for each in gathered.nodes)
    yield from (question.recipient or "", question.model or "", *facts.parties, *facts.vendor_parties)
    for declaration in facts.declarations:
        yield from (declaration.ref, place(declaration.namespace, declaration.name), declaration.controller)
        yield from (f"space:{declaration.tenant_space}" if declaration.tenant_space else "", declaration.subject_space)
        yield from declaration.customers
    for customer in facts.customers:
        yield from (customer.ref, customer.party)
    for family in facts.families:
        yield from (family.ref, *(document.ref for document in family.documents))
    for membership in facts.memberships:
        yield from (membership.group, membership.member)
    for model in facts.models:
        yield from (model.ref, *(each.party for each in model.served_to))
    yield from (row.offer for row in facts.opt_ins)
    for rows in (facts.opt_ins, facts.bases, facts.obligations, facts.owner_releases):
        yield from (row.ref for row in rows)
