"""Findings that are no longer there, where the code host says what changed."""

from datetime import timedelta

import pytest

from core.models import Event, Job
from findings.models import Finding
from findings.statuses import OPEN, Status
from forges.services import looks, ranges
from scans.models import RangeDiff
from scans.statuses import FactSource
from tests.forges.codeql import DEFAULT_SETUP, OTHER, OTHER_SAFE, SAFE, WEAK, files_of, report_of

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


def test_what_came_for_one_category_serves_the_others(acme, shop, monkeypatch):
    def also_scanned():
        commit = shop.git.resolve("main")
        acme.github.add_analysis(
            shop, "refs/heads/main", commit, "CodeQL", report_of(files_of(shop, commit)),
            version="2.23.5", analysis_key=DEFAULT_SETUP, category="/language:other",
        )  # fmt: skip
        acme.look()

    also_scanned()
    monkeypatch.setattr(ranges, "MOST_ASKED", 0)
    for number, files in enumerate([{"app/pack.py": SAFE}, {}], 1):
        pushed(acme, shop, files, number)
        also_scanned()
    monkeypatch.setattr(ranges, "MOST_ASKED", 8)
    acme.look()
    statuses = Finding.objects.values_list("status", flat=True)
    assert list(statuses) == [Status.NO_LONGER_PRESENT] * 2


def test_what_is_absent_is_asked_for_long_after_the_last_push(acme, shop, monkeypatch):
    pushed(acme, shop, {"app/pack.py": SAFE}, 1)
    pushed(acme, shop, {}, 2)
    monkeypatch.setattr(looks, "ALIVE", timedelta(hours=-1))
    acme.look()
    assert acme.finding().status == Status.NO_LONGER_PRESENT
    before = Job.objects.filter(kind="forge_repository").count()
    acme.look()
    assert Job.objects.filter(kind="forge_repository").count() == before  # nothing to ask for


# --- more than one look may ask for --------------------------------------------------------------
@pytest.fixture
def two(acme, monkeypatch):
    """Two weaknesses that went away one after the other; no diff was asked for yet. Commits: as pushed."""
    monkeypatch.setattr(ranges, "MOST_ASKED", 0)
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK, "app/ship.py": OTHER})
    acme.scanned(shop)
    acme.look()
    commits = [shop.git.resolve("main")]
    for number, files in enumerate([{"app/pack.py": SAFE}, {"app/ship.py": OTHER_SAFE}, {}], 1):
        pushed(acme, shop, files, number)
        commits.append(shop.git.resolve("main"))
    return shop, commits


def gone(acme, path):
    return acme.finding(path=path).status == Status.NO_LONGER_PRESENT


def test_what_a_second_look_brought_of_the_same_last_commit_is_judged_too(acme, two, monkeypatch):
    monkeypatch.setattr(ranges, "MOST_ASKED", 2)
    acme.look()
    assert gone(acme, "app/ship.py") and not gone(acme, "app/pack.py")
    monkeypatch.setattr(ranges, "MOST_ASKED", 8)
    acme.look()
    assert gone(acme, "app/pack.py")


def test_what_came_before_the_host_broke_off_is_judged(acme, two, monkeypatch):
    _, commits = two
    monkeypatch.setattr(ranges, "MOST_ASKED", 8)
    acme.github.fault(f"compare/{commits[0]}", 500, times=99)
    acme.look()
    assert acme.failed() and RangeDiff.objects.count() == 2
    assert gone(acme, "app/ship.py") and not gone(acme, "app/pack.py")


def test_what_the_host_cannot_tell_does_not_keep_others_waiting(acme, two, monkeypatch):
    shop, commits = two
    acme.github.push(shop, "main", commits[0])
    for number in (4, 5):  # the scan that saw the other one last is of no line any more
        pushed(acme, shop, {"app/pack.py": SAFE, "app/ship.py": OTHER_SAFE}, number)
    monkeypatch.setattr(ranges, "MOST_ASKED", 1)
    for _ in range(5):
        acme.look()
    assert acme.failed() == []
    assert gone(acme, "app/pack.py") and not gone(acme, "app/ship.py")
