"""Methods and attributes that only tensors of one engine have: ``x.get_shape()``, ``x.dimshuffle(0, 'x')``, ``w.assign(v)``.

A use counts where its receiver is surely a tensor, a variable, a tensor's shape, a random stream or a session (arrays of numpy
have methods of the same names), or where the method alone tells that it is one (``telling.py``). For a tensor of whichever engine
runs, the method says for which one the code is written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kmigrate.layers import LayerCode
from kmigrate.names import Meaning, Names, Reference
from kmigrate.telling import dimension_in, tensor_of, told
from kmigrate.tensor_methods import NAMES, SHARED_ATTRIBUTES, TF_SHAPE, TF_TENSOR, TF_VARIABLE, THEANO_SHARED, THEANO_TENSOR
from kmigrate.values import Value, Values
from kmigrate.values.domain import ANY_ENGINE, OBJECT, SHAPE, TENSORS, VARIABLE
from kmigrate.values.objects import method

# Lists have these too: of an argument that may be a list they say nothing.
_OF_LISTS = frozenset({"sort", "copy"})
_PROPERTIES = frozenset("T ndim shape ndims rank broadcastable owner op graph initializer value".split())
_TF, _THEANO = "tensorflow", "theano"


@dataclass(frozen=True, slots=True, eq=False)
class MethodReference(Reference):
    """``use`` is the whole expression that a fix replaces. ``arguments`` are the receiver and what stands in subscripts of it:
    they come before the arguments of the call; empty where the tensor that is meant does not stand here. ``assumed`` is what
    only the method tells: a fix rests on it."""

    use: ast.expr | None = None
    arguments: tuple[ast.expr, ...] = ()
    assumed: str = ""

    @property
    def uncalled(self) -> bool:
        """Whether a method is only named: ``f = x.sum``."""
        return self.use is self.node and isinstance(self.node, ast.Attribute) and self.node.attr not in _PROPERTIES


def method_references(names: Names, layer_code: LayerCode, values: Values) -> Iterator[MethodReference]:
    """Every use in layer code of a method or attribute of a tensor."""
    taken: set[ast.AST] = set()  # parts of a longer chain that is reported as a whole
    found = []
    for node in names.attributes_read(NAMES):
        definition = names.definition_of(node)
        if layer_code.context(definition) is None or names.resolve(node.value).symbols:
            continue
        parent = names.parents.get(node)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        symbol, arguments, part = _meaning(node, values)
        assumed = ""
        if symbol is None:
            known = told(node, call, names, values)
            if known is None:
                continue
            symbol, arguments, part, assumed = known
        if part is not None:
            taken.add(part)
        use = call if call is not None and node.attr not in _PROPERTIES else node
        found.append(MethodReference(node, Meaning((symbol,)), definition, "plain", use, arguments, assumed))
    return (reference for reference in found if reference.node not in taken)


def _meaning(node: ast.Attribute, values: Values) -> tuple[str | None, tuple[ast.expr, ...], ast.AST | None]:
    """The symbol of a method, its first arguments, and the attribute that is part of this use (``x.get_shape``)."""
    name = node.attr
    if name == "value":
        dimension = dimension_in(node.value)
        if dimension is None or values.of(dimension.value).kind != SHAPE or values.of(dimension.value).engine is None:
            return None, (), None
        tensor, part = tensor_of(dimension.value)
        if dimension is not node.value:  # the value of what was calculated, not of one dimension
            return "tf.Dimension.value", (), part
        return "tf.Dimension.value", () if tensor is None else (tensor, dimension.slice), part
    receiver = values.of(node.value)
    if receiver.kind == OBJECT:
        return method(receiver, name), (node.value,), None
    if receiver.kind == SHAPE:
        if name not in TF_SHAPE or receiver.engine is None:
            return None, (), None
        tensor, part = tensor_of(node.value)
        return f"tf.TensorShape.{name}", () if tensor is None else (tensor,), part
    if not receiver.symbolic or (receiver.kind == TENSORS and name in _OF_LISTS):
        return None, (), None
    return _symbol(receiver, name, values.file_engine), (node.value,), None


def _symbol(receiver: Value, name: str, file_engine: str | None) -> str | None:
    """The canonical symbol of a method: the class that has it, of the engine that the receiver or else the file tells."""
    engine = receiver.engine if receiver.engine != ANY_ENGINE else file_engine
    if engine != _THEANO:
        if name in TF_TENSOR and not (engine is None and name in THEANO_TENSOR and name != "eval"):
            return f"tf.Tensor.{name}"
        if name in TF_VARIABLE and (receiver.kind == VARIABLE or name.startswith("assign")):
            return f"tf.Variable.{name}"
    if engine != _TF:
        if name in THEANO_SHARED and receiver.kind != TENSORS:
            return f"theano.compile.SharedVariable.{name}"
        if name in THEANO_TENSOR and (engine == _THEANO or name not in SHARED_ATTRIBUTES):
            return f"theano.tensor.TensorVariable.{name}"
    return None
