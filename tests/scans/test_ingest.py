"""Taking reports in: what is the same stays the same, what cannot be read changes nothing (T07, T09, T11)."""

import gzip
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, NotAllowed, TooLarge, WrongState
from core.events import broken_links
from core.models import Event, Job, JobState
from core.permissions import Role
from findings.models import Finding, Sighting
from findings.statuses import Presence, Status
from remediations.services import withdraw_remediation
from scans.models import Scan, Tool
from scans.results import pointers
from scans.services.uploads import inflate
from scans.statuses import ScanState
from scopes.models import Line, LineKind
from tests.code import Code, facts_of, sarif_of
from tests.factories import (
    approve,
    default_line,
    import_finding,
    make_asset,
    make_remediation,
    member,
    now,
    run_job,
    scan_fix,
    upload,
    upload_and_ingest,
    weak_file,
)
from tests.races import errors, race

pytestmark = pytest.mark.django_db


def code(*paths: str, note: str = "") -> Code:
    return Code({path: weak_file(path) for path in paths}, note)


def many(number: int, start: int = 0) -> Code:
    """One file with that many different weaknesses."""
    return Code({"app/many.py": "".join(f"eval(name_{n})\n" for n in range(start, start + number))})


def identities() -> list[tuple]:
    return list(Finding.objects.order_by("pk").values_list("pk", "rule", "path", "start_line"))


@pytest.fixture
def asset():
    return make_asset()


# --- what an import leaves -----------------------------------------------------------------------
def test_a_new_result_is_a_prioritized_finding_with_one_event_for_the_import(asset):
    scan = upload_and_ingest(asset, code("app/a.py", "app/b.py"))
    first, second = Finding.objects.order_by("pk")
    assert (first.rule, first.path, first.start_line, first.level) == (
        "B307",
        "app/a.py",
        2,
        "warning",
    )
    assert (first.status, first.presence, first.severity) == (
        Status.PRIORITIZED,
        Presence.PRESENT,
        "medium",
    )
    assert (first.tool, first.tool_class, first.cwes) == ("Bandit", "sast", ["CWE-78"])
    assert first.title.startswith("Use of possibly insecure function")
    assert second.path == "app/b.py"
    assert (scan.state, scan.counts["new"], scan.counts["results"]) == (ScanState.DONE, 2, 2)
    assert Sighting.objects.filter(scan_id=scan.pk).count() == 2
    actions = list(
        Event.objects.filter(subject="scan").order_by("pk").values_list("action", flat=True)
    )
    assert actions == ["scan.received", "scan.imported"]
    assert not Event.objects.filter(subject="finding").exists()


def test_the_event_seals_the_rows_of_the_import(asset):
    upload_and_ingest(asset, code("app/a.py"))
    upload_and_ingest(asset, code("app/a.py", note="next"))
    digests = [event.data["rows"] for event in Event.objects.filter(action="scan.imported")]
    assert len(digests) == len(set(digests)) == 2
    assert list(broken_links()) == []


# --- the same again ------------------------------------------------------------------------------
def test_the_same_file_with_the_same_facts_is_the_same_scan(asset):
    report, facts = sarif_of(code("app/a.py")), facts_of(code("app/a.py"))
    first, new = upload(asset, report, facts)
    events = Event.objects.count()
    again, new_again = upload(asset, report, facts)
    assert (first, new, new_again) == (again, True, False)
    assert (Scan.objects.count(), Job.objects.count(), Event.objects.count()) == (1, 1, events)
    run_job(first)
    assert upload(asset, report, facts) == (first, False)


def test_the_same_results_with_other_facts_are_another_scan_and_no_new_finding(asset):
    one = code("app/a.py", "app/b.py")
    upload_and_ingest(asset, one)
    before = identities()
    scan = upload_and_ingest(asset, one.committed_as("another commit"))
    assert scan.counts["unchanged"] == 2
    assert not scan.counts.get("new")
    assert identities() == before
    assert Finding.objects.first().sightings.count() == 1, "nothing changed: no row is added"
    assert Finding.objects.first().last_seen_at == scan.finished_at


