"""The page behind the palette: where words lead to. JSON for the palette, a page for who has no script."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core.views import person
from scans.going import LONGEST, MOST_FINDINGS, find


@require_GET
def go(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")
    hits = find(person(request), words)
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        answer: HttpResponse = JsonResponse({"hits": [hit.to_dict() for hit in hits]})
    else:
        context = {"hits": hits, "words": words[:LONGEST], "looked_at": MOST_FINDINGS}
        answer = render(request, "go.html", context)
    answer["Vary"] = "Accept"
    return answer
