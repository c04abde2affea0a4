"""Contracts in the words of W3C DPV and IETF AIPREF: whatever a reader takes from them, the engine permits; and the form is theirs, not ours."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import mappings, vocabulary
from governance.contracts import permissions, telling
from governance.policy import canonical, clauses, engine
from governance.policy.values import Basis, Clause, Coverage, Facts, Family
from tests.policy import strategies, worlds
from tests.policy.worlds import LONG_AGO, NOW, PURPOSE, clause, document, family, grant

BASE = "https://vendor.example/vocabulary#"
ABOUT = telling.About("fam_1", "A contract", "pty_1", NOW)
ACTIONS = ("train", "train.finetune", "train.evaluate", "ground.embed", "review", "improve")
CATEGORIES = ("customer", "customer.content", "customer.usage", "customer.input")
PERSONAL = ("", "user.contact", "user.contact.email", "user.behavior", "user.name.first")
PURPOSES = ("functional", "functional.service", "marketing", "marketing.advertising.first_party")


def told(found: Family) -> dict[str, Any]:
    said = permissions.said(found, at=NOW, own=vocabulary.NONE)
    return telling.as_dpv(said, ABOUT, base=BASE, titles={}, own=vocabulary.NONE)[0]


def lost(found: Family) -> set[str]:
    return {loss.what for loss in permissions.said(found, at=NOW, own=vocabulary.NONE).losses}


def ids(rule: dict[str, Any], name: str) -> set[str]:
    return {each["@id"] for each in rule.get(name, [])}


def terms(tree: str, key: str) -> set[str]:
    """By which terms a reader knows a use, a kind of data or a purpose: its own, and those of what lies above it."""
    return {mappings.permitting(tree, above) for above in vocabulary.ancestors(key)}


def reads(policy: dict[str, Any], action: str, category: str, personal: str, purpose: str) -> bool:
    """A reader who permits what a permission names and no prohibition names, and nothing else."""
    rules = [each for each in policy["@graph"] if "Permission" in str(each.get("@type"))]
    bans = [each for each in policy["@graph"] if "Prohibition" in str(each.get("@type"))]
    permitted = any(
        ids(rule, "dpv:hasProcessing") & terms("actions", action)
        and ids(rule, "dpv:hasData") & terms("contract", category)
        and ids(rule, "dpv:hasPurpose") & terms("purposes", purpose)
        for rule in rules
    )
    near = [key for key in vocabulary.PERSONAL if personal and vocabulary.touches(key, personal)]
    people = {mappings.refusing("personal", key) for key in near} | ({"dpv:PersonalData"} if personal else set())
    banned = any(
        ids(ban, "dpv:hasProcessing") & {mappings.permitting("actions", action)}
        and ids(ban, "dpv:hasPersonalData") & people
        for ban in bans
    )
    return permitted and not banned


def permits(found: Family, action: str, category: str, personal: str, purpose: str) -> bool:
    """The engine, on data of that category and kind of people, whose processing needs nobody's word."""
    alone = replace(found, coverage=(Coverage("a", LONG_AGO),))
    facts: Facts = worlds.world([alone], columns={"text": (category, *filter(None, [personal]))})
    basis = Basis("bas", "a", "user", action, purpose, "contract", LONG_AGO)
    answer = engine.decide(
        worlds.ask(action=action, purpose=purpose), replace(facts, bases=(basis,)), with_remedies=False
    )
    return any(
        c.treatment in ("keep", "apply") for each in (answer.plan.classes if answer.plan else ()) for c in each.columns
    )


choices = st.tuples(*(st.sampled_from(each) for each in (ACTIONS, CATEGORIES, PERSONAL, PURPOSES)))


@settings(max_examples=60)
@given(strategies.facts(), st.lists(choices, min_size=12, max_size=12, unique=True))
def test_nobody_takes_more_from_it_than_the_engine_permits(
    facts: Facts, asked: list[tuple[str, str, str, str]]
) -> None:
    for each in facts.families:
        living = replace(each, coverage=(Coverage("a", LONG_AGO),))
        policy = told(living)
        for one in asked:
            if reads(policy, *one):
                assert permits(living, *one), (one, living)


def test_a_plain_grant_is_told_and_read() -> None:
    policy = told(family("a", document("d", grant("g", "customer.usage"))))
    assert reads(policy, "train.finetune", "customer.usage", "", PURPOSE)
    assert reads(policy, "train.finetune", "customer.usage", "user.contact", PURPOSE)
    assert not reads(policy, "train.finetune", "customer.content", "", PURPOSE)
    assert not reads(policy, "review", "customer.usage", "", PURPOSE) and not reads(
        policy, "train", "customer.usage", "", "marketing"
    )
    (rule,) = (each for each in policy["@graph"] if each["@type"] == "dpv:Permission")
    assert ids(rule, "dpv:hasProcessing") == {"ai:ModelTraining"}


