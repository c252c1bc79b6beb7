"""Hard cases from real code: what is found in them, what fix makes of them to the byte, and that it runs as before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kmigrate.lint import analyse
from kmigrate.rulebook.book import load_rulebook
from kmigrate.source import Source
from tests.test_fixtures import FIXTURES, safe_fixes

HARD = sorted((FIXTURES / "hard").glob("*.py"))
# What no stack can run: TensorFlow 1.15 refuses the argument order of 0.x, Keras 2.3 has no `K.tf`.
NOT_RUNNABLE = {"old_argument_order", "through_keras"}

FOUND = {
    "comments": ["9 tf.slice", "14 tf.math.reduce_sum"],
    "crlf": ["9 tf.math.reduce_sum", "10 tf.math.square", "14 tf.math.exp"],
    "local_names": ["18 tf.math.square", "29 tf.tensordot", "30 tf.math.exp"],
    "no_final_newline": ["9 tf.math.sqrt", "9 tf.math.abs"],
    "old_argument_order": ["9 tf.zeros_like", "12 tf.concat", "14 tf.concat"],
    "starred": ["9 theano.tensor.stack", "10 theano.tensor.sum", "19 theano.tensor.sum"],
    "tabs": ["9 tf.math.reduce_sum", "10 tf.math.square", "14 tf.math.exp"],
    "through_keras": ["10 tf.gather_nd", "15 theano.tensor.tensordot", "20 tf.math.sin"],
    "versions": ["11 tf.__version__", "12 tf.math.maximum", "13 tf.math.divide_no_nan", "13 tf.math.reduce_sum"],
}


@pytest.mark.parametrize("path", HARD, ids=lambda p: p.stem)
def test_the_engine_uses_are_found_and_nothing_else(path: Path) -> None:
    analysis = analyse(Source.parse(str(path), path.read_bytes()), load_rulebook())
    assert [f"{f.line} {f.symbol}" for f in analysis.findings] == FOUND[path.stem]


@pytest.mark.parametrize("path", HARD, ids=lambda p: p.stem)
def test_fix_gives_the_expected_bytes(path: Path) -> None:
    fixed = safe_fixes(str(path), path.read_bytes())
    assert fixed == (FIXTURES / "expected" / "hard" / path.name).read_bytes()
    assert safe_fixes(str(path), fixed) == fixed


def test_layout_is_kept() -> None:
    fixed = {path.stem: (FIXTURES / "expected" / "hard" / path.name).read_bytes() for path in HARD}
    assert b"\n" not in fixed["crlf"].replace(b"\r\n", b"")
    assert b"\n    " not in fixed["tabs"]
    assert not fixed["no_final_newline"].endswith(b"\n")
    assert b"# over the features" in fixed["comments"]


@pytest.mark.engines
def test_what_runs_runs_as_before() -> None:
    paths = [str(path) for path in HARD if path.stem not in NOT_RUNNABLE]
    command = [sys.executable, "-m", "kmigrate", "verify", "--output-format", "json", *paths]
    done = subprocess.run(command, cwd=FIXTURES.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verified = {Path(unit["path"]).name for unit in json.loads(done.stdout)["units"]}
    assert verified == {Path(path).name for path in paths}
