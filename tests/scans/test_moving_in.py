"""Moving in: what is open elsewhere comes with dates, notes, keys and decisions, which nobody here approved."""

import copy
import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, NotAllowed, TooLarge
from core.models import Event
from core.permissions import Role
from findings.models import (
    Comment,
    Dismissal,
    ExternalKey,
    Finding,
    FindingTag,
    RiskAcceptance,
    Series,
    SeverityDecision,
)
from findings.services import perform_transition
from findings.services.rules import make_rule
from findings.statuses import OPEN, Presence, Status
from scans.history import HistoricClosure, HistorySource
from scans.services.moving_in import line_named, move_in
from scopes.services.ownership import keep_code_owners
from scopes.services.teams import create_team
from tests.code import Code, facts_of, sarif_of
from tests.factories import (
    default_line,
    make_asset,
    member,
    now,
    upload_and_ingest,
    weak_file,
)

pytestmark = pytest.mark.django_db
VIEW, OTHER = "app/view.py", "app/other.py"
CODE = Code({VIEW: weak_file(VIEW), OTHER: weak_file(OTHER, "pickle.loads(")})
DOJO, GITHUB, TABLE = HistorySource.DEFECTDOJO, HistorySource.GITHUB, HistorySource.CSV


# --- exports ------------------------------------------------------------------------------------
def dojo(number: int = 1, **members) -> dict:
    """A finding as DefectDojo's API v2 lists it."""
    return {
        "id": number,
        "title": "Use of eval",
        "date": "2024-05-01",
        "severity": "Medium",
        "cwe": 78,
        "line": 2,
        "file_path": VIEW,
        "vuln_id_from_tool": "eval:B307",
        "active": True,
        "verified": True,
        "false_p": False,
        "duplicate": False,
        "out_of_scope": False,
        "risk_accepted": False,
        "is_mitigated": False,
        "mitigated": None,
        "description": "…",
        "severity_justification": None,
        "vulnerability_ids": [],
        "accepted_risks": [],
        "notes": [],
        "found_by": [3],
        "cvssv3": None,
        "related_fields": {
            "test": {
                "test_type": {"id": 3, "name": "Bandit Scan"},
                "engagement": {"product": {"name": "Shop"}},
            }
        },
        **members,
    }


NOTE = {
    "id": 5,
    "author": {"username": "alice"},
    "entry": "Only behind the login.",
    "date": "2024-05-02T08:00:00Z",
}
JIRA = {"jira": {"id": 9, "jira_key": "SHOP-12", "url": "https://jira.example/browse/SHOP-12"}}


def alert(number: int = 1, **members) -> dict:
    """A code scanning alert as GitHub lists it."""
    return {
        "number": number,
        "created_at": "2024-05-01T10:00:00Z",
        "updated_at": "2024-06-01T10:00:00Z",
        "html_url": f"https://github.com/acme/shop/security/code-scanning/{number}",
        "state": "open",
        "fixed_at": None,
        "dismissed_by": None,
        "dismissed_at": None,
        "dismissed_reason": None,
        "dismissed_comment": None,
        "rule": {
            "id": "B307",
            "severity": "warning",
            "description": "Use of eval",
            "tags": ["external/cwe/cwe-78"],
        },
        "tool": {"name": "Bandit", "version": "1.9.4"},
        "most_recent_instance": {
            "ref": "refs/heads/main",
            "state": "open",
            "commit_sha": "a" * 40,
            "message": {"text": "Use of possibly insecure function."},
            "location": {
                "path": VIEW,
                "start_line": 2,
                "end_line": 2,
                "start_column": 5,
                "end_column": 9,
            },
        },
        **members,
    }


def dismissed(number: int = 1, reason: str = "false positive") -> dict:
    return alert(
        number,
        state="dismissed",
        dismissed_reason=reason,
        dismissed_comment="A constant.",
        dismissed_by={"login": "octocat"},
        dismissed_at="2024-05-03T10:00:00Z",
    )


