"""Lamps out: what a pull request is told, over real HTTP to a GitHub that checks every request."""

import json
from datetime import timedelta

import pytest
from markdown_it import MarkdownIt

from core.models import Job, JobState
from findings.models import Finding
from forges.models import Connection, InboundMessage, PullRequest
from forges.services import lamps
from forges.services.connections import change_connection
from forges.services.showing import find_unshown
from forges.statuses import Mode
from remediations.models import Remediation
from scans.models import Verification
from tests import factories as make
from tests.forges.acme import ANSWERS, acme_on
from tests.forges.codeql import SAFE, SHELL, SQL, WEAK
from tests.forges.connected import make_connection, make_pull, make_repository

BAD = SAFE + '\n\ndef find(cursor, name):\n    cursor.execute(f"select {name}")\n'


@pytest.fixture
def warning(github, settings, db):
    """The organisation, connected in warn mode, with one weak repository that was looked at."""
    settings.PUBLIC_URL = "https://ctem.example.org"
    return looked_at(acme_on(github, settings, mode="warn"))


@pytest.fixture
def blocking(github, settings, db):
    settings.PUBLIC_URL = "https://ctem.example.org"
    return looked_at(acme_on(github, settings, mode="block"))


def looked_at(acme):
    acme.shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(acme.shop)
    acme.github.add_alert(acme.shop, SHELL, "app/pack.py", 5)
    acme.look()
    assert acme.failed() == []
    return acme


def fix(acme, content=SAFE, title=None, fork=""):
    """A pull request that names the finding."""
    github, title = acme.github, title or f"Fixes {acme.finding()}"
    github.commit(acme.shop, "fix", {"app/pack.py": content}, title, author="dana", fork=fork)
    pull = github.open_pull(acme.shop, "fix", title=title, author="dana", fork=fork)
    acme.look()
    return pull


def tell(acme):
    """What beat does, and the jobs that follow."""
    rung = find_unshown(at=make.now())
    acme.work()
    return rung


def runs(acme, commit):
    """The check runs on a commit: name → conclusion, or status while it has none."""
    found = [r for r in acme.shop.check_runs.values() if r["head_sha"] == commit]
    return {r["name"]: r.get("conclusion") or r["status"] for r in found}


def run_of(acme, name, commit):
    return max((r for r in acme.shop.check_runs.values()
                if (r["name"], r["head_sha"]) == (name, commit)), key=lambda r: r["id"])  # fmt: skip


def comment_of(acme):
    (comment,) = acme.shop.comments.values()
    return comment["body"]


def writes(acme):
    return [w for w in acme.github.writes if "access_tokens" not in w.path]


# --- what is told when ---------------------------------------------------------------------------
def test_an_unscanned_fix_waits_and_a_scanned_one_is_judged(warning):
    pull = fix(warning)
    waits = {"CTEM: Safe?": "in_progress", "CTEM: Right?": "in_progress"}
    assert runs(warning, pull.head_commit) == waits
    text = comment_of(warning)
    assert "Waiting for a scan of this revision" in text
    assert "**Next:** a scan of this revision, by whoever runs the scans." in text
    assert "this stops nobody from merging" in text
    warning.scanned_request(pull, ["app/pack.py"])
    warning.look()
    assert runs(warning, pull.head_commit)["CTEM: Right?"] == "neutral"
    assert runs(warning, pull.head_commit)["CTEM: Safe?"] == "success"
    assert "Nothing new. Whether the original is gone, the full scan after" in comment_of(warning)
    assert "**HUMAN_REVIEW**, by a person who did not write the fix:" in comment_of(warning)
    for login in ("rita", "sam"):
        warning.github.review(pull, login, body=ANSWERS)
    warning.look()
    told = runs(warning, pull.head_commit)
    assert told["CTEM: Safe?"] != "in_progress" and told["CTEM: Right?"] == "success"
    assert len(warning.shop.comments) == 1
    assert warning.failed() == [] and warning.github.contents_written == []


