"""One's own sessions: where one is signed in, and ending that."""

import hashlib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.models import Session, User
from core.views import person
from people.services.accounts import end_sessions

MOST = 100
BROWSERS = {  # part of what it says of itself → its name; the first that is there counts
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def mark_of(key: str) -> str:
    """What a page calls a session: its key would open it."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def told_browser(text: str) -> str:
    """A browser's long name of itself in two words, as far as it is one of the usual ones."""
    browser = next((name for part, name in BROWSERS.items() if part in text), "")
    system = next((name for part, name in SYSTEMS.items() if part in text), "")
    return " on ".join(word for word in (browser, system) if word) or text[:60] or "not told"


def sessions_of(user: User, *, own: str = "") -> list[dict[str, Any]]:
    """Rows of the sessions of an account, the newest use first; ``own``: the key of the one that asks."""
    rows = Session.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-seen_at")
    return [
        {
            "mark": mark_of(row.session_key),
            "browser": told_browser(row.browser),
            "address": row.address or "",
            "signed_in_at": row.signed_in_at,
            "seen_at": row.seen_at,
            "own": row.session_key == own,
        }
        for row in rows[:MOST]
    ]


@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in."""
    own = request.session.session_key or ""
    context = {"sessions": sessions_of(person(request), own=own)}
    return render(request, "people/sessions.html", context)


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign out in one other browser (``session``), or in all others."""
    user, own = person(request), request.session.session_key
    keys = Session.objects.filter(user=user).exclude(pk=own).values_list("session_key", flat=True)
    wanted = request.POST.get("session", "")
    ended = [key for key in keys if not wanted or mark_of(key) == wanted]
    gone = end_sessions(user=user, by=user, at=timezone.now(), keys=ended) if ended else 0
    messages.success(request, "Signed out there." if gone else "There was nothing to end.")
    return redirect("sessions")
