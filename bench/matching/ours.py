"""Our side of the speed table as one process: ``before after output [diff]``.

Reads both reports within the product's limits, matches, and writes a row per result of either
report: its baseline state, its counterpart, the stage and the reason.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gate import diff, formats, matching


def main(before: str, after: str, output: str, patch: str = "") -> None:
    """Compare two reports of one run each."""
    old, new = (formats.read(name, Path(name).read_bytes()) for name in (before, after))
    joined = diff.parse(Path(patch).read_bytes(), patch) if patch else None
    found = matching.match(old.runs[0].results, new.runs[0].results, joined)
    rows = [(pair.before, pair.after, pair.stage, pair.reason) for pair in found.pairs]
    document = {"pairs": rows, "absent": found.unmatched_before, "new": found.unmatched_after}
    Path(output).write_text(json.dumps(document))


if __name__ == "__main__":
    main(*sys.argv[1:])
