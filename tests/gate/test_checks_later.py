"""STILL_HOLDS: what later scans say of a finding, and that nothing changes without them."""

from __future__ import annotations

from typing import Any

import pytest

from gate.assemble import assemble
from gate.errors import InputError
from gate.evidence import Document
from gate.judgement import judge
from gate.policy import DEFAULT, load
from tests.gate.made import (
    BASE,
    GOOD_DIFF,
    HEAD,
    NEW,
    OLD,
    OTHER,
    OTHER_TREE,
    SINK,
    SINK_REF,
    changed,
    document,
    git_diff,
    good_facts,
    row,
    sarif,
)  # fmt: skip

LATER = {
    "commit": OTHER, "tree": OTHER_TREE, "scope": "full", "exit_code": 0, "source": "measured",
    "tool_class": "sast", "descends_from": [HEAD], "finished_at": "2026-12-01T08:00:00Z",
}  # fmt: skip


def judged(
    later: Any = None, told: dict[str, Any] | None = None, *, lamp: str = "safe", **given: Any
) -> dict[str, Any]:
    """The made fix with later scans: a report or a list, with the facts of each."""
    reports = [] if later is None else later if isinstance(later, list) else [later]
    facts = given.get("facts") or good_facts()
    if reports:
        facts["later"] = [LATER if told is None else told for _ in reports]
    evidence = assemble(
        before=[document("before.sarif", given.get("before") or sarif([SINK]))],
        after=[document("after.sarif", given.get("after") or sarif())],
        later=[document(f"later{i}.sarif", report) for i, report in enumerate(reports)],
        diff=Document("fix.diff", git_diff(given.get("diff", GOOD_DIFF)).encode()),
        findings=[SINK_REF],
        facts=facts,
    )
    return judge(evidence, given.get("policy", DEFAULT), lamp=lamp).to_dict()


def clean(**run: Any) -> dict[str, Any]:
    return sarif(properties={"night": 1, "metrics": {"app/db.py": {}}}, **run)


def answer(*given: Any, **more: Any) -> tuple[str, str]:
    found = row(judged(*given, **more), "STILL_HOLDS")
    return found["outcome"], found["reason"]


def test_without_a_later_scan_nothing_is_asked_and_nothing_changes():
    judgement = judged(lamp="both")
    found = row(judgement, "STILL_HOLDS")

    assert (found["outcome"], found["required"], found["lamp"]) == (
        "NOT_APPLICABLE",
        False,
        "after",
    )
    assert judgement["lamps"] == {"safe": "pass", "right": "pass"}
    assert judgement["verdict"] == "pass"


def test_a_finding_that_stays_away_holds():
    judgement = judged(clean())

    assert row(judgement, "STILL_HOLDS")["outcome"] == "PASS"
    assert "2026-12-01T08:00:00Z" in row(judgement, "STILL_HOLDS")["reason"]
    assert judgement["lamps"] == {"safe": "pass", "right": "pass", "after": "pass"}


def test_a_finding_that_is_reported_again_is_to_be_reopened():
    judgement = judged(sarif([SINK | {"line": 5}]))
    found = row(judgement, "STILL_HOLDS")

    assert (found["outcome"], found["required"]) == ("FAIL", True)
    assert "reports B602@app/db.py:5 again" in found["reason"]
    assert "Reopen" in found["to_pass"]
    assert judgement["verdict"] == "fail"
    assert judgement["lamps"]["safe"] == "pass"


def test_one_later_scan_that_sees_it_outweighs_one_that_does_not():
    assert answer([clean(), sarif([SINK])])[0] == "FAIL"


def test_what_is_seen_again_counts_whatever_the_scope():
    assert answer(sarif([SINK]), LATER | {"scope": "diff"})[0] == "FAIL"


@pytest.mark.parametrize(
    ("without", "reason"),
    [
        ({"descends_from": None}, "not known to be of a revision that contains"),
        ({"scope": None}, "not known to be a full scan"),
        ({"scope": "diff"}, "limited to the changes"),
        ({"exit_code": 2}, "exit status 2"),
        ({"commit": None, "tree": None, "descends_from": None}, "not known to be of a revision"),
    ],
)
def test_absence_counts_only_in_a_full_scan_of_what_came_after(without, reason):
    told = {key: value for key, value in (LATER | without).items() if value is not None}
    outcome, said = answer(clean(), told)

    assert outcome == "UNKNOWN"
    assert reason in said


