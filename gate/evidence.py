"""The frozen evidence a judgement is made from. ``gate.assemble`` is the one way to build it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gate.diff import Diff
from gate.formats import content as contents
from gate.formats.content import Content
from gate.patches import NO_PATCH, PatchIds
from gate.records import Report, Result


class Role(StrEnum):
    """What a scan is evidence for."""

    BEFORE = "before"
    AFTER = "after"
    CONTROL = "control"
    LATER = "later"


class Source(StrEnum):
    """Who says so; from the least to the most trusted: see ``SOURCE_RANK``."""

    UNKNOWN = "unknown"
    DECLARED = "declared"
    FETCHED = "fetched"
    ATTESTED = "attested"
    MEASURED = "measured"


SOURCE_RANK = {source: rank for rank, source in enumerate(Source)}


@dataclass(frozen=True, slots=True)
class Document:
    """One input file: its name as references show it, and its bytes or the file they are in."""

    name: str
    content: Content

    @property
    def data(self) -> bytes:
        """All bytes, in memory: for what is small. Reports are read from ``content``."""
        return contents.whole(self.content)


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What SARIF does not say about a scan. None or empty = unknown; unknown never passes."""

    commit: str = ""
    tree: str = ""
    parents: tuple[str, ...] = ()
    config_digest: str = ""
    tool_class: str = ""  # agentic sast sca secrets iac container dast cloud fuzz manual
    scope: str = ""  # full | diff
    category: str = ""
    exit_code: int | None = None
    started_at: str = ""
    finished_at: str = ""
    files_scanned: tuple[str, ...] | None = None
    covers: str = ""  # everything: no configuration leaves out a file that the tool reads
    blobs: tuple[tuple[str, str], ...] = ()  # (path, blob id) of the scanned tree
    vendor: str = ""
    model: str | None = None
    agent_run: str | None = None
    uploader: str = ""
    uploader_kind: str = ""  # human | service | runner
    attested_by: tuple[tuple[str, str], ...] = ()  # what a code host signed of the run; not judged
    command: str = ""
    version: str = ""
    rules: tuple[str, ...] | None = None  # rule ids that were on
    descends_from: tuple[str, ...] = ()  # commits that the scanned one is known to contain
    contained_in: tuple[str, ...] = ()  # commits that are known to contain the scanned one
    diff_to_base: str = ""  # git diff -M from there to the fix's base, of the files that matter
    deployed_commit: str = ""  # what ran where a scanner of running systems looked
    deployed_tree: str = ""
    deployed_at: str = ""
    warning: str = ""  # what whoever keeps the report says is missing in it
    source: Source = Source.UNKNOWN


