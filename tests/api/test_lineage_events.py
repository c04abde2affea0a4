"""POST /api/v1/lineage as pipelines use it: the real client, gzip, keys, batches, and what is refused."""

import gzip
import json
import logging
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from lineage.models import Flow, LineageEvent, RejectedEvent
from tests import cast as named
from tests.cast import Cast
from tests.graph.worlds import body, event
from tests.lineage.worlds import NOW

URL = "/api/v1/lineage"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The events of these tests are of March 2026."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def writer(cast: Cast) -> APIClient:
    return named.caller(named.key("lineage:write", owner=cast.pipeline_owner)[1])


def send(client: APIClient, raw: bytes, *, url: str = URL, **headers: str) -> Any:
    return client.post(url, raw, content_type="application/json", headers=headers)


def test_a_new_event_is_created_and_the_same_bytes_again_are_known(writer: APIClient) -> None:
    raw = body(event("r", "START", 0, reads=["s"], writes=["d"]))
    first, second = send(writer, raw), send(writer, raw)
    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["duplicate"], second.json()["duplicate"]) == (False, True)
    assert first.json()["event"] == second.json()["event"]
    assert LineageEvent.objects.get().recorded_by.startswith("key:")


def test_gzip_is_unpacked_and_the_digest_is_of_what_was_inside(writer: APIClient) -> None:
    raw = body(event("r", "START", 0))
    assert send(writer, gzip.compress(raw), **{"Content-Encoding": "gzip"}).status_code == 201
    assert send(writer, raw).status_code == 200


def test_any_content_type_and_accept_will_do(writer: APIClient) -> None:
    raw = body(event("r", "START", 0))
    answer = writer.post(URL, raw, content_type="text/plain", headers={"Accept": "application/xml"})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("raw", "headers", "status", "code"),
    [
        (b"nonsense", {}, 400, "not-an-openlineage-event"),
        (b"", {}, 400, "not-an-openlineage-event"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "bad-content-encoding"),
        (gzip.compress(b"{}", mtime=0)[:-3], {"Content-Encoding": "gzip"}, 400, "bad-content-encoding"),
        (gzip.compress(b"{}", mtime=0) + b"more", {"Content-Encoding": "gzip"}, 400, "bad-content-encoding"),
        (b"{}", {"Content-Encoding": "br"}, 400, "bad-content-encoding"),
        (b'{"x": "' + b"a" * 10_000_000 + b'"}', {}, 413, "too-large"),
    ],
)
def test_bad_bodies_get_a_clear_answer(
    writer: APIClient, raw: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = send(writer, raw, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"].startswith("application/problem+json")
    assert not LineageEvent.objects.exists()


def test_a_decompression_bomb_is_stopped_at_the_limit(writer: APIClient) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)
    assert len(bomb) < 1_000_000
    assert send(writer, bomb, **{"Content-Encoding": "gzip"}).status_code == 413


def test_a_bad_event_says_where(writer: APIClient) -> None:
    message = event("r", "START", 0)
    message["run"]["runId"] = "seven"
    answer = send(writer, body(message))
    assert (answer.status_code, answer.json()["where"]) == (400, "/run/runId")
    assert RejectedEvent.objects.get().where == "/run/runId"


def test_an_event_from_the_future_is_refused(writer: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW.replace(year=2025))
    answer = send(writer, body(event("r", "START", 0)))
    assert (answer.status_code, answer.json()["code"]) == (422, "event-time-in-the-future")


def test_only_callers_with_the_scope_may_write_or_read(cast: Cast) -> None:
    raw = body(event("r", "START", 0))
    assert send(APIClient(), raw).status_code == 401
    assert send(named.caller("wrong-key"), raw).status_code == 401
    reader = named.caller(named.key("lineage:read", owner=cast.pipeline_owner)[1])
    assert send(reader, raw).status_code == 403
    assert send(reader, raw, url=f"{URL}/batch").status_code == 403
    writer = named.caller(named.key("lineage:write", owner=cast.pipeline_owner)[1])
    for path in (f"{URL}?nodeId=dataset:a:b", "/api/v1/datasets", "/api/v1/runs/x"):
        assert writer.get(path).status_code == 403
        assert APIClient().get(path).status_code == 401
    assert not LineageEvent.objects.exists()


def test_a_batch_gets_a_verdict_per_line(writer: APIClient) -> None:
    good, other = (body(event(name, "START", 0)) for name in "ab")
    answer = send(writer, b"\n".join([good, b"", b"nonsense", other, good, b""]), url=f"{URL}/batch")
    found = answer.json()
    assert (answer.status_code, found["accepted"], found["rejected"]) == (207, 3, 1)
    assert [verdict["status"] for verdict in found["verdicts"]] == [201, 400, 201, 200]
    assert send(writer, b"\n".join([good, other]), url=f"{URL}/batch").status_code == 200
    assert send(writer, b"\n\n", url=f"{URL}/batch").status_code == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_the_real_client_is_understood(
    cast: Cast,
    live_server: Any,
    compression: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import Dataset, InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import column_lineage_dataset, error_message_run, schema_dataset
    from openlineage.client.uuid import generate_new_uuid

    caplog.set_level(logging.CRITICAL)
    monkeypatch.undo()  # the client reads the real clock, and so does the server
    secret = named.key("lineage:write", owner=cast.pipeline_owner)[1]
    transport: dict[str, Any] = {"type": "http", "url": live_server.url, "auth": {"type": "api_key", "apiKey": secret}}
    if compression:
        transport["compression"] = compression
    client = OpenLineageClient(config={"transport": transport})
    field = column_lineage_dataset.InputField("postgres://p", "public.people", "email")
    columns = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={"mail": column_lineage_dataset.Fields([field], "", "")}
    )
    schema = schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields("mail", "text")])
    target = OutputDataset("postgres://p", "public.training", facets={"columnLineage": columns, "schema": schema})
    assert isinstance(target, Dataset)
    run = Run(
        str(generate_new_uuid()), {"errorMessage": error_message_run.ErrorMessageRunFacet("secret words", "python")}
    )
    for state in (RunState.START, RunState.FAIL):
        client.emit(
            RunEvent(
                eventType=state, eventTime=timezone.now().isoformat(), run=run, job=Job("etl", "train"),
                inputs=[InputDataset("postgres://p", "public.people")], outputs=[target], producer="https://pipelines.example/etl",
            )
        )  # fmt: skip
    client.close()
    assert LineageEvent.objects.count() == 2
    assert all(b"secret words" not in bytes(row.body) for row in LineageEvent.objects.all())
    flow = Flow.objects.get()
    assert flow.columns == [["mail", "email", "content", False]]


