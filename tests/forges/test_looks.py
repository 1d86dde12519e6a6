"""Looking at a connection: what is found, what is left, who may see it, and what a bad day does to it."""

from datetime import timedelta

import pytest
from django.conf import settings as product
from django.utils import timezone

from core import jobs
from core.models import Job, JobState
from findings.models import Finding
from findings.statuses import Status
from forges.models import Connection, HostAlert, KnownAnalysis, Repository
from forges.services import looks
from forges.services.analyses import MOST_RIVALS
from forges.services.connections import change_connection, end_connection, replace_key
from forges.services.looks import ask_due_looks, ask_look
from remediations.models import Remediation
from scans.models import Scan
from scopes.models import Asset
from tests import factories as make
from tests.forges.acme import acme_on
from tests.forges.codeql import DEFAULT_SETUP, OTHER, SAFE, SHELL, SQL, WEAK, files_of, report_of
from tests.forges.fake_github_server import Fault

pytestmark = pytest.mark.django_db
ATTEMPTS = product.JOB_MAX_ATTEMPTS


@pytest.fixture
def shop(acme):
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(shop)
    return shop


def names(acme):
    rows = Repository.objects.filter(connection=acme.connection)
    return sorted(rows.values_list("full_name", flat=True))


def let_through(acme, match, times):
    """Count requests that a later fault shall not hit."""
    acme.github.faults.append(Fault(match, 200, times, delay=0.001))


def due_now(**which):
    """Let jobs that wait be due, as if their time had come."""
    Job.objects.filter(state=JobState.QUEUED, **which).update(next_attempt_at=timezone.now())


# --- which repositories --------------------------------------------------------------------------
def test_only_repositories_of_the_globs_that_are_not_archived_are_written_down(github, settings):
    acme = acme_on(github, settings, include=["acme/web-*", "ACME/Shop"])
    for name in ("web-api", "web-old", "shop", "shop-two", "docs"):
        github.add_repository(name)
    github.repositories["web-old"].archived = True
    acme.look()
    assert acme.failed() == []
    assert names(acme) == ["acme/shop", "acme/web-api"]
    by = make.member(acme.scope, "admin")
    change_connection(connection=acme.connection, include=["*"], by=by, at=make.now())
    acme.work()
    assert names(acme) == ["acme/docs", "acme/shop", "acme/shop-two", "acme/web-api"]


def test_a_new_repository_comes_with_a_later_look_and_with_its_open_pull_requests(acme, shop):
    acme.look()
    new = acme.github.add_repository("new", {"a.py": "x = 1\n"})
    acme.github.commit(new, "words", {"b.md": "b"}, "Words")
    pull = acme.github.open_pull(new, "words", title="Words")
    acme.look()
    assert names(acme) == ["acme/new", "acme/shop"]
    assert acme.pull(pull).title == "Words"
    assert acme.failed() == []


def test_a_renamed_repository_keeps_its_row_asset_and_findings(acme, shop):
    acme.look()
    before = acme.repository(shop)
    acme.github.rename(shop, "store")
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else")
    acme.scanned(shop)
    acme.look()
    row = Repository.objects.get()
    assert (row.pk, row.asset_id, row.full_name) == (before.pk, before.asset_id, "acme/store")
    assert Asset.objects.filter(scope=acme.scope).count() == 1
    assert Scan.objects.filter(asset=row.asset).count() == 2
    assert Finding.objects.get().asset_id == row.asset_id
    assert acme.failed() == []


def test_an_asset_of_that_name_is_taken_over_once(acme, shop):
    asset = make.make_asset(acme.scope, name="acme/shop")
    acme.look()
    assert acme.repository(shop).asset_id == asset.pk
    assert Finding.objects.get().asset_id == asset.pk


def test_protected_branches_of_a_releases_name_become_lines(github, settings):
    acme = acme_on(github, settings, release_branches=["release/*"])
    shop = github.add_repository(
        "shop", {"app/pack.py": WEAK}, protected=["main", "release/1", "staging"]
    )
    for branch in ("release/1", "release/draft", "staging"):
        github.commit(shop, branch, {f"{branch}.txt": "x"}, "Branch off")
    for branch in ("main", "release/1", "release/draft", "staging"):
        acme.scanned(shop, branch=branch)
    acme.look()
    asset = acme.repository(shop).asset
    assert sorted(asset.lines.values_list("name", flat=True)) == ["main", "release/1"]
    assert asset.lines.get(name="release/1").kind == "release"
    assert set(KnownAnalysis.objects.values_list("ref", "state")) == {
        ("refs/heads/main", "taken"), ("refs/heads/release/1", "taken")}  # fmt: skip
    assert sorted(f.line.name for f in Finding.objects.all()) == ["main", "release/1"]
    # A pull request into one line is no fix of what stands on another.
    on_main = acme.finding(line__name="main")
    github.commit(shop, "fix", {"app/pack.py": SAFE}, "Fix", base="release/1")
    pull = github.open_pull(shop, "fix", base="release/1", title=f"Fixes {on_main}")
    acme.look()
    assert acme.pull(pull).remediation is None
    github.edit(pull, title=f"Fixes {acme.finding(line__name='release/1')}")
    acme.look()
    assert acme.pull(pull).remediation.line.name == "release/1"


