"""Feeds are read as their publishers write them, or refused with the place; they count whole or not at all."""

import gzip
import io
import json
import threading
import zipfile
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from core import blobs
from core.errors import BadInput, TooLarge
from core.models import Event, Job, JobState
from ctem import jobs
from findings import feeds
from findings.feeds import read_feed
from findings.models import CweName, EpssScore, Feed, FeedKind, KevEntry
from findings.services.feeds import freshness, import_feed, order_feeds
from tests import factories as make
from tests.findings.feeds_made import CWE, LOG4SHELL, OLD, epss, kev

KEV, EPSS, CWES = FeedKind


def test_cisas_list_is_read():
    told = read_feed(KEV, kev(LOG4SHELL, OLD, ransomware=[OLD]), "kev.json")
    assert told.rows == [
        (LOG4SHELL, date(2021, 12, 10), date(2021, 12, 24), False),
        (OLD, date(2021, 12, 10), date(2021, 12, 24), True),
    ]
    assert (told.version, told.published_on) == ("2026.11.20", date(2026, 11, 20))


@pytest.mark.parametrize("packed", [False, True])
def test_firsts_table_is_read_packed_or_not(packed):
    told = read_feed(EPSS, epss(CVE_2021_44228=0.97565, packed=packed), "epss.csv.gz")
    assert told.rows == [(LOG4SHELL, 0.97565, 0.5)]
    assert (told.version, told.published_on) == ("v2025.03.14", date(2026, 11, 22))


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.csv", data)
    return packed.getvalue()


@pytest.mark.parametrize(
    "data", [CWE, gzip.compress(CWE), zipped(one=CWE)], ids=["plain", "gzip", "zip"]
)
def test_mitres_names_are_read_with_cells_of_several_lines(data):
    told = read_feed(CWES, data, "1000.csv.zip")
    assert [number for number, _ in told.rows] == [79, 89]
    assert told.rows[0][1].endswith("('Cross-site Scripting')")


def changed(**members):
    entry = {**json.loads(kev(LOG4SHELL))["vulnerabilities"][0], **members}
    return json.dumps({"vulnerabilities": [entry]}).encode()


HEAD = "#model_version:v1,score_date:2026-11-22T00:00:00Z\ncve,epss,percentile\n"
REFUSED = [
    (KEV, b"{", "f, line 1, column 2"),
    (KEV, b"[]", "f#/vulnerabilities"),
    (KEV, b'{"vulnerabilities": []}', "f#/vulnerabilities"),
    (KEV, changed(cveID="GHSA-1"), "f#/vulnerabilities/0/cveID"),
    (KEV, changed(dateAdded="10.12.2021"), "f#/vulnerabilities/0/dateAdded"),
    (KEV, changed(dueDate="2021-02-30"), "f#/vulnerabilities/0/dueDate"),
    (KEV, changed(knownRansomwareCampaignUse="Maybe"), "f#/vulnerabilities/0/knownRansomwareCampaignUse"),
    (KEV, kev(LOG4SHELL, LOG4SHELL), "f#/vulnerabilities/1/cveID"),
    (KEV, b"[" * 100_000, "f"),
    (EPSS, b"cve,epss,percentile\n", "f, line 1"),
    (EPSS, b"#model_version:v1,score_date:2026-11-22T00:00:00Z\ncve,score\n", "f, line 2"),
    (EPSS, f"{HEAD}{LOG4SHELL},0.1,0.2\n{OLD},1.5,0.2\n".encode(), "f, line 4"),
    (EPSS, f"{HEAD}{LOG4SHELL},nan,0.2\n".encode(), "f, line 3"),
    (EPSS, f"{HEAD}{LOG4SHELL},0.1\n".encode(), "f, line 3"),
    (EPSS, f"{HEAD}{LOG4SHELL},0.1,0.1\n{LOG4SHELL},0.1,0.1\n".encode(), "f, line 4"),
    (EPSS, f'{HEAD}"CVE'.encode(), "f, line 3"),
    (EPSS, HEAD.encode(), "f"),
    (EPSS, gzip.compress(HEAD.encode())[:-4], "f"),
    (EPSS, gzip.compress(HEAD.encode()) + b"more", "f"),
    (EPSS, b"\x1f\x8bnonsense", "f"),
    (CWES, b"\xff\xfe", "f, byte 0"),
    (CWES, b"ID,Title\n1,x\n", "f, line 1"),
    (CWES, b"CWE-ID,Name\nx,y\n", "f, line 2"),
    (CWES, b"CWE-ID,Name\n79,\n", "f, line 2"),
    (CWES, b"CWE-ID,Name\n79,a\x00b\n", "f"),
    (CWES, zipped(one=CWE, two=CWE), "f"),
    (CWES, zipped(one=CWE)[:-30], "f"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "where"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_as_it_should_be_is_refused_with_its_place(kind, data, where):
    with pytest.raises(BadInput) as refused:
        read_feed(kind, data, "f")
    assert refused.value.where == where


def test_limits_are_held_and_named(monkeypatch):
    monkeypatch.setattr(feeds, "MOST_UNPACKED", 1 << 21)
    bomb = gzip.compress(b" " * (1 << 24))
    with pytest.raises(TooLarge, match="2097152"):
        read_feed(EPSS, bomb, "f")
    with pytest.raises(TooLarge, match="2097152"):
        read_feed(CWES, zipped(one=b" " * (1 << 22)), "f")
    monkeypatch.setattr(feeds, "MOST_ROWS", 1)
    with pytest.raises(TooLarge, match="f, line 4"):
        read_feed(EPSS, f"{HEAD}{LOG4SHELL},0.1,0.1\n{OLD},0.1,0.1\n".encode(), "f")
    monkeypatch.setattr(feeds, "MOST_BYTES", 10)
    with pytest.raises(TooLarge, match="> 10 bytes"):
        read_feed(KEV, kev(LOG4SHELL), "f")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(FeedKind)), st.binary(max_size=300), st.booleans(), st.integers(0, 300))