def test_in_warn_mode_nothing_is_ever_a_failed_check(warning):
    pull = fix(warning, BAD)
    warning.scanned_request(pull, ["app/pack.py"])
    warning.look()
    run = run_of(warning, "CTEM: Safe?", pull.head_commit)
    assert run["conclusion"] == "neutral"
    assert {a["annotation_level"] for a in run["annotations"]} <= {"warning"}
    assert "❌ fail" in comment_of(warning)
    conclusions = {w.body.get("conclusion") for w in writes(warning) if "check-runs" in w.path}
    assert not conclusions & {"failure", "action_required", "cancelled", "timed_out"}


def test_in_block_mode_what_is_no_pass_is_a_failed_check_with_remarks_on_its_lines(blocking):
    pull = fix(blocking, BAD)
    blocking.scanned_request(pull, ["app/pack.py"])
    blocking.look()
    told = runs(blocking, pull.head_commit)
    assert told["CTEM: Safe?"] in ("failure", "action_required")
    assert told["CTEM: Right?"] in ("failure", "action_required")
    run = run_of(blocking, "CTEM: Safe?", pull.head_commit)
    assert [(a["path"], a["start_line"], a["title"]) for a in run["annotations"]] == [
        ("app/pack.py", 9, f"New: {SQL}")]  # fmt: skip
    fixed = Remediation.objects.get()
    assert f"https://ctem.example.org/remediations/{fixed.pk}/" in run["output"]["summary"]
    assert run["details_url"] == f"https://ctem.example.org/remediations/{fixed.pk}/"
    assert run["output"]["title"].startswith(f"{SQL} at app/pack.py:9 (error) is new")
    assert "**NOTHING_NEW**, by the author:" in comment_of(blocking)
    assert "this stops nobody" not in comment_of(blocking)


def test_in_observe_mode_nothing_is_written(github, settings, db):
    acme = looked_at(acme_on(github, settings, mode="observe"))
    pull = fix(acme)
    acme.scanned_request(pull, ["app/pack.py"])
    acme.look()
    assert Remediation.objects.exists() and tell(acme) == 0
    assert writes(acme) == []


def test_another_mode_is_told_at_once(warning):
    pull = fix(warning, BAD)
    warning.scanned_request(pull, ["app/pack.py"])
    warning.look()
    by = make.member(warning.scope, "admin")
    change_connection(connection=warning.connection, mode="block", by=by, at=make.now())
    warning.work()
    assert run_of(warning, "CTEM: Safe?", pull.head_commit)["conclusion"] == "failure"
    assert "this stops nobody" not in comment_of(warning)


def test_a_pull_request_that_is_no_fix_hears_nothing_where_nobody_asks_for_lamps(warning):
    fix(warning, title="A small change")
    tell(warning)
    assert writes(warning) == []


def test_and_where_a_rule_may_ask_for_them_it_is_stopped_by_none(blocking):
    pull = fix(blocking, title="A small change")
    assert tell(blocking) == 1
    assert runs(blocking, pull.head_commit) == {
        "CTEM: Safe?": "neutral", "CTEM: Right?": "neutral"}  # fmt: skip
    run = run_of(blocking, "CTEM: Safe?", pull.head_commit)
    assert "No finding is linked" in run["output"]["title"]
    assert blocking.shop.comments == {} and tell(blocking) == 0
    blocking.github.commit(blocking.shop, "fix", {"a.py": "x = 1\n"}, "More", author="dana")
    blocking.look()
    assert tell(blocking) == 1
    assert "CTEM: Right?" in runs(blocking, pull.head_commit)


def test_a_fork_is_told_like_any_other(blocking):
    pull = fix(blocking, fork="mallory")
    assert set(runs(blocking, pull.head_commit)) == set(lamps.NAMES.values())
    assert len(blocking.shop.comments) == 1


def test_a_closed_finding_is_told_with_its_certificate(warning):
    pull = fix(warning)
    warning.scanned_request(pull, ["app/pack.py"])
    for login in ("rita", "sam"):
        warning.github.review(pull, login, body=ANSWERS)
    warning.github.merge(pull, "squash", by="rita")
    warning.look()
    warning.scanned(warning.shop)
    warning.look()
    tell(warning)
    finding = warning.finding()
    assert finding.status == "mobilization_complete"
    link = f"https://ctem.example.org/findings/{finding.pk}/certificate/"
    assert f"[certificate]({link})" in comment_of(warning)
    assert "What is missing" not in comment_of(warning)