@pytest.fixture
def asset(files):
    return make_asset()


def move(asset, rows, source=DOJO, role=Role.ADMIN, **more):
    content = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    return move_in(
        line=default_line(asset),
        source=source,
        name="export.json",
        content=content,
        by=member(asset.scope, role),
        at=now(),
        **more,
    )


def scan(asset, code=CODE, *, columns=False):
    """A full scan of the same tool; ``columns``: as real scanners report, to the column."""
    report = sarif_of(code)
    for result in report["runs"][0]["results"] if columns else ():
        result["locations"][0]["physicalLocation"]["region"]["startColumn"] = 12
    return upload_and_ingest(asset, report, facts_of(code))


# --- what comes along ---------------------------------------------------------------------------
def test_a_finding_comes_with_its_dates_notes_and_keys(asset):
    told = move(
        asset,
        {
            "count": 1,
            "results": [
                dojo(notes=[NOTE], **{"related_fields": {**dojo()["related_fields"], **JIRA}})
            ],
        },
    )
    assert (told.new, told.matched, told.known) == (1, 0, 0)
    finding = Finding.objects.get()
    assert finding.status == Status.PRIORITIZED and finding.presence == Presence.UNKNOWN
    assert finding.first_seen_at == datetime(2024, 5, 1, tzinfo=UTC)
    assert (finding.tool, finding.rule, finding.path, finding.start_line) == (
        "Bandit",
        "B307",
        VIEW,
        2,
    )
    assert (finding.severity, finding.decided_severity, finding.cwes) == ("medium", "", ["CWE-78"])
    comment = Comment.objects.get()
    assert "alice" in comment.body and "Only behind the login." in comment.body
    assert comment.at == datetime(2024, 5, 2, 8, tzinfo=UTC)
    keys = {(k.source, k.key, k.url) for k in ExternalKey.objects.all()}
    assert keys == {
        ("defectdojo", "1", ""),
        ("ticket", "SHOP-12", "https://jira.example/browse/SHOP-12"),
    }


def test_a_severity_that_a_person_set_there_is_decided_here(asset):
    move(asset, [dojo(severity="High", severity_justification="Reachable from the internet.")])
    finding = Finding.objects.get()
    assert finding.severity == finding.decided_severity == "high"
    assert "Reachable from the internet." in SeverityDecision.objects.get().reason


def test_a_severity_that_a_person_set_there_stands_above_the_rules(asset):
    make_rule(
        scope=asset.scope, name="Low", conditions={"tool": ["Bandit"]},
        actions={"severity": "low", "tags": ["moved"]}, by=member(asset.scope, Role.ANALYST), at=now(),
    )  # fmt: skip
    decided = {"severity": "High", "severity_justification": "Reachable."}
    move(asset, [dojo(**decided), dojo(2, line=9, file_path=OTHER)])
    rated = dict(Finding.objects.values_list("path", "decided_severity"))
    assert rated == {VIEW: "high", OTHER: "low"}
    assert set(FindingTag.objects.values_list("finding__path", flat=True)) == {VIEW, OTHER}


def test_what_comes_is_owned_by_the_team_of_its_path(asset):
    admin = member(asset.scope, Role.ADMIN)
    team = create_team(scope=asset.scope, name="App", handle="@acme/app", by=admin, at=now())
    keep_code_owners(asset=asset, text="/app/ @acme/app\n", by=admin, at=now())
    move(asset, [dojo()])
    assert Finding.objects.get().owned_by == team


def test_the_clock_starts_when_it_was_first_seen(asset):
    asset.scope.sla_days = {"medium": 30}
    asset.scope.save()
    move(asset, [dojo()])
    assert Finding.objects.get().due_at == datetime(2024, 5, 31, tzinfo=UTC)


