"""Make the set again: ``python tests/cases/make TOOLS``.

TOOLS is a folder outside the repository with ``node_modules`` (eslint and
@microsoft/eslint-formatter-sarif) and ``sv`` (a virtual environment with semgrep); Bandit comes
from the interpreter's own environment. Scans are kept in TOOLS/scans.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cases_accounts
import cases_classes
import cases_content
import cases_evidence
import cases_marks
import cases_people
import cases_scans
import cases_setups
import cases_words
from folder import index, write
from scanners import Scanners
from story import Workshop

HERE = Path(__file__).parent
SET = HERE.parent
TELLERS = (
    cases_content, cases_evidence, cases_people, cases_setups, cases_classes, cases_words,
    cases_marks, cases_scans, cases_accounts,
)  # fmt: skip


def main(tools: str) -> int:
    """Write every case; what is no longer told is deleted."""
    with TemporaryDirectory() as folder:
        shop = Workshop(Scanners(Path(tools), HERE / "rules"), Path(folder))
        for teller in TELLERS:
            teller.tell(shop)
    names = [case.name for case in shop.cases]
    assert len(set(names)) == len(names), "two cases have one name"
    for old in SET.glob("*/case.toml"):
        if old.parent.name not in names:
            shutil.rmtree(old.parent)
    for case in shop.cases:
        write(SET / case.name, case)
    (SET / "CASES.md").write_text(index(shop.cases), encoding="utf-8")
    size = sum(file.stat().st_size for file in SET.rglob("*") if file.is_file())
    sys.stdout.write(json.dumps({"cases": len(names), "bytes": size}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
