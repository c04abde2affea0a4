"""Why a decision came out as it did: for people with names, clauses, quotes, paths and rows; for pipelines with codes and counts.

Words come from `policy.explain`; this room adds what the engine does not hold: the way through lineage, and who may read whose name.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from consent import trees
from governance.access.actors import Actor
from governance.parties import customers
from governance.policy import answers, explain, reasons, statements, values
from governance.policy.statements import Statement
from governance.releases import decisions
from governance.releases.models import Decision, RowCount
from lineage import queries

SCOPE = "explanation:read"
PATHS_AT_MOST = 12
MANY_SOURCES = statements.MANY_SOURCES  # one line does


@dataclass(frozen=True)
class Headline:
    """Everything that one clause (or fact) says about one customer, in a line; `columns` it says it of."""

    code: str
    scope: str
    refuses: bool
    text: str
    customer: str = ""
    columns: tuple[str, ...] = ()
    count: int = 0
    rows: int | None = None
    path: str = ""
    clause_number: str = ""
    quote: str = ""


@dataclass
class Reader:
    """What one decision rests on, read once; `seen` are the customers whose names the reader may know (None: all)."""

    row: Decision
    seen: frozenset[str] | None = None
    _paths: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answer = decisions.answer_of(self.row)
        self.facts = decisions.facts_of(self.row)
        self.titles = trees.titles()

    def may_name(self, customer: str) -> bool:
        """Say whether the reader may know who this customer is."""
        return not customer or self.seen is None or customer in self.seen

    def rows_of(self, customer: str) -> int | None:
        """How many of D's rows are a customer's, where counted."""
        return next((each.rows for each in self.facts.customers if each.ref == customer), None)

    def rows_at_source(self, customer: str, column: str) -> tuple[int, str] | None:
        """How many rows of the source at the end of the path are a customer's, by the last count, with the source's name."""
        origin = self._origin(customer, column)
        if origin is None:
            return None
        last = RowCount.objects.filter(namespace=origin.namespace, name=origin.dataset).order_by("-pk").first()
        return (int(last.rows.get(customer, 0)), origin.dataset) if last else None

    def path(self, customer: str, column: str) -> str:
        """Return a way from a column of D back to a source of a customer's data, D first; empty where there is none to show."""
        origin = self._origin(customer, column)
        return self._known(origin, column) if origin else ""

    def way(self, declaration: str, source: str, column: str) -> str:
        """Return the way from a column of D to a source column (`namespace dataset column`) of a declaration."""
        for origin in self.facts.origins:
            named = f"{origin.namespace} {origin.dataset} {origin.source_column}"
            if (origin.declaration, named) == (declaration, source) and origin.column in (column, "*"):
                return self._known(origin, column)
        return ""

    def _known(self, origin: values.Origin, column: str) -> str:
        key = (f"{origin.namespace} {origin.dataset}", column)
        if key not in self._paths and len(self._paths) < PATHS_AT_MOST:
            self._paths[key] = self._walk(origin, column)
        return self._paths.get(key, "")

    def _origin(self, customer: str, column: str) -> values.Origin | None:
        mine = {each.ref for each in self.facts.declarations if customer in each.customers}
        found = [
            o
            for o in self.facts.origins
            if o.declaration in mine and customer not in o.without and o.column in (column, "*")
        ]
        return min(
            found, key=lambda o: (o.column != column, o.path != "content", o.dataset, o.source_column), default=None
        )

    def _walk(self, origin: values.Origin, column: str) -> str:
        steps = queries.paths(
            self.row.namespace,
            self.row.name,
            source=(origin.namespace, origin.dataset),
            at=self.row.valid_at,
            as_known_at=self.row.as_known_at,
            column=column or "*",
        )
        # The tables on the way are what people know; the shortest way may pass a join's column, which would only confuse.
        names = [step.name for step in steps]
        ends = {0: column, len(names) - 1: origin.source_column}
        return " ← ".join(
            f"{name}.{at}" if (at := ends.get(n, "*")) not in ("*", "") else name for n, name in enumerate(names)
        )


