"""What every door of /api/v1/ promises scripts, whatever it does: one place, no code in the views.

In this order: who asks, how often, whether they may; the key of a POST; the precondition; the work; then
tags, the members that were asked for, and what is left of the rate. The words are HTTP's, never the domain's.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from core import idempotency
from core.errors import Refused
from core.etags import is_known, is_still, tag_of, tag_of_data
from core.models import KeptAnswer
from core.text import clean_text
from core.throttling import Rate

READING = ("GET", "HEAD")
CHANGING = ("PATCH", "POST", "DELETE")
NOT_DONE = (412,)  # nothing was tried: beside 5xx, what no key remembers
FIELDS = "fields"


class PreconditionFailed(APIException):
    """412: the object is not as the caller saw it."""

    status_code = 412
    default_code = "precondition-failed"
    default_detail = (
        "It is not what If-Match names: it was changed, or has no tag. Look at it again."
    )


class Replayed(Exception):
    """Ends a request whose answer is known."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class Contract(APIView):
    """A door with keys, tags, preconditions, sparse members and rates. Goes before DRF's own classes."""

    takes_preconditions = True
    claimed: KeptAnswer | None = None  # the key under which this request works
    only: frozenset[str] | None = None  # the members that were asked for

    # --- before the work -------------------------------------------------------------------------
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        method = request.method.lower()
        if (
            "If-Match" in request.headers
            and self.takes_preconditions
            and request.method in CHANGING
            and (handler := getattr(self, method, None))
        ):
            setattr(self, method, partial(self._if_unchanged, handler))
        return super().dispatch(request, *args, **kwargs)

    def get_throttles(self) -> list[BaseThrottle]:
        self.rates = super().get_throttles()
        return self.rates

    def perform_authentication(self, request: Request) -> None:
        """Count the request as well: who shows a key that is none is counted, too."""
        try:
            super().perform_authentication(request)
        finally:
            super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing: the request is counted already."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if getattr(self, "action", None) in ("list", "retrieve") and request.method in READING:
            self.ask_only(self.get_serializer().fields)  # type: ignore[attr-defined]
        if (key := idempotency.key_of(request)) is not None:
            self._claim_key(request, key)

    def ask_only(self, known: Iterable[str]) -> None:
        """Keep which of the members ``known`` were asked for. Raises ValidationError naming others."""
        if FIELDS not in self.request.query_params:
            return
        told = ",".join(self.request.query_params.getlist(FIELDS)).split(",")
        unknown = [clean_text(name, 60) for name in dict.fromkeys(told) if name not in set(known)]
        if unknown:
            names = ", ".join(repr(name) for name in unknown[:20])
            raise ValidationError({FIELDS: [f"Unknown members: {names}."]})
        self.only = frozenset(told)

    def _claim_key(self, request: Request, key: str) -> None:
        user: Any = request.user  # somebody: permissions were asked
        found = idempotency.claim(
            user_id=user.pk, key=key, fingerprint=idempotency.fingerprint_of(request),
            at=timezone.now(),
        )  # fmt: skip
        if isinstance(found, idempotency.Answer):
            again = HttpResponse(found.content, status=found.status, headers=found.headers)
            if "Content-Type" not in found.headers:  # it had no body
                del again.headers["Content-Type"]
            again.headers["Idempotency-Replayed"] = "true"
            raise Replayed(again)
        self.claimed = found

    # --- the precondition ------------------------------------------------------------------------
    def _if_unchanged(
        self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any
    ) -> Any:
        """Work if the object is what ``If-Match`` names; its row is locked from here to the commit.

        A refusal takes back what its verb took back itself, and no more: as without the precondition.
        """
        refusal: Exception | None = None
        response = None
        with transaction.atomic():
            if not is_still(request.headers["If-Match"], self._tag_now(request)):
                raise PreconditionFailed
            try:
                response = handler(request, *args, **kwargs)
            except (Refused, APIException, Http404, PermissionDenied) as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return response

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        """Rows that verbs below this object lock before it, in their order.

        A precondition locks the object: it must not hold that while it waits for what others hold
        who wait for the object. tests/api/test_lock_order.py looks at every door.
        """
        return ()

    def _tag_now(self, request: Request) -> str | None:
        """The tag that a GET of the object would have; None where there is no such GET."""
        view: Any = self
        if not getattr(view, "detail", False) or not hasattr(view, "retrieve"):
            return None
        row = view.get_object()
        for rows in (*self.locks_before(row), type(row)._base_manager.filter(pk=row.pk)):
            locked = rows.order_by("pk").select_for_update(of=("self",), no_key=True)
            ids = list(locked.values_list("pk", flat=True))
        if not ids:  # deleted since
            raise Http404
        action, view.action = view.action, "retrieve"
        try:
            return tag_of_data(view.retrieve(request, pk=view.kwargs["pk"]).data)
        finally:
            view.action = action

    # --- after the work --------------------------------------------------------------------------
    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, Replayed):
            return exc.response
        try:
            return super().handle_exception(exc)
        except Exception:
            self._release_key()  # a fault of ours (500): it may be tried again
            raise

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in READING and response.status_code == 200 and not response.streaming:
            if self.only is None and FIELDS in getattr(request, "query_params", ()):
                wrong = self.handle_exception(ValidationError({FIELDS: ["Unknown parameter."]}))
                response = super().finalize_response(request, wrong, *args, **kwargs)
            else:
                response = self._as_asked(request, response)
        self._keep_answer(response)
        for rate in getattr(self, "rates", ()):
            if isinstance(rate, Rate):
                for name, value in rate.headers().items():
                    response.headers[name] = value
        return response

    def _as_asked(self, request: Request, response: Any) -> Any:
        """The answer with its tag, and no more of it than the caller lacks."""
        if isinstance(response, Response) and self.only is not None:
            tag = tag_of_data(response.data)
            response.data = _cut(response.data, self.only)
        elif isinstance(response, Response):
            tag = tag_of(response.render().content)
        else:
            tag = tag_of(response.content)
        if is_known(request.headers.get("If-None-Match", ""), tag):
            response = HttpResponseNotModified()
        response.headers["ETag"] = tag
        return response

    def _keep_answer(self, response: Any) -> None:
        if self.claimed is None:
            return
        if response.status_code >= 500 or response.status_code in NOT_DONE:
            self._release_key()
            return
        row, self.claimed = self.claimed, None
        content = response.render().content if isinstance(response, Response) else response.content
        idempotency.keep(
            row, idempotency.Answer(response.status_code, dict(response.headers), content)
        )

    def _release_key(self) -> None:
        if self.claimed is not None:
            idempotency.release(self.claimed)
            self.claimed = None


def _cut(data: Any, only: frozenset[str]) -> Any:
    """A page, a list or an object with these members alone."""
    if isinstance(data, list):
        return [_cut(row, only) for row in data]
    if "results" in data and "next" in data:
        return {**data, "results": _cut(data["results"], only)}
    return {name: value for name, value in data.items() if name in only}
