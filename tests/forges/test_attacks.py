"""Attacks on the way through a code host: people who may push, merge and upload there want a finding closed.

Each test plays one, by somebody with write access and no account here, and the finding must not complete.
"""

import json
from datetime import timedelta

import pytest

from findings.statuses import Status
from forges.models import KnownAnalysis
from forges.services import analyses
from remediations.models import Remediation
from scans.models import Clearance, ScanDescent
from tests.forges.acme import ANSWERS, acme_on, in_the_way, propose
from tests.forges.codeql import DEFAULT_SETUP, OTHER, SAFE, WEAK, files_of, report_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # a minute in all
DONE = Status.MOBILIZATION_COMPLETE
CATEGORY = "/language:python"
BACKDOOR = "import backdoor\n"
EVE = "Evelyn Jones <ej@corp.example>"


def approved(acme, pull, by="rita"):
    acme.github.review(pull, by, body=ANSWERS)
    acme.look()


def merged(acme, pull, how="squash"):
    """Merge, let the host scan what merged, and look: how it ends if nothing is wrong."""
    acme.github.merge(pull, how, by="rita")
    acme.scanned(pull.repository)
    acme.look()
    assert acme.failed() == []


def settled(acme, pull):
    acme.look()
    merged(acme, pull)


def closed_by(acme, pull):
    """The finding is closed the ordinary way; what the line was at before."""
    before = pull.repository.git.resolve("main")
    approved(acme, pull)
    merged(acme, pull)
    assert status(acme) == DONE
    return before


def status(acme):
    return acme.finding(path="app/pack.py").status


def stopped_by(acme):
    """The checks in the way of the finding of app/pack.py."""
    return set(in_the_way(acme)["app/pack.py"])


def upload(acme, shop, commit, files, **members):
    """A report as the default set-up makes it, of these files, whatever the commit holds."""
    told = {"version": "2.23.5", "analysis_key": DEFAULT_SETUP, "category": CATEGORY}
    acme.github.add_analysis(
        shop, "refs/heads/main", commit, "CodeQL", report_of(files), **told | members
    )


# --- what merged is not what was reviewed ------------------------------------------------------------
def evil_merge(acme, pull, files, parents):
    """Dana merges by a push: the merge holds what the head does not."""
    git, github = pull.repository.git, acme.github
    main, dana = git.resolve("main"), "Dana <dana@example.org>"
    base = github.enqueue(pull)  # what a clean merge would hold
    github.push(pull.repository, "clean", base)
    github.commit(pull.repository, "evil", files, "x", base="clean", author="dana")
    tree = git.read(git.resolve("evil")).tree
    over = [main, pull.head_commit][:parents]
    sha = git.commit_tree(tree, over, "Merge pull request", dana, dana, github.now())
    github.merge(pull, by="dana", queued=sha)
    acme.scanned(pull.repository)
    acme.look()
    assert acme.failed() == []


@pytest.mark.parametrize("parents", [1, 2])
def test_a_merge_that_fixes_what_the_review_did_not_see_completes_nothing(acme, shop, parents):
    pull = propose(acme, shop, text=WEAK + "# looked at\n")
    approved(acme, pull)
    evil_merge(acme, pull, {"app/pack.py": SAFE + BACKDOOR, "app/door.py": BACKDOOR}, parents)
    assert status(acme) != DONE
    assert "HUMAN_REVIEW" in stopped_by(acme)


@pytest.mark.parametrize("parents", [1, 2])
@pytest.mark.parametrize("moved", [False, True])
def test_a_merge_with_a_file_beside_the_reviewed_change_completes_nothing(
    acme, shop, parents, moved
):
    pull = propose(acme, shop)
    approved(acme, pull)
    if moved:
        acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
        acme.look()
    evil_merge(acme, pull, {"app/door.py": BACKDOOR}, parents)
    assert status(acme) != DONE
    assert "HUMAN_REVIEW" in stopped_by(acme)
    assert Remediation.objects.get().landed_as == "changed"


