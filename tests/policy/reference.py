"""A slow, naive second implementation, written from SEMANTICS.md alone: no indexes, no caching, every rule spelled out again.

It imports values, reason codes and the vocabulary, and nothing else of the engine. It answers less than the engine (no remedies, no
sentences), but everything that decides: verdict, treatments with duties, who is left out, which lists must be passed, which codes speak.
Paragraph marks refer to SEMANTICS.md.
"""

import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from consent import vocabulary as v
from governance.policy import reasons
from governance.policy.values import (
    Clause,
    Declaration,
    Document,
    Facts,
    Family,
    InPlace,
    Known,
    Origin,
    Path,
    Question,
)

Req = tuple[
    str, str, int, int, int, int, Decimal, tuple[str, ...]
]  # safeguard, standard, level, k, n, c, -epsilon, quasi-identifiers
NO_EPSILON = Decimal("-Infinity")
LEVEL = {"claimed": 0, "declared": 1, "measured": 2}
STRICT = ["guarded", "explicit", "consent", "no-objection", "nothing"]
GROUND = {"explicit-consent": "explicit", "consent": "consent", "legitimate-interest": "no-objection"}
FREE = {"contract", "legal-duty", "customer-warranty"}


class Malformed(Exception):
    """A question that means nothing."""


@dataclass
class Result:
    """What is compared with the engine. `cells`: (customer, column) -> treatment and duties, for customers in the plan only."""

    verdict: str
    cells: dict[tuple[str, str], tuple[str, frozenset[Req]]] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    lists: frozenset[tuple[str, str, str, str]] = frozenset()  # customer, space, controller, need
    erased: frozenset[tuple[str, str]] = frozenset()
    codes: frozenset[tuple[str, str, str]] = frozenset()  # code, customer, column
    days: int | None = None
    changes: bool = False
    people: tuple[int, int, int, int] = (
        0,
        0,
        0,
        0,
    )  # allowed by contract and consent, contract alone, consent alone, neither
    undertakings: frozenset[tuple[str, str]] = frozenset()  # document, clause


def decide(q: Question, f: Facts) -> Result:
    """Answer a question, naively."""
    _malformed(q, f)
    gap = _question_gaps(q, f)
    if gap:
        return Result("deny", codes=frozenset((code, "", "") for code in gap))
    if q.action in ("serve", "assign"):
        return _serve_or_assign(q, f)
    return _data(q, f)


# ---------------------------------------------------------------- §5: malformed questions and gaps of the whole question


def _malformed(q: Question, f: Facts) -> None:
    if q.action not in v.ACTIONS:
        raise Malformed("action")
    if q.sources and q.mode != "preflight":
        raise Malformed("sources")
    if q.action in ("serve", "assign"):
        if q.purpose or q.columns or q.required:
            raise Malformed("a model has no purpose and no columns")
    else:
        if q.purpose not in v.PURPOSES and q.purpose not in f.own_keys.purposes:
            raise Malformed("purpose")
        if not q.columns or "*" in q.columns or "" in q.columns:
            raise Malformed("columns")
        if set(q.required) - set(q.columns):
            raise Malformed("required")
    if q.action in ("disclose", "serve", "assign") and q.recipient is None:
        raise Malformed("recipient")
    if q.recipient is not None and q.recipient not in f.parties and q.recipient not in f.vendor_parties:
        raise Malformed("recipient")
    if q.model is not None and all(m.ref != q.model for m in f.models):
        raise Malformed("model")


def _question_gaps(q: Question, f: Facts) -> set[str]:
    d = f.dataset
    if not d.known or (d.namespace, d.name) != (q.namespace, q.dataset):
        return {"unknown-dataset"}
    found = set()
    if d.undeclared or any(_declaration(q, f, o.declaration) is None for o in f.origins):
        found |= {"undeclared-source", "unknown-provenance"}
    if d.completeness == "unknown" or not f.origins:
        found.add("unknown-provenance")
    for c in q.columns:
        if not any(o.column in (c, "*") for o in f.origins):
            found.add("unknown-provenance")
    return found


def _declaration(q: Question, f: Facts, ref: str) -> Declaration | None:
    for d in f.declarations:
        if d.ref == ref and (d.recorded_at is None or d.recorded_at <= q.as_known_at):
            return d
    return None


# ---------------------------------------------------------------- §3: which clauses count


def _body(clause: Clause, f: Facts) -> dict[str, Any] | None:
    """The body with every key checked against the trees; None when it cannot be read."""
    try:
        b = json.loads(clause.body)
    except ValueError:
        return None
    if not isinstance(b, dict):
        return None
    contract = set(v.CONTRACT) | set(f.own_keys.contract)
    personal = set(v.PERSONAL) | set(f.own_keys.personal) | set(f.own_keys.special)
    purposes = set(v.PURPOSES) | set(f.own_keys.purposes) | {"*"}
    actions = set(v.ACTIONS)
    ok = True
    match clause.kind:
        case "TrainingPosition":
            ok = b.get("position") in ("prohibited", "silent", "negotiated")
        case "Grant":
            ok = all(b.get(name) for name in ("actions", "categories", "purposes"))
            ok = (
                ok
                and set(b["actions"]) <= actions
                and set(b["categories"]) <= contract
                and set(b["purposes"]) <= purposes
            )
            basis = str(b.get("basis", "negotiated")).replace("_", "-")
            ok = ok and basis in ("negotiated", "opt-in", "accepted-use")
            ok = ok and (basis != "opt-in" or bool(b.get("offer")))
            ok = ok and (basis != "accepted-use" or bool(b.get("signatory") and b.get("until")))
        case "Prohibition":
            ok = bool(b.get("actions")) and set(b["actions"]) <= actions | {"*"}
            ok = (
                ok
                and set(b.get("categories", [])) <= contract | personal | {"*"}
                and set(b.get("purposes", [])) <= purposes
            )
        case "PartyRestriction":
            ok = bool(b.get("parties") or b.get("groups"))
        case "UnencodedTerm":
            ok = set(b.get("actions", [])) <= actions | {"*"} and set(
                b.get("categories", [])
            ) <= contract | personal | {"*"}
        case "ModelOwnership":
            ok = b.get("owner") in ("vendor", "customer", "joint")
        case "RetentionLimit":
            ok = isinstance(b.get("days"), int)
        case "OptInOffer":
            ok = bool(b.get("discount"))
        case "DeletionTerm":
            ok = "trigger" in b and "deadline_days" in b
        case "Undertaking" | "AuditRight":
            ok = bool(b.get("duty") or b.get("what"))
        case _:
            ok = False
    return b if ok else None


