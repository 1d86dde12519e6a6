"""How many requests one account may send, and an address that nobody is signed in from: counted in the cache.

A window is a fixed piece of the clock, and its count one number that every process adds to: exact where the
cache is Redis; a process's own where it is local memory. Where Redis does not answer nobody is stopped.
"""

import logging
import math
import re
import time
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
RATE = re.compile(r"([0-9]+)/([smhd])")
log = logging.getLogger(__name__)


class Rate(BaseThrottle):
    """One request held against ``CTEM_API_RATE_USER``, or ``CTEM_API_RATE_ANON`` without a sign-in.

    Tokens of an account are counted together: making more of them lifts no limit.
    """

    count: int | None = None  # with this request; None: it could not be counted

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request; return whether it is within the limit."""
        known = request.user is not None and request.user.is_authenticated
        self.policy = "user" if known else "anon"
        self.limit, self.window = limit_of(str(api_settings.DEFAULT_THROTTLE_RATES[self.policy]))
        number, passed = divmod(time.time(), self.window)
        self.seconds = max(1, math.ceil(self.window - passed))
        who = request.user.pk if known else self.get_ident(request)
        self.count = counted(f"rate:{self.policy}:{who}:{int(number)}", self.window)
        return self.count is None or self.count <= self.limit

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.seconds

    def headers(self) -> dict[str, str]:
        """What the answer tells of it, by draft-ietf-httpapi-ratelimit-headers; nothing if not counted."""
        if self.count is None:
            return {}
        left = max(0, self.limit - self.count)
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.window}',
            "RateLimit": f'"{self.policy}";r={left};t={self.seconds}',
        }


def limit_of(rate: str) -> tuple[int, int]:
    """Return requests and seconds of a rate as ``60/min``. The settings have checked its form."""
    found = RATE.match(rate)
    if found is None:
        raise ValueError(f"{rate!r} is no rate")
    return int(found[1]), SECONDS[found[2]]


def counted(key: str, window: int) -> int | None:
    """Add one to a number that every process adds to, for ``window`` seconds; None: it could not be counted."""
    try:
        cache.add(key, 0, timeout=window + 1)
        return cache.incr(key)
    except ValueError:  # the window ended between the two
        return 1
    except RedisError as error:
        log.warning("requests are not counted: %s", type(error).__name__)
        return None
