"""What a guard asks of a case: ``self.mode == "mul"`` an argument, ``mask is not None`` an input, ``K.ndim(x) == 4`` a rank.

A static reading that may be wrong: what it proposes is tried, and counts only where it reaches what it was made for.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.guards import FunctionNode, Guard
from kmigrate.verify.literals import UNKNOWN, own_nodes, value_of
from kmigrate.verify.markers import RAN

Kind = Literal["construct", "input", "rank", "count", "format", "dtype", "size"]
Operation = Literal["equal", "other", "none", "given", "true", "false"]
_MOST = 8
_DEEPEST = 5
_RANKS = ("ndim", "ndims", "rank")
_SHAPES = ("shape", "get_shape", "int_shape", "_keras_shape")
_DTYPES = ("float16", "float32", "float64", "int32", "int64", "bool")
_KINDS_OF_DTYPE = {"is_floating": "float32", "is_integer": "int32", "is_bool": "bool"}
_OF_KERAS = {"training", "mask", "initial_state"}
_BUILTINS = ("bool", "callable", "isinstance")
_FUNCTION = "expr(lambda x: x)"
# A value of each type.
_KINDS: dict[str, Any] = {"str": "tanh", "int": 2, "float": 0.5, "list": [2, 2], "tuple": (2, 2), "dict": {}}
_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
# The whole numbers next to a bound, by operator.
_STEPS: dict[type[ast.cmpop], int] = {ast.Gt: 1, ast.GtE: 0, ast.Lt: -1, ast.LtE: 0}


@dataclass(frozen=True, slots=True)
class Wish:
    """One demand: of a ``construct`` argument, an ``input``, its ``rank``, its ``count`` of tensors, its ``dtype``, the ``size``
    of one axis (the value is both) or the data ``format``."""

    kind: Kind
    name: str
    operation: Operation
    # A list may be asked for, which has no hash.
    value: Any = field(default=None, hash=False)


Alternative = tuple[Wish, ...]


class Reader:
    """Reads guards for one unit. ``engine`` is its own, ``classes`` are its class and those that it derives from, as far as the
    module defines them."""

    def __init__(self, shape: UnitShape, engine: str, classes: Sequence[ast.ClassDef] = ()) -> None:
        self.shape = shape
        self.engine = engine
        self._construct = {item.name for item in shape.construct}
        self._inputs = {item.name for item in shape.inputs} | set(shape.optional) | _OF_KERAS
        self._attributes = _attributes(classes)

    def alternatives(self, guards: Sequence[Guard]) -> list[Alternative]:
        """Sets of wishes, each of which would open all guards as far as they can be read; none where one can never open."""
        return _together([self._read(guard.test, guard.truth, guard.function, 0) for guard in guards])

    def _read(self, test: ast.expr, truth: bool, function: FunctionNode | None, depth: int) -> list[Alternative]:
        test = _plain(test)
        if depth > _DEEPEST:
            return [()]
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._read(test.operand, not truth, function, depth)
        if isinstance(test, ast.BoolOp):
            parts = [self._read(value, truth, function, depth) for value in test.values]
            if isinstance(test.op, ast.And) == truth:
                return _together(parts)
            return list(itertools.chain.from_iterable(parts))[:_MOST]
        if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.args and test.func.id in _BUILTINS:
            return self._of_kind(test, test.func.id, truth, function, depth)
        if isinstance(test, ast.Constant):
            return [()] if bool(test.value) == truth else []
        if isinstance(test, ast.Compare):
            return self._compared(test, truth, function, depth) if len(test.ops) == 1 else [()]
        return self._asked(test, "true" if truth else "false", None, function, depth)

    def _of_kind(self, test: ast.Call, asks: str, truth: bool, function: FunctionNode | None, depth: int) -> list[Alternative]:
        """``bool(x)``, ``callable(x)``, ``isinstance(x, list)``."""
        if asks == "bool":
            return self._read(test.args[0], truth, function, depth)
        if asks == "callable":
            return self._asked(test.args[0], "equal", _FUNCTION, function, depth) if truth else [()]
        kinds = [node.id for node in ast.walk(test.args[-1]) if isinstance(node, ast.Name) and node.id in _KINDS]
        what = _plain(test.args[0])
        if isinstance(what, ast.Name) and what.id in self._inputs and set(kinds) & {"list", "tuple"}:
            return [(Wish("count", what.id, "equal", 2 if truth else 0),)]
        values = [_KINDS[kind] for kind in (kinds if truth else [kind for kind in _KINDS if kind not in kinds][:2])]
        found = (self._asked(what, "equal", value, function, depth) for value in values)
        return list(itertools.chain.from_iterable(found)) or [()]

    def _compared(self, test: ast.Compare, truth: bool, function: FunctionNode | None, depth: int) -> list[Alternative]:
        left, right, operator = _plain(test.left), _plain(test.comparators[0]), type(test.ops[0])
        if _value(right) is UNKNOWN and _value(left) is not UNKNOWN:
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        value = _value(right)
        if value is UNKNOWN:
            return [()]
        if not truth:
            operator = _NEGATED[operator]
        if operator in _STEPS:
            if not isinstance(value, (int, float)):
                return [()]
            return self._asked(left, "equal", value + _STEPS[operator], function, depth)
        if operator in (ast.In, ast.NotIn) and not isinstance(value, (tuple, list)):
            return [()]
        if value is None:
            operation: Operation = "none" if operator in (ast.Eq, ast.Is) else "given"
        elif operator is ast.In:
            return list(
                itertools.chain.from_iterable(self._asked(left, "equal", item, function, depth) for item in value[:_MOST])
            )
        else:
            operation = "equal" if operator in (ast.Eq, ast.Is) else "other"
        return self._asked(left, operation, value, function, depth)

    def _asked(
        self, what: ast.expr, operation: Operation, value: Any, function: FunctionNode | None, depth: int
    ) -> list[Alternative]:
        """The demand on an expression, traced back to what a case gives."""
        what = _plain(what)
        called = _called(what)
        if called == "backend":
            fits = (self.engine == value) == (operation == "equal")
            return [()] if fits else []
        if called == "image_data_format":
            first = (value == "channels_first") == (operation == "equal")
            return [(Wish("format", "", "equal", "channels_first" if first else "channels_last"),)]
        ranked = _ranked(what)
        if ranked is not None:
            return [(Wish("rank", ranked, operation, value),)] if isinstance(value, int) else [()]
        if called == "len" and isinstance(what, ast.Call) and len(what.args) == 1 and isinstance(what.args[0], ast.Name):
            return [(Wish("count", what.args[0].id, operation, value),)] if isinstance(value, int) else [()]
        tensor = _dtype_of(what)
        if tensor:
            return [(Wish("dtype", tensor, operation, value),)] if isinstance(value, str) else [()]
        if isinstance(what, ast.Attribute) and what.attr in _KINDS_OF_DTYPE and (tensor := _dtype_of(what.value)):
            return [(Wish("dtype", tensor, "equal" if operation == "true" else "other", _KINDS_OF_DTYPE[what.attr]),)]
        if isinstance(what, ast.Subscript) and (tensor := _tensor_of(what.value)) and isinstance(value, int):
            axes = _axes(what.slice, function)
            return [(Wish("size", tensor, operation, (axis, value)),) for axis in axes] or [()]
        name = _attribute(what)
        if name is not None:
            return self._attribute_asked(name, operation, value, depth)
        if isinstance(what, ast.Name):
            return self._name_asked(what.id, operation, value, function, depth)
        return [()]

    def _attribute_asked(self, name: str, operation: Operation, value: Any, depth: int) -> list[Alternative]:
        """``self.name``: what ``__init__`` made it from or, where nothing assigns it, an argument of the base class."""
        assigned = self._attributes.get(name)
        if assigned is not None:
            function, expression = assigned
            return self._expression_asked(expression, operation, value, function, depth)
        own = next((one for one in (name, name.lstrip("_")) if one in self._construct), None)
        if own is None and (not self.shape.is_class or name.startswith("_")):
            return [()]
        return [(Wish("construct", own or name, operation, value),)]

    def _name_asked(
        self, name: str, operation: Operation, value: Any, function: FunctionNode | None, depth: int
    ) -> list[Alternative]:
        bound = _bound_once(function, name)
        if bound is not None and name not in _parameters(function):
            return self._expression_asked(bound, operation, value, function, depth)
        made = name in self._construct and (name not in self._inputs or (function is not None and function.name == "__init__"))
        if made or name in self._inputs:
            return [(Wish("construct" if made else "input", name, operation, value),)]
        return [()]

    def _expression_asked(
        self, expression: ast.expr, operation: Operation, value: Any, function: FunctionNode | None, depth: int
    ) -> list[Alternative]:
        expression = _plain(expression)
        if isinstance(expression, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            truth = operation in ("true", "given") or (operation == "equal" and bool(value))
            return self._read(expression, truth, function, depth + 1)
        direct = _called(expression) in ("len", "image_data_format", "backend", *_RANKS)
        names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} & set(_parameters(function)) - {"self"}
        if not direct and len(names) == 1 and not _ranked(expression) and depth < _DEEPEST:
            # `activations.get(activation)`, `tuple(size)`, or the parameter itself
            return self._name_asked(names.pop(), operation, value, function, depth + 1)
        known = direct or isinstance(expression, ast.Name) or _attribute(expression) or _ranked(expression)
        return self._asked(expression, operation, value, function, depth + 1) if known and depth < _DEEPEST else [()]


def _together(parts: Sequence[list[Alternative]]) -> list[Alternative]:
    """One alternative of each part at a time, those without a contradiction."""
    found = []
    for combination in itertools.islice(itertools.product(*parts), 64):
        wishes = tuple(dict.fromkeys(itertools.chain.from_iterable(combination)))
        if not _contradict(wishes):
            found.append(wishes)
    return list(dict.fromkeys(found))[:_MOST]


def _contradict(wishes: Alternative) -> bool:
    fixed: dict[tuple[str, str], Any] = {}
    for wish in wishes:
        if wish.operation == "equal" and fixed.setdefault((wish.kind, wish.name), wish.value) != wish.value:
            return True
    return False


def _plain(node: ast.expr) -> ast.expr:
    """Without the mark."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == RAN:
        node = node.args[1]
    return node


