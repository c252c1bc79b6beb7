"""The rewritten code on the other engine: what stands in for the engine taken away, and what a failure there means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kmigrate.flavour import Flavour
from kmigrate.model import Unit
from kmigrate.verify.reasons import READ_AS_KERAS, failed_elsewhere, failed_here, symbols_left
from kmigrate.verify.result import Result
from kmigrate.verify.runner import Engines
from kmigrate.verify.session import ModulePair, UnitVerdict, verify_module

HEAD = "import tensorflow as tf\nfrom tensorflow.keras import backend as K\nfrom tensorflow.keras.layers import Layer, Dense\n"
LAYER = """
class Gate(Layer):
    def __init__(self, units, **kwargs):
        super(Gate, self).__init__(**kwargs)
        self.units = units
        self.dense = tf.keras.layers.Dense(units, activation='tanh')
    def build(self, input_shape):
        self.w = self.add_weight(name='w', shape=(input_shape[-1], self.units), initializer='uniform')
        super(Gate, self).build(input_shape)
    def call(self, x):
        return tf.sigmoid(K.dot(x, self.w)) * self.dense(x)
"""


def verify(
    engines: Engines, original: str, rewritten: str, name: str, kind: str = "helper", flavour: Flavour = "tf.keras", **more: Any
) -> UnitVerdict:
    pair = ModulePair("layers.py", original, rewritten, flavour=flavour, **more)
    return verify_module(pair, [Unit(name, kind, 1)], engines)[0]


# --- what a failure means, without engines ---------------------------------------------------------------------------


def failed(where: str, kind: str, message: str, **more: Any) -> Result:
    return Result(False, where, kind, message, **more)


@pytest.mark.parametrize(
    ("run", "verdict", "said"),
    [
        (failed("timeout", "Timeout", "no answer within 60 s"), "error", "Theano: timeout"),
        (failed("call", "MemoryError", ""), "error", "MemoryError"),
        (failed("import", "ModuleNotFoundError", "No module named 'skimage.io'"), "skipped", "skimage.io is not installed"),
        (failed("call", "ImportError", "skimage is not installed in the stack"), "skipped", "Theano: skimage is not"),
        (failed("unsupported", "Unsupported", "tf.foo is left", at="m.py:3"), "unsupported", "tf.foo is left (m.py:3)"),
        (
            failed("call", "AttributeError", "module 'keras.backend' has no attribute 'resize'", at="m.py:3"),
            "unsupported",
            "Keras has no K.resize for Theano (m.py:3)",
        ),
        (
            failed("call", "NotImplementedError", "", at="m.py:3", function="K.foldl", inside="keras"),
            "unsupported",
            "Theano refuses K.foldl (m.py:3): NotImplementedError",
        ),
        (failed("evaluate", "ValueError", "mis-match"), "unsupported", "Theano refuses what was built: ValueError: mis-match"),
        (failed("weights", "ValueError", "weights have other shapes"), "unsupported", "the weights of the original do not fit"),
        (
            failed("call", "AttributeError", "no as_list", at="m.py:3", inside="user"),
            "unsupported",
            "the code asks for something that is not so on Theano (m.py:3)",
        ),
    ],
)
def test_what_a_failure_on_another_engine_means(run: Result, verdict: str, said: str) -> None:
    found, reason = failed_elsewhere(run, "theano")
    assert (found, said in reason) == (verdict, True), reason


def test_what_a_failure_on_the_own_engine_means() -> None:
    assert failed_here(failed("call", "ValueError", "shapes"))[0] == "different"
    assert failed_here(failed("timeout", "Timeout", "late"))[0] == "error"


def test_what_is_left_says_what_can_be_done() -> None:
    assert (
        symbols_left(["tf.b", "tf.a"], ["tf.b"])
        == "tf.a left: it has no fix; tf.b left: it has an unsafe fix (--unsafe applies it)"
    )
    assert "and 2 more left: they have no fix" in symbols_left([f"tf.s{n}" for n in range(6)], [])


# --- real engines ----------------------------------------------------------------------------------------------------


@pytest.mark.engines
def test_tensorflow_keras_is_read_as_keras_on_theano(engines: Engines) -> None:
    verdict = verify(engines, HEAD + LAYER, HEAD + LAYER.replace("tf.sigmoid", "K.sigmoid"), "Gate", "layer")
    assert verdict.verdict in ("identical", "equal"), verdict.reason
    theano = verdict.engines["theano"]
    assert theano.verdict in ("identical", "equal"), theano.reason
    # The layer declares no output shape: tf.keras infers it, Keras does not.
    assert "Keras wants it declared" in (theano.reason or "")
    assert (theano.reason or "").endswith(READ_AS_KERAS)
    assert (theano.max_abs or 0) < 1e-5


@pytest.mark.engines
@pytest.mark.parametrize(
    "imports",
    [
        "import tensorflow.keras.backend as K",
        "from tensorflow.python.keras import backend as K",
        "import tensorflow.compat.v1 as tf1\nK = tf1.keras.backend",
        "from tensorflow.compat.v1.keras.backend import square\nclass K: square = staticmethod(square)",
        "import tensorflow as tf\nK = tf.keras.backend",
    ],
)
def test_every_way_to_keras_leads_to_keras(engines: Engines, imports: str) -> None:
    after = imports + "\ndef f(x): return K.square(x)\n"
    verdict = verify(engines, after, after, "f")
    assert verdict.engines["theano"].verdict == "identical", verdict.engines


MODULE = """
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow.python.framework import ops
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Layer, LayerNormalization
assert tf.__version__ >= '1.15' and int(tf.__version__.split('.')[0]) < 3
EPS = tf.constant(1e-7) * 2.0 + tf.float32.max
if tf.executing_eagerly() and ops is None:
    raise RuntimeError
