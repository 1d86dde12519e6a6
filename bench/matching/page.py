"""docs/matching.md: the method in words around the tables that were measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.matching import report
from bench.matching.accuracy import Accuracy
from bench.matching.speed import Timing

INTRODUCTION = """\
# Matching, measured

Written by `make bench-matching ARGS="--write"`; do not edit. {date}, {setting}.

Two scans, one before and one after a change: which results are the same one? A wrong answer costs differently
by its direction. *Missed new*: a new weakness passes as an old one. *False absent*: a finding closes unfixed.
*False new* and *false present* ask a person about something that is settled."""

METHOD = """\
## How it is measured

{files} Python files of installed packages ({packages}) are a git repository; Bandit reports {results} results
on it. Each edit below changes as many of the reported places as it can, by a fixed seed, and keeps the origin
of every line: that is the truth, and no matcher has a part in it. Then a real Bandit scans again, and the
diff is git's (`gate.git.git_diff`). Results of one rule on one line, on one rewritten statement, or on a line
and its copy right below are exchangeable: only their number counts. A fix that Bandit still reports counts as
not fixed.

* **ours**: `gate.matching`, read as the checks do: S1 to S4 are old, S1 to S5 there, S6 to S8 and what is
  contested are left to a person. **no diff**: the two reports alone (then the gate answers *nothing new?*
  with UNKNOWN anyway).
* **rule + file + line**: what is equal in all three, one to one.
* **GitHub's line hash**: rule, path and `primaryLocationLineHash`, ported from codeql-action and held by its
  vectors.
* **SARIF multitool**: `match-results-forward` of {multitool}, run on Bandit's files as they are; **+
  hashes**: with the line hashes added as `partialFingerprints`. It has no use for a diff."""

READING = """\
What is left to a person is not counted as wrong, which favours ours, the only one that does so: {gone} of the
{all_gone} fixed results stay undecided there, and {there} of those still there. The rules by which moved code is
told from code that looks like it (`gate.moved`, `gate.layout`) were made while looking at these very packages
and edits. So the same edits on packages that nobody looked at ({files} files, {results} results of Bandit:
{packages}):"""

WRONG = """\
In places (one may hold several results), by the stage that paired them. *Twins* are two results of one rule on
the same code, of which one is new: git's own diff takes the copy of a function for the original, so the number
of new results is right, and the original is shown as the new one. S5 is meant: what is fixed counts as there
while the same rule fires on new code of the same hunk."""

SPEED = """\
## Speed

Whole processes; generated reports, one result in 20 fixed, as many new, a fifth of the files with moved lines.
The two do not write the same: the multitool writes the whole annotated report, ours only pairs, stages, reasons
and what stayed alone, so part of its lead is work that it leaves out. The fastest of up to three rounds by
processor time; other work ran on the machine. *To the smallest*: time per result against that at the smallest
size (1 or less: no growth). *Multitool ÷ it*: how many times longer the multitool's processors work."""


def page(
    accuracy: Accuracy, held: Accuracy, timings: Sequence[Timing], setting: dict[str, str]
) -> str:
    """The whole document."""
    where = f"{setting['machine']}, Python {setting['python']}, {setting['bandit']}"
    ours = accuracy.total("ours")
    parts = [
        INTRODUCTION.format(date=setting["date"], setting=where),
        "\n".join(report.accuracy_table(accuracy)),
        READING.format(
            gone=ours.unsure_gone,
            there=ours.unsure_there,
            all_gone=ours.gone,
            files=held.files,
            results=held.results,
            packages=", ".join(held.packages),
        ),
        "\n".join(report.accuracy_table(held)),
        "## By edit\n\nMissed new · false new · false absent · false present.",
        "\n".join(report.edits_table(accuracy)),
        "## What ours gets wrong",
        _remaining(accuracy, held),
        METHOD.format(
            files=accuracy.files,
            packages=", ".join(accuracy.packages),
            results=accuracy.results,
            multitool=setting["multitool"],
        ),
        SPEED,
        "\n".join(report.speed_table(timings)),
    ]
    return "\n\n".join(parts) + "\n"


def _remaining(known: Accuracy, held: Accuracy) -> str:
    """What ours got wrong, counted by where it happened and why."""
    lines = []
    for name, found in (("packages above", known), ("held out", held)):
        counts = Counter(
            (row["edit"], row["answer"], row["stage"], row["twin"]) for row in found.wrong
        )
        lines += [
            f"* {name}, {edit}: {count} {answer.replace('_', ' ')}, paired by {stage or 'no stage'}"
            f"{', twins' if twin else ''}"
            for (edit, answer, stage, twin), count in sorted(counts.items())
        ]
    return "\n".join([WRONG, "", *lines]) if lines else "Nothing."
