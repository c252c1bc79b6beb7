"""Methods that tell by themselves what they are called on: in a helper whose parameter nothing is known of."""

from __future__ import annotations

import pytest
from conftest import analysed

from kmigrate.model import Finding
from kmigrate.rulebook.book import load_rulebook

TF = "import tensorflow as tf\n"
THEANO = "import theano.tensor as T\n"
# The helper takes no tensor that the file shows: the layer hands over what another module made.
HELPER = """{engine}import numpy as np
from keras.layers import Layer
from .elsewhere import made, Thing


class Config:
    pass


class Mine(Layer):
    def build(self, input_shape):
        {build}

    def call(self, x):
        return helper(made(x))


def helper(v):
    {body}
"""


def found(body: str, engine: str = TF, build: str = "pass") -> list[Finding]:
    text = HELPER.format(engine=engine, body=body, build=build)
    findings = analysed(text, load_rulebook(), whole=False).findings
    return [f for f in findings if f.symbol.rpartition(".")[0].endswith(("Tensor", "Variable", "TensorShape", "Dimension"))]


@pytest.mark.parametrize(
    ("body", "engine", "symbol"),
    [
        ("return v.get_shape()", TF, "tf.Tensor.get_shape"),
        ("return v.get_shape()[0]", "", "tf.Tensor.get_shape"),
        ("return v.get_shape().as_list()", TF, "tf.TensorShape.as_list"),
        ("return v.shape.as_list()[1:]", "", "tf.TensorShape.as_list"),
        ("return v.shape.rank", TF, "tf.TensorShape.rank"),
        ("return v.get_shape().ndims", TF, "tf.TensorShape.ndims"),
        ("return v.shape[1].value", TF, "tf.Dimension.value"),
        ("s = v.get_shape()\n    return s.dims, s.ndims", TF, "tf.TensorShape.ndims"),
        ("v.set_shape([None, 3])", TF, "tf.Tensor.set_shape"),
        ("return v.numpy()", TF, "tf.Tensor.numpy"),
        ("return v.eval(session=None)", TF, "tf.Tensor.eval"),
        ("return v.assign(3.0)", TF, "tf.Variable.assign"),
        ("return v.assign_add(3.0)", "", "tf.Variable.assign_add"),
        ("return v.slot.assign_sub(3.0)", TF, "tf.Variable.assign_sub"),
        ("return v.read_value()", TF, "tf.Variable.read_value"),
        ("return v.dimshuffle(0, 'x')", "", "theano.tensor.TensorVariable.dimshuffle"),
        ("return v.dimshuffle((1, 0))", THEANO, "theano.tensor.TensorVariable.dimshuffle"),
        ("return v.get_value(borrow=True)", THEANO, "theano.compile.SharedVariable.get_value"),
        ("v.set_value(1.0)", THEANO, "theano.compile.SharedVariable.set_value"),
        ("return v.eval().shape", THEANO, "theano.tensor.TensorVariable.eval"),
        ("return v.get_value()", "def g():\n    import theano\n", "theano.compile.SharedVariable.get_value"),
        ("return v.numpy()", "tf = lazy_import('tensorflow')\n", "tf.Tensor.numpy"),
    ],
)
def test_a_method_that_nothing_else_has(body: str, engine: str, symbol: str) -> None:
    names = {f.symbol for f in found(body, engine)} - {"tf.Tensor.get_shape"} or {"tf.Tensor.get_shape"}
    assert names == {symbol}


@pytest.mark.parametrize(
    ("body", "replacement", "assumed"),
    [
        ("return v.shape.as_list()", "list(K.int_shape(v))", "`v` is a tensor"),
        ("return v.shape[1].value", "K.int_shape(v)[1]", "`v` is a tensor"),
        ("return v[0].get_shape().ndims", "K.ndim(v[0])", "`v[0]` is a tensor"),
        ("return v.assign_add(1.0)", "K.update_add(v, 1.0)", "`v` is a variable, and the layer hands the update on"),
    ],
)
def test_its_fix_is_unsafe_and_says_what_it_assumes(body: str, replacement: str, assumed: str) -> None:
    (finding,) = found(body)
    assert finding.fix is not None
    assert (finding.fix.applicability, finding.fix.replacement) == ("unsafe", replacement)
    assert (finding.fix.assumption or "").startswith(assumed)


@pytest.mark.parametrize(
    ("body", "engine"),
    [
        ("return v.numpy()", ""),  # PyTorch's tensors have it too
        ("return v.eval()", ""),
        ("return v.assign(a=1)", TF),  # a table's columns
        ("return v.assign(a=1, b=2)", TF),
        ("return v.get_value()", TF),
        ("return v.get_shape()", THEANO),
        ("return v.shape.as_list()", THEANO),
        ("return v.dimshuffle(0, 'x')", TF),
        ("return v.get_shape(True)", TF),
        ("return v.set_shape(2, 3)", TF),
        ("return v.sum(), v.mean(), v.T, v.shape, v.shape[0]", TF),
        ("return v.rank, v.ndims, v.value", TF),
        ("return np.zeros(3).assign(3)", TF),
        ("w = np.ones(3)\n    return w.get_shape()", TF),
        ("return made.get_shape()", TF),  # what is imported is a name of its own
        ("return Config.get_shape()", TF),
        ("return [1, 2].read_value()", TF),
    ],
)
def test_what_others_have_too_tells_nothing(body: str, engine: str) -> None:
    assert found(body, engine) == []


def test_methods_of_the_object_itself_are_its_own() -> None:
    assert found("pass", build="self.get_shape(); super().get_shape(); self.assign(1)") == []


@pytest.mark.parametrize(
    "use",
    ["input_shape.as_list()", "input_shape[1].value", "input_shape.ndims", "input_shape[0][-1].value", "input_shape[0].rank"],
)
def test_the_shape_that_keras_inside_tensorflow_hands_over(use: str) -> None:
    (finding,) = found("pass", build=f"self.n = {use}")
    assert finding.fix is None
    assert "not taken from its tensor" in finding.message