def _started(q: Question, d: Document) -> bool:
    """Signed, activated (as known), effective at t."""
    if not d.activated or d.signed_on is None:
        return False
    signed = datetime.combine(d.signed_on, time(), tzinfo=UTC)
    return signed <= q.as_known_at and d.recorded_at <= q.as_known_at and d.effective_at <= q.at


def _ended(q: Question, d: Document) -> bool:
    if d.terminated_at is not None and d.terminated_at <= q.at:
        return True
    return d.renewal == "none" and d.expires_at is not None and d.expires_at <= q.at


def _coverage(q: Question, family: Family, u: str) -> str:
    """`none`, `ended` or `now`."""
    answer = "none"
    for row in family.coverage:
        if (
            row.customer != u
            or row.valid_from > q.at
            or (row.recorded_at is not None and row.recorded_at > q.as_known_at)
        ):
            continue
        if row.valid_to is None or row.valid_to > q.at:
            return "now"
        answer = "ended"
    return answer


def _families(q: Question, f: Facts, u: str) -> list[Family]:
    return [fam for fam in f.families if _coverage(q, fam, u) != "none" and any(_started(q, d) for d in fam.documents)]


def _live(q: Question, f: Facts, family: Family, u: str) -> list[tuple[Document, Clause]]:
    """A repealed grant never returns; a repeal of anything else lasts while the repealing document counts; grants and offers fall at
    the end, all the rest survives. (An offer counts as what permits: else ending the repealing document would add a cell, against the law.)"""
    out = []
    started = [d for d in family.documents if _started(q, d)]
    for d in started:
        for clause in d.clauses:
            gone = False
            for r in started:
                if r.ref == d.ref or clause.ref not in r.repeals:
                    continue
                earlier = r.signed_on is not None and d.signed_on is not None and d.signed_on <= r.signed_on
                gone = gone or clause.kind in ("Grant", "OptInOffer") or (not _ended(q, r) and earlier)
            falls = (
                clause.kind in ("Grant", "OptInOffer") and _body(clause, f) is not None
            )  # who knows what the others say
            if falls and (_ended(q, d) or _coverage(q, family, u) != "now"):
                gone = True
            if not gone:
                out.append((d, clause))
    return out


def _in_scope(clause: Clause, d: Declaration, *, surely: bool) -> bool:
    """`surely`: known to be inside (grants); else: not known to be outside (what refuses)."""
    for wanted, has in ((clause.products, d.product), (clause.environments, d.environment), (clause.regions, d.region)):
        if not wanted:
            continue
        if surely and has not in wanted:
            return False
        if not surely and has and has not in wanted:
            return False
    return True


def _prevails(q: Question, a: Document, b: Document, category: str) -> bool:
    for p in a.prevails:
        if (
            p.over == b.ref
            and any(v.covers(x, q.action) for x in p.actions)
            and any(v.covers(x, category) for x in p.categories)
        ):
            return True
    return False


def _any(keys: list[str], test: Any, asked: str) -> bool:
    return any(key == "*" or test(key, asked) for key in keys)


def _about_train(q: Question) -> bool:
    return v.touches("train", q.action)


# ---------------------------------------------------------------- §4: exposure


def _places(f: Facts, o: Origin) -> list[tuple[str, str, str]] | None:
    if o.source_column != "*":
        return [(o.namespace, o.dataset, o.source_column)]
    columns = {c for s in f.schemas if (s.namespace, s.dataset) == (o.namespace, o.dataset) for c in s.columns}
    return [(o.namespace, o.dataset, c) for c in sorted(columns)] or None


def _cats(f: Facts, place: tuple[str, str, str]) -> set[str]:
    return {r.category for r in f.categories if (r.namespace, r.dataset, r.column) == place}


def _origins(f: Facts, column: str) -> list[Origin]:
    named = [o for o in f.origins if o.column == column]
    return named or [o for o in f.origins if o.column == "*"]


def _whose(q: Question, f: Facts, o: Origin) -> set[str]:
    d = _declaration(q, f, o.declaration)
    assert d is not None
    return ({""} if d.no_customer_data else set(d.customers)) - set(o.without)


def _is_contract(f: Facts, key: str) -> bool:
    return key in v.CONTRACT or key in f.own_keys.contract


def _is_personal(f: Facts, key: str) -> bool:
    return key in v.PERSONAL or key in f.own_keys.personal or key in f.own_keys.special


def _about_people(f: Facts, key: str) -> bool:
    return _is_personal(f, key) and key.split(".", maxsplit=1)[0] != "system"


@dataclass
class Cell:
    """What a column holds of a customer."""

    cats: dict[str, set[str]]  # category -> declarations
    decls: set[str]
    gap: bool
    strange: bool  # a category that is in no tree
    masked: bool


def _cell(q: Question, f: Facts, u: str, c: str) -> Cell | None:
    origins = [o for o in _origins(f, c) if (o.path is Path.CONTENT or o.source_column == "*") and u in _whose(q, f, o)]
    if not origins:
        return None
    decls = {o.declaration for o in origins}
    here = _cats(f, (f.dataset.namespace, f.dataset.name, c))
    cats: dict[str, set[str]] = {key: set(decls) for key in here}
    gap = False
    for o in origins:
        places = _places(f, o)
        if places is None:
            gap = True
            continue
        for place in places:
            keys = _cats(f, place)
            for key in keys:
                cats.setdefault(key, set()).add(o.declaration)
            gap = gap or (not keys if u == "" else not any(_is_contract(f, key) for key in keys))
    strange = any(not _is_contract(f, key) and not _is_personal(f, key) for key in cats)
    if _off_axis(q, f, c):
        cats = {key: refs for key, refs in cats.items() if not _is_personal(f, key)}
    return Cell(cats, decls, gap, strange, all(o.masked for o in origins))


def _versions(q: Question, f: Facts) -> list[str]:
    return sorted({x.run for x in f.dataset.versions if x.started <= q.at and (x.gone is None or x.gone > q.at)})


def _in_place(f: Facts, run: str, c: str) -> list[InPlace]:
    return [s for s in f.safeguards if s.run == run and (not s.columns or c in s.columns)]


