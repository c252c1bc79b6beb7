"""Worker processes: one for each engine, restarted when a case kills them.

A worker is the folder ``verify/worker`` run by a stack's own Python. The parent keeps the time: a case that does not
answer in time costs its worker, and that worker alone. Between the two stands ``verify/sandbox.py``, which limits what user
code can reach and use, and leaves no process behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from kmigrate.verify.result import Limits, Moments, Other, Result, Value, decode_result

__all__ = ["Engines", "Limits", "Moments", "Other", "Result", "Value", "Worker"]

WORKER = Path(__file__).resolve().parent / "worker"
SANDBOX = WORKER.with_name("sandbox.py")
_GRACE_S = 3.0
# What a process needs to start at all; nothing else of the caller's environment reaches user code.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH")


class Worker:
    """One process that runs cases under one engine. Started by the first case; a context manager that ends it."""

    def __init__(self, python: Path, engine: str, limits: Limits | None = None) -> None:
        self.python = python
        self.engine = engine
        self.limits = limits or Limits()
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._folder: Path | None = None
        self._requests = 0
        self._busy = threading.Lock()
        self._stopped = False

    def run(self, request: Mapping[str, Any], *, limit_s: float | None = None) -> Result:
        """Run one case (``limit_s`` replaces the limit of a case). Never raises for what the case does."""
        return decode_result(self.call({"op": "run", **request}, limit_s=limit_s))

    def call(self, request: Mapping[str, Any], *, limit_s: float | None = None) -> dict[str, Any]:
        """Any request of the worker's protocol; a failure is an answer with ``ok`` false."""
        with self._busy:
            limit = self.limits.case_s if limit_s is None else limit_s
            failed = self._start()
            if failed is not None:
                return failed
            assert self._process is not None
            assert self._process.stdin is not None
            self._requests += 1
            try:
                self._process.stdin.write(json.dumps({"soft_s": limit, "id": self._requests, **request}) + "\n")
                self._process.stdin.flush()
            except (BrokenPipeError, OSError, ValueError):
                return self._died()
            return self._answer(limit + _GRACE_S, f"no answer within {limit:g} s; the process was ended")

    def _start(self) -> dict[str, Any] | None:
        """Start the process where there is none; the failure, if it cannot be."""
        if self._stopped:
            return {"ok": False, "where": "start", "type": "Stopped", "message": "the run was stopped"}
        if self._process is not None and self._process.poll() is None:
            return None
        self._end()
        self._folder = Path(tempfile.mkdtemp(prefix="kmigrate-worker-"))
        home = self._folder / "home"
        home.mkdir()
        self._answers = queue.Queue()
        self.starts += 1
        self._requests = 0
        self._process = subprocess.Popen(
            self._command(self._folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self._folder / "stderr").open("ab"),  # the worker may shorten it
            env=self._environment(home),
            cwd=home,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        threading.Thread(target=_pump, args=(self._process, self._answers), daemon=True).start()
        answer = self._answer(self.limits.start_s, f"Keras did not start within {self.limits.start_s:g} s")
        if answer.get("ready"):
            return None
        self._end()
        return {**answer, "where": "start"}

    def _command(self, folder: Path) -> list[str]:
        program = [str(self.python), "-u", "-s", str(WORKER)]
        if os.name != "posix":
            return program
        settings = {
            "folder": str(folder),
            "memory_mb": self.limits.memory_mb,
            "file_mb": self.limits.file_mb,
            "processes": self.limits.processes,
            "namespaces": self.limits.namespaces,
        }
        return [str(self.python), "-I", str(SANDBOX), json.dumps(settings), *program]

    def _answer(self, limit_s: float, late: str) -> dict[str, Any]:
        """The answer to the last request. Other lines are those of user code that found the way to the protocol."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                line = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self._end()
                return {"ok": False, "where": "timeout", "type": "Timeout", "message": late}
            if line is None:
                return self._died()
            with contextlib.suppress(ValueError, RecursionError):
                answer = json.loads(line)
                if isinstance(answer, dict) and answer.get("id") == self._requests:
                    return answer

    def _died(self) -> dict[str, Any]:
        code = self._process.wait() if self._process is not None else 0
        said = _last_line(self._folder / "stderr") if self._folder else ""
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"signal {signal.Signals(-code).name}"
        self._end()
        message = f"the worker process died with {how}" + (f": {said}" if said else "")
        return {"ok": False, "where": "crash", "type": "WorkerDied", "message": message}

    def _environment(self, home: Path) -> dict[str, str]:
        keras_home = home / "keras"
        keras_home.mkdir()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment.update(
            HOME=str(home),
            USERPROFILE=str(home),
            TMPDIR=str(home),
            TEMP=str(home),
            KERAS_HOME=str(keras_home),
            KERAS_BACKEND=self.engine,
            CUDA_VISIBLE_DEVICES="-1",
            OMP_NUM_THREADS="1",
            # In two threads a weight is read now before and now after its update: code would seem random that is not.
            TF_NUM_INTEROP_THREADS="1",
            OPENBLAS_NUM_THREADS="1",
            PYTHONDONTWRITEBYTECODE="1",
            PYTHONHASHSEED="0",
            PYTHONIOENCODING="utf-8",
            TF_CPP_MIN_LOG_LEVEL="3",
            # No compiler: a fast start everywhere, and the same values on every machine.
            THEANO_FLAGS=f"cxx=,optimizer={self.limits.theano_optimizer},base_compiledir={home / 'theano'}",
        )
        return environment

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError, ValueError):
                        stream.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def stop(self) -> None:
        """End the process now, whoever waits for it, and start no other. For signal handlers: takes no lock."""
        self._stopped = True
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError):
                process.terminate()

    def close(self) -> None:
        """End the process and remove its home. May be called twice."""
        self._end()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _pump(process: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    """Reader thread: lines as they come, None at the end."""
    assert process.stdout is not None
    with contextlib.suppress(ValueError, OSError):
        for line in process.stdout:
            if line.startswith("{"):
                answers.put(line)
    answers.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    """End the process and what it started: it leads a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            # The sandbox ends what the worker started, wherever it went; where user code ended the sandbox, its group is left.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_GRACE_S)
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - 2000))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


