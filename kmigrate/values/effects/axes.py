"""Operations that reduce, rearrange, join or split axes."""

from __future__ import annotations

from kmigrate.values import domain, shapes
from kmigrate.values.domain import (
    INTEGER,
    NUMBER,
    SEQUENCE,
    UNKNOWN,
    Shape,
    Value,
    is_floating,
    is_integer,
    of_rank,
    sequence,
    tensor,
)
from kmigrate.values.effects.base import Arguments, Undecided, axes_of, axis_of, dtype_of, effect, shape_of

# ---- reductions


def _reduced_shape(a: Arguments) -> Shape | None:
    try:
        keepdims = a.constant("keepdims") if "keepdims" in a.defaults else False
        axes = axes_of(a)
    except Undecided:
        return None
    if keepdims not in (True, False, None, 0, 1):
        return None
    return shapes.reduce(a["x"].shape, axes, bool(keepdims))


@effect
def _reduced(a: Arguments, engine: str) -> Value:
    """TensorFlow keeps the dtype; Theano sums small integers into larger ones."""
    own = a["x"].dtype if a["x"].is_tensor else None
    if own is not None and not is_floating(own) and engine != "tensorflow":
        own = INTEGER if is_integer(own) else None
    if "dtype" in a.defaults:
        own = dtype_of(a, own)
    return tensor(engine, _reduced_shape(a), own)


@effect
def _reduced_floating(a: Arguments, engine: str) -> Value:
    return tensor(engine, _reduced_shape(a), a["x"].dtype if a["x"].is_tensor and is_floating(a["x"].dtype) else None)


@effect
def _reduced_mean(a: Arguments, engine: str) -> Value:
    own = a["x"].dtype if a["x"].is_tensor and is_floating(a["x"].dtype) else None
    return tensor(engine, _reduced_shape(a), dtype_of(a, own) if "dtype" in a.defaults else own)


@effect
def _reduced_bool(a: Arguments, engine: str) -> Value:
    return tensor(engine, _reduced_shape(a), "bool")


@effect
def _reduced_index(a: Arguments, engine: str) -> Value:
    axes = axes_of(a)
    if axes is None and engine == "tensorflow":
        axes = [0]
    keepdims = a.constant("keepdims") if "keepdims" in a.defaults else False
    return tensor(engine, shapes.reduce(a["x"].shape, axes, bool(keepdims)), INTEGER)


@effect
def _moments(a: Arguments, engine: str) -> Value:
    one = tensor(engine, _reduced_shape(a), a["x"].dtype if is_floating(a["x"].dtype) else None)
    return sequence([one, one])


@effect
def _accumulated(a: Arguments, engine: str) -> Value:
    dtype = a["x"].dtype if is_floating(a["x"].dtype) else None
    return tensor(engine, (None,) if axes_of(a) is None else a["x"].shape, dtype)


@effect
def _crossentropy(a: Arguments, engine: str) -> Value:
    if a["target"].rank is None or a["target"].rank != a["output"].rank:
        return tensor(engine)  # a target of more axes broadcasts
    return tensor(engine, shapes.reduce(a["output"].shape, [axis_of(a)], False))


# ---- shapes
@effect
def _transposed(a: Arguments, engine: str) -> Value:
    name = "pattern" if "pattern" in a.defaults else "axes"
    pattern = axes_of(a, name) if name in a.defaults else None
    shape = a["x"].shape
    if pattern is None:
        return tensor(engine, None if shape is None else shape[::-1], a["x"].dtype)
    return tensor(engine, shapes.permute(shape, pattern), a["x"].dtype)


@effect
def _permuted(a: Arguments, engine: str) -> Value:
    pattern = axes_of(a, "pattern")
    return tensor(engine, shapes.permute(a["x"].shape, pattern) if pattern is not None else None, a["x"].dtype)


@effect
def _reshaped(a: Arguments, engine: str) -> Value:
    if not a.has("shape"):
        return tensor(engine)
    shape = shape_of(a["shape"])
    if shape is None and a.has("ndim"):
        ndim = a.constant("ndim")
        shape = of_rank(ndim) if type(ndim) is int else None
    return tensor(engine, shape, a["x"].dtype if a["x"].is_tensor else None)


@effect
def _flattened(a: Arguments, engine: str) -> Value:
    outdim = a.constant("outdim") if "outdim" in a.defaults else 1
    return tensor(engine, of_rank(outdim) if type(outdim) is int else None, a["x"].dtype)


@effect
def _batch_flattened(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None, None), a["x"].dtype)


