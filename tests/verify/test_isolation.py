"""What user code does to its worker, and that the next case does not notice: real workers, real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from snippet import run_snippet

from kmigrate.cli.engines import _isolation
from kmigrate.verify import stacks
from kmigrate.verify.result import Result
from kmigrate.verify.runner import SANDBOX, Engines, Limits, Worker

linux = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and /proc are Linux's")


# --- the sandbox alone: no engine ------------------------------------------------------------------------------------

SLEEP = "import time; print('ready', flush=True); time.sleep(600)"
LEAVES_CHILDREN = """
import os, subprocess, sys
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("ready", flush=True)
"""
SETTINGS = {"memory_mb": 2048, "file_mb": 16, "processes": 20}
NAMESPACES = [True, False]


def sandboxed(tmp_path: Path, code: str, namespaces: bool, **more: int) -> subprocess.Popen[str]:
    settings = {**SETTINGS, "folder": str(tmp_path / "home"), "namespaces": namespaces, **more}
    (tmp_path / "home").mkdir()
    command = [sys.executable, "-I", str(SANDBOX), json.dumps(settings), sys.executable, "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True, cwd=tmp_path / "home"
    )


def wait_until_gone(processes: list[psutil.Process], seconds: float = 60) -> None:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


@linux
@pytest.mark.parametrize("namespaces", NAMESPACES)
@pytest.mark.parametrize(("code", "expected"), [("", 0), ("raise SystemExit(7)", 7), ("import os; os.abort()", -signal.SIGABRT)])
def test_the_sandbox_ends_as_its_program_ends(tmp_path: Path, namespaces: bool, code: str, expected: int) -> None:
    with sandboxed(tmp_path, code, namespaces) as process:
        assert process.wait(timeout=60) == expected


@linux
@pytest.mark.parametrize("namespaces", NAMESPACES)
def test_nothing_stays_behind_when_the_program_ends(tmp_path: Path, namespaces: bool) -> None:
    with sandboxed(tmp_path, LEAVES_CHILDREN + "sys.stdin.readline()", namespaces) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 4
        process.stdin.close()
        wait_until_gone(below)
        assert process.wait(timeout=60) == 0


@linux
@pytest.mark.parametrize("namespaces", NAMESPACES)
def test_what_is_told_to_end_ends_with_everything(tmp_path: Path, namespaces: bool) -> None:
    with sandboxed(tmp_path, LEAVES_CHILDREN + SLEEP, namespaces) as process:
        assert process.stdout is not None
        process.stdout.readline()
        below = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        wait_until_gone([*below])
        assert process.wait(timeout=60) == 1


@linux
@pytest.mark.parametrize("namespaces", NAMESPACES)
def test_the_sandbox_ends_with_its_parent(tmp_path: Path, namespaces: bool) -> None:
    inner = f"import test_isolation as t, pathlib; p = t.sandboxed(pathlib.Path({str(tmp_path)!r}), t.SLEEP, {namespaces})\n"
    inner += "p.stdout.readline(); print(p.pid, flush=True); import time; time.sleep(600)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[:2]))}
    with subprocess.Popen([sys.executable, "-c", inner], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        sandbox = psutil.Process(int(parent.stdout.readline()))
        below = sandbox.children(recursive=True)
        assert below
        parent.kill()
        wait_until_gone([sandbox, *below])
    assert not (tmp_path / "home").exists()


@linux
@pytest.mark.parametrize("namespaces", NAMESPACES)
def test_a_fork_bomb_is_put_out(tmp_path: Path, namespaces: bool) -> None:
    # Doubles every 20 ms; should it not be put out, it ends by itself.
    bomb = "import os, time\nfor _ in range(10):\n    if os.fork() == 0: os.setsid()\n    time.sleep(.02)\ntime.sleep(20)"
    with sandboxed(tmp_path, bomb, namespaces) as process:
        below = psutil.Process(process.pid).children(recursive=True)
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert "more than 20 processes were started" in process.stderr.read()
        wait_until_gone(below)


@linux
def test_a_file_and_a_core_do_not_fill_the_disk(tmp_path: Path) -> None:
    code = "import os, resource\nprint(resource.getrlimit(resource.RLIMIT_CORE)[1])\nopen('big', 'wb').write(bytes(17 << 20))"
    with sandboxed(tmp_path, code, False) as process:
        out, err = process.communicate(timeout=60)
    assert out == "0\n"
    assert "File too large" in err
    assert (tmp_path / "home" / "big").stat().st_size <= 16 << 20


@linux
def test_a_user_without_rights_is_isolated_or_told_why() -> None:
    python = shutil.which("python3", path="/usr/bin:/bin")
    if os.getuid() != 0 or python is None:
        pytest.skip("needs root, to be another user, and a Python that every user can run")
    code = "import json, os, socket\nprint(os.environ['KMIGRATE_ISOLATION'])\nprint(json.dumps([os.getpid(), socket.if_nameindex()]))"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(SANDBOX, folder)
        settings = json.dumps({**SETTINGS, "folder": str(folder / "home"), "namespaces": True})
        command = [python, "-I", str(folder / SANDBOX.name), settings, python, "-c", code]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd="/", user=65534, group=65534, extra_groups=[], timeout=60
        )
    assert done.returncode == 0, done.stderr
    isolation, (pid, interfaces) = map(json.loads, done.stdout.splitlines())
    assert set(isolation) == {"network", "processes", "proc"}
    if isolation["network"] is None:
        assert (pid, [name for _, name in interfaces if name != "lo"]) == (2, [])
    else:
        assert "user namespace" in isolation["network"]


# --- workers ---------------------------------------------------------------------------------------------------------

BAD = """
import atexit, builtins, gc, itertools, json, os, shutil, signal, socket, subprocess, sys, threading, time, warnings
import numpy as np
def fine(x): return x + x
def loop_in_c(x): return any(itertools.repeat(False))
def die(x): os._exit(7)
def hoard(x):
    import numpy
    return numpy.ones(100 << 27) + x
