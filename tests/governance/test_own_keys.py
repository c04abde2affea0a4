"""Own keys in contracts, declarations, questions and decisions; and a rename that keeps every stored decision replayable."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consent import bases, consents, keys, statements, trees
from consent.models import KeyRename, OwnKey
from governance.access import actors
from governance.access.models import User
from governance.catalogue import columns
from governance.catalogue.places import Place
from governance.contracts import clauses, documents, meaning
from governance.contracts.models import Clause
from governance.policy import canonical, explain
from governance.policy.answers import Verdict
from governance.releases import decisions, rechecks
from lineage import errors
from tests import cast as people
from tests.cast import LONG_AGO, Cast
from tests.consent.test_keys import proposal
from tests.governance.releases_world import NAMESPACE, TICKETS, World, now

pytestmark = pytest.mark.django_db
OPENED, LAB, DRIVER = "customer.content.opened", "acme_lab", "driver"
RENAMED = {OPENED: "customer.content.first_seen", LAB: "lumen_lab", DRIVER: "chauffeur"}


def added(cast: Cast, key: str, tree: str = "contract", **more: Any) -> OwnKey:
    row = keys.propose(proposal(key, tree, **more), by=cast.lawyer.ref, officer=False)
    return keys.approve(row.ref, by=cast.privacy_officer.ref, officer=True)


def rename(cast: Cast, row: OwnKey, new: str) -> None:
    made = keys.rename(row.ref, new, reason="a better word", by=cast.lawyer.ref, officer=False)
    keys.approve_rename(made.ref, by=cast.privacy_officer.ref, officer=True)


def say(world: World, person: str, state: str) -> None:
    whose = world.customers["acme"].ref
    said = {
        "subject_id": person,
        "customer": whose,
        "controller": whose,
        "action": "train",
        "purpose": LAB,
        "state": state,
    }
    consents.record(statements.parse(said, space=world.persons, now=now(), own=trees.sayable()), by="system")


@pytest.fixture
def rows(release_world: World) -> dict[str, OwnKey]:
    """Own keys wherever something can name one: columns, grants, bans, a basis, consents."""
    world, place = release_world, Place(NAMESPACE, TICKETS)
    made = {
        OPENED: added(world.cast, OPENED),
        LAB: added(world.cast, LAB, "purposes"),
        DRIVER: added(world.cast, DRIVER, "personal"),
    }
    columns.categorise(place, "body", OPENED, valid_from=LONG_AGO, by=actors.SYSTEM)
    columns.categorise(place, "age", DRIVER, valid_from=LONG_AGO, by=actors.SYSTEM)
    world.grant(
        "acme", ("Grant", {"actions": ["train"], "purposes": [LAB], "categories": ["customer.content", OPENED]})
    )
    world.grant("corax", ("Grant", {"actions": ["train"], "purposes": ["*"], "categories": ["customer"]}))
    world.grant("corax", ("Prohibition", {"actions": ["train"], "categories": [OPENED], "purposes": [LAB]}))
    terms = bases.Terms(
        world.customers["acme"].ref, DRIVER, "train", LAB, "processor", "consent", "looked at", LONG_AGO
    )
    basis = bases.declare(terms, by=world.cast.lawyer.ref, officer=False)
    bases.approve(basis.ref, by=world.cast.privacy_officer.ref, officer=True)
    say(world, "ann", "given")
    say(world, "bob", "refused")
    return made


def told(found: decisions.Answered) -> Any:
    """The answer without what names this asking: references and moments, and the digests that hang on them."""
    body = canonical.to_json(found.answer)
    return {name: body[name] for name in ("verdict", "plan", "members", "left_out", "reasons", "counts")}


def spoken(value: Any) -> Any:
    """The same in the new names."""
    text = canonical.text({"v": value})
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return canonical.mapping(text)["v"]


def without_lists(value: Any) -> Any:
    """Without the positions and moments of lists of people, which move with every asking."""
    value = list(value) if isinstance(value, tuple) else value
    if isinstance(value, dict):
        return {key: without_lists(inner) for key, inner in value.items() if key not in ("position", "digest")}
    return [without_lists(each) for each in value] if isinstance(value, list) else value


def test_own_keys_reach_the_facts_and_decide(release_world: World, rows: dict[str, OwnKey]) -> None:
    found = release_world.ask(purpose=LAB, columns=("age", "body"))
    facts = decisions.facts_of(found.decision)
    assert (
        facts.own_keys.contract == (OPENED,)
        and facts.own_keys.purposes == (LAB,)
        and facts.own_keys.personal == (DRIVER,)
    )
    assert found.answer.verdict is Verdict.PERMIT_WITH_PLAN
    assert found.answer.counts.both == 1  # Ann; Bob refused
    banned = [
        r
        for r in found.answer.reasons
        if r.code == "prohibition" and r.customer == release_world.customers["corax"].ref
    ]
    assert {reason.column for reason in banned} == {"age", "body"}  # what is below a category may be in it
    with pytest.raises(errors.Problem):
        release_world.ask(purpose="nobody_lab")


def test_a_key_is_no_fact_before_it_was_known(release_world: World, rows: dict[str, OwnKey]) -> None:
    recorded = rows[LAB].approved_at
    assert recorded is not None
    with pytest.raises(errors.Problem):
        release_world.ask(purpose=LAB, as_known_at=recorded.replace(year=2025))


def test_a_rename_changes_no_answer_and_every_stored_decision_replays(
    release_world: World, rows: dict[str, OwnKey]
) -> None:
    before = release_world.ask(purpose=LAB, columns=("age", "body"))
    stored = bytes(before.decision.facts.body)
    for old, row in rows.items():
        rename(release_world.cast, row, RENAMED[old])
    assert decisions.replay(before.decision) == bytes(before.decision.body)
    after = release_world.ask(purpose=RENAMED[LAB], columns=("age", "body"))
    body = bytes(after.decision.facts.body)
    assert not any(old.encode() in body for old in RENAMED) and all(new.encode() in body for new in RENAMED.values())
    assert without_lists(told(after)) == without_lists(spoken(told(before)))
    decisions.find(before.decision.ref).facts.refresh_from_db()
    assert bytes(decisions.find(before.decision.ref).facts.body) == stored
    for found in (before, after):
        assert decisions.replay(found.decision) == bytes(found.decision.body)


def test_who_still_asks_by_the_old_name_is_understood_and_answered_in_the_new_one(
    release_world: World, rows: dict[str, OwnKey]
) -> None:
    before = release_world.ask(purpose=LAB, columns=("age", "body"))
    assert before.permit is not None
    long_before = now()
    rename(release_world.cast, rows[LAB], RENAMED[LAB])
    found = release_world.ask(purpose=LAB, columns=("age", "body"))
    assert found.decision.purpose == RENAMED[LAB] and found.answer.verdict is before.answer.verdict
    assert not rechecks.failing(before.permit, at=now())  # a permit outlives the name of its purpose
    as_then = release_world.ask(purpose=RENAMED[LAB], columns=("age", "body"), as_known_at=long_before)
    assert as_then.decision.purpose == LAB and as_then.answer.verdict is before.answer.verdict


def test_a_clause_is_explained_with_the_titles_of_own_keys(cast: Cast) -> None:
    row = added(cast, OPENED, title="tickets as opened")
    draft = people.draft(
        people.family(people.customer("Alder"), by=cast.lawyer.actor),
        ("Prohibition", {"actions": ["train"], "categories": [OPENED]}),
        by=cast.lawyer.actor,
    )
    clause = draft.clauses.get()
    assert "Forbids to train a model with tickets as opened" in meaning.sentence(clause)
    rename(cast, row, RENAMED[OPENED])
    assert "Forbids to train a model with tickets as opened" in meaning.sentence(clause)


def test_an_explanation_reads_clauses_with_own_keys(release_world: World, rows: dict[str, OwnKey]) -> None:
    found = release_world.ask(purpose=LAB, columns=("age", "body"))
    said = explain.full(found.answer, decisions.facts_of(found.decision))
    banned = [each.meaning for each in said if each.code == "prohibition" and OPENED in each.meaning]
    assert banned and not any("cannot be read" in each.meaning for each in said)


def test_a_clause_with_a_key_in_no_tree_is_refused_and_one_with_an_own_key_is_not(cast: Cast) -> None:
    draft = people.draft(people.family(people.customer("Alder"), by=cast.lawyer.actor), by=cast.lawyer.actor)
    said = {"number": "1", "passage": "words", "kind": Clause.Kind.PROHIBITION, "by": cast.lawyer.actor}
    body = {"actions": ["train"], "categories": [OPENED], "purposes": [LAB]}
    with pytest.raises(errors.Problem):
        clauses.add(draft, body=body, **said)
    opened, lab = added(cast, OPENED), added(cast, LAB, "purposes")
    clauses.add(draft, body=body, **said)
    over = people.draft(draft.family, by=cast.lawyer.actor)
    clauses.prevail(draft, over, actions=["train"], categories=[OPENED], by=cast.lawyer.actor)
    rename(cast, opened, RENAMED[OPENED])
    documents.submit(draft, by=cast.lawyer.actor)  # by the old name it is the same key
    keys.retire(lab.ref, why="over", by=cast.lawyer.ref)
    other = people.draft(draft.family, by=cast.lawyer.actor)
    with pytest.raises(errors.Problem):
        clauses.add(other, body=body, **said)


def client(user: User) -> Client:
    found = Client()
    found.force_login(user, backend="governance.access.backends.RoleBackend")
    return found


def test_the_pages_add_approve_rename_and_offer_a_key(cast: Cast) -> None:
    laura, paula = client(cast.lawyer), client(cast.privacy_officer)
    said = {
        "tree": "contract",
        "key": OPENED,
        "title": "Opened tickets",
        "definition": "as they came in",
        "valid_from_0": "2025-01-01",
        "valid_from_1": "00:00",
    }
    assert laura.post(reverse("admin:consent_ownkey_add"), said).status_code == 302
    row = OwnKey.objects.get()
    approve = reverse("admin:consent_ownkey_approve", args=[row.pk])
    assert laura.post(approve, {"_form_submitted": "on"}).status_code in (302, 200)
    row.refresh_from_db()
    assert row.approved_at is None
    paula.post(approve, {"_form_submitted": "on"})
    row.refresh_from_db()
    assert row.approved_at is not None
    draft = people.draft(people.family(people.customer("Alder"), by=cast.lawyer.actor), by=cast.lawyer.actor)
    form = laura.get(f"{reverse('admin:contracts_clause_add')}?document={draft.pk}&kind=Grant").content.decode()
    assert f"{OPENED} – Opened tickets" in form
    laura.post(
        reverse("admin:consent_ownkey_rename", args=[row.pk]),
        {"new": RENAMED[OPENED], "reason": "clearer", "_form_submitted": "on"},
    )
    paula.post(reverse("admin:consent_keyrename_approve", args=[KeyRename.objects.get().pk]), {"_form_submitted": "on"})
    assert trees.names(row)[0] == RENAMED[OPENED]
    for name in ("ownkey", "keyrename"):
        assert laura.get(reverse(f"admin:consent_{name}_changelist")).status_code == 200
    assert RENAMED[OPENED] in laura.get(reverse("admin:consent_ownkey_change", args=[row.pk])).content.decode()
