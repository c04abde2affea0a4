"""Standing permits: a scheduled job asks once, every run is decided anew, and the standing permit itself lets nobody use anything."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import DatabaseError, IntegrityError

from clients import gate
from governance.access import actors
from governance.catalogue import columns, modes
from governance.catalogue.places import Place
from governance.reactions import reading
from governance.reactions.models import Alert, Violation
from governance.releases import permits, rechecks, standing, statuses
from governance.releases.models import Decision, Permit
from governance.releases.requests import JobName
from lineage.journal import entries, keys
from lineage.journal.models import Entry
from tests import cast as named
from tests.cast import Cast
from tests.governance.test_reactions import MODEL, NS, TABLE, World

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
URL = "/api/v1/releases"
JOB = {"namespace": "shop", "name": "train"}
BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]})


@dataclass
class Story:
    """A world with a pipeline's key."""

    world: World
    secret: str
    by: actors.Actor

    def ask(self, **fields: Any) -> Any:
        """Ask for a standing permit over HTTP."""
        body = {
            "dataset": {"namespace": NS, "name": TABLE}, "columns": ["amount"], "action": "train", "purpose": "functional.service",
            "model": self.world.model.ref, "standing": JOB,
        }  # fmt: skip
        return named.caller(self.secret).post(URL, body | fields, format="json")

    def standing(self, **fields: Any) -> Permit:
        """Return a standing permit."""
        return permits.find(self.ask(**fields).data["permit"]["ref"])

    def renew(self, ref: str, run: str = "", *, job: dict[str, str] = JOB, secret: str = "") -> Any:
        """Renew over HTTP."""
        body = {"job": job, "run": run or str(uuid.uuid4())}
        return named.caller(secret or self.secret).post(f"/api/v1/permits/{ref}/renew", body, format="json")

    def enforce(self) -> None:
        """Have refusals refuse."""
        row = modes.propose(NS, "enforce", by=self.world.cast.privacy_officer.actor)
        modes.approve(row.ref, by=self.world.cast.administrator.actor)


@pytest.fixture
def story(cast: Cast) -> Story:
    key, secret = named.key("release:request", owner=cast.pipeline_owner)
    return Story(World(cast), secret, key.actor)


def found() -> set[str]:
    reading.run()
    return set(Violation.objects.values_list("what", flat=True))


def test_a_job_gets_a_standing_permit_that_no_verifier_takes_for_a_permit(story: Story) -> None:
    answer = story.ask(writes=[{"namespace": NS, "name": "out"}])
    assert answer.status_code == 201 and answer.data["next"] == "renew" and answer.data["permit"]["job"] == JOB
    token = answer.data["permit"]["token"]
    with pytest.raises(gate.Refused, match="standing permit"):
        gate.verify(token, keys.public_jwks(), now=datetime.now(UTC).timestamp())
    row = permits.find(answer.data["permit"]["ref"])
    claims = permits.claims(row)
    assert claims["job"] == JOB and claims["columns"] == ["amount"] and claims["versions"] == [] and claims["plan"]
    assert claims["outputs"] == [{"namespace": NS, "name": "out"}] and claims["kind"] == "standing"
    assert timedelta(days=29) < row.expires_at - row.issued_at <= timedelta(days=30)
    with pytest.raises(keys.BadSignature):
        keys.verify_jws(token, typ=permits.TYPE)
    forged = keys.sign_jws(claims, typ=permits.TYPE)  # the same words under the type of permits of runs
    with pytest.raises(gate.Refused, match="standing permit"):
        gate.verify(forged, keys.public_jwks(), now=datetime.now(UTC).timestamp())


def test_no_setting_lets_it_stand_longer_than_90_days(story: Story, settings: Any) -> None:
    settings.STANDING_PERMIT_DAYS = 3_000
    row = story.standing()
    assert row.expires_at - row.issued_at <= timedelta(days=90)


