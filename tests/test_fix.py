"""From text to text: pairs of before and after, and things that must not change."""

from __future__ import annotations

import ast
import itertools
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import analysed, fixed
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from kmigrate.fix.apply import render_edits
from kmigrate.lint import analyse
from kmigrate.model import Edit, Slice
from kmigrate.rulebook.book import Rulebook, load_rulebook
from kmigrate.source import Source

HEAD = "from keras import backend as K\nimport tensorflow as tf\n\n\n"
KEEP = "\nprint(tf.other)\n"


def body(line: str, book: Rulebook) -> str:
    """The rewritten statement; the imports stay as they are."""
    return fixed(HEAD + line + KEEP, book)[len(HEAD) : -len(KEEP)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.reduce_sum(x, 1, keepdims=True)", "K.sum(x, axis=1, keepdims=True)"),
        ("tf.reduce_sum(x, reduction_indices=[1], keep_dims=True)", "K.sum(x, axis=[1], keepdims=True)"),
        ("tf.reduce_sum(x, name='total')", "K.sum(x)"),
        ("tf.reduce_sum( x , axis = 1 )", "K.sum( x , axis=1 )"),
        ("tf.reduce_sum(name='total', input_tensor=x)", "K.sum(x)"),
        ("tf.multiply(a, b) ** 2", "(a * b) ** 2"),
        ("y = tf.multiply(a, b)", "y = a * b"),
        ("tf.multiply(a + 1, b).shape", "((a + 1) * b).shape"),
        ("tf.multiply(tf.exp(a), tf.exp(b))", "K.exp(a) * K.exp(b)"),
        ("tf.concat([x, y])", "K.concatenate([x, y], axis=0)"),
        ("tf.concat(axis=1, values=[x, y])", "K.concatenate([x, y], axis=1)"),
        ("tf.conv(x, k, [1, 2, 2, 1], padding='SAME')", "K.conv2d(x, k, strides=[2, 2], padding='same')"),
        ("tf.conv(x, k, [1, 2, 2, 1])", "K.conv2d(x, k, strides=[2, 2])"),
        ("x[:, tf.newaxis]", "x[:, None]"),
        ("tf.stack(a, b)", "K.stack([a, b], axis=0)"),
        ("tf.stack(*ts)", "K.stack([*ts], axis=0)"),
        ("tf.bce(p, t)", "K.binary_crossentropy(t, p)"),
        ("tf.norm2(x)", "K.sqrt(K.sum(x * x))"),
        ("tf.matmul(tf.expand(x), y)", "K.dot(tf.expand(x), y)"),
        ("g(tf.exp(x), *[tf.exp(y)])", "g(K.exp(x), *[K.exp(y)])"),
        ("tf.multiply(a, tf.multiply(b, c))", "a * (b * c)"),
        ("tf.multiply(a, tf.multiply(b, c)[0])", "a * (b * c)[0]"),
        ("tf.multiply(a, (tf.multiply(b, c)))", "a * (b * c)"),
        ("tf.multiply(a, b)[0]", "(a * b)[0]"),
        ("y = tf.multiply(a, b)[-1]", "y = (a * b)[-1]"),
        ("tf.exp(tf.multiply(a, b))", "K.exp(a * b)"),
        ("assert tf.multiply(a, b), 'no'", "assert a * b, 'no'"),
        ("tf.multiply(tf.exp(\n    a\n), 1)", "K.exp(\n    a\n) * 1"),
        ("y = tf.multiply(a\n    .b, 1)", "y = (a\n    .b) * 1"),
    ],
)
def test_rewrites(before: str, after: str, book: Rulebook) -> None:
    assert body(before, book) == after


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("tf.reduce_sum(*args)", "*args"),
        ("tf.reduce_sum(x, **options)", "**kwargs"),
        ("tf.reduce_sum(x, 1, True, 'n', 5)", "more arguments"),
        ("tf.reduce_sum(x, foo=1)", "'foo' is not in the known signature"),
        ("tf.reduce_sum(x, name=make_name())", "may have an effect"),
        ("tf.reduce_sum()", "'input_tensor' is missing"),
        ("tf.multiply(a,  # why\n            b)", "comment"),
        ("tf.reduce_sum(x,  # why\n    name='n')", "comment"),
        ("tf.conv(x, k, [1, s, s, 1])", "'strides' is not a literal"),
        ("tf.bce(p, load())", "order of evaluation"),
        ("tf.norm2(f(x))", "more than once"),
        ("tf.matmul(a, b, transpose_a=True)", "transpose"),
        ("tf.matmul(a, b, transpose_b=True)", "'transpose_b' has no counterpart"),
        ("f'{tf.exp(x)}'", "f-string"),
        ("combine = tf.multiply", "used as a value"),
        ("join = tf.concat", "used as a value"),
        ("y = activation == tf.exp", "compared"),
    ],
)
def test_refusals_say_why(before: str, reason: str, book: Rulebook) -> None:
    analysis = analysed(HEAD + before + KEEP, book)
    findings = [f for f in analysis.findings if f.code != "KM001"]
    assert [f.fix for f in findings] == [None]
    assert reason in findings[0].message
    assert body(before, book) == before