def test_an_accepted_risk_is_a_request_with_its_end_and_the_name_of_who_approved_there(asset):
    end = date.today() + timedelta(days=40)
    risk = {
        "id": 1,
        "name": "RA 7",
        "accepted_by": "The CISO",
        "expiration_date": f"{end}T00:00:00Z",
    }
    told = move(asset, [dojo(active=False, risk_accepted=True, accepted_risks=[risk])])
    asked = RiskAcceptance.objects.get()
    assert asked.until == end and asked.approved_by is None
    assert "DefectDojo" in asked.reason and "The CISO" in asked.reason
    assert asked.requested_by == member(asset.scope, Role.ADMIN)
    assert Finding.objects.get().status in OPEN and told.counts["acceptances"] == 1


def test_who_imports_cannot_confirm_what_they_brought(asset):
    move(asset, [dojo(active=False, false_p=True)])
    finding, asked = Finding.objects.get(), Dismissal.objects.get()
    assert finding.status in OPEN and asked.approved_at is None
    with pytest.raises(NotAllowed):
        perform_transition(
            finding=finding, name="dismiss", by=asked.requested_by, at=now(), brought={}
        )
    by = member(asset.scope, Role.APPROVER)
    perform_transition(finding=finding, name="dismiss", by=by, at=now(), brought={})
    assert Finding.objects.get().status == Status.FALSE_POSITIVE


def test_an_accepted_risk_that_is_over_there_is_a_note(asset):
    risk = {"id": 1, "accepted_by": "Bob", "expiration_date": "2024-01-01"}
    move(asset, [dojo(active=False, risk_accepted=True, accepted_risks=[risk])])
    assert not RiskAcceptance.objects.exists()
    assert "ended on 2024-01-01" in Comment.objects.get().body


def test_an_accepted_risk_without_an_end_gets_one(asset):
    move(asset, [dojo(active=False, risk_accepted=True)])
    asked = RiskAcceptance.objects.get()
    assert asked.until == now().date() + timedelta(days=90) and "no end" in asked.reason


def test_what_is_mitigated_there_is_history_and_no_finding(asset):
    told = move(asset, [dojo(active=False, is_mitigated=True, mitigated="2024-08-01T10:00:00Z")])
    assert not Finding.objects.exists()
    row = HistoricClosure.objects.get()
    assert (row.how, row.scanned, row.asset) == ("fixed", "unknown", asset)
    assert told.history.new == 1


def test_duplicates_there_are_left_and_counted(asset):
    told = move(asset, [dojo(1), dojo(2, duplicate=True, active=False), dojo(3, active=False)])
    assert Finding.objects.count() == 1
    assert sum(told.skipped.values()) == 2


# --- GitHub -------------------------------------------------------------------------------------
def test_an_alert_that_was_dismissed_there_is_a_proposed_false_positive(asset):
    move(asset, [dismissed()], GITHUB)
    asked = Dismissal.objects.get()
    assert "Dismissed in GitHub by octocat: false positive: A constant." == asked.reason
    assert asked.approved_by is None and Finding.objects.get().status in OPEN
    key = ExternalKey.objects.get()
    assert key.key == "acme/shop code-scanning/1" and key.url.startswith("https://github.com/")


def test_what_nobody_wants_to_fix_there_is_a_risk_to_be_accepted(asset):
    move(asset, [dismissed(reason="won't fix")], GITHUB)
    assert RiskAcceptance.objects.get().approved_at is None and not Dismissal.objects.exists()


