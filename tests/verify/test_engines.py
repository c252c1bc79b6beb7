"""Real Keras, TensorFlow and Theano: what a worker yields, and what it survives."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from snippet import run_snippet

from kmigrate.model import Unit
from kmigrate.verify import stacks
from kmigrate.verify.cases import Case
from kmigrate.verify.compare import compare
from kmigrate.verify.result import Result
from kmigrate.verify.runner import Engines, Limits
from kmigrate.verify.session import ModulePair, Settings, UnitVerdict, verify_module

pytestmark = pytest.mark.engines

LAYER = """
import tensorflow as tf
from keras import backend as K
from keras.layers import Layer

class Pooled(Layer):
    def __init__(self, units, **kwargs):
        super(Pooled, self).__init__(**kwargs)
        self.units = units
    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), initializer="uniform")
        super(Pooled, self).build(input_shape)
    def call(self, x):
        print("a layer may print")
        return tf.reduce_sum(tf.tanh(K.dot(x, self.kernel)), axis=1)
    def compute_output_shape(self, input_shape):
        return input_shape[0], self.units
"""
RIGHT = LAYER.replace("tf.reduce_sum", "K.sum").replace("tf.tanh", "K.tanh").replace("import tensorflow as tf", "")
HEAD = "import tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Layer\n"


def verify(engines: Engines, original: str, rewritten: str, name: str, kind: str = "helper", **more: object) -> UnitVerdict:
    unit = Unit(name, kind, 1, {"tensorflow": ("tf.foo",)} if more.pop("remaining", False) else {})
    settings = Settings(cases=more.pop("cases", None))
    pair = ModulePair("layers.py", original, rewritten, **more)
    return verify_module(pair, [unit], engines, settings)[0]


def test_the_other_stack_runs_too() -> None:
    stack = stacks.get_stack("keras2-tf2")
    phases = "def f(x): return K.in_train_phase(tf.square(x), tf.exp(x))\n"
    after = phases.replace("tf.square", "K.square").replace("tf.exp", "K.exp")
    with Engines(stacks.ensure(stack), stack.engines) as engines:
        assert verify(engines, LAYER, RIGHT, "Pooled", "layer").verdict == "identical"
        assert verify(engines, HEAD + phases, HEAD + after, "f").verdict == "identical"
        swapped = after.replace("K.square", "K.abs")
        assert "training" in (verify(engines, HEAD + phases, HEAD + swapped, "f").reason or "")


def test_a_right_rewrite_is_equal_on_both_engines(engines: Engines) -> None:
    verdict = verify(engines, LAYER, RIGHT, "Pooled", "layer")
    assert verdict.verdict == "identical"
    assert verdict.engines["theano"].verdict in ("identical", "equal")
    assert verdict.cases >= 6
    assert verdict.as_json()["engines"]["tensorflow"]["max_abs"] == 0.0


def test_a_wrong_axis_is_different(engines: Engines) -> None:
    verdict = verify(engines, LAYER, RIGHT.replace("axis=1", "axis=-1"), "Pooled", "layer")
    assert verdict.verdict == "different"
    assert "shape" in (verdict.reason or "")
    wrong = RIGHT.replace("K.sum", "K.mean")
    assert "values differ" in (verify(engines, LAYER, wrong, "Pooled", "layer").reason or "")


def test_a_wrong_gradient_is_different(engines: Engines) -> None:
    before = HEAD + "def f(x): return tf.square(x)\n"
    after = HEAD + "def f(x): return K.stop_gradient(x) * x\n"
    assert "gradient of x" in (verify(engines, before, after, "f").reason or "")


def test_theano_code_runs_on_theano_and_its_rewrite_on_tensorflow(engines: Engines) -> None:
    before = "import theano.tensor as T\nfrom keras import backend as K\ndef f(x): return T.tanh(x).sum(axis=1)\n"
    after = "from keras import backend as K\ndef f(x): return K.sum(K.tanh(x), axis=1)\n"
    verdict = verify(engines, before, after, "f", engine="theano")
    assert verdict.verdict in ("identical", "equal")
    assert verdict.engines["tensorflow"].verdict in ("identical", "equal")


def test_what_still_uses_an_engine_is_unsupported_elsewhere(engines: Engines) -> None:
    verdict = verify(engines, LAYER, LAYER, "Pooled", "layer", remaining=True)
    assert verdict.verdict == "identical"
    assert verdict.engines["theano"].verdict == "unsupported"
    assert "tf.foo" in (verdict.engines["theano"].reason or "")


def test_random_units_are_compared_by_moments(engines: Engines) -> None:
    before = HEAD + "def f(x): return x + tf.random_normal(tf.shape(x))\n"
    after = HEAD + "def f(x): return x + K.random_normal(K.shape(x))\n"
    assert verify(engines, before, after, "f").verdict == "equal"
    wrong = after.replace("K.shape(x))", "K.shape(x), stddev=3.)")
    assert "variance" in (verify(engines, before, wrong, "f").reason or "")


FACTORY = """def make(gamma):
    def loss(y_true, y_pred): return tf.square(y_true - y_pred) * gamma
    return loss
