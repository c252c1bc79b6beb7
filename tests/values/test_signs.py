"""Which expressions are surely nowhere negative, or nowhere near 0: what a root and a reciprocal are replaced by rests on it."""

from __future__ import annotations

import ast

import pytest
from snippet import run_snippet

from kmigrate.fix.apply import apply_fixes
from kmigrate.layers import LayerCode
from kmigrate.lint import analyse
from kmigrate.names import Names
from kmigrate.rulebook.book import load_rulebook
from kmigrate.source import Source
from kmigrate.values import Values
from kmigrate.values.signs import is_nonnegative, is_positive
from kmigrate.verify.runner import Engines

HEAD = "import tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\n"


def signs(body: str) -> tuple[bool, bool]:
    """Whether what the last line of ``call`` returns is nowhere negative, and whether it is positive."""
    text = HEAD + "class A(Layer):\n    def call(self, x, flag):\n" + "".join(f"        {line}\n" for line in body.split("\n"))
    tree = ast.parse(text)
    names = Names(tree)
    values = Values(names, LayerCode(names))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)][-1]
    assert returned is not None
    return is_nonnegative(returned, values), is_positive(returned, values)


@pytest.mark.parametrize(
    "body",
    [
        "return tf.reduce_sum(tf.square(x), axis=-1)",
        "return K.sum((x - 1.0) ** 2, axis=-1)[:, 0]",
        "return x * x",
        "return tf.cast(tf.shape(x)[-1], tf.float32)",
        "return tf.cast(x.shape[-1], tf.float32)",
        "return tf.maximum(x, 0.0)",
        "return K.clip(x, 0.0, 1.0)",
        "return tf.where(flag, tf.abs(x), tf.nn.relu(x))",
        "d = tf.abs(x)\nd = tf.expand_dims(d, 1)\nreturn d * 2.0",
        "mean, variance = tf.nn.moments(x, [0])\nreturn variance",
        "total = 0.0\nfor _ in range(3):\n    total = total + K.square(x)\nreturn total",
        "total = K.square(x)\ntotal += 1\nreturn total",
        "return len(x) if flag else 2",
    ],
)
def test_it_is_nowhere_negative_but_may_be_0(body: str) -> None:
    assert signs(body) == (True, False)


@pytest.mark.parametrize(
    "body",
    [
        "return tf.square(x) + 1e-7",
        "return K.epsilon() + tf.abs(x)",
        "return tf.maximum(x, K.epsilon())",
        "return tf.clip_by_value(x, 1e-6, 1.0)",
        "_, variance = tf.nn.moments(x, [0])\nreturn variance + self.epsilon",
        "return tf.add(K.exp(x), 1.0)",
    ],
)
def test_it_is_positive(body: str) -> None:
    assert signs(body) == (True, True)


@pytest.mark.parametrize(
    "body",
    [
        "return x",
        "return tf.nn.relu(x) - 1.0",
        "return -tf.abs(x)",
        "return x + 1e-7",
        "return tf.square(x) + self.shift",
        "return x * flag",
        "return x ** 3",
        "return tf.minimum(x, 1.0)",
        "return K.relu(x, 0.1)",
        "return tf.clip_by_value(x, -1.0, 1.0)",
        "mean, variance = tf.nn.moments(x, [0])\nreturn mean",
        "d = tf.abs(x)\nif flag:\n    d = x\nreturn d",
        "total = K.square(x)\nfor _ in range(3):\n    total = total - 1.0\nreturn total",
        "total = K.square(x)\ntotal -= 1.0\nreturn total",
        "return tf.exp(x) + 1e-30 if flag else x",
    ],
)
def test_nothing_is_shown(body: str) -> None:
    assert signs(body) == (False, False)


def test_only_what_is_nowhere_negative_has_a_safe_root() -> None:
    text = f"{HEAD}class A(Layer):\n    def call(self, x):\n        return tf.sqrt(x) + tf.sqrt(tf.abs(x)) + tf.math.rsqrt(x)\n"
    findings = analyse(Source.parse("a.py", text.encode()), load_rulebook()).findings
    fixes = {f.fix.replacement: f.fix.applicability for f in findings if f.fix is not None and "abs" not in f.symbol}
    assert fixes == {"K.sqrt(x)": "unsafe", "K.sqrt(tf.abs(x))": "safe", "K.pow(x, -0.5)": "unsafe"}


@pytest.mark.engines
def test_a_root_at_0_that_is_not_chosen_has_no_gradient(engines: Engines) -> None:
    """Of a power it is NaN: the distances of a point to itself, masked, were the end of a training."""
    text = HEAD + "def f(x):\n    d = tf.reduce_sum(tf.square(x), axis=-1)\n    return tf.where(d > 0.0, tf.sqrt(d), d * 0.0)\n"
    analysis = analyse(Source.parse("a.py", text.encode()), load_rulebook(), "keras2", whole_module=True)
    after = apply_fixes(analysis, [f for f in analysis.findings if f.fix is not None and f.fix.applicability == "safe"])
    assert "K.sqrt(d)" in after
    for source in (text, after):
        result = run_snippet(engines, "tensorflow", source.replace("(x):", "(x):\n    x = x * 0.0", 1), "f", {"x": "float[2,3]"})
        assert result.ok
        assert [gradient.tolist() for gradient in result.gradients if gradient is not None] == [[[0.0] * 3] * 2]
