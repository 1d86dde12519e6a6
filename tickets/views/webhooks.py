"""Pages of outgoing webhooks: each sends one verb. A secret stands on the answer to its own POST alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import Refused
from core.listing import listing
from core.permissions import Permission
from core.views import attempt, person, put_refusal, refuse_form
from scopes.access import can
from scopes.models import Scope
from tickets.models import WebhookEndpoint
from tickets.services.webhooks import (
    change_webhook,
    end_webhook,
    make_webhook,
    pause_webhook,
    resend,
    resume_webhook,
    rotate_secret,
    try_webhook,
)
from tickets.webhook_filters import WebhookFilter
from tickets.webhook_forms import ChangeForm, NewForm

MOST = 50  # deliveries that the page lists


@require_GET
def webhooks(request: HttpRequest) -> HttpResponse:
    rows = WebhookEndpoint.objects.administered_by(request.user).select_related("scope")
    listed = listing(request, WebhookFilter, rows.with_waiting().order_by("-id"))
    return render(request, "integrations/webhooks.html", {"listed": listed})


@require_GET
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, _visible(request, pk))


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Show the form; make a webhook. The secret is on the answer to the POST."""
    user = person(request)
    if not Scope.objects.permitting(user, Permission.ADMINISTER).exists():
        return _form(request, None, 200 if request.method == "GET" else 403)
    if request.method == "GET":
        return _form(request, NewForm(initial={"actions": "*"}, user=user))
    form = NewForm(request.POST, user=user)
    if not form.is_valid():
        return _form(request, form, 400)
    try:
        made, secret = make_webhook(by=user, at=timezone.now(), **form.cleaned_data)
    except Refused as refusal:
        put_refusal(form, refusal)
        return _form(request, form, 400)
    return _show(request, _visible(request, made.pk), secret)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = _visible(request, pk), ChangeForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=row.get_absolute_url())
    return _verb(request, row, change_webhook, "Changed.", **form.cleaned_data)


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    done = "Paused. What happens meanwhile is sent when it is resumed."
    return _verb(request, _visible(request, pk), pause_webhook, done)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _verb(request, _visible(request, pk), resume_webhook, "Resumed.")


@require_POST
def try_it(request: HttpRequest, pk: int) -> HttpResponse:
    done = "A test message is sent within seconds; its answer shows below."
    return _verb(request, _visible(request, pk), try_webhook, done)


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    return _verb(request, _visible(request, pk), end_webhook, "Ended. What waited is not sent.")


@require_POST
def send_again(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    row, by = _visible(request, pk), person(request)
    delivery = get_object_or_404(row.deliveries, number=number)
    return attempt(
        request,
        lambda: resend(delivery=delivery, by=by, at=timezone.now()),
        done="It is sent again within seconds.",
        back=row.get_absolute_url(),
    )


@require_POST
def new_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another secret and show it, this once."""
    row, by = _visible(request, pk), person(request)
    try:
        _, secret = rotate_secret(endpoint=row, by=by, at=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        secret = ""
    return _show(request, _visible(request, pk), secret)


def _visible(request: HttpRequest, pk: int) -> WebhookEndpoint:
    """Return a webhook of a scope that the user may read; else 404. What is in it: see ``_show``."""
    rows = WebhookEndpoint.objects.visible_to(request.user).select_related(
        "scope", "created_by", "ended_by"
    )
    return get_object_or_404(rows.with_waiting(), pk=pk)


def _show(request: HttpRequest, shown: WebhookEndpoint, secret: str = "") -> HttpResponse:
    """The page of a webhook: to who does not administer its scope no more than that it is there."""
    context: dict[str, Any] = {"webhook": shown, "secret": secret}
    if can(person(request), Permission.ADMINISTER, shown.scope_id):
        now = {name: getattr(shown, name) for name in ("name", "url", "actions", "payload")}
        context |= {
            "may_see": True,
            "deliveries": list(shown.deliveries.order_by("-number")[:MOST]),
            "most": MOST,
            "form": None if shown.has_ended else ChangeForm(initial=now),
        }
    return render(request, "integrations/webhook.html", context)


def _form(request: HttpRequest, form: NewForm | None, status: int = 200) -> HttpResponse:
    return render(request, "integrations/webhook_new.html", {"form": form}, status=status)


def _verb(
    request: HttpRequest, row: WebhookEndpoint, verb: Any, done: str, **brought: Any
) -> HttpResponse:
    by = person(request)
    return attempt(
        request,
        lambda: verb(endpoint=row, by=by, at=timezone.now(), **brought),
        done=done,
        back=row.get_absolute_url(),
    )
