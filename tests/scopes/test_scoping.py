"""Settings of scopes, teams, assets with what they hang on: who may, what stays in the scope, events."""

import pytest
from django.db import IntegrityError, connection, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from scopes.models import Asset, AssetAlias, AssetLink, Scope, Team, TeamMember
from scopes.services import create_asset
from scopes.services.assets import change_asset
from scopes.services.links import find_asset, link_assets, remember_alias, unlink_assets
from scopes.services.settings import change_scope
from scopes.services.teams import (
    add_team_member,
    change_team,
    create_team,
    remove_team,
    remove_team_member,
)
from tests.factories import make_asset, make_scope, make_user, member, now

pytestmark = pytest.mark.django_db
OTHERS = [role for role in Role if role != Role.ADMIN]


def last_event():
    return Event.objects.latest("pk")


@pytest.fixture
def team(scope, admin):
    return create_team(scope=scope, name="Payments", handle="@acme/payments", by=admin, at=now())


@pytest.fixture
def foreign():
    """A team of another scope."""
    return create_team(scope=make_scope(), name="Theirs", by=None, at=now())


# --- settings ------------------------------------------------------------------------------------
def test_a_change_of_a_scope_tells_from_what_to_what(scope, admin, team):
    changed = change_scope(
        scope=scope, by=admin, at=now(), criticality="critical", exposure="internet",
        data_class="restricted", regulations=["soc2-cc7.1", "pci-dss-11.3.1"], owner_team=team,
        expected_classes=["sca", "sast"], fresh_days=7, owner="Ada",
    )  # fmt: skip
    scope.refresh_from_db()
    assert scope == changed and scope.owner_team == team
    assert scope.regulations == ["pci-dss-11.3.1", "soc2-cc7.1"]  # in the order of the catalogue
    assert scope.expected_classes == ["sast", "sca"]
    event = last_event()
    assert (event.action, event.subject, event.actor) == ("scope.changed", "scope", admin)
    assert event.data["from"]["criticality"] == "medium"
    assert event.data["to"]["criticality"] == "critical"
    assert event.data["to"]["owner_team"] == "Payments"
    assert "criticality" in event.data["changed"] and "name" not in event.data["changed"]
    assert list(broken_links()) == []


def test_what_is_so_already_is_no_change(scope, admin):
    before = Event.objects.count()
    change_scope(scope=scope, by=admin, at=now(), criticality="medium", fresh_days=30)
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    "change",
    [
        {"criticality": "huge"}, {"exposure": ""}, {"data_class": "secret"}, {"fresh_days": 0},
        {"regulations": ["pci"]}, {"expected_classes": ["magic"]}, {"name": " "},
        {"policy": None}, {"slug": "x"},
    ],
)  # fmt: skip
def test_what_a_scope_cannot_be_is_refused_by_name_and_nothing_changes(scope, admin, change):
    (name,) = change
    before = Scope.objects.filter(pk=scope.pk).values().get()
    with pytest.raises(BadInput, match=f"^{name}: "):
        change_scope(scope=scope, by=admin, at=now(), owner="Ada", **change)
    assert Scope.objects.filter(pk=scope.pk).values().get() == before


@pytest.mark.parametrize("role", OTHERS)
def test_only_an_administrator_changes_a_scope_an_asset_and_teams(scope, asset, team, role):
    other, by = make_asset(scope), member(scope, role)
    before = Event.objects.count()
    for verb in (
        lambda: change_scope(scope=scope, by=by, at=now(), owner="me"),
        lambda: change_asset(asset=asset, by=by, at=now(), address="me"),
        lambda: create_team(scope=scope, name="Mine", by=by, at=now()),
        lambda: change_team(team=team, name="Mine", by=by, at=now()),
        lambda: remove_team(team=team, by=by, at=now()),
        lambda: add_team_member(team=team, user=by, by=by, at=now()),
        lambda: remove_team_member(team=team, user=by, by=by, at=now()),
        lambda: link_assets(asset=asset, kind="runs_on", target=other, by=by, at=now()),
    ):
        with pytest.raises(NotAllowed):
            verb()
    assert Event.objects.count() == before