@effect
def _expanded(a: Arguments, engine: str) -> Value:
    try:
        shape = shapes.insert(a["x"].shape, axis_of(a))
    except Undecided:
        shape = of_rank(a["x"].rank + 1) if a["x"].rank is not None and a["axis"].rank == 0 else None
    return tensor(engine, shape, a["x"].dtype if a["x"].is_tensor else None)


@effect
def _squeezed(a: Arguments, engine: str) -> Value:
    axes = axes_of(a)
    if axes is None and a.has("squeeze_dims"):
        axes = axes_of(a, "squeeze_dims")
    shape = a["x"].shape
    if axes is None:
        shape = None if shape is None or None in shape else tuple(size for size in shape if size != 1)
        return tensor(engine, shape, a["x"].dtype)
    return tensor(engine, shapes.reduce(shape, axes, False), a["x"].dtype)


@effect
def _concatenated(a: Arguments, engine: str) -> Value:
    xs, axis = a["xs"], a["axis"]
    if engine == "tensorflow" and xs.kind == NUMBER:  # before TensorFlow 1.0 the axis came first
        xs, axis = axis, xs
    if xs.kind != SEQUENCE:
        return tensor(engine)
    parts = xs.elements if xs.elements is not None else (xs.item or UNKNOWN,)
    place = axis.constant if axis.kind == NUMBER and type(axis.constant) is int else None
    if place is None and not a.has("axis") and isinstance(a.defaults.get("axis"), int):
        place = int(str(a.defaults["axis"]))
    shape = shapes.concatenate([part.shape for part in parts], place if xs.elements is not None else None)
    return tensor(engine, shape, _common_dtype(parts))


def _common_dtype(parts: tuple[Value, ...]) -> str | None:
    found = {part.dtype if part.is_tensor else None for part in parts}
    return found.pop() if len(found) == 1 else None


@effect
def _stacked(a: Arguments, engine: str) -> Value:
    xs = a["xs"]
    if xs.kind != SEQUENCE:
        return tensor(engine)
    parts = xs.elements if xs.elements is not None else (xs.item or UNKNOWN,)
    known = next((part.shape for part in parts if part.shape is not None), None)
    one = domain.join_all(parts).shape if xs.elements is not None else None
    try:
        shape = shapes.insert(
            one or of_rank(None if known is None else len(known)), axis_of(a), None if one is None else len(parts)
        )
    except Undecided:
        shape = of_rank(None if known is None else len(known) + 1)
    return tensor(engine, shape, _common_dtype(parts))


@effect
def _split(a: Arguments, engine: str) -> Value:
    x, count = a["x"], a["count"]
    if x.kind == NUMBER:  # before TensorFlow 1.0: split(axis, number, value)
        x = a["axis"]
    one = tensor(engine, of_rank(x.rank), x.dtype)
    if count.kind == NUMBER and type(count.constant) is int and 0 < count.constant <= 64:
        return sequence([one] * count.constant)
    if count.kind == SEQUENCE and count.elements is not None:
        return sequence([one] * len(count.elements))
    return domain.sequence_of(one)


@effect
def _unstacked(a: Arguments, engine: str) -> Value:
    rank = a["x"].rank
    return domain.sequence_of(tensor(engine, of_rank(rank - 1) if rank else None, a["x"].dtype))


@effect
def _repeated(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None, None, None), a["x"].dtype)


@effect
def _tiled(a: Arguments, engine: str) -> Value:
    rank, reps = a["x"].rank, a["n"]
    if reps.kind == NUMBER:
        fits = True
    else:
        fits = reps.kind == SEQUENCE and reps.elements is not None and rank is not None and len(reps.elements) <= rank
    return tensor(engine, of_rank(rank) if fits and rank else None, a["x"].dtype)


@effect
def _padded_left(a: Arguments, engine: str) -> Value:
    count = a.constant("n_ones")
    rank = a["x"].rank
    return tensor(engine, of_rank(rank + count) if rank is not None and type(count) is int else None, a["x"].dtype)


@effect
def _swapped(a: Arguments, engine: str) -> Value:
    return tensor(engine, of_rank(a["x"].rank), a["x"].dtype)


@effect
def _dimshuffled(a: Arguments, engine: str) -> Value:
    pattern = a.variadic
    if len(pattern) == 1 and pattern[0].kind == SEQUENCE:
        pattern = pattern[0].elements or ()
    return tensor(engine, of_rank(len(pattern)) if a.complete and pattern else None, a["x"].dtype)
