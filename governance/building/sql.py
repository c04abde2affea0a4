"""Small pieces of SQL as trees: names and values are nodes that the generator quotes, never text pasted into text."""

from collections.abc import Iterable

import sqlglot.expressions as exp

DIALECT = "postgres"


def text(value: str) -> exp.Expr:
    """Return a string literal."""
    return exp.Literal.string(value)


def number(value: int | str) -> exp.Expr:
    """Return a number literal."""
    return exp.Literal.number(value)


def name(value: str) -> exp.Identifier:
    """Return an identifier, always quoted."""
    return exp.to_identifier(value, quoted=True)


def column(table: str, value: str) -> exp.Expr:
    """Return a qualified column."""
    return exp.Column(this=name(value), table=name(table))


def call(function: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call of one of PostgreSQL's own functions, under its own name."""
    return exp.Anonymous(this=function, expressions=list(arguments))


def table(schema: str, value: str, *, alias: str = "") -> exp.Table:
    """Return a table by schema and name."""
    made = exp.Table(this=name(value), db=name(schema) if schema else None)
    if alias:
        made.set("alias", exp.TableAlias(this=name(alias)))
    return made


def one_of(value: exp.Expr, numbers: Iterable[int]) -> exp.Expr:
    """Return `value IN (…)`, false for no numbers."""
    listed = sorted(numbers)
    return exp.In(this=value, expressions=[number(n) for n in listed]) if listed else exp.false()


def render(tree: exp.Expr) -> str:
    """Return the statement as PostgreSQL text."""
    return tree.sql(dialect=DIALECT, pretty=True)
