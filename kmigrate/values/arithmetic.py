"""Operators and indexing on abstract values."""

from __future__ import annotations

import ast

from kmigrate.values import domain, shapes
from kmigrate.values.domain import (
    ANY_ENGINE,
    ARRAY,
    FLOATING,
    INTEGER,
    NONE,
    NUMBER,
    SEQUENCE,
    TENSORS,
    UNKNOWN,
    Shape,
    Value,
    is_floating,
    is_integer,
    number,
    tensor,
)


def broadcast(first: Value, second: Value) -> Shape | None:
    """The shape of an elementwise operation, where both are surely one tensor, number, array or list each."""
    return shapes.broadcast(first.shape, second.shape)


def arithmetic_dtype(first: Value | str | None, second: Value, engine: str) -> str | None:
    """The dtype of ``first + second``. TensorFlow wants equal dtypes and fits numbers to tensors; Theano upcasts."""
    a = first.dtype if isinstance(first, Value) else first
    a_number = isinstance(first, Value) and first.kind == NUMBER
    b, b_number = second.dtype, second.kind == NUMBER
    if a_number and b_number:
        return None
    if a_number or b_number:
        own, other = (b, a) if a_number else (a, b)
        if engine == "tensorflow":
            return own
        return _with_number(own, other)
    if isinstance(first, Value) and not first.is_tensor:
        return None
    if not second.is_tensor:
        return None
    return _upcast(a, b)


def _with_number(own: str | None, other: str | None) -> str | None:
    """Theano chooses a dtype for the number: only the kind is sure."""
    if own is None:
        return None
    if is_floating(own):
        return FLOATING
    if is_integer(own) and is_integer(other):
        return INTEGER
    return FLOATING if is_integer(own) and is_floating(other) else None


def _upcast(a: str | None, b: str | None) -> str | None:
    if a is None or b is None:
        return None
    if a == b:
        return a if a != "bool" else None
    kinds = {_kind(a), _kind(b)}
    if FLOATING in kinds and None not in kinds:
        return FLOATING
    return INTEGER if kinds <= {INTEGER, "bool"} else None


def _kind(dtype: str) -> str | None:
    if is_floating(dtype):
        return FLOATING
    return INTEGER if is_integer(dtype) else ("bool" if dtype == "bool" else None)


def engine_of_operands(first: Value, second: Value) -> str | None:
    """The engine of the result: the surer of the two; None where neither is of an engine."""
    engines = {value.engine for value in (first, second) if value.symbolic}
    certain = engines - {ANY_ENGINE, None}
    if len(certain) == 1:
        return certain.pop()
    return ANY_ENGINE if engines else None


def binary(operator: ast.operator, left: Value, right: Value) -> Value:
    """``left operator right``."""
    if domain.NOTHING_YET in (left, right):
        return domain.NOTHING_YET
    engine = engine_of_operands(left, right)
    if engine is not None:
        return _tensors(operator, left, right, engine)
    if ARRAY in (left.kind, right.kind) and {left.kind, right.kind} <= {ARRAY, NUMBER, SEQUENCE}:
        return Value(ARRAY)
    if left.kind == right.kind == NUMBER:
        return _numbers(operator, left, right)
    if isinstance(operator, ast.Add) and left.kind == right.kind == SEQUENCE:
        return _joined_sequences(left, right)
    if isinstance(operator, ast.Mult) and {left.kind, right.kind} == {SEQUENCE, NUMBER}:
        items, count = (left, right) if left.kind == SEQUENCE else (right, left)
        return _repeated_sequence(items, count)
    return UNKNOWN


def _tensors(operator: ast.operator, left: Value, right: Value, engine: str) -> Value:
    if TENSORS in (left.kind, right.kind) and SEQUENCE in (left.kind, right.kind):
        return tensor(engine, kind=TENSORS)  # lists are joined
    if left.kind == right.kind == TENSORS and isinstance(operator, ast.Add):
        return tensor(engine, kind=TENSORS)
    if isinstance(operator, ast.Mult) and TENSORS in (left.kind, right.kind) and NUMBER in (left.kind, right.kind):
        return tensor(engine, kind=TENSORS)
    if isinstance(operator, ast.MatMult):
        return tensor(engine, shapes.matmul(left.shape, right.shape), arithmetic_dtype(left, right, engine))
    dtype = arithmetic_dtype(left, right, engine)
    if isinstance(operator, (ast.Div, ast.Pow)) and not is_floating(dtype):
        dtype = None
    if isinstance(operator, ast.Pow):
        dtype = FLOATING if left.is_tensor and is_floating(left.dtype) else None
    return tensor(engine, broadcast(left, right), dtype)


_COMPUTED: dict[type[ast.operator], str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.FloorDiv: "__floordiv__",
}
_LARGEST = 1 << 40


def _numbers(operator: ast.operator, left: Value, right: Value) -> Value:
    dtype = left.dtype if left.dtype == right.dtype else None
    name = _COMPUTED.get(type(operator))
    a, b = left.constant, right.constant
    if name and type(a) is int and type(b) is int and abs(a) < _LARGEST and abs(b) < _LARGEST and not (b == 0 and "div" in name):
        return number(getattr(a, name)(b), dtype)
    if isinstance(operator, ast.Div):
        dtype = FLOATING
    return number(dtype=dtype if not isinstance(operator, ast.Pow) else None)