def test_whatever_bytes_are_read_or_refused_and_nothing_else(kind, data, spoil, at):
    if spoil:
        whole = {KEV: kev(LOG4SHELL), EPSS: epss(CVE_2021_44228=0.1), CWES: CWE}[kind]
        data = whole[:at] + data + whole[at:]
    try:
        told = read_feed(kind, data, "f")
    except BadInput:
        return
    assert told.rows


# --- importing -----------------------------------------------------------------------------------
def bring(kind, data, at=None):
    return import_feed(kind=kind, data=data, source="file", by=None, at=at or make.now())


@pytest.mark.django_db
def test_a_feed_replaces_the_one_before_it_whole_and_both_files_are_kept(files):
    first = bring(KEV, kev(LOG4SHELL, OLD)).feed
    second = bring(KEV, kev(LOG4SHELL, ransomware=[LOG4SHELL])).feed
    assert list(KevEntry.objects.values_list("cve", "ransomware")) == [(LOG4SHELL, True)]
    assert blobs.load(first.digest) == kev(LOG4SHELL, OLD)
    assert Feed.objects.current().get() == second
    event = Event.objects.filter(action="feed.imported").latest("pk")
    assert (event.data["sha256"], event.data["rows"]) == (second.digest, 1)


@pytest.mark.django_db
def test_a_feed_that_is_refused_leaves_what_counted(files):
    bring(KEV, kev(LOG4SHELL))
    with pytest.raises(BadInput):
        bring(KEV, changed(cveID="x"))
    assert KevEntry.objects.count() == Feed.objects.count() == 1


@pytest.mark.django_db
def test_each_kind_has_rows_of_its_own(files):
    bring(EPSS, epss(CVE_2021_44228=0.5))
    bring(CWES, CWE)
    assert EpssScore.objects.get().score == 0.5
    assert str(CweName.objects.get(pk=89)).startswith("CWE-89 Improper")


@pytest.mark.django_db
def test_freshness_is_by_the_day_that_the_feed_names(files, settings):
    settings.FEED_URLS = {**settings.FEED_URLS, "kev": "https://www.cisa.gov/kev.json"}
    now = make.now()
    released = (now - timedelta(days=9)).isoformat()
    bring(KEV, kev(LOG4SHELL, released=released))
    bring(CWES, CWE)
    told = {row.kind: row for row in freshness(now)}
    assert told[KEV].is_stale and told[KEV].address
    assert told[EPSS].feed is None and not told[EPSS].is_stale
    assert not told[CWES].is_stale


# --- the command ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_command_imports_a_file_and_says_what_came_of_it(files, tmp_path, capsys):
    path = tmp_path / "kev.json"
    path.write_bytes(kev(LOG4SHELL))
    call_command("import_feed", "kev", str(path))
    assert "1 rows of 2026-11-20" in capsys.readouterr().out
    call_command("import_feed", "kev", str(path))
    assert "nothing changed" in capsys.readouterr().out
    assert Feed.objects.get().source == "kev.json"
    path.write_bytes(b"{")
    with pytest.raises(CommandError, match=r"kev\.json, line 1"):
        call_command("import_feed", "kev", str(path))
    with pytest.raises(CommandError, match="CTEM_FEED_EPSS_URL is not set"):
        call_command("import_feed", "epss")
    with pytest.raises(CommandError, match="another host"):
        call_command("import_feed", "epss", "https://elsewhere.example/x")


# --- from elsewhere ------------------------------------------------------------------------------
@pytest.fixture
def publisher(settings):
    """A server whose answers the test says: path → (status, headers, body)."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    settings.OUTBOUND_PLAIN_HOSTS = [host]
    settings.FEED_URLS = {"kev": "", "epss": f"http://{host}/current.csv.gz", "cwe": ""}
    yield answers
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
def test_a_configured_feed_is_fetched_once_a_day_by_a_job_that_follows_redirects_on_its_host(
    files, publisher
):
    publisher["/current.csv.gz"] = (302, {"Location": "/epss-2026-11-22.csv.gz"}, b"")
    publisher["/epss-2026-11-22.csv.gz"] = (200, {}, epss(CVE_2021_44228=0.5))
    ordered = order_feeds(at=make.now())
    assert [job.pk for job in order_feeds(at=make.now())] == [job.pk for job in ordered]
    assert len(ordered) == 1
    jobs.run(ordered[0].pk)
    assert Job.objects.get().state == JobState.DONE
    assert Feed.objects.get().kind == "epss" and EpssScore.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, {"Location": "https://elsewhere.example/x"}, b""), "another host"),
        ((404, {}, b""), "answered 404"),
        ((200, {}, b"<html>"), "line 1"),
    ],
)
def test_what_cannot_be_fetched_or_used_is_told_and_changes_nothing(files, publisher, answer, said):
    publisher["/current.csv.gz"] = answer
    jobs.run(order_feeds(at=make.now())[0].pk)
    job = Job.objects.get()
    assert job.state == JobState.FAILED and said in job.error
    assert not Feed.objects.exists()
    assert said in freshness(make.now())[1].error
