"""Small random worlds: two customers, three sources, three columns, and every kind of fact that decides, often in conflict.

A world is thrown from one number: hundreds of choices per world would make Hypothesis itself the slowest part of these tests, and its
search leans towards worlds in which nothing is granted. A failing number reproduces its world: `world_of(number)`.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from governance.policy import canonical
from governance.policy.values import (
    AppliedList,
    Basis,
    Bounds,
    Built,
    Clause,
    Column,
    ColumnCategory,
    Completeness,
    ConsentView,
    Coverage,
    Customer,
    Dataset,
    Declaration,
    Document,
    Facts,
    Family,
    Gap,
    Identity,
    InPlace,
    KeyColumn,
    Known,
    Membership,
    Mode,
    Model,
    Need,
    Obligation,
    OptIn,
    Origin,
    OwnerRelease,
    OwnKeys,
    Path,
    Prevails,
    Question,
    Schema,
    ServedTo,
    Version,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, D

CUSTOMERS = ("a", "b")
ACTIONS = ("train", "train.finetune", "improve", "review", "disclose")
PURPOSES = ("functional", "functional.service", "marketing")
CONTRACT = ("customer.content", "customer.usage", "customer.input", "customer.usage.uptime")
PERSONAL = (
    "user.contact", "user.contact.email", "user.behavior", "user.health_and_medical", "user.childrens", "badge.number", "system.operations",
)  # fmt: skip
OWN = OwnKeys(contract=("customer.usage.uptime",), personal=("badge.number",), special=("badge.gene",))
COLUMNS = ("x", "y", "z")
SOURCES = {"S1": ("p", "q"), "S2": ("r",), "S3": ("t",)}
DATASET_OF = {"src-1": "S1", "src-2": "S2", "src-3": "S3"}
SOON, LATER = NOW + timedelta(hours=6), NOW + timedelta(days=2)
SAFEGUARDS: tuple[dict[str, Any], ...] = (
    {"kind": "pseudonymised"},
    {"kind": "pseudonymised", "known": "claimed"},
    {"kind": "pseudonymised", "standard": "hipaa"},
    {"kind": "deidentified"},
    {"kind": "deidentified", "k": 20, "known": "measured"},
    {"kind": "deidentified", "k": 5},
    {"kind": "deidentified", "k": 20, "standard": "hipaa"},
    {"kind": "aggregated", "n": 10},
    {"kind": "aggregated", "n": 10, "c": 3},
    {"kind": "dp", "epsilon": "0.5"},
    {"kind": "anonymised"},
)


class Dice:
    """Choices from one number."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)

    def one[T](self, *values: T) -> T:
        """One of some values."""
        return self.random.choice(values)

    def some[T](self, values: Sequence[T], least: int, most: int) -> list[T]:
        """A few different values."""
        return self.random.sample(list(values), min(len(values), self.random.randint(least, most)))

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < share

    def start(self) -> datetime:
        """The start of a period, mostly long ago."""
        return self.one(NOW - timedelta(hours=1), NOW, SOON, LATER) if self.chance(0.06) else LONG_AGO

    def end(self) -> datetime | None:
        """The end of a period, mostly none."""
        return self.one(NOW - timedelta(hours=1), NOW, SOON, LATER) if self.chance(0.07) else None

    def period(self) -> dict[str, Any]:
        """A period that mostly holds."""
        return {"valid_from": self.start(), "valid_to": self.end()}


def grant(dice: Dice) -> dict[str, Any]:
    """The body of a grant, usually one that covers a good deal."""
    body: dict[str, Any] = {
        "actions": dice.one(
            ["train"],
            ["train"],
            ["improve", "train", "review", "disclose"],
            ["improve", "train", "review", "disclose"],
            ["train.finetune"],
        ),
        "categories": dice.one(
            ["customer"], ["customer"], ["customer.content"], ["customer.usage", "customer.content"]
        ),
        "purposes": dice.one(["*"], ["*"], ["functional"], ["functional.service"], ["marketing"]),
    }
    if dice.chance(0.35):
        body["safeguards"] = dice.some(SAFEGUARDS, 1, 2)
    if dice.chance(0.3):
        extra = {
            "offer": "off",
            "until": dice.one("2026-10-01", "2026-11-02", "2027-01-01"),
            "customer_only": True,
            "recipients": dice.one(["pty-x"], ["grp-1"], ["pty-v", "pty-w"]),
            "regions": ["eu"],
            "max_retention_days": dice.one(30, 90),
        }
        name = dice.one(*extra)
        body[name] = extra[name]
    return body