def test_the_graph_is_read_in_the_shape_of_marquez(writer: APIClient, cast: Cast) -> None:
    send(writer, body(event("r", "COMPLETE", 0, reads=["s"], writes=["d"], job="etl")))
    send(writer, body(event("q", "COMPLETE", 9, reads=["d"], writes=["e"], job="next")))
    reader = named.caller(named.key("lineage:read", owner=cast.pipeline_owner)[1])
    found = reader.get(URL, {"nodeId": "dataset:postgres://plane:5432:d", "depth": 1}).json()["graph"]
    assert {node["id"] for node in found} == {"dataset:postgres://plane:5432:d", "job:jobs:etl", "job:jobs:next"}
    (node,) = [node for node in found if node["type"] == "DATASET"]
    assert node["inEdges"] == [{"origin": "job:jobs:etl", "destination": "dataset:postgres://plane:5432:d"}]
    assert node["outEdges"] == [{"origin": "dataset:postgres://plane:5432:d", "destination": "job:jobs:next"}]
    wide = reader.get(URL, {"nodeId": "job:jobs:etl"}).json()["graph"]
    assert len(wide) == 5
    names = reader.get("/api/v1/datasets", {"limit": 2}).json()
    assert ([each["name"] for each in names["datasets"]], names["totalCount"]) == (["d", "e"], 3)
    run = json.loads(send(writer, body(event("z", "FAIL", 20, writes=["d"]))).content)
    assert run["duplicate"] is False
    key = LineageEvent.objects.get(ref=run["event"]).run_key
    shown = reader.get(f"/api/v1/runs/{key}").json()
    assert (shown["state"], [each["name"] for each in shown["outputs"]]) == ("FAILED", ["d"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/lineage", 400),
        ("/api/v1/lineage?nodeId=table:a:b", 400),
        ("/api/v1/lineage?nodeId=dataset:a", 400),
        ("/api/v1/lineage?nodeId=dataset:a:b", 404),
        ("/api/v1/lineage?nodeId=dataset:a:b%00", 400),
        ("/api/v1/lineage?nodeId=dataset:a:b&depth=-1", 400),
        ("/api/v1/datasets?limit=x", 400),
        ("/api/v1/datasets?offset=99999999999999999999", 400),
        ("/api/v1/runs/nobody", 404),
        ("/api/v1/runs/a%00b", 404),
    ],
)
def test_bad_questions_get_a_clear_answer(cast: Cast, path: str, status: int) -> None:
    reader = named.caller(named.key("lineage:read", owner=cast.pipeline_owner)[1])
    assert reader.get(path).status_code == status


@pytest.mark.parametrize("page", ["lineageevent", "rejectedevent", "dataset"])
def test_the_admin_shows_and_changes_nothing(cast: Cast, writer: APIClient, page: str) -> None:
    send(writer, body(event("r", "COMPLETE", 0, reads=["s"], writes=["d"])))
    send(writer, b"nonsense \x00")
    client = APIClient()
    client.force_login(cast.pipeline_owner, backend="governance.access.backends.RoleBackend")
    listed = client.get(f"/admin/lineage/{page}/")
    assert listed.status_code == 200
    assert client.get(f"/admin/lineage/{page}/add/").status_code == 403
    first = {"lineageevent": LineageEvent, "rejectedevent": RejectedEvent}.get(page)
    pk = first.objects.values_list("pk", flat=True).first() if first else Flow.objects.get().source_id
    assert client.get(f"/admin/lineage/{page}/{pk}/change/").status_code == 200
