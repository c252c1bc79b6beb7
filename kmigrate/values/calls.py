"""Calls of Python's builtins and of Keras's own functions and classes, by name."""

from __future__ import annotations

from kmigrate.values import domain
from kmigrate.values.domain import (
    ANY_ENGINE,
    FLOATING,
    FUNCTION,
    INTEGER,
    LAYER,
    NUMBER,
    SEQUENCE,
    SHAPE,
    TEXT,
    UNKNOWN,
    VARIABLE,
    Value,
    item_of,
    number,
    sequence,
    sequence_of,
    tensor,
)

_NUMBERS = {"int": INTEGER, "len": INTEGER, "float": FLOATING, "bool": "bool", "isinstance": "bool", "hasattr": "bool"}
_NO_LAYERS = frozenset({"InputSpec", "Input"})
# Functions of Keras 0.x and 1.x that make weights, by the end of their name: projects import them from Keras's own modules.
_SHARED = frozenset({"sharedX", "shared_zeros", "shared_ones", "shared_scalar"})


def builtin_call(name: str, arguments: list[Value]) -> Value:
    """The result of a builtin function."""
    if name in _NUMBERS:
        if name == "len" and len(arguments) == 1 and arguments[0].elements is not None and arguments[0].kind == SEQUENCE:
            return number(len(arguments[0].elements), INTEGER)
        constant = arguments[0].constant if name == "int" and len(arguments) == 1 and arguments[0].kind == NUMBER else None
        return number(constant, INTEGER) if type(constant) is int else number(dtype=_NUMBERS[name])
    if name in ("str", "repr", "format"):
        return Value(TEXT)
    if name == "range":
        return _range(arguments)
    if not arguments:
        return domain.changing(sequence(()), True) if name == "list" else UNKNOWN
    first = arguments[0]
    if name in ("list", "tuple"):
        return _listed(first, name == "list")
    if name in ("reversed", "sorted"):
        return domain.changing(sequence_of(item_of(first)), name == "sorted")
    if name == "enumerate":
        return sequence_of(sequence([number(dtype=INTEGER), item_of(first)]))
    if name == "zip":
        return sequence_of(sequence(item_of(argument) for argument in arguments))
    if name == "abs" and first.symbolic:
        return Value(domain.TENSOR, first.engine, first.shape, first.dtype if first.is_tensor else None)
    return UNKNOWN


def _range(arguments: list[Value]) -> Value:
    constants = [a.constant for a in arguments if a.kind == NUMBER and type(a.constant) is int]
    if len(constants) == len(arguments) and 0 < len(constants) <= 3 and 0 not in constants[2:]:
        places = range(*constants)
        if len(places) <= 64:
            return sequence(number(place, INTEGER) for place in places)
    return sequence_of(number(dtype=INTEGER))


def _listed(first: Value, changeable: bool) -> Value:
    if first.kind == SEQUENCE:
        plain = sequence(first.elements) if first.elements is not None else sequence_of(item_of(first))
        return domain.changing(plain, changeable)
    if first.kind == SHAPE and first.elements is not None:
        return domain.changing(sequence([UNKNOWN] * len(first.elements)), changeable)
    if first.kind == domain.TENSORS:
        return domain.changing(sequence_of(item_of(first)), changeable)
    return Value(SEQUENCE)


def keras_call(symbol: str) -> Value:
    """The result of calling a class or function of Keras that is no backend function."""
    module, _, name = symbol.rpartition(".")
    if name in _SHARED and (module.startswith("keras.") or module.endswith("theano_utils")):
        return tensor("theano", None, FLOATING, VARIABLE)
    if not symbol.startswith("keras."):
        return UNKNOWN
    part = module.split(".")[1] if "." in module else ""
    if part == "activations":
        return Value(FUNCTION, returns=tensor(ANY_ENGINE)) if name == "get" else tensor(ANY_ENGINE)
    if part == "layers" and name[:1].isupper() and name not in _NO_LAYERS:
        return Value(LAYER)
    return UNKNOWN
