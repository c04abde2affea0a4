"""Builds end to end: exactly the planned rows, measured, reported, and permitted or refused as they are."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command

from governance.access import actors
from governance.building import builder, planes, reporting, results
from governance.building.models import Build
from governance.catalogue import columns
from governance.catalogue.places import Place
from governance.policy.answers import Verdict
from governance.releases import permits, rechecks
from governance.releases.models import BuiltVersion, Decision, Permit
from governance.releases.requests import DatasetName
from lineage import queries
from lineage.journal import keys
from lineage.models import LineageEvent
from tests.cast import LONG_AGO
from tests.governance.releases_world import NAMESPACE, ROWS, TRAIN, TRAIN_SET, World, now

pytestmark = pytest.mark.django_db
OUT = {"namespace": NAMESPACE, "name": "shop.released"}
TRAIN_PLACE = Place(NAMESPACE, TRAIN_SET)


def make(world: World, output: dict[str, str] | None = None, **fields: Any) -> Build:
    asked = world.ask(output=DatasetName(**(output or OUT)), **fields)
    assert asked.permit is not None, asked.answer.reasons
    return builder.build(asked.decision, by=world.key.actor, at=now())


def naive(*tenants: str) -> list[tuple[Any, ...]]:
    """Age, body, city, clicks of these tenants' rows, by a plain loop."""
    return sorted(
        ((age, body, city, clicks) for tenant, _, age, city, body, clicks in ROWS if tenant in tenants), key=repr
    )


def test_the_built_rows_are_exactly_the_planned_ones(release_world: World) -> None:
    made = make(release_world)
    assert made.state == Build.State.RELEASED, made.detail
    assert release_world.rows("shop.released") == naive("acme")


def test_the_built_release_is_permitted_as_it_is(release_world: World) -> None:
    model = {"namespace": "models://m", "name": "triage"}
    made = make(release_world, writes=(DatasetName(**model),))
    assert made.release is not None and made.release.verdict == Verdict.PERMIT
    assert made.release.built_from == made.decision
    assert made.release_permit is not None and made.release_permit.kind == Permit.Kind.RELEASE
    claims = permits.claims(made.release_permit)
    assert claims["outputs"] == [model] and permits.claims(made.permit)["outputs"] == [OUT]
    assert claims["dataset"] == OUT and claims["versions"] == [{"name": "shop.released", "run": made.run}]


def test_every_row_is_accounted_for(release_world: World) -> None:
    counts = make(release_world).counts
    assert counts["rows_read"] == len(ROWS) and counts["rows_written"] == 4
    assert counts["left_out_unmapped"] == 2 and counts["left_out_by_contract"] == 2
    assert counts["exact"] and sum(counts["four"]["rows"].values()) + counts["left_out_unmapped"] == len(ROWS)


def test_only_people_who_consented_are_in_a_release_and_a_withdrawal_leaves_the_next(release_world: World) -> None:
    columns.categorise(TRAIN_PLACE, "age", "user.demographic.age_range", valid_from=LONG_AGO, by=actors.SYSTEM)
    for person in ("ann", "cid"):
        release_world.consent(person)
    made = make(release_world)
    assert made.state == Build.State.RELEASED, made.detail
    assert {row[0] for row in release_world.rows("shop.released")} == {31, 45}
    assert made.counts["four"]["rows"]["both"] == 3 and made.counts["four"]["people"]["contract_alone"] == 1
    release_world.consent("ann", "withdrawn")
    again = make(release_world, {"namespace": NAMESPACE, "name": "shop.next"})
    assert again.state == Build.State.RELEASED and {row[0] for row in release_world.rows("shop.next")} == {45}
    assert made.release_permit is not None and rechecks.failing(made.release_permit, at=now()) == ""
    stale = release_world.ask(dataset=DatasetName(**OUT))
    assert stale.answer.verdict is not Verdict.PERMIT and "stale" in {reason.code for reason in stale.answer.reasons}


def test_a_pseudonym_is_a_keyed_hash_under_the_key_of_the_release(release_world: World) -> None:
    release_world.grant(
        "corax",
        (
            "Grant",
            TRAIN
            | {
                "categories": ["customer.content", "customer.usage"],
                "safeguards": [{"kind": "pseudonymised", "known": "measured"}],
            },
        ),
    )
    made = make(release_world)
    assert made.state == Build.State.RELEASED, made.detail
    key = keys.pseudonym_key(made.decision.ref)
    bodies = {row[1] for row in release_world.rows("shop.released")}
    assert hmac.new(key, b"quiet", hashlib.sha256).hexdigest() in bodies and "quiet" not in bodies


