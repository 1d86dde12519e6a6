"""Tokens: what their keys look like, rotation, use, refusals, and those of service accounts."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event, User
from core.permissions import Permission, Role
from scopes.key_text import check_of, new_key
from scopes.models import ApiToken, Membership, Scope
from scopes.services import issue_token, revoke_token, rotate_token, set_member
from scopes.services.service_accounts import create_service_account, end_service_account
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings):
    cache.clear()  # rates count from here
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def scope():
    return make.make_scope()


@pytest.fixture
def admin(scope):
    return make.member(scope, Role.ADMIN)


@pytest.fixture
def viewer(scope):
    return make.member(scope, Role.VIEWER)


@pytest.fixture
def account(scope, admin):
    return create_service_account(
        scope=scope, name="Bridge", role="ticketing", by=admin, at=make.now()
    )


def ask(key, **more):
    return Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {key}"}, **more)


def token_of(user, at=None, **told):
    return issue_token(user=user, by=user, name="ci", at=at or make.now(), **told)


def events(action):
    return list(Event.objects.filter(action=action).order_by("pk"))


# --- keys ----------------------------------------------------------------------------------------
def test_a_key_has_a_form_and_a_sum_that_scanners_of_secrets_know():
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    for key in keys:
        assert re.fullmatch(r"ctem_[0-9A-Za-z]{49}", key)
        assert check_of(key[5:48]) == key[48:]


def test_the_sum_is_the_crc_32_in_base_62():
    assert check_of("123456789") == "3jZRME"  # 0xCBF43926


def test_the_longest_life_is_the_operators(viewer, settings):
    settings.MAX_TOKEN_DAYS = 30
    token, _ = token_of(viewer)
    assert token.expires_at - token.created_at == timedelta(days=30)
    with pytest.raises(BadInput, match="days: 31 is outside 1 to 30"):
        token_of(viewer, days=31)


# --- limits --------------------------------------------------------------------------------------
def test_a_token_for_two_scopes_sees_those_and_not_the_third(scope, viewer):
    second, third = make.make_scope(), make.make_scope()
    for other in (second, third):
        make.add_member(other, viewer, Role.ADMIN)
    viewer.token, _ = token_of(viewer, scopes=[scope, second])
    assert set(Scope.objects.visible_to(viewer)) == {scope, second}
    administers = Scope.objects.permitting(viewer, Permission.ADMINISTER)
    assert list(administers) == [second]  # no more than the owner may


def test_a_token_for_a_scope_that_its_owner_left_sees_nothing(scope, viewer):
    make.add_member(make.make_scope(), viewer, Role.VIEWER)
    viewer.token, _ = token_of(viewer, scopes=[scope])
    Membership.objects.filter(scope=scope, user=viewer).delete()
    assert not Scope.objects.visible_to(viewer).exists()


def test_what_one_may_is_told_as_the_token_lets_it_through(admin):
    _, key = token_of(admin, permissions=["claim"])
    (role,) = ask(key).json()["roles"]
    assert role["permissions"] == ["claim", "read"]


# --- rotation ------------------------------------------------------------------------------------
def test_both_keys_open_while_a_rotation_lasts_and_then_the_new_one_alone(viewer):
    at = make.now() - timedelta(days=2)
    token, old = token_of(viewer, at)
    rotated, new = rotate_token(token=token, by=viewer, at=make.now(), overlap_days=1)
    assert rotated.pk == token.pk and new != old
    assert ask(old).status_code == ask(new).status_code == 200
    ApiToken.objects.update(old_until=make.now() - timedelta(seconds=1))
    assert (ask(old).status_code, ask(new).status_code) == (401, 200)
    (told,) = events("token.refused")
    assert told.data["why"] == "replaced"


def test_a_rotation_without_overlap_ends_the_old_key_at_once(viewer):
    token, old = token_of(viewer)
    rotate_token(token=token, by=viewer, at=make.now(), overlap_days=0)
    assert ask(old).status_code == 401


def test_a_second_rotation_ends_the_key_before_the_last(viewer):
    token, first = token_of(viewer)
    _, second = rotate_token(token=token, by=viewer, at=make.now())
    _, third = rotate_token(token=token, by=viewer, at=make.now())
    assert [ask(key).status_code for key in (first, second, third)] == [401, 200, 200]


def test_an_old_key_never_outlives_the_end_that_it_had(viewer):
    token, _ = token_of(viewer, days=1)
    rotated, _ = rotate_token(token=token, by=viewer, at=make.now(), overlap_days=7)
    assert rotated.old_until == token.expires_at


def test_a_rotation_is_refused_where_it_cannot_be(viewer, admin):
    token, _ = token_of(viewer)
    for days in (-1, 8):
        with pytest.raises(BadInput, match="outside 0 to 7"):
            rotate_token(token=token, by=viewer, at=make.now(), overlap_days=days)
    with pytest.raises(NotAllowed):
        rotate_token(token=token, by=admin, at=make.now())
    with pytest.raises(WrongState):
        rotate_token(token=token, by=viewer, at=token.expires_at)
    revoke_token(token=token, by=viewer, at=make.now())
    with pytest.raises(WrongState):
        rotate_token(token=token, by=viewer, at=make.now())
    other, _ = token_of(viewer)
    viewer.token = other
    with pytest.raises(NotAllowed, match="sign in"):
        rotate_token(token=other, by=viewer, at=make.now())


# --- use and refusals ----------------------------------------------------------------------------
def test_when_and_from_where_a_token_was_used_is_kept_once_a_minute(viewer, settings):
    token, key = token_of(viewer)
    ask(key, REMOTE_ADDR="192.0.2.7")
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None and token.last_used_from == "192.0.2.7"
    ask(key, REMOTE_ADDR="192.0.2.8")
    token.refresh_from_db()
    assert (token.last_used_at, token.last_used_from) == (first, "192.0.2.7")
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    settings.PROXIES = 1
    ask(key, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.5, 2001:db8::1")
    token.refresh_from_db()
    assert token.last_used_from == "2001:db8::1"


@pytest.mark.parametrize("told", ["", "a\nb", "unix:"])
def test_an_address_that_is_none_is_not_kept(viewer, told):
    token, key = token_of(viewer)
    assert ask(key, REMOTE_ADDR=told).status_code == 200
    token.refresh_from_db()
    assert token.last_used_at is not None and token.last_used_from is None


def test_a_refusal_is_told_once_an_hour_without_the_key(viewer):
    token, key = token_of(viewer)
    revoke_token(token=token, by=viewer, at=make.now())
    for _ in range(3):
        assert ask(key, REMOTE_ADDR="192.0.2.7").status_code == 401
    (told,) = events("token.refused")
    assert told.data == {"why": "revoked", "prefix": token.prefix, "address": "192.0.2.7"}
    ApiToken.objects.update(refused_at=make.now() - timedelta(minutes=61))
    ask(key)
    assert len(events("token.refused")) == 2
    assert key not in str(list(Event.objects.values())) + str(list(ApiToken.objects.values()))


def test_an_expired_key_and_one_of_a_closed_account_are_told_as_such(viewer):
    _, old = token_of(viewer, make.now() - timedelta(days=2), days=1)
    assert ask(old).status_code == 401
    _, key = token_of(viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert ask(key).status_code == 401
    assert [event.data["why"] for event in events("token.refused")] == ["expired", "account closed"]


def test_a_key_that_nobody_knows_leaves_no_event(db):
    before = Event.objects.count()
    assert ask(new_key()).status_code == 401
    assert Event.objects.count() == before


# --- service accounts ----------------------------------------------------------------------------
def test_an_administrator_makes_a_token_that_acts_as_the_account_in_its_scope(
    scope, admin, account
):
    token, key = issue_token(user=account.user, by=admin, name="bridge", at=make.now())
    assert token.scopes == [scope.pk]
    answer = ask(key).json()
    assert answer["user"]["kind"] == "service"
    assert answer["roles"] == [
        {"scope": scope.pk, "role": "ticketing", "permissions": ["claim", "read"]}
    ]
    (told,) = events("token.issued")
    assert (told.scope_id, told.actor_id) == (scope.pk, admin.pk)
    assert told.data["account"] == "Bridge"
    _, new = rotate_token(token=token, by=admin, at=make.now())
    revoke_token(token=token, by=admin, at=make.now())
    assert ask(new).status_code == 401


def test_nobody_else_makes_rotates_or_revokes_tokens_of_the_account(scope, admin, viewer, account):
    token, _ = issue_token(user=account.user, by=admin, name="bridge", at=make.now())
    elsewhere = make.member(make.make_scope(), Role.ADMIN)
    for somebody in (viewer, elsewhere, make.member(scope, Role.APPROVER)):
        with pytest.raises(NotAllowed):
            issue_token(user=account.user, by=somebody, name="x", at=make.now())
        with pytest.raises(NotAllowed):
            rotate_token(token=token, by=somebody, at=make.now())
        with pytest.raises(NotAllowed):
            revoke_token(token=token, by=somebody, at=make.now())


@pytest.mark.parametrize("role", [role for role in Role if role not in make.SERVICES])
def test_a_service_account_has_a_role_for_services_and_keeps_it(scope, admin, account, role):
    with pytest.raises(BadInput, match="role"):
        create_service_account(scope=scope, name="x", role=role, by=admin, at=make.now())
    with pytest.raises(WrongState, match="one role"):
        set_member(scope=scope, user=account.user, role=role, by=admin, at=make.now())


def test_only_administrators_make_and_end_accounts_each_name_once(scope, admin, viewer, account):
    with pytest.raises(NotAllowed):
        create_service_account(scope=scope, name="x", role="pipeline", by=viewer, at=make.now())
    with pytest.raises(NotAllowed):
        end_service_account(account=account, by=viewer, at=make.now())
    users = User.objects.count()
    with pytest.raises(WrongState, match="name"):
        create_service_account(scope=scope, name="Bridge", role="pipeline", by=admin, at=make.now())
    assert User.objects.count() == users


def test_an_account_that_ended_opens_nothing_and_gets_no_token(admin, account):
    _, key = issue_token(user=account.user, by=admin, name="bridge", at=make.now())
    for _ in range(2):
        end_service_account(account=account, by=admin, at=make.now())
    assert ask(key).status_code == 401
    with pytest.raises(WrongState, match="ended"):
        issue_token(user=account.user, by=admin, name="again", at=make.now())
    assert len(events("service_account.ended")) == 1
    (refused,) = events("token.refused")
    assert refused.scope_id == account.scope_id


def test_pages_make_accounts_and_tokens_and_show_a_key_once(scope, admin):
    client = Client()
    client.force_login(admin)
    here = f"/scopes/{scope.slug}/service-accounts/"
    client.post(f"{here}new/", {"name": "Bridge", "role": "pipeline"})
    account = scope.service_accounts.get()
    made = client.post(f"/service-accounts/{account.pk}/tokens/", {"name": "key", "days": 9})
    assert made.status_code == 201
    token = ApiToken.objects.get(user=account.user)
    (key,) = set(re.findall(r"ctem_[0-9A-Za-z]{49}", made.content.decode()))
    assert ask(key).status_code == 200
    assert key not in client.get(here).content.decode()
    rotated = client.post(f"/tokens/{token.pk}/rotate/", {"overlap_days": 0})
    (new,) = set(re.findall(r"ctem_[0-9A-Za-z]{49}", rotated.content.decode()))
    assert (ask(key).status_code, ask(new).status_code) == (401, 200)
    client.post(f"/tokens/{token.pk}/revoke/")
    assert ask(new).status_code == 401
    client.post(f"/service-accounts/{account.pk}/end/")
    account.refresh_from_db()
    assert account.ended_at is not None