def bomb(x):
    for _ in range(10):
        os.fork()
    time.sleep(20)
def fork_once(x):
    os.fork()
    return x
def no_folder(x):
    shutil.rmtree(os.getcwd())
    return x
def elsewhere(x):
    os.chdir("/")
    os.environ["KERAS_HOME"] = "/nowhere"
    os.environ["HOME"] = "/nowhere"
    sys.stdout = sys.stderr = None
    return x
def where(x): return [os.getcwd(), os.environ["HOME"], os.path.isdir(os.environ["KERAS_HOME"]), sys.stdout is None]
def say(x):
    os.write(1, b'{"ok": true, "id": 1}\\n' * 500)
    os.system("echo '{}'; echo more >&2")
    print('{"ok": true}')
    return x
def find_the_protocol(x):
    for number in range(3, 70000):
        try:
            os.write(number, b'{"ok": true, "outputs": [')
        except OSError: pass
    return x
def close_most(x):
    os.closerange(0, 1024)
    return x
def close_all(x):
    os.closerange(0, 70000)
    return x
def kill_parent(x):
    os.kill(os.getppid(), 9)
    return x
def kill_group(x):
    os.killpg(0, 9)
def secrets(x):
    found = []
    for pid in os.listdir("/proc"):
        try: found.append(b"KM_SECRET" in open("/proc/%s/environ" % pid, "rb").read())
        except (OSError, ValueError): pass
    return [any(found), "KM_SECRET" in os.environ]