# --- which reports -------------------------------------------------------------------------------
def upload(acme, shop, category, files=None):
    commit = shop.git.resolve("main")
    report = report_of(files or files_of(shop, commit))
    report = report.replace(b"/language:python", category.encode())
    return acme.github.add_analysis(
        shop, "refs/heads/main", commit, "CodeQL", report, version="2.23.5",
        analysis_key=DEFAULT_SETUP, category=category,
    )  # fmt: skip


def test_the_first_look_takes_the_newest_of_each_category_and_later_ones_come_in_order(acme):
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    upload(acme, shop, "/language:python")
    acme.github.commit(shop, "main", {"a.py": "x = 1\n"}, "More")
    upload(acme, shop, "/language:go", {"b.py": "x = 1\n"})
    upload(acme, shop, "/language:python")
    acme.look()
    taken = KnownAnalysis.objects.filter(state="taken").order_by("pk")
    assert [row.category for row in taken] == ["/language:go", "/language:python"]
    assert {row.commit for row in taken} == {shop.git.resolve("main")}
    for number in range(3):
        acme.github.commit(shop, "main", {"a.py": f"x = {number}\n"}, "More")
        upload(acme, shop, "/language:python")
        acme.look()
    assert acme.failed() == []
    found = list(Scan.objects.order_by("pk").values_list("commit", flat=True))[2:]
    assert found == [one.id for one in shop.git.log("main")][-3:]
    assert Scan.objects.exclude(state="done").count() == 0


def test_a_report_that_is_too_large_is_left_with_the_reason(acme, shop, settings):
    settings.MAX_REPORT_BYTES = 500
    acme.look()
    row = KnownAnalysis.objects.get()
    assert row.state == "left"
    assert "500" in row.note
    assert not Scan.objects.exists()
    assert acme.failed() == []
    assert acme.repository(shop).problem == ""


def test_a_report_that_github_could_not_take_whole_is_left_with_its_words(acme, shop):
    acme.github.add_analysis(
        shop, "refs/heads/main", shop.git.resolve("main"), "Other", b"{}", error="Too many results",
        analysis_key=DEFAULT_SETUP,
    )  # fmt: skip
    acme.look()
    assert KnownAnalysis.objects.get(tool="Other").note == "the host says: Too many results"
    assert KnownAnalysis.objects.get(tool="CodeQL").state == "taken"


# --- alerts --------------------------------------------------------------------------------------
def test_alerts_are_kept_with_what_people_said_and_move_no_finding(acme, shop):
    alert = acme.github.add_alert(shop, SHELL, "app/pack.py", 5)
    acme.look()
    before = acme.finding().status
    acme.github.dismiss_alert(alert, "sam", "false positive", "We never do\x00 that")
    acme.look()
    row = HostAlert.objects.get()
    assert (row.state, row.dismissed_by, row.dismissed_reason) == (
        "dismissed",
        "sam",
        "false positive",
    )
    assert row.dismissed_comment.startswith("We never do") and "\x00" not in row.dismissed_comment
    assert acme.finding().status == before
    acme.github.fix_alert(alert, shop.git.resolve("main"))
    alert.dismissed_by, alert.dismissed_at = "", None
    acme.look()
    assert HostAlert.objects.get().state == "fixed"
    assert acme.finding().status == before
    assert acme.failed() == []


def test_an_alert_that_a_pull_request_names_is_the_finding_at_its_place_or_none(acme):
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK, "app/ship.py": OTHER})
    acme.scanned(shop)
    acme.github.add_alert(shop, SHELL, "app/pack.py", 5)
    acme.github.add_alert(shop, SQL, "app/pack.py", 5)  # another rule
    acme.github.add_alert(shop, SHELL, "app/pack.py", 4)  # another line
    acme.look()
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "Fix")
    web = "https://github.com/acme/{}/security/code-scanning/{}"
    elsewhere = f"Fixes {web.format('other', 1)}"
    body = f"Fixes {web.format('shop', 2)}\nFixes {web.format('shop', 3)}\n{elsewhere}"
    pull = acme.github.open_pull(shop, "fix", title="Fix", body=body)
    acme.look()
    assert acme.pull(pull).remediation is None
    acme.github.edit(pull, body=f"{body}\nFixes {web.format('shop', 1)}")
    acme.look()
    assert acme.failed() == []
    assert [str(f.path) for f in acme.pull(pull).remediation.findings.all()] == ["app/pack.py"]
    assert HostAlert.objects.exclude(finding=None).get().number == "1"


