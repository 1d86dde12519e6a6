"""Signing in and out, second factors, the single sign-on: allauth's views at our addresses, with an event each."""

import json
from typing import Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.account.views import LoginView, PasswordChangeView, ReauthenticateView
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCode
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    LoginWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from requests import RequestException

from core.events import append_event
from core.views import person
from people.adapters import may_lose, note_factor
from people.requirements import needs_factor
from people.sso import refused

NO_ISSUER = "The single sign-on does not answer now. Try again, or sign in by password."


class SignIn(LoginView):
    """User name or mail address and password; the ways beside them."""

    template_name = "sign_in.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "sso": settings.SSO_NAME if settings.SSO_ISSUER else "",
        }


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session; also one that has only begun."""
    user = request.user
    with transaction.atomic():
        logout(request)
        if user.is_authenticated:
            append_event(
                scope_id=None, action="sign_in.ended", subject="user", subject_id=user.pk,
                by=user, at=timezone.now(),
            )  # fmt: skip
    return redirect("sign-in")


class _Passkey:
    """What the browser is asked for stands in an attribute: the page has no script of its own."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        for name in ("creation_options", "request_options"):
            if name in context.get("js_data", {}):
                context["options"] = json.dumps(context["js_data"][name])
        return cast("dict[str, Any]", context)


class ShowFactor(_Passkey, AuthenticateView):
    """The second step of signing in."""


@method_decorator(login_not_required, name="dispatch")
class PasskeySignIn(LoginWebAuthnView):
    """Sign in by a passkey alone: it is two factors at once."""


class ConfirmByPassword(ReauthenticateView):
    """It is still you: by password."""


class ConfirmByCode(ReauthenticateByCode):
    """It is still you: by a code."""


class ConfirmByPasskey(_Passkey, ReauthenticateWebAuthnView):
    """It is still you: by a passkey."""


class Factors(IndexView):
    """One's second factors, and the single sign-on that is tied to the account."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = person(self.request)
        tied = SocialAccount.objects.filter(user=user).order_by("pk")
        told = {
            "needs_factor": needs_factor(user),
            "sso": settings.SSO_NAME if settings.SSO_ISSUER else "",
            "tied": list(tied[:5]),
        }
        return {**super().get_context_data(**kwargs), **told}


class _Noted:
    """Changes a factor and writes it down, both or neither."""

    verb, kind, done = "added", "totp", ""

    def form_valid(self, form: Any) -> HttpResponse:
        request: HttpRequest = self.request  # type: ignore[attr-defined]
        user = person(request)
        with transaction.atomic():
            response = super().form_valid(form)  # type: ignore[misc]
            note_factor(user, self.verb, self.kind, at=timezone.now())
        if self.verb == "added":  # it was shown just now
            record_authentication(request, user, "mfa", type=self.kind)
        messages.success(request, self.done)
        return cast(HttpResponse, response)


class AddApp(_Noted, ActivateTOTPView):
    """Take an authenticator app as second factor."""

    done = "The authenticator app is your second factor from now on."


class RemoveApp(_Noted, DeactivateTOTPView):
    """Give the authenticator app up."""

    verb, done = "removed", "The authenticator app is no second factor any more."


class NewCodes(_Noted, GenerateRecoveryCodesView):
    """Make recovery codes; those of before are void."""

    verb, kind, done = (
        "renewed",
        "recovery_codes",
        "These are your codes; those of before are void.",
    )


class AddPasskey(_Noted, _Passkey, AddWebAuthnView):
    """Take a passkey: as second factor, and to sign in without a password."""

    kind, done = "webauthn", "The passkey is yours from now on."

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        options = webauthn.begin_registration(person(self.request), True)
        return {**context, "options": json.dumps(options)}


class RemovePasskey(_Noted, RemoveWebAuthnView):
    """Give a passkey up."""

    verb, kind, done = "removed", "webauthn", "The passkey opens nothing any more."
    success_url = reverse_lazy("mfa_index")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and not may_lose(cast(Authenticator, self.get_object())):
            messages.error(request, "You need a second factor here, and this is the last one.")
            return redirect("mfa_index")
        return super().dispatch(request, *args, **kwargs)


class NewPassword(PasswordChangeView):
    """Another password; every other session ends."""

    template_name = "people/password.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not person(request).has_usable_password():
            messages.error(request, "Your account has no password: you come by the single sign-on.")
            return redirect("mfa_index")
        return super().dispatch(request, *args, **kwargs)

    def get_success_url(self) -> str:
        messages.success(
            self.request, "The password is changed. You are signed out everywhere else."
        )
        return redirect("mfa_index").url


@login_not_required
def sso_start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Go to the issuer."""
    return _asked(request, openid.login, provider_id)


@login_not_required
def sso_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Come back from the issuer."""
    return _asked(request, openid.callback, provider_id)


@require_POST
def sso_untie(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an identity of the single sign-on open this account no more; only who has a password may."""
    user = person(request)
    account = get_object_or_404(SocialAccount, pk=pk, user=user)
    if not user.has_usable_password():
        messages.error(request, "It is the only way into your account.")
        return redirect("mfa_index")
    with transaction.atomic():
        account.delete()
        note_factor(user, "removed", "sso", at=timezone.now())
    messages.success(request, "The single sign-on opens this account no more.")
    return redirect("mfa_index")


def _asked(request: HttpRequest, view: Any, provider_id: str) -> HttpResponse:
    try:
        response: HttpResponse = view(request, provider_id)
    except RequestException:
        return cast(HttpResponse, refused(request, NO_ISSUER, status=503))
    return response
