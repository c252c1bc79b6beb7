"""Methods of tensors are findings; the same names on anything else are not."""

from __future__ import annotations

import textwrap

import pytest
from conftest import analysed, fixed

from kmigrate.model import Finding
from kmigrate.rulebook.book import load_rulebook

TF = "import tensorflow as tf\n"
THEANO = "import theano.tensor as T\n"
HEAD = "import numpy as np\nimport pandas as pd\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\n"


def in_call(body: str, engine: str = "", arguments: str = "x, mask=None") -> str:
    lines = textwrap.indent(body, "        ")
    return f"{engine}{HEAD}class Mine(Layer):\n    def call(self, {arguments}):\n{lines}\n"


def methods(text: str) -> list[Finding]:
    classes = (
        "tf.Tensor.",
        "tf.TensorShape.",
        "tf.Dimension.",
        "tf.Variable.",
        "theano.tensor.TensorVariable.",
        "theano.compile.",
    )
    return [f for f in analysed(text, load_rulebook(), whole=False).findings if f.symbol.startswith(classes)]


@pytest.mark.parametrize(
    ("body", "engine", "symbol", "replacement"),
    [
        ("return x.get_shape().as_list()", "", "tf.TensorShape.as_list", "list(K.int_shape(x))"),
        ("return x.shape.as_list()[1:]", "", "tf.TensorShape.as_list", "list(K.int_shape(x))"),
        ("return x.get_shape()[1].value", "", "tf.Dimension.value", "K.int_shape(x)[1]"),
        ("return K.exp(x).shape[-1].value", "", "tf.Dimension.value", "K.int_shape(K.exp(x))[-1]"),
        ("return x.get_shape().ndims", "", "tf.TensorShape.ndims", "K.ndim(x)"),
        ("return x.get_shape()[0]", "", "tf.Tensor.get_shape", "K.int_shape(x)"),
        ("return x[0].get_shape()", "", "tf.Tensor.get_shape", "K.int_shape(x[0])"),
        ("return x.dimshuffle(0, 'x')", "", "theano.tensor.TensorVariable.dimshuffle", "K.expand_dims(x, 1)"),
        ("return x.dimshuffle((1, 0, 2))", "", "theano.tensor.TensorVariable.dimshuffle", "K.permute_dimensions(x, (1, 0, 2))"),
        ("return (x * 2).sum(axis=-1)", "", "theano.tensor.TensorVariable.sum", "K.sum(x * 2, axis=-1)"),
        (
            "return T.sqr(x).mean(1, keepdims=True)",
            THEANO,
            "theano.tensor.TensorVariable.mean",
            "K.mean(T.sqr(x), axis=1, keepdims=True)",
        ),
        ("return x.shape[0]", THEANO, "theano.tensor.TensorVariable.shape", "K.shape(x)"),
        ("return x.ndim", "", "theano.tensor.TensorVariable.ndim", "K.ndim(x)"),
        (
            "return x.reshape((\n    -1,  # all\n    3,\n))",
            "",
            "theano.tensor.TensorVariable.reshape",
            "K.reshape(x, (\n            -1,  # all\n            3,\n        ))",
        ),
        (
            "return x.sum(\n    axis=1,  # time\n)",
            "",
            "theano.tensor.TensorVariable.sum",
            "K.sum(x,\n            axis=1,  # time\n        )",
        ),
        ("y, z = x\nreturn z.max()", "", "theano.tensor.TensorVariable.max", "K.max(z)"),
        ("return [t.sum() for t in x]", "", "theano.tensor.TensorVariable.sum", "K.sum(t)"),
        ("return K.dot(x, x).T", "", "theano.tensor.TensorVariable.T", "K.transpose(K.dot(x, x))"),
        ("return mask.astype('float32')", THEANO, "theano.tensor.TensorVariable.astype", "K.cast(mask, 'float32')"),
    ],
)
def test_methods_of_tensors_are_found_and_rewritten(body: str, engine: str, symbol: str, replacement: str) -> None:
    (finding,) = methods(in_call(body, engine))
    assert finding.symbol == symbol
    assert finding.context.qualname == "Mine.call"
    assert finding.fix is not None and finding.fix.replacement == replacement