@pytest.mark.parametrize(
    "more",
    [
        {"offer": "o"}, {"until": "2027-01-01"}, {"customer_only": True}, {"recipients": ["pty-x"]}, {"regions": ["eu"]},
        {"max_retention_days": 30}, {"safeguards": [{"kind": "deidentified", "k": 20}]}, {"safeguards": [{"kind": "dp", "epsilon": "1"}]},
        {"safeguards": [{"kind": "pseudonymised", "standard": "hipaa"}]}, {"safeguards": [{"kind": "deidentified", "known": "measured"}]},
        {"scope": ("desk",)},
    ],
)  # fmt: skip
def test_a_grant_with_a_condition_that_cannot_be_said_is_left_out_and_reported(more: dict[str, Any]) -> None:
    found = family("a", document("d", grant("g", "customer", **more)))
    assert not any(each["@type"] == "dpv:Permission" for each in told(found)["@graph"]) and "g" in lost(found)


def test_a_plain_safeguard_and_a_duty_travel_as_obligations() -> None:
    found = family(
        "a",
        document(
            "d",
            grant("g", "customer", safeguards=["pseudonymised"]),
            clause("u", "Undertaking", duty="notify-before", days=14),
        ),
    )
    (rule,) = (each for each in told(found)["@graph"] if each["@type"] == "dpv:Permission")
    assert rule["dpv:hasObligation"][0]["dpv:hasTechnicalMeasure"] == {"@id": "dpv:Pseudonymisation"}
    assert "14 days before" in rule["dpv:hasObligation"][1]["rdfs:comment"]["@value"] and "u" in lost(found)


def test_aggregation_travels_as_a_way_of_processing() -> None:
    policy = told(family("a", document("d", grant("g", "customer", safeguards=["aggregated"]))))
    (rule,) = (each for each in policy["@graph"] if each["@type"] == "dpv:Permission")
    assert rule["dpv:hasObligation"] == [{"@type": "dpv:Obligation", "dpv:hasProcessing": {"@id": "dpv:Aggregate"}}]


@pytest.mark.parametrize("kind", ["AuditRight", "DeletionTerm", "ModelOwnership", "OptInOffer", "PartyRestriction"])
def test_a_clause_that_is_no_permission_is_reported_once(kind: str) -> None:
    found = family("a", document("d", grant(), Clause("c", kind, canonical.text(clauses.EXAMPLES[kind]))))
    said = permissions.said(found, at=NOW, own=vocabulary.NONE)
    assert [loss.lost for loss in said.losses if loss.what == "c"] == ["the clause"]
    without = permissions.said(family("a", document("d", grant())), at=NOW, own=vocabulary.NONE)
    assert said.permitted == without.permitted != ()


@pytest.mark.parametrize(
    ("key", "term"),
    [("user.biometric.voice", "dpv:PersonalData"), ("user.name.first", "pd:Name"), ("user.contact.email", "")],
    ids=["narrower", "broader", "exact"],
)
def test_a_kind_of_people_that_dpv_says_otherwise_is_refused_by_no_narrower_term_and_reported(
    key: str, term: str
) -> None:
    ban = clause("p", "Prohibition", actions=["train"], categories=[key])
    said = permissions.said(family("a", document("d", ban)), at=NOW, own=vocabulary.NONE)
    policy, losses = telling.as_dpv(said, ABOUT, base=BASE, titles={}, own=vocabulary.NONE)
    (rule,) = (each for each in policy["@graph"] if each["@type"] == "dpv:Prohibition")
    assert ids(rule, "dpv:hasPersonalData") == {term or "pd:EmailAddress"}
    reported = [each.why for each in losses if (each.what, each.lost) == ("p", f"how narrow {key} is")]
    assert reported == ([f"told as {term}"] if term else [])


def test_no_refusal_gets_lost() -> None:
    ban = clause(
        "p",
        "Prohibition",
        actions=["train.finetune"],
        categories=["user.contact.email", "customer.input"],
        purposes=["marketing"],
    )
    policy = told(family("a", document("d", grant("g", "customer", purposes=["*"]), ban)))
    assert not reads(
        policy, "train.finetune", "customer.usage", "user.contact.email", PURPOSE
    )  # for any purpose, which is reported
    assert not reads(policy, "train.finetune", "customer.input", "", "marketing")
    assert reads(policy, "train.finetune", "customer.usage", "user.name", PURPOSE)
    scoped = clause("s", "Prohibition", scope=("desk",), actions=["train"], categories=["customer"])
    assert not reads(
        told(family("a", document("d", grant("g", "customer"), scoped))), "train", "customer.usage", "", PURPOSE
    )
    unread = clause("t", "UnencodedTerm", actions=["train"], categories=["user.contact"])
    assert not reads(
        told(family("a", document("d", grant("g", "customer"), unread))),
        "train",
        "customer.usage",
        "user.contact.email",
        PURPOSE,
    )


