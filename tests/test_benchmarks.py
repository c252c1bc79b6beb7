"""The benchmark's arithmetic: measuring a process, growth, and bars. The measuring itself takes minutes and is no test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.bars import BARS, Bar, cpu, ratio
from benchmarks.figures import Figures, exponent
from benchmarks.measure import Cost, interleaved, median, run
from benchmarks.render import render


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
    assert exponent(sizes, start=0.5) == pytest.approx(power)


def test_a_bar_without_its_figures_is_no_row() -> None:
    assert [bar.name for bar in BARS if bar.value(Figures()) is not None] == []


def test_ratios_and_limits() -> None:
    figures = Figures(costs={"a": Cost(1, 6.0, 1, 0), "b": Cost(1, 2.0, 1, 0)})
    most = Bar("a / b", ratio(cpu("a"), cpu("b")), 3)
    least = Bar("a / b", ratio(cpu("a"), cpu("b")), 4, at_least=True)
    assert most.value(figures) == 3.0
    assert most.met(3.0) and not most.met(3.1)
    assert least.met(4.0) and not least.met(3.0)


def test_tasks_run_in_turns_and_the_median_counts() -> None:
    order: list[str] = []
    times = iter([9.0, 1.0, 2.0])

    def task(name: str, cpu: float | None = None) -> Cost:
        order.append(name)
        return Cost(1.0, next(times) if cpu is None else cpu, len(order), 0)

    costs = interleaved({"a": lambda: task("a"), "b": lambda: task("b", 3.0)}, 3, {"slow": lambda: task("slow", 5.0)})
    assert order == ["a", "b"] * 3 + ["slow"]
    assert (costs["a"].cpu, costs["a"].runs, costs["slow"].runs) == (2.0, 3, 1)
    assert median([Cost(1, 1, 5, 0), Cost(3, 3, 9, 1)]) == Cost(2, 2, 9, 1, 2)


def test_the_page_says_what_was_measured_and_met() -> None:
    costs = {"start": Cost(1, 0.5, 1, 0), "version": Cost(1, 1.0, 1, 0), "keras.check": Cost(1, 2.0, 80, 0)}
    costs |= {"keras.ruff NPY201": Cost(1, 0.2, 1, 1)}
    figures = Figures(costs, {"files": 1.0}, {"keras": {"files": 3, "megabytes": 1.5, "candidates": 2}}, ["semgrep ended"])
    rows = [(bar, value) for bar in BARS if (value := bar.value(figures)) is not None]
    page = render(figures, rows)
    assert "| keras: check / ruff NPY201 | at most 6 | 10.00 | **no** |" in page
    assert "| kmigrate --version (starts) | at most 4 | 2.00 | yes |" in page
    assert "| keras | 3 | 1.5 | 2 |" in page
    assert "| keras |  |  | 0.10 |" in page
    assert "NOTE: semgrep ended" in page


def test_a_tree_is_measured_in_a_copy_that_is_changed(tmp_path: Path) -> None:
    from benchmarks.corpora import copied

    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/a.py").write_text("x = 1\n")
    os.utime(tmp_path / "pkg/a.py", (5, 5))
    with copied(tmp_path) as copy:
        assert (copy / "pkg/a.py").stat().st_mtime == 5
        (copy / "pkg/a.py").write_text("x = 2\n")
    assert (tmp_path / "pkg/a.py").read_text() == "x = 1\n"