def test_a_pull_request_closed_without_a_merge_says_that_it_proves_nothing(warning):
    pull = fix(warning)
    warning.github.close(pull)
    warning.look()
    tell(warning)
    assert "The fix was withdrawn: it proves nothing." in comment_of(warning)


def test_without_an_address_of_ours_nothing_links_here(github, settings, db):
    settings.PUBLIC_URL = ""
    acme = looked_at(acme_on(github, settings, mode="warn"))
    pull = fix(acme)
    assert "](" not in comment_of(acme)
    assert run_of(acme, "CTEM: Safe?", pull.head_commit)["details_url"] == pull.url


# --- once, and again only what is news -----------------------------------------------------------
def test_what_was_told_is_not_told_again(warning):
    pull = fix(warning)
    tell(warning)
    before = len(writes(warning))
    for _ in range(2):
        row = PullRequest.objects.get(number=pull.number)
        Job.objects.create(kind="forge_show", subject_id=row.pk, key=f"again {Job.objects.count()}",
                           created_at=make.now(), next_attempt_at=make.now())  # fmt: skip
        warning.work()
    assert len(writes(warning)) == before


def test_a_new_judgement_rings_once_and_is_told(warning):
    pull = fix(warning)
    warning.scanned_request(pull, ["app/pack.py"])
    warning.look()
    assert tell(warning) == 0  # the look itself has told it
    row = PullRequest.objects.get(number=pull.number)
    newest = Verification.objects.latest("pk").pk
    assert row.shown_verification == newest and set(row.shown) == {"safe", "right", "comment"}
    PullRequest.objects.update(shown_verification=newest - 1)
    at = make.now()
    assert find_unshown(at=at) == 1 and find_unshown(at=at) == 0
    assert Job.objects.filter(key=f"forge_show:{row.pk}:{newest}").count() == 1
    warning.work()
    row.refresh_from_db()
    assert row.shown_verification == newest


def test_one_look_for_news_asks_the_database_a_few_times_whatever_there_is(
    scope, django_assert_max_num_queries
):
    connection, _ = make_connection(scope)
    repository = make_repository(connection)
    for number in range(1, 6):
        finding = make.import_finding(repository.asset)
        proposed = make.make_remediation(finding)
        make.scan_fix(proposed)
        make_pull(repository, proposed, number)
    with django_assert_max_num_queries(30):  # of which 4 a pull request that is rung for
        assert find_unshown(at=make.now()) == 5
    with django_assert_max_num_queries(2):
        assert find_unshown(at=make.now()) == 0


def test_old_merges_and_ended_connections_are_left_alone(warning):
    warning.scanned_request(fix(warning), ["app/pack.py"])
    warning.look()
    PullRequest.objects.update(shown_verification=0, state="merged")
    Job.objects.filter(kind="forge_show").delete()
    assert find_unshown(at=make.now()) == 0  # the fix did not merge within a week
    PullRequest.objects.update(state="open")
    Connection.objects.update(state="refused")
    assert find_unshown(at=make.now()) == 0
    Connection.objects.update(state="active")
    assert find_unshown(at=make.now()) == 1


def test_two_jobs_do_not_speak_to_one_pull_request_at_a_time(warning):
    fix(warning)
    row, now = PullRequest.objects.get(), make.now()
    told = {"kind": "forge_show", "subject_id": row.pk, "created_at": now, "next_attempt_at": now}
    Job.objects.create(**told, key="a", state="running", attempts=1,
                       lease_until=now + timedelta(minutes=1))  # fmt: skip
    second = Job.objects.create(**told, key="b")
    PullRequest.objects.update(shown={})
    before = len(writes(warning))
    warning.work()
    second.refresh_from_db()
    assert (second.state, second.postponed) == (JobState.QUEUED, 1)
    assert len(writes(warning)) == before


# --- a host that says no -------------------------------------------------------------------------
def show_again(acme):
    row = PullRequest.objects.get()
    PullRequest.objects.update(shown={})
    job = Job.objects.create(kind="forge_show", subject_id=row.pk, key=f"n{Job.objects.count()}",
                             created_at=make.now(), next_attempt_at=make.now())  # fmt: skip
    acme.work()
    job.refresh_from_db()
    row.refresh_from_db()
    return job, row


