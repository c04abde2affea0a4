"""Owners' releases: a customer's word, recorded by two persons, lets its model be served or assigned, and only as it was given (SEMANTICS §3)."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from governance.access import actors
from governance.catalogue import declarations, sources, trained
from governance.catalogue.models import OwnerRelease
from governance.catalogue.places import Place
from governance.parties import organisations
from governance.reactions import reading
from governance.releases import decisions, requests
from governance.releases.decisions import Answered
from lineage import errors, ingest
from tests import cast as named
from tests.cast import LONG_AGO, Cast

NS, TABLE, MODEL = "postgres://plane.example:5432", "shop.events", "shop.models.triage"
LETTER = "Letter of 3 November 2026, signed by the managing director"
pytestmark = pytest.mark.django_db(transaction=True)


class World:
    """A model made from one customer's data; the contract says that the customer owns it."""

    @named.at_once()
    def __init__(self, cast: Cast) -> None:
        self.cast, self.customer = cast, named.customer("Alder Logistics AB")
        family = named.family(self.customer, by=actors.SYSTEM)
        terms = ("ModelOwnership", {"owner": "customer"})
        named.activated(family, terms, lawyer=cast.lawyer, approver=cast.approver)
        sources.of_customer(
            Place(NS, TABLE),
            self.customer,
            setting=sources.Setting(),
            valid_from=LONG_AGO,
            by=cast.privacy_officer.actor,
        )
        self.rival = organisations.register("Rival AG", by=actors.SYSTEM)
        self.model = trained.register(Place(NS, MODEL), title="Triage", at=datetime.now(UTC), by=actors.SYSTEM)
        report([], [TABLE])
        report([TABLE], [MODEL])

    def release(self, **fields: Any) -> OwnerRelease:
        given: dict[str, Any] = {
            "action": "serve", "recipient": self.rival.ref, "evidence": LETTER, "valid_from": LONG_AGO, "by": self.cast.lawyer.actor,
        }  # fmt: skip
        return trained.release(self.model, self.customer, **given | fields)

    def confirmed(self, **fields: Any) -> OwnerRelease:
        return declarations.approve(self.release(**fields), by=self.cast.approver.actor)

    def ask(self, action: str = "serve", recipient: str = "", **fields: Any) -> Answered:
        body = {"dataset": {"namespace": NS, "name": MODEL}, "action": action, "recipient": recipient or self.rival.ref}
        return decisions.request(requests.parse(body | fields), by=actors.SYSTEM, at=datetime.now(UTC))


def report(inputs: list[str], outputs: list[str]) -> None:
    event = {
        "eventType": "COMPLETE", "eventTime": datetime.now(UTC).isoformat(), "producer": "https://jobs.example",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent", "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "shop", "name": f"make {outputs[0]}"},
        "inputs": [{"namespace": NS, "name": name} for name in inputs],
        "outputs": [{"namespace": NS, "name": name} for name in outputs],
    }  # fmt: skip
    ingest.accept(json.dumps(event).encode(), by="key:test")


@pytest.fixture
def world(cast: Cast) -> World:
    return World(cast)


def codes(found: Answered) -> set[str]:
    return {reason.code for reason in found.answer.reasons}


def test_a_customers_model_is_served_to_others_only_with_its_release(world: World) -> None:
    assert (world.ask().decision.verdict, codes(world.ask())) == ("deny", {"model-ownership"})
    waiting = world.release()
    assert world.ask().decision.verdict == "deny"  # one person's word is not enough
    declarations.approve(waiting, by=world.cast.approver.actor)
    permitted = world.ask()
    assert permitted.decision.verdict == "permit"
    assert permitted.permit is not None
    decisions.replay(permitted.decision)


def test_a_release_is_for_one_action_one_recipient_and_one_model(world: World) -> None:
    world.confirmed()
    other = organisations.register("Someone else", by=actors.SYSTEM)
    assert world.ask(recipient=other.ref).decision.verdict == "deny"
    assert world.ask("assign").decision.verdict == "deny"
    sibling = trained.register(Place(NS, "shop.models.sibling"), at=datetime.now(UTC), by=actors.SYSTEM)
    report([TABLE], [sibling.name])
    assert world.ask(dataset={"namespace": NS, "name": sibling.name}).decision.verdict == "deny"


def test_a_release_holds_over_its_period_and_as_it_was_known(world: World) -> None:
    before = datetime.now(UTC)
    row = world.confirmed(valid_to=datetime.now(UTC) + timedelta(hours=3))
    permit = world.ask().permit
    assert permit is not None
    assert permit.expires_at <= row.valid_to
    assert world.ask(as_known_at=before.isoformat()).decision.verdict == "deny"
    assert world.ask(at=(row.valid_to).isoformat()).decision.verdict == "deny"


