"""What pages of figures share: the frame that somebody asks for, and what is drawn of its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from core.errors import BadInput
from core.listing import given
from reports import drawing
from reports.forms import FrameForm
from reports.metrics.backlog import BANDS, SEVERITIES
from reports.metrics.frame import Frame
from reports.services.asking import frame_of
from scopes.models import Scope

MOST_SCOPES = 12  # lines of a chart; the others stand in the files


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it was sent, its frame (None: it cannot be used), and why it cannot be used."""

    form: FrameForm
    frame: Frame | None
    problem: str = ""

    @property
    def scope(self) -> int | None:
        """The one scope that was asked for."""
        chosen: int | None = self.form.cleaned_data.get("scope")
        return chosen


def asked(request: HttpRequest, scopes: Sequence[Scope], at: datetime) -> Asked:
    """Read what figures are asked for, of these scopes."""
    form = FrameForm(given(request), scopes=scopes)
    if not form.is_valid():
        return Asked(form, None)
    wanted = form.cleaned_data["scope"]
    chosen = [scope for scope in scopes if wanted is None or scope.pk == wanted]
    try:
        return Asked(form, frame_of(chosen, at=at, **form.bounds(at)))
    except BadInput as error:
        return Asked(form, None, str(error))


def link_to_now(frame: Frame, scope: int | None) -> drawing.Link:
    """Return what gives the address of the findings behind a figure of now."""
    narrowed: dict[str, Any] = {"scope": scope} if scope is not None else {}

    def link(what: str, value: str = "") -> str:
        if what == "stage":
            return f"{reverse('findings')}?{urlencode({**narrowed, 'status': value})}"
        moments = {"since": _told(frame.since), "until": _told(frame.until)}
        return f"{reverse('changes')}?{urlencode({'bar': what, **narrowed, **moments})}"

    return link


def _told(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def drawn(figures: Mapping[str, Any], link: drawing.Link) -> dict[str, Any]:
    """What templates draw of figures, whether of now or frozen."""
    scopes = figures["open"]["by_scope"][:MOST_SCOPES]
    return {
        "figures": figures,
        "bands": BANDS,
        "headline": drawing.headline(figures),
        "funnel": drawing.funnel(figures["open"]["by_stage"], figures["flow"]["proven"], link),
        "waterfall": drawing.waterfall(figures["change"], link),
        "ages": drawing.stacks(figures["open"]["by_age"]),
        "by_scope": drawing.stacks({row["name"]: row["by_priority"] for row in scopes}),
        "speeds": drawing.speeds(figures, SEVERITIES),
        "trend": [{**row, "at": datetime.fromisoformat(row["until"])} for row in figures["trend"]],
        "trend_open": [row["open"] for row in figures["trend"]],
        "claimed_url": link("claimed"),
        "proven_url": link("proven"),
    }
