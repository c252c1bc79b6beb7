"""A run of ``verify`` over many units: tasks that any process can perform, spread by an executor, each verdict kept as it comes.

The engines of a stack take seconds to start, so every process that performs tasks keeps its own between them.
"""

from __future__ import annotations

import atexit
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Generic, TypeVar

from kmigrate.cache import own_version
from kmigrate.config import Config
from kmigrate.digests import digest
from kmigrate.errors import UserError, internal
from kmigrate.executors import Executor, Lost
from kmigrate.model import Finding, Unit
from kmigrate.project import Checked
from kmigrate.verify.run import Verifier, limits_of, rewritten_beside, unit_keys
from kmigrate.verify.runner import Engines, interruptible
from kmigrate.verify.saved import Key, Saved, SavedUnit
from kmigrate.verify.session import ModulePair
from kmigrate.verify.stacks import ensure, get_stack
from kmigrate.verify.state import State
from kmigrate.verify.verdicts import EngineVerdict, UnitVerdict

_IMPORTED = re.compile(rb"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_ABOVE = 3  # as worker/modules.py

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Task:
    """One unit with all that another process needs: the two texts of its module and, for blame, the fixes between them.

    ``key`` is what a file of cases calls the unit, ``saved`` what it has for it. ``shrink``: look for the smallest case of a
    difference.
    """

    pair: ModulePair
    unit: Unit
    checked: Checked
    chosen: tuple[Finding, ...]
    config: Config
    stack: str
    key: Key | None = None
    saved: SavedUnit | None = None
    shrink: bool = True

    @property
    def name(self) -> str:
        return f"{self.pair.path}:{self.unit.qualname}"


@dataclass(frozen=True, slots=True)
class Watch:
    """One file whose original is to be watched at work."""

    checked: Checked
    config: Config
    stack: str


Planned = tuple[ModulePair, list[Unit], Checked, tuple[Finding, ...]]
"""The two texts of one file, the units that differ, the file and the fixes between the texts (none: an earlier version)."""


def tasks_of(planned: Sequence[Planned], config: Config, stack: str, saved: Saved, shrink: bool = True) -> list[Task]:
    """One task for each unit, in the order of the files; each file is run beside the other rewritten ones."""
    others = rewritten_beside([pair for pair, *_ in planned])
    return [
        Task(replace(pair, others=beside), unit, one, chosen, config, stack, key, saved.units.get(key), shrink)
        for (pair, units, one, chosen), beside in zip(planned, others, strict=True)
        for unit, key in zip(units, unit_keys(one, units), strict=True)
    ]


@dataclass(slots=True)
class _Keeper:
    """The verifiers of this process: one for each task at a time (a Dask worker has threads), kept for the next."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: dict[tuple[str, str], list[Verifier]] = field(default_factory=dict)
    every: list[Engines] = field(default_factory=list)

    @contextmanager
    def lend(self, name: str, config: Config) -> Iterator[Verifier]:
        key = (name, repr(config))
        with self.lock:
            kept = self.idle.setdefault(key, [])
            verifier = kept.pop() if kept else None
        if verifier is None:
            stack = get_stack(name)
            engines = Engines(ensure(stack), stack.engines, limits_of(config))
            self.every.append(engines)
            verifier = Verifier(engines, config)
        yield verifier
        with self.lock:
            kept.append(verifier)

    def stop(self) -> None:
        for engines in self.every:
            engines.stop()

    def close(self) -> None:
        self.idle.clear()
        while self.every:
            engines = self.every.pop()
            engines.stop()  # a task that is still at work starts none again
            engines.close()


_keeper = _Keeper()
atexit.register(_keeper.close)
Finalize(None, _keeper.close, exitpriority=10)  # a process of a pool runs these, and nothing of atexit


def perform(task: Task) -> UnitVerdict:
    """The verdict of one unit, with blame. Raises UserError for a configured case that is not one."""
    with _keeper.lend(task.stack, task.config) as verifier:
        return verifier.unit(task.checked, task.chosen, task.pair, task.unit, task.saved, task.shrink)


def observe(watch: Watch) -> Checked:
    """The file with its fixes chosen again with what its units were handed. Raises UserError as ``perform`` does."""
    with _keeper.lend(watch.stack, watch.config) as verifier:
        return verifier.observed(watch.checked)


@dataclass(frozen=True, slots=True)
class _Guarded(Generic[T, R]):
    """A function where a defect of ours costs what it was asked for, not the run. Can be pickled."""

    function: Callable[[T], R]

    def __call__(self, asked: T) -> R | Lost:
        try:
            return self.function(asked)
        except UserError:
            raise
        except Exception as error:
            return Lost(internal(error))


def put_away() -> None:
    """End the engines of this process."""
    _keeper.close()


def verify_all(tasks: Sequence[Task], executor: Executor, state: State) -> Iterator[tuple[Task, UnitVerdict]]:
    """Every task with its verdict, those first that the state knows, the others as they come."""
    contents = _Contents()
    keys = [contents.key(task) for task in tasks]
    todo = []
    for number, (task, key) in enumerate(zip(tasks, keys, strict=True)):
        known = state.found.get(key)
        if known is None:
            todo.append(number)
        else:
            yield task, known
    for position, result in executor.map(_Guarded(perform), [tasks[number] for number in todo]):
        number = todo[position]
        if isinstance(result, Lost):
            yield tasks[number], _lost(tasks[number], result)
            continue
        state.keep(keys[number], result)
        yield tasks[number], result


def observe_all(files: Sequence[Watch], executor: Executor) -> Iterator[tuple[int, Checked]]:
    """(number, the file as observed), as they come; a file that is lost stays as it was."""
    for number, result in executor.map(_Guarded(observe), files):
        yield number, files[number].checked if isinstance(result, Lost) else result


def _lost(task: Task, lost: Lost) -> UnitVerdict:
    engines: dict[str, EngineVerdict] = {task.pair.engine: EngineVerdict("error", reason=lost.reason)}
    return UnitVerdict(task.pair.path, task.unit.qualname, task.unit.kind, "error", engines, 0, lost.reason, line=task.unit.line)


@contextmanager
def engines_kept(executor: Executor) -> Iterator[None]:
    """For a run of one or several rounds: the engines that the processes start serve until its end, and end with it, also in
    processes that stay and where the run is interrupted."""
    with ExitStack() as stack:
        stack.callback(executor.finish, put_away)
        stack.enter_context(interruptible(_keeper.stop))
        yield


class _Contents:
    """Keys of tasks by content: two tasks with one key have the same verdict."""

    def __init__(self) -> None:
        self._version = own_version()
        self._folders: dict[Path, str] = {}

    def key(self, task: Task) -> str:
        verify = task.config._replace(root=Path(), file=None, cases=None)
        pair = replace(task.pair, package_root=None)
        around = self._around(task.pair)
        return digest(self._version, get_stack(task.stack).digest, verify, pair, task.unit, task.saved, task.shrink, around)

    def _around(self, pair: ModulePair) -> str:
        """The modules that the task's module may import: those of its package, else of its folder."""
        if pair.package_root is None:
            return ""
        root = Path(pair.package_root)
        folder = root / pair.package.split(".")[0] if pair.package else root
        if folder not in self._folders:
            files = sorted(folder.rglob("*.py") if pair.package else folder.glob("*.py"))
            texts = [(str(file.relative_to(folder)), _bytes(file)) for file in files]
            imported = {name for _, text in texts for name in _IMPORTED.findall(text or b"")}
            self._folders[folder] = digest(texts, _above(root, sorted(name.decode() for name in imported)))
        return self._folders[folder]


def _above(root: Path, names: Sequence[str]) -> list[tuple[str, Any]]:
    """The modules of these names in the folders above, in which the worker looks for what it does not find."""
    above = list(root.parents)[:_ABOVE]
    found = [folder / name for folder in above for name in names]
    files = [file for place in found for file in (place.with_suffix(".py"), *sorted(place.rglob("*.py"))) if file.is_file()]
    return [(str(file.relative_to(above[-1])), _bytes(file)) for file in files]


def _bytes(file: Path) -> Any:
    try:
        return file.read_bytes()
    except OSError:
        return None
