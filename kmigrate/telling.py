"""Methods that tell by themselves what they are called on: only an engine's tensors, variables and shapes have them.

In a helper nothing may be known of a parameter. ``x.get_shape()`` and ``x.shape.as_list()`` are then still uses of TensorFlow: no
array, list or configuration has such methods. What is not *known* to be a tensor is an assumption of the fix, never more.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from kmigrate.names import Names
from kmigrate.tensor_methods import TF_SHAPE
from kmigrate.values import Values
from kmigrate.values.domain import SEQUENCE, SHAPE

_TF, _THEANO = "tensorflow", "theano"


class Telling(NamedTuple):
    """By the engine that alone the file imports (None: both or none), the symbol that a call means; how many positional arguments
    it may have."""

    symbols: dict[str | None, str]
    what: str
    least: int
    most: int


def _tensorflow(symbol: str, what: str, least: int, most: int, alone: bool = True) -> Telling:
    """``alone``: it tells in a file that imports no engine, too."""
    return Telling({_TF: symbol, None: symbol} if alone else {_TF: symbol}, what, least, most)


_TENSOR_VARIABLE, _SHARED = "theano.tensor.TensorVariable", "theano.compile.SharedVariable"
_CALLS = {
    "get_shape": _tensorflow("tf.Tensor.get_shape", "tensor", 0, 0),
    "set_shape": _tensorflow("tf.Tensor.set_shape", "tensor", 1, 1),
    "numpy": _tensorflow("tf.Tensor.numpy", "tensor", 0, 0, alone=False),
    "assign": _tensorflow("tf.Variable.assign", "variable", 1, 4, alone=False),
    "assign_add": _tensorflow("tf.Variable.assign_add", "variable", 1, 4),
    "assign_sub": _tensorflow("tf.Variable.assign_sub", "variable", 1, 4),
    "read_value": _tensorflow("tf.Variable.read_value", "variable", 0, 0),
    "initialized_value": _tensorflow("tf.Variable.initialized_value", "variable", 0, 0),
    "eval": Telling({_TF: "tf.Tensor.eval", _THEANO: f"{_TENSOR_VARIABLE}.eval"}, "tensor", 0, 1),
    "dimshuffle": Telling(dict.fromkeys((_THEANO, None), f"{_TENSOR_VARIABLE}.dimshuffle"), "tensor", 1, 9),
    "get_value": Telling({_THEANO: f"{_SHARED}.get_value"}, "shared variable", 0, 2),
    "set_value": Telling({_THEANO: f"{_SHARED}.set_value"}, "shared variable", 1, 2),
}


class Told(NamedTuple):
    symbol: str
    arguments: tuple[ast.expr, ...]
    part: ast.AST | None
    assumed: str


def told(node: ast.Attribute, call: ast.Call | None, names: Names, values: Values) -> Told | None:
    """What ``node`` means, called by ``call`` or read, where nothing else says what its receiver is; None if it does not tell."""
    telling = _CALLS.get(node.attr)
    if telling is None:
        return _of_shape(node, names, values) if values.file_engine != _THEANO else None
    symbol = telling.symbols.get(values.file_engine)
    if symbol is None or call is None or not telling.least <= len(call.args) <= telling.most:
        return None
    if any(isinstance(a, ast.Starred) for a in call.args) or not _is_open(node.value, names, values):
        return None
    return Told(symbol, (node.value,), None, f"`{ast.unparse(node.value)}` is a {telling.what}")


def _of_shape(node: ast.Attribute, names: Names, values: Values) -> Told | None:
    """``x.shape.as_list()``, ``x.get_shape().ndims``, ``x.shape[0].value``: tuples have no such attributes."""
    dimension = dimension_in(node.value) if node.attr == "value" else None
    if dimension is None and node.attr not in TF_SHAPE:
        return None
    symbol = f"tf.TensorShape.{node.attr}" if dimension is None else "tf.Dimension.value"
    shape = node.value if dimension is None else dimension.value
    binding = names.binding_value(shape)
    written = binding.value if binding is not None and binding.kind == "assign" else shape
    tensor, part = tensor_of(written)
    if tensor is not None and not _is_open(tensor, names, values):
        return None
    if tensor is None:
        one = written.value if isinstance(written, ast.Subscript) and not isinstance(written.slice, ast.Slice) else shape
        handed = values.of(one).kind in (SHAPE, SEQUENCE)  # a tuple, or one of several, but for the Keras inside TensorFlow
        alone = node.attr == "as_list" and _is_open(shape, names, values)
        return Told(symbol, (), None, "") if handed or alone else None
    if written is not shape or dimension not in (None, node.value):
        return Told(symbol, (), part if written is shape else None, "")
    index = () if dimension is None else (dimension.slice,)
    return Told(symbol, (tensor, *index), part, f"`{ast.unparse(tensor)}` is a tensor")


def dimension_in(node: ast.expr) -> ast.Subscript | None:
    """The dimension in ``shape[1]``, or the first of those that are calculated with, ``shape[1] * shape[2]``."""
    if isinstance(node, ast.BinOp):
        return dimension_in(node.left) or dimension_in(node.right)
    return node if isinstance(node, ast.Subscript) else None


def tensor_of(shape: ast.expr | None) -> tuple[ast.expr | None, ast.AST | None]:
    """The tensor in ``tensor.shape`` or ``tensor.get_shape()``, and the attribute."""
    if isinstance(shape, ast.Call) and isinstance(shape.func, ast.Attribute) and shape.func.attr == "get_shape":
        return shape.func.value, shape.func
    if isinstance(shape, ast.Attribute) and shape.attr == "shape":
        return shape.value, shape
    return None, None


def _is_open(receiver: ast.expr, names: Names, values: Values) -> bool:
    """Whether nothing says what a receiver is: it is no module, class, function or ``self``, and of no known value."""
    if names.resolve(receiver).symbols or values.of(receiver).kind is not None:
        return False
    if isinstance(receiver, ast.Name):
        binding = names.binding_value(receiver)
        return receiver.id not in ("self", "cls") and (binding is None or binding.kind != "def")
    return not (isinstance(receiver, ast.Call) and isinstance(receiver.func, ast.Name) and receiver.func.id == "super")
