"""Commands, and pieces of Python, measured in processes of their own: in turns, so that a noisy minute meets all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Measured as installed: pip compiles what it installs, while a checkout may be told to write no bytecode.
_BYTECODE = Path(tempfile.gettempdir()) / f"kmigrate-benchmarks-{os.getuid()}-pycache"


@dataclass(frozen=True)
class Cost:
    """``cpu`` is user and system time with all children, ``memory_mb`` the peak of the largest process among them."""

    wall: float
    cpu: float
    memory_mb: float
    exit: int
    runs: int = 1


Task = Callable[[], Cost]


def interleaved(tasks: Mapping[str, Task], rounds: int, once: Mapping[str, Task] | None = None) -> dict[str, Cost]:
    """The median of ``rounds`` runs of each task, one of each in turn; then those of ``once``, which are slow, a single time."""
    runs: dict[str, list[Cost]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            runs[name].append(task())
    for name, task in (once or {}).items():
        runs[name] = [task()]
    return {name: median(costs) for name, costs in runs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """The medians of times; the largest memory and exit code, which are no matter of chance."""
    return Cost(
        statistics.median(c.wall for c in costs),
        statistics.median(c.cpu for c in costs),
        max(c.memory_mb for c in costs),
        max(c.exit for c in costs),
        len(costs),
    )


def run(command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """What one run of a command costs; its output is dropped."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=_environment(env or {}), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """That of this process, where bytecode is written, to a place of its own; the first run pays for it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(_BYTECODE), **more}


_PYTHON = """
import ast, gc, resource, sys, time, warnings
warnings.simplefilter("ignore")
gc.disable()
what, names = sys.argv[1], open(sys.argv[2]).read().split("\\0")
used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
wall, start = time.perf_counter(), used()
if what == "read":
    for name in names:
        open(name, "rb").read()
else:
    texts = [open(name, "rb").read() for name in names]
    wall, start = time.perf_counter(), used()
    for text in texts:
        try:
            stack = [ast.parse(text)]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        while what == "visit" and stack:
            node = stack.pop()
            for name in node._fields:
                value = getattr(node, name, None)
                if value.__class__ is list:
                    stack += [child for child in value if isinstance(child, ast.AST)]
                elif isinstance(value, ast.AST):
                    stack.append(value)
print(time.perf_counter() - wall, used() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


# The least that a program in Python can do with a tree: list it, read it, search for what would matter.
SEARCH = """
import os
waiting, found = ["."], 0
while waiting:
    with os.scandir(waiting.pop()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.name.endswith(".py"):
                with open(entry.path, "rb", buffering=0) as file:
                    data = file.read()
                found += b"tensorflow" in data or b"theano" in data or b"keras" in data
print(found)
"""


def python(what: str, files: Sequence[Path]) -> Cost:
    """What plain Python needs, beyond the interpreter's start, to ``read`` files, to ``parse`` them (without reading) or also to
    ``visit`` every node, with nothing done there: what no analysis in Python can do without."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as listing:
        listing.write("\0".join(map(str, files)))
        listing.flush()
        command = [sys.executable, "-c", _PYTHON, what, listing.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, cpu, memory = map(float, done.stdout.split())
    return Cost(wall, cpu, memory, 0)
