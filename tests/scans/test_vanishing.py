"""Findings that are no longer present: two full scans lack them, git says what changed, the gate's checks hold.

Commits, diffs and files are those of a real repository; reports are of the toy scanner in tests/code.py.
"""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import Error, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Event, Job, JobState
from ctem import jobs as worker
from findings.models import Finding, Tally, history_of
from findings.progress import Progress
from findings.services import expire_acceptances, perform_transition
from findings.statuses import OPEN, Presence, Status
from gate.checks import CHECKS
from scans.models import RangeDiff, Scan
from scans.services import vanishing
from scans.services.audit import last_closed
from scans.services.ranges import keep_diff
from scans.services.vanishing import ask_all, missing_diffs
from scans.statuses import FactSource
from tests import factories as make
from tests.code import Code, facts_of, sarif_of
from tests.factories import make_asset, now, safe_file, upload_and_ingest, weak_file

WEAK, OTHER = "app/view.py", "app/other.py"
LACKED = {WEAK: safe_file(WEAK)}


class Tracked:
    """A line whose code is in a real repository, and the scans of it."""

    def __init__(self, repository) -> None:
        self.repository = repository
        self.asset = make_asset(repository=str(repository.folder))
        self.code = Code({WEAK: weak_file(WEAK), OTHER: weak_file(OTHER, "pickle.loads("),
                          "app/parse.py": "import ast\n\nparse = ast.literal_eval\n"})  # fmt: skip
        self.commit = ""

    def push(self, files: dict[str, str | None] | None = None) -> str:
        """Commit the code with these files changed; None deletes one."""
        self.code = self.code.change(files or {})
        for path in [path for path, text in (files or {}).items() if text is None]:
            (self.repository.folder / path).unlink()
        self.commit = self.repository.commit(dict(self.code.files))
        return self.commit

    def scan(self, change=None, *, again: bool = False, **facts) -> Scan:
        """A full scan of what was pushed last. ``change``: of the report; ``facts``: others (None: none)."""
        report = sarif_of(self.code)
        if again:
            report["runs"][0]["automationDetails"] = {"guid": str(Scan.objects.count())}
        if change:
            change(report["runs"][0])
        tree = self.repository.git("rev-parse", f"{self.commit}^{{tree}}")
        told = {**facts_of(self.code), "commit": self.commit, "tree": tree, **facts}
        told = {name: value for name, value in told.items() if value is not None}
        return upload_and_ingest(self.asset, report, told)

    @property
    def finding(self) -> Finding:
        return Finding.objects.get(path=WEAK)


def work() -> None:
    """Do the jobs that imports asked for."""
    for job in Job.objects.filter(kind=vanishing.JOB, state=JobState.QUEUED).order_by("pk"):
        assert worker.run(job.pk)
        job.refresh_from_db()
        assert job.state == JobState.DONE, job.error


@pytest.fixture
def tracked(files, repository, db):
    cache.clear()  # what another test's repository could not tell
    return Tracked(repository)


@pytest.fixture
def gone(tracked):
    """The weakness was seen, somebody mended it without a word, and one full scan lacks it."""
    tracked.push()
    tracked.scan()
    tracked.push(LACKED)
    tracked.scan()
    return tracked


def lack(tracked, *, change=None, **facts) -> Finding:
    """One full scan more of the next commit; then the jobs are done."""
    tracked.push({"README.md": f"commit {Scan.objects.count()}\n"})
    tracked.scan(change, **facts)
    work()
    return tracked.finding


# --- what vanishes -------------------------------------------------------------------------------
def test_what_two_full_scans_lack_is_no_longer_present(gone):
    work()
    assert gone.finding.status in OPEN  # one is not enough
    assert lack(gone).status == Status.NO_LONGER_PRESENT
    assert Finding.objects.get(path=OTHER).status == Status.PRIORITIZED


def test_one_event_names_all_that_vanished_the_scans_and_the_reason(gone):
    finding = lack(gone)
    (event,) = Event.objects.filter(action="finding.vanish")
    seen, first, second = Scan.objects.order_by("pk").values_list("pk", flat=True)
    assert event.actor is None
    assert event.data["findings"] == [finding.pk]
    assert (event.data["seen_by"], event.data["lacked_by"]) == (seen, [first, second])
    assert "Nothing is proven" in event.data["reason"]
    kept = set(RangeDiff.objects.values_list("diff_id", flat=True))
    assert set(event.data["diffs"]) <= kept
    assert history_of(finding.pk).latest("pk") == event
    assert event not in history_of(Finding.objects.get(path=OTHER).pk)


