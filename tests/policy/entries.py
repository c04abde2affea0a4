"""An entry of the corpus as values: the world it tells, the question it asks, what must come out (`corpus/README.md` says how to write one)."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml

from governance.policy import values as v
from tests.policy import people, worlds
from tests.policy.people import Said
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, D

FOLDER = Path(__file__).parent / "corpus"
SOURCE, SPACE, PEOPLE, VENDOR, RUN = "tickets", "crm", "people", "pty-vendor", "run-1"
OUTSIDE_BODY = ("kind", "ref", "number", "title", "passage", "page", "scope")
ENTRY = (
    "name contracts families forms customers sources columns decided_by here keyed persons_keyed identities absent safeguards "
    "quasi_identifiers generalise opt_ins memberships bases people deletions models trained owner_releases built gaps own_keys rows "
    "versions lineage ask expect http"
)


@dataclass(frozen=True)
class Tale:
    """One entry, read. `people` and the rest after it are what facts do not hold and whoever builds the world needs."""

    file: str
    name: str
    facts: v.Facts
    question: v.Question
    expect: dict[str, Any]
    http: str = ""  # why it cannot be told over HTTP
    people: tuple[Said, ...] = ()
    accepts: dict[str, str] = field(default_factory=dict)  # document -> the standard form whose acceptance it is
    later_ends: dict[str, datetime] = field(
        default_factory=dict
    )  # document -> an end that was learnt after `as_known_at`
    erased: dict[str, tuple[str, ...]] = field(default_factory=dict)  # deletion -> whose, where it is of persons

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def told() -> list[Tale]:
    """Return every entry of every file."""
    return [tale for path in sorted(FOLDER.glob("*.yaml")) for tale in _file(path)]


def _file(path: Path) -> Iterator[Tale]:
    for entry in yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict):  # noqa: S506 - a safe loader
        yield read(entry, path.stem)


class _Strict(yaml.SafeLoader):
    """Says where a key stands twice, which YAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return found


def read(entry: dict[str, Any], file: str = "") -> Tale:
    """Read an entry; raises `ValueError` for a word that it does not have."""
    people.only(entry, ENTRY)
    return _Reader(entry, file).tale()


