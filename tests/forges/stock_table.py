"""Good fixes on stock set-ups, judged with no more facts than our connectors bring: the table of docs/evidence.md.

    python -m tests.forges.stock_table          # compare
    python -m tests.forges.stock_table --write  # write

Each case of tests/cases that is good and stock is stripped to the members that
forges/services/analyses.py and forges/services/pulls.py tell, and judged on both lamps by the default policy.
"""

import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.assemble import assemble
from gate.evidence import Document
from gate.judgement import judge
from gate.policy import DEFAULT
from tests.forges.fake_github_sarif import as_github_returns

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
PAGE = ROOT / "docs" / "evidence.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
OF_SCANS = {
    "commit", "tree", "parents", "scope", "category", "finished_at", "uploader", "uploader_kind",
    "exit_code", "source", "blobs", "descends_from", "covers",
}  # fmt: skip
OF_THE_FIX = {
    "base_commit", "base_tree", "head_commit", "head_tree", "pushed_at", "author", "commits", "branch",
    "merge_commit", "merge_tree", "merged_at", "merge_blobs", "attempts",
}  # fmt: skip
OF_PEOPLE = {
    "reviews",
    "dispositions",
    "revocations",
    "waivers",
    "patches",
}  # said beside the scans
DEFAULT_SETUP = "GitHub, CodeQL default set-up"
SCANS = ("before", "after", "control", "later")
GREEN = ("PASS", "NOT_APPLICABLE", "WAIVED")


@dataclass(frozen=True)
class Row:
    """One case: its verdict on both lamps, what stopped it, and whose that is."""

    name: str
    setup: str
    title: str
    verdict: str
    stopped_by: tuple[str, ...]
    owner: str


def stripped(facts: Mapping[str, Any], setup: str) -> dict[str, Any]:
    """The facts that a connector would have told: the host says that the job ended well, whether or
    not the report does, and of a set-up without any configuration that it covers everything."""
    told_too: dict[str, Any] = {"exit_code": 0}
    if setup == DEFAULT_SETUP:
        told_too["covers"] = "everything"
    kept: dict[str, Any] = {"at": facts["at"]}
    kept["fix"] = {name: value for name, value in facts["fix"].items() if name in OF_THE_FIX}
    for role in SCANS:
        told = facts.get(role, [])
        kept[role] = [
            told_too | {name: value for name, value in scan.items() if name in OF_SCANS}
            for scan in (told if isinstance(told, list) else [told])
        ]
    return kept | {name: facts[name] for name in OF_PEOPLE if name in facts}


def as_kept(data: bytes, setup: str, scan: Mapping[str, Any]) -> bytes:
    """The report as the code host gives it back: GitHub drops invocations, and artifacts without results."""
    if setup.startswith("GitLab"):
        return data
    told = json.loads(data)["runs"][0].get("automationDetails", {}).get("id", "")
    return as_github_returns(
        data, full_name="acme/shop", ref="refs/heads/main", commit=scan["commit"],
        category=told.rpartition("/")[0] or scan.get("category", ""),
    )  # fmt: skip


def rows() -> list[Row]:
    """Judge every good stock case."""
    found = []
    for file in sorted(CASES.glob("good-*/case.toml")):
        case = tomllib.loads(file.read_text(encoding="utf-8"))
        if case["stock"]:
            found.append(_row(file.parent, case))
    return found


def _row(folder: Path, case: Mapping[str, Any]) -> Row:
    facts = stripped(json.loads((folder / "facts.json").read_bytes()), case["setup"])

    def documents(role: str) -> list[Document]:
        files = [(folder / name).read_bytes() for name in case.get(role, [])]
        kept = zip(files, facts[role], strict=True)
        told = [as_kept(data, case["setup"], scan) for data, scan in kept]
        return [Document(name, data) for name, data in zip(case.get(role, []), told, strict=True)]

    evidence = assemble(
        **{role: documents(role) for role in SCANS},
        diff=Document("fix.diff", (folder / "fix.diff").read_bytes()),
        findings=case.get("findings", []),
        facts=facts,
    )
    answer = judge(evidence, DEFAULT).to_dict()
    stopped = sorted(
        {c["id"] for c in answer["checks"] if c["required"] and c["outcome"] not in GREEN}
    )
    owner = case.get("unknown", {}).get("owner", "") if stopped else ""
    return Row(folder.name, case["setup"], case["title"], answer["verdict"], tuple(stopped), owner)


def table(found: list[Row]) -> str:
    """The table in Markdown, those that do not pass first."""
    passed = sum(row.verdict == "pass" for row in found)
    lines = [
        f"{len(found)} good fixes on stock set-ups: {passed} pass, {len(found) - passed} do not.",
        "",
        "| case | set-up | what happened | verdict | stopped by | whose |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(found, key=lambda row: (row.verdict == "pass", row.setup, row.name)):
        stopped = ", ".join(row.stopped_by)
        lines.append(
            f"| [{row.name}](../tests/cases/{row.name}/case.toml) | {row.setup} | {row.title} "
            f"| {row.verdict} | {stopped} | {row.owner} |"
        )
    return "\n".join(lines) + "\n"


def page(text: str, found: list[Row]) -> str:
    """The document with its table made anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{table(found)}{END}{tail}"


def main(arguments: list[str]) -> int:
    old = PAGE.read_text(encoding="utf-8")
    new = page(old, rows())
    if arguments == ["--write"]:
        PAGE.write_text(new, encoding="utf-8")
        return 0
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
