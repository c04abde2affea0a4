"""The AuthZEN Authorization API 1.0, as its certification scenario meets it, on our own world."""

import json
from typing import Any

import jsonschema
import pytest

from governance.access import actors
from governance.catalogue import trained
from governance.catalogue.places import Place
from governance.releases.models import Decision, Permit
from tests import cast as people
from tests.cast import LONG_AGO
from tests.governance.releases_world import ACTION, ASKED, NAMESPACE, PURPOSE, TRAIN_SET, World

pytestmark = pytest.mark.django_db
ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
# In our own words what the specification says of an answer (section Access Evaluation API Response).
ANSWER = {
    "type": "object",
    "required": ["decision"],
    "properties": {"decision": {"type": "boolean"}, "context": {"type": "object"}},
}
SUBJECT = {"type": "pipeline", "id": "nightly-training"}
RESOURCE = {"type": "dataset", "id": f"{NAMESPACE}/{TRAIN_SET}"}
CONTEXT = {"purpose": PURPOSE, "columns": list(ASKED)}


def evaluation(**fields: Any) -> dict[str, Any]:
    return {"subject": SUBJECT, "action": {"name": ACTION}, "resource": RESOURCE, "context": CONTEXT} | fields


def post(world: World, data: Any, path: str = ONE, **headers: str) -> Any:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    kind = headers.pop("content_type", "application/json")
    answer = people.caller(world.secret).post(path, data=body, content_type=kind, headers=headers or None)
    if answer.status_code == 200:
        for each in answer.json().get("evaluations", [answer.json()]):
            jsonschema.validate(each, ANSWER)
    return answer


def test_a_plan_is_true_only_for_those_who_accept_one(release_world: World) -> None:
    release_world.keyed()
    plain, accepting = (post(release_world, evaluation(context=CONTEXT | {"accept_plan": a})) for a in (False, True))
    assert [each.json()["context"]["verdict"] for each in (plain, accepting)] == ["permit_with_plan"] * 2
    assert plain.json()["decision"] is False and accepting.json()["decision"] is True
    assert accepting.json()["context"]["permit"]["token"]


def test_a_decision_is_stored_with_the_reasons_in_its_own_form(release_world: World) -> None:
    answer = post(release_world, evaluation(resource={"type": "dataset", "id": f"{NAMESPACE}/shop.nowhere"}))
    said = answer.json()
    assert said["decision"] is False and said["context"]["reasons"][0]["id"] == "unknown-dataset"
    assert set(said["context"]["reasons"][0]["reason_admin"]) == {"en"}
    assert Decision.objects.get().ref == said["context"]["id"]


def test_a_dry_run_answers_and_leaves_nothing(release_world: World) -> None:
    answer = post(release_world, evaluation(context=CONTEXT | {"dry_run": True, "accept_plan": True}))
    assert answer.json()["context"]["recorded"] is False
    assert not Decision.objects.exists() and not Permit.objects.exists()


def test_answers_name_no_customer(release_world: World) -> None:
    text = post(release_world, evaluation()).content.decode()
    assert not [name for name in ("Acme", "Brandt", "Corax") if name in text]


def test_a_recipient_is_a_registered_party(release_world: World) -> None:
    party = release_world.customers["acme"].party.ref
    known = post(release_world, evaluation(subject={"type": "recipient", "id": party}))
    assert known.status_code == 200 and Decision.objects.get().question["recipient"] == party
    stranger = post(release_world, evaluation(subject={"type": "recipient", "id": "pty_nobody"}))
    assert stranger.status_code == 400 and stranger.json()["where"] == "subject.id"


def test_a_model_is_named_by_its_reference_or_its_node(release_world: World) -> None:
    place = Place(NAMESPACE, "models.triage")
    row = trained.register(place, title="Triage", at=LONG_AGO, by=actors.SYSTEM)
    party = release_world.customers["acme"].party.ref
    for name in (row.ref, f"{NAMESPACE}/models.triage"):
        asked = {
            "subject": {"type": "recipient", "id": party},
            "action": {"name": "serve"},
            "resource": {"type": "model", "id": name},
        }
        assert post(release_world, asked).status_code == 200
    assert {each.name for each in Decision.objects.all()} == {"models.triage"}


