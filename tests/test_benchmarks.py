"""The benchmark's arithmetic: measuring a process, growth, and bars. The measuring itself takes minutes and is no test."""

from __future__ import annotations

import sys

import pytest

from benchmarks.bars import BARS, Bar, cpu, ratio
from benchmarks.figures import Figures, _exponent
from benchmarks.measure import Cost, run


def test_a_command_is_measured_with_its_children() -> None:
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))']); raise SystemExit(3)"
    cost = run([sys.executable, "-c", busy])
    idle = run([sys.executable, "-c", "pass"])
    assert cost.exit == 3
    assert cost.cpu > idle.cpu
    assert cost.memory_mb > 1


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_exponent_of_growth(power: float) -> None:
    sizes = {n: 0.5 + 1e-3 * n**power for n in (100, 200, 400, 800)}
    assert _exponent(sizes, start=0.5) == pytest.approx(power)


def test_a_bar_without_its_figures_is_no_row() -> None:
    assert [bar.name for bar in BARS if bar.value(Figures()) is not None] == []


def test_ratios_and_limits() -> None:
    figures = Figures(costs={"a": Cost(1, 6.0, 1, 0), "b": Cost(1, 2.0, 1, 0)})
    most = Bar("a / b", ratio(cpu("a"), cpu("b")), 3)
    least = Bar("a / b", ratio(cpu("a"), cpu("b")), 4, at_least=True)
    assert most.value(figures) == 3.0
    assert most.met(3.0) and not most.met(3.1)
    assert least.met(4.0) and not least.met(3.0)
