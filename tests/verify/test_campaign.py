"""Runs over many units: what a task carries, what a state keeps, and a run that is interrupted or loses a machine."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from test_executors import cluster

from kmigrate.cli.main import main
from kmigrate.config import Config, VerifyConfig
from kmigrate.executors import Here, Lost
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.verify.campaign import Task, _Contents, engines_kept, verify_all
from kmigrate.verify.run import Verifier, limits_of, plan
from kmigrate.verify.state import State
from kmigrate.verify.verdicts import EngineVerdict, UnitVerdict

MODULE = """import os
import time
import tensorflow as tf
from keras import backend as K

if os.path.exists({mark!r} + ".wait"):
    time.sleep(600)


def {name}(y_true, y_pred):
    return tf.square(y_true - y_pred)
"""
VERDICT = UnitVerdict("a.py", "f", "loss", "equal", {"tensorflow": EngineVerdict("equal", 1e-9)}, 3)


def project(folder: Path, count: int) -> list[str]:
    """Modules of one loss each; one of them hangs for as long as its ``.wait`` file is there."""
    names = []
    for number in range(count):
        path = folder / f"m{number}.py"
        path.write_text(MODULE.format(mark=str(folder / f"m{number}"), name=f"loss{number}"))
        names.append(path.name)
    return names


def tasks(folder: Path, config: Config | None = None, count: int = 2) -> list[Task]:
    config = config or Config()
    names = project(folder, count)
    found = []
    for one in Project(config).check([str(folder / name) for name in names]):
        chosen = tuple(fixes_to_apply(one.report.findings, False))
        planned = plan(one, chosen, config.target)
        assert planned is not None
        found += [Task(planned[0], unit, one, chosen, config, "keras2-tf1") for unit in planned[1]]
    assert len(found) == count
    return found


# --- tasks and keys --------------------------------------------------------------------------------------------------


def test_a_task_survives_its_way_to_another_process(tmp_path: Path) -> None:
    task = tasks(tmp_path)[0]
    again = pickle.loads(pickle.dumps(task))
    assert (again.pair, again.unit, again.chosen) == (task.pair, task.unit, task.chosen)
    fresh = plan(again.checked, again.chosen, "keras2")
    assert fresh is not None
    assert fresh[0] == task.pair


def test_keys_follow_the_content(tmp_path: Path) -> None:
    one, other = tasks(tmp_path)
    key = _Contents().key(one)
    assert _Contents().key(one) == key
    assert _Contents().key(other) != key
    more_seeds = replace(one, config=Config(verify=VerifyConfig(seeds=(5,))))
    assert _Contents().key(more_seeds) != key
    assert _Contents().key(replace(one, stack="keras2-tf2")) != key
    assert _Contents().key(replace(one, pair=replace(one.pair, rewritten=""))) != key
    assert _Contents().key(replace(one, config=Config(root=Path("/elsewhere")))) == key
    (tmp_path / "helper.py").write_text("SCALE = 2\n")
    assert _Contents().key(one) != key, "a module that it may import has changed"


def test_keys_follow_the_modules_above_that_an_import_names(tmp_path: Path) -> None:
    for part in ("layers", "common", "unrelated"):
        (tmp_path / part).mkdir()
    (tmp_path / "layers" / "user.py").write_text("from common.sizes import SIZE\n")
    (one, _) = tasks(tmp_path / "layers")
    key = _Contents().key(one)
    (tmp_path / "unrelated" / "sizes.py").write_text("SIZE = 2\n")
    assert _Contents().key(one) == key
    (tmp_path / "common" / "sizes.py").write_text("SIZE = 2\n")
    assert _Contents().key(one) != key


def test_the_limits_are_those_of_the_configuration() -> None:
    limits = limits_of(Config(verify=VerifyConfig(time_limit=5.0, memory_limit=2048)))
    assert (limits.case_s, limits.memory_mb) == (5.0, 2048)


# --- the state -------------------------------------------------------------------------------------------------------


def test_a_state_gives_back_what_it_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run.jsonl"
    with State(path) as state:
        state.keep("k", VERDICT)
    with State(path, resume=True) as state:
        assert state.found == {"k": VERDICT}
        state.keep("l", VERDICT)
    assert set(State(path, resume=True).found) == {"k", "l"}
    with State(path) as state:
        assert state.found == {}
    assert State(path, resume=True).found == {}


@pytest.mark.parametrize(
    "cut", ['{"key": "b", "unit": {"pa', "\x00\x00", '{"key": "b"}', "[1]", '{"key": "b", "unit": {"engines": 3}}']
)
def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path, cut: str) -> None:
    path = tmp_path / "run.jsonl"
    with State(path) as state:
        state.keep("a", VERDICT)
    with path.open("a") as handle:
        handle.write(cut)
    with State(path, resume=True) as state:
        assert set(state.found) == {"a"}
        state.keep("c", VERDICT)
    assert set(State(path, resume=True).found) == {"a", "c"}


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with State(tmp_path / "file" / "run.jsonl") as state:
        state.keep("k", VERDICT)
        assert state.found == {"k": VERDICT}


def test_old_states_go(tmp_path: Path) -> None:
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    for path in (old, new):
        path.write_text("")
    os.utime(old, (1, 1))
    with State(tmp_path / "run.jsonl"):
        assert (old.exists(), new.exists()) == (False, True)


class Losing(Here):
    """Every chunk is lost, as on machines that all go away."""

    def map(self, function: Callable[..., Any], chunks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        yield from ((number, Lost("gone")) for number, _ in enumerate(chunks))


def test_what_is_known_is_not_done_again_and_what_is_lost_is_said(tmp_path: Path) -> None:
    one, other = tasks(tmp_path)
    with State(tmp_path / "run.jsonl") as state:
        state.keep(_Contents().key(other), VERDICT)
        found = list(verify_all([one, other], Losing(), state))
    assert found[0] == (other, VERDICT)
    assert [(task.name, verdict.verdict, verdict.reason) for task, verdict in found[1:]] == [(one.name, "error", "gone")]
    assert len(state.found) == 1, "what was lost is tried again"


def test_a_defect_of_ours_costs_its_unit_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tasks(tmp_path)

    def broken(self: Verifier, checked: Checked, *_: object) -> UnitVerdict:
        if checked.path.name == other.checked.path.name:
            return VERDICT
        raise TypeError("unhashable type: 'list'")

    monkeypatch.setattr(Verifier, "unit", broken)
    with State(tmp_path / "run.jsonl") as state:
        found = {task.name: verdict for task, verdict in verify_all([one, other], Here(), state)}
    assert found[other.name] == VERDICT
    assert found[one.name].verdict == "error"
    assert found[one.name].reason == "internal error: TypeError: unhashable type: 'list' (KMIGRATE_DEBUG=1 shows where)"


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--report", "x.pdf"], "the suffix decides the format"),
        (["--report", "no/such/x.html"], "there is no folder"),
        (["--executor", "ray://x:1"], "expected local or dask://HOST:PORT"),
    ],
)
def test_wrong_options_are_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    names = project(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    assert main(["verify", *arguments, "--", *names]) == 2
    assert message in capsys.readouterr().err


def test_a_run_without_units_writes_its_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "--report", "out.html", "--report", "out.json", "clean.py"]) == 0
    assert "No unit was verified" in Path("out.html").read_text()
    assert json.loads(Path("out.json").read_text())["units"] == []


# --- real engines ----------------------------------------------------------------------------------------------------


def verify(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kmigrate", "verify", "--output-format", "json", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_state(home: Path, lines: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if sum(text.count('"key"') for text in (path.read_text() for path in home.glob("verify/*.jsonl"))) >= lines:
            return
        time.sleep(0.2)
    raise TimeoutError("no verdict came")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for states, with the stacks of the real one."""
    from kmigrate.verify.stacks import cache_dir, ensure, get_stack

    ensure(get_stack("keras2-tf1"))
    own = tmp_path / "cache"
    own.mkdir()
    (own / "stacks").symlink_to(cache_dir() / "stacks")
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(own))
    return own


