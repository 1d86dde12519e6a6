"""Two reports of any size and the diff between their trees, with the truth: no scanner needed.

Of every 20 results one is fixed, one is new, and the lines of two files in ten have moved.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

PER_FILE = 20
STEP = 40  # lines from one result of a file to the next
MOVED = 7  # lines
RULES = 200


def generate(count: int, folder: Path, seed: int = 1) -> tuple[Path, Path, Path]:
    """Write before.sarif, after.sarif and fix.diff for ``count`` results before."""
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated
    before, after, diff = [], [], []
    for file in range(-(-count // PER_FILE)):
        path = f"src/pkg{file % 40:02d}/mod{file:05d}.py"
        moved = MOVED if rng.random() < 0.2 else 0
        number = min(PER_FILE, count - file * PER_FILE)
        rules = [rng.randrange(RULES) for _ in range(number)]
        fixed, fresh = rng.randrange(number), rng.randrange(RULES)
        for at, rule in enumerate(rules):
            line = STEP * (at + 1)
            before.append(_result(rule, path, line, f"{path}:{at}"))
            if at != fixed:
                after.append(_result(rule, path, line + moved, f"{path}:{at}"))
        line = STEP * (fixed + 1)
        after.append(_result(fresh, path, line + moved, f"{path}:new"))
        diff += _diff(path, moved, line, _code(f"{path}:{fixed}"), _code(f"{path}:new"))
    rng.shuffle(after)
    return _written(folder, before, after, diff)


def _code(name: str) -> str:
    token = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"    value_{token} = load('{token}')"


def _result(rule: int, path: str, line: int, name: str) -> dict[str, Any]:
    code = _code(name)
    region = {"startLine": line, "startColumn": 5, "endColumn": 40, "snippet": {"text": code}}
    return {
        "ruleId": f"bench/rule-{rule:03d}",
        "ruleIndex": rule,
        "level": "warning",
        "message": {"text": f"Unsafe input reaches {code.split()[0]} (rule {rule:03d})."},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": path}, "region": region}}],
    }


def _diff(path: str, moved: int, line: int, old: str, new: str) -> list[str]:
    """The moved lines at the top, and one line replaced (a fix, and what came with it)."""
    top = [f"@@ -0,0 +1,{moved} @@", *["+# moved"] * moved] if moved else []
    change = [f"@@ -{line} +{line + moved} @@", f"-{old}", f"+{new}"]
    return [f"diff --git a/{path} b/{path}", f"--- a/{path}", f"+++ b/{path}", *top, *change]


def _written(
    folder: Path, before: list[dict[str, Any]], after: list[dict[str, Any]], diff: list[str]
) -> tuple[Path, Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "before.sarif", folder / "after.sarif", folder / "fix.diff"
    for path, results in zip(paths, (before, after), strict=False):
        path.write_text(json.dumps(_log(results)))
    paths[2].write_text("".join(f"{line}\n" for line in diff))
    return paths


def _log(results: list[dict[str, Any]]) -> dict[str, Any]:
    rules = [{"id": f"bench/rule-{number:03d}"} for number in range(RULES)]
    driver = {"name": "BenchScan", "version": "1.0.0", "rules": rules}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
