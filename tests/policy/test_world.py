"""Question and facts laid out: what rules ask for by name is what the facts say, and nothing besides."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from governance.policy import world as laid_out
from governance.policy.values import (
    Basis,
    Column,
    ColumnCategory,
    ConsentView,
    Customer,
    Declaration,
    Facts,
    Gap,
    Identity,
    InPlace,
    KeyColumn,
    Known,
    Membership,
    Model,
    Need,
    Obligation,
    OptIn,
    Origin,
    OwnerRelease,
    OwnKeys,
    Path,
    Schema,
    ServedTo,
    Version,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, D, S, ask, world

TICK = timedelta(microseconds=1)


def read(facts: Facts | None = None, rows_change: bool = False, **asked: Any) -> laid_out.World:
    return laid_out.read(ask(**asked), facts or world(customers=("a", "b")), rows_change=rows_change)


def having(**more: Any) -> laid_out.World:
    return read(replace(world(customers=("a", "b")), **more))


def origin(column: str = "text", source_column: str = "text", **more: Any) -> Origin:
    return Origin(**{"column": column, "declaration": "src", "namespace": NS, "dataset": S, "source_column": source_column, **more})  # fmt: skip


def test_a_world_holds_its_question_and_facts_and_whether_rows_change() -> None:
    facts = world()
    assert (read(facts).question, read(facts).facts, read(facts).rows_change) == (ask(), facts, False)
    assert read(rows_change=True).rows_change is True


def test_rows_of_the_facts_are_found_by_what_they_are_about() -> None:
    first, second = Basis("1", "a", "user", "train", PURPOSE, "consent", LONG_AGO), Basis("2", "a", "user", "train", PURPOSE, "consent", LONG_AGO)  # fmt: skip
    assert having(bases=(first, second)).bases_of == {"a": (first, second)}
    one, two = Obligation("1", "a", "open", NOW), Obligation("2", "a", "open", NOW)
    assert having(obligations=(two, one)).duties_of == {"a": (one, two)}
    assert having(gaps=(Gap("z", "a"), Gap("y", "a"), Gap("x"))).gaps_of == {"a": ("y", "z"), "": ("x",)}
    view = ConsentView("a", "s", "c", Need.CONSENT, "only", 1, "d", 1)
    other = replace(view, digest="e")
    assert having(consents=(view, other)).views_of == {"a": (view, other)}
    assert having(consents=(view, other)).views == {("a", "s", "c", Need.CONSENT): view}
    assert having(schemas=(Schema(NS, S, ("b", "a")), Schema(NS, S, ("c",)))).schemas == {(NS, S): ("a", "b", "c")}
    assert having(source_keys=(KeyColumn(NS, S, "t"),)).source_keys == {(NS, S, "t")}
    rows = (ColumnCategory(NS, S, "t", "x"), ColumnCategory(NS, S, "t", "y"), ColumnCategory(NS, D, "t", "z"))
    assert having(categories=rows).categories == {(NS, S, "t"): {"x", "y"}, (NS, D, "t"): {"z"}}
    assert having(categories=rows).declared_here("t") == {"z"} and having(categories=rows).declared_here("u") == set()
    assert read().customers == {"a": Customer("a", "pty-a", rows=100), "b": Customer("b", "pty-b", rows=100)}
    own = having(own_keys=OwnKeys(("c",), ("p",), ("s",), ("u",))).own
    assert (own.contract, own.personal, own.special, own.purposes) == ({"c"}, {"p"}, {"s"}, {"u"})


@pytest.mark.parametrize(("recorded", "known"), [(None, True), (NOW, True), (NOW + TICK, False)])
def test_declarations_count_as_they_were_known(recorded: Any, known: bool) -> None:
    found = having(declarations=(Declaration("d", NS, S, recorded_at=recorded),))
    assert (list(found.declarations) == ["d"]) is known


def test_columns_are_as_listed_or_plain_values() -> None:
    base = world()
    found = read(replace(base, dataset=replace(base.dataset, columns=(Column("text", "embedding"),))))
    assert found.column("text") == Column("text", "embedding") and found.column("other") == Column("other")
    assert found.columns == {"text": Column("text", "embedding")}


# --- who is here


def test_whose_data_an_origin_brings() -> None:
    own = Declaration("own", NS, "own", ("a",), no_customer_data=True)
    found = having(declarations=(*world(customers=("a", "b")).declarations, own))
    assert found.customers_of(origin()) == {"a", "b"}
    assert found.customers_of(origin(without=("a", "x"))) == {"b"}
    assert found.customers_of(origin(declaration="own")) == {""}
    assert found.customers_of(origin(declaration="missing")) == set()
    assert found.customers_of(origin()) == {"a", "b"}


def test_who_is_present_and_by_which_sources() -> None:
    second = Declaration("second", NS, "second", ("b", "c"))
    own = Declaration("own", NS, "own", no_customer_data=True)
    found = having(
        declarations=(*world(customers=("a", "b")).declarations, second, own),
        origins=(origin(), origin(declaration="second"), origin(declaration="own"), origin("use", without=("a",))),
    )
    assert found.present == ("a", "b", "c") and found.present_set == {"a", "b", "c"}
    assert found.declarations_of == {"a": {"src"}, "b": {"src", "second"}, "c": {"second"}, "": {"own"}}
    assert [d.ref for d in found.reaching] == ["second", "src"] == [d.ref for d in found.bringing]
    assert found.brought_by == {"a": 0b0001, "b": 0b1011, "c": 0b0010, "": 0b0100}


def test_a_source_that_brings_nobody_known_brings_rows_all_the_same() -> None:
    empty = having(declarations=(Declaration("src", NS, S, ()),))
    assert empty.reaching == () and [d.ref for d in empty.bringing] == ["src"] and empty.present == ()
    unknown = having(origins=(origin(declaration="missing"),))
    assert unknown.bringing == () and unknown.reaching == ()


def test_whom_an_attestation_keeps_out_altogether_is_absent() -> None:
    assert having(origins=(origin(without=("b", "a", "z")),)).absent == (("a", "src"), ("b", "src"))
    assert having(origins=(origin(without=("a",)), origin("use"))).absent == ()
    assert having(origins=(origin(declaration="missing", without=("a",)),)).absent == ()


# --- where columns come from


def test_origins_of_a_column_or_of_all_that_lineage_does_not_cover() -> None:
    text, star = origin(), origin("*", "rest")
    found = having(origins=(text, star))
    assert found.origins_of("text") == (text,) and found.origins_of("other") == (star,)
    assert having(origins=(text,)).origins_of("other") == ()
    assert found.origins == {"text": (text,), "*": (star,)}


def test_places_of_an_origin() -> None:
    found = having(schemas=(Schema(NS, S, ("b", "a")),))
    assert found.places_of(origin()) == ((NS, S, "text"),)
    assert found.places_of(origin(source_column="*")) == ((NS, S, "a"), (NS, S, "b"))
    assert found.places_of(origin(source_column="*", dataset="dark")) is None
    assert having(schemas=(Schema(NS, S, ()),)).places_of(origin(source_column="*")) is None


@pytest.mark.parametrize(
    ("source_column", "path", "content", "presence"),
    [("x", Path.CONTENT, True, False), ("x", Path.PRESENCE, False, True), ("*", Path.CONTENT, True, True), ("*", Path.PRESENCE, True, True)],
)  # fmt: skip
def test_a_star_is_content_and_presence(source_column: str, path: Path, content: bool, presence: bool) -> None:
    found = origin(source_column=source_column, path=path)
    assert (laid_out.is_content(found), laid_out.is_presence(found)) == (content, presence)


# --- versions and what is in place


def test_versions_are_those_that_can_be_read_at_the_instant() -> None:
    rows = [
        Version("v", name, *period)
        for name, period in (("now", (NOW,)), ("later", (NOW + TICK,)), ("gone", (LONG_AGO, NOW)), ("going", (LONG_AGO, NOW + TICK)))
    ]  # fmt: skip
    base = world()
    found = read(replace(base, dataset=replace(base.dataset, versions=tuple(rows))))
    assert [version.run for version in found.versions] == ["now", "going"]


def test_what_is_in_place_is_told_version_by_version() -> None:
    base = world()
    versions = tuple(Version("v", run, LONG_AGO) for run in ("two", "one"))
    here, there, other = InPlace("one", "dp", Known.DECLARED), InPlace("one", "dp", Known.DECLARED, ("x",)), InPlace("three", "dp", Known.DECLARED)  # fmt: skip
    found = read(replace(base, dataset=replace(base.dataset, versions=versions), safeguards=(here, there, other)))
    assert found.in_place("text") == ((here,), ()) and found.in_place("x") == ((here, there), ())
    assert found.in_place("text") == ((here,), ())


@pytest.mark.parametrize(
    ("safeguards", "off"),
    [
        ((("one", "anonymised", Known.DECLARED), ("two", "synthetic", Known.DECLARED)), True), ((("one", "anonymised", Known.DECLARED),), False),
        ((("one", "anonymised", Known.MEASURED), ("two", "anonymised", Known.DECLARED)), False), ((), False),
        ((("one", "dp", Known.DECLARED), ("two", "dp", Known.DECLARED)), False),
    ],
)  # fmt: skip
def test_a_column_leaves_the_personal_axis_where_every_version_is_attested(
    safeguards: tuple[Any, ...], off: bool
) -> None:
    base = world()
    versions = tuple(Version("v", run, LONG_AGO) for run in ("two", "one"))
    facts = replace(base, dataset=replace(base.dataset, versions=versions), safeguards=tuple(InPlace(*each) for each in safeguards))  # fmt: skip
    assert read(facts).off_personal_axis("text") is off
    nothing = replace(facts, dataset=replace(facts.dataset, versions=()))
    assert read(nothing).off_personal_axis("text") is False


def test_k_is_measured_over_what_is_declared_or_over_every_column_about_people() -> None:
    base = world(
        customers=("a",),
        columns={"text": ("user.name", "customer.content"), "use": ("customer.usage",), "mail": ("user.contact",)},
    )
    assert read(replace(base, quasi_identifiers=("z", "a", "z"))).quasi_identifiers == ("a", "z")
    assert read(base).quasi_identifiers == ("mail", "text")
    asked = replace(
        base,
        categories=(
            *base.categories,
            ColumnCategory(NS, D, "zip", "user.name"),
            ColumnCategory(NS, D, "*", "user.name"),
        ),
    )
    assert laid_out.read(ask("text", "zip"), asked).quasi_identifiers == ("mail", "text", "zip")
    unlisted = replace(
        base,
        dataset=replace(base.dataset, columns=()),
        origins=(*base.origins, origin("*", "mail"), origin("", "mail")),
    )
    assert read(unlisted).quasi_identifiers == ("mail", "text")
    own = replace(
        base, categories=(ColumnCategory(NS, S, "use", "acme.badge"),), own_keys=OwnKeys(personal=("acme.badge",))
    )
    assert read(own).quasi_identifiers == ("use",)
    dark = replace(base, origins=(*base.origins, origin("use", "*", dataset="dark")))
    assert read(dark).quasi_identifiers == ("mail", "text")


# --- keys


@pytest.mark.parametrize(
    ("said", "tenants", "people"),
    [
        (("tenant", "crm", ""), True, False), (("person", "people", ""), False, True), (("tenant", "people", ""), False, False), (("person", "crm", ""), False, False),
        (("tenant", "", ""), False, False), (("tenant", "x", "src"), True, False), (("tenant", "crm", "other"), False, False), (("person", "x", "src"), False, True),
    ],
)  # fmt: skip
def test_a_key_column_is_one_for_its_declaration_or_for_its_space(
    said: tuple[str, str, str], tenants: bool, people: bool
) -> None:
    one = Declaration("src", NS, S, ("a",), tenant_space="crm", subject_space="people")
    found = having(declarations=(one,), identities=(Identity("z", *said), Identity("a", *said)))
    assert found.tenant_columns(one) == (("a", "z") if tenants else ())
    assert found.person_columns(one) == (("a", "z") if people else ())
    spaceless = replace(one, tenant_space="", subject_space="")
    assert found.tenant_columns(spaceless) == (("a", "z") if tenants and said[2] else ())


# --- parties


def test_whoever_is_in_a_group_that_is_in_a_group_belongs_to_both() -> None:
    rows = (
        Membership("g", "p", LONG_AGO), Membership("h", "g", LONG_AGO), Membership("p", "h", LONG_AGO), Membership("past", "p", LONG_AGO, NOW),
        Membership("unknown", "p", LONG_AGO, recorded_at=NOW + TICK), Membership("i", "p", LONG_AGO),
    )  # fmt: skip
    found = having(memberships=rows)
    assert found.belongs_to("p") == {"p", "g", "h", "i"} and found.belongs_to("q") == {"q"}
    assert found.groups_of["g"] == {"g", "h", "p", "i"}


def test_whom_the_model_serves() -> None:
    rows = (
        Model("m", (ServedTo("z", LONG_AGO), ServedTo("a", LONG_AGO), ServedTo("past", LONG_AGO, NOW))),
        Model("n", (ServedTo("other", LONG_AGO),)),
    )
    facts = replace(world(), models=rows)
    assert read(facts, model="m").served == ("a", "z") and read(facts).served == ()
    for action in ("serve", "assign"):
        assert read(facts, action=action).served == ("a", "other", "z")


def test_who_receives() -> None:
    facts = replace(world(), vendor_parties=("v2", "v1", "v2"))
    assert read(facts).recipients == ("v1", "v2") and read(facts, recipient="x").recipients == ("x",)


def test_what_goes_back_to_whom() -> None:
    assert read(action="return", recipient="pty-a").returns_to("a")
    for asked, customer in (
        ({"action": "return", "recipient": "pty-a"}, "b"), ({"action": "return", "recipient": "pty-a"}, "c"), ({"action": "train", "recipient": "pty-a"}, "a"),
        ({"action": "return"}, "a"),
    ):  # fmt: skip
        assert read(**asked).returns_to(customer) is False  # type: ignore[arg-type]
    nameless = replace(world(customers=("a",)), customers=(Customer("a"),))
    assert read(nameless, action="return", recipient="").returns_to("a") is False


@pytest.mark.parametrize(
    ("changed", "released"),
    [
        ({}, True),
        ({"action": "assign"}, False),
        ({"recipient": "y"}, False),
        ({"valid_from": NOW + TICK}, False),
        ({"customer": "b"}, False),
    ],
)
def test_whose_release_there_is(changed: dict[str, Any], released: bool) -> None:
    row = OwnerRelease(**{"customer": "a", "action": "serve", "recipient": "x", "valid_from": LONG_AGO, **changed})
    assert read(replace(world(), owner_releases=(row,)), action="serve", recipient="x").released_by("a") is released


@pytest.mark.parametrize(
    ("period", "active"),
    [((LONG_AGO, None), True), ((LONG_AGO, NOW), False), ((NOW, NOW + TICK), True), ((NOW + TICK, None), False)],
)
def test_opt_ins_that_are_active_and_known(period: tuple[Any, Any], active: bool) -> None:
    row = OptIn("off", "a", *period)
    assert having(opt_ins=(row,)).opted_in == ({("a", "off")} if active else set())
    assert having(opt_ins=(replace(row, recorded_at=NOW + TICK),)).opted_in == set()
