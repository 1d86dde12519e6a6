"""Connecting a code host and changing a connection: each page sends one verb.

A webhook's secret stands on the answer to the POST that made it, and nowhere else.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused
from core.permissions import Permission
from core.views import attempt, person, put_refusal, refuse_form
from forges.forms import ChangeForm, ConnectForm, KeyForm
from forges.services.connections import (
    ask_look,
    change_connection,
    connect,
    end_connection,
    renew_webhook_secret,
    replace_key,
)
from forges.statuses import Forge, SignIn
from forges.views.connections import show, visible
from forges.views.needs import needs_of
from scopes.models import Scope


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Show the form; connect an account. The secret is on the answer to the POST."""
    user = person(request)
    if not Scope.objects.permitting(user, Permission.ADMINISTER).exists():
        return _form(request, None, 200 if request.method == "GET" else 403)
    form = ConnectForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "GET":
        return _form(request, form)
    if not form.is_valid():
        return _form(request, form, 400)
    try:
        made, secret = connect(by=user, at=timezone.now(), **form.cleaned_data)
    except Refused as refusal:
        put_refusal(form, refusal)
        return _form(request, form, 400)
    return show(request, visible(request, made.pk), secret)


def _form(request: HttpRequest, form: ConnectForm | None, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "app": needs_of(Forge.GITHUB, SignIn.APP),
        "gitlab": needs_of(Forge.GITLAB, SignIn.TOKEN),
    }
    return render(request, "integrations/new.html", context, status=status)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    return _verb(request, pk, ChangeForm(request.POST), change_connection, "Changed.")


@require_POST
def new_key(request: HttpRequest, pk: int) -> HttpResponse:
    done = "Replaced. The next look tells whether the host takes it."
    return _verb(request, pk, KeyForm(request.POST), replace_key, done)


@require_POST
def look(request: HttpRequest, pk: int) -> HttpResponse:
    return _verb(request, pk, None, ask_look, "Asked for.")


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    return _verb(request, pk, None, end_connection, "Ended. What it brought stays.")


def _verb(
    request: HttpRequest, pk: int, form: forms.Form | None, verb: Any, done: str
) -> HttpResponse:
    row, by = visible(request, pk), person(request)
    back = row.get_absolute_url()
    if form is not None and not form.is_valid():
        return refuse_form(request, form, back=back)
    brought = form.cleaned_data if form is not None else {}
    return attempt(
        request,
        lambda: verb(connection=row, by=by, at=timezone.now(), **brought),
        done=done,
        back=back,
    )


@require_POST
def new_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another webhook secret and show it, this once."""
    row, by = visible(request, pk), person(request)
    try:
        _, secret = renew_webhook_secret(connection=row, by=by, at=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        secret = ""
    return show(request, visible(request, pk), secret)
