"""Safeguards (SEMANTICS §2): what implies what, what is in place, and how duties add up. Pure.

Duties are merged in such a way that one more of them never makes fewer: per standard there is one duty of the chain
pseudonymised < deidentified, the strictest; one without a standard joins one that has one.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from governance.policy.answers import Duty
from governance.policy.clauses import requirement
from governance.policy.values import Bounds, Column, InPlace, Known

IMPLIED = {
    "deidentified": frozenset({"deidentified", "pseudonymised"}),
    "anonymised": frozenset({"anonymised", "deidentified", "pseudonymised"}),
}
CHAIN = ("pseudonymised", "deidentified")
LEVELS = tuple(Known)
CHANGED_BY_ROWS = frozenset({"aggregated"})  # and whatever rests on k


def satisfies(found: InPlace, needed: Duty, column: Column, quasi_identifiers: Iterable[str]) -> bool:
    """Say whether a safeguard in place is, or implies, a required one, with standard and bounds, known as demanded.

    k counts only over all of `quasi_identifiers` and those the requirement names, and never on free text or embeddings.
    """
    if needed.safeguard not in IMPLIED.get(found.safeguard, {found.safeguard}):
        return False
    if found.safeguard == "anonymised" and found.known is not Known.DECLARED:  # it can only be declared
        return False
    if needed.standard and found.standard != needed.standard:
        return False
    if LEVELS.index(found.known) < LEVELS.index(needed.known):
        return False
    if needed.bounds.k is not None:
        over_all = {*quasi_identifiers, *needed.quasi_identifiers} <= set(found.quasi_identifiers)
        if column.kind != "value" or not over_all:
            return False
    return within(found.bounds, needed.bounds)


def within(found: Bounds, needed: Bounds) -> bool:
    """Say whether measured bounds are at least as strict as the needed ones."""
    counts = ((found.k, needed.k), (found.n, needed.n), (found.c, needed.c))
    if any(least is not None and (has is None or has < least) for has, least in counts):
        return False
    return needed.epsilon is None or (found.epsilon is not None and _at_most(found.epsilon, needed.epsilon))


def _at_most(found: str, needed: str) -> bool:
    try:
        return 0 < Decimal(found) <= Decimal(needed)
    except InvalidOperation:  # what cannot be read meets nothing
        return False


def rests_on_rows(duty: Duty) -> bool:
    """Say whether a satisfied requirement must be measured again when rows are left out."""
    return duty.bounds.k is not None or duty.safeguard in CHANGED_BY_ROWS


def merge(duties: Iterable[Duty]) -> tuple[Duty, ...]:
    """Return duties that together imply all given ones, in canonical order; bounds combine to the strictest."""
    given = set(duties)
    chain = _by_standard([duty for duty in given if duty.safeguard in CHAIN])
    others = [
        merged
        for name in sorted({duty.safeguard for duty in given} - set(CHAIN))
        for merged in _by_standard([duty for duty in given if duty.safeguard == name])
    ]
    kept = [duty for duty in chain if not _absorbed(duty, others)]
    return tuple(sorted((*kept, *others), key=requirement.sort_key))


def implies(stronger: Duty, weaker: Duty) -> bool:
    """Say whether fulfilling one duty fulfils the other."""
    return (
        weaker.safeguard in IMPLIED.get(stronger.safeguard, {stronger.safeguard})
        and weaker.standard in ("", stronger.standard)
        and LEVELS.index(stronger.known) >= LEVELS.index(weaker.known)
        and within(stronger.bounds, weaker.bounds)
        and set(weaker.quasi_identifiers) <= set(stronger.quasi_identifiers)
    )


def _absorbed(duty: Duty, others: Iterable[Duty]) -> bool:
    """A plain chain duty is contained in `anonymised`; one with a bound or a measurement is not (anonymised is only declared)."""
    plain = not duty.standard and duty.bounds == Bounds() and duty.known is not Known.MEASURED
    return plain and any(
        other.safeguard == "anonymised" and LEVELS.index(other.known) >= LEVELS.index(duty.known) for other in others
    )


def _by_standard(duties: list[Duty]) -> list[Duty]:
    standards = sorted({duty.standard for duty in duties if duty.standard})
    if not standards:
        return [_strictest(duties)] if duties else []
    first, *rest = standards
    joined = [_strictest([duty for duty in duties if duty.standard in ("", first)])]
    return joined + [_strictest([duty for duty in duties if duty.standard == standard]) for standard in rest]


def _strictest(duties: list[Duty]) -> Duty:
    """One duty that implies all of them, which share their standard or have none."""
    # survives: they are all of the chain, or all of one kind
    top = max(duties, key=lambda duty: CHAIN.index(duty.safeguard) if duty.safeguard in CHAIN else 0)
    return replace(
        top,
        standard=max(duty.standard for duty in duties),
        known=max(
            (duty.known for duty in duties), key=LEVELS.index
        ),  # survives: the words stand in this order in the alphabet, too
        bounds=_tightest([duty.bounds for duty in duties]),
        quasi_identifiers=tuple(sorted({name for duty in duties for name in duty.quasi_identifiers})),
    )


def _tightest(bounds: list[Bounds]) -> Bounds:
    epsilons = [each.epsilon for each in bounds if each.epsilon is not None]
    return Bounds(
        k=max((each.k for each in bounds if each.k is not None), default=None),
        n=max((each.n for each in bounds if each.n is not None), default=None),
        c=max((each.c for each in bounds if each.c is not None), default=None),
        epsilon=min(epsilons, key=Decimal, default=None),
    )
