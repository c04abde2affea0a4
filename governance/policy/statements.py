"""What decided, each thing once, with everybody and every column that it decided about: for pages and letters. Pure.

A clause of a standard form that a thousand customers accepted is one statement about a thousand customers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from governance.policy import explain, reasons
from governance.policy.answers import Decision, Reason
from governance.policy.resting import FOLLOWING, Ground
from governance.policy.values import Facts, Question

MANY_SOURCES = frozenset(
    {"presence-not-granted", "uncategorised-column"}
)  # said of each source column: together they are one thing
NAMES_SHOWN = 6
VERDICTS = {
    "permit": "Everything asked for may be used as it is.",
    "permit_with_plan": "A part may be used, or all of it after something is done: the plan says which.",
    "deny": "Nothing may be used.",
}

# No reason code says this: nothing is refused, and a decision's bytes stay what they were (SEMANTICS §5, `mode=strict`).
ONLY_A_LIST = (
    "No reason refuses it: it takes a plan that picks people's rows by a list, and a strict question takes no plan."
)

HEADINGS = (("What speaks against it:", "against"), ("What must be done first:", "duty"), ("What permits it:", "for"))

type Sees = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that decided. `rests_on` are the facts behind it, the clause first; empty for customers whose names the reader may not know."""

    code: str
    scope: str
    refuses: bool
    text: str
    remedy: str
    customers: tuple[str, ...]
    columns: tuple[str, ...]
    count: int
    rests_on: tuple[dict[str, Any], ...]

    @property
    def kind(self) -> str:
        """`against`, `duty` (something must be done first) or `for`."""
        return "duty" if self.code in reasons.DUTIES else "against" if self.refuses else "for"

    @property
    def clause(self) -> dict[str, Any] | None:
        """The clause that it rests on, if one does."""
        return next((each for each in self.rests_on if each["fact"] == "clause"), None)


def everybody(customer: str) -> bool:
    """The reader may know every customer's name."""
    return True


def verdict(decision: Decision) -> str:
    """Return the verdict as a sentence, and why where no reason says it."""
    refused = decision.verdict == "deny" and not any(reasons.refuses(each.code) for each in decision.reasons)
    return f"{VERDICTS[decision.verdict]} {ONLY_A_LIST}" if refused else VERDICTS[decision.verdict]


def of(decision: Decision, facts: Facts, *, sees: Sees = everybody) -> tuple[Statement, ...]:
    """Return what decided, refusals first, those about most customers before others."""
    groups: dict[tuple[str, ...], list[Reason]] = {}
    for reason in decision.reasons:
        groups.setdefault(_thing(reason, sees), []).append(reason)
    ground = Ground(facts)
    found = [_statement(rows, ground, sees(rows[0].customer)) for rows in groups.values()]
    return tuple(sorted(found, key=_order))


def _thing(reason: Reason, sees: Sees) -> tuple[str, ...]:
    if not sees(reason.customer):
        return (reason.code, "closed")
    about = "" if reason.code in MANY_SOURCES else reason.about
    return (reason.code, "", reason.clause, about if not reason.clause or reason.code == "party-restriction" else "")


def _order(each: Statement) -> tuple[Any, ...]:
    clause = each.clause
    return (
        ["against", "duty", "for"].index(each.kind),
        each.code in FOLLOWING,
        each.scope != "question",
        -len(each.customers),
        each.code,
        clause["number"] if clause else "",
        each.customers,
        each.columns,
    )


def _statement(rows: list[Reason], ground: Ground, seen: bool) -> Statement:
    first = min(rows)
    meaning = reasons.CODES[first.code]
    found: dict[str, dict[str, Any]] = {}
    for reason in sorted(rows) if seen else ():
        for each in ground.of(reason):
            found.setdefault(_identity(each), each)
    return Statement(
        code=first.code,
        scope=str(meaning.scope),
        refuses=meaning.refuses,
        text=explain.meaning(first),
        remedy=meaning.remedy,
        customers=tuple(sorted({row.customer for row in rows} - {""})),
        columns=tuple(sorted({row.column for row in rows} - {""})),
        count=_count(rows),
        rests_on=tuple(sorted(found.values(), key=lambda each: each["fact"] != "clause")),
    )


def _identity(each: dict[str, Any]) -> str:
    """A clause of a form is one thing, whoever accepted it."""
    return (
        f"clause {each['clause']}" if each["fact"] == "clause" else repr(sorted(each.items(), key=lambda item: item[0]))
    )