def reader(row: Decision, *, by: Actor) -> Reader:
    """Return a reader of a decision for somebody with `explanation:read`: names of customers they do not see stay opaque."""
    by.needs(SCOPE)
    if by.every_customer:
        return Reader(row)
    return Reader(row, frozenset(customers.visible_to(by).values_list("ref", flat=True)))


def headlines(found: Reader) -> list[Headline]:
    """Return the reasons in words, refusals first, those with most rows at stake before others; one line per clause and customer."""
    groups: dict[tuple[str, str, str, str, str], list[explain.Sentence]] = {}
    for sentence in explain.full(found.answer, found.facts):
        about = "" if sentence.clause or sentence.code in MANY_SOURCES else sentence.about
        groups.setdefault((sentence.code, sentence.customer, sentence.document, sentence.clause, about), []).append(
            sentence
        )
    lines = [_headline(found, sentences) for sentences in groups.values()]
    return sorted(
        lines, key=lambda line: (not line.refuses, not line.clause_number, -(line.rows or 0), line.code, line.text)
    )


def short(answer: answers.Decision) -> list[dict[str, Any]]:
    """Return the reasons for a pipeline: codes, opaque references, columns, counts."""
    found = sorted(explain.brief(answer), key=lambda each: (not reasons.refuses(each.code), each.code, each.columns))
    return [
        {
            "code": each.code,
            "scope": each.scope,
            "refuses": reasons.refuses(each.code),
            "customers": list(each.customers),
            "columns": list(each.columns),
            "count": each.count,
            "text": reasons.CODES[each.code].sentence,
        }
        for each in found
    ]


def remedies(found: Reader) -> list[dict[str, Any]]:
    """Return the remedies in words, with their steps."""
    return [
        _remedy(each, _said(found, each) if found.may_name(each.customer) else _plain(each))
        for each in found.answer.remedies
        if all(found.may_name(step.customer) for step in each.steps)
    ]


def short_remedies(answer: answers.Decision) -> list[dict[str, Any]]:
    """Return the remedies for a pipeline: kinds of steps and gains, no clause."""
    return [_remedy(each, _plain(each), targets=False) for each in answer.remedies]


def whole(found: Reader) -> dict[str, Any]:
    """Return the explanation as JSON: verdict, reasons, plan, remedies, and what the answer rests on."""
    row, answer = found.row, found.answer
    return {
        "ref": row.ref,
        "dataset": {"namespace": row.namespace, "name": row.name},
        "action": row.action,
        "purpose": row.purpose,
        "at": row.valid_at,
        "as_known_at": row.as_known_at,
        "verdict": row.verdict,
        "sentence": statements.verdict(answer),
        "provenance": {"completeness": answer.completeness, "reasons": list(answer.completeness_reasons)},
        "reasons": [asdict(line) for line in headlines(found)],
        "remedies": remedies(found),
        "left_out": [{"customers": list(each.customers), "codes": list(each.codes)} for each in answer.left_out],
        "people": asdict(answer.counts),
        "rests_on": {
            "facts": row.facts_id,
            "answer": row.digest,
            "plan": row.plan_digest,
            "rules": row.rules_version,
            "contract_epoch": row.contract_epoch,
            "ledger_entry": row.entry_ref,
        },
    }


def text(found: Reader) -> str:
    """Return the explanation as a letter: what was asked and answered, what decided with its quotes, what would help, what it rests on."""
    row = found.row
    told = statements.letter(
        decisions.question_of(row), found.answer, found.facts, sees=found.may_name, more=lambda each: _more(found, each)
    )
    helps = [f"- {each['text']}" for each in remedies(found)]
    lines = [
        *(["", "What would help:", *helps] if helps else []),
        "",
        f"Decision {row.ref}, entered in the ledger as {row.entry_ref}.",
    ]
    return trees.titled(told, found.titles) + "\n".join(lines) + "\n"