def term(dice: Dice) -> tuple[str, dict[str, Any]]:
    """A kind of clause with a body."""
    kind = dice.one(
        "Grant", "Grant", "Grant", "TrainingPosition", "Prohibition", "PartyRestriction", "OptInOffer", "RetentionLimit", "ModelOwnership",
        "UnencodedTerm", "DeletionTerm", "Undertaking", "AuditRight",
    )  # fmt: skip
    bodies: dict[str, dict[str, Any]] = {
        "Grant": grant(dice),
        "TrainingPosition": {"position": dice.one("prohibited", "silent", "negotiated")},
        "Prohibition": {
            "actions": dice.some(ACTIONS, 1, 2),
            "categories": dice.one(*((dice.some((*CONTRACT, *PERSONAL[:3]), 1, 1)),) * 7, ["customer"]),
            "purposes": dice.one([], [], dice.some(PURPOSES, 1, 1)),
        },
        "PartyRestriction": dice.one({"parties": ["pty-x"]}, {"groups": ["grp-1"]}),
        "OptInOffer": {"discount": "8 %"},
        "RetentionLimit": {"days": 60},
        "ModelOwnership": {"owner": dice.one("vendor", "vendor", "customer", "joint")},
        "UnencodedTerm": {
            "actions": dice.some(ACTIONS, 1, 1),
            "categories": dice.one([], dice.some((*CONTRACT, *PERSONAL[:2]), 1, 1)),
        },
        "DeletionTerm": {"trigger": "contract-end", "deadline_days": 30},
        "Undertaking": {"duty": "attribution", "actions": dice.some(("train", "review", "serve"), 1, 2)},
        "AuditRight": {"by": "the customer", "what": "training"},
    }
    return kind, bodies[kind]


def clause(dice: Dice, ref: str) -> Clause:
    """A clause, the first of a family as a rule a grant; rarely one that cannot be read."""
    kind, body = ("Grant", grant(dice)) if ref.endswith("d0-c0") and dice.chance(0.9) else term(dice)
    text = canonical.text(body)
    if dice.chance(0.01):
        text = dice.one("", "[]", '{"actions":["nosuch"],"categories":["customer"],"purposes":["*"]}')
    scope = {
        "products": dice.one(("desk",), ("other",)) if dice.chance(0.12) else (),
        "environments": dice.one(("live",), ("test",)) if dice.chance(0.04) else (),
        "regions": dice.one(("eu",), ("us", "eu")) if dice.chance(0.04) else (),
    }
    return Clause("off" if kind == "OptInOffer" else ref, kind, text, number=ref, **scope)


def document(dice: Dice, family: str, number: int) -> Document:
    """A document with a few clauses, that may repeal clauses of others and prevail over them."""
    others = [f"{family}-d{n}" for n in range(2) if n != number]
    prevails = [
        Prevails(
            over,
            tuple(dice.some(("train", "improve", "train.finetune"), 1, 2)),
            tuple(dice.some(("customer", "user", "customer.usage"), 1, 2)),
        )
        for over in others
        if dice.chance(0.35)
    ]
    signed = dice.one(NOW.date(), None) if dice.chance(0.08) else LONG_AGO.date()
    return Document(
        ref=f"{family}-d{number}",
        recorded_at=dice.one(NOW - timedelta(hours=1), SOON) if dice.chance(0.08) else LONG_AGO,
        effective_at=dice.start(),
        signed_on=signed,
        clauses=tuple(clause(dice, f"{family}-d{number}-c{i}") for i in range(dice.one(1, 2, 3))),
        expires_at=dice.end(),
        terminated_at=dice.end() if dice.chance(0.5) else None,
        renewal=dice.one("none", "none", "automatic", "evergreen"),
        activated=not dice.chance(0.03),
        repeals=(f"{dice.one(*others)}-c{dice.one(0, 1, 2)}",) if dice.chance(0.12) else (),
        prevails=tuple(prevails),
    )


def family(dice: Dice, ref: str) -> Family:
    """A family that covers one or both customers."""
    covered = dice.one(*(("a", "b"),) * 6, ("a",), ("b",))
    rows = tuple(Coverage(u, **dice.period()) for u in covered)
    return Family(ref, rows, tuple(document(dice, ref, n) for n in range(dice.one(1, 2))))


