"""Whose data a planned output would hold (`preflight`): what its sources hold now, brought together as the question says."""

from collections.abc import Iterable
from dataclasses import replace

from governance.policy import values
from lineage import answers, queries
from lineage.answers import Exposure, Origin

ANY = "*"
WORST: tuple[answers.Completeness, ...] = ("unknown", "partial", "known")


def exposure(question: values.Question) -> Exposure:
    """Return the exposure that the planned output would have if it were written now. A name that it has already does not matter."""
    made = [
        (source, queries.exposure(source.namespace, source.dataset, at=question.at, as_known_at=question.as_known_at))
        for source in question.sources
    ]
    origins = {column: _united(_into(column, *each) for each in made) for column in question.columns}
    origins[""] = _united(_present(question, *each) for each in made)
    return Exposure(
        namespace=question.namespace,
        name=question.dataset,
        completeness=min((found.completeness for _, found in made), key=WORST.index),
        unknown=tuple(sorted({finding for _, found in made for finding in found.unknown})),
        partial=tuple(sorted({finding for _, found in made for finding in found.partial})),
        notes=tuple(sorted({note for _, found in made for note in found.notes})),
        columns=question.columns,
        origins={column: reached for column, reached in origins.items() if reached},
        ancestors=tuple(sorted({place for _, found in made for place in _ancestors(found)})),
    )


def _into(column: str, source: values.PlannedSource, found: Exposure) -> frozenset[Origin]:
    """What reaches a planned column: that of the columns named for it, or everything, and through everything presence, too."""
    if not source.columns:
        return _as(_all(found), answers.CONTENT, through=True) | _as(_all(found), answers.PRESENCE, through=True)
    inputs = {name for planned in source.columns if planned.column == column for name in planned.inputs}
    return _united(_of(found, name) for name in inputs)


def _present(question: values.Question, source: values.PlannedSource, found: Exposure) -> frozenset[Origin]:
    """What decides rows; of a planned model, which has no columns, everything does."""
    reached = _united(_of(found, name) for name in source.filters) if question.columns else _all(found)
    return _as(reached, answers.PRESENCE)


def _of(found: Exposure, column: str) -> frozenset[Origin]:
    return found.origins[column if column in found.origins else ANY]


def _all(found: Exposure) -> frozenset[Origin]:
    return _united(found.origins.values())


def _as(origins: Iterable[Origin], path: answers.Path, *, through: bool | None = None) -> frozenset[Origin]:
    return frozenset(replace(o, path=path, through=o.through if through is None else through) for o in origins)


def _united(found: Iterable[frozenset[Origin]]) -> frozenset[Origin]:
    return frozenset().union(*found)


def _ancestors(found: Exposure) -> list[tuple[str, str, int]]:
    return [(found.namespace, found.name, 1), *((ns, name, steps + 1) for ns, name, steps in found.ancestors)]
