"""Two questions before a view of somebody who is signed in: was a second factor shown, is the sign-in fresh?

Both are about the session. Who comes by an API token or as a pipeline has none, and is not asked.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import ResolverMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from core.models import User
from core.openapi import PROBLEM
from core.problems import PREFIX
from people.fresh import asks_fresh
from people.requirements import has_factor, is_fresh, lacks_factor

API = "/api/"
LARGEST_KEPT = 64 * 1024  # bytes of a form that is kept while its sender signs in again
ENROL = "This installation asks for a second factor. Set one up before you go on."
SHOW = "This installation asks for your second factor. Show it before you go on."
STALE = "Your sign-in is too old for this. Confirm that it is you, then try again."
OPEN = {  # what who lacks a second factor may do: set one up, show it, go away
    "sign-out", "mfa_index", "account_change_password", "mfa_activate_totp", "mfa_add_webauthn",
    "mfa_view_recovery_codes", "account_reauthenticate", "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn", "openid_connect_login", "openid_connect_callback", "sign-in",
    "account_login",
}  # fmt: skip


class Requirements:
    """Leads to the second factor and to a fresh sign-in; at the API, and in parts of pages, a 403 that says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        user, match = request.user, request.resolver_match
        if not isinstance(user, User) or not user.is_authenticated or match is None:
            return None
        if match.view_name not in OPEN and lacks_factor(request, user):
            return _lead_to_factor(request, user)
        if request.method in ("GET", "HEAD", "OPTIONS") or not asks_fresh(match):
            return None
        return None if is_fresh(request, user) else _ask_again(request, match)


def _lead_to_factor(request: HttpRequest, user: User) -> HttpResponse:
    enrolled = has_factor(user)
    if _wants_no_page(request):
        return _problem("second-factor-needed", SHOW if enrolled else ENROL)
    if not enrolled:
        return HttpResponseRedirect(reverse("mfa_index"))
    back = request.get_full_path() if request.method == "GET" else reverse("home")
    first = get_adapter().get_reauthentication_methods(user)
    of_factor = [one["url"] for one in first if one["id"].startswith("mfa_")]
    return HttpResponseRedirect(f"{of_factor[0]}?{urlencode({'next': back})}")


def _ask_again(request: HttpRequest, match: ResolverMatch) -> HttpResponse:
    """Lead to the page that asks again, and keep what was sent until then where that is little."""
    if _wants_no_page(request):
        return _problem("fresh-sign-in-needed", STALE)
    methods = get_adapter().get_reauthentication_methods(request.user)
    confirm = methods[0]["url"] if methods else reverse("sign-in")
    length = request.META.get("CONTENT_LENGTH") or "0"
    kept = methods and methods[0]["id"] != "sso" and int(length) <= LARGEST_KEPT
    if kept and not request.FILES:
        return suspend_request(request, confirm)
    mark = "&" if "?" in confirm else "?"
    return HttpResponseRedirect(f"{confirm}{mark}{urlencode({'next': _came_from(request)})}")


def _came_from(request: HttpRequest) -> str:
    """The page with the form that was sent."""
    told = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, allowed_hosts={request.get_host()}):
        return reverse("home")
    return urlsplit(told).path or "/"


def _wants_no_page(request: HttpRequest) -> bool:
    return request.path.startswith(API) or bool(getattr(request, "htmx", False))


def _problem(kind: str, sentence: str) -> HttpResponse:
    body = {
        "type": f"{PREFIX}{kind}", "title": "Forbidden", "status": 403, "detail": sentence,
    }  # fmt: skip
    return JsonResponse(body, status=403, content_type=PROBLEM)
