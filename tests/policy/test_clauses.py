"""Clause bodies: what is taken, what is refused, and that a message says where."""

from typing import Any

import pytest

from consent import vocabulary
from governance.policy import clauses
from governance.policy.clauses import BadClause

GRANT = {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}


@pytest.mark.parametrize(
    ("kind", "body", "where"),
    [
        ("Nosuch", {}, "kind"),
        ("Grant", {}, "actions"),
        ("Grant", {**GRANT, "actions": ["trian"]}, "actions"),
        ("Grant", {**GRANT, "actions": ["*"]}, "actions"),
        ("Grant", {**GRANT, "categories": ["user.contact"]}, "categories"),
        ("Grant", {**GRANT, "purposes": ["train_ai_system"]}, "purposes"),
        ("Grant", {**GRANT, "untill": "2027-01-01"}, "untill"),
        ("Grant", {**GRANT, "until": "soon"}, "until"),
        ("Grant", {**GRANT, "until": "2027-01-01T00:00:00"}, "until"),
        ("Grant", {**GRANT, "basis": "opt-in"}, "offer"),
        ("Grant", {**GRANT, "basis": "accepted-use", "signatory": "N. N."}, "until"),
        ("Grant", {**GRANT, "customer_only": "yes"}, "customer_only"),
        ("Grant", {**GRANT, "max_retention_days": True}, "max_retention_days"),
        ("Grant", {**GRANT, "safeguards": [{"kind": "encrypted"}]}, "kind"),
        ("Grant", {**GRANT, "safeguards": [{"kind": "pseudonymised", "k": 5}]}, "safeguards/k"),
        ("Grant", {**GRANT, "safeguards": [{"kind": "dp", "epsilon": "NaN"}]}, "safeguards/epsilon"),
        ("Grant", {**GRANT, "safeguards": [{"kind": "dp", "epsilon": "lots"}]}, "safeguards/epsilon"),
        ("Grant", {**GRANT, "safeguards": [{"kind": "anonymised", "known": "measured"}]}, "safeguards/known"),
        ("Grant", {**GRANT, "safeguards": "deidentified"}, "safeguards"),
        ("TrainingPosition", {"position": "maybe"}, "position"),
        ("Prohibition", {"actions": []}, "actions"),
        ("Prohibition", {"actions": ["train"], "categories": ["nosuch"]}, "categories"),
        ("PartyRestriction", {}, "parties"),
        ("OptInOffer", {}, "discount"),
        ("DeletionTerm", {"trigger": "contract-end"}, "deadline_days"),
        ("DeletionTerm", {"trigger": "contract-end", "deadline_days": 30, "scope": ["models"], "keep_models": True}, "keep_models"),
        ("Undertaking", {"duty": "technique"}, "technique"),
        ("RetentionLimit", {"days": 0}, "days"),
        ("AuditRight", {"by": "the customer"}, "what"),
        ("UnencodedTerm", {"actions": [3]}, "actions"),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_with_its_place(kind: str, body: dict[str, Any], where: str) -> None:
    with pytest.raises(BadClause) as caught:
        clauses.parse(kind, body)
    assert caught.value.where == where


@pytest.mark.parametrize("body", ["", "[]", "{", "[" * 100_000, '{"actions": 1}'])
def test_what_cannot_be_read_in_facts_is_none_and_no_error(body: str) -> None:
    assert clauses.read("Grant", body) is None


def test_a_vendors_own_keys_are_taken_when_they_are_named() -> None:
    body = {**GRANT, "categories": ["customer.usage.uptime"], "purposes": ["acme.research"]}
    with pytest.raises(BadClause):
        clauses.parse("Grant", body)
    own = vocabulary.Own(contract=frozenset({"customer.usage.uptime"}), purposes=frozenset({"acme.research"}))
    assert isinstance(clauses.parse("Grant", body, own), clauses.Grant)


def test_the_trees_are_fideslangs_without_what_only_names_an_action() -> None:
    assert len(vocabulary.PERSONAL) == 85
    assert len(vocabulary.PURPOSES) == 49
    assert not any(
        vocabulary.is_purpose(key) for key in ("train_ai_system", "third_party_sharing", "functional.service.improve")
    )
    assert vocabulary.covers("user.contact", "user.contact.email") and not vocabulary.covers(
        "user.contact", "user.contacts"
    )
    assert (
        vocabulary.is_special("user")
        and vocabulary.is_special("user.biometric.voice")
        and not vocabulary.is_special("user.contact")
    )
    assert vocabulary.is_of_children("user.childrens") and not vocabulary.is_about_people("system.operations")