def test_many_vanish_by_one_event(tracked):
    files = {f"app/many_{n}.py": weak_file(f"app/many_{n}.py") for n in range(12)}
    tracked.push(files)
    tracked.scan()
    tracked.push({path: safe_file(path) for path in files})
    tracked.scan()
    lack(tracked)
    assert Finding.objects.filter(status=Status.NO_LONGER_PRESENT).count() == 12
    assert Event.objects.filter(action="finding.vanish").count() == 1


def test_what_went_with_its_file_is_no_longer_present(tracked):
    tracked.push()
    tracked.scan()
    tracked.push({WEAK: None})
    tracked.scan()
    assert lack(tracked).status == Status.NO_LONGER_PRESENT


def test_it_is_open_again_on_sight(gone):
    lack(gone)
    gone.push({WEAK: weak_file(WEAK)})
    gone.scan()
    finding = gone.finding
    assert finding.status == Status.DISCOVERED and finding.presence == Presence.PRESENT
    assert Event.objects.filter(action="finding.reopen", subject_id=finding.pk).exists()


def test_it_is_neither_complete_nor_proven_anywhere(gone):
    finding = lack(gone)
    assert finding.verified_at is None and finding.clearance_id is None
    assert not Finding.objects.complete().exists()
    assert last_closed(Finding.objects.all(), n=10) == []
    assert finding.pk not in Finding.objects.open().values_list("pk", flat=True)


def test_it_leaves_the_queues_and_is_counted_as_an_end_without_proof(gone):
    viewer = make.member(gone.asset.scope, "viewer")

    def told(**which):
        rows = Tally.objects.visible_to(viewer).filter(**which)
        return rows.aggregate(n=Sum("n"))["n"] or 0

    before = told(status__in=OPEN)
    lack(gone)
    assert told(status__in=OPEN) == before - 1
    assert told(status=Status.NO_LONGER_PRESENT) == 1
    assert told(status=Status.MOBILIZATION_COMPLETE) == 0
    progress = Progress({Status.NO_LONGER_PRESENT: told(status=Status.NO_LONGER_PRESENT)})
    assert (progress.proven, progress.claimed, progress.open) == (0, 0, 0)
    assert progress.ended_otherwise == 1
    overdue = Finding.objects.open().filter(due_at__isnull=False, path=WEAK)
    assert not overdue.exists()


def test_the_second_scan_may_be_a_second_run_on_the_same_commit(gone):
    gone.scan(again=True)
    work()
    assert gone.finding.status == Status.NO_LONGER_PRESENT


def test_what_the_first_scan_could_not_say_two_later_ones_may(tracked):
    tracked.push()
    tracked.scan()
    tracked.push(LACKED)
    tracked.scan(
        lambda run: run["invocations"].__setitem__(0, {"executionSuccessful": True}),
        config_digest="sha256:" + "0" * 64,
    )
    lack(tracked)
    assert tracked.finding.status in OPEN
    assert lack(tracked).status == Status.NO_LONGER_PRESENT


# --- what does not -------------------------------------------------------------------------------
def stays(tracked) -> bool:
    finding = tracked.finding
    vanished = Event.objects.filter(action="finding.vanish").exists()
    return finding.status in OPEN and not vanished


def test_the_same_report_of_the_same_commit_twice_is_one_scan(gone):
    for n in range(2):
        gone.scan(started_at=f"2026-01-01T00:00:0{n}Z")
    work()
    assert Scan.objects.count() == 4 and stays(gone)


def drop_rules(run):
    run["tool"]["driver"]["rules"] = []


def failed(run):
    run["invocations"][0]["executionSuccessful"] = False


def noted(run):
    run["invocations"][0]["toolExecutionNotifications"] = [
        {"level": "error", "message": {"text": "The analysis broke off."}}
    ]


def older(run):
    for key in ("version", "semanticVersion"):
        run["tool"]["driver"][key] = "1.7.0"


def newer(run):
    for key in ("version", "semanticVersion"):
        run["tool"]["driver"][key] = "2.0.0"


def renamed(run):
    run["tool"]["driver"]["name"] = "OtherScan"