def families(dice: Dice) -> tuple[Family, ...]:
    """One or two families; at times all accept one standard form, some of them twice, whose clauses have one reference everywhere."""
    found = [family(dice, f"f{n}") for n in range(dice.one(1, 1, 2))]
    if dice.chance(0.15):
        form = tuple(clause(dice, f"form-c{i}") for i in range(dice.one(1, 2)))
        for number, each in enumerate(found):
            accepted = tuple(
                replace(document(dice, each.ref, n), ref=f"{each.ref}-acc{n}", clauses=form, repeals=())
                for n in range(dice.one(1, 1, 2))
            )
            others = each.documents
            if dice.chance(0.5):
                others = (replace(others[0], repeals=("form-c0",)), *others[1:])
            found[number] = replace(each, documents=(*others, *accepted))
    return tuple(found)


def declarations(dice: Dice) -> tuple[Declaration, ...]:
    """S1 holds both customers' rows, S2 one customer's, S3 nobody's."""
    about = {"subject_column": "person", "subject_space": "people", "controller": "ctl"}
    place = {"environment": dice.one("live", "live", "test", ""), "region": dice.one("eu", "eu", "us", "")}

    def product() -> str:
        return dice.one("desk", "desk", "other", "")

    first = Declaration(
        "src-1", NS, "S1", CUSTOMERS, tenant_space="crm", tenant_column="tenant", product=product(),
        unmapped_rows=dice.one(3, None) if dice.chance(0.2) else 0, **(about if dice.chance(0.7) else {}), **place,
    )  # fmt: skip
    second = Declaration(
        "src-2", NS, "S2", (dice.one(*CUSTOMERS),), product=product(), **(about if dice.chance(0.5) else {})
    )
    third = Declaration(
        "src-3",
        NS,
        "S3",
        no_customer_data=True,
        controller="vendor",
        controller_is_vendor=dice.chance(0.7),
        subject_space="people",
    )
    return (first, second, third)


def origins(dice: Dice) -> tuple[Origin, ...]:
    """Where each column comes from: one or two source columns, at times all of a source."""
    sources = dice.one(
        ("src-1",),
        ("src-1",),
        ("src-1",),
        ("src-1", "src-2"),
        ("src-1", "src-3"),
        ("src-1", "src-2", "src-3"),
        ("src-2",),
        ("src-3",),
    )
    found = []
    covered = COLUMNS if dice.chance(0.8) else (*COLUMNS[:2], "*")
    for column in (*covered, *(["*"] if dice.chance(0.2) else [])):
        for ref in dice.some(sources, 1, 2):
            dataset = DATASET_OF[ref]
            found.append(
                Origin(
                    column, ref, NS, dataset,
                    source_column="*" if dice.chance(0.08) else dice.one(*SOURCES[dataset]),
                    path=Path.PRESENCE if dice.chance(0.06) else Path.CONTENT,
                    masked=dice.chance(0.3),
                    without=(dice.one(*CUSTOMERS),) if dice.chance(0.06) else (),
                )
            )  # fmt: skip
    if dice.chance(0.2):
        found.append(Origin("", "src-1", NS, "S1", dice.one("p", "tenant", "tenant"), Path.PRESENCE))
    return tuple(found)


def categories(dice: Dice) -> tuple[ColumnCategory, ...]:
    """Nearly every source column has a category of the contract axis, many one about people."""
    found = []
    for dataset, columns in SOURCES.items():
        for column in columns:
            if dataset == "S3":
                keys = dice.one([], ["system.operations"], ["system.operations"], ["user.contact"])
            else:
                keys = [] if dice.chance(0.05) else dice.some(CONTRACT, 1, 2)
                keys += dice.some(PERSONAL, 1, 1) if dice.chance(0.35) else []
            found += [ColumnCategory(NS, dataset, column, key) for key in keys]
    if dice.chance(0.15):
        found.append(ColumnCategory(NS, D, "x", dice.one("customer", "nosuch.key", *CONTRACT, *PERSONAL)))
    return tuple(found)