"""
SAMPLE = """def sample(args):
    a, b = args
    return tf.square(a) + b
"""
PENALTY = """class L1(object):
    def __init__(self, l): self.l = l
    def __call__(self, x): return self.l * tf.reduce_sum(tf.square(x))
"""
ADD = """class Add(Layer):
    def call(self, inputs): return tf.square(inputs[0]) + inputs[1]
"""
CLAMP = """class Clamp(constraints.Constraint):
    def __call__(self, w): return tf.square(w)
"""
SPREAD = """class Spread(initializers.Initializer):
    def __call__(self, shape, dtype=None): return tf.square(K.ones(shape) * 3.0)
"""
TWICE = """class Twice(Wrapper):
    def build(self, input_shape):
        if not self.layer.built: self.layer.build(input_shape)
        super(Twice, self).build(input_shape)
    def call(self, inputs): return tf.square(self.layer.call(inputs))
"""
METRIC = """class Squares(metrics.Metric):
    def __init__(self, name="squares", **kwargs):
        super(Squares, self).__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", initializer="zeros")
    def update_state(self, y_true, y_pred, sample_weight=None):
        return [K.update_add(self.total, K.sum(tf.square(y_true - y_pred)))]
    def result(self): return self.total
"""
ACTIVATION = "def swish(x): return x * K.sigmoid(x) + tf.square(x)\n"
MODEL = """def build_model(units=3):
    x = Input((4,))
    y = Lambda(lambda t: tf.square(t))(Dense(units)(x))
    return Model(x, y)
"""


@pytest.mark.parametrize(
    ("body", "name", "kind"),
    [
        (CLAMP, "Clamp", "constraint"),
        (SPREAD, "Spread", "initializer"),
        (TWICE, "Twice", "layer"),
        (METRIC, "Squares", "metric"),
        (ACTIVATION, "swish", "activation"),
        (MODEL, "build_model", "helper"),
        (FACTORY, "make", "loss"),
        (FACTORY, "make.<locals>.loss", "loss"),
        (SAMPLE, "sample", "lambda"),
        (PENALTY, "L1", "regularizer"),
        (ADD, "Add", "layer"),
    ],
)
def test_kinds_of_units_find_their_cases(engines: Engines, body: str, name: str, kind: str) -> None:
    head = HEAD + "from keras import constraints, initializers, metrics\n"
    head += "from keras.layers import Dense, Input, Lambda\nfrom keras.layers.wrappers import Wrapper\nfrom keras.models import Model\n"
    after = body.replace("tf.square", "K.square").replace("tf.reduce_sum", "K.sum")
    verdict = verify(engines, head + body, head + after, name, kind)
    assert verdict.verdict in ("identical", "equal"), verdict.reason
    assert verdict.cases >= 3
    wrong = body.replace("tf.square", "K.sqrt").replace("tf.reduce_sum", "K.sum")
    assert verify(engines, head + body, head + wrong, name, kind).verdict == "different"


def test_a_cell_runs_inside_a_recurrent_layer(engines: Engines) -> None:
    body = (
        "class Cell(Layer):\n    def __init__(self, units, **kw):\n        super(Cell, self).__init__(**kw)\n"
        "        self.units = self.state_size = self.output_size = units\n"
        "    def build(self, s):\n        self.w = self.add_weight(name='w', shape=(s[-1], self.units), initializer='uniform')\n"
        "        self.built = True\n"
        "    def call(self, inputs, states):\n        h = tf.tanh(K.dot(inputs, self.w) + states[0])\n        return h, [h]\n"
    )
    verdict = verify(engines, HEAD + body, HEAD + body.replace("tf.tanh", "K.tanh"), "Cell", "layer")
    assert verdict.verdict == "identical", verdict.reason


def test_what_cannot_run_says_what_a_person_must_know(engines: Engines) -> None:
    body = HEAD + "class Odd(Layer):\n    def __init__(self, thing): raise RuntimeError('needs a server')\n"
    verdict = verify(engines, body, body, "Odd", "layer")
    assert verdict.verdict == "skipped"
    assert "needs a server" in (verdict.reason or "")
    verdict = verify(engines, "raise OSError('no weights file')\ndef f(x): return x\n", "", "f")
    assert "no weights file" in (verdict.reason or "")
    assert verify(engines, HEAD, HEAD, "nobody").verdict == "unsupported"


def test_configured_cases_come_first(engines: Engines) -> None:
    body = HEAD + "def f(x, mode):\n    assert mode == 'special'\n    return tf.square(x)\n"
    cases = {"f": [{"inputs": {"x": "float[3]", "mode": "literal('special')"}}]}
    verdict = verify(engines, body, body, "f", cases=cases)
    assert (verdict.verdict, verdict.cases) == ("identical", 5)


def test_relative_imports_see_the_users_tree(engines: Engines, tmp_path: Path) -> None:
    # A package of the name keras must not hide the real one: old releases of Keras are such packages.
    for package in ("mine", "keras"):
        folder = tmp_path / package / "layers"
        folder.mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("import nothing_of_that_name\n")
        (folder / "__init__.py").write_text("")
        (tmp_path / package / "util.py").write_text("SCALE = 3.0\n")
        body = "from keras import backend as K\nfrom ..util import SCALE\ndef f(x): return K.square(x) * SCALE\n"
        before = sorted(tmp_path.rglob("*"))
        path, where = str(folder / "m.py"), f"{package}.layers"
        pair = ModulePair(path, body, body, package_root=str(tmp_path), package=where)
        verdict = verify_module(pair, [Unit("f", "helper", 1)], engines)[0]
        assert verdict.verdict == "identical", verdict.reason
        assert sorted(tmp_path.rglob("*")) == before, "nothing is written to the user's tree"
    result = run_snippet(
        engines, "tensorflow", "import keras\ndef f(x): return x * float(hasattr(keras, 'backend'))", "f", {"x": "positive[2]"}
    )
    assert result.ok, result.failure


BAD = """
import os
def hang(x):
    while True: pass
