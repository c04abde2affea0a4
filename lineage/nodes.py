"""The graph in the shape that Marquez clients read: nodes `dataset:namespace:name` and `job:namespace:name` with their edges."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from lineage import errors
from lineage.models import Dataset, Flow, Read, Run, RunJob, Write
from lineage.values import Name, moment

MAX_DEPTH = 50
MAX_NODES = 2_000

type Node = tuple[str, Name]


def lineage(node_id: str, depth: int) -> dict[str, Any]:
    """Return the nodes up to `depth` hops around a node (datasets and jobs each count as one), with their edges.

    Raises `NotFound`, `Malformed`.
    """
    edges: set[tuple[Node, Node]] = set()
    seen = near = {parse(node_id)}
    for _ in range(max(0, min(depth, MAX_DEPTH))):
        around = _edges(near)
        edges |= around
        near = {node for edge in around for node in edge} - seen
        seen = seen | near
        if not near or len(seen) > MAX_NODES:
            break
    edges = {edge for edge in edges if set(edge) <= seen}
    return {"graph": [_shown(node, edges) for node in sorted(seen)], "truncated": len(seen) > MAX_NODES}


def parse(node_id: str) -> Node:
    """Return a node by its id. Namespaces hold colons (`postgres://host:5432`), so what is known decides where the name begins."""
    kind, _, rest = node_id.partition(":")
    if kind not in ("dataset", "job") or ":" not in rest:
        raise errors.Malformed("a nodeId is dataset:namespace:name or job:namespace:name", where="nodeId")
    cuts = [index for index, char in enumerate(rest) if char == ":"][:50]
    names = [Name(rest[:cut], rest[cut + 1 :]) for cut in cuts]
    model: Any = Dataset if kind == "dataset" else RunJob
    query = Q(pk=None)
    for name in names:
        query |= Q(namespace=name.namespace, name=name.name)
    found = model.objects.filter(query).values_list("namespace", "name").order_by("namespace").last()
    if found is None or "\x00" in rest:
        raise errors.NotFound("lineage has no such node", where="nodeId")
    return kind, Name(*found)


def node_id(node: Node) -> str:
    """Return a node's id."""
    return f"{node[0]}:{node[1].namespace}:{node[1].name}"


def _edges(near: set[Node]) -> set[tuple[Node, Node]]:
    """Edges from datasets to the jobs that read them, and from jobs to the datasets they write, that touch a node."""
    found = set()
    for model, inward in ((Read, True), (Write, False)):
        query = Q(pk=None)
        for kind, name in near:
            if kind == "dataset":
                query |= Q(dataset__namespace=name.namespace, dataset__name=name.name)
            else:
                runs = RunJob.objects.filter(namespace=name.namespace, name=name.name).values("run_id")
                query |= Q(run__in=runs)
        rows: Any = (
            model.objects.filter(query).values_list("dataset__namespace", "dataset__name", "run__jobs").distinct()
        )
        for namespace, name_, jobs in rows[: MAX_NODES * 5]:
            for job in jobs:
                pair: tuple[Node, Node] = (("dataset", Name(namespace, name_)), ("job", Name(*job)))
                found.add(pair if inward else pair[::-1])
    return found


def _shown(node: Node, edges: set[tuple[Node, Node]]) -> dict[str, Any]:
    kind, name = node
    return {
        "id": node_id(node),
        "type": kind.upper(),
        "data": dataset(name) if kind == "dataset" else {"namespace": name.namespace, "name": name.name},
        "inEdges": [_edge(edge) for edge in sorted(edges) if edge[1] == node],
        "outEdges": [_edge(edge) for edge in sorted(edges) if edge[0] == node],
    }


def _edge(edge: tuple[Node, Node]) -> dict[str, str]:
    return {"origin": node_id(edge[0]), "destination": node_id(edge[1])}


def dataset(name: Name) -> dict[str, Any]:
    """Return a dataset with its columns. Raises `NotFound`."""
    row = Dataset.objects.filter(namespace=name.namespace, name=name.name).prefetch_related("columns").first()
    if row is None:
        raise errors.NotFound("lineage has no such dataset", where="name")
    return _dataset(row)


def _dataset(row: Dataset) -> dict[str, Any]:
    return {
        "id": {"namespace": row.namespace, "name": row.name},
        "namespace": row.namespace,
        "name": row.name,
        "createdAt": row.first_seen_at.isoformat(),
        "fields": [{"name": name} for name in sorted(column.column for column in row.columns.all())],
    }


def datasets(*, limit: int, offset: int, namespace: str = "") -> dict[str, Any]:
    """Return a page of datasets by name, and how many there are."""
    rows = Dataset.objects.filter(namespace=namespace) if namespace else Dataset.objects.all()
    page = rows.order_by("namespace", "name").prefetch_related("columns")[offset : offset + limit]
    return {"datasets": [_dataset(row) for row in page], "totalCount": rows.count()}


_STATES: Mapping[str, str] = {"complete": "COMPLETED", "failed": "FAILED", "closed": "ABORTED", "open": "RUNNING"}


def run(key: str) -> dict[str, Any]:
    """Return a run with what it read and wrote. Raises `NotFound`."""
    row = Run.objects.filter(key=key.lower()).first() if "\x00" not in key else None
    if row is None:
        raise errors.NotFound("lineage has no such run", where="id")
    reads = Read.objects.filter(run=row).values_list("dataset__namespace", "dataset__name")
    written = Write.objects.filter(run=row).values_list("dataset__namespace", "dataset__name")
    named = Flow.objects.filter(write__run=row).exclude(kind="product").values_list("source__namespace", "source__name")
    started, ended = moment(row.started), moment(row.ended)
    return {
        "id": row.key,
        "state": _STATES.get(row.state, "NEW"),
        "startedAt": started.isoformat() if started else None,
        "endedAt": ended.isoformat() if ended else None,
        "jobs": [{"namespace": job[0], "name": job[1]} for job in row.jobs],
        "inputs": _ids(reads),
        "outputs": _ids(written),
        "namedSources": _ids(named.distinct()),
        "reasons": row.reasons,
    }


def _ids(rows: Any) -> list[dict[str, str]]:
    return [{"namespace": namespace, "name": name} for namespace, name in sorted(set(rows))]
