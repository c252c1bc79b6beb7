"""The commands as a user runs them: real processes, real files, the contract's exit codes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import pytest

from kmigrate.cli.fix import _settled
from kmigrate.config import Config
from kmigrate.project import Project

LAYER = """\
import tensorflow as tf
from keras.layers import Layer


class Norm(Layer):
    def call(self, x):
        return tf.reduce_sum(tf.square(x), axis=-1)
"""
FIXED = """\
from keras.layers import Layer
from keras import backend as K


class Norm(Layer):
    def call(self, x):
        return K.sum(K.square(x), axis=-1)
"""


def kmigrate(
    *arguments: str, cwd: Path, stdin: str | None = None, stdout: int | TextIO = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    # As users start it: what is printed waits in a buffer.
    environment = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": ""}
    return subprocess.run(
        [sys.executable, "-m", "kmigrate", *arguments],
        cwd=cwd, input=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env=environment,
    )  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "layer.py").write_text(LAYER)
    (tmp_path / "clean.py").write_text("x = 1\n")
    return tmp_path


def test_check_finds_and_exits_1(project: Path) -> None:
    result = kmigrate("check", cwd=project)
    assert result.returncode == 1
    assert "layer.py:7:16: TF" in result.stdout
    assert "Norm.call" in result.stdout
    assert result.stderr == ""


def test_check_clean_exits_0(project: Path) -> None:
    assert kmigrate("check", "clean.py", cwd=project).returncode == 0


def test_check_json_is_the_contract(project: Path) -> None:
    result = kmigrate("check", "--output-format", "json", cwd=project)
    data = json.loads(result.stdout)
    assert data["schema"] == 1 and data["target"] == "keras2" and data["errors"] == []
    finding = data["findings"][0]
    assert (finding["symbol"], finding["path"], finding["line"], finding["column"]) == ("tf.math.reduce_sum", "layer.py", 7, 16)
    assert (finding["end_line"], finding["end_column"]) == (7, 52)
    assert finding["context"]["qualname"] == "Norm.call"
    assert finding["fix"]["applicability"] == "safe"
    assert finding["fix"]["replacement"] == "K.sum(tf.square(x), axis=-1)"
    assert data["summary"] == {"files": 2, "findings": 2, "safe": 2, "unsafe": 0, "manual": 0, "errors": 0}


def test_fix_prints_a_diff_and_writes_nothing(project: Path) -> None:
    result = kmigrate("fix", cwd=project)
    assert result.returncode == 1
    assert "+        return K.sum(K.square(x), axis=-1)" in result.stdout
    assert (project / "layer.py").read_text() == LAYER


def test_fix_write_then_nothing_is_left(project: Path) -> None:
    (project / "layer.py").chmod(0o755)
    assert kmigrate("fix", "--write", cwd=project).returncode == 0
    assert (project / "layer.py").read_text() == FIXED
    assert (project / "layer.py").stat().st_mode & 0o777 == 0o755
    again = kmigrate("fix", cwd=project)
    assert (again.returncode, again.stdout) == (0, "")


def test_fix_write_exits_1_where_findings_remain(project: Path) -> None:
    (project / "layer.py").write_text(LAYER.replace("tf.square", "tf.no_such_symbol"))
    assert kmigrate("fix", "--write", cwd=project).returncode == 1
    assert "K.sum(tf.no_such_symbol(x), axis=-1)" in (project / "layer.py").read_text()


def test_what_only_the_rewritten_text_shows_is_fixed_in_the_same_run(project: Path) -> None:
    """That a stack of what nobody knows has an axis more than it was not known before: ``.ndim`` could be anybody's."""
    (project / "layer.py").write_text(
        "import theano.tensor as T\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\nclass A(Layer):\n"
        "    def call(self, x, y):\n        return T.stack([x * K.mean(x), y + 0.5]).ndim\n"
    )
    result = kmigrate("fix", "--write", "layer.py", cwd=project)
    assert "return K.ndim(K.stack([x * K.mean(x), y + 0.5]))" in (project / "layer.py").read_text()
    assert result.stderr == "fixed 2 findings in 1 file; 0 findings left in 1 file\n"
    assert kmigrate("fix", "layer.py", cwd=project).stdout == ""


