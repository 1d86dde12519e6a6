"""One's own page: roles, and what one is told of."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.views import attempt, person, refuse_form
from scopes.models import Membership
from tickets.notice_forms import CHATS, NoticesForm
from tickets.services.notices import set_notices, wishes_of
from tickets.statuses import Channel

MOST = 200  # roles that the page lists


@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show one's roles and what one is told of; change the latter."""
    user = person(request)
    wishes = wishes_of(user)
    if request.method == "POST":
        return _set(request, NoticesForm(request.POST, wishes=wishes))
    rows = Membership.objects.filter(user=user).select_related("scope")
    context = {
        "memberships": list(rows.order_by("scope__name")[:MOST]),
        "form": NoticesForm(wishes=wishes),
        "channels": [(CHATS[channel], wishes.channels[channel]) for channel in Channel],
    }
    return render(request, "profile.html", context)


def _set(request: HttpRequest, form: NoticesForm) -> HttpResponse:
    if not form.is_valid():
        return refuse_form(request, form, back="profile")
    told = form.cleaned_data
    return attempt(
        request,
        lambda: set_notices(
            by=person(request),
            at=timezone.now(),
            time_zone=told["time_zone"],
            digest_hour=told["digest_hour"],
            addresses=form.addresses(),
            paces=form.paces(),
        ),
        done="Saved.",
        back="profile",
    )
