"""Which finding each result of a scan is: packed, kept once, found again."""

import pytest

from findings.models import Finding
from scans.models import ResultIndex, ScanResults
from scans.results import ResultIndex as Index
from scans.results import pack, pointers, scans_that_saw, seen_in
from tests.code import Code, facts_of, sarif_of
from tests.factories import make_asset, upload_and_ingest, weak_file

ROWS = [
    ("/runs/0/results/0", 7), ("/runs/0/results/1", 9), ("/runs/1/results/0", 3),
    ("/runs/0/results/12", 8), ("/Results/0/Vulnerabilities/3", 4), ("/2/alerts/odd-name", 5),
    ("/rows/007", 6),
]  # fmt: skip


def code(*paths: str, note: str = "") -> Code:
    return Code({path: weak_file(path) for path in paths}, note)


def test_what_is_packed_is_unpacked():
    sha256, packed = pack(ROWS)
    assert Index(packed=packed).pointers == {finding: pointer for pointer, finding in ROWS}
    assert pack(ROWS[:-1])[0] != sha256 == pack(iter(ROWS))[0]


def test_of_two_results_that_are_one_finding_the_first_is_told():
    _, packed = pack([("/runs/0/results/4", 1), ("/runs/0/results/2", 1)])
    assert Index(packed=packed).pointers == {1: "/runs/0/results/4"}


def test_a_quarter_of_a_million_results_are_a_few_hundred_kilobytes():
    _, packed = pack((f"/runs/0/results/{n}", 10**6 + n) for n in range(250_000))
    assert len(packed) < 10_000
    mixed = ((f"/runs/0/results/{n}", 10**6 + n * 7919 % 250_007) for n in range(250_000))
    assert len(pack(mixed)[1]) < 1_000_000


@pytest.mark.django_db
def test_scans_that_agree_share_their_index_and_each_answers_for_itself():
    asset = make_asset()
    one = code("app/a.py", "app/b.py")
    first = upload_and_ingest(asset, one)
    again = upload_and_ingest(asset, one.committed_as("again"))
    less = upload_and_ingest(asset, code("app/b.py", note="less"))
    assert ScanResults.objects.count() == 3
    assert ResultIndex.objects.count() == 2
    a, b = Finding.objects.order_by("path").values_list("pk", flat=True)
    shown = pointers([first.pk, again.pk, less.pk])
    assert shown[first.pk] == shown[again.pk] == {a: "/runs/0/results/0", b: "/runs/0/results/1"}
    assert shown[less.pk] == {b: "/runs/0/results/0"}
    assert pointers([less.pk], [a]) == {less.pk: {}}
    scans = [first.pk, again.pk, less.pk]
    assert list(scans_that_saw(a, scans)) == [again.pk, first.pk]
    assert list(scans_that_saw(b, scans)) == [less.pk, again.pk, first.pk]
    assert list(scans_that_saw(b, [first.pk])) == [first.pk]


@pytest.mark.django_db
def test_where_a_scan_saw_a_finding_is_where_it_was_then():
    asset = make_asset()
    one = code("app/a.py")
    first = upload_and_ingest(asset, one)
    middle = upload_and_ingest(asset, one.committed_as("the same"))
    moved = one.change({"app/a.py": "# one\n# two\n\n" + one.files["app/a.py"]})
    last = upload_and_ingest(asset, sarif_of(moved), facts_of(moved))
    finding = Finding.objects.get()
    lines = [seen_in(finding.pk, scan.pk).start_line for scan in (first, middle, last)]
    assert lines == [2, 2, 5]
    sightings = finding.sightings.order_by("pk").values_list("scan_id", "ended_by")
    assert list(sightings) == [(first.pk, last.pk), (last.pk, None)]
    assert seen_in(finding.pk, first.pk - 1) is None
