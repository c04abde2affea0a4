"""Recipe → PostgreSQL: one statement that makes exactly the planned rows and columns, and one that counts what became of each row.

The statements read the allow-lists from `pg_temp.governance_allowed (list integer, subject text)` and the keys from session settings
(`keyed`). Whatever the recipe does not name comes out as null or not at all.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

import sqlglot.expressions as exp

from governance.building import keyed, sql
from governance.building.recipes import Band, Blank, Class, Keep, People, Prefix, Pseudonym, Recipe, Treatment, Truncate

ALLOWED = "governance_allowed"
SOURCE = "source"
# Where several keys meet in one row, the treatment that leaves least wins.
STRENGTH: tuple[type[Treatment], ...] = (Blank, Truncate, Band, Prefix, Pseudonym, Keep)


def select(recipe: Recipe) -> str:
    """Return the SELECT of the planned rows and columns."""
    return sql.render(_selected(recipe))


def create(recipe: Recipe, *, schema: str, name: str) -> str:
    """Return the CREATE TABLE AS that writes them."""
    return sql.render(exp.Create(this=sql.table(schema, name), kind="TABLE", expression=_selected(recipe)))


def counts(recipe: Recipe) -> str:
    """Return a SELECT of (mapped, contract, consent, rows, people) over the whole source: what the plan does with every row."""
    keys = [_class(index) for index in range(len(recipe.keys))]
    mapped = _all(exp.Not(this=exp.Is(this=key, expression=exp.null())) for key in keys)
    included = [c.number for c in recipe.classes if c.included]
    contract = _all(sql.one_of(key, included) for key in keys) if keys else _boolean(bool(included))
    person = sql.call("concat_ws", sql.text("|"), *_persons(recipe)) if _persons(recipe) else exp.null()
    inner = _from(recipe, recipe.classes, "LEFT").select(
        exp.alias_(_known(mapped), "mapped"),
        exp.alias_(_known(contract), "contract"),
        exp.alias_(_known(_people(recipe, recipe.classes)), "consent"),
        exp.alias_(exp.cast(person, "text"), "person"),
    )
    outer = exp.select(
        exp.column("mapped"),
        exp.column("contract"),
        exp.column("consent"),
        exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True),
        exp.alias_(exp.Count(this=exp.Distinct(expressions=[exp.column("person")])), "people"),
    ).from_(inner.subquery("judged"))
    return sql.render(outer.group_by("mapped", "contract", "consent"))


def count_rows(schema: str, name: str) -> str:
    """Return the statement that counts the rows of a table."""
    return sql.render(exp.select(exp.Count(this=exp.Star())).from_(sql.table(schema, name)))


def smallest_group(schema: str, name: str, columns: Iterable[str]) -> str:
    """Return the statement that measures k: the size of the smallest group over these columns (null when the table is empty)."""
    listed = list(columns)
    groups = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(
        sql.table(schema, name, alias=_unused(listed))
    )
    groups = groups.group_by(*[exp.Column(this=sql.name(column)) for column in listed])
    return sql.render(exp.select(exp.Min(this=exp.column("n"))).from_(groups.subquery("groups")))


def _selected(recipe: Recipe) -> exp.Select:
    included = [c for c in recipe.classes if c.included]
    if not recipe.keys and len(included) > 1:
        raise ValueError("without a key column rows cannot be told apart, so there is one class")
    rows = _from(recipe, included, "INNER").where(_people(recipe, included))
    rows = rows.select(*[exp.alias_(_value(recipe, included, name), sql.name(name)) for name in recipe.columns])
    if not included:
        rows = rows.where(exp.false())
    if recipe.k is None:
        return rows
    return _large_groups(recipe, rows)


def _large_groups(recipe: Recipe, rows: exp.Select) -> exp.Select:
    """Groups are counted over what is written, after blanking and generalising: that is what a reader of the release can see."""
    size = _unused(recipe.columns)
    by = [sql.column("made", name) for name in recipe.quasi_identifiers]
    window = exp.Window(this=exp.Count(this=exp.Star()), partition_by=by or None)
    counted = exp.select(*[sql.column("made", name) for name in recipe.columns], exp.alias_(window, sql.name(size)))
    counted = counted.from_(rows.subquery("made"))
    kept = exp.select(*[sql.column("counted", name) for name in recipe.columns]).from_(counted.subquery("counted"))
    return kept.where(exp.GTE(this=sql.column("counted", size), expression=sql.number(recipe.k or 0)))


def _from(recipe: Recipe, classes: Iterable[Class], side: str) -> exp.Select:
    numbers = {c.number for c in classes}
    query = exp.Select().from_(_read(recipe).subquery(sql.name(SOURCE)))
    for index, key in enumerate(recipe.keys):
        pairs = [(value, number) for value, number in sorted(key.classes.items()) if number in numbers]
        matches = exp.EQ(
            this=exp.cast(sql.column(SOURCE, key.column), "text"), expression=sql.column(f"plan{index}", "key")
        )
        query = query.join(_plan(pairs, f"plan{index}"), on=matches, join_type=side)
    return query


def _read(recipe: Recipe) -> exp.Select:
    """The columns by their bare names: PostgreSQL takes a qualified name that is no column for a cast of the whole row (`t.text`)."""
    people = {p.column for c in recipe.classes for p in c.people}
    needed = sorted({*recipe.columns, *(key.column for key in recipe.keys), *people})
    bare = [exp.Column(this=sql.name(name)) for name in needed]
    return exp.select(*bare).from_(sql.table(recipe.schema, recipe.table, alias=_unused(needed)))


def _plan(pairs: list[tuple[str, int]], alias: str) -> exp.Expr:
    rows = [exp.Tuple(expressions=[exp.cast(sql.text(value), "text"), sql.number(number)]) for value, number in pairs]
    # An empty VALUES is no SQL; a null key equals nothing.
    rows = rows or [exp.Tuple(expressions=[exp.cast(exp.null(), "text"), exp.cast(exp.null(), "int")])]
    return exp.Values(
        expressions=rows, alias=exp.TableAlias(this=sql.name(alias), columns=[sql.name("key"), sql.name("class")])
    )


def _class(index: int) -> exp.Expr:
    return sql.column(f"plan{index}", "class")


def _people(recipe: Recipe, classes: Iterable[Class]) -> exp.Expr:
    """Every key of the row: its class asks no consent, or its lists allow the person."""
    choosy = [c for c in classes if c.people]
    if not recipe.keys:
        return _all(_allowed(people) for c in choosy for people in c.people)
    return _all(
        exp.paren(exp.or_(exp.Not(this=_is(_class(index), c.number)), _all(_allowed(people) for people in c.people)))
        for index in range(len(recipe.keys))
        for c in choosy
    )


def _is(key: exp.Expr, number: int) -> exp.Expr:
    # A left join gives null where no key fits: then this class's lists have no say.
    return exp.EQ(this=exp.func("COALESCE", key, sql.number(-1)), expression=sql.number(number))


def _allowed(people: People) -> exp.Expr:
    """A null key fits nobody, on either kind of list: nobody knows whether that person objected."""
    person = keyed.hashed(sql.column(SOURCE, people.column), f"subject_{people.space}")
    listed = exp.select(sql.column("allowed", "subject")).from_(sql.table("pg_temp", ALLOWED, alias="allowed"))
    listed = listed.where(exp.EQ(this=sql.column("allowed", "list"), expression=sql.number(people.number)))
    found = exp.In(this=person, query=listed.subquery())
    known = exp.Not(this=exp.Is(this=sql.column(SOURCE, people.column), expression=exp.null()))
    return exp.paren(exp.and_(known, found if people.kind == "only" else exp.Not(this=found)))


def _persons(recipe: Recipe) -> list[exp.Expr]:
    columns = sorted({(people.column, people.space) for c in recipe.classes for people in c.people})
    return [keyed.hashed(sql.column(SOURCE, column), f"subject_{space}") for column, space in columns]


def _value(recipe: Recipe, classes: list[Class], name: str) -> exp.Expr:
    treatments = {c.number: c.columns.get(name, Blank()) for c in classes}
    distinct = sorted(set(treatments.values()), key=lambda t: (STRENGTH.index(type(t)), repr(t)))
    as_text = len([t for t in distinct if not isinstance(t, Blank)]) > 1
    made = [(treatment, _made(treatment, sql.column(SOURCE, name), as_text)) for treatment in distinct]
    if not made:
        return _nothing(sql.column(SOURCE, name))
    if not recipe.keys or len(distinct) == 1:
        return made[0][1]
    cases = exp.Case()
    for treatment, value in made:
        numbers = [number for number, wanted in treatments.items() if wanted == treatment]
        cases = cases.when(_any(sql.one_of(_class(index), numbers) for index in range(len(recipe.keys))), value)
    return cases


def _made(treatment: Treatment, value: exp.Expr, as_text: bool) -> exp.Expr:
    match treatment:
        case Blank():
            return exp.null() if as_text else _nothing(value)
        case Keep():
            made = value
        case Pseudonym():
            made = keyed.hashed(value, "pseudonym")
        case Band(width):
            step = exp.cast(sql.text(width), "numeric")
            ratio = exp.Div(this=exp.cast(value, "numeric"), expression=step)
            made = exp.Mul(this=sql.call("floor", ratio), expression=step.copy())
        case Prefix(length):
            made = sql.call("left", exp.cast(value, "text"), sql.number(length))
        case Truncate(unit):
            made = sql.call("date_trunc", sql.text(unit), exp.cast(value, "timestamp"))
        case _:
            assert_never(treatment)
    return exp.cast(made, "text") if as_text else made


def _nothing(value: exp.Expr) -> exp.Expr:
    """Null of the column's own type, so that the table keeps its shape."""
    return exp.Case().when(exp.false(), value)


def _known(condition: exp.Expr) -> exp.Expr:
    return exp.func("COALESCE", exp.paren(condition), exp.false())


def _all(conditions: Iterable[exp.Expr]) -> exp.Expr:
    listed = list(conditions)
    return exp.and_(*listed) if listed else exp.true()


def _any(conditions: Iterable[exp.Expr]) -> exp.Expr:
    listed = list(conditions)
    return exp.or_(*listed) if listed else exp.false()


def _boolean(value: bool) -> exp.Expr:
    return exp.true() if value else exp.false()


def _unused(columns: Iterable[str]) -> str:
    taken = set(columns)
    return next(name for name in _names() if name not in taken)


def _names() -> Iterator[str]:
    name = "group_size"
    while True:
        yield name
        name += "_"
