"""Waiving and disputing on the page of a judgement: who sees which form, and what it does."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.permissions import Role
from findings.statuses import Status
from remediations.models import Dispute, Waiver
from scans.models import Verification
from scans.services.disputes import confirm_dispute, pairs_of
from scans.services.doors import newest_verification
from scans.services.verification import failing_checks
from tests import factories as make
from tests.pages.markup import Page, faults
from tests.scans.objections import build_world, dispute, moved_code, waive, with_the_rule_off

REASON = "It is <script>alert(1)</script> & known."


@pytest.fixture
def w(db):
    return build_world()


def soon():
    return (make.now() + timedelta(days=20)).date().isoformat()


def forms(page, end):
    return [e for e in page.all("form") if e.attributes.get("action", "").endswith(end)]


def hidden(page, form):
    return {e.attributes["name"]: e.attributes.get("value", "") for e in page.all("input")
            if e.within("form") is form and e.attributes["type"] == "hidden"}  # fmt: skip


def open_page(browse, w, user):
    page = Page(browse(user).get(newest_verification(w.finding).get_absolute_url()))
    assert list(faults(page)) == []
    return page


def test_an_approver_waives_what_is_in_the_way_and_sees_it_on_the_newest_judgement(browse, w):
    page = open_page(browse, w, w.second)
    (form,) = forms(page, "/waivers/")
    assert (
        hidden(page, form)["check"] == "TOOL_VERSION"
    )  # RULE_ACTIVE is waived, the rest cannot be
    body = {**hidden(page, form), "reason": REASON, "until": soon(), "covers": "finding"}
    before = newest_verification(w.finding)
    response = browse(w.second).post(form.attributes["action"], body, follow=True)
    after = newest_verification(w.finding)
    assert response.redirect_chain == [(f"{after.get_absolute_url()}#objections", 302)]
    assert after.supersedes_id == before.pk
    shown = Page(response)
    assert shown.with_class("callout-pass") and REASON in shown.text
    assert "<script>alert" not in shown.content
    assert list(faults(shown)) == []
    waiver = Waiver.objects.latest("pk")
    assert (waiver.check_id, waiver.finding, waiver.by) == ("TOOL_VERSION", w.finding, w.second)
    of_the_fix = Page(browse(w.analyst).get(w.fix.get_absolute_url()))
    assert REASON in of_the_fix.text and list(faults(of_the_fix)) == []


def test_a_waiver_is_revoked_on_the_page(browse, w):
    page = open_page(browse, w, w.second)
    (form,) = forms(page, "/revoke/")
    client = browse(w.second)
    told = Page(client.post(form.attributes["action"], {"reason": "On again."}, follow=True))
    assert "The waiver is revoked" in told.text and "On again." in told.text
    assert not forms(told, "/revoke/")
    again = open_page(browse, w, w.second)
    assert {hidden(again, f)["check"] for f in forms(again, "/waivers/")} == {
        "RULE_ACTIVE",
        "TOOL_VERSION",
    }


def test_who_may_not_waive_is_told_why_and_sees_no_form(browse, w):
    for role, why in (
        (Role.VIEWER, "does not allow you to approve"),
        (Role.ANALYST, "does not allow you to approve"),
    ):
        page = open_page(browse, w, make.member(w.fix.scope, role))
        assert not forms(page, "/waivers/") and not forms(page, "/revoke/")
        assert why in page.text
    fixer = w.fix.created_by
    fixer.memberships.update(role=Role.APPROVER)
    page = open_page(browse, w, fixer)
    assert not forms(page, "/waivers/") and not forms(page, "/disputes/")
    assert "Nobody waives a check of their own fix" in page.text
    refused = browse(fixer).post(
        f"/verification/{newest_verification(w.finding).pk}/waivers/",
        {"check": "TOOL_VERSION", "reason": "Mine.", "until": soon(), "covers": "fix"}, follow=True,
    )  # fmt: skip
    assert "their own fix" in Page(refused).with_class("callout-fail")[0].text


def test_what_cannot_be_waived_says_so(browse, w):
    page = open_page(browse, w, w.second)
    assert "nobody can waive it" in page.text


def test_a_new_result_is_given_another_cause_by_two_people(browse, w):
    page = open_page(browse, w, w.analyst)
    form = forms(page, "/disputes/")[-1]
    offered = [e.attributes["value"] for e in page.all("option") if e.within("form") is form]
    assert "fix" not in offered and "base_moved" in offered
    body = {**hidden(page, form), "cause": "base_moved", "reason": REASON}
    told = Page(browse(w.analyst).post(form.attributes["action"], body, follow=True))
    assert "counts once a second person" in told.text and REASON in told.text
    assert list(faults(told)) == []
    made = Dispute.objects.latest("pk")
    own = f"/disputes/{made.pk}/confirm/"
    assert not forms(told, own)
    assert "does not allow you to approve" in told.text or "their own dispute" in told.text
    second = open_page(browse, w, w.approver)
    (confirm,) = forms(second, own)
    done = Page(browse(w.approver).post(confirm.attributes["action"], {}, follow=True))
    assert "Confirmed, and the fix was judged with it." in done.text
    made.refresh_from_db()
    assert (made.state, made.second) == ("confirmed", w.approver)


def test_a_dispute_is_withdrawn_on_the_page(browse, w):
    page = open_page(browse, w, w.analyst)
    form = next(iter(forms(page, f"/disputes/{w.proposed.pk}/withdraw/")))
    told = Page(browse(w.analyst).post(form.attributes["action"], {"reason": "Ours."}, follow=True))
    assert "The dispute is withdrawn." in told.text
    w.proposed.refresh_from_db()
    assert w.proposed.state == "withdrawn"
    empty = Page(browse(w.analyst).post(form.attributes["action"], {"reason": " "}, follow=True))
    assert empty.with_class("callout-fail")


def test_a_pair_is_disputed_where_the_original_is_said_to_be_still_there(browse, w):
    other = make.import_finding(w.finding.asset, weakness="pickle.loads(")
    fix = make.make_remediation(other, code=make.code_of(other.line).change({"x.py": "x = 1\n"}))
    make.scan_fix(fix)
    judged = newest_verification(other)
    (result,) = pairs_of(judged)
    page = Page(browse(w.analyst).get(judged.get_absolute_url()))
    (form,) = [f for f in forms(page, "/disputes/") if hidden(page, f)["about"] == "match"]
    body = {**hidden(page, form), "reason": "Another call."}
    browse(w.analyst).post(form.attributes["action"], body)
    made = Dispute.objects.get(remediation=fix)
    assert (made.about, made.result, made.finding) == ("match", result, other)
    shown = Page(browse(w.approver).get(judged.get_absolute_url()))
    assert f"The match is not {other}" in shown.text and list(faults(shown)) == []


def test_an_older_judgement_takes_no_more_words(browse, w):
    old = Verification.objects.filter(superseded_by__isnull=False, finding=w.finding).last()
    page = Page(browse(w.approver).get(old.get_absolute_url()))
    assert not forms(page, "/waivers/") and not forms(page, f"{old.pk}/disputes/")


def test_a_form_that_is_not_whole_is_refused_with_its_field(browse, w):
    path = f"/verification/{newest_verification(w.finding).pk}/"
    client = browse(w.approver)
    answer = client.post(f"{path}waivers/", {"check": "TOOL_VERSION", "covers": "all"}, follow=True)
    assert "Until: This field is required." in Page(answer).text
    answer = client.post(f"{path}disputes/", {"about": "outcome", "reason": "x"}, follow=True)
    assert Page(answer).with_class("callout-fail")


def test_a_word_on_a_new_result_stays_visible_on_the_newest_judgement(browse, w):
    """It is said of one judgement, and judged again: the page is left for the one that counts."""
    path = f"/verification/{newest_verification(w.finding).pk}/dispositions/"
    new = newest_verification(w.finding).judgement["new"][3]
    body = {name: new[name] for name in ("rule", "path", "line")}
    body |= {"decision": "false_positive", "reason": "A constant."}
    told = Page(browse(w.analyst).post(path, body, follow=True))
    assert "A constant." in told.text and "a newer judgement" not in told.text


def test_what_is_disputed_already_is_not_offered_again(browse, w):
    page = open_page(browse, w, w.analyst)
    offered = {hidden(page, form)["result"] for form in forms(page, "/disputes/")}
    assert offered and not offered & {w.proposed.result, w.confirmed.result}
    assert w.withdrawn.result in offered


def test_a_certificate_shows_what_was_waived_and_disputed(browse, w):
    finding = make.import_finding(make.make_asset(w.fix.scope))
    fix = make.make_remediation(finding, code=moved_code(finding))
    make.upload_and_ingest(fix.asset, *with_the_rule_off(fix), remediation=fix)
    make.approve(fix)
    about = SimpleNamespace(fix=fix, approver=w.approver, analyst=w.analyst)
    for check in failing_checks(newest_verification(finding).judgement):
        if check["id"] != "NOTHING_NEW":
            waive(about, check["id"])
    for new in newest_verification(finding).judgement["new"]:
        row = dispute(about, new["evidence"][0])
        confirm_dispute(dispute=row, by=w.approver, at=make.now())
    make.merge(fix)
    page = Page(browse(w.analyst).get(f"/findings/{finding.pk}/certificate/"))
    assert list(faults(page)) == []
    assert f"RULE_ACTIVE waived by {w.approver.username} until" in page.text
    assert f"another cause, base moved, say {w.analyst.username} and" in page.text
    other = make.make_finding(Status.MOBILIZATION_COMPLETE, asset=finding.asset)
    plain = Page(browse(w.analyst).get(f"/findings/{other.pk}/certificate/"))
    assert "Waivers and disputes" not in plain.text


def test_a_dispute_that_waits_is_work_for_who_may_confirm_it_and_nobody_else(browse, w):
    words = "Disputes that wait for a second person"
    home = Page(browse(w.approver).get("/"))
    assert list(faults(home)) == []
    assert words in home.text and f"{w.fix.get_absolute_url()}#objections" in home.links()
    assert words not in Page(browse(w.analyst).get("/")).text
    confirm_dispute(dispute=w.proposed, by=w.approver, at=make.now())
    assert words not in Page(browse(w.approver).get("/")).text