def test_a_merge_with_a_line_beside_the_reviewed_ones_completes_nothing(acme, shop):
    """The file is one that the fix changes anyhow, and the line had moved on: only lines can tell."""
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.github.commit(shop, "main", {"app/pack.py": "# Acme\n" + WEAK}, "Words", author="kim")
    evil_merge(acme, pull, {"app/pack.py": "# Acme\n" + SAFE + BACKDOOR}, 2)
    assert status(acme) != DONE
    assert "HUMAN_REVIEW" in stopped_by(acme)


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_clean_merge_into_a_file_that_others_changed_is_what_was_reviewed(acme, shop, how):
    """The other side of the above: the lines around the fix are other ones, the fix is the same."""
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.github.commit(shop, "main", {"app/pack.py": "# Acme\n" + WEAK}, "Words", author="kim")
    acme.scanned(shop)
    acme.look()
    merged(acme, pull, how)
    assert Remediation.objects.get().landed_as == "clean"
    assert status(acme) == DONE


def test_a_commit_pushed_right_before_the_merge_is_not_approved(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.github.commit(shop, "fix", {"app/door.py": BACKDOOR}, "more", author="dana")
    merged(acme, pull)
    assert status(acme) != DONE


# --- who reviewed ------------------------------------------------------------------------------------
def test_who_wrote_a_commit_under_the_companys_mail_does_not_review_it(acme, shop):
    acme.github.account("eve", person=EVE)
    pull = propose(acme, shop, text=WEAK + "# a\n")
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "really", author="eve")
    approved(acme, pull, "eve")
    merged(acme, pull)
    assert status(acme) != DONE
    assert stopped_by(acme) == {"HUMAN_REVIEW"}


def test_who_is_a_co_author_under_a_mail_that_the_host_knows_does_not_review_it(acme, shop):
    """The host knows whose mail it is by another pull request; the trailer alone names no account."""
    acme.github.account("eve", person=EVE)
    acme.github.commit(shop, "words", {"README.md": "# The shop\n"}, "Words", author="eve")
    acme.github.open_pull(shop, "words", title="Words", author="eve")
    pull = propose(acme, shop, text=WEAK + "# a\n")
    text = "Together\n\nCo-authored-by: Evelyn Jones <ej@corp.example>"
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, text, author="dana")
    acme.look()
    approved(acme, pull, "eve")
    merged(acme, pull)
    assert status(acme) != DONE
    assert stopped_by(acme) == {"HUMAN_REVIEW"}


def test_who_wrote_a_commit_that_was_written_anew_in_another_name_does_not_review_it(acme, shop):
    """The tree is the same, so that her approval of the first commit would count for the second."""
    pull = propose(acme, shop, text=WEAK + "# a\n")
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "really", author="eve")
    approved(acme, pull, "eve")
    git, dana = shop.git, "Dana <dana@example.org>"
    hers = git.read(pull.head_commit)
    anew = git.commit_tree(hers.tree, hers.parents, "really", dana, dana, acme.github.now())
    acme.github.push(shop, "fix", anew)
    settled(acme, pull)
    assert status(acme) != DONE
    assert stopped_by(acme) == {"HUMAN_REVIEW"}


@pytest.mark.slow
def test_the_author_of_a_commit_beyond_the_250_that_github_lists_is_known(acme, shop):
    acme.github.account("eve", person=EVE)
    pull = propose(acme, shop, text=WEAK + "# a\n")
    git, tip, dana = shop.git, pull.head_commit, "Dana <dana@example.org>"
    for n in range(250):
        tip = git.commit_tree(git.read(tip).tree, [tip], f"c{n}", dana, dana, acme.github.now())
    acme.github.push(shop, "fix", tip)
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "really", author="eve")
    approved(acme, pull, "eve")
    merged(acme, pull)
    assert len(Remediation.objects.get().commits) == 252
    assert stopped_by(acme) == {"HUMAN_REVIEW"}


def test_answers_of_the_author_beside_nobodys_approval_complete_nothing(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "dana", "COMMENTED", body=ANSWERS)
    settled(acme, pull)
    assert status(acme) != DONE


