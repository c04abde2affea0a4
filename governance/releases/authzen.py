"""OpenID AuthZEN Authorization API 1.0: what its four entities mean here, and how our answer reads in its words.

| AuthZEN | here |
|---|---|
| subject `recipient` / `pipeline` | a registered party that receives the data, by its reference / the vendor's own pipeline, by any name |
| action `name` | a key of the action tree |
| resource `dataset` | `NAMESPACE/NAME`, parted at the last slash; `properties` may give `namespace` and `name` apart |
| resource `model` | the model's reference, or its node as `NAMESPACE/NAME` |
| context | `purpose`, `columns`, `required`, `environment`, `region`, `model`, `mode`, `at`, `as_known_at`, `accept_plan`, `dry_run` |

Types are strict; members that are not known are ignored, as the specification wants. `decision` is true for `permit`, and for
`permit_with_plan` only where the context says `accept_plan: true` (SEMANTICS §7).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import msgspec

from governance.catalogue.models import Model
from governance.policy.answers import Verdict
from governance.releases import requests
from governance.releases.requests import Ask, DatasetName
from lineage import errors

MOST = 1_000
ENTITIES = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}
PLACES = {"action": "action.name", "dataset": "resource.id", "recipient": "subject.id"}  # our field -> AuthZEN's


class BadEvaluation(errors.Malformed):
    """The request is none of the Authorization API (400, as its section on transport says)."""

    code = "bad-evaluation"


class Entity(msgspec.Struct, frozen=True):
    """A subject or a resource."""

    type: str
    id: str
    properties: dict[str, Any] = {}


class Action(msgspec.Struct, frozen=True):
    """What shall be done."""

    name: str
    properties: dict[str, Any] = {}


class Context(msgspec.Struct, frozen=True):
    """What else belongs to a question; `dry_run`: answer, store nothing, give no permit."""

    purpose: str = ""
    columns: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    environment: str | None = None
    region: str | None = None
    model: str | None = None
    mode: Literal["plan", "strict", "preflight"] = "plan"
    at: datetime | None = None
    as_known_at: datetime | None = None
    accept_plan: bool = False
    dry_run: bool = False


class Evaluation(msgspec.Struct, frozen=True):
    """One access evaluation request."""

    subject: Entity
    action: Action
    resource: Entity
    context: Context = Context()

    def permits(self, verdict: str) -> bool:
        """Say what the boolean is for one of our verdicts."""
        return verdict == Verdict.PERMIT or (verdict == Verdict.PERMIT_WITH_PLAN and self.context.accept_plan)


class Options(msgspec.Struct, frozen=True):
    """How a batch is worked through."""

    evaluations_semantic: Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"] = "execute_all"

    def stops_after(self, decision: bool) -> bool:
        """Say whether nothing is evaluated after this decision: `&&` and `||` of programming languages."""
        return {"deny_on_first_deny": not decision, "permit_on_first_permit": decision}.get(
            self.evaluations_semantic, False
        )


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; raises `BadEvaluation`."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadEvaluation("the body is no JSON") from None
    if not isinstance(found, dict):
        raise BadEvaluation("the body is a JSON object with subject, action and resource")
    return found


def parse(given: Mapping[str, Any]) -> Evaluation:
    """Read one evaluation; raises `BadEvaluation` that names the place."""
    return _read(Evaluation, {name: given[name] for name in (*ENTITIES, "context") if name in given})


def options(given: Mapping[str, Any]) -> Options:
    """Read the options of a batch; raises `BadEvaluation`."""
    return _read(Options, given.get("options", {}), "options")


def batch(given: Mapping[str, Any]) -> list[Any] | None:
    """Return the items of a batch with the defaults filled in; None where there is no batch, so that the body is one evaluation.

    An entity of an item replaces the default as a whole, but for what every entity needs (`type`, `id`, `name`). An item that is
    no object is returned as it is: it fails on its own.
    """
    items = given.get("evaluations", [])
    if not isinstance(items, list):
        raise BadEvaluation("evaluations is a list", where="evaluations")
    if len(items) > MOST:
        raise BadEvaluation(f"at most {MOST} evaluations at once", where="evaluations", remedy="send several requests")
    return [_with_defaults(given, item) for item in items] or None


def ask(evaluation: Evaluation) -> Ask:
    """Return the question that an evaluation asks; raises `BadEvaluation`, or what `requests` raises for texts that cannot be."""
    said = {name: getattr(evaluation.context, name) for name in Context.__struct_fields__}
    said = {name: value for name, value in said.items() if value is not None and name not in ("accept_plan", "dry_run")}
    question = {"action": evaluation.action.name, "dataset": _node(evaluation.resource).plain(), **said}
    return requests.parse(question | _recipient(evaluation.subject))


@contextmanager
def in_its_words() -> Iterator[None]:
    """What is wrong with our question is named by its place in AuthZEN's."""
    try:
        yield
    except errors.Malformed as problem:
        field = problem.where.partition(".")[0].partition("[")[0]
        if field in Context.__struct_fields__:
            problem.where = f"context.{problem.where}"
        problem.where = PLACES.get(field, problem.where)
        raise


def metadata(site: str) -> dict[str, str]:
    """Return the PDP's metadata document (`/.well-known/authzen-configuration`); `site` is our own address."""
    return {
        "policy_decision_point": site,
        "access_evaluation_endpoint": f"{site}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{site}/access/v1/evaluations",
    }


def _with_defaults(given: Mapping[str, Any], item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    merged = {name: given[name] for name in (*ENTITIES, "context") if name in given} | item
    for name, needed in ENTITIES.items():
        default, own = given.get(name), item.get(name)
        if isinstance(default, dict) and isinstance(own, dict):
            merged[name] = {key: default[key] for key in needed if key in default} | own
    return merged


def _read[T](kind: type[T], value: Any, where: str = "") -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = requests.PLACE.search(str(error))
        place = ".".join(filter(None, (where, found.group(1) if found else "")))
        raise BadEvaluation(requests.PLACE.sub("", str(error)), where=place) from None


def _recipient(subject: Entity) -> dict[str, str]:
    match subject.type:
        case "recipient":
            return {"recipient": subject.id}
        case "pipeline" if subject.id:
            return {}
        case _:
            known = "use recipient (a party's reference) or pipeline"
            raise BadEvaluation(
                f"no subject of type {subject.type[:60]!r} is known", where="subject.type", remedy=known
            )


def _node(resource: Entity) -> DatasetName:
    match resource.type:
        case "dataset":
            return _place(resource)
        case "model":
            row = Model.objects.filter(ref=resource.id).first() if "\0" not in resource.id else None
            return DatasetName(row.namespace, row.name) if row else _place(resource)
        case _:
            known = "use dataset or model"
            raise BadEvaluation(
                f"no resource of type {resource.type[:60]!r} is known", where="resource.type", remedy=known
            )


def _place(resource: Entity) -> DatasetName:
    """`properties` part what a slash in a name would not; they must spell the same dataset as the id does."""
    apart = [resource.properties.get(name) for name in ("namespace", "name")]
    namespace, name = apart if any(each is not None for each in apart) else list(_parted(resource.id))
    if not isinstance(namespace, str) or not isinstance(name, str) or f"{namespace}/{name}" != resource.id:
        raise BadEvaluation(
            "a resource is NAMESPACE/NAME; where properties give namespace and name, they say the same",
            where="resource.id",
        )
    return DatasetName(namespace, name)


def _parted(text: str) -> Iterator[str]:
    namespace, _, name = text.rpartition("/")
    yield from (namespace, name)