def _more(found: Reader, each: Statement) -> list[str]:
    """The way through lineage and the rows at stake, for what refuses somebody's data."""
    if not each.refuses or not each.customers or not found.may_name(each.customers[0]):
        return []
    column = each.columns[0] if each.columns else ""
    path = found.path(each.customers[0], column)
    counted = [found.rows_of(ref) for ref in each.customers]
    known = [rows for rows in counted if rows is not None]
    said = [f"{sum(known):,} rows."] if known and len(known) == len(counted) else []
    at_source = found.rows_at_source(each.customers[0], column) if not said and len(each.customers) == 1 else None
    return [
        *([f"Path: {path}."] if path else []),
        *said,
        *([f"{at_source[0]:,} rows in {at_source[1]}."] if at_source else []),
    ]


def row_title(row: Decision) -> str:
    """Return the question in a line."""
    purpose = f" for {row.purpose}" if row.purpose else ""
    return f"may {row.name} ({row.namespace}) be used to {row.action}{purpose}?"


def _headline(found: Reader, sentences: list[explain.Sentence]) -> Headline:
    first = sentences[0]
    columns = tuple(sorted({each.column for each in sentences} - {""}))
    rows = found.rows_of(first.customer) if first.customer else None
    count = max(each.count for each in sentences)
    if not found.may_name(first.customer):
        opaque = f"{first.customer}: {reasons.CODES[first.code].sentence}{_columns(columns)}"
        return Headline(first.code, first.scope, first.refuses, opaque, first.customer, columns, count)
    path = found.path(first.customer, columns[0] if columns else "") if first.refuses and first.customer else ""
    said = first.text.replace(f", column {first.column}:", ":", 1) if first.column and first.customer else first.text
    said = trees.titled(said, found.titles)
    more = len({each.about for each in sentences}) - 1 if first.code in MANY_SOURCES else 0
    parts = [f"{said}{_columns(columns)}", f"({more} more such source columns)" if more else ""]
    parts += [f'"{first.quote}"'] if first.quote else []
    parts += [f"Path: {path}."] if path else []
    parts += [_rows(found, first, columns, rows)] if first.refuses else []
    return Headline(
        first.code,
        first.scope,
        first.refuses,
        " ".join(filter(None, parts)),
        first.customer,
        columns,
        count,
        rows,
        path,
        first.clause_number,
        first.quote,
    )


def _rows(found: Reader, first: explain.Sentence, columns: tuple[str, ...], rows: int | None) -> str:
    if rows is not None:
        return f"{rows:,} rows."
    counted = found.rows_at_source(first.customer, columns[0] if columns else "") if first.customer else None
    return f"{counted[0]:,} rows in {counted[1]}." if counted else ""


def _columns(names: Iterable[str]) -> str:
    listed = list(names)
    return f" ({'column' if len(listed) == 1 else 'columns'} {', '.join(listed)})" if listed else ""


def _remedy(each: answers.Remedy, words: str, *, targets: bool = True) -> dict[str, Any]:
    return {
        "text": words,
        "customer": each.customer,
        "columns": list(each.columns),
        "steps": [
            {"kind": step.kind, "target": step.target if targets else "", "customer": step.customer}
            for step in each.steps
        ],
        "gains": {"customers": each.customers_gained, "cells": each.cells_gained, "rows": each.rows_gained},
        "still_blocking": list(each.still_blocking),
    }


def _said(found: Reader, each: answers.Remedy) -> str:
    return trees.titled(explain.remedy(each, found.facts), found.titles)


def _plain(each: answers.Remedy) -> str:
    kinds = ", then ".join(step.kind.replace("-", " ") for step in each.steps)
    whose = f"{each.customer}: " if each.customer else ""
    return f"{whose}{kinds}"
