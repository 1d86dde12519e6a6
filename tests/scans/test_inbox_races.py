"""Two people decide about one report at once: one of them does, the other is told."""

import pytest

from core.errors import Refused
from core.events import broken_links
from core.permissions import Role
from scans.inbox import InboxReport
from scans.models import Scan
from scans.services.inbox import keep_report, place_on_new_asset, place_report, reject_report
from scopes.models import Asset
from tests.factories import add_member, make_asset, make_scope, make_user, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(transactional_db):
    scope = make_scope()
    return [member(scope, Role.ADMIN), add_member(scope, make_user("second"), Role.ADMIN)]


def report_of(people, **facts):
    scope = people[0].memberships.get().scope
    report, _ = keep_report(
        scope=scope, data=b'{"version": "2.1.0", "runs": []}', facts=facts, asset_name="shop",
        by=people[0], at=now(),
    )  # fmt: skip
    return report


def test_of_two_who_place_one_report_one_does(people):
    report = report_of(people)
    assets = [make_asset(report.scope) for _ in people]
    answers = race(
        *[
            lambda by=by, asset=asset: place_report(report=report, asset=asset, by=by, at=now())
            for by, asset in zip(people, assets, strict=True)
        ]
    )
    (refused,) = errors(answers)
    assert isinstance(refused, Refused) and "was placed meanwhile" in str(refused)
    report.refresh_from_db()
    assert Scan.objects.get().asset == report.asset
    assert list(broken_links()) == []


def test_of_two_who_make_its_asset_one_does(people):
    report = report_of(people)
    answers = race(
        *[lambda by=by: place_on_new_asset(report=report, by=by, at=now()) for by in people]
    )
    (refused,) = errors(answers)
    assert isinstance(refused, Refused)
    assert Asset.objects.count() == Scan.objects.count() == 1


def test_two_who_make_assets_of_two_reports_of_one_name_do_not_wait_for_each_other(people):
    reports = [report_of(people, commit=char * 40) for char in "abcdef"]
    answers = race(
        *[
            lambda by=by, one=one: place_on_new_asset(
                report=one, name=f"x{one.pk}", by=by, at=now()
            )
            for by, one in zip(people, (reports[-1], reports[0]), strict=True)
        ]
    )
    (refused,) = errors(answers)
    assert isinstance(refused, Refused) and "was placed meanwhile" in str(refused)
    assert (Asset.objects.count(), Scan.objects.count()) == (1, 6)


def test_who_places_and_who_rejects_do_not_both(people):
    report = report_of(people)
    asset = make_asset(report.scope)
    answers = race(
        lambda: place_report(report=report, asset=asset, by=people[0], at=now()),
        lambda: reject_report(report=report, reason="No.", by=people[1], at=now()),
    )
    (refused,) = errors(answers)
    assert isinstance(refused, Refused)
    report = InboxReport.objects.get()
    assert Scan.objects.count() == (1 if report.state == "placed" else 0)


def test_two_who_send_the_same_leave_one_entry(people):
    scope = people[0].memberships.get().scope
    answers = race(
        *[
            lambda: keep_report(
                scope=scope, data=b"x", facts={}, asset_name="shop", by=people[0], at=now()
            )
            for _ in range(2)
        ]
    )
    assert errors(answers) == []
    assert sorted(new for _, new in answers) == [False, True]
    assert InboxReport.objects.count() == 1