def test_alerts_of_packages_and_secrets_come_too_but_never_the_secret(asset):
    package = {
        "number": 3,
        "state": "open",
        "created_at": "2024-05-01T10:00:00Z",
        "html_url": "https://github.com/acme/shop/security/dependabot/3",
        "dependency": {
            "package": {"ecosystem": "npm", "name": "lodash"},
            "manifest_path": "package-lock.json",
        },
        "security_advisory": {
            "ghsa_id": "GHSA-35jh-r3h4-6jhm",
            "cve_id": "CVE-2021-23337",
            "summary": "Command injection",
            "severity": "high",
            "cvss": {"score": 7.2, "vector_string": "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H"},
            "cwes": [{"cwe_id": "CWE-94"}],
        },
        "security_vulnerability": {
            "severity": "high",
            "first_patched_version": {"identifier": "4.17.21"},
        },
    }
    secret = {
        "number": 4,
        "state": "resolved",
        "resolution": "used_in_tests",
        "resolved_by": {"login": "octocat"},
        "resolution_comment": "A fixture.",
        "created_at": "2024-05-01T10:00:00Z",
        "secret_type": "github_pat",
        "secret_type_display_name": "GitHub Personal Access Token",
        "secret": "ghp_NEVERKEEPME",
        "html_url": "https://github.com/acme/shop/security/secret-scanning/4",
    }
    revoked = {
        **secret,
        "number": 5,
        "resolution": "revoked",
        "resolved_at": "2024-06-01T10:00:00Z",
    }
    told = move(asset, [package, secret, revoked], GITHUB)
    assert told.tools == {"Dependabot": 1, "GitHub secret scanning": 1}
    of_package = Finding.objects.get(tool="Dependabot")
    assert (of_package.tool_class, of_package.severity, of_package.cwes) == (
        "sca",
        "high",
        ["CWE-94"],
    )
    assert of_package.cvss.startswith("CVSS:3.1")
    assert (
        Finding.objects.get(tool_class="secrets")
        .dismissals.get()
        .reason.endswith("used_in_tests: A fixture.")
    )
    assert HistoricClosure.objects.count() == 1
    kept = [
        str(row)
        for model in (Finding, Dismissal, HistoricClosure, Event)
        for row in model.objects.values()
    ]
    assert not any("NEVERKEEPME" in row for row in kept)


# --- tables -------------------------------------------------------------------------------------
CSV = (
    "Issue;Scanner;Check;Risk;Name;File;Line No;Status;Seen;Ticket\n"
    "A-1;Bandit;B307;Medium;Use of eval;app/view.py;2;open;2024-05-01;SHOP-1\n"
    "A-2;Bandit;B301;High;Pickle;app/other.py;2;false positive;2024-05-02;\n"
)
MAPPING = {
    "key": "Issue",
    "tool": "Scanner",
    "rule": "Check",
    "severity": "Risk",
    "title": "Name",
    "path": "File",
    "line": "Line No",
    "state": "Status",
    "first_seen": "Seen",
    "ticket": "Ticket",
}


def test_a_table_comes_by_its_columns(asset):
    told = move(asset, CSV.encode(), TABLE, columns=MAPPING)
    assert told.new == 2 and told.counts["dismissals"] == 1
    assert set(ExternalKey.objects.values_list("source", "key")) == {
        ("csv", "A-1"),
        ("csv", "A-2"),
        ("ticket", "SHOP-1"),
    }


def test_defectdojos_own_table_is_read_too(asset):
    table = "id,title,severity,active,false_p,file_path,line,vuln_id_from_tool,test_type_name,date,cwe\n"
    table += f"7,Use of eval,Medium,True,False,{VIEW},2,B307,Bandit Scan,2024-05-01,78\n"
    move(asset, table.encode(), DOJO)
    finding = Finding.objects.get()
    assert (finding.tool, finding.rule, finding.start_line) == ("Bandit", "B307", 2)