def test_the_same_file_for_another_target_is_another_scan(asset):
    finding = import_finding(asset)
    fix = make_remediation(finding)
    report, facts = sarif_of(code("app/a.py")), facts_of(code("app/a.py"))
    scans = {
        upload(asset, report, facts)[0].pk,
        upload(asset, report, facts, remediation=fix)[0].pk,
        upload(asset, report, facts, remediation=fix, control=True)[0].pk,
        upload(make_asset(), report, facts)[0].pk,
    }
    assert len(scans) == 4


# --- identity over time --------------------------------------------------------------------------
def shifted(one: Code) -> Code:
    return one.change({path: "# one\n# two\n\n" + text for path, text in one.files.items()})


def renamed(one: Code) -> Code:
    return Code({path.replace("app/", "lib/"): text for path, text in one.files.items()})


def reindented(one: Code) -> Code:
    return one.change(
        {path: text.replace("    return", "        return") for path, text in one.files.items()}
    )


def grown(one: Code) -> Code:
    return one.change({"app/0.py": weak_file("app/0.py"), "app/z.py": weak_file("app/z.py")})


@pytest.mark.parametrize("change", [shifted, renamed, reindented, grown])
def test_a_finding_keeps_its_identity_through_changes_around_it(asset, change):
    one = code("app/a.py", "app/b.py", "app/c.py")
    upload_and_ingest(asset, one)
    known = list(Finding.objects.order_by("pk").values_list("pk", flat=True))
    after = change(one)
    upload_and_ingest(asset, after)
    found = Finding.objects.filter(pk__in=known).order_by("pk")
    assert [finding.presence for finding in found] == [Presence.PRESENT] * 3
    paths = [path for path in after.files if path[-4] in "abc"]
    assert sorted(finding.path for finding in found) == sorted(paths)
    assert Finding.objects.count() == len(after.files)
    assert [finding.status for finding in found] == [Status.PRIORITIZED] * 3


def test_a_finding_follows_the_scan_and_keeps_its_first_result(asset):
    one = code("app/a.py")
    upload_and_ingest(asset, one)
    upload_and_ingest(asset, shifted(one))
    finding = Finding.objects.get()
    assert (finding.start_line, finding.current["location"]["line"]) == (5, 5)
    assert finding.original["location"]["line"] == 2
    assert finding.last_seen_at > finding.first_seen_at
    assert list(finding.sightings.order_by("pk").values_list("start_line", flat=True)) == [2, 5]


def test_the_same_weakness_on_another_line_is_another_finding(asset):
    release = Line.objects.create(
        asset=asset, scope=asset.scope, name="release", kind=LineKind.RELEASE
    )
    one = code("app/a.py")
    upload_and_ingest(asset, one)
    upload_and_ingest(asset, one, line=release)
    upload_and_ingest(asset, Code({"README": ""}), line=release)
    first, sibling = Finding.objects.order_by("pk")
    assert (first.line.name, sibling.line.name) == ("main", "release")
    assert (first.presence, sibling.presence) == (Presence.PRESENT, Presence.ABSENT)


def test_another_tool_and_another_category_leave_a_finding_alone(asset):
    one = code("app/a.py")
    upload_and_ingest(asset, one)
    empty = sarif_of(Code({"README": ""}))
    other_tool, other_category = json.loads(json.dumps(empty)), json.loads(json.dumps(empty))
    other_tool["runs"][0]["tool"]["driver"]["name"] = "Semgrep OSS"
    other_category["runs"][0]["automationDetails"] = {"id": "nightly/"}
    upload_and_ingest(asset, other_tool, facts_of(one))
    upload_and_ingest(asset, other_category, facts_of(one))
    assert Finding.objects.get().presence == Presence.PRESENT


# --- absence -------------------------------------------------------------------------------------
def unsuccessful(report: dict, facts: dict) -> None:
    report["runs"][0]["invocations"][0]["executionSuccessful"] = False


def without_results(report: dict, facts: dict) -> None:
    report["runs"][0]["results"] = None


def with_an_error(report: dict, facts: dict) -> None:
    report["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [
        {"level": "error", "message": {"text": "app/a.py: cannot be parsed"}}
    ]


def of_the_change_only(report: dict, facts: dict) -> None:
    facts["scope"] = "diff"


