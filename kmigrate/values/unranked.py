"""Tensors of which TensorFlow does not know the rank when it builds the graph.

K.concatenate counts a negative axis from the end of ``K.ndim`` of the first tensor, and takes axis 0 where that is not known
(keras/backend/tensorflow_backend.py, ``concatenate``). What loses the rank is known by name; of everything else it is taken to
be kept, as Keras's own tensors all have one.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from kmigrate.names import Names
from kmigrate.names.aliases import canonical_symbol

_DEEPEST = 8
# By symbol: the parameter that keeps the rank where it is given, and its place.
_LOSE: dict[str, tuple[frozenset[str], int] | None] = {
    "tf.squeeze": (frozenset({"axis", "squeeze_dims"}), 1),
    "tf.placeholder": (frozenset({"shape"}), 1),
    "tf.py_func": None,
    "tf.py_function": None,
    "tf.numpy_function": None,
}
# What gives a tensor of the rank of its first argument (or of its arguments, broadcast).
_KEEP = frozenset(
    "abs add cast clip_by_value divide dropout elu exp expand_dims identity leaky_relu log maximum minimum multiply negative pow "
    "relu selu sigmoid sign softmax softplus sqrt square stop_gradient subtract tanh to_float".split()
)


def is_unranked(node: ast.expr, names: Names, lost: Collection[str] = (), depth: int = _DEEPEST) -> bool:
    """Whether the rank of a tensor, or of the first of some, is surely lost on one of the ways to it. ``lost``: names
    that have none."""
    if not depth:
        return False
    if isinstance(node, ast.Name):
        values = _values_of(node, names)
        if node.id in lost:
            return True
        return not names.is_read_of(node.id, "set_shape") and any(is_unranked(v, names, lost, depth - 1) for v in values)
    if isinstance(node, ast.Call):
        symbols = [canonical_symbol(symbol) for symbol in names.resolve(node.func).symbols]
        if any(_loses(symbol, node) for symbol in symbols):
            return True
        kept = any(symbol.rpartition(".")[2] in _KEEP for symbol in symbols)
        return kept and any(is_unranked(argument, names, lost, depth - 1) for argument in node.args)
    return any(is_unranked(part, names, lost, depth - 1) for part in _parts(node))


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, (ast.List, ast.Tuple)):
        return node.elts[:1]
    if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        return [node.elt]
    return [node.value] if isinstance(node, (ast.Subscript, ast.Starred)) else []


def _loses(symbol: str, call: ast.Call) -> bool:
    if symbol not in _LOSE:
        return False
    keeps = _LOSE[symbol]
    if keeps is None:
        return True
    named, place = keeps
    given = [k.value for k in call.keywords if k.arg is None or k.arg in named] + call.args[place:]
    return all(isinstance(value, ast.Constant) and value.value is None for value in given)


def _values_of(node: ast.Name, names: Names) -> list[ast.expr]:
    scope = names.scope_of(node).lookup(node.id)
    return [binding.value for binding in scope.bindings[node.id] if binding.value is not None] if scope else []
