"""A compiled answer: who is in which outcome, as bitmaps; everybody's own reasons when asked, the plain engine's bytes when expanded. Pure."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyroaring import BitMap

from governance.policy import decisions, questions, world
from governance.policy.alike import Naming
from governance.policy.answers import Reason, Verdict
from governance.policy.compiled.exposures import Exposure
from governance.policy.compiled.shapes import Outcome, Said, Shape, Settled, outcome_of, slots
from governance.policy.judging import Judged
from governance.policy.values import Question
from governance.policy.world import World

if TYPE_CHECKING:
    from governance.policy.compiled.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Row:
    """Customers of one outcome, and what the answer says of them (references are slots: `Answer.reasons_of` names them)."""

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
        """Every customer in D stands in exactly one row."""
        return tuple(
            Row(customers, said) for (_, customers), said in zip(self.outcomes, self.settled.said, strict=True)
        )

    def staying(self) -> int:
        """How many customers' rows are in the plan."""
        return sum(len(row.customers) for row in self.rows if row.said.columns is not None)

    def reasons_of(self, customer: str) -> tuple[Reason, ...]:
        """Return the decision's reasons about one customer in D, under its own references; none for a stranger."""
        number = self.snapshot.number(customer)
        for row in self.rows:
            if number in row.customers:
                terms = self.snapshot.terms(number)
                return tuple(sorted(Naming(slots(terms), terms).reasons(row.said.reasons)))
        return ()

    def expand(self) -> decisions.Outcome:
        """Return the very outcome that the plain engine gives, everybody named; takes time for every customer."""
        asked = questions.check(self.question, self.exposure.facts)
        if self.shape.own is None:
            return decisions.Outcome(Verdict.DENY, decisions.provenance_gaps(asked, self.exposure.facts))
        return decisions.settle(world.read(asked, self.exposure.facts), self._everybody)

    def _everybody(self, laid_out: World) -> list[Judged]:
        which = int(laid_out.rows_change)
        found = []
        for outcome, customers in self.outcomes:
            for number in customers:
                terms = self.snapshot.terms(number)
                found.append(outcome_of(outcome, which, terms, Naming(slots(terms), terms)))
        own = self.shape.own[which] if self.shape.own else None
        everybody = sorted(found, key=lambda each: each.customer)
        return [own, *everybody] if own else everybody