def swallow(x):
    while True:
        try:
            while True: pass
        except BaseException: pass
def die(x): os._exit(7)
def leave(x): raise SystemExit(3)
def crash(x): os.abort()
def hoard(x):
    import numpy
    return numpy.ones(100 << 27) + x
def close(x):
    os.close(1); os.close(0)
    print("still here")
    return x
def recurse(x): return recurse(x)
def fine(x): return x + x
"""


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("hang", "timeout"),
        ("swallow", "timeout"),
        ("die", "crash"),
        ("leave", "call"),
        ("crash", "crash"),
        ("hoard", "call"),
        ("recurse", "call"),
    ],
)
def test_bad_code_costs_its_own_case_only(engines: Engines, name: str, where: str) -> None:
    with Engines(engines.workers["tensorflow"].python, ("tensorflow",), Limits(case_s=3.0)) as short:
        assert run_snippet(short, "tensorflow", BAD, "fine", {"x": "float[2]"}).ok
        started = time.monotonic()
        failed = run_snippet(short, "tensorflow", BAD, name, {"x": "float[2]"})
        assert (failed.ok, failed.where) == (False, where), failed.failure
        assert time.monotonic() - started < 45
        assert run_snippet(short, "tensorflow", BAD, "fine", {"x": "float[2]"}).ok


def test_user_code_cannot_reach_the_protocol(engines: Engines) -> None:
    assert run_snippet(engines, "theano", BAD, "close", {"x": "float[2]"}).ok


def test_a_worker_does_not_outlive_its_parent(engines: Engines) -> None:
    code = (
        "import os, sys, pathlib\nfrom kmigrate.verify.runner import Worker\n"
        "worker = Worker(pathlib.Path(sys.argv[1]), 'theano')\nworker.call({'op': 'doctor'})\n"
        "print(worker._process.pid, flush=True)\nos._exit(0)\n"
    )
    command = [sys.executable, "-c", code, str(engines.workers["theano"].python)]
    pid = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.2)
    assert not Path(f"/proc/{pid}").exists()


def test_the_environment_is_scrubbed(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "42")
    body = "import os\ndef f(x): return [len([k for k in os.environ if 'TOKEN' in k]), os.path.expanduser('~')]\n"
    with Engines(engines.workers["theano"].python, ("theano",)) as fresh:
        result = run_snippet(fresh, "theano", body, "f", {"x": "float[1]"})
    assert result.outputs[0] == 0
    assert str(Path.home()) not in str(result.outputs[1]).strip("'")


def test_snippets_compare_across_engines(engines: Engines) -> None:
    source = "from keras import backend as K\ndef f(x, axis): return K.softmax(x, axis=axis)\n"
    runs: list[Result] = [
        run_snippet(engines, name, source, "f", {"x": "float[2,3]", "axis": "literal(-1)"}, floatx="float64")
        for name in ("tensorflow", "theano")
    ]
    assert compare(*runs, same_engine=False).verdict in ("identical", "equal")
    again = run_snippet(engines, "theano", source, "f", {"x": "float[2,3]", "axis": "literal(-1)"}, floatx="float64")
    assert compare(runs[1], again).verdict == "identical"


def test_weights_of_the_original_reach_the_rewritten_layer(engines: Engines) -> None:
    case = Case({"units": 3}, (("x", "float[2,4,5]"),))
    module = {"name": "m", "source": LAYER, "path": "m.py", "flavour": "keras"}
    request = {"module": module, "unit": {"qualname": "Pooled"}, "case": case.payload()}
    first = engines.run("tensorflow", request)
    request["case"] = case.payload([first.weights[0] * 2])
    second = engines.run("tensorflow", request)
    assert (second.weights[0] == first.weights[0] * 2).all()
    assert compare(first, second).verdict == "different"
    request["case"] = case.payload([])
    assert engines.run("tensorflow", request).where == "weights"


SWAPPED = (
    HEAD
    + """from keras.layers import Layer
