"""Single sign-on by OpenID Connect: who is let in, to which account, and which roles their groups mean.

An identity of the issuer is tied to an account by its subject, never by a mail address. So nobody
takes over an account that was there: its owner ties the identity to it, signed in.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from core.errors import WrongState
from core.events import append_event
from core.models import User
from core.permissions import RANKS, Role
from people.requirements import SSO_FACTOR
from scopes.models import GivenBy, Invitation, Membership, Scope
from scopes.services import remove_member, set_member

STRONG_METHODS = {"mfa", "otp", "hwk", "swk", "fpt", "sc", "pop"}  # of RFC 8176: a second factor
MOST_GROUPS = 1000
UNKNOWN = "You have no account here. An administrator of a scope can invite you."
TAKEN = (
    "There is an account already that could be yours. Sign in to it by password, then connect the "
    "single sign-on in your profile."
)


class SocialAdapter(DefaultSocialAccountAdapter):
    """What we ask of the issuer's word."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse what contradicts itself; forget an address that the issuer did not verify."""
        told = sociallogin.account.extra_data
        subjects = {str(part["sub"]) for part in _parts(told) if "sub" in part}
        if len(subjects) != 1:
            raise ImmediateHttpResponse(refused(request, "The issuer told of two people at once."))
        if not sociallogin.is_existing and not _is_true(_claim(told, "email_verified")):
            # An address that the issuer did not verify is nobody's: it finds and makes nothing.
            sociallogin.user.email, sociallogin.email_addresses = "", []

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whether somebody new gets an account: by group, by invitation, or everybody where it is so set."""
        told, email = sociallogin.account.extra_data, sociallogin.user.email
        if email and User.objects.filter(email__iexact=email).exists():
            raise ImmediateHttpResponse(refused(request, TAKEN))
        if settings.SSO_SIGN_UP == "all" or roles_of(groups_of(told)):
            return True
        waiting = Invitation.objects.open(timezone.now())
        if not email or not waiting.filter(email=email.lower()).exists():
            raise ImmediateHttpResponse(refused(request, UNKNOWN))
        return True

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make the account, without a password."""
        with transaction.atomic():
            made: User = super().save_user(request, sociallogin, form)
            append_event(
                scope_id=None, action="user.created", subject="user", subject_id=made.pk, by=None,
                at=timezone.now(), data={"username": made.username, "method": "sso"},
            )  # fmt: skip
        return made

    def on_authentication_error(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """One page for all: cancelled, expired, or an answer that does not hold. What it was is in no page."""
        raise ImmediateHttpResponse(refused(request, "The single sign-on did not come to its end."))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return reverse("mfa_index")

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """No mail of allauth's."""


def refused(request: HttpRequest, sentence: str, *, status: int = 403) -> Any:
    """The page that says why a single sign-on ends here."""
    return render(request, "people/sso_refused.html", {"sentence": sentence}, status=status)


def accept_claims(request: HttpRequest, *, user: User, social: SocialLogin, at: datetime) -> None:
    """Take over what the issuer says now: roles by group, and whether a second factor was shown to it."""
    told = social.account.extra_data
    methods = _claim(told, "amr")
    if isinstance(methods, list) and STRONG_METHODS & {str(word) for word in methods}:
        request.session[SSO_FACTOR] = True
    sync_roles(user=user, groups=groups_of(told), at=at)


@transaction.atomic
def sync_roles(*, user: User, groups: Iterable[str], at: datetime) -> None:
    """Give the roles that the groups mean, and take back what a single sign-on gave before.

    A role that people gave stays as it is. The last administrator of a scope stays, too.
    """
    wanted = roles_of(groups)
    held = {row.scope.slug: row for row in
            Membership.objects.filter(user=user).select_related("scope").order_by("pk")}  # fmt: skip
    for slug, gone in held.items():
        if gone.given_by == GivenBy.SSO and slug not in wanted:
            _kept_if_last(
                lambda gone=gone: remove_member(scope=gone.scope, user=user, by=None, at=at)
            )
    for scope in Scope.objects.filter(slug__in=wanted):
        row, role = held.get(scope.slug), wanted[scope.slug]
        if row is None or (row.given_by == GivenBy.SSO and row.role != role):
            _kept_if_last(
                lambda scope=scope, role=role: set_member(
                    scope=scope, user=user, role=role, by=None, at=at, given_by=GivenBy.SSO
                )
            )


def _kept_if_last(verb: Any) -> None:
    try:
        verb()
    except WrongState:  # the last administrator: people have to name another one first
        return


def roles_of(groups: Iterable[str]) -> dict[str, Role]:
    """Scope's short name → the highest role that one of the groups means, by CTEM_SSO_ROLES."""
    found: dict[str, Role] = {}
    for group in groups:
        for slug, role in settings.SSO_ROLES.get(group, ()):
            if slug not in found or RANKS[Role(role)] > RANKS[found[slug]]:
                found[slug] = Role(role)
    return found


def groups_of(told: Mapping[str, Any]) -> list[str]:
    """The groups that the issuer told; nothing where it told none, or something else."""
    groups = _claim(told, settings.SSO_GROUPS_CLAIM)
    if isinstance(groups, str):
        groups = [groups]
    if not isinstance(groups, list):
        return []
    return [group for group in groups[:MOST_GROUPS] if isinstance(group, str)]


def _parts(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [told[name] for name in ("id_token", "userinfo") if isinstance(told.get(name), dict)]


def _claim(told: Mapping[str, Any], name: str) -> Any:
    """What the signed token says, else what the userinfo says."""
    for part in _parts(told):
        if name in part:
            return part[name]
    return None


def _is_true(value: Any) -> bool:
    """Some issuers write the word."""
    return value is True or value == "true"