def _off_axis(q: Question, f: Facts, c: str) -> bool:
    """`anonymised`, and `synthetic` attested by two persons, take a column off the personal axis."""
    runs = _versions(q, f)
    return bool(runs) and all(
        any(s.safeguard in ("anonymised", "synthetic") and s.known is Known.DECLARED for s in _in_place(f, run, c))
        for run in runs
    )


# ---------------------------------------------------------------- §2, §3: safeguards and duties


def _implies(a: str, b: str) -> bool:
    return a == b or (a, b) in {
        ("deidentified", "pseudonymised"),
        ("anonymised", "deidentified"),
        ("anonymised", "pseudonymised"),
    }


def _requirements(body: dict[str, Any]) -> list[Req]:
    out = set()
    for s in body.get("safeguards", []):
        item = {"kind": s} if isinstance(s, str) else s
        epsilon = -Decimal(item["epsilon"]) if item.get("epsilon") else NO_EPSILON
        quasi = tuple(sorted(set(item.get("quasi_identifiers", []))))
        out.add(
            (
                item["kind"],
                item.get("standard", ""),
                LEVEL[item.get("known", "declared")],
                item.get("k", 0),
                item.get("n", 0),
                item.get("c", 0),
                epsilon,
                quasi,
            )
        )
    return sorted(out)


def _quasi(q: Question, f: Facts) -> set[str]:
    """Those declared for the dataset, else every personal-axis column in it."""
    if f.quasi_identifiers:
        return set(f.quasi_identifiers)
    names = {c.name for c in f.dataset.columns} | set(q.columns) | ({o.column for o in f.origins} - {"", "*"})
    found = set()
    for name in names:
        places = [(f.dataset.namespace, f.dataset.name, name)]
        for o in _origins(f, name):
            places += _places(f, o) or []
        if any(_about_people(f, key) for place in places for key in _cats(f, place)):
            found.add(name)
    return found


def _met_by(q: Question, f: Facts, r: Req, s: InPlace, c: str) -> bool:
    safeguard, standard, level, k, n, cc, eps, quasi = r
    if s.safeguard == "anonymised" and s.known != "declared":  # can only be declared
        return False
    if not _implies(s.safeguard, safeguard) or (standard and standard != s.standard) or LEVEL[s.known] < level:
        return False
    if k:
        kind = next((x.kind for x in f.dataset.columns if x.name == c), "value")
        if kind != "value" or (s.bounds.k or 0) < k or not (_quasi(q, f) | set(quasi)) <= set(s.quasi_identifiers):
            return False
    if (n and (s.bounds.n or 0) < n) or (cc and (s.bounds.c or 0) < cc):
        return False
    return eps == NO_EPSILON or (s.bounds.epsilon is not None and Decimal(s.bounds.epsilon) <= -eps)


def _met(q: Question, f: Facts, r: Req, cell: Cell, c: str) -> bool:
    if cell.masked and r[0] == "pseudonymised" and r[2] == 0 and not r[1]:
        return True
    runs = _versions(q, f)
    return bool(runs) and all(any(_met_by(q, f, r, s, c) for s in _in_place(f, run, c)) for run in runs)


def _reduce(duties: set[Req]) -> tuple[Req, ...]:
    """The union, reduced: one duty per standard and kind, pseudonymised and deidentified being one kind, with the strictest bounds; what
    names no standard joins what does; a plain pseudonymised or deidentified is contained in anonymised."""
    kinds: dict[str, list[Req]] = {}
    for r in duties:
        kinds.setdefault("chain" if r[0] in ("pseudonymised", "deidentified") else r[0], []).append(r)
    out: list[Req] = []
    for kind, rows in kinds.items():
        standards = sorted({r[1] for r in rows} - {""}) or [""]
        for i, standard in enumerate(standards):
            mine = [r for r in rows if r[1] == standard or (i == 0 and r[1] == "")]
            name = (
                kind
                if kind != "chain"
                else "deidentified"
                if any(r[0] == "deidentified" for r in mine)
                else "pseudonymised"
            )
            quasi = tuple(sorted({x for r in mine for x in r[7]}))
            out.append(
                (
                    name,
                    standard,
                    max(r[2] for r in mine),
                    *(max(r[i] for r in mine) for i in (3, 4, 5)),
                    max(r[6] for r in mine),
                    quasi,
                )
            )
    anonymised = [r for r in out if r[0] == "anonymised"]
    kept = []
    for r in out:
        plain = (
            r[0] in ("pseudonymised", "deidentified")
            and not r[1]
            and r[2] < 2
            and not any(r[3:6])
            and r[6] == NO_EPSILON
            and not r[7]
        )
        if not (plain and any(a[2] >= r[2] for a in anonymised)):
            kept.append(r)
    return tuple(sorted(kept))


def _rests_on_rows(r: Req) -> bool:
    return r[3] > 0 or r[0] == "aggregated"


# ---------------------------------------------------------------- §3: grants


def _served(q: Question, f: Facts) -> set[str]:
    return {
        s.party
        for m in f.models
        if m.ref == q.model or q.action in ("serve", "assign")
        for s in m.served_to
        if s.valid_from <= q.at and (s.valid_to is None or s.valid_to > q.at)
    }


def _groups(q: Question, f: Facts, party: str) -> set[str]:
    found = {party}
    while True:
        more = {
            m.group
            for m in f.memberships
            if m.member in found
            and m.valid_from <= q.at
            and (m.valid_to is None or m.valid_to > q.at)
            and (m.recorded_at is None or m.recorded_at <= q.as_known_at)
        }
        if more <= found:
            return found
        found |= more


def _receiving(q: Question, f: Facts) -> set[str]:
    """Who may receive: the recipient; where none is named the vendor, that is any of its entities (asking coarsely never permits more)."""
    return {q.recipient} if q.recipient is not None else set(f.vendor_parties)


def _party(f: Facts, u: str) -> str:
    return next((c.party for c in f.customers if c.ref == u), "")


