"""Liveness and readiness for whoever restarts us: open, tiny, and honest about what is down."""

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from lineage.journal import sequencer

STANDS_STILL = 60.0  # seconds


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "live"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers and the ledger grows; 503 with the part that is missing otherwise.

    `ledger_waiting_seconds`: how long the first entry without an index has been waiting. Seconds mean that `manage.py sequence` does
    not run, and that whoever records does its work; a minute, that the ledger does not grow at all.
    """
    try:
        head, waiting = sequencer.head(), sequencer.waiting_seconds()
    except DatabaseError:
        return JsonResponse({"status": "not ready", "missing": "database"}, status=503)
    found = {"ledger_size": head.size if head else 0, "ledger_waiting_seconds": round(waiting, 1)}
    if waiting > STANDS_STILL:
        return JsonResponse({"status": "not ready", "missing": "sequencer"} | found, status=503)
    return JsonResponse({"status": "ready"} | found)