def test_asked_to_wait_it_waits(warning):
    fix(warning)
    warning.github.fault("POST .*/check-runs", 429, headers={"Retry-After": "120"})
    job, row = show_again(warning)
    assert (job.state, job.postponed) == (JobState.QUEUED, 1)
    assert timedelta(seconds=60) < job.next_attempt_at - make.now() <= timedelta(seconds=121)
    assert row.problem.startswith("It could not be told how the fix stands: ")


def test_refused_for_good_it_ends_and_says_so_until_it_works(warning):
    fix(warning)
    warning.github.fault("POST .*/check-runs", 403, message="Resource not accessible")
    job, row = show_again(warning)
    assert job.state == JobState.FAILED and row.problem and row.shown == {}
    job, row = show_again(warning)
    assert job.state == JobState.DONE and row.problem == ""


def test_what_was_sent_before_it_broke_off_is_not_sent_again(warning):
    fix(warning)
    warning.github.fault("POST .*/issues/.*/comments", 500, times=9)
    PullRequest.objects.update(shown={})
    warning.shop.check_runs.clear()
    warning.shop.comments.clear()
    job, row = show_again(warning)
    assert job.state == JobState.QUEUED and set(row.shown) == {"safe", "right"}
    warning.github.faults.clear()
    Job.objects.filter(pk=job.pk).update(next_attempt_at=make.now())
    warning.work()
    assert len(warning.shop.check_runs) == 2 and len(warning.shop.comments) == 1


# --- merge queues --------------------------------------------------------------------------------
def test_a_commit_of_a_merge_queue_gets_the_lamps_of_its_pull_request(blocking):
    pull = fix(blocking, BAD)
    blocking.scanned_request(pull, ["app/pack.py"])
    blocking.look()
    made = blocking.github.commit(
        blocking.shop, "queue", {"b.py": "x = 1\n"}, "Group", author="dana"
    )
    ref = f"refs/heads/gh-readonly-queue/main/pr-{pull.number}-{'ab' * 20}"
    row = InboundMessage.objects.create(
        connection=blocking.connection, delivery="g", event="merge_group", about="merge_group",
        repository=str(blocking.shop.id), ref=ref, commit=made, state="rang", received_at=make.now(),
    )  # fmt: skip
    Job.objects.create(kind="forge_group", subject_id=row.pk, key="g", created_at=make.now(),
                       next_attempt_at=make.now())  # fmt: skip
    blocking.work()
    assert runs(blocking, made)["CTEM: Safe?"] == "failure"
    title = run_of(blocking, "CTEM: Safe?", made)["output"]["title"]
    assert title.endswith("The queue's own commit is scanned after the merge.")


@pytest.mark.parametrize("ref", ["", "refs/heads/main", "refs/heads/gh-readonly-queue/main/pr-x"])
def test_a_message_of_a_queue_that_names_no_pull_request_is_of_no_use(warning, ref):
    row = InboundMessage.objects.create(
        connection=warning.connection, delivery="g", event="merge_group", about="merge_group",
        repository=str(warning.shop.id), ref=ref, commit="ab" * 20, state="rang",
        received_at=make.now(),
    )  # fmt: skip
    Job.objects.create(kind="forge_group", subject_id=row.pk, key="g", created_at=make.now(),
                       next_attempt_at=make.now())  # fmt: skip
    warning.work()
    assert warning.failed() == [] and writes(warning) == []


# --- what nobody may bring in by their texts -----------------------------------------------------
HOSTILE = (
    "x\n/merge\n# Title\n```\n@acme/admins ![a](https://evil.example/p.png) [b](javascript:1)"
    " <img src=x onerror=1> www.evil.example https://evil.example !12 #7 GH-9 $3 | a | b |"
    " `code` ~~~ **bold** \u202eright to left\x00\x1b[31m"
)


