"""Facts: every member is known or refused by name, and evidence is joined with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate.assemble import assemble
from gate.errors import InputError
from gate.evidence import Document, Source
from gate.facts import parse, read
from tests.gate.made import (
    BASE,
    HEAD,
    SINK,
    SINK_REF,
    changed,
    evidence,
    good_facts,
    sarif,
)

# The example of design/gate.md with real ids in the place of its dots.
EXAMPLE: dict[str, Any] = {
    "fix": {
        "base_commit": BASE, "head_commit": HEAD, "head_tree": "2" * 40,
        "merge_commit": "c" * 40, "merge_tree": "3" * 40, "pushed_at": "2026-11-20T10:00:00Z",
        "author": "dev", "origin": "ai_generated", "agent": "GitHub Copilot Autofix",
        "model": "m", "agent_run": "7",
    },
    "before": {"commit": BASE, "tree": "1" * 40, "config_digest": "sha256:0", "tool_class": "sast"},
    "after": {
        "commit": HEAD, "tree": "2" * 40, "config_digest": "sha256:0", "tool_class": "sast",
        "scope": "full", "exit_code": 0, "started_at": "2026-11-20T11:00:00Z",
        "finished_at": "2026-11-20T11:01:00Z", "files_scanned": ["app/db.py"], "vendor": "PyCQA",
        "model": None, "agent_run": None, "source": "measured",
    },
    "reviews": [
        {"reviewer": "security-lead", "kind": "human", "commit": HEAD, "decision": "approved",
         "at": "2026-11-20T11:30:00Z"}
    ],
    "at": "2026-11-20T12:00:00Z",
}  # fmt: skip

SPARE: dict[str, Any] = {
    "fix": {
        "base_tree": "1" * 40, "attempts": 2, "branch": "claude/x", "merged_at": "2026-11-20T10:00:00Z",
        "blobs": {"a.py": "e" * 40}, "base_blobs": {"a.py": "f" * 40}, "merge_blobs": {},
        "commits": [{"id": HEAD, "message": "m", "author": "a <a@b.c>", "committer": "a"}],
    },
    "control": {"commit": BASE},
    "after": [{
        "parents": [BASE], "category": "python", "blobs": {"a.py": "e" * 40}, "uploader": "ci",
        "uploader_kind": "service", "command": "bandit -r .", "version": "1.9.4", "rules": ["B602"],
    }],
    "reviews": [{"reviewer": "r", "kind": "ai", "decision": "commented", "tree": "2" * 40,
                 "answers": {"q": "yes", "acknowledged_files": ["a.py", "b.py"]}}],
    "waivers": [{"check": "SCAN_FRESH", "by": "w", "reason": "r", "until": "2026-12-01", "finding": "x"}],
    "dispositions": [
        {"kind": "accepted", "rule": "B603", "path": "a.py", "line": 3, "by": "p", "reason": "r",
         "at": "2026-11-20T12:00:00+01:00"},
        {"kind": "dispute", "about": "cause", "result": "a.sarif#/runs/0/results/0", "cause": "fix",
         "by": "p", "second": "q", "reason": "r"},
    ],
    "surroundings": {"exposure": "internet", "criticality": "high", "kev": True},
}  # fmt: skip


def test_the_example_of_the_design_is_read():
    facts = read(EXAMPLE, "facts.json")

    assert facts.after[0].source is Source.MEASURED
    assert facts.after[0].model is None
    assert facts.before[0].source is Source.DECLARED
    assert facts.fix.origin == "ai_generated"
    assert facts.at == "2026-11-20T12:00:00Z"


def test_every_other_member_is_read():
    facts = read(SPARE, "facts.json")

    assert facts.fix.blobs == (("a.py", "e" * 40),)
    assert facts.fix.commits[0].message == "m"
    assert facts.after[0].rules == ("B602",)
    assert dict(facts.reviews[0].answers) == {"q": "yes", "acknowledged_files": "a.py\nb.py"}
    assert facts.waivers[0].until == "2026-12-01"
    assert [d["kind"] for d in facts.dispositions] == ["accepted", "dispute"]
    assert facts.surroundings.kev


def test_no_facts_are_facts_of_which_nothing_is_known():
    facts = read({})

    assert (facts.fix.head_commit, facts.after, facts.at) == ("", (), "")


@pytest.mark.parametrize("path", ["fix.x", "before.x", "after.x", "surroundings.x", "x"])
def test_an_unknown_member_is_refused_with_its_path(path):
    with pytest.raises(InputError) as caught:
        read(changed(good_facts(), path, 1), "facts.json")

    assert str(caught.value) == f"facts.json: {path}: unknown member"


@pytest.mark.parametrize("member", ["reviews", "waivers", "dispositions"])
def test_an_unknown_member_in_a_list_is_refused_with_its_index(member):
    row = dict(SPARE[member][0], typo=1)

    with pytest.raises(InputError, match=rf"^facts: {member}\[0\]\.typo: unknown member$"):
        read({member: [row]})


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("after.commit", "main", "no full git object id"),
        ("after.commit", "abc1234", "no full git object id"),
        ("after.commit", 7, "must be a text, not a number"),
        ("after.exit_code", "1", "must be a whole number, not a text"),
        ("after.exit_code", True, "must be a whole number, not true or false"),
        ("after.scope", "whole", "'whole' is none of: full, diff"),
        ("after.source", "trusted", "none of: unknown, declared"),
        ("after.started_at", "yesterday", "no time in RFC 3339"),
        ("after.started_at", "2026-11-20T10:00:00", "no time in RFC 3339"),
        ("after.files_scanned", "app/db.py", "must be a list"),
        ("after.files_scanned", ["../x"], "not below the repository root"),
        ("after.files_scanned", ["/etc/passwd"], "not below the repository root"),
        ("after.blobs", {"a.py": "zz"}, "no full git object id"),
        ("after.blobs", ["a.py"], "must be an object of texts"),
        ("after.tool_class", "linter", "none of: agentic"),
        ("after.command", 7, "must be a text"),
        ("fix.origin", "robot", "none of: human"),
        ("fix.attempts", 0, "must be at least 1"),
        ("fix.author", ["dev"], "must be a text"),
        ("surroundings.exposure", "moon", "none of: internal, internet"),
        ("surroundings.kev", "yes", "must be true or false"),
        ("at", "now", "no time in RFC 3339"),
        ("fix", [], "must be an object"),
        ("reviews", {}, "must be a list"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(path, value, what):
    with pytest.raises(InputError) as caught:
        read(changed(good_facts(), path, value), "facts.json")

    assert str(caught.value).startswith(f"facts.json: {path}")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("member", "row", "key"),
    [
        ("reviews", {"kind": "human", "decision": "approved"}, "reviewer"),
        ("waivers", {"check": "SCAN_FRESH", "by": "x", "reason": "y"}, "until"),
        ("waivers", {"check": "SCAN_FRESH", "reason": "y", "until": "2026-12-01"}, "by"),
        ("dispositions", {"rule": "B603"}, "kind"),
        ("dispositions", {"kind": "accepted", "rule": "B603", "path": "a", "by": "x"}, "reason"),
        (
            "dispositions",
            {"kind": "dispute", "about": "match", "result": "x", "by": "a", "reason": "b"},
            "second",
        ),
    ],
)
def test_what_a_row_cannot_do_without_is_asked_for(member, row, key):
    with pytest.raises(InputError, match=rf"{member}\[0\]\.{key}: is missing"):
        read({member: [row]})


@pytest.mark.parametrize(("about", "key"), [("match", "finding"), ("cause", "cause")])
def test_a_dispute_says_what_it_is_about(about, key):
    row = {
        "kind": "dispute",
        "about": about,
        "result": "x",
        "by": "a",
        "second": "b",
        "reason": "c",
    }

    with pytest.raises(InputError, match=rf"dispositions\[0\]\.{key}: is missing"):
        read({"dispositions": [row]})


def test_odd_characters_in_a_commit_message_are_shown_as_such_and_not_refused():
    facts = read({"fix": {"commits": [{"message": "a\x00b\x1b[31m"}]}})

    assert facts.fix.commits[0].message == "a\ufffdb\ufffd[31m"


def test_control_characters_elsewhere_are_refused():
    with pytest.raises(InputError, match="control characters"):
        read(changed(good_facts(), "after.vendor", "a\x00b"))


@pytest.mark.parametrize(
    "data", [b"[]", b"{", b'{"at": "x", "at": "y"}', b'{"fix": NaN}', b"\xff", b"[" * 100_000, b"7"]
)
def test_what_is_no_object_in_json_is_refused(data):
    with pytest.raises(InputError, match=r"^facts\.json"):
        parse(data, "facts.json")


def test_commits_may_stand_at_the_top_but_not_twice():
    commits = [{"id": HEAD, "message": "m", "author": "A <a@b.c>"}]

    assert read({"commits": commits}).fix.commits[0].author == "A <a@b.c>"
    with pytest.raises(InputError, match="is given here and in fix"):
        read({"commits": commits, "fix": {"commits": commits}})


# Joining documents and facts.


def test_facts_of_several_scans_are_a_list_in_the_order_of_the_scans():
    facts = good_facts()
    facts["after"] = [facts["after"], facts["after"] | {"category": "java"}]
    found = evidence(after=[sarif(), sarif()], facts=facts)

    assert [scan.facts.category for scan in found.scans] == ["", "", "java"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_of_facts_of_another_length_than_the_scans_is_refused(count):
    facts = good_facts()
    facts["after"] = [facts["after"]] * count
    if count == 0:
        assert evidence(after=[sarif(), sarif()], facts=facts).scans[-1].facts.commit == ""
        return
    with pytest.raises(InputError, match=r"after: facts of \d scans, but 2 were given"):
        evidence(after=[sarif(), sarif()], facts=facts)


def test_one_object_of_facts_does_not_stand_for_several_scans():
    with pytest.raises(InputError, match="write a list"):
        evidence(after=[sarif(), sarif()])


def test_facts_of_a_scan_that_is_not_given_do_no_harm():
    assert evidence(before=[], findings=()).scans[0].role == "after"


@pytest.mark.parametrize(
    "ref",
    [
        SINK_REF,
        "before.sarif#/runs/0/results/0",
    ],
)
def test_a_finding_is_named_by_rule_and_place_or_by_pointer(ref):
    (original,) = evidence(findings=(ref,)).originals

    assert original.result is not None
    assert (original.result.rule, original.scan) == ("B602", 0)


def test_rules_and_paths_may_hold_the_signs_that_divide_them():
    odd = SINK | {"rule": "@scope/no-eval", "path": "packages/@acme/x.js"}
    ref = "@scope/no-eval@packages/@acme/x.js:5"

    assert evidence(before=sarif([odd]), findings=(ref,)).originals[0].result is not None


@pytest.mark.parametrize(
    ("ref", "what"),
    [
        ("B999@app/db.py:5", "matches no result"),
        ("B602@app/db.py:6", "matches no result"),
        ("B602", "matches no result"),
        ("before.sarif#/runs/0/results/9", "matches no result"),
        ("other.sarif#/runs/0/results/0", "matches no result"),
    ],
)
def test_a_reference_to_nothing_is_refused(ref, what):
    with pytest.raises(InputError, match=what):
        evidence(findings=(ref,))


def test_of_several_results_that_a_reference_means_each_is_judged():
    twins = [SINK | {"message": "one"}, SINK | {"message": "two"}, SINK | {"message": "two"}]
    found = evidence(before=sarif(twins)).originals

    assert [item.ref for item in found] == [
        SINK_REF,
        "before.sarif#/runs/0/results/1",
        "before.sarif#/runs/0/results/2",
    ]
    assert [item.result.message for item in found] == ["one", "two", "two"]


def test_that_results_lie_below_no_known_root_is_said_where_none_is_found():
    lost = SINK | {"path": "file:///srv/somewhere/else/app/other.py"}

    with pytest.raises(InputError, match="1 of them lie at addresses below no known root"):
        evidence(before=sarif([lost]))


def test_the_same_result_in_two_scans_is_one_finding():
    facts = changed(good_facts(), "before", [good_facts()["before"]] * 2)

    assert len(evidence(before=[sarif([SINK]), sarif([SINK])], facts=facts).originals) == 1


def test_a_finding_without_a_scan_before_is_refused():
    with pytest.raises(InputError, match="needs a before scan"):
        evidence(before=[])


def test_what_is_open_may_be_a_report_or_a_list():
    rows = {"results": [{"tool": "Bandit", "rule": "B1", "path": "./a.py", "line": 3}]}

    assert evidence(known=rows).known[0].location.path == "a.py"
    assert evidence(known=sarif([SINK])).known[0].rule == "B602"


@pytest.mark.parametrize(
    "row", [{"tool": "Bandit", "rule": "B1"}, {"tool": "B", "rule": "B1", "path": "a", "lin": 3}]
)
def test_a_list_of_what_is_open_is_read_strictly(row):
    with pytest.raises(InputError, match=r"^open\.json: results\[0\]"):
        evidence(known={"results": [row]})


def test_two_scans_of_one_role_with_one_name_are_refused():
    twins = [Document("a.sarif", json.dumps(sarif()).encode())] * 2

    with pytest.raises(InputError, match=r"^a\.sarif: two after scans have this name"):
        assemble(after=twins, facts={})


def test_a_document_that_is_no_report_is_refused_by_its_name():
    with pytest.raises(InputError, match=r"^after\.sarif"):
        evidence(after=b"<xml/>")


def test_an_origin_is_told_from_the_commits_where_none_was_declared():
    facts = good_facts()
    facts["fix"]["commits"] = [{"message": "x\n\nCo-authored-by: Cursor <cursoragent@cursor.com>"}]
    fix = evidence(facts=facts).fix

    assert (fix.origin, fix.agent) == ("ai_assisted", "Cursor")


def test_an_author_that_is_an_agent_tells_the_origin_too():
    facts = changed(good_facts(), "fix.author", "copilot-swe-agent[bot]")

    assert evidence(facts=facts).fix.origin == "ai_generated"


def test_the_facts_are_json_as_the_command_reads_them():
    assert parse(json.dumps(good_facts()).encode(), "facts.json") == good_facts()


def test_who_attested_the_facts_is_kept_and_must_be_texts():
    told = {"source": "attested", "attested_by": {"run": "901", "repository": "acme/shop"}}
    (scan,) = read({"after": told}).after
    assert scan.attested_by == (("repository", "acme/shop"), ("run", "901"))
    for wrong in ({"run": 901}, ["run"], "run"):
        with pytest.raises(InputError, match=r"after\.attested_by"):
            read({"after": {"attested_by": wrong}})
