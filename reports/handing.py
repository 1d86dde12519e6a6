"""A report's file as an answer, for pages and API."""

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from reports.models import Report
from reports.renderers.forms import file_of, name_of


def hand_out(report: Report, form: str) -> HttpResponseBase:
    """Answer a report as a file to be kept, block by block. Raises WrongState while it is not made."""
    file = file_of(report, form)
    return StreamingHttpResponse(
        file.blocks,
        content_type=file.kind,
        headers={
            "Content-Disposition": content_disposition_header(True, name_of(report, file)),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