def of_unknown_scope(report: dict, facts: dict) -> None:
    del facts["scope"]


@pytest.mark.parametrize(
    "spoil", [unsuccessful, without_results, with_an_error, of_the_change_only, of_unknown_scope]
)
def test_a_scan_that_cannot_tell_leaves_the_presence_unknown_and_not_absent(asset, spoil):
    upload_and_ingest(asset, code("app/a.py", "app/b.py"))
    clean = Code({"app/a.py": "a = 1\n", "app/b.py": "b = 1\n"})
    report, facts = sarif_of(clean), facts_of(clean)
    spoil(report, facts)
    scan = upload_and_ingest(asset, report, facts)
    assert set(Finding.objects.values_list("presence", "status")) == {
        (Presence.UNKNOWN, Status.PRIORITIZED)
    }
    assert not scan.counts.get("absent")
    assert scan.counts["unknown"] == 2


def test_a_full_scan_that_lacks_it_makes_it_absent_and_its_status_stays(asset):
    upload_and_ingest(asset, code("app/a.py"))
    finding = Finding.objects.get()
    scan = upload_and_ingest(asset, Code({"app/a.py": "a = 1\n"}))
    finding.refresh_from_db()
    assert (finding.presence, finding.status, scan.counts["absent"]) == (
        Presence.ABSENT, Status.PRIORITIZED, 1,
    )  # fmt: skip
    upload_and_ingest(asset, code("app/a.py", note="back"))
    finding.refresh_from_db()
    assert finding.presence == Presence.PRESENT
    assert Finding.objects.count() == 1


def test_a_suppressed_result_is_present_in_the_report_and_marked(asset):
    report = sarif_of(code("app/a.py"))
    report["runs"][0]["results"][0]["suppressions"] = [{"kind": "inSource"}]
    scan = upload_and_ingest(asset, report, facts_of(code("app/a.py")))
    assert Finding.objects.get().presence == Presence.SUPPRESSED
    assert Sighting.objects.get().suppressed
    assert scan.counts["suppressed"] == 1


# --- what is not of a line -----------------------------------------------------------------------
def test_scans_for_a_fix_create_see_and_lose_no_finding(asset):
    finding = import_finding(asset)
    fix = make_remediation(finding, code=code("app/other.py", "app/more.py"))
    before = Finding.objects.values().get()
    scan = scan_fix(fix)
    control = scan_fix(fix, code("app/control.py"), control=True)
    for one in (scan, control):
        assert (one.state, one.counts["results"] > 0) == (ScanState.DONE, True)
    assert Finding.objects.values().get() == before
    assert not Sighting.objects.filter(scan_id__in=[scan.pk, control.pk]).exists()


# --- two runs in one file ------------------------------------------------------------------------
def test_two_runs_of_one_tool_in_one_report_are_read_as_one(asset):
    """A tool that writes a run per folder: what the second lacks the first has seen."""
    one, two = code("app/a.py"), code("lib/b.py")
    report = sarif_of(one)
    report["runs"] += sarif_of(two)["runs"]
    both = Code({**one.files, **two.files})
    upload_and_ingest(asset, report, facts_of(both))
    assert {f.path: f.presence for f in Finding.objects.all()} == {
        "app/a.py": Presence.PRESENT, "lib/b.py": Presence.PRESENT,
    }  # fmt: skip
    again = upload_and_ingest(asset, report, facts_of(both.committed_as("next")))
    assert again.state == ScanState.DONE
    assert set(Finding.objects.values_list("presence", flat=True)) == {Presence.PRESENT}
    assert Finding.objects.count() == 2


def test_the_same_result_in_two_runs_of_one_tool_is_seen_once_per_scan(asset):
    report = sarif_of(code("app/a.py"))
    report["runs"] += sarif_of(code("app/a.py"))["runs"]
    for note in ("", "next"):
        scan = upload_and_ingest(asset, report, facts_of(code("app/a.py", note=note)))
        assert scan.state == ScanState.DONE
    assert Finding.objects.count() == Sighting.objects.count() == 2


