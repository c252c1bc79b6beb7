"""Everything that is measured, by name: ``keras.check`` is the cost of ``kmigrate check`` on the Keras package, and so on."""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import corpora, peers
from benchmarks.measure import Cost, python_cpu, run

KMIGRATE = [sys.executable, "-m", "kmigrate"]
Progress = Callable[[str], None]


@dataclass
class Figures:
    """``costs`` of commands, ``seconds`` of pure Python work, ``exponents`` of growth, ``counts`` of files and megabytes."""

    costs: dict[str, Cost] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    exponents: dict[str, float] = field(default_factory=dict)
    counts: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def collect(slow: bool, wanted: Sequence[str], tell: Progress) -> Figures:
    """Measure the wanted corpora (all where none is named); with ``slow`` also the peers that need minutes."""
    figures = Figures()
    figures.costs["start"] = run([sys.executable, "-c", "pass"], 15)
    figures.costs["version"] = run([*KMIGRATE, "--version"], 9)
    for name, measure in _CORPORA.items():
        if not wanted or name in wanted:
            tell(name)
            measure(figures, slow, tell)
    return figures


def check(tree: Path, *options: str, runs: int = 3) -> Cost:
    """``kmigrate check --no-cache``, in one process unless the options say otherwise."""
    options = options if "--jobs" in options else ("--jobs", "1", *options)
    return run([*KMIGRATE, "check", "--no-cache", *options, "."], runs, cwd=tree)


def _tree(figures: Figures, name: str, tree: Path, runs: int = 3) -> None:
    """Cold, warm and with one file changed; ``fix``; reading and parsing the same bytes."""
    files = corpora.python_files(tree)
    candidates = [p for p in files if _names_an_engine(p.read_bytes())]
    figures.counts[name] = {
        "files": len(files),
        "candidates": len(candidates),
        "megabytes": sum(p.stat().st_size for p in files) / 1e6,
    }
    figures.seconds[f"{name}.read"] = python_cpu("read", files, runs)
    figures.seconds[f"{name}.parse candidates"] = python_cpu("parse", candidates, runs)
    figures.seconds[f"{name}.parse all"] = python_cpu("parse", files, runs)
    figures.costs[f"{name}.check"] = check(tree, runs=runs)
    _cached(figures, name, tree, (candidates or files)[0], runs)
    figures.costs[f"{name}.fix"] = run([*KMIGRATE, "fix", "."], runs, cwd=tree)


def _names_an_engine(data: bytes) -> bool:
    """The bytes prefilter that the bars are stated in (the program's own may be finer)."""
    return b"tensorflow" in data or b"theano" in data


def _cached(figures: Figures, name: str, tree: Path, changing: Path, runs: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        env = {"KMIGRATE_CACHE_DIR": cache}
        command = [*KMIGRATE, "check", "--jobs", "1", "."]
        run(command, 1, cwd=tree, env=env)
        figures.costs[f"{name}.warm"] = run(command, max(runs, 3), cwd=tree, env=env)
        old = changing.read_bytes()
        costs = []
        try:
            for number in range(runs):
                changing.write_bytes(old + b"\n# changed %d\n" % number)
                costs.append(run(command, 1, cwd=tree, env=env))
        finally:
            changing.write_bytes(old)
        figures.costs[f"{name}.one changed"] = min(costs, key=lambda cost: cost.cpu)


def _peers(figures: Figures, name: str, tree: Path, names: Sequence[str], tell: Progress) -> None:
    for peer in names:
        tell(f"{name}: {peer}")
        cost = peers.measure(peer, tree, 3 if peer in peers.FAST else 1)
        figures.costs[f"{name}.{peer}"] = cost
        if cost.exit not in (0, 1):
            figures.failures.append(f"{peer} on {name} ended with exit code {cost.exit}")


def _keras(figures: Figures, slow: bool, tell: Progress) -> None:
    tree = corpora.packages("keras")
    _tree(figures, "keras", tree)
    _peers(figures, "keras", tree, [*peers.FAST, *(peers.SLOW if slow else ())], tell)


def _clean(figures: Figures, slow: bool, tell: Progress) -> None:
    _tree(figures, "clean", corpora.packages("clean"))


def _mixed(figures: Figures, slow: bool, tell: Progress) -> None:
    tree = corpora.packages("mixed")
    _tree(figures, "mixed", tree, runs=2)
    figures.costs["mixed.two processes"] = check(tree, "--jobs", "2", runs=2)
    _peers(figures, "mixed", tree, ["ruff NPY201"], tell)
    sizes = {}
    for every in (8, 4, 2):
        part = corpora.part(tree, every, f"mixed-{every}")
        sizes[len(corpora.python_files(part))] = check(part, runs=2).cpu
    sizes[int(figures.counts["mixed"]["files"])] = figures.costs["mixed.check"].cpu
    figures.exponents["files"] = _exponent(sizes, figures.costs["start"].cpu)


def _generated(figures: Figures, slow: bool, tell: Progress) -> None:
    sizes = {}
    for lines in (6_000, 12_000, 24_000, 50_000):
        sizes[lines] = check(corpora.generated(lines), runs=1).cpu
    figures.exponents["lines"] = _exponent(sizes, figures.costs["start"].cpu)
    _tree(figures, "generated", corpora.generated(50_000), runs=1)
    _peers(figures, "generated", corpora.generated(50_000), ["ruff NPY201"], tell)


def _dirty(figures: Figures, slow: bool, tell: Progress) -> None:
    tree = corpora.dirty()
    _tree(figures, "dirty", tree)
    figures.costs["dirty.two processes"] = check(tree, "--jobs", "2")
    _peers(figures, "dirty", tree, [*peers.FAST, *(["Fixit, one rule"] if slow else ())], tell)


def _ten(figures: Figures, slow: bool, tell: Progress) -> None:
    """Ten files of layer code: what a commit hook sees. By wall time, where a second process could only cost."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(corpora.python_files(corpora.dirty() / "kapre-0.3.7")[:10]):
            shutil.copyfile(path, Path(folder) / f"f{number}.py")
        for name, options in (("ten.one process", ("--jobs", "1")), ("ten.default", ("--jobs", str(os.cpu_count() or 1)))):
            figures.costs[name] = min((check(Path(folder), *options, runs=1) for _ in range(7)), key=lambda c: c.wall)


def _exponent(sizes: dict[int, float], start: float) -> float:
    """The slope of log(CPU beyond the interpreter's start) over log(size), by least squares: 1 is linear."""
    points = [(math.log(size), math.log(max(cpu - start, 1e-6))) for size, cpu in sizes.items()]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


_CORPORA = {"keras": _keras, "clean": _clean, "dirty": _dirty, "ten": _ten, "generated": _generated, "mixed": _mixed}
