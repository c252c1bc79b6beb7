"""Tensors whose rank TensorFlow does not know when it builds the graph."""

from __future__ import annotations

import ast

import pytest

from kmigrate.names import Names
from kmigrate.values.unranked import is_unranked

HEAD = "import tensorflow as tf\nfrom keras import backend as K\n"


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ("tf.squeeze(x)", True),
        ("tf.squeeze(x, None)", True),
        ("tf.squeeze(x, 1)", False),
        ("tf.squeeze(x, squeeze_dims=[1])", False),
        ("tf.compat.v1.squeeze(x)", True),
        ("tf.py_func(g, [x], tf.float32)", True),
        ("tf.placeholder(tf.float32)", True),
        ("tf.compat.v1.placeholder(tf.float32)", True),
        ("tf.compat.v1.placeholder(tf.float32, shape=[None, 3])", False),
        ("2.0 * tf.nn.relu(tf.squeeze(x)) + x", True),
        ("tf.squeeze(x)[:, 0]", True),
        ("tf.reshape(tf.squeeze(x), (2, 3))", False),
        ("[tf.squeeze(x), x]", True),
        ("[x, tf.squeeze(x)]", False),
        ("[tf.squeeze(y) for y in x]", True),
        ("x if x is None else tf.squeeze(x)", True),
        ("x", False),
        ("g(tf.squeeze(x))", False),
    ],
)
def test_what_loses_the_rank(body: str, lost: bool) -> None:
    for text in (f"def f(x):\n    return {body}\n", f"def f(x):\n    t = {body}\n    return t\n"):
        tree = ast.parse(HEAD + text)
        returned = next(node.value for node in ast.walk(tree) if isinstance(node, ast.Return))
        assert returned is not None
        assert is_unranked(returned, Names(tree)) is lost


def test_a_shape_that_is_set_brings_the_rank_back() -> None:
    tree = ast.parse(HEAD + "def f(x):\n    y = tf.py_func(g, [x], tf.float32)\n    y.set_shape([None, 3])\n    return y\n")
    returned = next(node.value for node in ast.walk(tree) if isinstance(node, ast.Return))
    assert returned is not None
    assert not is_unranked(returned, Names(tree))
