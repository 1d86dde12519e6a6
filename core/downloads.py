"""Files of strangers, handed out: to be kept, never to be shown."""

from collections.abc import Iterable

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header


def hand_out(data: bytes, content_type: str, name: str) -> HttpResponse:
    """Answer a file that nobody here vouches for.

    Attachment, its type not guessed again, and should a browser show it all the same, then without
    scripts, forms or an origin.
    """
    return HttpResponse(data, content_type=_told(content_type), headers=_headers(name))


def stream_out(parts: Iterable[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    """Answer such a file in parts, as they come."""
    return StreamingHttpResponse(parts, content_type=_told(content_type), headers=_headers(name))


def _told(content_type: str) -> str:
    return f"{content_type}; charset=utf-8" if content_type.startswith("text/") else content_type


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or "",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
