"""`mode=preflight`: may an output be made that does not exist yet? Answered from what it would be made of, over HTTP as pipelines ask."""

import json
from typing import Any

import pytest

from governance.access import actors
from governance.catalogue import columns
from governance.catalogue.places import Place
from governance.releases.models import Decision, Permit
from tests import cast as people
from tests.cast import LONG_AGO
from tests.governance.releases_world import ACTION, NAMESPACE, PURPOSE, TICKETS, TRAIN_SET, World

pytestmark = pytest.mark.django_db
PLANNED = "shop.tomorrow"


def post(world: World, **fields: Any) -> Any:
    given = {
        "dataset": {"namespace": NAMESPACE, "name": PLANNED}, "action": ACTION, "purpose": PURPOSE, "mode": "preflight",
        "sources": [source(body=["body"])],
    }  # fmt: skip
    return people.caller(world.secret).post(
        "/api/v1/releases", data=json.dumps(given | fields), content_type="application/json"
    )


def source(*filters: str, name: str = TRAIN_SET, **planned: list[str]) -> dict[str, Any]:
    return {"namespace": NAMESPACE, "name": name, "columns": planned, "filters": list(filters)}


def codes(answer: Any) -> set[str]:
    return {reason["code"] for reason in answer.data["reasons"]}


def key(world: World) -> None:
    """Somebody declares in advance by which column customers will be told apart."""
    columns.tenant_key(Place(NAMESPACE, PLANNED), "tenant", world.space, valid_from=LONG_AGO, by=actors.SYSTEM)


def test_a_planned_output_is_judged_by_what_it_would_be_made_of(release_world: World) -> None:
    refused = post(release_world)
    assert refused.data["verdict"] == "deny" and codes(refused) >= {"not-separable", "prohibition"}
    key(release_world)
    answer = post(release_world)
    assert answer.status_code == 201 and answer.data["verdict"] == "permit_with_plan"
    assert answer.data["plan"]["columns"] == ["body"]
    assert answer.data["permit"] is None and not Permit.objects.exists()
    again = people.caller(release_world.secret).post(f"/api/v1/releases/{answer.data['ref']}/replay")
    assert again.status_code == 200 and again.data["identical"]
    assert Decision.objects.get(ref=answer.data["ref"]).question["sources"][0]["dataset"] == TRAIN_SET


def test_without_sources_a_dataset_that_does_not_exist_stays_unknown(release_world: World) -> None:
    assert codes(post(release_world, sources=[], columns=["body"])) == {"unknown-dataset"}


def test_a_source_that_nobody_knows_is_a_gap(release_world: World) -> None:
    assert codes(post(release_world, sources=[source(name="shop.nowhere", body=["body"])])) >= {"unknown-provenance"}


def test_a_planned_column_that_nothing_goes_into_is_a_gap(release_world: World) -> None:
    assert codes(post(release_world, columns=["body", "mood"])) == {"unknown-provenance"}


def test_without_a_map_every_column_of_the_source_goes_into_every_planned_one(release_world: World) -> None:
    key(release_world)
    whole = {"namespace": NAMESPACE, "name": TICKETS}
    answer = post(release_world, sources=[whole], columns=["body"])
    assert answer.data["verdict"] == "deny" and "uncategorised-column" in codes(
        answer
    )  # tenant and person have no category


def test_columns_that_filter_bring_presence_and_what_the_planned_name_holds_now_does_not_matter(
    release_world: World,
) -> None:
    release_world.grant("corax", ("Grant", {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["*"]}))
    column = [source("body", clicks=["clicks"])]
    place = {"namespace": NAMESPACE, "name": TRAIN_SET}  # keyed already, and made of other columns
    answer = post(release_world, dataset=place, sources=column)
    assert answer.data["verdict"] == "permit_with_plan" and "prohibition" in codes(answer)
    row = Decision.objects.get(ref=answer.data["ref"])
    origins = json.loads(bytes(row.facts.body))["origins"]
    assert {(o["column"], o["source_column"], o["path"]) for o in origins} == {
        ("", "body", "presence"),
        ("clicks", "clicks", "content"),
    }


def test_a_category_declared_on_the_planned_output_counts(release_world: World) -> None:
    key(release_world)
    columns.categorise(Place(NAMESPACE, PLANNED), "body", "customer.prompt", valid_from=LONG_AGO, by=actors.SYSTEM)
    assert "not-granted" in codes(post(release_world))


def test_the_explanation_of_a_planned_output_can_be_read(release_world: World) -> None:
    key(release_world)
    ref = post(release_world).data["ref"]
    caller = people.caller(people.key("explanation:read", "audit:read", owner=release_world.cast.pipeline_owner)[1])
    assert caller.get(f"/api/v1/releases/{ref}/explanation").status_code == 200


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"mode": "plan"}, "sources"),
        ({"sources": [{"namespace": NAMESPACE}]}, "sources[0]"),
        ({"sources": [source(**{"a\0": ["body"]})]}, "sources[0].columns"),
        ({"sources": [source(body=[""])]}, "sources[0].columns.body[0]"),
        ({"sources": [{"namespace": NAMESPACE, "name": TICKETS}]}, "columns"),
        ({"sources": [source(body=["body"])] * 51}, "sources"),
    ],
)
def test_a_plan_that_cannot_be_read_is_a_400_that_names_the_place(
    release_world: World, fields: Any, where: str
) -> None:
    answer = post(release_world, **fields)
    assert answer.status_code == 400 and answer.json()["where"] == where
    assert not Decision.objects.exists()
