"""Work on many files in chunks, in this process or spread over others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType

from kmigrate.collector import uncollected
from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeVar

    from kmigrate.executors import Executor

    T = TypeVar("T")
    R = TypeVar("R")
# Below this many bytes of source, other processes cost more than they save.
_WORTH_PROCESSES = 1_500_000
_CHUNK_BYTES = 400_000
_CHUNK_FILES = 200


def chunks(items: Sequence[tuple[T, int]]) -> list[list[tuple[T, int]]]:
    """Items with a size in bytes, grouped so that a group is worth a message to another process.

    The largest group comes first, so that no process is left with it when the others are done.
    """
    found: list[list[tuple[T, int]]] = []
    total = _CHUNK_BYTES
    for item in items:
        if total >= _CHUNK_BYTES or len(found[-1]) >= _CHUNK_FILES:
            found.append([])
            total = 0
        found[-1].append(item)
        total += item[1]
    return sorted(found, key=lambda group: -sum(size for _, size in group))


def without_collector(function: Callable[[Sequence[T]], R], part: Sequence[T]) -> R:
    """The function of a part, without the cyclic garbage collector."""
    with uncollected():
        return function(part)


class Workers:
    """The processes of one run (``jobs``, 0: one each processor), started when there is enough to do and kept until its end.

    ``where`` is an executor (``executors.open_executor``); one that is not local is always used.
    """

    def __init__(self, jobs: int = 1, where: str = "local") -> None:
        self._jobs = jobs
        self._where = where
        self._executor: Executor | None = None

    def spread(
        self, function: Callable[[Sequence[T]], R], parts: Sequence[Sequence[T]], size: int, lost: Callable[[T, str], R]
    ) -> Iterator[R]:
        """``function`` of every part, in no particular order. ``size`` are the bytes of source of all.

        Where a process died, its files are tried one by one, and ``lost`` answers for the one that did it.
        """
        function = partial(without_collector, function)
        if not parts or (self._where == "local" and not self._worth(len(parts), size)):
            yield from map(function, parts)
            return
        from kmigrate.executors import Lost

        executor = self._opened()
        for number, result in executor.map(function, parts):
            if not isinstance(result, Lost):
                yield result
                continue
            single = [[item] for item in parts[number]]
            for place, again in executor.map(function, single):
                yield lost(single[place][0], again.reason) if isinstance(again, Lost) else again

    @property
    def started(self) -> bool:
        """Whether other processes are at work."""
        return self._executor is not None

    def expect(self, size: int, ready: Callable[[], None]) -> None:
        """So many bytes of source will be spread at least: the processes that it takes start, and call ``ready``, meanwhile."""
        if self._where == "local" and self._executor is None and self._worth(2, size):
            self._opened().start(ready)

    def _worth(self, parts: int, size: int) -> bool:
        if self._jobs == 1 or parts < 2:
            return False
        return self._executor is not None or size >= _WORTH_PROCESSES

    def _opened(self) -> Executor:
        if self._executor is None:
            from kmigrate.executors import default_jobs, open_executor

            self._executor = open_executor(self._where, self._jobs or default_jobs())
            self._executor.__enter__()
        return self._executor

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._executor is not None:
            self._executor.__exit__(kind, error, trace)
            self._executor = None