def test_a_rewritten_text_with_other_definitions_is_not_analysed_as_the_old_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its definitions are known to the project by their numbers: of ``shift`` nobody said that it is layer code."""
    monkeypatch.chdir(project)
    shift = "def shift(x):\n    return tf.exp(x)\n\n\nclass Norm"
    (one,) = [checked for checked in Project(Config()).check(["layer.py"]) if checked.analysis is not None]
    assert one.analysis is not None and one.analysis.again is not None
    again = one.analysis.again
    for old, new, goes_on in (("axis", "axis", True), ("class Norm", shift, False)):
        changed = replace(one.analysis, again=lambda data, old=old, new=new: again(LAYER.replace(old, new).encode()))
        settled = _settled(changed, FIXED, Config(), argparse.Namespace(unsafe=False, observed=False))
        assert (settled.more > 0) == goes_on


def test_standard_input(project: Path) -> None:
    result = kmigrate("check", "-", "--stdin-filename", "here.py", cwd=project, stdin=LAYER)
    assert result.returncode == 1 and "here.py:7:16" in result.stdout
    assert kmigrate("fix", "-", "--write", cwd=project, stdin=LAYER).stdout == FIXED


def test_suppression_comments(project: Path) -> None:
    text = LAYER.replace("axis=-1)", "axis=-1)  # kmigrate: ignore")
    (project / "layer.py").write_text(text)
    assert kmigrate("check", cwd=project).returncode == 0


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("py2.py", b"import tensorflow\nprint 'x'\n", "py2.py:2:1: error: Python 2 syntax"),
        ("nul.py", b"import tensorflow\nx = 1\0\n", "nul.py:2:6: error: the file holds a NUL byte"),
        ("coding.py", b"# -*- coding: klingon -*-\nimport tensorflow\n", "coding.py:1:1: error: unknown encoding"),
        ("bytes.py", b"import tensorflow\nx = '\xff'\n", "bytes.py:2:6: error: byte 0xff is not valid utf-8"),
        ("broken.py", b"import tensorflow\ndef f(:\n", "broken.py:2:7: error: "),
    ],
)
def test_bad_files_are_named_and_the_others_are_done(project: Path, name: str, data: bytes, message: str) -> None:
    (project / name).write_bytes(data)
    result = kmigrate("check", cwd=project)
    assert result.returncode == 2
    assert message in result.stdout
    assert "layer.py:7:16" in result.stdout
    result = kmigrate("fix", "--write", cwd=project)
    assert result.returncode == 2
    assert message in result.stderr
    assert (project / "layer.py").read_text() == FIXED
    assert (project / name).read_bytes() == data
    assert "Traceback" not in result.stderr + result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is needed")
@pytest.mark.parametrize("command", [["--version"], ["rules"], ["check", "."], ["fix", "."]])
def test_output_that_cannot_be_written_is_one_clear_line(project: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        result = kmigrate(*command, cwd=project, stdout=full)
    assert result.returncode == 2
    assert "kmigrate: error: the output cannot be written: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["--version", "rules", "check .", "fix ."])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_left_is_no_reason_for_words(project: Path, command: str, unbuffered: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kmigrate", *command.split()], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 2
    assert "rror" not in said and "Traceback" not in said


@pytest.mark.parametrize("command", [["check", "."], ["fix", "."]])
def test_a_process_without_an_output_does_its_work(project: Path, command: list[str]) -> None:
    line = f"{sys.executable} -m kmigrate {' '.join(command)} >&-"
    result = subprocess.run(["sh", "-c", line], cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "rror" not in result.stderr


def test_a_path_that_does_not_exist(project: Path) -> None:
    result = kmigrate("check", "nowhere", "layer.py", cwd=project)
    assert result.returncode == 2
    assert "nowhere: error: no such file or directory" in result.stdout
    assert "layer.py:7:16" in result.stdout


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ("[tool.kmigrate]\ntraget = 'keras2'\n", ["pyproject.toml", "traget", "target"]),
        ("[tool.kmigrate]\ntarget = 'keras9'\n", ["pyproject.toml", "target", "keras9"]),
        ("[tool.kmigrate\n", ["pyproject.toml"]),
        ("[tool.kmigrate]\nrules = ['none.toml']\n", ["none.toml"]),
    ],
)
def test_a_broken_configuration_is_one_clear_line(project: Path, configuration: str, words: list[str]) -> None:
    (project / "pyproject.toml").write_text(configuration)
    result = kmigrate("check", cwd=project)
    assert result.returncode == 2
    assert all(word in result.stderr for word in words)
    assert len(result.stderr.splitlines()) == 1


def test_a_broken_rule_file_is_one_clear_line(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.kmigrate]\nrules = ['ours.toml']\n")
    (project / "ours.toml").write_text('[[rule]]\ncode = "XX1"\nname = "x"\nsymbols = ["tf.x"]\nkerass2 = "K.x"\n')
    result = kmigrate("check", cwd=project)
    assert result.returncode == 2
    assert "ours.toml: rule XX1: kerass2: unknown key; did you mean 'keras2'?" in result.stderr


def test_rules_explains_a_rule_and_refuses_an_unknown_code(project: Path) -> None:
    code = json.loads(kmigrate("check", "--output-format", "json", cwd=project).stdout)["findings"][0]["code"]
    result = kmigrate("rules", code, cwd=project)
    assert result.returncode == 0
    assert "tf.reduce_sum" in result.stdout and "Preserves values on TensorFlow: yes" in result.stdout
    assert kmigrate("rules", "TF000", cwd=project).returncode == 2


@pytest.mark.parametrize("command", ["check", "fix", "verify", "rules", "engines"])
def test_help_teaches(command: str, tmp_path: Path) -> None:
    result = kmigrate(command, "--help", cwd=tmp_path)
    assert result.returncode == 0 and "exit 0" in result.stdout


def test_usage_error_exits_2(tmp_path: Path) -> None:
    assert kmigrate("chekc", cwd=tmp_path).returncode == 2
    assert kmigrate("check", "--output-format", "xml", cwd=tmp_path).returncode == 2


def test_start_does_not_import_what_it_does_not_need(tmp_path: Path) -> None:
    code = "import sys, kmigrate.cli.main as m; m.build_parser('none'); print([x for x in ('libcst', 'numpy', 'rich') if x in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["fix", "--unsafe-fixes", "a.py"],
            "kmigrate fix: error: unrecognized arguments: --unsafe-fixes (did you mean --unsafe?)",
        ),
        (["check", "--slect=TF202"], "kmigrate check: error: unrecognized arguments: --slect=TF202 (did you mean --select?)"),
        (["check", "--frobnicate"], "kmigrate check: error: unrecognized arguments: --frobnicate\n"),
    ],
)
def test_an_unknown_option_is_met_with_the_one_that_was_meant(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = kmigrate(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr


def test_paths_and_options_come_in_any_order(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(LAYER)
    result = kmigrate("check", "a.py", "-j", "1", "b.py", "--select", "TF261", cwd=tmp_path)
    assert result.returncode == 1
    assert "a.py:7:16: TF261" in result.stdout and "b.py:7:16: TF261" in result.stdout