def test_each_run_gets_a_permit_of_its_own_and_a_long_run_the_next(story: Story) -> None:
    row, run = story.standing(), str(uuid.uuid4())
    first = story.renew(row.ref, run)
    assert first.status_code == 201 and first.data["next"] == "use" and first.data["renewal"]["why"] == ""
    claims = gate.verify(first.data["permit"]["token"], keys.public_jwks(), now=datetime.now(UTC).timestamp())
    assert (claims["kind"], claims["standing"], claims["run"], claims["job"]) == ("release", row.ref, run, JOB)
    assert claims["versions"] and claims["exp"] - claims["iat"] <= 24 * 3600 and "renews" not in claims
    second, other = story.renew(row.ref, run), story.renew(row.ref)
    assert permits.find(second.data["permit"]["ref"]).renews == permits.find(claims["jti"])
    assert permits.find(other.data["permit"]["ref"]).renews is None
    stored = {entry.kind for entry in Entry.objects.filter(about__contains=[second.data["permit"]["ref"]])}
    assert stored == {"permit-issued"}
    said = entries.payload(Entry.objects.get(about__contains=[second.data["permit"]["ref"]])) or b""
    assert row.ref.encode() in said and run.encode() in said


def test_a_run_does_not_outlive_the_standing_permit(story: Story, settings: Any) -> None:
    settings.STANDING_PERMIT_DAYS = 1
    row = story.standing()
    settings.PERMIT_HOURS = 24
    assert permits.find(story.renew(row.ref).data["permit"]["ref"]).expires_at <= row.expires_at
    later = standing.renew(row.ref, job=JobName(**JOB), run="r", by=story.by, at=row.expires_at)
    assert later.answered.permit is None and "expired" in later.why


