"""Everything that is measured, by name: ``keras.check`` is the cost of ``kmigrate check`` on the Keras package, and so on."""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import corpora, peers
from benchmarks.measure import SEARCH, Cost, Task, interleaved, python, run

KMIGRATE = [sys.executable, "-m", "kmigrate"]
Progress = Callable[[str], None]


@dataclass
class Figures:
    """``costs`` of commands and of pure Python work, ``exponents`` of growth, ``counts`` of files and megabytes."""

    costs: dict[str, Cost] = field(default_factory=dict)
    exponents: dict[str, float] = field(default_factory=dict)
    counts: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, corpus: str, costs: dict[str, Cost]) -> None:
        self.costs.update({f"{corpus}.{name}": cost for name, cost in costs.items()})
        for name, cost in costs.items():
            if name in peers.NAMES and cost.exit not in (0, 1):
                self.failures.append(f"{name} on {corpus} ended with exit code {cost.exit}")


def collect(slow: bool, wanted: Sequence[str], tell: Progress) -> Figures:
    """Measure the wanted corpora (all where none is named); with ``slow`` also the peers that need minutes."""
    figures = Figures()
    start = {"start": partial(run, [sys.executable, "-c", "pass"]), "version": partial(run, [*KMIGRATE, "--version"])}
    figures.costs.update(interleaved(start, 15))
    for name, measure in _CORPORA.items():
        if not wanted or name in wanted:
            tell(name)
            measure(figures, slow)
    return figures


def check(tree: Path, *options: str, env: dict[str, str] | None = None) -> Task:
    """``kmigrate check --no-cache``, in one process unless the options say otherwise."""
    options = options if "--jobs" in options else ("--jobs", "1", *options)
    cache = () if env else ("--no-cache",)
    return partial(run, [*KMIGRATE, "check", *cache, *options, "."], tree, env)


def _tree(figures: Figures, name: str, tree: Path, rounds: int, fast: Sequence[str], slow: Sequence[str] = ()) -> None:
    """Cold, warm and with one file changed; ``fix``; reading and parsing the same bytes; the peers."""
    files = corpora.python_files(tree)
    candidates = [p for p in files if _names_an_engine(p.read_bytes())]
    size = sum(p.stat().st_size for p in files)
    figures.counts[name] = {"files": len(files), "candidates": len(candidates), "megabytes": size / 1e6}
    with tempfile.TemporaryDirectory() as cache, corpora.copied(tree) as copy:
        env = {"KMIGRATE_CACHE_DIR": cache}
        first = check(tree, env=env)()  # fills the cache, the compiled rulebook included
        check(copy, env=env)()
        tasks: dict[str, Task] = {
            "start": partial(run, [sys.executable, "-c", "pass"]),
            "read": partial(python, "read", files),
            "list, read and search": partial(run, [sys.executable, "-c", SEARCH], tree),
            "parse all": partial(python, "parse", files),
            "check": check(tree),
            "warm": check(tree, env=env),
            "one changed": _changing(copy, tree, candidates or files, check(copy, env=env)),
            "fix": partial(run, [*KMIGRATE, "fix", "."], tree),
            **{peer: partial(peers.measure, peer, tree) for peer in fast},
        }
        if candidates:
            tasks["parse candidates"] = partial(python, "parse", candidates)
            tasks["parse and visit candidates"] = partial(python, "visit", candidates)
        costs = interleaved(tasks, rounds, {peer: partial(peers.measure, peer, tree) for peer in slow})
    figures.add(name, {**costs, "first run ever": first})


def _names_an_engine(data: bytes) -> bool:
    """The bytes prefilter that the bars are stated in (the program's own may be finer)."""
    return b"tensorflow" in data or b"theano" in data


def _changing(copy: Path, tree: Path, files: Sequence[Path], task: Task) -> Task:
    """The task after another change of one file, of middling size, in the copy of a tree."""
    chosen = sorted(files, key=lambda p: p.stat().st_size)[len(files) // 2]
    target = copy / chosen.relative_to(tree)
    count = 0

    def changed() -> Cost:
        nonlocal count
        count += 1
        target.write_bytes(chosen.read_bytes() + b"\n# changed %d\n" % count)
        return task()

    return changed


def _keras(figures: Figures, slow: bool) -> None:
    tree = corpora.packages("keras")
    _tree(figures, "keras", tree, 5, peers.FAST, peers.SLOW if slow else ())


def _clean(figures: Figures, slow: bool) -> None:
    _tree(figures, "clean", corpora.packages("clean"), 5, ["ruff NPY201"])


def _dirty(figures: Figures, slow: bool) -> None:
    _tree(figures, "dirty", corpora.dirty(), 3, peers.FAST, ["Fixit, one rule"] if slow else ())


def _generated(figures: Figures, slow: bool) -> None:
    sizes = {lines: check(corpora.generated(lines)) for lines in (6_000, 12_000, 24_000, 50_000)}
    costs = interleaved({str(lines): task for lines, task in sizes.items()}, 3)
    figures.exponents["lines"] = exponent({lines: costs[str(lines)].cpu for lines in sizes}, figures.costs["start"].cpu)
    _tree(figures, "generated", corpora.generated(50_000), 3, peers.FAST, peers.SLOW if slow else ())
    figures.add("giants", interleaved({"check": check(corpora.giants())}, 1))


def _mixed(figures: Figures, slow: bool) -> None:
    tree = corpora.packages("mixed")
    _tree(figures, "mixed", tree, 1, peers.FAST)
    tasks = {"one process": check(tree), "two processes": check(tree, "--jobs", "2")}
    figures.add("mixed", interleaved(tasks, 3))


def _growth(figures: Figures, slow: bool) -> None:
    """Keras once, and several times side by side."""
    tree = corpora.packages("keras")
    tasks = {f"{count} times": check(corpora.copies(tree, count, f"keras-{count}")) for count in (1, 2, 4, 8)}
    costs = interleaved(tasks, 3)
    figures.add("growth", costs)
    sizes = {int(name.split()[0]): cost.cpu for name, cost in costs.items()}
    figures.exponents["files"] = exponent(sizes, figures.costs["start"].cpu)


def _ten(figures: Figures, slow: bool) -> None:
    """Ten files of layer code: what a commit hook sees. By wall time, where a second process could only cost."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(corpora.python_files(corpora.dirty() / "kapre-0.3.7")[:10]):
            shutil.copyfile(path, Path(folder) / f"f{number}.py")
        default = check(Path(folder), "--jobs", str(os.cpu_count() or 1))
        figures.add("ten", interleaved({"one process": check(Path(folder)), "default": default}, 9))


def exponent(sizes: dict[int, float], start: float) -> float:
    """The slope of log(CPU beyond the interpreter's start) over log(size), by least squares: 1 is linear."""
    points = [(math.log(size), math.log(max(cpu - start, 1e-6))) for size, cpu in sizes.items()]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


_CORPORA = {
    "ten": _ten,
    "clean": _clean,
    "keras": _keras,
    "growth": _growth,
    "dirty": _dirty,
    "generated": _generated,
    "mixed": _mixed,
}
