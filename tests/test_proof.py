"""The proof and the verify command on real engines: right rules are proven, wrong ones are found out, wrong edits are blamed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engines

RULES = """
[[rule]]
code = "XX1"
name = "right"
symbols = ["tf.raw_ops.Mul"]
signature = "x, y, name=None"
keras2 = "x * y"
[[rule.example]]
before = "tf.raw_ops.Mul(x=x, y=y)"
keras2 = "x * y"
inputs = { x = "float[2,3]", y = "float[2,3]" }

[[rule]]
code = "XX2"
name = "wrong-value"
symbols = ["tf.raw_ops.Xlogy"]
signature = "x, y, name=None"
keras2 = "K.log(x) * y"
[[rule.example]]
before = "tf.raw_ops.Xlogy(x=x, y=y)"
keras2 = "K.log(x) * y"
inputs = { x = "positive[2,3]", y = "positive[2,3]" }

[[rule]]
code = "XX3"
name = "not-portable"
symbols = ["tf.compat.v1.nn.atrous_conv2d"]
signature = "value, filters, rate, padding, name=None"
keras2 = "K.conv2d(value, filters, padding={padding.lower()}, data_format='channels_last', dilation_rate={(rate, rate)})"
[[rule.example]]
before = "tf.compat.v1.nn.atrous_conv2d(x, k, 1, 'VALID')"
keras2 = "K.conv2d(x, k, padding='valid', data_format='channels_last', dilation_rate=(1, 1))"
inputs = { x = "float[2,5,5,2]", k = "float[3,3,2,4]" }
"""
LAYER = """\
import tensorflow as tf
from keras.layers import Layer


class Scores(Layer):
    def call(self, x):
        total = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
        return tf.raw_ops.Xlogy(x=tf.abs(x) + 1.0, y=total)


def total_error(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""


def kmigrate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kmigrate", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with rules of its own: one right, one wrong, one that is not portable; proven once."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".git").mkdir()
    (folder / "kmigrate.toml").write_text('rules = ["ours"]\n')
    (folder / "ours").mkdir()
    (folder / "ours" / "rules.toml").write_text(RULES)
    (folder / "layer.py").write_text(LAYER)
    result = kmigrate("rules", "--prove", "XX1", "XX2", "XX3", cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "XX2 wrong-value: `K.log(x) * y` does not preserve values" in result.stdout
    assert "with x = " in result.stdout and "the original gives" in result.stdout
    return folder


def test_claims_follow_what_the_engines_say(project: Path) -> None:
    rules = json.loads((project / "ours" / "proof" / "rules.json").read_text())["rules"]
    assert {code: r["alternatives"]["0"]["preserving"] for code, r in rules.items()} == {"XX1": True, "XX2": False, "XX3": True}
    assert rules["XX1"]["alternatives"]["0"]["portable"] is True
    assert rules["XX3"]["alternatives"]["0"]["portable"] is False
    assert "the original gives" in rules["XX3"]["alternatives"]["0"]["portability"]


def test_verify_blames_the_edit_that_differs(project: Path) -> None:
    result = kmigrate("verify", "--unsafe", "--output-format", "json", cwd=project)
    assert result.returncode == 1, result.stderr
    units = {u["qualname"]: u for u in json.loads(result.stdout)["units"]}
    assert units["Scores"]["verdict"] == "different"
    assert "tf.raw_ops.Xlogy" in units["Scores"]["blame"] and "tf.square" not in units["Scores"]["blame"]
    assert units["total_error"]["verdict"] in ("identical", "equal")
    assert set(units["total_error"]["engines"]) == {"tensorflow", "theano"}
    assert units["total_error"]["engines"]["theano"]["verdict"] in ("identical", "equal")


def test_fix_verify_leaves_the_refuted_edit_out(project: Path) -> None:
    result = kmigrate("fix", "--unsafe", "--verify", "--write", cwd=project)
    text = (project / "layer.py").read_text()
    assert result.returncode == 1, result.stderr
    assert "tf.raw_ops.Xlogy(x=K.abs(x) + 1.0, y=total)" in text
    assert "K.sum(K.square(x), axis=-1, keepdims=True)" in text
    assert "import tensorflow as tf" in text


def test_against_another_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER)
    same = kmigrate("verify", "layer.py", "--original", str(tmp_path), cwd=project)
    assert same.returncode == 0, same.stdout + same.stderr
    text = (project / "layer.py").read_text()
    (project / "layer.py").write_text(text.replace("axis=-1)\n", "axis=0)\n"))
    different = kmigrate("verify", "layer.py", "--original", str(tmp_path), cwd=project)
    assert different.returncode == 1, different.stdout + different.stderr