class _Reader:
    def __init__(self, entry: dict[str, Any], file: str) -> None:
        self.entry, self.file = entry, file
        self.accepts: dict[str, str] = {}
        self.later_ends: dict[str, datetime] = {}
        self.question = self._question()
        self.families = self._families()
        covered = {row.customer for family in self.families for row in family.coverage}
        self.customers = tuple(sorted(covered | set(entry.get("customers", ()))))
        self.said = people.read(entry.get("people", {}), self.question)

    def tale(self) -> Tale:
        entry = self.entry
        return Tale(
            self.file, entry["name"], self._facts(), self.question, entry["expect"], " ".join(entry.get("http", "").split()),
            self.said, self.accepts, self.later_ends,
            {f"obl-{n}": tuple(each.get("persons", ())) for n, each in enumerate(entry.get("deletions", ()), 1)},
        )  # fmt: skip

    def _question(self) -> v.Question:
        given = dict(self.entry.get("ask", {}))
        columns = given.pop("columns", ["text"])
        for name in ("at", "as_known_at"):
            if name in given:
                given[name] = moment(given[name])
        given["mode"] = v.Mode(given.get("mode", "plan"))
        given["required"] = tuple(given.get("required", ()))
        return replace(worlds.ask(**given), columns=tuple(columns))

    # ---- contracts

    def _families(self) -> tuple[v.Family, ...]:
        found = [
            self._family(f"fam-{u}", [u], documents, u) for u, documents in self.entry.get("contracts", {}).items()
        ]
        for name, said in self.entry.get("families", {}).items():
            found.append(self._family(f"fam-{name}", said["covers"], said["documents"], name))
        return tuple(found)

    def _family(self, ref: str, covers: Any, documents: list[Any], name: str) -> v.Family:
        rows = covers.items() if isinstance(covers, dict) else [(u, {}) for u in covers]
        coverage = tuple(v.Coverage(u, *_period(said), recorded_at=_known(said)) for u, said in rows)
        read_ = tuple(self._document(said, f"{name}-{n}") for n, said in enumerate(documents, 1))
        return v.Family(
            ref, coverage, read_, title=f"Contract with {name.upper()}", counterparty=f"pty-{coverage[0].customer}"
        )

    def _document(self, said: Any, ref: str) -> v.Document:
        given = {"clauses": said} if isinstance(said, list) else dict(said)
        ref = given.pop("ref", ref)
        clauses = [_clause(each, f"{ref}.{n}") for n, each in enumerate(given.pop("clauses", ()), 1)]
        if form := given.pop("accepts", ""):
            self.accepts[ref] = form
            forms = self.entry["forms"][form]
            clauses = [_clause(each, f"{form}.{n}") for n, each in enumerate(forms, 1)] + clauses
        known = moment(given.pop("known_from", LONG_AGO))
        ends = moment(given.pop("terminated_on")) if "terminated_on" in given else None
        if ends and moment(given.pop("termination_known_from", LONG_AGO)) > self.question.as_known_at:
            self.later_ends[ref], ends = ends, None
        dates = {
            name: moment(given.pop(old))
            for old, name in (("effective_on", "effective_at"), ("expires_on", "expires_at"))
            if old in given
        }
        prevails = tuple(
            v.Prevails(p["over"], tuple(p["actions"]), tuple(p["categories"])) for p in given.pop("prevails", ())
        )
        return worlds.document(
            ref, *clauses, prevails=prevails, repeals=tuple(given.pop("repeals", ())), recorded_at=known, terminated_at=ends,
            kind=given.pop("kind", "msa"), **dates, **given,
        )  # fmt: skip

    # ---- data

    def _facts(self) -> v.Facts:
        entry, sources = self.entry, self._sources()
        columns = {
            name: said if isinstance(said, dict) else {"holds": said}
            for name, said in entry.get("columns", {"text": ["customer.content"]}).items()
        }
        origins = tuple(o for name, said in columns.items() for o in self._origins(name, said, sources))
        origins += tuple(
            _origin("", each | {"path": "presence"}, sources, entry) for each in map(_way, entry.get("decided_by", ()))
        )
        lineage = entry.get("lineage", {})
        people.only(lineage, "known undeclared completeness why")
        for said in columns.values():
            people.only(said, "holds from masked kind")
        if lineage.get("known", True) is False or lineage.get("undeclared"):
            origins = ()
        facts = v.Facts(
            dataset=v.Dataset(
                NS, D, kind="model" if "trained" in entry else "dataset", known=lineage.get("known", True),
                columns=tuple(v.Column(name, said.get("kind", "value")) for name, said in columns.items()),
                versions=tuple(self._versions()), completeness=v.Completeness(lineage.get("completeness", "known")),
                reasons=tuple(lineage.get("why", ())), undeclared=tuple(f"{NS} {each}" for each in lineage.get("undeclared", ())),
            ),
            declarations=tuple(sources.values()),
            origins=origins,
            schemas=tuple(self._schemas(columns, sources)),
            categories=tuple(self._categories(columns, sources)),
            source_keys=tuple(self._source_keys(sources)),
            identities=tuple(self._identities(sources)),
            safeguards=tuple(_safeguard(each) for each in entry.get("safeguards", ())),
            quasi_identifiers=tuple(entry.get("quasi_identifiers", ())),
            generalisations=tuple(v.Generalisation(c, *method) for c, method in entry.get("generalise", {}).items()),
            customers=tuple(v.Customer(u, f"pty-{u}", u.upper(), rows=entry.get("rows", {}).get(u)) for u in self.customers),
            families=self.families,
        )  # fmt: skip
        whole = replace(facts, **self._rest(facts))
        return replace(whole, consents=people.views(self.said, whole, self.question))

    def _rest(self, facts: v.Facts) -> dict[str, Any]:
        entry = self.entry
        return {
            "opt_ins": tuple(
                v.OptIn(each["offer"], u, *_period(each), ref=f"opt-{u}-{n}", recorded_at=_known(each))
                for u, offers in entry.get("opt_ins", {}).items() for n, each in enumerate(_named(offers, "offer"), 1)
            ),
            "memberships": tuple(
                v.Membership(group, each["member"], *_period(each), recorded_at=_known(each))
                for group, members in entry.get("memberships", {}).items() for each in _named(members, "member")
            ),
            "bases": tuple(_basis(each, n) for n, each in enumerate(entry.get("bases", ()), 1)),
            "obligations": people.duties(entry.get("deletions", ()), moment),
            "models": tuple(self._models()),
            "owner_releases": tuple(
                v.OwnerRelease(each["customer"], each["action"], each["recipient"], *_period(each), ref=f"rel-{n}")
                for n, each in enumerate(entry.get("owner_releases", ()), 1)
            ),
            "built": people.built(entry.get("built"), self.question),
            "gaps": tuple(v.Gap(each["what"], each.get("customer", "")) for each in entry.get("gaps", ())),
            "own_keys": v.OwnKeys(**{name: tuple(keys) for name, keys in entry.get("own_keys", {}).items()}),
            "parties": tuple(sorted(set(_parties(entry)) | {f"pty-{u}" for u in self.customers})),
            "vendor_parties": (VENDOR,),
        }  # fmt: skip

    def _sources(self) -> dict[str, v.Declaration]:
        said = self.entry.get("sources", {SOURCE: {}})
        return {name: self._source(name, given or {}) for name, given in said.items()}

    def _source(self, name: str, said: dict[str, Any]) -> v.Declaration:
        people.only(
            said,
            "of customers space unmapped controller people product environment region known_from columns keys schema",
        )
        of = said.get("of", "")
        whose = (of,) if of and of != "nobody" else () if of else tuple(said.get("customers", self.customers))
        has_people = said.get("people", "people" in self.entry)
        setting = {
            key: said.get(key, usual) for key, usual in (("product", "desk"), ("environment", ""), ("region", "eu"))
        }
        controller = (
            VENDOR if said.get("controller") == "vendor" else said.get("controller", "" if of in ("", "nobody") else of)
        )
        return v.Declaration(
            name, NS, f"crm.{name}", whose, tenant_space=said.get("space", "" if of else SPACE), tenant_column="" if of else "tenant",
            unmapped_rows=said.get("unmapped", 0) if not of else None, no_customer_data=of == "nobody",
            subject_column="person" if has_people else "", subject_space=PEOPLE if has_people else "", controller=controller,
            controller_is_vendor=controller == VENDOR, recorded_at=_known(said), **setting,
        )  # fmt: skip

    def _origins(self, column: str, said: dict[str, Any], sources: dict[str, v.Declaration]) -> Iterator[v.Origin]:
        ways = said.get("from", [f"{next(iter(sources))}.{column}"])
        for way in ways if isinstance(ways, list) else [ways]:
            yield _origin(column, {"masked": said.get("masked", False)} | _way(way), sources, self.entry)

    def _versions(self) -> Iterator[v.Version]:
        for run, said in self.entry.get("versions", {RUN: {}}).items():
            yield v.Version(D, run, *_period(said or {}))

    def _schemas(self, columns: dict[str, Any], sources: dict[str, v.Declaration]) -> Iterator[v.Schema]:
        for name, source in sources.items():
            said = self.entry.get("sources", {}).get(name) or {}
            mine = {
                *said.get("columns", {}),
                *(c for c in columns if _mine(c, columns[c], name, sources)),
                source.tenant_column,
                source.subject_column,
            }
            if said.get("schema", True):
                yield v.Schema(NS, source.name, tuple(sorted(mine - {"", "*"})))

    def _categories(self, columns: dict[str, Any], sources: dict[str, v.Declaration]) -> Iterator[v.ColumnCategory]:
        for name, source in sources.items():
            for column, keys in ((self.entry.get("sources", {}).get(name) or {}).get("columns", {}) or {}).items():
                yield from (v.ColumnCategory(NS, source.name, column, key) for key in keys)
        for column, said in columns.items():
            ways = said.get("from", f"{next(iter(sources))}.{column}")
            first = _way(ways[0] if isinstance(ways, list) else ways)["column"]
            for key in said.get("holds", ()):
                yield v.ColumnCategory(NS, sources[first.split(".")[0]].name, first.split(".", 1)[1], key)
        for column, keys in self.entry.get("here", {}).items():
            yield from (v.ColumnCategory(NS, D, column, key) for key in keys)

    def _source_keys(self, sources: dict[str, v.Declaration]) -> Iterator[v.KeyColumn]:
        for name, source in sources.items():
            named = (self.entry.get("sources", {}).get(name) or {}).get("keys", [])
            yield from (
                v.KeyColumn(NS, source.name, c) for c in {source.tenant_column, source.subject_column, *named} - {""}
            )

    def _identities(self, sources: dict[str, v.Declaration]) -> Iterator[v.Identity]:
        if "identities" in self.entry:
            yield from (
                v.Identity(each["column"], each["kind"], each["space"], each.get("source", ""))
                for each in self.entry["identities"]
            )
            return
        if self.entry.get("keyed", True):
            spaces = sorted({s.tenant_space for s in sources.values()} - {""})
            yield from (
                v.Identity("tenant" if space == SPACE else f"tenant_{space}", "tenant", space) for space in spaces
            )
            yield from (
                v.Identity(f"is_{name}", "tenant", SPACE, name)
                for name, s in sources.items()
                if s.customers and not s.tenant_space
            )
        if self.entry.get("persons_keyed", True) and any(s.subject_space for s in sources.values()):
            yield v.Identity("person", "person", PEOPLE)

    def _models(self) -> Iterator[v.Model]:
        named = dict(self.entry.get("models", {}))
        if "trained" in self.entry:
            named["trained"] = self.entry["trained"]
        for name, said in named.items():
            serves = tuple(
                v.ServedTo(each["party"], *_period(each)) for each in _named((said or {}).get("serves", ()), "party")
            )
            yield v.Model(name, serves)


