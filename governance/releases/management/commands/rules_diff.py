"""`manage.py rules_diff`: what new rules would flip among everything that was ever decided, before two persons switch them on."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator

from django.core.management.base import BaseCommand, CommandError

from governance.access.actors import SYSTEM
from governance.policy import canonical, rules
from governance.releases import rulebook, ruling
from governance.releases.ruling import Flip, Tally
from lineage import errors

EVERY = 500


class Command(BaseCommand):
    """Exit code 0 when it looked; with `--check` 1 when something would flip, or could not be decided."""

    help = "Decide every stored decision again by other rules, and list what would come out otherwise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`VERSION` (where there is one candidate, that one), `--format`, `--latest`, `--check`."""
        parser.add_argument("version", nargs="?", help="the version to look at; needed where there are several")
        parser.add_argument("--format", choices=("table", "json"), default="table", dest="form")
        parser.add_argument("--latest", type=int, help="only the last so many decisions; such a diff is not recorded")
        parser.add_argument("--check", action="store_true", help="exit with 1 when something would flip")

    def handle(
        self, *args: object, version: str | None, form: str, latest: int | None, check: bool, **options: object
    ) -> None:
        """Write the flips as they are found, then the counts; a diff of all decisions is recorded."""
        try:
            version = version or self._only_candidate()
            if version is None or version == rulebook.active():
                return self._nothing_to_compare(form)
            tally, epoch = Tally(), ruling.contract_epoch()
            flips = ruling.flips(version, tally, latest=latest, progress=self._progress)
            (self._json if form == "json" else self._table)(version, flips, tally)
            if latest is None:
                row = ruling.record(version, tally, contract_epoch=epoch, by=SYSTEM)
                self.stderr.write(f"recorded as {row.ref}, under contract epoch {epoch}")
        except errors.Problem as problem:
            raise CommandError(f"{problem.detail}{f': {problem.remedy}' if problem.remedy else ''}") from problem
        if check and (tally.flips or tally.undecided):
            sys.exit(1)

    def _only_candidate(self) -> str | None:
        found = rulebook.candidates()
        if len(found) > 1:
            raise CommandError(f"say which: {', '.join(each.version for each in found)}")
        return found[0].version if found else None

    def _nothing_to_compare(self, form: str) -> None:
        running = [each.version for each in rules.VERSIONS.values() if each.runs]
        if form == "json":
            self.stdout.write(json.dumps({"active": rulebook.active(), "runs": running, "flips": []}))
            return
        self.stdout.write(
            f"rules {rulebook.active()} answer, and this code runs {', '.join(running)}: there is nothing to compare"
        )

    def _progress(self, done: int) -> None:
        if done % EVERY == 0:
            self.stderr.write(f"{done} decisions")

    def _table(self, version: str, flips: Iterator[Flip], tally: Tally) -> None:
        self.stdout.write(f"rules {version} against {rulebook.active()}:")
        for change in _changes(version):
            self.stdout.write(f"  {change}")
        for flip in flips:
            self.stdout.write(_line(flip))
        counted = ", ".join(f"{number} {kind}" for kind, number in sorted(tally.by_kind.items()))
        self.stdout.write(
            f"{tally.flips} of {tally.decisions} decisions would flip{f' ({counted})' if counted else ''}; "
            f"{tally.undecided} could not be decided; {tally.reasons_only} would only be explained otherwise"
        )

    def _json(self, version: str, flips: Iterator[Flip], tally: Tally) -> None:
        """One document, written as it comes: the list first, the counts when they are known."""
        head = {"version": version, "against": rulebook.active(), "changes": list(_changes(version))}
        self.stdout.write(json.dumps(head)[:-1] + ', "flips": [')
        for number, flip in enumerate(flips):
            self.stdout.write(("," if number else "") + json.dumps(canonical.to_json(flip)))
        counts = {
            "decisions": tally.decisions, "flipped": tally.flips, "undecided": tally.undecided,
            "reasons_only": tally.reasons_only, "by_kind": dict(tally.by_kind), "digest": tally.digest,
        }  # fmt: skip
        self.stdout.write("], " + json.dumps({"counts": counts})[1:])


def _changes(version: str) -> Iterable[str]:
    found = rules.known(version)
    return found.changes if found else ()


def _line(flip: Flip) -> str:
    what = f"{flip.action}{f' for {flip.purpose}' if flip.purpose else ''} on {flip.dataset}"
    if flip.problem:
        return f"{flip.decision}  {what}: cannot be decided: {flip.problem}"
    moved = [f"{each.customer or 'own data'} loses {_columns(each.columns)}" for each in flip.lost]
    moved += [f"{each.customer or 'own data'} gains {_columns(each.columns)}" for each in flip.gained]
    moved += [f"{each.customer} {each.column or 'rows'} must be {each.what}" for each in flip.burdens_added]
    moved += [f"{each.customer} {each.column or 'rows'} need not be {each.what}" for each in flip.burdens_lifted]
    shown = "; ".join(moved[:4]) + (f"; and {len(moved) - 4} more" if len(moved) > 4 else "")
    return f"{flip.decision}  {flip.kind:8} {flip.before} -> {flip.after}  {what}{f'  [{shown}]' if shown else ''}"


def _columns(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "its rows"
