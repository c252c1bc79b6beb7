"""Objects of an engine that are no tensors: the methods of random streams and sessions, what theano.function returns."""

from __future__ import annotations

import pytest
from conftest import analysed, fixed

from kmigrate.model import Finding
from kmigrate.rulebook.book import load_rulebook

STREAM = "from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams\n"
HEAD = "from keras import backend as K\nfrom keras.layers import Layer\n"
NOISE = f"""\
{STREAM}{HEAD}

class Noise(Layer):
    def __init__(self, p, **kwargs):
        super().__init__(**kwargs)
        self.p = p
        self.srng = RandomStreams(seed=7)

    def call(self, x):
        return x * self.srng.binomial(x.shape, p=self.p, dtype='float32')
"""


def found(text: str, ending: str) -> list[Finding]:
    return [f for f in analysed(text, load_rulebook(), whole=False).findings if f.symbol.endswith(ending)]


def test_draws_of_a_stream_are_those_of_k() -> None:
    after = fixed(NOISE, load_rulebook(), whole=False)
    assert "return x * K.random_binomial(K.shape(x), p=self.p, dtype='float32')" in after
    (finding,) = found(NOISE, ".binomial")
    assert finding.symbol == "theano.sandbox.rng_mrg.MRG_RandomStreams.binomial"
    assert finding.fix is not None and finding.fix.applicability == "safe"


@pytest.mark.parametrize(
    ("draw", "replacement"),
    [
        ("srng.normal(K.shape(x))", "K.random_normal(K.shape(x))"),
        ("srng.normal(K.shape(x), std=0.5)", "K.random_normal(K.shape(x), stddev=0.5)"),
        ("srng.normal((K.shape(x)[0], 3), 1.0)", "K.random_normal((K.shape(x)[0], 3), mean=1.0)"),
        ("srng.uniform(size=K.shape(x), low=-1.0)", "K.random_uniform(K.shape(x), minval=-1.0)"),
        ("srng.binomial(K.shape(x))", "K.random_binomial(K.shape(x), p=0.5, dtype='int64')"),
    ],
)
def test_a_stream_of_the_module_is_seen_inside_of_a_layer(draw: str, replacement: str) -> None:
    text = f"{STREAM}{HEAD}srng = RandomStreams(1)\n\n\nclass Noise(Layer):\n    def call(self, x):\n        return x + {draw}\n"
    (finding,) = found(text, "." + draw.partition("(")[0].partition(".")[2])
    assert finding.fix is not None and finding.fix.replacement == replacement


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        ("srng.normal((2, 3))", "the same noise in every step"),
        ("srng.binomial(K.shape(x), n=3)", "'n' has no counterpart"),
        ("srng.uniform(K.shape(x), ndim=2)", "'ndim' has no counterpart"),
        ("srng.multinomial(pvals=x)", "K.one_hot"),
    ],
)
def test_draws_without_a_counterpart_say_why(draw: str, reason: str) -> None:
    text = f"{STREAM}{HEAD}srng = RandomStreams(1)\n\n\nclass Noise(Layer):\n    def call(self, x):\n        return x + {draw}\n"
    (finding,) = found(text, "." + draw.partition("(")[0].partition(".")[2])
    assert finding.fix is None and reason in finding.message


def test_numpy_draws_and_other_objects_are_left_alone() -> None:
    text = f"{STREAM}import numpy as np\n{HEAD}rng = np.random.RandomState(1)\n\n\nclass Noise(Layer):\n    def call(self, x):\n"
    text += "        self.job.run(x)\n        return x + rng.normal(size=(2, 3)) + self.other.uniform(3)\n"
    assert analysed(text, load_rulebook(), whole=False).findings == ()


SESSIONS = f"""\
import tensorflow as tf
{HEAD}

class Mine(Layer):
    def start(self, x):
        with tf.compat.v1.Session() as sess:
            sess.run(x)
        sess = K.get_session()
        sess.run(x)
        return K.get_session().run(self.add_weight(name='w', shape=(1,)))
"""


def test_runs_of_sessions_are_uses() -> None:
    runs = found(SESSIONS, ".run")
    assert [f.line for f in runs] == [9, 11, 12]
    assert all(f.symbol == "tf.Session.run" for f in runs)
    fixes = [f.fix.replacement if f.fix else None for f in runs]
    assert fixes == [None, None, "K.get_value(self.add_weight(name='w', shape=(1,)))"]


@pytest.mark.parametrize(
    ("call", "replacement"),
    [
        ("theano.function([v], K.exp(v))(2.0)", "K.function([v], [K.exp(v)])([2.0])[0]"),
        ("theano.function([v, w], [v, w])(1.0, 2.0)", "K.function([v, w], [v, w])([1.0, 2.0])"),
        ("theano.function([], K.exp(w))()", "K.function([], [K.exp(w)])([])[0]"),
    ],
)
def test_a_theano_function_that_is_called_where_it_is_made(call: str, replacement: str) -> None:
    text = f"import theano\n{HEAD}v = K.placeholder(shape=())\nw = K.variable(1.0)\nvalue = {call}\n"
    after = fixed(text, load_rulebook())
    assert f"value = {replacement}\n" in after
    assert fixed(after, load_rulebook()) == after


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("theano.function([v], K.exp(v))", "the calls of what it returns must change as well"),
        ("theano.function([v], K.exp(v), givens={v: w})(2.0)", "'givens' has no counterpart"),
        ("theano.function([v], K.exp(v), mode='FAST_RUN')(2.0)", "'mode' has no counterpart"),
        ("theano.function([v], K.exp(v), updates={w: v})(2.0)", "list of pairs"),
        ("theano.function([v], K.exp(v))(*values)", "more than plain values"),
        ("theano.function([v], outputs)(2.0)", "needs"),
    ],
)
def test_theano_functions_that_stay_say_why(call: str, reason: str) -> None:
    text = f"import theano\n{HEAD}v = K.placeholder(shape=())\nw = K.variable(1.0)\nvalue = {call}\n"
    (finding,) = [f for f in analysed(text, load_rulebook()).findings if f.symbol == "theano.function"]
    assert finding.fix is None and reason in finding.message
