"""Units that are called in ways of their own, on real engines: old regularizers, keyword arguments, broken packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.model import Unit
from kmigrate.verify.cases import Case
from kmigrate.verify.runner import Engines
from kmigrate.verify.session import ModulePair, UnitVerdict, verify_module

pytestmark = pytest.mark.engines

OLD_REGULARIZERS = """
import theano.tensor as T
class Weights(object):
    def __init__(self, l1=0.5): self.l1 = l1
    def set_param(self, p): self.p = p
    def __call__(self, loss):
        loss += T.sum(abs(self.p)) * self.l1
        return loss
class Activity(object):
    def set_layer(self, layer): self.layer = layer
    def __call__(self, loss): return loss + T.sum(self.layer.get_output(True) ** 2)
"""


def verify(engines: Engines, before: str, after: str, name: str, kind: str = "helper", path: str = "m.py") -> UnitVerdict:
    engine = "theano" if "theano" in before else "tensorflow"
    root, package = (str(Path(path).parent.parent), Path(path).parent.name) if "/" in path else (None, None)
    pair = ModulePair(path, before, after, engine=engine, package_root=root, package=package)
    return verify_module(pair, [Unit(name, kind, 1)], engines)[0]


@pytest.mark.parametrize(("name", "change"), [("Weights", ("abs(self.p)", "self.p ** 2")), ("Activity", ("** 2", "** 3"))])
def test_a_regularizer_of_keras_0_is_told_its_parameter_or_layer(engines: Engines, name: str, change: tuple[str, str]) -> None:
    assert verify(engines, OLD_REGULARIZERS, OLD_REGULARIZERS, name, "regularizer").verdict == "identical"
    wrong = OLD_REGULARIZERS.replace(*change)
    assert verify(engines, OLD_REGULARIZERS, wrong, name, "regularizer").verdict == "different"


def test_what_only_keywords_can_give_is_given(engines: Engines) -> None:
    text = "import tensorflow as tf\ndef need(x, scale): return tf.square(x) * scale\ndef f(x, **more): return need(x, **more)\n"
    assert verify(engines, text, text, "f").verdict == "identical"


def test_a_cell_that_wants_more_than_a_layer_gives_is_called_by_itself(engines: Engines) -> None:
    text = """
import tensorflow as tf
from keras.layers import Layer
class Cell(Layer):
    def __init__(self, units, **kwargs):
        super(Cell, self).__init__(**kwargs)
        self.units = self.state_size = units
    def call(self, inputs, state, score):
        return tf.tanh(inputs) * score + state
"""
    verdict = verify(engines, text, text.replace("+ state", "- state"), "Cell", "layer")
    assert verdict.verdict == "different", verdict.reason


def test_a_unit_that_returns_a_function_says_so(engines: Engines) -> None:
    text = "import tensorflow as tf\ndef f(x):\n    return lambda y: tf.square(y) * x\n"
    reason = verify(engines, text, text, "f").reason or ""
    assert "it returns a function" in reason


def test_why_a_package_cannot_be_imported_is_said_where_a_module_of_it_fails(engines: Engines, tmp_path: Path) -> None:
    folder = tmp_path / "broken_one"
    folder.mkdir()
    (folder / "__init__.py").write_text("value = 1\nraise RuntimeError('wants something newer')\n", encoding="utf-8")
    text = "import tensorflow as tf\nfrom broken_one import value\ndef f(x): return tf.square(x)\n"
    (folder / "m.py").write_text(text, encoding="utf-8")
    reason = verify(engines, text, text, "f", path=str(folder / "m.py")).reason or ""
    assert "broken_one itself cannot be imported: RuntimeError: wants something newer" in reason


def test_what_a_package_lacks_is_said_where_its_module_asks_the_package_itself(engines: Engines, tmp_path: Path) -> None:
    folder = tmp_path / "broken_two"
    folder.mkdir()
    (folder / "__init__.py").write_text("import no_such_thing\nfrom .base import Base\n", encoding="utf-8")
    (folder / "base.py").write_text("from keras.layers import Layer\nclass Base(Layer): pass\n", encoding="utf-8")
    text = "import tensorflow as tf\nimport broken_two as own\nclass A(own.Base):\n    def call(self, x): return tf.square(x)\n"
    (folder / "m.py").write_text(text, encoding="utf-8")
    verdict = verify(engines, text, text, "A", "layer", path=str(folder / "m.py"))
    assert verdict.verdict == "identical", verdict.reason


def test_the_rest_of_a_project_is_found_above_a_folder_without_an_init(engines: Engines, tmp_path: Path) -> None:
    (tmp_path / "parts" / "layers").mkdir(parents=True)
    (tmp_path / "parts" / "common").mkdir()
    for folder in ("layers", "common"):
        (tmp_path / "parts" / folder / "__init__.py").write_text("", encoding="utf-8")
    for power in (2, 3):  # read again for each run
        (tmp_path / "parts" / "common" / "sizes.py").write_text(f"POWER = {power}\n", encoding="utf-8")
        text = "import tensorflow as tf\nfrom parts.common.sizes import *\ndef f(x): return tf.pow(x, POWER)\n"
        path = str(tmp_path / "parts" / "layers" / "m.py")
        assert verify(engines, text, text, "f", path=path).verdict == "identical"
        wrong = verify(engines, text, text.replace("POWER)", f"{power})"), "f", path=path)
        assert wrong.verdict == "identical", wrong.reason


def test_a_parameter_that_takes_keywords_only_is_given(engines: Engines) -> None:
    text = "import tensorflow as tf\ndef f(x, *, scale): return tf.square(x) * scale\n"
    assert verify(engines, text, text, "f").verdict == "identical"
    assert verify(engines, text, text.replace("* scale", "/ scale"), "f").verdict == "different"


def test_a_layer_of_tensorflow_keras_gets_a_dictionary_of_tensors(engines: Engines) -> None:
    text = """
