"""What one question means to each profile: judged by the plain rules once, then looked up. Pure.

A *shape* is a question without its moment, about data of one kind. The plain engine judges a made-up customer with a profile's files
in each situation; a decision is then the plain engine's over one made-up customer for each outcome that occurs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pyroaring import BitMap

from governance.policy import decisions, judging, world
from governance.policy.alike import Naming, Terms
from governance.policy.answers import ColumnPlan, Reason, Verdict
from governance.policy.compiled import outcomes
from governance.policy.compiled.exposures import Exposure, Part, peopled
from governance.policy.compiled.files import facts_of
from governance.policy.compiled.outcomes import Outcome, Picks
from governance.policy.compiled.profiles import Profile
from governance.policy.judging import Judged
from governance.policy.values import Facts, Question
from governance.policy.world import World

SOMEBODY = "\0somebody"  # a party that is not any of the question's


@dataclass(frozen=True, slots=True)
class Said:
    """What the answer says of an outcome's customers: how their rows stay (None: they do not), and the codes that put them out."""

    columns: tuple[ColumnPlan, ...] | None
    codes: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision over outcomes. `reasons` are those of the question as a whole, `said` one for each outcome."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    said: tuple[Said, ...]


@dataclass(slots=True)
class _Situation:
    """Who has been looked at in one situation, and the customers of each outcome, whether in some dataset or not."""

    seen: BitMap = field(default_factory=BitMap)
    outcomes: dict[int, tuple[Outcome, BitMap]] = field(default_factory=dict)


class Shape:
    """One question about data of one kind, with everything that was judged of it so far. `gaps` refuse it as a whole."""

    def __init__(self, question: Question, exposure: Exposure) -> None:
        self.question = question
        self.gaps = decisions.provenance_gaps(question, exposure.facts)
        self.moved = 0  # how far it has followed the snapshot's activations
        self._bare = exposure.bare
        self._by_content: dict[tuple[Any, ...], Outcome] = {}
        self._outcomes: dict[tuple[int, int], tuple[Outcome, Picks]] = {}  # by situation and profile
        self._situations: dict[int, _Situation] = {}
        self._settled: dict[tuple[tuple[int, bool], ...], Settled] = {}
        self._keyless = False  # customers may have to share their answers, so that it matters whether somebody is alone
        if not self.gaps:
            empty = world.read(question, _peopled(exposure.bare, ()))
            self._keyless = not all(map(empty.tenant_columns, empty.bringing))
            self.own = tuple(everybody[0] for everybody in _both(empty))

    def forget(self, customers: Iterable[int]) -> None:
        """Look at some customers again: their profile has changed."""
        gone = BitMap(customers)
        for situation in self._situations.values():
            situation.seen.difference_update(gone)
            for _, members in situation.outcomes.values():
                members.difference_update(gone)

    def outcomes(
        self, part: Part, profile_of: Callable[[int], Profile], members_of: Callable[[Profile], BitMap]
    ) -> Iterator[tuple[Outcome, BitMap]]:
        """Yield each outcome of a part with its customers; profiles that nobody asked about before are judged first."""
        situation = self._situations.get(part.number)
        if situation is None:
            situation = self._situations[part.number] = _Situation()
        if unseen := part.customers - situation.seen:
            profiles = {profile.number: profile for profile in map(profile_of, unseen)}
            self._judge(part, [p for n, p in profiles.items() if (part.number, n) not in self._outcomes])
            for profile in profiles.values():
                self._enter(situation, self._outcomes[part.number, profile.number][0], members_of(profile))
        for outcome, members in situation.outcomes.values():
            if mine := members & part.customers:
                yield outcome, mine

    @staticmethod
    def _enter(situation: _Situation, outcome: Outcome, customers: BitMap) -> None:
        situation.outcomes.setdefault(outcome.number, (outcome, BitMap()))[1].update(customers)
        situation.seen.update(customers)

    def outcome_of(self, part: Part, profile: Profile) -> Outcome:
        """Return what is judged of one profile."""
        found = self._outcomes.get((part.number, profile.number))
        if found is None:
            self._judge(part, [profile])
            found = self._outcomes[part.number, profile.number]
        return found[0]

    def naming(self, part: Part, profile: Profile, terms: Terms) -> Naming:
        """Return how the slots of a profile's outcome are named for a customer."""
        return outcomes.naming(*self._outcomes[part.number, profile.number], terms)

    def _judge(self, part: Part, profiles: list[Profile]) -> None:
        """Judge made-up customers with the profiles' files by the plain rules, and note the outcomes."""
        if not profiles:
            return
        names = [f"{number:08}" for number in range(len(profiles))]
        files = [_on_file(name, profile, part) for name, profile in zip(names, profiles, strict=True)]
        as_is, changed = _both(world.read(self.question, _peopled(self._bare, [(n, part) for n in names], files)))
        for profile, *judged in zip(profiles, as_is[1:], changed[1:], strict=True):
            picks, told = outcomes.abstract(profile.terms, (judged[0], judged[1]), part)
            content = outcomes.content(told)
            if content not in self._by_content:
                self._by_content[content] = replace(told, number=len(self._by_content))
            self._outcomes[part.number, profile.number] = self._by_content[content], picks

    def settle(self, rows: list[tuple[Outcome, BitMap]]) -> Settled:
        """Decide over outcomes and their customers."""
        key = tuple([(outcome.number, self._keyless and len(customers) > 1) for outcome, customers in rows])
        found = self._settled.get(key)
        if found is None:
            found = self._settled[key] = self._settle(
                [(row[0], many) for row, (_, many) in zip(rows, key, strict=True)]
            )
        return found

    def _settle(self, rows: list[tuple[Outcome, bool]]) -> Settled:
        """Let the plain engine decide over one made-up customer for each outcome, over two where it matters that there are several."""
        if self.gaps:
            return Settled(Verdict.DENY, self.gaps, ())
        names = [(f"{n:08}{copy}", outcome) for n, (outcome, many) in enumerate(rows) for copy in "ab"[: 1 + many]]
        facts = _peopled(self._bare, [(name, outcome.part) for name, outcome in names])

        def everybody(laid_out: World) -> list[Judged]:
            judged = [outcome.of_somebody(name, rows_change=laid_out.rows_change) for name, outcome in names]
            return [self.own[laid_out.rows_change], *judged]

        decided = decisions.settle(world.read(self.question, facts), everybody)
        by_name: dict[str, list[Reason]] = {}
        for reason in decided.reasons:
            by_name.setdefault(reason.customer, []).append(replace(reason, customer=""))
        said = tuple(_said(decided, f"{n:08}a", by_name.get(f"{n:08}a", ())) for n in range(len(rows)))
        return Settled(decided.verdict, tuple(by_name.get("", ())), said)


