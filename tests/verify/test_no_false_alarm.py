"""Twenty runs, each with other values: units that are rewritten by renaming alone are never called different.

What could raise a false alarm stands here: random numbers, updates of state, float32 sums, ties, values that are not finite.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kmigrate.config import CaseConfig, Config, VerifyConfig
from kmigrate.project import Project, fixes_to_apply
from kmigrate.verify.run import Verifier, open_engines, plan

RUNS = 20
TEXT = '''import tensorflow as tf
from keras import backend as K
from keras.layers import Layer


class Averages(Layer):
    """Weights, a large sum in float32, an activation, a state that every call moves."""

    def build(self, input_shape):
        self.kernel = self.add_weight(name="k", shape=(input_shape[-1], 3), initializer="glorot_uniform")
        self.mean = self.add_weight(name="m", shape=(3,), initializer="zeros", trainable=False)
        super(Averages, self).build(input_shape)

    def call(self, x):
        y = tf.tanh(K.dot(x, self.kernel)) + tf.reduce_sum(tf.exp(x))
        self.add_update([K.update(self.mean, 0.9 * self.mean + 0.1 * tf.reduce_mean(y, axis=0))], x)
        return y - self.mean

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3)


class Noise(Layer):
    """Random in training only."""

    def call(self, x, training=None):
        noisy = K.dropout(tf.abs(x), 0.3)
        return K.in_train_phase(noisy + K.random_normal(K.shape(x)), x, training=training)


def ties(y_true, y_pred):
    """Equal values, halves to round, and zeros that divide zeros."""
    quotient = tf.reduce_mean(tf.square(y_true / tf.sign(y_pred)), axis=-1)
    return quotient + tf.reduce_max(tf.round(y_pred), axis=-1) + tf.reduce_min(tf.maximum(y_true, 0.0), axis=-1)
'''
UNITS = ("Averages", "Noise", "ties")
NOISE = {"Noise": (CaseConfig(inputs=("float[4,5]",)),)}
"""One case: its moments need 64 evaluations in each phase and dtype on each side and engine."""


@pytest.mark.engines
def test_renaming_is_never_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "layers.py"
    path.write_text(TEXT)
    found: dict[str, Counter[str]] = {}
    settings = Config()
    with open_engines(settings, None) as (_, engines):
        for number in range(RUNS):
            config = settings._replace(verify=VerifyConfig(seeds=(number,), cases=NOISE))
            (checked,) = Project(config).check([str(path)])
            chosen = fixes_to_apply(checked.report.findings, unsafe=True)
            planned = plan(checked, chosen, config.target)
            assert planned is not None
            verifier = Verifier(engines, config)
            for unit in planned[1]:
                result = verifier.unit(checked, chosen, planned[0], unit, shrink=False)
                for engine, verdict in result.engines.items():
                    found.setdefault(f"{unit.qualname} on {engine}", Counter())[verdict.verdict] += 1
    assert "tf." not in planned[0].rewritten
    assert set(found) == {f"{name} on {engine}" for name in UNITS for engine in ("tensorflow", "theano")}
    assert [(name, dict(verdicts)) for name, verdicts in found.items() if verdicts["different"]] == []
    own = [verdicts["identical"] + verdicts["equal"] for name, verdicts in found.items() if name.endswith("tensorflow")]
    assert own == [RUNS] * len(UNITS)
