"""What is compared besides outputs and gradients, on real engines: epsilon, states, masks, declared shapes, configuration."""

from __future__ import annotations

import json

import pytest

from kmigrate.model import Unit
from kmigrate.verify.runner import Engines
from kmigrate.verify.session import ModulePair, UnitVerdict, verify_module
from kmigrate.verify.verdicts import unit_from_json

pytestmark = pytest.mark.engines

HEAD = "import tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Layer\n"
LAYER = """
class Scale(Layer):
    def __init__(self, rate=2.0, **kwargs):
        super(Scale, self).__init__(**kwargs)
        self.rate = rate
    def call(self, x):
        return K.sum(x * self.rate, axis=-1)
    def compute_output_shape(self, input_shape):
        return input_shape[:-1]
    def get_config(self):
        config = {'rate': self.rate}
        config.update(super(Scale, self).get_config())
        return config
"""
CELL = """
class Cell(Layer):
    def __init__(self, units, **kw):
        super(Cell, self).__init__(**kw)
        self.units = self.state_size = self.output_size = units
    def build(self, s):
        self.w = self.add_weight(name='w', shape=(s[-1], self.units), initializer='uniform')
        self.built = True
    def call(self, inputs, states):
        h = K.tanh(K.dot(inputs, self.w)) + states[0] * K.abs(states[0])
        return h, [h]
"""
FORMAT = "def f(x): return K.sum(x, axis=1 if K.image_data_format() == 'channels_first' else -1)  # by data_format\n"
FLOATX = "def f(x): return K.cast(K.cast(x, K.floatx()) * 1.1, 'float64')\n"
PHASE = "def f(x): return K.in_train_phase(x * 2.0, x)\n"
MASK = """
class Masked(Layer):
    def call(self, x, mask=None):
        return x if mask is None else x * K.expand_dims(K.cast(mask, K.floatx()))
"""
UPDATES = """
class Counting(Layer):
    def build(self, s):
        self.seen = self.add_weight(name='seen', shape=(), initializer='zeros', trainable=False)
        self.built = True
    def call(self, x):
        self.add_update([K.update_add(self.seen, K.sum(x))], x)
        return x + 0.0
"""
POOL = """
class Pool(Layer):
    def __init__(self, mode='mean', **kwargs):
        super(Pool, self).__init__(**kwargs)
        self.mode = mode
    def call(self, x):
        if self.mode == 'max':
            return K.max(x, axis=1)
        return K.mean(x, axis=1)
    def compute_output_shape(self, s): return (s[0],) + s[2:]
"""


def verify(engines: Engines, before: str, after: str, name: str, kind: str = "layer") -> UnitVerdict:
    return verify_module(ModulePair("layers.py", HEAD + before, HEAD + after), [Unit(name, kind, 1)], engines)[0]


@pytest.mark.parametrize(
    ("before", "after", "name", "kind", "said"),
    [
        ("def f(x): return x / (x * x + K.epsilon())\n", "def f(x): return x / (x * x + 1e-7)\n", "f", "helper", "epsilon=0.03"),
        (LAYER, LAYER.replace("return input_shape[:-1]", "return input_shape"), "Scale", "layer", "compute_output_shape"),
        (LAYER, LAYER.replace("{'rate': self.rate}", "{'rate': 3.0}"), "Scale", "layer", "get_config"),
        (LAYER, LAYER.replace("{'rate'", "{'pace'"), "Scale", "layer", "get_config"),
        (FORMAT, FORMAT.replace("axis=1 if", "axis=2 if"), "f", "helper", "channels_first"),
        (FLOATX, FLOATX.replace("K.floatx()", "'float32'"), "f", "helper", "float64"),
        (PHASE, "def f(x): return x * 1.0\n", "f", "helper", "training"),
        (MASK, MASK.replace("* K.expand_dims", "+ K.expand_dims"), "Masked", "layer", "mask="),
        (POOL, POOL.replace("K.max(x, axis=1)", "K.min(x, axis=1)"), "Pool", "layer", "mode='max'"),
        (UPDATES, UPDATES.replace("K.sum(x)", "K.mean(x)"), "Counting", "layer", "weight"),
        (CELL, CELL.replace("states[0] * K.abs(states[0])", "K.square(states[0])"), "Cell", "layer", "initial states"),
    ],
)
def test_what_outputs_alone_do_not_show(engines: Engines, before: str, after: str, name: str, kind: str, said: str) -> None:
    same = verify(engines, before, before, name, kind)
    assert same.verdict == "identical", same.reason
    verdict = verify(engines, before, after, name, kind)
    assert verdict.verdict == "different"
    reasons = (
        [verdict.reason or ""]
        + [run.reason or "" for run in verdict.runs]
        + [r.case for r in verdict.runs if r.verdict == "different"]
    )
    assert any(said in reason for reason in reasons), reasons


def test_the_worst_element_is_named_with_its_two_values(engines: Engines) -> None:
    before, after = "def f(x): return K.square(x)\n", "def f(x): return K.square(x) * 1.5\n"
    verdict = verify(engines, before, after, "f", "helper")
    worst = verdict.engines["tensorflow"].worst
    assert worst is not None
    assert worst.rewritten == pytest.approx(1.5 * worst.original)
    assert str(worst) in (verdict.reason or "")
    assert "ulp" in (verdict.reason or "")
    assert unit_from_json(json.loads(json.dumps(verdict.as_json()))) == verdict