@dataclass(frozen=True, slots=True)
class Scan:
    """A report with its role and facts."""

    role: Role
    report: Report
    facts: ScanFacts = ScanFacts()


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the fix as git shows it: raw message with trailers, people as 'Name <mail>'.

    The logins are the accounts that a code host knows author and committer by.
    """

    id: str = ""
    message: str = ""
    author: str = ""
    committer: str = ""
    author_login: str = ""
    committer_login: str = ""


@dataclass(frozen=True, slots=True)
class FixFacts:
    """The fix: revisions, what merged, who wrote it.

    ``blobs`` are (path, blob id) of the head, ``base_blobs`` of the base, ``merge_blobs`` of what
    merged; each of the whole tree, or at least of every file that matters here.
    """

    base_commit: str = ""
    base_tree: str = ""
    head_commit: str = ""
    head_tree: str = ""
    merge_commit: str = ""
    merge_tree: str = ""
    merged_at: str = ""
    unparsed: tuple[str, ...] = ()  # files that parsed at the base, and do not after the fix
    landed_from: str = ""  # the commit that the branch was at just before the fix landed there
    landed_as: str = (
        ""  # head: its very content; clean: its change alone; changed: not known to be that
    )
    pushed_at: str = ""
    author: str = ""
    origin: str = ""  # human ai_assisted ai_generated automation unknown
    agent: str = ""
    model: str = ""
    agent_run: str = ""
    commits: tuple[Commit, ...] = ()
    former_hands: tuple[str, ...] = ()  # who wrote revisions that this one replaced
    attempts: int = 1
    branch: str = ""
    addresses: tuple[str, ...] = ()  # the files of all findings that the fix is for
    blobs: tuple[tuple[str, str], ...] = ()
    base_blobs: tuple[tuple[str, str], ...] = ()
    merge_blobs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A decision on one exact revision. kind: human | bot | ai; decision: approved | rejected | commented.

    ``patch_id`` (``gate.patches``) is of the diff that was looked at: an approval survives a base
    update whose patch is identical. Where it is empty, that of its commit in ``Evidence.patches``.
    ``aliases``: what else the reviewer goes by, such as the name and mail that a login commits under.
    """

    reviewer: str
    kind: str
    commit: str
    decision: str
    at: str = ""
    tree: str = ""
    patch_id: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiver:
    """One check set aside by a person until a date. Never for a check that cannot be waived."""

    check: str
    by: str
    reason: str
    until: str
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a secret was revoked: by whom, when, how (``method``), and what shows it (``evidence``).

    ``state`` active: the provider still takes it; never_live: it opened nothing, such as a test's.
    ``committed_at``: when the secret came in.
    """

    finding: str
    by: str
    at: str
    method: str
    evidence: str = ""
    state: str = "revoked"  # revoked | active | never_live
    committed_at: str = ""
    source: Source = Source.DECLARED


@dataclass(frozen=True, slots=True)
class Release:
    """What a look-up in a registry said of one version of a package, named by package URL."""

    package: str  # pkg:npm/lodash, without the version
    version: str
    exists: bool
    yanked: bool = False
    at: str = ""
    source: Source = Source.DECLARED


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a proof of concept on one exact content. outcome: works | fails."""

    outcome: str
    commit: str = ""
    tree: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof of concept, run before and after the fix. ``agent_run``, ``model``: of who ran it."""

    finding: str
    before: Attempt
    after: Attempt
    by: str
    at: str
    agent_run: str = ""
    model: str = ""
    evidence: str = ""
    source: Source = Source.DECLARED


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """A named owner's word, given once, for changes of versions only, by these dependency bots.

    ``ecosystems`` as data/manifests.json names them, ``manifests`` as globs; ``since`` is ``from``.
    """

    owner: str
    bots: tuple[str, ...]
    reason: str
    since: str
    until: str
    at: str
    ecosystems: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Original:
    """A finding to be judged: ``ref`` as the caller wrote it, and the frozen result of the before scan.

    ``result`` is None when the reference matches nothing in the before scans.
    """

    ref: str
    result: Result | None
    scan: int | None = None  # index into the before scans


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the asset adds to the tier: exposure internal | internet, criticality low..critical, kev."""

    exposure: str = ""
    criticality: str = ""
    kev: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a judgement may look at. ``at`` is the time of judging, RFC 3339.

    ``diff_name`` is the name of the diff's document, as references show it.
    """

    scans: tuple[Scan, ...]
    fix: FixFacts
    at: str
    diff: Diff | None = None
    originals: tuple[Original, ...] = ()
    known: tuple[Result, ...] = ()
    reviews: tuple[Review, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    dispositions: tuple[dict[str, Any], ...] = ()
    revocations: tuple[Revocation, ...] = ()
    releases: tuple[Release, ...] = ()
    proofs: tuple[Proof, ...] = ()
    standing_approvals: tuple[StandingApproval, ...] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)
    diff_name: str = "diff"
    patches: tuple[tuple[str, str], ...] = ()  # (commit, patch id) of older revisions
    patch_ids: PatchIds = NO_PATCH  # of the diff

    def role(self, role: Role) -> tuple[Scan, ...]:
        """The scans of one role, in the order given."""
        return tuple(scan for scan in self.scans if scan.role is role)