def test_an_argument_equal_to_the_default_may_go(book: Rulebook) -> None:
    assert body("tf.matmul(a, b, transpose_b=False)", book) == "K.dot(a, b)"


def test_conditions_are_answered_from_what_is_known(book: Rulebook) -> None:
    known = "x = K.placeholder(ndim=3)\ntf.matmul(x, x)"
    analysis = analysed(HEAD + known + KEEP, book)
    fix = next(f.fix for f in analysis.findings if f.symbol == "tf.linalg.matmul")
    assert fix is not None and (fix.replacement, fix.applicability) == ("K.batch_dot(x, x)", "safe")
    fix = next(f.fix for f in analysed(HEAD + "tf.matmul(a, b)" + KEEP, book).findings if f.symbol == "tf.linalg.matmul")
    assert fix is not None and (fix.applicability, fix.assumption) == ("unsafe", "both rank 2")
    known = "x = K.placeholder(ndim=4)\ntf.matmul(x, x)"
    assert next(f.fix for f in analysed(HEAD + known + KEEP, book).findings if f.symbol == "tf.linalg.matmul") is None


def test_layout_and_comments_between_arguments_stay(book: Rulebook) -> None:
    before = textwrap.dedent("""\
        y = tf.reduce_sum(
            tf.exp(x),  # the scores
            1,
            name="s",
        )""")
    after = textwrap.dedent("""\
        y = K.sum(
            K.exp(x),  # the scores
            axis=1,
        )""")
    assert body(before, book) == after


def test_a_comment_that_a_dropped_argument_would_take_along_stops_the_fix(book: Rulebook) -> None:
    before = 'y = tf.reduce_sum(\n    tf.exp(x),\n    1,  # over time\n    name="s",\n)'
    assert body(before, book) == before.replace("tf.exp", "K.exp")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_other_byte_stays(newline: str, book: Rulebook) -> None:
    text = "# -*- coding: utf-8 -*-\nimport tensorflow as tf\n\n\ndef f(x):\n\treturn tf.exp( x )   # é\t\n\n\nK1 = tf.other"
    text = text.replace("\n", newline)
    expected = text.replace("tf.exp(", "K.exp(").replace(
        "as tf" + newline, "as tf" + newline + "from keras import backend as K" + newline
    )
    assert fixed(text, book) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import tensorflow as tf\ntf.exp(x)\n", "from keras import backend as K\nK.exp(x)\n"),
        (
            '"""Doc."""\nfrom __future__ import division\nimport os\ntry:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\ntf.exp(x)\n',
            '"""Doc."""\nfrom __future__ import division\nimport os\nfrom keras import backend as K\ntry:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\nK.exp(x)\n',
        ),
        (
            "import tensorflow as tf\nfrom keras.layers import Layer\nimport numpy\ntf.exp(x)\n",
            "from keras.layers import Layer\nfrom keras import backend as K\nimport numpy\nK.exp(x)\n",
        ),
        (
            "import tensorflow as tf\nK = 1\ntf.exp(x)\n",
            "from keras import backend as KB\nK = 1\nKB.exp(x)\n",
        ),
        (
            "import keras.backend as KK\nimport tensorflow as tf\ntf.exp(x)\n",
            "import keras.backend as KK\nKK.exp(x)\n",
        ),
        (
            "from keras import backend as K\nimport tensorflow as tf\ndef f(K):\n    return tf.exp(K)\n",
            "from keras import backend as K\nfrom keras import backend as KB\ndef f(K):\n    return KB.exp(K)\n",
        ),
        (
            "from tensorflow import exp, other\nexp(x)\nother(x)\n",
            "from tensorflow import other\nfrom keras import backend as K\nK.exp(x)\nother(x)\n",
        ),
        (
            "from tensorflow.keras.layers import Layer\nimport tensorflow as tf\ntf.exp(x)\n",
            "from tensorflow.keras.layers import Layer\nfrom tensorflow.keras import backend as K\nK.exp(x)\n",
        ),
        (
            "def f(x):\n    import tensorflow as tf\n    return tf.exp(x)\n",
            "from keras import backend as K\n\ndef f(x):\n    return K.exp(x)\n",
        ),
        (  # seen in real code: imports at the head of a function, with a blank line after them
            "from keras import backend as K\ndef f(x):\n    import tensorflow as tf\n\n    return tf.exp(x)\n",
            "from keras import backend as K\ndef f(x):\n    return K.exp(x)\n",
        ),
        (  # seen in keras-rl: the engine is imported in the branch that needs it
            "import keras.backend as K\nif K.backend() == 'tensorflow':\n    import tensorflow as tf\n    y = tf.exp(x)\n",
            "import keras.backend as K\nif K.backend() == 'tensorflow':\n    import tensorflow as tf\n    y = K.exp(x)\n",
        ),
        (
            "import tensorflow as tf  # the engine\ntf.exp(x)\n",
            "import tensorflow as tf  # the engine\nfrom keras import backend as K\nK.exp(x)\n",
        ),
        (
            "import tensorflow as tf\n__all__ = ['tf']\ntf.exp(x)\n",
            "import tensorflow as tf\nfrom keras import backend as K\n__all__ = ['tf']\nK.exp(x)\n",
        ),
    ],
)
def test_imports(before: str, after: str, book: Rulebook) -> None:
    assert fixed(before, book) == after


