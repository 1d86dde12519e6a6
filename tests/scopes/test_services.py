"""Scopes, people, tokens and policies: who may change what, and what a change leaves behind."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Permission, Role
from gate.policy import DEFAULT
from scopes.authentication import digest_of
from scopes.models import ApiToken, Asset, Line, Membership, Policy, Scope
from scopes.services import (
    create_asset,
    create_scope,
    default_policy,
    issue_token,
    put_in_force,
    revoke_token,
    set_member,
    set_policy,
    store_policy,
)
from scopes.versions import versions_of
from tests.factories import add_member, make_asset, make_policy, make_scope, make_user, member, now

pytestmark = pytest.mark.django_db

STRICTER = DEFAULT.to_toml().replace(b'name = "default"', b'name = "stricter"').replace(
    b"scan_max_age_days = 30", b"scan_max_age_days = 7"
)  # fmt: skip


# --- scopes --------------------------------------------------------------------------------------
def test_a_new_scope_has_the_policy_that_requires_the_scan_and_its_maker_as_administrator():
    boss = make_user("boss")
    scope = create_scope(name="Shop", slug="shop", by=boss, at=now())
    assert scope.policy.digest == DEFAULT.digest
    assert Membership.objects.get() == Membership.objects.get(scope=scope, user=boss, role="admin")
    assert scope.adopted_on == scope.created_at.date()
    assert set(scope.sla_days) == {"critical", "high", "medium", "low"}
    event = Event.objects.get(action="scope.created")
    assert (event.chain, event.actor) == (f"scope:{scope.pk}", boss)


@pytest.mark.parametrize(("column", "value"), [("criticality", "huge"), ("exposure", "public")])
def test_a_scope_is_described_in_known_words_only(column, value):
    with pytest.raises((IntegrityError, BadInput)), transaction.atomic():
        make_scope(**{column: value})


def test_a_slug_is_given_once():
    make_scope(slug="shop")
    with pytest.raises((IntegrityError, WrongState)), transaction.atomic():
        make_scope(slug="shop")


# --- people --------------------------------------------------------------------------------------
def test_an_administrator_gives_and_changes_roles_and_each_change_is_an_event(scope, admin):
    somebody = make_user("somebody")
    set_member(scope=scope, user=somebody, role=Role.VIEWER, by=admin, at=now())
    set_member(scope=scope, user=somebody, role=Role.APPROVER, by=admin, at=now())
    assert Membership.objects.get(scope=scope, user=somebody).role == "approver"
    said = [e.data["role"] for e in Event.objects.filter(action="member.set", actor=admin)]
    assert said == ["viewer", "approver"]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_nobody_else_gives_roles(scope, role):
    with pytest.raises(NotAllowed):
        set_member(
            scope=scope, user=make_user("friend"), role=Role.ADMIN, by=member(scope, role), at=now()
        )
    assert not Membership.objects.filter(user__username="friend").exists()


def test_nobody_changes_their_own_role(scope, admin):
    with pytest.raises(NotAllowed, match="Nobody changes their own role"):
        set_member(scope=scope, user=admin, role=Role.APPROVER, by=admin, at=now())
    assert Membership.objects.get(user=admin).role == "admin"


def test_an_administrator_of_another_scope_gives_no_role_here(scope, outsider):
    with pytest.raises(NotAllowed):
        set_member(scope=scope, user=make_user("friend"), role=Role.VIEWER, by=outsider, at=now())


def test_the_database_keeps_one_known_role_per_person_and_scope(scope, viewer):
    for row in ({"user": viewer, "role": "admin"}, {"user": make_user("x"), "role": "owner"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(scope=scope, **row)


# --- assets --------------------------------------------------------------------------------------
def test_an_asset_comes_with_its_default_line(scope, admin):
    asset = create_asset(scope=scope, name="web", by=admin, at=now(), default_line="trunk")
    assert [(line.name, line.kind, line.scope) for line in asset.lines.all()] == [
        ("trunk", "default", scope)
    ]
    with pytest.raises(WrongState, match="already has an asset called web"):
        create_asset(scope=scope, name="web", by=admin, at=now())
    with pytest.raises(NotAllowed):
        create_asset(scope=scope, name="other", by=member(scope, Role.APPROVER), at=now())
    assert Asset.objects.count() == 1


def test_an_asset_has_one_default_line_and_a_line_stays_in_its_scope(asset):
    with pytest.raises(IntegrityError), transaction.atomic():
        Line.objects.create(asset=asset, scope=asset.scope, name="second", kind="default")
    with pytest.raises(IntegrityError), transaction.atomic():
        Line.objects.create(asset=asset, scope=make_scope(), name="release", kind="release")
        connection.check_constraints()


# --- visibility ----------------------------------------------------------------------------------
@pytest.mark.parametrize("role", Role)
def test_every_role_sees_its_own_scope_and_no_other(role):
    mine, other = make_asset(), make_asset()
    user = member(mine.scope, role)
    assert list(Scope.objects.visible_to(user)) == [mine.scope]
    assert list(Asset.objects.visible_to(user)) == [mine]
    assert not Scope.objects.visible_to(user).filter(pk=other.scope_id).exists()


def test_who_is_switched_off_or_only_a_superuser_sees_nothing(scope, viewer):
    viewer.is_active = False
    root = make_user("root")
    root.is_superuser = root.is_staff = True
    for user in (viewer, root):
        user.save()
        assert not Scope.objects.visible_to(user).exists()


# --- tokens --------------------------------------------------------------------------------------
def with_token(user, **limits):
    token, key = issue_token(user=user, name="ci", by=user, at=now(), **limits)
    user.token = token
    return token, key


def test_a_key_is_shown_once_and_kept_as_a_digest(scope, pipeline):
    token, key = issue_token(user=pipeline, name="ci", by=pipeline, at=now())
    assert key.startswith("ctem_")
    assert len(key) > 40
    assert (token.digest, token.prefix) == (digest_of(key), key[:12])
    assert key not in str(ApiToken.objects.values().get())
    assert key not in str(list(Event.objects.values()))


def test_a_token_can_do_less_than_its_user_and_never_more(scope, pipeline):
    other = make_scope()
    add_member(other, pipeline, Role.PIPELINE)
    with_token(pipeline, permissions=["upload_scan", "approve"], scopes=[scope])
    allowed = {p for p in Permission if Scope.objects.permitting(pipeline, p).exists()}
    assert allowed == {Permission.READ, Permission.UPLOAD_SCAN}
    assert list(Scope.objects.visible_to(pipeline)) == [scope]


def test_a_token_is_made_by_its_user_signed_in_for_a_time(scope, admin, pipeline):
    with pytest.raises(NotAllowed, match="made by the user it acts for"):
        issue_token(user=pipeline, name="x", by=admin, at=now())
    for days in (0, -1, 367):
        with pytest.raises(BadInput, match=f"days: {days} is outside 1 to 366"):
            issue_token(user=admin, name="x", by=admin, at=now(), days=days)
    with pytest.raises(BadInput, match="permissions"):
        issue_token(user=admin, name="x", by=admin, at=now(), permissions=["everything"])
    with_token(admin)
    with pytest.raises(NotAllowed, match="A token cannot make tokens"):
        issue_token(user=admin, name="x", by=admin, at=now())


def test_a_token_ends_by_its_date_by_revocation_and_with_its_user(scope, viewer):
    token, _ = issue_token(user=viewer, name="x", by=viewer, at=now(), days=1)
    assert ApiToken.objects.usable(now()).exists()
    assert not ApiToken.objects.usable(now() + timedelta(days=1)).exists()
    viewer.is_active = False
    viewer.save()
    assert not ApiToken.objects.usable(now()).exists()
    viewer.is_active = True
    viewer.save()
    with pytest.raises(NotAllowed):
        revoke_token(token=token, by=make_user("somebody"), at=now())
    for _ in range(2):
        revoke_token(token=token, by=viewer, at=now())
    assert not ApiToken.objects.usable(now()).exists()
    assert Event.objects.filter(action="token.revoked").count() == 1


# --- policies ------------------------------------------------------------------------------------
def test_a_policy_text_is_kept_once_and_never_changed(admin):
    first = make_policy(STRICTER, "stricter")
    assert make_policy(STRICTER, "another name") == first
    assert first.toml.encode() == STRICTER
    assert default_policy(at=now()).digest != first.digest


def test_a_policy_that_cannot_be_used_is_refused_with_its_line():
    policies = Policy.objects.count()
    for broken, said in (
        (b"[low", "not TOML"),
        (STRICTER.replace(b'"WELL_FORMED"', b'"WELL_FROMED"'), "line"),
        (
            STRICTER.replace(b'level = "warning"', b'level = "error"'),
            "NOTHING_NEW cannot be relaxed",
        ),
        (b"\xff", "not TOML"),
    ):
        with pytest.raises(BadInput, match=said):
            make_policy(broken, "broken")
    assert Policy.objects.count() == policies


def test_only_an_administrator_sets_the_policy_of_a_scope(scope, admin, approver):
    policy = store_policy(toml=STRICTER, name="stricter", by=admin, at=now())
    with pytest.raises(NotAllowed):
        set_policy(scope=scope, policy=policy, by=approver, at=now())
    assert set_policy(scope=scope, policy=policy, by=admin, at=now()).policy == policy
    event = Event.objects.get(action="scope.policy_set")
    assert event.data == {"from": DEFAULT.digest, "to": policy.digest, "name": "stricter"}
    assert list(broken_links()) == []


def test_a_policy_in_use_is_not_deleted(scope):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM scopes_policy WHERE id = %s", [scope.policy_id])
        connection.check_constraints()


def test_a_text_is_put_in_force_once_and_a_name_means_one_text(scope, admin):
    version = put_in_force(scope=scope, toml=STRICTER, by=admin, at=now())
    assert (version.policy.name, version.by, version.until) == ("stricter", admin, None)
    with pytest.raises(WrongState, match="in force already"):
        put_in_force(scope=scope, toml=STRICTER, by=admin, at=now())
    with pytest.raises(WrongState, match="already means another policy here"):
        put_in_force(scope=scope, toml=STRICTER + b"# ours\n", by=admin, at=now())
    put_in_force(scope=scope, toml=DEFAULT.to_toml(), by=admin, at=now())
    names = [version.policy.name for version in versions_of(scope)]
    assert names == ["default", "stricter", "default"]
    assert list(broken_links()) == []


def test_a_name_that_another_scope_uses_is_free_here(scope, admin):
    other = make_scope()
    put_in_force(scope=other, toml=STRICTER, by=member(other, Role.ADMIN), at=now())
    ours = STRICTER + b"# ours\n"
    assert put_in_force(scope=scope, toml=ours, by=admin, at=now()).policy.name == "stricter"
    assert [version.policy.name for version in versions_of(other)] == ["stricter", "default"]


def test_a_version_says_since_when_until_when_and_by_whom(scope, admin):
    at = now()
    put_in_force(scope=scope, toml=STRICTER, by=admin, at=at)
    newest, first = versions_of(scope)
    assert (newest.since, newest.by, newest.until) == (at, admin, None)
    assert (first.since, first.by, first.until) == (scope.created_at, None, at)


def test_a_policy_that_was_set_past_the_services_is_shown_without_a_date(scope, admin):
    put_in_force(scope=scope, toml=STRICTER, by=admin, at=now())
    scope.policy = default_policy(at=now())
    scope.save()
    told = [(version.policy.name, version.since is None) for version in versions_of(scope)]
    assert told == [("default", True), ("stricter", False), ("default", False)]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_only_an_administrator_puts_a_policy_in_force(scope, role):
    policies = Policy.objects.count()
    with pytest.raises(NotAllowed):
        put_in_force(scope=scope, toml=STRICTER, by=member(scope, role), at=now())
    assert Policy.objects.count() == policies


@pytest.mark.parametrize("name", ['""', f'"{"x" * 81}"'])
def test_a_policy_has_a_name_that_can_be_kept(scope, admin, name):
    toml = STRICTER.replace(b'"stricter"', name.encode())
    with pytest.raises(BadInput, match="name: must have 1 to 80 characters"):
        put_in_force(scope=scope, toml=toml, by=admin, at=now())
