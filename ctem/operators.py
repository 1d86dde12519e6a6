"""What operators and their machines ask for, and the one line a request leaves in the log.

/healthz, /readyz and /metrics are answered here, before host names, sessions and redirects are looked
at: who asks is a probe that knows this process by its own address. Nothing here is for people.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from core.log_context import about, tell
from ctem import metrics
from ctem.health import OK, readiness

log = logging.getLogger("ctem.requests")
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")  # of a proxy before us; anything else is replaced
Handler = Callable[[HttpRequest], HttpResponse]


class RequestLog:
    """Give each request an id, and leave one line and one measurement of it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = request.headers.get("X-Request-ID", "")
        request_id = said if REQUEST_ID.fullmatch(said) else secrets.token_hex(16)
        began = time.monotonic()
        with about(request_id=request_id):
            response = self.get_response(request)
            seconds = time.monotonic() - began
            tell(user_id=_user_id(request))
            _log(request, response, seconds)
        metrics.observe(view_name(request), request.method, response.status_code, seconds)
        response.headers["X-Request-ID"] = request_id
        return response


def view_name(request: HttpRequest) -> str:
    """Return the name of the address that answered; never the address, there are too many of them."""
    if request.path in DOORS:
        return request.path.strip("/")
    found = request.resolver_match
    return (found.view_name or "unnamed") if found else "none"


def _user_id(request: HttpRequest) -> int | None:
    """Who asked, if somebody looked already: no query is made for the log."""
    user = vars(request).get("user")
    if isinstance(user, SimpleLazyObject) and not hasattr(request, "_cached_user"):
        return None
    return getattr(user, "pk", None)


def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    level = logging.DEBUG if request.path in DOORS else logging.INFO
    fields = {
        "method": request.method, "path": request.path, "view": view_name(request),
        "status": response.status_code, "seconds": round(seconds, 4),
    }  # fmt: skip
    log.log(
        level, "%s %s %s in %d ms",
        request.method, request.path, response.status_code, seconds * 1000, extra={"fields": fields},
    )  # fmt: skip


class OperatorDoors:
    """Answer the addresses in DOORS; everything else goes on."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        door = DOORS.get(request.path)
        if door is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(
                status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"}
            )
        response = door(request)
        response.headers["Cache-Control"] = "no-store"
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """This process lives. Nothing else is asked: a database that is down is no reason to kill us."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """Requests may be sent here: 200, or 503 with what is missing."""
    checks = readiness()
    ok = set(checks.values()) == {OK}
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"ok": ok, "checks": checks}, status=status)


def metrics_page(request: HttpRequest) -> HttpResponse:
    """Prometheus' text, for who shows CTEM_METRICS_TOKEN; without one there is no such address."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=HTTPStatus.NOT_FOUND)
    shown = request.headers.get("Authorization", "")
    if not constant_time_compare(shown, f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)


DOORS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics_page,
}
