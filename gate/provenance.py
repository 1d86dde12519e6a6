"""Who or what wrote a fix, told from its commits. Signals raise; their absence says ``unknown``.

The strings live in ``data/authorship.json``. Trailers are text that anybody can write, and squash
merges concatenate those of all commits, so that every signal carries its confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from gate.catalogue import load
from gate.catalogue import tool as tool_of
from gate.evidence import Commit
from gate.people import Person, co_authors, is_bot_login, person, signers

# From the least to the most that has to be shown. A declared origin may only raise this.
ORIGIN_RANK = {
    "": 0,
    "unknown": 0,
    "human": 1,
    "automation": 2,
    "ai_assisted": 3,
    "ai_generated": 4,
}
CONFIDENCE_RANK = {"low": 0, "medium": 1, "high": 2}
AI_ORIGINS = ("ai_assisted", "ai_generated")
_WHOLE = {"author-mail", "author-name", "trailer-mail", "branch", "login"}
_QUOTED = " \t>"  # what a quoted or indented line begins with
_TRAILER = re.compile(r"^[A-Za-z][A-Za-z0-9-]*:[ \t]*\S.*$")
_SQUASHED = re.compile(r"\(#\d+\)\s*$")
_MERGED = re.compile(
    r"^Merge (?:pull request #\d+ from [^\s/]+/(?P<request>\S+)"
    r"|(?:remote-tracking )?branch '(?:origin/)?(?P<branch>[^']+)')"
)
_NOREPLY = "users.noreply.github.com"
_HOSTS = ("noreply@github.com",)  # committer of what GitHub's interface commits for an application
ANYBODY = ("a bot", "an AI", "a pipeline")  # agents of rows that are of no one machine
_STRATEGIES = {  # of CodeTF: what made a change → origin, confidence
    "ai": ("ai_generated", "high"),
    "hybrid": ("ai_generated", "medium"),
    "deterministic": ("automation", "medium"),
}
MAX_MESSAGE = 64 * 1024  # characters of one message that are looked at


@dataclass(frozen=True, slots=True)
class Signal:
    """One trace of an author: which row of the catalogue it met, and the text that met it."""

    kind: str
    agent: str
    origin: str
    confidence: str  # high medium low
    commit: str
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What all signals together say. ``unknown`` where there is none; never ``human``."""

    origin: str
    agent: str = ""
    model: str = ""
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue of authorship."""

    id: str
    agent: str
    kind: str
    origin: str
    confidence: str
    pattern: re.Pattern[str]
    bumps: bool = False  # a bot that moves versions of dependencies, and writes nothing else

    def match(self, text: str) -> re.Match[str] | None:
        """The row's match: the whole of a mail, name or branch, the start of anything else."""
        return self.pattern.fullmatch(text) if self.kind in _WHOLE else self.pattern.match(text)


def tell_origin(commits: Sequence[Commit], branch: str = "") -> Origin:
    """Who or what wrote these commits.

    ``branch`` is the fix's branch where it is known; merge subjects are read for it too. An AI
    author makes ``ai_generated``, an AI co-author of a person ``ai_assisted`` (Copilot Autofix
    writes the whole fix, whoever commits it), dependency bots ``automation``.
    """
    found = [hit for commit in commits for hit in _read(commit)]
    if branch:
        found += _match("branch", branch, Commit(), squashed=False)
    if not found:
        return Origin("unknown")
    found.sort(key=lambda hit: _weight(hit[0]), reverse=True)
    top = found[0][0]
    models = [model for signal, model in found if model and signal.origin in AI_ORIGINS]
    signals = tuple(dict.fromkeys(signal for signal, _ in found))
    return Origin(top.origin, top.agent, models[0] if models else "", signals)


def tell_maker(
    *, tool: str, vendor: str = "", strategy: str = "", provider: str = "", model: str = ""
) -> Origin:
    """Who or what made a proposed fix, by what the file that holds it says of itself.

    ``strategy``: ai, hybrid or deterministic, as CodeTF says it. A model that is named, or a strategy
    with AI, is a word against oneself: high. Else the catalogues are asked for the maker.
    """
    found = []
    if model or provider:
        words = " ".join(filter(None, (provider, model)))
        found.append(Signal("model", "", "ai_generated", "high", "", words[:200]))
    if strategy in _STRATEGIES:
        origin, confidence = _STRATEGIES[strategy]
        found.append(Signal("strategy", "", origin, confidence, "", f"strategy: {strategy}"))
    for name in dict.fromkeys(filter(None, (vendor, tool))):
        found += _maker(name, is_said=bool(found))
    if not found:
        return Origin("unknown", tool)
    found.sort(key=_weight, reverse=True)
    agent = next((signal.agent for signal in found if signal.agent), tool or vendor)
    named = tuple(dict.fromkeys(found))
    return Origin(found[0].origin, agent, model if found[0].origin in AI_ORIGINS else "", named)


