"""A fix made for tests: one finding, a good scan before and after, and whatever a test changes.

The real set in tests/cases/pairs_bandit was made with Bandit 1.9.4; everything else is made here.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.assemble import assemble
from gate.evidence import Document, Evidence
from gate.judgement import judge
from gate.policy import DEFAULT, Policy

PAIRS = Path(__file__).parents[1] / "cases" / "pairs_bandit"
REF = "B602@app/views.py:7"
BASE, HEAD, MERGE, OTHER = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
BASE_TREE, HEAD_TREE, MERGE_TREE, OTHER_TREE = ("1" * 40, "2" * 40, "3" * 40, "4" * 40)
AT = "2026-11-23T12:00:00Z"

OLD = "import subprocess\n\n\ndef run(cmd):\n    return subprocess.call(cmd, shell=True)\n"
NEW = "import subprocess\n\n\ndef run(cmd):\n    return subprocess.call(cmd.split())\n"
SINK = {
    "rule": "B602",
    "path": "app/db.py",
    "line": 5,
    "level": "error",
    "snippet": "    return subprocess.call(cmd, shell=True)\n",
}
SINK_REF = "B602@app/db.py:5"


def good_facts() -> dict[str, Any]:
    """Facts with which a good fix passes both lamps at the medium tier."""
    return {
        "fix": {
            "base_commit": BASE,
            "base_tree": BASE_TREE,
            "head_commit": HEAD,
            "head_tree": HEAD_TREE,
            "author": "Dev Eloper <dev@example.org>",
        },
        "before": {
            "commit": BASE,
            "tree": BASE_TREE,
            "tool_class": "sast",
            "exit_code": 1,
            "source": "measured",
        },
        "after": {
            "commit": HEAD,
            "tree": HEAD_TREE,
            "tool_class": "sast",
            "scope": "full",
            "exit_code": 1,
            "source": "measured",
        },
        "reviews": [
            {"reviewer": "security-lead", "kind": "human", "commit": HEAD, "decision": "approved"}
        ],
        "at": AT,
    }


def sarif(
    results: Sequence[Mapping[str, Any]] = (),
    *,
    tool: str = "Bandit",
    version: str = "1.9.4",
    files: Sequence[str] = ("app/db.py",),
    rules: Sequence[Mapping[str, Any]] | None = None,
    **run: Any,
) -> dict[str, Any]:
    """A report of one run. ``files`` are the metrics of Bandit, and the artifacts of others."""
    fired = dict.fromkeys(result["rule"] for result in results)
    listed = [{"id": rule} for rule in fired] if rules is None else list(rules)
    whole = {
        "tool": {"driver": {"name": tool, "version": version, "rules": listed}},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-23T01:41:35Z"}],
        "artifacts": [{"location": {"uri": path}} for path in files],
        "results": [_result(result) for result in results],
        **({"properties": {"metrics": {path: {} for path in files}}} if tool == "Bandit" else {}),
        **run,
    }
    kept = {key: value for key, value in whole.items() if value is not ...}
    return {"version": "2.1.0", "runs": [kept]}


def _result(given: Mapping[str, Any]) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": given["line"]}
    if "snippet" in given:
        region["snippet"] = {"text": given["snippet"]}
    place = {"artifactLocation": {"uri": given["path"]}, "region": region}
    kept = ("suppressions", "kind", "partialFingerprints", "codeFlows", "properties")
    return {
        "ruleId": given["rule"],
        "level": given.get("level", "warning"),
        "message": {"text": given.get("message", f"{given['rule']} fires")},
        "locations": [{"physicalLocation": place}],
        **{key: given[key] for key in kept if key in given},
    }


def git_diff(files: Mapping[str, tuple[str | None, str | None]]) -> str:
    """What git shows for files that went from an old to a new text; None: not there."""
    return "".join(_file_diff(path, *texts) for path, texts in files.items())


def _file_diff(path: str, old: str | None, new: str | None) -> str:
    head = f"diff --git a/{path} b/{path}\n"
    head += "new file mode 100644\n" if old is None else ""
    head += "deleted file mode 100644\n" if new is None else ""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        "/dev/null" if new is None else f"b/{path}",
    )
    return head + "index 1111111..2222222 100644\n" + "".join(lines)


GOOD_DIFF = {"app/db.py": (OLD, NEW)}


def document(name: str, content: Any) -> Document:
    if isinstance(content, Document):
        return content
    if isinstance(content, bytes):
        return Document(name, content)
    return Document(
        name, content.encode() if isinstance(content, str) else json.dumps(content).encode()
    )


def evidence(
    *,
    before: Any = None,
    after: Any = None,
    control: Any = None,
    diff: Mapping[str, tuple[str | None, str | None]] | str | None = None,
    facts: Mapping[str, Any] | None = None,
    findings: Sequence[str] = (SINK_REF,),
    known: Any = None,
) -> Evidence:
    """Evidence of the made fix: its good scans and diff unless others are given.

    ``before``, ``after`` and ``control`` are reports or lists of reports.
    """
    before = sarif([SINK]) if before is None else before
    after = sarif() if after is None else after
    text = diff if isinstance(diff, str) else git_diff(GOOD_DIFF if diff is None else diff)
    return assemble(
        before=_documents("before", before),
        after=_documents("after", after),
        control=_documents("control", control or []),
        diff=Document("fix.diff", text.encode()) if text else None,
        known=document("open.json", known) if known is not None else None,
        findings=findings,
        facts=good_facts() if facts is None else facts,
    )


def _documents(role: str, reports: Any) -> list[Document]:
    many = reports if isinstance(reports, list) else [reports]
    names = [f"{role}{index or ''}.sarif" for index in range(len(many))]
    return [document(name, report) for name, report in zip(names, many, strict=True)]


def judged(*, lamp: str = "safe", policy: Policy = DEFAULT, **given: Any) -> dict[str, Any]:
    """The judgement of the made fix, as JSON has it."""
    return judge(evidence(**given), policy, lamp=lamp).to_dict()


def row(judgement: Mapping[str, Any], check: str, finding: str | None = None) -> dict[str, Any]:
    """The first row of a check, of one finding where that is said."""
    return next(
        row
        for row in judgement["checks"]
        if row["id"] == check and finding in (None, row["finding"])
    )


def outcome(check: str, **given: Any) -> str:
    """The outcome of one check for the made fix."""
    return str(row(judged(**given), check)["outcome"])


def stopping(judgement: Mapping[str, Any]) -> set[str]:
    """The required checks of the safe lamp that are not green."""
    green = ("PASS", "NOT_APPLICABLE", "WAIVED")
    return {
        row["id"]
        for row in judgement["checks"]
        if row["required"] and row["lamp"] == "safe" and row["outcome"] not in green
    }


def changed(facts: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of facts with one member, named as ``after.commit``, changed; None takes it out."""
    copied: dict[str, Any] = copy.deepcopy(dict(facts))
    *parents, last = path.split(".")
    inner = copied
    for parent in parents:
        inner = inner.setdefault(parent, {})
    if value is None:
        inner.pop(last, None)
    else:
        inner[last] = value
    return copied


def pair(variant: str, **given: Any) -> dict[str, Any]:
    """The judgement of one variant of the real set made with Bandit."""
    reports = {
        "before": Document("before.sarif", (PAIRS / "00_before.sarif").read_bytes()),
        "after": Document("after.sarif", (PAIRS / f"{variant}.sarif").read_bytes()),
        "diff": (PAIRS / f"{variant}.diff").read_text(),
        "findings": (REF,),
    }
    return judged(**{**reports, **given})
