"""Where sessions are kept: Django's table of sessions, with who is signed in and since when.

No rule lives here; who has to sign in again, and how, is people/requirements.py.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from core.models import Session
from core.text import clean_text

SIGNED_IN_AT = "signed_in_at"  # members of the session's data
ADDRESS = "address"
BROWSER = "browser"
SEEN_EVERY = timedelta(minutes=5)  # at most so often is a use written down
MOST_BROWSER = 200


class SessionStore(DatabaseStore):
    """Keeps sessions in core.Session; ``row`` is what was read, None before."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        self.row = super()._get_session_from_db()  # type: ignore[misc]
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to be written for ``data``."""
        if SESSION_KEY in data:
            data.setdefault(SIGNED_IN_AT, timezone.now().isoformat())
        else:
            data.pop(SIGNED_IN_AT, None)
        row = cast(Session, super().create_model_instance(data))
        if SESSION_KEY in data:
            row.user_id = int(data[SESSION_KEY])
            row.signed_in_at = datetime.fromisoformat(data[SIGNED_IN_AT])
            row.address, row.browser = data.get(ADDRESS), data.get(BROWSER, "")
        row.seen_at = timezone.now()
        return row


def describe(request: HttpRequest, *, address: str | None, at: datetime) -> None:
    """Keep in the session who signs in from where, and that it was now."""
    browser = clean_text(request.headers.get("User-Agent", ""), MOST_BROWSER)
    request.session.update({SIGNED_IN_AT: at.isoformat(), ADDRESS: address, BROWSER: browser})


def note_seen(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: write down that a session was used, at most every five minutes."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        row, now = getattr(request.session, "row", None), timezone.now()
        if row is not None and row.user_id and now - (row.seen_at or now) >= SEEN_EVERY:
            Session.objects.filter(pk=row.pk).update(seen_at=now)
        return response

    return middleware


def forget_old_sessions(*, at: datetime) -> int:
    """Delete sessions whose time is over; return how many."""
    return Session.objects.filter(expire_date__lt=at).delete()[0]
