"""Findings that the gate would not swear to be the same, but that a tracker follows. Pure.

The gate's matcher answers whether a weakness is gone, and says "cannot tell" where code changed or
none is shown. Here the question is which row a result belongs to. A wrong answer must not hide
anything: only findings that are open and were there are followed by these rules, so that nothing new
inherits a dismissal, an accepted risk or a certificate.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from gate.records import Result

PLACE, LINE, FINGERPRINT, RENAMED, MESSAGE = "P", "L", "F", "R", "M"
LEAST_RENAMED = 2  # results by which a file without code or fingerprints is recognised


class Side(NamedTuple):
    """The results of one side: all of them, and which (by index) have no counterpart yet."""

    all: Sequence[Result]
    left: Sequence[int]

    def without(self, taken: Iterable[int]) -> "Side":
        gone = set(taken)
        return Side(self.all, [at for at in self.left if at not in gone])


Followed = dict[int, tuple[int, str]]  # index after → index before, rule
Keys = Callable[[Result], Iterable[Hashable]]


def follow(before: Side, after: Side) -> Followed:
    """Pair what is left: by place, line, fingerprint in another file, renamed file, message. One to one."""
    found: Followed = {}
    for name, rule in (
        (PLACE, _by_place), (LINE, _by_line), (FINGERPRINT, _by_fingerprint), (RENAMED, _renamed),
        (MESSAGE, _by_message),
    ):  # fmt: skip
        pairs = rule(before, after)
        found |= {new: (old, name) for new, old in pairs.items()}
        before, after = before.without(pairs.values()), after.without(pairs)
    return found


def _by_place(before: Side, after: Side) -> dict[int, int]:
    """The rule's only result at this very line and column: code or wording changed in place."""
    return _unique(before, after, _place)


def _place(result: Result) -> Iterable[Hashable]:
    spot = result.location
    if spot.path and spot.line:
        yield result.rule_key, spot.path, spot.line, spot.column


def _by_line(before: Side, after: Side) -> dict[int, int]:
    """The rule's only result on this line, where one side tells no more than that: it came from a list.

    Then as many of the rule in the file as before, where one side tells no more: lines move on.
    """
    pairs = {
        new: old
        for new, old in _unique(before, after, _line).items()
        if _tells_little(before.all[old]) != _tells_little(after.all[new])
    }
    before, after = before.without(pairs.values()), after.without(pairs)
    olds, news = _in_files(before), _in_files(after)
    for key, rows in news.items():
        others = olds.get(key, [])
        told = [{_tells_little(side.all[at]) for at in ids}
                for side, ids in ((before, others), (after, rows))]  # fmt: skip
        if len(rows) == len(others) and sorted(map(list, told)) == [[False], [True]]:
            pairs |= dict(zip(rows, others, strict=True))
    return pairs


def _line(result: Result) -> Iterable[Hashable]:
    spot = result.location
    if spot.path and spot.line:
        yield result.rule_key, spot.path, spot.line


def _tells_little(result: Result) -> bool:
    """Whether it has neither code nor fingerprint, as what other trackers export."""
    return not (result.location.snippet or result.fingerprints)


def _in_files(side: Side) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for at in sorted(side.left, key=lambda at: side.all[at].location.line or 0):
        result = side.all[at]
        if result.location.path and result.location.line:
            found[result.rule_key, result.location.path].append(at)
    return found


def _by_fingerprint(before: Side, after: Side) -> dict[int, int]:
    """The only results of all with a fingerprint: the tool itself says so, in whatever file."""
    return _unique(before, after, _fingerprints)


def _fingerprints(result: Result) -> Iterable[Hashable]:
    return ((result.rule_key, *pair) for pair in result.fingerprints)


def _unique(before: Side, after: Side, keys_of: Keys) -> dict[int, int]:
    """Pairs that share a key which nothing else has, on either side."""
    olds, news = _only(before, keys_of), _only(after, keys_of)
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for key, new in news.items():
        old = olds.get(key)
        if old is not None and new not in pairs and old not in taken:
            pairs[new] = old
            taken.add(old)
    return pairs


def _only(side: Side, keys_of: Keys) -> dict[Hashable, int]:
    mine = {key: at for at in side.left for key in keys_of(side.all[at])}
    if not mine:
        return {}
    number = Counter(key for result in side.all for key in keys_of(result) if key in mine)
    return {key: at for key, at in mine.items() if number[key] == 1}


def _renamed(before: Side, after: Side) -> dict[int, int]:
    """Files that are gone and files that are new, with the same results at the same lines."""
    paths = {result.location.path for result in before.all}
    now = {result.location.path for result in after.all}
    olds = _by_content(before, not_in=now)
    news = _by_content(after, not_in=paths)
    pairs: dict[int, int] = {}
    for content, files in news.items():
        others = olds.get(content, [])
        if len(files) == len(others) == 1 and len(content) >= LEAST_RENAMED:
            pairs |= dict(zip(files[0], others[0], strict=True))
    return pairs


def _by_content(side: Side, *, not_in: set[str | None]) -> dict[tuple[str, ...], list[list[int]]]:
    """What files say, in order → the results of each file that says it."""
    files: dict[str, list[int]] = defaultdict(list)
    for at in side.left:
        path = side.all[at].location.path
        if path and path not in not_in:
            files[path].append(at)
    found: dict[tuple[str, ...], list[list[int]]] = defaultdict(list)
    for rows in files.values():
        rows.sort(key=lambda at: _said(side.all[at]))
        found[tuple(_said(side.all[at]) for at in rows)].append(rows)
    return found


def _said(result: Result) -> str:
    spot = result.location
    return repr((spot.line or 0, spot.column or 0, result.rule_key, result.message))


def _by_message(before: Side, after: Side) -> dict[int, int]:
    """As many as before of the same rule and message in the same file, and nothing shows their code."""
    olds, news = _groups(before), _groups(after)
    pairs: dict[int, int] = {}
    for key, rows in news.items():
        others = olds.get(key, [])
        if len(rows) == len(others):
            pairs |= dict(zip(rows, others, strict=True))
    return pairs


def _groups(side: Side) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for at in sorted(side.left, key=lambda at: side.all[at].location.line or 0):
        result = side.all[at]
        spot = result.location
        if spot.path and not spot.snippet and not result.fingerprints:
            found[result.rule_key, spot.path, result.message].append(at)
    return found
