"""A fix uses a name only where its import has run: modules of every order of statements, and the module is run.

Only names are in question here, so ``tensorflow`` and ``keras`` are stand-ins that take everything.
"""

from __future__ import annotations

import sys
from types import ModuleType
from unittest.mock import MagicMock, patch

import pytest
from conftest import fixed
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.rulebook.book import load_rulebook

BOOK = load_rulebook()
STATEMENTS = (
    "from keras import backend as K",
    "try:\n    from keras import backend as K\nexcept ImportError:\n    raise",
    "if True:\n    from keras import backend as K",
    "K = None",
    "import os",
    "def later(x):\n    return tf.square(x)",
    "def given(x, scale=tf.square([1.0])):\n    return scale",
    "@(lambda f: f if tf.square([1.0]) is not None else f)\ndef decorated(x):\n    return x",
    "class Body:\n    value = tf.square([1.0])",
    "class Method:\n    def call(self, x):\n        return tf.square(x)",
    "TOP = tf.square([1.0])",
    "names = [(lambda y: tf.square(y)) for _ in range(1)]",
    "for call in [v for k, v in list(globals().items()) if k in ('later', 'given', 'decorated')] + list(globals().get('names', [])):\n"
    "    call([2.0])",
    "Method().call([2.0]) if 'Method' in globals() else None",
)
CALL_ALL = """
for call in [v for k, v in list(globals().items()) if k in ("later", "given", "decorated")] + list(globals().get("names", [])):
    call([2.0])
Method().call([2.0]) if "Method" in globals() else None
"""


def run(text: str) -> None:
    """Raises NameError or AttributeError where a name is not bound in time, or to something else."""
    keras, tensorflow = ModuleType("keras"), MagicMock(name="tensorflow")
    keras.backend = MagicMock(name="backend")  # type: ignore[attr-defined]
    with patch.dict(sys.modules, {"keras": keras, "tensorflow": tensorflow, "keras.backend": keras.backend}):
        exec(compile(text, "module.py", "exec"), {"__name__": "module"})


@settings(deadline=None)
@given(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=7))
def test_names_are_bound_when_they_are_needed(statements: list[str]) -> None:
    text = "\n".join(["import tensorflow as tf", *statements]) + "\n"
    run(text + CALL_ALL)
    after = fixed(text, BOOK)
    assert "tf.square" not in after
    run(after + CALL_ALL)


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
    text = f"import tensorflow as tf\ndef f(x):\n    return tf.square(x)\n{between}from keras import backend as K\n"
    assert f"return {name}.square(x)" in fixed(text, BOOK)


def test_an_import_for_type_checkers_is_none() -> None:
    text = "import tensorflow as tf\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from keras import backend as K\n"
    after = fixed(text + "def f(x):\n    return tf.square(x)\n", BOOK)
    assert "from keras import backend as KB\n" in after
    assert "return KB.square(x)" in after


def test_a_name_that_is_deleted_is_none() -> None:
    text = "import tensorflow as tf\nfrom keras import backend as K\ndef f(x):\n    return tf.square(x)\ndel K\n"
    assert "return KB.square(x)" in fixed(text, BOOK)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import tensorflow as tf; A = tf.square([1.0])\n",
            "from keras import backend as K\n\nimport tensorflow as tf; A = K.square([1.0])\n",
        ),
        (
            "import os\nimport tensorflow as tf; A = tf.square([1.0])\n",
            "import os\nfrom keras import backend as K\nimport tensorflow as tf; A = K.square([1.0])\n",
        ),
        (
            "import os; import tensorflow as tf\nA = tf.square([1.0])\n",
            "import os; import tensorflow as tf\nfrom keras import backend as K\nA = K.square([1.0])\n",
        ),
    ],
)
def test_a_new_import_runs_before_code_on_the_line_of_an_import(before: str, after: str) -> None:
    assert fixed(before, BOOK) == after
    run(after)


@pytest.mark.parametrize("first", ["from __future__ import division", "'docstring'"])
def test_what_has_to_be_first_stays_first_on_its_line(first: str) -> None:
    after = fixed(f"{first}; import tensorflow as tf; A = tf.square([1.0])\n", BOOK)
    assert after.startswith(first)
    run(after)