def _until(body: dict[str, Any]) -> datetime | None:
    text = body.get("until")
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _conditions(q: Question, f: Facts, family: Family, u: str, body: dict[str, Any], data: list[Any]) -> set[str]:
    """The codes of the conditions (but the safeguards) that do not hold, for data of these declarations. A scoped offer is none outside."""
    out = set()
    offer = body.get("offer")
    if offer:
        live = any(
            c.ref == offer
            and c.kind == "OptInOffer"
            and _body(c, f) is not None
            and all(_in_scope(c, d, surely=True) for d in data)
            for _, c in _live(q, f, family, u)
        )
        taken = any(
            o.offer == offer
            and o.customer == u
            and o.valid_from <= q.at
            and (o.valid_to is None or o.valid_to > q.at)
            and (o.recorded_at is None or o.recorded_at <= q.as_known_at)
            for o in f.opt_ins
        )
        if not (live and taken):
            out.add("opt-in-inactive")
    if body.get("customer_only") and (not _party(f, u) or _served(q, f) != {_party(f, u)}):
        out.add("customer-only")
    recipients = body.get("recipients") or []
    receiving = _receiving(q, f)
    if recipients:
        if not receiving or not all(set(recipients) & _groups(q, f, party) for party in receiving):
            out.add("recipient-not-covered")
    elif not receiving <= set(f.vendor_parties):
        out.add("recipient-not-covered")
    if body.get("regions") and q.region not in body["regions"]:
        out.add("region-unknown")
    return out


def _candidates(q: Question, f: Facts, family: Family, u: str) -> list[tuple[Document, Clause, dict[str, Any]]]:
    """Grants for (A, P) that have not run out."""
    out = []
    for d, clause in _live(q, f, family, u):
        body = _body(clause, f) if clause.kind == "Grant" else None
        if body is None or (_until(body) or datetime.max.replace(tzinfo=UTC)) <= q.at:
            continue
        if _any(body["actions"], v.covers, q.action) and _any(body["purposes"], v.covers, q.purpose):
            out.append((d, clause, body))
    return out


def _of_kind(q: Question, f: Facts, family: Family, u: str, kind: str) -> list[tuple[Document, Clause, dict[str, Any]]]:
    return [(d, c, b) for d, c in _live(q, f, family, u) if c.kind == kind and (b := _body(c, f)) is not None]


def _positions(q: Question, f: Facts, family: Family, u: str, wanted: str, decls: set[str]) -> list[Document]:
    if not _about_train(q):
        return []
    rows = [_declaration(q, f, ref) for ref in decls]
    return [
        d
        for d, c, b in _of_kind(q, f, family, u, "TrainingPosition")
        if b["position"] == wanted and any(row is not None and _in_scope(c, row, surely=False) for row in rows)
    ]


def _bans(
    q: Question,
    f: Facts,
    family: Family,
    u: str,
    cats: dict[str, set[str]],
    whole: set[str] = frozenset(),  # type: ignore[assignment]
    origin: str = "",
) -> list[tuple[Document, set[str]]]:
    """Prohibitions that touch these categories; `whole`: and those that cover everything of the customer's."""
    out = []
    for d, c, b in _of_kind(q, f, family, u, "Prohibition"):
        if not _any(b["actions"], v.touches, q.action) or not _any(b.get("purposes") or ["*"], v.touches, q.purpose):
            continue
        touched = set()
        for key, refs in cats.items():
            rows = [_declaration(q, f, ref) for ref in refs]
            if _any(b.get("categories") or ["*"], v.touches, key) and any(
                r is not None and _in_scope(c, r, surely=False) for r in rows
            ):
                touched.add(key)
        row = _declaration(q, f, origin)
        if (
            whole
            and _any(b.get("categories") or ["*"], v.covers, "customer")
            and row
            and _in_scope(c, row, surely=False)
        ):
            touched |= whole
        if touched:
            out.append((d, touched))
    return out


def _returned(q: Question, f: Facts, u: str) -> bool:
    return q.action == "return" and q.recipient is not None and _party(f, u) == q.recipient


# ---------------------------------------------------------------- §5.2: a cell by the contracts


@dataclass
class Answer:
    """A treatment with its reasons and duties."""

    kind: str
    codes: set[str]
    duties: tuple[Req, ...] = ()
    days: int | None = None


def _contracts(q: Question, f: Facts, u: str, c: str, cell: Cell, fewer: bool) -> Answer:
    codes = set()
    if cell.gap:
        codes.add("uncategorised-column")
    if cell.strange:
        codes.add("unreadable-fact")
    if u == "":
        return Answer("blank" if codes else "keep", codes)
    if not any(_is_contract(f, key) for key in cell.cats):
        codes.add("uncategorised-column")
    families = _families(q, f, u)
    wanted = [key for key in cell.cats if _is_contract(f, key)]
    refused: set[str] = set()
    others: set[str] = set()
    options: dict[tuple[str, str], list[tuple[Document, Clause, dict[str, Any]]]] = {}
    for family in families:
        for _, clause, b in _of_kind(q, f, family, u, "UnencodedTerm"):
            named = [x for x in b.get("categories", []) if x != "*"]
            if named and "*" not in b["categories"] and _any(b.get("actions") or ["*"], v.touches, q.action):
                for key, refs in cell.cats.items():
                    rows = [_declaration(q, f, ref) for ref in refs]
                    if _any(named, v.touches, key) and any(
                        r is not None and _in_scope(clause, r, surely=False) for r in rows
                    ):
                        codes.add("unencoded-term")
        bans = _bans(q, f, family, u, cell.cats)
        prohibited = _positions(q, f, family, u, "prohibited", cell.decls)
        silent = _positions(q, f, family, u, "silent", cell.decls)
        usable: dict[str, list[tuple[Document, Clause, dict[str, Any]]]] = {}
        near: set[str] = set()
        for key in wanted:
            for d, clause, b in _candidates(q, f, family, u):
                rows = [_declaration(q, f, ref) for ref in cell.cats[key]]
                covers = _any(b["categories"], v.covers, key) and all(
                    r is not None and _in_scope(clause, r, surely=True) for r in rows
                )
                beats_bans = all(_prevails(q, d, other, x) for other, touched in bans for x in touched)
                beats_position = all(other.ref == d.ref or _prevails(q, d, other, key) for other in prohibited)
                if not (covers and beats_bans and beats_position):
                    continue
                failing = _conditions(q, f, family, u, b, rows)
                if failing:
                    near |= failing
                else:
                    usable.setdefault(key, []).append((d, clause, b))
        whole = all(key in usable for key in wanted)
        if not whole and (bans or prohibited):
            refused |= (
                ({"prohibition"} if bans else set()) | ({"prohibited-by-contract"} if prohibited else set()) | near
            )
        elif whole and wanted:
            options |= {(family.ref, key): rows for key, rows in usable.items()}
        else:
            others |= near | ({"contract-silent"} if silent else set())
    if _returned(q, f, u):
        codes |= refused & {"prohibition"}
        return Answer("blank" if codes else "keep", codes)
    if codes or refused:
        return Answer("blank", codes | refused)
    if not options:
        if others:
            return Answer("blank", others)
        grants = [
            b
            for fam in families
            for _, _, b in _of_kind(q, f, fam, u, "Grant")
            if (_until(b) or datetime.max.replace(tzinfo=UTC)) > q.at
        ]
        granted = any(_any(b["actions"], v.covers, q.action) for b in grants)
        return Answer("blank", {"not-granted" if granted else "action-not-granted"})
    return _choose(q, f, c, cell, options, fewer)


