"""The distribution of relative errors as a picture: how many values lie in which decade."""

from __future__ import annotations

import math
from functools import lru_cache

_WIDTH, _HEIGHT = 430, 210


def decades() -> list[str]:
    """The names of the bins of a spread (``verify.verdicts.DECADES``), from exactly equal to as large as the value."""
    return ["exact", "<1e-16", *(f"1e{exponent}" for exponent in range(-16, 0)), "\N{GREATER-THAN OR EQUAL TO}1"]


@lru_cache(maxsize=256)  # units of one kind often have the same spread, and drawing is the most of making a page
def spread_svg(spread: tuple[int, ...]) -> str:
    """An SVG element: one column for each decade between the smallest and the largest that hold a value, on a logarithmic axis.

    Colours come from the page's style sheet, so that the picture is readable in light and dark.
    """
    import leather

    used = [index for index, count in enumerate(spread) if count]
    last = max(used, default=0)
    first = min((index for index in used if index), default=0)
    indexes = [0, *range(max(1, first), last + 1)] if last else [0]
    names = decades()
    chart = leather.Chart()
    # One more than the logarithm: a single value is a column, too.
    chart.add_columns([(names[index], _height(spread[index])) for index in indexes], fill_color="currentColor")
    top = max(math.ceil(max(_height(count) for count in spread)), 2)
    chart.add_y_scale(0, top)
    chart.add_y_axis(ticks=list(range(top + 1)), tick_formatter=lambda value, _i, _n: _tick(int(value)))
    return str(chart.to_svg(width=_WIDTH, height=_HEIGHT))


def _height(count: int) -> float:
    return math.log10(count) + 1 if count else 0.0


def _tick(value: int) -> str:
    return "0" if value == 0 else f"{10 ** (value - 1):,}" if value < 5 else f"1e{value - 1}"
