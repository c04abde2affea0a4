"""What a permit rests on: customers, parties, contracts, datasets upstream, keys, models - so that a change finds the permits it may end (SEMANTICS §7)."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from governance.policy import values
from governance.releases.gathering import Gathered
from governance.releases.models import Permit, PermitRest


def key(text: str) -> int:
    """Return the number that stands for a reference."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), signed=True)


def place(namespace: str, name: str) -> str:
    """Return the reference by which a dataset is looked up."""
    return f"at {namespace}\0{name}"


def write(permit: Permit, question: values.Question, gathered: Gathered) -> None:
    """Write down what a new permit rests on, in the transaction that signs it."""
    PermitRest.objects.create(permit=permit, keys=_keys(question, gathered))


def grow(permit: Permit, question: values.Question, gathered: Gathered) -> None:
    """Add what it rests on by now: the next change may come from there."""
    row, new = PermitRest.objects.get_or_create(permit=permit, defaults={"keys": _keys(question, gathered)})
    if not new and (more := set(_keys(question, gathered)) - set(row.keys)):
        row.keys = sorted({*row.keys, *more})
        row.save(update_fields=["keys"])


def copy(permit: Permit, to: Permit) -> None:
    """A permit signed anew rests on what the first one does."""
    rests = PermitRest.objects.filter(permit=permit).first()
    if rests is not None:
        PermitRest.objects.create(permit=to, keys=rests.keys)


def on(found: Iterable[str], *, at: datetime) -> QuerySet[Permit]:
    """Return the live permits that rest on any of these; and those of which nobody wrote down on what they rest."""
    live = Permit.objects.filter(expires_at__gt=at, revoked_at=None).exclude(kind=Permit.Kind.ADVISORY)
    touched = Q(rests__keys__overlap=sorted({key(each) for each in found})) | Q(rests=None)
    return live.filter(touched).select_related("decision", "override").order_by("pk")


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
