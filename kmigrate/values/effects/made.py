"""Tensors made from a shape or a value, Python values, and operations with several results."""

from __future__ import annotations

from kmigrate.values import domain
from kmigrate.values.domain import (
    ARRAY,
    FLOATING,
    INTEGER,
    NUMBER,
    TENSOR,
    TENSORS,
    TEXT,
    UNKNOWN,
    VARIABLE,
    Value,
    is_floating,
    number,
    of_rank,
    sequence,
    tensor,
)
from kmigrate.values.effects.base import EFFECTS, Arguments, Effect, dtype_of, effect, shape_of, tensor_dtype

# ---- made from a shape or a value


@effect
def _placeholder(a: Arguments, engine: str) -> Value:
    shape = shape_of(a["shape"]) if a.has("shape") else None
    if shape is None and a.has("ndim"):
        ndim = a.constant("ndim")
        shape = of_rank(ndim) if type(ndim) is int else None
    return tensor(engine, shape, dtype_of(a, FLOATING))


@effect
def _input(a: Arguments, engine: str) -> Value:
    dtype = dtype_of(a, FLOATING)
    if a.has("batch_shape"):
        return tensor(engine, shape_of(a["batch_shape"]), dtype)
    shape = shape_of(a["shape"]) if a.has("shape") else None
    return tensor(engine, None if shape is None else (None, *shape), dtype if a.has("shape") else None)


@effect
def _theano_placeholder(a: Arguments, engine: str) -> Value:
    own = str(a.defaults["own_dtype"])
    rank = a.defaults["rank"]
    assert isinstance(rank, int)
    return tensor(engine, of_rank(rank), dtype_of(a, own) if own == FLOATING else own)


@effect
def _made_variable(a: Arguments, engine: str) -> Value:
    shape = shape_of(a["shape"])
    literal = shape is not None and None not in shape
    return tensor(engine, shape, dtype_of(a, FLOATING), VARIABLE if literal else TENSOR)


@effect
def _eye(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None, None), dtype_of(a, FLOATING), VARIABLE)


@effect
def _constant(a: Arguments, engine: str) -> Value:
    shape = shape_of(a["shape"]) if a.has("shape") else a["x"].shape
    own = FLOATING if engine == domain.ANY_ENGINE else None
    return tensor(engine, shape, dtype_of(a, own))


@effect
def _variable(a: Arguments, engine: str) -> Value:
    own = FLOATING if engine == domain.ANY_ENGINE else None
    return tensor(engine, a["x"].shape, dtype_of(a, own) if "dtype" in a.defaults else None, VARIABLE)


@effect
def _got_variable(a: Arguments, engine: str) -> Value:
    return tensor(engine, shape_of(a["shape"]) if a.has("shape") else None, dtype_of(a, None), VARIABLE)


@effect
def _tensor_shape(a: Arguments, engine: str) -> Value:
    return Value(domain.SHAPE, engine)


@effect
def _filled(a: Arguments, engine: str) -> Value:
    shape = shape_of(a["shape"])
    if shape is None and a["shape"].kind == NUMBER and engine == "theano":
        shape = (None,)
    return tensor(engine, shape, dtype_of(a, "float32" if engine == "tensorflow" else FLOATING))


@effect
def _filled_value(a: Arguments, engine: str) -> Value:
    return tensor(engine, shape_of(a["shape"]), tensor_dtype(a["x"]))


@effect
def _alloc(a: Arguments, engine: str) -> Value:
    if not a.complete or not a.variadic:
        return tensor(engine)
    return tensor(engine, of_rank(len(a.variadic)), tensor_dtype(a["x"]))


@effect
def _random(a: Arguments, engine: str) -> Value:
    return tensor(engine, shape_of(a["shape"]), dtype_of(a, FLOATING))


def _of_rank(rank: int) -> Effect:
    return lambda a, engine: tensor(engine, (None,) * rank, FLOATING if is_floating(a["x"].dtype) else None)


@effect
def _vector(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None,))


@effect
def _scalar_integer(a: Arguments, engine: str) -> Value:
    return tensor(engine, (), INTEGER)


@effect
def _shape_vector(a: Arguments, engine: str) -> Value:
    return tensor(engine, (a["x"].rank,), INTEGER)


# ---- Python values


@effect
def _int_shape(a: Arguments, engine: str) -> Value:
    return sizes(a["x"])


def sizes(value: Value) -> Value:
    """The static shape of a tensor as a tuple: a size may be None where the tensor's is not fixed."""
    if value.shape is None or not value.is_tensor:
        return domain.sequence_of(UNKNOWN)
    return sequence(UNKNOWN if size is None else number(size, INTEGER) for size in value.shape)


@effect
def _ndim(a: Arguments, engine: str) -> Value:
    rank = a["x"].rank if a["x"].is_tensor else None
    return number(domain.NO_CONSTANT if rank is None else rank, INTEGER)


def _always(value: Value) -> Effect:
    return lambda a, engine: value


# ---- several


@effect
def _rnn(a: Arguments, engine: str) -> Value:
    return sequence([tensor(engine), tensor(engine), domain.sequence_of(tensor(engine))])


@effect
def _three_tensors(a: Arguments, engine: str) -> Value:
    return sequence([tensor(engine, a["x"].shape), tensor(engine), tensor(engine)])


@effect
def _some_tensors(a: Arguments, engine: str) -> Value:
    return tensor(engine, kind=TENSORS)


@effect
def _some_tensor(a: Arguments, engine: str) -> Value:
    return tensor(engine)


EFFECTS.update(
    {
        "rank_2": _of_rank(2),
        "rank_3": _of_rank(3),
        "rank_4": _of_rank(4),
        "rank_5": _of_rank(5),
        "a_float": _always(number(dtype=FLOATING)),
        "a_text": _always(Value(TEXT)),
        "an_array": _always(Value(ARRAY)),
    }
)