def in_place(dice: Dice) -> InPlace:
    """A safeguard of one of the versions."""
    name = dice.one("pseudonymised", "deidentified", "deidentified", "aggregated", "anonymised", "synthetic", "dp")
    return InPlace(
        run=dice.one("run-1", "run-1", "run-2"),
        safeguard=name,
        known=Known.DECLARED if name == "anonymised" and dice.chance(0.8) else dice.one(*Known),
        columns=dice.one((), ("x",), ("x", "y")),
        standard=dice.one("", "hipaa"),
        bounds=Bounds(
            k=dice.one(None, 5, 20, 50), n=dice.one(None, 10), c=dice.one(None, 3), epsilon=dice.one(None, "0.1", "1")
        ),
        quasi_identifiers=dice.one(("x", "y", "z"), ("x",)),
    )


def view(dice: Dice, customer: str, controller: str, need: Need) -> ConsentView:
    """What a customer's people said; the list itself is the space's, the same for every customer."""
    only = need in (Need.GUARDED, Need.EXPLICIT, Need.CONSENT)
    refused, withdrawn, objected, expired, silent = (dice.one(0, 0, 2) for _ in range(5))
    allowed = dice.one(0, 5, 5)
    return ConsentView(
        customer, "people", controller, need, "only" if only else "except", count=9, digest=f"d-{controller}-{need}", position=7,
        registered=allowed + refused + withdrawn + objected + expired + silent, allowed=allowed,
        refused=refused, withdrawn=withdrawn, objected=objected, expired=expired, silent=silent,
    )  # fmt: skip


# Where nobody has consented nobody has explicitly; where nobody has objected there is nobody to leave out where nothing is needed.
EMPTY_WITH = {
    Need.GUARDED: (Need.GUARDED,),
    Need.EXPLICIT: (Need.GUARDED, Need.EXPLICIT),
    Need.CONSENT: (Need.GUARDED, Need.EXPLICIT, Need.CONSENT),
    Need.NO_OBJECTION: (Need.NO_OBJECTION, Need.NOTHING),
    Need.NOTHING: (Need.NOTHING,),
}


def consents(dice: Dice) -> tuple[ConsentView, ...]:
    """Views for every need; rarely none at all, and rarely lists on which nobody stands.

    Whoever is on the list of a strict need is on that of a lax one too, as when people are counted: laws rest on it.
    """
    if dice.chance(0.05):
        return ()
    pairs = [(u, "ctl") for u in CUSTOMERS] + [("", "vendor")]
    found = tuple(view(dice, u, controller, need) for u, controller in pairs for need in Need)
    nobody = set(dice.some(tuple(Need), 0, 1)) if dice.chance(0.1) else set()
    empty = nobody | ({Need.NOTHING} if dice.chance(0.9) else set())
    return tuple(
        replace(v, count=0) if v.need in {each for one in empty for each in EMPTY_WITH[one]} else v for v in found
    )


def basis(dice: Dice, ref: str) -> Basis:
    """A basis record, as a rule one that covers what is asked."""
    return Basis(
        ref,
        dice.one("a", "b", ""),
        dice.one("user", "user", "user.contact", "user.behavior"),
        dice.one("train", "train", "train.finetune", "improve", "review"),
        dice.one("functional", "functional", "functional.service", "marketing"),
        dice.one("consent", "legitimate-interest", "customer-warranty", "contract", "explicit-consent", "unheard-of"),
        **dice.period(),
    )


def built(dice: Dice) -> Built | None:
    """At times D is what the builder made."""
    if not dice.chance(0.12):
        return None
    row = AppliedList("people", "ctl", dice.one(*Need), NOW - timedelta(hours=dice.one(1, 20, 30)), dice.one(0, 0, 1))
    return Built("plan", (row,), (row,) if dice.chance(0.5) else ())


def obligations(dice: Dice) -> tuple[Obligation, ...]:
    """Rarely a deletion that is due, of a customer or of some of its people."""
    if not dice.chance(0.1):
        return ()
    of_people: dict[str, Any] = {"subject_space": "people", "subjects": 3, "digest": "dd"} if dice.chance(0.6) else {}
    return (Obligation("obl", dice.one(*CUSTOMERS), "open", NOW, dice.chance(0.5), **of_people),)


def identities(dice: Dice) -> tuple[Identity, ...]:
    """The keys that D has."""
    said = (
        (0.85, Identity("tenant", "tenant", "crm")),
        (0.8, Identity("tenant", "tenant", "crm", "src-2")),
        (0.75, Identity("person", "person", "people")),
    )
    return tuple(identity for share, identity in said if dice.chance(share))


