"""Why an answer follows, as a tree that a machine can check again: question → class of customers → column → what decided (SEMANTICS §5). Pure.

Inner nodes have an `op`: `all` holds where every part holds, `any` where some part does, `none` where no part does. Leaves (`op` is `fact`)
say what is so, by a reason code or a word of `claims.FACTS`, with the facts they rest on and, per column, the way by which the data came. The root has two
branches: `usable` (something may be used at all) and `plain` (as it is: nobody left out, nothing to do first). The verdict is

    permit            where both hold,
    permit_with_plan  where `usable` holds and the question is not strict,
    deny              otherwise.

`beside` holds the reasons that explain without deciding. Schema: `docs/proof-tree-v1.schema.json`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from consent import vocabulary
from governance.policy import canonical, decisions, exposure, questions, reasons, world
from governance.policy.answers import LeftOut, Reason, Treatment, TreatmentClass
from governance.policy.claims import Node, fact, node
from governance.policy.decisions import Outcome
from governance.policy.people import SAID
from governance.policy.resting import Ground
from governance.policy.values import Facts, Mode, Question
from governance.policy.world import NOBODY, World, is_content

FORM = "proof-tree-v1"
GAPS = frozenset({"unknown-dataset", "unknown-provenance", "undeclared-source"})
OF_A_CLASS = frozenset({"all-blank", "required-column"})  # follow from the columns; they are no facts of their own

type Evaluate = Callable[[Question, Facts], Outcome]


def tree(question: Question, facts: Facts, evaluate: Evaluate = decisions.evaluate, *, rules: str = "") -> Node:
    """Return the proof of the answer to a question; raises `questions.BadQuestion` for one that means nothing."""
    normal = facts.normal()
    asked = questions.check(question, normal)
    given = evaluate(asked, normal)
    planned = evaluate(replace(asked, mode=Mode.PLAN), normal) if asked.mode is Mode.STRICT else given
    built = _Tree(world.read(asked, normal), planned)
    usable, plain = built.usable(), built.plain()
    return {
        "form": FORM,
        "question": canonical.to_json(asked),
        "rules": rules,
        "facts": normal.digest(),
        "verdict": str(given.verdict),
        "mode": str(asked.mode),
        "usable": usable,
        "plain": plain,
        "beside": [built.leaf(reason) for reason in planned.reasons if reason not in built.said],
    }


@dataclass
class _Tree:
    """An answer being told; `said` are the reasons that have found their place."""

    world: World
    outcome: Outcome
    said: set[Reason] = field(default_factory=set)

    @cached_property
    def ground(self) -> Ground:
        """What reasons rest on."""
        return Ground(self.world.facts)

    @cached_property
    def reasons(self) -> dict[tuple[str, str], list[Reason]]:
        """Reasons by (customer, column)."""
        found: dict[tuple[str, str], list[Reason]] = {}
        for reason in self.outcome.reasons:
            found.setdefault((reason.customer, reason.column), []).append(reason)
        return found

    @cached_property
    def cells(self) -> frozenset[tuple[str, str]]:
        """(customer, column) of which D holds something."""
        return frozenset(exposure.cells(self.world))

    def leaf(self, reason: Reason) -> Node:
        """Return a reason as a leaf."""
        self.said.add(reason)
        more = {name: value for name in ("customer", "column", "count") if (value := getattr(reason, name))}
        if name := self.ground.texts.names.get(reason.customer, ""):
            more["name"] = name
        return fact(reason.code, scope=str(reasons.CODES[reason.code].scope), **more, rests_on=self.ground.of(reason))

    def usable(self) -> Node:
        """Something may be used: provenance is known, whoever must be left out can be, and somebody stays."""
        gaps = [self.leaf(r) for r in self.outcome.reasons if r.code in GAPS]
        known = node("none", "it is not known where the data come from", gaps)
        if gaps:
            return node("all", "something may be used", [known])
        if self.world.question.action in vocabulary.MODEL_ACTIONS:
            against = [self.leaf(r) for r in self.outcome.reasons if reasons.refuses(r.code)]
            return node(
                "all",
                "the model may be passed on",
                [known, node("none", "something speaks against passing it on", against)],
            )
        mixed = [self.leaf(r) for r in self.reasons.get(("", ""), ()) if r.code == "not-separable"]
        groups = [*self._classes(), *self._left_out()]
        return node(
            "all", "something may be used",
            [known, node("none", "rows that must be left out cannot be told apart", mixed), node("any", "somebody stays", groups)],
        )  # fmt: skip

    def plain(self) -> Node:
        """All of it may be used as it is."""
        classes = self.outcome.plan.classes if self.outcome.plan else ()
        unmapped = [r for r in self.reasons.get(("", ""), ()) if r.code == "unmapped-tenant"]
        parts = [
            node(
                "none",
                "customers are left out",
                [fact("left-out", customers=len(e.customers), codes=list(e.codes)) for e in self.outcome.left_out],
            ),
            node("none", "rows of nobody known are left out", [self.leaf(r) for r in unmapped]),
            node("none", "people are left out", [leaf for each in classes for leaf in _lists(each)]),
            node("none", "columns are blank", _blanks(classes)),
            node("none", "something must be done first", [leaf for each in classes for leaf in self._duties(each)]),
        ]
        model = self.world.question.action in vocabulary.MODEL_ACTIONS
        return node("all", "all of it may be used as it is", [] if model else parts)

    # ---- customers

    def _classes(self) -> Iterator[Node]:
        for each in self.outcome.plan.classes if self.outcome.plan else ():
            members = self.outcome.members[each.ref] or (NOBODY,)
            columns = {column.column: column.treatment for column in each.columns}
            more: dict[str, Any] = {"class": each.ref, "customers": list(members)}
            yield self._group(members, f"{each.ref} stays", columns, **more)

    def _left_out(self) -> Iterator[Node]:
        """Each of them fails on its own."""
        for row in self.outcome.left_out:
            stays = [self._group((u,), "this customer stays", {}, row, customers=[u]) for u in row.customers]
            yield node("any", "one of these stays", stays, left_out=list(row.codes))
        if not self.world.present and not self.outcome.plan:
            yield self._group((NOBODY,), "the vendor's own data stay", {}, customers=[])

    def _group(
        self,
        members: tuple[str, ...],
        says: str,
        treatments: dict[str, Treatment],
        out: LeftOut | None = None,
        **more: Any,
    ) -> Node:
        columns = {c: self._column(c, members, treatments.get(c), out) for c in self.world.question.columns}
        content = [each for each in columns.values() if each["treatment"] != Treatment.NONE]
        parts = [
            node("none", "their rows are left out", [leaf for u in members for leaf in self._rows(u, out)]),
            node("any" if content else "all", "a column of theirs may be used" if content else "they have nothing in these columns", content or columns.values()),
        ]  # fmt: skip
        if required := [columns[c] for c in self.world.question.required]:
            parts.append(node("all", "the columns that are required may be used", required))
        return node("all", says, parts, **more)

    def _rows(self, customer: str, out: LeftOut | None) -> Iterator[Node]:
        """What leaves a customer's rows out, or those of anybody who shares its fate because nobody can tell them apart."""
        if out is None:
            return
        together = self.world.present if self._shared else (customer,)
        for u in together:
            for reason in self.reasons.get((u, ""), ()):
                if reason.code in OF_A_CLASS:
                    self.said.add(reason)
                elif (
                    reasons.refuses(reason.code)
                    and reason.code in out.codes
                    and not (reason.code == "deletion-open" and reason.count)
                ):
                    yield self.leaf(reason)

    @cached_property
    def _shared(self) -> bool:
        return len(self.world.present) > 1 and any(not self.world.tenant_columns(d) for d in self.world.reaching)

    # ---- columns

    def _column(self, column: str, members: tuple[str, ...], treatment: Treatment | None, out: LeftOut | None) -> Node:
        against = list(dict.fromkeys(reason for u in members for reason in self._against(u, column, treatment)))
        self.said.update(r for u in members for r in self.reasons.get((u, column), ()) if r.code in OF_A_CLASS)
        blank = treatment is Treatment.BLANK or (out is not None and "all-blank" in out.codes)
        if not against and blank and any((u, column) in self.cells for u in (*members, NOBODY)):
            against = [r for r in self.reasons.get((NOBODY, ""), ()) if r.code in SAID]
        found = treatment or self._untold(column, members, against)
        came = self._ways(column, members)
        if found is Treatment.NONE:
            return node(
                "all", "may be used", [fact("holds-nothing")], column=column, treatment=str(found), came_by=came
            )
        parts = [node("none", "something speaks against it", [self.leaf(r) for r in against])]
        if not against:
            parts.append(
                node("all", "it is allowed", [leaf for u in members for leaf in self._allowed(u, column, treatment)])
            )
        return node("all", "may be used", parts, column=column, treatment=str(found), came_by=came)

    def _against(self, customer: str, column: str, treatment: Treatment | None) -> Iterator[Reason]:
        """Reasons of the cell itself, and of the vendor's own data in the same column, which blank it for everybody.

        Where customers who cannot be told apart share their duties, `not-separable` says why there are more: it refuses nothing.
        """
        idle = {*reasons.DUTIES, *OF_A_CLASS} | ({"not-separable"} if treatment is Treatment.APPLY else set())
        for u in dict.fromkeys((customer, NOBODY)):
            for reason in self.reasons.get((u, column), ()):
                if reasons.refuses(reason.code) and reason.code not in idle:
                    yield reason

    def _untold(self, column: str, members: tuple[str, ...], against: list[Reason]) -> Treatment:
        """Of those who are left out no plan says what would happen to the column."""
        if against:
            return Treatment.BLANK
        return Treatment.KEEP if any((u, column) in self.cells for u in members) else Treatment.NONE

    def _allowed(self, customer: str, column: str, treatment: Treatment | None) -> Iterator[Node]:
        if (customer, column) not in self.cells:
            return
        if customer == NOBODY:
            own = sorted(ref for ref in self.world.declarations_of.get(NOBODY, ()))
            yield fact("own-data", rests_on=[{"fact": "declaration", "declaration": ref} for ref in own])
        elif self.world.returns_to(customer):
            yield fact("returned", customer=customer)
        elif treatment is None:
            yield fact("nothing-against", customer=customer)
        else:
            yield from (self.leaf(r) for r in self.reasons.get((customer, column), ()) if r.code == "granted-by")

    def _ways(self, column: str, members: tuple[str, ...]) -> list[Node]:
        """By which columns of declared sources the data of these customers came."""
        found: dict[tuple[str, str, bool], set[str]] = {}
        for origin in filter(is_content, self.world.origins_of(column)):
            if mine := self.world.customers_of(origin) & set(members):
                source = f"{origin.namespace} {origin.dataset} {origin.source_column}"
                found.setdefault((source, origin.declaration, origin.masked), set()).update(mine)
        return [
            {"from": source, "declaration": ref, "masked": masked, "customers": len(mine)}
            for (source, ref, masked), mine in sorted(found.items())
        ]

    def _duties(self, each: TreatmentClass) -> Iterator[Node]:
        members = self.outcome.members[each.ref]
        for column in each.columns:
            for duty in column.duties:
                why = [
                    r
                    for u in members
                    for r in self.reasons.get((u, column.column), ())
                    if r.code in reasons.DUTIES and r.about == duty.safeguard
                ]
                yield fact(
                    "duty", **{"class": each.ref}, column=column.column, safeguard=canonical.to_json(duty), reasons=[self.leaf(r) for r in why]
                )  # fmt: skip


def _lists(each: TreatmentClass) -> Iterator[Node]:
    for row in each.people:
        yield fact(
            "people-list", **{"class": each.ref}, need=str(row.need), kind=row.kind, people=row.count, digest=row.digest
        )
    for gone in each.erased:
        yield fact("erasure-list", **{"class": each.ref}, people=gone.count, digest=gone.digest)


def _blanks(classes: Iterable[TreatmentClass]) -> list[Node]:
    return [
        fact("blank-column", **{"class": each.ref}, column=column.column)
        for each in classes
        for column in each.columns
        if column.treatment is Treatment.BLANK
    ]
