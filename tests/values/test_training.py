"""The parameter ``training`` stays one where it is bound again to the learning phase, and nowhere else."""

from __future__ import annotations

import pytest
from conftest import analysed

from kmigrate.rulebook.book import load_rulebook

HEAD = "import tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\n"
PHASE = "K.in_train_phase(lambda: x, lambda: -x, training=training)"


def replacement(lines: str, parameters: str = "x, training=None") -> str | None:
    body = "".join(f"        {line}\n" for line in [*lines.split("\n"), "return tf.cond(training, lambda: x, lambda: -x)"])
    text = f"{HEAD}class A(Layer):\n    def call(self, {parameters}):\n{body}"
    (finding,) = [f for f in analysed(text, load_rulebook(), whole=False).findings if f.symbol == "tf.cond"]
    return finding.fix.replacement if finding.fix else None


@pytest.mark.parametrize(
    "lines",
    [
        "pass",
        "if training is None:\n    training = K.learning_phase()",
        "if training is None:\n    training = K.learning_phase()\nif x is None:\n    training = K.learning_phase()",
        "training = K.learning_phase() if training is None else training",
    ],
)
def test_it_chooses_by_the_training_phase(lines: str) -> None:
    assert replacement(lines) == PHASE


@pytest.mark.parametrize(
    "lines",
    [
        "training = True",
        "training = self.trainable and training",
        "if training is None:\n    training = K.learning_phase(1)",
        "training = x if training is None else training",
        "if training is None:\n    training = K.learning_phase()\ntraining = tf.cast(training, tf.bool)",
        "training += 1",
        "for training in x:\n    pass",
    ],
)
def test_bound_to_anything_else_it_does_not(lines: str) -> None:
    assert replacement(lines) != PHASE


def test_without_a_parameter_the_name_says_nothing() -> None:
    assert replacement("training = unknown()", "x") != PHASE
