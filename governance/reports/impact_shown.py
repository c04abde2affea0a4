"""Impact in words and as JSON. Who reads it sees every customer by role (`impacts.must_read`), so that names are given."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from governance.contracts.models import Clause
from governance.parties.models import Customer
from governance.policy import canonical
from governance.releases import comparing
from governance.releases.comparing import Kind
from governance.reports import owed
from governance.reports.impacts import Flip, Impact
from governance.reports.owed import Owed, Term
from governance.reports.worth import Use, Worth

WORDS = {
    Kind.OPENS: "refused now, would be permitted",
    Kind.CLOSES: "permitted now, would be refused",
    Kind.GROWS: "more would be allowed",
    Kind.SHRINKS: "less would be allowed",
    Kind.SHIFTS: "some would be gained, some lost",
    Kind.SAME: "the same would be allowed",
}
COUNTED = {
    Kind.OPENS: "refused now and would be permitted",
    Kind.CLOSES: "permitted now and would be refused",
    Kind.GROWS: "answered with more than now",
    Kind.SHRINKS: "answered with less than now",
    Kind.SHIFTS: "answered with more of one thing and less of another",
}
DIRECTIONS = {
    owed.OPENS: "a deletion would be proposed",
    owed.STRICTER: "the term would be stricter",
    owed.LOOSER: "the term would leave more time, or more behind",
    owed.CHANGED: "the term would change",
}
OWED_WORDS = {
    owed.OPENS: ("deletion", "would be proposed"),
    owed.STRICTER: ("deletion term", "would be stricter"),
    owed.LOOSER: ("deletion term", "would leave more time, or more behind"),
    owed.CHANGED: ("deletion term", "would change"),
}
DATASETS_SAID = 3
VERDICTS = {"permit": "permitted", "permit_with_plan": "permitted in part", "deny": "refused"}


class Names:
    """Customers and clauses by reference."""

    def __init__(self, found: Impact) -> None:
        moved = [each for flip in found.flips for each in (*flip.difference.gained, *flip.difference.lost)]
        refs = {each.customer for each in moved} | {each.customer for each in found.owed}
        refs |= {each.customer for each in found.worth}
        self.customers = dict(Customer.objects.filter(ref__in=refs).values_list("ref", "name"))
        terms = [term.clause for each in found.owed for term in (each.before, each.after) if term]
        rows = Clause.objects.filter(ref__in=terms).select_related("document")
        self.clauses = {row.ref: f"clause {row.number} of {row.document}" for row in rows}

    def customer(self, ref: str) -> str:
        """The name of a customer; our own data where there is none."""
        return self.customers.get(ref, ref) or "our own data"


def shown(found: Impact) -> dict[str, Any]:
    """Return an impact as JSON values: summary in sentences, then the tables, each with the most rows at stake first."""
    names = Names(found)
    by_dataset = datasets(found, names)
    return {
        "change": found.change,
        "title": found.title,
        "starts_at": found.starts_at,
        "computed_at": found.computed_at,
        "contract_epoch": found.epoch,
        "steady": found.steady,
        "summary": summary(found, by_dataset),
        "notes": list(found.notes),
        "permits": [vars(each) for each in found.revoked],
        "releases": [_flip(each, names) for each in found.flips],
        "datasets": by_dataset,
        "deletions": [_owed(each, names) for each in found.owed],
        "opt_ins": [_worth(each, names) for each in found.worth],
        "looked_at": canonical.to_json(found.looked),
        "limits": limits(found),
    }


def summary(found: Impact, of: list[dict[str, Any]]) -> list[str]:
    """Return what matters in a few sentences; `of` are the datasets."""
    kinds = [flip.difference.kind for flip in found.flips]
    said = [
        f"{counted(kinds.count(kind), 'question')} {_is(kinds.count(kind), kind)}{COUNTED[kind]}."
        for kind in COUNTED
        if kind in kinds
    ]
    said += [_rows_sentence(each) for each in of[:DATASETS_SAID]]
    said += [f"{counted(len(found.revoked), 'live permit')} would be revoked."] if found.revoked else []
    for kind in DIRECTIONS:
        number = sum(each.kind == kind for each in found.owed)
        if number:
            said.append(f"{counted(number, OWED_WORDS[kind][0])} {OWED_WORDS[kind][1]}.")
    said += [f"{counted(len(found.worth), 'opt-in')} would open something else than now."] if found.worth else []
    return said or [
        "Nothing that was asked lately would be answered otherwise, no permit would fall, no deletion would open."
    ]


def _is(number: int, kind: Kind) -> str:
    if kind in (Kind.OPENS, Kind.CLOSES):
        return "is " if number == 1 else "are "
    return "would be "


def _rows_sentence(of: dict[str, Any]) -> str:
    """`shop.train_set would lose 1 customer (4 rows).`"""
    parts = []
    for word, verb in (("gained", "gain"), ("lost", "lose")):
        if of[word]["customers"]:
            rows = of[word]["rows"]
            known = "rows not counted" if rows is None else counted(rows, "row")
            parts.append(f"{verb} {counted(len(of[word]['customers']), 'customer')} ({known})")
    return f"{of['name']} would {' and '.join(parts)}."


def limits(found: Impact) -> list[str]:
    """Return what was not looked at, and what that means."""
    looked = found.looked
    said = [
        f"{looked.questions} distinct questions were looked at, from the last {looked.decisions} decisions about the present; "
        f"the contracts concerned matter to {looked.questions_touched} of them."
    ]
    said += [f"{looked.questions_left} questions were not looked at: the time was up."] if looked.questions_left else []
    said += ["Questions asked only before those decisions were not looked at."] if looked.older else []
    said += [f"{looked.permits_left} live permits were not looked at."] if looked.permits_left else []
    said += [f"{looked.permits_over} live permits are over before it begins."] if looked.permits_over else []
    said += [f"Not decided: {each}." for each in looked.undecided[:10]]
    left = len(found.customers) - owed.CUSTOMERS_AT_MOST
    said += [f"Deletion terms of {left} more customers were not looked at."] if left > 0 else []
    said += [] if found.steady else ["Contracts changed while this was computed: compute it again."]
    return said


def datasets(found: Impact, names: Names) -> list[dict[str, Any]]:
    """Return, per dataset, which customers (with their rows) would be gained or lost in at least one use."""
    by_place: dict[tuple[str, str], list[Flip]] = defaultdict(list)
    for flip in found.flips:
        by_place[flip.question.namespace, flip.question.dataset].append(flip)
    rows = []
    for (namespace, name), flips in by_place.items():
        both = {
            word: _whole(flips, [each for flip in flips for each in getattr(flip.difference, word)], names)
            for word in ("gained", "lost")
        }
        if both["gained"]["customers"] or both["lost"]["customers"]:
            counted_in = next((flip.counted_in for flip in flips if flip.counted_in), "")
            rows.append({"namespace": namespace, "name": name, **both, "counted_in": counted_in})
    return sorted(rows, key=lambda row: (-(row["gained"]["rows"] or 0) - (row["lost"]["rows"] or 0), row["name"]))


def _whole(flips: list[Flip], moved: Iterable[comparing.Moved], names: Names) -> dict[str, Any]:
    """Customers that come in, or go, with all their rows; counts are of the dataset, before anybody's consent is asked."""
    refs = sorted({each.customer for each in moved if each.whole})
    counts = {ref: flip.rows[ref] for flip in flips for ref in refs if ref in flip.rows}
    return {
        "customers": [{"ref": ref, "name": names.customer(ref), "rows": counts.get(ref)} for ref in refs],
        "rows": sum(counts.values()) if counts or not refs else None,
    }


