"""Every edit on real code, every method on the two scans, and who was right."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.matching import multitool
from bench.matching.draft import Draft, parses
from bench.matching.edits import EDITS, Place
from bench.matching.methods import METHODS, Answer, Scans, hashed
from bench.matching.scans import Repository, Scan
from bench.matching.truth import Score, Truth, explained, score, truth_of
from gate.match_view import compact
from gate.matching import match

SEED = 7
MULTITOOL = ("SARIF multitool", "multitool + hashes")


@dataclass
class Accuracy:
    """Scores by edit and method; ``missing`` says why a method has none."""

    packages: tuple[str, ...]
    files: int
    results: int
    scores: dict[str, dict[str, Score]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    wrong: list[dict[str, Any]] = field(default_factory=list)  # what our own method got wrong

    def total(self, method: str, *, without: Sequence[str] = ()) -> Score:
        """One method over the edits."""
        found = Score()
        for edit, scores in self.scores.items():
            if edit not in without and method in scores:
                found.add(scores[method])
        return found


def measure(
    folder: Path, program: Path | None, why_not: str, packages: tuple[str, ...]
) -> Accuracy:
    """Run all edits in a repository of these packages below ``folder``."""
    repository = Repository(folder / "repository", packages)
    before = repository.scan(folder / "before.sarif")
    found = Accuracy(packages, len(list(repository.folder.rglob("*.py"))), len(before.results))
    if not program:
        found.missing = dict.fromkeys(MULTITOOL, why_not)
    texts = _texts(repository, before)
    for number, edit in enumerate(EDITS):
        draft = _drafted(repository, before, edit, SEED + number)
        diff = repository.change(draft.built(), draft.renames)
        after = repository.scan(folder / f"after-{number}.sarif")
        scans = Scans(before.results, after.results, diff, texts, _texts(repository, after))
        truth = truth_of(draft, before.results, after.results)
        answers = {name: method(scans) for name, method in METHODS.items()}
        if program:
            answers |= _multitool(program, before, after, scans)
        found.scores[edit] = {name: score(truth, answer) for name, answer in answers.items()}
        found.wrong += _wrong(edit, truth, scans, answers["ours"])
        sys.stderr.write(f"{edit}: {len(after.results)} results\n")
    return found


def _texts(repository: Repository, scan: Scan) -> dict[str, str]:
    return repository.texts({result.location.path or "" for result in scan.results})


def _drafted(repository: Repository, before: Scan, edit: str, seed: int) -> Draft:
    spots = [(r.location.path or "", r.location.line or 0, r.rule) for r in before.results]
    plain = sorted({spot for spot in spots if spot[0] in repository.sources})
    draft = Draft(repository.sources)
    places = [Place(rule, path, line) for path, line, rule in plain]
    EDITS[edit](draft, places, random.Random(seed))  # noqa: S311 - chance that can be repeated
    broken = [path for path, lines in draft.built().items() if not parses(lines)]
    if broken:
        raise ValueError(f"{edit}: edited files do not parse: {', '.join(broken)}")
    return draft


def _multitool(program: Path, before: Scan, after: Scan, scans: Scans) -> dict[str, Answer]:
    digests = [
        [key[2] for key in hashed(scans.before, scans.texts_before)],
        [key[2] for key in hashed(scans.after, scans.texts_after)],
    ]
    plain = multitool.ask(program, before.path, after.path, [[], []])
    return dict(
        zip(
            MULTITOOL,
            [plain, multitool.ask(program, before.path, after.path, digests)],
            strict=True,
        )
    )


def _wrong(edit: str, truth: Truth, scans: Scans, answer: Answer) -> list[dict[str, Any]]:
    """Each wrong group, with the stages that paired its results. ``twin``: of two with the same
    code, the new one is called old and the old one new."""
    stages = defaultdict(set)
    for pair in match(scans.before, scans.after, scans.diff).pairs:
        for group in (truth.before[pair.before], truth.after[pair.after]):
            stages[group].add(pair.stage.value)
    wrong = explained(truth, answer)
    said = {
        group: (result.rule, compact(result.location.snippet))
        for group, result in zip(truth.after, scans.after, strict=True)
    }
    called = [{said[group] for group in wrong[kind]} for kind in ("missed_new", "false_new")]
    return [
        {
            "edit": edit,
            "answer": kind,
            "rule": group[0],
            "place": list(group[1]),
            "stage": "+".join(sorted(stages[group])),
            "twin": kind.endswith("_new") and all(said[group] in each for each in called),
        }
        for kind, groups in wrong.items()
        for group in groups
    ]
