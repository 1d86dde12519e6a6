"""What a scanner's command line asks for: which files, which rules, which configuration.

Which option means what stands in ``data/commands.json``, by the name of the program. Options that
only say what is written where are no matter; all others count when two commands are compared.
What a program is not known to mean by an option is told by the option's name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from gate.catalogue import load
from gate.globs import matches

LONGEST = 20_000  # characters of a command line that are looked at
_ENV = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_WINDOWS = re.compile(r"(?:^|[\s\"'=])[A-Za-z]:\\|\\\w+\.exe\b")
_REDIRECT = re.compile(r"(?:\d|&)?>>?(?:&\d)?(?!\()")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
_HERE = ("", ".", "./", "./...", "./**")
_LEAVES_OUT = ("files", "rules", "level", "limit")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command. ``kind`` as data/commands.json names them, or unknown."""

    name: str
    value: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name} {self.value}".rstrip()


@dataclass(frozen=True, slots=True)
class Command:
    """A command line taken apart. ``program`` is empty where no known scanner is named.

    ``words`` are neither options nor their values: subcommands, and what is scanned.
    """

    program: str
    options: tuple[Option, ...]
    words: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """What is scanned, as far as the command says it."""
        named = [option.value for option in self.options if option.kind == "target"]
        subcommands = _row(self.program)["subcommands"] if self.program else ()
        return (*(word for word in self.words if word not in subcommands), *named)

    def counting(self) -> list[tuple[str, str]]:
        """What must be equal in two commands of one recipe, whatever the order."""
        options = [(o.name, _plain(o.value)) for o in self.options if o.kind != "output"]
        return sorted([*options, *(("", _plain(word)) for word in self.words)])


@lru_cache(maxsize=256)
def parse(text: str) -> Command:
    """Take a command line apart. Never raises: what is no command line has words only."""
    words = _split(text[:LONGEST])
    at = next((i for i, word in enumerate(words) if _program(word) in _rows()), None)
    while at is not None and words[at + 1 :] and _program(words[at + 1]) == _program(words[at]):
        at += 1  # the name of an image, then the program in it
    start = 0 if at is None else at
    program = "" if at is None else _program(words[at])
    reader = _Reader(_row(program) if program else None)
    for word in words[:start]:
        reader.environment(word)
    while at is None and start < len(words) and _ENV.fullmatch(words[start]):
        reader.environment(words[start])
        start += 1
    reader.read(words[start + 1 :])
    return Command(program, tuple(reader.options), tuple(reader.words))


def narrowing(text: str) -> str:
    """What limits a command to changes, or hides what a baseline knows; empty for nothing."""
    asked = re.search(load("commands.json")["indirect"]["pattern"], text[:LONGEST])
    found = [
        o.name for line in text.splitlines() for o in parse(line).options if o.kind == "narrow"
    ]
    return next(iter(found), asked[0] if asked else "")


def leaves_out(text: str) -> str:
    """The first option that looks at fewer files or rules than there are; empty for none."""
    options = [option for line in text.splitlines() for option in parse(line).options]
    return next((str(option) for option in options if option.kind in _LEAVES_OUT), "")


def left_out_files(text: str) -> str:
    """The first option that leaves files out, or gives up on some; empty for none."""
    options = [option for line in text.splitlines() for option in parse(line).options]
    return next((str(option) for option in options if option.kind in ("files", "limit")), "")


def narrow_target(text: str) -> str:
    """The first thing other than the whole folder that a known scanner is told to look at."""
    found = [command for line in text.splitlines() if (command := parse(line)).program]
    targets = [target for command in found for target in command.targets]
    return next((target for target in targets if target not in _HERE), "")


def difference(before: str, after: str) -> str:
    """How two commands, each on lines of its own, differ in what counts; empty if they do not."""
    one, other = (_counting(text) for text in (before, after))
    if one == other:
        return ""
    extra = [word for word in other if word not in one]
    lost = [word for word in one if word not in other]
    told = [*(f"has {_told(word)}" for word in extra), *(f"lacks {_told(word)}" for word in lost)]
    return told[0] if told else "repeats an option"


def configurations(text: str) -> tuple[str, ...]:
    """The files, folders and names that options say hold the configuration or the rules."""
    options = [option for line in text.splitlines() for option in parse(line).options]
    return tuple(dict.fromkeys(o.value for o in options if o.kind == "config" and o.value))


def is_whole(text: str) -> bool:
    """Whether a known scanner is told to look at the whole folder it stands in, and leaves out
    no files but those it always does."""
    found = [parse(line) for line in text.splitlines()]
    return bool(found) and all(_is_whole(command) for command in found)


def _is_whole(command: Command) -> bool:
    harmless = ("output", "keep", "rules", "level", "config", "target")
    known = bool(command.program) and all(option.kind in harmless for option in command.options)
    named = any(option.kind == "config" for option in command.options)
    if not known or (named and not _row(command.program)["config_is_rules"]):
        return False
    return all(target in _HERE for target in command.targets)


def ignored_by_default(program: str, path: str) -> bool:
    """Whether a scanner leaves a path out unless it is told otherwise."""
    row = _rows().get(program)
    patterns = row["default_ignored"] if row else ()
    return bool(patterns) and matches(patterns, path)


