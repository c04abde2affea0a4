"""A compiled answer: who is in which outcome, as bitmaps; everybody's own reasons when asked, the plain engine's bytes when expanded. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyroaring import BitMap

from governance.policy import decisions, questions, world
from governance.policy.alike import Naming
from governance.policy.answers import Reason, Verdict
from governance.policy.compiled.exposures import Exposure
from governance.policy.compiled.outcomes import Outcome
from governance.policy.compiled.shapes import Said, Settled, Shape
from governance.policy.judging import Judged
from governance.policy.values import Question
from governance.policy.world import World

if TYPE_CHECKING:
    from governance.policy.compiled.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Row:
    """Customers (by number) of one outcome, and what the answer says of them; its references are slots, `reasons_of` names them."""

    customers: BitMap
    said: Said


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a snapshot decides. It speaks of the snapshot as it was: ask it before the next activation, or expand it."""

    snapshot: "Snapshot"
    question: Question
    exposure: Exposure
    shape: Shape
    settled: Settled
    outcomes: list[tuple[Outcome, BitMap]]

    @property
    def verdict(self) -> Verdict:
        """The verdict, as the plain engine gives it."""
        return self.settled.verdict

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every customer in D stands in exactly one row; none where the question has a gap as a whole."""
        return tuple(
            Row(customers, said) for (_, customers), said in zip(self.outcomes, self.settled.said, strict=True)
        )

    def staying(self) -> int:
        """How many customers' rows are in the plan."""
        return sum(len(row.customers) for row in self.rows if row.said.columns is not None)

    def reasons_of(self, customer: str) -> tuple[Reason, ...]:
        """Return the decision's reasons about one customer in D, under its own references; none for a stranger."""
        number = self.snapshot.number(customer)
        for (outcome, customers), said in zip(self.outcomes, self.settled.said, strict=True):
            if number is not None and number in customers:
                return tuple(sorted(self._naming(outcome, number).reasons(said.reasons)))
        return ()

    def expand(self) -> decisions.Outcome:
        """Return the very outcome that the plain engine gives, everybody named; takes time for every customer."""
        asked = questions.check(self.question, self.exposure.facts)
        if self.shape.gaps:
            return decisions.Outcome(Verdict.DENY, self.shape.gaps)
        return decisions.settle(world.read(asked, self.exposure.facts), self._everybody)

    def _naming(self, outcome: Outcome, number: int) -> Naming:
        return self.shape.naming(outcome.part, self.snapshot.profile(number), self.snapshot.terms(number))

    def _everybody(self, laid_out: World) -> list[Judged]:
        found = [
            outcome.of(self._naming(outcome, number), rows_change=laid_out.rows_change)
            for outcome, customers in self.outcomes
            for number in customers
        ]
        return [self.shape.own[laid_out.rows_change], *sorted(found, key=lambda each: each.customer)]