# --- refused at the door -------------------------------------------------------------------------
def test_what_is_wrong_with_an_upload_is_said_before_anything_is_kept(asset, settings):
    one = code("app/a.py")
    facts = facts_of(one)
    report = json.dumps(sarif_of(one)).encode()
    with pytest.raises(BadInput, match="file: is empty"):
        upload(asset, b"", facts)
    with pytest.raises(BadInput, match=r"facts.*colour"):
        upload(asset, report, {**facts, "colour": "red"})
    for name in ("source", "uploader", "uploader_kind"):
        with pytest.raises(BadInput, match=f"facts.{name}: is set by the server"):
            upload(asset, report, {**facts, name: "measured"})
    with pytest.raises(BadInput, match=r"facts.*scope"):
        upload(asset, report, {**facts, "scope": "everything"})
    with pytest.raises(BadInput, match="line"):
        upload(asset, report, facts, line=default_line(make_asset()))
    fix = make_remediation(import_finding())
    with pytest.raises(BadInput, match="remediation: is of another asset"):
        upload(asset, report, facts, remediation=fix)
    settings.MAX_REPORT_BYTES = 100
    with pytest.raises(TooLarge, match=rf"larger than allowed \({len(report)} > 100 bytes\)"):
        upload(asset, report, facts)
    assert not Scan.objects.filter(asset=asset).exists()


def test_a_withdrawn_fix_takes_no_scan(asset):
    fix = make_remediation(import_finding(asset))
    fix = withdraw_remediation(remediation=fix, reason="x", by=fix.created_by, at=now())
    with pytest.raises(WrongState, match="withdrawn"):
        scan_fix(fix)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TICKETING])
def test_who_may_not_upload_uploads_nothing(asset, role):
    with pytest.raises(NotAllowed):
        upload(asset, code("app/a.py"), by=member(asset.scope, role))
    assert not Scan.objects.exists()


def test_who_uploads_is_told_by_the_server(asset):
    ci, person = member(asset.scope, Role.PIPELINE), member(asset.scope, Role.DEVELOPER)
    told = [
        upload(asset, code("app/a.py", note=by.username), by=by)[0].facts for by in (ci, person)
    ]
    assert [(f["uploader"], f["uploader_kind"], f["source"]) for f in told] == [
        (ci.username, "service", "declared"), (person.username, "human", "declared"),
    ]  # fmt: skip


def test_a_packed_report_is_unpacked_up_to_the_limit():
    packed = gzip.compress(b"x" * 1000)
    assert inflate(packed + packed, 2000) == b"x" * 2000
    with pytest.raises(TooLarge, match="unpacks to more than allowed"):
        inflate(packed, 999)
    for broken in (b"x" * 20, packed[:-10], packed[:12] + b"\xff" * 20):
        with pytest.raises(BadInput, match="is not readable gzip"):
            inflate(broken, 10_000)


# --- broken reports ------------------------------------------------------------------------------
def truncated() -> bytes:
    return json.dumps(sarif_of(code("app/a.py"))).encode()[:-40]


def wrong_member() -> bytes:
    report = sarif_of(code("app/a.py", "app/b.py"))
    report["runs"][0]["results"][1]["locations"] = "everywhere"
    return json.dumps(report).encode()


