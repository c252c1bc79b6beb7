"""The test for random units: how seldom it errs, and what it still sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from kmigrate.verify.compare import compare
from kmigrate.verify.moments import FALSE_ALARM, moments_differ, threshold
from kmigrate.verify.result import Moments, Result

Array = npt.NDArray[Any]
Draw = Callable[[np.random.Generator], Array]
COUNT, SHAPE = 64, (2, 6, 4)


def sample(draw: Draw, seed: int) -> Moments:
    """64 evaluations, summed up as the worker does it."""
    runs = draw(np.random.default_rng(seed))
    rows = runs.reshape(len(runs), -1)
    spreads = np.square(rows - rows.mean(axis=0)).mean(axis=1)
    return Moments(runs.mean(axis=0), runs.var(axis=0), len(runs), rows.mean(axis=1), spreads)


def normal(shift: float = 0.0, scale: float = 1.0) -> Draw:
    return lambda rng: rng.normal(shift, scale, size=(COUNT, *SHAPE))


def dropout(rate: float, values: Array | None = None) -> Draw:
    kept = np.linspace(-1.0, 2.0, 48).reshape(SHAPE) if values is None else values
    return lambda rng: kept * (rng.random((COUNT, *SHAPE)) >= rate) / (1 - rate)


def whole_samples(rate: float) -> Draw:
    """One draw for each sample, shared by all that belongs to it."""
    return lambda rng: np.linspace(1.0, 2.0, 48).reshape(SHAPE) * (rng.random((COUNT, 2, 1, 1)) >= rate)


def one_shared(scale: float) -> Draw:
    return lambda rng: rng.normal(0.0, scale, size=(COUNT, 1, 1, 1)) + np.zeros(SHAPE)


ALIKE = {
    "normal": normal(),
    "uniform": lambda rng: rng.random((COUNT, *SHAPE)),
    "far from zero": normal(1e4, 0.1),
    "rare dropout": dropout(0.05),
    "dropout": dropout(0.5),
    "whole samples": whole_samples(0.2),
    "rarely whole samples": whole_samples(0.05),
    "one draw for all": one_shared(1.0),
    "one element": lambda rng: rng.normal(size=(COUNT, 1)),
    "exponential": lambda rng: rng.exponential(size=(COUNT, *SHAPE)),
}


@pytest.mark.parametrize("name", ALIKE)
def test_samples_of_one_distribution_are_never_told_apart(name: str) -> None:
    pairs = ((sample(ALIKE[name], 2 * seed), sample(ALIKE[name], 2 * seed + 1)) for seed in range(400))
    assert [reason for one, two in pairs if (reason := moments_differ(one, two))] == []


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        (normal(), normal(0.5), "mean"),
        (normal(), normal(scale=1.3), "variance"),
        (dropout(0.5), dropout(0.25), "variance"),
        (dropout(0.1), dropout(0.1, np.ones(SHAPE)), "mean"),
        (whole_samples(0.2), whole_samples(0.8), "mean"),
        (one_shared(1.0), one_shared(4.0), "variance"),
        (normal(), lambda rng: rng.random((COUNT, *SHAPE)), "mean"),
        (normal(), lambda rng: rng.normal(size=(COUNT, 2, 6, 1)), "shape"),
    ],
)
def test_different_distributions_are_told_apart(one: Draw, two: Draw, says: str) -> None:
    assert all(says in (moments_differ(sample(one, seed), sample(two, seed + 1)) or "") for seed in range(20))


def test_the_threshold_is_students() -> None:
    # scipy.stats.t(126).ppf(1 - 1e-6 / 100), and of 6 and 20000
    for comparisons, quantile in ((50, 5.994806), (3, 5.390643), (10000, 7.058582)):
        assert abs(threshold(comparisons, 126) - quantile) < 0.005


def test_the_verdict_states_the_rate_of_false_alarms() -> None:
    def result(moments: Moments) -> Result:
        return Result(True, outputs=(np.zeros(SHAPE),), names=("output",), random=True, moments=(moments,))

    verdict = compare(result(sample(normal(), 1)), result(sample(normal(), 2)))
    assert verdict.verdict == "equal"
    assert f"once in {1 / FALSE_ALARM:,.0f}" in (verdict.reason or "")
    assert compare(result(sample(normal(), 1)), result(sample(normal(3.0), 2))).verdict == "different"
    still = Result(True, outputs=(np.zeros(SHAPE),), names=("output",), no_gradient="not asked for")
    assert "only the original code is random" in (compare(result(sample(normal(), 1)), still).reason or "")
