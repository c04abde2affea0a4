"""Decisions end to end: what is asked, gathered, decided, stored, permitted, re-checked, replayed."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from governance.access import actors
from governance.building import counting
from governance.catalogue import columns
from governance.catalogue.places import Place
from governance.contracts import documents, optins, terminations
from governance.contracts.models import Clause, Document
from governance.obligations import duties
from governance.policy.answers import Verdict
from governance.releases import decisions, explaining, permits, rechecks, verifying
from governance.releases.models import Decision, Permit
from governance.releases.requests import DatasetName
from lineage import errors
from lineage.journal import keys
from tests import cast as people
from tests.cast import LONG_AGO
from tests.governance import releases_world
from tests.governance.releases_world import NAMESPACE, TICKETS, TRAIN, TRAIN_SET, World, now

pytestmark = pytest.mark.django_db
CONTENT = {"categories": ["customer.content", "customer.usage"]}


def codes(found: decisions.Answered) -> set[str]:
    return {reason.code for reason in found.answer.reasons}


def included(found: decisions.Answered) -> set[str]:
    return {customer for members in found.answer.members.values() for customer in members}


def test_a_part_is_permitted_and_the_rest_left_out_for_its_reason(release_world: World) -> None:
    found = release_world.ask()
    assert found.answer.verdict is Verdict.PERMIT_WITH_PLAN
    assert included(found) == {release_world.customers["acme"].ref}
    assert {code for each in found.answer.left_out for code in each.codes} >= {"prohibition", "contract-silent"}
    assert "unmapped-tenant" in codes(found)
    assert found.permit is not None and found.permit.kind == Permit.Kind.BUILD


def test_a_remedy_applied_brings_its_customer_in(release_world: World) -> None:
    corax = release_world.customers["corax"].ref
    before = release_world.ask()
    assert any(each.customer == corax for each in before.answer.remedies)
    release_world.grant("corax", ("Grant", TRAIN | CONTENT))
    assert included(release_world.ask()) == {release_world.customers["acme"].ref, corax}


def test_without_a_key_nobody_can_be_left_out_and_the_remedy_is_the_key(release_world: World) -> None:

    for key in columns.KeyColumn.objects.filter(kind="tenant"):
        columns.declarations.end(key, on=now(), by=actors.SYSTEM)
    found = release_world.ask()
    assert found.answer.verdict is Verdict.DENY and "not-separable" in codes(found) and found.permit is None
    release_world.keyed(person=False)
    assert release_world.ask().answer.verdict is Verdict.PERMIT_WITH_PLAN


def test_counted_rows_without_strangers_make_a_plain_permit_possible(release_world: World) -> None:
    release_world.plane.execute("DELETE FROM shop.train_set WHERE tenant IS NULL OR tenant = 'ghost'")
    release_world.grant("corax", ("Grant", TRAIN | CONTENT))
    prohibiting = Document.objects.get(clauses__kind="Prohibition")
    mend = people.draft(
        prohibiting.family,
        ("Grant", TRAIN | {"categories": ["customer"]}),
        by=release_world.cast.lawyer.actor,
        kind="amendment",
    )
    from governance.contracts import clauses

    clauses.repeal(mend, Clause.objects.get(kind="Prohibition"), by=release_world.cast.lawyer.actor)
    documents.submit(mend, by=release_world.cast.lawyer.actor)
    documents.approve(mend, by=release_world.cast.approver.actor)
    documents.activate(mend, by=release_world.cast.lawyer.actor, at=now())
    assert release_world.ask().answer.verdict is Verdict.PERMIT_WITH_PLAN
    counted = counting.count(NAMESPACE, TRAIN_SET, by=actors.SYSTEM, at=now())
    assert counted.unmapped == 0 and counted.rows[release_world.customers["acme"].ref] == 4
    found = release_world.ask()
    assert (
        found.answer.verdict is Verdict.PERMIT and found.permit is not None and found.permit.kind == Permit.Kind.RELEASE
    )
    releases_world.report(TRAIN_SET, TICKETS)
    assert release_world.ask().answer.verdict is Verdict.PERMIT_WITH_PLAN, "the count is of other versions now"


def test_strict_refuses_where_a_plan_would_be_needed(release_world: World) -> None:
    found = release_world.ask(mode="strict")
    assert found.answer.verdict is Verdict.DENY and found.permit is None


@pytest.mark.parametrize(
    "fields",
    [{"mode": "preflight"}, {"at": now() - timedelta(seconds=20)}, {"as_known_at": now() - timedelta(hours=1)}],
)
def test_questions_about_another_time_get_no_permit(release_world: World, fields: dict[str, Any]) -> None:
    found = release_world.ask(**fields)
    assert found.permit is None and found.advisory is None and not Permit.objects.exists()


def test_an_old_question_is_answered_as_it_was_known(release_world: World) -> None:
    early = now() - timedelta(days=1)
    assert release_world.ask(as_known_at=early).answer.verdict is Verdict.DENY
    assert release_world.ask().answer.verdict is Verdict.PERMIT_WITH_PLAN


def test_where_nothing_is_enforced_an_advisory_says_what_would_happen(release_world: World) -> None:
    observed = release_world.ask(
        columns=("body",), purpose="marketing", action="disclose", recipient=people.vendor().ref
    )
    assert observed.decision.enforcement == "observe" and observed.decision.would_be_refused
    assert observed.advisory is not None and permits.claims(observed.advisory)["kind"] == "advisory"
    release_world.enforce()
    assert release_world.ask(mode="strict").advisory is None


def test_an_opt_in_opens_and_its_end_closes(release_world: World) -> None:
    world = release_world
    family = people.family(world.customers["corax"], by=world.cast.lawyer.actor, title="opt-in")
    draft = people.draft(family, ("OptInOffer", {"discount": "8 %"}), by=world.cast.lawyer.actor)
    from governance.contracts import clauses

    offer = draft.clauses.get()
    clauses.add(
        draft,
        number="9",
        passage="x",
        kind="Grant",
        body=TRAIN | CONTENT | {"basis": "opt-in", "offer": offer.ref},
        by=world.cast.lawyer.actor,
    )
    documents.submit(draft, by=world.cast.lawyer.actor)
    documents.approve(draft, by=world.cast.approver.actor)
    documents.activate(draft, by=world.cast.lawyer.actor, at=now())
    corax = world.customers["corax"]
    found = world.ask()
    assert corax.ref not in included(found) and "opt-in-inactive" in codes(found)
    offer = Clause.objects.get(pk=offer.pk)
    opted = optins.activate(
        offer, corax, valid_from=now() - timedelta(seconds=1), evidence="order 12", by=world.cast.lawyer.actor
    )
    with_it = world.ask()
    assert corax.ref in included(with_it)
    optins.end(opted, at=now() + timedelta(hours=3), by=world.cast.lawyer.actor)
    assert world.ask().permit.expires_at <= now() + timedelta(hours=3)  # type: ignore[union-attr]


# ---- bad input: a clear answer each, never an unconditional permit --------------------------------------------------------------


def test_an_unknown_dataset_is_refused_by_name(release_world: World) -> None:
    found = release_world.ask(dataset=DatasetName(NAMESPACE, "shop.nowhere"))
    assert found.answer.verdict is Verdict.DENY and "unknown-dataset" in codes(found) and found.permit is None


def test_a_gap_in_lineage_is_refused_by_name(release_world: World) -> None:
    releases_world.report("shop.dark", None)
    found = release_world.ask(dataset=DatasetName(NAMESPACE, "shop.dark"))
    assert found.answer.verdict is Verdict.DENY and {"unknown-provenance", "undeclared-source"} <= codes(found)


def test_an_uncategorised_column_is_refused_by_name(release_world: World) -> None:
    found = release_world.ask(columns=("body", "person"))
    assert found.answer.verdict is Verdict.DENY, (
        "nobody says what it holds, so nobody may be in it without explicit consent"
    )
    assert "uncategorised-column" in codes(found) and found.permit is None


def test_a_customer_without_contract_is_left_out(release_world: World) -> None:
    stranger = people.customer("Dachs")
    people.keyspaces.assign(release_world.space, "dachs", customer=stranger, valid_from=LONG_AGO, by=actors.SYSTEM)
    found = release_world.ask()
    assert stranger.ref not in included(found) and "no-contract" in codes(found)


def test_an_expired_contract_no_longer_grants(release_world: World) -> None:
    terminations.terminate(
        Document.objects.filter(clauses__kind="Grant").get(),
        ends_at=now(),
        reason="over",
        by=release_world.cast.lawyer.actor,
    )
    found = release_world.ask()
    assert found.answer.verdict is Verdict.DENY and "contract-ended" in codes(found)


def test_an_unencoded_term_is_a_gap(release_world: World) -> None:
    release_world.grant("acme", ("UnencodedTerm", {}))
    assert "unencoded-term" in codes(release_world.ask()) and not included(release_world.ask())


def test_contradictory_clauses_refuse(release_world: World) -> None:
    release_world.grant(
        "acme",
        ("Prohibition", {"actions": ["train"], "categories": ["customer.content"]}),
        ("Grant", TRAIN | {"categories": ["customer.content"]}),
    )
    found = release_world.ask()
    (treatments,) = [{c.column: str(c.treatment) for c in each.columns} for each in found.answer.plan.classes]  # type: ignore[union-attr]
    assert treatments["body"] == "blank" and treatments["clicks"] == "keep" and "prohibition" in codes(found)


def test_an_open_deletion_leaves_the_customer_out(release_world: World) -> None:
    duties.propose(
        release_world.customers["acme"], trigger="customer-request", on=now() - timedelta(minutes=1), by=actors.SYSTEM
    )
    found = release_world.ask()
    assert found.answer.verdict is Verdict.DENY and "deletion-open" in codes(found)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "dance"}, {"purpose": "fun"}, {"purpose": ""}, {"columns": ("*",)}, {"required": ("nope",)}, {"recipient": "pty_nobody"},
        {"action": "disclose"}, {"model": "mdl_nobody"}, {"action": "serve"}, {"as_known_at": now() + timedelta(days=1)},
        {"dataset": DatasetName(NAMESPACE, "shop.nowhere"), "columns": ()},
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_no_decision(release_world: World, fields: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed):
        release_world.ask(**fields)
    assert not Decision.objects.exists() and not Permit.objects.exists()


@pytest.mark.parametrize("name", ["x'; DROP TABLE releases_decision; --", 'a"b', "\\", "ü" * 200])
def test_names_are_only_names(release_world: World, name: str) -> None:
    found = release_world.ask(dataset=DatasetName(NAMESPACE, name), columns=(name,))
    assert found.answer.verdict is Verdict.DENY and Decision.objects.count() == 1


# ---- kept, replayed, re-checked ---------------------------------------------------------------------------------------------------


def test_replay_is_byte_identical(release_world: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = release_world.ask()
    release_world.grant("brandt", ("Grant", TRAIN | {"categories": ["customer"]}))
    assert decisions.replay(decisions.find(found.decision.ref)) == found.answer.to_bytes()
    call_command("replay", found.decision.ref)
    assert "the same as were stored" in capsys.readouterr().out


def alter(sql: str, table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the test holds everything in one transaction
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    ("table", "sql"),
    [
        (
            "releases_storedfacts",
            "UPDATE releases_storedfacts SET body = convert_to(replace(convert_from(body, 'UTF8'), 'Prohibition', 'Undertaking'), 'UTF8')",
        ),
        ("releases_decision", "UPDATE releases_decision SET verdict = 'permit'"),
        (
            "releases_storedanswer",
            "UPDATE releases_storedanswer SET body = convert_to(replace(convert_from(body, 'UTF8'), 'prohibition', 'granted-by'), 'UTF8')",
        ),
        (
            "releases_decision",
            "UPDATE releases_decision SET question = jsonb_set(question, '{purpose}', '\"functional.storage\"')",
        ),
        ("releases_decision", "UPDATE releases_decision SET name = 'shop.other'"),
    ],
)
def test_what_the_owner_of_the_database_altered_is_found(release_world: World, table: str, sql: str) -> None:
    ref = release_world.ask().decision.ref
    assert all(finding.ok for finding in verifying.check_decisions())
    alter(sql, table)
    with pytest.raises((decisions.NotReplayed, CommandError)):
        call_command("replay", ref)
    assert any(not finding.ok and ref in finding.what for finding in verifying.check_decisions())


def test_a_swapped_permit_token_is_found(release_world: World) -> None:
    release_world.ask()
    release_world.ask()
    assert all(finding.ok for finding in verifying.check_permits())
    alter("UPDATE releases_permit SET token = (SELECT max(token) FROM releases_permit)", "releases_permit")
    assert any(not finding.ok for finding in verifying.check_permits())


def test_equal_facts_are_stored_once(release_world: World) -> None:
    moment = now()
    first, second = release_world.ask(at=moment, as_known_at=moment), release_world.ask(at=moment, as_known_at=moment)
    assert first.decision.facts_id == second.decision.facts_id and first.decision.digest == second.decision.digest


def test_a_change_that_takes_something_away_revokes_and_one_that_adds_does_not(release_world: World) -> None:
    permit = release_world.ask().permit
    assert permit is not None
    release_world.grant("corax", ("Grant", TRAIN | CONTENT))
    assert rechecks.sweep(at=now(), by=actors.SYSTEM) == []
    release_world.grant("acme", ("Prohibition", {"actions": ["train"], "categories": ["customer.usage"]}))
    (gone,) = rechecks.sweep(at=now(), by=actors.SYSTEM)
    assert gone.permit == permit and "prohibition" in gone.why
    permit.refresh_from_db()
    assert permit.revoked_at is not None


def test_a_permit_ends_before_the_contract_does(release_world: World) -> None:
    granting = Document.objects.get(clauses__kind="Grant")
    terminations.terminate(
        granting, ends_at=now() + timedelta(hours=2), reason="over", by=release_world.cast.lawyer.actor
    )
    permit = release_world.ask().permit
    assert permit is not None and permit.expires_at <= now() + timedelta(hours=2)


def test_a_decision_is_in_the_ledger_without_a_customers_name(release_world: World) -> None:
    from lineage.journal import entries

    found = release_world.ask()
    payload = entries.payload(entries.read(found.decision.entry_ref))
    assert (
        payload is not None
        and found.decision.digest.encode() in payload
        and b"Acme" not in payload
        and b"cus_" not in payload
    )


def test_the_explanation_names_clause_path_and_rows_to_those_who_may_read_it(release_world: World) -> None:
    counting.count(NAMESPACE, TRAIN_SET, by=actors.SYSTEM, at=now())
    row = release_world.ask().decision
    said = explaining.text(explaining.reader(row, by=release_world.cast.lawyer.actor))
    assert "Brandt, columns age, body, city, clicks: The contract forbids this use." in said
    assert "Clause 1 of Master Services Agreement (signed 2025-01-14, in effect from 2025-02-01):" in said
    assert (
        "Path: shop.train_set.age ← shop.tickets.age." in said
        and "1 rows." in said
        and '"The words of clause 1."' in said
    )
    assert "What would help:" in said


def test_names_of_customers_that_a_reader_does_not_see_stay_opaque(release_world: World) -> None:
    from dataclasses import replace

    outsider = replace(release_world.cast.pipeline_owner.actor, scopes=frozenset({"explanation:read"}))
    said = explaining.text(explaining.reader(release_world.ask().decision, by=outsider))
    assert "Brandt" not in said and "Clause" not in said and release_world.customers["brandt"].ref in said


def test_pipelines_get_codes_opaque_references_and_counts(release_world: World) -> None:
    from governance.releases import answering

    body = str(answering.answered(release_world.ask(), by=release_world.key.actor))
    assert all(name not in body for name in ("Acme", "Brandt", "Corax", "words of clause", "cls_", "doc_"))
    assert release_world.customers["brandt"].ref in body and "prohibition" in body


def test_keys_are_published_for_permits(release_world: World) -> None:
    assert all(key["alg"] == "Ed25519" for key in keys.public_jwks()["keys"])


def test_key_columns_are_not_handed_over_unless_asked_for(release_world: World) -> None:
    found = release_world.ask(columns=())
    assert decisions.question_of(found.decision).columns == ("age", "body", "city", "clicks")
    assert Place(NAMESPACE, TRAIN_SET)