def deidentified(world: World, k: int) -> None:
    world.grant(
        "corax",
        (
            "Grant",
            TRAIN | {"categories": ["customer"], "safeguards": [{"kind": "deidentified", "k": k, "known": "measured"}]},
        ),
    )
    for column, method, parameters in [("age", "bands", {"width": 10}), ("city", "truncate", {"length": 1})]:
        world.two(
            columns.generalise(
                TRAIN_PLACE, column, method, parameters, valid_from=LONG_AGO, by=world.cast.pipeline_owner.actor
            )
        )
    world.two(
        columns.quasi_identifiers(TRAIN_PLACE, ["age", "city"], valid_from=LONG_AGO, by=world.cast.pipeline_owner.actor)
    )


def test_k_is_kept_by_generalising_and_leaving_out_small_groups_and_measured(release_world: World) -> None:
    deidentified(release_world, 2)
    made = make(release_world)
    assert made.state == Build.State.RELEASED, made.detail
    rows = release_world.rows("shop.released")
    assert [(int(row[0]), row[2]) for row in rows] == [(30, "U")] * 3 and made.counts["left_out_small_groups"] == 2
    (measured,) = [each for each in made.measured if each["safeguard"] == "deidentified"]
    assert measured["bounds"]["k"] == 3 and measured["known"] == "measured"


