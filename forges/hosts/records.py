"""What code hosts tell us, in one shape whatever the host: frozen records, texts as they were given.

Times are RFC 3339 in UTC with ``Z``; git ids are full and lower case; empty means: not told.
People are logins; ``is_bot`` is the host's own word. Nothing here has been believed yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forges.statuses import AlertState, PullState, ReviewState


@dataclass(frozen=True, slots=True)
class HostRepository:
    """A repository. ``id`` stays when it is renamed; ``pushed_at`` is its last push of any branch."""

    id: str
    full_name: str
    default_branch: str
    web_url: str
    clone_url: str
    pushed_at: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class HostCommit:
    """A commit. ``author`` and ``committer`` are ``Name <mail>``; ``login`` and ``committer_login`` their
    accounts, as far as the host knows them."""

    id: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: str
    committer: str
    committed_at: str = ""
    login: str = ""
    committer_login: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """One report that the host keeps. ``id`` fetches it; ``ref`` is full (refs/heads/main).

    ``workflow`` is who ran it by the host's word: GitHub's analysis_key, a GitLab job's name.
    ``results``: how many it holds, None where not told. ``error``: the host could not take all of it.
    """

    id: str
    ref: str
    commit: str
    tool: str
    version: str = ""
    category: str = ""
    created_at: str = ""
    workflow: str = ""
    results: int | None = None
    rules: int | None = None
    error: str = ""
    warning: str = ""
    succeeded: bool | None = None  # the job that made it; None: not told


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding as the host counts it. People's words on it are claims, and shown as such."""

    number: str
    state: AlertState
    tool: str
    rule: str
    path: str = ""
    line: int | None = None
    commit: str = ""
    url: str = ""
    updated_at: str = ""
    dismissed_by: str = ""
    dismissed_at: str = ""
    dismissed_reason: str = ""
    dismissed_comment: str = ""


@dataclass(frozen=True, slots=True)
class HostReview:
    """A decision on one revision. ``may_write``: the reviewer could have pushed; None: not told."""

    id: str
    login: str
    state: ReviewState
    commit: str
    at: str
    is_bot: bool = False
    may_write: bool | None = None
    body: str = ""


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request (merge request). ``base_ref`` is a branch name; shas are of now.

    ``merge_commit`` is what landed on the base branch; None of it before it merged.
    ``is_fork``: its head lives in another repository.
    """

    number: int
    title: str
    body: str
    state: PullState
    url: str
    base_ref: str
    head_ref: str
    head_commit: str
    author: str
    is_bot: bool = False
    is_draft: bool = False
    is_fork: bool = False
    created_at: str = ""
    updated_at: str = ""
    merged_at: str = ""
    merged_by: str = ""
    merge_commit: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """From one commit to another. ``status``: identical, ahead, behind or diverged (head seen from base).

    ``merge_base`` is the common ancestor that the diff starts at; ``diff`` is ``git diff -M``'s text
    from there to the head, None where the host does not give it whole.
    """

    merge_base: str
    status: str
    diff: bytes | None = None
    commits: int = 0


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on lines of the head. ``level``: notice, warning or failure."""

    path: str
    line: int
    level: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Lamp:
    """What one lamp says on a pull request. ``outcome``: pass, fail, unknown or waiting.

    ``blocks``: what is not a pass is a failed check, else it is neutral. ``summary`` is Markdown.
    """

    name: str  # "CTEM: Safe?"
    commit: str
    outcome: str
    blocks: bool
    title: str
    summary: str
    url: str
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook message that was signed by who may: what it is about, to be looked up.

    ``about``: pull, push, analysis, repository, installation, merge_group or nothing (of no use to us).
    """

    delivery: str
    event: str
    about: str
    repository: str = ""  # the host's id of it
    number: int = 0  # of the pull request
    fields: Mapping[str, str] = field(default_factory=dict)
