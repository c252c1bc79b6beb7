"""Names are resolved by binding, not by spelling."""

from __future__ import annotations

import ast

import pytest

from kmigrate.names import Names, canonical


def symbols(text: str) -> list[str]:
    return ["|".join(r.meaning.symbols) for r in Names(ast.parse(text)).engine_references()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import tensorflow as tf\ntf.nn.relu(x)", ["tf.nn.relu"]),
        ("import tensorflow\ntensorflow.nn.relu(x)", ["tf.nn.relu"]),
        ("import tensorflow.nn\ntensorflow.nn.relu(x)", ["tf.nn.relu"]),
        ("import tensorflow.compat.v1 as tf\ntf.exp(x)", ["tf.compat.v1.exp"]),
        ("from tensorflow import reduce_sum as rs\nrs(x)", ["tf.reduce_sum"]),
        ("from tensorflow.python.ops import math_ops\nmath_ops.exp(x)", ["tf.python.ops.math_ops.exp"]),
        ("import theano.tensor as T\nT.dot(x, y)", ["theano.tensor.dot"]),
        ("from theano import tensor\ntensor.nnet.relu(x)", ["theano.tensor.nnet.relu"]),
        ("import theano\ntheano.tensor.dot(x, y)", ["theano.tensor.dot"]),
        ("from keras import backend as K\nK.tf.gather_nd(x)\nK.T.dot(x)", ["tf.gather_nd", "theano.tensor.dot"]),
        ("import tensorflow as tf\ntf.keras.backend.tf.gather_nd(x)", ["tf.gather_nd"]),
        ("from keras import backend as K\nK.theano.tensor.tensordot(x)", ["theano.tensor.tensordot"]),
        ("import tensorflow as tf\nnn = tf.nn\nnn.relu(x)", ["tf.nn", "tf.nn.relu"]),
        ("import tensorflow as tf\nf = tf.reduce_sum\nf(x)", ["tf.reduce_sum", "tf.reduce_sum"]),
        ("def g():\n    import tensorflow as tf\n    return tf.exp(1)", ["tf.exp"]),
        ("try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\ntf.exp(1)", ["tf.exp"]),
        (
            "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n    import tensorflow as tf\ntf.exp(1)",
            ["tf.compat.v1.exp|tf.exp"],
        ),
        ("import tensorflow as tf\ntf.keras.layers.Dense(1)", []),
        ("import tensorflow as tf\ntf = tf.compat.v1\ntf.exp(1)", ["tf.compat.v1", "tf.compat.v1.exp"]),
        ("import tensorflow as tf\nf, [g] = tf.exp, [tf.log]\nf(1)", ["tf.exp", "tf.log", "tf.exp"]),
        (
            "import tensorflow as tf\na, b = tf.nn, tf.math\na, b = b, a\na.log(1)",
            ["tf.nn", "tf.math", "tf.math", "tf.nn", "tf.math.log"],
        ),
        ("import tensorflow as tf\na, *b = tf.nn, tf.math\na.log(1)", ["tf.nn", "tf.math"]),
        ("tf = LazyLoader('tf', globals(), 'tensorflow')\ntf.exp(x)", ["tf.exp"]),
        ("tf = util.lazy_import('tensorflow.compat.v1')\ntf.exp(x)", ["tf.compat.v1.exp"]),
        ("tf1, tf, tfv = try_import_tf()\ntf.exp(tf1.log(x))", ["tf.exp", "tf.compat.v1.log"]),
        ("def g():\n    tf = _import_tensorflow()\n    return tf.exp(1)", ["tf.exp"]),
        ("theano, found = optional_import('theano')\ntheano.tensor.exp(1)", ["theano.tensor.exp"]),
    ],
)
def test_every_way_to_reach_an_engine(text: str, expected: list[str]) -> None:
    assert symbols(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tf = fft(tt)\ntf.real(x)",
        "tf = lazy_import('transformers')\ntf.exp(x)",
        "tf = import_module('.tf')\ntf.exp(x)",
        "for tf in try_import_all():\n    tf.exp(x)",
        "import tensorflow as tf\ndef f(tf):\n    return tf.exp(1)",
        "import tensorflow as tf\ndef f():\n    tf = 3\n    return tf.exp(1)",
        "import tensorflow as tf\n[tf.x for tf in y]",
        "import tensorflow as tf\nlambda tf: tf.x",
        "import tensorflow as tf\nclass A:\n    def m(self):\n        for tf in y:\n            tf.exp(1)",
        "from mine import tf\ntf.exp(x)",
        "import numpy as T\nT.dot(x, y)",
    ],
)
def test_local_names_that_look_like_an_engine_are_not_ours(text: str) -> None:
    assert symbols(text) == []


