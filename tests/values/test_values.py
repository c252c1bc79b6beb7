"""What is known of expressions, and what is honestly not known."""

from __future__ import annotations

import ast
import textwrap
import time

import pytest

from kmigrate.layers import LayerCode
from kmigrate.names import Names
from kmigrate.values import Value, Values
from kmigrate.values.effects import EFFECTS
from kmigrate.values.operations import OPERATIONS

HEAD = "import numpy as np\nimport tensorflow as tf\nimport theano\nimport theano.tensor as T\nfrom keras import backend as K\nfrom keras import activations, initializers\nfrom keras.engine import InputSpec\nfrom keras.layers import Dense, Input, Lambda, Layer\n\n\n"


def value_of(text: str, head: str = HEAD) -> Value:
    """The value of the expression ``probe(...)`` in a module."""
    tree = ast.parse(head + textwrap.dedent(text))
    names = Names(tree)
    values = Values(names, LayerCode(names))
    call = next(c for c in names.calls if isinstance(c.func, ast.Name) and c.func.id == "probe")
    return values.of(call.args[0])


def brief(value: Value) -> str:
    """``tensor/keras [2,?] float32``, for people who read the tables below."""
    shape = "" if value.shape is None else " [" + ",".join("?" if n is None else str(n) for n in value.shape) + "]"
    return f"{value.kind}{'/' + value.engine if value.engine else ''}{shape}{' ' + value.dtype if value.dtype else ''}"


