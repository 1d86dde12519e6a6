"""What a code host has to be told of us: the least permissions, and the events to switch on. Words only."""

from dataclasses import dataclass

from forges.statuses import Forge, SignIn


@dataclass(frozen=True, slots=True)
class Needs:
    """``permissions``: name → access and what for. ``events``: of the webhook, as the host calls them."""

    permissions: tuple[tuple[str, str, str], ...]
    events: tuple[str, ...]
    content_type: str
    note: str = ""


_GITHUB = (
    ("Metadata", "read-only", "which repositories there are"),
    ("Contents", "read-only", "commits, trees, branches"),
    ("Pull requests", "read and write", "revisions, reviews, merges; to write one comment"),
    ("Code scanning alerts", "read-only", "reports and alerts"),
    ("Checks", "read and write", "to show the two lamps"),
)
_GITHUB_TOKEN = (
    *_GITHUB[:-1],
    ("Commit statuses", "read and write", "to show the two lamps: a token cannot set checks"),
)
_GITHUB_EVENTS = (
    "Pull requests", "Pull request reviews", "Pushes", "Code scanning alerts", "Check runs",
    "Workflow runs", "Repositories", "Merge groups",
)  # fmt: skip
_OBSERVE = "In observe mode read-only is enough everywhere."

_NEEDS = {
    (Forge.GITHUB, SignIn.APP): Needs(_GITHUB, _GITHUB_EVENTS, "application/json", _OBSERVE),
    (Forge.GITHUB, SignIn.TOKEN): Needs(
        _GITHUB_TOKEN, _GITHUB_EVENTS, "application/json", _OBSERVE
    ),
    (Forge.GITLAB, SignIn.TOKEN): Needs(
        (
            ("read_api", "scope", "in observe mode"),
            ("api", "scope", "to show the lamps and write one comment; GitLab has no smaller one"),
            ("Reporter", "role", "to read; Developer to show the lamps"),
        ),
        ("Push events", "Merge request events", "Pipeline events", "Job events", "Project events"),
        "JSON; the secret is its signing token. A GitLab without one takes what follows whsec_ as "
        "secret token",
    ),
}


def needs_of(forge: Forge, sign_in: SignIn) -> Needs:
    """What one way of signing in needs there."""
    return _NEEDS[forge, sign_in]
