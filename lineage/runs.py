"""PURE. From the atoms of one run to its window, what it wrote and from where (LINEAGE.md rules 2-15, 17, 18, 21-23).

What several runs decide together (when a write is gone, what was there before the first one) is left to `graph`, so that a late
event changes its own run and the lives of writes, nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lineage.answers import CONTENT, PRESENCE
from lineage.atoms import TERMINAL, Atoms
from lineage.values import FOREVER, Name, Rules, Window, matches, nanoseconds


@dataclass(frozen=True, slots=True)
class Statement:
    """A declaration, as the pure functions see it: `valid` in nanoseconds, half-open."""

    kind: str
    ref: str
    place: Name
    is_pattern: bool
    payload: Mapping[str, Any]
    valid: Window

    def covers(self, name: Name) -> bool:
        """Say whether it is about a dataset."""
        if not self.is_pattern:
            return self.place == name
        return matches(self.place.namespace, name.namespace) and matches(self.place.name, name.name)

    def about_job(self, jobs: Iterable[Name]) -> bool:
        """Say whether it names one of the jobs."""
        job = self.payload.get("job") or {}
        return Name(job.get("namespace", ""), job.get("name", "")) in set(jobs)

    def parties(self) -> frozenset[str]:
        """The customers or subjects that it is about."""
        one = [self.payload.get(key) for key in ("customer", "party", "subject")]
        return frozenset(ref for ref in [*one, *self.payload.get("customers", ())] if ref)


class Edge(NamedTuple):
    """From a source column (`field`) to an output column; column "" is the whole output, field `*` the whole source."""

    column: str
    field: str
    path: str
    masked: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """From a source name into a write. `unnamed` says how a source that no column names counts for each covered column."""

    source: Name
    kind: str
    unnamed: str = ""
    pin: str = ""
    columns: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """What one run contributed to one name: there from `window.start`, by a run that ended at `window.end`, until `gone`."""

    name: Name
    run: str
    window: Window
    gone: int = FOREVER
    view: int = 0
    gaps: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    jobs: frozenset[Name] = frozenset()
    flows: tuple[Flow, ...] = ()

    def __hash__(self) -> int:
        return hash((self.name, self.run))

    def covered(self) -> frozenset[str]:
        """The columns whose sources are named."""
        return frozenset(edge.column for flow in self.flows for edge in flow.columns if edge.column)


@dataclass(frozen=True, slots=True)
class Ending:
    """A completed run that ended what a name held."""

    name: Name
    run: str
    window: Window


@dataclass(frozen=True, slots=True)
class Derived:
    """All that one run says."""

    key: str
    window: Window
    state: str
    jobs: frozenset[Name]
    reasons: frozenset[str]
    reads: frozenset[Name]
    writes: tuple[Write, ...]
    endings: tuple[Ending, ...]
    symlinks: frozenset[tuple[Name, Name]]
    columns: frozenset[tuple[Name, str]]
    whole: frozenset[Name]


class _Facts:
    """Atoms by their first member."""

    def __init__(self, atoms: Atoms) -> None:
        self._by_kind: dict[str, list[tuple[Any, ...]]] = {}
        for atom in atoms:
            self._by_kind.setdefault(str(atom[0]), []).append(atom[1:])

    def __getitem__(self, kind: str) -> list[tuple[Any, ...]]:
        return self._by_kind.get(kind, [])

    def of(self, kind: str, name: Name) -> list[tuple[Any, ...]]:
        return [fact[2:] for fact in self[kind] if fact[:2] == name]

    def names(self, kind: str) -> set[Name]:
        return {Name(*fact[:2]) for fact in self[kind]}


def derive(
    key: str, atoms: Atoms, rules: Rules, *, statements: Sequence[Statement] = (), until: int = FOREVER
) -> Derived:
    """Return what a run's atoms mean. `until`: of a declared run, the time of the next declaration about the same thing."""
    facts = _Facts(atoms)
    jobs = frozenset(facts.names("job"))
    state, window = _window(key, facts, rules, statements, until)
    outputs = sorted(facts.names("output"))
    flows = {name: _flows(name, jobs, window, facts, rules, statements) for name in outputs}
    reads = frozenset(facts.names("input") | {flow.source for found in flows.values() for flow in found})
    reasons = _reasons(state, jobs, facts, reads | frozenset(outputs))
    writes = tuple(
        Write(name, key, window, FOREVER, _view(name, facts, rules), _gaps(name, flows[name], facts, rules), reasons, jobs, flows[name])
        for name in outputs
    )  # fmt: skip
    ended = _ended(jobs, window, facts, rules, statements) if state == "complete" else set()
    return Derived(
        key=key, window=window, state=state, jobs=jobs, reasons=reasons, reads=reads, writes=writes,
        endings=tuple(Ending(name, key, window) for name in sorted(ended)),
        symlinks=frozenset((Name(*link[:2]), Name(*link[2:])) for link in facts["symlink"]),
        columns=frozenset(_columns(facts, flows)),
        whole=frozenset(Name(*fact[:2]) for fact in facts["whole"] if not _any(rules.partial_schema, fact[2])),
    )  # fmt: skip