def often_ignored(path: str) -> bool:
    """Whether a path lies where scanners often do not look: libraries, builds, generated code."""
    return matches(load("commands.json")["often_ignored"]["patterns"], path)


class _Reader:
    """Reads the words behind a program, by its row or by the names of options alone."""

    def __init__(self, row: Mapping[str, Any] | None) -> None:
        self.row = row
        self.options: list[Option] = []
        self.words: list[str] = []
        self._known = _known(row["programs"][0]) if row else {}

    def environment(self, word: str) -> None:
        """A variable set for the program, where it means something to it."""
        found = _ENV.fullmatch(word)
        kind = self.row["environment"].get(found[1]) if found and self.row else None
        if found and kind:
            self.options.append(Option(found[1], found[2], kind))

    def read(self, words: Sequence[str]) -> None:
        """All words, each option with its value."""
        rest = list(words)
        while rest:
            word = rest.pop(0)
            redirected = _REDIRECT.match(word)
            if redirected:  # to a file, named with it or behind it
                del rest[: redirected.end() == len(word) and "&" not in word[1:]]
            elif word == "--":
                self.words += rest
                return
            elif word.startswith("--") or (word.startswith("-") and self._is_go):
                self._long(word, rest)
            elif word.startswith("-") and len(word) > 1:
                self._short(word, rest)
            else:
                self._word(word)

    @property
    def _is_go(self) -> bool:
        return self.row is not None and self.row["style"] == "go"

    def _word(self, word: str) -> None:
        kind = self._known.get(word, ("", "", False))[1]
        if kind:
            self.options.append(Option(word, "", kind))
        else:
            self.words.append(word)

    def _long(self, word: str, rest: list[str]) -> None:
        start, sign, value = word.partition("=")
        name, kind, takes = self._find(f"-{start.lstrip('-')}" if self._is_go else start)
        if sign and word in self._known:  # an option that counts with this very value
            name, kind, takes = self._known[word]
        elif (takes or (kind == "config" and not self._known)) and not sign and rest:
            value = rest.pop(0)
        self.options.append(Option(name, value, kind))

    def _find(self, start: str) -> tuple[str, str, bool]:
        """The canonical name, kind, and whether a value follows, of an option perhaps cut short."""
        if start in self._known:
            return self._known[start]
        cut = {
            found
            for name, found in self._known.items()
            if name.startswith(start) and "=" not in name
        }
        if len(start) > 3 and len(cut) == 1 and not self._is_go:
            return cut.pop()
        return start, _by_name(start), False

    def _short(self, word: str, rest: list[str]) -> None:
        """One letter with its value, glued or not, or a bundle of letters."""
        start, sign, value = word.partition("=")
        if not self._known or (sign and start in self._known):
            name, kind, _ = self._known.get(start, (start, _by_name(start), False))
            if kind == "config" and not sign and rest:
                value = rest.pop(0)
            self.options.append(Option(name, value, kind))
            return
        letters = word[1:]
        while letters:
            name, kind, takes = self._known.get(f"-{letters[0]}", (f"-{letters}", "unknown", False))
            value, letters = "", letters[1:]
            if kind == "unknown":
                letters = ""
            if takes:
                value, letters = letters or (rest.pop(0) if rest else ""), ""
            self.options.append(Option(name, value, kind))


def _split(text: str) -> list[str]:
    plain = text.replace("\\", "/") if _WINDOWS.search(text) else text
    try:
        words = shlex.split(plain)
    except ValueError:
        words = plain.split()
    if words and _program(words[0]) in _SHELLS and "-c" in words[:-1]:
        return _split(words[words.index("-c") + 1])
    return words


def _program(word: str) -> str:
    name = word.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0].casefold()
    return re.sub(r"\.(?:exe|cmd|bat|ps1|js|py|sh)$", "", name)


def _plain(value: str) -> str:
    """A value as it would be written elsewhere: no ``./`` before it, no slash behind it."""
    return value.removeprefix("./").rstrip("/") or "."


def _counting(text: str) -> list[tuple[str, str]]:
    lines = sorted({tuple(parse(line).counting()) for line in text.splitlines()})
    return [word for line in lines for word in line]


def _told(word: tuple[str, str]) -> str:
    return " ".join(filter(None, word))[:80]


@cache
def _rows() -> dict[str, Mapping[str, Any]]:
    rows = load("commands.json")["rows"]
    return {program: row for row in rows for program in row["programs"]}


def _row(program: str) -> Mapping[str, Any]:
    return _rows()[program]


@cache
def _known(program: str) -> dict[str, tuple[str, str, bool]]:
    """Every name of every option of a program: its first name, kind, and whether a value follows."""
    return dict(_names(_row(program)))


def _names(row: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str, bool]]]:
    for kind, options in row["options"].items():
        for text in options:
            names = text.removesuffix("=").split("|")
            for name in names:
                yield name, (names[0], kind, text.endswith("="))


def _by_name(option: str) -> str:
    """What an option that nobody described is for, by its name."""
    patterns = load("commands.json")["unknown_programs"]
    for kind in ("narrow", "output", "config", "select"):
        if re.fullmatch(patterns[kind], option, re.IGNORECASE):
            return "files" if kind == "select" else kind
    return "unknown"
