"""Refusals of the domain to answers, once for the API (RFC 9457 problem+json) and once for pages."""

import math
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import BadInput, Incomplete, NotAllowed, Refused, TooLarge, Unavailable, WrongState
from core.openapi import PROBLEM
from core.problems import PREFIX
from gate.errors import InputError

TYPES = {  # the stable ``type`` of each problem, and its answer
    TooLarge: ("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    BadInput: ("bad-input", HTTPStatus.BAD_REQUEST),
    NotAllowed: ("not-allowed", HTTPStatus.FORBIDDEN),
    WrongState: ("refused", HTTPStatus.CONFLICT),
    Incomplete: ("incomplete", HTTPStatus.CONFLICT),
    Unavailable: ("unavailable", HTTPStatus.SERVICE_UNAVAILABLE),
    Refused: ("refused", HTTPStatus.CONFLICT),
}
RETRY_SECONDS = 5
# What a database says when two changes stood in each other's way and it took one of them back.
IN_THE_WAY = {"40P01", "40001", "55P03", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"}


def problem(kind: str, status: int, detail: str, **more: Any) -> dict[str, Any]:
    """Return the body of a problem. ``kind`` is stable; scripts may compare it."""
    return {
        "type": f"{PREFIX}{kind}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        **{name: value for name, value in more.items() if value},
    }


def status_of(error: Refused) -> HTTPStatus:
    """Return the HTTP status that a refusal maps to."""
    return next(status for kind, (_, status) in TYPES.items() if isinstance(error, kind))


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of the API is a problem; unknown ones are left to Django."""
    body, headers = _body(error)
    if body is None:
        return None
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM)


def _body(error: Exception) -> tuple[dict[str, Any] | None, dict[str, str]]:
    error = _as_refusal(error)
    if isinstance(error, Refused):
        kind = next(name for cls, (name, _) in TYPES.items() if isinstance(error, cls))
        where = error.where if isinstance(error, BadInput) else ""
        headers = {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, Unavailable) else {}
        body = problem(kind, status_of(error), str(error), checks=error.checks, where=where)
        return body, headers
    if isinstance(error, Http404):
        return problem("not-found", 404, "There is nothing here that you may see."), {}
    if isinstance(error, PermissionDenied):
        return problem("not-allowed", 403, "Your role does not allow this."), {}
    if isinstance(error, IntegrityError):
        return problem(
            "refused", 409, "The database refused it: it contradicts what is stored."
        ), {}
    if isinstance(error, serializers.ValidationError):
        return problem("invalid", 400, "The request is not valid.", errors=error.detail), {}
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    return None, {}


def _as_refusal(error: Exception) -> Exception:
    """Say in the domain's words what Django, the database or the gate found in a request."""
    if isinstance(error, InputError):
        return BadInput(error.where, error.what)
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return TooLarge("body", f"larger than allowed beside its files (> {limit} bytes)")
    if isinstance(error, SuspiciousOperation):
        return BadInput("body", "has more members or files than allowed, or a form that is broken")
    if isinstance(error, DataError):
        return BadInput("body", "holds a value that is too long or too large to be stored")
    if isinstance(error, OperationalError) and _told_by(error) & IN_THE_WAY:
        return Unavailable("Another change was in the way, and this one was not made; try again.")
    return error


def _told_by(error: OperationalError) -> set[str]:
    """The codes that the drivers of PostgreSQL and of SQLite give an error."""
    names = ("sqlstate", "sqlite_errorname")
    return {str(getattr(error.__cause__, name, "")) for name in names}


def _from_drf(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    headers |= getattr(error, "headers", {})
    code = error.get_codes()
    kind = str(code if isinstance(code, str) else error.default_code).replace("_", "-")
    return problem(kind, error.status_code, str(error.detail)), headers