def disabled(run):
    run["tool"]["driver"]["rules"] = [
        {"id": "B307", "defaultConfiguration": {"enabled": False}},
        *[rule for rule in run["tool"]["driver"]["rules"] if rule["id"] != "B307"],
    ]
    for result in run["results"]:
        result.pop("ruleIndex", None)


def unread(run):
    run["artifacts"] = [one for one in run["artifacts"] if one["location"]["uri"] != WEAK]


def empty(run):
    run["results"], run["artifacts"], run["tool"]["driver"]["rules"] = [], [], []


RULES = ["B301", "B404", "B602"]
MISUSE = {
    "the rule was switched off": (disabled, {"rules": None}),
    "the rule is not among those that ran": (None, {"rules": RULES}),
    "the configuration is another one": (None, {"config_digest": "sha256:" + "1" * 64, "rules": None}),
    "the file was left out": (unread, {"files_scanned": ["app/parse.py", OTHER]}),
    "the tool failed": (failed, {}),
    "the tool told an error": (noted, {}),
    "the exit status is a failure": (None, {"exit_code": 3}),
    "the tool is an older one": (older, {}),
    "the tool is the next major version": (newer, {}),
    "the tool is another one": (renamed, {}),
    "the category is another one": (None, {"category": "other"}),
    "the scan was limited to a diff": (None, {"scope": "diff"}),
    "the scope is not told": (None, {"scope": None}),
    "the commit is not told": (None, {"commit": None, "tree": None, "blobs": None}),
    "the commit is of no branch": (None, {"commit": "a" * 40}),
    "an empty report that tells nothing": (
        empty,
        {"rules": None, "files_scanned": None, "config_digest": None, "blobs": None},
    ),
    "an empty report": (empty, {"files_scanned": None, "rules": None, "config_digest": None}),
}  # fmt: skip


@pytest.mark.parametrize("misuse", MISUSE)
def test_it_stays_where(tracked, misuse):
    change, facts = MISUSE[misuse]
    tracked.push()
    tracked.scan()
    tracked.push(LACKED)
    for _ in range(3):
        tracked.push({"README.md": f"commit {Scan.objects.count()}\n"})
        tracked.scan(change, **facts)
        work()
    assert stays(tracked)


