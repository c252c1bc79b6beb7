"""The functions that take the name of a dtype do so in every stack, in graphs and eagerly; the others are left alone."""

from __future__ import annotations

import json
import subprocess

import pytest

from kmigrate.fix.apply import apply_fixes, gone_with
from kmigrate.lint import analyse
from kmigrate.project import fixes_to_apply
from kmigrate.rulebook.book import load_rulebook
from kmigrate.rulebook.dtype_names import TAKE_NAMES, takes_dtype_name
from kmigrate.source import Source
from kmigrate.verify.stacks import ensure, get_stack
from tests.conftest import analysed, fixed

# One call for each function; D is the dtype's name, and tf is tf.compat.v1 where the name says so.
ARGUMENTS = {
    "tf.argmax": "[1.], output_type='int32'",
    "tf.argmin": "[1.], output_type='int32'",
    "tf.as_dtype": "D",
    "tf.bitcast": "tf.constant([1.]), 'int32'",
    "tf.cast": "[1], D",
    "tf.compat.v1.constant_initializer": "1., dtype=D",
    "tf.compat.v1.get_variable": "'v', [2], D",
    "tf.compat.v1.placeholder": "D, [2]",
    "tf.compat.v1.random_normal_initializer": "dtype=D",
    "tf.compat.v1.random_uniform_initializer": "0., 2., dtype=D",
    "tf.compat.v1.zeros_initializer": "dtype=D",
    "tf.constant": "[1, 0], D",
    "tf.convert_to_tensor": "[1, 0], D",
    "tf.eye": "2, dtype=D",
    "tf.image.convert_image_dtype": "tf.constant([1.]), D",
    "tf.io.decode_raw": "['abcdefgh'], D",
    "tf.map_fn": "lambda t: tf.cast(t, D), tf.constant([1.]), dtype=D",
    "tf.math.confusion_matrix": "[1], [1], dtype=D",
    "tf.math.count_nonzero": "[1.], dtype=D",
    "tf.numpy_function": "lambda a: a, [1.], D",
    "tf.one_hot": "[1], 2, dtype=D",
    "tf.ones": "[2], D",
    "tf.ones_like": "[1.], D",
    "tf.py_function": "lambda a: a, [1.], D",
    "tf.random.normal": "[2], dtype=D",
    "tf.random.truncated_normal": "[2], dtype=D",
    "tf.random.uniform": "[2], dtype=D",
    "tf.range": "3, dtype=D",
    "tf.saturate_cast": "[1.], D",
    "tf.shape": "[1.], out_type='int64'",
    "tf.strings.to_number": "['1'], D",
    "tf.TensorArray": "D, 2",
    "tf.TensorSpec": "[2], D",
    "tf.unique": "[1], out_idx='int64'",
    "tf.Variable": "[1., 0.], dtype=D",
    "tf.zeros": "[2], D",
    "tf.zeros_like": "[1.], D",
}
PROBE = """
import json, sys
import tensorflow as tf
failed = {}
for name, arguments in json.loads(sys.argv[1]).items():
    call = "%s(%s)" % (name, arguments)
    try:
        with tf.Graph().as_default():
            eval(call, {"tf": tf, "D": "float32"})
        if tf.executing_eagerly() and "placeholder" not in name:
            eval(call, {"tf": tf, "D": "float32"})
    except Exception as error:
        failed[name] = str(error)
print(json.dumps(failed))
"""


