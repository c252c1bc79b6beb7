"""Random units: can two samples come from one distribution? A test with a stated rate of false alarms.

Three comparisons of means, by Welch's t-test: of every element, of all elements together, and of the spread about the mean
(the variance). The last two are over evaluations, which are independent, whatever hangs together within one: a mask that is
shared along an axis, a whole sample that is dropped. The threshold is the quantile of Student's t at which all
comparisons of one output together err once in a million (Bonferroni), as far as means over 64 evaluations are normal.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from kmigrate.verify.result import Moments

FALSE_ALARM = 1e-6
"""How often two samples of one distribution are told apart, for one output of one case."""

Array = npt.NDArray[Any]


def moments_differ(one: Moments, two: Moments) -> str | None:
    """Why two samples cannot come from one distribution, or None."""
    if one.mean.shape != two.mean.shape:
        return f"shape {one.mean.shape}, not {two.mean.shape}"
    if not one.mean.size:
        return None
    limit = threshold(one.mean.size + 2, one.count + two.count - 2)
    # What rounding does to a constant is no chance.
    small = 1e-5 * max(1.0, float(np.abs(one.mean).max()))
    error = np.sqrt((one.variance + two.variance) / (one.count - 1))
    gap = np.abs(one.mean - two.mean)
    if np.any(gap > limit * error + small):
        return f"the mean of an element differs by {gap.max():.3g} (standard error {error.max():.3g})"
    error_all = math.hypot(_error(one.means), _error(two.means))
    if abs(float(one.means.mean()) - float(two.means.mean())) > limit * error_all + small:
        return f"the mean over all elements is {one.means.mean():.3g}, not {two.means.mean():.3g}"
    if _spreads_differ(one.spreads, two.spreads, limit, small**2):
        return f"the variance is {one.spreads.mean():.3g}, not {two.spreads.mean():.3g}"
    return None


def threshold(comparisons: int, freedom: int) -> float:
    """Standard errors that are too many: Student's t of that many degrees of freedom, for one of so many comparisons."""
    normal = NormalDist().inv_cdf(1.0 - FALSE_ALARM / (2 * comparisons))
    # The first two terms of Fisher's expansion of t by the normal quantile; its error is below 0.005 here.
    first = (normal**3 + normal) / (4 * freedom)
    second = (5 * normal**5 + 16 * normal**3 + 3 * normal) / (96 * freedom**2)
    return normal + first + second


def _error(numbers: Array) -> float:
    """The standard error of the mean of independent numbers."""
    return math.sqrt(float(numbers.var()) / (len(numbers) - 1))


def _spreads_differ(one: Array, two: Array, limit: float, small: float) -> bool:
    """Whether two variances differ by more than chance: compared as logarithms, whose errors are relative ones."""
    left, right = float(one.mean()), float(two.mean())
    if abs(left - right) <= small:
        return False
    if not left or not right:
        # One of them never changed: as a difference, whose error is that of the other.
        return abs(left - right) > limit * math.hypot(_error(one), _error(two))
    return abs(math.log(left / right)) > limit * math.hypot(_error(one) / left, _error(two) / right)
