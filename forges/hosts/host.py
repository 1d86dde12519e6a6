"""The one shape of a code host's adapter. Adapters fetch and post; they keep nothing and judge nothing."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from forges.hosts.records import (
    Alert,
    Analysis,
    Comparison,
    HostCommit,
    HostRepository,
    HostReview,
    Lamp,
    Message,
    Pull,
)


class Host(Protocol):
    """Reads one account of a code host, and tells pull requests what the lamps say.

    Every method may raise ``core.outbound.HostError``; its ``retry_after`` says for how long the host
    asks to be left alone, ``final`` that trying again is of no use. ``repository`` arguments are the
    records that ``repositories`` gave. Iterators fetch page by page: stop early and nothing more is
    asked. Nothing is ever written but by ``show_lamp`` and ``comment``.
    """

    def account(self) -> str:
        """The login or application as which we are signed in; raises HostError if we are not."""

    def repositories(self) -> Iterator[HostRepository]:
        """All repositories that the connection may read."""

    def branches(self, repository: HostRepository) -> list[str]:
        """The protected branches: where release branches are found."""

    def tip(self, repository: HostRepository, branch: str) -> str:
        """The commit that a branch is at."""

    def changed_pulls(self, since: str) -> Iterator[tuple[str, int]]:
        """(repository's full name, number) of the account's pull requests that changed since then."""

    def open_pulls(self, repository: HostRepository) -> Iterator[int]:
        """The numbers of the open pull requests."""

    def pull(self, repository: HostRepository, number: int) -> Pull:
        """One pull request as it is now."""

    def pull_commits(self, repository: HostRepository, number: int) -> list[HostCommit]:
        """Its commits, oldest first."""

    def reviews(self, repository: HostRepository, number: int) -> list[HostReview]:
        """Its reviews, oldest first; ``may_write`` asked for those that approve or reject."""

    def commit(self, repository: HostRepository, commit: str) -> HostCommit:
        """One commit with its tree and parents."""

    def compare(
        self, repository: HostRepository, base: str, head: str, *, diff: bool
    ) -> Comparison:
        """How ``head`` relates to ``base``; with the diff from their merge base where asked."""

    def blobs(
        self, repository: HostRepository, commit: str, paths: Collection[str]
    ) -> dict[str, str]:
        """Blob ids at a commit of those of ``paths`` that are files there."""

    def paths(self, repository: HostRepository, commit: str) -> list[str] | None:
        """The paths of all files at a commit; None where the host does not list them all at once."""

    def content(self, repository: HostRepository, blob: str, limit: int) -> bytes:
        """The bytes of a blob, at most ``limit``."""

    def analyses(self, repository: HostRepository, ref: str = "") -> Iterator[Analysis]:
        """The reports that the host keeps, newest first; of one full ref where given."""

    def report(self, repository: HostRepository, analysis: Analysis, limit: int) -> bytes:
        """The report of one analysis as the gate reads it, at most ``limit`` bytes."""

    def succeeded(self, repository: HostRepository, analysis: Analysis) -> bool | None:
        """Whether the job that made a report ended well; None where the host does not tell."""

    def alerts(self, repository: HostRepository, since: str) -> Iterator[Alert]:
        """The host's own findings that changed since then, newest change first."""

    def show_lamp(self, repository: HostRepository, lamp: Lamp, known: str) -> str:
        """Set a lamp on a commit; ``known`` is what the last call for it returned, or empty."""

    def comment(self, repository: HostRepository, number: int, text: str, known: str) -> str:
        """Write our one comment, or change it (``known`` as above; made anew if it is gone)."""

    def read_message(
        self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]
    ) -> Message | None:
        """The message, if one of ``secrets`` signed it; else None. Header names in lower case.

        Needs no connection. Raises ``core.errors.BadInput`` for a signed one that cannot be read.
        """
