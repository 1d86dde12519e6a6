"""An account on a fake host, connected to a scope here, with work that runs when a test says so."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from core import jobs as queue
from core.models import Job, JobState
from core.permissions import Role
from ctem import jobs
from findings.models import Finding
from forges.models import Connection, PullRequest, Repository
from forges.services.connections import connect
from forges.services.inbound import receive_message
from forges.services.looks import ask_look
from scans.models import Verification
from scopes.models import Scope
from tests import factories as make
from tests.forges.codeql import DEFAULT_SETUP, OTHER, SAFE, WEAK, files_of, report_of
from tests.forges.fake_github import FakeGitHub, FakePull, FakeRepository
from tests.forges.fake_github_events import Delivery

ANSWERS = """Read it all.

root_cause_removed: yes: no shell starts any more
variants_considered: yes: there is no other call
behaviour_kept: yes: the archive is the same
"""


@dataclass
class Here:
    """A connection, and what a test does on this side of it."""

    connection: Connection
    secret: str

    @property
    def scope(self) -> Scope:
        return self.connection.scope

    # --- here ------------------------------------------------------------------------------------
    def work(self, rounds: int = 50) -> int:
        """Do all jobs that are due, as workers would; return how many."""
        done = 0
        for _ in range(rounds):
            due = list(queue.due(timezone.now()).order_by("pk").values_list("pk", flat=True))
            if not due:
                return done
            for pk in due:
                done += jobs.run(pk)
        raise AssertionError(f"still due after {rounds} rounds: {queue.due(timezone.now())}")

    def look(self) -> int:
        """Poll, and do what follows."""
        ask_look(self.connection, timezone.now())
        return self.work()

    def failed(self) -> list[str]:
        """What jobs ended badly."""
        rows = Job.objects.filter(state__in=[JobState.FAILED, JobState.QUARANTINED])
        again = Job.objects.filter(state=JobState.QUEUED).exclude(error="")
        return [f"{job.kind}: {job.error}" for job in (*rows, *again)]

    def finding(self, **which: Any) -> Finding:
        return Finding.objects.get(scope=self.scope, **which)


@dataclass
class Acme(Here):
    """The organisation as GitHub has it, and its connection here."""

    github: FakeGitHub

    # --- on GitHub -------------------------------------------------------------------------------
    def scanned(self, repository: FakeRepository, commit: str = "", branch: str = "main") -> None:
        """The default set-up scans a push of the default branch, in full."""
        commit = commit or repository.git.resolve(branch) or ""
        self.github.add_analysis(
            repository, f"refs/heads/{branch}", commit, "CodeQL", report_of(files_of(repository, commit)),
            version="2.23.5", analysis_key=DEFAULT_SETUP, category="/language:python",
        )  # fmt: skip

    def scanned_request(self, pull: FakePull, changed: list[str]) -> None:
        """The default set-up scans the test merge of a pull request, and shows what it changes."""
        commit = pull.test_merge or ""
        report = report_of(files_of(pull.repository, commit), only=changed)
        self.github.add_analysis(
            pull.repository, pull.merge_ref, commit, "CodeQL", report,
            version="2.23.5", analysis_key=DEFAULT_SETUP, category="/language:python",
        )  # fmt: skip

    # --- here ------------------------------------------------------------------------------------
    def deliver(self, delivery: Delivery) -> None:
        """Let one message of GitHub arrive; what it rings for is not done yet."""
        told = receive_message(
            connection=self.connection,
            headers=delivery.lower,
            body=delivery.body,
            at=timezone.now(),
        )
        assert told is not None, "the signature does not hold"

    def repository(self, told: FakeRepository) -> Repository:
        return Repository.objects.get(connection=self.connection, full_name=told.full_name)

    def pull(self, told: FakePull) -> PullRequest:
        return PullRequest.objects.get(
            repository=self.repository(told.repository), number=told.number
        )


def acme_on(github: FakeGitHub, settings: Any, **members: Any) -> Acme:
    """Connect the fake's organisation to a new scope, as its App unless ``members`` say otherwise."""
    settings.OUTBOUND_PLAIN_HOSTS = [github.host]
    scope = make.make_scope()
    app = github.app_sign_in()
    app["key"] = app.pop("private_key")
    standard = {
        "scope": scope, "forge": "github", "name": "Acme", "account": github.org,
        "api": github.api, "sign_in": "app", "by": make.member(scope, Role.ADMIN), "at": timezone.now(),
        "mode": "observe", **app,
    }  # fmt: skip
    connection, secret = connect(**standard | members)
    github.secret = secret
    return Acme(connection, secret, github)


def opened(acme: Acme) -> FakeRepository:
    """A repository with two weaknesses, scanned and looked at once."""
    files = {"app/pack.py": WEAK, "app/ship.py": OTHER, "README.md": "# Shop\n"}
    shop = acme.github.add_repository("shop", files)
    acme.scanned(shop)
    acme.look()
    return shop


def propose(
    acme: Acme,
    shop: FakeRepository,
    path: str = "app/pack.py",
    text: str = SAFE,
    branch: str = "fix",
    **members: Any,
) -> FakePull:
    """A pull request of dana's that says it fixes the weakness in one file."""
    body = f"Fixes {acme.finding(path=path)}"
    acme.github.commit(shop, branch, {path: text}, "Use a list", author="dana")
    return acme.github.open_pull(
        shop, branch, title="No shell", body=body, author="dana", **members
    )


def in_the_way(acme: Here) -> dict[str, dict[str, str]]:
    """Finding's path → check → why, of the current judgements."""
    rows = Verification.objects.current().filter(scope=acme.scope).select_related("finding")
    return {
        row.finding.path: {
            check["id"]: f"{check['outcome']}: {check['reason']}"
            for check in row.judgement["checks"]
            if check["required"] and check["outcome"] not in ("PASS", "NOT_APPLICABLE", "WAIVED")
        }
        for row in rows
    }
