"""The page that exports what a list shows: what it will be first, then the file."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.downloads import stream_out
from core.errors import Refused
from core.tables import MOST_OF_SHEET
from core.views import person, refuse_form
from findings.choosing import in_their_order
from findings.exports import FORMATS, KINDS, NAMES, choose, file_of
from findings.filters import QueueFilter
from findings.saved import asked
from findings.saved_forms import FilterWords
from findings.services.exporting import record_export


class ExportForm(forms.Form):
    filter = FilterWords()
    format = forms.ChoiceField(choices=[(name, name) for name in FORMATS])


@require_http_methods(["GET", "POST"])
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Show how many findings would leave, as what; POST: hand out the file, and tell of it."""
    told = asked(request, person(request))
    if request.method == "POST":
        return _file(request)
    words, error, count = told.query.urlencode(), told.error, 0
    try:
        rows = in_their_order(words, request, QueueFilter)
        count = rows.order_by().values("pk")[: MOST_OF_SHEET + 1].count() if not error else 0
    except Refused as refusal:
        error = str(refusal)
    context = {
        "words": words,
        "error": error,
        "count": count,
        "is_more": count > MOST_OF_SHEET,
        "most": MOST_OF_SHEET,
        "names": NAMES,
    }
    return render(request, "findings/export.html", context)


def _file(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    form = ExportForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("findings"))
    words, kind, at = form.cleaned_data["filter"], form.cleaned_data["format"], timezone.now()
    try:
        chosen = choose(in_their_order(words, request, QueueFilter), kind)
        record_export(counts=chosen.by_scope, form=kind, words=words, by=person(request), at=at)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(f"{reverse('findings-export')}?{words}")
    head = {"filter": words, "exported_at": at.isoformat()}
    return stream_out(file_of(chosen, kind, head), KINDS[kind], f"findings-{at:%Y-%m-%d}.{kind}")