class Engines:
    """One worker for each engine of a stack, started when first needed. A context manager.

    Workers of different engines may be used from different threads at the same time.
    """

    def __init__(
        self,
        python: Path,
        names: Sequence[str] = ("tensorflow", "theano"),
        limits: Limits | None = None,
    ) -> None:
        self.names = tuple(names)
        self.workers = {name: Worker(python, name, limits) for name in self.names}

    @property
    def limits(self) -> Limits:
        return next(iter(self.workers.values())).limits

    def run(self, engine: str, request: Mapping[str, Any]) -> Result:
        """Run one case on one engine. Raises KeyError for an engine that the stack does not have."""
        return self.workers[engine].run(request)

    def call(self, engine: str, request: Mapping[str, Any], *, limit_s: float | None = None) -> dict[str, Any]:
        return self.workers[engine].call(request, limit_s=limit_s)

    def signatures(self, engine: str, symbols: Sequence[str]) -> dict[str, Any]:
        """Parameters of engine functions as strings, by symbol: a list, None (has none to show) or "missing"."""
        answer = self.call(engine, {"op": "signatures", "symbols": list(symbols)})
        if not answer.get("ok"):
            raise RuntimeError(f"{engine}: {answer.get('message')}")
        found = answer["signatures"]
        assert isinstance(found, dict)
        return found

    def warm(self) -> None:
        """Start every worker now, side by side: an engine takes seconds to import."""
        started = time.monotonic()
        threads = [
            threading.Thread(target=worker.call, args=({"op": "signatures", "symbols": []},), daemon=True)
            for worker in self.workers.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self.limits.start_s - (time.monotonic() - started)))

    def stop(self) -> None:
        """``Worker.stop`` for all of them."""
        for worker in self.workers.values():
            worker.stop()

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()

    def __enter__(self) -> Engines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextlib.contextmanager
def interruptible(stop: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C calls ``stop`` before it raises KeyboardInterrupt: a case may have a minute left, and threads wait for it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        stop()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
