"""Findings that are no longer there, where the code host says what changed."""

import pytest

from core.models import Event
from findings.statuses import OPEN, Status
from scans.models import RangeDiff
from scans.statuses import FactSource
from tests.forges.codeql import SAFE, WEAK

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(acme):
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(shop)
    acme.look()
    return shop


def pushed(acme, repository, files, number):
    acme.github.commit(repository, "main", {**files, "notes.md": f"{number}\n"}, f"Push {number}")
    acme.scanned(repository)
    acme.look()


def test_what_two_pushes_lack_is_asked_of_the_host_and_is_no_longer_present(acme, shop):
    pushed(acme, shop, {"app/pack.py": SAFE}, 1)
    pushed(acme, shop, {}, 2)
    assert acme.finding().status in OPEN
    acme.look()
    assert acme.failed() == []
    assert set(RangeDiff.objects.values_list("source", flat=True)) == {FactSource.FETCHED}
    assert acme.finding().status == Status.NO_LONGER_PRESENT, Event.objects.last().data
    pushed(acme, shop, {"app/pack.py": WEAK}, 3)
    assert acme.finding().status == Status.DISCOVERED


def test_a_comment_that_silences_the_scanner_keeps_it_open(acme, shop):
    silenced = WEAK.replace("shell=True)", "shell = True)  # lgtm[py/command-line-injection]")
    pushed(acme, shop, {"app/pack.py": silenced}, 1)
    pushed(acme, shop, {}, 2)
    acme.look()
    assert acme.failed() == []
    assert RangeDiff.objects.exists() and acme.finding().status in OPEN


def test_where_nothing_is_missing_the_host_is_asked_for_no_diff(acme, shop):
    acme.look()
    assert not RangeDiff.objects.exists()