def world_of(number: int) -> Facts:
    """Throw a whole world."""
    dice = Dice(number)
    kinds = [dice.one("value", "value", "value", "text") for _ in COLUMNS]
    return Facts(
        dataset=Dataset(
            NS, D,
            columns=tuple(map(Column, COLUMNS, kinds)),
            versions=tuple(Version(D, f"run-{n}", LONG_AGO) for n in dice.one((1,), (1,), (1, 2))),
            completeness=dice.one(Completeness.PARTIAL, Completeness.UNKNOWN) if dice.chance(0.05) else Completeness.KNOWN,
        ),
        declarations=declarations(dice),
        origins=origins(dice),
        schemas=tuple(Schema(NS, s, columns) for s, columns in SOURCES.items() if dice.chance(0.9)),
        categories=categories(dice),
        source_keys=(KeyColumn(NS, "S1", "tenant"),),
        identities=identities(dice),
        safeguards=tuple(in_place(dice) for _ in range(dice.one(0, 1, 2))),
        quasi_identifiers=dice.one((), (), ("x",)),
        customers=tuple(Customer(u, f"pty-{u}", rows=10) for u in CUSTOMERS),
        families=families(dice),
        opt_ins=tuple(OptIn("off", u, **dice.period()) for u in CUSTOMERS if dice.chance(0.6)),
        parties=("pty-x", "pty-y", "pty-a", "pty-b"),
        vendor_parties=("pty-v", "pty-w") if dice.chance(0.3) else ("pty-v",),
        memberships=(
            Membership("grp-1", dice.one("pty-x", "grp-2", "pty-a", "pty-w"), **dice.period()),
            Membership("grp-2", dice.one("pty-y", "pty-y", "pty-v"), LONG_AGO),
        ),
        bases=tuple(basis(dice, f"bas-{n}") for n in range(dice.one(0, 1, 2, 3))),
        consents=consents(dice),
        obligations=obligations(dice),
        models=(Model("mdl", tuple(ServedTo(dice.one("pty-a", "pty-y"), **dice.period()) for _ in range(dice.one(0, 1, 2)))),),
        owner_releases=tuple(OwnerRelease(u, "serve", "pty-x", valid_to=dice.one(None, SOON), valid_from=LONG_AGO) for u in CUSTOMERS if dice.chance(0.3)),
        built=built(dice),
        gaps=(Gap("something", dice.one("", "a")),) if dice.chance(0.01) else (),
        own_keys=OWN,
    )  # fmt: skip


def question_of(number: int) -> Question:
    """Throw a question that means something."""
    dice = Dice(number)
    action = dice.one(
        *("train",) * 10,
        "train.finetune",
        "train.finetune",
        "improve",
        "review",
        "disclose",
        "return",
        "serve",
        "assign",
    )
    on_model = action in ("serve", "assign")
    columns = () if on_model else tuple(dice.some(COLUMNS, 1, 3))
    needs_recipient = action in ("disclose", "return") or on_model
    recipients = ("pty-x", "pty-y", "pty-a", "pty-v") if needs_recipient else (*(None,) * 8, "pty-v", "pty-x")
    return Question(
        NS, D, columns, action, "" if on_model else dice.one("functional.service", "functional.service", "functional", "marketing"),
        at=NOW, as_known_at=NOW, recipient=dice.one(*recipients), model="mdl" if dice.chance(0.25) else None,
        region=dice.one(None, "eu", "us"), mode=dice.one(Mode.STRICT, Mode.STRICT, Mode.PREFLIGHT) if dice.chance(0.2) else Mode.PLAN,
        required=(columns[0],) if columns and dice.chance(0.08) else (),
    )  # fmt: skip


_NUMBERS = st.integers(min_value=0, max_value=2**62)


def facts() -> st.SearchStrategy[Facts]:
    """Worlds."""
    return _NUMBERS.map(world_of)


def questions() -> st.SearchStrategy[Question]:
    """Questions."""
    return _NUMBERS.map(question_of)


def data_questions() -> st.SearchStrategy[Question]:
    """Questions about data, content with a part."""
    return questions().filter(lambda q: q.action not in ("serve", "assign")).map(lambda q: replace(q, mode=Mode.PLAN))
