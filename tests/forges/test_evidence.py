"""What a connection tells beside a report, and what it does not tell because nobody vouches for it."""

import pytest

from findings.statuses import Status
from forges.models import KnownAnalysis
from remediations.models import Remediation
from scans.models import Scan
from tests.forges.acme import ANSWERS, in_the_way
from tests.forges.codeql import DEFAULT_SETUP, SAFE, WEAK, files_of, report_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(acme):
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(shop)
    acme.look()
    return shop


def merged(acme, shop, text):
    """A reviewed fix with this content, merged, its push not scanned yet."""
    body = f"Fixes {acme.finding()}"
    acme.github.commit(shop, "fix", {"app/pack.py": text}, "Use a list", author="dana")
    pull = acme.github.open_pull(shop, "fix", title="No shell", body=body, author="dana")
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    return pull


def test_a_fix_that_breaks_the_file_closes_nothing_although_the_scan_is_clean(acme, shop):
    broken = WEAK.replace('"tar " + folder, shell=True)', '["tar", folder]')
    merged(acme, shop, broken)
    acme.github.add_analysis(
        shop, "refs/heads/main", shop.git.resolve("main"), "CodeQL", report_of({"app/pack.py": SAFE}),
        version="2.23.5", analysis_key=DEFAULT_SETUP, category="/language:python",
    )  # fmt: skip
    acme.look()
    assert acme.failed() == []
    assert Remediation.objects.get().unparsed == ["app/pack.py"]
    assert "does not any more" in in_the_way(acme)["app/pack.py"]["FILES_ANALYSED"]
    assert acme.finding().status != Status.MOBILIZATION_COMPLETE


def test_a_file_that_never_parsed_is_not_held_against_its_fix(acme):
    old = "print 'a\n" + WEAK  # no Python of any age
    shop = acme.github.add_repository("shop", {"app/pack.py": old})
    acme.scanned(shop)
    acme.look()
    merged(acme, shop, "print 'a\n" + SAFE)
    acme.look()
    assert Remediation.objects.get().unparsed == []


def test_the_default_set_up_covers_everything_unless_a_file_narrows_it(acme, shop):
    assert Scan.objects.get().facts["covers"] == "everything"
    acme.github.commit(
        shop, "main", {".github/codeql/codeql-config.yml": "paths-ignore: [app]\n"}, "Quiet",
        author="kim",
    )  # fmt: skip
    acme.scanned(shop)
    acme.look()
    assert "covers" not in Scan.objects.latest("pk").facts


def test_a_second_report_under_the_same_name_is_vouched_for_by_nobody(acme, shop):
    assert Scan.objects.get().facts["uploader_kind"] == "service"
    merged(acme, shop, SAFE)
    acme.scanned(shop)
    acme.scanned(shop)  # the same commit, tool, category and workflow: one of the two is a forgery
    acme.look()
    facts = Scan.objects.latest("pk").facts
    assert {"uploader", "uploader_kind", "covers"} & facts.keys() == set()
    assert "nothing vouches" in KnownAnalysis.objects.latest("pk").note


def test_a_report_that_no_workflow_made_has_no_maker(acme, shop):
    commit = shop.git.resolve("main")
    acme.github.add_analysis(
        shop, "refs/heads/main", commit, "MyScanner", report_of(files_of(shop, commit)),
        analysis_key="(default)", category="mine",
    )  # fmt: skip
    acme.look()
    assert Scan.objects.count() == 2
    assert {"uploader_kind", "exit_code"} & Scan.objects.latest("pk").facts.keys() == set()


def test_a_report_whose_job_still_runs_is_taken_once_it_has_ended(acme, shop):
    acme.github.commit(shop, "main", {"app/more.py": "x = 1\n"}, "More", author="kim")
    commit = shop.git.resolve("main")
    acme.github.add_analysis(
        shop, "refs/heads/main", commit, "CodeQL", report_of(files_of(shop, commit)),
        version="2.23.5", analysis_key=DEFAULT_SETUP, category="/language:python", run="",
    )  # fmt: skip
    acme.look()
    waiting = KnownAnalysis.objects.latest("pk")
    assert (waiting.state, Scan.objects.count()) == ("seen", 1)
    shop.runs[-1].conclusion = "success"
    acme.look()
    assert Scan.objects.latest("pk").facts["exit_code"] == 0