# --- credentials ---------------------------------------------------------------------------------
def test_refused_credentials_are_told_and_heal_with_another_key(github, settings):
    acme = acme_on(github, settings, sign_in="token", key="ghp_wrong", app_id="", installation="")
    github.add_repository("shop")
    acme.look()
    acme.connection.refresh_from_db()
    assert acme.connection.state == "refused"
    assert acme.connection.problem == "GitHub does not take our sign-in (401)."
    assert "ghp_wrong" not in str(acme.failed())
    by = make.member(acme.scope, "admin")
    replace_key(connection=acme.connection, key=github.token, by=by, at=make.now())
    acme.work()
    acme.connection.refresh_from_db()
    assert (acme.connection.state, acme.connection.problem) == ("active", "")
    assert names(acme) == ["acme/shop"]


def test_an_ended_connection_is_never_asked_again(acme, shop, settings):
    settings.FORGE_POLL_SECONDS = 0
    acme.look()
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "Fix")
    acme.github.open_pull(shop, "fix", title=f"Fixes {acme.finding()}")
    row = acme.repository(shop)
    looks.ring_for_repository(row, timezone.now())
    looks.ring_for_pull(row.pk, row.scope_id, 1, timezone.now())
    ask_look(acme.connection, timezone.now())
    by = make.member(acme.scope, "admin")
    end_connection(connection=acme.connection, by=by, at=make.now())
    asked = len(acme.github.requests)
    acme.work()
    ask_due_looks(at=timezone.now() + timedelta(days=1))
    assert acme.work() == 0
    assert len(acme.github.requests) == asked
    assert acme.failed() == []
    assert not Remediation.objects.exists()


def test_one_that_ends_during_its_look_stays_ended(acme, shop, monkeypatch):
    by = make.member(acme.scope, "admin")

    def end(connection, host, at):
        end_connection(connection=connection, by=by, at=make.now())

    monkeypatch.setattr(looks, "_ring_for_pulls", end)
    acme.look()
    acme.connection.refresh_from_db()
    assert (acme.connection.state, acme.connection.looked_at) == ("ended", None)
    assert acme.failed() == []


# --- bad days ------------------------------------------------------------------------------------
def test_a_rate_limit_postpones_and_is_no_failed_attempt(acme, shop):
    acme.look()
    for _ in range(ATTEMPTS + 2):
        acme.github.requests_left = 1
        due_now()
        if not Job.objects.filter(state=JobState.QUEUED).exists():
            ask_look(acme.connection, timezone.now())
        acme.work()
        assert jobs.quarantine_exhausted(timezone.now() + timedelta(days=1)) == []
    job = Job.objects.get(state=JobState.QUEUED)
    assert job.postponed == job.attempts == ATTEMPTS + 2
    assert timedelta(minutes=1) < job.next_attempt_at - timezone.now() <= timedelta(hours=2)
    acme.connection.refresh_from_db()
    assert "limit" in acme.connection.problem
    acme.github.requests_left = None
    due_now()
    acme.work()
    acme.connection.refresh_from_db()
    assert acme.connection.problem == ""
    assert not Job.objects.filter(state__in=[JobState.QUEUED, JobState.QUARANTINED]).exists()


def test_a_repository_that_answers_500_is_given_up_after_its_attempts_and_harms_no_other(
    acme, shop
):
    bad = acme.github.add_repository("bad", {"app/pack.py": WEAK})
    acme.scanned(bad)
    fault = acme.github.fault("GET /repos/acme/bad/code-scanning/analyses$", 500, times=99)
    acme.look()
    for _ in range(ATTEMPTS - 1):
        due_now()
        acme.work()
    assert fault.times == 99 - ATTEMPTS
    (aside,) = jobs.quarantine_exhausted(timezone.now() + timedelta(days=1))
    assert (aside.kind, aside.subject_id) == ("forge_repository", acme.repository(bad).pk)
    assert acme.repository(bad).problem == "GitHub answered 500."
    assert acme.repository(shop).looked_at is not None
    assert [f.asset.name for f in Finding.objects.all()] == ["acme/shop"]
    acme.github.faults.clear()
    acme.look()  # the next poll asks again, since it was never looked at
    assert acme.repository(bad).problem == ""
    assert Finding.objects.count() == 2


