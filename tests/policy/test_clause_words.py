"""Clauses word by word: what a body becomes, what is said of one that is wrong, and the sentence in which each is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from consent import vocabulary
from governance.policy import clauses
from governance.policy.answers import Duty
from governance.policy.clauses import (
    AuditRight,
    BadClause,
    DeletionTerm,
    Grant,
    ModelOwnership,
    OptInOffer,
    PartyRestriction,
    Prohibition,
    RetentionLimit,
    TrainingPosition,
    Undertaking,
    UnencodedTerm,
    deletion_term,
    grant,
    party_restriction,
    prohibition,
    reading,
    requirement,
    retention_limit,
    training_position,
    undertaking,
    unencoded_term,
)
from governance.policy.values import Bounds, Known

PERMITS = {"actions": ["train"], "categories": ["customer"], "purposes": ["functional.service"]}
SAFEGUARDS = [
    "pseudonymised",
    {"kind": "deidentified", "k": 20, "known": "measured", "standard": "hipaa", "quasi_identifiers": ["zip", "age"]},
    {"kind": "aggregated", "n": 10, "c": 3, "known": "claimed"},
    {"kind": "dp", "epsilon": "0.50"},
]
OWN = vocabulary.Own(contract=frozenset({"customer.usage.uptime"}), purposes=frozenset({"acme.research"}))


# --- what a body becomes


@pytest.mark.parametrize(
    ("kind", "body", "term"),
    [
        ("Grant", PERMITS, Grant(("train",), ("customer",), ("functional.service",), "negotiated")),
        (
            "Grant",
            {
                **PERMITS, "basis": "accepted_use", "safeguards": SAFEGUARDS, "offer": " off ", "until": "2027-01-31", "customer_only": True,
                "recipients": ["pty-b", "pty-a", "pty-b"], "regions": ["us", "eu"], "max_retention_days": 30, "signatory": " N. N. ",
            },
            Grant(
                ("train",), ("customer",), ("functional.service",), "accepted-use",
                (
                    Duty("aggregated", "", Known.CLAIMED, Bounds(n=10, c=3)),
                    Duty("deidentified", "hipaa", Known.MEASURED, Bounds(k=20), ("age", "zip")),
                    Duty("dp", bounds=Bounds(epsilon="0.5")), Duty("pseudonymised"),
                ),
                "off", datetime(2027, 1, 31, tzinfo=UTC), True, ("pty-a", "pty-b"), ("eu", "us"), 30, "N. N.",
            ),
        ),
        ("Grant", {**PERMITS, "purposes": ["*", "functional"], "until": "", "safeguards": None}, Grant(("train",), ("customer",), ("*",), "negotiated")),
        ("Grant", {**PERMITS, "basis": "opt-in", "offer": "off"}, Grant(("train",), ("customer",), ("functional.service",), "opt-in", offer="off")),
        ("Grant", {**PERMITS, "safeguards": ["dp", "dp"]}, Grant(("train",), ("customer",), ("functional.service",), "negotiated", (Duty("dp"),))),
        ("Prohibition", {"actions": ["train"]}, Prohibition(("train",), ("*",), ("*",))),
        ("Prohibition", {"actions": ["*"], "categories": ["user", "customer"], "purposes": ["marketing"]}, Prohibition(("*",), ("customer", "user"), ("marketing",))),
        ("Prohibition", {"actions": ["train"], "categories": ["*"], "purposes": ["*"]}, Prohibition(("train",), ("*",), ("*",))),
        ("PartyRestriction", {"parties": ["b", "a"]}, PartyRestriction(("a", "b"), ())),
        ("PartyRestriction", {"groups": ["g"]}, PartyRestriction((), ("g",))),
        ("TrainingPosition", {"position": "silent"}, TrainingPosition("silent")),
        ("ModelOwnership", {"owner": "joint"}, ModelOwnership("joint")),
        ("OptInOffer", {"discount": " 8 % "}, OptInOffer("8 %")),
        ("OptInOffer", {"discount": "8 %", "terms": "a year"}, OptInOffer("8 %", "a year")),
        ("RetentionLimit", {"days": 1}, RetentionLimit(1)),
        ("RetentionLimit", {"days": 36_500}, RetentionLimit(36_500)),
        ("AuditRight", {"by": "them", "what": "it"}, AuditRight("them", "it")),
        ("AuditRight", {"by": "them", "what": "it", "notice_days": 0}, AuditRight("them", "it", 0)),
        ("UnencodedTerm", {}, UnencodedTerm(("*",), None)),
        ("UnencodedTerm", {"actions": ["serve"], "categories": ["user"], "note": " n "}, UnencodedTerm(("serve",), ("user",), "n")),
        ("UnencodedTerm", {"categories": ["*"], "actions": ["*"]}, UnencodedTerm(("*",), None)),
        ("Undertaking", {"duty": "notify_before", "days": 14}, Undertaking("notify-before", ("*",), 14)),
        ("Undertaking", {"duty": "technique", "technique": "enclave", "actions": ["train"]}, Undertaking("technique", ("train",), None, "enclave")),
        ("Undertaking", {"duty": "other", "words": "be kind", "actions": ["*"], "days": 36_500}, Undertaking("other", ("*",), 36_500, "", "be kind")),
        ("DeletionTerm", {"trigger": "contract_end", "deadline_days": 0}, DeletionTerm("contract-end", 0, ("source", "derived", "training", "models"))),
        (
            "DeletionTerm",
            {
                "trigger": "withdrawal", "deadline_days": 36_500, "scope": ["training", "source"], "method": " purge ", "keep_models": True,
                "keep_derivatives": ["deidentified", "anonymised"], "certificate": True, "third_party_audit": True,
            },
            DeletionTerm("withdrawal", 36_500, ("source", "training"), "purge", ("anonymised", "deidentified"), True, True, True),
        ),
        ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": 1, "keep_models": True}, DeletionTerm("withdrawal", 1, deletion_term.SCOPE, keep_models=True)),
    ],
)  # fmt: skip
def test_a_body_becomes_what_it_says(kind: str, body: dict[str, Any], term: object) -> None:
    assert clauses.parse(kind, body) == term


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Grant", {**PERMITS, "categories": ["customer.usage.uptime"], "purposes": ["acme.research"]}),
        ("Prohibition", {"actions": ["train"], "categories": ["customer.usage.uptime"], "purposes": ["acme.research"]}),
        ("UnencodedTerm", {"categories": ["customer.usage.uptime"]}),
    ],
)
def test_a_vendors_own_key_counts_where_it_is_named_and_only_there(kind: str, body: dict[str, Any]) -> None:
    with pytest.raises(BadClause, match="in no tree"):
        clauses.parse(kind, body)
    found: Any = clauses.parse(kind, body, OWN)
    assert found.categories == ("customer.usage.uptime",)


# --- what is said of a body that is wrong


def number(least: int = 1, most: int = 10**9) -> str:
    return f"a whole number from {least} to {most} is needed"


KNOWN = "use a known key, or add the vendor's own first"


@pytest.mark.parametrize(
    ("kind", "body", "where", "message", "remedy"),
    [
        ("Nosuch", {}, "kind", "there is no kind of clause 'Nosuch'", f"use {', '.join(clauses.KINDS)}"),
        ("Grant", [], "body", "the body of a clause is an object", ""),
        ("TrainingPosition", {"position": "silent", "z": 1, "extra": 2}, "extra", "this kind of clause has no field 'extra'", "use position"),
        ("PartyRestriction", {"party": ["x"]}, "party", "this kind of clause has no field 'party'", "use groups, parties"),
        ("AuditRight", {"x": 1}, "x", "this kind of clause has no field 'x'", "use by, notice_days, what"),
        ("OptInOffer", {"x": 1}, "x", "this kind of clause has no field 'x'", "use discount, terms"),
        ("ModelOwnership", {"x": 1}, "x", "this kind of clause has no field 'x'", "use owner"),
        ("RetentionLimit", {"x": 1}, "x", "this kind of clause has no field 'x'", "use days"),
        ("UnencodedTerm", {"x": 1}, "x", "this kind of clause has no field 'x'", "use actions, categories, note"),
        ("Prohibition", {"x": 1}, "x", "this kind of clause has no field 'x'", "use actions, categories, purposes"),
        ("Undertaking", {"x": 1}, "x", "this kind of clause has no field 'x'", "use actions, days, duty, technique, words"),
        ("Grant", {**PERMITS, "x": 1}, "x", "this kind of clause has no field 'x'", f"use {', '.join(sorted(grant.FIELDS))}"),
        ("DeletionTerm", {"x": 1}, "x", "this kind of clause has no field 'x'", f"use {', '.join(sorted(deletion_term.FIELDS))}"),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "dp", "x": 1}]}, "x", "this kind of clause has no field 'x'", f"use {', '.join(sorted(requirement.FIELDS))}"),
        ("Grant", {**PERMITS, "actions": "train"}, "actions", "a list of texts is needed", ""),
        ("Grant", {**PERMITS, "actions": [" "]}, "actions", "a list of texts is needed", ""),
        ("Grant", {**PERMITS, "actions": ["train", 3]}, "actions", "a list of texts is needed", ""),
        ("Grant", {**PERMITS, "recipients": "x"}, "recipients", "a list of texts is needed", ""),
        ("Grant", {**PERMITS, "regions": "x"}, "regions", "a list of texts is needed", ""),
        ("PartyRestriction", {"parties": "x"}, "parties", "a list of texts is needed", ""),
        ("PartyRestriction", {"groups": "x"}, "groups", "a list of texts is needed", ""),
        ("PartyRestriction", {}, "parties", "name a party or a group", ""),
        ("Grant", {}, "actions", "name at least one", ""),
        ("Grant", {**PERMITS, "categories": []}, "categories", "name at least one", ""),
        ("Grant", {**PERMITS, "purposes": []}, "purposes", "name at least one", ""),
        ("Grant", {**PERMITS, "actions": ["train", "fly"]}, "actions", "'fly' is in no tree", KNOWN),
        ("Grant", {**PERMITS, "actions": ["*"]}, "actions", "'*' is in no tree", KNOWN),
        ("Grant", {**PERMITS, "categories": ["*"]}, "categories", "'*' is in no tree", KNOWN),
        ("Grant", {**PERMITS, "categories": ["user.name"]}, "categories", "'user.name' is in no tree", KNOWN),
        ("Grant", {**PERMITS, "purposes": ["fun"]}, "purposes", "'fun' is in no tree", KNOWN),
        ("Prohibition", {"actions": ["fly"]}, "actions", "'fly' is in no tree", KNOWN),
        ("Prohibition", {"actions": ["train"], "categories": ["fly"]}, "categories", "'fly' is in no tree", KNOWN),
        ("Prohibition", {"actions": ["train"], "purposes": ["fly"]}, "purposes", "'fly' is in no tree", KNOWN),
        ("UnencodedTerm", {"actions": ["fly"]}, "actions", "'fly' is in no tree", KNOWN),
        ("UnencodedTerm", {"categories": ["fly"]}, "categories", "'fly' is in no tree", KNOWN),
        ("Undertaking", {"duty": "attribution", "actions": ["fly"]}, "actions", "'fly' is in no tree", KNOWN),
        ("TrainingPosition", {}, "position", "one of negotiated, prohibited, silent is needed", ""),
        ("TrainingPosition", {"position": 3}, "position", "one of negotiated, prohibited, silent is needed", ""),
        ("ModelOwnership", {"owner": "nobody"}, "owner", "one of customer, joint, vendor is needed", ""),
        ("Grant", {**PERMITS, "basis": "hope"}, "basis", "one of accepted-use, negotiated, opt-in is needed", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "dp", "known": "hoped"}]}, "known", "one of claimed, declared, measured is needed", ""),
        ("Undertaking", {"duty": "love"}, "duty", f"one of {', '.join(sorted(undertaking.DUTIES))} is needed", ""),
        ("DeletionTerm", {"trigger": "rain"}, "trigger", f"one of {', '.join(sorted(deletion_term.TRIGGERS))} is needed", ""),
        ("Grant", {**PERMITS, "offer": 3}, "offer", "a text is needed", ""),
        ("Grant", {**PERMITS, "signatory": 3}, "signatory", "a text is needed", ""),
        ("UnencodedTerm", {"note": 3}, "note", "a text is needed", ""),
        ("OptInOffer", {"discount": 3}, "discount", "a text is needed", ""),
        ("OptInOffer", {"discount": "8 %", "terms": 3}, "terms", "a text is needed", ""),
        ("OptInOffer", {"discount": " "}, "discount", "say what is paid for the opt-in", ""),
        ("AuditRight", {"by": 3}, "by", "a text is needed", ""),
        ("AuditRight", {"by": "x", "what": 3}, "what", "a text is needed", ""),
        ("AuditRight", {"by": "x"}, "what", "say who may audit what", ""),
        ("AuditRight", {"what": "x"}, "by", "say who may audit what", ""),
        ("AuditRight", {"by": "x", "what": "y", "notice_days": -1}, "notice_days", number(0), ""),
        ("Undertaking", {"duty": "technique", "technique": 3}, "technique", "a text is needed", ""),
        ("Undertaking", {"duty": "other", "words": 3}, "words", "a text is needed", ""),
        ("Undertaking", {"duty": "notify-before"}, "days", "say how many days before", ""),
        ("Undertaking", {"duty": "notify-before", "days": 0}, "days", number(1, 36_500), ""),
        ("Undertaking", {"duty": "notify-before", "days": 36_501}, "days", number(1, 36_500), ""),
        ("Undertaking", {"duty": "technique"}, "technique", "name the technique", ""),
        ("Undertaking", {"duty": "other"}, "words", "say what is promised", ""),
        ("Grant", {**PERMITS, "customer_only": 1}, "customer_only", "write true or false", ""),
        ("Grant", {**PERMITS, "max_retention_days": 0}, "max_retention_days", number(), ""),
        ("Grant", {**PERMITS, "max_retention_days": 10**9 + 1}, "max_retention_days", number(), ""),
        ("Grant", {**PERMITS, "max_retention_days": "9"}, "max_retention_days", number(), ""),
        ("RetentionLimit", {}, "days", number(1, 36_500), ""),
        ("RetentionLimit", {"days": 36_501}, "days", number(1, 36_500), ""),
        ("RetentionLimit", {"days": True}, "days", number(1, 36_500), ""),
        ("Grant", {**PERMITS, "until": 3}, "until", "a date such as 2027-01-31 is needed", ""),
        ("Grant", {**PERMITS, "until": "2027-13-01"}, "until", "a date such as 2027-01-31 is needed", ""),
        ("Grant", {**PERMITS, "until": "2027-01-31T00:00"}, "until", "a time needs its offset", ""),
        ("Grant", {**PERMITS, "until": "0001-01-01T00:00:00+10:00"}, "until", "a date such as 2027-01-31 is needed", ""),
        ("Grant", {**PERMITS, "basis": "opt-in"}, "offer", "a grant on the basis of an opt-in names its offer", ""),
        ("Grant", {**PERMITS, "basis": "accepted-use", "until": "2027-01-31"}, "signatory", "an accepted use needs who signed for it, and an end", ""),
        ("Grant", {**PERMITS, "basis": "accepted-use", "signatory": "x"}, "until", "an accepted use needs who signed for it, and an end", ""),
        ("Grant", {**PERMITS, "basis": "accepted-use"}, "signatory", "an accepted use needs who signed for it, and an end", ""),
        ("Grant", {**PERMITS, "safeguards": "dp"}, "safeguards", "a list of safeguards is needed", ""),
        ("Grant", {**PERMITS, "safeguards": [3]}, "safeguards", "a safeguard is a name or an object with kind", ""),
        ("Grant", {**PERMITS, "safeguards": ["magic"]}, "kind", f"one of {', '.join(sorted(requirement.SAFEGUARDS))} is needed", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "dp", "standard": 3}]}, "standard", "a text is needed", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "dp", "k": 2, "n": 3}]}, "safeguards/k", "dp has no bound k", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "deidentified", "k": 1}]}, "k", number(2), ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "aggregated", "n": 0}]}, "n", number(), ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "aggregated", "c": 0}]}, "c", number(), ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "deidentified", "n": 3}]}, "safeguards/n", "deidentified has no bound n", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "deidentified", "c": 3}]}, "safeguards/c", "deidentified has no bound c", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "synthetic", "epsilon": "1"}]}, "safeguards/epsilon", "synthetic has no bound epsilon", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "deidentified", "quasi_identifiers": ["x"]}]}, "safeguards/quasi_identifiers", "quasi-identifiers belong to a bound k", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "deidentified", "k": 2, "quasi_identifiers": 3}]}, "quasi_identifiers", "a list of texts is needed", ""),
        ("Grant", {**PERMITS, "safeguards": [{"kind": "anonymised", "known": "measured"}]}, "safeguards/known", "anonymised can only be declared", ""),
        *(
            ("Grant", {**PERMITS, "safeguards": [{"kind": "dp", "epsilon": bad}]}, "safeguards/epsilon", 'epsilon is a positive decimal as text, such as "0.5"', "")
            for bad in (1, "0", "-1", "inf", "x", f"0.{'0' * 38}1", "")
        ),
        ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": -1}, "deadline_days", number(0, 36_500), ""),
        ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": 36_501}, "deadline_days", number(0, 36_500), ""),
        ("DeletionTerm", {"trigger": "withdrawal"}, "deadline_days", number(0, 36_500), ""),
        ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": 1, "scope": ["sun", "moon"]}, "scope", "'moon' is none of source, derived, training, models", ""),
        ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": 1, "keep_derivatives": ["all"]}, "keep_derivatives", "'all' is none of anonymised, deidentified", ""),
        ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": 1, "method": 3}, "method", "a text is needed", ""),
        *(
            ("DeletionTerm", {"trigger": "withdrawal", "deadline_days": 1, field: 1}, field, "write true or false", "")
            for field in ("keep_models", "certificate", "third_party_audit")
        ),
        (
            "DeletionTerm", {"trigger": "withdrawal", "deadline_days": 1, "scope": ["models"], "keep_models": True}, "keep_models",
            "models are in the scope and may be kept: only one can be meant", "",
        ),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_says_what_where_and_what_to_do(
    kind: str, body: Any, where: str, message: str, remedy: str
) -> None:
    with pytest.raises(BadClause) as caught:
        clauses.parse(kind, body)
    assert (caught.value.where, str(caught.value), caught.value.remedy) == (where, message, remedy)


def test_the_largest_numbers_and_the_longest_decimals_that_are_taken() -> None:
    assert reading.number({"x": 10**9}, "x") == 10**9
    assert reading.needed_number({"x": 10**9}, "x") == 10**9 and reading.needed_number({"x": 1}, "x") == 1
    for value in (0, 10**9 + 1, None):
        with pytest.raises(BadClause, match=number()):
            reading.needed_number({"x": value}, "x")
    with pytest.raises(BadClause, match=number()):
        reading.number({"x": 0}, "x")
    assert reading.text({}, "x") == "" and reading.text({}, "x", "usual") == "usual"
    assert reading.texts({"x": ("b", "a", "b")}, "x") == ("a", "b")
    assert requirement.parse({"kind": "dp", "epsilon": f"0.{'0' * 37}1"}).bounds.epsilon == f"0.{'0' * 37}1"
    assert requirement.parse({"kind": "dp", "epsilon": "10"}).bounds.epsilon == "10"
    found = reading.instant({"x": "2027-01-31T02:30:00+02:30"}, "x")
    assert found == datetime(2027, 1, 31, tzinfo=UTC) and found.tzinfo is UTC


# --- whom and what a clause concerns


def test_permissions_cover_and_refusals_touch() -> None:
    permits = Grant(("train",), ("customer",), ("functional",), "negotiated")
    assert grant.covers(permits, "train.pretrain", "functional.service")
    assert not grant.covers(permits, "review", "functional") and not grant.covers(permits, "train", "marketing")
    narrow = Grant(("train.pretrain",), ("customer",), ("*",), "negotiated")
    assert grant.covers(narrow, "train.pretrain", "marketing") and not grant.covers(narrow, "train", "marketing")
    ban = Prohibition(("train.pretrain",), ("customer.usage", "user"), ("functional",))
    touched = prohibition.touched(ban, "train", "functional.service", ["customer", "customer.usage", "customer.input", "user.name"])  # fmt: skip
    assert touched == {"customer", "customer.usage", "user.name"}
    assert prohibition.touched(ban, "review", "functional", ["customer"]) == frozenset()
    assert prohibition.touched(ban, "train", "marketing", ["customer"]) == frozenset()
    assert prohibition.touched(ban, "train", "", ["customer"]) == {"customer"}
    assert prohibition.touched(ban, "review", "", ["customer"]) == frozenset()
    term = UnencodedTerm(("train.pretrain",), None)
    assert unencoded_term.concerns(term, "train") and not unencoded_term.concerns(term, "review")
    promise = Undertaking("attribution", ("train.pretrain",))
    assert undertaking.concerns(promise, "train") and not undertaking.concerns(promise, "review")
    assert [retention_limit.concerns(action) for action in ("train", "train.align", "review")] == [True, True, False]
    assert [training_position.concerns(action) for action in ("train", "train.align", "review")] == [True, True, False]
    restricted = PartyRestriction(("p",), ("g",))
    assert [party_restriction.touches(restricted, {each}) for each in ("p", "g", "x")] == [True, True, False]


# --- the sentence in which it is told


FULL = Grant(
    ("train",), ("customer.usage", "customer.feedback"), ("*",), "negotiated", (Duty("dp", bounds=Bounds(epsilon="1")),), "off",
    datetime(2027, 1, 31, tzinfo=UTC), True, ("pty-a", "pty-b"), ("eu", "us"), 30,
)  # fmt: skip
TRAIN, USAGE, FEEDBACK = (vocabulary.title(key) for key in ("train", "customer.usage", "customer.feedback"))


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        (Grant(("train",), ("customer.usage",), ("*",), "negotiated"), f"Permits to {TRAIN} with {USAGE}, for anything."),
        (
            FULL,
            f"Permits to {TRAIN} with {USAGE} and {FEEDBACK}, for anything, once the data are dp (epsilon at most 1), while the opt-in is active, "
            "until 2027-01-31, for a model or improvement that serves this customer alone, by pty-a, pty-b, in eu, us, for at most 30 days.",
        ),
        (Prohibition(("train",), ("*",), ("*",)), f"Forbids to {TRAIN} with anything, for anything."),
        (PartyRestriction(("p",), ("g", "h")), "May not receive the data, be served by the model or take it over: p, g, h."),
        (TrainingPosition("prohibited"), "Training is prohibited, except where this document or one that prevails over it grants it."),
        (TrainingPosition("silent"), "The document says nothing about training."),
        (TrainingPosition("negotiated"), "Training is a matter of what has been agreed."),
        (ModelOwnership("vendor"), "Models belong to the vendor."),
        (ModelOwnership("customer"), "Models belong to the customer; others are served only with its release."),
        (ModelOwnership("joint"), "Models belong to both; others are served only with the customer's release."),
        (OptInOffer("8 %", "terms"), "Offers 8 % while the opt-in is active."),
        (RetentionLimit(9), "Training copies live at most 9 days after release."),
        (AuditRight("KPMG", "use"), "KPMG may audit use."),
        (AuditRight("KPMG", "use", 0), "KPMG may audit use with 0 days' notice."),
        (UnencodedTerm(("train",), None), f"Not encoded yet; it may concern to {TRAIN} with anything."),
        (UnencodedTerm(("train",), ("customer.usage",)), f"Not encoded yet; it may concern to {TRAIN} with {USAGE}."),
        (Undertaking("no-human-review", ("*",)), "Undertakes: no human review."),
        (Undertaking("other", ("*",), 0, "enclave", "be kind"), "Undertakes: other (0 days before, enclave, be kind)."),
        (DeletionTerm("contract-end", 30, ("source", "models")), "After contract end, source, models must be deleted within 30 days."),
        (
            DeletionTerm("withdrawal", 1, ("source",), "purge", ("anonymised", "deidentified"), True, True, True),
            "After withdrawal, source must be deleted within 1 days by purge; anonymised derivatives and deidentified derivatives and trained models "
            "may be kept; a certificate is owed; a third party audits it.",
        ),
    ],
)  # fmt: skip
def test_a_clause_is_told_in_a_sentence(term: Any, sentence: str) -> None:
    assert clauses.explain(term) == sentence


@pytest.mark.parametrize(
    ("duty", "words"),
    [
        (Duty("dp"), "dp"),
        (Duty("deidentified", "hipaa", Known.MEASURED, Bounds(k=20)), "deidentified (k at least 20, by the standard hipaa, measured)"),
        (Duty("aggregated", "", Known.CLAIMED, Bounds(n=10, c=3)), "aggregated (at least 10 people per group, at least 3 customers per group, claimed)"),
        (Duty("dp", bounds=Bounds(epsilon="0.5")), "dp (epsilon at most 0.5)"),
    ],
)  # fmt: skip
def test_a_safeguard_is_told_with_its_strength(duty: Duty, words: str) -> None:
    assert requirement.explain(duty) == words


def test_words_are_joined_as_in_a_sentence() -> None:
    assert reading.listed([]) == "nothing"
    assert reading.listed(["*", "x", "y"]) == "anything, x and y"
    assert reading.listed(["x", "y"]) == "x and y" and reading.listed(["x"]) == "x"


# --- the order of duties, and what facts hold


def test_duties_stand_in_the_order_of_their_content() -> None:
    rows = [
        Duty("a", "t"), Duty("a", "s", Known.CLAIMED), Duty("a", "s", Known.DECLARED, Bounds(k=2)), Duty("a", "s", Known.DECLARED, Bounds(k=2, n=1)),
        Duty("a", "s", Known.DECLARED, Bounds(k=2, n=1, c=1)), Duty("a", "s", Known.DECLARED, Bounds(k=2, n=1, c=1, epsilon="2")),
        Duty("a", "s", Known.DECLARED, Bounds(k=2, n=1, c=1, epsilon="1")), Duty("a", "s", Known.DECLARED, Bounds(k=2, n=1, c=1, epsilon="1"), ("q",)),
        Duty("a", "s", Known.MEASURED), Duty("b"),
    ]  # fmt: skip
    assert sorted(rows, key=requirement.sort_key) == [*rows[1:9], rows[0], rows[9]]


def test_what_cannot_be_read_is_none_and_what_can_is_read_by_the_vendors_own_keys() -> None:
    own = '{"actions":["train"],"categories":["customer.usage.uptime"],"purposes":["*"]}'
    assert clauses.read("Grant", own) is None and clauses.read("Nosuch", "{}") is None
    assert isinstance(clauses.read("Grant", own, OWN), Grant)