@pytest.mark.parametrize(
    ("body", "engine"),
    [
        ("return np.zeros((2, 3)).sum()", ""),
        ("w = np.ones(3)\nreturn w.reshape((3, 1)).T.dot(w)", ""),
        ("w = K.get_value(x)\nreturn w.sum(axis=1)", ""),
        ("return x.eval().sum()", THEANO.replace("import theano.tensor as T", "")),
        ("return self.helper(x).sum()", ""),
        ("return unknown(x).sum()", ""),
        ("return pd.DataFrame(x).T", ""),
        ("names = ['a']\nnames.sort()\nreturn names.copy()", ""),
        ("return 'text'.split().count('a')", ""),
        ("x.sort()\nreturn x.copy()", ""),
        ("return x.shape[-1]", ""),
        ("return x.shape[-1]", TF),
        ("return x.dtype, x.name", TF),
        ("return x.sum()", TF),  # no tensor of TensorFlow has it: then it is no tensor
        ("return x.get_shape()", THEANO),
        ("for x in self.models:\n    x.eval()", ""),
        ("x = np.asarray(x)\nreturn x.sum()", ""),
        ("if mask is None:\n    x = load()\nreturn x.sum()", ""),
        ("return self.T + self.name.T", ""),
        ("return K.int_shape(x).index(3)", ""),
    ],
)
def test_everything_else_is_left_alone(body: str, engine: str) -> None:
    found = [f for f in methods(in_call(body, engine)) if not f.symbol.endswith(".eval")]
    assert found == []


def test_code_that_is_no_layer_code_is_left_alone() -> None:
    assert methods(f"{TF}{HEAD}def train(x):\n    y = K.exp(x)\n    return y.get_shape()\n") == []


def test_variables_of_a_layer() -> None:
    text = f"{HEAD}class Mine(Layer):\n    def build(self, input_shape):\n        self.w = self.add_weight(name='w', shape=(3,))\n    def call(self, x):\n        {{}}\n"
    (finding,) = methods(text.format("self.w.assign(x)"))
    assert finding.symbol == "tf.Variable.assign"
    assert finding.fix is not None and finding.fix.applicability == "unsafe"
    (finding,) = methods(text.format("self.w.get_value()"))
    assert finding.fix is not None and finding.fix.replacement == "K.get_value(self.w)"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("s = x.get_shape()\nreturn s.as_list()", "not taken from its tensor"),
        ("s = x.get_shape()\nreturn s[1].value", "not taken from its tensor"),
        ("return (x.shape[1] * x.shape[2]).value", "not taken from its tensor"),
        ("s = x.get_shape()\nreturn (2 * (s[1] + 1)).value", "not taken from its tensor"),
        ("f = x.sum\nreturn f()", "not called"),
        ("return (x  # why\n    .sum())", "comment"),
        ("return x.sum(dtype='float64')", "'dtype' has no counterpart"),
        ("return x.argmax()", "without an axis"),
        ("return x.set_shape((2, 3))", "K.reshape"),
        ("return x.nonzero()", "no nonzero"),
        ("return f'{x.sum()}'", "f-string"),
        ("return x.dimshuffle(0, 'x', 'x', 1)", "K.expand_dims for each"),
    ],
)
def test_refusals_say_why(body: str, reason: str) -> None:
    findings = [f for f in methods(in_call(body)) if f.fix is None]
    assert len(findings) == 1
    assert reason in findings[0].message


def test_nested_uses_are_rewritten_in_one_run() -> None:
    text = in_call("return T.exp(x).sum(axis=T.argmax(x)).reshape((x.shape[0], -1))", THEANO)
    after = fixed(text, load_rulebook(), whole=False)
    assert "K.reshape(K.sum(K.exp(x), axis=" in after
    assert "K.shape(x)[0], -1)" in after
    assert fixed(after, load_rulebook(), whole=False) == after


def test_a_metric_on_arrays_is_no_layer_code() -> None:
    text = f"{HEAD}def accuracy(y_true, y_pred):\n    return (y_true == y_pred.argmax(axis=1)).mean()\n"
    assert methods(text) == []
