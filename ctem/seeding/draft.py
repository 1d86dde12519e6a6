"""One series of scans of a made-up asset, worked out before it is written. Pure but for the clock given."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from ctem.seeding.chance import (
    EVEN,
    GONE,
    PRESENCES,
    STANDING,
    TOOLS,
    Draw,
    MadeRule,
    Ranked,
    path_of,
    rules_of,
)
from ctem.seeding.places import Place
from findings.statuses import Presence, Status
from gate.records import Level, Location, Result, Suppression

YEARS = timedelta(days=730)  # that the scans lie in
MOST_SCANS = 6
FROM_THE_START = 0.6  # of a series' findings are in its first scan
PER_FILE = 4  # findings that a file has on average
MOST_IN_FIX = 5


@dataclass(slots=True)
class Drafted:
    """A finding before it is written: its result, when the scans saw it, where it stands."""

    rule: MadeRule
    path: str
    line: int
    number: int  # in its series
    first: int  # scan that saw it first
    last: int  # scan that saw it last
    presence: Presence
    status: Status
    pointer: str = ""
    pk: int = 0
    fix: int | None = None  # index in ``Draft.fixes``
    brought_by: int | None = None

    def result(self, tool: str) -> Result:
        """What the tool says of it."""
        word = self.path.rpartition("/")[2].removesuffix(".py")
        held = (Suppression("inSource"),) if self.presence is Presence.SUPPRESSED else ()
        return Result(
            pointer="", tool=tool, rule=self.rule.id, rule_key=self.rule.id,
            level=Level(self.rule.level), message=f"{self.rule.title}: {word}, {self.number}.",
            location=Location(
                uri=self.path, path=self.path, line=self.line, column=5,
                snippet=f"    {word}({self.number})",
            ),
            cwes=self.rule.cwes, security_severity=self.rule.security_severity,
            fingerprints=(("primaryLocationLineHash", f"{hash_of(word, self.number)}:1"),),
            suppressions=held,
        )  # fmt: skip


def hash_of(word: str, number: int) -> str:
    """Sixteen hex digits, as tools print them."""
    return f"{(number * 0x9E3779B97F4A7C15 + len(word)) % (1 << 64):016x}"


@dataclass
class Draft:
    """What one tool found on one asset over the years."""

    place: Place
    tool: str
    tool_class: str
    scans: list[datetime]
    findings: list[Drafted] = field(default_factory=list)
    fixes: list[list[Drafted]] = field(default_factory=list)  # the findings of each

    def seen_by(self, scan: int) -> Iterator[Drafted]:
        return (one for one in self.findings if one.first <= scan <= one.last)


@cache
def _rules(tool: str, number: int) -> tuple[list[MadeRule], Ranked]:
    return rules_of(tool, number), Ranked(number)


def draft(draw: Draw, place: Place, tool: int, number: int, *, until: datetime) -> Draft:
    """Work out a series with ``number`` findings whose scans end shortly before ``until``."""
    name, tool_class, _, rules = TOOLS[tool]
    many = 1 if number < MOST_SCANS else draw.rng.randint(2, MOST_SCANS)
    ages = sorted((draw.between(0, 1) for _ in range(many)), reverse=True)
    made = Draft(place, name, tool_class, [until - YEARS * age for age in ages])
    known, ranked = _rules(name, rules)
    files = Ranked(max(1, number // PER_FILE), EVEN)
    for index in range(number):
        rule = known[ranked.draw(draw)]
        made.findings.append(
            _finding(draw, made, rule, path_of(place.number, files.draw(draw)), index)
        )
    for scan in range(many):
        for at, one in enumerate(made.seen_by(scan)):
            one.pointer = one.pointer or f"/runs/0/results/{at}"
    _fix(draw, made)
    return made


def _finding(draw: Draw, made: Draft, rule: MadeRule, path: str, index: int) -> Drafted:
    newest = len(made.scans) - 1
    first = 0 if draw.happens(FROM_THE_START) else draw.rng.randint(0, newest)
    presence = draw.one(PRESENCES)
    if first == newest and presence in (Presence.ABSENT, Presence.UNKNOWN):
        presence = Presence.PRESENT
    seen = presence in (Presence.PRESENT, Presence.SUPPRESSED)
    last = newest if seen else draw.rng.randint(first, newest - 1)
    status = draw.one(GONE if presence is Presence.ABSENT else STANDING)
    if status is Status.DUPLICATE and index == 0:
        status = Status.PRIORITIZED  # there is none that it could double
    line = draw.rng.randint(1, 900)
    return Drafted(rule, path, line, index, first, last, presence, status)


def _fix(draw: Draw, made: Draft) -> None:
    """What is being fixed has a fix, with a few others; some fixes brought in something new."""
    some: list[Drafted] = []
    for one in made.findings:
        if one.status is Status.MOBILIZING or (
            one.status is Status.AWAITING_VERIFICATION and draw.happens(0.7)
        ):
            some.append(one)
        if len(some) >= draw.rng.randint(1, MOST_IN_FIX):
            made.fixes.append(some)
            some = []
    made.fixes += [some] if some else []
    for index, fixed in enumerate(made.fixes):
        for one in fixed:
            one.fix = index
    for one in made.findings if made.fixes else ():
        if one.fix is None and one.first > 0 and draw.happens(0.02):
            one.brought_by = draw.rng.randrange(len(made.fixes))


def counts(made: Draft, scan: int) -> dict[str, int]:
    """What a scan counted, as ingest says it."""
    told = Counter(new=0, unchanged=0, results=0, suppressed=0, moved=0)
    for one in made.seen_by(scan):
        told["results"] += 1
        told["new" if one.first == scan else "unchanged"] += 1
        told["suppressed"] += one.presence is Presence.SUPPRESSED
    return dict(told)
