"""An engine's own function that is handed to Keras runs in the model like one of the project's: it is a use where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import analysed, fixed

from kmigrate.config import Config
from kmigrate.model import Finding
from kmigrate.project import Project
from kmigrate.rulebook.book import load_rulebook

HEAD = "import tensorflow as tf\nfrom keras.layers import Activation, Dense, Lambda, Layer\nfrom functools import partial\n\n\n"


def found(body: str) -> list[Finding]:
    return list(analysed(f"{HEAD}{body}\n", load_rulebook(), whole=False).findings)


@pytest.mark.parametrize(
    ("body", "symbol", "kind", "replacement"),
    [
        ("layer = Dense(3, activation=tf.nn.relu)", "tf.nn.relu", "activation", "K.relu"),
        ("layer = Activation(tf.nn.softmax)", "tf.nn.softmax", "activation", "K.softmax"),
        ("layer = Lambda(tf.square)", "tf.math.square", "lambda", "K.square"),
        ("layer = Lambda(function=tf.square)", "tf.math.square", "lambda", "K.square"),
        ("def build():\n    f = tf.square\n    return Lambda(f)", "tf.math.square", "lambda", "K.square"),
        ("def build(m):\n    m.compile('sgd', loss=[tf.abs])", "tf.math.abs", "loss", "K.abs"),
        ("m.add(Dense(3, kernel_regularizer=tf.nn.l2_loss))", "tf.nn.l2_loss", "regularizer", None),
    ],
)
def test_it_is_found_with_its_reason(body: str, symbol: str, kind: str, replacement: str | None) -> None:
    (finding,) = found(body)
    assert (finding.symbol, finding.context.kind) == (symbol, kind)
    assert " is handed to `" in finding.context.reason
    assert finding.context.qualname == ("build" if "def build" in body else "<module>")
    assert (finding.fix.replacement if finding.fix else None) == replacement


@pytest.mark.parametrize(
    "body",
    [
        "layer = tf.layers.dense(x, 3, activation=tf.nn.relu)",  # a function of the engine calls it
        "layer = Dataset(activation=tf.nn.relu)",
        "f = tf.nn.relu",
        "def build(activation=tf.nn.relu):\n    return activation",
        "layer = Dense(3, name=tf.nn.relu)",
    ],
)
def test_what_keras_does_not_get_is_left_alone(body: str) -> None:
    assert found(body) == []


def test_in_layer_code_the_layer_is_the_reason() -> None:
    (finding,) = found("class A(Layer):\n    def build(self, shape):\n        self.d = Dense(3, activation=tf.nn.relu)")
    assert finding.context.reason.startswith("`A` is a layer class")
    assert finding.context.unit == "A"


def test_the_fix_brings_its_import_and_the_engines_goes() -> None:
    after = fixed(f"{HEAD}layer = Dense(3, activation=tf.nn.relu)\n", load_rulebook(), whole=False)
    assert "layer = Dense(3, activation=K.relu)" in after
    assert "import tensorflow" not in after


def test_the_layer_may_be_one_of_the_project_and_a_second_run_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "layers.py").write_text(
        "from keras.layers import Dense\n\nclass Mine(Dense):\n    pass\n\nclass Other:\n    pass\n"
    )
    text = "import tensorflow as tf\nfrom layers import Mine, Other\n\nMine(3, activation=tf.nn.relu)\nOther(3, activation=tf.nn.relu)\n"
    (tmp_path / "build.py").write_text(text)
    first = Project(Config(), cached=True).reports(["."])
    assert [(f.line, f.symbol) for report in first for f in report.findings] == [(4, "tf.nn.relu")]
    assert Project(Config(), cached=True).reports(["."]) == first


def test_a_layer_that_is_to_be_made_later_takes_what_partial_gives_to_it() -> None:
    made = "from functools import partial\ndense = partial({}, activation=tf.nn.relu)\n"
    assert [finding.symbol for finding in found(made.format("Dense"))] == ["tf.nn.relu"]
    assert not found(made.format("print"))


@pytest.mark.parametrize(
    ("use", "replacement"),
    [
        ("Lambda(tf.reduce_sum, arguments={'reduction_indices': 1})(x)", None),
        ("Lambda(tf.nn.softmax, None, None, {'dim': 1})(x)", None),
        ("Lambda(function=tf.exp, arguments=dict(name='a'))(x)", None),
        ("Lambda(tf.exp, **options)(x)", None),
        ("Lambda(partial(tf.reduce_sum, axis=1))(x)", None),
        ("Lambda(partial(tf.exp))(x)", "K.exp"),
        ("Lambda(tf.exp, name='a')(x)", "K.exp"),
    ],
)
def test_a_function_that_is_handed_on_with_arguments_of_its_own_stays(use: str, replacement: str | None) -> None:
    (finding,) = found(f"from keras import backend as K\n{use}")
    assert (finding.fix.replacement if finding.fix else None) == replacement
    assert replacement or "arguments of its own" in finding.message