@pytest.mark.engines
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_run_reports_and_goes_on(tmp_path: Path, cache: Path, jobs: str) -> None:
    names = project(tmp_path, 3)
    wait = tmp_path / "m1.wait"
    wait.write_text("")
    with verify(tmp_path, "-j", jobs, "--report", "e.html", *names) as run:
        wait_for_state(cache, 1 if jobs == "1" else 2)
        started = time.monotonic()
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
        assert time.monotonic() - started < 45
    assert run.returncode == 130, err
    assert "--resume goes on" in err
    assert "Traceback" not in err
    document = json.loads(out)
    done = [unit["qualname"] for unit in document["units"]]
    assert document["missing"] == 3 - len(done)
    assert "loss1" not in done
    assert "Not finished" in (tmp_path / "e.html").read_text()
    wait.unlink()
    with verify(tmp_path, "-j", jobs, "--report", "e.html", "--resume", *names) as run:
        out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    document = json.loads(out)
    assert [unit["qualname"] for unit in document["units"]] == ["loss0", "loss1", "loss2"]
    assert {unit["verdict"] for unit in document["units"]} == {"identical"}
    assert document["missing"] == 0
    # What was done before is in the state once, not twice.
    keys = [json.loads(line)["key"] for path in cache.glob("verify/*.jsonl") for line in path.read_text().splitlines() if line]
    assert len(keys) == len(set(keys)) == 3


