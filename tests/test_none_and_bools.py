"""What a parameter may be beside a tensor or a dtype: None, or a Python bool. A fix that holds for the rest alone is unsafe."""

from __future__ import annotations

import pytest
from conftest import analysed

from kmigrate.model import Finding
from kmigrate.rulebook.book import load_rulebook

HEAD = "import numpy as np\nimport tensorflow as tf\nimport theano.tensor as T\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\n"


def first(expression: str) -> Finding:
    text = f"{HEAD}class A(Layer):\n    def call(self, x, dtype=None, training=None):\n        return {expression}\n"
    return analysed(text, load_rulebook(), whole=False).findings[0]


@pytest.mark.parametrize(
    "call",
    [
        "tf.constant(3, dtype=dtype)",
        "tf.convert_to_tensor(2, dtype)",
        "tf.range(0, 5, dtype=dtype)",
        "tf.range(5, dtype=dtype)",
        "tf.one_hot(x, 5, dtype=dtype)",
        "tf.sequence_mask(x, 5, dtype)",
        "T.constant(3, dtype=dtype)",
        "T.extra_ops.to_one_hot(x, 5, dtype=dtype)",
    ],
)
def test_a_dtype_that_may_be_none(call: str) -> None:
    fix = first(call).fix
    assert fix is not None and fix.applicability == "unsafe" and "dtype is not None" in str(fix.assumption)


@pytest.mark.parametrize(
    "call", ["tf.convert_to_tensor(2, x.dtype)", "tf.one_hot(x, 5, dtype=x.dtype)", "tf.sequence_mask(x, 5, x.dtype)"]
)
def test_the_dtype_of_a_tensor_is_not_none(call: str) -> None:
    fix = first(call).fix
    assert fix is not None and fix.applicability == "safe"


@pytest.mark.parametrize("function", ["and", "or", "xor"])
def test_two_python_bools_stay_python(function: str) -> None:
    fix = first(f"tf.math.logical_{function}(training, self.trainable)").fix
    assert fix is not None and fix.applicability == "unsafe" and fix.assumption == "one of the two is a tensor"
    fix = first(f"tf.math.logical_{function}(training, x > 0.0)").fix
    assert fix is not None and fix.applicability == "safe"


@pytest.mark.parametrize(
    ("flag", "applicability"),
    [
        ("training", "safe"),
        ("tf.equal(x.shape[1], 1)", "unsafe"),  # a constant where the shape is static: only one branch is built
        ("self.flag", "unsafe"),
    ],
)
def test_smart_cond_builds_one_branch_of_a_constant(flag: str, applicability: str) -> None:
    text = f"from tensorflow.python.framework.smart_cond import smart_cond\n{HEAD}class A(Layer):\n"
    text += f"    def call(self, x, training=None):\n        return smart_cond({flag}, lambda: x, lambda: -x)\n"
    found = {f.symbol: f.fix for f in analysed(text, load_rulebook(), whole=False).findings}
    fix = found["tf.python.framework.smart_cond.smart_cond"]
    assert fix is not None and fix.applicability == applicability


@pytest.mark.parametrize(
    "call",
    [
        "tf.math.count_nonzero(x, dtype=bool)",
        "tf.math.count_nonzero(x, dtype=(x > 0.0).dtype)",
        "tf.zeros([2, K.shape(x)[0]], dtype=K.dtype(x > 0.0))",
        "tf.ones(self.size, dtype=tf.greater(x, 0.0).dtype)",
        "T.floor(x > 0.0)",
        "T.extra_ops.diff(K.greater(x, 0.0), axis=1)",
        "T.nnet.relu(T.gt(x, 0.0), 0.1)",
        "T.extra_ops.to_one_hot(x, 4, dtype=np.int32)",
        "T.extra_ops.to_one_hot(x, 4, dtype=float)",
    ],
)
def test_what_the_replacement_cannot_take_has_no_fix(call: str) -> None:
    assert first(call).fix is None


@pytest.mark.parametrize(
    ("call", "replacement"),
    [
        ("tf.zeros((2, 3), dtype=(x > 0.0).dtype)", "K.constant(False, dtype=(x > 0.0).dtype, shape=(2, 3))"),
        ("tf.ones((2, 3), dtype=K.dtype(x > 0.0))", "K.constant(True, dtype=K.dtype(x > 0.0), shape=(2, 3))"),
        ("tf.ones((2, 3), dtype=x.dtype)", "K.constant(1, dtype=x.dtype, shape=(2, 3))"),
        ("tf.nn.zero_fraction(x > 0.0)", "K.mean(1.0 - K.cast(K.cast(x > 0.0, 'bool'), 'float32'))"),
        ("T.floor(x)", "-x // -1.0"),
        ("T.nnet.relu(x > 0.0)", "K.relu(x > 0.0)"),
        ("T.extra_ops.to_one_hot(x, 4, dtype=self.kind)", "K.cast(K.one_hot(x, 4), self.kind)"),
    ],
)
def test_what_it_can_take_keeps_one(call: str, replacement: str) -> None:
    fix = first(call).fix
    assert fix is not None and fix.applicability == "safe" and fix.replacement == replacement


@pytest.mark.parametrize(
    ("labels", "has_fix"), [("(1, 4)", False), ("(4,)", False), ("(3, 1)", False), ("(3, 4)", True), ("(K.shape(x)[0], 4)", True)]
)
def test_labels_that_broadcast(labels: str, has_fix: bool) -> None:
    call = f"tf.compat.v1.nn.softmax_cross_entropy_with_logits_v2(labels=K.reshape(x, {labels}), logits=K.reshape(x, (3, 4)))"
    assert (first(call).fix is not None) is has_fix


@pytest.mark.parametrize(("call", "has_fix"), [("K.sum(x), 2, axis=0", False), ("K.sum(x), 2", True), ("x, 2, axis=0", True)])
def test_a_scalar_has_no_axis_to_repeat_along(call: str, has_fix: bool) -> None:
    assert (first(f"tf.repeat({call})").fix is not None) is has_fix
