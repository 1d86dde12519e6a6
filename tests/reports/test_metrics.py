"""Figures against the slow and obvious way to count, on histories that nobody thought of."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.metrics.backlog import AGE_NAMES, flows, rescored, standing, waterfall_of
from reports.metrics.behind import behind
from reports.metrics.figures import figures_of
from reports.metrics.frame import Frame
from reports.metrics.speed import closures, lengths
from reports.metrics.trend import trend
from reports.services.behind import findings_behind
from reports.services.moves import catch_up
from reports.statuses import Bar
from tests.reports.conftest import MANY
from tests.reports.histories import DOINGS, happen
from tests.reports.reference import Reference, nearest_rank

pytestmark = pytest.mark.django_db

OFTEN = ("claim", "reopen", "rate", "accept", "send_back")
STEPS = st.lists(  # few findings, so that much happens to each
    st.tuples(
        st.sampled_from((0, 0, 1, MANY)),
        st.sampled_from((*sorted(DOINGS), *OFTEN, *OFTEN)),
        st.sampled_from([0, 1, 30, 200]),
    ),
    min_size=4,
    max_size=24,
)
HOURS = st.integers(-48, 24 * 60)


def counted(rows):
    return {key: n for key, n in rows.items() if n}


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, first=HOURS, second=HOURS)
def test_figures_are_what_anybody_with_patience_would_count(world, steps, first, second):
    with transaction.atomic():
        compare(world, steps, *sorted((first, second)))
        transaction.set_rollback(True)


def compare(world, steps, first, second):
    happen(world, steps)
    since = world.base + timedelta(hours=first)
    until = world.base + timedelta(hours=second, seconds=1)
    frame = Frame((world.scope.pk,), since, until)
    catch_up(frame.scopes)
    slow = Reference(frame.scopes, since, until)

    opening, closing = standing(frame, since), standing(frame, until)
    assert counted(opening.bands) == counted(slow.bands(since))
    assert counted(closing.bands) == counted(slow.bands(until))
    ages = {name: sum(bands.values()) for name, bands in closing.ages.items()}
    told = slow.ages(until)
    ends = (7, 30, 90, 180, 365, None)
    assert ages == {name: told[end] for name, end in zip(AGE_NAMES, ends, strict=True)}

    change = waterfall_of(opening, closing, flows(frame), rescored(frame))
    bars = {
        (bar.value, band): n
        for bar in Bar if bar is not Bar.RESCORED
        for band, n in change.bars[bar].items() if n
    }  # fmt: skip
    assert bars == counted(slow.bars())
    assert rescored(frame) == slow.rescored()
    assert change.unexplained == {}

    took = lengths(frame)
    for end in ("claimed", "proven"):
        mine = sorted(one.days for one in took if one.end == end)
        assert mine == pytest.approx(slow.lengths(end))
    share = closures(frame)
    verified = share["verified_closure"]
    assert (verified["numerator"], verified["denominator"]) == slow.claims()
    bare = share["without_evidence"]
    assert (bare["numerator"], bare["denominator"]) == slow.without_evidence()

    points = trend(frame, closing.total)
    assert points[-1]["open"] == closing.total
    assert points[-2]["open"] == opening.total
    rows_behind(frame, change)


def test_a_length_begins_where_the_finding_was_opened_again(world):
    happen(world, [(0, "claim", 24), (0, "accept", 24), (0, "reopen", 240), (0, "claim", 48)])
    happen_again = [(1, "claim", 1), (1, "send_back", 1), (1, "claim", 100)]
    happen(world, happen_again)
    frame = Frame((world.scope.pk,), world.base, world.base + timedelta(days=30))
    catch_up(frame.scopes)
    days = sorted(one.days for one in lengths(frame))
    assert days == pytest.approx([1 / 24, 1, 2], abs=0.05)
    assert days == pytest.approx(
        Reference(frame.scopes, frame.since, frame.until).lengths("claimed")
    )


def test_a_priority_that_came_back_is_not_rescored(world):
    happen(world, [(0, "rate", 1), (0, "rate", 1), (0, "rate", 1), (1, "rate", 1)])
    begins = world.base + timedelta(hours=1, minutes=30)  # after the first
    frame = Frame((world.scope.pk,), begins, world.base + timedelta(days=1))
    slow = Reference(frame.scopes, frame.since, frame.until).rescored()
    assert rescored(frame) == slow
    assert sum(slow.values()) == 1


def rows_behind(frame, change):
    """Every bar has its rows, frozen and of now."""
    rows = list(behind(frame))
    assert len({row.finding for row in rows}) == len(rows)
    assert sum(row.open_before for row in rows) == sum(change.opening.values())
    assert sum(row.is_open for row in rows) == sum(change.closing.values())
    told = Counter(cause for row in rows for cause in row.causes)
    for bar in Bar:
        assert told[bar.value] == sum(change.bars[bar].values()), bar
        live = set(findings_behind(frame, bar.value).values_list("pk", flat=True))
        frozen = {row.finding for row in rows if bar.value in row.causes}
        assert frozen <= live if bar is Bar.RESCORED else frozen == live
    opening = set(findings_behind(frame, "opening").values_list("pk", flat=True))
    assert opening == {row.finding for row in rows if row.open_before}
    closing = set(findings_behind(frame, "closing").values_list("pk", flat=True))
    assert closing == {row.finding for row in rows if row.is_open}


def test_median_and_ninetieth_percentile_are_values_that_occurred(world):
    happen(world, [(0, "claim", 24), (1, "claim", 24), (2, "claim", 240)])
    frame = Frame((world.scope.pk,), world.base, world.base + timedelta(days=30))
    catch_up(frame.scopes)
    slow = Reference(frame.scopes, frame.since, frame.until).lengths("claimed")
    figures = figures_of(frame, at=frame.until)["speed"]["claimed"]["all"]
    assert figures["n"] == len(slow) == 3
    assert figures["median_days"] == pytest.approx(nearest_rank(slow, 0.5), abs=0.01)
    assert figures["p90_days"] == pytest.approx(nearest_rank(slow, 0.9), abs=0.01)
    assert figures["median_days"] == pytest.approx(2, abs=0.1)
    assert figures["p90_days"] == pytest.approx(12, abs=0.1)
