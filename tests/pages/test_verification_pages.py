"""The verification queue, and a judgement in full."""

import pytest

from findings.models import Finding
from findings.statuses import Status
from scans.models import Disposition, Verification
from tests import factories as make
from tests.pages.markup import Page

LANES = ("waiting", "scanning", "failed", "review", "cleared")


@pytest.fixture
def lanes(world, browse):
    """Lane → the addresses of fixes and findings that stand in it."""

    def read():
        page = Page(browse(world.member("viewer")).get("/verification/"))
        found = {}
        for lane in LANES:
            cards = [
                e for e in page.with_class("card") if e.within("section").attributes["id"] == lane
            ]
            titles = [
                e for e in page.with_class("title") if any(e.within("li") is c for c in cards)
            ]
            found[lane] = [e.attributes["href"] for e in titles]
        return found

    return read


def test_a_fix_walks_through_the_lanes(world, lanes):
    at = world.fix.get_absolute_url()
    empty = {lane: [] for lane in LANES}
    assert lanes() == {**empty, "waiting": [at]}
    scan, _ = make.upload(
        world.asset, make.code_with_tree(world.fix.head_tree), remediation=world.fix
    )
    assert lanes() == {**empty, "scanning": [at]}
    make.run_job(scan)
    assert lanes() == {**empty, "review": [at]}
    make.approve(world.fix)
    assert lanes() == {**empty, "cleared": [at]}
    make.merge(world.fix)
    make.complete(world.open)
    assert lanes() == empty


def test_a_fix_that_the_gate_says_no_to_stands_there_with_the_reason(world, browse, lanes):
    bad = make.fixed_code(world.fresh.line, world.fresh).change({world.fresh.path: "eval('1')\n"})
    fix = make.make_remediation(world.fresh, code=bad)
    make.scan_fix(fix)
    assert lanes()["failed"] == [fix.get_absolute_url()]
    page = Page(browse(world.member("viewer")).get("/"))
    assert "Verification failed" in page.text and "is new" in page.text


def test_a_rejected_fix_is_not_waiting_for_a_review(world, lanes):
    make.scan_fix(world.fix)
    make.approve(world.fix, decision="rejected")
    assert lanes()["failed"] == [world.fix.get_absolute_url()]


def test_a_claim_without_a_fix_waits_visibly(world, lanes):
    make.take("claim", world.fresh)
    assert world.fresh.get_absolute_url() in lanes()["waiting"]
    assert Finding.objects.get(pk=world.fresh.pk).status == Status.AWAITING_VERIFICATION


def test_an_empty_queue_says_so(browse, outsider):
    assert "Nothing is waiting" in Page(browse(outsider).get("/verification/")).text


def test_a_judgement_shows_all_its_checks_and_what_it_was_judged_from(world, browse):
    verification = world.verification
    page = Page(browse(world.member("viewer")).get(verification.get_absolute_url()))
    shown = {e.text for e in page.all("code")}
    assert {check["id"] for check in verification.judgement["checks"]} <= shown
    assert verification.judgement_sha256 in page.text
    for scan in {role.scan for role in verification.scan_roles.all()}:
        assert scan.get_absolute_url() in page.links()


def test_a_replaced_judgement_points_to_the_newer_one(world, browse):
    old = Verification.objects.filter(superseded_by__isnull=False).first()
    page = Page(browse(world.member("viewer")).get(old.get_absolute_url()))
    assert old.superseded_by.get_absolute_url() in page.links()
    assert "a newer judgement" in page.text


def test_a_lesser_new_result_takes_a_word_and_a_reason(world, browse):
    lesser = make.fixed_code(world.fresh.line, world.fresh).change(
        {world.fresh.path: "import subprocess\n"}
    )
    fix = make.make_remediation(world.fresh, code=lesser)
    make.scan_fix(fix)
    verification = Verification.objects.current().get(remediation=fix)
    client = browse(world.member("analyst"))
    page = Page(client.get(verification.get_absolute_url()))
    (form,) = [
        e for e in page.all("form") if e.attributes.get("action", "").endswith("dispositions/")
    ]
    body = {e.attributes["name"]: e.attributes.get("value", "") for e in page.all("input")
            if e.within("form") is form and e.attributes["type"] == "hidden"}  # fmt: skip
    body |= {"decision": "accepted", "reason": "Only imported."}
    told = Page(client.post(form.attributes["action"], body, follow=True))
    assert told.with_class("callout-pass")
    assert Disposition.objects.get().reason == "Only imported."
    author = Page(browse(world.member("developer")).get(verification.get_absolute_url()))
    assert "Say what you think of it" not in author.text
