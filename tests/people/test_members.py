"""Roles given and taken. T29: one rule for pages and API; nobody raises themselves, nobody is raised too high."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from core.errors import NotAllowed, WrongState
from core.models import InstallationRole
from core.permissions import RANKS, Role
from scopes.models import Membership, TeamMember
from scopes.services import issue_token, remove_member, set_member
from scopes.services.members import LAST
from scopes.services.service_accounts import create_service_account
from scopes.services.teams import add_team_member, create_team
from tests import factories as make
from tests.people.signing import browser, events, with_password


def by_page(user, scope, body, verb="set"):
    client = Client()
    client.force_login(user)
    return client.post(f"/scopes/{scope.slug}/members/{verb}/", body, follow=True)


def by_api(user, scope, body, door="members"):
    client = APIClient()
    client.force_login(user)
    return client.post(f"/api/v1/scopes/{scope.pk}/{door}/", body)


def role_of(scope, user):
    return Membership.objects.filter(scope=scope, user=user).values_list("role", flat=True).first()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_no_role_but_administrators_gives_or_takes_any(scope, viewer, admin, role):
    """Own role, another's, an administrator's: pages and API say no to each, and nothing changes."""
    actor = make.member(scope, role)
    before = sorted(Membership.objects.values_list("user", "role"))
    for target in {actor, viewer, admin}:
        row = Membership.objects.get(scope=scope, user=target)
        for wanted in ("admin", "viewer"):
            assert (
                "callout-fail"
                in by_page(actor, scope, {"member": row.pk, "role": wanted}).content.decode()
            )
            told = {"username": target.username, "role": wanted}
            assert by_api(actor, scope, told).status_code == 403
        assert (
            "callout-fail" in by_page(actor, scope, {"member": row.pk}, "remove").content.decode()
        )
        gone = by_api(actor, scope, {"username": target.username}, "remove-member")
        assert gone.status_code == 403
    assert sorted(Membership.objects.values_list("user", "role")) == before


def test_an_administrator_changes_others_but_not_themselves(scope, admin, viewer):
    own = Membership.objects.get(scope=scope, user=admin)
    for verb in ("set", "remove"):
        page = by_page(admin, scope, {"member": own.pk, "role": "approver"}, verb)
        assert "Nobody" in page.content.decode()
    assert by_api(admin, scope, {"username": admin.username, "role": "approver"}).status_code == 403
    assert by_api(admin, scope, {"username": admin.username}, "remove-member").status_code == 403
    assert role_of(scope, admin) == "admin"
    row = Membership.objects.get(scope=scope, user=viewer)
    by_page(admin, scope, {"member": row.pk, "role": "approver"})
    assert role_of(scope, viewer) == "approver"
    assert by_api(admin, scope, {"username": viewer.username}, "remove-member").status_code == 204
    assert role_of(scope, viewer) is None
    assert [e.action for e in events("member.removed")] == ["member.removed"]


def test_nobody_gives_a_role_above_their_own(scope, viewer, admin, monkeypatch):
    """Today administrators stand highest; the rule holds when somebody puts another role above them."""
    monkeypatch.setitem(RANKS, Role.APPROVER, 9)
    told = {"username": viewer.username, "role": "approver"}
    assert by_api(admin, scope, told).status_code == 403
    row = Membership.objects.get(scope=scope, user=viewer)
    page = by_page(admin, scope, {"member": row.pk, "role": "approver"})
    assert "above their own" in page.content.decode()
    assert role_of(scope, viewer) == "viewer"
    high = make.member(scope, Role.APPROVER)
    assert by_api(admin, scope, {"username": high.username}, "remove-member").status_code == 403
    assert role_of(scope, high) == "approver"


def test_an_administrator_of_the_installation_has_no_role_by_that(scope, viewer, root):
    assert by_api(root, scope, {"username": viewer.username, "role": "admin"}).status_code == 404
    assert by_api(root, scope, {"username": root.username, "role": "admin"}).status_code == 404
    assert by_page(root, scope, {"member": "1", "role": "admin"}).status_code == 404


def test_staff_and_superuser_flags_open_nothing(scope, viewer):
    viewer.is_staff = viewer.is_superuser = True
    viewer.save()
    assert by_api(viewer, scope, {"username": viewer.username, "role": "admin"}).status_code == 403
    client = browser(with_password(viewer))
    assert client.get("/people/").status_code == 404
    assert client.get("/admin/").status_code == 404


def test_members_that_nobody_may_set_are_refused_by_name(scope, admin, viewer):
    told = {"username": viewer.username, "role": "viewer"}
    for member in ("is_staff", "is_superuser", "installation_role", "given_by"):
        answer = by_api(admin, scope, {**told, member: "admin"})
        assert answer.json()["errors"][member] == ["Cannot be set here."]


def test_the_last_administrator_stays_whoever_asks(scope, admin):
    now = make.now
    with pytest.raises(WrongState, match="last administrator"):
        remove_member(scope=scope, user=admin, by=None, at=now())
    with pytest.raises(WrongState, match="last administrator"):
        set_member(scope=scope, user=admin, role=Role.VIEWER, by=None, at=now())
    second = make.add_member(scope, make.make_user("second"), Role.ADMIN)
    remove_member(scope=scope, user=admin, by=second, at=now())
    assert role_of(scope, admin) is None


def test_a_closed_account_is_no_administrator_that_is_left(scope, admin):
    second = make.add_member(scope, make.make_user("second"), Role.ADMIN)
    second.is_active = False
    second.save()
    with pytest.raises(WrongState) as refused:
        remove_member(scope=scope, user=admin, by=None, at=make.now())
    assert str(refused.value) == LAST


def test_who_leaves_a_scope_leaves_its_teams(scope, admin, viewer):
    team = create_team(scope=scope, name="Web", handle="", by=admin, at=make.now())
    add_team_member(team=team, user=viewer, by=admin, at=make.now())
    remove_member(scope=scope, user=viewer, by=admin, at=make.now())
    assert not TeamMember.objects.exists()


def test_a_service_account_is_ended_not_removed_and_cannot_be_raised(scope, admin):
    account = create_service_account(
        scope=scope, name="Bridge", role="ticketing", by=admin, at=make.now()
    )
    with pytest.raises(WrongState):
        remove_member(scope=scope, user=account.user, by=admin, at=make.now())
    with pytest.raises(WrongState):
        set_member(scope=scope, user=account.user, role=Role.ADMIN, by=admin, at=make.now())


def test_a_token_that_only_reads_changes_no_role(scope, admin, viewer):
    _, key = issue_token(user=admin, by=admin, name="r", at=make.now(), permissions=["read"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    told = {"username": viewer.username, "role": "admin"}
    assert client.post(f"/api/v1/scopes/{scope.pk}/members/", told).status_code == 403


def test_a_role_that_was_taken_works_no_more_at_once(scope, viewer):
    client = browser(with_password(viewer))
    assert client.get("/scopes/shop/").status_code == 200
    remove_member(scope=scope, user=viewer, by=None, at=make.now())
    assert client.get("/scopes/shop/").status_code == 404


def test_nobody_makes_themselves_administrator_of_the_installation(scope, admin, root):
    admin = with_password(admin)
    client = browser(admin)
    for verb in ("role", "close", "factors", "sessions", "open"):
        assert client.post(f"/people/{admin.pk}/{verb}/", {"role": "admin"}).status_code == 404
    own = browser(root)
    own.post(f"/people/{root.pk}/role/", {"role": ""})
    root.refresh_from_db()
    assert root.installation_role == InstallationRole.ADMIN


def test_the_rule_is_asked_below_the_doors_too(scope, viewer, admin):
    with pytest.raises(NotAllowed):
        set_member(scope=scope, user=admin, role=Role.VIEWER, by=viewer, at=make.now())
