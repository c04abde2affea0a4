"""The proof tree of every entry of the corpus: its verdict follows from its leaves, and nothing that decided is missing."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import yaml

from governance.policy import engine, proof
from governance.policy.values import Mode
from tests.policy import entries, proving
from tests.policy.entries import Tale

CORNERS = """
- name: of customers who cannot be told apart one has nothing in a column
  contracts: {a: [[{kind: Grant, categories: [customer]}]], b: [[{kind: Grant, categories: [customer]}]]}
  sources: {tickets: {customers: [a, b]}, calls: {of: a}}
  keyed: false
  columns: {text: [customer.content], call: {from: calls.text, holds: [customer.content]}}
  ask: {columns: [text, call]}
  expect: {verdict: permit, cells: {a.call: keep, b.call: keep}}
- name: nobody of the vendor's own people has said yes
  contracts: {a: [[{kind: Grant, categories: [customer]}]]}
  sources: {tickets: {people: false}, staff: {of: nobody, controller: vendor, people: true}}
  columns: {text: [customer.content], mail: {from: [staff.mail, tickets.mail], holds: [user.contact.email]}, note: {from: tickets.mail, holds: [customer.content]}}
  people: {'': {ann: nothing}}
  bases: [{customer: vendor, category: user, ground: consent}]
  ask: {columns: [text, mail, note]}
  expect: {verdict: permit_with_plan, cells: {a.text: keep, a.mail: blank}}
"""
TALES = [tale for tale in entries.told() if "malformed" not in tale.expect]
TALES += [entries.read(entry, "corners") for entry in yaml.safe_load(CORNERS)]
SCHEMA = json.loads((entries.FOLDER.parents[2] / "docs/proof-tree-v1.schema.json").read_text(encoding="utf-8"))


def proven(tale: Tale) -> dict[str, Any]:
    """The tree as JSON."""
    return json.loads(json.dumps(proof.tree(tale.question, tale.facts)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("tale", TALES, ids=str)
def test_the_verdict_follows_from_the_leaves(tale: Tale) -> None:
    tree = proven(tale)
    assert proving.verdict(tree) == tree["verdict"] == tale.expect["verdict"]
    jsonschema.validate(tree, SCHEMA)


@pytest.mark.parametrize("tale", TALES, ids=str)
def test_every_reason_of_the_decision_is_a_leaf_and_no_other(tale: Tale) -> None:
    decision = engine.decide(replace(tale.question, mode=Mode.PLAN), tale.facts, with_remedies=False)
    wanted = {(r.code, r.customer, r.column) for r in decision.reasons} - {("nobody-left", "", "")}
    wanted = {each for each in wanted if each[0] not in proof.OF_A_CLASS}
    found = {
        (leaf["code"], leaf.get("customer", ""), leaf.get("column", ""))
        for leaf in proving.leaves(proven(tale))
        if "scope" in leaf
    }
    assert found - {("nobody-left", "", "")} == wanted


@pytest.mark.parametrize("tale", TALES, ids=str)
def test_who_stays_holds_and_who_is_left_out_fails(tale: Tale) -> None:
    decision = engine.decide(replace(tale.question, mode=Mode.PLAN), tale.facts, with_remedies=False)
    out = {u for row in decision.left_out for u in row.customers} if decision.plan else set()
    for each in proving.nodes(proven(tale)["usable"]):
        if each["says"].endswith("stays") and "customers" in each and decision.plan:
            assert each["holds"] is not bool(out & set(each["customers"]))
        if "came_by" in each and "class" not in each:
            assert each["came_by"] or each["treatment"] == "none"


@pytest.mark.parametrize("flip", ["usable", "plain"])
def test_a_tree_that_was_tampered_with_does_not_pass(flip: str) -> None:
    tree = proven(
        next(tale for tale in TALES if str(tale) == "prohibition: a ban of one customer does not touch the other")
    )
    target = next(each for each in proving.nodes(tree[flip]) if each["parts"])
    target["holds"] = not target["holds"]
    with pytest.raises(AssertionError):
        proving.verdict(tree)


def test_a_leaf_that_is_taken_out_changes_the_verdict_or_does_not_pass() -> None:
    tree = proven(next(tale for tale in TALES if str(tale) == "prohibition: forbid wins over every grant"))
    for each in proving.nodes(tree["usable"]):
        if each["op"] == "none" and each["parts"]:
            each["parts"].clear()
    with pytest.raises(AssertionError):
        proving.verdict(tree)
