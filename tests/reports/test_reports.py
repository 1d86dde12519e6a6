"""A report: ordered, made once by a job, frozen, told by its digest, drawn from its frozen parts alone."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from core import blobs
from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event, Job
from ctem import jobs
from findings.models import Finding
from reports.metrics.backlog import AGE_NAMES
from reports.models import Move, MoveCursor, Report
from reports.renderers.forms import FORMS, file_of
from reports.services.moves import catch_up, place_untold
from reports.services.reports import order_report
from reports.services.snapshots import as_bytes, read_rows, read_snapshot
from reports.statuses import Period
from tests import factories as make
from tests.reports.histories import happen

pytestmark = pytest.mark.django_db


def made(world, **more):
    by = make.member(world.scope, "analyst")
    at = make.now() + timedelta(days=20)
    report = order_report(
        scopes=[world.scope], period=more.pop("period", Period.MONTH), by=by, at=at, **more
    )
    Job.objects.filter(pk=report.job_id).update(next_attempt_at=make.now())  # it was ordered ahead
    jobs.run(report.job_id)
    assert Job.objects.get(pk=report.job_id).error == ""
    return Report.objects.get(pk=report.pk)


@pytest.fixture
def report(world, files):
    happen(world, [(0, "claim", 1), (1, "accept", 1), (2, "dismiss", 1), (5, "revoke", 2)])
    return made(world)


def test_its_digest_stands_in_an_event_of_the_scopes_chain(world, report):
    event = Event.objects.get(action="report.made", subject_id=report.pk)
    assert event.chain == f"scope:{world.scope.pk}"
    data = blobs.load(report.snapshot_id)
    assert hashlib.sha256(data).hexdigest() == event.data["snapshot_sha256"] == report.snapshot_id
    assert event.data["rows_sha256"] == report.rows_id
    assert list(broken_links()) == []
    assert as_bytes(json.loads(data)) == data


def test_the_snapshot_names_rows_definitions_policies_and_the_end_of_the_chain(world, report):
    told = read_snapshot(report.snapshot_id)
    assert told["rows"] == {**told["rows"], "sha256": report.rows_id}
    assert len(list(read_rows(report.rows_id))) == told["rows"]["count"] == 7
    (scope,) = told["scopes"]
    assert scope["gate_policy"]["digest"] == world.scope.policy.digest
    ordered = Event.objects.get(action="report.ordered", subject_id=report.pk)
    assert scope["events"] == {"seq": ordered.seq, "hash": ordered.hash}
    assert told["definitions"]["proven"]["says"]
    assert list(told["figures"]["open"]["by_age"]) == list(AGE_NAMES)  # as people read them


def test_the_sum_of_the_waterfall_is_exact_and_every_bar_has_its_rows(report):
    told = read_snapshot(report.snapshot_id)
    change = told["figures"]["change"]
    moved = sum(bar["change"] for bar in change["bars"])
    assert change["opening"]["total"] + moved == change["closing"]["total"] == 5 + 1 - 2
    assert change["unexplained"]["total"] == 0
    rows = list(read_rows(report.rows_id))
    for bar in change["bars"]:
        there = sum(row["causes"].split().count(bar["bar"]) for row in rows)
        assert there == bar["moves"], bar["bar"]


def test_it_stays_as_it_was_whatever_happens_afterwards(world, report):
    before = {
        form: b"".join(file_of(report, form).blocks) for form in ("json", "figures", "findings")
    }
    happen(world, [(3, "accept", 50), (4, "dismiss", 60)])
    Finding.objects.filter(scope=world.scope).update(title="Another")
    after = {form: b"".join(file_of(report, form).blocks) for form in before}
    assert after == before
    assert b"Another" not in after["findings"]


def test_a_job_that_runs_twice_makes_it_once(world, report):
    job = Job.objects.get(pk=report.job_id)
    Job.objects.filter(pk=job.pk).update(state="queued", lease_until=None, attempts=0)
    jobs.run(job.pk)
    assert Event.objects.filter(action="report.made", subject_id=report.pk).count() == 1
    assert Report.objects.get(pk=report.pk).made_at == report.made_at


def test_one_that_is_not_made_hands_nothing_out(world):
    by = make.member(world.scope, "analyst")
    report = order_report(scopes=[world.scope], period=Period.WEEK, by=by, at=make.now())
    for form in FORMS:
        with pytest.raises(WrongState, match="not made yet"):
            file_of(report, form)


def test_of_several_scopes_it_is_told_on_the_systems_chain_and_seen_by_who_sees_them_all(
    world, files
):
    other = make.make_asset().scope
    by = make.add_member(other, make.member(world.scope, "analyst"), "analyst")
    half = make.member(world.scope, "viewer")
    report = order_report(scopes=[world.scope, other], period=Period.WEEK, by=by, at=make.now())
    jobs.run(report.job_id)
    assert Event.objects.get(action="report.made").chain == "system"
    assert list(Report.objects.visible_to(by)) == [report]
    assert list(Report.objects.visible_to(half)) == []
    make.add_member(other, half, "viewer")
    assert list(Report.objects.visible_to(half)) == [report]


REFUSED = [
    ({"period": Period.CUSTOM}, "since: is needed"),
    ({"period": Period.WEEK, "since": timedelta(days=-9)}, "since: is for the period"),
    ({"period": Period.WEEK, "until": timedelta(days=1)}, "until: lies ahead"),
    ({"period": Period.CUSTOM, "since": timedelta(0)}, "since: is not before"),
    ({"period": Period.CUSTOM, "since": timedelta(days=-4000)}, "since: more than 3660 days"),
]


@pytest.mark.parametrize("asked, sentence", REFUSED)
def test_a_time_that_does_not_fit_is_refused_by_name(world, asked, sentence):
    at, by = make.now(), make.member(world.scope, "analyst")
    told = {k: at + v if isinstance(v, timedelta) else v for k, v in asked.items()}
    with pytest.raises(BadInput, match=sentence):
        order_report(scopes=[world.scope], by=by, at=at, **told)
    assert not Report.objects.exists()


def test_who_may_not_triage_makes_none_and_nobody_makes_one_of_nothing(world):
    for role in ("viewer", "developer"):
        with pytest.raises(NotAllowed):
            order_report(scopes=[world.scope], period=Period.WEEK, at=make.now(),
                         by=make.member(world.scope, role))  # fmt: skip
    with pytest.raises(BadInput, match="scope: there is none"):
        order_report(
            scopes=[], period=Period.WEEK, at=make.now(), by=make.member(world.scope, "admin")
        )


# --- files ---------------------------------------------------------------------------------------
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    " =cmd|' /C calc'!A0",
    "'quoted",
    '"a',
    "a\nb",
]


def test_no_text_of_a_scanner_becomes_a_formula_in_any_table(world, files):
    """T31: read again by another reader; the text is what it was, once the mark is taken away."""
    for finding, title in zip([*world.findings, *world.proven], NASTY, strict=False):
        Finding.objects.filter(pk=finding.pk).update(title=title)
    for title in NASTY[len(world.findings) + len(world.proven) :]:
        Finding.objects.filter(pk=make.import_finding(world.findings[0].asset).pk).update(
            title=title
        )
    report = made(world)
    text = b"".join(file_of(report, "findings").blocks).decode()
    titles = [row["title"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert [t for t in titles if t.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    assert {t.removeprefix("'") for t in titles} == set(NASTY)


def test_every_figure_is_in_the_table_of_figures(report):
    told = b"".join(file_of(report, "figures").blocks).decode()
    rows = dict(csv.reader(io.StringIO(told, newline="")))
    assert rows["open: total"] == str(read_snapshot(report.snapshot_id)["figures"]["open"]["total"])
    assert rows["change: bars: revoked: moves"] == "1"
    assert rows["closures: without evidence: numerator"] == "0"


# --- the copy of moves ---------------------------------------------------------------------------
def test_moves_are_copied_once_and_can_be_made_anew(world):
    happen(world, [(0, "claim", 1), (1, "accept", 1), (1, "expire", 200)])
    ids = [world.scope.pk]
    first = catch_up(ids)
    told = list(
        Move.objects.filter(scope__in=ids).order_by("pk").values_list("finding", "name", "at")
    )
    assert first == len(told) > 5
    assert catch_up(ids) == place_untold(ids) == 0
    Move.objects.all().delete()
    MoveCursor.objects.all().delete()
    assert catch_up(ids) == first
    again = Move.objects.filter(scope__in=ids).order_by("pk").values_list("finding", "name", "at")
    assert list(again) == told


def test_a_finding_that_stands_where_no_event_brought_it_gets_its_move(world):
    catch_up([world.scope.pk])
    finding, at = world.findings[0], make.now()
    Finding.objects.filter(pk=finding.pk).update(status="no_longer_present", status_since=at)
    assert place_untold([world.scope.pk]) == 1
    move = Move.objects.get(finding=finding)
    assert (move.name, move.source, move.target, move.at) == (
        "placed", "prioritized", "no_longer_present", at
    )  # fmt: skip
    assert place_untold([world.scope.pk]) == 0


NAMES = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def test_a_workbook_holds_text_as_text_and_numbers_as_numbers(world, files):
    """T31: no formula and no link in any sheet, as its own XML tells."""
    for finding, title in zip(world.findings, NASTY[5:], strict=True):
        Finding.objects.filter(pk=finding.pk).update(title=title)
    data = b"".join(file_of(made(world), "xlsx").blocks)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = [name for name in book.namelist() if "/sheet" in name]
        sheets = [ElementTree.fromstring(book.read(name)) for name in names]  # noqa: S314 - ours
        texts = [book.read(n).decode() for n in book.namelist() if n.endswith((".xml", ".rels"))]
    assert len(sheets) == 4
    assert not any(sheet.findall(".//s:f", NAMES) for sheet in sheets)
    assert not any("hyperlink" in text for text in texts)
    cells = sheets[3].findall(".//s:c", NAMES)
    told = {"".join(cell.itertext()) for cell in cells if cell.get("t") == "inlineStr"}
    assert {"=cmd|' /C calc'!A0", "'quoted", '"a', "a\nb"} <= {text.strip(" ") for text in told}
    ids = {
        float(c.find("s:v", NAMES).text)
        for c in cells
        if c.get("r", "").startswith("A") and c.get("t") != "inlineStr"
    }
    assert ids == {float(finding.pk) for finding in [*world.findings, *world.proven]}
