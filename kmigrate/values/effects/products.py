"""Products, and values looked up or chosen by others: the axes of the result come from several arguments."""

from __future__ import annotations

from dataclasses import replace

from kmigrate.values import domain, shapes
from kmigrate.values.arithmetic import arithmetic_dtype, broadcast
from kmigrate.values.domain import FLOATING, UNKNOWN, Value, of_rank, sequence, tensor
from kmigrate.values.effects.base import Arguments, dtype_of, effect, tensor_dtype

# ---- products


def _product_dtype(a: Arguments, engine: str) -> str | None:
    return arithmetic_dtype(a["x"], a["y"], engine)


@effect
def _dotted(a: Arguments, engine: str) -> Value:
    x, y = a["x"], a["y"]
    if x.rank == 0 or y.rank == 0:
        return tensor(engine)
    return tensor(engine, shapes.dot(x.shape, y.shape), _product_dtype(a, engine))


@effect
def _multiplied(a: Arguments, engine: str) -> Value:
    flip_first = bool(a.constant("transpose_a")) or bool(a.constant("adjoint_a"))
    flip_second = bool(a.constant("transpose_b")) or bool(a.constant("adjoint_b"))
    return tensor(engine, shapes.matmul(a["x"].shape, a["y"].shape, flip_first, flip_second), _product_dtype(a, engine))


@effect
def _batch_dotted(a: Arguments, engine: str) -> Value:
    axes = a.constant("axes")
    flat = axes is None or type(axes) is int or (isinstance(axes, list) and all(type(x) is int for x in axes))
    first, second = a["x"].rank, a["y"].rank
    if not flat or first is None or second is None:
        return tensor(engine)
    return tensor(engine, of_rank(shapes.batch_dot_rank(first, second)), _product_dtype(a, engine))


@effect
def _batched_dot(a: Arguments, engine: str) -> Value:
    first, second = a["x"].rank, a["y"].rank
    known = first is not None and second is not None and first > 1 and second > 1
    return tensor(engine, of_rank((first or 0) + (second or 0) - 3) if known else None, _product_dtype(a, engine))


@effect
def _tensordotted(a: Arguments, engine: str) -> Value:
    axes = a.constant("axes")
    first, second = a["x"].rank, a["y"].rank
    if type(axes) is int:
        count = axes
    elif isinstance(axes, list) and len(axes) == 2:
        count = len(axes[0]) if isinstance(axes[0], list) else 1
    else:
        return tensor(engine)
    known = first is not None and second is not None
    return tensor(engine, of_rank((first or 0) + (second or 0) - 2 * count) if known else None, _product_dtype(a, engine))


@effect
def _einsum(a: Arguments, engine: str) -> Value:
    equation = a.constant("equation")
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return tensor(engine)
    return tensor(engine, of_rank(len(equation.split("->")[1].replace(" ", ""))))


# ---- looking up


@effect
def _gathered(a: Arguments, engine: str) -> Value:
    if a.has("batch_dims") or not a.complete:
        return tensor(engine)
    reference, indices = a["reference"], a["ids"] if a.has("ids") else a["indices"]
    if reference.rank is None or indices.rank is None:
        return tensor(engine, None, reference.dtype if reference.is_tensor else None)
    dtype = reference.dtype if reference.is_tensor else None
    return tensor(engine, of_rank(reference.rank - 1 + indices.rank), dtype)


@effect
def _one_hot(a: Arguments, engine: str) -> Value:
    rank = a["indices"].rank
    own = FLOATING if not a.has("on_value") and not a.has("off_value") else None
    return tensor(engine, of_rank(None if rank is None else rank + 1), dtype_of(a, own) if "dtype" in a.defaults else own)


@effect
def _chosen(a: Arguments, engine: str) -> Value:
    """``K.switch``: the condition may broadcast on Theano, so its rank has to be known as well."""
    found = domain.join(a["x"], a["y"])
    small = a["condition"].rank is not None and found.rank is not None and (a["condition"].rank or 0) <= found.rank
    return tensor(engine, of_rank(found.rank) if small else None, found.dtype if found.is_tensor else None)


@effect
def _joined(a: Arguments, engine: str) -> Value:
    found = domain.join(a["x"], a["y"])
    return replace(found, engine=engine) if found.symbolic else UNKNOWN


@effect
def _tf_where(a: Arguments, engine: str) -> Value:
    if not a.has("x") and a.complete:
        return tensor(engine, (None, None), "int64")
    ranks = [a[name].rank for name in ("condition", "x", "y")]
    known = [rank for rank in ranks if rank is not None]
    shape = of_rank(max(known)) if len(known) == len(ranks) else None
    return tensor(engine, shape, domain.join_dtypes(tensor_dtype(a["x"]), tensor_dtype(a["y"])))


@effect
def _t_switch(a: Arguments, engine: str) -> Value:
    shape = shapes.broadcast(a["condition"].shape, broadcast(a["x"], a["y"]))
    first, second = tensor_dtype(a["x"]), tensor_dtype(a["y"])
    return tensor(engine, shape, first if first == second else None)


@effect
def _phases(a: Arguments, engine: str) -> Value:
    found = domain.join(a["x"], a["alt"])
    return found if found.symbolic else tensor(engine)


@effect
def _top(a: Arguments, engine: str) -> Value:
    shape = of_rank(a["x"].rank)
    return sequence([tensor(engine, shape, a["x"].dtype), tensor(engine, shape, "int32")])
