"""The bars: each a ratio of two figures of the same run, or an amount, and its limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import Figures

Value = Callable[[Figures], "float | None"]


@dataclass(frozen=True)
class Bar:
    """``value`` of the figures must be at most ``limit`` (``at_least``: at least). A figure that was not measured: None."""

    name: str
    value: Value
    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


def cpu(name: str) -> Value:
    return lambda f: f.costs[name].cpu if name in f.costs else None


def wall(name: str) -> Value:
    return lambda f: f.costs[name].wall if name in f.costs else None


def memory(name: str) -> Value:
    return lambda f: f.costs[name].memory_mb if name in f.costs else None


def exponent(name: str) -> Value:
    return lambda f: f.exponents.get(name)


def ratio(above: Value, below: Value) -> Value:
    def value(figures: Figures) -> float | None:
        a, b = above(figures), below(figures)
        return None if a is None or b is None else a / max(b, 1e-9)

    return value


def clean_price(starts: int) -> Value:
    """A clean tree's check in units of three times reading its bytes plus some interpreter starts: "at most 3 times reading its
    bytes plus one interpreter start" (``evidence/speed.md``) may mean one start or three."""

    def value(figures: Figures) -> float | None:
        if "clean.check" not in figures.costs:
            return None
        return figures.costs["clean.check"].cpu / (
            3 * figures.costs["clean.read"].cpu + starts * figures.costs["clean.start"].cpu
        )

    return value


def price_of_change(figures: Figures) -> float | None:
    """What one changed file adds to a warm run, in units of checking a tree of ten files cold."""
    if "keras.one changed" not in figures.costs or "ten.one process" not in figures.costs:
        return None
    return (figures.costs["keras.one changed"].cpu - figures.costs["keras.warm"].cpu) / figures.costs["ten.one process"].cpu


def warm(corpus: str) -> Value:
    """A warm run for each 1,000 files, in interpreter starts (below 1,000 files: the run)."""

    def value(figures: Figures) -> float | None:
        if f"{corpus}.warm" not in figures.costs:
            return None
        thousands = max(1.0, figures.counts[corpus]["files"] / 1000)
        return figures.costs[f"{corpus}.warm"].cpu / figures.costs[f"{corpus}.start"].cpu / thousands

    return value


CHECK = cpu("keras.check")
BARS = [
    Bar("keras: check / ast.parse of candidates", ratio(CHECK, cpu("keras.parse candidates")), 2),
    Bar("keras: check / ruff NPY201", ratio(CHECK, cpu("keras.ruff NPY201")), 6),
    Bar("keras: Fixit with one rule / check", ratio(cpu("keras.Fixit, one rule"), CHECK), 100, at_least=True),
    Bar("keras: torchfix / check", ratio(cpu("keras.torchfix, one rule"), CHECK), 100, at_least=True),
    Bar("keras: fix / check", ratio(cpu("keras.fix"), CHECK), 2),
    Bar("clean tree: check / 3 (reading + start)", clean_price(3), 1),
    Bar("clean tree: check / (3 reading + start)", clean_price(1), 1),
    Bar("clean tree: check / list, read and search", ratio(cpu("clean.check"), cpu("clean.list, read and search")), 2),
    Bar("dirty: Fixit with one rule / check", ratio(cpu("dirty.Fixit, one rule"), cpu("dirty.check")), 10, at_least=True),
    Bar("keras, warm: starts for 1,000 files", warm("keras"), 6),
    Bar("mixed, warm: starts for 1,000 files", warm("mixed"), 6),
    Bar("one changed file: beyond warm / ten files cold", price_of_change, 1),
    Bar("growth exponent, number of files", exponent("files"), 1.05),
    Bar("growth exponent, lines of one file", exponent("lines"), 1.2),
    Bar("mixed: one process / two (wall)", ratio(wall("mixed.one process"), wall("mixed.two processes")), 1.7, at_least=True),
    Bar("ten files: default / one process (wall)", ratio(wall("ten.default"), wall("ten.one process")), 1.1),
    Bar("memory, keras (MB)", memory("keras.check"), 300),
    Bar("memory, mixed (MB)", memory("mixed.check"), 300),
    Bar("memory, 50,000 lines (MB)", memory("generated.check"), 1500),
    Bar("kmigrate --version (starts)", ratio(cpu("version"), cpu("start")), 4),
]