def moment(day: date | datetime) -> datetime:
    """A day is its first instant."""
    if isinstance(day, datetime):
        return day if day.tzinfo else day.replace(tzinfo=UTC)
    return datetime.combine(day, time(), tzinfo=UTC)


def _clause(said: dict[str, Any], ref: str) -> v.Clause:
    """A clause; a grant that says nothing else is one to train, for the purpose asked about."""
    ref = said.get("ref", ref)
    body = {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in said.items()
        if key not in OUTSIDE_BODY
    }
    if said["kind"] == "Grant":
        body = {"actions": ["train"], "purposes": [PURPOSE]} | body
    scope = {name: tuple(said.get("scope", {}).get(name, ())) for name in ("products", "environments", "regions")}
    return replace(
        worlds.clause(ref, said["kind"], number=said.get("number", ref), **body), title=said.get("title", ""), page=said.get("page"),
        passage=said.get("passage", f"The words of {ref}."), **scope,
    )  # fmt: skip


def _period(said: dict[str, Any]) -> tuple[datetime, datetime | None]:
    """A period, of something with words of its own."""
    return moment(said.get("from", LONG_AGO)), moment(said["to"]) if said.get("to") else None


def _known(said: dict[str, Any]) -> datetime:
    return moment(said.get("known_from", LONG_AGO))


