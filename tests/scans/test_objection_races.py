"""Two people decide about one waiver or dispute at once: one does, the other is told why not."""

import pytest

from core.errors import WrongState
from core.events import broken_links
from core.models import Event
from scans.services.disputes import confirm_dispute, withdraw_dispute
from scans.services.doors import newest_verification
from tests.factories import now, scan_fix
from tests.races import errors, race
from tests.scans.objections import build_world, dispute, waive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def w(transactional_db):
    return build_world()


def test_of_two_who_confirm_at_once_one_is_the_second(w):
    judged = newest_verification(w.finding)
    people = (w.approver, w.second)
    answers = race(
        *[lambda by=by: confirm_dispute(dispute=w.proposed, by=by, at=now()) for by in people]
    )
    assert [type(error) for error in errors(answers)] == [WrongState]
    w.proposed.refresh_from_db()
    assert w.proposed.state == "confirmed" and w.proposed.second in people
    confirmations = Event.objects.filter(
        action="remediation.dispute_confirmed", data__dispute=w.proposed.pk
    )
    assert confirmations.count() == 1
    after = newest_verification(w.finding)
    assert after.supersedes_id == judged.pk  # judged once more, not twice
    assert list(broken_links()) == []


def test_a_confirmation_that_meets_a_withdrawal_comes_before_it_or_is_refused(w):
    answers = race(
        lambda: confirm_dispute(dispute=w.proposed, by=w.second, at=now()),
        lambda: withdraw_dispute(dispute=w.proposed, reason="No.", by=w.approver, at=now()),
    )
    assert [type(error) for error in errors(answers)] in ([], [WrongState])
    assert not errors(answers[1:])
    w.proposed.refresh_from_db()
    assert w.proposed.state == "withdrawn"
    assert list(broken_links()) == []


def test_of_two_who_propose_or_waive_the_same_at_once_one_is_refused(w):
    withdraw_dispute(dispute=w.proposed, reason="No.", by=w.analyst, at=now())
    answers = race(*[lambda: dispute(w, w.proposed.result)] * 3)
    assert [type(error) for error in errors(answers)] == [WrongState] * 2
    answers = race(*[lambda: waive(w, "TOOL_VERSION")] * 3)
    assert [type(error) for error in errors(answers)] == [WrongState] * 2
    scan_fix(w.fix)  # a true scan still goes through
    assert list(broken_links()) == []
