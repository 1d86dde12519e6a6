"""What is forgotten after a while, and what never is."""

from datetime import timedelta

import pytest

from findings.models import Finding, Sighting
from scans.models import ResultIndex, Scan, ScanResults
from scans.services.pruning import prune
from tests.code import Code
from tests.factories import (
    make_asset,
    make_remediation,
    now,
    scan_fix,
    upload_and_ingest,
    weak_file,
)

pytestmark = pytest.mark.django_db
LATER = timedelta(days=500)


def shifted(lines: int, *paths: str) -> Code:
    return Code({path: "# moved\n" * lines + weak_file(path) for path in paths})


def moved_five_times(asset, *paths: str, note: str = "") -> list[Scan]:
    codes = [shifted(n * 3, *paths) for n in range(5)]
    return [upload_and_ingest(asset, code.committed_as(note) if note else code) for code in codes]


def test_places_and_results_of_old_scans_go_but_for_the_first_and_the_last():
    asset = make_asset()
    scans = moved_five_times(asset, "app/a.py")
    assert Sighting.objects.count() == ScanResults.objects.count() == 5
    assert prune(at=now()) == {"sightings": 0, "results": 0, "indexes": 0}
    assert prune(at=now() + LATER)["sightings"] == 3
    finding = Finding.objects.get()
    kept = finding.sightings.order_by("scan_id").values_list("scan_id", flat=True)
    assert list(kept) == [scans[0].pk, scans[-1].pk]
    assert list(ScanResults.objects.values_list("scan_id", flat=True)) == [scans[-1].pk]
    assert ResultIndex.objects.count() == 1
    assert Scan.objects.count() == 5
    again = upload_and_ingest(asset, shifted(12, "app/a.py").committed_as("later"))
    assert again.counts["unchanged"] == 1


def test_what_a_judgement_rests_on_stays():
    asset = make_asset()
    moved_five_times(asset, "app/a.py")
    fix = make_remediation(Finding.objects.get())
    scan_fix(fix)
    judged = fix.verifications.get()
    before = [role.scan_id for role in judged.scan_roles.filter(role="before")]
    moved_five_times(asset, "app/a.py", note="once more")
    prune(at=now() + LATER)
    assert before and set(before) <= set(ScanResults.objects.values_list("scan_id", flat=True))
    assert Sighting.objects.count() == 10


def test_nothing_is_forgotten_where_the_operator_says_so(settings):
    settings.SIGHTINGS_DAYS = 0
    moved_five_times(make_asset(), "app/a.py")
    assert prune(at=now() + LATER) == {}
    assert Sighting.objects.count() == 5