@pytest.mark.parametrize(
    ("terms_", "answer"),
    [
        ([grant("g", "customer", purposes=["*"])], "y"),
        ([grant("g", "customer")], "n"),
        ([grant("g", "customer.usage", purposes=["*"])], "n"),
        ([grant("g", "customer", purposes=["*"], safeguards=["pseudonymised"])], "n"),
        ([grant("g", "customer", purposes=["*"]), clause("u", "Undertaking", duty="attribution")], "n"),
        (
            [
                grant("g", "customer", purposes=["*"]),
                clause("p", "Prohibition", actions=["train.distil"], categories=["user.name"]),
            ],
            "n",
        ),
        (
            [
                grant("g", "customer", purposes=["*"]),
                clause("p", "Prohibition", actions=["review"], categories=["user.name"]),
            ],
            "y",
        ),
        ([grant("g", "customer", purposes=["*"]), clause("r", "RetentionLimit", days=30)], "n"),
        ([clause("t", "TrainingPosition", position="prohibited")], "n"),
        ([], "n"),
    ],
)
def test_aipref_says_yes_only_to_training_without_any_limit(terms_: Iterable[Any], answer: str) -> None:
    said = permissions.said(family("a", document("d", *terms_)), at=NOW, own=vocabulary.NONE)
    found, losses = telling.as_aipref(said, own=vocabulary.NONE)
    assert found["Content-Usage"] == f"train-ai={answer}, search=n" and losses


def test_a_contract_that_covers_nobody_permits_nothing() -> None:
    found = family("a", document("d", grant("g", "customer")), valid_to=LONG_AGO.replace(year=2026))
    said = permissions.said(found, at=NOW, own=vocabulary.NONE)
    assert not said.permitted and permissions.said(None, at=NOW, own=vocabulary.NONE).losses


def test_an_own_key_is_told_below_its_nearest_term() -> None:
    own = vocabulary.Own(contract=frozenset({"customer.usage.uptime"}), purposes=frozenset({"marketing.fairs"}))
    found = family("a", document("d", grant("g", "customer.usage.uptime", purposes=["marketing.fairs"])))
    said = permissions.said(found, at=NOW, own=own)
    policy, losses = telling.as_dpv(said, ABOUT, base=BASE, titles={"marketing.fairs": "Fairs"}, own=own)
    concept = next(each for each in policy["@graph"] if each["@id"] == "own:marketing.fairs")
    assert concept["skos:broadMatch"] == {"@id": "dpv:Marketing"} and concept["skos:prefLabel"]["@value"] == "Fairs"
    assert "customer.usage.uptime" in {loss.what for loss in losses}


def test_a_root_of_the_vendors_own_is_told_by_the_root_of_its_tree_which_means_more() -> None:
    for tree, root in mappings.ROOTS.items():
        assert mappings.dpv(tree, "vendor.badge") == mappings.Term(root, mappings.Fit.BROADER)
        assert (mappings.permitting(tree, "vendor.badge"), mappings.refusing(tree, "vendor.badge")) == (
            "own:vendor.badge",
            root,
        )


def test_losses_are_written_as_plain_values() -> None:
    assert mappings.plain([mappings.Loss("k", "a part", "no term")]) == [
        {"what": "k", "lost": "a part", "why": "no term"}
    ]


def test_every_key_has_a_term_and_what_does_not_mean_the_same_is_reported() -> None:
    policy, losses = mappings.vocabulary_as_dpv(BASE, {})
    keys = [key for tree in mappings.TREES.values() for key in tree]
    assert [each["skos:notation"] for each in policy["@graph"]] == keys
    inexact = {each["skos:notation"] for each in policy["@graph"] if "skos:exactMatch" not in each}
    assert {loss.what for loss in losses} == inexact
    _, lost_ = mappings.vocabulary_as_aipref({})
    assert {loss.what for loss in lost_} >= set(keys) - {"train"}


def test_the_documents_are_json_ld_to_a_tool_that_is_not_ours() -> None:
    ban = clause("p", "Prohibition", actions=["train"], categories=["user.contact.email"])
    for document_ in (
        mappings.vocabulary_as_dpv(BASE, {})[0],
        told(family("a", document("d", grant("g", "customer"), ban))),
    ):
        graph = rdflib.Graph().parse(data=json.dumps(document_), format="json-ld")
        assert len(graph) > 10
        used = {str(node) for triple in graph for node in triple if isinstance(node, rdflib.URIRef)}
        assert not any(iri.split(":")[0] in mappings.PREFIXES for iri in used), "a prefix was not resolved"
    dpv = rdflib.Namespace("https://w3id.org/dpv#")
    permitted = list(graph.subjects(rdflib.RDF.type, dpv.Permission))
    assert permitted and list(graph.objects(permitted[0], dpv.hasProcessing)) == [
        rdflib.URIRef("https://w3id.org/dpv/ai#ModelTraining")
    ]
    assert list(graph.objects(None, dpv.hasPersonalData)) == [rdflib.URIRef("https://w3id.org/dpv/pd#EmailAddress")]
