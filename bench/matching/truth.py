"""What is true of two scans of a tree that was edited line by line, and who got it wrong.

Results of one rule on one line (or on one rewritten statement) are exchangeable: nobody can say
which of them is which, so of a group only the numbers count, and a wrong answer is one that no
assignment inside the group can make right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.matching.draft import Draft, Line
from bench.matching.methods import Answer
from gate.records import Result

Group = tuple[str, tuple[str | int, ...]]  # rule, and the place before; or "new" and the place


@dataclass(frozen=True)
class Truth:
    """The group of every result before and after; a group is one rule at one place."""

    before: list[Group]
    after: list[Group]

    def counts(self) -> tuple[Counter[Group], Counter[Group]]:
        """How many results a group has, before and after."""
        return Counter(self.before), Counter(self.after)


@dataclass
class Score:
    """Wrong answers of a method, and what it could have got wrong."""

    old: int = 0
    new: int = 0
    there: int = 0
    gone: int = 0
    missed_new: int = 0  # new, called old: a weakness that nobody looks at
    false_new: int = 0  # old, called new
    false_absent: int = 0  # still there, called gone: a finding closed unfixed
    false_present: int = 0  # gone, called there
    unsure_there: int = 0  # left to a person
    unsure_gone: int = 0
    crossed: int = 0  # paired with another one's counterpart

    def add(self, other: Score) -> None:
        """Sum up."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def wrong(self) -> int:
        """All wrong answers."""
        return self.missed_new + self.false_new + self.false_absent + self.false_present


def truth_of(draft: Draft, before: Sequence[Result], after: Sequence[Result]) -> Truth:
    """The groups, from where the draft says each line came from."""
    built = draft.built()
    return Truth(
        [(result.rule, draft.anchors.get(_spot(result), _spot(result))) for result in before],
        [(result.rule, _origin(draft, built, result)) for result in after],
    )


def score(truth: Truth, answer: Answer) -> Score:
    """How a method did."""
    before, after = truth.counts()
    gone, new = before - after, after - before
    total = Score(
        old=len(truth.after) - new.total(),
        new=new.total(),
        there=len(truth.before) - gone.total(),
        gone=gone.total(),
    )
    said_new = Counter(truth.after[index] for index in answer.new)
    said_gone = Counter(truth.before[index] for index in answer.absent)
    unsure = Counter(truth.before[index] for index in answer.unsure)
    total.missed_new = (new - said_new).total()
    total.false_new = (said_new - new).total()
    total.false_absent = (said_gone - gone).total()
    total.false_present = (gone - said_gone - unsure).total()
    total.unsure_gone = sum(min(unsure[key], (gone - said_gone)[key]) for key in unsure)
    total.unsure_there = unsure.total() - total.unsure_gone
    pairs = (answer.pairs or {}).items()
    total.crossed = sum(truth.before[old] != truth.after[now] for old, now in pairs)
    return total


def explained(truth: Truth, answer: Answer) -> dict[str, list[Group]]:
    """The groups behind the wrong answers of ``score``, by its names."""
    before, after = truth.counts()
    gone, new = before - after, after - before
    said_new = Counter(truth.after[index] for index in answer.new)
    said_gone = Counter(truth.before[index] for index in answer.absent)
    unsure = Counter(truth.before[index] for index in answer.unsure)
    found: dict[str, list[Group]] = defaultdict(list)
    found["missed_new"] = [*(new - said_new)]
    found["false_new"] = [*(said_new - new)]
    found["false_absent"] = [*(said_gone - gone)]
    found["false_present"] = [*(gone - said_gone - unsure)]
    return found


def _spot(result: Result) -> tuple[str, int]:
    return result.location.path or "", result.location.line or 0


def _origin(draft: Draft, built: dict[str, list[Line]], result: Result) -> tuple[str | int, ...]:
    path, line = _spot(result)
    if path not in built:
        return path, line
    origin = built[path][line - 1].origin
    return draft.anchors.get(origin, origin) if origin else ("new", path, line)
