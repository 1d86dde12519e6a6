"""Revocations, proofs and standing approvals on their pages: who sees which form, and what it does."""

from datetime import timedelta

import pytest

from core.permissions import Role
from findings.statuses import Status
from scans.services.doors import newest_verification
from tests import factories as make
from tests.pages.markup import Page, faults
from tests.scans.evidence import (
    SAFE,
    UNSAFE,
    agentic_finding,
    build_world,
    bump,
    fix_from,
    import_of,
    manifests,
    scan,
    secret_finding,
    secret_fix,
)

METHOD = "Deleted at <script>alert(1)</script> & told the team."


@pytest.fixture
def w(db):
    return build_world()


def opened(browse, user, path):
    page = Page(browse(user).get(path))
    assert list(faults(page)) == []
    return page


def forms(page, end):
    return [e for e in page.all("form") if e.attributes.get("action", "").endswith(end)]


def test_a_revocation_is_recorded_on_the_page_of_the_secret_and_closes_it(browse, w):
    finding = secret_finding(make.make_asset(w.scope))
    fix = secret_fix(finding)
    make.approve(fix)
    make.merge(fix)
    path = finding.get_absolute_url()
    page = opened(browse, w.analyst, path)
    assert "Nobody has said anything of it." in page.text
    assert "#revocation" in page.links()  # the next step leads there
    (form,) = forms(page, "/revocations/")
    body = {"state": "revoked", "method": METHOD, "as_of": "2026-01-02T03:04"}
    response = browse(w.analyst).post(form.attributes["action"], body, follow=True)
    assert response.redirect_chain == [(f"{path}#revocation", 302)]
    shown = Page(response)
    assert list(faults(shown)) == [] and METHOD in shown.text
    assert "<script>alert" not in shown.content
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    assert not forms(shown, "/revocations/")
    certificate = opened(browse, w.analyst, f"/findings/{finding.pk}/certificate/")
    assert f"was revoked at 2026-01-02T03:04:00Z by {w.analyst.username}" in certificate.text


def test_who_may_not_tell_sees_why(browse, w):
    path = w.finding.get_absolute_url()
    for role, said in ((Role.VIEWER, "to review"), (Role.DEVELOPER, "their own fix")):
        page = opened(browse, make.member(w.scope, role), path)
        assert not forms(page, "/revocations/")
        assert "You cannot record a revocation here." in page.text and said in page.text
        refused = browse(make.member(w.scope, role)).post(
            f"{path}revocations/", {"state": "revoked", "method": "x"}, follow=True
        )
        assert Page(refused).with_class("callout-fail")


def test_what_is_no_secret_says_nothing_of_revocations(browse, w):
    other = make.import_finding(make.make_asset(w.scope))
    page = opened(browse, w.analyst, other.get_absolute_url())
    assert "Revocation of the secret" not in page.text


def test_a_form_that_is_not_whole_is_refused_with_its_field(browse, w):
    path = f"{w.finding.get_absolute_url()}revocations/"
    answer = browse(w.analyst).post(path, {"state": "gone"}, follow=True)
    assert "How: This field is required." in Page(answer).text


def test_a_proof_is_recorded_on_the_page_of_its_fix(browse, w):
    finding = agentic_finding(make.make_asset(w.scope))
    fix = fix_from(finding, UNSAFE, SAFE)
    scan(fix.asset, SAFE, "agentic", remediation=fix, facts={"agent_run": "7", "model": "m"})
    page = opened(browse, w.analyst, fix.get_absolute_url())
    (form,) = forms(page, "/proofs/")
    body = {
        "finding": finding.pk,
        "commit": fix.head_commit,
        "outcome": "fails",
        "evidence": METHOD,
    }
    shown = Page(browse(w.analyst).post(form.attributes["action"], body, follow=True))
    assert list(faults(shown)) == []
    assert "fails on the fix" in shown.text and METHOD in shown.text
    rows = newest_verification(finding).judgement["checks"]
    assert next(r for r in rows if r["id"] == "POSITIVE_CONTROL")["outcome"] == "PASS"
    developer = opened(browse, make.member(w.scope, Role.DEVELOPER), fix.get_absolute_url())
    assert not forms(developer, "/proofs/") and "You cannot record a proof" in developer.text
    plain = opened(browse, w.analyst, w.fix.get_absolute_url())
    assert "Proofs of concept" not in plain.text


def test_a_standing_approval_is_given_and_ended_on_its_page(browse, w):
    finding = import_of("low", manifests("4.17.20"), make.make_asset(w.scope))
    path = f"/scopes/{w.scope.slug}/standing-approvals/"
    assert path in opened(browse, w.analyst, f"/scopes/{w.scope.slug}/").links()
    page = opened(browse, w.approver, path)
    assert "pkg:npm/lodash@4.17.21" in page.text and "in force" in page.text
    (ending,) = forms(page, "/end/")
    browse(w.approver).post(ending.attributes["action"], {"reason": "A new one comes."})
    bump(finding)
    (form,) = forms(opened(browse, w.approver, path), "/give/")
    until = (make.now() + timedelta(days=20)).date().isoformat()
    body = {"bots": ["Dependabot"], "manifests": "package.json\n\n package-lock.json ",
            "reason": METHOD, "until": until}  # fmt: skip
    shown = Page(browse(w.approver).post(form.attributes["action"], body, follow=True))
    assert list(faults(shown)) == [] and METHOD in shown.text
    assert shown.with_class("callout-pass")
    rows = newest_verification(finding).judgement["checks"]
    assert next(r for r in rows if r["id"] == "HUMAN_REVIEW")["outcome"] == "PASS"
    reader = opened(browse, w.analyst, path)
    assert not forms(reader, "/give/") and not forms(reader, "/end/")
    assert "does not allow you to approve" in reader.text
