"""Figures as Markdown tables: corpora, costs, ratios against the peers, bars."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from benchmarks import peers
from benchmarks.bars import Bar
from benchmarks.figures import Figures

_AGAINST = ("parse candidates", "parse all", *peers.NAMES)
_HEAD = """# Benchmarks

Printed by `python -m benchmarks`: {when}, Python {python}, {machine}. CPU seconds are those of user and system with all children;
each figure is the median of its runs, taken in turns. Only ratios within one run mean anything: what else the machine does
changes seconds.
`check` is `kmigrate check --no-cache --jobs 1`; `first run ever` also compiles the rulebook."""


def render(figures: Figures, rows: Sequence[tuple[Bar, float]]) -> str:
    """The whole page."""
    head = _HEAD.format(when=date.today().isoformat(), python=platform.python_version(), machine=_machine())
    parts = [head, "## Bars", _bars(rows), "## Ratios: the other's CPU time / that of `check`", _ratios(figures)]
    parts += ["## Corpora", _corpora(figures), "## Costs", _costs(figures)]
    parts += [f"Growth exponent over {name}: {value:.2f}" for name, value in figures.exponents.items()]
    parts += [f"NOTE: {failure}" for failure in figures.failures]
    return "\n\n".join(parts) + "\n"


def _bars(rows: Sequence[tuple[Bar, float]]) -> str:
    def row(bar: Bar, value: float) -> list[str]:
        return [bar.name, f"{'at least' if bar.at_least else 'at most'} {bar.limit:g}", f"{value:.2f}", _met(bar, value)]

    return _table(["bar", "limit", "measured", "met"], (row(bar, value) for bar, value in rows))


def _met(bar: Bar, value: float) -> str:
    return "yes" if bar.met(value) else "**no**"


def _ratios(figures: Figures) -> str:
    rows = []
    for corpus in figures.counts:
        check = figures.costs[f"{corpus}.check"].cpu
        costs = [figures.costs.get(f"{corpus}.{name}") for name in _AGAINST]
        rows.append([corpus, *("" if cost is None else f"{cost.cpu / check:.2f}" for cost in costs)])
    return _table(["corpus", *_AGAINST], rows)


def _corpora(figures: Figures) -> str:
    rows = ([n, f"{c['files']:.0f}", f"{c['megabytes']:.1f}", f"{c['candidates']:.0f}"] for n, c in figures.counts.items())
    return _table(["corpus", "files", "MB", "files that name an engine"], rows)


def _costs(figures: Figures) -> str:
    start = figures.costs["start"].cpu
    rows = (
        [name, f"{c.cpu:.3f}", f"{c.wall:.3f}", f"{c.memory_mb:.0f}", f"{c.cpu / start:.1f}", str(c.runs)]
        for name, c in figures.costs.items()
    )
    return _table(["measured", "CPU s", "wall s", "peak MB", "interpreter starts", "runs"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} processors ({model}){load}, {platform.system()}"
