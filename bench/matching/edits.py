"""Edits of known truth: each takes a draft and changes some of the places that a scan reported.

Every edit is a function (draft, places, rng); ``EDITS`` names them. What they do not do is chance:
the same seed gives the same tree.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from bench.matching.draft import Draft, Line, Source, first, last
from bench.matching.layout import joined, spread

Function = ast.FunctionDef | ast.AsyncFunctionDef
T = TypeVar("T")
INDENT = "    "


@dataclass(frozen=True)
class Place:
    """Where the scan before reported something."""

    rule: str
    path: str
    line: int


Edit = Callable[[Draft, list[Place], random.Random], None]

# New weaknesses, by the Bandit rule that reports them; {n} makes two of them differ.
WEAKNESSES = {
    "B101": ("assert given_{n}, 'given {n}'",),
    "B102": ("exec(given_{n})",),
    "B105": ("password = 'given-{n}'",),
    "B110": ("try:", "    start(given_{n})", "except Exception:", "    pass"),
    "B301": ("import pickle", "", "pickle.loads(given_{n})"),
    "B307": ("eval(given_{n})",),
    "B324": ("import hashlib", "", "hashlib.md5(given_{n})"),
    "B602": ("import subprocess", "", "subprocess.call(given_{n}, shell=True)"),
    "B608": ("query = 'SELECT * FROM t WHERE a = %s' % given_{n}",),
}


def shift(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """Lines move: comments and blank lines between the statements of every file."""
    for path in _paths(places):
        for node in _some(rng, draft.sources[path].statements, 3):
            texts = [f"{_indent(node)}# {word}" for word in ("moved", "down", "again")]
            draft.insert(path, first(node), ["", *texts[: rng.randrange(1, 4)]])


def rename(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """Files get another name, every other one with lines moved as well."""
    paths = [path for path in _paths(places) if path not in draft.renames]
    chosen = _some(rng, paths, len(paths) // 2)
    for path in chosen:
        folder, _, name = path.rpartition("/")
        moved = f"{folder}/moved/{name}" if rng.random() < 0.5 else f"{folder}/new_{name}"
        draft.renames[path] = moved
    shift(draft, [place for place in places if place.path in chosen[::2]], rng)


def move(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """Functions and methods go to the end of another file."""
    targets = [path for path in sorted(draft.sources) if len(draft.sources[path].lines) > 5]
    for source, node in _functions(draft, places):
        lines = source.kept(first(node), last(node))
        stub = [Line(f"{_indent(node)}{node.name} = None")]
        target = rng.choice([path for path in targets if path != source.path])
        if draft.splice(source.path, first(node), last(node), stub):
            head = [Line("")] if not node.col_offset else _class_around(node)
            draft.append(target, [Line(""), *head, *lines])


def reformat(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """Calls and assertions of one line go over several, those of several into one."""
    for source, node in _simple_statements(draft, places):
        texts = spread(source, node, trailing=rng.random() < 0.5) or joined(source, node)
        if texts:
            draft.rewrite(source.path, node.lineno, last(node), texts)


def duplicate(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """A reported line stands twice. Which of the two is the new one nobody can say."""
    for source, node in _simple_statements(draft, places):
        text = source.lines[node.lineno - 1]
        if node.lineno == last(node) and rng.random() < 0.5:
            draft.rewrite(source.path, node.lineno, node.lineno, [text, text])


def copy(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """A function is copied under another name, in front of the original or behind it."""
    for number, (source, node) in enumerate(_functions(draft, places)):
        texts = [line.text for line in source.kept(first(node), last(node))]
        at = node.lineno - first(node)
        texts[at] = texts[at].replace(f"def {node.name}", f"def {node.name}_copy_{number}", 1)
        kept = source.kept(first(node), last(node))
        block = [Line(text) for text in texts]
        lines = [*block, Line(""), *kept] if rng.random() < 0.5 else [*kept, Line(""), *block]
        draft.splice(source.path, first(node), last(node), lines)


def fix(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """Every other reported place is fixed; the others stay as they are, further down."""
    for place in _some(rng, places, len(places) // 2):
        _fixed(draft, place)
    shift(draft, places, rng)


def inject(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """New weaknesses, of rules that fire in the file already and of others."""
    for number, path in enumerate(_paths(places)):
        rules = [place.rule for place in places if place.path == path and place.rule in WEAKNESSES]
        rule = rng.choice(rules) if rules and rng.random() < 0.7 else rng.choice([*WEAKNESSES])
        _injected(draft, path, rule, number)


def swap(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """A place is fixed, and the same rule fires on new code: in the same file or in another."""
    paths = _paths(places)
    known = [place for place in places if place.rule in WEAKNESSES]
    for number, place in enumerate(_some(rng, known, len(known) // 3)):
        if _fixed(draft, place):
            target = place.path if rng.random() < 0.6 else rng.choice(paths)
            _injected(draft, target, place.rule, 1000 + number)


def remove(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """A reported function is deleted; elsewhere a new one trips the same rule."""
    paths = _paths(places)
    for number, (source, node) in enumerate(_functions(draft, places)):
        stub = [Line(f"{_indent(node)}{node.name} = None")]
        inside = [place.rule for place in places if _covers(source, node, place)]
        if draft.splice(source.path, first(node), last(node), stub):
            for rule in sorted(set(inside) & WEAKNESSES.keys()):
                _injected(draft, rng.choice(paths), rule, 2000 + number)


def mixed(draft: Draft, places: list[Place], rng: random.Random) -> None:
    """All of it in one change, each on its share of the places."""
    parts: list[Edit] = [move, reformat, copy, fix, inject, swap, duplicate, rename]
    for part in parts:
        part(draft, _some(rng, places, len(places) // 4), rng)


EDITS: dict[str, Edit] = {
    "lines shifted": shift,
    "files renamed": rename,
    "functions moved": move,
    "calls reformatted": reformat,
    "lines duplicated": duplicate,
    "functions copied": copy,
    "fixed": fix,
    "injected": inject,
    "fixed, and injected": swap,
    "removed, and injected": remove,
    "all of these": mixed,
}


def _paths(places: list[Place]) -> list[str]:
    return sorted({place.path for place in places})


def _some(rng: random.Random, items: list[T], count: int) -> list[T]:
    return rng.sample(items, min(count, len(items)))


def _indent(node: ast.stmt) -> str:
    return " " * node.col_offset


def _covers(source: Source, node: ast.stmt, place: Place) -> bool:
    return place.path == source.path and first(node) <= place.line <= last(node)


def _functions(draft: Draft, places: list[Place]) -> Iterator[tuple[Source, Function]]:
    """Outermost functions and methods that hold reported places, by file."""
    for path in _paths(places):
        source, end = draft.sources[path], 0
        for node in source.statements:
            if not isinstance(node, Function) or first(node) <= end or not _is_plain(source, node):
                continue
            if any(_covers(source, node, place) for place in places):
                end = last(node)
                yield source, node


def _is_plain(source: Source, node: ast.stmt) -> bool:
    """Whether it can be cut out by whole lines: at most in one class, no text to its left."""
    return node.col_offset in (0, 4) and "\t" not in source.lines[node.lineno - 1]


def _class_around(node: Function) -> list[Line]:
    return [Line(""), Line(f"class Moved{node.name.title().replace('_', '')}{node.lineno}:")]


def _simple_statements(draft: Draft, places: list[Place]) -> Iterator[tuple[Source, ast.stmt]]:
    """The smallest statement around every reported place that holds no other one."""
    for path, line in sorted({(place.path, place.line) for place in places}):
        node = _statement(draft.sources[path], line)
        if node:
            yield draft.sources[path], node


def _statement(source: Source, line: int) -> ast.stmt | None:
    for node in source.statements:
        is_simple = not isinstance(getattr(node, "body", None), list)
        if is_simple and node.lineno <= line <= last(node):
            return node
    return None


def _fixed(draft: Draft, place: Place) -> bool:
    """Rewrite one place so that its rule has nothing left to say."""
    source = draft.sources[place.path]
    if place.rule in ("B110", "B112"):
        return _handled(draft, source, place)
    node = _statement(source, place.line)
    if node is None:
        return False
    texts = [f"{_indent(node)}pass"]
    if isinstance(node, ast.Assert):
        test = ast.unparse(node.test)
        texts = [f"{_indent(node)}if not ({test}):", f"{_indent(node)}{INDENT}raise ValueError"]
    return draft.rewrite(source.path, node.lineno, last(node), texts)


def _handled(draft: Draft, source: Source, place: Place) -> bool:
    """An exception that was passed over is raised again."""
    node = _statement(source, place.line + 1)
    if node is None or source.lines[node.lineno - 1].strip() not in ("pass", "continue"):
        return False
    return draft.rewrite(source.path, node.lineno, node.lineno, [f"{_indent(node)}raise"])


def _injected(draft: Draft, path: str, rule: str, number: int) -> None:
    body = [f"{INDENT}{text.format(n=number)}".rstrip() for text in WEAKNESSES[rule]]
    new = ["", "", f"def added_{rule.lower()}_{number}(given_{number}):", *body]
    top = [node for node in draft.sources[path].statements if node.col_offset == 0]
    if number % 2 and top and draft.insert(path, first(top[len(top) // 2]), [*new[2:], ""]):
        return
    draft.append(path, [Line(text) for text in new])
