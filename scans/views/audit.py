"""The article's question as a page: was the fix scanned before it merged? The answer is a service's."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core.listing import given
from scans.forms import LastClosedForm
from scans.services.audit import Answer, History, answer_last_closed
from scopes.models import Scope


@require_GET
def last_closed(request: HttpRequest) -> HttpResponse:
    scopes = list(Scope.objects.visible_to(request.user).order_by("name"))
    form = LastClosedForm(given(request), scopes=scopes)
    answer = _answer(request, form) if form.is_valid() else None
    context: dict[str, Any] = {"form": form, "answer": answer, "scopes": scopes}
    return render(request, "audit_last_closed.html", context, status=200 if answer else 400)


def _answer(request: HttpRequest, form: LastClosedForm) -> Answer:
    told = form.cleaned_data
    return answer_last_closed(
        request.user, n=told["n"], origin=told["origin"], history=History(told["history"]),
        scopes=[told["scope"]] if told["scope"] else None,
    )  # fmt: skip