def test_what_is_no_longer_permitted_is_refused_with_reasons_and_the_standing_permit_goes(story: Story) -> None:
    story.enforce()
    row = story.standing()
    running = permits.find(story.renew(row.ref).data["permit"]["ref"])
    story.world.activate(BAN, title="Amendment")
    refused = story.renew(row.ref)
    assert refused.status_code == 201 and refused.data["verdict"] == "deny" and refused.data["permit"] is None
    assert "prohibition" in refused.data["renewal"]["why"] and refused.data["renewal"]["standing_revoked"]
    assert "prohibition" in {reason["code"] for reason in refused.data["reasons"]}
    for each in (row, running):
        each.refresh_from_db()
        assert each.revoked_at is not None and statuses.bits()[each.index // 8] >> each.index % 8 & 1
    again = story.renew(row.ref)
    assert again.data["permit"] is None and "was revoked" in again.data["renewal"]["why"]


def test_legal_is_told_once_of_a_standing_permit_that_a_refused_run_brought_down(story: Story) -> None:
    row, retired = story.standing(), story.standing()
    permits.revoke(retired, why="the job is retired", by=story.world.cast.lawyer.actor)
    running = permits.find(story.renew(row.ref).data["permit"]["ref"])
    story.world.activate(BAN, title="Amendment")
    story.renew(row.ref)
    reading.run()
    told = Alert.objects.get(kind="revoked")  # of what a person takes back, that person knows
    assert row.ref in told.about and "prohibition" in told.text and running.ref not in told.about


def test_a_revoked_one_gives_no_permit_though_the_policy_would(story: Story) -> None:
    row = story.standing()
    permits.revoke(row, why="the job is retired", by=actors.SYSTEM)
    answer = story.renew(row.ref)
    assert answer.data["verdict"] == "permit" and answer.data["permit"] is None and answer.data["next"] == "none"
    assert answer.data["renewal"]["why"].endswith("the job is retired")


def test_where_nothing_is_enforced_a_refused_run_gets_advice_and_is_counted(story: Story) -> None:
    row = story.standing()
    story.world.activate(BAN, title="Amendment")
    for _ in range(2):
        answer = story.renew(row.ref)
        assert answer.data["permit"] is None and answer.data["advisory"]["kind"] == "advisory"
    assert Decision.objects.filter(verdict="deny").count() == 2


def test_a_change_revokes_the_standing_permit_without_a_run(story: Story) -> None:
    row = story.standing()
    story.world.activate(("Prohibition", BAN[1] | {"actions": ["disclose"]}), title="Harmless")
    reading.run()
    row.refresh_from_db()
    assert row.revoked_at is None and rechecks.failing(row, at=datetime.now(UTC)) == ""
    story.world.activate(BAN, title="Amendment")
    reading.run()
    row.refresh_from_db()
    assert "prohibition" in row.revoked_why


def test_a_refusal_stands_for_nothing(story: Story) -> None:
    story.world.activate(BAN, title="Amendment")
    answer = story.ask()
    assert answer.status_code == 201 and answer.data["verdict"] == "deny"
    assert answer.data["permit"] is None and answer.data["advisory"] is None and not Permit.objects.exists()


def test_a_plan_is_built_by_each_run_and_stands_for_nothing(story: Story) -> None:
    columns.categorise(
        Place(NS, TABLE),
        "note",
        "customer.content",
        valid_from=named.LONG_AGO,
        by=story.world.cast.privacy_officer.actor,
    )
    story.world.report("COMPLETE", run=str(uuid.uuid4()), job="load", outputs=[(TABLE, ["amount", "note"])])
    before = Decision.objects.count()
    answer = story.ask(columns=["amount", "note"])
    assert answer.status_code == 409 and answer.data["code"] == "standing-needs-a-plain-permit", answer.data
    assert answer.data["remedy"] and Decision.objects.count() == before and not Permit.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"standing": "train"}, {"standing": {"namespace": "shop"}}, {"standing": {"namespace": "", "name": "train"}},
        {"standing": JOB | {"run": "x"}}, {"standing": JOB, "mode": "preflight"}, {"standing": JOB, "at": "2026-01-01T00:00:00Z"},
        {"standing": JOB, "ran_unasked_at": "2026-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_what_cannot_stand_is_a_bad_question(story: Story, fields: dict[str, Any]) -> None:
    answer = story.ask(**fields)
    assert answer.status_code == 400 and answer.data["where"].startswith("standing"), answer.data
    assert not Decision.objects.exists()


def test_nobody_renews_what_is_not_theirs_or_not_for_that_job(story: Story) -> None:
    row = story.standing()
    release = permits.find(story.renew(row.ref).data["permit"]["ref"])
    before = Decision.objects.count()
    _, other = named.key("release:request", owner=story.world.cast.pipeline_owner)
    _, reader = named.key("audit:read", owner=story.world.cast.pipeline_owner)
    assert story.renew(row.ref, secret=other).status_code == 404
    assert story.renew("prm_0000000000000000").status_code == 404
    assert story.renew(row.ref, secret=reader).status_code == 403
    answer = story.renew(row.ref, job=JOB | {"name": "other"})
    assert answer.status_code == 422 and answer.data["code"] == "other-job"
    assert story.renew(release.ref).status_code == 409
    assert story.renew(row.ref, "no uuid").status_code == 400
    assert story.renew(row.ref, job={"namespace": "shop"}).status_code == 400
    assert Decision.objects.count() == before


def reporting(story: Story, permit: str, **fields: Any) -> None:
    told: dict[str, Any] = {
        "inputs": [TABLE],
        "outputs": [(MODEL, ["w"])],
        "reads": ["amount"],
        "run": str(uuid.uuid4()),
    }
    story.world.report("COMPLETE", permit=permit, **told | fields)


def test_a_run_within_its_renewal_is_no_violation(story: Story) -> None:
    reporting(story, story.renew(story.standing().ref).data["permit"]["ref"])
    assert found() == set()


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("other-job", {"job": "other"}),
        ("other-columns", {"reads": ["amount", "note"]}),
        ("other-outputs", {"outputs": [(MODEL, ["w"]), ("elsewhere", ["w"])]}),
    ],
)
def test_a_run_beyond_its_renewal_is_found(story: Story, what: str, fields: dict[str, Any]) -> None:
    reporting(story, story.renew(story.standing().ref).data["permit"]["ref"], **fields)
    assert found() == {what}


def test_a_run_that_names_the_standing_permit_itself_is_found(story: Story) -> None:
    reporting(story, story.standing().ref)
    assert found() == {"no-permit"}


