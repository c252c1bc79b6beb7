"""References that are not calls: one case for each form, with what is found and what the fix writes."""

from __future__ import annotations

import pytest
from conftest import analysed

from kmigrate.rulebook.book import load_rulebook

HEAD = "import tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Dense, Layer\n\n\n"
IN_CALL = "class Mine(Layer):\n    def call(self, x):\n        {}\n        return x\n"
# Where it stands -> the code, the symbols that are found, and what the first finding's fix writes (None: no fix;
# what is nested in it is rewritten by its own fix).
FORMS = {
    "a dtype as an argument of K": (IN_CALL.format("x = K.cast(x, tf.float32)"), ["tf.float32"], "'float32'"),
    "a dtype as a keyword": (IN_CALL.format("x = K.zeros((2,), dtype=tf.int32)"), ["tf.int32"], "'int32'"),
    "a dtype as an argument of the engine": (
        IN_CALL.format("x = tf.cast(x, tf.float32)"),
        ["tf.cast", "tf.float32"],
        "K.cast(x, tf.float32)",
    ),
    "a dtype of add_weight": (
        "class Mine(Layer):\n    def build(self, s):\n        self.w = self.add_weight('w', (3,), dtype=tf.float32)\n",
        ["tf.float32"],
        "'float32'",
    ),
    "isinstance": (IN_CALL.format("assert isinstance(x, tf.Tensor)"), ["tf.Tensor"], None),
    "isinstance of several": (
        IN_CALL.format("assert isinstance(x, (tf.Tensor, tf.Variable))"),
        ["tf.Tensor", "tf.Variable"],
        None,
    ),
    "isinstance of a class with a function of K": (IN_CALL.format("assert isinstance(x, tf.Variable)"), ["tf.Variable"], None),
    "issubclass of it": (IN_CALL.format("assert issubclass(type(x), (int, tf.Variable))"), ["tf.Variable"], None),
    "an annotation with it": (IN_CALL.format("y: list[tf.Variable] = x"), ["tf.Variable"], None),
    "a class that derives from it": ("class Mine(Layer):\n    class Inner(tf.Variable):\n        pass\n", ["tf.Variable"], None),
    "an annotation": ("class Mine(Layer):\n    def call(self, x: tf.Tensor):\n        return x\n", ["tf.Tensor"], "Any"),
    "an annotation of what is returned": (
        "class Mine(Layer):\n    def call(self, x) -> tf.Tensor:\n        return x\n",
        ["tf.Tensor"],
        "Any",
    ),
    "an annotation in a text": (
        'class Mine(Layer):\n    def call(self, x: "tf.Tensor"):\n        return x\n',
        ["tf.Tensor"],
        None,
    ),
    "an annotation of a variable": (IN_CALL.format("y: tf.Tensor = x"), ["tf.Tensor"], "Any"),
    "an annotation within another": (
        "class Mine(Layer):\n    def call(self, x: list[tf.Tensor]):\n        return x\n",
        ["tf.Tensor"],
        "Any",
    ),
    "a subscript": (IN_CALL.format("x = x[:, tf.newaxis]"), ["tf.newaxis"], "None"),
    "two subscripts": (IN_CALL.format("x = x[tf.newaxis, ..., tf.newaxis]"), ["tf.newaxis", "tf.newaxis"], "None"),
    "a default argument": (
        "class Mine(Layer):\n    def call(self, x, act=tf.nn.relu):\n        return act(x)\n",
        ["tf.nn.relu"],
        "K.relu",
    ),
    "a default dtype": (
        "class Mine(Layer):\n    def __init__(self, dtype=tf.float32):\n        self.d = dtype\n",
        ["tf.float32"],
        "'float32'",
    ),
    "a function as an argument": (
        "class Mine(Layer):\n    def build(self, s):\n        self.d = Dense(3, activation=tf.nn.relu)\n",
        ["tf.nn.relu"],
        "K.relu",
    ),
    "a function as an attribute": (
        "class Mine(Layer):\n    def build(self, s):\n        self.f = tf.nn.softmax\n\n    def call(self, x):\n        return self.f(x)\n",
        ["tf.nn.softmax", "tf.nn.softmax"],
        "K.softmax",
    ),
    "functions in a table": (
        "class Mine(Layer):\n    table = {'a': tf.nn.relu, 'b': tf.tanh}\n",
        ["tf.nn.relu", "tf.math.tanh"],
        "K.relu",
    ),
    "a function mapped": (IN_CALL.format("x = list(map(tf.exp, [x]))"), ["tf.math.exp"], "K.exp"),
    "a comparison of functions": (
        "class Mine(Layer):\n    def call(self, x):\n        return x if self.f == tf.nn.softmax else -x\n",
        ["tf.nn.softmax"],
        None,
    ),
    "a comparison of dtypes": (IN_CALL.format("assert x.dtype == tf.float32"), ["tf.float32"], "'float32'"),
    "identity": (IN_CALL.format("assert self.f is tf.nn.relu"), ["tf.nn.relu"], None),
    "identity of a dtype": (IN_CALL.format("assert x.dtype is not tf.float32"), ["tf.float32"], None),
    "a decorator": ("class Mine(Layer):\n    @tf.function\n    def call(self, x):\n        return x\n", ["tf.function"], None),
    "a decorator that is called": (
        "class Mine(Layer):\n    @tf.function(autograph=False)\n    def call(self, x):\n        return x\n",
        ["tf.function"],
        None,
    ),
    "a with block": (
        "class Mine(Layer):\n    def call(self, x):\n        with tf.name_scope('s'):\n            return x\n",
        ["tf.name_scope"],
        "K.name_scope('s')",
    ),
    "hasattr": (IN_CALL.format("y = hasattr(tf, 'function')"), ["tf.function"], None),
    "getattr with a computed name": (IN_CALL.format("f = getattr(tf.nn, 'conv%dd' % 2)"), ["tf.nn"], None),
    "getattr with a literal": (IN_CALL.format("f = getattr(tf.nn, 'relu')"), ["tf.nn.relu"], None),
    "a module handed on": (IN_CALL.format("x = apply(tf, x)"), ["tf"], None),
    "a base class in it": ("class Mine(Layer):\n    class Inner(tf.Module):\n        pass\n", ["tf.Module"], None),
    "an exception": (
        IN_CALL.format("try:\n            pass\n        except tf.errors.OutOfRangeError:\n            pass"),
        ["tf.errors.OutOfRangeError"],
        None,
    ),
    "a raise": (IN_CALL.format("raise tf.errors.OpError('a')"), ["tf.errors.OpError"], None),
    "a target": (IN_CALL.format("tf.config.x = 3"), ["tf.config.x"], None),
    "a deletion": (IN_CALL.format("del tf.x"), ["tf.x"], None),
    "a return": ("class Mine(Layer):\n    def f(self):\n        return tf.float32\n", ["tf.float32"], "'float32'"),
    "identity of an axis": (IN_CALL.format("assert x is not tf.newaxis"), ["tf.newaxis"], "None"),
    "an f-string": (IN_CALL.format("print(f'{tf.float32}')"), ["tf.float32"], None),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_reference_that_is_no_call(form: str) -> None:
    body, symbols, replacement = FORMS[form]
    findings = [f for f in analysed(HEAD + body, load_rulebook(), whole=False).findings]
    assert [f.symbol for f in findings] == symbols
    assert (findings[0].fix.replacement if findings[0].fix else None) == replacement
