"""What one question means to each profile: judged by the plain rules once, then looked up. Pure.

A *shape* is a question without its moment, about data of one kind. Its *outcomes* are what the plain engine judges of a made-up
customer with a profile's files in a situation, in slots instead of references; profiles of whom the same is judged share one.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pyroaring import BitMap

from governance.policy import decisions, judging, world
from governance.policy.alike import Naming, Terms
from governance.policy.answers import ColumnPlan, Reason, Verdict
from governance.policy.clauses import RetentionLimit, Undertaking
from governance.policy.compiled.exposures import Exposure, Part, peopled
from governance.policy.compiled.profiles import Profile, facts_of
from governance.policy.judging import Judged
from governance.policy.standing import Law, Live
from governance.policy.values import Document, Facts, Family, Question
from governance.policy.world import World

SOMEBODY = "\0somebody"  # a party that is not any of the question's


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is judged of customers in one situation, by slots: as things are, and if the build leaves rows out."""

    number: int
    part: Part
    judged: tuple[Judged, Judged]
    standing: tuple[Live, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What the answer says of an outcome's customers: whether their rows stay and how, or the codes that put them out."""

    columns: tuple[ColumnPlan, ...] | None
    codes: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision over outcomes. `reasons` are those of the question as a whole."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    said: tuple[Said, ...]


@dataclass(slots=True)
class _Situation:
    """Who has been looked at in one situation, and the customers of each outcome, whether in some dataset or not."""

    seen: BitMap = field(default_factory=BitMap)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    customers: dict[int, BitMap] = field(default_factory=dict)


class Shape:
    """One question about data of one kind, with everything that was judged of it so far."""

    def __init__(self, question: Question, exposure: Exposure) -> None:
        self.question = question
        self.bare = exposure.bare
        self.gaps = decisions.provenance_gaps(question, exposure.facts)
        self.own: tuple[Judged, Judged] | None = None
        if not self.gaps:
            self.own = self._everybody(world.read(question, _peopled(exposure.bare, ())), 0)
        self.moved = 0  # how far it has followed the snapshot's activations
        self._outcomes: dict[Any, Outcome] = {}
        self._situations: dict[int, _Situation] = {}
        self._settled: dict[tuple[tuple[int, bool], ...], Settled] = {}

    def forget(self, customers: Iterable[int]) -> None:
        """Look at some customers again: their profile has changed."""
        gone = BitMap(customers)
        for situation in self._situations.values():
            situation.seen.difference_update(gone)
            for members in situation.customers.values():
                members.difference_update(gone)

    def outcomes(
        self, part: Part, profile_of: Callable[[int], Profile], members: Callable[[Profile], BitMap]
    ) -> Iterator[tuple[Outcome, BitMap]]:
        """Yield each outcome of a part with its customers; profiles that nobody asked about before are judged first."""
        situation = self._situations.get(part.number)
        if situation is None:
            situation = self._situations[part.number] = _Situation()
        if unseen := part.customers - situation.seen:
            self._look(part, situation, unseen, profile_of, members)
        for number, customers in situation.customers.items():
            if mine := customers & part.customers:
                yield self._by_number(situation, number), mine

    @staticmethod
    def _by_number(situation: _Situation, number: int) -> Outcome:
        return situation.outcomes[number]

    def outcome_of(self, part: Part, profile: Profile) -> Outcome:
        """Return what is judged of one profile."""
        key = (part.number, profile.number)
        found = self._outcomes.get(key)
        if found is None:
            self._judge(part, [profile])
            found = self._outcomes[key]
        return found

    def _look(
        self,
        part: Part,
        situation: _Situation,
        unseen: BitMap,
        profile_of: Callable[[int], Profile],
        members: Callable[[Profile], BitMap],
    ) -> None:
        profiles = {profile.number: profile for profile in map(profile_of, unseen)}.values()
        if fresh := [p for p in profiles if (part.number, p.number) not in self._outcomes]:
            self._judge(part, fresh)
        for profile in profiles:
            outcome = self._outcomes[part.number, profile.number]
            situation.outcomes[outcome.number] = outcome
            situation.customers.setdefault(outcome.number, BitMap()).update(members(profile))
            situation.seen |= members(profile)

    def _judge(self, part: Part, profiles: list[Profile]) -> None:
        """Judge made-up customers with the profiles' files by the plain rules, and note the outcomes."""
        names = {f"{number:08}": profile for number, profile in enumerate(profiles)}
        files = [_on_file(name, profile, part) for name, profile in names.items()]
        laid_out = world.read(self.question, _peopled(self.bare, ((name, part) for name in names), files))
        for name, as_is, changed in zip(names, *self._everybody(laid_out, None), strict=True):
            profile = names[name]
            naming = Naming(replace(profile.terms, customer=name), slots(profile.terms))
            judged = (judging.carried(as_is, naming, ()), judging.carried(changed, naming, ()))
            standing = tuple(naming.live(live) for law in as_is.laws for live in law.live if _is_passed_on(live))
            key = (part.number, *map(_content, judged), frozenset(map(_said_by, standing)))
            if key not in self._outcomes:
                self._outcomes[key] = Outcome(len(self._outcomes), part, judged, standing)
            self._outcomes[part.number, profile.number] = self._outcomes[key]

    def _everybody(self, laid_out: World, which: int | None) -> Any:
        """Everybody judged as things are and if rows change; `which` 0 is the vendor's own data, None the customers."""
        as_is = judging.everybody(laid_out)
        changed = as_is
        if decisions.rests_on_rows(laid_out.facts):
            changed = judging.everybody(replace(laid_out, rows_change=True))
        return (as_is[0], changed[0]) if which == 0 else (as_is[1:], changed[1:])

    def settle(self, rows: list[tuple[Outcome, BitMap]]) -> Settled:
        """Decide over outcomes as the plain engine does over customers: one made-up customer stands for each, two where there are several."""
        key = tuple((outcome.number, len(customers) > 1) for outcome, customers in rows)
        if key not in self._settled:
            self._settled[key] = self._settle([(outcome, many) for (outcome, _), (_, many) in zip(rows, key, strict=True)])
        return self._settled[key]

    def _settle(self, rows: list[tuple[Outcome, bool]]) -> Settled:
        if self.own is None:
            return Settled(Verdict.DENY, self.gaps, ())
        own = self.own
        names = [(f"{n:08}{copy}", outcome) for n, (outcome, many) in enumerate(rows) for copy in ("a", "b")[: 1 + many]]
        facts = _peopled(self.bare, ((name, outcome.part) for name, outcome in names))
        laid_out = world.read(self.question, facts)

        def everybody(each: World) -> list[Judged]:
            which = int(each.rows_change)
            found = [outcome_of(outcome, which, Terms(name, ()), None) for name, outcome in names]
            return [own[which], *found]

        decided = decisions.settle(laid_out, everybody)
        mine: dict[str, list[Reason]] = {}
        for reason in decided.reasons:
            mine.setdefault(reason.customer, []).append(reason)
        return Settled(
            decided.verdict,
            tuple(mine.get("", ())),
            tuple(_said(decided, f"{n:08}a", mine.get(f"{n:08}a", ())) for n in range(len(rows))),
        )


def _said(decided: decisions.Outcome, name: str, reasons: Iterable[Reason]) -> Said:
    stays = [each for each in (decided.plan.classes if decided.plan else ()) if name in decided.members[each.ref]]
    codes = [row.codes for row in decided.left_out if name in row.customers]
    return Said(
        stays[0].columns if stays else None,
        codes[0] if codes else (),
        tuple(replace(reason, customer="") for reason in reasons),
    )


def outcome_of(outcome: Outcome, which: int, terms: Terms, naming: Naming | None) -> Judged:
    """Return what is judged of a customer with an outcome; without a naming the references stay slots."""
    judged = outcome.judged[which]
    if naming is None:
        laws = (Law(_NO_FAMILY, outcome.standing, True),)
        return judging.carried(judged, _Renaming(terms.customer), laws)
    laws = (Law(_NO_FAMILY, tuple(map(naming.live, outcome.standing)), True),)
    return judging.carried(judged, naming, laws)


_NO_FAMILY = Family("", ())


class _Renaming(Naming):
    """Gives slots to another customer."""

    def __init__(self, customer: str) -> None:
        self.customer = customer

    def reason(self, said: Reason) -> Reason:
        return replace(said, customer=self.customer)


def slots(terms: Terms) -> Terms:
    """Return terms whose references are the numbers of their slots."""
    return _slots(len(terms.clauses), len(terms.offers), len(terms.bases), len(terms.duties))


@lru_cache(maxsize=1024)
def _slots(clauses: int, offers: int, bases: int, duties: int) -> Terms:
    def numbers(count: int) -> tuple[str, ...]:
        return tuple(f"#{number}" for number in range(count))

    pairs = tuple((ref, ref) for ref in numbers(clauses))
    return Terms("", (), pairs, numbers(offers), numbers(bases), numbers(duties))


def _peopled(bare: Facts, customers: Iterable[tuple[str, Part]], files: Iterable[Facts] = ()) -> Facts:
    """Bare facts with made-up customers in them, each in the situation of a part, and with what is on file of them."""
    rows = list(customers)
    facts = peopled(bare, ((name, part.sources) for name, part in rows))
    consents = tuple(replace(view, customer=name) for name, part in rows for view in part.consents)
    found = {
        name: tuple(fact for file in files for fact in getattr(file, name))
        for name in ("customers", "families", "opt_ins", "bases", "obligations", "gaps")
    } if (files := tuple(files)) else {}
    for name in ("bases", "gaps"):  # the vendor's own
        if name in found:
            found[name] = (*getattr(bare, name), *found[name])
    return replace(facts, consents=(*facts.consents, *consents), **found)


def _on_file(name: str, profile: Profile, part: Part) -> Facts:
    party = profile.file.party and (part.party or SOMEBODY)
    return facts_of(profile.file, name, party)


def _is_passed_on(live: Live) -> bool:
    """What a plan takes from contracts beside the answers for cells."""
    return isinstance(live.term, Undertaking | RetentionLimit)


def _said_by(live: Live) -> tuple[Any, ...]:
    clause = live.clause
    return (live.document.ref, clause.ref, clause.kind, clause.body, clause.products, clause.environments, clause.regions)


def _content(judged: Judged) -> tuple[Any, ...]:
    """What was judged, hashable, whatever the order of its reasons."""
    cells = tuple(
        (column, each.treatment, frozenset(each.reasons), each.duties, each.keep_for_days)
        for column, each in sorted(judged.cells.items())
    )
    return frozenset(judged.out), cells, judged.lists, judged.erased, frozenset(judged.reasons)
