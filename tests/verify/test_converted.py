"""TensorFlow converts the functions of tf.keras layers from their source: the text under test, never the file on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.model import Unit
from kmigrate.verify import stacks
from kmigrate.verify.runner import Engines
from kmigrate.verify.session import ModulePair, UnitVerdict, verify_module

pytestmark = pytest.mark.engines

ORIGINAL = """import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Layer


def helper(x):
    return tf.square(x) + 1.0


class Other(Layer):
    def call(self, x):
        return helper(x)


class Branching(Layer):
    def call(self, x):
        if tf.reduce_sum(x) > 0.0:
            y = helper(x)
        else:
            y = tf.abs(x)
        return y
"""
# As a fix leaves it: lines more than in the file, so that every function stands elsewhere.
REWRITTEN = "# one line\n# and another\n" + ORIGINAL.replace("tf.square", "K.square").replace("tf.abs", "K.abs")


def verdict(engines: Engines, path: Path, rewritten: str, name: str) -> UnitVerdict:
    pair = ModulePair(str(path), ORIGINAL, rewritten, flavour="tf.keras", package_root=str(path.parent))
    return verify_module(pair, [Unit(name, "layer", 1)], engines)[0]


@pytest.mark.parametrize("name", ["keras2-tf1", "keras2-tf2"])
def test_the_rewritten_text_is_what_is_converted(tmp_path: Path, name: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(ORIGINAL, encoding="utf-8")
    stack = stacks.get_stack(name)
    with Engines(stacks.ensure(stack), stack.engines) as engines:
        for unit in ("Branching", "Other"):
            assert verdict(engines, path, REWRITTEN, unit).verdict == "identical"
            in_helper = REWRITTEN.replace("K.square(x)", "K.exp(x)")
            assert "values differ" in (verdict(engines, path, in_helper, unit).reason or "")
        other_lines = REWRITTEN.replace("K.abs(x)", "K.sqrt(x)")
        assert verdict(engines, path, other_lines, "Branching").verdict == "different"
        # the same lines with another text
        in_place = ORIGINAL.replace("tf.square(x) + 1.0", "K.square(x) + 2.0")
        assert verdict(engines, path, in_place, "Other").verdict == "different"


@pytest.mark.parametrize("name", ["keras2-tf1", "keras2-tf2"])
def test_a_helper_of_tf_keras_layers_may_ask_a_tensor_for_its_length(name: str) -> None:
    text = "import tensorflow as tf\ndef f(x):\n    rank = len(tf.shape(x))\n    return tf.square(x) * rank\n"
    stack = stacks.get_stack(name)
    with Engines(stacks.ensure(stack), stack.engines) as engines:
        found = verify_module(ModulePair("m.py", text, text, flavour="tf.keras"), [Unit("f", "helper", 1)], engines)[0]
    assert found.verdict == "identical", found.reason