class Two(Layer):
    def build(self, shape):
        ADD
    def call(self, x): return tf.square(x) * self.gain + self.bias
"""
)
ADDS = [f"self.{name} = self.add_weight(name='{name}', shape=(4,), initializer='uniform')" for name in ("gain", "bias")]


@pytest.mark.parametrize("flavour", ["keras", "tf.keras"])
def test_weights_are_copied_by_name_where_the_order_is_another(engines: Engines, flavour: str) -> None:
    text = SWAPPED.replace("from keras", "from tensorflow.keras") if flavour == "tf.keras" else SWAPPED
    before = text.replace("ADD", "; ".join(ADDS))
    after = text.replace("ADD", "; ".join(reversed(ADDS))).replace("tf.square", "K.square")
    verdict = verify(engines, before, after, "Two", "layer", flavour=flavour)
    assert verdict.verdict in ("identical", "equal"), verdict.reason
    assert verdict.engines["theano"].verdict in ("identical", "equal"), verdict.engines["theano"].reason
    wrong = after.replace("* self.gain + self.bias", "* self.bias + self.gain")
    assert verify(engines, before, wrong, "Two", "layer", flavour=flavour).verdict == "different"


def test_signatures_of_engine_functions(engines: Engines) -> None:
    found = engines.signatures("tensorflow", ["tf.reduce_sum", "tf.no_such_thing", "keras.backend.sum"])
    assert found["tf.reduce_sum"][:2] == ["input_tensor", "axis=None"]
    assert found["tf.no_such_thing"] == "missing"
    assert found["keras.backend.sum"] == ["x", "axis=None", "keepdims=False"]


def test_modules_that_the_stack_lacks_are_stubbed_but_never_used(engines: Engines) -> None:
    body = (
        "import skimage.transform\nfrom packaging import version\nfrom keras.layers import Nowhere\n"
        "try:\n    import cupy\n    FAST = True\nexcept ImportError:\n    FAST = False\n"
        "assert version.parse('2') >= version.parse('1')\n"
        "@Nowhere('decorates')\ndef f(x): return x * (2.0 if FAST else 3.0)\n"
        "def g(x): return skimage.transform.resize(x, 2)\n"
    )
    result = run_snippet(engines, "tensorflow", body, "f", {"x": "float[2]"})
    assert result.ok, result.failure
    plain = run_snippet(engines, "tensorflow", "def f(x): return x * 3.0\n", "f", {"x": "float[2]"})
    assert compare(plain, result).verdict == "identical"
    failed = run_snippet(engines, "tensorflow", body, "g", {"x": "float[2]"})
    assert "skimage is not installed in the stack" in failed.failure


def test_layers_of_keras_0_run(engines: Engines) -> None:
    before = (
        "import theano\nimport theano.tensor as T\nimport numpy as np\nfrom theano.tensor.signal import downsample\n"
        "class Old(object):\n    def __init__(self, output_dim): self.output_dim = output_dim\n"
        "    def set_input_shape(self, shape):\n        assert len(shape) == 1\n"
        "        self.W = theano.shared(np.ones((shape[-1], self.output_dim), dtype=theano.config.floatX))\n"
        "        self.params = [self.W]\n"
        "    def get_output(self, train=False): return T.tanh(T.dot(self.input, self.W))\n"
    )
    after = "from keras import backend as K\n" + before.replace("T.tanh(T.dot", "K.tanh(K.dot")
    verdict = verify(engines, before, after, "Old", "layer", engine="theano")
    assert verdict.verdict in ("identical", "equal"), verdict.reason
    assert verdict.cases >= 4