@pytest.mark.engines
def test_fix_with_verify_is_interrupted_at_once_and_writes_nothing(tmp_path: Path, cache: Path) -> None:
    (name,) = project(tmp_path, 1)
    before = (tmp_path / name).read_text()
    command = [sys.executable, "-m", "kmigrate", "fix", "--write", "--verify", name]
    # The module says that it is at work, so that the interruption comes in the middle of a case.
    (tmp_path / name).write_text(
        before.replace("    time.sleep(600)", "    open('%s', 'w').close(); time.sleep(600)" % (tmp_path / "busy"))
    )
    text = (tmp_path / name).read_text()
    (tmp_path / "m0.wait").write_text("")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 60
        while not (tmp_path / "busy").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        started = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert time.monotonic() - started < 45
    assert (run.returncode, "Traceback" in err) == (130, False), err
    assert (tmp_path / name).read_text() == text


@pytest.mark.engines
def test_fix_with_verify_goes_on_where_it_was_interrupted(tmp_path: Path, cache: Path) -> None:
    names = project(tmp_path, 3)
    (tmp_path / "m1.wait").write_text("")
    command = [sys.executable, "-m", "kmigrate", "fix", "--write", "--verify", "-j", "2", *names]
    before = [(tmp_path / name).read_text() for name in names]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        wait_for_state(cache, 2)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert (run.returncode, "Traceback" in err) == (130, False), err
    assert "no file is changed; the same command with --resume goes on" in err
    assert [(tmp_path / name).read_text() for name in names] == before
    (tmp_path / "m1.wait").unlink()
    again = subprocess.run([*command, "--resume"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode == 0, again.stderr
    assert [(tmp_path / name).read_text() for name in names] == [
        text.replace("tf.square", "K.square").replace("import tensorflow as tf\n", "") for text in before
    ]
    keys = [json.loads(line)["key"] for path in cache.glob("verify/*.jsonl") for line in path.read_text().splitlines() if line]
    assert len(keys) == len(set(keys)) == 3, "what was done before is not done again"


@pytest.mark.parametrize("option", [["--jobs", "2"], ["--resume"], ["--executor", "dask://x:1"], ["--observed"]])
def test_options_of_a_run_are_for_fix_with_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fix", *option, *project(tmp_path, 1)]) == 2
    assert f"{option[0]} is for fix --verify" in capsys.readouterr().err


@pytest.mark.engines
def test_a_cluster_that_loses_a_machine_loses_no_unit(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    found: dict[str, str] = {}
    with cluster(tmp_path) as (executor, machines), State(None) as state:
        with engines_kept(executor):
            for task, verdict in verify_all(tasks(folder, count=6), executor, state):
                found[task.unit.qualname] = verdict.verdict
                engines = psutil.Process(machines[1].pid).children(recursive=True)
                if len(found) == 2:
                    machines[0].kill()
                    machines[0].wait()
        # What the machine that is left kept for the next task is gone with the run.
        _, alive = psutil.wait_procs(engines, timeout=60)
        assert alive == []
    assert found == {f"loss{number}": "identical" for number in range(6)}
