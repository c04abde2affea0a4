"""Documents with their keys by the names of a moment: rows keep the name by which a clause was written, facts take the one of then."""

from dataclasses import replace
from typing import Any

from consent import vocabulary
from governance.policy import canonical, values

FIELDS = ("categories", "purposes")  # of a clause's body that hold keys which can be renamed


def document(found: values.Document, named: vocabulary.Renames) -> values.Document:
    """Return a document as it reads after these renames."""
    if not named:
        return found
    return replace(
        found,
        clauses=tuple(replace(clause, body=_text(clause.body, named)) for clause in found.clauses),
        prevails=precedence(found.prevails, named),
    )


def precedence(found: tuple[values.Prevails, ...], named: vocabulary.Renames) -> tuple[values.Prevails, ...]:
    """Return statements of precedence as they read after these renames."""
    return tuple(replace(said, categories=_keys(said.categories, named)) for said in found)


def body(said: dict[str, Any], named: vocabulary.Renames) -> dict[str, Any]:
    """Return the body of a clause as it reads after these renames; what is no list of keys stays as it is."""
    found = {field: said[field] for field in FIELDS if isinstance(said.get(field), list)}
    return said | {
        field: [vocabulary.current(key, named) if isinstance(key, str) else key for key in keys]
        for field, keys in found.items()
    }


def _text(said: str, named: vocabulary.Renames) -> str:
    try:
        return canonical.text(body(canonical.mapping(said), named))
    except canonical.Unreadable:
        return said  # the engine makes a gap of it


def _keys(keys: tuple[str, ...], named: vocabulary.Renames) -> tuple[str, ...]:
    return tuple(sorted(vocabulary.current(key, named) for key in keys))
