"""Vocabulary and contracts in the words of W3C DPV and IETF AIPREF, over HTTP, each with what got lost."""

from datetime import UTC, datetime

import pytest

from consent import keys
from governance.contracts import optins
from tests import cast as named
from tests.cast import LONG_AGO, Cast
from tests.consent.test_keys import proposal

pytestmark = pytest.mark.django_db
TRAIN = {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]}


def test_the_vocabulary_goes_abroad_with_own_keys_and_a_report(cast: Cast) -> None:
    row = keys.propose(proposal("marketing.fairs", "purposes"), by=cast.lawyer.ref, officer=False)
    keys.approve(row.ref, by=cast.privacy_officer.ref, officer=True)
    client = named.caller(cast.lawyer)
    said = client.get("/api/v1/vocabulary/export?form=dpv").json()
    assert said["document"]["@context"]["dpv"] == "https://w3id.org/dpv#"
    assert next(c for c in said["document"]["@graph"] if c["skos:notation"] == "marketing.fairs")[
        "skos:broadMatch"
    ] == {"@id": "dpv:Marketing"}
    assert "marketing.fairs" in {loss["what"] for loss in said["losses"]}
    assert client.get("/api/v1/vocabulary/export?form=aipref").json()["document"]["labels"]["train-ai"] == {
        "action": "train"
    }
    for form in ("", "?form=poem"):
        answer = client.get(f"/api/v1/vocabulary/export{form}")
        assert answer.status_code == 400 and answer.json()["where"] == "form"


def test_a_contract_goes_abroad_with_everything_that_could_not_be_said(cast: Cast) -> None:
    whose = named.customer("Alder Logistics")
    family = named.family(whose, by=cast.lawyer.actor)
    first = named.activated(
        family, ("Grant", TRAIN), ("OptInOffer", {"discount": "8 %"}), ("DeletionTerm", {"trigger": "contract-end", "deadline_days": 30}),
        lawyer=cast.lawyer, approver=cast.approver,
    )  # fmt: skip
    offer = first.clauses.get(kind="OptInOffer")
    hangs = TRAIN | {"categories": ["customer.content"], "basis": "opt-in", "offer": offer.ref}
    hanging = named.activated(family, ("Grant", hangs), lawyer=cast.lawyer, approver=cast.approver)
    optins.activate(offer, whose, valid_from=LONG_AGO, evidence="order 7", by=cast.lawyer.actor)
    said = named.caller(cast.lawyer).get(f"/api/v1/contracts/{family.ref}/export?form=dpv").json()
    rules = [each for each in said["document"]["@graph"] if each["@type"] == "dpv:Permission"]
    assert [each["dpv:hasData"] for each in rules] == [[{"@id": "own:customer.usage"}]]
    lost = {loss["what"]: loss["why"] for loss in said["losses"]}
    assert "opt-in" in lost[hanging.clauses.get().ref] and lost[first.clauses.get(kind="DeletionTerm").ref]
    preference = named.caller(cast.lawyer).get(f"/api/v1/contracts/{family.ref}/export?form=aipref").json()
    assert preference["document"]["Content-Usage"] == "train-ai=n, search=n" and preference["losses"]
    assert datetime.fromisoformat(preference["at"]) <= datetime.now(UTC)
