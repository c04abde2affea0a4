"""Whose data, of which categories, are in a column, and through which columns somebody is merely present (SEMANTICS §4)."""

from dataclasses import replace
from typing import Any

from governance.policy import exposure
from governance.policy import world as laid_out
from governance.policy.exposure import Cell
from governance.policy.values import (
    ColumnCategory,
    Declaration,
    Facts,
    InPlace,
    KeyColumn,
    Known,
    Origin,
    Path,
    Schema,
)
from tests.policy.worlds import NS, D, S, ask, world

TEXT, VISITS, STATUS = (f"{NS} {S} {column}" for column in ("text", "visits", "status"))
OWN = Declaration("own", NS, "own", no_customer_data=True)
LOG = Declaration("log", NS, "crm.log", ("b", "a"), tenant_space="crm", unmapped_rows=0)


def facts(**more: Any) -> Facts:
    """Two customers in one source."""
    return replace(world(customers=("a", "b")), **more)


def read(found: Facts, *columns: str) -> laid_out.World:
    return laid_out.read(ask(*(columns or ("text",))), found.normal())


def cell(found: Facts, customer: str = "a", column: str = "text") -> Cell | None:
    one = exposure.cell(read(found, column), customer, column)
    assert one == exposure.cells(read(found, column)).get((customer, column))
    return one


def origin(column: str = "text", source_column: str = "text", **more: Any) -> Origin:
    return Origin(**{"column": column, "declaration": "src", "namespace": NS, "dataset": S, "source_column": source_column, **more})  # fmt: skip


def category(column: str, key: str, dataset: str = S) -> ColumnCategory:
    return ColumnCategory(NS, dataset, column, key)


# --- cells


def test_a_cell_holds_the_categories_of_its_source_columns_by_declaration() -> None:
    assert cell(facts()) == Cell("a", "text", {"customer.content": frozenset({"src"})}, frozenset({"src"}), (), (), False)  # fmt: skip
    two = facts(
        declarations=(*facts().declarations, LOG),
        origins=(origin(), origin(declaration="log", dataset="crm.log", source_column="line")),
        categories=(category("text", "customer.content"), category("line", "customer.usage", "crm.log"), category("line", "customer.content", "crm.log")),
    )  # fmt: skip
    found = cell(two)
    assert found is not None and found.declarations == {"src", "log"} and found.uncategorised == ()
    assert found.categories == {"customer.content": frozenset({"src", "log"}), "customer.usage": frozenset({"log"})}
    assert list(found.categories) == ["customer.content", "customer.usage"]


def test_what_is_declared_on_the_column_itself_adds_for_every_declaration() -> None:
    found = cell(facts(categories=(category("text", "customer.content"), category("text", "user.name", D))))
    assert found is not None and found.categories == {"customer.content": frozenset({"src"}), "user.name": frozenset({"src"})}  # fmt: skip
    alone = cell(facts(categories=(category("text", "customer.content", D),)))
    assert alone is not None and alone.uncategorised == (TEXT,)


def test_only_who_is_there_has_a_cell() -> None:
    assert cell(facts(), "c") is None
    assert cell(facts(origins=(origin(without=("a",)),))) is None
    assert cell(facts(origins=(origin(path=Path.PRESENCE),))) is None
    both = exposure.cells(read(facts()))
    assert list(both) == [("a", "text"), ("b", "text")]
    assert list(exposure.cells(read(facts()), {"b"})) == [("b", "text")]
    assert exposure.cells(read(facts()), set()) == {}


def test_source_columns_without_a_category_of_the_contract_axis_are_named() -> None:
    for keys, named in ((("user.name",), (TEXT,)), (("customer.usage", "user.name"), ()), ((), (TEXT,))):
        found = cell(facts(categories=tuple(category("text", key) for key in keys)))
        assert found is not None and found.uncategorised == named
    own = {"declarations": (OWN,), "origins": (origin(declaration="own"),)}
    for keys, named in ((("user.name",), ()), ((), (TEXT,))):
        found = cell(facts(categories=tuple(category("text", key) for key in keys), **own), "")
        assert found is not None and found.uncategorised == named


def test_a_star_stands_for_all_known_columns_of_the_source_or_for_unknown_ones() -> None:
    star = facts(origins=(origin(source_column="*"),), schemas=(Schema(NS, S, ("text", "visits")),), categories=(category("text", "customer.content"),))  # fmt: skip
    found = cell(star)
    assert found is not None and found.uncategorised == (VISITS,)
    found = cell(replace(star, schemas=()))
    assert found is not None and (found.uncategorised, found.categories) == ((f"{NS} {S} *",), {})


def test_a_column_that_lineage_does_not_cover_comes_from_everywhere() -> None:
    found = cell(facts(origins=(origin("*", "text"),)), column="other")
    assert found is not None and (found.column, list(found.categories)) == ("other", ["customer.content"])
    covered = facts(origins=(origin("*", "text"), origin("other", "visits")), categories=(category("visits", "customer.usage"),))  # fmt: skip
    found = cell(covered, column="other")
    assert found is not None and list(found.categories) == ["customer.usage"]


