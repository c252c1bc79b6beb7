"""The functions that take the name of a dtype do so in every stack, in graphs and eagerly; the others are left alone."""

from __future__ import annotations

import json
import subprocess

import pytest

from kmigrate.rulebook.book import load_rulebook
from kmigrate.rulebook.dtype_names import TAKE_NAMES, takes_dtype_name
from kmigrate.verify.stacks import ensure, get_stack
from tests.conftest import analysed

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