def _joined_sequences(left: Value, right: Value) -> Value:
    if left.elements is not None and right.elements is not None:
        found = domain.sequence([*left.elements, *right.elements])
    else:
        found = domain.sequence_of(domain.join(domain.item_of(left), domain.item_of(right)))
    return domain.changing(found, left.changeable or right.changeable)


def _repeated_sequence(items: Value, count: Value) -> Value:
    times = count.constant
    if items.elements is not None and type(times) is int and 0 <= times * len(items.elements) <= 64:
        found = domain.sequence(items.elements * times)
    else:
        found = domain.sequence_of(domain.item_of(items))
    return domain.changing(found, items.changeable)


def compare(operators: list[ast.cmpop], operands: list[Value]) -> Value:
    """``a < b``: a tensor where one of two is; ``==`` is no tensor operation in TensorFlow 1 and Theano."""
    ordered = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    if len(operators) == 1 and isinstance(operators[0], ordered):
        engine = engine_of_operands(operands[0], operands[1])
        if engine is not None:
            return tensor(engine, broadcast(operands[0], operands[1]), "bool")
    if all(operand.kind in (NUMBER, NONE, domain.TEXT) for operand in operands):
        return number(dtype="bool")
    if len(operators) == 1 and isinstance(operators[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn)):
        return number(dtype="bool")
    return Value(dtype="bool")


# ---- indexing


def index(value: Value, key: Value | list[Value], slices: dict[int, ast.Slice], is_tuple: bool) -> Value:
    """``value[key]``. ``key`` holds the entries between the commas; ``slices`` those that are slices, by place."""
    entries = key if isinstance(key, list) else [key]
    if value.symbolic:
        return _tensor_index(value, entries, slices, is_tuple)
    if value.kind == SEQUENCE and not is_tuple:
        return _sequence_index(value, entries[0], slices.get(0))
    if value.kind == ARRAY:
        return UNKNOWN  # an array or a number
    return UNKNOWN


def _sequence_index(value: Value, entry: Value, part: ast.Slice | None) -> Value:
    if part is not None:
        bounds = [_bound(b) for b in (part.lower, part.upper, part.step)]
        if value.elements is None or "?" in bounds:
            return domain.sequence_of(domain.item_of(value))
        start, stop, step = (b if isinstance(b, int) else None for b in bounds)
        return domain.sequence(value.elements[slice(start, stop, step)]) if step != 0 else UNKNOWN
    place = entry.constant if entry.kind == NUMBER else None
    if value.elements is not None and type(place) is int:
        inside = -len(value.elements) <= place < len(value.elements)
        return value.elements[place] if inside else UNKNOWN
    return domain.item_of(value)


def _bound(node: ast.expr | None) -> int | str | None:
    """The literal bound of a slice, None where there is none, ``?`` where it is not literal."""
    if node is None:
        return None
    sign = 1
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -sign
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return sign * node.value
    return None if isinstance(node, ast.Constant) and node.value is None else "?"


def _tensor_index(value: Value, entries: list[Value], slices: dict[int, ast.Slice], is_tuple: bool) -> Value:
    if value.kind == TENSORS and not is_tuple:
        if 0 in slices:
            return tensor(value.engine or ANY_ENGINE, kind=TENSORS)
        return tensor(value.engine or ANY_ENGINE)
    plain = tensor(value.engine or ANY_ENGINE, None, value.dtype if value.is_tensor else None)
    if not value.is_tensor or value.shape is None:
        return plain
    consumed = sum(entry.kind not in (NONE, _ELLIPSIS) for entry in entries)
    if consumed > len(value.shape) or sum(entry.kind == _ELLIPSIS for entry in entries) > 1:
        return plain
    left = list(value.shape)
    found: list[int | None] = []
    for place, entry in enumerate(entries):
        if place in slices:
            found.append(_sliced(left.pop(0), slices[place]))
        elif entry.kind == NONE:
            found.append(1)
        elif entry.kind == _ELLIPSIS:
            rest = sum(e.kind not in (NONE, _ELLIPSIS) for e in entries[place + 1 :])
            while len(left) > rest:
                found.append(left.pop(0))
        elif _is_scalar_index(entry):
            left.pop(0)
        else:
            return plain
    return tensor(plain.engine or ANY_ENGINE, (*found, *left), value.dtype)


_ELLIPSIS = "ellipsis"
ELLIPSIS = Value(_ELLIPSIS)


def _is_scalar_index(entry: Value) -> bool:
    if entry.kind == NUMBER:
        return entry.dtype != "bool"
    return entry.is_tensor and entry.shape == () and is_integer(entry.dtype) is True


def _sliced(size: int | None, part: ast.Slice) -> int | None:
    bounds = [_bound(b) for b in (part.lower, part.upper, part.step)]
    if "?" in bounds:
        return None
    start, stop, step = (b if isinstance(b, int) else None for b in bounds)
    return shapes.sliced(size, start, stop, step) if step != 0 else None
