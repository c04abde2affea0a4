"""HTTP of the vocabulary: the trees for everybody who may call at all; own keys, their renames and their end by two persons."""

from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import keys, mappings, trees, vocabulary
from consent.api import caller, is_officer
from consent.key_models import LONGEST, KeyRename, OwnKey
from lineage import errors

ANY = OpenApiTypes.OBJECT
WRITE = "vocabulary:write"
PAGE = 1_000


class Trees(APIView):
    """The vocabulary."""

    permission_classes = (IsAuthenticated,)  # whoever may ask anything needs the words to ask with

    @extend_schema(operation_id="vocabulary_read", responses=ANY)
    def get(self, request: Request) -> Response:
        """Return actions, categories of both axes and purposes, each with its title; the vendor's own keys are marked `own`."""
        found: dict[str, Any] = {"actions": [{"key": key, "title": said} for key, said in vocabulary.ACTIONS.items()]}
        own = {key: row for row, key in trees.current_rows()}
        standing = trees.standing(at=timezone.now(), as_known_at=timezone.now())
        for tree, known in trees.TREES.items():
            mine = {key: row.title for key, row in own.items() if row.tree == tree}
            found[str(tree)] = [
                _entry(key, title, tree, own.get(key), standing) for key, title in sorted({**known, **mine}.items())
            ]
        return Response(found)


class TreesAbroad(APIView):
    """The vocabulary in the words of others."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(parameters=[OpenApiParameter("form", str, enum=["dpv", "aipref"], required=True)], responses=ANY)
    def get(self, request: Request) -> Response:
        """Return every key beside the terms of W3C DPV (JSON-LD), or the labels of IETF AIPREF, and what those cannot say."""
        match request.query_params.get("form"):
            case "dpv":
                base = f"{settings.SITE_URL}/vocabulary#"
                document, losses = mappings.vocabulary_as_dpv(base, trees.offered())
            case "aipref":
                document, losses = mappings.vocabulary_as_aipref(trees.offered())
            case _:
                raise errors.Malformed(
                    "the vocabulary is given out as dpv or aipref", code="unknown-form", where="form"
                )
        return Response({"document": document, "losses": mappings.plain(losses)})


class OwnKeyIn(serializers.Serializer[keys.Proposal]):
    """A key to be added below a known one, or as a root of the vendor's own."""

    tree = serializers.ChoiceField(OwnKey.Tree.choices)
    key = serializers.CharField(max_length=LONGEST)
    title = serializers.CharField(max_length=200)
    definition = serializers.CharField(max_length=20_000)
    special = serializers.BooleanField(default=False)
    valid_from = serializers.DateTimeField(required=False)


class Why(serializers.Serializer[OwnKey]):
    """Why."""

    reason = serializers.CharField(max_length=500)


class RenameIn(Why):
    """Another name below the same key."""

    new = serializers.CharField(max_length=LONGEST)


class Keys(APIView):
    """The vendor's own keys."""

    required_scopes: ClassVar = {"GET": "consent:read", "POST": WRITE}

    @extend_schema(operation_id="own_keys_list", responses=ANY)
    def get(self, request: Request) -> Response:
        """List them, those that wait for a second person and those that are retired among them, with their renames."""
        rows = OwnKey.objects.prefetch_related("renames").order_by("-id")[:PAGE]
        return Response({"keys": [shown(row) for row in rows]})

    @extend_schema(request=OwnKeyIn, responses={201: ANY})
    def post(self, request: Request) -> Response:
        """Propose a key."""
        given = _body(OwnKeyIn, request)
        given.setdefault("valid_from", timezone.now())
        row = keys.propose(keys.Proposal(**given), by=caller(request), officer=is_officer(request))
        return Response(shown(row), status=201, headers={"Location": f"/api/v1/vocabulary/keys/{row.ref}"})


class Key(APIView):
    """One own key."""

    required_scopes: ClassVar = {"GET": "consent:read"}

    @extend_schema(responses=ANY)
    def get(self, request: Request, ref: str) -> Response:
        """Show it."""
        return Response(shown(keys.find(ref)))


class Approve(APIView):
    """The second person."""

    required_scopes: ClassVar = {"POST": WRITE}

    @extend_schema(request=None, responses=ANY)
    def post(self, request: Request, ref: str) -> Response:
        """Put the key into its tree."""
        return Response(shown(keys.approve(ref, by=caller(request), officer=is_officer(request))))


class Retire(APIView):
    """The end of a key for anything new."""

    required_scopes: ClassVar = {"POST": WRITE}

    @extend_schema(request=Why, responses=ANY)
    def post(self, request: Request, ref: str) -> Response:
        """Retire it, or take back one that was never approved."""
        return Response(shown(keys.retire(ref, why=_body(Why, request)["reason"], by=caller(request))))


class Rename(APIView):
    """Another name for a key."""

    required_scopes: ClassVar = {"POST": WRITE}

    @extend_schema(request=RenameIn, responses={201: ANY})
    def post(self, request: Request, ref: str) -> Response:
        """Propose it."""
        given = _body(RenameIn, request)
        row = keys.rename(ref, given["new"], reason=given["reason"], by=caller(request), officer=is_officer(request))
        return Response(renamed(row), status=201)


class RenameStep(APIView):
    """Approve a rename, or withdraw it."""

    required_scopes: ClassVar = {"POST": WRITE}
    step = ""

    @extend_schema(request=None, responses=ANY)
    def post(self, request: Request, ref: str) -> Response:
        """Take the step."""
        if self.step == "withdraw":
            return Response(renamed(keys.withdraw_rename(ref, by=caller(request))))
        return Response(renamed(keys.approve_rename(ref, by=caller(request), officer=is_officer(request))))


def shown(row: OwnKey) -> dict[str, Any]:
    """Return an own key as callers see it: by its present name, with all that it was called."""
    names = trees.names(row)
    said = {
        name: getattr(row, name)
        for name in ["ref", "tree", "special", "title", "definition", "valid_from", "proposed_by", "approved_by"]
    }
    return {
        **said,
        "key": names[0],
        "former_names": names[1:],
        "recorded_at": row.approved_at,
        "retired_at": row.retired_at,
        "retired_why": row.retired_why,
        "renames": [renamed(each) for each in row.renames.all()],
    }


def renamed(row: KeyRename) -> dict[str, Any]:
    """Return a rename as callers see it."""
    return {
        name: getattr(row, name)
        for name in ["ref", "old", "new", "reason", "proposed_by", "approved_by", "approved_at", "withdrawn_at"]
    }


def _entry(key: str, title: str, tree: OwnKey.Tree, row: OwnKey | None, standing: vocabulary.Own) -> dict[str, Any]:
    said: dict[str, Any] = {"key": key, "title": title}
    if tree is OwnKey.Tree.PERSONAL:
        said["special"] = vocabulary.is_special(key, standing)
    if row is not None:
        said |= {
            "own": row.ref,
            "definition": row.definition,
            "valid_from": row.valid_from,
            "recorded_at": row.approved_at,
        }
        said |= {"former_names": trees.names(row)[1:], "retired": row.retired_at is not None}
    return said


def _body(form: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = form(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
