"""What earlier runs left never shows: with the cache, after any history, a run prints what one without it prints."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.cache import cache_directory
from kmigrate.cli.main import main
from kmigrate.digests import digest_of

LAYER = (
    "from keras.layers import Layer\nfrom .ops import total\n\nclass A(Layer):\n    def call(self, x):\n        return total(x)\n"
)
TEXTS = [
    "",
    "x = 1\n",
    "import tensorflow as tf\n",
    "import tensorflow as tf\n\ndef total(x):\n    return tf.exp(x)\n",
    "import tensorflow as tf\n\ndef total(x):\n    return tf.log(x)\n",
    "from .compat import tf\n\ndef total(x):\n    return tf.exp(x)\n",
    "from theano import tensor as tf\n",
    LAYER,
    LAYER.replace("(Layer)", "(object)"),
    LAYER.replace("total(x)", "x.get_shape()"),
    "import tensorflow as tf\ndef f(:\n",
    "print 'old'\n",
]
NAMES = ["pkg/__init__.py", "pkg/ops.py", "pkg/compat.py", "pkg/layer.py", "script.py"]
WRITE = st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(TEXTS))
DELETE = st.tuples(st.just("delete"), st.sampled_from(NAMES), st.none())
RENAME = st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES))
IGNORE = st.tuples(st.just("ignore"), st.sampled_from(NAMES), st.none())
ASKED = [["."], ["pkg/ops.py"], ["pkg/layer.py"], [".", "--scope", "module"], [".", "--target", "keras3"], [".", "--layers"]]
START = [("write", "pkg/__init__.py", ""), ("write", "pkg/ops.py", TEXTS[3]), ("write", "pkg/layer.py", LAYER)]


def check(*arguments: str) -> tuple[int, str]:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(["check", "--jobs", "1", *arguments])
    return code, printed.getvalue()


def write(path: Path, text: str, age: float = 60) -> None:
    """A file old enough for its time to be trusted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)


@settings(max_examples=25)
@given(steps=st.lists(st.one_of(WRITE, WRITE, DELETE, RENAME, IGNORE), max_size=8), asked=st.sampled_from(ASKED))
def test_no_history_shows(steps: list[tuple[str, str, str | None]], asked: list[str]) -> None:
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KMIGRATE_CACHE_DIR", f"{folder}/cache")
        Path(folder, "project").mkdir()
        os.chdir(f"{folder}/project")
        try:
            for number, (what, name, how) in enumerate([*START, *steps]):
                path = Path(name)
                if what == "write" and how is not None:
                    write(path, how, 1000 - number)
                elif what == "delete":
                    path.unlink(missing_ok=True)
                elif what == "rename" and how is not None and path.exists():
                    Path(how).parent.mkdir(exist_ok=True)
                    path.replace(how)
                elif what == "ignore":
                    write(Path(".gitignore"), f"{path.name}\n", 1000 - number)
                if number >= len(START) - 1:
                    assert check(*asked) == check("--no-cache", *asked)
            assert check(".") == check("--no-cache", ".")
        finally:
            os.chdir(home)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    for number in range(40):
        write(Path(f"pkg/m{number}.py"), LAYER.replace(".ops", f".o{number}"))
        write(Path(f"pkg/o{number}.py"), TEXTS[3])
    write(Path("pkg/__init__.py"), "")
    return root


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kmigrate", "check", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_parallel_runs_do_not_disturb_each_other(project: Path) -> None:
    code, wanted = check("--no-cache", ".")
    for _ in range(2):
        runs = [start(".") for _ in range(4)]
        assert [(*run.communicate(), run.returncode) for run in runs] == [(wanted, "", code)] * 4
    assert check(".") == (code, wanted)


@pytest.mark.parametrize("moment", [0.1, 0.3, 0.6])
def test_a_killed_run_leaves_nothing_wrong(project: Path, moment: float) -> None:
    run = start(".")
    time.sleep(moment)
    run.kill()
    run.communicate()
    assert check(".") == check("--no-cache", ".")


def test_a_damaged_outcome_is_as_none(project: Path) -> None:
    wanted = check(".")
    (kept,) = Path(cache_directory()).glob("*-outcome.txt")
    whole = kept.read_bytes()
    for damage in (
        b"",
        b"\n",
        whole[:-9],
        whole.replace(b"finding", b"nothing"),
        whole.replace(b" 1 ", b" 0 ", 1)[:60],
        b"\xff" * 99,
    ):
        kept.write_bytes(damage)
        assert check(".") == wanted
        assert kept.read_bytes() == whole


def test_the_outcome_is_what_a_second_run_reads(project: Path) -> None:
    code, wanted = check(".")
    (kept,) = Path(cache_directory()).glob("*-outcome.txt")
    os.utime("pkg/m1.py", (1, 1))
    assert check(".") == (code, wanted)
    # Only what it holds tells whether it is used: nothing else in the cache could print this.
    state = kept.read_bytes().partition(b" ")[0]
    content = f"{code}\nkept".encode()
    kept.write_bytes(state + b" " + digest_of(content).encode() + b"\n" + content)
    assert check(".") == (code, "kept")
    assert check(".", "--layers") != (code, "kept")
    assert check("--no-cache", ".") == (code, wanted)


def test_what_could_not_be_read_is_tried_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes no time when it can be read again."""

    opened = os.open

    def refuse(path: str | Path, *mode: Any, **options: Any) -> int:
        if Path(path).name == "m7.py":
            raise PermissionError(13, "Permission denied")
        return opened(path, *mode, **options)

    monkeypatch.setattr(os, "open", refuse)
    code, text = check(".")
    assert (code, "pkg/m7.py: error: no permission" in text) == (2, True)
    monkeypatch.undo()
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(project.parent / "cache"))
    monkeypatch.chdir(project)
    assert check(".")[0] == 1


@pytest.mark.parametrize("xdg", [None, "", "/somewhere/else", "relative"])
def test_the_cache_lies_where_platformdirs_says(monkeypatch: pytest.MonkeyPatch, xdg: str | None) -> None:
    monkeypatch.delenv("KMIGRATE_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert cache_directory() == os.path.join(platformdirs.user_cache_dir("kmigrate"), "check")  # noqa: PTH118 - texts, as both are
