"""The gate asked about a perfect fix: what a set-up's evidence would be worth."""

import pytest

from core.models import Event
from findings.models import Finding
from scans.models import Verification
from scans.services.rehearsal import rehearse
from scans.services.unknowns import causes_of, weeks_of
from tests import factories as make
from tests.code import Code, code_with_tree, facts_of, sarif_of

pytestmark = pytest.mark.django_db
WEAK = Code({"app/a.py": "def show(a):\n    return eval(a)\n", "app/b.py": "x = 1\n"})


def missing(setup, writer):
    row = next(row for row in setup.rehearsed if row.writer == writer)
    return row.tier, row.verdict, [check["id"] for check in row.missing]


def test_measured_facts_would_close_a_persons_fix_and_an_assistants():
    asset = make.make_asset()
    make.upload_and_ingest(asset, WEAK)
    (setup,) = rehearse(asset, at=make.now())
    assert setup.finding == Finding.objects.get()
    assert missing(setup, "a person") == ("low", "pass", [])
    tier, _, lacking = missing(setup, "an AI")
    assert tier == "medium"
    assert lacking == []


def test_a_bare_report_says_what_it_lacks_and_the_facts_supply_it():
    asset = make.make_asset()
    make.upload_and_ingest(asset, sarif_of(WEAK), {})
    (setup,) = rehearse(asset, at=make.now())
    _, verdict, lacking = missing(setup, "a person")
    assert verdict == "unknown"
    assert "CONTENT_BINDING" in lacking
    known = {name: facts_of(WEAK)[name] for name in ("commit", "tree")}
    make.upload_and_ingest(asset, sarif_of(WEAK), known)
    (setup,) = rehearse(asset, at=make.now())
    assert "CONTENT_BINDING" not in missing(setup, "a person")[2]


def test_a_rehearsal_leaves_no_trace():
    asset = make.make_asset()
    make.upload_and_ingest(asset, WEAK)
    before = Event.objects.count()
    rehearse(asset, at=make.now())
    assert Event.objects.count() == before
    assert not Verification.objects.exists()


def test_where_nothing_is_open_or_nothing_was_scanned_there_is_nothing_to_try():
    asset = make.make_asset()
    assert rehearse(asset, at=make.now()) == []
    make.upload_and_ingest(asset, Code({"app/b.py": "x = 1\n"}))
    (setup,) = rehearse(asset, at=make.now())
    assert setup.rehearsed == ()
    assert "no open finding" in setup.note


def test_of_merged_fixes_the_last_judgement_of_each_week_counts_with_its_first_cause():
    asset = make.make_asset()
    make.upload_and_ingest(asset, WEAK)
    finding = Finding.objects.get()
    fixed = WEAK.change({"app/a.py": "def show(a):\n    return int(a)\n"})
    fix = make.make_remediation(finding, base=WEAK, code=fixed)
    assert [week.judged for week in weeks_of([asset], at=make.now())] == [0] * 8
    make.merge(fix)
    make.upload_and_ingest(asset, code_with_tree(fix.head_tree))
    assert Verification.objects.current().get().verdict == "unknown"  # nobody has reviewed it
    weeks = weeks_of([asset], at=make.now())
    assert [(week.judged, week.unknown, week.percent) for week in weeks[-2:]] == [
        (0, 0, 0),
        (1, 1, 100),
    ]
    (cause,) = causes_of(weeks)
    assert (cause.check, cause.owner, cause.count) == (
        "HUMAN_REVIEW",
        "a person who did not write the fix",
        1,
    )
