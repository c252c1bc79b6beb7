"""Operations that keep the axes of their argument, and those that broadcast two."""

from __future__ import annotations

from kmigrate.values import domain
from kmigrate.values.arithmetic import arithmetic_dtype, broadcast
from kmigrate.values.domain import ARRAY, FLOATING, SEQUENCE, TENSOR, TENSORS, Value, is_floating, is_integer, of_rank, tensor
from kmigrate.values.effects.base import EFFECTS, Arguments, Effect, dtype_of, effect

# ---- the shape of the argument


@effect
def _same(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, a["x"].dtype if a["x"].is_tensor else None)


@effect
def _passed(a: Arguments, engine: str) -> Value:
    x = a["x"]
    return tensor(engine, x.shape, x.dtype if x.symbolic else None, TENSORS if x.kind in (TENSORS, SEQUENCE, None) else TENSOR)


@effect
def _clipped(a: Arguments, engine: str) -> Value:
    if a["a"].rank != 0 or a["b"].rank != 0:
        return tensor(engine)
    dtype = arithmetic_dtype(arithmetic_dtype(a["x"], a["a"], engine), a["b"], engine)
    return tensor(engine, a["x"].shape, dtype)


@effect
def _same_if_floating(a: Arguments, engine: str) -> Value:
    dtype = a["x"].dtype if a["x"].is_tensor else None
    return tensor(engine, a["x"].shape, dtype if is_floating(dtype) else None)


@effect
def _same_floating(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, _as_floating(a["x"]))


def _as_floating(x: Value) -> str | None:
    """Functions of real numbers keep the dtype of floats; Theano makes floats of integers, TensorFlow refuses them."""
    if not x.is_tensor or x.dtype is None:
        return None
    return x.dtype if is_floating(x.dtype) else (FLOATING if is_integer(x.dtype) or x.dtype == "bool" else None)


@effect
def _rank_kept(a: Arguments, engine: str) -> Value:
    return tensor(engine, of_rank(a["x"].rank), a["x"].dtype if is_floating(a["x"].dtype) else None)


@effect
def _biased(a: Arguments, engine: str) -> Value:
    """A scalar or a vector may broadcast against what is added."""
    rank = a["x"].rank
    return tensor(engine, of_rank(rank) if rank is not None and rank > 1 else None)


@effect
def _like(a: Arguments, engine: str) -> Value:
    own = a["x"].dtype if engine != domain.ANY_ENGINE else None
    return tensor(engine, a["x"].shape, dtype_of(a, own))


@effect
def _cast(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, dtype_of(a, None))


def _cast_to(dtype: str) -> Effect:
    return lambda a, engine: tensor(engine, a["x"].shape, dtype)


@effect
def _to_floating(a: Arguments, engine: str) -> Value:
    return Value(ARRAY, dtype=FLOATING)


# ---- elementwise, of two


@effect
def _broadcast(a: Arguments, engine: str) -> Value:
    return tensor(engine, broadcast(a["x"], a["y"]), arithmetic_dtype(a["x"], a["y"], engine))


@effect
def _divided(a: Arguments, engine: str) -> Value:
    dtype = arithmetic_dtype(a["x"], a["y"], engine)
    return tensor(engine, broadcast(a["x"], a["y"]), dtype if is_floating(dtype) else None)


@effect
def _power(a: Arguments, engine: str) -> Value:
    dtype = a["x"].dtype if a["x"].is_tensor and is_floating(a["x"].dtype) else None
    return tensor(engine, broadcast(a["x"], a["a"]), FLOATING if dtype else None)


@effect
def _compared(a: Arguments, engine: str) -> Value:
    return tensor(engine, broadcast(a["x"], a["y"]), "bool")


@effect
def _tested(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, "bool")


@effect
def _broadcast_floating(a: Arguments, engine: str) -> Value:
    return tensor(engine, broadcast(a["x"], a["target"]), FLOATING if is_floating(a["x"].dtype) else None)


EFFECTS.update(to_float32=_cast_to("float32"), to_int32=_cast_to("int32"))
