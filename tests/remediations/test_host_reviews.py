"""Reviews on a code host: recorded once, judged by the gate like any other."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from core.errors import BadInput, NotAllowed
from core.models import Event
from core.permissions import Role
from findings.statuses import Status
from remediations.host_reviews import HostReview, answers_in, record_host_reviews
from remediations.models import Review
from scans.services.facts import reviews
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def fix():
    return make.make_remediation(make.make_finding(Status.VALIDATED))


def told(fix, **members):
    standard = {
        "id": "1#7/99", "login": "octocat", "decision": "approved", "commit": fix.head_commit,
        "at": make.now() - timedelta(minutes=1),
    }  # fmt: skip
    return HostReview(**standard | members)


def record(fix, *rows, by=None):
    by = by or make.member(fix.scope, Role.PIPELINE)
    return record_host_reviews(remediation=fix, reviews=rows, by=by, at=make.now())


def test_a_review_is_recorded_once_with_its_event_and_again_when_it_says_something_else(fix):
    assert len(record(fix, told(fix))) == 1
    assert record(fix, told(fix)) == []
    assert [row["decision"] for row in reviews(fix)] == ["approved"]
    assert len(record(fix, told(fix, decision="dismissed"))) == 1
    assert reviews(fix) == []
    events = Event.objects.about("remediation", fix.pk).filter(action="remediation.reviewed")
    assert [event.data["decision"] for event in events.order_by("pk")] == ["approved", "dismissed"]


def test_it_counts_for_its_revision_only(fix):
    record(fix, told(fix, commit="a" * 40))
    row = Review.objects.get()
    assert (row.commit, row.tree) == ("a" * 40, "")
    record(fix, told(fix, id="1#7/100"))
    assert Review.objects.get(host_review="1#7/100").tree == fix.head_tree


def test_a_bot_of_the_host_is_told_as_one(fix):
    record(fix, told(fix, login="reviewer[bot]", kind="bot"))
    assert reviews(fix)[0]["kind"] == "bot"


@pytest.mark.parametrize(
    ("login", "mention"),
    [
        ("{username}", ""),
        ("octocat", "Somebody Else <{email}>"),
        ("octocat", "{username} <x@example.com>"),
    ],
)
def test_who_reviewed_here_and_there_is_one_person(fix, login, mention):
    user = make.member(fix.scope, Role.ANALYST)
    make.approve(fix, by=user)
    shown = {"username": user.username, "email": user.email}
    record(fix, told(fix, login=login.format(**shown), mention=mention.format(**shown)))
    assert [row["reviewer"] for row in reviews(fix)] == [user.username] * 2


def test_others_stay_others(fix):
    user = make.member(fix.scope, Role.ANALYST)
    make.approve(fix, by=user)
    record(fix, told(fix, mention="Octo Cat <octo@example.com>"))
    assert [row["reviewer"] for row in reviews(fix)] == [user.username, "octocat"]


def test_a_reviews_text_answers_the_policys_questions():
    text = """Fine.
- root_cause_removed: yes: no shell any more
**Variants considered**: yes
Behaviour kept = yes
"""
    assert answers_in(text) == {
        "root_cause_removed": "yes: no shell any more",
        "variants_considered": "yes",
        "behaviour_kept": "yes",
    }
    assert answers_in("LGTM") == {}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [({"commit": "abc"}, "review.commit"), ({"decision": "liked"}, "review.decision")],
)
def test_what_cannot_be_used_is_refused_whole(fix, wrong, where):
    with pytest.raises(BadInput, match=where):
        record(fix, told(fix, id="1#7/1"), told(fix, **wrong))
    assert not Review.objects.exists()


def test_only_who_may_propose_fixes_records_them(fix):
    with pytest.raises(NotAllowed):
        record(fix, told(fix), by=make.member(fix.scope, Role.VIEWER))


@pytest.mark.parametrize(
    "members",
    [
        {"login": "octocat"},  # no name of the review
        {"reviewer": True, "login": "octocat", "login_kind": "human", "host_review": "1"},  # both
        {"reviewer": True, "decision": "dismissed"},  # only a host dismisses
        {},  # nobody
    ],
)
def test_the_database_holds_that_somebody_made_it_here_or_there(fix, members):
    person = make.member(fix.scope, Role.ANALYST) if members.pop("reviewer", False) else None
    row = Review(
        remediation=fix, reviewer=person, commit=fix.head_commit, at=make.now(),
        **{"decision": "approved", **members},
    )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_a_hosts_review_is_append_only_too(fix):
    record(fix, told(fix))
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE remediations_review SET login = 'me'")
