"""The kinds of clauses, one module each: its body, how it is read, what it does, how it is said. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, assert_never

from consent import vocabulary
from governance.policy import canonical
from governance.policy.clauses import (
    audit_right,
    deletion_term,
    grant,
    model_ownership,
    opt_in_offer,
    party_restriction,
    prohibition,
    reading,
    retention_limit,
    training_position,
    undertaking,
    unencoded_term,
)
from governance.policy.clauses.audit_right import AuditRight
from governance.policy.clauses.deletion_term import DeletionTerm
from governance.policy.clauses.grant import Grant
from governance.policy.clauses.model_ownership import ModelOwnership
from governance.policy.clauses.opt_in_offer import OptInOffer
from governance.policy.clauses.party_restriction import PartyRestriction
from governance.policy.clauses.prohibition import Prohibition
from governance.policy.clauses.reading import BadClause
from governance.policy.clauses.retention_limit import RetentionLimit
from governance.policy.clauses.training_position import TrainingPosition
from governance.policy.clauses.undertaking import Undertaking
from governance.policy.clauses.unencoded_term import UnencodedTerm

type Term = (
    TrainingPosition
    | Grant
    | Prohibition
    | PartyRestriction
    | ModelOwnership
    | OptInOffer
    | DeletionTerm
    | RetentionLimit
    | Undertaking
    | AuditRight
    | UnencodedTerm
)

_MODULES = (
    training_position, grant, prohibition, party_restriction, model_ownership, opt_in_offer, deletion_term, retention_limit,
    undertaking, audit_right, unencoded_term,
)  # fmt: skip
KINDS: tuple[str, ...] = tuple(module.KIND for module in _MODULES)
EXAMPLES: dict[str, dict[str, Any]] = {module.KIND: dict(module.EXAMPLE) for module in _MODULES}


def parse(kind: str, body: Mapping[str, Any], own: vocabulary.Own = vocabulary.NONE) -> Term:
    """Return what a clause says; raises `BadClause` with the field that cannot be read."""
    if not isinstance(body, Mapping):
        raise BadClause("the body of a clause is an object", where="body")
    for module in _MODULES:
        if kind == module.KIND:
            found: Term = module.parse(body, own)
            return found
    raise BadClause(f"there is no kind of clause {kind!r}", where="kind", remedy=f"use {', '.join(KINDS)}")


@lru_cache(maxsize=4096)
def read(kind: str, body: str, own: vocabulary.Own = vocabulary.NONE) -> Term | None:
    """Return what a clause in facts says, or None where it cannot be read: a gap."""
    try:
        return parse(kind, canonical.mapping(body), own)
    except (BadClause, canonical.Unreadable):
        return None


def explain(term: Term) -> str:
    """Return the meaning of a clause in a sentence."""
    match term:
        case TrainingPosition():
            return training_position.explain(term)
        case Grant():
            return grant.explain(term)
        case Prohibition():
            return prohibition.explain(term)
        case PartyRestriction():
            return party_restriction.explain(term)
        case ModelOwnership():
            return model_ownership.explain(term)
        case OptInOffer():
            return opt_in_offer.explain(term)
        case DeletionTerm():
            return deletion_term.explain(term)
        case RetentionLimit():
            return retention_limit.explain(term)
        case Undertaking():
            return undertaking.explain(term)
        case AuditRight():
            return audit_right.explain(term)
        case UnencodedTerm():
            return unencoded_term.explain(term)
        case _:
            assert_never(term)  # survives: the type checker holds that nothing comes here


__all__ = [
    "EXAMPLES", "KINDS", "AuditRight", "BadClause", "DeletionTerm", "Grant", "ModelOwnership", "OptInOffer", "PartyRestriction",
    "Prohibition", "RetentionLimit", "Term", "TrainingPosition", "Undertaking", "UnencodedTerm", "explain", "parse", "read",
    "reading",
]  # fmt: skip