def test_a_name_with_slashes_is_parted_by_properties(release_world: World) -> None:
    apart = {
        "type": "dataset",
        "id": "s3://lake/raw/tickets",
        "properties": {"namespace": "s3://lake", "name": "raw/tickets"},
    }
    post(release_world, evaluation(resource=apart))
    assert (Decision.objects.get().namespace, Decision.objects.get().name) == ("s3://lake", "raw/tickets")
    other = apart | {"properties": {"namespace": "s3://lake", "name": "raw/other"}}
    assert post(release_world, evaluation(resource=other)).status_code == 400


def without(entity: str, member: str = "") -> dict[str, Any]:
    found = json.loads(json.dumps(evaluation()))
    del (found[entity] if member else found)[member or entity]
    return found


@pytest.mark.parametrize(
    ("data", "where"),
    [
        *((without(entity), "") for entity in ("subject", "action", "resource")),
        *((without("subject", name), "subject") for name in ("type", "id")), *((without("resource", name), "resource") for name in ("type", "id")),
        (without("action", "name"), "action"), (evaluation(subject="alice"), "subject"), (evaluation(action={"name": 123}), "action.name"),
        (evaluation(subject={"type": "user", "id": "alice"}), "subject.type"), (evaluation(resource={"type": "record", "id": "r"}), "resource.type"),
        (evaluation(resource={"type": "dataset", "id": "no-namespace"}), "resource.id"), (evaluation(action={"name": "dance"}), "action.name"),
        (evaluation(context=CONTEXT | {"purpose": "fun"}), "context.purpose"), (evaluation(context=[]), "context"), (evaluation(context=None), "context"),
        (evaluation(context=CONTEXT | {"accept_plan": "true"}), "context.accept_plan"), (evaluation(context=CONTEXT | {"accept_plan": 1}), "context.accept_plan"),
        (evaluation(context=CONTEXT | {"columns": "body"}), "context.columns"), (evaluation(subject=SUBJECT | {"properties": "x"}), "subject.properties"),
        (evaluation(resource={"type": "model", "id": "a\x00b/c"}), "resource.id"), ([], ""), ("text", ""), (None, ""), ({}, ""),
        (b"", ""), (b"{", ""), (b"\xff\xfe", ""), (b"[" * 100_000, ""), (b'{"subject": NaN}', ""),
    ],
)  # fmt: skip
def test_what_is_no_question_is_a_400_and_leaves_nothing(release_world: World, data: Any, where: str) -> None:
    for path in (ONE, MANY):
        answer = post(release_world, data, path)
        assert answer.status_code == 400, answer.content
        assert answer["Content-Type"].startswith("application/problem+json") and answer.json()["detail"]
        assert answer.json().get("where", "") == where
    assert not Decision.objects.exists()


def test_another_content_type_is_a_400(release_world: World) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json5"):
        assert post(release_world, evaluation(), content_type=kind).status_code == 400
    assert post(release_world, evaluation(), content_type="application/json; charset=utf-8").status_code == 200


def test_unknown_members_are_ignored(release_world: World) -> None:
    more = {
        "foo": "bar",
        "futureField": {"nested": True},
        "context": CONTEXT | {"time": "1985-10-26T01:22-07:00", "ip": "::1"},
    }
    assert post(release_world, evaluation(**more)).status_code == 200