def _window(key: str, facts: _Facts, rules: Rules, statements: Sequence[Statement], until: int) -> tuple[str, Window]:
    """Rules 2-4: from the first event to the last terminal one; without START an assumed while earlier; else open."""
    times: dict[str, list[int]] = {}
    for kind, at in facts["time"]:
        times.setdefault(kind, []).append(at)
    every = [at for found in times.values() for at in found]
    if "DECLARED" in times:
        return "declared", Window(min(every), max(min(every), until))
    start = min(every) - (0 if "START" in times else rules.assumed_run)
    terminal = [at for kind in TERMINAL for at in times.get(kind, [])]
    if terminal:
        return "failed" if {"FAIL", "ABORT"} & times.keys() else "complete", Window(start, max(terminal))
    closed = [
        s for s in statements if s.kind == "run-closed" and s.payload.get("run") == key and s.valid.end == FOREVER
    ]
    if closed:
        return "closed", Window(start, max([*every, *(instant(s.payload.get("at"), s.valid.start) for s in closed)]))
    return "open", Window(start, FOREVER)


def instant(text: object, otherwise: int) -> int:
    """Return an ISO time as nanoseconds; UTC where it has no offset."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return nanoseconds(found if found.tzinfo else found.replace(tzinfo=UTC))


def _flows(
    name: Name, jobs: frozenset[Name], window: Window, facts: _Facts, rules: Rules, statements: Sequence[Statement]
) -> tuple[Flow, ...]:
    """Rules 12, 14, 15, 21-23: named and product sources of one output, with their columns."""
    edges: dict[Name, set[Edge]] = {}
    for column, namespace, source, field, path, masked in facts.of("column", name):
        edges.setdefault(Name(namespace, source), set()).add(Edge(column, field, path, masked))
    maps = [s for s in statements if s.kind == "column-map" and _applies(s, name, jobs, window)]
    for source, edge in (found for each in maps for found in _mapped(each)):
        edges.setdefault(source, set()).add(edge)
    named = set(edges) | {Name(*fact) for fact in facts.of("source", name)}
    product = set() if _lists_inputs(name, facts, rules) else facts.names("input")
    unnamed = PRESENCE if maps or _lists_indirect(facts, rules) else CONTENT
    pins: dict[Name, list[str]] = {}
    for namespace, source, run in facts.of("pin", name):
        pins.setdefault(Name(namespace, source), []).append(run)
    return (
        *(
            Flow(
                source, "named" if source in named else "product", "" if source in edges else unnamed, pin,
                tuple(sorted(edges.get(source, ()))),
            )
            for source in sorted(named | product)
            for pin in sorted(pins.get(source, [""]))
        ),
        *(Flow(old, "renamed") for old in sorted({Name(*fact[:2]) for fact in facts.of("renamed", name)})),
    )  # fmt: skip


def _mapped(statement: Statement) -> Iterable[tuple[Name, Edge]]:
    for column, sources in statement.payload.get("fields", {}).items():
        for source in sources:
            yield Name(source["namespace"], source["name"]), Edge(column, source["field"], CONTENT, False)


def _applies(statement: Statement, name: Name, jobs: Iterable[Name], window: Window) -> bool:
    return (
        statement.covers(name)
        and statement.about_job(jobs)
        and statement.valid.start <= window.start < statement.valid.end
    )


def _lists_inputs(name: Name, facts: _Facts, rules: Rules) -> bool:
    """Rule 15; an empty list is believed from trusted producers only."""
    return any(count or rules.trusts(producer) for producer, count in facts.of("listed", name))


def _lists_indirect(facts: _Facts, rules: Rules) -> bool:
    return bool(facts["producer"]) and all(_any(rules.lists_indirect, producer) for (producer,) in facts["producer"])


def _any(patterns: Sequence[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def _view(name: Name, facts: _Facts, rules: Rules) -> int:
    """2 a view, 1 said to be one by somebody who may not narrow (then it counts as a table as well), 0 a table."""
    claims = [producer for (producer,) in facts.of("view", name)]
    tables = any(change == "dbt-table" for change, _ in facts.of("change", name))
    return 2 if claims and not tables and all(rules.trusts(producer) for producer in claims) else int(bool(claims))


def _gaps(name: Name, flows: tuple[Flow, ...], facts: _Facts, rules: Rules) -> frozenset[str]:
    found = set()
    if facts.of("job-source", name) or facts.of("job-source", Name("", "")):
        found.add("job-source")
    if facts.of("rename-gap", name):
        found.add("rename-without-previous")
    if not flows and not found and not _emptied(name, facts, rules):
        found.add("no-source-named")
    return frozenset(found)


def _emptied(name: Name, facts: _Facts, rules: Rules) -> bool:
    """A run that only drops or truncates writes nothing that could need a source."""
    changes = facts.of("change", name)
    only = bool(changes) and all(
        change in ("DROP", "TRUNCATE") and rules.trusts(producer) for change, producer in changes
    )
    return only and name not in facts.names("plain")


def _reasons(state: str, jobs: frozenset[Name], facts: _Facts, named: frozenset[Name]) -> frozenset[str]:
    found = {code for (code,) in facts["reason"]}
    states = {"declared": "declared-not-run", "open": "not-finished", "failed": "failed", "closed": "failed"}
    if state in states and not facts["model"]:
        found.add(states[state])
    if state != "declared" and not any(kind == "START" for kind, _ in facts["time"]):
        found.add("start-missing")
    if len(jobs) > 1:
        found.add("run-id-shared")
    known = {last_part(name.name) for name in named}
    if any(table not in known for (table,) in facts["sql"]):
        found.add("sql-names-more")
    return frozenset(found)


def last_part(name: str) -> str:
    """Return what comes after the last dot or slash, in lower case."""
    return name.rstrip("/").replace("/", ".").rsplit(".", 1)[-1].strip('"`[]').lower()


def _ended(
    jobs: frozenset[Name], window: Window, facts: _Facts, rules: Rules, statements: Sequence[Statement]
) -> set[Name]:
    """Rules 9 and 12: names of which this run, once completed, replaced or moved away all that they held."""
    ended = set()
    for namespace, name, change, producer in facts["change"]:
        whole = change in ("DROP", "TRUNCATE", "OVERWRITE", "dbt-table", "dbt-view")
        if whole and rules.trusts(producer, overwrite=change == "OVERWRITE"):
            ended.add(Name(namespace, name))
    for _, _, namespace, name, producer in facts["renamed"]:
        if rules.trusts(producer):
            ended.add(Name(namespace, name))
    for statement in statements:
        if statement.kind == "replaces-whole":
            ended |= {name for name in facts.names("output") if _applies(statement, name, jobs, window)}
    return ended


def _columns(facts: _Facts, flows: Mapping[Name, tuple[Flow, ...]]) -> Iterable[tuple[Name, str]]:
    for namespace, name, column in facts["schema"]:
        yield Name(namespace, name), column
    for output, found in flows.items():
        for flow in found:
            for edge in flow.columns:
                if edge.column:
                    yield output, edge.column
                if edge.field != "*":
                    yield flow.source, edge.field


def model_atoms(payload: Mapping[str, Any], name: Name, at: int) -> Atoms:
    """Return the atoms of a registered model: what it was trained on, as a declared run (SEMANTICS §4)."""
    atoms: set[tuple[Any, ...]] = {("time", "DECLARED", at), ("model", *name)}
    if payload.get("trained_on"):
        atoms.add(("output", *name))
    for version in payload.get("trained_on") or ():
        source = (version["namespace"], version["name"])
        atoms.add(("source", *name, *source))
        if version.get("run"):
            atoms.add(("pin", *name, *source, version["run"]))
    return frozenset(atoms)