def hostile_standing(mode=Mode.BLOCK, site="https://ctem.example.org"):
    finding = Finding(pk=17, title=HOSTILE, status="mobilizing")
    checks = [
        {"id": "NOTHING_NEW", "version": 1, "finding": "CTEM-17", "lamp": "safe", "required": True,
         "outcome": "FAIL", "reason": HOSTILE, "evidence": [], "to_pass": HOSTILE},
    ]  # fmt: skip
    new = [{"rule": HOSTILE, "path": path, "line": None, "level": "error", "placement": "elsewhere",
            "cause": "fix", "blocks": True, "reason": HOSTILE, "evidence": []}
           for path in ("a.py", "/etc/passwd", "../x", "a\nb", "")]  # fmt: skip
    originals = [{"finding": "CTEM-17", "verdict": "fail", "lamps": {}, "presence": "present",
                  "stage": "S1", "at": {"path": "a.py", "line": 3}, "reason": HOSTILE}]  # fmt: skip
    verification = Verification(
        safe="fail", right="fail", verdict="fail",
        judgement={"checks": checks, "new": new, "originals": originals},
    )  # fmt: skip
    fix = Remediation(
        pk=3, title=HOSTILE, url="https://github.com/acme/web/pull/1", state="proposed"
    )
    return lamps.Standing(fix, "ab" * 20, mode, True, [lamps.Judged(finding, verification)], site)


@pytest.mark.parametrize("name", ["safe", "right", "comment"])
def test_texts_of_others_have_no_effect(name):
    standing = hostile_standing()
    text = lamps.comment(standing) if name == "comment" else lamps.lamp(standing, name).summary
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [t for token in tokens for t in (token.children or ())]
    links = [t.attrs["href"] for t in inline if t.type == "link_open"]
    assert all(link.startswith("https://ctem.example.org/") for link in links) and links
    assert not [t for t in inline if t.type in ("image", "code_inline") and "code" in t.content]
    assert {t.content for t in inline if t.type == "html_inline"} <= {
        "<br>", "<sub>", "</sub>"}  # fmt: skip
    assert not [t for t in tokens if t.type in ("fence", "html_block", "code_block")]
    assert not [line for line in text.splitlines() if line.lstrip().startswith("/")]
    shown = text.replace("https://ctem.example.org", "")
    for effect in ("@acme", "://", "www.", "!12", "#7", "GH-9", "\u202e", "\x1b", "\x00"):
        assert effect not in shown, effect


def test_titles_and_remarks_are_one_line_of_what_can_be_seen():
    lamp = lamps.lamp(hostile_standing(), "safe")
    assert lamp.title.isprintable() and len(lamp.title) < 255
    assert {(a.path, a.line) for a in lamp.annotations} == {("a.py", 1), ("a.py", 3)}
    for remark in lamp.annotations:
        assert remark.title.isprintable() and remark.text.isprintable()


def test_remarks_are_at_most_fifty_and_texts_fit():
    standing = hostile_standing()
    row = standing.judged[0].verification
    (new, *_), (check,) = row.judgement["new"], row.judgement["checks"]
    row.judgement["new"] = [{**new, "line": n} for n in range(1, 200)]
    row.judgement["checks"] = [{**check, "reason": "☃" * 500 + str(n)} for n in range(300)]
    lamp = lamps.lamp(standing, "safe")
    assert len(lamp.annotations) == 50
    assert len(lamp.summary.encode()) < 65_000 and lamp.summary.endswith("host takes.\n")
    assert len(lamps.comment(standing).encode()) < 65_000


def test_what_several_findings_share_stands_once():
    one = hostile_standing()
    judged = [lamps.Judged(Finding(pk=n, title="t", status="mobilizing"), one.judged[0].verification)
              for n in (1, 2, 3)]  # fmt: skip
    standing = lamps.Standing(one.fix, one.head, one.mode, True, judged)
    (row,) = lamps.open_checks(standing)
    assert row.findings == ()
    apart = [*judged[:2], lamps.Judged(judged[2].finding)]
    assert lamps.outcome(lamps.Standing(one.fix, one.head, one.mode, True, apart), "safe") == "fail"
    waits = lamps.Standing(one.fix, one.head, one.mode, True, apart[2:])
    assert lamps.outcome(waits, "safe") == "waiting"
    over = lamps.Standing(one.fix, one.head, one.mode, False, apart[2:])
    assert lamps.outcome(over, "safe") == "unknown"


def test_a_lamp_is_json_that_can_be_compared():
    lamp = lamps.lamp(hostile_standing(), "safe")
    assert json.loads(json.dumps(lamp.title)) == lamp.title
    assert not lamps.lamp(hostile_standing(mode=Mode.WARN), "safe").blocks
