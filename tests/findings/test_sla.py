"""Clocks: what the scope's rules say, counted against a slow and obvious reference."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.sla import DAY, Clock, Counts


@dataclass
class Terms:
    sla_days: Any = field(default_factory=lambda: {"high": 5})
    sla_stage_days: Any = field(default_factory=lambda: {"discovered": {"high": 2}})
    sla_counts: str = Counts.BUSINESS
    time_zone: str = "Europe/Berlin"
    working_days: Any = (1, 2, 3, 4, 5)
    holidays: Any = ()


def clock(**terms):
    return Clock.of(Terms(**terms))


def berlin(*parts):
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"))


def test_calendar_days_are_days_of_24_hours():
    since = datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert clock(sla_counts=Counts.CALENDAR).due("high", "P2", since) == since + 5 * DAY


def test_business_days_leave_weekends_and_holidays_out():
    thursday = berlin(2026, 12, 24, 9)
    due = clock(holidays=["2026-12-25"]).due("high", "P2", thursday)
    assert due == berlin(2027, 1, 1, 9)  # Mon 28 to Fri 1
    assert clock(holidays=["2026-12-25", "2027-01-01"]).due("high", "P2", thursday) == berlin(
        2027, 1, 4, 9
    )


def test_a_clock_that_starts_on_a_sunday_starts_on_monday_morning():
    assert clock().due("high", "P2", berlin(2026, 11, 22, 18)) == berlin(2026, 11, 30, 0)


def test_the_local_time_of_day_stays_when_the_clocks_change():
    since = berlin(2026, 3, 27, 9)  # Friday before summer time
    due = clock(sla_days={"high": 1}).due("high", "P2", since)
    assert due == berlin(2026, 3, 30, 9)
    assert due - since.astimezone(UTC) == timedelta(days=3) - timedelta(hours=1)


def test_days_are_those_of_the_time_zone_of_the_scope():
    since = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # Saturday in Berlin already
    assert clock(sla_days={"high": 1}).due("high", "P2", since) == berlin(2026, 11, 24, 0)
    utc = clock(sla_days={"high": 1}, time_zone="UTC").due("high", "P2", since)
    assert utc == datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


def test_no_days_no_clock():
    assert clock().due("low", "P2", berlin(2026, 1, 1)) is None
    assert clock().stage_due("validated", "high", "P2", berlin(2026, 1, 1)) is None


def test_a_stage_has_days_of_its_own():
    assert clock().stage_due("discovered", "high", "P2", berlin(2026, 11, 23, 9)) == berlin(
        2026, 11, 25, 9
    )


def test_a_pause_moves_the_due_date_by_the_time_it_took():
    since = datetime(2026, 3, 2, 12, tzinfo=UTC)
    pause = (since + timedelta(hours=3), since + timedelta(hours=30))
    before = (since - 3 * DAY, since - DAY)
    calendar = clock(sla_counts=Counts.CALENDAR)
    assert calendar.due("high", "P2", since, [before, pause]) == since + 5 * DAY + timedelta(
        hours=27
    )
    across = (since - DAY, since + DAY)  # only what lies behind the start counts
    assert calendar.due("high", "P2", since, [across]) == since + 6 * DAY


def test_a_pause_over_a_weekend_takes_working_days_alone():
    since = berlin(2026, 11, 23, 9)  # Monday
    weekend = (berlin(2026, 11, 27, 18), berlin(2026, 11, 29, 18))
    assert clock().due("high", "P2", since, [weekend]) == clock().due("high", "P2", since)
    until_tuesday = (berlin(2026, 11, 27, 18), berlin(2026, 12, 1, 9))
    assert clock().due("high", "P2", since, [until_tuesday]) == berlin(2026, 12, 2, 9)


MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
WEEKS = st.sets(st.integers(1, 7), min_size=1)
HOLIDAYS = st.lists(st.dates(date(2025, 1, 1), date(2027, 12, 31)).map(str), max_size=8)


def reference(days, since, working, holidays, zone):
    """Walk through the days one by one."""

    def works(day):
        return day.isoweekday() in working and str(day) not in holidays

    local = since.astimezone(zone)
    day, at = local.date(), local.time()
    while not works(day):
        day, at = day + DAY, datetime.min.time()
    while days:
        day += DAY
        days -= works(day)
    return datetime.combine(day, at, zone)


@given(
    MOMENTS,
    st.integers(1, 60),
    WEEKS,
    HOLIDAYS,
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
)
def test_business_days_are_what_walking_day_by_day_says(since, days, working, holidays, zone):
    told = clock(sla_days={"high": days}, working_days=working, holidays=holidays, time_zone=zone)
    assert told.due("high", "P2", since) == reference(
        days, since, working, holidays, ZoneInfo(zone)
    )


@given(MOMENTS, st.integers(1, 60), WEEKS, st.sampled_from(list(Counts)), st.data())
def test_a_pause_never_brings_a_due_date_nearer_and_never_delays_by_more_than_a_calendar_needs(
    since, days, working, counts, data
):
    told = clock(sla_days={"high": days}, working_days=working, sla_counts=counts)
    start = since + data.draw(st.timedeltas(timedelta(), days * DAY))
    end = start + data.draw(st.timedeltas(timedelta(), 90 * DAY))
    free, paused = told.due("high", "P2", since), told.due("high", "P2", since, [(start, end)])
    assert free <= paused
    assert told.latest_start(days, free) <= since or counts is Counts.BUSINESS
    assert paused - free <= end - start + 14 * DAY


@pytest.mark.parametrize("counts", list(Counts))
def test_what_started_later_than_the_latest_start_is_not_over(counts):
    told, at = clock(sla_counts=counts), datetime(2026, 11, 23, tzinfo=UTC)
    later = told.latest_start(5, at) + timedelta(seconds=1)
    assert told.due("high", "P2", later) > at


def test_of_severity_and_priority_the_fewer_days_count():
    told, since = (
        clock(sla_days={"high": 5, "P1": 2, "P3": 9}, sla_counts=Counts.CALENDAR),
        berlin(2026, 1, 5),
    )
    assert told.due("high", "P1", since) == since + 2 * DAY
    assert told.due("high", "P3", since) == since + 5 * DAY
    assert told.due("low", "P3", since) == since + 9 * DAY
    assert told.due("low", "P4", since) is None
