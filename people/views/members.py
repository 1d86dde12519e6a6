"""Members of a scope and invitations to it; accepting one."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import BadInput, Refused, WrongState
from core.models import User
from core.permissions import ROLE_PERMISSIONS, SERVICE_ROLES, Permission, Role
from core.views import attempt, person
from people.forms import JoinForm
from people.mails import link_of
from scopes.access import can, check_may
from scopes.models import Invitation, Membership, Scope
from scopes.models.invitations import INVITED_AS
from scopes.services import remove_member, set_member
from scopes.services.invitations import (
    ENDED,
    invite,
    join,
    join_newly,
    open_invitation,
    withdraw_invitation,
)

MOST = 500
KEY = "invitation"  # member of a session: the key of the link that was opened


@require_GET
def members(request: HttpRequest, slug: str) -> HttpResponse:
    return _members(request, _scope(request, slug))


@require_POST
def member_set(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a member another role; the same rule as at the API."""
    scope = _scope(request, slug)
    return attempt(
        request,
        lambda: set_member(
            scope=scope, user=_member(request, scope).user, role=_role(request),
            by=person(request), at=timezone.now(),
        ),
        done="The role is set.",
        back=_address(scope),
    )  # fmt: skip


@require_POST
def member_remove(request: HttpRequest, slug: str) -> HttpResponse:
    scope = _scope(request, slug)
    return attempt(
        request,
        lambda: remove_member(
            scope=scope, user=_member(request, scope).user, by=person(request), at=timezone.now()
        ),
        done="They are no member any more.",
        back=_address(scope),
    )


@require_POST
def invite_somebody(request: HttpRequest, slug: str) -> HttpResponse:
    """Send an invitation; without a server for mail its link is on this answer, once."""
    scope = _scope(request, slug)
    told = {"email": request.POST.get("email", "")[:300], "role": request.POST.get("role", "")[:20]}
    try:
        invitation, key = invite(scope=scope, by=person(request), at=timezone.now(), **told)
    except Refused as error:
        messages.error(request, str(error))
        return redirect(_address(scope))
    if settings.EMAIL_HOST:
        messages.success(request, f"An invitation is on its way to {invitation.email}.")
        return redirect(_address(scope))
    link = link_of(key) if settings.PUBLIC_URL else request.build_absolute_uri(link_of(key))
    return _members(request, scope, link=link, status=201)


@require_POST
def invitation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Invitation.objects.filter(scope__in=Scope.objects.visible_to(request.user))
    invitation = get_object_or_404(rows.select_related("scope"), pk=pk)
    return attempt(
        request,
        lambda: withdraw_invitation(invitation=invitation, by=person(request), at=timezone.now()),
        done="The invitation is withdrawn.",
        back=_address(invitation.scope),
    )


@login_not_required
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """The link of an invitation. Its key goes from the address into the session, then out of sight."""
    if request.method == "GET" and "key" in request.GET:
        request.session[KEY] = request.GET["key"][:100]
        return redirect("join")
    invitation = open_invitation(request.session.get(KEY, ""), at=timezone.now())
    if invitation is None:
        return render(request, "people/join.html", {"problem": ENDED}, status=404)
    signed_in = isinstance(request.user, User) and request.user.is_authenticated
    if request.method == "POST":
        return _join(request, invitation) if signed_in else _join_newly(request, invitation)
    return _invited(request, invitation, JoinForm())


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    try:
        join(invitation=invitation, by=person(request), at=timezone.now())
    except Refused as error:
        return _invited(request, invitation, JoinForm(), problem=str(error), status=409)
    request.session.pop(KEY, None)
    messages.success(request, f"You are a member of {invitation.scope} now.")
    return redirect("scope", invitation.scope.slug)


def _join_newly(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _invited(request, invitation, form, status=422)
    told = {name: form.cleaned_data[name] for name in ("username", "name", "password")}
    try:
        join_newly(invitation=invitation, at=timezone.now(), **told)
    except Refused as error:
        return _invited(request, invitation, form, problem=str(error), status=409)
    request.session.pop(KEY, None)
    messages.success(request, "Your account is made. Sign in.")
    return redirect("sign-in")


def _invited(
    request: HttpRequest,
    invitation: Invitation,
    form: JoinForm,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    has_account = User.objects.filter(email__iexact=invitation.email, is_active=True).exists()
    context = {
        "invitation": invitation,
        "form": form,
        "problem": problem,
        "has_account": has_account,
        "sso": settings.SSO_NAME if settings.SSO_ISSUER else "",
    }
    return render(request, "people/join.html", context, status=status)


def _members(
    request: HttpRequest, scope: Scope, *, link: str = "", status: int = 200
) -> HttpResponse:
    """Who is a member; invitations for those who may invite."""
    user = person(request)
    may = can(user, Permission.ADMINISTER, scope.pk)
    rows = scope.memberships.select_related("user").order_by("user__username")[:MOST]
    waiting = Invitation.objects.visible_to(user).open(timezone.now()).filter(scope=scope)
    context: dict[str, Any] = {
        "scope": scope,
        "may": may,
        "link": link,
        "roles": [role.value for role in INVITED_AS],
        "mails": bool(settings.EMAIL_HOST),
        "invitations": list(waiting.select_related("created_by").order_by("-pk")[:MOST]) if may else [],
        "members": [
            {
                "row": row,
                "may": sorted(p.value.replace("_", " ") for p in ROLE_PERMISSIONS[Role(row.role)]),
                "changes": may and row.user_id != user.pk and row.role not in SERVICE_ROLES,
            }
            for row in rows
        ],
    }  # fmt: skip
    return render(request, "people/members.html", context, status=status)


def _scope(request: HttpRequest, slug: str) -> Scope:
    return get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)


def _member(request: HttpRequest, scope: Scope) -> Membership:
    check_may(person(request), Permission.ADMINISTER, scope.pk)
    told = request.POST.get("member", "")
    pk = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
    row = Membership.objects.filter(scope=scope, pk=pk).select_related("user").first()
    if row is None:
        raise WrongState("They are no member any more.")
    return row


def _role(request: HttpRequest) -> Role:
    told = request.POST.get("role", "")
    if told not in [role.value for role in INVITED_AS]:
        raise BadInput("role", "is none that people have")
    return Role(told)


def _address(scope: Scope) -> str:
    return redirect("members", scope.slug).url
