"""All contracts as they stand at one moment, compiled for deciding: customers as bitmaps per profile (DESIGN, *Correct first*). Pure.

A snapshot knows until when nothing on file changes by itself, and at which *contract epoch* it was compiled. Asked about another
moment or epoch it raises `Stale` and answers nothing: `advance` and `activate` bring it up to date by reading only the customers
concerned again. What it decides is what the plain engine decides, which is kept beside it (`decisions.evaluate`). One thread at a time.
"""

from array import array
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from pyroaring import BitMap

from consent import vocabulary
from governance.policy import questions, world
from governance.policy.alike import Terms
from governance.policy.compiled import exposures
from governance.policy.compiled.deciding import Answer
from governance.policy.compiled.exposures import Exposure, NotCompiled, Part
from governance.policy.compiled.files import File, files
from governance.policy.compiled.outcomes import Outcome
from governance.policy.compiled.profiles import Profile, Reader, terms_of
from governance.policy.compiled.shapes import Shape
from governance.policy.compiled.structures import NEVER
from governance.policy.values import Dataset, Facts, Question
from governance.policy.world import NOBODY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_NEVER = 2**62
_NOTHING = Dataset("", "")
_SHAPE_OF = attrgetter(*(name for name in Question.__dataclass_fields__ if name not in ("at", "as_known_at")))
MOST_SHAPES = 256
MOST_MOVES = 10_000


class Stale(Exception):
    """The snapshot is of another moment, another epoch, or facts were numbered by another one: ask the plain engine."""


