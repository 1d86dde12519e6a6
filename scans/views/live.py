"""The door that open pages knock at to learn whether anything changed: 304 nearly always."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.http import require_GET

from core.etags import is_known
from core.views import person
from scans.live import live as live_of


@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """Answer the version of what one sees; ``Poll-After`` says in how many seconds to ask again."""
    now = live_of(person(request))
    tag = f'"{now.version}"'
    if is_known(request.headers.get("If-None-Match", ""), tag):
        answer: HttpResponse = HttpResponseNotModified()
    else:
        answer = JsonResponse({"version": now.version})
    answer["ETag"], answer["Poll-After"] = tag, str(now.after)
    return answer
