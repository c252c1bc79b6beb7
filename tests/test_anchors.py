"""A new import of K brings Keras in no earlier and no more often than the file does, or its fix says what it assumes; and the K of
another Keras than the file's own is not taken."""

from __future__ import annotations

import pytest
from conftest import analysed, fixed

from kmigrate.fix.anchors import EARLIER, SOMETIMES
from kmigrate.lint import analyse
from kmigrate.rulebook.book import Rulebook, load_rulebook
from kmigrate.source import Source

USE = "def f(x):\n    return tf.exp(x)\n"
TF = "import tensorflow as tf\n"
ASSUMED = [
    pytest.param(TF + "from keras.layers import Layer\n" + USE, None, id="always"),
    pytest.param(TF + USE, None, id="a helper that names no Keras"),
    pytest.param(
        TF + "try:\n    from keras.layers import Layer\nexcept ImportError:\n    Layer = object\n" + USE, SOMETIMES, id="try"
    ),
    pytest.param(TF + "try:\n    from keras.layers import Layer\nexcept ImportError:\n    raise\n" + USE, None, id="try or fail"),
    pytest.param(TF + "if len([1]):\n    from keras.layers import Layer\n" + USE, SOMETIMES, id="if"),
    pytest.param(TF + "def g():\n    from keras.layers import Layer\n" + USE, SOMETIMES, id="a function"),
    pytest.param(
        TF + "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from keras.layers import Layer\n" + USE,
        SOMETIMES,
        id="for types",
    ),
    pytest.param(
        "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\n" + USE, SOMETIMES, id="no engine, no Keras"
    ),
    pytest.param("def f(x):\n    import tensorflow as tf\n    return tf.exp(x)\n", SOMETIMES, id="the engine in a function"),
    pytest.param("from .util import lazy_import\ntf = lazy_import('tensorflow')\n" + USE, SOMETIMES, id="the engine by a call"),
    pytest.param(
        "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\nfrom keras.layers import Layer\n" + USE,
        None,
        id="the engine sometimes, Keras always",
    ),
    pytest.param(TF + "from tensorflow.keras.layers import Layer\n" + USE, None, id="inside TensorFlow"),
    pytest.param(
        "try:\n    import tensorflow as tf\n    from tensorflow.keras.layers import Layer\nexcept ImportError:\n    tf = None\n"
        + USE,
        SOMETIMES,
        id="inside TensorFlow, sometimes",
    ),
    pytest.param(TF + "X = tf.exp(Y)\nimport os\nos.chdir('x')\nfrom keras.layers import Layer\n", EARLIER, id="a use above"),
    pytest.param(TF + "X = tf.exp(Y)\nimport os\nfrom keras.layers import Layer\n", EARLIER, id="which runs code itself"),
    pytest.param(
        TF + "def g(x=tf.exp):\n    return x(1)\nimport os\nfrom keras.layers import Layer\n", None, id="which runs none"
    ),
]


@pytest.mark.parametrize(("text", "assumed"), ASSUMED)
def test_what_a_new_import_assumes(text: str, assumed: str | None, book: Rulebook) -> None:
    fixes = [finding.fix for finding in analysed(text, book).findings if finding.code != "KM002"]
    if "g(x=tf.exp)" not in text:
        assert [fix and fix.assumption for fix in fixes] == [assumed]
        assert [fix and fix.applicability for fix in fixes] == ["unsafe" if assumed else "safe"]
    else:  # a function that is handed on has an assumption of its own
        assert all(fix is not None and EARLIER not in (fix.assumption or "") for fix in fixes)
    assert fixed(text, book).count(" import backend as K") == 1


def test_a_fix_without_k_assumes_nothing() -> None:
    text = "def f(x):\n    import tensorflow as tf\n    return tf.multiply(x, 2)\n"
    rules = load_rulebook()
    (finding,) = analyse(Source.parse("m.py", text.encode()), rules, whole_module=True).findings
    assert finding.fix is not None
    assert "K." not in finding.fix.replacement
    assert SOMETIMES not in (finding.fix.assumption or "")