def _choose(
    q: Question,
    f: Facts,
    c: str,
    cell: Cell,
    options: dict[tuple[str, str], list[tuple[Document, Clause, dict[str, Any]]]],
    fewer: bool,
) -> Answer:
    """One grant per (family, category), so that the reduced union of missing duties is smallest; ties by canonical content."""
    best = None
    for chosen in itertools.product(*(options[key] for key in sorted(options))):
        missing = {
            r
            for _, _, b in chosen
            for r in _requirements(b)
            if (fewer and _rests_on_rows(r)) or not _met(q, f, r, cell, c)
        }
        duties = _reduce(missing)
        names = [(clause.body, d.ref, clause.ref) for d, clause, _ in chosen]
        days = [b["max_retention_days"] for _, _, b in chosen if b.get("max_retention_days")]
        weight = (len(duties), duties, names)
        if best is None or weight < best[0]:
            best = (weight, duties, min(days, default=None))
    assert best is not None
    codes = {_duty_code(q, f, r, c) for r in best[1]}
    return Answer("apply" if best[1] else "keep", codes, best[1], best[2])


def _duty_code(q: Question, f: Facts, r: Req, c: str) -> str:
    measured = [s.bounds.k for run in _versions(q, f) for s in _in_place(f, run, c) if s.bounds.k is not None]
    return "k-too-low" if r[3] and any(k < r[3] for k in measured) else "safeguard-missing"


# ---------------------------------------------------------------- §5.1 and §4: presence


def _presence(q: Question, f: Facts, u: str) -> set[str]:
    codes: set[str] = set()
    families = _families(q, f, u)
    returned = _returned(q, f, u)
    mine = [_declaration(q, f, o.declaration) for o in f.origins if u in _whose(q, f, o)]
    runs = any(
        _coverage(q, fam, u) == "now" and any(_started(q, d) and not _ended(q, d) for d in fam.documents)
        for fam in families
    )
    if not runs and not returned:
        codes.add("contract-ended" if families else "no-contract")
    if not returned and any(o.customer == u and not o.subject_space for o in f.obligations):
        codes.add("deletion-open")
    if any(g.customer in ("", u) for g in f.gaps):
        codes.add("unreadable-fact")
    parties = _served(q, f) | _receiving(q, f)
    for family in families:
        for _, clause in _live(q, f, family, u):
            body = _body(clause, f)
            if body is None:
                codes.add("unreadable-fact")
                continue
            if not any(d is not None and _in_scope(clause, d, surely=False) for d in mine):
                continue
            if clause.kind == "PartyRestriction":
                named = set(body.get("parties", [])) | set(body.get("groups", []))
                if any(named & _groups(q, f, party) for party in parties):
                    codes.add("party-restriction")
            if clause.kind == "UnencodedTerm" and (not body.get("categories") or "*" in body["categories"]):
                touched = _any(body.get("actions") or ["*"], v.touches, q.action)
                codes |= {"unencoded-term"} if touched else set()
    for o in f.origins:
        if (o.path is Path.PRESENCE or o.source_column == "*") and u in _whose(q, f, o):
            codes |= _presence_of(q, f, u, o, families)
    return codes


def _presence_of(q: Question, f: Facts, u: str, o: Origin, families: list[Family]) -> set[str]:
    codes: set[str] = set()
    d = _declaration(q, f, o.declaration)
    assert d is not None
    keys = {(r.namespace, r.dataset, r.column) for r in f.source_keys}
    places = _places(f, o)
    for place in places or [None]:
        cats = _cats(f, place) if place else set()
        known = any(_is_contract(f, key) for key in cats)
        # A declared key needs no category; it is the customer's data nevertheless, and what speaks of all of that speaks of it.
        whole = set() if known else {"customer"}
        if not known and not (place in keys and o.source_column != "*"):
            codes.add("uncategorised-column")
        if any(not _is_contract(f, key) and not _is_personal(f, key) for key in cats):
            codes.add("unreadable-fact")
        some = False
        for family in families:
            bans = _bans(q, f, family, u, {key: {o.declaration} for key in cats}, whole, o.declaration)
            prohibited = _positions(q, f, family, u, "prohibited", {o.declaration})
            usable = []
            for doc, clause, b in _candidates(q, f, family, u):
                helps = any(
                    all(p.ref == doc.ref or _prevails(q, doc, p, key) for p in prohibited) for key in b["categories"]
                )
                if helps and _in_scope(clause, d, surely=True) and not _conditions(q, f, family, u, b, [d]):
                    usable.append(doc)
            if bans and not any(
                all(_prevails(q, doc, other, x) for other, touched in bans for x in touched) for doc in usable
            ):
                codes.add("prohibition")
            for _, clause, b in _of_kind(q, f, family, u, "UnencodedTerm"):
                named = [] if "*" in b.get("categories", []) else b.get("categories", [])
                here = _any(b.get("actions") or ["*"], v.touches, q.action) and _in_scope(clause, d, surely=False)
                if here and (any(v.touches(x, key) for x in named for key in cats) or (whole and "customer" in named)):
                    codes.add("unencoded-term")
            some = some or bool(usable)
            if prohibited and not usable and not _returned(q, f, u):
                codes.add("presence-not-granted")
        if not some and not _returned(q, f, u):
            codes.add("presence-not-granted")
    return codes


# ---------------------------------------------------------------- §3 and §5.3: people


