"""Charts as drawings beside the numbers that they show: SVG without script or style. Words in, markup out.

Each drawing is decoration: the table around it says the same. Widths are of a hundred.
"""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
HIGH, WIDE = 120, 600  # of a line's drawing


@register.simple_tag
def bar(start: float, length: float, tone: str = "plain") -> SafeString:
    """Draw one bar that begins at ``start`` and is ``length`` long, in hundredths of the width."""
    return _bars([(start, length, tone)])


@register.simple_tag
def stack(parts: Sequence[tuple[float, str]]) -> SafeString:
    """Draw bars one behind another; each: length, tone."""
    told, start = [], 0.0
    for length, tone in parts:
        told.append((start, length, tone))
        start += length
    return _bars(told)


def _bars(parts: Sequence[tuple[float, float, str]]) -> SafeString:
    rows = (
        (round(start, 2), round(max(length, 0.6), 2), tone)
        for start, length, tone in parts
        if length
    )
    drawn = format_html_join(
        "", '<rect x="{}" y="0" width="{}" height="10" class="tone-{}"/>', rows
    )
    return format_html(
        '<svg class="hbar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"'
        ' focusable="false">{}</svg>',
        drawn,
    )


@register.simple_tag
def line(values: Sequence[float]) -> SafeString:
    """Draw values as a line over an area, from 0 to the largest."""
    most = max(values, default=0) or 1
    step = WIDE / max(1, len(values) - 1)
    points = " ".join(
        f"{round(at * step, 1)},{round(HIGH - 8 - (HIGH - 16) * value / most, 1)}"
        for at, value in enumerate(values)
    )
    return format_html(
        '<svg class="trend" viewBox="0 0 {w} {h}" preserveAspectRatio="none" aria-hidden="true"'
        ' focusable="false"><polygon class="trend-area" points="0,{b} {p} {w},{b}"/>'
        '<polyline class="trend-line" points="{p}"/></svg>',
        w=WIDE, h=HIGH, b=HIGH - 8, p=points,
    )  # fmt: skip


@register.filter
def share(value: Any) -> str:
    """Return a share as people read it: a count where there are few, else per cent with the count."""
    if not value or not value.get("denominator"):
        return "none"
    told = f"{value['numerator']:,} of {value['denominator']:,}"
    return told if value["percent"] is None else f"{value['percent']:g} % ({told})"


@register.filter
def days(value: float | None) -> str:
    """Return a length of time in days."""
    return "none" if value is None else f"{value:.1f} d"


@register.filter
def signed(value: int) -> str:
    """Return a change with its sign: +3, -2, ±0."""
    return f"+{value:,}" if value > 0 else f"\u2212{-value:,}" if value < 0 else "±0"


@register.filter
def grouped(value: int) -> str:
    """Return a whole number with its thousands apart: 1,000,000."""
    return f"{value:,}"
