"""Closures from elsewhere: kept apart, never proven, and asked whether their fix was scanned before it merged."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction

from core.errors import BadInput, NotAllowed
from core.models import Event
from core.permissions import Role
from findings.models import Finding, Tally
from scans.history import HistoricClosure, HistorySource, Scanned
from scans.models import Clearance
from scans.services.audit import History, answer_last_closed
from scans.services.history import Files, import_history
from tests import factories as make
from tests.factories import make_asset, make_scope, member, now

pytestmark = pytest.mark.django_db
MERGED = "2024-06-01T12:00:00Z"


def alert(number=1, state="fixed", commit="c" * 40, tool="CodeQL", **members) -> dict:
    return {
        "number": number,
        "state": state,
        "created_at": "2024-05-01T10:00:00Z",
        "fixed_at": "2024-06-01T12:10:00Z" if state == "fixed" else None,
        "html_url": f"https://github.com/acme/shop/security/code-scanning/{number}",
        "rule": {
            "id": "py/sql-injection",
            "severity": "error",
            "security_severity_level": "high",
            "description": "SQL query built from user input",
        },
        "tool": {"name": tool},
        **members,
        "most_recent_instance": {
            "commit_sha": commit,
            "ref": "refs/heads/main",
            "location": {"path": "a.py", "start_line": 3},
        },
    }


def pull(number=7, **members) -> dict:
    return {
        "number": number,
        "merged_at": MERGED,
        "merge_commit_sha": "c" * 40,
        "html_url": f"https://github.com/acme/shop/pull/{number}",
        "title": "Bind the parameter",
        "body": "",
        "user": {"login": "octocat"},
        "head": {"sha": "d" * 40, "ref": "mend"},
        **members,
    }


def analysis(
    created="2024-06-01T11:00:00Z", ref="refs/pull/7/merge", commit="e" * 40, tool="CodeQL", **more
) -> dict:
    return {
        "id": 1,
        "ref": ref,
        "commit_sha": commit,
        "created_at": created,
        "error": "",
        "tool": {"name": tool},
        "url": "https://api.github.com/repos/acme/shop/code-scanning/analyses/1",
        **more,
    }


OLD = analysis("2024-01-01T00:00:00Z", "refs/heads/main", "b" * 40)
LATER = analysis("2024-06-01T12:05:00Z", "refs/heads/main", "c" * 40)


@pytest.fixture
def scope():
    return make_scope()


def named(name, rows):
    return (
        None
        if rows is None
        else (name, rows if isinstance(rows, bytes) else json.dumps(rows).encode())
    )


def take(
    scope,
    alerts,
    pulls=None,
    analyses=None,
    *,
    source=HistorySource.GITHUB,
    role=Role.ADMIN,
    **more,
):
    files = Files(
        named("alerts.json", alerts), named("pulls.json", pulls), named("analyses.json", analyses)
    )
    return import_history(
        scope=scope, source=source, files=files, by=member(scope, role), at=now(), **more
    )


# --- was it scanned before it merged? ------------------------------------------------------------
ANSWERS = {
    "the request was analysed before": (
        [pull()],
        [OLD, analysis(), LATER],
        "yes",
        "before pull request 7",
    ),
    "its head was analysed before": (
        [pull()],
        [OLD, analysis(ref="refs/heads/mend", commit="d" * 40)],
        "yes",
        "before",
    ),
    "it was analysed only once it had merged": (
        [pull()],
        [OLD, LATER],
        "after",
        "after pull request 7",
    ),
    "analyses reach back and none is of it": ([pull()], [OLD], "no", "none is of the change"),
    "analyses began later": (
        [pull()],
        [analysis("2024-07-01T00:00:00Z", "refs/heads/main", "f" * 40)],
        "unknown",
        "do not reach back",
    ),
    "only another tool looked": (
        [pull()],
        [analysis(tool="Semgrep")],
        "unknown",
        "do not reach back",
    ),
    "an analysis that broke off is none": (
        [pull()],
        [OLD, analysis(error="It failed.")],
        "no",
        "none",
    ),
    "analyses of another request are none": (
        [pull()],
        [OLD, analysis(ref="refs/pull/8/head")],
        "no",
        "none",
    ),
    "no analyses were given": ([pull()], None, "unknown", "not in the export"),
    "no request merged as that commit": (
        [pull(merge_commit_sha="9" * 40)],
        [OLD],
        "unknown",
        "No pull request",
    ),
    "a request that never merged": ([pull(merged_at=None)], [OLD], "unknown", "No pull request"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_the_answer_where(scope, what):
    pulls, analyses, answer, words = ANSWERS[what]
    take(scope, [alert()], pulls, analyses)
    row = HistoricClosure.objects.get()
    assert row.scanned == answer and words in row.evidence
    assert (row.merged_at is None) == ("No pull request" in row.evidence)


def test_who_wrote_the_fix_is_told_by_the_signals_of_the_gate(scope):
    by_agent = pull(
        head={"sha": "d" * 40, "ref": "copilot/fix-1"}, user={"login": "copilot-swe-agent[bot]"}
    )
    take(scope, [alert()], [by_agent], [OLD, analysis()])
    row = HistoricClosure.objects.get()
    assert row.origin in ("ai_generated", "ai_assisted") and row.agent
    assert row.links == [by_agent["html_url"], OLD["url"]]


def test_no_signal_is_no_human(scope):
    take(scope, [alert()], [pull()])
    assert HistoricClosure.objects.get().origin == "unknown"


def test_open_alerts_are_no_history(scope):
    told = take(
        scope,
        [
            alert(),
            alert(2, state="open"),
            alert(3, state="dismissed", dismissed_reason="false positive"),
        ],
    )
    assert (told.new, told.open) == (1, 2) and HistoricClosure.objects.count() == 1


# --- never a finding, never complete --------------------------------------------------------------
def test_history_is_no_finding_and_counts_nowhere(scope):
    take(scope, [alert(n) for n in range(1, 6)], [pull()], [OLD, analysis()])
    assert (
        not Finding.objects.exists()
        and not Clearance.objects.exists()
        and not Tally.objects.exists()
    )
    assert not Event.objects.filter(action__startswith="finding.").exists()


@pytest.mark.parametrize(
    "column",
    [
        {"source": "jira"},
        {"how": "complete"},
        {"scanned": "maybe"},
        {"origin": "robot"},
        {"severity": "huge"},
        {"merged_at": None},
    ],
)
def test_the_database_refuses_what_cannot_be(scope, column):
    take(scope, [alert()], [pull()], [OLD, analysis()])
    with pytest.raises(Error), transaction.atomic():
        HistoricClosure.objects.update(**column)


def test_the_database_keeps_assets_in_their_scope(scope):
    take(scope, [alert()])
    elsewhere = make_asset()
    with pytest.raises(Error), transaction.atomic():
        HistoricClosure.objects.update(asset=elsewhere)
        connection.check_constraints()


# --- again, dry, whole ---------------------------------------------------------------------------
def test_the_same_file_twice_changes_nothing(scope):
    take(scope, [alert()], [pull()], [OLD, analysis()])
    again = take(scope, [alert()], [pull()], [OLD, analysis()])
    assert (again.new, again.changed, again.unchanged) == (0, 0, 1)
    assert Event.objects.filter(action="scope.history_imported").count() == 1


def test_evidence_that_is_known_is_not_lost_to_a_file_without_it(scope):
    take(scope, [alert()], [pull()], [OLD, analysis()])
    take(scope, [alert()])
    assert HistoricClosure.objects.get().scanned == "yes"


def test_later_evidence_replaces_none(scope):
    take(scope, [alert()])
    told = take(scope, [alert()], [pull()], [OLD, analysis()])
    assert told.changed == 1 and HistoricClosure.objects.get().scanned == "yes"


def test_a_dry_run_counts_and_writes_nothing(scope):
    told = take(
        scope, [alert(), alert(2, commit="8" * 40)], [pull()], [OLD, analysis()], dry_run=True
    )
    assert (told.new, told.scanned) == (2, {"yes": 1, "unknown": 1})
    assert not HistoricClosure.objects.exists()


def test_a_closure_does_not_become_another_assets_by_a_key_that_is_the_same(scope):
    first, second = make_asset(scope, name="first"), make_asset(scope, name="second")
    take(scope, TABLE.encode(), source=HistorySource.CSV, asset=first)
    with pytest.raises(BadInput, match="key '1': is of 'first' already"):
        take(scope, TABLE.encode(), source=HistorySource.CSV, asset=second)
    assert set(HistoricClosure.objects.values_list("asset", flat=True)) == {first.pk}


HOSTILE = {
    "an alert without a rule": ([alert(), alert(2, rule={})], None, "alerts.json#/1/rule/id"),
    "an alert without a number": ([alert(number=None)], None, "alerts.json#/0/number"),
    "a time that is none": ([alert(fixed_at="yesterday")], None, "alerts.json#/0/fixed_at"),
    "a request that is a number": ([alert()], [3], "pulls.json#/0"),
    "no list": ({"message": "Bad credentials"}, None, "alerts.json"),
    "no JSON": (b"<html>", None, "alerts.json"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_cannot_be_used_is_refused_whole(scope, what):
    alerts, pulls, place = HOSTILE[what]
    with pytest.raises(BadInput) as refused:
        take(scope, alerts, pulls)
    assert place in str(refused.value) and not HistoricClosure.objects.exists()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_who_administers_the_scope_imports(scope, role):
    with pytest.raises(NotAllowed):
        take(scope, [alert()], role=role)


# --- other sources -------------------------------------------------------------------------------
def test_defectdojo_tells_what_was_mitigated_but_not_by_which_change(scope):
    make_asset(scope, name="Shop")
    rows = [
        {
            "id": 3,
            "title": "Use of eval",
            "severity": "High",
            "active": False,
            "is_mitigated": True,
            "mitigated": "2024-08-01T10:00:00Z",
            "vuln_id_from_tool": "B307",
            "file_path": "a.py",
            "related_fields": {
                "test": {
                    "test_type": {"name": "Bandit Scan"},
                    "engagement": {"product": {"name": "Shop"}},
                }
            },
        }
    ]
    take(scope, {"results": rows}, source=HistorySource.DEFECTDOJO)
    row = HistoricClosure.objects.get()
    assert (row.scanned, row.severity, row.asset.name) == ("unknown", "high", "Shop")


TABLE = (
    "key,title,state,closed_at,severity,fix_url,merged_at,scanned_at,scanned,commit_message\n"
    "1,One,fixed,2024-06-02,high,https://git.example/1,2024-06-01T12:00:00Z,2024-06-01T11:00:00Z,,\n"
    "2,Two,fixed,2024-06-03,low,,2024-06-01T12:00:00Z,2024-06-01T13:00:00Z,,\n"
    "3,Three,closed,2024-06-04,,,2024-06-01T12:00:00Z,,no,\n"
    "4,Four,fixed,2024-06-05,,,2024-06-01T12:00:00Z,,yes,\n"
    '5,Five,fixed,2024-06-06,,,,,,"Mend it\n\n'
    'Co-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>"\n'
)


def test_a_table_tells_by_the_time_of_a_scan_and_no_word_makes_a_yes(scope):
    take(scope, TABLE.encode(), source=HistorySource.CSV)
    told = dict(HistoricClosure.objects.values_list("key", "scanned"))
    assert told == {"1": "yes", "2": "after", "3": "no", "4": "unknown", "5": "unknown"}
    assert HistoricClosure.objects.get(key="5").origin.startswith("ai_")


# --- the question --------------------------------------------------------------------------------
@pytest.fixture(autouse=True)
def static(settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def both():
    """One finding that was proven here, and closures from elsewhere, in one scope."""
    asset = make_asset()
    finding = make.make_finding(asset=asset)
    make.complete(finding)
    take(
        asset.scope,
        [alert(n, commit=c * 40) for n, c in ((1, "c"), (2, "8"))],
        [pull()],
        [OLD, analysis()],
    )
    return asset.scope


def ask(scope, history=History.INCLUDE, **more):
    return answer_last_closed(member(scope, Role.VIEWER), n=10, history=history, **more)


def test_history_is_part_of_the_answer_only_when_asked_for(both):
    assert [row.source for row in ask(both, History.EXCLUDE).rows] == ["here"]
    assert {row.source for row in ask(both, History.ONLY).rows} == {"github"}
    rows = ask(both).rows
    assert [row.source for row in rows] == ["here", "github", "github"]
    assert rows[1].finding is None and rows[1].verified_at is None and rows[1].before_adoption


def test_the_counts_name_every_answer(both):
    assert ask(both).counts == {"yes": 2, "after": 0, "no": 0, "unknown": 1}


def test_who_may_not_see_the_scope_is_told_nothing(both, outsider):
    assert answer_last_closed(outsider, n=10, history=History.INCLUDE).rows == ()


def test_what_was_dismissed_there_had_no_fix_to_be_scanned(both):
    HistoricClosure.objects.update(how="false_positive")
    assert ask(both, History.ONLY).rows == ()


def test_the_queries_do_not_grow(both, django_assert_max_num_queries):
    viewer = member(both, Role.VIEWER)
    with django_assert_max_num_queries(5):
        assert len(answer_last_closed(viewer, n=10, history=History.INCLUDE).rows) == 3


def called(*arguments) -> str:
    out = io.StringIO()
    call_command("last_closed", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"history": "include"},
        {"history": "only", "n": "1"},
        {"origin": "ai", "history": "include"},
    ],
)
def test_page_api_and_command_give_one_answer(both, client, query):
    viewer = member(both, Role.VIEWER)
    client.force_login(viewer)
    by_api = client.get("/api/v1/audit/last-closed/", query).json()
    page = client.get("/audit/last-closed/", query)
    options = [
        part
        for name, value in query.items()
        for part in ((f"--{name}" if name != "n" else "-n"), value)
    ]
    by_command = json.loads(called(both.slug, *options, "--format", "json"))
    assert by_command == by_api
    shown = page.context["answer"]
    assert [row.reference for row in shown.rows] == [row["reference"] for row in by_api["findings"]]
    assert dict(shown.counts) == by_api["counts"]
    text = page.content.decode()
    assert all(row["reference"] in text for row in by_api["findings"])
    rows = list(csv.DictReader(io.StringIO(called(both.slug, *options, "--format", "csv"))))
    assert [r["scanned_before_merge"] for r in rows] == [
        r["scanned_before_merge"] for r in by_api["findings"]
    ]


def test_the_command_tells_people_in_words(both):
    text = called(both.slug, "--history", "include")
    assert "told by github" in text and "3 closed: 2 yes" in text


def test_a_cell_is_no_formula(both):
    HistoricClosure.objects.update(title="=cmd()")
    assert "'=cmd()" in called(both.slug, "--history", "only", "--format", "csv")


def test_the_page_escapes_and_refuses(both, client):
    client.force_login(member(both, Role.VIEWER))
    HistoricClosure.objects.update(title="<script>alert(1)</script>", links=["javascript:alert(1)"])
    text = client.get("/audit/last-closed/", {"history": "only"}).content.decode()
    assert "<script>alert" not in text and 'href="javascript' not in text
    assert client.get("/audit/last-closed/", {"n": "0"}).status_code == 400
    assert client.get("/audit/last-closed/", {"origin": "robot"}).status_code == 400


def test_the_words_of_the_answer_are_four():
    assert [answer.value for answer in Scanned] == ["yes", "after", "no", "unknown"]
