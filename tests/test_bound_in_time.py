"""A fixed module imports as the original does: every name that a fix uses is bound by the time that it runs.

The engine and Keras are stand-ins here: what matters is the order in which a module's statements run.
"""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from conftest import fixed
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.rulebook.book import Rulebook

BEFORE_AFTER = [
    pytest.param(
        "import tensorflow as tf\nclass A:\n    def f(self, x=tf.exp(1)):\n        return x\nfrom keras import backend as K\n",
        "from keras import backend as KB\n",
        id="a default argument above the file's own K",
    ),
    pytest.param(
        "import tensorflow as tf\ndef f(x):\n    return tf.exp(x)\nY = f(1)\nfrom keras import backend as K\n",
        "from keras import backend as KB\n",
        id="a function that is called above it",
    ),
    pytest.param(
        "import tensorflow as tf\ndef f(x):\n    return tf.exp(x)\nfrom keras import backend as K\nY = f(1)\n",
        "return K.exp(x)\nfrom keras import backend as K\n",
        id="a function that is called below it",
    ),
    pytest.param(
        "import tensorflow as tf; X = tf.exp(1)\n",
        "from keras import backend as K\n\nimport tensorflow as tf; X = K.exp(1)\n",
        id="a use on the line of the imports",
    ),
    pytest.param(
        "'''Doc.'''; import tensorflow as tf; X = tf.exp(1)\n",
        "import tensorflow as tf; from keras import backend as K; X",
        id="the docstring on that line too",
    ),
    pytest.param(
        "import tensorflow as tf\nfrom keras import backend as K\nX = tf.exp(1)\ndel K\n",
        "from keras import backend as KB\n",
        id="K is deleted",
    ),
    pytest.param(
        "import sys\nimport tensorflow as tf\nif sys.argv is None:\n    from keras import backend as K\nX = tf.exp(1)\n",
        "from keras import backend as KB\n",
        id="K is bound in a branch",
    ),
    pytest.param(
        "from typing import TYPE_CHECKING\nimport tensorflow as tf\nif TYPE_CHECKING:\n    from keras import backend as K\nX = tf.exp(1)\n",
        "from keras import backend as KB\n",
        id="K is bound for type checkers",
    ),
    pytest.param(
        "import tensorflow as tf\ntry:\n    from keras import backend as K\nexcept ImportError:\n    from tensorflow.keras import backend as K\n"
        "X = tf.exp(1)\n",
        "X = K.exp(1)\n",
        id="K is bound in every branch",
    ),
    pytest.param(
        "import tensorflow as tf\nimport keras\nK = keras.backend\nX = tf.exp(1)\n",
        "import keras\nK = keras.backend\nX = K.exp(1)\n",
        id="K is assigned",
    ),
    pytest.param(
        "import tensorflow as tf\nimport keras\nX = tf.exp(1)\nK = keras.backend\n",
        "import keras\nfrom keras import backend as KB\nX = KB.exp(1)\n",
        id="K is assigned below",
    ),
    pytest.param(
        "import tensorflow as tf\nwith open('/dev/null'):\n    from keras import backend as K\nX = tf.exp(1)\n",
        "X = K.exp(1)\n",
        id="K is bound in a with statement",
    ),
    pytest.param(
        "import tensorflow as tf\nfrom contextlib import suppress\nwith suppress(ImportError):\n    from keras import backend as K\n"
        "X = tf.exp(1)\n",
        "X = KB.exp(1)\n",
        id="which may go on without it",
    ),
    pytest.param(
        "import os\nimport tensorflow as tf\nos.environ['KERAS_BACKEND'] = 'theano'\nfrom keras.layers import Layer\nX = tf.exp(1)\n",
        "'theano'\nfrom keras.layers import Layer\nfrom keras import backend as K\n",
        id="Keras is imported below what configures it",
    ),
    pytest.param(
        "from keras.layers import Layer\nfrom helpers import *\nimport tensorflow as tf\nX = tf.exp(1)\n",
        "from helpers import *\nfrom keras import backend as K\n",
        id="a star import among the imports might bind K again",
    ),
    pytest.param(
        "import tensorflow as tf\nfrom keras import backend as K\nfrom helpers import *\nX = tf.exp(1)\nfrom keras import backend as K\n",
        "from keras import backend as KB\n",
        id="a star import between two imports of K might bind it again",
    ),
    pytest.param(
        "from keras.layers import Layer\nimport tensorflow as tf\nX = tf.exp(1)\nfrom helpers import *\nY = tf.exp(1)\n",
        "from keras import backend as _keras_backend\n",
        id="a star import further down might bind K again",
    ),
]


def stand_ins() -> dict[str, ModuleType]:
    """``tensorflow``, ``keras`` and a module of the project that binds K to something else."""
    engine, keras, backend, helpers = (ModuleType(n) for n in ("tensorflow", "keras", "keras.backend", "helpers"))
    layers = ModuleType("keras.layers")
    inside = ModuleType("tensorflow.keras")
    engine.exp = backend.exp = lambda x: ("exp", x)  # type: ignore[attr-defined]
    keras.backend, keras.layers, layers.Layer = backend, layers, object  # type: ignore[attr-defined]
    inside.backend = backend  # type: ignore[attr-defined]
    helpers.K = None  # type: ignore[attr-defined]
    made = (engine, keras, backend, helpers, layers, inside)
    return {module.__name__: module for module in made}


