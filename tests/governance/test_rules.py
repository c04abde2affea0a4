"""New rules: what they would flip is listed before two persons switch them on, and old decisions are replayed by their own rules."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from governance.access import actors
from governance.policy import canonical, engine, rules, values
from governance.policy import decisions as policy
from governance.policy.decisions import Outcome
from governance.policy.memory import Memory
from governance.policy.rules import Rules
from governance.reactions import reading
from governance.releases import decisions, permits, redeciding, rulebook, ruling, verifying
from governance.releases.models import Decision, RulesDiff, RulesSwitch
from governance.releases.ruling import Tally
from lineage import errors
from lineage.journal.models import Entry
from tests import cast as people
from tests.governance.releases_world import TRAIN, World

pytestmark = pytest.mark.django_db
CONTENT = {"categories": ["customer.content", "customer.usage"]}
NEW = "candidate"


def stricter(question: values.Question, facts: values.Facts, *, memory: Memory | None = None) -> Outcome:
    """Rules by which a grant says that data is deidentified, or grants nothing."""

    def kept(clause: values.Clause) -> bool:
        return clause.kind != "Grant" or "safeguards" in canonical.mapping(clause.body)

    families = [
        replace(family, documents=tuple(replace(d, clauses=tuple(filter(kept, d.clauses))) for d in family.documents))
        for family in facts.families
    ]
    return policy.evaluate(question, replace(facts, families=tuple(families)), memory=memory)


@pytest.fixture
def candidate(monkeypatch: pytest.MonkeyPatch) -> str:
    """A version that is registered as any other is, beside the newest."""
    monkeypatch.setitem(rules.VERSIONS, NEW, Rules(NEW, ("A grant without safeguards grants nothing.",), stricter))
    return NEW


def diff(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rules_diff", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def switch(world: World, version: str) -> RulesSwitch:
    row = rulebook.propose(version, reason="safer", by=world.cast.lawyer.actor)
    return rulebook.confirm(row.ref, by=world.cast.approver.actor)


def test_the_newest_version_is_the_last_and_this_code_runs_it() -> None:
    assert list(rules.VERSIONS)[-1] == values.RULES_VERSION and rules.newest().runs
    assert all(each.changes and key == each.version for key, each in rules.VERSIONS.items())


def test_with_one_version_there_is_nothing_to_compare(release_world: World) -> None:
    release_world.ask()
    runs = [each for each in rules.VERSIONS.values() if each.runs]
    if len(runs) == 1:
        assert "nothing to compare" in diff() and json.loads(diff("--format", "json"))["flips"] == []
    assert "nothing to compare" in diff(values.RULES_VERSION, "--check")
    assert not RulesDiff.objects.exists()


def test_a_stricter_rule_is_listed_with_what_it_takes_from_whom(release_world: World, candidate: str) -> None:
    asked = release_world.ask()
    body = json.loads(diff(candidate, "--format", "json"))
    (flip,) = body["flips"]
    acme = release_world.customers["acme"].ref
    assert (flip["decision"], flip["kind"], flip["before"], flip["after"]) == (
        asked.decision.ref, "closes", "permit_with_plan", "deny",
    )  # fmt: skip
    assert [each["customer"] for each in flip["lost"]] == [acme] and "action-not-granted" in flip["codes_added"]
    assert body["counts"]["flipped"] == body["counts"]["decisions"] == 1
    table = diff(candidate)
    assert (
        asked.decision.ref in table and f"{acme} loses" in table and "1 of 1 decisions would flip (1 closes)" in table
    )


def test_looking_changes_no_decision_and_checking_exits_with_one_when_something_flips(
    release_world: World, candidate: str
) -> None:
    release_world.ask(columns=("clicks",), action="disclose", recipient=people.vendor().ref)  # refused anyway
    diff(candidate, "--check")
    release_world.ask()
    before = list(Decision.objects.order_by("pk").values_list("answer_id", flat=True))
    with pytest.raises(SystemExit) as stopped:
        diff(candidate, "--check")
    assert stopped.value.code == 1
    assert list(Decision.objects.order_by("pk").values_list("answer_id", flat=True)) == before


def test_until_two_persons_switch_the_old_rules_answer(release_world: World, candidate: str) -> None:
    assert rulebook.active() == values.RULES_VERSION
    first = release_world.ask()
    diff(candidate)
    row = rulebook.propose(candidate, reason="safer", by=release_world.cast.lawyer.actor)
    assert release_world.ask().decision.rules_version == values.RULES_VERSION
    rulebook.confirm(row.ref, by=release_world.cast.approver.actor)
    second = release_world.ask()
    assert (second.decision.rules_version, second.decision.verdict) == (candidate, "deny")
    assert first.decision.verdict == "permit_with_plan"
    for each in (first, second):
        assert decisions.replay(Decision.objects.get(pk=each.decision.pk)) == bytes(each.decision.body)
    assert list(Entry.objects.filter(kind__startswith="rules-").order_by("pk").values_list("kind", flat=True)) == [
        "rules-diff", "rules-proposed", "rules-switched",
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_permits_that_the_new_rules_do_not_carry_are_revoked_when_they_are_switched_on(
    release_world: World, candidate: str
) -> None:
    asked = release_world.ask()
    assert asked.permit is not None
    diff(candidate)
    reading.run()
    assert not permits.find(asked.permit.ref).revoked_at
    switch(release_world, candidate)
    reading.run()
    assert permits.find(asked.permit.ref).revoked_at


def test_one_person_cannot_switch_rules_on(release_world: World, candidate: str) -> None:
    cast = release_world.cast
    release_world.ask()
    diff(candidate)
    row = rulebook.propose(candidate, reason="safer", by=cast.second_lawyer.actor)  # lawyer and approver
    with pytest.raises(rulebook.SecondPersonNeeded):
        rulebook.confirm(row.ref, by=cast.second_lawyer.actor)
    with pytest.raises(errors.Forbidden):
        rulebook.confirm(row.ref, by=cast.lawyer.actor)
    with pytest.raises(rulebook.SecondPersonNeeded):
        rulebook.confirm(row.ref, by=release_world.key.actor)
    with pytest.raises(IntegrityError), transaction.atomic():
        RulesSwitch.objects.filter(pk=row.pk).update(confirmed_by=row.proposed_by, confirmed_at="2026-01-01T00:00Z")
    rulebook.confirm(row.ref, by=cast.approver.actor)
    with pytest.raises(errors.Conflict):
        rulebook.confirm(row.ref, by=cast.administrator.actor)
    for change in ({"confirmed_by": "user:x"}, {"version": "9"}, {"reason": "another"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            RulesSwitch.objects.filter(pk=row.pk).update(**change)


def test_without_a_diff_of_todays_contracts_nothing_is_switched_on(release_world: World, candidate: str) -> None:
    cast = release_world.cast
    release_world.ask()
    with pytest.raises(rulebook.NoDiff):
        rulebook.propose(candidate, reason="safer", by=cast.lawyer.actor)
    diff(candidate, "--latest", "1")
    with pytest.raises(rulebook.NoDiff):  # a part is no diff
        rulebook.propose(candidate, reason="safer", by=cast.lawyer.actor)
    diff(candidate)
    row = rulebook.propose(candidate, reason="safer", by=cast.lawyer.actor)
    release_world.grant("corax", ("Grant", TRAIN | CONTENT))
    with pytest.raises(rulebook.NoDiff):
        rulebook.confirm(row.ref, by=cast.approver.actor)
    diff(candidate)
    rulebook.confirm(row.ref, by=cast.approver.actor)
    assert rulebook.active() == candidate


@pytest.mark.parametrize(
    ("version", "reason", "error"),
    [("99", "x", rules.NotRun), (NEW, " ", errors.Unprocessable), (NEW, "a\0b", errors.Unprocessable)],
)
def test_what_cannot_be_proposed(
    release_world: World, candidate: str, version: str, reason: str, error: type[Exception]
) -> None:
    release_world.ask()
    diff(candidate)
    with pytest.raises(error):
        rulebook.propose(version, reason=reason, by=release_world.cast.lawyer.actor)
    with pytest.raises(errors.Conflict, match="answer already"):
        rulebook.propose(values.RULES_VERSION, reason="x", by=release_world.cast.lawyer.actor)
    assert not RulesSwitch.objects.exists()


def test_new_code_answers_by_the_rules_of_the_last_decision_until_people_switch(
    release_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_world.ask()
    old = rules.VERSIONS[values.RULES_VERSION]
    monkeypatch.setitem(rules.VERSIONS, "newer", Rules("newer", ("Stricter.",), stricter))
    assert rulebook.active() == old.version
    assert [each.version for each in rulebook.candidates()] == ["newer"]


@pytest.fixture
def dropped(release_world: World, candidate: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Code that no longer runs the rules under which decisions were made."""

    def drop() -> None:
        old = rules.VERSIONS[values.RULES_VERSION]
        monkeypatch.setitem(rules.VERSIONS, old.version, replace(old, evaluate=None))

    return drop