def _called(node: ast.expr) -> str:
    """The last name of what a call calls; empty for what is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""


def _attribute(node: ast.expr) -> str | None:
    """``mode`` for ``self.mode``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def _ranked(node: ast.expr) -> str | None:
    """The name whose rank an expression is: ``K.ndim(x)``, ``x.ndim``, ``len(x.shape)``, ``x.get_shape().ndims``."""
    node = _plain(node)
    if isinstance(node, ast.Call) and _called(node) in (*_RANKS, "len") and len(node.args) == 1:
        inner = _plain(node.args[0])
        return (_tensor_of(inner) if _called(node) == "len" else inner.id if isinstance(inner, ast.Name) else None) or None
    if isinstance(node, ast.Attribute) and node.attr in _RANKS:
        inner = _plain(node.value)
        return inner.id if isinstance(inner, ast.Name) else _tensor_of(inner) or None
    return None


def _tensor_of(node: ast.expr) -> str:
    """``x`` of ``x.shape``, ``x.get_shape()``, ``K.int_shape(x)``, ``x.shape.as_list()``."""
    node = _plain(node)
    if isinstance(node, ast.Call) and _called(node) == "as_list" and isinstance(node.func, ast.Attribute):
        return _tensor_of(node.func.value)
    if isinstance(node, ast.Call) and _called(node) in _SHAPES:
        holder = _plain(node.args[0]) if node.args else node.func.value if isinstance(node.func, ast.Attribute) else node
        return holder.id if isinstance(holder, ast.Name) else ""
    if isinstance(node, ast.Attribute) and node.attr in _SHAPES and isinstance(node.value, ast.Name):
        return node.value.id
    return ""