@pytest.mark.engines
@pytest.mark.parametrize("stack", ["keras2-tf1", "keras2-tf2"])
def test_every_one_takes_the_name_of_a_dtype(stack: str) -> None:
    assert set(ARGUMENTS) == set(TAKE_NAMES)
    python = ensure(get_stack(stack))
    done = subprocess.run([python, "-I", "-c", PROBE, json.dumps(ARGUMENTS)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {}


def test_what_does_not_take_it_keeps_its_dtype() -> None:
    assert takes_dtype_name("tf.compat.v1.cast") and not takes_dtype_name("tf.sequence_mask")
    text = "import tensorflow as tf\nfrom keras.layers import Layer\nclass A(Layer):\n    def call(self, x):\n        return {}\n"
    for use, safe in [("tf.zeros_like(x, dtype=tf.bool)", True), ("tf.sequence_mask(x, 3, dtype=tf.bool)", False)]:
        findings = analysed(text.format(use), load_rulebook(), whole=False).findings
        (dtype,) = [f for f in findings if f.symbol == "tf.bool"]
        assert (dtype.fix is not None and dtype.fix.applicability == "safe") is safe


def test_a_k_function_gets_the_name_where_the_engine_s_took_the_dtype_only() -> None:
    text = (
        "import tensorflow as tf\nfrom tensorflow import float32\nfrom keras import backend as K\n"
        "HALF = tf.float16\n"
        "def f(x, size):\n    n = K.cast(x, 'int32')\n    return [\n"
        "        tf.sequence_mask(n, 5, dtype=tf.float32),\n"
        "        tf.sequence_mask(n, 5, float32),\n"
        "        tf.sequence_mask(n, 5, HALF),\n"
        "        tf.sequence_mask(n, 5, size.dtype),\n"
        "        tf.cast(n, tf.float32),\n    ]\n"
    )
    analysis = analyse(Source.parse("m.py", text.encode()), load_rulebook(), whole_module=True)
    chosen = fixes_to_apply(analysis.findings, unsafe=False)
    after = apply_fixes(analysis, chosen)
    mask = "K.cast(K.greater(K.expand_dims(n), K.arange(0, 5)), "
    for line in (f"{mask}'float32'),\n", f"{mask}HALF),\n", f"{mask}size.dtype),\n", "        K.cast(n, 'float32'),\n"):
        assert line in after
    assert after.count(f"{mask}'float32')") == 2
    # The dtypes themselves are no findings any more, though no fix of theirs was applied.
    gone = [text[f.start : f.end] for f in gone_with(chosen, analysis.findings)]
    assert gone == ["tf.float32", "float32"]
    again = analyse(Source.parse("m.py", after.encode()), load_rulebook(), whole_module=True)
    assert len(again.findings) == len(analysis.findings) - len(chosen) - len(gone)


@pytest.mark.parametrize(
    ("imports", "dtype"),
    [
        ("", "tf.dtypes.float32"),
        ("", "tf.compat.v1.float32"),
        ("from tensorflow.python.framework import dtypes\n", "dtypes.float32"),
    ],
)
@pytest.mark.parametrize("call", ["tf.sequence_mask(x, 5, {})", "tf.convert_to_tensor(x, {})", "tf.range(5, dtype={})"])
def test_every_spelling_of_a_dtype_is_rewritten_in_one_run(imports: str, dtype: str, call: str) -> None:
    head = f"import tensorflow as tf\n{imports}from keras import backend as K\nfrom keras.layers import Layer\n\n\n"
    text = f"{head}class A(Layer):\n    def call(self, x):\n        return {call.format(dtype)}\n"
    after = fixed(text, load_rulebook(), whole=False)
    assert "'float32'" in after and dtype not in after
    assert fixed(after, load_rulebook(), whole=False) == after


@pytest.mark.parametrize(
    ("test", "applicability"),
    [
        ("x.dtype == tf.float16", "safe"),
        ("x.dtype not in (tf.float16, tf.float32)", "safe"),
        ("self.given == tf.float16", "unsafe"),  # it may be numpy.float16, which does not equal the name
        ("t in [tf.float16]", "unsafe"),
    ],
)
def test_only_the_dtype_of_a_tensor_equals_its_name(test: str, applicability: str) -> None:
    head = "import tensorflow as tf\nfrom keras.layers import Layer\n\n\nclass A(Layer):\n    def call(self, x, t=None):\n"
    findings = analysed(f"{head}        return {test}\n", load_rulebook(), whole=False).findings
    assert [f.fix and f.fix.applicability for f in findings if f.fix] == [applicability] * len(findings)
