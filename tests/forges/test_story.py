"""The loop on a stock set-up: nobody edits a repository, and the finding closes with a certificate."""

import pytest

from findings.models import Finding
from findings.statuses import Status
from forges.models import KnownAnalysis
from remediations.models import Remediation
from scans.models import Clearance, Scan, Verification
from tests.forges.acme import ANSWERS
from tests.forges.codeql import SAFE, SHELL, WEAK

pytestmark = pytest.mark.django_db
TEXT = "Potential fix for code scanning alert no. {}: Uncontrolled command line"


@pytest.fixture
def shop(acme):
    """A repository with the default set-up and one weakness, seen by the first look."""
    shop = acme.github.add_repository(
        "shop", {"app/pack.py": WEAK, "app/other.py": "x = 1\n", "README.md": "# Shop\n"}
    )
    acme.scanned(shop)
    acme.github.add_alert(shop, SHELL, "app/pack.py", 5)
    acme.look()
    assert acme.failed() == []
    return shop


def autofix(acme, shop, alert=1):
    """A pull request as Copilot Autofix makes it: a person clicks, the assistant writes."""
    github = acme.github
    copilot = "Copilot Autofix powered by AI <62310815+github-advanced-security[bot]@users.noreply.github.com>"
    github.commit(
        shop, f"alert-autofix-{alert}", {"app/pack.py": SAFE}, TEXT.format(alert), author="dana",
        committer="GitHub <noreply@github.com>", coauthors=[copilot],
    )  # fmt: skip
    web = f"https://github.com/{shop.full_name}/security/code-scanning/{alert}"
    return github.open_pull(
        shop, f"alert-autofix-{alert}", title=TEXT.format(alert), author="dana",
        body=f"Potential fix for [{web}]({web})\n\nTo fix the problem, use a list.",
    )  # fmt: skip


def checks_in_the_way():
    row = Verification.objects.current().get()
    return {c["id"]: c["reason"] for c in row.judgement["checks"]
            if c["required"] and c["outcome"] not in ("PASS", "NOT_APPLICABLE", "WAIVED")}  # fmt: skip


def test_the_first_look_finds_repository_line_report_and_finding(acme, shop):
    row = acme.repository(shop)
    assert [line.name for line in row.asset.lines.all()] == ["main"]
    scan = Scan.objects.get(asset=row.asset)
    assert (scan.state, scan.source, scan.commit) == ("done", "fetched", shop.git.resolve("main"))
    assert scan.facts["scope"] == "full"
    assert scan.facts["uploader_kind"] == "service"
    finding = acme.finding()
    assert (finding.rule, finding.path, finding.start_line) == (SHELL, "app/pack.py", 5)
    assert acme.connection.actor == scan.created_by


def test_an_autofix_merges_its_push_is_scanned_and_the_finding_completes(acme, shop):
    pull = autofix(acme, shop)
    acme.scanned_request(pull, ["app/pack.py"])
    acme.look()
    assert acme.failed() == []
    fix = Remediation.objects.get()
    assert (fix.origin, fix.agent) == ("ai_generated", "GitHub Copilot Autofix")
    assert list(fix.findings.all()) == [acme.finding()]
    assert acme.finding().status == Status.MOBILIZING
    for login in ("rita", "sam"):
        acme.github.review(pull, login, body=ANSWERS)
    acme.github.merge(pull, "squash", by="rita")
    acme.look()
    assert acme.finding().status == Status.AWAITING_VERIFICATION
    acme.scanned(shop)  # the push scan
    acme.look()
    assert acme.failed() == []
    assert checks_in_the_way() == {}
    finding = acme.finding()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=finding)
    assert clearance.live
    assert clearance.certificate
    assert acme.github.contents_written == []
    assert acme.github.writes == []  # in observe mode nothing is written at all


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_persons_fix_closes_by_every_way_of_merging_while_the_line_moves_on(acme, shop, how):
    github = acme.github
    finding = acme.finding()
    github.commit(shop, "no-shell", {"app/pack.py": SAFE}, "Use a list", author="dana")
    test = "from app.pack import pack\n\n\ndef test_pack():\n    assert pack('x') == 0\n"
    github.commit(shop, "no-shell", {"tests/test_pack.py": test}, "Test it", author="dana")
    pull = github.open_pull(
        shop, "no-shell", title="No shell", body=f"Fixes {finding}", author="dana"
    )
    github.commit(shop, "main", {"app/colleague.py": "y = 2\n"}, "Another's work", author="kim")
    acme.scanned(shop)
    acme.look()
    github.review(pull, "rita", body=ANSWERS)
    github.merge(pull, how, by="rita")
    acme.scanned(shop)
    acme.look()
    assert acme.failed() == []
    assert checks_in_the_way() == {}
    assert acme.finding().status == Status.MOBILIZATION_COMPLETE


def test_nothing_closes_on_the_merge_alone_or_without_review(acme, shop):
    pull = autofix(acme, shop)
    acme.look()
    acme.github.merge(pull, "squash", by="dana")
    acme.look()
    assert acme.finding().status == Status.AWAITING_VERIFICATION
    acme.scanned(shop)
    acme.look()
    assert "HUMAN_REVIEW" in checks_in_the_way()
    assert acme.finding().status != Status.MOBILIZATION_COMPLETE


def test_reports_that_a_newer_one_replaced_are_left_and_told_so(acme):
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(shop)
    acme.github.commit(shop, "main", {"app/b.py": "x = 1\n"}, "More", author="dana")
    acme.scanned(shop)
    acme.look()
    states = KnownAnalysis.objects.order_by("pk").values_list("state", "note")
    assert [state for state, _ in states] == ["left", "taken"]
    assert "newer" in states[0][1]
    assert Finding.objects.count() == 1
