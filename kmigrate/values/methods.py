"""What attributes and methods of tensors, arrays, shapes and lists yield."""

from __future__ import annotations

from kmigrate.values import domain
from kmigrate.values.domain import (
    ANY_ENGINE,
    ARRAY,
    INTEGER,
    NUMBER,
    SEQUENCE,
    SHAPE,
    TENSOR,
    TENSORS,
    TEXT,
    UNKNOWN,
    Value,
    number,
    tensor,
)
from kmigrate.values.effects import sizes
from kmigrate.values.operations import OPERATIONS, Operation

_TO_ARRAY = frozenset({"eval", "numpy", "get_value", "get_scalar_constant_value"})
_NO_ARRAY = frozenset({"tolist", "item", "tobytes", "any", "all"})
_SHAPE_METHODS = frozenset({"as_list"})
_ONLY_TENSORFLOW = frozenset({"value", "read_value", "get_shape", "set_shape", "numpy", "assign", "assign_add", "assign_sub"})


def attribute(receiver: Value, name: str, file_engine: str | None) -> Value:
    """``receiver.name``. ``file_engine`` is the engine that the code around is written for, where the receiver does not tell."""
    if receiver.symbolic:
        engine = receiver.engine if receiver.engine != ANY_ENGINE else file_engine
        if name == "shape":
            if engine == "theano":
                return tensor("theano", (receiver.rank,), INTEGER)
            return _shape(receiver, engine or ANY_ENGINE)
        if name == "T":
            return Value(TENSOR, receiver.engine, None if receiver.shape is None else receiver.shape[::-1], receiver.dtype)
        if name == "ndim":
            return number(domain.NO_CONSTANT if receiver.rank is None else receiver.rank, INTEGER)
        return Value(TEXT) if name == "name" else UNKNOWN
    if receiver.kind == ARRAY:
        if name in ("T", "real", "imag"):
            return receiver
        return domain.sequence_of(number(dtype=INTEGER)) if name == "shape" else UNKNOWN
    if receiver.kind == SHAPE and name in ("ndims", "rank"):
        return number(dtype=INTEGER)
    return UNKNOWN


def operation_of(receiver: Value, name: str) -> Operation | None:
    """The operation that a method of a tensor is."""
    return OPERATIONS.get(f"method.{name}") if receiver.symbolic else None


def engine_of(receiver: Value, name: str) -> str:
    """The engine of a method's result: only one engine has most of them."""
    if receiver.engine not in (None, ANY_ENGINE):
        return str(receiver.engine)
    return "tensorflow" if name in _ONLY_TENSORFLOW else "theano"


def result(receiver: Value, name: str) -> Value:
    """What a call of a method yields that is no operation on tensors."""
    if receiver.symbolic:
        if name == "get_shape":
            return _shape(receiver, "tensorflow")
        return Value(ARRAY) if name in _TO_ARRAY else UNKNOWN
    if receiver.kind == SHAPE:
        if name in _SHAPE_METHODS:
            sequence = Value(SEQUENCE) if receiver.elements is None else domain.sequence(receiver.elements)
            return domain.changing(sequence, True)
        return UNKNOWN
    if receiver.kind == ARRAY and name not in _NO_ARRAY:
        return Value(ARRAY)
    if receiver.kind == SEQUENCE and name in ("index", "count"):
        return Value(NUMBER, shape=(), dtype=INTEGER)
    return receiver if receiver.kind == SEQUENCE and name == "copy" else UNKNOWN


def _shape(receiver: Value, engine: str) -> Value:
    if receiver.kind == TENSORS:
        return Value(SHAPE, engine)
    return Value(SHAPE, engine, elements=sizes(receiver).elements)
