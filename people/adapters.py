"""What we decide where django-allauth asks: who signs in how, in whose words, and what is written down.

allauth also sends signals; nothing of ours listens to them.
"""

from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from core.events import append_event
from core.models import User
from core.sealing import seal, unseal
from core.sessions import describe
from people import limits
from people.backends import account_of
from people.failures import failures_since_told, forget_failures, note_failure
from people.requirements import FACTORS, is_fresh, needs_factor
from people.sso import accept_claims
from scopes.services.token_use import address_of

WRONG = "The user name or the password is wrong."
TOO_MANY = (
    "Too many attempts to sign in. Wait some minutes, or use a passkey or the single sign-on."
)


class AccountAdapter(DefaultAccountAdapter):
    """Passwords, and what every way of signing in has in common."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG,
        "email_password_mismatch": WRONG,
        "too_many_login_attempts": TOO_MANY,
        "incorrect_code": "This code is wrong, or was used already.",
        "incorrect_password": "This is not your password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by an invitation, by a single sign-on, or on the server."""
        return False

    def add_message(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Pages of ours say what was done; allauth's words are for errors alone."""
        if kwargs.get("message"):
            super().add_message(request, *args, **kwargs)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "-"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self._keys = limits.take(request, _typed(credentials))
        if self._keys is None:
            raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        limits.give_back(self._keys or [])

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        account = account_of(_typed(credentials))
        note_failure(account=account, address=address_of(request), at=timezone.now())

    def login(self, request: HttpRequest, user: Any) -> None:
        """Sign in; the event tells how, from where, and how often it failed before."""
        now, address = timezone.now(), address_of(request)
        with transaction.atomic():
            super().login(request, user)
            describe(request, address=address, at=now)
            failed = failures_since_told(user)
            forget_failures(user)
            append_event(
                scope_id=None, action="sign_in.done", subject="user", subject_id=user.pk,
                by=user, at=now, data={"method": _ways(request, user), "address": address or "",
                                       **({"failures": failed} if failed else {})},
            )  # fmt: skip

    def post_login(self, request: HttpRequest, user: Any, **hook: Any) -> HttpResponse:
        """Take over what the single sign-on tells of roles, and know this browser from now on."""
        social = (hook.get("signal_kwargs") or {}).get("sociallogin")
        if social is not None:
            accept_claims(request, user=user, social=social, at=timezone.now())
        response = super().post_login(request, user, **hook)
        limits.remember(request, response, user)
        return response

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """One rule for all that asks for a fresh sign-in."""
        return not is_fresh(self.request, cast(User, self.request.user))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """How somebody shows anew who they are; by the single sign-on where they have no other way."""
        methods = super().get_reauthentication_methods(user)
        if methods or not settings.SSO_ISSUER or not user.is_authenticated:
            return methods
        told = urlencode({"process": "login", "auth_params": "prompt=login"})
        url = reverse("openid_connect_login", args=["sso"]) + f"?{told}"
        return [{"id": "sso", "description": settings.SSO_NAME, "url": url}]

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """No mail of allauth's: people see their own events in the audit log."""

    def set_password(self, user: Any, password: str) -> None:
        """Every other session of the account ends with the old password."""
        user.set_password(password)
        with transaction.atomic():
            user.save(update_fields=["password"])
            append_event(
                scope_id=None, action="user.password_set", subject="user", subject_id=user.pk,
                by=user, at=timezone.now(),
            )  # fmt: skip


class MfaAdapter(DefaultMFAAdapter):
    """Second factors: their secrets are sealed, and the last one stays where one is asked for."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": "You need a second factor here, and this is the last one.",
        "incorrect_code": "This code is wrong, or was used already.",
    }

    def get_totp_issuer(self) -> str:
        return "CTEM"

    def _get_site_name(self) -> str:
        return "CTEM"

    def encrypt(self, text: str) -> str:
        return seal(text, context="mfa.authenticator")

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, context="mfa.authenticator")

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return may_lose(authenticator)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002  (theirs)
        return f"Passkey of {timezone.now():%Y-%m-%d}"


def may_lose(authenticator: Authenticator) -> bool:
    """Whether an account may give up this factor: not the last one, where the installation asks for one."""
    rest = Authenticator.objects.filter(user=authenticator.user_id, type__in=FACTORS)
    return rest.exclude(pk=authenticator.pk).exists() or not needs_factor(authenticator.user)


def note_factor(user: User, verb: str, kind: str, *, at: datetime) -> None:
    """Write down that an account's second factors changed."""
    append_event(
        scope_id=None, action=f"second_factor.{verb}", subject="user", subject_id=user.pk,
        by=user, at=at, data={"method": kind},
    )  # fmt: skip


def _typed(credentials: dict[str, Any]) -> str:
    return str(credentials.get("username") or credentials.get("email") or "")


def _ways(request: HttpRequest, user: User) -> list[str]:
    """How somebody signed in: password, totp, webauthn, recovery_codes, sso."""
    words = {"socialaccount": "sso"}
    records = get_authentication_records(request, user)
    told = [str(one.get("type") or one["method"]) for one in records]
    return list(dict.fromkeys(words.get(word, word) for word in told))