CHANGES = {
    "a comment silences the scanner": {WEAK: f"{weak_file(WEAK).rstrip()}  # nosec\n"},
    "the whole file is silenced": {WEAK: f"# nosec\n{weak_file(WEAK)}"},
    "its configuration leaves the rule out": {**LACKED, ".bandit": "[bandit]\nskips = B307\n"},
    "its configuration leaves the folder out": {
        **LACKED, "pyproject.toml": '[tool.bandit]\nexclude_dirs = ["app"]\n'
    },
    "the file does not parse any more": {WEAK: "def show(view:\n    return (view\n"},
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_it_stays_where_the_code_says_so(tracked, what):
    def silence(run):
        """What the real scanner would leave out."""
        run["results"] = [r for r in run["results"] if WEAK not in str(r["locations"])]
        if parsed:
            unread(run)

    parsed = [OTHER, "app/parse.py"] if "parse" in what else None
    told = {"files_scanned": parsed} if parsed else {}
    tracked.push()
    tracked.scan()
    tracked.push(CHANGES[what])
    for _ in range(3):
        tracked.push({"README.md": f"commit {Scan.objects.count()}\n"})
        tracked.scan(silence, **told)
        work()
    assert tracked.finding.presence == Presence.ABSENT and stays(tracked)


@pytest.mark.parametrize("note", [{}, {"app/new.py": "x = 1\n"}])
def test_reports_that_lack_what_nobody_touched_show_nothing(tracked, note):
    """Whoever may upload can leave results out: the code is still there."""
    tracked.push()
    tracked.scan()
    for n in range(3):
        tracked.push({"README.md": f"commit {n}\n", **note})
        tracked.scan(nothing)
        work()
    assert set(Finding.objects.values_list("presence", flat=True)) == {Presence.ABSENT}
    assert not Finding.objects.exclude(status__in=OPEN).exists()


def nothing(run):
    run["results"] = []


def test_scans_of_older_commits_show_nothing(tracked):
    """Before the weakness came in there was none: that is no news."""
    first = tracked.push({WEAK: safe_file(WEAK)})
    clean = tracked.code
    tracked.push({WEAK: weak_file(WEAK)})
    tracked.scan()
    tracked.code, tracked.commit = clean, first
    for n in range(3):
        tracked.scan(again=True, started_at=f"2026-01-01T00:00:0{n}Z")
        work()
    assert tracked.finding.presence == Presence.ABSENT and stays(tracked)


def test_a_scan_of_the_very_commit_that_had_it_shows_nothing(tracked):
    tracked.push()
    tracked.scan()
    for n in range(3):
        tracked.scan(empty_of_it, again=True, started_at=f"2026-01-01T00:00:0{n}Z")
        work()
    assert tracked.finding.presence == Presence.ABSENT and stays(tracked)


def empty_of_it(run):
    run["results"] = [r for r in run["results"] if WEAK not in str(r["locations"])]


def test_without_a_repository_nobody_knows_what_changed(gone, settings):
    settings.RUNNER_REPOSITORIES = []
    lack(gone)
    assert stays(gone) and not RangeDiff.objects.exists()


def test_a_line_that_was_rewritten_says_nothing(gone):
    gone.repository.git("checkout", "--quiet", "--orphan", "fresh")
    gone.commit = gone.repository.commit(dict(gone.code.files))
    gone.repository.git("branch", "--quiet", "--force", "main", "fresh")
    for _ in range(2):
        gone.scan(again=True)
        work()
    assert stays(gone)


def out_of_reach(repository):
    (repository.folder / ".git" / "HEAD").rename(repository.folder / "HEAD.away")


def back(repository):
    (repository.folder / "HEAD.away").rename(repository.folder / ".git" / "HEAD")


def look_now(job):
    Job.objects.filter(pk=job.pk).update(next_attempt_at=timezone.now())
    assert worker.run(job.pk)
    job.refresh_from_db()
    return job.state


def second_lack(gone):
    """One full scan more of the next commit; the job that looks, which was not done."""
    work()
    gone.push({"README.md": "more\n"})
    gone.scan()
    return Job.objects.get(kind=vanishing.JOB, state=JobState.QUEUED)


def test_a_repository_that_cannot_be_had_now_is_asked_again(gone):
    job = second_lack(gone)
    out_of_reach(gone.repository)
    assert look_now(job) == JobState.QUEUED and "could not be asked" in job.error
    assert job.next_attempt_at > timezone.now() and stays(gone)
    back(gone.repository)
    assert look_now(job) == JobState.DONE
    assert gone.finding.status == Status.NO_LONGER_PRESENT


def test_after_a_day_it_is_left_until_the_next_scan(gone):
    job = second_lack(gone)
    out_of_reach(gone.repository)
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(days=2))
    assert look_now(job) == JobState.DONE and stays(gone)


def test_what_git_could_not_tell_is_not_fetched_again_the_same_day(gone):
    gone.repository.git("checkout", "--quiet", "--orphan", "fresh")
    gone.commit = gone.repository.commit(dict(gone.code.files))
    gone.repository.git("branch", "--quiet", "--force", "main", "fresh")
    for _ in range(2):
        gone.scan(again=True)
        work()
    gone.scan(again=True)
    out_of_reach(gone.repository)
    work()  # done: nobody asked git
    assert stays(gone)


def test_a_scan_that_saw_it_on_another_line_is_no_witness(gone):
    finding = lack(gone)
    sibling = Finding.objects.filter(path=WEAK).exclude(pk=finding.pk)
    assert not sibling.exists()


# --- what people fix, claim and decide is theirs --------------------------------------------------
def test_what_is_claimed_awaits_verification(gone):
    make.take("claim", gone.finding)
    lack(gone)
    assert gone.finding.status == Status.AWAITING_VERIFICATION and stays(gone)


def test_what_has_a_fix_under_way_stays(tracked):
    tracked.push()
    tracked.scan()
    make.make_remediation(tracked.finding)
    tracked.push(LACKED)
    tracked.scan()
    lack(tracked)
    assert tracked.finding.status == Status.MOBILIZING and stays(tracked)