def _need(q: Question, f: Facts, u: str, category: str) -> str:
    needs, helped = [], False
    for b in f.bases:
        counts = b.valid_from <= q.at and (b.valid_to is None or b.valid_to > q.at)
        counts = counts and (b.recorded_at is None or b.recorded_at <= q.as_known_at) and b.customer == u
        if not counts or not (
            v.touches(b.category, category) and v.touches(b.action, q.action) and v.touches(b.purpose, q.purpose)
        ):
            continue
        readable = b.ground in GROUND or b.ground in FREE
        needs.append(GROUND.get(b.ground, "nothing") if readable else "explicit")
        helped = helped or (
            readable
            and v.covers(b.category, category)
            and v.covers(b.action, q.action)
            and v.covers(b.purpose, q.purpose)
        )
    if not helped:
        needs.append("consent")
    special = v.SPECIAL | set(f.own_keys.special)
    if any(v.touches(category, s) for s in special):
        needs.append("guarded" if v.covers("user.childrens", category) else "explicit")
    return min(needs, key=STRICT.index)


def _needs(q: Question, f: Facts, u: str, cell: Cell) -> dict[tuple[str, str], tuple[str, set[str]]]:
    """(space, controller) -> need and declarations, for one column."""
    out: dict[tuple[str, str], tuple[str, set[str]]] = {}
    asked = [(key, _need(q, f, u, key)) for key in cell.cats if _about_people(f, key)]
    pairs = [(need, ref) for key, need in asked for ref in cell.cats[key]]
    if cell.gap or cell.strange:
        pairs += [("explicit", ref) for ref in cell.decls]
    for need, ref in pairs:
        d = _declaration(q, f, ref)
        assert d is not None
        key = (d.subject_space, d.controller)
        old, refs = out.get(key, ("nothing", set()))
        out[key] = (min(old, need, key=STRICT.index), refs | {ref})
    return out


def _person_columns(q: Question, f: Facts, refs: set[str]) -> bool:
    """D has a person key for every one of these declarations."""
    for ref in refs:
        d = _declaration(q, f, ref)
        assert d is not None
        if not any(
            i.kind == "person"
            and (i.declaration == ref if i.declaration else bool(d.subject_space) and i.space == d.subject_space)
            for i in f.identities
        ):
            return False
    return bool(refs)


def _applied(q: Question, f: Facts, key: tuple[str, str], need: str) -> bool:
    return f.built is not None and any(
        (row.space, row.controller) == key and STRICT.index(row.need) <= STRICT.index(need) and _fresh(q, row)
        for row in f.built.lists
    )


def _fresh(q: Question, row: Any) -> bool:
    return row.unapplied == 0 and row.applied_at <= q.at < row.applied_at + timedelta(hours=24)


def _view(f: Facts, u: str, key: tuple[str, str], need: str) -> Any:
    found = [x for x in f.consents if (x.customer, x.space, x.controller, x.need) == (u, *key, need)]
    return found[0] if found else None


def _harmless(f: Facts, u: str, key: tuple[str, str], need: str) -> bool:
    """Nothing is asked of anybody, and no minor must be left out."""
    view = _view(f, u, key, need)
    return need == "nothing" and (not key[0] or (view is not None and view.kind == "except" and view.count == 0))


@dataclass
class Said:
    """What people's say does: columns blank with codes, lists to pass, codes beside, and whether no row at all may pass."""

    blank: dict[str, set[str]] = field(default_factory=dict)
    lists: set[tuple[str, str, str]] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    nobody: set[str] = field(default_factory=set)
    needs: dict[tuple[str, str], str] = field(default_factory=dict)


def _people(q: Question, f: Facts, u: str, cells: dict[str, Cell]) -> Said:
    said = Said()
    if _returned(q, f, u):
        return said
    rows: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for c, cell in cells.items():
        for key, (need, refs) in _needs(q, f, u, cell).items():
            old, others = rows.get(key, ("nothing", set()))
            rows[key] = (min(old, need, key=STRICT.index), others | refs)
            if _person_columns(q, f, refs) or _applied(q, f, key, need) or _harmless(f, u, key, need):
                continue
            said.blank.setdefault(c, set()).add("not-separable")
            if f.built is not None and any((row.space, row.controller) == key for row in f.built.lists):
                said.blank[c].add("stale")
            if view := _view(f, u, key, need):
                said.codes |= _said(view)
    said.needs = {key: need for key, (need, _) in rows.items()}
    for key, (need, refs) in rows.items():
        if not _person_columns(q, f, refs) or _applied(q, f, key, need) or _harmless(f, u, key, need):
            continue
        view = _view(f, u, key, need)
        if view is None:
            said.nobody.add("consent-missing")
            continue
        said.lists.add((*key, need))
        said.codes |= _said(view)
        if f.built is not None and any((row.space, row.controller) == key for row in f.built.lists):
            said.codes.add("stale")
        if view.kind == "only" and view.count == 0:
            said.nobody |= _said(view)
    for o in f.obligations:
        refs = {x.declaration for x in f.origins if u in _whose(q, f, x)}
        refs = {ref for ref in refs if (d := _declaration(q, f, ref)) and d.subject_space == o.subject_space}
        done = f.built is not None and any(row.space == o.subject_space and _fresh(q, row) for row in f.built.erased)
        if o.customer != u or not o.subject_space or done:
            continue
        keyed = _person_columns(q, f, refs)
        if keyed:
            said.erased.add(o.subject_space)
        # The person may be in columns that nobody can filter: of the space without a key, or of people identified nobody says how.
        hidden = set()
        for c, cell in cells.items():
            for space, _ in _needs(q, f, u, cell):
                if space == "" or (space == o.subject_space and not keyed):
                    hidden.add(c)
        for c in hidden:
            said.blank.setdefault(c, set()).add("deletion-open")
        if refs or hidden:
            said.codes.add("deletion-open")
    if said.nobody:
        said.codes |= said.nobody
        said.nobody = said.codes & {
            "consent-missing",
            "consent-refused",
            "consent-withdrawn",
            "consent-expired",
            "objection",
        }
    return said


def _said(view: Any) -> set[str]:
    named = {"consent-refused": view.refused, "consent-withdrawn": view.withdrawn, "objection": view.objected}
    if view.kind == "only":
        named |= {"consent-expired": view.expired, "consent-missing": view.silent}
    codes = {code for code, count in named.items() if count}
    if view.kind == "only" and not codes and (view.allowed < view.registered or view.count == 0):
        codes.add("consent-missing")
    return codes


# ---------------------------------------------------------------- §5: everybody, separability, the plan


@dataclass
class Judged:
    """One customer."""

    out: set[str]
    cells: dict[str, Answer]
    said: Said
    granted: bool