class Snapshot:
    """What is on file of every customer at `since`, until `until` or the next epoch. Made by `compile_contracts`."""

    def __init__(self, reader: Reader, since: datetime, epoch: int) -> None:
        self.epoch = epoch
        self.since = since
        self.until = NEVER
        self._reader = reader
        self._numbers: dict[str, int] = {}
        self._customers: list[str] = []
        self._parties: list[str] = []
        self._profiles = array("L")
        self._references: list[str] = []
        self._changes = array("q")
        self._members: list[BitMap] = []
        self._moves: list[int] = []
        self._shapes: dict[object, Shape] = {}
        self._situations: dict[object, int] = {}
        self._generation = 0

    def __len__(self) -> int:
        return len(self._customers)

    @property
    def profiles(self) -> int:
        """How many different terms there are."""
        return len(self._reader.profiles)

    # keeping up

    def put(self, found: Iterable[File]) -> None:
        """Read files anew, those of new customers too."""
        added: dict[int, list[int]] = {}
        for file in found:
            profile, references, changes = self._reader.read(file, self.since)
            change = _NEVER if changes is NEVER else (changes - _EPOCH) // _TICK
            number = self._numbers.get(file.customer)
            if number is None:
                number = self._add(file, profile.number, references, change)
            else:
                self._replace(number, file, profile.number, references, change)
            added.setdefault(profile.number, []).append(number)
        self._members += [BitMap() for _ in range(self.profiles - len(self._members))]
        for profile_number, numbers in added.items():
            self._members[profile_number].update(numbers)
        self._generation += 1
        self._look_ahead()

    def _add(self, file: File, profile: int, references: str, change: int) -> int:
        number = self._numbers[file.customer] = len(self._customers)
        self._customers.append(file.customer)
        self._parties.append(file.party)
        self._profiles.append(profile)
        self._references.append(references)
        self._changes.append(change)
        return number

    def _replace(self, number: int, file: File, profile: int, references: str, change: int) -> None:
        if self._profiles[number] != profile:
            self._members[self._profiles[number]].discard(number)
            self._moves.append(number)
        self._parties[number] = file.party
        self._profiles[number] = profile
        self._references[number] = references
        self._changes[number] = change

    def _look_ahead(self) -> None:
        first = min(self._changes, default=_NEVER)
        lapses = (moment for moment in self._reader.lapses if moment > self.since)
        self.until = min(NEVER if first == _NEVER else _EPOCH + first * _TICK, min(lapses, default=NEVER))

    def activate(self, facts: Facts, epoch: int) -> None:
        """Take over a new epoch: `facts` hold all that is on file of the customers they list, in normal order."""
        listed = {customer.ref for customer in facts.customers}
        self.put(file for file in files(facts) if file.customer in listed)
        self.epoch = epoch

    def due(self, at: datetime) -> tuple[str, ...]:
        """Return the customers of whom something else is on file at a later moment than now."""
        tick = (at - _EPOCH) // _TICK
        return tuple(self._customers[number] for number, change in enumerate(self._changes) if change <= tick)

    def advance(self, at: datetime, read: Callable[[tuple[str, ...]], Facts]) -> None:
        """Move on to a later moment. `read` returns facts of the customers who are due, as `activate` takes them."""
        if at < self.since:
            raise Stale("a snapshot does not go back")
        due = self.due(at)
        lapsed = any(self.since < moment <= at for moment in self._reader.lapses)
        self.since = at
        if lapsed:
            self._shapes.clear()
            self._moves.clear()
        self.activate(read(due) if due else Facts(dataset=_NOTHING), self.epoch)

    # deciding

    def exposure(self, facts: Facts, at: datetime) -> Exposure:
        """Number the customers in the facts about a dataset (in normal order). Raises `NotCompiled`, or `Stale` for other vendor's keys."""
        if world.own_of(facts.own_keys) != self._reader.vocabulary:
            raise Stale("the vendor's own keys have changed")
        named = {u for d in facts.declarations for u in d.customers} | {view.customer for view in facts.consents}
        if strangers := sorted(named - self._numbers.keys() - {NOBODY}):
            self.put(map(File, strangers))  # nothing is on file of them, but they have a number
        return exposures.compile_facts(facts, at, self._numbers.__getitem__, self._situations)

    def decide(self, question: Question, exposure: Exposure, *, epoch: int) -> Answer:
        """Answer a question as the plain engine does; raises `Stale`, `NotCompiled`, or `questions.BadQuestion`."""
        shape, parts = self._prepare(question, exposure, epoch)
        if shape.gaps:
            return Answer(self, question, exposure, shape, shape.settle([]), [])
        rows = [row for part in parts for row in shape.outcomes(part, self.profile, self._members_of)]
        return Answer(self, question, exposure, shape, shape.settle(rows), rows)

    def single(self, question: Question, exposure: Exposure, customer: str, *, epoch: int) -> Outcome | None:
        """Return what is judged of one customer's data; None where nothing of it is in D. Raises as `decide` does."""
        shape, parts = self._prepare(question, exposure, epoch)
        number = self._numbers.get(customer)
        if number is None or shape.gaps:
            return None
        for part in parts:
            if number in part.customers:
                return shape.outcome_of(part, self._reader.profiles[self._profiles[number]])
        return None

    def _prepare(self, question: Question, exposure: Exposure, epoch: int) -> tuple[Shape, tuple[Part, ...]]:
        if epoch != self.epoch:
            raise Stale(f"compiled at epoch {self.epoch}, not {epoch}")
        at, known = question.at, question.as_known_at
        if not self.since <= at < self.until or not self.since <= known < self.until:
            raise Stale("compiled for another moment")
        if not exposure.since <= at < exposure.until or not exposure.since <= known < exposure.until:
            raise Stale("the facts about the dataset are of another moment")
        if exposure.owner is not self._situations:
            raise Stale("the customers were numbered by another snapshot")
        key = _SHAPE_OF(question)
        ready = exposure.prepared.get(key)
        if ready is None or ready[0] != self._generation:
            ready = exposure.prepared[key] = (self._generation, *self._find(key, question, exposure))
        return ready[1], ready[2]

    def _find(self, key: object, question: Question, exposure: Exposure) -> tuple[Shape, tuple[Part, ...]]:
        asked = questions.check(question, exposure.facts)
        if asked.action in vocabulary.MODEL_ACTIONS:
            raise NotCompiled("whether a model may be passed on is the plain engine's to answer")
        shape = self._shapes.get((exposure.key, key))
        if shape is None:
            if len(self._shapes) >= MOST_SHAPES or len(self._moves) >= MOST_MOVES:
                self._shapes.clear()
                self._moves.clear()
            shape = self._shapes[exposure.key, key] = Shape(asked, exposure)
            shape.moved = len(self._moves)
        if shape.moved < len(self._moves):
            shape.forget(self._moves[shape.moved :])
            shape.moved = len(self._moves)
        served = world.read(asked, exposure.facts).served
        parties = {party for party in (asked.recipient, *(served if len(served) == 1 else ())) if party}
        return shape, exposure.split([(party, self._whose(party)) for party in sorted(parties)], self._situations)

    def _whose(self, party: str) -> BitMap:
        return BitMap([number for number, each in enumerate(self._parties) if each == party])

    def profile(self, number: int) -> Profile:
        """Return a customer's profile."""
        return self._reader.profiles[self._profiles[number]]

    def _members_of(self, profile: Profile) -> BitMap:
        return self._members[profile.number]

    # names

    def number(self, customer: str) -> int | None:
        """Return a customer's number, if it has one."""
        return self._numbers.get(customer)

    def terms(self, number: int) -> Terms:
        """Return a customer's terms, with its own references."""
        return terms_of(self.profile(number), self._customers[number], self._references[number])


def compile_contracts(facts: Facts, *, at: datetime, epoch: int) -> Snapshot:
    """Compile all that is on file of all customers, in normal order and as known at `at`."""
    snapshot = Snapshot(Reader(facts.own_keys), at, epoch)
    snapshot.put(files(facts))
    return snapshot
