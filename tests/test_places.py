"""Where a use stands decides what it becomes: annotations, comparisons, elements of displays."""

from __future__ import annotations

import pytest

from kmigrate.fix.apply import apply_fixes
from kmigrate.lint import analyse
from kmigrate.project import fixes_to_apply
from kmigrate.rulebook.book import load_rulebook
from kmigrate.rulebook.conditions import Unknown, einsum_form
from kmigrate.source import Source

LAYER = """\
{imports}
import tensorflow as tf
from keras.layers import Layer


class Double(Layer):
    def call(self, x: tf.Tensor, mask: Optional[tf.Tensor] = None) -> tf.Tensor:
        return 2.0 * x
"""


def fixed(text: str, unsafe: bool = False) -> str:
    analysis = analyse(Source.parse("m.py", text.encode()), load_rulebook())
    return apply_fixes(analysis, fixes_to_apply(analysis.findings, unsafe=unsafe))


def test_annotations_become_any_and_the_import_goes() -> None:
    text = fixed(LAYER.replace("{imports}", "from typing import Optional\n"))
    assert "def call(self, x: Any, mask: Optional[Any] = None) -> Any:" in text
    assert text.startswith("from typing import Any, Optional\n\nfrom keras.layers import Layer\n")


def test_the_import_of_any_stands_before_the_other_imports() -> None:
    text = fixed(
        LAYER.replace("{imports}", '"""Layers."""\nfrom __future__ import annotations\n').replace(
            "Optional[tf.Tensor]", "tf.Tensor"
        )
    )
    assert text.startswith(
        '"""Layers."""\nfrom __future__ import annotations\n\nfrom typing import Any\nfrom keras.layers import Layer\n'
    )


def test_another_any_is_not_taken() -> None:
    text = LAYER.replace("{imports}", "from matchers import Any\nfrom typing import Optional\n")
    assert fixed(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("K.cast(y_pred, 'float32') if y_pred.dtype == tf.int32 else y_pred", "y_pred.dtype == 'int32' else"),
        ("y_pred if y_pred.dtype in (tf.float32, tf.float64) else None", "y_pred.dtype in ('float32', 'float64') else"),
        ("isinstance(y_pred, tf.Tensor)", "isinstance(y_pred, tf.Tensor)"),
        ("make(tf.float32)", "make(tf.float32)"),
    ],
)
def test_dtypes_in_comparisons_are_their_names(before: str, after: str) -> None:
    head = "import tensorflow as tf\nfrom keras import backend as K\n\n\ndef loss(y_true, y_pred):\n    return "
    assert after in fixed(head + before + "\n")


def test_equations_are_compared_by_their_form() -> None:
    assert einsum_form("bmd,bnd->bmn") == einsum_form("b m d, b n d -> b m n") == "abc,adc->abd"
    assert einsum_form("...ij,...jk->...ik") == "...ab,...bc->...ac"
    with pytest.raises(Unknown):
        einsum_form(3)


def test_an_initializer_becomes_that_of_keras() -> None:
    text = (
        "import tensorflow as tf\nfrom keras.layers import Layer\n\n\nclass Scale(Layer):\n    def build(self, input_shape):\n"
        "        self.g = self.add_weight(shape=(3,), initializer=tf.ones_initializer(), name='g')\n"
        "        self.b = self.add_weight(shape=(3,), initializer=tf.constant_initializer(0.1), name='b')\n"
    )
    assert "initializer='ones', name='g')" in fixed(text)
    assert "initializer=initializers.Constant(value=0.1), name='b')" in fixed(text)
    assert "from keras import initializers\n" in fixed(text) and "tensorflow" not in fixed(text)
    assert (
        fixed(text.replace("import tensorflow as tf", "import tensorflow as tf\ninitializers = {}")).count(
            "initializers.Constant"
        )
        == 0
    )


def test_an_initializer_for_tensorflow_itself_stays() -> None:
    text = "import tensorflow as tf\n\n\ndef loss(y_true, y_pred):\n    return tf.get_variable('v', initializer=tf.zeros_initializer())\n"
    assert fixed(text, unsafe=True) == text