# --- the next scan ------------------------------------------------------------------------------
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize(
    ("source", "rows"),
    [
        (DOJO, [dojo(), dojo(2, title="Pickle", file_path=OTHER, vuln_id_from_tool="B301")]),
        (
            GITHUB,
            [
                alert(),
                alert(
                    2,
                    rule={"id": "B301", "severity": "warning"},
                    most_recent_instance={
                        **alert()["most_recent_instance"],
                        "location": {"path": OTHER, "start_line": 2},
                    },
                ),
            ],
        ),
        (TABLE, CSV),
    ],
)
def test_the_next_scan_of_the_tool_finds_them_again(asset, source, rows, columns):
    rows = rows.encode() if isinstance(rows, str) else rows
    move(asset, rows, source, columns=MAPPING if source is TABLE else None)
    before = set(Finding.objects.values_list("pk", flat=True))
    done = scan(asset, columns=columns)
    assert done.error == "" and set(Finding.objects.values_list("pk", flat=True)) == before
    assert set(Finding.objects.values_list("presence", flat=True)) == {Presence.PRESENT}
    assert Finding.objects.get(rule="B307").first_seen_at.date() == date(2024, 5, 1)
    assert Series.objects.count() == 1


def test_lines_that_moved_on_since_the_export_double_nothing(asset):
    move(
        asset,
        [dojo(line=40), dojo(2, title="Pickle", file_path=OTHER, vuln_id_from_tool="B301", line=9)],
    )
    scan(asset, columns=True)
    assert Finding.objects.count() == 2


def test_what_scans_have_found_already_takes_the_decision_and_the_earlier_date(asset):
    scan(asset, columns=True)
    before = Finding.objects.get(rule="B307")
    told = move(asset, [dojo(active=False, false_p=True, notes=[NOTE])])
    assert (told.new, told.matched) == (0, 1) and Finding.objects.count() == 2
    after = Finding.objects.get(rule="B307")
    assert after.pk == before.pk and after.presence == Presence.PRESENT
    assert after.first_seen_at.date() == date(2024, 5, 1)
    assert after.dismissals.count() == 1 and after.comments.count() == 1


def test_what_the_next_scan_lacks_is_absent_and_never_vanishes_by_that(asset):
    move(asset, [dojo()])
    for n in range(2):
        scan(asset, Code({OTHER: CODE.files[OTHER], "README.md": str(n)}))
    finding = Finding.objects.get(rule="B307")
    assert finding.presence == Presence.ABSENT and finding.status in OPEN


# --- again --------------------------------------------------------------------------------------
def test_the_same_file_twice_changes_nothing(asset):
    rows = [
        dojo(notes=[NOTE]),
        dojo(2, file_path=OTHER, active=False, false_p=True),
        dojo(3, active=False, is_mitigated=True, mitigated="2024-08-01"),
    ]
    assert move(asset, rows).changes > 0
    events = Event.objects.count()
    again = move(asset, rows)
    assert again.changes == 0 and again.known == 2
    assert Event.objects.count() == events


def test_a_newer_export_brings_notes_and_keys_alone(asset):
    move(asset, [dojo()])
    newer = dojo(
        severity="Critical",
        title="Renamed",
        active=False,
        false_p=True,
        notes=[NOTE],
        related_fields={**dojo()["related_fields"], **JIRA},
    )
    told = move(asset, [newer])
    assert told.counts == {"keys": 1, "notes": 1} | {
        k: 0 for k in told.counts if k not in ("keys", "notes")
    }
    finding = Finding.objects.get()
    assert (finding.severity, finding.title, finding.dismissals.count()) == (
        "medium",
        "Use of eval",
        0,
    )


def test_a_dry_run_counts_and_writes_nothing(asset):
    rows = [
        dojo(notes=[NOTE]),
        dojo(2, active=False, false_p=True, file_path=OTHER),
        dojo(3, active=False, is_mitigated=True, mitigated="2024-08-01"),
    ]
    dry = move(asset, rows, dry_run=True)
    for model in (Finding, Series, ExternalKey, Comment, Dismissal, HistoricClosure):
        assert not model.objects.exists()
    assert not Event.objects.filter(
        action__in=["scope.moved_in", "scope.history_imported"]
    ).exists()
    real = move(asset, rows)
    assert (dry.new, dry.counts, dry.history.new) == (real.new, real.counts, real.history.new)


def test_one_event_seals_the_whole_file(asset):
    move(asset, [dojo(n, line=n) for n in range(1, 30)])
    (event,) = Event.objects.filter(action="scope.moved_in")
    assert event.data["new"] == 29 and len(event.data["keys_sha256"]) == 64


