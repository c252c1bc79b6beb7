"""The abstract values: what is surely known of an expression. ``UNKNOWN`` is the top of the domain and the normal answer.

A fact holds for every run in which the expression is evaluated without an error. Shapes are tuples with None for a dimension
that is not known; a shape of None means that not even the rank is known. dtypes are exact names (``float32``) or one of the
two kinds ``floating`` and ``integer``, where only that is sure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

Shape = tuple[int | None, ...]

# What an expression is. ``tensors`` is a tensor or a list of tensors: the argument of ``call``, what a layer returns.
TENSOR, VARIABLE, TENSORS = "tensor", "variable", "tensors"
ARRAY, NUMBER, TEXT, NONE = "array", "number", "text", "none"
SEQUENCE, SHAPE, FUNCTION, LAYER = "sequence", "shape", "function", "layer"
# An object of an engine that is no tensor and has a state: a random stream, a session.
OBJECT = "object"
_ENGINE_KINDS = frozenset({TENSOR, VARIABLE, TENSORS})

FLOATING, INTEGER = "floating", "integer"
# The engine of K results and layer inputs: whichever runs the model.
ANY_ENGINE = "keras"


class _NoConstant:
    def __repr__(self) -> str:
        return "NO_CONSTANT"


NO_CONSTANT = _NoConstant()


@dataclass(frozen=True, slots=True)
class Value:
    """``kind`` is None where unknown; ``engine`` is ``tensorflow``, ``theano``, ``keras`` (any) or None.

    ``constant`` is the Python value of a number, text or None; of a function it is its definition, of an object the symbol of its
    class. ``elements`` are those of a
    sequence of known length, ``item`` what every element of a sequence of unknown length is; its ``shape`` is the one that it
    has as a tensor. ``returns`` is what calling a function or layer yields.
    """

    kind: str | None = None
    engine: str | None = None
    shape: Shape | None = None
    dtype: str | None = None
    constant: Any = NO_CONSTANT
    elements: tuple[Value, ...] | None = None
    item: Value | None = None
    returns: Value | None = None
    depth: int = 0  # of nested sequences
    changeable: bool = False  # a list, or something that holds one: what it holds may change

    @property
    def symbolic(self) -> bool:
        """Whether it surely is a tensor or variable of an engine, or a list of them."""
        return self.kind in _ENGINE_KINDS

    @property
    def is_tensor(self) -> bool:
        """Whether it surely is one tensor or variable."""
        return self.kind in (TENSOR, VARIABLE)

    @property
    def rank(self) -> int | None:
        """The number of axes that the value has as a tensor; None where unknown."""
        return None if self.shape is None else len(self.shape)


UNKNOWN = Value()
# The bottom of the domain: the first guess of a value that depends on itself.
NOTHING_YET = Value("nothing yet")


def tensor(engine: str, shape: Shape | None = None, dtype: str | None = None, kind: str = TENSOR) -> Value:
    return Value(kind, engine, shape, dtype)


def number(constant: Any = NO_CONSTANT, dtype: str | None = None) -> Value:
    return Value(NUMBER, shape=(), constant=constant, dtype=dtype)


_CONSTANT_DTYPES: dict[type, str] = {bool: "bool", int: INTEGER, float: FLOATING}


def of_constant(constant: Any) -> Value:
    """The value of a Python constant, or of a list or tuple of them."""
    if isinstance(constant, (list, tuple)):
        return sequence(of_constant(element) for element in constant)
    if constant is None:
        return Value(NONE, constant=None)
    if isinstance(constant, str):
        return Value(TEXT, constant=constant)
    if type(constant) in _CONSTANT_DTYPES:
        return number(constant, _CONSTANT_DTYPES[type(constant)])
    return number() if isinstance(constant, complex) else UNKNOWN


# Longer or deeper displays are known by what their elements share: that bounds the work, however the code nests them.
_MAX_ELEMENTS, _MAX_DEPTH = 64, 3


def sequence(elements: Iterable[Value]) -> Value:
    """A list or tuple of known length."""
    found = tuple(elements)
    depth = 1 + max((element.depth for element in found), default=0)
    if len(found) > _MAX_ELEMENTS or depth > _MAX_DEPTH:
        return sequence_of(join_all(found))
    inner = found[0].shape if found else ()
    for element in found[1:]:
        inner = join_shapes(inner, element.shape)
    shape = None if inner is None else (len(found), *inner)
    dtypes = {element.dtype for element in found}
    dtype = dtypes.pop() if len(dtypes) == 1 else None
    changeable = any(element.changeable for element in found)
    return Value(SEQUENCE, shape=shape, dtype=dtype, elements=found, depth=depth, changeable=changeable)


def sequence_of(item: Value) -> Value:
    """A list or tuple of unknown length."""
    if item.depth >= _MAX_DEPTH:
        return Value(SEQUENCE, depth=_MAX_DEPTH)
    shape = None if item.shape is None else (None, *item.shape)
    return Value(SEQUENCE, shape=shape, dtype=item.dtype, item=item, depth=item.depth + 1, changeable=item.changeable)


def changing(value: Value, changeable: bool) -> Value:
    return replace(value, changeable=True) if changeable else value


def of_rank(rank: int | None) -> Shape | None:
    return None if rank is None else (None,) * rank


def is_floating(dtype: str | None) -> bool | None:
    """Whether a dtype is one of floating point; None where unknown."""
    return None if dtype is None else dtype == FLOATING or dtype.startswith(("float", "bfloat"))


def is_integer(dtype: str | None) -> bool | None:
    return None if dtype is None else dtype == INTEGER or dtype.startswith(("int", "uint"))


def join_dtypes(first: str | None, second: str | None) -> str | None:
    """What is sure of a value that has one dtype or the other."""
    if first == second:
        return first
    if is_floating(first) and is_floating(second):
        return FLOATING
    if is_integer(first) and is_integer(second):
        return INTEGER
    return None


def join_shapes(first: Shape | None, second: Shape | None) -> Shape | None:
    if first is None or second is None or len(first) != len(second):
        return None
    return tuple(a if a == b else None for a, b in zip(first, second, strict=True))


def join(first: Value, second: Value) -> Value:
    """What is sure of a value that is one or the other."""
    if first == second or second is NOTHING_YET:
        return first
    if first is NOTHING_YET:
        return second
    if first is UNKNOWN or second is UNKNOWN:
        return UNKNOWN
    # A tensor on one path and None on the other: where it is used as a tensor, it is one.
    if first.kind == NONE and second.symbolic:
        return second
    if second.kind == NONE and first.symbolic:
        return first
    if first.kind != second.kind:
        return _join_engines(first, second)
    elements = None
    if first.elements is not None and second.elements is not None and len(first.elements) == len(second.elements):
        elements = tuple(join(a, b) for a, b in zip(first.elements, second.elements, strict=True))
    item = None
    if elements is None and first.kind == SEQUENCE:
        item = join(item_of(first), item_of(second))
    return Value(
        first.kind,
        _join_engine_names(first.engine, second.engine),
        join_shapes(first.shape, second.shape),
        join_dtypes(first.dtype, second.dtype),
        first.constant if same_constant(first.constant, second.constant) else NO_CONSTANT,
        elements,
        item,
        join(first.returns, second.returns) if first.returns and second.returns else None,
        max(first.depth, second.depth),
        first.changeable or second.changeable,
    )


def _join_engines(first: Value, second: Value) -> Value:
    if not (first.symbolic and second.symbolic):
        return UNKNOWN
    kind = TENSOR if first.is_tensor and second.is_tensor else TENSORS
    shape = join_shapes(first.shape, second.shape) if kind == TENSOR else None
    engine = _join_engine_names(first.engine, second.engine)
    return Value(kind, engine, shape, join_dtypes(first.dtype, second.dtype))


def _join_engine_names(first: str | None, second: str | None) -> str | None:
    if first == second:
        return first
    return ANY_ENGINE if first and second else None


def join_all(values: Iterable[Value]) -> Value:
    """The join of one value or more; UNKNOWN for none."""
    found: Value | None = None
    for value in values:
        found = value if found is None else join(found, value)
        if found is UNKNOWN:
            break
    return found if found is not None else UNKNOWN


def item_of(value: Value) -> Value:
    """What an element of a sequence, or a row of a tensor, is."""
    if value.elements is not None:
        return join_all(value.elements)
    if value.item is not None:
        return value.item
    if value.kind == TENSORS:
        return Value(TENSOR, value.engine)
    if value.is_tensor:
        return replace(value, kind=TENSOR, shape=value.shape[1:] if value.shape else None)
    return UNKNOWN


def same_constant(first: Any, second: Any) -> bool:
    return type(first) is type(second) and bool(first == second)