_TWO = "if new:\n    from keras import {what}\nelse:\n    from tensorflow.keras import {what}\n"


def _safe(text: str) -> bool:
    (finding,) = [f for f in analyse(Source.parse("m.py", text.encode()), load_rulebook()).findings if f.fix]
    assert finding.fix is not None
    return finding.fix.applicability == "safe"


def test_a_new_import_of_a_keras_that_the_file_does_not_tell_is_a_guess() -> None:
    layer = "class A({base}):\n    def call(self, x):\n        return tf.square(x)\n"
    two, tf = _TWO.format(what="layers"), "import tensorflow as tf\n"
    assert not _safe(two + tf + layer.format(base="layers.Layer"))
    assert not _safe("import keras\n" + tf + layer.format(base="tf.keras.layers.Layer"))
    assert _safe(tf + layer.format(base="tf.keras.layers.Layer"))
    assert _safe("import keras\n" + tf + layer.format(base="keras.layers.Layer"))
    assert _safe("from keras import backend as K\n" + two + tf + layer.format(base="layers.Layer"))
    # The file's own K is that of its layers in each branch.
    assert _safe(_TWO.format(what="layers, backend as K") + tf + layer.format(base="layers.Layer"))


@pytest.mark.parametrize(
    ("value", "safe"), [("2.5", True), ("-3", True), ("[1, 2]", False), ("9007199254740993", False), ("n", False)]
)
def test_a_constant_of_theano_is_certain_for_numbers_that_float64_holds(value: str, safe: bool) -> None:
    head = "import theano.tensor as T\nfrom keras import backend as K\n"
    assert _safe(f"{head}def loss(y_true, y_pred, n=1):\n    return y_pred * T.constant({value}, dtype='float32')\n") is safe


@pytest.mark.parametrize(
    ("use", "safe"),
    [
        ("tf.multiply(self.size, 2)", False),
        ("tf.multiply(self.size, 2.0)", True),
        ("tf.multiply(self.size, K.square(x))", True),
        ("tf.add(self.size, self.size)", False),
        ("tf.add(self.size, 1)", True),
        ("tf.scalar_mul(2, self.size)", False),
    ],
)
def test_an_operator_is_certain_where_two_python_lists_are_ruled_out(use: str, safe: bool) -> None:
    head = "import tensorflow as tf\nfrom keras import backend as K, layers\nclass A(layers.Layer):\n"
    assert _safe(f"{head}    def call(self, x):\n        return x + {use}\n") is safe


def test_the_backend_of_tensorflow_is_imported_beside_it() -> None:
    head = "import numpy as np\nimport tensorflow as tf\n\nfrom package import utils\n\n\n"
    layer = "class A(tf.keras.layers.Layer):\n    def call(self, x):\n        return tf.square(x)\n"
    text = fixed(head + layer)
    assert text.startswith(
        "import numpy as np\nimport tensorflow as tf\nfrom tensorflow.keras import backend as K\n\nfrom package import utils\n"
    )
    star = fixed(head.replace("import utils", "import *") + layer)
    assert star.index("import *") < star.index("backend as")


@pytest.mark.parametrize(
    "decorator", ["base.register", "base.register()", "dispatch", "plum.dispatch(precedence=1)", "multimethod"]
)
def test_an_annotation_that_a_dispatcher_reads_stays(decorator: str) -> None:
    """singledispatch takes no typing.Any, and others would call the function for anything."""
    text = "import tensorflow as tf\nfrom keras import backend as K\nfrom keras.layers import Lambda\n\n\n"
    text += f"@{decorator}\ndef double(x: tf.Tensor) -> tf.Tensor:\n    return 2.0 * K.exp(x)\n\n\nlayer = Lambda(double)\n"
    assert fixed(text, unsafe=True) == text
    assert "def double(x: Any) -> Any:" in fixed(text.replace(f"@{decorator}\n", "@tf.function\n"))