def _count(rows: Iterable[Reason]) -> int:
    """People and rows are counted once for each customer, however many columns say so."""
    by_customer: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.customer, row.about)
        by_customer[key] = max(by_customer.get(key, 0), row.count)
    return sum(by_customer.values())


def letter(
    question: Question,
    decision: Decision,
    facts: Facts,
    *,
    sees: Sees = everybody,
    more: Callable[[Statement], list[str]] | None = None,
) -> str:
    """Return the decision as a text for lawyers: what was asked, what was answered, why with quotes, and what would help."""
    names = {each.ref: each.name or each.ref for each in facts.customers if sees(each.ref)}
    lines = [f"{decision.verdict}: {verdict(decision)}", "", f"Asked: {title(question)}"]
    lines.append(f"At {question.at:%Y-%m-%d %H:%M}, as it was known at {question.as_known_at:%Y-%m-%d %H:%M} (UTC).")
    if decision.completeness != "known":
        lines.append(f"Provenance is {decision.completeness}: {', '.join(decision.completeness_reasons)}.")
    found = of(decision, facts, sees=sees)
    for heading, kind in HEADINGS:
        if mine := [each for each in found if each.kind == kind]:
            lines += ["", heading]
            for each in mine:
                lines += [
                    f"- {line(each, names)}",
                    *(f"  {text}" for text in [*said(each), *(more(each) if more else [])]),
                ]
    return "\n".join(lines) + "\n"


def title(question: Question) -> str:
    """Return the question in a line."""
    purpose = f" for {question.purpose}" if question.purpose else ""
    to = f" by {question.recipient}" if question.recipient else ""
    columns = f"{', '.join(question.columns)} of " if question.columns else ""
    return f"may {columns}{question.dataset} ({question.namespace}) be used to {question.action}{purpose}{to}?"


def line(each: Statement, names: dict[str, str]) -> str:
    """`A, B and 3 more, columns age, text: The contract forbids this use.`"""
    lead = [whose(each, names)] if each.customers else []
    lead += [f"column{'' if len(each.columns) == 1 else 's'} {', '.join(each.columns)}"] if each.columns else []
    number = f" ({counted(each)})" if each.count else ""
    return f"{', '.join(lead)}{': ' if lead else ''}{each.text}{number}"


def counted(each: Statement) -> str:
    """Return `3 people` or `7 rows`; nothing where nothing was counted."""
    one, many = ("row", "rows") if each.code == "unmapped-tenant" else ("person", "people")
    return f"{each.count} {one if each.count == 1 else many}" if each.count else ""


def whose(each: Statement, names: dict[str, str]) -> str:
    """Name the first few customers, and say how many more there are."""
    shown = [names.get(ref, ref) for ref in each.customers[:NAMES_SHOWN]]
    rest = len(each.customers) - len(shown)
    return f"{', '.join(shown)} and {rest} more" if rest else ", ".join(shown)


def said(each: Statement) -> list[str]:
    """Return the facts behind a statement, line by line: where a clause stands, what it quotes, how it is encoded."""
    lines = []
    for fact in each.rests_on:
        if fact["fact"] == "clause":
            lines += [
                f"{where(fact)} ({fact['dates']}){'' if fact['page'] is None else f', page {fact["page"]}'}:",
                f'  "{fact["quote"]}"',
                f"  Encoded as: {fact['says']}",
            ]
        else:
            lines.append(named(fact))
            lines += [f'  "{fact["quote"]}"'] if fact.get("quote") else []
    return lines


def where(clause: dict[str, Any]) -> str:
    """`Clause 7.2 (Use of data) of Rahmenvertrag`."""
    heading = f" ({clause['clause_title']})" if clause["clause_title"] else ""
    return f"Clause {clause['number']}{heading} of {clause['title'] or clause['document']}"


def named(fact: dict[str, Any]) -> str:
    """Name a fact that is no clause: `Declaration: postgres://warehouse crm.tickets holds every customer's data (src_…)`."""
    what = fact.get("what", "")
    extra = [f"holds {fact['holds']}"] if "holds" in fact else []
    extra += [fact["dates"]] if fact.get("dates") else []
    extra += [f"opt-ins: {', '.join(fact['opt_ins'])}" if fact["opt_ins"] else "no opt-in"] if "opt_ins" in fact else []
    ref = next((fact[key] for key in ("declaration", "basis", "obligation") if key in fact), "")
    return f"{fact['fact'].capitalize()}: {what}{f', {", ".join(extra)}' if extra else ''}{f' ({ref})' if ref else ''}"
