"""What a version of the rules would flip: every stored decision decided again by it, from the facts that it was made from."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from governance.access.actors import Actor
from governance.parties import epoch
from governance.policy import canonical, engine, rules
from governance.releases import comparing, decisions, redeciding, rulebook
from governance.releases.comparing import Difference, Kind
from governance.releases.models import Decision, RulesDiff
from governance.releases.redeciding import Stored
from lineage import errors, refs
from lineage.journal import entries


@dataclass(frozen=True)
class Flip:
    """One stored decision that would come out otherwise, or (`problem`) that cannot be decided by the other rules at all."""

    decision: str
    namespace: str
    dataset: str
    action: str
    purpose: str
    at: datetime
    under: str
    before: str
    after: str
    kind: str
    lost: tuple[comparing.Moved, ...] = ()
    gained: tuple[comparing.Moved, ...] = ()
    burdens_added: tuple[comparing.Burden, ...] = ()
    burdens_lifted: tuple[comparing.Burden, ...] = ()
    codes_added: tuple[str, ...] = ()
    problem: str = ""


@dataclass
class Tally:
    """Numbers of a walk, and the digest of what it found."""

    decisions: int = 0
    flips: int = 0
    undecided: int = 0
    reasons_only: int = 0  # the same is allowed, for other reasons: no flip
    by_kind: Counter[str] = field(default_factory=Counter)
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, flip: Flip) -> None:
        """Count one."""
        self.flips += not flip.problem
        self.undecided += bool(flip.problem)
        self.by_kind[flip.kind] += 1
        self._hash.update(canonical.to_bytes(flip) + b"\n")

    @property
    def digest(self) -> str:
        """SHA-256 of the flips, one line of canonical JSON each."""
        return self._hash.hexdigest()


def flips(
    version: str, tally: Tally, *, latest: int | None = None, progress: Callable[[int], None] = lambda done: None
) -> Iterator[Flip]:
    """Yield what rules `version` would answer otherwise, filling `tally`; raises `rules.NotRun`. `latest`: only the last so many."""
    rules.running(version)
    decide = redeciding.memo(lambda q, f: engine.decide(q, f, with_remedies=False, by_rules=version))
    rows = Decision.objects.all()
    if latest is not None:
        rows = rows.filter(pk__in=Decision.objects.order_by("-pk").values("pk")[:latest])
    for found in redeciding.stored(rows):
        tally.decisions += 1
        flip = _flip(found, decide)
        if flip is not None and flip.kind == Kind.SAME:
            tally.reasons_only += 1
        elif flip is not None:
            tally.add(flip)
            yield flip
        progress(tally.decisions)


def record(version: str, tally: Tally, *, contract_epoch: int, by: Actor) -> RulesDiff:
    """Keep that every stored decision was looked at, and how many would flip: what a switch of rules rests on."""
    ref = refs.new("rdf")
    with transaction.atomic():
        said = {
            "version": version, "against": rulebook.active(), "contract_epoch": contract_epoch, "decisions": tally.decisions,
            "flips": tally.flips, "undecided": tally.undecided, "by_kind": dict(tally.by_kind), "digest": tally.digest,
        }  # fmt: skip
        entry = entries.record("rules-diff", {"diff": ref, **said}, by=by.ref, about=[ref])
        row: RulesDiff = RulesDiff.objects.create(ref=ref, by=by.ref, entry_ref=entry.ref, **said)
    return row


def contract_epoch() -> int:
    """Return the epoch to record a diff under; read it before walking: contracts that change meanwhile make the diff too old."""
    return epoch.current()


def _flip(found: Stored, decide: redeciding.Decide) -> Flip | None:
    row = found.row
    if found.question is None or found.facts is None:
        return _of(row, found.problem)
    try:
        before, after = decisions.answer_of(row), decide(found.question, found.facts)
    except (errors.Problem, ValueError) as error:
        return _of(row, error.detail if isinstance(error, errors.Problem) else str(error))
    difference = comparing.compare(before, after)
    if difference.kind is Kind.SAME and not (difference.reasons_added or difference.reasons_gone):
        return None
    return _differing(row, difference)


def _differing(row: Decision, found: Difference) -> Flip:
    codes = {reason.code for reason in found.reasons_added}
    return Flip(
        decision=row.ref, namespace=row.namespace, dataset=row.name, action=row.action, purpose=row.purpose, at=row.valid_at,
        under=row.rules_version, before=found.before, after=found.after, kind=str(found.kind), lost=found.lost,
        gained=found.gained, burdens_added=found.burdens_added, burdens_lifted=found.burdens_lifted,
        codes_added=tuple(sorted(codes)),
    )  # fmt: skip


def _of(row: Decision, problem: str) -> Flip:
    return Flip(
        decision=row.ref, namespace=row.namespace, dataset=row.name, action=row.action, purpose=row.purpose, at=row.valid_at,
        under=row.rules_version, before=row.verdict, after="", kind="undecided", problem=problem,
    )  # fmt: skip
