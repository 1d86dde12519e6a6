"""Saved views: whose they are, who may change them, what their names may be."""

import pytest

from core.errors import BadInput, Incomplete, NotAllowed, WrongState
from core.models import Event
from core.permissions import Role
from findings.models import ListChoice, SavedView
from findings.services import change_view, choose_list, remove_view, save_view
from tests import factories as make
from tests.races import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(db):
    return make.make_scope()


@pytest.fixture
def analyst(scope):
    return make.member(scope, Role.ANALYST)


@pytest.fixture
def viewer(scope):
    return make.member(scope, Role.VIEWER)


def save(by, name="Mine", **more):
    return save_view(name=name, query="open=true", by=by, at=make.now(), **more)


def test_a_view_of_ones_own_is_seen_by_nobody_else(scope, analyst, viewer):
    view = save(viewer)
    assert list(SavedView.objects.visible_to(viewer)) == [view]
    assert not SavedView.objects.visible_to(analyst)
    with pytest.raises(NotAllowed):
        change_view(view=view, name="Yours", by=analyst, at=make.now())
    with pytest.raises(NotAllowed):
        remove_view(view=view, by=analyst, at=make.now())


def test_a_shared_view_is_seen_in_its_scope_and_changed_by_who_triages_there(
    scope, analyst, viewer
):
    with pytest.raises(NotAllowed):
        save(viewer, scope=scope)
    view = save(analyst, scope=scope)
    assert view.address == f"{scope.slug}/mine"
    assert list(SavedView.objects.visible_to(viewer)) == [view]
    outsider = make.member(make.make_scope(), Role.ADMIN)
    assert not SavedView.objects.visible_to(outsider)
    with pytest.raises(NotAllowed):
        change_view(view=view, name="Ours", by=viewer, at=make.now())
    other = make.add_member(scope, make.make_user("second"), Role.APPROVER)
    assert change_view(view=view, name="Ours", by=other, at=make.now()).slug == "ours"
    told = Event.objects.filter(scope_id=scope.pk, subject="saved_view").order_by("pk")
    assert [event.action for event in told] == ["view.saved", "view.changed"]
    assert told[0].data == {"name": "Mine", "filter": "open=true", "columns": []}


def test_a_name_is_taken_once_whatever_its_letters_for_each_person_and_scope(
    scope, analyst, viewer
):
    save(viewer, "Very grave")
    save(analyst, "Very grave")
    save(analyst, "Very grave", scope=scope)
    for by, where in ((viewer, None), (analyst, scope)):
        with pytest.raises(WrongState, match="already"):
            save(by, "very  GRAVE", scope=where)


@pytest.mark.parametrize("name", ["", "  ", "!!!", "Default", "x" * 81])
def test_a_name_that_cannot_stand_in_an_address_is_refused(viewer, name):
    with pytest.raises(BadInput) as refused:
        save(viewer, name)
    assert refused.value.where == "name"


def test_names_in_other_scripts_are_names(viewer):
    assert save(viewer, "重要な脆弱性").slug == "重要な脆弱性"


def test_unknown_columns_are_refused_and_known_ones_come_in_the_order_of_lists(viewer):
    with pytest.raises(BadInput, match="'colour' is none of"):
        save(viewer, columns=["colour"])
    assert save(viewer, columns=["tool", "priority"]).columns == ["priority", "tool"]


def test_there_are_at_most_so_many(viewer, monkeypatch):
    monkeypatch.setattr("findings.services.saving.MOST_VIEWS", 1)
    save(viewer, "One")
    with pytest.raises(WrongState, match="remove one first"):
        save(viewer, "Two")


def test_whose_default_is_removed_begins_with_what_is_open(viewer):
    view = save(viewer)
    choose_list(default_view=view, columns=["due"], by=viewer, at=make.now())
    remove_view(view=view, by=viewer, at=make.now())
    choice = ListChoice.objects.get(user=viewer)
    assert choice.default_view is None and choice.columns == ["due"]


def test_nobody_begins_with_a_view_that_they_cannot_see(analyst, viewer):
    with pytest.raises(Incomplete):
        choose_list(default_view=save(analyst), by=viewer, at=make.now())


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_one_name_at_once_one_is_refused():
    viewer = make.member(make.make_scope(), Role.VIEWER)
    answers = race(*[lambda: save(viewer, "Both")] * 2)
    assert SavedView.objects.count() == 1
    assert sum(isinstance(answer, WrongState) for answer in answers) == 1
