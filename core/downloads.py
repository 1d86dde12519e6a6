"""Files of strangers, handed out: to be kept, never to be shown."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header


def hand_out(data: bytes, content_type: str, name: str) -> HttpResponse:
    """Answer a file that nobody here vouches for.

    Attachment, its type not guessed again, and should a browser show it all the same, then without
    scripts, forms or an origin.
    """
    told = f"{content_type}; charset=utf-8" if content_type.startswith("text/") else content_type
    return HttpResponse(
        data,
        content_type=told,
        headers={
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
