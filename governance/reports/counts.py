"""How many rows of each customer a dataset holds: as decided from, else by the last count, else at the source they come from."""

from dataclasses import dataclass, field

from governance.policy import values
from governance.releases.models import RowCount

type Place = tuple[str, str]


@dataclass
class Counts:
    """Looks up counts, each place once."""

    _last: dict[Place, dict[str, int] | None] = field(default_factory=dict)

    def of(self, question: values.Question, facts: values.Facts) -> tuple[dict[str, int], str]:
        """Return rows by customer and the name of the dataset in which they were counted; empty where nobody counted."""
        exact = {each.ref: each.rows for each in facts.customers if each.rows is not None}
        if exact:
            return exact, question.dataset
        place = (question.namespace, question.dataset)
        if (last := self._at(place)) is not None:
            return last, question.dataset
        sources = sorted({(origin.namespace, origin.dataset) for origin in facts.origins})
        counted = [(place, rows) for place in sources if (rows := self._at(place)) is not None]
        if len(counted) != 1 or len(sources) != 1:  # rows of several sources add up to nothing that can be said
            return {}, ""
        return counted[0][1], counted[0][0][1]

    def _at(self, place: Place) -> dict[str, int] | None:
        if place not in self._last:
            row = RowCount.objects.filter(namespace=place[0], name=place[1]).order_by("-pk").first()
            self._last[place] = {customer: int(rows) for customer, rows in row.rows.items()} if row else None
        return self._last[place]
