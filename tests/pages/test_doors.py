"""Sweeps over every page: who gets in, what they get, and that nothing is written by who may not."""

import pytest
from django.urls import get_resolver

from core.models import Event
from ctem import pages
from findings.models import (
    Attachment,
    Campaign,
    CampaignFinding,
    Comment,
    DiscoveryRule,
    Finding,
    FindingDispute,
    FindingGroup,
    FindingTag,
    SavedView,
    ScopeDecisionPolicy,
)
from forges.models import Connection, PullFinding
from remediations.models import (
    Dispute,
    Proof,
    Proposal,
    Review,
    SecretRevocation,
    StandingApproval,
    Waiver,
)
from scopes.models import ApiToken, Invitation, Membership, Policy, Scope, ServiceAccount
from tests import factories as make
from tests.pages.addresses import DONE, DOWNLOADS, FRAGMENTS, OF_ROWS, SHOWN, address
from tests.pages.markup import Page, faults
from tickets.models import Delivery, WebhookEndpoint


def stored():
    return (
        Event.objects.count(),
        sorted(Comment.objects.values_list("pk", "body", "removed_at")),
        sorted(SavedView.objects.values_list("pk", "name", "query")),
        Review.objects.count(),
        list(Waiver.objects.order_by("pk").values_list("pk", "revoked_at")),
        list(Dispute.objects.order_by("pk").values_list("pk", "state")),
        SecretRevocation.objects.count(),
        Proof.objects.count(),
        list(StandingApproval.objects.order_by("pk").values_list("pk", "ended_at")),
        sorted(Finding.objects.values_list("pk", "status", "assigned_to_id")),
        list(Finding.objects.order_by("pk").values_list("pk", "team_id", "group_id")),
        list(Campaign.objects.order_by("pk").values_list("pk", "name", "ended_at")),
        CampaignFinding.objects.count(),
        sorted(FindingGroup.objects.values_list("pk", "title")),
        sorted(Proposal.objects.values_list("pk", "state")),
        PullFinding.objects.count(),
        sorted(Scope.objects.values_list("pk", "policy_id")),
        Policy.objects.count(),
        list(DiscoveryRule.objects.order_by("pk").values_list("pk", "approved_at", "ended_at")),
        Attachment.objects.count(),
        FindingTag.objects.count(),
        ScopeDecisionPolicy.objects.count(),
        sorted(Finding.objects.values_list("pk", "decided_severity", "set_aside")),
        sorted(FindingDispute.objects.values_list("pk", "state")),
        sorted(Connection.objects.values_list("pk", "mode", "state", "asked_at", "sealed_key")),
        sorted(Connection.objects.values_list("pk", "name", "sealed_secret")),
        sorted(WebhookEndpoint.objects.values_list("pk", "name", "state", "sealed_secret")),
        sorted(Delivery.objects.values_list("pk", "state", "lane")),
        sorted(ApiToken.objects.values_list("pk", "digest", "revoked_at")),
        sorted(ServiceAccount.objects.values_list("pk", "ended_at")),
        sorted(Membership.objects.values_list("pk", "role")),
        sorted(Invitation.objects.values_list("pk", "withdrawn_at")),
    )


def test_every_page_of_the_map_is_in_the_sweeps():
    assert {pattern.name for pattern in pages.urlpatterns} == {*SHOWN, *DONE}
    assert get_resolver().reverse_dict.getlist("home")


def test_nobody_who_is_not_signed_in_sees_or_does_anything(world, browse):
    before = stored()
    for name in (*SHOWN, *DONE):
        url = address(world, name)
        response = browse().post(url, DONE[name][1]) if name in DONE else browse().get(url)
        assert response.status_code == 302, name
        assert response["Location"].startswith("/sign-in/?next="), name
    assert stored() == before


def test_an_outsider_finds_no_row_at_any_page(world, browse, outsider):
    before = stored()
    client = browse(outsider)
    for name in OF_ROWS:
        assert client.get(address(world, name)).status_code == 404, name
    for name, (_, body) in DONE.items():
        assert client.post(address(world, name), body).status_code == 404, name
    assert stored() == before


def test_lists_show_an_outsider_nothing_of_others(world, browse, outsider):
    for name in SHOWN.keys() - {*OF_ROWS}:
        response = browse(outsider).get(address(world, name))
        assert response.status_code == 200, name
        secrets = (world.asset.name, world.scope.name, world.open.path)
        assert not [word for word in secrets if word in response.content.decode()], name


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_every_page_opens_for_who_may_read(world, browse, role):
    client = browse(world.member(role))
    for name in SHOWN:
        response = client.get(address(world, name))
        assert response.status_code == 200, name
        assert response["Cache-Control"] == "no-store", name
        if name in DOWNLOADS:
            assert response["Content-Disposition"].startswith("attachment"), name


def test_no_page_has_anything_that_a_policy_or_a_screen_reader_stumbles_over(world, browse):
    client = browse(world.member("approver"))
    for name in SHOWN.keys() - {*DOWNLOADS, *FRAGMENTS}:
        response = client.get(address(world, name))
        assert list(faults(Page(response))) == [], name
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy, name


def test_the_sweep_sees_what_is_wrong():
    class Answer:
        content = (
            b"<main><h1>A</h1><p style='x'></p><a href=''></a><input name='a'><table></table>"
            b"<th></th><i id='a'></i><i id='a' aria-describedby='b'></i><script>1</script></main>"
        )

    assert len(list(faults(Page(Answer())))) == 8


def test_a_viewer_may_look_and_do_nothing_but_with_their_own(world, browse):
    token = world.token
    before = stored()
    client = browse(world.member("viewer"))
    for name, (_, body) in DONE.items():
        if name in ("token-revoke", "token-rotate"):
            continue
        response = client.post(address(world, name), body, follow=True)
        assert response.status_code in (200, 409), name
        assert "callout-fail" in response.content.decode(), name
    assert stored() == before
    client.post(address(world, "token-revoke"))
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_pages_that_change_something_take_no_get_and_want_a_csrf_token(world, browse):
    before = stored()
    analyst = world.member("analyst")
    for name, (_, body) in DONE.items():
        url = address(world, name)
        assert browse(analyst).get(url).status_code == 405 or name == "token-revoke", name
        strict = browse(analyst, enforce_csrf_checks=True)
        assert strict.post(url, body).status_code == 403, name
    assert stored() == before


def test_a_row_that_does_not_exist_is_a_page_that_says_so(world, browse):
    response = browse(world.member("viewer")).get("/findings/999999999/")
    assert response.status_code == 404
    assert "nothing here that you may see" in Page(response).text


def test_signing_in_and_out(world, browse):
    viewer = world.member("viewer")
    viewer.set_password("correct horse battery")
    viewer.save()
    client = browse()
    assert list(faults(Page(client.get("/sign-in/")))) == []
    wrong = client.post("/sign-in/", {"login": viewer.username, "password": "wrong"})
    assert "callout-fail" in wrong.content.decode()
    right = client.post(
        "/sign-in/?next=/scans/",
        {"login": viewer.username, "password": "correct horse battery", "next": "/scans/"},
    )
    assert right["Location"] == "/scans/"
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


def test_who_is_in_no_scope_is_told_what_to_do_next(db, browse):
    client = browse(make.make_user("newcomer"))
    assert "Findings appear once a scan" in Page(client.get("/")).text
    assert "Ask an administrator" in Page(client.get("/scopes/")).text