def _own(q: Question, f: Facts) -> tuple[dict[str, Answer], Said]:
    """Data of no customer: no contract, but for what is personal the vendor as controller and a basis record."""
    cells = {c: cell for c in q.columns if (cell := _cell(q, f, "", c)) is not None}
    without = {c: _no_basis(q, f, cell) for c, cell in cells.items()}
    said = _people(q, f, "", {c: cell for c, cell in cells.items() if not without[c]})
    out = {}
    for c, cell in cells.items():
        answer = _contracts(q, f, "", c, cell, False)
        codes = answer.codes | ({"no-basis"} if without[c] else set()) | said.blank.get(c, set())
        blank = answer.kind == "blank" or without[c] or c in said.blank or bool(said.nobody)
        out[c] = Answer("blank" if blank else "keep", codes)
    return out, said


def _no_basis(q: Question, f: Facts, cell: Cell) -> bool:
    pairs = [(key, refs) for key, refs in cell.cats.items() if _about_people(f, key)]
    if cell.gap or cell.strange:
        return True
    for key, refs in pairs:
        rows = [_declaration(q, f, ref) for ref in refs]
        covered = any(
            b.customer == ""
            and b.valid_from <= q.at
            and (b.valid_to is None or b.valid_to > q.at)
            and (b.recorded_at is None or b.recorded_at <= q.as_known_at)
            and (b.ground in GROUND or b.ground in FREE)
            and v.covers(b.category, key)
            and v.covers(b.action, q.action)
            and v.covers(b.purpose, q.purpose)
            for b in f.bases
        )
        if not covered or not all(r is not None and r.controller_is_vendor for r in rows):
            return True
    return False


def _keyed(q: Question, f: Facts, d: Declaration) -> bool:
    return any(
        i.kind == "tenant"
        and (i.declaration == d.ref if i.declaration else bool(d.tenant_space) and i.space == d.tenant_space)
        for i in f.identities
    )


def _data(q: Question, f: Facts) -> Result:
    """A `keep` that rests on k or `aggregated` becomes `apply` when the build changes the row set: judge again as if it were missing."""
    found, changes = _judge_all(q, f, fewer=False)
    return _judge_all(q, f, fewer=True)[0] if changes else found


def _judge_all(q: Question, f: Facts, *, fewer: bool) -> tuple[Result, bool]:
    columns = sorted(set(q.columns))
    own_cells, own_said = _own(q, f)
    present = sorted({u for o in f.origins for u in _whose(q, f, o)} - {""})
    judged = {}
    for u in present:
        cells = {c: cell for c in columns if (cell := _cell(q, f, u, c)) is not None}
        said = _people(q, f, u, cells)
        answers = {}
        by_contract = []
        for c in columns:
            answer = _contracts(q, f, u, c, cells[c], fewer) if c in cells else Answer("none", set())
            by_contract.append((c, answer.kind))
            if c in said.blank:
                answer = Answer("blank", answer.codes | said.blank[c])
            if c in own_cells and own_cells[c].kind == "blank":
                answer = Answer("blank", answer.codes)
            answers[c] = answer
        said.lists |= own_said.lists
        said.erased |= own_said.erased
        presence = _presence(q, f, u)
        something = any(kind in ("keep", "apply") for _, kind in by_contract) or all(
            kind == "none" for _, kind in by_contract
        )
        granted = not presence and something and not any(kind == "blank" and c in q.required for c, kind in by_contract)
        judged[u] = Judged(presence | said.nobody, answers, said, granted)
    codes = {(code, u, "") for u, j in judged.items() for code in j.out | j.said.codes}
    codes |= {(code, u, c) for u, j in judged.items() for c, a in j.cells.items() for code in a.codes}
    codes |= {(code, "", c) for c, a in own_cells.items() for code in a.codes} | {
        (code, "", "") for code in own_said.codes
    }

    # §5.4
    refs = {o.declaration for o in f.origins}
    sources = [d for ref in refs if (d := _declaration(q, f, ref)) and not d.no_customer_data]
    strangers = [d for d in sources if d.tenant_space and d.unmapped_rows != 0 and f.built is None]
    codes |= {("unmapped-tenant", "", "") for _ in strangers}
    reaching = {o.declaration for o in f.origins if _whose(q, f, o) - {""}}
    unkeyed = [d for d in sources if d.ref in reaching and not _keyed(q, f, d)]
    together = bool(unkeyed) and len(present) > 1
    refused = together and any(j.out for j in judged.values())
    refused_by_strangers = bool(strangers) and (bool(unkeyed) or any(not _keyed(q, f, d) for d in strangers))
    if refused or refused_by_strangers:
        codes.add(("not-separable", "", ""))
    shared: dict[str, dict[str, Answer]] = {u: j.cells for u, j in judged.items()}
    lists = {u: j.said.lists for u, j in judged.items()}
    erased = {u: j.said.erased for u, j in judged.items()}
    if together:
        meet = {c: _meet([j.cells[c] for j in judged.values()]) for c in columns}
        for u, j in judged.items():
            for c in columns:
                a = j.cells[c]
                if a.kind in ("keep", "apply") and (a.kind, a.duties) != (meet[c].kind, meet[c].duties):
                    codes.add(("not-separable", u, c))
            shared[u] = meet
            lists[u] = {row for other in judged.values() for row in other.said.lists}
            erased[u] = {row for other in judged.values() for row in other.said.erased}

    # who stays
    staying = []
    for u in present:
        kinds = {a.kind for a in shared[u].values()}
        blank_required = [c for c in q.required if shared[u][c].kind == "blank"]
        everybody_out = together and any(j.out for j in judged.values())
        all_blank = "blank" in kinds and not kinds & {"keep", "apply"}
        codes |= {("required-column", u, c) for c in blank_required} | ({("all-blank", u, "")} if all_blank else set())
        if not (judged[u].out or everybody_out or blank_required or all_blank):
            staying.append(u)
    filtered = bool(strangers) or len(staying) < len(present)
    if refused or refused_by_strangers:
        staying = []
    if not present and not strangers:
        nobodys = {c: own_cells.get(c, Answer("none", set())) for c in columns}
        kinds = {a.kind for a in nobodys.values()}
        if not ("blank" in kinds and not kinds & {"keep", "apply"}) and not any(
            nobodys[c].kind == "blank" for c in q.required
        ):
            shared[""], lists[""], erased[""] = nobodys, own_said.lists, own_said.erased
            staying = [""]

    # the plan
    def has_row_duty(u: str) -> bool:
        return any(_rests_on_rows(r) for a in shared[u].values() for r in a.duties)

    changes = filtered or any(lists[u] or erased[u] or has_row_duty(u) for u in staying)
    cells = {(u, c): (a.kind, frozenset(a.duties)) for u in staying for c, a in shared[u].items()}
    plain = (
        not filtered
        and all(kind in ("keep", "none") for kind, _ in cells.values())
        and not any(lists[u] or erased[u] for u in staying)
    )
    codes = {row for row in codes if reasons.refuses(row[0])}
    people = _counts(f, judged)
    if not staying:
        return Result("deny", codes=frozenset(codes | {("nobody-left", "", "")}), people=people), changes
    if q.mode == "strict" and not plain:
        return Result("deny", codes=frozenset(codes), people=people), changes
    found = Result(
        "permit" if plain else "permit_with_plan",
        cells,
        frozenset(staying),
        frozenset((u, *row) for u in staying for row in lists[u]),
        frozenset((u, space) for u in staying for space in erased[u]),
        frozenset(codes),
        _days(q, f, [u for u in staying if u], cells, shared),
        changes,
        people,
        _undertaken(q, f, [u for u in staying if u]),
    )
    return found, changes