def test_an_approval_of_what_the_head_was_once_is_none_of_what_it_is(acme, shop):
    """The branch goes back to what was approved, is looked at, and forth again."""
    pull = propose(acme, shop)
    good = pull.head_commit
    approved(acme, pull)
    acme.github.commit(shop, "fix", {"app/door.py": BACKDOOR}, "more", author="dana")
    acme.look()
    bad = pull.head_commit
    acme.github.push(shop, "fix", good)
    acme.look()
    acme.github.push(shop, "fix", bad)
    settled(acme, pull)
    assert status(acme) != DONE


def test_an_approval_that_names_an_older_head_is_none_of_the_newest(acme, shop):
    pull = propose(acme, shop)
    older = pull.head_commit
    acme.github.commit(shop, "fix", {"app/door.py": BACKDOOR}, "more", author="dana")
    acme.github.review(pull, "rita", body=ANSWERS, commit=older)
    settled(acme, pull)
    assert status(acme) != DONE


def test_an_approval_that_was_dismissed_between_two_looks_is_none(acme, shop):
    pull = propose(acme, shop)
    review = acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.dismiss(review)
    settled(acme, pull)
    assert status(acme) != DONE


def test_who_asks_for_changes_takes_back_an_approval(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.github.review(pull, "rita", "CHANGES_REQUESTED")
    settled(acme, pull)
    assert status(acme) != DONE


def test_an_approval_by_a_bot_is_none(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull, "copilot-pull-request-reviewer[bot]")
    merged(acme, pull)
    assert status(acme) != DONE


# --- a pull request takes credit for what it did not do --------------------------------------------------
def test_a_pull_request_that_merged_long_ago_is_no_fix_of_what_it_names_now(acme, shop):
    github = acme.github
    github.commit(shop, "docs", {"README.md": "more"}, "Words", author="dana")
    docs = github.open_pull(shop, "docs", title="Words", author="dana")
    approved(acme, docs)
    github.merge(docs, "squash", by="rita")
    acme.look()
    github.commit(shop, "main", {"app/pack.py": SAFE}, "Past every review", author="dana")
    acme.scanned(shop)
    acme.look()
    github.edit(docs, body=f"Fixes {acme.finding(path='app/pack.py')}")
    acme.look()
    assert status(acme) != DONE


def _without_the_finding_once_it_is_clean(files):
    """CodeQL that sees no flow any more, because something upstream is clean."""
    told = json.loads(report_of(files))
    if "clean" in files.get("app/clean.py", ""):
        for run in told["runs"]:
            run["results"] = [r for r in run["results"] if "pack" not in str(r["locations"])]
    return json.dumps(told).encode()


@pytest.mark.parametrize("named", ["before", "after"])
def test_a_pull_request_about_words_gets_no_credit_for_a_push_past_every_review(acme, named):
    github = acme.github
    files = {"app/pack.py": WEAK, "app/clean.py": "x = 1\n", "README.md": "# Shop\n"}
    shop = github.add_repository("shop", files)
    acme.scanned(shop)
    acme.look()
    github.commit(shop, "docs", {"README.md": "more"}, "Words", author="dana")
    body = f"Fixes {acme.finding()}"
    docs = github.open_pull(
        shop, "docs", title="Words", author="dana", body=body if named == "before" else ""
    )
    approved(acme, docs)
    github.merge(docs, "squash", by="rita")
    acme.look()
    github.commit(shop, "main", {"app/clean.py": "def clean(): ...\n"}, "direct", author="dana")
    commit = shop.git.resolve("main")
    github.add_analysis(
        shop, "refs/heads/main", commit, "CodeQL",
        _without_the_finding_once_it_is_clean(files_of(shop, commit)),
        version="2.23.5", analysis_key=DEFAULT_SETUP, category=CATEGORY,
    )  # fmt: skip
    acme.look()
    if named == "after":
        github.edit(docs, body=body)
        acme.look()
    assert status(acme) != DONE


def test_a_pull_request_that_is_led_to_a_release_fixes_nothing_on_the_main_line(acme, shop):
    acme.connection.release_branches = ["release-*"]
    acme.connection.save()
    github = acme.github
    github.push(shop, "release-1", shop.git.resolve("main"))
    shop.protected.add("release-1")
    acme.scanned(shop, branch="release-1")
    acme.look()
    finding = acme.finding(path="app/pack.py", line__name="main")
    github.commit(shop, "fix", {"app/pack.py": SAFE}, "Use a list", author="dana")
    pull = github.open_pull(shop, "fix", title="x", body=f"Fixes {finding}", author="dana")
    approved(acme, pull)
    github.edit(pull, base="release-1")
    acme.look()
    fix = Remediation.objects.get()
    assert (fix.line.name, fix.state) == ("main", "withdrawn")
    assert acme.pull(pull).remediation is None
    github.merge(pull, "merge", by="rita")
    acme.scanned(shop, branch="release-1")
    github.commit(shop, "release-1", {"z.py": "z = 1\n"}, "Else", author="kim")
    acme.scanned(shop, branch="release-1")
    acme.look()
    acme.look()
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZING  # nobody claims that it is fixed
    assert acme.failed() == []


def test_a_connection_of_another_scope_closes_its_own_findings_alone(acme, shop, settings):
    """Both see one repository; the pull request names the finding of one of them."""
    theirs = acme_on(acme.github, settings, name="Theirs")
    theirs.look()
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    merged(acme, pull)
    theirs.look()
    theirs.look()
    assert status(acme) == DONE
    assert status(theirs) != DONE
    assert theirs.pull(pull).remediation is None


def test_what_was_dismissed_on_the_host_is_neither_closed_nor_false_here(acme, shop):
    alert = acme.github.add_alert(shop, "py/command-line-injection", "app/pack.py", 5)
    acme.look()
    acme.github.dismiss_alert(alert, "dana")
    acme.look()
    assert status(acme) not in (DONE, Status.FALSE_POSITIVE)


# --- the line is taken back ----------------------------------------------------------------------------
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_line_that_was_taken_back_opens_the_finding_again(acme, shop, goes_on):
    """A scan of what the line is now decides, though its commit is older than the merge, or beside it."""
    before = closed_by(acme, propose(acme, shop))
    acme.github.push(shop, "main", before)
    if goes_on:
        acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
    acme.github.now = _later(acme.github.now)
    acme.scanned(shop)
    acme.look()
    assert acme.failed() == []
    assert ScanDescent.objects.latest("pk").relation == "rewrites"
    assert status(acme) != DONE
    assert not Clearance.objects.get().live


def _later(now):
    return lambda: now() + timedelta(seconds=2)


def test_a_late_scan_of_the_merge_closes_nothing_on_a_line_that_was_taken_back(acme, shop):
    before = shop.git.resolve("main")
    pull = propose(acme, shop)
    approved(acme, pull)
    commit = acme.github.merge(pull, "squash", by="rita")
    acme.look()
    acme.github.push(shop, "main", before)
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
    acme.scanned(shop)
    acme.look()
    acme.scanned(shop, commit)
    acme.look()
    assert status(acme) != DONE


# --- reports -------------------------------------------------------------------------------------------
def test_a_report_that_the_host_took_with_a_warning_proves_nothing(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.github.merge(pull, "squash", by="rita")
    commit = shop.git.resolve("main")
    upload(acme, shop, commit, files_of(shop, commit), warning="123 results were ignored")
    acme.look()
    assert status(acme) != DONE
    assert stopped_by(acme) == {"EXECUTION_OK", "NOT_TRUNCATED"}
    assert "123 results" in in_the_way(acme)["app/pack.py"]["EXECUTION_OK"]


def test_a_report_that_the_host_could_not_read_proves_nothing(acme, shop):
    pull = propose(acme, shop, text=WEAK + "# n\n")
    approved(acme, pull)
    commit = acme.github.merge(pull, "squash", by="rita")
    upload(acme, shop, commit, {}, error="went wrong")
    acme.look()
    assert status(acme) != DONE


def test_a_report_of_a_tag_on_the_merge_is_none_of_the_line(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull)
    commit = acme.github.merge(pull, "squash", by="rita")
    acme.github.add_analysis(
        shop, "refs/tags/v1", commit, "CodeQL", report_of(files_of(shop, commit)),
        version="2.23.5", analysis_key=DEFAULT_SETUP, category=CATEGORY,
    )  # fmt: skip
    acme.look()
    assert status(acme) != DONE


@pytest.mark.parametrize(
    ("true", "category", "key"),
    [
        ("before", CATEGORY, DEFAULT_SETUP),
        ("after", CATEGORY, DEFAULT_SETUP),
        ("both", CATEGORY, DEFAULT_SETUP),
        ("none", CATEGORY, DEFAULT_SETUP),
        ("failed", CATEGORY, DEFAULT_SETUP),
        ("before", "", DEFAULT_SETUP),
        ("before", CATEGORY, "(default)"),
        ("before", "other", "(default)"),
    ],
)
def test_a_clean_report_that_somebody_adds_in_the_scanners_name_proves_nothing(
    acme, shop, monkeypatch, true, category, key
):
    """Somebody who may write code scanning results uploads a report of the merge without the weakness.

    Category, commit and ref are the uploader's to choose, and so is the analysis key: the door that
    GitHub's own action uploads by takes it as a member, and the action lets a workflow set it
    (CODEQL_ACTION_ANALYSIS_KEY). So one in the name of the default set-up can be forged. Where the host
    keeps two reports of one commit, tool and category, nothing tells which is true: both are judged, and
    one that shows the weakness is enough. Where the true run failed, or there is none, nothing says that
    the forged one's job ended well.
    """
    monkeypatch.setattr(analyses, "ENDING", timedelta(0))
    pull = propose(acme, shop, text=WEAK + "# nothing\n")
    approved(acme, pull)
    commit = acme.github.merge(pull, "squash", by="rita")
    if true in ("before", "both"):
        acme.scanned(shop)
    files = files_of(shop, commit) | {"app/pack.py": SAFE}
    run = "failure" if true == "failed" else "success"
    upload(acme, shop, commit, files, analysis_key=key, category=category, run=run)
    if true == "none":
        shop.runs[:] = [run for run in shop.runs if run.head_sha != commit]
    if true in ("after", "both"):
        acme.scanned(shop)
    for _ in range(2):
        acme.look()
        assert status(acme) != DONE
    assert acme.failed() == []
    assert not KnownAnalysis.objects.filter(commit=commit, state="seen").exists()


def test_a_clean_report_beside_the_true_one_of_a_later_commit_proves_nothing(acme, shop):
    """The merge itself was never scanned, and the forged report of what came next is the older one."""
    pull = propose(acme, shop, text=WEAK + "# nothing\n")
    approved(acme, pull)
    acme.github.merge(pull, "squash", by="rita")
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
    commit = shop.git.resolve("main")
    upload(acme, shop, commit, files_of(shop, commit) | {"app/pack.py": SAFE})
    acme.scanned(shop)
    acme.look()
    acme.look()
    assert status(acme) != DONE


def test_a_report_of_the_base_that_is_made_up_does_not_excuse_what_the_fix_brings_in(acme, shop):
    """The weakness that comes with the fix stands in a forged report of the base, as if it was there."""
    base = shop.git.resolve("main")
    pull = propose(acme, shop)
    acme.github.commit(shop, "fix", {"app/new.py": OTHER + "# new\n"}, "more", author="dana")
    upload(acme, shop, base, files_of(shop, base) | {"app/new.py": OTHER + "# new\n"})
    acme.look()
    approved(acme, pull)
    merged(acme, pull)
    assert status(acme) != DONE
    assert "NOTHING_NEW" in stopped_by(acme)


def test_a_scan_of_an_older_head_does_not_answer_for_what_was_pushed_since(acme, shop):
    finding = acme.finding(path="app/pack.py")
    pull = propose(acme, shop)
    acme.scanned_request(pull, ["app/pack.py"])
    acme.look()
    acme.github.commit(shop, "fix", {"app/new.py": WEAK}, "more", author="dana")
    approved(acme, pull)
    acme.github.merge(pull, "squash", by="rita")
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
    acme.scanned(shop)
    for _ in range(2):
        acme.look()
        finding.refresh_from_db()  # it is in app/new.py now: the same code in another file
        assert finding.status != DONE