def test_class_scope_is_not_seen_from_methods() -> None:
    text = "import tensorflow as tf\nclass A:\n    tf = 3\n    def m(self):\n        return tf.exp(1)"
    assert symbols(text) == ["tf.exp"]


def test_a_local_called_k_hides_the_backend() -> None:
    text = "from keras import backend as K\ndef f(x):\n    K = 1\n    return K.tf.exp(x)"
    assert symbols(text) == []


def test_global_statement() -> None:
    assert symbols("def f():\n    global tf\n    import tensorflow as tf\ndef g():\n    return tf.exp(1)") == ["tf.exp"]


def test_a_star_import_is_believed_only_for_known_symbols() -> None:
    tree = ast.parse("from theano.tensor import *\ndot(x, y)\nfoo(x)\nlen(x)")
    names = Names(tree, known=lambda symbol: symbol == "theano.tensor.dot")
    assert [r.meaning.symbols for r in names.engine_references()] == [("theano.tensor.dot",)]


def test_a_name_that_is_also_something_else_is_not_certain() -> None:
    tree = ast.parse("import tensorflow as tf\nif x:\n    tf = stub()\ndef f():\n    return tf.exp(1)")
    assert [r.meaning.certain for r in Names(tree).engine_references()] == [False]
    tree = ast.parse("if x:\n    tf = stub()\nimport tensorflow as tf\ndef f():\n    return tf.exp(1)")
    assert [r.meaning.certain for r in Names(tree).engine_references()] == [True]


def test_canonical_symbols() -> None:
    assert canonical("tensorflow.compat.v1.keras.layers.Layer") == "keras.layers.Layer"
    assert canonical("tensorflow.python.keras.backend") == "keras.backend"


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [
        ("tensorflow.python.math_ops.sqrt", "tf.python.ops.math_ops.sqrt"),
        ("tensorflow.python.nn.relu", "tf.python.ops.nn.relu"),
        ("tensorflow.python.dtypes.float32", "tf.python.framework.dtypes.float32"),
        ("tensorflow.python.framework_ops.Tensor", "tf.python.framework.ops.Tensor"),
        ("tensorflow.python.ops.convert_to_tensor", "tf.python.framework.ops.convert_to_tensor"),
        ("tensorflow.python.ops.math_ops.sqrt", "tf.python.ops.math_ops.sqrt"),
        ("tensorflow.python.ops", "tf.python.ops"),
        ("tensorflow.compat.v1.python.framework.ops.convert_to_tensor", "tf.python.framework.ops.convert_to_tensor"),
        ("tensorflow.compat.v1.python.keras.losses.Loss", "keras.losses.Loss"),
        ("tensorflow.python.keras.api._v2.keras.layers.Layer", "keras.layers.Layer"),
        ("tensorflow_core.python.keras.layers.Layer", "keras.layers.Layer"),
        ("tensorflow_core.python.math_ops.sqrt", "tf.python.ops.math_ops.sqrt"),
        ("tensorflow_core._api.v2.math.exp", "tf.math.exp"),
        ("tensorflow._api.v2.v2.keras.Model", "keras.Model"),
        ("tensorflow_core", "tf"),
        ("tensorflow_addons.layers.GELU", "tensorflow_addons.layers.GELU"),
    ],
)
def test_the_inner_names_of_tensorflow(spelling: str, symbol: str) -> None:
    assert canonical(spelling) == symbol


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    text = "import tensorflow as tf\nx = " + "+".join(["tf.a"] * 2000)
    assert len(symbols(text)) == 2000


@pytest.mark.parametrize("module", ["keras.utils.module_utils", "keras.src.utils.module_utils"])
def test_the_lazy_tensorflow_of_keras_3(module: str) -> None:
    names = Names(ast.parse(f"from {module} import tensorflow as tf\ntf.nn.relu(x)\n"))
    assert [r.meaning.symbols for r in names.engine_references()] == [("tf.nn.relu",)]


@pytest.mark.parametrize(
    ("expression", "symbols"),
    [
        ("getattr(tf.nn, 'relu').__name__", ["tf.nn.relu"]),
        ("(tf if c else y).exp", ["tf"]),
        ("(m := tf).exp", ["tf"]),
        ("import_module('tensorflow').exp", ["tf.exp"]),
        ("__import__('tensorflow').exp", ["tf.exp"]),
        ("staticmethod(tf.exp).f", ["tf.exp.f", "tf.exp"]),
        ("f(tf).exp", ["tf"]),
        ("f('tensorflow').exp", []),
        ("f()[0].exp", []),
        ("f(x).tf", []),
    ],
)
def test_attributes_of_what_is_no_name(expression: str, symbols: list[str]) -> None:
    text = f"import tensorflow as tf\nfrom importlib import import_module\n{expression}\n"
    names = Names(ast.parse(text))
    assert ["|".join(r.meaning.symbols) for r in names.engine_references()] == symbols
