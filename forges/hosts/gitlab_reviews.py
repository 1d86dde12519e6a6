"""Who approved which revision of a merge request. Pure: reads what GitLab listed, asks nothing.

GitLab says who approves now, and in its own notes who did what when; on which revision, only the
versions of the merge request tell: it is the newest that was there before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from forges.hosts.gitlab_client import instant
from forges.statuses import ReviewState

APPROVED = "approved this merge request"
UNAPPROVED = "unapproved this merge request"
REQUESTED = "requested changes"

Json = Mapping[str, Any]
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """One word of a person. ``id`` is stable: that of GitLab's note, or of the person."""

    id: str
    user: int
    login: str
    state: ReviewState
    commit: str
    when: datetime | None


def decisions(approvals: Json, notes: Iterable[Json], versions: Sequence[Json]) -> list[Decision]:
    """Return all approvals and rejections, oldest first.

    An approval that does not stand any more, because it was taken back, reset by a push, or given
    again later, is dismissed. One that GitLab lists without saying when is bound to no revision.
    """
    standing = _standing(approvals)
    found: list[Decision] = []
    newest: dict[int, int] = {}  # where the newest approval of each person is
    for note in notes:
        state = _said(note)
        if state is None:
            continue
        decision = _decision(note, state, versions)
        if state is ReviewState.DISMISSED:
            newest[decision.user] = len(found)
        found.append(decision)
    for user, approval in standing.items():
        place = newest.get(user)
        given = _approval(approval, found[place] if place is not None else None, versions)
        if place is None:
            found.append(given)
        else:
            found[place] = given
    return sorted(found, key=lambda one: (one.when or _NEVER, one.id))


def _standing(approvals: Json) -> dict[int, Json]:
    """Who approves now, by the id of the person."""
    rows = approvals.get("approved_by") or ()
    return {int(row["user"]["id"]): row for row in rows if row.get("user")}


def _said(note: Json) -> ReviewState | None:
    """What a note of GitLab's own says. An approval is taken for dismissed until it is seen to stand."""
    if note.get("system") is not True:  # anybody can write the same words
        return None
    words = str(note.get("body") or "").strip()
    if words == APPROVED:
        return ReviewState.DISMISSED
    return ReviewState.REJECTED if words == REQUESTED else None


def _decision(note: Json, state: ReviewState, versions: Sequence[Json]) -> Decision:
    author, at = note["author"], instant(note.get("created_at"))
    return Decision(
        id=f"note-{note['id']}",
        user=int(author["id"]),
        login=str(author["username"]),
        state=state,
        commit=_revision(versions, at),
        when=at,
    )


def _approval(approval: Json, noted: Decision | None, versions: Sequence[Json]) -> Decision:
    """A standing approval; GitLab's own moment of it goes before that of the note."""
    user = approval["user"]
    at = instant(approval.get("approved_at")) or (noted.when if noted else None)
    return Decision(
        id=noted.id if noted else f"approval-{user['id']}",
        user=int(user["id"]),
        login=str(user["username"]),
        state=ReviewState.APPROVED,
        commit=_revision(versions, at),
        when=at,
    )


def _revision(versions: Sequence[Json], at: datetime | None) -> str:
    """The head of the newest version that was there before a moment; empty if none was."""
    dated = [(instant(row.get("created_at")) or _NEVER, int(row["id"]), row) for row in versions]
    before = [version for version in dated if at is not None and version[0] < at]
    newest = max(before, key=lambda version: version[:2], default=None)
    return str(newest[2].get("head_commit_sha") or "") if newest else ""
