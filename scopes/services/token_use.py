"""What is kept of the use of API tokens: when and from where, and that one was refused. Never a key."""

from datetime import datetime, timedelta
from ipaddress import ip_address

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest

from core.events import append_event
from scopes.models import ApiToken, ServiceAccount

USE_EVERY = timedelta(minutes=1)  # at most so often is a use written down
TELL_EVERY = timedelta(hours=1)  # at most so often is a refusal told, for each token


def why_refused(token: ApiToken, digest: str, at: datetime) -> str:
    """Return why a key that is known does not open now: a word, or "" where it does."""
    if token.revoked_at is not None:
        return "revoked"
    if not token.user.is_active:
        return "account closed"
    if digest == token.old_digest and (token.old_until is None or token.old_until <= at):
        return "replaced"
    return "expired" if token.expires_at <= at else ""


def note_use(token: ApiToken, *, address: str | None, at: datetime) -> None:
    """Write down when and from where a token was used, at most once a minute."""
    if token.last_used_at is not None and at - token.last_used_at < USE_EVERY:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - USE_EVERY)
    used = ApiToken.objects.filter(stale, pk=token.pk)
    used.update(last_used_at=at, last_used_from=address)


@transaction.atomic
def note_refusal(token: ApiToken, *, why: str, address: str | None, at: datetime) -> bool:
    """Tell in an event that a key was refused, at most once an hour for each token; whether it was told."""
    quiet = Q(refused_at__isnull=True) | Q(refused_at__lte=at - TELL_EVERY)
    if not ApiToken.objects.filter(quiet, pk=token.pk).update(refused_at=at):
        return False
    account = ServiceAccount.objects.filter(user_id=token.user_id).first()
    append_event(
        scope_id=account.scope_id if account else None, action="token.refused", subject="token",
        subject_id=token.pk, by=token.user, at=at,
        data={"why": why, "prefix": token.prefix, "address": address or ""},
    )  # fmt: skip
    return True


def address_of(request: HttpRequest) -> str | None:
    """Return the address that asks, as the last of settings.PROXIES trusted proxies saw it; None: none."""
    told = request.META.get("REMOTE_ADDR", "")
    if settings.PROXIES:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        told = hops[-min(settings.PROXIES, len(hops))].strip() or told
    try:
        return str(ip_address(told))
    except ValueError:  # a socket of the machine, or not an address at all
        return None