# --- who, and what is refused -------------------------------------------------------------------
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_who_administers_the_scope_moves_in(asset, role):
    with pytest.raises(NotAllowed):
        move(asset, [dojo()], role=role)
    assert not Finding.objects.exists()


def test_an_admin_of_another_scope_may_not(asset):
    stranger = member(make_asset().scope, Role.ADMIN)
    with pytest.raises(NotAllowed):
        move_in(
            line=default_line(asset), source=DOJO, name="x", content=b"[]", by=stranger, at=now()
        )


def test_keys_of_another_asset_are_no_keys_of_this_one(asset):
    other = make_asset(asset.scope)
    move(asset, [dojo()])
    assert move(other, [dojo()]).new == 1


def changed(**members):
    return [dojo(), {**dojo(2), **members}]


HOSTILE = {
    "no array": ({"findings": 3}, "/findings"),
    "no object": ([dojo(), 7], "#/1"),
    "no key": (changed(id=None), "#/1/id"),
    "a key beyond all keys": (changed(id=10**40), "#/1/id"),
    "no title": (changed(title=None), "#/1/title"),
    "a title that is a list": (changed(title=["x"]), "#/1/title"),
    "no tool": (changed(related_fields=None, found_by=[3]), "#/1"),
    "a day that is none": (changed(date="2024-02-31"), "#/1/date"),
    "a time before all times": (changed(date="0001-01-01"), "#/1/date"),
    "notes that are none": (changed(notes=[1]), "#/1/notes/0"),
    "more notes than there may be": (changed(notes=[NOTE] * 201), "#/1/notes"),
    "a flag that is a number": (changed(active=3), "#/1/active"),
    "a decision without an end that can be": (
        changed(active=False, risk_accepted=True, accepted_risks=[{"expiration_date": "soon"}]),
        "#/1/accepted_risks/0/expiration_date",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_cannot_be_used_is_refused_whole_and_names_the_row(asset, what):
    rows, place = HOSTILE[what]
    with pytest.raises(BadInput) as refused:
        move(asset, rows)
    assert place in str(refused.value)
    assert not Finding.objects.exists() and not ExternalKey.objects.exists()


def test_text_that_no_database_holds_is_replaced(asset):
    row = dojo(title="a\x00b\ud800", notes=[{**NOTE, "entry": "x\x00y"}], line=10**30, id="k\x00")
    move(asset, json.dumps([row]).encode())
    finding = Finding.objects.get()
    assert finding.title == "a\ufffdb\ufffd" and finding.start_line is None
    assert "x\ufffdy" in Comment.objects.get().body


def test_what_looks_like_a_link_and_is_none_is_dropped(asset):
    row = dojo(
        related_fields={
            **dojo()["related_fields"],
            "jira": {"jira_key": "X-1", "url": "javascript:alert(1)"},
        }
    )
    move(asset, [row])
    assert ExternalKey.objects.get(source="ticket").url == ""


TABLES = {
    "no header": (b"", "empty table"),
    "one column": (b"key\n1\n", "header"),
    "a column twice": (b"key,Key\n1,2\n", "two columns"),
    "more cells than columns": (CSV.encode() + b"1;2;3;4;5;6;7;8;9;10;11\n", "row 3"),
    "an open quote": (CSV.encode() + b'"never closed', "row 3"),
    "no severity": (CSV.replace("Medium", "").encode(), "row 1, severity"),
    "a state that nobody knows": (CSV.replace("open", "odd").encode(), "row 1, state"),
    "a line that is none": (CSV.replace(";2;open", ";two;open").encode(), "row 1, line"),
    "no UTF-8": (CSV.encode("utf-16"), "UTF-8"),
}


@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_cannot_be_used_names_the_row(asset, what):
    content, words = TABLES[what]
    with pytest.raises(BadInput) as refused:
        move(asset, content, TABLE, columns=MAPPING)
    assert words in str(refused.value) and not Finding.objects.exists()


def test_a_column_that_is_not_there_is_named(asset):
    with pytest.raises(BadInput, match="no column 'Gravity' for severity"):
        move(asset, CSV.encode(), TABLE, columns={**MAPPING, "severity": "Gravity"})
    with pytest.raises(BadInput, match="there is no field 'colour'"):
        move(asset, CSV.encode(), TABLE, columns={"colour": "Name"})


def test_a_file_of_more_rows_than_a_door_reads_names_the_command(asset):
    with pytest.raises(TooLarge, match=r"manage\.py move_in"):
        move(asset, [dojo(n) for n in range(5)], most_rows=4)


def test_a_line_is_found_by_its_name(asset):
    assert line_named(asset, "") == default_line(asset)
    with pytest.raises(BadInput):
        line_named(asset, "nowhere")


def test_the_statements_do_not_grow_with_the_rows(asset):
    def statements(first, end):
        rows = [
            dojo(n, line=n, notes=[NOTE], active=False, false_p=True) for n in range(first, end)
        ]
        with CaptureQueriesContext(connection) as counted:
            assert move(asset, rows).new == end - first
        return len(counted)

    statements(1, 3)  # makes what is made once
    assert statements(3, 21) == statements(21, 421) < 60


def test_rows_with_one_key_are_one_finding(asset):
    assert move(asset, [dojo(), dojo(title="Newer")]).new == 1
    assert Finding.objects.get().title == "Newer"


def test_a_copy_is_not_changed_by_reading(asset):
    rows = [dojo(notes=[NOTE])]
    kept = copy.deepcopy(rows)
    move(asset, rows)
    assert rows == kept


# --- the commands -------------------------------------------------------------------------------
def called(*arguments) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_command_moves_in_and_says_what_it_did(asset, tmp_path):
    file = tmp_path / "export.csv"
    file.write_text(CSV)
    by = member(asset.scope, Role.ADMIN).username
    columns = [
        part for ours, theirs in MAPPING.items() for part in ("--column", f"{ours}={theirs}")
    ]
    call = ("move_in", asset.scope.slug, asset.name, file, "--from", "csv", "--by", by, *columns)
    assert "2 new findings" in called(*call, "--dry-run") and not Finding.objects.exists()
    assert "2 new findings" in called(*call)
    assert json.loads(called(*call, "--json"))["known"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ("nowhere", None, None, "no such asset"),
        (None, "nobody", None, "no user"),
        (None, None, "missing.csv", "missing.csv"),
        (None, None, "bad.csv", "row 1"),
    ],
)
def test_a_call_that_cannot_be_is_one_line_and_status_3(asset, tmp_path, wrong):
    scope, user, name, words = wrong
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "bad.csv").write_text(CSV.replace("Medium", ""))
    columns = [
        part for ours, theirs in MAPPING.items() for part in ("--column", f"{ours}={theirs}")
    ]
    by = user or member(asset.scope, Role.ADMIN).username
    with pytest.raises(CommandError, match=words) as refused:
        called(
            "move_in",
            scope or asset.scope.slug,
            asset.name,
            tmp_path / (name or "good.csv"),
            "--from",
            "csv",
            "--by",
            by,
            *columns,
        )
    assert refused.value.returncode == 3 and not Finding.objects.exists()


def test_history_comes_by_command(asset, tmp_path):
    file = tmp_path / "closed.json"
    file.write_text(json.dumps([dojo(active=False, is_mitigated=True, mitigated="2024-08-01")]))
    call = ("import_history", asset.scope.slug, file, "--from", "defectdojo", "--asset", asset.name)
    assert (
        json.loads(called(*call, "--dry-run"))["new"] == 1 and not HistoricClosure.objects.exists()
    )
    assert json.loads(called(*call))["new"] == 1
    assert HistoricClosure.objects.get().asset == asset