@pytest.mark.parametrize("form", ["{}", "({})", "(\n    {},\n)", "as_is"])
@pytest.mark.parametrize(
    "used", [used for size in range(4) for used in itertools.combinations(["exp", "reduce_sum", "expand"], size)]
)
def test_of_a_list_of_imports_those_go_that_lost_their_use(used: tuple[str, ...], form: str, book: Rulebook) -> None:
    joint = ",\n    " if form.startswith("(\n") else ", \\\n    " if form == "as_is" else ", "
    names = ["exp", "other", "reduce_sum", "expand"]
    for order in itertools.permutations(names):
        text = f"from tensorflow import {form.replace('as_is', '{}').format(joint.join(order))}\nfrom keras import backend as K\n"
        after = fixed(text + "".join(f"{name}(x)\n" for name in used), book)
        imported = [
            a.name for n in ast.parse(after).body if isinstance(n, ast.ImportFrom) and n.module == "tensorflow" for a in n.names
        ]
        assert imported == [name for name in order if name not in used or name == "expand"]


def test_the_import_of_another_function_is_no_use(book: Rulebook) -> None:
    head = "import tensorflow as tf\nfrom keras import backend as K\ndef f(x):\n    return tf.exp(x)\n"
    other = "def version():\n    import tensorflow as tf\n    return tf.other\n"
    assert fixed(head + other, book) == (head + other).replace("import tensorflow as tf\n", "", 1).replace("tf.exp", "K.exp")


def test_a_global_import_is_that_of_the_module(book: Rulebook) -> None:
    text = (
        "from keras import backend as K\ndef g():\n    global tf\n    import tensorflow as tf\ndef f(x):\n    return tf.exp(x)\n"
    )
    assert "    import tensorflow as tf\n" in fixed(text, book)


def test_a_package_front_door_keeps_its_imports(book: Rulebook) -> None:
    text = fixed("import tensorflow as tf\ntf.exp(x)\n", book, path="pkg/__init__.py")
    assert "import tensorflow as tf" in text


def test_tf_keras_is_said_to_be_tied_to_tensorflow(book: Rulebook) -> None:
    text = "import tensorflow as tf\nclass A(tf.keras.layers.Layer):\n    def call(self, x):\n        return tf.exp(x)\n"
    analysis = analysed(text, book, whole=False)
    assert [f.code for f in analysis.findings] == ["KM002", "TT209"]
    fix = analysis.findings[1].fix
    assert fix is not None and fix.portable is False and "tied to TensorFlow" in str(fix.portability)
    assert not fix.engines_part


def test_what_parts_the_engines_is_said_in_a_tf_keras_file_too() -> None:
    text = "import tensorflow as tf\nclass A(tf.keras.layers.Layer):\n    def call(self, x):\n"
    text += "        return tf.exp(x) + tf.cast(0.1, x.dtype)\n"
    exp, cast = (f.fix for f in analysed(text, load_rulebook(), whole=False).findings if f.code != "KM002")
    assert exp is not None and not exp.engines_part
    assert cast is not None and cast.engines_part
    assert "0.100000001, not 0.1" in str(cast.portability)


