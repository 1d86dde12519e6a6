"""The whole of a made-up database: places, then one series after the other."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from core.models import User
from ctem.seeding.chance import RARE, TOOLS, Draw, shared_out
from ctem.seeding.draft import draft
from ctem.seeding.places import Place, make_places
from ctem.seeding.write import write, write_tools

MOST = 20_000_000  # of anything
SHARE = 0.75  # of the assets that a tool other than the first looks at


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    findings: int
    scopes: int
    assets: int
    people: int


def fill(size: Size, *, seed: int, at: datetime) -> list[User]:
    """Write it all; each series in a transaction of its own. Returns the people."""
    draw = Draw(seed)
    until = at.replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        places, people = make_places(
            draw, scopes=size.scopes, assets=size.assets, people=size.people, at=until
        )
        write_tools([(name, tool_class) for name, tool_class, _, _ in TOOLS])
    for place, tool, number in _series(draw, places, size.findings):
        with transaction.atomic():
            write(draw, draft(draw, place, tool, number, until=until), until=until)
    _look_again()
    return people


def _series(draw: Draw, places: list[Place], findings: int) -> list[tuple[Place, int, int]]:
    """Which tool finds how many on which asset."""
    pairs = [
        (place, tool)
        for place in places
        for tool in range(len(TOOLS))
        if tool == 0 or draw.happens(SHARE * TOOLS[tool][2] / TOOLS[0][2])
    ]
    weights = [TOOLS[tool][2] * (place.number + 1) ** -RARE for place, tool in pairs]
    numbers = shared_out(findings, weights)
    told = [(place, tool, n) for (place, tool), n in zip(pairs, numbers, strict=True) if n]
    draw.rng.shuffle(told)  # as scans of many assets come in
    return told


def _look_again() -> None:
    """Tell the planner what the tables hold now, as autovacuum would after a while."""
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("ANALYZE")
            return
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET statement_timeout")