def test_categories_that_are_in_no_tree_are_named_sorted() -> None:
    found = cell(facts(categories=(category("text", "zzz"), category("text", "aaa", D), category("text", "customer.content"))))  # fmt: skip
    assert found is not None and found.unreadable == ("aaa", "zzz")


def test_masking_counts_where_every_path_claims_it() -> None:
    for paths, masked in (((True,), True), ((True, False), False), ((False,), False), ((True, True), True)):
        found = cell(facts(origins=tuple(origin(source_column=f"c{n}", masked=each) for n, each in enumerate(paths))))
        assert found is not None and found.masked is masked


def test_a_column_that_is_attested_anonymised_or_synthetic_leaves_the_personal_axis() -> None:
    base = facts(categories=(category("text", "customer.content"), category("text", "user.name"), category("text", "zzz")))  # fmt: skip
    for safeguard, known, kept in (
        ("anonymised", Known.DECLARED, False), ("synthetic", Known.DECLARED, False), ("anonymised", Known.CLAIMED, True), ("dp", Known.DECLARED, True),
    ):  # fmt: skip
        found = cell(replace(base, safeguards=(InPlace("run-1", safeguard, known),)))
        assert found is not None and ("user.name" in found.categories) is kept
        assert "customer.content" in found.categories and found.unreadable == ("zzz",)


# --- presence


def present(found: Facts, customers: set[str] | None = None) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    got = exposure.presences(read(found), customers)
    return {u: [(exposure.name(each), tuple(sorted(each.categories))) for each in rows] for u, rows in got.items()}


def test_who_is_present_through_which_columns() -> None:
    base = facts(
        origins=(origin(), origin("", "visits", path=Path.PRESENCE), origin("text", "status", path=Path.PRESENCE, without=("b",))),
        categories=(category("text", "customer.content"), category("visits", "customer.usage"), category("visits", "user.name")),
    )  # fmt: skip
    through = (VISITS, ("customer.usage", "user.name"))
    assert present(base) == {"a": [(STATUS, ()), through], "b": [through]}
    assert {each.customer for each in exposure.presences(read(base))["b"]} == {"b"}
    assert present(base, {"b"}) == {"b": [through]} and present(base, set()) == {}
    assert present(facts()) == {}
    own = facts(declarations=(OWN,), origins=(origin("", "visits", path=Path.PRESENCE, declaration="own"),))
    assert present(own) == {}


def test_a_star_is_content_and_presence_of_every_column() -> None:
    star = facts(origins=(origin(source_column="*"),), schemas=(Schema(NS, S, ("text", "visits")),), categories=(category("text", "customer.content"),))  # fmt: skip
    assert present(star)["a"] == [(TEXT, ("customer.content",)), (VISITS, ())]
    assert present(replace(star, schemas=()))["a"] == [(f"{NS} {S} *", ())]


def test_presences_stand_in_the_order_of_their_columns() -> None:
    rows = [origin(to, from_, path=Path.PRESENCE) for to, from_ in (("", "z"), ("y", "a"), ("x", "a"), ("", "m"), ("", "a"))]  # fmt: skip
    found = exposure.presences(read(facts(origins=tuple(rows))))["a"]
    assert [(each.origin.source_column, each.origin.column) for each in found] == [("a", ""), ("a", "x"), ("a", "y"), ("m", ""), ("z", "")]  # fmt: skip
    two = facts(declarations=(*facts().declarations, LOG), origins=(origin("", "a", path=Path.PRESENCE), origin("", "z", path=Path.PRESENCE, declaration="log")))  # fmt: skip
    assert [each.declaration.ref for each in exposure.presences(read(two))["a"]] == ["log", "src"]
    dark = facts(origins=(origin("", "*", dataset="b"), origin("", "*", dataset="a"), origin("x", "*", dataset="a")), schemas=())  # fmt: skip
    assert [(each.origin.dataset, each.origin.column) for each in exposure.presences(read(dark))["a"]] == [("a", ""), ("a", "x"), ("b", "")]  # fmt: skip


def test_unknown_columns_of_a_source_stand_before_its_known_ones() -> None:
    rows = (origin("", "A", path=Path.PRESENCE), origin("", "*"))
    found = exposure.presences(read(facts(origins=rows, schemas=())))["a"]
    assert [each.origin.source_column for each in found] == ["*", "A"]


def test_a_category_is_needed_but_for_declared_keys_that_are_named() -> None:
    def needed(*keys: str, column: str = "visits", key: str = "", schemas: tuple[Schema, ...] = ()) -> bool:
        base = facts(
            origins=(origin("", column, path=Path.PRESENCE),), categories=tuple(category("visits", each) for each in keys),
            source_keys=(KeyColumn(NS, S, key),) if key else (), schemas=schemas,
        )  # fmt: skip
        laid = read(base)
        (one,) = exposure.presences(laid)["a"]
        return exposure.needs_category(laid, one)

    known = (Schema(NS, S, ("visits",)),)
    assert needed() and needed("user.name") and not needed("customer.usage")
    assert not needed(key="visits") and needed(key="text") and not needed("user.name", key="visits")
    assert needed(column="*") and needed(column="*", key="visits", schemas=known)
    assert not needed("customer.usage", column="*", schemas=known) and needed("customer.usage", column="*")