@pytest.mark.parametrize(("in_time", "what"), [(True, set()), (False, {"ended-permit"})])
def test_a_long_run_names_the_permit_it_began_with_and_must_have_renewed_in_time(
    story: Story, settings: Any, monkeypatch: pytest.MonkeyPatch, in_time: bool, what: set[str]
) -> None:
    settings.LINEAGE_SKEW_SECONDS = 0
    row, run, began = story.standing(), str(uuid.uuid4()), datetime.now(UTC)
    first = renewed(story, row, run, began)
    renewed(story, row, run, began + timedelta(hours=20 if in_time else 25))
    look_at(story, first.ref, run, began + timedelta(hours=30), monkeypatch)
    assert set(Violation.objects.values_list("what", flat=True)) == what


def renewed(story: Story, row: Permit, run: str, at: datetime) -> Permit:
    """A renewal at an instant ahead."""
    made = standing.renew(row.ref, job=JobName(**JOB), run=run, by=story.by, at=at).answered.permit
    assert made is not None
    return made


def look_at(story: Story, permit: str, run: str, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge an event as if it had been said at `at`."""
    from governance.reactions import violations

    reporting(story, permit, run=run)
    real: Callable[[Any], Any] = violations._use
    monkeypatch.setattr(violations, "_use", lambda entry: (use := real(entry)) and type(use)(**vars(use) | {"at": at}))
    reading.run()


def test_the_database_keeps_standing_permits_and_runs_apart(story: Story) -> None:
    row, run = story.standing(), str(uuid.uuid4())
    made = permits.find(story.renew(row.ref, run).data["permit"]["ref"])
    fields = {
        each.attname: getattr(made, each.attname) for each in Permit._meta.concrete_fields if each.attname != "id"
    }
    copy = fields | {"ref": "prm_x", "index": 9_999}
    for wrong in (
        {}, {"run": ""}, {"job_name": ""}, {"standing_id": None}, {"kind": "standing"}, {"kind": "standing", "standing_id": None},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            Permit.objects.create(**copy | wrong)
    with pytest.raises(DatabaseError), transaction.atomic():
        Permit.objects.filter(pk=made.pk).update(run="another")


def test_the_same_request_sent_twice_renews_once(story: Story) -> None:
    row = story.standing()
    with_key = named.caller(story.secret)
    body, headers = {"job": JOB, "run": str(uuid.uuid4())}, {"Idempotency-Key": "k1"}
    path = f"/api/v1/permits/{row.ref}/renew"
    first, again = (with_key.post(path, body, format="json", headers=headers) for _ in range(2))
    assert first.data["permit"]["ref"] == again.data["permit"]["ref"] and row.runs.count() == 1


def test_people_see_the_job_and_its_runs(story: Story, client: Any) -> None:
    row = story.standing()
    story.renew(row.ref)
    client.force_login(story.world.cast.lawyer, backend="governance.access.backends.RoleBackend")
    listed = client.get("/admin/releases/permit/?q=train").content.decode()
    page = client.get(f"/admin/releases/permit/{row.pk}/change/").content.decode()
    decided = client.get(f"/admin/releases/decision/{row.decision.pk}/change/").content.decode()
    assert "standing" in listed and row.ref in listed and row.runs.get().ref in listed
    assert "train" in page and "no permission for a run" in page and row.ref in decided


def test_a_job_runs_by_night_until_the_contract_forbids_it(
    cast: Cast, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.SITE_URL = live_server.url
    key, secret = named.key("release:request", owner=cast.pipeline_owner)
    story = Story(World(cast), secret, key.actor)
    story.enforce()
    row = story.standing()
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"GATE_KEY": secret, "GATE_STATE_DIR": str(tmp_path), "GATE_URL": live_server.url}
    show = "import os; print('trained under', open(os.environ['GATE_PERMIT_FILE']).read())"
    words = [sys.executable, str(ROOT / "clients/gate.py"), "run", "--standing", row.ref, "--job", "shop/train", "--", sys.executable, "-c", show]  # fmt: skip
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done
    claims = gate.verify(done.stdout.split("under ")[1], keys.public_jwks(), now=datetime.now(UTC).timestamp())
    reporting(story, claims["jti"], run=claims["run"])
    assert found() == set()
    story.world.activate(BAN, title="Amendment")
    stopped = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=90)
    assert stopped.returncode == 3 and "prohibition" in stopped.stderr and "trained" not in stopped.stdout
