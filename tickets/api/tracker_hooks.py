"""Where trackers ring. Nobody is signed in here: the message's signature is asked, and nothing else."""

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import AlwaysJson
from core.errors import TooLarge
from tickets.services.tracker_inbound import (
    MAX_BYTES,
    is_signed_by_nobody,
    live_tracker,
    receive,
)


class TrackerHookView(APIView):
    """One webhook address: 202 taken, 200 seen before, 401 not signed, 404 no such address."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    content_negotiation_class = AlwaysJson
    metadata_class = None

    @extend_schema(exclude=True)
    def post(self, request: Request, hook: str) -> Response:
        body = _body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        tracker = live_tracker(hook)
        if tracker is None:
            is_signed_by_nobody(headers, body)
            raise Http404
        received = receive(tracker=tracker, headers=headers, body=body, at=timezone.now())
        if received is None:
            return Response(status=401)
        return Response({"seen": True}) if not received[1] else Response({}, status=202)


def _body(request: Request) -> bytes:
    """The body, never more of it than is allowed. Raises TooLarge."""
    told = str(request.META.get("CONTENT_LENGTH") or "0")
    announced = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0
    if announced > MAX_BYTES:
        raise TooLarge("body", f"larger than allowed ({announced} > {MAX_BYTES} bytes)")
    body: bytes = request._request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise TooLarge("body", f"larger than allowed (> {MAX_BYTES} bytes)")
    return body