def test_a_fix_that_merged_since_is_a_claim(tracked):
    tracked.push()
    tracked.scan()
    finding = tracked.finding
    make.request_acceptance(finding)
    fix = make.make_remediation(finding)
    perform_transition(
        finding=finding, name="accept_risk", by=make.member(finding.scope, "approver"), at=now(),
        brought={},
    )  # fmt: skip
    make.merge(fix)
    assert expire_acceptances(at=now() + timedelta(days=3)) == 1
    tracked.push(LACKED)
    tracked.scan()
    lack(tracked)
    assert tracked.finding.status == Status.AWAITING_VERIFICATION and stays(tracked)


@pytest.mark.parametrize("ask", [make.request_acceptance, make.request_false_positive])
def test_what_two_people_are_to_decide_stays(gone, ask):
    ask(gone.finding)
    lack(gone)
    assert stays(gone)


@pytest.mark.parametrize("ask", [make.request_acceptance, make.request_false_positive])
def test_a_request_from_before_a_reopening_holds_nothing(gone, ask):
    ask(gone.finding)
    make.take("vanish", gone.finding)
    make.take("reopen", gone.finding)
    lack(gone)
    assert not stays(gone)


@pytest.mark.parametrize("status", [Status.RISK_ACCEPTED, Status.FALSE_POSITIVE])
def test_what_people_ended_stays_as_they_ended_it(gone, status):
    finding = gone.finding
    for row in make.shortest_path(Status(finding.status), status):
        make.take(row.name, finding)
        finding.refresh_from_db()
    assert lack(gone).status == status


def test_a_judgement_that_came_too_late_moves_nothing(gone, monkeypatch):
    """While it was judged another scan was read, which sees it again."""
    real = vanishing._hold

    def slow(*args):
        found = list(real(*args))
        gone.push({WEAK: weak_file(WEAK)})
        gone.scan()
        return found

    monkeypatch.setattr(vanishing, "_hold", slow)
    lack(gone)
    assert stays(gone) and gone.finding.presence == Presence.PRESENT


# --- diffs ---------------------------------------------------------------------------------------
def test_what_a_code_host_says_of_the_change_serves_as_well(gone, settings):
    settings.RUNNER_REPOSITORIES = []
    lack(gone)
    series = gone.finding.series
    pairs = missing_diffs(series)
    assert len(pairs) == 2
    for base, head in pairs:
        text = gone.repository.git("diff", "-M", base, head) + "\n"
        keep_diff(asset=gone.asset, base=base, head=head, diff=text.encode(), unparsed=[],
                  source=FactSource.FETCHED, at=now())  # fmt: skip
    assert missing_diffs(series) == []
    vanishing.ask_again(series, at=now(), because="host")
    work()
    assert gone.finding.status == Status.NO_LONGER_PRESENT


def test_nobodys_word_tells_what_changed(gone):
    told = {"base": "a" * 40, "head": "b" * 40, "diff": b"", "unparsed": [], "at": now()}
    with pytest.raises(ValueError):
        keep_diff(asset=gone.asset, source=FactSource.DECLARED, **told)
    lack(gone)
    row = RangeDiff.objects.values("asset", "scope", "diff", "at").first()
    columns = {f"{name}_id" if name != "at" else name: value for name, value in row.items()}
    with pytest.raises(Error), transaction.atomic():
        RangeDiff.objects.create(
            **columns, base_commit="c" * 40, head_commit="d" * 40, source="declared"
        )


def test_a_kept_diff_cannot_be_changed(gone):
    lack(gone)
    with pytest.raises(Error), transaction.atomic():
        RangeDiff.objects.update(base_commit="e" * 40)
    with pytest.raises(Error), transaction.atomic():
        RangeDiff.objects.all().delete()


# --- cost ----------------------------------------------------------------------------------------
def test_where_nothing_is_absent_an_import_asks_one_statement(tracked):
    tracked.push()
    scan = tracked.scan()
    with CaptureQueriesContext(connection) as asked:
        vanishing.ask_after(scan, at=now())
    assert len(asked) == 1
    assert not Job.objects.filter(kind=vanishing.JOB).exists()


def test_the_beat_asks_once_for_each_last_scan(gone):
    Job.objects.filter(kind=vanishing.JOB).delete()
    assert ask_all(at=timezone.now()) == 1
    assert ask_all(at=timezone.now()) == 0


def test_the_asked_checks_are_those_of_the_gate():
    known = {check.id for check in CHECKS}
    assert vanishing.HOLD | vanishing.IF_REQUIRED <= known
    assert vanishing.SURELY <= vanishing.HOLD