def test_keras_is_told_its_engine_first(book: Rulebook) -> None:
    text = "import os\n" + TF + "os.environ['KERAS_BACKEND'] = 'theano'\nfrom layers import Base\n" + USE
    assert "'theano'\nfrom keras import backend as K\nfrom layers" in fixed(text, book)
    (finding,) = analysed(text, book).findings
    assert finding.fix is not None and finding.fix.applicability == "safe"
    above = "import os\n" + TF + "X = tf.exp(Y)\nos.environ['KERAS_BACKEND'] = 'theano'\nfrom layers import Base\n"
    (finding,) = analysed(above, book).findings
    assert finding.fix is not None and finding.fix.assumption == EARLIER


@pytest.mark.parametrize("base", ["tf.keras.layers.Layer", "Base"])
def test_an_engine_is_not_brought_in_above_what_configures_it(base: str, book: Rulebook) -> None:
    text = (
        f"import os\nos.environ['CUDA_VISIBLE_DEVICES'] = ''\nimport tensorflow as tf\nfrom base import Base\nclass A({base}):\n"
    )
    text += "    def call(self, x):\n        return tf.exp(x) + tf.other(x)\n"
    assert "import tensorflow as tf\nfrom " in (after := fixed(text, book))
    assert after.index("import backend as K") > after.index("import tensorflow as tf")
    fix = analysed(text, book).findings[-2].fix
    assert fix is not None and fix.applicability == "safe"


# ---- two Keras in one file

INSIDE = "from tensorflow.keras import backend as K\n"
LAYER = "class A(Layer):\n    def call(self, x):\n"
OWN = "from keras import backend as K\n"


def symbols(text: str) -> list[str]:
    found = analyse(Source.parse("m.py", text.encode()), load_rulebook()).findings
    return [finding.symbol for finding in found if finding.code != "KM002"]


@pytest.mark.parametrize(
    "imported",
    [
        "from tensorflow.keras import backend as K",
        "import tensorflow.keras.backend as K",
        "from tensorflow.python.keras import backend as K",
        "import tensorflow as tf\nK = tf.keras.backend",
        "from tensorflow import keras as inside\nK = inside.backend",
    ],
)
def test_the_backend_of_another_keras_is_a_direct_use(imported: str) -> None:
    text = f"from keras.layers import Layer\n{imported}\n{LAYER}        return K.abs(x)\n"
    assert symbols(text) == ["tf.keras.backend.abs"]


def test_its_functions_are() -> None:
    text = (
        "from keras.layers import Layer\nfrom tensorflow.keras.backend import abs as size\n" + LAYER + "        return size(x)\n"
    )
    assert symbols(text) == ["tf.keras.backend.abs"]


@pytest.mark.parametrize(
    "text",
    [
        "from keras.layers import Layer\ntry:\n    from keras import backend as K\nexcept ImportError:\n    from tensorflow.keras import backend as K\n",
        "try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\nK = keras.backend\nLayer = keras.layers.Layer\n",
        "from tensorflow.keras.layers import Layer\nfrom tensorflow.keras import backend as K\n",
        "from keras.layers import Layer\nfrom keras import backend as K\n",
    ],
)
def test_the_file_s_own_is_not(text: str) -> None:
    assert symbols(text + LAYER + "        return K.abs(x)\n") == []


def test_the_k_of_another_keras_is_not_taken(book: Rulebook) -> None:
    mixed = TF + "from keras.layers import Layer\n" + INSIDE + USE
    assert "from keras import backend as KB\n" in fixed(mixed, book)
    assert "return KB.exp(x)" in fixed(mixed, book)
    beside = TF + "from tensorflow.keras.layers import Layer\n" + OWN + USE
    assert "from tensorflow.keras import backend as KB\n" in fixed(beside, book)
    either = TF + f"from keras.layers import Layer\ntry:\n    {OWN}except ImportError:\n    {INSIDE}" + USE
    assert "return K.exp(x)" in fixed(either, book)