def test_a_release_whose_measured_k_is_too_low_is_refused_with_it(
    release_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deidentified(release_world, 2)
    plain = results.measure

    def pessimist(*args: Any) -> results.Made:
        from dataclasses import replace

        return replace(plain(*args), smallest=1)

    monkeypatch.setattr(results, "measure", pessimist)
    made = make(release_world)
    assert made.state == Build.State.REFUSED and made.release_permit is None
    assert "k was measured as 1, 2 needed" in made.detail


def test_nothing_left_is_refused(release_world: World) -> None:
    deidentified(release_world, 50)
    made = make(release_world)
    assert (
        made.state == Build.State.REFUSED
        and "no row is left" in made.detail
        and release_world.rows("shop.released") == []
    )


def test_a_duty_that_people_must_do_blocks_the_release(release_world: World) -> None:
    release_world.grant(
        "corax", ("Grant", TRAIN | {"categories": ["customer"], "safeguards": [{"kind": "anonymised"}]})
    )
    made = make(release_world)
    assert made.state == Build.State.REFUSED and "left to people: anonymised" in made.detail


def test_lineage_knows_the_build_its_columns_and_whom_it_left_out(release_world: World) -> None:
    made = make(release_world)
    exposure = queries.exposure(NAMESPACE, "shop.released", at=now())
    assert exposure.completeness == "known"
    brandt = release_world.customers["brandt"].ref
    assert all(brandt in origin.without for origin in exposure.origins["body"])
    assert {origin.column for origin in exposure.origins["body"] if origin.path == "content"} == {"body"}
    event = json.loads(bytes(LineageEvent.objects.filter(run_key=made.run, event_type="COMPLETE").get().body))
    schema = json.loads((Path(__file__).parents[2] / "docs/governance_permit-run-facet.json").read_text())
    jsonschema.validate(event["run"]["facets"], schema)
    assert event["run"]["facets"]["governance_permit"]["permit"] == made.permit.ref
    assert event["producer"] == reporting.producer()


def test_building_again_returns_what_was_built(release_world: World) -> None:
    made = make(release_world)
    assert builder.build(made.decision, by=release_world.key.actor, at=now()) == made
    assert Build.objects.count() == 1


def test_a_later_build_of_the_same_output_replaces_it_and_ends_its_permit(release_world: World) -> None:
    first, second = make(release_world), make(release_world)
    assert second.state == Build.State.RELEASED, second.detail
    assert first.release_permit is not None
    first.release_permit.refresh_from_db()
    assert first.release_permit.revoked_at is not None and "replaced" in first.release_permit.revoked_why


def test_a_table_of_somebody_else_is_never_overwritten(release_world: World) -> None:
    release_world.plane.execute("CREATE TABLE shop.released (precious text)")
    made = make(release_world)
    assert made.state == Build.State.FAILED and "did not make" in made.detail
    assert release_world.plane.execute("SELECT count(precious) FROM shop.released").fetchone() == (0,)


@pytest.mark.parametrize("name", [TRAIN_SET, "no_schema", "a.b.c.d", "shop." + "x" * 64])
def test_an_output_that_cannot_be_one_is_refused_before_anything_happens(release_world: World, name: str) -> None:
    asked = release_world.ask()
    with pytest.raises((builder.OutputTaken, planes.BadName)):
        builder.build(
            asked.decision, output={"namespace": NAMESPACE, "name": name}, by=release_world.key.actor, at=now()
        )
    assert not Build.objects.exists()


def test_a_failure_leaves_nothing_half_built_and_says_so(release_world: World) -> None:
    asked = release_world.ask(output=DatasetName(**OUT))
    release_world.plane.execute("ALTER TABLE shop.train_set DROP COLUMN body")
    made = builder.build(asked.decision, by=release_world.key.actor, at=now())
    assert made.state == Build.State.FAILED and "nothing was built: shop.train_set has no column body" in made.detail
    assert release_world.plane.execute("SELECT to_regclass('shop.released')").fetchone() == (None,)
    assert not BuiltVersion.objects.exists() and not permits.Permit.objects.filter(kind="release").exists()


def test_a_failure_after_the_table_was_made_takes_it_away_again(
    release_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = release_world.ask(output=DatasetName(**OUT))
    monkeypatch.setattr(results, "_vouch", lambda *_: 1 / 0)
    made = builder.build(asked.decision, by=release_world.key.actor, at=now())
    assert made.state == Build.State.FAILED
    assert release_world.plane.execute("SELECT to_regclass('shop.released')").fetchone() == (None,)


def test_without_a_live_build_permit_nothing_is_built(release_world: World) -> None:
    asked = release_world.ask(output=DatasetName(**OUT))
    assert asked.permit is not None
    permits.revoke(asked.permit, why="no longer", by=actors.SYSTEM)
    with pytest.raises(builder.NothingToBuild):
        builder.build(asked.decision, by=release_world.key.actor, at=now())


def test_what_was_forbidden_since_the_decision_is_not_built(release_world: World) -> None:
    asked = release_world.ask(output=DatasetName(**OUT))
    release_world.grant("acme", ("Prohibition", {"actions": ["train"], "categories": ["customer.content"]}))
    with pytest.raises(builder.NothingToBuild):
        builder.build(asked.decision, by=release_world.key.actor, at=now())
    assert asked.permit is not None and not rechecks.recheck(asked.permit, at=now(), by=actors.SYSTEM).holds


def test_a_namespace_without_a_data_plane_is_said_so(release_world: World, settings: Any) -> None:
    asked = release_world.ask(output=DatasetName(**OUT))
    settings.DATA_PLANES_FILE = ""
    with pytest.raises(planes.NoPlane, match="no data plane is configured"):
        builder.build(asked.decision, by=release_world.key.actor, at=now())


def test_the_statement_handed_out_makes_the_same_rows(release_world: World) -> None:
    asked = release_world.ask()
    found = [tuple(row) for row in release_world.plane.execute(builder.statement(asked.decision)).fetchall()]
    assert sorted(found, key=repr) == naive("acme")


def test_build_release_builds_under_another_name_with_a_permit_for_it(
    release_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = release_world.ask(output=DatasetName(**OUT))
    call_command("build_release", asked.decision.ref, "--output", "shop.other")
    assert "shop.other: released" in capsys.readouterr().out
    made = Build.objects.get()
    assert permits.claims(made.permit)["outputs"] == [{"namespace": NAMESPACE, "name": "shop.other"}]
    assert asked.permit is not None and made.permit.expires_at == asked.permit.expires_at


def test_every_enum_member_of_a_build_has_its_story(release_world: World) -> None:
    assert set(Build.State.values) == {"running", "released", "refused", "failed"}
    assert Decision.objects.count() == 0


def test_a_reader_with_a_slower_clock_is_waited_for(release_world: World, settings: Any) -> None:
    settings.LINEAGE_SKEW_SECONDS = 1
    made = make(release_world)
    assert made.state == Build.State.RELEASED, "what was there before could still be seen a second ago"