def test_a_team_of_another_scope_owns_nothing_here(scope, asset, admin, foreign):
    with pytest.raises(BadInput, match="owner_team: is of another scope"):
        change_scope(scope=scope, owner_team=foreign, by=admin, at=now())
    with pytest.raises(BadInput, match="team: is of another scope"):
        change_asset(asset=asset, team=foreign, by=admin, at=now())
    with pytest.raises(BadInput, match="team: is of another scope"):
        create_asset(scope=scope, name="x", team=foreign, by=admin, at=now())


def test_the_database_itself_keeps_teams_and_links_in_their_scope(scope, asset, foreign):
    other = make_asset()
    at = now()
    for write in (
        lambda: Scope.objects.filter(pk=scope.pk).update(owner_team=foreign),
        lambda: Asset.objects.filter(pk=asset.pk).update(team=foreign),
        lambda: AssetLink.objects.create(scope=scope, asset=asset, kind="runs_on", target=other,
                                         created_at=at),
        lambda: AssetLink.objects.create(scope=scope, asset=asset, kind="runs_on", target=asset,
                                         created_at=at),
        lambda: AssetLink.objects.create(scope=scope, asset=asset, kind="likes",
                                         target=make_asset(scope), created_at=at),
        lambda: AssetAlias.objects.create(scope=scope, asset=other, name="x", created_at=at),
        lambda: Asset.objects.filter(pk=asset.pk).update(environment="moon"),
        lambda: Scope.objects.filter(pk=scope.pk).update(data_class="moon"),
        lambda: Scope.objects.filter(pk=scope.pk).update(fresh_days=0),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            write()
            connection.check_constraints()


# --- teams ---------------------------------------------------------------------------------------
def test_a_team_is_made_renamed_and_removed_and_each_is_an_event(scope, admin, team):
    change_team(team=team, name="Billing", handle="@acme/billing", by=admin, at=now())
    assert last_event().data["from"] == {"name": "Payments", "handle": "@acme/payments"}
    remove_team(team=team, by=admin, at=now())
    assert last_event().action == "team.removed"
    assert not Team.objects.exists()


def test_a_name_and_a_handle_are_given_once_in_a_scope(scope, admin, team):
    for name, handle in (("Payments", ""), ("Other", "@acme/payments")):
        with pytest.raises(WrongState, match="already has a team"):
            create_team(scope=scope, name=name, handle=handle, by=admin, at=now())
    other = create_team(scope=scope, name="Other", handle="@acme/other", by=admin, at=now())
    with pytest.raises(WrongState, match="by the handle @acme/payments"):  # files ask for no case
        change_team(team=other, handle="@ACME/Payments", by=admin, at=now())
    change_team(team=other, handle="@ACME/Other", by=admin, at=now())
    create_team(scope=make_scope(), name="Payments", handle="@acme/payments", by=None, at=now())
    for handle in ("acme/payments", "@acme payments", "@"):
        with pytest.raises(BadInput, match="handle: "):
            create_team(scope=scope, name="New", handle=handle, by=admin, at=now())


def test_only_members_of_the_scope_are_on_its_teams(scope, admin, viewer, team):
    for _ in range(2):
        add_team_member(team=team, user=viewer, by=admin, at=now())
    assert list(team.members.all()) == [viewer]
    assert Event.objects.filter(action="team.member_added").count() == 1
    stranger = make_user("stranger")
    with pytest.raises(BadInput, match="has no role in this scope"):
        add_team_member(team=team, user=stranger, by=admin, at=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamMember.objects.create(team=team, scope=scope, user=stranger)
        connection.check_constraints()
    for _ in range(2):
        remove_team_member(team=team, user=viewer, by=admin, at=now())
    assert not team.members.exists()
    assert Event.objects.filter(action="team.member_removed").count() == 1


def test_a_team_that_owns_something_is_not_removed(scope, asset, admin, team):
    change_asset(asset=asset, team=team, by=admin, at=now())
    with pytest.raises(WrongState, match="owns 1 assets"):
        remove_team(team=team, by=admin, at=now())
    change_asset(asset=asset, team=None, by=admin, at=now())
    change_scope(scope=scope, owner_team=team, by=admin, at=now())
    with pytest.raises(WrongState, match="owns the scope"):
        remove_team(team=team, by=admin, at=now())


# --- assets --------------------------------------------------------------------------------------
def test_a_change_of_an_asset_tells_from_what_to_what(asset, admin, team):
    change_asset(
        asset=asset, by=admin, at=now(), environment="production", tags=["PCI", "java", "pci "],
        team=team, address="https://shop.example.org", external_id="github:1",
    )  # fmt: skip
    asset.refresh_from_db()
    assert asset.tags == ["java", "pci"] and asset.team == team
    event = last_event()
    assert event.action == "asset.changed"
    assert event.data["from"]["tags"] == [] and event.data["to"]["tags"] == ["java", "pci"]
    before = Event.objects.count()
    change_asset(asset=asset, by=admin, at=now(), environment="production")
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    "change",
    [{"tags": ["two words"]}, {"tags": ["x" * 41]}, {"tags": [f"t{n}" for n in range(21)]},
     {"environment": "moon"}, {"kind": "boat"}, {"name": ""}, {"scope": None}],
)  # fmt: skip
def test_what_an_asset_cannot_be_is_refused_by_name(asset, admin, change):
    (name,) = change
    with pytest.raises(BadInput, match=f"^{name}: "):
        change_asset(asset=asset, by=admin, at=now(), **change)


def test_names_and_external_ids_are_given_once(scope, asset, admin):
    create_asset(scope=scope, name="other", external_id="github:7", by=admin, at=now())
    with pytest.raises(WrongState, match="already has an asset called other"):
        change_asset(asset=asset, name="other", by=admin, at=now())
    with pytest.raises(WrongState, match="or with the external id github:7"):
        change_asset(asset=asset, external_id="github:7", by=admin, at=now())
    create_asset(scope=make_scope(), name="other", external_id="github:7", by=None, at=now())


def test_assets_are_linked_once_with_others_of_their_scope(scope, asset, admin):
    other = make_asset(scope, name="lib")
    link, new = link_assets(asset=asset, kind="built_from", target=other, by=admin, at=now())
    again, once_more = link_assets(asset=asset, kind="built_from", target=other, by=admin, at=now())
    assert (new, once_more, again) == (True, False, link)
    assert last_event().data == {"kind": "built_from", "target": other.pk, "name": "lib"}
    for kind, target in (("built_from", asset), ("likes", other), ("runs_on", make_asset())):
        with pytest.raises(BadInput):
            link_assets(asset=asset, kind=kind, target=target, by=admin, at=now())
    for _ in range(2):
        unlink_assets(link=link, by=admin, at=now())
    assert Event.objects.filter(action="asset.unlinked").count() == 1


# --- names of assets -----------------------------------------------------------------------------
def test_an_upload_finds_an_asset_by_name_address_or_alias_in_its_scope_alone(scope, admin):
    web = create_asset(
        scope=scope,
        name="web",
        repository="https://git.example.org/acme/web.git",
        by=admin,
        at=now(),
    )
    make_asset(name="theirs", repository="https://git.example.org/acme/theirs")
    assert find_asset(scope, name="web") == web
    for spelt in ("/acme/web", "/acme/web.git", "/acme/web/"):
        assert find_asset(scope, repository=f"https://git.example.org{spelt}") == web
    assert find_asset(scope, name="shop") is None
    remember_alias(asset=web, name="shop", by=admin, at=now())
    assert find_asset(scope, name="shop") == web
    assert find_asset(scope, name="theirs") is None
    assert find_asset(scope, repository="https://git.example.org/acme/theirs") is None


def test_what_an_address_says_of_two_assets_is_asked(scope, admin):
    for name in ("one", "two"):
        create_asset(scope=scope, name=name, repository="https://x/y", by=admin, at=now())
    with pytest.raises(BadInput, match="more than one asset"):
        find_asset(scope, repository="https://x/y")


def test_an_alias_is_no_name_of_another(scope, asset, admin):
    other = make_asset(scope, name="other")
    assert remember_alias(asset=asset, name="shop", by=admin, at=now())
    assert not remember_alias(asset=asset, name="shop", by=admin, at=now())
    assert not remember_alias(asset=asset, name=asset.name, by=admin, at=now())
    for name in ("shop", asset.name):
        with pytest.raises(WrongState, match="name of another asset"):
            remember_alias(asset=other, name=name, by=admin, at=now())
