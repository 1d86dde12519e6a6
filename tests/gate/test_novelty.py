"""What is new, and why: advisories, open findings, results that ask a person."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import NEW, OLD, SINK, SINK_REF, changed, good_facts, judged, sarif

LOCK = """\
{
 "packages": {
  "node_modules/axios": {
   "version": "%s",
   "integrity": "sha512-%s"
  },
  "node_modules/lodash": {
   "version": "4.17.19",
   "integrity": "sha512-c"
  }
 }
}
"""
BUMP = {"package-lock.json": (LOCK % ("1.0.0", "a"), LOCK % ("1.7.4", "b"))}


def advisory(rule: str, package: str, version: str, line: int = 1, **given: Any) -> dict[str, Any]:
    message = f"Package: {package}\nInstalled Version: {version}\nVulnerability {rule}\nFixed Version: 1.7.4"
    place = {"path": "package-lock.json", "line": line, "level": "error"}
    return {"rule": rule, "message": message, **place, **given}


def told(before: list[dict[str, Any]], after: list[dict[str, Any]], **given: Any) -> dict[str, str]:
    """The cause of each new result of a dependency scan around a bump."""
    facts = changed(changed(good_facts(), "before.tool_class", "sca"), "after.tool_class", "sca")
    values: dict[str, Any] = {
        "before": sarif(before, tool="Trivy", version="0.58.0", files=()),
        "after": sarif(after, tool="Trivy", version="0.58.0", files=()),
        "diff": BUMP,
        "facts": facts,
        "findings": ("CVE-2024-1111@package-lock.json:1",),
    }
    return {new["rule"]: new["cause"] for new in judged(**(values | given))["new"]}


AXIOS = advisory("CVE-2024-1111", "axios", "1.0.0")


def test_what_was_there_in_another_version_of_the_message_is_not_new():
    left = advisory("CVE-2024-2222", "lodash", "4.17.19")
    assert told([AXIOS, left], [left | {"line": 7}]) == {}


def test_an_advisory_about_the_package_that_the_fix_moved_is_its_doing():
    assert told([AXIOS], [advisory("CVE-2024-3333", "axios", "1.7.4")]) == {"CVE-2024-3333": "fix"}


def test_an_advisory_about_a_version_that_was_there_is_new_by_itself():
    left = advisory("CVE-2024-2222", "lodash", "4.17.19")
    fresh = advisory("CVE-2024-3333", "lodash", "4.17.19")
    assert told([AXIOS, left], [left, fresh]) == {"CVE-2024-3333": "advisory_changed"}


def test_an_advisory_about_an_entry_that_the_fix_left_alone_is_new_by_itself():
    fresh = advisory("CVE-2024-3333", "lodash", "4.17.19", line=7)
    assert told([AXIOS], [fresh]) == {"CVE-2024-3333": "advisory_changed"}
    on_the_entry = advisory("CVE-2024-3333", "lodash", "4.17.19", line=4)
    assert told([AXIOS], [on_the_entry]) == {"CVE-2024-3333": "fix"}


def test_an_advisory_of_another_ecosystem_does_not_come_from_the_bump():
    fresh = advisory("CVE-2024-3333", "example.com/x", "v1.0.0", path="go.mod")
    assert told([AXIOS], [fresh]) == {"CVE-2024-3333": "advisory_changed"}


@pytest.mark.parametrize(
    ("path", "cause"), [("charts/values.yaml", "unknown"), ("README.md", "advisory_changed")]
)
def test_an_image_may_be_made_of_any_file(path, cause):
    before = sarif([AXIOS | {"path": "lib/apk/db"}], tool="Image Scanner", files=())
    fresh = advisory("CVE-2024-3333", "musl", "1.2", path="lib/apk/db")
    facts = changed(good_facts(), "before.tool_class", "container")
    facts = changed(facts, "after.tool_class", "container")
    after = sarif([fresh], tool="Image Scanner", files=())
    judgement = judged(before=before, after=after, facts=facts, diff={path: ("a\n", "b\n")},
                       findings=("CVE-2024-1111@lib/apk/db:1",))  # fmt: skip
    assert judgement["new"][0]["cause"] == cause


# --- open findings excuse nothing that stands on lines which the fix added -------------------------

OPEN = {"tool": "Bandit", "rule": "B307", "path": "app/db.py", "message": "B307 fires"}


@pytest.mark.parametrize(
    "known",
    [
        OPEN,
        OPEN | {"line": 90, "fingerprints": {"hash/v1": "a"}},
    ],
    ids=["without a line", "with its fingerprint"],
)
def test_an_open_finding_is_not_on_lines_that_the_fix_added(known):
    fresh = {"rule": "B307", "path": "app/db.py", "line": 5, "level": "error"}
    after = sarif([fresh | {"partialFingerprints": {"hash/v1": "a"}}])
    judgement = judged(after=after, known={"results": [known]})
    assert [(new["cause"], new["blocks"]) for new in judgement["new"]] == [("fix", True)]


@pytest.mark.parametrize("kind", ["open", "review"])
def test_a_result_that_asks_a_person_counts_though_nothing_describes_its_rule(kind):
    fresh = {"rule": "B307", "path": "app/db.py", "line": 5, "level": "none", "kind": kind}
    judgement = judged(after=sarif([fresh], rules=[]))
    assert [new["level"] for new in judgement["new"]] == ["warning"]


# --- the original out of sight ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("examined", "presence"),
    [((), "inconclusive"), (("app/templates/run.tpl",), "absent")],
    ids=["nobody looked", "the scanner looked"],
)
def test_code_that_went_where_no_scanner_looks_is_not_surely_gone(examined, presence):
    sink = "subprocess.call(\n  cmd,\n  shell=True\n)\n"
    diff = {"app/db.py": (OLD, NEW), "app/templates/run.tpl": (None, f"return {sink}")}
    judgement = judged(diff=diff, after=sarif(files=("app/db.py", *examined)))
    (original,) = judgement["originals"]
    assert (original["finding"], original["presence"]) == (SINK_REF, presence)
    assert SINK["path"] != "app/templates/run.tpl"
