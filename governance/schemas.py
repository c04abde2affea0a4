"""The JSON schemas of what we publish, at the addresses that events and statements name: open, because whoever reads those needs them."""

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

FOLDER = settings.BASE_DIR / "docs"


@require_safe
def schema(request: HttpRequest, name: str) -> FileResponse:
    """One of the schemas in `docs/`, by its file name."""
    known = {path.name: path for path in FOLDER.glob("*.json")}
    if name not in known:
        raise Http404(name)
    return FileResponse(known[name].open("rb"), content_type="application/schema+json")