def in_function(line: str, expression: str = "y") -> str:
    return f"def f(a):\n    x = K.placeholder(shape=(2, 3, 4))\n    {line}\n    probe({expression})\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = x", "tensor/keras [2,3,4] floating"),
        ("y = K.placeholder((None, 5), dtype='int32')", "tensor/keras [?,5] int32"),
        ("y = K.placeholder(ndim=3)", "tensor/keras [?,?,?] floating"),
        ("y = tf.placeholder(tf.int64, [None, 2])", "tensor/tensorflow [?,2] int64"),
        ("y = T.matrix()", "tensor/theano [?,?] floating"),
        ("y = T.itensor3('i')", "tensor/theano [?,?,?] int32"),
        ("y = Input((3, 4))", "tensor/keras [?,3,4] floating"),
        ("y = K.sum(x)", "tensor/keras [] floating"),
        ("y = K.sum(x, axis=1)", "tensor/keras [2,4] floating"),
        ("y = K.sum(x, axis=(0, -1), keepdims=True)", "tensor/keras [1,3,1] floating"),
        ("y = K.sum(x, a)", "tensor/keras floating"),
        ("y = K.sum(x, axis=-1, keepdims=a)", "tensor/keras floating"),
        ("y = tf.reduce_max(x, reduction_indices=[1])", "tensor/tensorflow [2,4] floating"),
        ("y = T.mean(x, axis=0)", "tensor/theano [3,4] floating"),
        ("y = K.argmax(x)", "tensor/keras [2,3] integer"),
        ("y = tf.argmax(x, 1)", "tensor/tensorflow [2,4] integer"),
        ("y = K.any(x > 0, axis=-1)", "tensor/keras [2,3] bool"),
        ("y = K.expand_dims(x, 1)", "tensor/keras [2,1,3,4] floating"),
        ("y = K.expand_dims(x)", "tensor/keras [2,3,4,1] floating"),
        ("y = K.expand_dims(x, a)", "tensor/keras floating"),
        ("y = K.squeeze(K.expand_dims(x, 0), 0)", "tensor/keras [2,3,4] floating"),
        ("y = K.permute_dimensions(x, (2, 0, 1))", "tensor/keras [4,2,3] floating"),
        ("y = tf.transpose(x)", "tensor/tensorflow [4,3,2] floating"),
        ("y = tf.transpose(x, perm=[0, 2, 1])", "tensor/tensorflow [2,4,3] floating"),
        ("y = K.reshape(x, (-1, 12))", "tensor/keras [?,12] floating"),
        ("y = tf.reshape(x, tf.shape(x))", "tensor/tensorflow [?,?,?] floating"),
        ("y = tf.reshape(x, a)", "tensor/tensorflow floating"),
        ("y = K.concatenate([x, x, x], axis=1)", "tensor/keras [2,9,4] floating"),
        ("y = K.concatenate([a, x])", "tensor/keras [?,?,?]"),
        ("y = tf.concat(1, [x, x])", "tensor/tensorflow [2,6,4] floating"),
        ("y = K.stack([x, x], axis=1)", "tensor/keras [2,2,3,4] floating"),
        ("y = K.dot(x, K.placeholder((4, 7)))", "tensor/keras [2,3,7] floating"),
        ("y = tf.matmul(x, x, transpose_b=True)", "tensor/tensorflow [2,3,3] floating"),
        ("y = K.batch_dot(x, x, axes=(2, 2))", "tensor/keras [?,?,?] floating"),
        ("y = tf.einsum('abc,acd->abd', x, a)", "tensor/tensorflow [?,?,?]"),
        ("y = K.one_hot(K.argmax(x), 5)", "tensor/keras [?,?,?] floating"),
        ("y = K.gather(x, K.argmax(x))", "tensor/keras [?,?,?,?] floating"),
        ("y = K.cast(x, 'int32')", "tensor/keras [2,3,4] int32"),
        ("y = tf.cast(x, tf.float16)", "tensor/tensorflow [2,3,4] float16"),
        ("y = K.cast(x, K.floatx())", "tensor/keras [2,3,4]"),
        ("y = x * 2", "tensor/keras [2,3,4] floating"),
        ("y = 1.0 - tf.cast(x, 'float32')", "tensor/tensorflow [2,3,4] float32"),
        ("y = x + K.placeholder((4,))", "tensor/keras [2,3,4] floating"),
        ("y = x + K.placeholder((7, 1, 1, 1))", "tensor/keras [7,2,3,4] floating"),
        ("y = x + a", "tensor/keras"),
        ("y = x > 0.5", "tensor/keras [2,3,4] bool"),
        ("y = x == 0", "None bool"),
        ("y = -x", "tensor/keras [2,3,4] floating"),
        ("y = x[0]", "tensor/keras [3,4] floating"),
        ("y = x[:, 1]", "tensor/keras [2,4] floating"),
        ("y = x[:, 1:]", "tensor/keras [2,2,4] floating"),
        ("y = x[..., 0]", "tensor/keras [2,3] floating"),
        ("y = x[..., None]", "tensor/keras [2,3,4,1] floating"),
        ("y = x[:, tf.newaxis, -1]", "tensor/keras [2,1,4] floating"),
        ("y = x[a]", "tensor/keras floating"),
        ("y = x[x > 0]", "tensor/keras floating"),
        ("y = x[:a]", "tensor/keras [?,3,4] floating"),
        ("y = K.shape(x)", "tensor/keras [3] integer"),
        ("y = K.shape(x)[0]", "tensor/keras [] integer"),
        ("y = K.int_shape(x)", "sequence [3] integer"),
        ("y = K.ndim(x)", "number [] integer"),
        ("y = K.sum(x, axis=K.ndim(x) - 1)", "tensor/keras [2,3] floating"),
        ("y = x.get_shape()", "shape/tensorflow"),
        ("y = tuple(x.get_shape().as_list())", "sequence [3] integer"),
        ("y = x.get_shape().as_list()", "sequence"),
        ("y = x.dimshuffle(0, 'x', 1, 2)", "tensor/theano [?,?,?,?] floating"),
        ("y = x.sum(axis=1)", "tensor/theano [2,4] floating"),
        ("y = x.T", "tensor/keras [4,3,2] floating"),
        ("y = x.eval()", "array"),
        ("y = np.zeros((2, 3))", "array"),
        ("y = np.zeros(3) * 2", "array"),
        ("y = np.ones((2, 3)) * x", "tensor/keras"),
        ("y = K.get_value(x)", "array"),
        ("y = K.zeros((2, 3))", "variable/keras [2,3] floating"),
        ("y = K.zeros(a)", "tensor/keras floating"),
        ("y = K.variable([[1.0, 2.0]])", "variable/keras [1,2] floating"),
        ("y = tf.Variable(a)", "variable/tensorflow"),
        ("y = theano.shared(a)", "variable/theano"),
        ("y = Dense(3)(x)", "tensors/keras"),
        ("y = activations.get('relu')(x)", "tensor/keras"),
        ("y = a", "None"),
        ("y = a(x)", "None"),
        ("y = foo(x)", "None"),
        ("y = 'text'.T", "None"),
        ("y = (x, x)", "sequence [2,2,3,4] floating"),
        ("y = [x, x]", "sequence"),
        ("y = (x, 1)", "sequence"),
        ("y = (x if a else K.exp(x))", "tensor/keras [2,3,4] floating"),
        ("y = (x if a else K.sum(x))", "tensor/keras floating"),
        ("y = (x if a else 3)", "None"),
        ("y = a or x", "None"),
        ("y, z = x, K.sum(x)", "tensor/keras [2,3,4] floating"),
        ("(y, b), z = (x, 1), 2", "tensor/keras [2,3,4] floating"),
        ("*y, z = x, x, x", "None"),
        ("y = [K.sum(t) for t in [x, x]][0]", "tensor/keras [] floating"),
        ("y = K.rnn(a, x, [])[0]", "tensor/keras"),
        ("mean, y = tf.nn.moments(x, [0, 1])", "tensor/tensorflow [4] floating"),
        ("y = K.switch(x > 0, x, -x)", "tensor/keras [?,?,?] floating"),
        ("y = K.switch(a, x, -x)", "tensor/keras floating"),
        ("y = tf.cond(a, lambda: x, lambda: x + 1)", "tensor/tensorflow [2,3,4] floating"),
        ("y = K.in_train_phase(lambda: x, x)", "tensor/keras [2,3,4] floating"),
        ("y = tf.random.uniform(tf.shape(x))", "tensor/tensorflow [?,?,?] floating"),
        ("y = tf.compat.v1.reduce_sum(x, 0)", "tensor/tensorflow [3,4] floating"),
        ("y = K.sum(*a)", "tensor/keras"),
        ("y = K.sum(x, **a)", "tensor/keras floating"),
    ],
)
def test_expressions(line: str, expected: str) -> None:
    assert brief(value_of(in_function(line))) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = K.sum(x, 0)\nx = K.sum(x, 0)\nprobe(x)", "[4]"),
        ("if a:\n    x = K.sum(x, 0)\nelse:\n    x = K.sum(x, 1)\nprobe(x)", "[?,4]"),
        ("if a:\n    x = K.sum(x, 0)\nprobe(x)", None),
        ("if a:\n    x = K.sum(x, 0)\n    return x\nprobe(x)", "[2,3,4]"),
        ("if a:\n    y = x\nelif b:\n    y = -x\nelse:\n    raise ValueError\nprobe(y)", "[2,3,4]"),
        ("for i in range(3):\n    x = K.relu(x)\nprobe(x)", "[2,3,4]"),
        ("for i in range(3):\n    x = K.expand_dims(x)\nprobe(x)", None),
        ("for i in a:\n    probe(x)\n    x = K.sum(x, 0)", None),
        ("while a:\n    y = x\n    x = K.dot(x, K.placeholder((4, 4)))\nprobe(x)", "[2,3,4]"),
        ("try:\n    x = K.sum(x, 0)\n    x = K.sum(x, 0)\nexcept TypeError:\n    probe(x)", None),
        ("try:\n    y = x\nexcept TypeError:\n    y = -x\nprobe(y)", "[2,3,4]"),
        ("try:\n    pass\nfinally:\n    x = x[0]\nprobe(x)", "[3,4]"),
        ("with tf.name_scope('n'):\n    x = x[0]\nprobe(x)", "[3,4]"),
        ("with contextlib.suppress(ValueError):\n    x = x[0]\nprobe(x)", None),
        ("x += 1\nprobe(x)", "[2,3,4]"),
        ("for i in range(3):\n    x += 1\nprobe(x)", "[2,3,4]"),
        ("del x\nprobe(x)", None),
        ("def g():\n    nonlocal x\n    x = x[0]\nprobe(x)", None),
        ("g = lambda: probe(x)", "[2,3,4]"),
        ("axes = [1]\nprobe(K.sum(x, axes))", "[2,4]"),
        ("axes = [1]\naxes.append(2)\nprobe(K.sum(x, axes))", None),
        ("axes = [1]\nother = axes\nother.append(2)\nprobe(K.sum(x, axes))", None),
        ("axes = [1]\nchange(axes)\nprobe(K.sum(x, axes))", None),
        ("axes = [1]\naxes[0] = 2\nprobe(K.sum(x, axes))", None),
        ("axes = (1,)\nchange(axes)\nprobe(K.sum(x, axes))", "[2,4]"),
        ("for x, y in zip([x], [1]):\n    probe(x)", "[2,3,4]"),
        ("for i, t in enumerate([x, x]):\n    probe(t)", "[2,3,4]"),
        ("[probe(x) for x in a]", None),
        ("import x\nprobe(x)", None),
        ("match a:\n    case [x]:\n        pass\nprobe(x)", None),
        ("if (x := K.sum(x)) is a:\n    pass\nprobe(x)", None),
        ("def inner(t):\n    return K.sum(t, 0)\nprobe(inner(x))", "[3,4]"),
        ("def inner(t):\n    return K.sum(t, 0)\ninner(-x[0])\nprobe(inner(x))", None),
        ("def inner(t):\n    return inner(t)\nprobe(inner(x))", None),
        ("def inner(t, n):\n    return t if n else inner(K.relu(t), n - 1)\nprobe(inner(x, 3))", "[2,3,4]"),
    ],
)
def test_the_binding_that_reaches_the_use(body: str, expected: str | None) -> None:
    text = "def f(a, b):\n    x = K.placeholder(shape=(2, 3, 4))\n" + textwrap.indent(body, "    ")
    shape = value_of(text).shape
    assert (shape and "[" + ",".join("?" if n is None else str(n) for n in shape) + "]") == expected