def _named(rows: Any, name: str) -> list[dict[str, Any]]:
    found = [each if isinstance(each, dict) else {name: each} for each in rows]
    for each in found:
        people.only(each, f"{name} from to known_from")
    return found


def _way(said: Any) -> dict[str, Any]:
    return dict(said) if isinstance(said, dict) else {"column": said}


def _mine(column: str, said: dict[str, Any], name: str, sources: dict[str, v.Declaration]) -> bool:
    return "from" not in said and name == next(iter(sources))


def _origin(column: str, way: dict[str, Any], sources: dict[str, v.Declaration], entry: dict[str, Any]) -> v.Origin:
    people.only(way, "column path masked")
    name, source_column = way["column"].split(".", 1)
    source = sources[name]
    return v.Origin(
        column, name, NS, source.name, source_column, v.Path(way.get("path", "content")), way.get("masked", False),
        tuple(sorted(entry.get("absent", ()))),
    )  # fmt: skip


def _safeguard(said: dict[str, Any]) -> v.InPlace:
    people.only(said, "run safeguard known columns standard k n c epsilon over")
    return v.InPlace(
        said.get("run", RUN), said["safeguard"], v.Known(said.get("known", "declared")), tuple(said.get("columns", ())), said.get("standard", ""),
        v.Bounds(said.get("k"), said.get("n"), said.get("c"), said.get("epsilon")), tuple(said.get("over", ())),
    )  # fmt: skip


def _basis(said: dict[str, Any], number: int) -> v.Basis:
    people.only(said, "customer category action purpose ground role from to known_from")
    customer = "" if said.get("customer") == "vendor" else said["customer"]
    return v.Basis(
        f"bas-{number}", customer, said["category"], said.get("action", "train"), said.get("purpose", PURPOSE), said["ground"], *_period(said),
        role=said.get("role", "processor"), recorded_at=_known(said),
    )  # fmt: skip


def _parties(value: Any) -> Iterator[str]:
    """Every `pty-…` that an entry names, but for `pty-nobody`, whom nobody registered."""
    match value:
        case str() if value.startswith("pty-") and value not in (VENDOR, "pty-nobody"):
            yield value
        case dict():
            for inner in value.values():
                yield from _parties(inner)
        case list():
            for inner in value:
                yield from _parties(inner)


__all__ = ["LONG_AGO", "NOW", "Tale", "moment", "read", "told"]