def test_taking_a_release_back_takes_one_person_and_revokes_the_permit_that_rested_on_it(world: World) -> None:
    row, permit = world.confirmed(), world.ask().permit
    reading.run()
    declarations.end(row, on=datetime.now(UTC), by=world.cast.lawyer.actor)
    assert world.ask().decision.verdict == "deny"
    reading.run()
    assert permit is not None
    permit.refresh_from_db()
    assert permit.revoked_at is not None


@pytest.mark.parametrize(
    "wrong", [{"action": "train"}, {"recipient": "pty_nobody"}, {"evidence": "  "}, {"evidence_digest": "ab"}, {"valid_to": LONG_AGO}, {"evidence": "a\0b"}]
)  # fmt: skip
def test_a_release_that_says_nothing_sensible_is_refused_and_leaves_nothing(
    world: World, wrong: dict[str, Any]
) -> None:
    with pytest.raises(errors.Unprocessable):
        world.release(**wrong)
    assert not OwnerRelease.objects.exists()


def test_only_persons_who_write_contracts_record_one_and_another_confirms(world: World) -> None:
    for nobody in (world.cast.privacy_officer.actor, world.cast.pipeline_owner.actor):
        with pytest.raises(errors.Forbidden):
            world.release(by=nobody)
    machine, _ = named.key("contracts:write", owner=world.cast.administrator)
    with pytest.raises(declarations.SecondPersonNeeded):
        world.release(by=machine.actor)
    row = world.release()
    with pytest.raises(errors.Forbidden):
        declarations.approve(row, by=world.cast.lawyer.actor)


@pytest.mark.parametrize(
    "change", [{"recipient_ref": "pty_other"}, {"evidence": "nothing"}, {"approved_by": "", "known_at": LONG_AGO}]
)
def test_the_database_keeps_a_release_as_it_was_recorded(world: World, change: dict[str, Any]) -> None:
    row = world.confirmed() if "known_at" not in change else world.release()
    with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
        OwnerRelease.objects.filter(pk=row.pk).update(**change)


def test_over_http_two_persons_record_it_and_bad_input_leaves_nothing(world: World) -> None:
    laura, anton = named.caller(world.cast.lawyer), named.caller(world.cast.approver)
    address = f"/api/v1/models/{world.model.ref}/owner-releases"
    body = {"customer": world.customer.ref, "action": "serve", "recipient": world.rival.ref, "evidence": LETTER}
    for wrong in (
        {"customer": "cus_nobody"},
        {"action": "sell"},
        {"recipient": ""},
        {"evidence": None},
        {"valid_to": "soon"},
    ):
        _refused(laura, address, body | wrong)
    assert not OwnerRelease.objects.exists()
    assert anton.post(address, body, format="json").status_code == 403
    made = laura.post(address, body, format="json")
    assert (made.status_code, made.json()["counts_since"]) == (201, None)
    approve = f"/api/v1/owner-releases/{made.json()['ref']}/approve"
    assert laura.post(approve).status_code == 403
    assert anton.post(approve).json()["counts_since"]
    assert [row["ref"] for row in anton.get(address).json()["results"]] == [made.json()["ref"]]
    assert named.caller(world.cast.pipeline_owner).get(address).status_code == 403


def _refused(client: APIClient, address: str, body: dict[str, Any]) -> None:
    answer = client.post(address, body, format="json")
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"


def test_the_page_names_the_recipient_and_offers_what_waits_for_a_second_person(world: World) -> None:
    row, page = world.release(), Client()
    page.force_login(world.cast.approver, backend="governance.access.backends.RoleBackend")
    address = f"/admin/catalogue/ownerrelease/{row.pk}/"

    def shown() -> tuple[str, bool, bool, bool]:
        text = page.get(f"{address}change/").content.decode()
        return (text, *(f"{row.pk}/{name}/" in text for name in ("approve", "approve_end", "end")))  # type: ignore[return-value]

    text, *buttons = shown()
    assert "Rival AG" in text and world.rival.ref not in text and "Laura" in text and "user:usr" not in text
    assert buttons[:2] == [True, False]
    declarations.approve(row, by=world.cast.approver.actor)
    assert shown()[1:3] == (False, False)
    assert "Rival AG" in page.get("/admin/catalogue/ownerrelease/").content.decode()