BROKEN = {
    "not JSON": (b"<sarif/>", r"scan-\d+\.sarif"),
    "cut off": (truncated(), r"scan-\d+\.sarif"),
    "no UTF-8": (b'{"version": "\xff\xfe"}', r"scan-\d+\.sarif"),
    "no object": (b"[]", r"scan-\d+\.sarif"),
    "no version": (b'{"runs": []}', "version"),
    "another version": (b'{"version": "1.0.0", "runs": []}', "version"),
    "no runs": (b'{"version": "2.1.0"}', "runs"),
    "a result at the end is wrong": (wrong_member(), r"results/1"),
    "too deep": (b'{"version": "2.1.0", "runs": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", r"\d+"),
    "a number with 5000 digits": (
        b'{"version": "2.1.0", "runs": [], "x": ' + b"9" * 5000 + b"}",
        r"\d+",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_report_fails_with_its_place_and_writes_nothing_else(asset, name):
    data, place = BROKEN[name]
    upload_and_ingest(asset, code("app/before.py"))
    before = list(Finding.objects.values())
    tools = Tool.objects.count()
    scan = upload_and_ingest(asset, data, facts_of(code("app/a.py")))
    assert (scan.state, scan.counts) == (ScanState.FAILED, {})
    assert scan.finished_at is not None
    assert re.search(place, scan.error), scan.error
    assert list(Finding.objects.values()) == before
    assert not Sighting.objects.filter(scan_id=scan.pk).exists()
    assert Tool.objects.count() == tools
    assert Job.objects.get(subject_id=scan.pk).state == JobState.FAILED
    event = Event.objects.latest("pk")
    assert (event.action, event.data["error"]) == ("scan.failed", scan.error[:1000])


def test_a_failed_scan_is_not_read_again(asset):
    scan = upload_and_ingest(asset, b"{", {})
    events = Event.objects.count()
    Job.objects.update(state="queued", next_attempt_at=now())
    run_job(scan)
    scan.refresh_from_db()
    assert (scan.state, Event.objects.count()) == (ScanState.FAILED, events)


# --- hostile values in a report that is well formed ----------------------------------------------
def spoilt(asset, **members) -> Scan:
    """Ingest a report of one result with ``members`` put in at the place they name."""
    report = sarif_of(code("app/a.py"))
    run = report["runs"][0]
    result, region = (
        run["results"][0],
        run["results"][0]["locations"][0]["physicalLocation"]["region"],
    )
    places = {
        "message": (result["message"], "text"),
        "snippet": (region["snippet"], "text"),
        "line": (region, "startLine"),
        "path": (result["locations"][0]["physicalLocation"]["artifactLocation"], "uri"),
        "tool": (run["tool"]["driver"], "name"),
        "version": (run["tool"]["driver"], "version"),
        "organization": (run["tool"]["driver"], "organization"),
        "rule_name": (run["tool"]["driver"]["rules"][0], "name"),
        "description": (run["tool"]["driver"]["rules"][0]["shortDescription"], "text"),
        "help": (run["tool"]["driver"]["rules"][0], "helpUri"),
        "fingerprints": (result, "partialFingerprints"),
        "guid": (result, "guid"),
        "category": (run, "automationDetails"),
    }
    for name, value in members.items():
        holder, key = places[name]
        holder[key] = value
    return upload_and_ingest(asset, report, facts_of(code("app/a.py")))


DIRTY = "a\x00b\ud800c"


@pytest.mark.parametrize(
    "member_", ["message", "snippet", "path", "tool", "version", "organization", "rule_name",
                "description", "help", "guid"],
)  # fmt: skip
def test_nul_and_half_surrogates_anywhere_in_a_report_are_replaced_and_stored(asset, member_):
    scan = spoilt(asset, **{member_: DIRTY})
    assert scan.state == ScanState.DONE, scan.error
    finding = Finding.objects.get()
    text = json.dumps([finding.current, finding.original, finding.message, finding.path, finding.title],
                      ensure_ascii=False)  # fmt: skip
    assert "\x00" not in text
    assert not any("\ud800" <= char <= "\udfff" for char in text)
    if member_ == "message":
        assert finding.message == "a\ufffdb\ufffdc"
    assert list(broken_links()) == []


@pytest.mark.parametrize(
    ("member_", "value"),
    [
        ("message", "x" * 200_000), ("snippet", "x" * 200_000), ("path", "a/" * 3000 + "b.py"),
        ("tool", "T" * 500), ("version", "1." * 500), ("organization", "O" * 500),
        ("rule_name", "R" * 5000), ("description", "D" * 5000), ("help", "https://example.org/" + "x" * 5000),
        ("guid", "g" * 5000), ("category", {"id": "c" * 900 + "/"}),
        ("fingerprints", {"k" * 900: "v" * 9000}), ("fingerprints", {f"k{n}": "v" for n in range(300)}),
        ("line", 2**31), ("line", 2**53 - 1), ("line", 10**30), ("line", 0), ("line", -5), ("line", 1.5),
        ("line", "7"), ("message", "😀" * 100), ("path", "../../etc/passwd"), ("path", "C:\\app\\a.py"),
        ("path", "file:///etc/passwd"), ("path", "%2e%2e/%00"), ("path", ""),
    ],
)  # fmt: skip
def test_a_value_beyond_what_is_kept_is_cut_or_refused_with_its_place(asset, member_, value):
    scan = spoilt(asset, **{member_: value})
    assert scan.state in (ScanState.DONE, ScanState.FAILED)
    if scan.state == ScanState.FAILED:
        assert "/runs/0" in scan.error or "limit" in scan.error
        assert not Finding.objects.exists()
    else:
        assert Finding.objects.count() == 1
        again = spoilt(asset, **{member_: value, "version": "1.9.5"})
        assert again.state == ScanState.DONE
        assert Finding.objects.count() == 1, "the second scan knows it again"


# --- how much it costs ---------------------------------------------------------------------------
def queries_of(asset, one: Code) -> int:
    scan, _ = upload(asset, one)
    with CaptureQueriesContext(connection) as captured:
        run_job(scan)
    return len(captured)


SIZES = {"sqlite": (4, 24), "postgresql": (4, 300)}  # within one batch of each engine


@pytest.mark.parametrize("what", ["new", "seen again", "shifted", "absent"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_results(what):
    import_finding()  # the tool is known
    counts = []
    for size in SIZES[connection.vendor]:
        asset = make_asset()
        if what == "new":
            counts.append(queries_of(asset, many(size)))
            continue
        upload_and_ingest(asset, many(size))
        after = {
            "seen again": many(size).committed_as("next"),
            "shifted": shifted(many(size)),
            "absent": Code({"app/many.py": "pass\n"}),
        }[what]
        counts.append(queries_of(asset, after))
        assert Finding.objects.filter(asset=asset).count() == size
    assert counts[0] == counts[1]
    assert counts[0] < 60


def test_judging_more_findings_of_one_fix_costs_a_bounded_number_of_queries_each():
    costs = []
    for size in (1, 4):
        finding = import_finding()
        findings = [finding, *(import_finding(finding.asset) for _ in range(size - 1))]
        fix = make_remediation(*findings)
        scan_fix(fix)
        with CaptureQueriesContext(connection) as captured:
            approve(fix)
        costs.append(len(captured))
    assert (costs[1] - costs[0]) / 3 < 20


# --- many at once --------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_twenty_uploads_of_one_file_at_once_are_one_scan():
    asset = make_asset()
    report, facts = json.dumps(sarif_of(code("app/a.py"))).encode(), facts_of(code("app/a.py"))
    ci = member(asset.scope, Role.PIPELINE)
    answers = race(*[lambda: upload(asset, report, facts, by=ci)] * 20)
    assert not errors(answers), errors(answers)[:1]
    assert len({scan.pk for scan, _ in answers}) == 1
    assert sum(new for _, new in answers) == 1
    assert (Scan.objects.count(), Job.objects.count()) == (1, 1)
    assert Event.objects.filter(action="scan.received").count() == 1
    run_job(answers[0][0])
    assert Finding.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_imports_of_one_line_at_once_end_as_one_after_the_other_would():
    asset = make_asset()
    names = [f"app/{letter}.py" for letter in "abcdefgh"]
    overlapping = [names[:5], names[3:], names[::2], names[::-1], names[2:6]]
    scans = [
        upload(asset, code(*paths, note=f"commit {number}"))[0]
        for number, paths in enumerate(overlapping)
    ]
    answers = race(*[lambda scan=scan: run_job(scan) for scan in scans])
    assert not errors(answers), errors(answers)[:1]
    assert sorted(Finding.objects.values_list("path", flat=True)) == names
    shown = pointers(scan.pk for scan in scans)
    assert [len(shown[scan.pk]) for scan in scans] == list(map(len, overlapping))
    assert Event.objects.filter(action="scan.imported").count() == len(scans)
    assert sum(scan.counts["new"] for scan in Scan.objects.all() if "new" in scan.counts) == len(
        names
    )
    assert list(broken_links()) == []


@pytest.mark.django_db(transaction=True)
def test_a_scan_that_several_workers_take_is_applied_once():
    asset = make_asset()
    scan, _ = upload(asset, code("app/a.py", "app/b.py"))
    race(*[lambda: run_job(scan)] * 5)
    assert Finding.objects.count() == Sighting.objects.count() == 2
    assert Event.objects.filter(action="scan.imported").count() == 1
