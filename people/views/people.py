"""People of the installation, for its administrators. To everybody else there is no such page."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.history import tell
from core.models import Event, InstallationRole, User, UserKind
from core.views import attempt, person
from people.requirements import FACTORS
from people.services.accounts import (
    close_account,
    end_sessions,
    may_administer,
    open_account,
    reset_factors,
    set_installation_role,
)
from people.views.sessions import sessions_of
from scopes.models import Membership
from scopes.services.members import is_last_admin

A_PAGE = 50
MOST = 200


@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """Accounts of people, by name."""
    _check(request)
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
    rows = User.objects.filter(kind=UserKind.HUMAN).annotate(has_factor=Exists(factors))
    asked = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    if asked:
        words = Q(username__icontains=asked) | Q(email__icontains=asked)
        rows = rows.filter(words | Q(first_name__icontains=asked) | Q(last_name__icontains=asked))
    page = Paginator(rows.order_by("username"), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "people/list.html", {"page": page, "asked": asked})


@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: roles, factors, sessions, what happened to it."""
    user = _person(request, pk)
    rows = Membership.objects.filter(user=user).select_related("scope").order_by("scope__name")
    events = Event.objects.about("user", user.pk).select_related("actor").order_by("-id")[:30]
    context = {
        "shown": user,
        "memberships": [{"row": row, "last": is_last_admin(row)} for row in rows[:MOST]],
        "factors": list(Authenticator.objects.filter(user=user, type__in=FACTORS)),
        "sessions": sessions_of(user),
        "history": tell(events),
        "is_own": user.pk == person(request).pk,
        "is_admin": user.installation_role == InstallationRole.ADMIN,
    }
    return render(request, "people/detail.html", context)


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, close_account, "The account is closed: nobody gets in by it.")


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, open_account, "The account is open again.")


@require_POST
def factors(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, reset_factors, "The second factors are gone; the password opens it.")


@require_POST
def sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, end_sessions, "Signed out everywhere.")


@require_POST
def role(request: HttpRequest, pk: int) -> HttpResponse:
    """Make somebody an administrator of the installation (``admin``), or no longer one."""
    wanted = (
        InstallationRole.ADMIN if request.POST.get("role") == "admin" else InstallationRole.NONE
    )

    def verb(**told: Any) -> None:
        set_installation_role(role=wanted, **told)

    return _do(request, pk, verb, "The role is set.")


def _do(request: HttpRequest, pk: int, verb: Callable[..., Any], done: str) -> HttpResponse:
    user, by = _person(request, pk), person(request)
    back = redirect("person", user.pk).url
    return attempt(request, lambda: verb(user=user, by=by, at=timezone.now()), done=done, back=back)


def _check(request: HttpRequest) -> None:
    if not may_administer(person(request)):
        raise Http404


def _person(request: HttpRequest, pk: int) -> User:
    _check(request)
    return get_object_or_404(User, pk=pk, kind=UserKind.HUMAN)