def reach(x, port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return "reached"
    except OSError as error:
        return "refused"
def deep(x):
    sys.setrecursionlimit(1 << 30)
    def down(n): return down(n + 1) + 1
    return down(0)
def talk(x):
    line = "x" * (1 << 20)
    for _ in range(300):
        print(line)
        os.write(1, line.encode())
    return x
def talk_of_errors(x):
    for _ in range(40):
        print("y" * (1 << 20), file=sys.stderr)
    return x
def exit_in_threads(x):
    threads = [threading.Thread(target=sys.exit, args=(3,)) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return x
def never_end(x):
    atexit.register(time.sleep, 600)
    return x
def handle_signals(x):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return x
def stop_the_clock(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True: pass
def patch(x):
    json.dumps = json.loads = lambda *a, **k: "{}"
    builtins.sum = builtins.sorted = max
    builtins.left = 1
    sys.setrecursionlimit(321)
    warnings.simplefilter("error")
    np.seterr(all="raise")
    gc.disable()
    os.umask(0o777)
    return x
def patch_numpy(x):
    np.asarray = np.array = np.zeros = lambda *a, **k: 42
    np.random.seed = np.random.RandomState = os.getcwd = os.path.isdir = time.time = None
    return x
def patched(x):
    return [sum([1, 2]), np.asarray([1]).tolist(), json.dumps([]), sys.getrecursionlimit(), hasattr(builtins, "left"), len(np.geterr()),
            str(np.geterr()), len(warnings.filters), gc.isenabled(), signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
            os.path.isdir(os.getcwd()), time.time() > 0]
def patch_builtins_that_the_worker_needs(x):
    builtins.dict = builtins.len = builtins.isinstance = None
    return x
def leave_thread(x):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    return x
"""

pytest_engines = pytest.mark.engines


@pytest.fixture(scope="module")
def worker() -> Iterator[Engines]:
    stack = stacks.get_stack(stacks.DEFAULT_STACKS["keras2"])
    with Engines(stacks.ensure(stack), ("theano",), Limits(case_s=6.0)) as found:
        yield found


def run(worker: Engines, name: str, **more: str) -> Result:
    return run_snippet(worker, "theano", BAD, name, {"x": "float[2]", **more}, gradient=False)


def starts(worker: Engines) -> int:
    return worker.workers["theano"].starts


@pytest_engines
@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("loop_in_c", "timeout"),
        ("die", "crash"),
        ("hoard", "call"),
        ("bomb", "crash"),
        ("close_all", "crash"),
        ("kill_group", "crash"),
        ("deep", "crash"),
        ("stop_the_clock", "timeout"),
        ("patch_builtins_that_the_worker_needs", "crash"),
    ],
)
def test_bad_code_costs_its_own_case(worker: Engines, name: str, where: str) -> None:
    failed = run(worker, name)
    assert (failed.ok, failed.where) == (False, where), failed.failure
    if name == "bomb":
        assert "more than 64 processes were started" in failed.failure
    assert run(worker, "fine").ok


@pytest_engines
@pytest.mark.parametrize(
    "name",
    [
        "fork_once",
        "no_folder",
        "elsewhere",
        "say",
        "find_the_protocol",
        "close_most",
        "leave_thread",
        "talk",
        "talk_of_errors",
        "exit_in_threads",
        "never_end",
        "handle_signals",
        "patch",
    ],
)
def test_odd_code_costs_nothing(worker: Engines, name: str) -> None:
    assert run(worker, "fine").ok
    before = starts(worker)
    assert run(worker, name).ok, name
    assert run(worker, "fine").ok
    assert starts(worker) == before, "the same process goes on"


@pytest_engines
def test_every_case_finds_the_process_as_the_first_one_did(worker: Engines) -> None:
    first = run(worker, "where").outputs
    assert run(worker, "elsewhere").ok
    assert run(worker, "no_folder").ok
    assert run(worker, "where").outputs == first
    assert "kmigrate-worker-" in str(first[0])


@pytest_engines
def test_what_code_patches_is_as_it_was_for_the_next_case(worker: Engines) -> None:
    first = [str(item) for item in run(worker, "patched").outputs]
    before = starts(worker)
    for name in ("patch", "handle_signals", "patch_numpy"):
        assert run(worker, name).ok == (name != "patch_numpy")  # the worker calculates with it, too
        assert [str(item) for item in run(worker, "patched").outputs] == first
    assert starts(worker) == before


@pytest_engines
def test_what_code_says_does_not_fill_the_disk(worker: Engines) -> None:
    for _ in range(12):  # more than one file may hold, all together
        assert run(worker, "talk_of_errors").ok
    assert run(worker, "fine").ok
    folder = worker.workers["theano"]._folder
    assert folder is not None
    assert (folder / "stderr").stat().st_size < 1 << 20


@pytest_engines
@linux
def test_a_process_that_ends_its_parent_disturbs_nobody(worker: Engines) -> None:
    run(worker, "kill_parent")
    assert run(worker, "fine").ok


@pytest_engines
@linux
def test_user_code_sees_no_secrets_and_no_network(worker: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = worker.call("theano", {"op": "doctor"})["isolation"]
    if isolation["network"] is not None or isolation["proc"] is not None:
        pytest.skip(f"not permitted here: {isolation}")
    monkeypatch.setenv("KM_SECRET", "42")
    command = [sys.executable, "-c", SLEEP]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder, socket.create_server(("127.0.0.1", 0)) as server:
        try:
            # Until the program has begun, /proc may show an empty environment: the kernel fills it in after exec's pipe closes.
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"ready\n"
            assert b"KM_SECRET" in Path(f"/proc/{holder.pid}/environ").read_bytes()
            found = [bool(item) for item in run(worker, "secrets").outputs]
            assert found == [False, False]
            assert "refused" in str(run(worker, "reach", port=f"literal({server.getsockname()[1]})").outputs[0])
        finally:
            holder.kill()


@pytest_engines
@linux
def test_closing_a_worker_leaves_no_process_and_no_folder(worker: Engines) -> None:
    with Worker(worker.workers["theano"].python, "theano") as one:
        assert one.call({"op": "doctor"})["ok"]
        module = {"name": "bad", "source": BAD, "path": "<bad>"}
        for name in ("never_end", "handle_signals"):  # neither hooks nor handlers may hold it up
            assert one.run({"module": module, "unit": {"qualname": name}, "case": {"inputs": [{"name": "x", "value": 1}]}}).ok
        assert one._process is not None
        below = psutil.Process(one._process.pid).children(recursive=True)
        folder = one._folder
        assert folder is not None
        assert below
        started = time.monotonic()
    assert time.monotonic() - started < 60
    wait_until_gone(below)
    assert not folder.exists()


def test_the_doctor_says_what_is_not_available_and_why() -> None:
    lines = list(_isolation({"network": "Operation not permitted", "processes": None}))
    assert lines == [
        "user code can reach the network: not available here (Operation not permitted)",
        "user code sees and reaches no process but its own",
    ]