def test_a_decision_of_rules_that_are_no_longer_run_says_so_and_pretends_nothing(
    release_world: World, dropped: Callable[[], None]
) -> None:
    row = release_world.ask().decision
    dropped()
    with pytest.raises(decisions.NotReplayed, match="no longer runs them"):
        decisions.replay(row)
    with pytest.raises(CommandError, match="no longer runs them"):
        call_command("replay", row.ref)
    out = io.StringIO()
    call_command("replay", "--all", stdout=out)
    assert "0 gave the same bytes, 0 did not, 1 of rules that this code does not run" in out.getvalue()
    (finding,) = verifying.check_decisions()
    assert finding.ok and "1 decided under rules" in str(finding) and "not replayed" in str(finding)


def test_code_that_does_not_run_the_rules_in_force_refuses_to_decide_until_others_are_switched_on(
    release_world: World, candidate: str, dropped: Callable[[], None]
) -> None:
    release_world.ask()
    dropped()
    with pytest.raises(rules.NotRun, match="no longer runs them"):
        release_world.ask()
    assert Decision.objects.count() == 1
    assert "1 of 1 decisions would flip" in diff(candidate), "stored answers need no code to compare with"
    switch(release_world, candidate)
    assert release_world.ask().decision.rules_version == candidate


def test_remedies_and_expiry_of_new_rules_are_verified_by_the_new_rules(release_world: World, candidate: str) -> None:
    asked = release_world.ask()
    question, facts = decisions.question_of(asked.decision), decisions.facts_of(asked.decision)
    answer = engine.decide(question, facts, by_rules=candidate)
    granting = [step for each in answer.remedies for step in each.steps if step.kind == "add-clause"]
    assert not [s for s in granting if "safeguards" not in json.loads(s.detail).get("grant", {})], (
        "such a grant would not help"
    )
    assert engine.decide(question, facts).remedies, "while by the old rules there are remedies"


