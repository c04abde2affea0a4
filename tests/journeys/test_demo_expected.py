"""What the contracts mean, read off the prose by a person (`demo/expected.yaml`), against what the engine answers on the demo's world."""

from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from demo import declared, places, prose, stage, warehouse, world
from governance.contracts.models import Clause
from governance.policy import decide, reasons
from governance.policy.answers import Decision, Treatment
from governance.policy.values import Question
from governance.releases import gathering

EXPECTED: dict[str, Any] = yaml.safe_load((places.ROOT / "demo" / "expected.yaml").read_text())
ANSWERS = {"keep": Treatment.KEEP, "apply": Treatment.APPLY, "refuse": Treatment.BLANK}


def ask(**other: Any) -> Decision:
    now = datetime.now(UTC) + timedelta(seconds=1)
    said = EXPECTED["question"] | other
    question = Question(
        namespace=warehouse.NAMESPACE,
        dataset=f"{places.WAREHOUSE}.{said['dataset']}",
        columns=tuple(said["columns"]),
        action=said["action"],
        purpose=said["purpose"],
        at=now,
        as_known_at=now,
        required=tuple(said["required"]),
    )
    return decide(question, gathering.gather(question).facts)


def test_every_customer_and_column_is_answered_as_the_prose_says(story: stage.Stage) -> None:
    declared.tenant_key(story.team, story.world.space)
    decision = ask()
    for name, said in EXPECTED["customers"].items():
        answers = treatments(decision, story.world.customers[name].ref)
        assert (answers is None) == (said["outcome"] == "left out"), name
        if answers is None:
            assert said["because"] in left_out_codes(decision, story.world.customers[name].ref), name
        for column, cell in said["columns"].items():
            check(decision, story, name, column, cell, answers)


def check(
    decision: Decision, story: stage.Stage, name: str, column: str, cell: dict[str, Any], answers: dict[str, Any] | None
) -> None:
    where = f"{name}, {column}"
    if answers is not None:
        assert answers[column].treatment == ANSWERS[cell["answer"]], where
        assert [duty.safeguard for duty in answers[column].duties] == ([cell["duty"]] if "duty" in cell else []), where
    found = [r for r in decision.reasons if r.customer == story.world.customers[name].ref and r.column == column]
    if "reason" in cell:
        assert cell["reason"] in {reason.code for reason in found}, where
    if answers is None and cell["answer"] == "keep":
        assert not [reason for reason in found if reasons.refuses(reason.code)], where
    elif "clause" in cell:
        numbers = set(
            Clause.objects.filter(ref__in=[r.clause for r in found if r.clause]).values_list("number", flat=True)
        )
        assert cell["clause"] in numbers, where


def treatments(decision: Decision, customer: str) -> dict[str, Any] | None:
    """What the plan says about a customer's columns; None where the customer is in no class."""
    assert decision.plan is not None
    for found in decision.plan.classes:
        if customer in decision.members[found.ref]:
            return {column.column: column for column in found.columns}
    return None


def left_out_codes(decision: Decision, customer: str) -> set[str]:
    return {code for group in decision.left_out if customer in group.customers for code in group.codes}


def test_usage_alone_is_what_the_banning_customer_left_open(story: stage.Stage) -> None:
    declared.tenant_key(story.team, story.world.space)
    answers = treatments(
        ask(columns=["active_days", "minutes"], required=[]), story.world.customers["Brandt Maschinenbau"].ref
    )
    assert answers is not None
    assert {column: found.treatment for column, found in answers.items()} == dict.fromkeys(
        ["active_days", "minutes"], Treatment.KEEP
    )


def test_k_of_at_least_twenty_must_be_measured_and_is_still_owed(story: stage.Stage) -> None:
    declared.tenant_key(story.team, story.world.space)
    answers = treatments(ask(), story.world.customers["Cormorant Insurance"].ref)
    assert answers is not None
    (duty,) = answers["age"].duties
    assert (duty.bounds.k, str(duty.known)) == (20, "measured")


def test_without_the_key_nobody_can_be_left_out_and_so_nothing_is_released(story: stage.Stage) -> None:
    decision = ask()
    assert str(decision.verdict) == "deny"
    assert "not-separable" in {reason.code for reason in decision.reasons}


def test_every_clause_that_counts_quotes_the_prose(story: stage.Stage) -> None:
    for clause in Clause.objects.select_related("document"):
        assert clause.passage == prose.read(clause.document.file_name).clauses[clause.number]


def test_columns_hold_in_the_catalogue_what_the_prose_calls_them() -> None:
    words = {"records": world.RECORDS, "tickets": world.TICKETS, "ratings": world.RATINGS, "usage": world.USAGE}
    sources = {"segment": "crm.accounts.segment", "age": "crm.contacts.birth_year", "area": "crm.contacts.postcode"}
    sources |= {
        "text": "support.tickets.body",
        "usual_rating": "support.tickets.rating",
        "unhappy": "support.tickets.rating",
    }
    sources |= {"active_days": "telemetry.events.day", "minutes": "telemetry.events.seconds"}
    for column, word in EXPECTED["holds"].items():
        table, _, source = sources[column].rpartition(".")
        assert words[word] in declared.CATEGORIES[table][source], column