class Holder(tf.Module):
    def __init__(self): super(Holder, self).__init__()
class Norm(tf.keras.layers.LayerNormalization): pass
@tf.function
def other(x): return tf.linalg.inv(x)
def fine(x, dtype=tf.float32): return K.square(x)
def uses(x): return x + tf.nn.relu(x)
def rests(x): return x * EPS
def makes(x): return Holder() and x
def norms(x): return Norm()(x)
def compares(x): return x if K.int_shape(x) == tf.TensorShape([2]) else K.square(x)
"""


@pytest.mark.engines
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("uses", "tf.nn.relu is left"),
        ("rests", "tf.constant is left"),
        ("makes", "tf.Module is left"),
        ("norms", "only tensorflow.keras has tf.keras.layers.LayerNormalization"),
        ("compares", "tf.TensorShape is left"),
    ],
)
def test_what_is_left_of_the_engine_is_named(engines: Engines, name: str, said: str) -> None:
    verdict = verify(engines, MODULE, MODULE, name)
    assert verdict.engines["theano"].verdict == "unsupported", verdict
    assert said in (verdict.engines["theano"].reason or "")


@pytest.mark.engines
def test_what_other_code_of_the_module_needs_is_no_obstacle(engines: Engines) -> None:
    verdict = verify(engines, MODULE, MODULE, "fine")
    assert verdict.engines["theano"].verdict in ("identical", "equal"), verdict.engines["theano"].reason


@pytest.mark.engines
def test_theano_is_taken_away_from_code_that_was_written_for_it(engines: Engines) -> None:
    head = "import theano\nimport theano.tensor as T\nfrom keras import backend as K\n"
    body = "def f(x): return K.square(x)\ndef g(x): return T.sqr(x)\n"
    good = verify(engines, head + body, head + body, "f", flavour="keras", engine="theano")
    assert good.engines["tensorflow"].verdict in ("identical", "equal"), good.engines["tensorflow"].reason
    bad = verify(engines, head + body, head + body, "g", flavour="keras", engine="theano")
    assert "theano.tensor.sqr is left" in (bad.engines["tensorflow"].reason or "")


@pytest.mark.engines
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def f(x): return x if K.get_session() is None else K.square(x)", "Keras has no K.get_session for Theano (layers.py:2)"),
        (
            "def f(x): return K.resize_images(x, 3, 3, 'channels_last', interpolation='bilinear')",
            "Theano refuses K.resize_images (layers.py:2): NotImplementedError",
        ),
        (
            "def f(x):\n    return K.square(x) * int(x.shape[-1])",
            "the code asks for something that is not so on Theano (layers.py:3)",
        ),
    ],
)
def test_a_failure_that_comes_from_the_engine_is_unsupported(engines: Engines, body: str, said: str) -> None:
    source = f"from keras import backend as K\n{body}\n"
    verdict = verify(engines, source, source, "f", flavour="keras")
    assert verdict.verdict == "identical", verdict.reason
    assert verdict.engines["theano"].verdict == "unsupported", verdict.engines["theano"]
    assert said in (verdict.engines["theano"].reason or "")


@pytest.mark.engines
def test_a_module_that_is_missing_is_the_environments_matter(engines: Engines) -> None:
    source = "import skimage\nfrom keras import backend as K\ndef f(x): return skimage.resize(x)\n"
    verdict = verify(engines, source, source, "f", flavour="keras")
    assert (verdict.verdict, "skimage" in (verdict.reason or "")) == ("skipped", True)
    elsewhere = (
        "from keras import backend as K\ndef f(x):\n    if K.backend() == 'theano': import skimage\n    return K.square(x)\n"
    )
    verdict = verify(engines, elsewhere, elsewhere, "f", flavour="keras")
    assert (verdict.verdict, verdict.engines["theano"].verdict) == ("identical", "skipped")
    assert "skimage is not installed in the stack" in (verdict.engines["theano"].reason or "")


@pytest.mark.engines
def test_the_whole_package_is_rewritten_on_the_other_engine(engines: Engines, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "ops.py").write_text("import tensorflow as tf\ndef double(x): return tf.add(x, x)\n")
    body = "from keras import backend as K\nfrom .ops import double\ndef f(x): return K.square(double(x))\n"
    pair = ModulePair(str(folder / "m.py"), body, body, package_root=str(tmp_path), package="mine")
    unit = Unit("f", "helper", 1)
    assert "tf.add is left" in (verify_module(pair, [unit], engines)[0].engines["theano"].reason or "")
    others = (("mine/ops.py", "def double(x): return x + x\n"),)
    pair = ModulePair(str(folder / "m.py"), body, body, package_root=str(tmp_path), package="mine", others=others)
    verdict = verify_module(pair, [unit], engines)[0]
    assert verdict.engines["theano"].verdict in ("identical", "equal"), verdict.engines["theano"].reason
