"""What clauses and documents mean, in sentences with names instead of references."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from consent import trees
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
    try:
        said = of(clause.kind, clause.body)
    except errors.Problem as problem:
        return f"Cannot be read: {problem.detail}."
    where = scope(clause)
    return f"{said} {where}" if where else said


def scope(clause: Clause | CorrectedClause) -> str:
    """Say where the clause is confined to, or nothing."""
    titles = dict(Product.objects.filter(key__in=clause.products).values_list("key", "title"))
    parts = _listed("data of", [titles.get(key, key) for key in clause.products])
    parts += _listed("environment", clause.environments) + _listed("region", clause.regions)
    return f"Only {', '.join(parts)}." if parts else ""


def named(text: str) -> str:
    """Replace references of parties and groups by their names, and the vendor's own keys by their titles."""
    text = trees.titled(text, trees.titles())
    refs = set(_REFERENCE.findall(text))
    if not refs:
        return text
    names = dict(Party.objects.filter(ref__in=refs).values_list("ref", "name")) | dict(
        PartyGroup.objects.filter(ref__in=refs).values_list("ref", "name")
    )
    return _REFERENCE.sub(lambda match: names.get(match.group(), match.group()), text)


def _listed(word: str, values: Iterable[str]) -> list[str]:
    found = list(values)
    return [f"{word} {' or '.join(found)}"] if found else []
