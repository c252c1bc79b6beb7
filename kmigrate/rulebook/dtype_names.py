"""Dtypes and their names. Which functions of TensorFlow take the name where they take a dtype: seen by execution, in graphs and
eagerly.

Not all do: ``tf.sequence_mask(x, dtype='bool')`` asks the string for ``base_dtype``. A test runs each in the stacks.
"""

from __future__ import annotations

import ast
from functools import cache

from kmigrate.names import Names
from kmigrate.names.aliases import canonical_symbol

_DTYPES = frozenset("bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 complex64 complex128 string".split())

TAKE_NAMES = (
    "tf.argmax tf.argmin tf.as_dtype tf.bitcast tf.cast tf.constant tf.compat.v1.constant_initializer tf.convert_to_tensor "
    "tf.eye tf.compat.v1.get_variable tf.image.convert_image_dtype tf.io.decode_raw tf.map_fn tf.math.confusion_matrix "
    "tf.math.count_nonzero tf.numpy_function tf.one_hot tf.ones tf.ones_like tf.compat.v1.placeholder tf.py_function "
    "tf.random.normal tf.compat.v1.random_normal_initializer tf.random.truncated_normal tf.random.uniform "
    "tf.compat.v1.random_uniform_initializer tf.range tf.saturate_cast tf.shape tf.strings.to_number tf.TensorArray "
    "tf.TensorSpec tf.unique tf.Variable tf.zeros tf.compat.v1.zeros_initializer tf.zeros_like"
).split()


@cache
def takes_dtype_name(symbol: str) -> bool:
    """Whether a function is known to take ``'float32'`` for ``tf.float32``."""
    return canonical_symbol(symbol) in {canonical_symbol(name) for name in TAKE_NAMES}


def dtype_constant(names: Names, node: ast.expr) -> str | None:
    """``bool`` for ``tf.bool``: a dtype constant is as good as its name."""
    symbols = names.resolve(node).symbols
    found = {s.rpartition(".")[2] for s in symbols if _is_dtype(s)}
    return found.pop() if len(found) == 1 == len(symbols) else None


def scalar_type(names: Names, node: ast.expr) -> str:
    """``float`` or ``numpy.int32``: the type of Python's or numpy's scalars that an expression is, a dtype, too, but no name of
    one. Empty where it is none."""
    if isinstance(node, ast.Name) and node.id in ("bool", "int", "float") and names.scope_of(node).lookup(node.id) is None:
        return node.id
    symbols = names.resolve(node).symbols
    module, _, name = symbols[0].rpartition(".") if len(symbols) == 1 else ("", "", "")
    return symbols[0] if module == "numpy" and name.rstrip("_") in _DTYPES | {"int", "float"} else ""


def _is_dtype(symbol: str) -> bool:
    """Under any spelling: ``tf.dtypes.float32``, ``tf.compat.v1.float32``."""
    name = symbol.rpartition(".")[2]
    return name in _DTYPES and canonical_symbol(symbol) == canonical_symbol(f"tf.{name}")


def spelled_dtype(names: Names, node: ast.expr) -> str | None:
    """The name of the dtype that an expression spells out, through imports alone."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    binding = names.binding_value(root)
    return dtype_constant(names, node) if binding is not None and binding.kind == "import" else None
