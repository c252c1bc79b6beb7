"""Which expressions surely have one shape: what ``same_shape`` may be answered from."""

from __future__ import annotations

import ast

import pytest

from kmigrate.layers import LayerCode
from kmigrate.names import Names
from kmigrate.values import Values
from kmigrate.values.likeness import SCALAR, model_of

HEAD = "import numpy as np\nimport tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\n"


def model(body: str, arguments: str = "x, mask=None") -> str | None:
    """The model of what the last line of ``call`` returns."""
    lines = body.split("\n")
    text = HEAD + f"class A(Layer):\n    def call(self, {arguments}):\n" + "".join(f"        {line}\n" for line in lines)
    tree = ast.parse(text)
    names = Names(tree)
    values = Values(names, LayerCode(names))
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    assert returns[-1].value is not None
    return model_of(returns[-1].value, names, values.of)


@pytest.mark.parametrize(
    "body",
    [
        "return x > 0",
        "return 0.5 >= x",
        "return -x * 2 + 1",
        "return tf.exp(x)",
        "return tf.greater(x, 0.0)",
        "return tf.less(0.0, tf.abs(x))",
        "return K.zeros_like(x)",
        "return tf.cast(x > 0, tf.float32)",
        "return tf.math.is_nan(x)",
        "return tf.maximum(x, -x)",
        "return x / tf.reduce_sum(x)",
        "y = x > 0\nreturn y",
        "y = tf.exp(x)\nz = y + 1\nreturn tf.logical_and(z > 0, y < 1)",
        "y = tf.nn.relu(x)\nif mask:\n    z = y * 2\nreturn z",
    ],
)
def test_the_shape_of_the_input(body: str) -> None:
    assert model(body) == "x"


@pytest.mark.parametrize(
    "body",
    [
        "return x + tf.reduce_sum(x, axis=-1, keepdims=True)",  # of one shape only where the last axis has one element
        "return x + np.ones(3)",
        "return x + mask",
        "return tf.matmul(x, x)",
        "return x @ x",
        "return x == 0",  # TensorFlow 1 asks for identity
        "return unknown(x)",
        "return tf.concat([x, x], 0)",
        "return tf.exp(*x)",
        "return [x]",
    ],
)
def test_what_may_have_another_shape(body: str) -> None:
    assert model(body) is None


def test_a_name_that_is_bound_again_is_not_followed() -> None:
    assert model("y = x > 0\nx = x[:, 0]\nreturn y") == "y"
    assert model("y = x > 0\ny = y + 1\nreturn y") == "y"
    assert model("for t in x:\n    if mask:\n        y = t > 0\n    z = y\nreturn z") != "t"
    assert model("y = self.w * 2\nself.w = x\nreturn y") in (None, "y")


def test_parts_are_their_own_models() -> None:
    assert model("return x[:, 0] > 0") == "x[:, 0]"
    assert model("return x[0][mask.shape[0]] > 0") == "x[0][mask.shape[0]]"


def test_a_tensor_without_axes_is_a_scalar() -> None:
    assert model("return tf.reduce_sum(x) > 0") == SCALAR
    assert model("return 3") == SCALAR