def _counts(f: Facts, judged: dict[str, Judged]) -> tuple[int, int, int, int]:
    """Over the people registered for each customer: per space, by the least that a list its rows ask for allows."""
    counts = [0, 0, 0, 0]
    for u, j in judged.items():
        for space in {x.space for x in f.consents if x.customer == u}:
            registered = max(x.registered for x in f.consents if x.customer == u and x.space == space)
            allowed = registered
            for key, need in j.said.needs.items():
                if key[0] == space:
                    view = _view(f, u, key, need)
                    allowed = min(allowed, view.allowed if view else 0)
            counts[0 if j.granted else 2] += allowed
            counts[1 if j.granted else 3] += registered - allowed
    return (counts[0], counts[1], counts[2], counts[3])


def _undertaken(q: Question, f: Facts, customers: list[str]) -> frozenset[tuple[str, str]]:
    """Duties that travel with the permission: those about the action, of every family of those whose data are released."""
    out = set()
    for u in customers:
        mine = [_declaration(q, f, o.declaration) for o in f.origins if u in _whose(q, f, o)]
        for family in _families(q, f, u):
            for d, clause, b in _of_kind(q, f, family, u, "Undertaking"):
                if _any(b.get("actions") or ["*"], v.touches, q.action) and any(
                    x is not None and _in_scope(clause, x, surely=False) for x in mine
                ):
                    out.add((d.ref, clause.ref))
    return frozenset(out)


def _meet(cells: list[Answer]) -> Answer:
    kinds = {a.kind for a in cells}
    if "blank" in kinds:
        return Answer("blank", set())
    if kinds == {"none"}:
        return Answer("none", set())
    duties = _reduce({r for a in cells for r in a.duties})
    days = [a.days for a in cells if a.days is not None]
    return Answer(
        "apply" if duties else "keep",
        set(),
        duties,
        min(days, default=None),
    )


def _days(
    q: Question, f: Facts, staying: list[str], cells: dict[tuple[str, str], Any], shared: dict[str, dict[str, Answer]]
) -> int | None:
    found = [a.days for u in staying for a in shared[u].values() if a.days is not None]
    for u in staying:
        mine = [_declaration(q, f, o.declaration) for o in f.origins if u in _whose(q, f, o)]
        for family in _families(q, f, u):
            for _, clause, b in _of_kind(q, f, family, u, "RetentionLimit"):
                if _about_train(q) and any(d is not None and _in_scope(clause, d, surely=False) for d in mine):
                    found.append(b["days"])
    return min(found, default=None)


# ---------------------------------------------------------------- §5: serve and assign


def _serve_or_assign(q: Question, f: Facts) -> Result:
    codes: set[tuple[str, str, str]] = set()
    parties = _served(q, f) | ({q.recipient} if q.recipient else set())
    for u in sorted({u for o in f.origins for u in _whose(q, f, o)} - {""}):
        mine = [_declaration(q, f, o.declaration) for o in f.origins if u in _whose(q, f, o)]
        owners: set[str] = set()
        unsaid = {d.ref for d in mine if d is not None}
        if any(o.customer == u and o.covers_models for o in f.obligations):
            codes.add(("deletion-open", u, ""))
        if any(g.customer in ("", u) for g in f.gaps):
            codes.add(("unreadable-fact", u, ""))
        for family in _families(q, f, u):
            for _, clause in _live(q, f, family, u):
                b = _body(clause, f)
                if b is None:
                    codes.add(("unreadable-fact", u, ""))
                    continue
                if not any(d is not None and _in_scope(clause, d, surely=False) for d in mine):
                    continue
                if clause.kind == "Prohibition" and _any(b["actions"], v.touches, q.action):
                    codes.add(("prohibition", u, ""))
                elif clause.kind == "UnencodedTerm" and _any(b.get("actions") or ["*"], v.touches, q.action):
                    codes.add(("unencoded-term", u, ""))
                elif clause.kind == "PartyRestriction":
                    named = set(b.get("parties", [])) | set(b.get("groups", []))
                    if any(named & _groups(q, f, party) for party in parties):
                        codes.add(("party-restriction", u, ""))
                elif clause.kind == "ModelOwnership":
                    owners.add(b["owner"])
                    unsaid -= {d.ref for d in mine if d is not None and _in_scope(clause, d, surely=True)}
        released = any(
            (r.customer, r.action, r.recipient) == (u, q.action, q.recipient)
            and r.valid_from <= q.at
            and (r.valid_to is None or r.valid_to > q.at)
            for r in f.owner_releases
        )
        to_customer = bool(_party(f, u)) and q.recipient == _party(f, u)
        to_vendor = bool(_party(f, u)) and q.recipient in f.vendor_parties and q.action == "serve"
        allowed = {"vendor": True, "customer": to_customer or released, "joint": to_customer or to_vendor or released}
        if unsaid or not all(allowed[owner] for owner in owners):  # unsaid, for some of the data, refuses
            codes.add(("model-ownership", u, ""))
    if codes:
        return Result("deny", codes=frozenset(codes))
    present = sorted({u for o in f.origins for u in _whose(q, f, o)} - {""})
    return Result("permit", undertakings=_undertaken(q, f, present))
