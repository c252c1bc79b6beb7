"""Where work runs: in this process, in processes of this machine, or on a Dask cluster.

An executor maps a function over chunks of work and yields each result as it comes. Function, chunks and results are
pickled unless the work stays in this process, so the function is one of a module's top level. A process that dies takes no
chunk with it: what it held is done again, and a chunk that is lost ``ATTEMPTS`` times is reported as a ``Lost``.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from kmigrate.collector import ending
from kmigrate.model import UserError

T = TypeVar("T")
R = TypeVar("R")
ATTEMPTS = 3
_CONNECT_S = 10


@dataclass(frozen=True, slots=True)
class Lost:
    """The result of a chunk whose processes died ``ATTEMPTS`` times; ``reason`` is for people."""

    reason: str


class Executor(Protocol):
    """A context manager; leaving it ends what it started and drops what is not done. ``jobs`` is how many run at a time."""

    jobs: int

    def map(self, function: Callable[[T], R], chunks: Iterable[T]) -> Iterator[tuple[int, R | Lost]]:
        """(number of the chunk, result) in the order of completion. What ``function`` raises is raised here."""
        ...

    def start(self, function: Callable[[], None]) -> None:
        """Start what has to be started, and call ``function`` there; nobody waits for it."""
        ...

    def finish(self, function: Callable[[], None]) -> None:
        """Call ``function`` once in every process that worked and stays: it puts away what they keep between chunks."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def open_executor(where: str = "local", jobs: int = 1) -> Executor:
    """``local`` with that many processes (1: no other process), or ``dask://HOST:PORT``, a scheduler that runs already.

    Raises UserError for anything else, for a scheduler that does not answer, and where Dask is not installed.
    """
    if where == "local":
        return Processes(jobs) if jobs > 1 else Here()
    parts = urlsplit(where)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "dask" or not host or not port:
        raise UserError(f"--executor {where}: expected local or dask://HOST:PORT")
    return Dask(host, port)


class Here:
    """No executor but this process: the order of completion is the order given."""

    jobs = 1

    def map(self, function: Callable[[T], R], chunks: Iterable[T]) -> Iterator[tuple[int, R | Lost]]:
        for number, chunk in enumerate(chunks):
            yield number, function(chunk)

    def start(self, function: Callable[[], None]) -> None:
        """Nothing: this process runs already."""

    def finish(self, function: Callable[[], None]) -> None:
        function()

    def __enter__(self) -> Here:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


class Processes:
    """``jobs`` processes of this machine, started when first needed."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[T], R], chunks: Iterable[T]) -> Iterator[tuple[int, R | Lost]]:
        todo = dict(enumerate(chunks))
        # All at once; then, where a process died, what is left; then each by itself, so that only the culprit is lost.
        for attempt in range(ATTEMPTS):
            alone = attempt == ATTEMPTS - 1
            for numbers in [[n] for n in todo] if alone else [list(todo)]:
                for number, result in self._round(function, {n: todo[n] for n in numbers}):
                    del todo[number]
                    yield number, result
            if not todo:
                return
        for number in todo:
            yield number, Lost(f"the process that worked on it died, {ATTEMPTS} times")

    def _round(self, function: Callable[[T], R], chunks: dict[int, T]) -> Iterator[tuple[int, R]]:
        """The results that one pool yields until it is done or one of its processes dies."""
        pool = self._pool = self._pool or self._new_pool()
        waiting: dict[Future[R], int] = {}
        try:
            for number, chunk in chunks.items():
                waiting[pool.submit(function, chunk)] = number
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            # What was done before the death may not have been yielded yet: the next round does it again.
            self._close()
        except BaseException:  # an interruption, or a reader that wants no more: nobody waits for the rest
            self._close()
            raise

    def start(self, function: Callable[[], None]) -> None:
        pool = self._pool = self._pool or self._new_pool()
        with suppress(BrokenProcessPool):  # the next round tells, and does it again
            for _ in range(self.jobs):
                pool.submit(function)

    def _new_pool(self) -> ProcessPoolExecutor:
        # Not fork: this process may have threads.
        return ProcessPoolExecutor(self.jobs, multiprocessing.get_context("spawn"), _started)

    def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(timeout=10)

    def finish(self, function: Callable[[], None]) -> None:
        """Nothing: the processes end with the executor."""

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and self._pool is not None:
            self._pool.shutdown(wait=True)  # everything is done: let the processes put away what they opened
            self._pool = None
        self._close()


def _started() -> None:
    """What a new process does first."""
    # Ctrl-C reaches every process of a terminal; the one that the user started decides what becomes of the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(ending)  # the run waits for the end of its processes


class Dask:
    """The workers of a Dask scheduler that runs already, on this machine or on others."""

    def __init__(self, host: str, port: int) -> None:
        try:
            # Imported by name: its functions carry no types.
            self._dask: Any = importlib.import_module("distributed")
        except ImportError:
            raise UserError("--executor dask:// needs Dask: pip install 'kmigrate[dask]'") from None
        # Its warnings about lost connections are ours to word.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        address = f"tcp://{f'[{host}]' if ':' in host else host}:{port}"
        try:
            self._client = self._dask.Client(address, timeout=_CONNECT_S, set_as_default=False)
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError(f"no Dask scheduler answers at {host}:{port}: {error}") from None
        if not workers:
            self._client.close()
            raise UserError(f"the Dask scheduler at {host}:{port} has no workers")
        self.jobs = sum(int(worker["nthreads"]) for worker in workers.values())

    def map(self, function: Callable[[T], R], chunks: Iterable[T]) -> Iterator[tuple[int, R | Lost]]:
        listed: Sequence[T] = list(chunks)
        # The scheduler moves what a dead worker held to another one, and counts the deaths (its `allowed-failures`).
        futures = {self._client.submit(function, chunk, pure=False): number for number, chunk in enumerate(listed)}
        for future in self._dask.as_completed(list(futures), loop=self._client.loop):
            try:
                yield futures[future], future.result()
            except self._dask.KilledWorker as error:
                yield futures[future], Lost(f"the Dask workers that worked on it died: {error}")
            except (CancelledError, self._dask.comm.CommClosedError) as error:
                raise UserError(f"the Dask scheduler went away: {error}") from None
            future.release()

    def start(self, function: Callable[[], None]) -> None:
        """Nothing: its workers run already."""

    def finish(self, function: Callable[[], None]) -> None:
        with suppress(OSError, TimeoutError, CancelledError):
            self._client.run(function)

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Closing the client forgets its futures, and the scheduler drops what nobody waits for.
        self._client.close()


def default_jobs() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