def test_the_backend_of_tf_keras_is_an_engine_use_only_beside_keras_itself(book: Rulebook) -> None:
    line = "import tensorflow as tf\nx = tf.keras.backend.epsilon()\n"
    assert [f.symbol for f in analysed("import keras\n" + line, book).findings] == ["tf.keras.backend.epsilon"]
    assert [f.symbol for f in analysed(line, book).findings if f.code != "KM002"] == []


_NAMES = st.sampled_from(["x", "y", "a.b", "(x, y)", "[x]", "x + y", "-x", "x if y else x", "'s'", "1", "f(x)", "lambda: x"])


@st.composite
def calls(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(_NAMES)
    inner = [draw(calls(depth - 1)) for _ in range(2)]
    form = draw(
        st.sampled_from(
            [
                "tf.reduce_sum({0}, {1})",
                "tf.reduce_sum(\n{0},\n  axis={1},\n)",
                "tf.multiply({0}, {1})",
                "tf.exp({0})",
                "tf.stack({0}, {1})",
                "tf.bce({0}, {1})",
                "tf.concat([{0}, {1}])",
                "tf.norm2(x, {1})",
            ]
        )
    )
    return form.format(*inner)


@given(calls())
def test_any_nesting_is_rewritten_in_one_run_and_means_the_same_tree(book: Rulebook, text: str) -> None:
    source = f"import tensorflow as tf\nv = {text}\n"
    once = fixed(source, book)
    ast.parse(once)
    left = [f for f in analyse(Source.parse("m.py", once.encode()), book, "keras2", True).findings if f.fix is not None]
    assert left == []
    assert fixed(once, book) == once


OPERATIONS = ("tf.add({0}, {1})", "tf.subtract({0}, {1})", "tf.multiply({0}, {1})", "tf.divide({0}, {1})", "tf.negative({0})")
OPERATIONS += ("tf.square({0})", "tf.ceil({0})", "tf.add_n([{0}, {1}])", "tf.maximum({0}, {1})", "tf.reciprocal({0})")
OPERATIONS += ("tf.expand_dims({0}, 0)", "{0}[0]", "(-{0})", "({0} ** 2)", "({0} - {1})", "{0}.conj()", "(lambda t: {0})({1})")


@st.composite
def arithmetic(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0:
        return draw(st.sampled_from(["a", "b", "c"]))
    inner = [draw(arithmetic(draw(st.integers(0, depth - 1)))) for _ in range(2)]
    return draw(st.sampled_from(OPERATIONS)).format(*inner)


def numpy_as_tf() -> SimpleNamespace:
    names = ("add", "subtract", "multiply", "divide", "negative", "square", "ceil", "maximum", "reciprocal", "expand_dims")
    return SimpleNamespace(**{name: getattr(np, name) for name in names}, add_n=sum)


def numpy_as_backend() -> SimpleNamespace:
    functions = {"square": np.square, "maximum": np.maximum, "pow": np.power, "expand_dims": np.expand_dims}
    functions |= {"sum": np.sum, "stack": np.stack}
    return SimpleNamespace(**functions)


@given(arithmetic())
@settings(max_examples=300)
def test_any_nesting_of_operations_keeps_its_value(text: str) -> None:
    """Operators take the place of functions, so parentheses decide what is computed; numpy stands in for both engines."""
    values = {"a": np.array([1.5, -2.25, 0.75]), "b": np.array([-3.5, 0.625, 7.0]), "c": np.array([2.0, 5.5, -1.25])}
    tensors = "a, b, c = K.square(x), K.square(y), K.square(z)\n"
    rewritten = fixed(f"from keras import backend as K\nimport tensorflow as tf\n{tensors}v = {text}\n", load_rulebook())
    assert "tf." not in rewritten
    line = rewritten.rpartition("v = ")[2]
    with np.errstate(all="raise", under="ignore"):
        try:
            before = eval(text, {"tf": numpy_as_tf(), **values})
        except (IndexError, ValueError):  # more indices than axes; shapes that do not broadcast
            reject()
        except FloatingPointError:  # numpy's // gives NaN for an infinity, the engines' does not
            reject()
    with np.errstate(all="ignore"):
        after = eval(line, {"K": numpy_as_backend(), **values})
    np.testing.assert_allclose(after, before, rtol=1e-9)


def test_nested_edits_render_inside_each_other() -> None:
    edits = [Edit(0, 4, ("<", Slice(1, 3), ">")), Edit(1, 2, ("B",)), Edit(2, 3, (Slice(2, 3), "!"))]
    assert render_edits("abcd-", edits) == "<Bc!>-"
