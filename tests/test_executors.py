"""Executors: every chunk gets a result, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from kmigrate.config import Config
from kmigrate.executors import Executor, Lost, open_executor
from kmigrate.model import UserError
from kmigrate.project import Project


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def die_once(task: tuple[Path, int]) -> int:
    """Kills its process the first time that it meets the number 3."""
    folder, number = task
    mark = folder / "died"
    if number == 3 and not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_chunk_gets_its_result(jobs: int) -> None:
    with open_executor("local", jobs) as executor:
        assert executor.jobs == jobs
        found = dict(executor.map(square, range(20)))
    values = [result for result in found.values() if not isinstance(result, Lost)]
    assert {number: result[0] for number, result in zip(found, values, strict=True)} == {n: n * n for n in range(20)}
    assert (os.getpid() in {pid for _, pid in values}) == (jobs == 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_function_raises_is_raised(jobs: int) -> None:
    with open_executor("local", jobs) as executor, pytest.raises(ValueError, match="no"):
        list(executor.map(fail, [1]))


def test_a_death_loses_nothing(tmp_path: Path) -> None:
    with open_executor("local", 2) as executor:
        found = list(executor.map(die_once, [(tmp_path, number) for number in range(12)]))
    assert sorted(found) == [(number, number) for number in range(12)]
    assert (tmp_path / "died").exists()


def vanish() -> None:
    os._exit(1)


def test_processes_that_die_at_their_start_lose_nothing() -> None:
    with open_executor("local", 2) as executor:
        executor.start(vanish)
        found = dict(executor.map(square, range(4)))
    assert {number: result[0] for number, result in found.items() if not isinstance(result, Lost)} == {n: n * n for n in range(4)}


def test_a_chunk_that_always_kills_is_lost_alone() -> None:
    with open_executor("local", 2) as executor:
        found = dict(executor.map(die, range(6)))
    assert isinstance(found.pop(3), Lost)
    assert found == {number: number for number in range(6) if number != 3}


def test_leaving_early_does_not_wait() -> None:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), open_executor("local", 2) as executor:
        for number, _ in executor.map(time.sleep, [0.1, 0.1, 60, 60]):
            if number == 1:
                raise KeyboardInterrupt
    assert time.monotonic() - started < 50


def test_a_reader_that_wants_no_more_does_not_wait_either() -> None:
    started = time.monotonic()
    with open_executor("local", 2) as executor:
        results = executor.map(time.sleep, [0.1, 60, 60])
        assert next(results)[0] == 0
        results.close()
    assert time.monotonic() - started < 50


@pytest.mark.parametrize("where", ["", "dask", "dask://", "dask://host", "dask://host:x", "ray://h:1", "dask://h:99999"])
def test_what_is_no_executor(where: str) -> None:
    with pytest.raises(UserError, match="expected local or dask://HOST:PORT"):
        open_executor(where)


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmigrate.executors._CONNECT_S", 1)
    with pytest.raises(UserError, match=r"no Dask scheduler answers at 127\.0\.0\.1"):
        open_executor(f"dask://127.0.0.1:{free_port()}")


def test_without_dask_the_message_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'kmigrate\[dask\]'"):
        open_executor("dask://127.0.0.1:1")


def test_without_a_scheduler_any_more(tmp_path: Path) -> None:
    with ExitStack() as stack:
        where, scheduler = start_scheduler(stack, tmp_path)
        start_worker(stack, tmp_path, where)
        executor = stack.enter_context(wait_for_workers(where, 1))
        with pytest.raises(UserError, match="the Dask scheduler went away"):
            for _ in executor.map(slowly, [(tmp_path, number) for number in range(6)]):
                scheduler.kill()


def test_the_findings_of_a_cluster_are_those_of_one_process(tmp_path: Path) -> None:
    fixtures = [str(Path(__file__).parents[1] / "fixtures" / name) for name in ("tensorflow", "theano")]
    expected = Project(Config()).reports(fixtures)
    with cluster(tmp_path) as (executor, _):
        where = f"dask://{executor._client.scheduler.address.removeprefix('tcp://')}"
        assert Project(Config(), where=where).reports(fixtures) == expected
    assert sum(len(report.findings) for report in expected) > 100


# --- a real scheduler and real workers -------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def process(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = (folder / f"{arguments[0]}.log").open("ab")
    # What pytest can import here (pyproject's pythonpath): pickles name the module in which this process found a thing.
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [root / "tests", root, root / "scripts"]))}
    command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    one = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
    try:
        yield one
    finally:
        one.kill()
        one.wait()


def start_scheduler(stack: ExitStack, folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    port = free_port()
    command = ("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    return f"dask://127.0.0.1:{port}", stack.enter_context(process(*command, folder=folder))


def start_worker(stack: ExitStack, folder: Path, where: str) -> subprocess.Popen[bytes]:
    address = where.replace("dask:", "tcp:")
    command = ("dask_worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
    return stack.enter_context(process(*command, folder=folder))


def wait_for_workers(where: str, count: int) -> Executor:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(UserError):
            executor = open_executor(where)
            if executor.jobs == count:
                return executor
            executor.__exit__(None, None, None)
        time.sleep(0.3)
    raise TimeoutError("the workers did not come")


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[tuple[Executor, list[subprocess.Popen[bytes]]]]:
    """A scheduler and its worker processes on loopback: (an executor on them, the worker processes)."""
    with ExitStack() as stack:
        where, _ = start_scheduler(stack, folder)
        running = [start_worker(stack, folder, where) for _ in range(workers)]
        yield stack.enter_context(wait_for_workers(where, workers)), running


def slowly(task: tuple[Path, int]) -> tuple[int, int]:
    folder, number = task
    (folder / f"started-{os.getpid()}").write_text("")
    time.sleep(0.3)
    return number, os.getpid()


def test_a_dask_worker_is_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    with cluster(tmp_path) as (executor, workers):
        assert executor.jobs == 2
        victim = workers[0]
        found: dict[int, tuple[int, int]] = {}
        for number, result in executor.map(slowly, [(tmp_path, number) for number in range(12)]):
            assert not isinstance(result, Lost)
            found[number] = result
            if victim.poll() is None and any(pid == victim.pid for _, pid in found.values()):
                victim.kill()
                victim.wait()
    assert victim.poll() is not None
    assert {number: result[0] for number, result in found.items()} == {number: number for number in range(12)}
    assert len({pid for _, pid in found.values()}) == 2
