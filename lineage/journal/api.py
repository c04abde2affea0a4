"""The ledger over HTTP: checkpoint, hash tiles and keys for everybody; entries and their proofs for who may audit."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lineage import errors
from lineage.journal import entries, keys, proofs, sequencer, stored
from lineage.ledger import bundles, tiles
from lineage.ledger.errors import BadForm

TEXT = "text/plain; charset=utf-8"
FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The last signed checkpoint (c2sp.org/tlog-checkpoint); open."""
    head = sequencer.head()
    if head is None:
        return _nothing("nothing has been entered in the ledger yet")
    return HttpResponse(head.note, content_type=TEXT, headers={"Cache-Control": "no-cache"})


@require_safe
def tile(request: HttpRequest, address: str) -> HttpResponse:
    """One hash tile of the present tree (c2sp.org/tlog-tiles); open. A part of a tile that has grown since is still served."""
    head = sequencer.head()
    try:
        wanted = tiles.parse(address)
        if head is None or wanted.width > tiles.width_at(head.size, wanted.level, wanted.index):
            return _nothing("the ledger has no such tile yet")
        content = b"".join(stored.read_tile(wanted))
    except BadForm as error:
        return _nothing(str(error))
    return HttpResponse(content, content_type="application/octet-stream", headers={"Cache-Control": FOR_EVER})


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys that verify permits and statements (RFC 7517); open."""
    return JsonResponse(keys.public_jwks(), headers={"Cache-Control": "public, max-age=300"})


@require_safe
def endorsement(request: HttpRequest) -> HttpResponse:
    """A note in which the checkpoint key vouches for the other keys; open."""
    return HttpResponse(keys.endorsement(), content_type=TEXT, headers={"Cache-Control": "public, max-age=300"})


class EntryView(APIView):
    """One entry by its place in the ledger."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "audit:read"}

    @extend_schema(operation_id="ledger_entry", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, index: int) -> Response:
        """What happened, when, by whom and about what: identifiers and a commitment. Not the payload.

        A caller who sees only some customers gets the commitment and the leaf hash alone.
        """
        entry = entries.at_index(index)
        return Response(entries.describe(entry, index=index, whole=_sees_everyone(request)))


class ProofView(APIView):
    """The inclusion proof of one entry."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "audit:read"}

    @extend_schema(operation_id="ledger_proof", responses=OpenApiTypes.STR)
    def get(self, request: Request, index: int) -> HttpResponse:
        """A C2SP `.tlog-proof` with the entry's bytes, without its payload."""
        if not _sees_everyone(request):
            raise errors.Forbidden("a proof holds the whole entry, which may be another customer's", code="not-allowed")
        found = proofs.bundle(entries.at_index(index))
        return HttpResponse(bundles.write(bundles.without_payload(found)), content_type=TEXT)


class ConsistencyView(APIView):
    """That one head of the ledger continues another."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "audit:read"}

    @extend_schema(operation_id="ledger_consistency", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, first: int, second: int) -> HttpResponse:
        """A proof in the form that `clients/verify.py --consistency` reads."""
        return HttpResponse(proofs.consistency_file([(first, second)]), content_type="application/json")


def _sees_everyone(request: Request) -> bool:
    """Whether the caller is not restricted to some customers. The lower storey asks the value, it imports nobody; in doubt, no."""
    actor: Any = getattr(request.user, "actor", None)
    return getattr(actor, "every_customer", False) is True


def _nothing(why: str) -> HttpResponse:
    return HttpResponse(why + "\n", status=404, content_type=TEXT)