def test_a_scan_that_says_nothing_beside_one_that_is_clean_is_named_only():
    facts = good_facts()
    facts["later"] = [LATER, LATER | {"scope": "diff"}]
    evidence = assemble(
        before=[document("before.sarif", sarif([SINK]))],
        after=[document("after.sarif", sarif())],
        later=[document("a.sarif", clean()), document("b.sarif", clean(version="1.9.5"))],
        diff=Document("fix.diff", git_diff(GOOD_DIFF).encode()),
        findings=[SINK_REF],
        facts=facts,
    )
    found = row(judge(evidence, DEFAULT).to_dict(), "STILL_HOLDS")

    assert found["outcome"] == "PASS"
    assert "1 other scan cannot say" in found["reason"]


@pytest.mark.parametrize(
    "told",
    [
        LATER | {"commit": HEAD, "descends_from": []},
        LATER | {"parents": [HEAD], "descends_from": []},
        LATER | {"tree": good_facts()["fix"]["head_tree"], "descends_from": []},
    ],
)
def test_the_same_content_or_a_child_is_what_came_after(told):
    assert answer(clean(), told)[0] == "PASS"


def test_a_scan_of_old_code_that_reports_it_says_nothing():
    told = LATER | {"commit": BASE, "tree": good_facts()["fix"]["base_tree"], "descends_from": []}
    outcome, said = answer(sarif([SINK]), told)

    assert outcome == "UNKNOWN"
    assert "not known to be of a revision" in said


def test_the_scan_that_verified_it_is_no_later_one():
    outcome, said = answer(sarif(), LATER | {"commit": HEAD})

    assert outcome == "NOT_APPLICABLE"
    assert "other than those that it was judged by" in said


def test_a_report_of_a_later_commit_may_be_the_same_bytes():
    assert answer(sarif())[0] == "PASS"


def test_a_scan_of_another_kind_says_nothing():
    told = LATER | {"tool_class": "secrets"}

    assert answer(sarif(tool="Gitleaks", version="8"), told)[0] == "UNKNOWN"


def test_a_rule_that_is_switched_off_later_says_nothing():
    off = clean(rules=[{"id": "B602", "defaultConfiguration": {"enabled": False}}])

    assert answer(off)[0] == "UNKNOWN"


def test_something_like_it_is_for_people():
    other = SINK | {"line": 40, "snippet": "    os.popen(name).read()\n"}

    assert answer(sarif([other]))[0] == "UNKNOWN"


def test_a_file_that_the_fix_renamed_is_followed():
    diff = {"app/db.py": (OLD, None), "app/run.py": (None, NEW)}
    renamed = (
        "diff --git a/app/db.py b/app/run.py\nsimilarity index 60%\nrename from app/db.py\n"
        "rename to app/run.py\n--- a/app/db.py\n+++ b/app/run.py\n@@ -5 +5 @@\n"
        "-    return subprocess.call(cmd, shell=True)\n+    return subprocess.call(cmd.split())\n"
    )
    assert diff  # the same, as git -M shows it
    facts = good_facts() | {"later": [LATER]}
    evidence = assemble(
        before=[document("before.sarif", sarif([SINK | {"snippet": "call(x)\n"}]))],
        after=[document("after.sarif", sarif(files=["app/run.py"]))],
        later=[
            document("later.sarif", sarif([SINK | {"path": "app/run.py", "snippet": "call(x)\n"}]))
        ],
        diff=Document("fix.diff", renamed.encode()),
        findings=[SINK_REF],
        facts=facts,
    )
    assert row(judge(evidence, DEFAULT).to_dict(), "STILL_HOLDS")["outcome"] == "FAIL"


def test_a_policy_may_name_the_check_and_closes_all_the_same_before_any_later_scan():
    text = DEFAULT.to_toml().replace(
        b'"WELL_FORMED", "FILES', b'"STILL_HOLDS", "WELL_FORMED", "FILES'
    )
    judgement = judged(lamp="both", policy=load(text, "stricter"))

    assert row(judgement, "STILL_HOLDS")["required"] is True
    assert judgement["verdict"] == "pass"


def test_facts_of_later_scans_need_the_scans():
    with pytest.raises(InputError, match="later"):
        judged(facts=changed(good_facts(), "later", [LATER, LATER]))