import tensorflow as tf
class Distance(tf.keras.layers.Layer):
    def call(self, inputs):
        return tf.square(inputs["left"] - 2.0 * inputs["right"])
"""
    assert verify(engines, text, text, "Distance", "layer").verdict == "identical"
    wrong = verify(engines, text, text.replace("2.0", "3.0"), "Distance", "layer")
    assert wrong.verdict == "different", wrong.reason


def test_a_probe_tries_no_case_after_its_budget(engines: Engines) -> None:
    module = {"name": "m", "source": "def f(x): return x[9]\n", "path": "m.py", "flavour": "keras"}
    cases = [Case({}, (("x", "float[2]"),)).payload()] * 3
    request = {"op": "probe", "module": module, "unit": {"qualname": "f"}, "cases": cases}
    assert len(engines.call("tensorflow", request)["errors"]) == 3
    assert engines.call("tensorflow", {**request, "budget_s": -1.0})["errors"] == []


def test_code_that_names_float32_gets_all_its_cases(engines: Engines) -> None:
    text = "import tensorflow as tf\ndef f(x): return tf.square(x) * tf.constant(2.0, tf.float32)\n"
    verdict = verify(engines, text, text, "f")
    assert verdict.verdict == "identical"
    assert verdict.cases > 4
    assert {run.floatx for run in verdict.runs} == {"float32"}


def test_a_function_of_the_engine_without_the_argument_is_told_from_ones_own(engines: Engines) -> None:
    text = "import tensorflow as tf\ndef own(x): return x\ndef f(x): return tf.map_fn(tf.square, x, fn_output_signature=1)\n"
    assert "a later version of the library" in (verify(engines, text, text, "f").reason or "")
    text = text.replace("tf.map_fn(tf.square, x, ", "own(x, ")
    assert "a later version" not in (verify(engines, text, text, "f").reason or "")


YIELDS = """
import tensorflow as tf
from keras.layers import Dense, Input, Lambda
from keras.models import Model
class Thing(object):
    def __init__(self, x): self.x = x
def thing(x): return Thing(tf.square(x))
def nothing(x): tf.square(x)
def slices(x): return tf.IndexedSlices(tf.square(x), tf.constant([0, 1]))
def sparse(x): return tf.sparse.from_dense(tf.square(x))
def ragged(x): return tf.RaggedTensor.from_row_lengths(tf.square(x), [1, 1])
def model(shape, units=3):
    x = Input(shape)
    return Model(x, Lambda(lambda t: tf.square(t))(Dense(units)(x)))
def models(size=4):
    x = Input((size,))
    return Model(x, Dense(2)(x)), Model(x, Lambda(lambda t: tf.square(t))(x))
"""


@pytest.mark.parametrize("name", ["slices", "sparse", "ragged", "model", "models"])
def test_what_holds_tensors_is_compared_by_them(engines: Engines, name: str) -> None:
    assert verify(engines, YIELDS, YIELDS, name).verdict == "identical"
    assert verify(engines, YIELDS, YIELDS.replace("tf.square", "tf.sin"), name).verdict == "different"


@pytest.mark.parametrize("name", ["thing", "nothing"])
def test_what_has_no_value_is_no_verdict(engines: Engines, name: str) -> None:
    verdict = verify(engines, YIELDS, YIELDS.replace("tf.square", "tf.sin"), name)
    assert (verdict.verdict, verdict.engines["tensorflow"].verdict) == ("skipped", "skipped")
    assert "no value that could be compared" in (verdict.reason or "")


def test_the_weights_of_a_model_that_a_function_builds_are_the_originals(engines: Engines) -> None:
    other = YIELDS.replace("Dense(units)", "Dense(units, kernel_initializer='zeros')")
    assert verify(engines, YIELDS, other, "model").verdict == "identical"
