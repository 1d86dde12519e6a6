"""What a fake GitHub's world is made of. Plain records; what happens to them stands in fake_github.py."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.forges.fake_github_git import Git


@dataclass
class FakeAccount:
    """A person, a bot or an organisation."""

    id: int
    login: str
    kind: str
    person: str  # Name <mail>


@dataclass
class FakeRepository:
    """A repository; ``git`` is its real one. ``permissions``: login → admin, write, read or none."""

    id: int
    name: str
    full_name: str
    default_branch: str
    git: Git
    protected: set[str]
    pushed_at: datetime
    archived: bool = False
    code_scanning: bool = True
    permissions: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, FakePull] = field(default_factory=dict)
    analyses: list[FakeAnalysis] = field(default_factory=list)
    alerts: list[FakeAlert] = field(default_factory=list)
    runs: list[FakeRun] = field(default_factory=list)
    check_runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def path(self) -> Path:
        """The folder of the bare repository: what a test can clone or look into."""
        return self.git.folder


@dataclass
class FakePull:
    """A pull request. ``head_commit`` and ``base_commit`` are of now, as GitHub tells them."""

    id: int
    number: int
    repository: FakeRepository
    title: str
    body: str
    head: str
    base: str
    author: str
    head_commit: str
    base_commit: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    fork: str = ""  # the login whose fork the head is in
    fork_is_gone: bool = False
    state: str = "open"
    test_merge: str | None = None  # what refs/pull/N/merge is at
    merge_commit: str = ""
    merged_by: str = ""
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    reviews: list[FakeReview] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://github.com/{self.repository.full_name}/pull/{self.number}"

    @property
    def merge_ref(self) -> str:
        return f"refs/pull/{self.number}/merge"

    @property
    def head_ref(self) -> str:
        owner = f"refs/forks/{self.fork}/" if self.fork else "refs/heads/"
        return owner + self.head


@dataclass
class FakeReview:
    """A review; an empty login is an account that is gone."""

    id: int
    pull: FakePull
    login: str
    state: str
    commit: str
    at: datetime
    body: str = ""


@dataclass
class FakeAnalysis:
    """One uploaded report."""

    id: int
    repository: FakeRepository
    ref: str
    commit: str
    tool: str
    sarif: bytes
    version: str
    category: str
    analysis_key: str
    error: str
    warning: str
    results: int
    rules: int
    at: datetime


@dataclass
class FakeRun:
    """A run of a workflow. Of a pull request it names the commit that was pushed, not the trial merge."""

    id: int
    path: str
    event: str
    head_branch: str
    head_sha: str
    conclusion: str  # empty: still in progress
    at: datetime


@dataclass
class FakeAlert:
    """What GitHub counts as one finding."""

    number: int
    repository: FakeRepository
    tool: str
    rule: str
    path: str
    line: int
    ref: str
    commit: str
    state: str
    created_at: datetime
    updated_at: datetime
    dismissed_by: str = ""
    dismissed_at: datetime | None = None
    dismissed_reason: str = ""
    dismissed_comment: str = ""