def test_the_request_id_comes_back_on_answers_and_errors(release_world: World) -> None:
    for data, status in ((evaluation(), 200), ({}, 400)):
        answer = post(release_world, data, **{"X-Request-ID": "bfe9eb29-ab87"})
        assert answer.status_code == status and answer["X-Request-ID"] == "bfe9eb29-ab87"
    assert "X-Request-ID" not in post(release_world, evaluation())
    nobody = people.caller().post(ONE, data=b"{}", content_type="application/json", headers={"X-Request-ID": "7"})
    assert nobody.status_code == 401 and nobody["X-Request-ID"] == "7"


def test_it_takes_the_scope_to_ask(release_world: World, cast: people.Cast) -> None:
    secret = people.key("lineage:write", owner=cast.pipeline_owner)[1]
    answer = people.caller(secret).post(ONE, data=json.dumps(evaluation()), content_type="application/json")
    assert answer.status_code == 403 and not Decision.objects.exists()


NOWHERE = {"resource": {"type": "dataset", "id": f"{NAMESPACE}/shop.nowhere"}}


def batch(*items: Any, semantic: str = "", **defaults: Any) -> dict[str, Any]:
    chosen = {"options": {"evaluations_semantic": semantic}} if semantic else {}
    accepting = {"context": CONTEXT | {"accept_plan": True}}
    return evaluation() | accepting | {"evaluations": list(items)} | chosen | defaults


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        ("", [True, False, True, False]), ("execute_all", [True, False, True, False]), ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)  # fmt: skip
def test_the_three_semantics(release_world: World, semantic: str, decisions: list[bool]) -> None:
    release_world.keyed()
    answer = post(release_world, batch({}, NOWHERE, {}, NOWHERE, semantic=semantic), MANY)
    assert [each["decision"] for each in answer.json()["evaluations"]] == decisions
    assert Decision.objects.count() == len(decisions) and "decision" not in answer.json()


def test_an_unknown_semantic_is_a_400(release_world: World) -> None:
    for chosen in ({"evaluations_semantic": "any"}, {"evaluations_semantic": 1}, "execute_all"):
        answer = post(release_world, batch({}, options=chosen), MANY)
        assert answer.status_code == 400 and answer.json()["where"].startswith("options")


def test_an_item_replaces_a_default_whole_but_for_what_it_needs(release_world: World) -> None:
    release_world.keyed()
    defaults = {"resource": {"type": "dataset", "id": "x/y", "properties": {"namespace": "x", "name": "y"}}}
    found = post(
        release_world, batch({"resource": {"id": f"{NAMESPACE}/{TRAIN_SET}"}}, {"context": {}}, **defaults), MANY
    )
    first, second = found.json()["evaluations"]
    assert first["decision"] is True
    assert second["context"]["error"]["where"] == "context.purpose"


def test_what_is_wrong_with_one_item_is_its_own_refusal(release_world: World) -> None:
    release_world.keyed()
    items = [{}, {"action": {}}, "text", {"action": {"name": "dance"}}, {"subject": None}, {}]
    found = post(release_world, batch(*items, action=None) | {"action": {"name": ACTION}}, MANY).json()["evaluations"]
    assert [each["decision"] for each in found] == [True, True, False, False, False, True]
    assert all(each["context"]["error"]["status"] == 400 for each in found[2:5])
    assert Decision.objects.count() == 3


def test_an_empty_or_missing_list_is_a_single_evaluation(release_world: World) -> None:
    for data in (evaluation(), evaluation(evaluations=[])):
        assert isinstance(post(release_world, data, MANY).json()["decision"], bool)
    for broken in ({}, "x", None, [{}] * 1001):
        assert post(release_world, evaluation(evaluations=broken), MANY).json()["where"] == "evaluations"


def test_the_metadata_is_open_and_names_both_endpoints(settings: Any) -> None:
    settings.SITE_URL = "https://policy.vendor.example"
    answer = people.caller().get("/.well-known/authzen-configuration")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "policy_decision_point": "https://policy.vendor.example",
        "access_evaluation_endpoint": "https://policy.vendor.example/access/v1/evaluation",
        "access_evaluations_endpoint": "https://policy.vendor.example/access/v1/evaluations",
    }
