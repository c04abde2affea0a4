"""Where a declaration stands: one dataset by its OpenLineage name, or every dataset that a glob names."""

from dataclasses import dataclass

from django.db.models import Q

from lineage import errors
from lineage.values import matches


@dataclass(frozen=True, slots=True)
class Place:
    """A dataset (namespace, name), or with `is_pattern` two globs: `*` stands for any run of characters, `?` for one."""

    namespace: str
    name: str
    is_pattern: bool = False

    def __post_init__(self) -> None:
        for field in ("namespace", "name"):
            value = getattr(self, field)
            if not value or len(value) > 500 or "\x00" in value:
                raise errors.Unprocessable(f"a {field} has 1 to 500 characters", code="bad-dataset", where=field)

    def fields(self) -> dict[str, object]:
        """The columns that every placed declaration has."""
        return {"namespace": self.namespace, "name": self.name, "is_pattern": self.is_pattern}


def covers(row: object, namespace: str, name: str) -> bool:
    """Say whether a placed declaration is about a dataset."""
    there, here = (row.namespace, row.name), (namespace, name)  # type: ignore[attr-defined]
    if not getattr(row, "is_pattern", False):
        return there == here
    return all(map(matches, there, here))


def candidates(datasets: list[tuple[str, str]]) -> Q:
    """Return the rows that may be about one of the datasets: exact names, and every pattern (few; `covers` decides)."""
    names = Q(is_pattern=False, namespace__in={n for n, _ in datasets}, name__in={n for _, n in datasets})
    return names | Q(is_pattern=True)
