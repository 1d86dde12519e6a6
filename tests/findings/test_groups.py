"""Groups: several findings are one thing to fix. A group closes nothing, and history stays."""

import pytest
from django.db import IntegrityError, connection, transaction

from core.errors import BadInput, Incomplete, NotAllowed, WrongState
from core.models import Event
from findings.models import Finding, FindingGroup
from findings.services import merge_findings, rename_group, split_group
from findings.statuses import Status
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(asset):
    return [make.import_finding(asset) for _ in range(4)]


def merge(rows, by, title="", **more):
    return merge_findings(
        findings=rows, title=title, reason="The same call.", by=by, at=make.now(), **more
    )


def grouped(rows):
    told = dict(Finding.objects.values_list("pk", "group_id"))
    return [told[row.pk] for row in rows]


def test_merged_findings_are_one_group_and_keep_their_own_status(rows, analyst):
    before = list(Finding.objects.order_by("pk").values_list("pk", "status"))
    group = merge(rows[:2], analyst)
    assert grouped(rows) == [group.pk, group.pk, None, None]
    assert group.title == rows[0].title
    assert list(Finding.objects.order_by("pk").values_list("pk", "status")) == before
    event = Event.objects.about("group", group.pk).get()
    assert event.data["findings"] == [rows[0].pk, rows[1].pk]
    assert event.data["reason"] == "The same call."


def test_groups_that_are_merged_come_whole_and_the_oldest_stays(rows, analyst):
    first, second = merge(rows[:2], analyst, "One"), merge(rows[2:], analyst, "Two")
    group = merge([rows[0], rows[3]], analyst)
    assert group == first
    assert grouped(rows) == [first.pk] * 4
    assert Event.objects.about("group", first.pk).latest("pk").data["groups"] == [second.pk]
    assert FindingGroup.objects.filter(pk=second.pk).exists()  # for its history


def test_a_group_closes_no_finding_whichever_of_its_own_is_proven(asset, analyst):
    done = make.make_finding(Status.MOBILIZATION_COMPLETE, asset=asset)
    other = make.import_finding(asset)
    merge([done, other], analyst)
    other.refresh_from_db()
    assert other.status == Status.PRIORITIZED
    assert other.verified_at is None


def test_what_is_taken_out_is_told_and_one_alone_is_no_group(rows, analyst):
    group = merge(rows[:3], analyst)
    told = {"group": group, "reason": "Another argument.", "by": analyst, "at": make.now()}
    split_group(findings=[rows[0].pk], **told)
    assert grouped(rows) == [None, group.pk, group.pk, None]
    split_group(findings=[rows[1].pk], **told)
    assert grouped(rows) == [None] * 4
    events = Event.objects.about("group", group.pk).order_by("pk")
    assert [e.action for e in events] == ["group.merged", "group.split", "group.split"]
    assert events[1].data["left"] == [rows[1].pk, rows[2].pk]


def test_what_is_not_in_the_group_is_not_taken_out(rows, analyst):
    group = merge(rows[:2], analyst)
    for ids in ([], [rows[3].pk], [rows[0].pk, rows[3].pk]):
        with pytest.raises(WrongState, match="Not in this group"):
            split_group(group=group, findings=ids, reason="x", by=analyst, at=make.now())
    assert grouped(rows[:2]) == [group.pk] * 2


def test_a_group_is_of_one_scope_and_of_two_at_least(rows, analyst):
    foreign = make.import_finding()
    make.add_member(foreign.scope, analyst, "analyst")
    with pytest.raises(BadInput, match="several scopes"):
        merge([rows[0], foreign], analyst)
    with pytest.raises(Incomplete):
        merge([rows[0], rows[0]], analyst)


def test_a_group_has_a_most(rows, analyst, monkeypatch):
    monkeypatch.setattr("findings.services.grouping.MAX_GROUPED", 3)
    merge(rows[:2], analyst), merge(rows[2:], analyst)
    with pytest.raises(BadInput, match="with their groups"):
        merge([rows[0], rows[2]], analyst)


@pytest.mark.parametrize("role", ["viewer", "developer", "pipeline"])
def test_grouping_takes_the_permission_to_triage(rows, analyst, role):
    group, by = merge(rows[:2], analyst), make.member(rows[0].scope, role)
    told = {"by": by, "at": make.now()}
    for verb in (
        lambda: merge(rows, by),
        lambda: split_group(group=group, findings=[rows[0].pk], reason="x", **told),
        lambda: rename_group(group=group, title="x", **told),
    ):
        with pytest.raises(NotAllowed):
            verb()


def test_a_new_title_is_told_with_the_old_one(rows, analyst):
    group = rename_group(
        group=merge(rows, analyst, "Old"), title=" New\n one ", by=analyst, at=make.now()
    )
    assert group.title == "New one"
    told = Event.objects.about("group", group.pk).latest("pk").data
    assert told == {"title": "New one", "before": "Old"}


def test_the_database_holds_members_to_the_scope_of_their_group(rows, analyst):
    group, foreign = merge(rows, analyst), make.import_finding()
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.objects.filter(pk=foreign.pk).update(group=group)
        connection.check_constraints()
