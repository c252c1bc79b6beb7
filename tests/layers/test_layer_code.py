"""Which code is layer code, and why."""

from __future__ import annotations

import ast

import pytest

from kmigrate.layers import LayerCode, kind_of_base
from kmigrate.names import Names


def contexts(text: str) -> dict[str, tuple[str, str]]:
    names = Names(ast.parse(text))
    code = LayerCode(names)
    found = {}
    for definition in names.definitions.values():
        context = code.context(definition)
        if context is not None:
            found[context.qualname] = (context.kind, context.reason)
    return found


def test_methods_of_classes_through_a_chain_of_bases() -> None:
    text = (
        "from keras.layers import Dense\nclass A(Dense):\n    def call(self, x): pass\n"
        "class B(A):\n    def call(self, x): pass\nclass C(object):\n    def call(self, x): pass\n"
    )
    found = contexts(text)
    assert set(found) == {"A", "A.call", "B", "B.call"}
    assert found["B.call"] == ("layer", "`B` is a layer class: it derives from `A` and through it from `keras.layers.Dense`")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Lambda(f)", "lambda"),
        ("model.compile('sgd', loss=f)", "loss"),
        ("model.compile('sgd', f)", "loss"),
        ("model.compile('sgd', 'mse', metrics=[f])", "metric"),
        ("model.compile('sgd', loss={'a': f})", "loss"),
        ("Dense(3, activation=f)", "activation"),
        ("Dense(3, kernel_regularizer=f)", "regularizer"),
        ("model.add_loss(f(x))", "loss"),
    ],
)
def test_functions_handed_to_keras(line: str, kind: str) -> None:
    text = f"from keras.layers import Lambda, Dense\ndef f(x):\n    return x\n{line}\n"
    assert contexts(text)["f"][0] == kind


def test_a_function_handed_elsewhere_is_not_layer_code() -> None:
    assert contexts("def f(x):\n    return x\nprint(f)\nDataset(activation=f)\n") == {}


def test_lambda_in_lambda_layer() -> None:
    assert contexts("from keras.layers import Lambda\nLambda(lambda x: x)")["<lambda>"][0] == "lambda"


def test_loss_signature() -> None:
    assert contexts("def dice(y_true, y_pred, smooth=1):\n    pass")["dice"][0] == "loss"
    assert contexts("def dice(y_pred, y_true):\n    pass")["dice"][0] == "loss"
    assert contexts("def score(_, y_pred):\n    pass")["score"][0] == "loss"
    assert contexts("def prior(y_true, _y_pred):\n    pass")["prior"][0] == "loss"
    assert contexts("def other(_, __):\n    pass\ndef third(_, y_pred, path):\n    pass") == {}


def test_predictions_first_and_more_is_a_picture_of_them() -> None:
    assert contexts("def confusion_matrix(y_pred, y_true, title='', show=True):\n    pass") == {}


def test_helpers_say_who_calls_them() -> None:
    text = (
        "from keras.layers import Layer\ndef a(x):\n    return b(x)\ndef b(x):\n    return x\ndef c(x):\n    return x\n"
        "class L(Layer):\n    def call(self, x):\n        return a(x)\n"
    )
    found = contexts(text)
    assert found["a"] == ("helper", "`a` is called from `L.call`")
    assert found["b"] == ("helper", "`b` is called from `a`")
    assert "c" not in found


@pytest.mark.parametrize(
    "lines",
    [
        "f = lambda x: x\nclass L(Layer):\n    def call(self, x, g=f):\n        return g(x)",
        "f = lambda x: x\nclass L(Layer):\n    def call(self, x):\n        return f(x)",
        "f = None if 1 else lambda x: x\ndef h(x, g=f): return g(x)\nclass L(Layer):\n    def call(self, x):\n        return h(x)",
        "from functools import partial\nf = partial(lambda x: x)\nclass L(Layer):\n    def call(self, x):\n        return f(x)",
        "f: int = lambda x: x\nclass L(Layer):\n    def call(self, x):\n        return map(f, x)",
    ],
)
def test_a_lambda_by_its_name_is_a_helper(lines: str) -> None:
    assert contexts(f"from keras.layers import Layer\n{lines}")["<lambda>"][0] == "helper"


def test_nested_functions_belong_to_their_function() -> None:
    text = "from keras.layers import Layer\nclass L(Layer):\n    def call(self, x):\n        def step(t):\n            return t\n"
    assert contexts(text)["L.call.step"][0] == "layer"


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("keras.layers.Layer", "layer"),
        ("keras.engine.topology.Layer", "layer"),
        ("keras.layers.convolutional._Conv", "layer"),
        ("keras.models.Model", "model"),
        ("keras.Model", "model"),
        ("keras.losses.Loss", "loss"),
        ("keras.regularizers.Regularizer", "regularizer"),
        ("keras.callbacks.Callback", None),
        ("keras.utils.Sequence", None),
        ("..layers.core.Layer", "layer"),
        ("torch.nn.Module", None),
        ("tf.Module", None),
        ("tf.losses.Loss", "loss"),  # TensorFlow 2 has these modules of Keras under names of its own
        ("tf.compat.v2.metrics.Metric", "metric"),
        ("tf.optimizers.Adam", "optimizer"),
        ("tf.losses.mean_squared_error", None),
        ("tf.train.Optimizer", None),
        ("mylib.layers.Wrapper", "layer"),
        ("gym.Wrapper", None),
        ("somewhere.Wrapper", None),
        ("lasagne.layers.Layer", None),
        ("torch.nn.LSTM", None),
    ],
)
def test_kinds_of_bases(symbol: str, kind: str | None) -> None:
    assert kind_of_base(symbol) == kind