def _dtype_of(node: ast.expr) -> str:
    """``x`` of ``x.dtype``, ``x.dtype.name``, ``K.dtype(x)``."""
    node = _plain(node)
    if isinstance(node, ast.Attribute) and node.attr in ("name", "base_dtype"):
        node = _plain(node.value)
    if isinstance(node, ast.Call) and _called(node) == "dtype" and len(node.args) == 1:
        holder = _plain(node.args[0])
    elif isinstance(node, ast.Attribute) and node.attr == "dtype":
        holder = _plain(node.value)
    else:
        return ""
    return holder.id if isinstance(holder, ast.Name) else ""


def _value(node: ast.expr) -> Any:
    """``value_of``, and the name of a dtype: ``tf.int32``."""
    found = value_of(node)
    return node.attr if found is UNKNOWN and isinstance(node, ast.Attribute) and node.attr in _DTYPES else found


def _axes(node: ast.expr, function: FunctionNode | None) -> list[int]:
    """The axes that an index may mean: ``-1``, a name bound to one, or to one of two."""
    node = _plain(node)
    bound = _bound_once(function, node.id) if isinstance(node, ast.Name) else None
    bound = node if bound is None else _plain(bound)
    ends = [bound.orelse, bound.body] if isinstance(bound, ast.IfExp) else [bound]
    return [axis for axis in map(value_of, ends) if isinstance(axis, int)]


def _parameters(function: FunctionNode | None) -> list[str]:
    if function is None:
        return []
    arguments = function.args
    return [item.arg for item in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]


def _bound_once(function: FunctionNode | None, name: str) -> ast.expr | None:
    """The only expression that a local name is bound to."""
    found = [
        node.value
        for node in (own_nodes(function) if function is not None else ())
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
    return found[0] if len(found) == 1 else None


def _attributes(classes: Sequence[ast.ClassDef]) -> dict[str, tuple[FunctionNode, ast.expr]]:
    """What ``__init__`` assigns to attributes, that of the first class before those that it derives from."""
    found: dict[str, tuple[FunctionNode, ast.expr]] = {}
    for item in itertools.chain.from_iterable(node.body for node in classes):
        for node in ast.walk(item) if isinstance(item, ast.FunctionDef) and item.name == "__init__" else ():
            for target in node.targets if isinstance(node, ast.Assign) else ():
                name = _attribute(target)
                if name is not None and isinstance(item, ast.FunctionDef) and isinstance(node, ast.Assign):
                    found.setdefault(name, (item, node.value))
    return found
