"""One command, or one piece of Python, run and measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """``cpu`` is user and system time with all children, ``memory_mb`` the peak of the largest process among them."""

    wall: float
    cpu: float
    memory_mb: float
    exit: int


def run(command: Sequence[str], runs: int = 1, cwd: Path | None = None, env: dict[str, str] | None = None) -> Cost:
    """The cheapest (by CPU) of ``runs`` runs: what a shared machine adds is noise, and only ever adds."""
    costs = [_once(command, cwd, env) for _ in range(runs)]
    return min(costs, key=lambda cost: cost.cpu)


def _once(command: Sequence[str], cwd: Path | None, env: dict[str, str] | None) -> Cost:
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


_READ = """
import ast, gc, resource, sys, warnings
warnings.simplefilter("ignore")
what, names = sys.argv[1], open(sys.argv[2]).read().split("\\0")
used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
start = used()
if what == "read":
    for name in names:
        open(name, "rb").read()
else:
    texts = [open(name, "rb").read() for name in names]
    start = used()
    for text in texts:
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
print(used() - start)
"""


def python_cpu(what: str, files: Sequence[Path], runs: int = 3) -> float:
    """CPU seconds, without the interpreter's start, to ``read`` files or to ``parse`` them (without reading)."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as listing:
        listing.write("\0".join(map(str, files)))
        listing.flush()
        command = [sys.executable, "-c", _READ, what, listing.name]
        done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(runs)]
    return min(float(d.stdout) for d in done)
