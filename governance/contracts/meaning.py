"""What clauses and documents mean, in sentences with names instead of references."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from consent import trees, vocabulary
from governance.contracts.models import Clause, CorrectedClause
from governance.parties.models import Party, PartyGroup, Product
from governance.policy import clauses as policy_clauses
from lineage import errors

_REFERENCE = re.compile(r"\b(?:pty|grp)_[0-9a-hjkmnp-tv-z]+")


def of(kind: str, body: Mapping[str, Any]) -> str:
    """Return the meaning of a clause's body in a sentence; raises `BadClause` for one that cannot be read."""
    return named(policy_clauses.explain(policy_clauses.parse(kind, body, trees.sayable())))


def sentence(clause: Clause | CorrectedClause) -> str:
    """The same for a row, with its scope; says so where it cannot be read."""
    return sentences([clause])[0]


def sentences(clauses: Sequence[Clause | CorrectedClause]) -> list[str]:
    """The same for many rows: names and titles are looked up once for all of them."""
    own = trees.sayable()
    keys = {key for clause in clauses for key in clause.products}
    products = dict(Product.objects.filter(key__in=keys).values_list("key", "title")) if keys else {}
    said = _named([_said(clause, own) for clause in clauses])
    places = [_scope(clause, products) for clause in clauses]
    return [f"{text} {where}" if where else text for text, where in zip(said, places, strict=True)]


def _said(clause: Clause | CorrectedClause, own: vocabulary.Own) -> str:
    try:
        return policy_clauses.explain(policy_clauses.parse(clause.kind, clause.body, own))
    except errors.Problem as problem:
        return f"Cannot be read: {problem.detail}."


def scope(clause: Clause | CorrectedClause) -> str:
    """Say where the clause is confined to, or nothing."""
    return _scope(clause, dict(Product.objects.filter(key__in=clause.products).values_list("key", "title")))


def _scope(clause: Clause | CorrectedClause, titles: Mapping[str, str]) -> str:
    parts = _listed("data of", [titles.get(key, key) for key in clause.products])
    parts += _listed("environment", clause.environments) + _listed("region", clause.regions)
    return f"Only {', '.join(parts)}." if parts else ""


def named(text: str) -> str:
    """Replace references of parties and groups by their names, and the vendor's own keys by their titles."""
    return _named([text])[0]


def _named(texts: Iterable[str]) -> list[str]:
    titles = trees.titles()
    titled = [trees.titled(text, titles) for text in texts]
    refs = {ref for text in titled for ref in _REFERENCE.findall(text)}
    names: dict[str, str] = {}
    for kind in (Party, PartyGroup) if refs else ():
        names |= dict(kind._default_manager.filter(ref__in=refs).values_list("ref", "name"))
    return [_REFERENCE.sub(lambda match: names.get(match.group(), match.group()), text) for text in titled]


def _listed(word: str, values: Iterable[str]) -> list[str]:
    found = list(values)
    return [f"{word} {' or '.join(found)}"] if found else []
