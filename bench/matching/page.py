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
What is left to a person is neither right nor wrong: of ours, {gone} are gone and {there} are there."""

SPEED = """\
## Speed

Whole processes, from two files (and the diff) to a file of answers; generated reports, one result in 20
fixed, as many new, a fifth of the files with moved lines. The fastest of up to three rounds by processor
time, since the machine is shared. *To the smallest*: time per result against that at the smallest size (1 or
less is flat). *Multitool ÷ it*: how many times longer the multitool's processors work."""


def page(accuracy: Accuracy, timings: Sequence[Timing], setting: dict[str, str]) -> str:
    """The whole document."""
    where = f"{setting['machine']}, Python {setting['python']}, {setting['bandit']}"
    ours = accuracy.total("ours")
    parts = [
        INTRODUCTION.format(date=setting["date"], setting=where),
        "\n".join(report.accuracy_table(accuracy)),
        READING.format(gone=ours.unsure_gone, there=ours.unsure_there),
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
What ours answered wrong, by the stage that paired it. S5 is meant: code that was rewritten and fires again is
there, and is asked again as new, even where only its layout changed; and of one hunk nobody looks further
than the rule."""
    return "\n".join([text, "", *lines])