def test_a_list_that_breaks_off_on_its_second_page_leaves_no_gap(acme, shop):
    commit, report = shop.git.resolve("main"), report_of({"a.py": "x = 1\n"})
    for number in range(110):
        acme.github.add_analysis(
            shop, "refs/heads/main", commit, "CodeQL", report, analysis_key=DEFAULT_SETUP,
            category=f"/c:{number % 2}",
        )  # fmt: skip
    let_through(acme, "GET /repos/acme/shop/code-scanning/analyses$", 1)
    acme.github.fault("GET /repos/acme/shop/code-scanning/analyses$", cut=True)
    acme.look()
    assert KnownAnalysis.objects.count() == 0
    due_now()
    acme.work()
    assert KnownAnalysis.objects.count() == 111
    taken = KnownAnalysis.objects.filter(state="taken", category__startswith="/c:")
    assert taken.count() == 2 * (1 + MOST_RIVALS)  # of one commit, so that any may be the true one
    assert acme.failed() == []


@pytest.mark.parametrize("after", range(3))
def test_a_look_that_breaks_off_between_reports_goes_on_without_doubles(acme, shop, after):
    upload(acme, shop, "/language:go", {"b.py": "x = 1\n"})
    upload(acme, shop, "/language:ruby", {"c.py": "x = 1\n"})
    match = "GET /repos/acme/shop/code-scanning/analyses/[0-9]+$"
    let_through(acme, match, after)
    acme.github.fault(match, 502)
    acme.look()
    assert Scan.objects.count() == after
    due_now()
    acme.work()
    assert Scan.objects.count() == 3
    assert KnownAnalysis.objects.filter(state="taken").values("scan").distinct().count() == 3
    assert Finding.objects.count() == 1
    acme.look()
    assert Scan.objects.count() == 3
    assert acme.failed() == []


@pytest.mark.parametrize("status", [500, 403])
def test_pull_requests_that_cannot_be_read_stop_no_other(acme, shop, status):
    acme.look()
    pulls = []
    for name in ("one", "two"):
        acme.github.commit(shop, name, {f"{name}.md": "x"}, name)
        pulls.append(acme.github.open_pull(shop, name, title=name))
    acme.github.fault(f"GET /repos/acme/shop/pulls/{pulls[0].number}$", status, times=99)
    acme.look()
    assert acme.pull(pulls[0]).problem != ""
    assert (acme.pull(pulls[1]).title, acme.pull(pulls[1]).problem) == ("two", "")
    acme.github.faults.clear()
    acme.github.edit(pulls[0], title="now")
    acme.look()
    due_now()
    acme.work()
    assert (acme.pull(pulls[0]).title, acme.pull(pulls[0]).problem) == ("now", "")


# --- two tenants ---------------------------------------------------------------------------------
def test_two_scopes_connected_to_one_organisation_see_only_their_own(github, settings):
    one = acme_on(github, settings, include=["acme/shop"])
    two = acme_on(github, settings, include=["acme/*"], name="Two")
    shop = github.add_repository("shop", {"app/pack.py": WEAK})
    other = github.add_repository("other", {"app/pack.py": WEAK})
    one.scanned(shop)
    one.scanned(other)
    github.add_alert(shop, SHELL, "app/pack.py", 5)
    one.look()
    two.look()
    assert names(one) == ["acme/shop"]
    assert names(two) == ["acme/other", "acme/shop"]
    assert one.repository(shop).asset_id != two.repository(shop).asset_id
    mine, theirs = one.finding(), two.finding(asset=two.repository(shop).asset)
    assert mine.pk != theirs.pk
    viewer = make.member(one.scope, "viewer")
    assert {c.pk for c in Connection.objects.visible_to(viewer)} == {one.connection.pk}
    assert {r.connection_id for r in Repository.objects.visible_to(viewer)} == {one.connection.pk}
    assert set(Finding.objects.visible_to(viewer)) == {mine}
    # A pull request that names the finding of one is a fix for that one alone.
    github.commit(shop, "fix", {"app/pack.py": SAFE}, "Fix", author="dana")
    pull = github.open_pull(shop, "fix", title=f"Fixes {mine}", author="dana")
    one.look()
    two.look()
    assert list(one.pull(pull).remediation.findings.all()) == [mine]
    assert two.pull(pull).remediation is None
    statuses = [Finding.objects.get(pk=one.pk).status for one in (mine, theirs)]
    assert statuses == [Status.MOBILIZING, theirs.status]
    for acme in (one, two):
        assert acme.failed() == []
        scans = Scan.objects.filter(asset__scope=acme.scope)
        assert {scan.created_by_id for scan in scans} == {acme.connection.actor_id}
