"""docs/matching.md: the method in words around the tables that were measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.matching import report
from bench.matching.accuracy import Accuracy
from bench.matching.scans import PACKAGES
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
told from code that looks like it (`gate.moved`) were made while looking at these very packages and edits: expect
other code to do worse."""

SPEED = """\
## Speed

Whole processes; generated reports, one result in 20 fixed, as many new, a fifth of the files with moved lines.
The two do not write the same: the multitool writes the whole annotated report, ours only pairs, stages, reasons
and what stayed alone, so part of its lead is work that it leaves out. The fastest of up to three rounds by
processor time; other work ran on the machine. *To the smallest*: time per result against that at the smallest
size (1 or less: no growth). *Multitool ÷ it*: how many times longer the multitool's processors work."""


def page(accuracy: Accuracy, timings: Sequence[Timing], setting: dict[str, str]) -> str:
    """The whole document."""
    where = f"{setting['machine']}, Python {setting['python']}, {setting['bandit']}"
    ours = accuracy.total("ours")
    parts = [
        INTRODUCTION.format(date=setting["date"], setting=where),
        "\n".join(report.accuracy_table(accuracy)),
        READING.format(gone=ours.unsure_gone, there=ours.unsure_there, all_gone=ours.gone),
        "## By edit\n\nMissed new · false new · false absent · false present.",
        "\n".join(report.edits_table(accuracy)),
        _remaining(accuracy),
        METHOD.format(
            files=accuracy.files,
            packages=", ".join(PACKAGES),
            results=accuracy.results,
            multitool=setting["multitool"],
        ),
        SPEED,
        "\n".join(report.speed_table(timings)),
    ]
    return "\n\n".join(parts) + "\n"


def _remaining(accuracy: Accuracy) -> str:
    """What ours got wrong, counted, and what of it is meant."""
    counts = Counter((row["edit"], row["answer"], row["stage"]) for row in accuracy.wrong)
    if not counts:
        return "Ours answered nothing wrong."
    lines = [
        f"* {edit}: {count} {answer.replace('_', ' ')}, paired by {stage or 'no stage'}"
        for (edit, answer, stage), count in sorted(counts.items())
    ]
    text = """\
Where ours answered wrong, in places (one may hold several results), by the stage that paired it.
S5 is meant: code that was rewritten and fires again is
there, and is asked again as new, even where only its layout changed; and what is fixed counts as there while
the same rule fires on new code of the same hunk. S1 is git's own diff, which here takes the body of a copied
function for the original: same file, same rule, same code; of the two the wrong one is called new."""
    return "\n".join([text, "", *lines])
