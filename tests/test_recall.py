"""The script that measures recall: its listing on a small project, its comparison, and the figures. No download."""

from __future__ import annotations

from pathlib import Path

import pytest
from recall.__main__ import HERE, is_method
from recall.compare import Difference, Review, differences, read_reviews, score
from recall.listing import Listing, engine_name, is_keras_class, keras_name
from recall.methods import Methods
from recall.modules import Project

LAYERS = """
import tensorflow as tf
from keras.layers import Lambda
from .base import Base
from . import ops
from .compat import tf as engine

class Scores(Base):
    def call(self, x, tf2=tf.float32):
        tf = None
        return ops.helper(engine.exp(x))

def outside(x):
    return tf.abs(x)

def build(x):
    return Lambda(lambda t: tf.square(t))(x)
"""
PROJECT = {
    "pkg/__init__.py": "",
    "pkg/base.py": "from keras.layers import Layer as L\nimport tensorflow as tf\n\nclass Base(L):\n    scale = tf.constant(1.0)\n",
    "pkg/ops.py": "from tensorflow import nn\n\ndef helper(x):\n    return inner(x)\n\ndef inner(x):\n    return nn.relu(x)\n",
    "pkg/compat.py": "import tensorflow.compat.v1 as tf\n",
    "pkg/layers.py": LAYERS,
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return Project(tmp_path)


def test_the_listing_follows_bases_helpers_and_reexports_through_files(project: Project) -> None:
    uses = {(u.path, u.line, u.symbol) for u in Listing(project).uses()}
    assert uses == {
        ("pkg/base.py", 5, "tensorflow.constant"),
        ("pkg/layers.py", 9, "tensorflow.float32"),
        ("pkg/layers.py", 11, "tensorflow.compat.v1.exp"),
        ("pkg/layers.py", 17, "tensorflow.square"),
        ("pkg/ops.py", 7, "tensorflow.nn.relu"),
    }


@pytest.mark.parametrize(
    ("dotted", "engine"),
    [
        ("tensorflow.nn.relu", "tensorflow.nn.relu"),
        ("theano.tensor.dot", "theano.tensor.dot"),
        ("keras.backend.tf.exp", "tensorflow.exp"),
        ("tensorflow.keras.backend.T.dot", "theano.tensor.dot"),
        ("tensorflow.keras.backend.exp", None),
        ("tensorflow.python.keras.layers.Dense", None),
        ("numpy.exp", None),
    ],
)
def test_what_is_an_engine_use(dotted: str, engine: str | None) -> None:
    assert engine_name(dotted) == engine


def test_functions_that_are_handed_over_in_turn(tmp_path: Path) -> None:
    (tmp_path / "turns.py").write_text(
        "import tensorflow as tf\nfrom keras.layers import Lambda\ndef f(x):\n    return tf.exp(x)\ndef g(x):\n    return tf.log(x)\n"
        "def build(m, x):\n    losses = [f]\n    m.compile(loss=losses)\n    return [Lambda(h)(x) for h in (g,)]\n",
        "utf-8",
    )
    assert [u.symbol for u in Listing(Project(tmp_path)).uses()] == ["tensorflow.exp", "tensorflow.log"]


def test_a_backend_of_either_keras_is_no_engine_use_and_a_method_that_is_handed_on_is_layer_code(tmp_path: Path) -> None:
    (tmp_path / "either.py").write_text(
        "import tensorflow as tf\n"
        "try:\n    from keras import backend as K\n    from keras.layers import Layer, Lambda\n"
        "except ImportError:\n    from tensorflow.keras import backend as K\n    from tensorflow.keras.layers import Layer, Lambda\n"
        "class A(Layer):\n    def call(self, x):\n        return K.exp(x)\n"
        "Own, other = Layer, None\nclass B(Own):\n    def call(self, x):\n        return tf.abs(x)\n"
        "class Builder:\n    def f(self, x):\n        return tf.exp(x)\n    def make(self):\n        return Lambda(self.f)\n",
        "utf-8",
    )
    assert [(u.line, u.symbol) for u in Listing(Project(tmp_path)).uses()] == [(14, "tensorflow.abs"), (17, "tensorflow.exp")]


def test_a_keras_that_another_module_chooses(tmp_path: Path) -> None:
    (tmp_path / "compat.py").write_text(
        "import tensorflow as tf\nkeras = installed_keras()\ntry:\n    from keras import ops\nexcept ImportError:\n    import tensorflow as ops\n"
    )
    (tmp_path / "layer.py").write_text(
        "from compat import keras, ops, tf\nfrom elsewhere.keras.losses import Loss\n"
        "class A(keras.layers.Wrapper):\n    def call(self, x):\n        return ops.abs(tf.exp(x))\n"
        "class B(Loss):\n    def call(self, y, z):\n        return tf.sign(y)\n"
    )
    uses = sorted((u.line, u.symbol) for u in Listing(Project(tmp_path)).uses())
    assert uses == [(5, "tensorflow.exp"), (8, "tensorflow.sign")]


def test_a_value_that_a_use_cannot_see(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(
        "import tensorflow as tf\nfrom functools import partial\nfrom keras.layers import Layer\n"
        "class A(Layer):\n    def call(self, x, d):\n        if d.name:\n            d = tf.int32\n            return d\n"
        "        f = partial(tf.sum, axis=1)\n        return f(x, d)\n"
    )
    assert [(u.line, u.symbol) for u in Listing(Project(tmp_path)).uses()] == [
        (7, "tensorflow.int32"),
        (8, "tensorflow.int32"),
        (9, "tensorflow.sum"),
    ]


def test_what_a_table_holds_is_used_by_who_names_it(tmp_path: Path) -> None:
    (tmp_path / "tables.py").write_text(
        "import tensorflow as tf\nfrom keras.layers import Layer\n"
        "def f(x):\n    return tf.exp(x)\n"
        "TABLE = {'f': f, 'g': (tf.abs, lambda x: tf.sign(x))}\nUNUSED = [tf.sin]\n"
        "class A(Layer):\n    def call(self, x):\n        return TABLE['f'](x)\n",
        "utf-8",
    )
    uses = [(u.line, u.symbol) for u in Listing(Project(tmp_path)).uses()]
    assert sorted(uses) == [(4, "tensorflow.exp"), (5, "tensorflow.abs"), (5, "tensorflow.sign")]


def test_the_backend_inside_tensorflow_is_an_engine_use_beside_keras() -> None:
    assert engine_name("tensorflow.keras.backend.exp", imports_keras=True) == "tensorflow.keras.backend.exp"
    assert keras_name("tensorflow.compat.v1.keras.layers.Dense") == "keras.layers.Dense"


def test_which_bases_make_layer_code() -> None:
    assert is_keras_class("tensorflow.python.keras.engine.base_layer.Layer")
    assert is_keras_class("keras.Model")
    assert not is_keras_class("keras.callbacks.Callback")
    assert not is_keras_class("tensorflow.nn.rnn_cell.RNNCell")
    assert not is_keras_class("keras.layers.add")


METHODS = """
import numpy as np
from keras import backend as K
from keras.layers import Lambda, Layer

class A(Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=input_shape.as_list())
        self.n = np.zeros(3)

    def call(self, x, mask=None):
        y = K.exp(x) + 1
        y = y.reshape((2, 3))
        s = x.get_shape()
        n = self.n.sum() + mask.sum()
        return y.sum(), s[1].value, x.shape.as_list(), self.w.assign_add(n), self.assign_add(n), helper(y), y.shape

def helper(unknown):
    return unknown.get_shape()[0].value, unknown.T, f"{unknown.dimshuffle(0)}"

def outside(x):
    return x.get_shape()

f = Lambda(lambda t: t.T)
"""


def test_the_listing_of_methods(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(METHODS, "utf-8")
    uses = [(u.line, u.column, u.symbol) for u in Methods(Listing(Project(tmp_path))).uses()]
    assert sorted(uses) == [
        (8, 40, "as_list"),
        (13, 13, "reshape"),
        (14, 13, "get_shape"),
        (16, 16, "sum"),
        (16, 25, "value"),
        (16, 37, "as_list"),
        (16, 56, "assign_add"),
        (19, 12, "value"),
        (19, 53, "dimshuffle"),
        (24, 22, "T"),
    ]


A, B, C = (("a.py", 1, 1, ""), ("a.py", 2, 1, ""), ("a.py", 3, 1, ""))


def test_differences_are_named_by_side() -> None:
    found = differences(
        "p==1", {A: ("tf.a", "f", "why"), B: ("tf.b", "f", "why")}, {A: ("tf.a", "f", "why"), C: ("tf.c", "g", "so")}
    )
    assert [(d.side, d.line, d.symbol) for d in found] == [("missed", 2, "tf.b"), ("extra", 3, "tf.c")]


def difference(side: str, symbol: str) -> Difference:
    return Difference("p==1", side, "a.py", 1, 1, symbol, "f", "why")


def test_open_differences_count_against_the_analyzer() -> None:
    result = score(2, [difference("missed", "tf.b"), difference("extra", "tf.c")], [])
    assert (result.true, result.found, result.both, len(result.open)) == (3, 3, 2, 2)


def test_reviewed_differences_count_as_the_reviewer_says() -> None:
    rows = [("missed", "kmigrate"), ("missed", "listing"), ("extra", "kmigrate"), ("extra", "listing")]
    reviews = [Review("p==*", side, "*", "*", f"tf.{side}.{right}", right, "read") for side, right in rows]
    result = score(6, [difference(side, f"tf.{side}.{right}") for side, right in rows], reviews)
    assert (result.true, result.found, result.both, result.open) == (8, 8, 7, [])
    assert result.recall == result.precision == 7 / 8


def test_a_review_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reviewed.tsv"
    path.write_text("project\tside\tpath\twhere\tsymbol\tright\treason\np\tmissed\t*\t*\t*\tkmigrate\t\n", "utf-8")
    with pytest.raises(SystemExit, match=r"reviewed\.tsv:2"):
        read_reviews(path)


def test_the_committed_reviews_and_projects_can_be_read() -> None:
    names = {line.split()[0] for line in (HERE / "projects.txt").read_text("utf-8").splitlines()}
    assert len(names) > 25
    assert {r.project for r in read_reviews(HERE / "reviewed.tsv")} - {"*"} <= names


def test_methods_of_tensors_are_apart() -> None:
    assert is_method("tf.Tensor.get_shape")
    assert is_method("tf.Dimension.value") and is_method("theano.compile.SharedVariable.get_value")
    assert not is_method("tf.Tensor")


def test_the_listing_knows_a_tensorflow_that_a_function_imports_and_keras_3_variables(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/compat.py": "def _import():\n    import tensorflow\n    return tensorflow\ntf = _import()\n",
        "pkg/a.py": "from pkg.compat import tf\nclass A(tf.keras.layers.Layer):\n    def call(self, x):\n        return tf.exp(x.y.numpy())\n",
        "pkg/b.py": "import keras\nclass B(keras.layers.Layer):\n    def build(self, s):\n"
        "        self.w = self.add_weight()\n        self.w.assign(keras.ops.ones(3))\n        s.w.assign(1)\n        s.set_shape(1, 2)\n",
    }
    for name, text in files.items():
        path = tmp_path / "outer" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    listing = Listing(Project(tmp_path))
    assert [(u.path, u.line, u.symbol) for u in listing.uses()] == [("outer/pkg/a.py", 4, "tensorflow.exp")]
    assert [(u.path, u.line, u.symbol) for u in Methods(listing).uses()] == [
        ("outer/pkg/a.py", 4, "numpy"),
        ("outer/pkg/b.py", 5, "assign"),
    ]