def _maker(name: str, *, is_said: bool) -> list[Signal]:
    """What the catalogues say of a maker's name; of how, only where the file does not say it."""
    for row in _rows():
        if row.kind in ("login", "author-name") and row.match(name):
            origin = "unknown" if is_said else row.origin
            return [Signal("maker", row.agent, origin, row.confidence, "", name[:200])]
    known = tool_of(name)
    if known is None:
        return []
    if known.tool_class == "agentic":
        return [Signal("maker", known.name, "ai_generated", "medium", "", name[:200])]
    return [Signal("maker", known.name, "automation", "low", "", name[:200])]


def raised(declared: str, told: str) -> str:
    """The origin to judge by: a declared one may raise what the signals say, never lower it."""
    top = max(declared, told, key=lambda origin: ORIGIN_RANK[origin])
    return top or "unknown"


def machine(text: str) -> str:
    """The agent or bot that a name, mail or login belongs to; empty for people and the unknown.

    The login of an application counts without ``[bot]`` too: code hosts give both.
    """
    return _machine(text)


@lru_cache(maxsize=4096)
def _machine(text: str) -> str:
    who = person(text)
    for kind in ("login", "author-mail", "author-name"):
        forms = _forms(who, kind)
        for row in _rows():
            if row.kind == kind and any(row.match(form) for form in forms):
                return row.agent
    return (who.login or who.name) if is_bot_login(who) else ""


def is_person(text: str) -> bool:
    """Whether it names somebody, and no machine that is known."""
    return bool(person(text).keys()) and not machine(text)


def dependency_bot(text: str) -> str:
    """The dependency bot that a name, mail or login belongs to; empty for everybody else."""
    who = person(text)
    told = who.mail or (who.login and f"{who.login}@{_NOREPLY}")  # as it is written: it excuses
    return next((row.agent for row in _rows() if row.bumps and row.match(told)), "")


def is_host(text: str) -> bool:
    """Whether it is how a code host signs the commits that its own applications make."""
    return person(text).mail in _HOSTS


def _weight(signal: Signal) -> tuple[int, int]:
    return ORIGIN_RANK[signal.origin], CONFIDENCE_RANK[signal.confidence]


def _read(commit: Commit) -> Iterator[tuple[Signal, str]]:
    """The signals of one commit, each with the model it names."""
    message = commit.message[:MAX_MESSAGE]
    lines = message.splitlines()
    subject = lines[0] if lines else ""
    squashed = bool(_SQUASHED.search(subject)) and any(x.startswith("* ") for x in lines)
    for who in dict.fromkeys((commit.author, commit.committer)):
        for kind in ("author-mail", "author-name"):
            for form in _forms(person(who), kind):
                yield from _match(kind, form, commit, squashed=False)
    for name in (*co_authors(message), *signers(message)):
        yield from _match("trailer-mail", person(name).mail, commit, squashed)
    for quoted in lines[1:]:
        line = quoted.lstrip(_QUOTED)
        kind = "trailer" if _TRAILER.match(line) else "footer"
        yield from _match(kind, line.strip(), commit, squashed)
    yield from _match("subject", subject, commit, squashed)
    merged = _MERGED.match(subject)
    if merged:
        yield from _match("branch", merged["request"] or merged["branch"], commit, squashed)


def _match(
    kind: str, text: str, commit: Commit, squashed: bool
) -> Iterator[tuple[Signal, str]] | list[tuple[Signal, str]]:
    """The rows of one kind that this text meets."""
    hits = []
    for row in _rows():
        match = row.match(text) if text and row.kind == kind else None
        if match:
            named = match.groupdict()
            confidence = "low" if squashed and kind.startswith("trailer") else row.confidence
            agent = row.agent or (named.get("agent") or "").strip()
            signal = Signal(kind, agent, row.origin, confidence, commit.id, text[:200])
            hits.append((signal, (named.get("model") or "").strip()))
    return hits


def _forms(who: Person, kind: str) -> tuple[str, ...]:
    """The texts that rows of a kind are tried on. A bare login stands as its host's mail."""
    if kind == "author-name":
        return tuple(filter(None, dict.fromkeys((who.said, who.name))))
    if kind == "login":
        return _accounts(who)
    if who.mail or not who.login:
        return (who.mail,) if who.mail else ()
    return (f"{who.login}@{_NOREPLY}", f"{who.login.removesuffix('[bot]')}[bot]@{_NOREPLY}")


def _accounts(who: Person) -> tuple[str, ...]:
    """Logins, a mail's local part for one, without ``[bot]``; a name only where there is no mail."""
    local = who.mail.partition("@")[0] if not who.login else ""
    name = "" if who.mail else "-".join(who.name.split())
    found = (who.login.removesuffix("[bot]"), local, name)
    return tuple(filter(None, found))


@cache
def _rows() -> tuple[Row, ...]:
    return tuple(
        Row(
            row["id"],
            row["agent"],
            row["kind"],
            row["origin"],
            row["confidence"],
            re.compile(row["pattern"], re.IGNORECASE),
            row.get("bumps", False),
        )
        for row in load("authorship.json")["rows"]
    )
