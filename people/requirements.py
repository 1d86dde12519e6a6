"""Who must show a second factor, and for what a sign-in must be fresh. Asked at every door, see middleware.py."""

from datetime import datetime, timedelta

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from core.models import InstallationRole, User
from core.permissions import STRONG_ROLES
from core.sessions import SIGNED_IN_AT
from scopes.models import Membership

SSO_FACTOR = (
    "sso_factor"  # member of a session: the issuer said that a second factor was shown to it
)
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor(user: User) -> bool:
    """Whether the account has an authenticator app or a passkey here."""
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def needs_factor(user: User) -> bool:
    """Whether the installation asks a second factor of this account: by CTEM_REQUIRE_MFA."""
    if settings.REQUIRE_MFA == "none":
        return False
    if settings.REQUIRE_MFA == "all" or user.installation_role == InstallationRole.ADMIN:
        return True
    return Membership.objects.filter(user=user, role__in=STRONG_ROLES).exists()


def lacks_factor(request: HttpRequest, user: User) -> bool:
    """Whether who must show a second factor has not in this session. No query where none is asked."""
    if settings.REQUIRE_MFA == "none" or factor_shown(request, user):
        return False
    return needs_factor(user)


def factor_shown(request: HttpRequest, user: User) -> bool:
    """Whether a second factor was shown in this session, here or to the issuer of the single sign-on."""
    records = get_authentication_records(request, user)
    return any(one.get("method") == "mfa" for one in records) or bool(
        request.session.get(SSO_FACTOR)
    )


def is_fresh(request: HttpRequest, user: User, *, at: datetime | None = None) -> bool:
    """Whether who is signed in showed so in the last CTEM_FRESH_MINUTES (0: nobody is asked again)."""
    if settings.FRESH_MINUTES == 0:
        return True
    at = at or timezone.now()
    times = [
        datetime.fromtimestamp(one["at"], at.tzinfo)
        for one in get_authentication_records(request, user)
    ]
    if told := request.session.get(SIGNED_IN_AT):
        times.append(datetime.fromisoformat(told))
    return bool(times) and at - max(times) < timedelta(minutes=settings.FRESH_MINUTES)