LAYER = """
class Mine(Layer):
    def __init__(self, **kwargs):
        {init}
    def build(self, input_shape):
        {build}
    def call(self, inputs, mask=None):
        {call}
"""


def layer(init: str = "pass", build: str = "pass", call: str = "pass") -> str:
    return LAYER.format(init=init, build=build, call=call)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (layer(call="probe(inputs)"), "tensors/keras"),
        (layer(call="probe(inputs[0])"), "tensor/keras"),
        (layer(call="x, y = inputs; probe(y)"), "tensor/keras"),
        (layer(call="probe(inputs[:, 0])"), "tensor/keras"),
        (layer(call="probe(mask)"), "tensors/keras"),
        (layer(call="probe(self)"), "None"),
        (layer(build="probe(input_shape)"), "shape"),
        (layer(init="self.input_spec = InputSpec(ndim=4)", call="probe(inputs)"), "tensor/keras [?,?,?,?]"),
        (layer(init="self.input_spec = InputSpec(shape=(None, 3))", call="probe(inputs)"), "tensor/keras [?,?]"),
        (layer(init="self.input_spec = [InputSpec(ndim=3)]", call="probe(inputs)"), "tensor/keras [?,?,?]"),
        (layer(init="self.input_spec = [InputSpec(ndim=3), InputSpec(ndim=2)]", call="probe(inputs)"), "tensors/keras"),
        (layer(init="self.input_spec = InputSpec(min_ndim=3)", call="probe(inputs)"), "tensors/keras"),
        (layer(init="self.input_spec = InputSpec(ndim=n)", call="probe(inputs)"), "tensors/keras"),
        (layer(build="assert len(input_shape) == 3", call="probe(inputs)"), "tensor/keras [?,?,?]"),
        (layer(build="assert len(input_shape) >= 3", call="probe(inputs)"), "tensors/keras"),
        (
            layer(build="self.k = self.add_weight(name='k', shape=(input_shape[-1], 4))", call="probe(self.k)"),
            "variable/keras [?,4] floating",
        ),
        (layer(build="self.k = self.add_weight('k', (3, 4), dtype='int32')", call="probe(self.k)"), "variable/keras [3,4] int32"),
        (
            layer(build="s = input_shape[1:]; self.k = self.add_weight(shape=s, name='k')", call="probe(self.k)"),
            "variable/keras floating",
        ),
        (
            layer(init="self.k = None", build="self.k = self.add_weight(shape=(2, 3), name='k')", call="probe(self.k)"),
            "variable/keras [2,3] floating",
        ),
        (layer(init="self.k = 0", build="self.k = self.add_weight(shape=(2, 3), name='k')", call="probe(self.k)"), "None"),
        (
            layer(init="setattr(self, name, 1)", build="self.k = self.add_weight(shape=(2, 3), name='k')", call="probe(self.k)"),
            "None",
        ),
        (layer(init="self.axes = (1,)", call="probe(K.sum(K.placeholder((2, 3)), self.axes))"), "tensor/keras [2] floating"),
        (layer(init="self.axes = [1]", call="probe(K.sum(K.placeholder((2, 3)), self.axes))"), "tensor/keras floating"),
        (layer(init="self.d = Dense(3)", call="probe(self.d(inputs))"), "tensors/keras"),
        (layer(init="self.act = activations.get('relu')", call="probe(self.act(inputs))"), "tensor/keras"),
        ("class A(Dense):\n    def call(self, x):\n        probe(self.kernel)", "variable/keras floating"),
        ("class A(object):\n    def call(self, x):\n        probe(x)", "None"),
        (
            layer(call="probe(self._part(K.placeholder((2, 3))))") + "    def _part(self, t):\n        return K.sum(t, 1)\n",
            "tensor/keras [2] floating",
        ),
        (
            "class A(Layer):\n    def call(self, x):\n        probe(self.k)\n    def build(self, s):\n        self.k = self.add_weight(shape=(2,), name='k')\nclass B(A):\n    def build(self, s):\n        self.k = 3\n",
            "None",
        ),
        ("def loss(y_true, y_pred):\n    probe(K.mean(y_true))\n", "tensor/keras []"),
        ("def loss(y_true, y_pred):\n    K.exp(1)\n    probe(y_pred)\n", "tensor/keras"),
        ("def accuracy(y_true, y_pred):\n    probe(y_pred)\n", "None"),
        ("def accuracy(y_true, y_pred):\n    np.mean(y_true)\n    K.exp(1)\n    probe(y_pred)\n", "None"),
        ("Lambda(lambda t: probe(t))", "tensors/keras"),
        ("def f(t):\n    probe(t)\nLambda(f)", "tensors/keras"),
        ("def f(t):\n    probe(t)\nLambda(f)\nf(np.zeros(3))", "None"),
        ("theano.scan(lambda a, b: probe(b), sequences=[1])", "tensor/theano"),
        ("def step(x, states):\n    probe(states[0])\nK.rnn(step, 1, [])", "tensor/keras"),
        ("def helper(t):\n    probe(t)\nhelper(K.placeholder((2, 3)))", "tensor/keras"),
        ("def _helper(t):\n    probe(t)\n_helper(K.placeholder((2, 3)))", "tensor/keras [2,3] floating"),
        ("def helper(t):\n    probe(t)\nhelper(K.placeholder((2, 3)))\nhelper(np.zeros(3))", "None"),
        ("def helper(t):\n    probe(t)\nhelper(K.placeholder((2, 3)))\ng = helper", "None"),
        ("def helper(t):\n    probe(t)", "None"),
    ],
)
def test_layer_code(text: str, expected: str) -> None:
    assert brief(value_of(text)) == expected


def test_every_operation_names_an_effect() -> None:
    assert {known.effect for known in OPERATIONS.values()} - set(EFFECTS) == set()


def test_giants_take_no_quadratic_time_and_no_stack() -> None:
    started = time.process_time()
    terms = " + ".join(["K.exp(x)"] * 2000)
    assert value_of(f"def f():\n    x = K.placeholder((2, 3))\n    probe({terms})").shape == (2, 3)
    chain = "".join(f"    x{i + 1} = K.exp(x{i})\n" for i in range(5000))
    assert value_of(f"def f():\n    x0 = K.placeholder((2, 3))\n{chain}    probe(x5000)").shape == (2, 3)
    branches = "".join(f"    if a{i}:\n        x = -x\n" for i in range(3000))
    assert value_of(f"def f():\n    x = K.placeholder((2, 3))\n{branches}    probe(x)").shape is None
    nested = "".join(f"    y{i + 1} = [y{i}, y{i}]\n" for i in range(200))
    assert value_of(f"def f():\n    y0 = K.placeholder((2, 3))\n{nested}    probe(y200)").kind == "sequence"
    assert time.process_time() - started < 20
