"""Code of Theano on TensorFlow: what its module reads of Theano's configuration, and what its fixes say of other engines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """\
import theano
import theano.tensor as T

if theano.config.floatX == 'float64':
    epsilon = 1.0e-3
else:
    epsilon = 1.0e-2


def loss(y_true, y_pred):
    return T.abs_(y_true / T.clip(T.abs_(y_pred), epsilon, 1.0e6)).max(axis=-1)


def activation(x):
    return T.nnet.relu(x)


def uses_loss(y_true, y_pred):
    return loss(y_true, activation(y_pred))
"""


@pytest.mark.engines
def test_constants_by_floatx_are_the_same_and_a_declared_difference_is_said(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "losses.py").write_text(MODULE)
    command = [sys.executable, "-m", "kmigrate", "verify", "--output-format", "json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    units = {unit["qualname"]: unit for unit in json.loads(result.stdout)["units"]}
    assert {name: unit["verdict"] for name, unit in units.items() if unit["verdict"] not in ("identical", "equal")} == {}
    assert units["loss"]["engines"]["tensorflow"]["verdict"] in ("identical", "equal")
    relu = units["activation"]["engines"]["tensorflow"]
    assert relu["verdict"] == "different" and "gradient of x" in relu["reason"]
    assert relu["reason"].startswith("not portable, as its fix says (TH405 theano.tensor.nnet.relu): ")