def _both(laid_out: World) -> tuple[tuple[Judged, ...], tuple[Judged, ...]]:
    """Everybody judged as things are and, where that makes a difference, if the build leaves rows out."""
    as_is = judging.everybody(laid_out)
    if not decisions.rests_on_rows(laid_out.facts):
        return as_is, as_is
    return as_is, judging.everybody(replace(laid_out, rows_change=True))


def _said(decided: decisions.Outcome, name: str, reasons: Iterable[Reason]) -> Said:
    stays = [each for each in (decided.plan.classes if decided.plan else ()) if name in decided.members[each.ref]]
    codes = [row.codes for row in decided.left_out if name in row.customers]
    return Said(stays[0].columns if stays else None, codes[0] if codes else (), tuple(reasons))


def _on_file(name: str, profile: Profile, part: Part) -> Facts:
    return facts_of(profile.file, name, profile.file.party and (part.party or SOMEBODY))


def _peopled(bare: Facts, customers: Iterable[tuple[str, Part]], files: Iterable[Facts] = ()) -> Facts:
    """Bare facts with made-up customers in them, each in the situation of a part, and with what is on file of them."""
    facts = peopled(bare, ((name, part.sources) for name, part in customers))
    consents = tuple(replace(view, customer=name) for name, part in customers for view in part.consents)
    on_file = list(files)
    return replace(
        facts,
        consents=(*facts.consents, *consents),
        customers=tuple(row for file in on_file for row in file.customers),
        families=tuple(row for file in on_file for row in file.families),
        opt_ins=tuple(row for file in on_file for row in file.opt_ins),
        bases=(*facts.bases, *(row for file in on_file for row in file.bases)),  # the vendor's own first
        obligations=tuple(row for file in on_file for row in file.obligations),
        gaps=(*facts.gaps, *(row for file in on_file for row in file.gaps)),
    )