def run(text: str) -> dict[str, object]:
    """The upper-case names that a module leaves behind; raises what importing it raises."""
    space: dict[str, object] = {"__name__": "m"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "tensorflow")
        for name, module in stand_ins().items():
            patch.setitem(sys.modules, name, module)
        exec(compile(text, "m.py", "exec"), space)
    return {name: value for name, value in space.items() if name in ("X", "Y", "Z")}


@pytest.mark.parametrize(("before", "part"), BEFORE_AFTER)
def test_the_import_is_there_in_time(before: str, part: str, book: Rulebook) -> None:
    after = fixed(before, book)
    assert part in after
    assert run(after) == run(before)
    assert fixed(after, book) == after


def test_any_is_imported_above_its_first_use() -> None:
    text = "import tensorflow as tf\ndef f(x: tf.Tensor):\n    return x\nfrom typing import Optional\n"
    after = fixed(text, load_real())
    assert after.startswith("from typing import Any\n")
    guarded = "import tensorflow as tf\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typing import Any\n"
    guarded += "def f(x: tf.Tensor):\n    return x\n"
    assert fixed(guarded, load_real()) == guarded


def load_real() -> Rulebook:
    from kmigrate.rulebook.book import load_rulebook

    return load_rulebook()


@pytest.mark.parametrize(
    ("between", "name"),
    [
        ("", "K"),
        ("import os\n", "K"),
        ("def g():\n    return f(1)\n", "K"),
        ("class C(object):\n    def m(self):\n        return f(1)\n", "K"),
        ("f(1)\n", "KB"),
        ("class C(object):\n    x = f(1)\n", "KB"),
        ("def g(x=f(1)):\n    return x\n", "KB"),
    ],
)
def test_a_function_above_the_import_uses_it_unless_code_between_could_call_it(between: str, name: str) -> None:
    text = f"import tensorflow as tf\ndef f(x):\n    return tf.exp(x)\n{between}from keras import backend as K\n"
    assert f"return {name}.exp(x)" in fixed(text, load_real())


def test_an_import_for_type_checkers_is_none() -> None:
    text = "import tensorflow as tf\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from keras import backend as K\n"
    after = fixed(text + "def f(x):\n    return tf.exp(x)\n", load_real())
    assert "from keras import backend as KB\n" in after
    assert "return KB.exp(x)" in after


def test_a_name_that_is_deleted_is_none() -> None:
    text = "import tensorflow as tf\nfrom keras import backend as K\ndef f(x):\n    return tf.exp(x)\ndel K\n"
    assert "return KB.exp(x)" in fixed(text, load_real())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import tensorflow as tf; A = tf.exp(1)\n",
            "from keras import backend as K\n\nimport tensorflow as tf; A = K.exp(1)\n",
        ),
        (
            "import os\nimport tensorflow as tf; A = tf.exp(1)\n",
            "import os\nfrom keras import backend as K\nimport tensorflow as tf; A = K.exp(1)\n",
        ),
        (
            "import os; import tensorflow as tf\nA = tf.exp(1)\n",
            "import os; import tensorflow as tf\nfrom keras import backend as K\nA = K.exp(1)\n",
        ),
    ],
)
def test_a_new_import_runs_before_code_on_the_line_of_an_import(before: str, after: str) -> None:
    assert fixed(before, load_real()) == after
    run(after)


@pytest.mark.parametrize("first", ["from __future__ import division", "'docstring'"])
def test_what_has_to_be_first_stays_first_on_its_line(first: str) -> None:
    after = fixed(f"{first}; import tensorflow as tf; A = tf.exp(1)\n", load_real())
    assert after.startswith(first)
    run(after)


# ---- any order of statements

KERAS = [
    "from keras import backend as K",
    "import keras.backend as K",
    "from keras.layers import Layer",
    "if hash('a') is None: from keras import backend as K",
    "try:\n    from keras import backend as K\nexcept ImportError:\n    pass",
    "import keras; K = keras.backend",
    "with open('/dev/null'):\n    from keras import backend as K",
    "from helpers import *",
    "K = 3",
    "del K",
    "def rebind():\n    global K\n    K = None",
    "import os",
]
USES = [
    "X = tf.exp(1)",
    "Y = [tf.exp(i) for i in range(2)]",
    "def f(x=tf.exp(2)):\n    return tf.exp(x)",
    "class A:\n    Z = tf.exp(3)\n    def f(self, x): return tf.exp(x)",
    "g = lambda x, y=1: tf.exp(x)",
    "if True: X = tf.exp(5)",
    "@(lambda f, e=tf.exp(1): f)\ndef h(x): return tf.exp(x)",
]
CALLS = ["Y = f(1)", "Z = g(2)", "X = A().f(3)", "Y = h(4)", "X = (A.Z, 1)", "rebind()"]
STATEMENTS = st.lists(st.one_of(st.sampled_from(KERAS), st.sampled_from(USES), st.sampled_from(CALLS)), min_size=1, max_size=8)


@given(STATEMENTS, st.sampled_from(["import tensorflow as tf\n", "import tensorflow as tf; "]), st.booleans())
@settings(max_examples=400)
def test_any_order_of_statements_imports_as_before(book: Rulebook, statements: list[str], head: str, joined: bool) -> None:
    simple = joined and all("\n" not in s and not s.startswith(("if", "def", "class")) for s in statements)
    text = head if simple or head.endswith("\n") else "import tensorflow as tf\n"
    text += ("; " if simple else "\n").join(statements) + "\n"
    try:
        expected = run(text)
    except (NameError, AttributeError, TypeError):
        return  # this program does not run as it stands
    assert run(fixed(text, book)) == expected