def _flip(flip: Flip, names: Names) -> dict[str, Any]:
    asked, change = flip.question, flip.difference
    return {
        "decision": flip.decision,
        "namespace": asked.namespace,
        "dataset": asked.dataset,
        "action": asked.action,
        "purpose": asked.purpose,
        "recipient": asked.recipient,
        "columns": list(asked.columns),
        "mode": str(asked.mode),
        "before": change.before,
        "after": change.after,
        "before_words": VERDICTS[change.before],
        "after_words": VERDICTS[change.after],
        "kind": str(change.kind),
        "words": WORDS[change.kind],
        "gained": [_moved(each, flip, names) for each in change.gained],
        "lost": [_moved(each, flip, names) for each in change.lost],
        "rows_gained": _rows(flip, change.gained),
        "rows_lost": _rows(flip, change.lost),
        "counted_in": flip.counted_in,
        "burdens_added": [_burden(each, names) for each in change.burdens_added],
        "burdens_lifted": [_burden(each, names) for each in change.burdens_lifted],
        "days_before": change.days_before,
        "days_after": change.days_after,
        "why": list(flip.why),
    }


def _rows(flip: Flip, moved: tuple[comparing.Moved, ...]) -> int | None:
    """Rows of the customers that gain or lose something; None where nobody counted one of them."""
    return flip.rows_of(moved) if all(each.customer in flip.rows for each in moved) else None


def _moved(each: comparing.Moved, flip: Flip, names: Names) -> dict[str, Any]:
    return {
        "customer": each.customer,
        "name": names.customer(each.customer),
        "columns": list(each.columns),
        "whole": each.whole,
        "rows": flip.rows.get(each.customer),
    }


def _burden(each: comparing.Burden, names: Names) -> dict[str, str]:
    name = names.customer(each.customer)
    return {"customer": each.customer, "name": name, "column": each.column, "what": each.what}


def _owed(each: Owed, names: Names) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "words": DIRECTIONS[each.kind],
        "customer": each.customer,
        "name": names.customer(each.customer),
        "trigger": each.trigger,
        "on": each.on,
        "due_on": each.due_on,
        "before": _term(each.before, names),
        "after": _term(each.after, names),
        "pending": list(each.pending),
    }


def _term(term: Term | None, names: Names) -> dict[str, Any]:
    if term is None:
        return {"days": 0, "covers": [], "clause": "", "words": "no clause says when: everything, at once"}
    what = ", ".join(word.replace("_", " ") for word in term.covers) or "nothing"
    return {
        "days": term.days,
        "covers": list(term.covers),
        "clause": term.clause,
        "words": f"{what} within {term.days} days ({names.clauses.get(term.clause, term.clause)})",
    }


def _worth(each: Worth, names: Names) -> dict[str, Any]:
    return {
        "offer": each.offer,
        "clause": each.clause,
        "discount": each.discount,
        "customer": each.customer,
        "name": names.customer(each.customer),
        "taken_up": each.taken_up,
        "before": [_use(use) for use in each.before],
        "after": [_use(use) for use in each.after],
    }


def _use(use: Use) -> dict[str, Any]:
    rows = "" if use.rows is None else f" ({counted(use.rows, 'row')})"
    words = f"{use.action} on {use.dataset}: {', '.join(use.columns)}{rows}"
    return {**canonical.to_json(use), "words": words}


def counted(count: int, one: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
