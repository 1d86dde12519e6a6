"""What a message to a person says: the same words by mail and by chat, from fixed templates.

Text of findings comes from others: it stays text in each channel, and mentions nobody there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from core.text import clean_text
from findings.models import Finding
from tickets.models import Notice
from tickets.services.notice_meaning import STOPS
from tickets.statuses import NoticeKind

WORDS = {
    NoticeKind.ASSIGNED: "Assigned to you",
    NoticeKind.VERIFICATION_FAILED: "The verification of a fix failed",
    NoticeKind.DUE: "Due soon or late",
    NoticeKind.ACCEPTANCE_ENDS: "The acceptance of a risk ends soon",
    NoticeKind.STOPPED: "A webhook or a tracker stopped",
    NoticeKind.MENTION: "You are mentioned in a comment",
}
MOST_TITLE = 200
MOST_LINES = 100  # of one message


@dataclass(frozen=True, slots=True)
class Line:
    """One finding, and why it is told."""

    why: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """What one person is told now. ``more``: findings that are not named."""

    subject: str
    lines: Sequence[Line]
    more: int
    url: str


def message_of(notices: Sequence[Notice]) -> Message:
    """Return what these notices, to one person by one channel, say together."""
    pks = {pk for notice in notices for pk in notice.findings}
    found = {f.pk: f for f in Finding.objects.filter(pk__in=pks)}
    lines = [line for notice in notices for line in _lines(notice, found)]
    count = sum(notice.count for notice in notices)
    shown = lines[:MOST_LINES]
    url = settings.PUBLIC_URL + reverse("profile")
    return Message(_subject(notices, lines, count), shown, max(0, count - len(shown)), url)


def _lines(notice: Notice, found: Mapping[int, Finding]) -> list[Line]:
    if notice.kind == NoticeKind.STOPPED:
        return [_stopped(notice)]
    rows = (found[pk] for pk in notice.findings if pk in found)
    return [_line(notice, finding) for finding in rows if finding.scope_id == notice.scope_id]


def _stopped(notice: Notice) -> Line:
    """Which one, and why, as far as that can be said: a reason may repeat what the other side answered."""
    event = notice.event
    model = STOPS[event.action]
    row = model.objects.get(pk=event.subject_id, scope=notice.scope_id)
    name = clean_text(" ".join(str(row).split()), MOST_TITLE)
    why = clean_text(" ".join(str(event.data.get("reason", "")).split()), MOST_TITLE)
    url = settings.PUBLIC_URL + row.get_absolute_url()
    return Line(WORDS[NoticeKind.STOPPED], f"{event.subject} {name}: {why}", url)


def _line(notice: Notice, finding: Finding) -> Line:
    title = clean_text(" ".join(finding.title.split()), MOST_TITLE)
    url = settings.PUBLIC_URL + finding.get_absolute_url()
    return Line(WORDS[NoticeKind(notice.kind)], f"{finding}: {title}", url)


def _subject(notices: Sequence[Notice], lines: Sequence[Line], count: int) -> str:
    first = WORDS[NoticeKind(notices[0].kind)]
    if len(notices) > 1:
        return f"CTEM: {len(notices)} notices of today"
    return f"CTEM: {first}: {lines[0].text}" if count == 1 and lines else f"CTEM: {first}: {count}"


def mail_of(message: Message, *, to: str, message_id: str) -> EmailMultiAlternatives:
    """Return the mail: plain text, and HTML that loads nothing from elsewhere."""
    told = {"message": message}
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    mail = EmailMultiAlternatives(
        message.subject,
        render_to_string("notices/mail.txt", told),
        to=[to],
        headers={"Message-ID": f"<{message_id}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("notices/mail.html", told), "text/html")
    return mail


def slack_body(message: Message) -> bytes:
    """Return what Slack and its like (Mattermost, Rocket.Chat) take: text where only links mean something."""
    lines = [_for_slack(message.subject)]
    lines += [f"• {line.why}: <{line.url}|{_for_slack(line.text)}>" for line in message.lines]
    if message.more:
        lines.append(f"and {message.more} more")
    return json.dumps({"text": "\n".join(lines)}).encode()


def _for_slack(text: str) -> str:
    for bad, good in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "¦"), ("@", "@\u200b")):
        text = text.replace(bad, good)
    return text


def teams_body(message: Message) -> bytes:
    """Return an adaptive card in runs of plain text, in which nothing is read as Markdown."""
    blocks: list[dict[str, Any]] = [_runs({"text": message.subject, "weight": "Bolder"})]
    for line in message.lines:
        opens = {"type": "Action.OpenUrl", "url": line.url}
        blocks.append(_runs({"text": f"{line.why}: "}, {"text": line.text, "selectAction": opens}))
    if message.more:
        blocks.append(_runs({"text": f"and {message.more} more"}))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard",
        "version": "1.4", "body": blocks,
    }  # fmt: skip
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return json.dumps({"type": "message", "attachments": [attached]}).encode()


def _runs(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}
