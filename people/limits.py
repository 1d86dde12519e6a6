"""How often somebody may try to sign in: counted by address, by account and address, and by account.

An attacker who fails on purpose must not keep the owner of an account out. So a browser in which the
owner signed in before (it holds a signed cookie) is counted for itself, and the limit over all
addresses does not touch it (device cookies, as OWASP describes them).
"""

import hashlib
import time
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from core.models import User
from core.throttling import counted
from scopes.services.token_use import address_of

COOKIE = "ctem_browser"
SALT = "people.limits"
COOKIE_SECONDS = 180 * 86_400
MOST_ACCOUNTS = 10  # that one browser is known for


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts in a window of so many seconds."""

    most: int
    seconds: int


OF_ADDRESS = Limit(60, 300)
OF_PAIR = Limit(10, 300)
OF_ACCOUNT = Limit(50, 3600)


def name_key(name: str) -> str:
    """What an account is counted under: nobody reads a name out of the cache."""
    return hashlib.sha256(name.strip().casefold().encode()).hexdigest()[:32]


def take(request: HttpRequest, name: str) -> list[str] | None:
    """Count one attempt; return the keys that it was counted under, or None where it is too many."""
    account, address = name_key(name), address_of(request) or "-"
    if account in known_names(request):
        asked = [(f"known:{account}:{_cookie_key(request)}", OF_PAIR)]
    else:
        asked = [(f"pair:{account}:{address}", OF_PAIR), (f"account:{account}", OF_ACCOUNT)]
    keys, allowed = [], True
    for what, limit in [(f"address:{address}", OF_ADDRESS), *asked]:
        key = f"sign-in:{what}:{int(time.time() // limit.seconds)}"
        keys.append(key)
        count = counted(key, limit.seconds)
        allowed &= count is None or count <= limit.most
    return keys if allowed else None


def give_back(keys: list[str]) -> None:
    """Who signs in has not failed: their attempt does not count."""
    for key in keys:
        try:
            cache.decr(key)
        except (ValueError, RedisError):  # the window is over, or nothing is counted
            continue


def known_names(request: HttpRequest) -> list[str]:
    """The accounts whose owner signed in with this browser before, as ``name_key`` writes them."""
    try:
        told = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_SECONDS)
    except signing.BadSignature:
        return []
    return [name for name in told if isinstance(name, str)] if isinstance(told, list) else []


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let the browser show from now on that ``user`` signed in with it."""
    mine = [name_key(name) for name in (user.username, user.email) if name]
    names = list(dict.fromkeys([*mine, *known_names(request)]))[: 2 * MOST_ACCOUNTS]
    response.set_cookie(
        COOKIE, signing.dumps(names, salt=SALT), max_age=COOKIE_SECONDS, httponly=True,
        samesite="Lax", secure=settings.HTTPS,
    )  # fmt: skip


def _cookie_key(request: HttpRequest) -> str:
    return hashlib.sha256(request.COOKIES[COOKIE].encode()).hexdigest()[:32]