def test_a_diff_reads_equal_facts_once_and_holds_one_at_a_time(
    release_world: World, candidate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in (("body",), ("body",), ("clicks",), ("age",)):
        release_world.ask(columns=columns)
    read: list[str] = []
    real = decisions.facts_of

    def counted(row: Decision) -> values.Facts:
        read.append(row.facts_id)
        return real(row)

    monkeypatch.setattr(decisions, "facts_of", counted)
    found = list(redeciding.stored(Decision.objects.all()))
    assert len(found) == 4 and len(read) == len(set(read)) == len(
        set(Decision.objects.values_list("facts_id", flat=True))
    )


def test_altered_facts_are_named_and_do_not_stop_the_diff(release_world: World, candidate: str) -> None:
    good, bad = release_world.ask(), release_world.ask(columns=("body",))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE releases_storedfacts DISABLE TRIGGER USER")
        cursor.execute("UPDATE releases_storedfacts SET body = 'x' WHERE digest = %s", [bad.decision.facts_id])
    tally = Tally()
    found = {each.decision: each for each in ruling.flips(candidate, tally)}
    assert (tally.flips, tally.undecided) == ((1, 1) if good.decision.facts_id != bad.decision.facts_id else (0, 2))
    assert "altered" in found[bad.decision.ref].problem


def test_replaying_all_names_what_was_altered(release_world: World) -> None:
    fine, altered = release_world.ask().decision, release_world.ask(columns=("body",)).decision
    out = io.StringIO()
    call_command("replay", "--all", stdout=out)
    assert "2 gave the same bytes, 0 did not" in out.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE releases_storedanswer DISABLE TRIGGER USER")
        cursor.execute("UPDATE releases_storedanswer SET body = %s WHERE digest = %s", [b"{}", altered.digest])
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("replay", "--all", stdout=out)
    assert altered.ref in out.getvalue() and fine.ref not in out.getvalue()
    assert "1 gave the same bytes, 1 did not" in out.getvalue()


@pytest.mark.parametrize("arguments", [[], ["dec_x", "--all"], ["--all", "--print"]])
def test_replay_is_told_what_to_replay(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="name one decision, or --all"):
        call_command("replay", *arguments)


def page(person: Any, url: str, **typed: str) -> Any:
    client = Client()
    client.force_login(person, backend="governance.access.backends.RoleBackend")
    return client.post(url, typed) if typed else client.get(url)


def test_two_people_switch_rules_on_from_their_pages(release_world: World, candidate: str) -> None:
    release_world.ask()
    add = reverse("admin:releases_rulesswitch_add")
    refused = page(release_world.cast.lawyer, add, version=candidate, reason="safer")
    assert "manage.py rules_diff" in refused.content.decode() and not RulesSwitch.objects.exists()
    diff(candidate)
    assert page(release_world.cast.lawyer, add, version=candidate, reason="safer").status_code == 302
    row = RulesSwitch.objects.get()
    shown = reverse("admin:releases_rulesswitch_change", args=[row.pk])
    assert "1 of 1 decisions would flip" in page(release_world.cast.approver, shown).content.decode()
    assert "Switch on" in page(release_world.cast.approver, shown).content.decode()
    assert "Switch on" not in page(release_world.cast.lawyer, shown).content.decode()
    assert page(release_world.cast.pipeline_owner, add).status_code == 403
    rulebook.confirm(row.ref, by=actors.of(release_world.cast.approver))
    assert (
        "answers"
        in page(release_world.cast.approver, reverse("admin:releases_rulesswitch_changelist")).content.decode()
    )
