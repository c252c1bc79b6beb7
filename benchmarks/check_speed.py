"""How fast ``kmigrate check`` is, as ratios against named peers on the same files in the same run.

    .venv/bin/python benchmarks/check_speed.py FOLDER

Prints CPU seconds (user and system, children included; the least of three runs) of: a bare interpreter, ``ast.parse`` of all
files, ``ast.parse``
of the files that pass the bytes prefilter, ruff NPY201 without its cache, and ``kmigrate check``; then the ratios.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from kmigrate.gate import may_use_engine


def cpu_seconds(work: Callable[[], object], runs: int = 3) -> float:
    """The least CPU time of ``runs`` runs of ``work``, its child processes included, in seconds."""
    times = []
    for _ in range(runs):
        before = os.times()
        work()
        after = os.times()
        times.append(sum(after[:4]) - sum(before[:4]))
    return min(times)


def parse(files: dict[Path, bytes], candidates_only: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in files.values():
            if may_use_engine(data) or not candidates_only:
                try:
                    ast.parse(data)
                except (SyntaxError, ValueError):
                    continue


def run(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, capture_output=True, check=False)


def main(folder: str) -> None:
    files = {path: path.read_bytes() for path in Path(folder).rglob("*.py")}
    passing = sum(may_use_engine(data) for data in files.values())
    size = sum(map(len, files.values()))
    print(f"{len(files)} files, {size / 1e6:.1f} MB, {passing} pass the bytes prefilter")
    ruff = str(Path(sys.executable).parent / "ruff")
    figures = {
        "bare interpreter": cpu_seconds(run(sys.executable, "-c", "pass")),
        "ast.parse, all": cpu_seconds(lambda: parse(files, False)),
        "ast.parse, candidates": cpu_seconds(lambda: parse(files, True)),
        "ruff NPY201": cpu_seconds(run(ruff, "check", "--isolated", "--no-cache", "--select", "NPY201", "--preview", folder)),
        "kmigrate check": cpu_seconds(run(sys.executable, "-m", "kmigrate", "check", folder)),
    }
    ours = figures["kmigrate check"]
    print(f"{'':24}{'CPU s':>9}{'kmigrate / it':>16}")
    for name, seconds in figures.items():
        print(f"{name:24}{seconds:9.3f}{ours / max(seconds, 1e-9):16.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
