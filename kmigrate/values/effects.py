"""What the operations do to abstract values: one small pure function for each effect that ``operations`` names.

Each takes the bound arguments and the engine of the operation and answers with what is sure of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kmigrate.values import domain, shapes
from kmigrate.values.arithmetic import arithmetic_dtype, broadcast
from kmigrate.values.domain import (
    ARRAY,
    FLOATING,
    INTEGER,
    NONE,
    NUMBER,
    SEQUENCE,
    TENSOR,
    TENSORS,
    TEXT,
    UNKNOWN,
    VARIABLE,
    Shape,
    Value,
    is_floating,
    is_integer,
    number,
    of_rank,
    sequence,
    tensor,
)


class Undecided(Exception):
    """An argument that decides the rank is not known."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call by parameter. ``complete`` is False where ``*args`` or ``**kwargs`` may hold more."""

    given: dict[str, Value]
    defaults: dict[str, object]
    complete: bool = True
    variadic: tuple[Value, ...] = ()

    def __getitem__(self, name: str) -> Value:
        return self.given.get(name, UNKNOWN)

    @property
    def pending(self) -> bool:
        """Whether an argument depends on the result, and is not known yet."""
        return any(value is domain.NOTHING_YET for value in (*self.given.values(), *self.variadic))

    def has(self, name: str) -> bool:
        return name in self.given

    def constant(self, name: str) -> object:
        """The Python value of a parameter. Raises Undecided where the text does not tell."""
        if name in self.given:
            return constant_of(self.given[name])
        if not self.complete:
            raise Undecided(name)
        return self.defaults.get(name)


def constant_of(value: Value) -> object:
    """The Python value of a number, text, None or a list of them. Raises Undecided."""
    if value.constant is not domain.NO_CONSTANT and value.kind in (NUMBER, TEXT, NONE):
        return value.constant
    if value.kind == SEQUENCE and value.elements is not None:
        return [constant_of(element) for element in value.elements]
    raise Undecided


Effect = Callable[[Arguments, str], Value]
EFFECTS: dict[str, Effect] = {}


def _effect(function: Effect) -> Effect:
    """Registers an effect under its name."""
    EFFECTS[function.__name__.lstrip("_")] = function
    return function


def apply(effect: str, arguments: Arguments, engine: str) -> Value:
    """The result of an operation; a tensor of which nothing more is known where an argument that decides its rank is unknown."""
    try:
        return EFFECTS[effect](arguments, engine)
    except Undecided:
        return tensor(engine)


# ---- arguments


def _axes(a: Arguments, name: str = "axis") -> list[int] | None:
    axis = a.constant(name)
    if axis is None:
        return None
    found = [place for place in (axis if isinstance(axis, list) else [axis]) if type(place) is int]
    if (isinstance(axis, list) and len(axis) != len(found)) or (not found and not isinstance(axis, list)):
        raise Undecided(name)
    return found


def _axis(a: Arguments, name: str = "axis") -> int:
    axis = a.constant(name)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if type(axis) is not int:
        raise Undecided(name)
    return axis


def _dtype(a: Arguments, default: str | None, name: str = "dtype") -> str | None:
    """The dtype that an argument names; ``default`` where it is not given."""
    if not a.has(name):
        return default if a.complete else None
    value = a[name]
    if value.kind == NONE:
        return default
    return value.constant if value.kind == TEXT and isinstance(value.constant, str) else None


def _shape(value: Value) -> Shape | None:
    """The shape that an argument describes: a list of sizes, or a tensor that holds them."""
    if value.kind == SEQUENCE and value.elements is not None:
        found: list[int | None] = []
        for element in value.elements:
            size = element.constant if element.kind == NUMBER else None
            found.append(size if type(size) is int and size >= 0 else None)
        return tuple(found)
    if value.is_tensor and value.shape is not None and len(value.shape) == 1:
        return of_rank(value.shape[0])
    return None


# ---- the shape of the argument


@_effect
def _same(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, a["x"].dtype if a["x"].is_tensor else None)


@_effect
def _passed(a: Arguments, engine: str) -> Value:
    x = a["x"]
    return tensor(engine, x.shape, x.dtype if x.symbolic else None, TENSORS if x.kind in (TENSORS, SEQUENCE, None) else TENSOR)


@_effect
def _clipped(a: Arguments, engine: str) -> Value:
    if a["a"].rank != 0 or a["b"].rank != 0:
        return tensor(engine)
    dtype = arithmetic_dtype(arithmetic_dtype(a["x"], a["a"], engine), a["b"], engine)
    return tensor(engine, a["x"].shape, dtype)


@_effect
def _same_if_floating(a: Arguments, engine: str) -> Value:
    dtype = a["x"].dtype if a["x"].is_tensor else None
    return tensor(engine, a["x"].shape, dtype if is_floating(dtype) else None)


@_effect
def _same_floating(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, _as_floating(a["x"]))


def _as_floating(x: Value) -> str | None:
    """Functions of real numbers keep the dtype of floats; Theano makes floats of integers, TensorFlow refuses them."""
    if not x.is_tensor or x.dtype is None:
        return None
    return x.dtype if is_floating(x.dtype) else (FLOATING if is_integer(x.dtype) or x.dtype == "bool" else None)


@_effect
def _rank_kept(a: Arguments, engine: str) -> Value:
    return tensor(engine, of_rank(a["x"].rank), a["x"].dtype if is_floating(a["x"].dtype) else None)


@_effect
def _biased(a: Arguments, engine: str) -> Value:
    """A scalar or a vector may broadcast against what is added."""
    rank = a["x"].rank
    return tensor(engine, of_rank(rank) if rank is not None and rank > 1 else None)


@_effect
def _transposed(a: Arguments, engine: str) -> Value:
    name = "pattern" if "pattern" in a.defaults else "axes"
    pattern = _axes(a, name) if name in a.defaults else None
    shape = a["x"].shape
    if pattern is None:
        return tensor(engine, None if shape is None else shape[::-1], a["x"].dtype)
    return tensor(engine, shapes.permute(shape, pattern), a["x"].dtype)


@_effect
def _permuted(a: Arguments, engine: str) -> Value:
    pattern = _axes(a, "pattern")
    return tensor(engine, shapes.permute(a["x"].shape, pattern) if pattern is not None else None, a["x"].dtype)


@_effect
def _like(a: Arguments, engine: str) -> Value:
    own = a["x"].dtype if engine != domain.ANY_ENGINE else None
    return tensor(engine, a["x"].shape, _dtype(a, own))


@_effect
def _cast(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, _dtype(a, None))


def _cast_to(dtype: str) -> Effect:
    return lambda a, engine: tensor(engine, a["x"].shape, dtype)


@_effect
def _to_floating(a: Arguments, engine: str) -> Value:
    return Value(ARRAY, dtype=FLOATING)


# ---- elementwise, of two


@_effect
def _broadcast(a: Arguments, engine: str) -> Value:
    return tensor(engine, broadcast(a["x"], a["y"]), arithmetic_dtype(a["x"], a["y"], engine))


@_effect
def _divided(a: Arguments, engine: str) -> Value:
    dtype = arithmetic_dtype(a["x"], a["y"], engine)
    return tensor(engine, broadcast(a["x"], a["y"]), dtype if is_floating(dtype) else None)


@_effect
def _power(a: Arguments, engine: str) -> Value:
    dtype = a["x"].dtype if a["x"].is_tensor and is_floating(a["x"].dtype) else None
    return tensor(engine, broadcast(a["x"], a["a"]), FLOATING if dtype else None)


@_effect
def _compared(a: Arguments, engine: str) -> Value:
    return tensor(engine, broadcast(a["x"], a["y"]), "bool")


@_effect
def _tested(a: Arguments, engine: str) -> Value:
    return tensor(engine, a["x"].shape, "bool")


@_effect
def _broadcast_floating(a: Arguments, engine: str) -> Value:
    return tensor(engine, broadcast(a["x"], a["target"]), FLOATING if is_floating(a["x"].dtype) else None)


# ---- reductions


def _reduced_shape(a: Arguments) -> Shape | None:
    try:
        keepdims = a.constant("keepdims") if "keepdims" in a.defaults else False
        axes = _axes(a)
    except Undecided:
        return None
    if keepdims not in (True, False, None, 0, 1):
        return None
    return shapes.reduce(a["x"].shape, axes, bool(keepdims))


@_effect
def _reduced(a: Arguments, engine: str) -> Value:
    """TensorFlow keeps the dtype; Theano sums small integers into larger ones."""
    own = a["x"].dtype if a["x"].is_tensor else None
    if own is not None and not is_floating(own) and engine != "tensorflow":
        own = INTEGER if is_integer(own) else None
    if "dtype" in a.defaults:
        own = _dtype(a, own)
    return tensor(engine, _reduced_shape(a), own)


@_effect
def _reduced_floating(a: Arguments, engine: str) -> Value:
    return tensor(engine, _reduced_shape(a), a["x"].dtype if a["x"].is_tensor and is_floating(a["x"].dtype) else None)


@_effect
def _reduced_mean(a: Arguments, engine: str) -> Value:
    own = a["x"].dtype if a["x"].is_tensor and is_floating(a["x"].dtype) else None
    return tensor(engine, _reduced_shape(a), _dtype(a, own) if "dtype" in a.defaults else own)


@_effect
def _reduced_bool(a: Arguments, engine: str) -> Value:
    return tensor(engine, _reduced_shape(a), "bool")


@_effect
def _reduced_index(a: Arguments, engine: str) -> Value:
    axes = _axes(a)
    if axes is None and engine == "tensorflow":
        axes = [0]
    keepdims = a.constant("keepdims") if "keepdims" in a.defaults else False
    return tensor(engine, shapes.reduce(a["x"].shape, axes, bool(keepdims)), INTEGER)


@_effect
def _moments(a: Arguments, engine: str) -> Value:
    one = tensor(engine, _reduced_shape(a), a["x"].dtype if is_floating(a["x"].dtype) else None)
    return sequence([one, one])


@_effect
def _accumulated(a: Arguments, engine: str) -> Value:
    dtype = a["x"].dtype if is_floating(a["x"].dtype) else None
    return tensor(engine, (None,) if _axes(a) is None else a["x"].shape, dtype)


@_effect
def _crossentropy(a: Arguments, engine: str) -> Value:
    if a["target"].rank is None or a["target"].rank != a["output"].rank:
        return tensor(engine)  # a target of more axes broadcasts
    return tensor(engine, shapes.reduce(a["output"].shape, [_axis(a)], False))


# ---- shapes


@_effect
def _reshaped(a: Arguments, engine: str) -> Value:
    if not a.has("shape"):
        return tensor(engine)
    shape = _shape(a["shape"])
    if shape is None and a.has("ndim"):
        ndim = a.constant("ndim")
        shape = of_rank(ndim) if type(ndim) is int else None
    return tensor(engine, shape, a["x"].dtype if a["x"].is_tensor else None)


@_effect
def _flattened(a: Arguments, engine: str) -> Value:
    outdim = a.constant("outdim") if "outdim" in a.defaults else 1
    return tensor(engine, of_rank(outdim) if type(outdim) is int else None, a["x"].dtype)


@_effect
def _batch_flattened(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None, None), a["x"].dtype)


@_effect
def _expanded(a: Arguments, engine: str) -> Value:
    try:
        shape = shapes.insert(a["x"].shape, _axis(a))
    except Undecided:
        shape = of_rank(a["x"].rank + 1) if a["x"].rank is not None and a["axis"].rank == 0 else None
    return tensor(engine, shape, a["x"].dtype if a["x"].is_tensor else None)


@_effect
def _squeezed(a: Arguments, engine: str) -> Value:
    axes = _axes(a)
    if axes is None and a.has("squeeze_dims"):
        axes = _axes(a, "squeeze_dims")
    shape = a["x"].shape
    if axes is None:
        shape = None if shape is None or None in shape else tuple(size for size in shape if size != 1)
        return tensor(engine, shape, a["x"].dtype)
    return tensor(engine, shapes.reduce(shape, axes, False), a["x"].dtype)


@_effect
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


@_effect
def _stacked(a: Arguments, engine: str) -> Value:
    xs = a["xs"]
    if xs.kind != SEQUENCE:
        return tensor(engine)
    parts = xs.elements if xs.elements is not None else (xs.item or UNKNOWN,)
    known = next((part.shape for part in parts if part.shape is not None), None)
    one = domain.join_all(parts).shape if xs.elements is not None else None
    try:
        shape = shapes.insert(
            one or of_rank(None if known is None else len(known)), _axis(a), None if one is None else len(parts)
        )
    except Undecided:
        shape = of_rank(None if known is None else len(known) + 1)
    return tensor(engine, shape, _common_dtype(parts))


@_effect
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


@_effect
def _unstacked(a: Arguments, engine: str) -> Value:
    rank = a["x"].rank
    return domain.sequence_of(tensor(engine, of_rank(rank - 1) if rank else None, a["x"].dtype))


@_effect
def _repeated(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None, None, None), a["x"].dtype)


@_effect
def _tiled(a: Arguments, engine: str) -> Value:
    rank, reps = a["x"].rank, a["n"]
    if reps.kind == NUMBER:
        fits = True
    else:
        fits = reps.kind == SEQUENCE and reps.elements is not None and rank is not None and len(reps.elements) <= rank
    return tensor(engine, of_rank(rank) if fits and rank else None, a["x"].dtype)


@_effect
def _padded_left(a: Arguments, engine: str) -> Value:
    count = a.constant("n_ones")
    rank = a["x"].rank
    return tensor(engine, of_rank(rank + count) if rank is not None and type(count) is int else None, a["x"].dtype)


@_effect
def _swapped(a: Arguments, engine: str) -> Value:
    return tensor(engine, of_rank(a["x"].rank), a["x"].dtype)


@_effect
def _dimshuffled(a: Arguments, engine: str) -> Value:
    pattern = a.variadic
    if len(pattern) == 1 and pattern[0].kind == SEQUENCE:
        pattern = pattern[0].elements or ()
    return tensor(engine, of_rank(len(pattern)) if a.complete and pattern else None, a["x"].dtype)


# ---- products


def _product_dtype(a: Arguments, engine: str) -> str | None:
    return arithmetic_dtype(a["x"], a["y"], engine)


@_effect
def _dotted(a: Arguments, engine: str) -> Value:
    x, y = a["x"], a["y"]
    if x.rank == 0 or y.rank == 0:
        return tensor(engine)
    return tensor(engine, shapes.dot(x.shape, y.shape), _product_dtype(a, engine))


@_effect
def _multiplied(a: Arguments, engine: str) -> Value:
    flip_first = bool(a.constant("transpose_a")) or bool(a.constant("adjoint_a"))
    flip_second = bool(a.constant("transpose_b")) or bool(a.constant("adjoint_b"))
    return tensor(engine, shapes.matmul(a["x"].shape, a["y"].shape, flip_first, flip_second), _product_dtype(a, engine))


@_effect
def _batch_dotted(a: Arguments, engine: str) -> Value:
    axes = a.constant("axes")
    flat = axes is None or type(axes) is int or (isinstance(axes, list) and all(type(x) is int for x in axes))
    first, second = a["x"].rank, a["y"].rank
    if not flat or first is None or second is None:
        return tensor(engine)
    return tensor(engine, of_rank(shapes.batch_dot_rank(first, second)), _product_dtype(a, engine))


@_effect
def _batched_dot(a: Arguments, engine: str) -> Value:
    first, second = a["x"].rank, a["y"].rank
    known = first is not None and second is not None and first > 1 and second > 1
    return tensor(engine, of_rank((first or 0) + (second or 0) - 3) if known else None, _product_dtype(a, engine))


@_effect
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


@_effect
def _einsum(a: Arguments, engine: str) -> Value:
    equation = a.constant("equation")
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return tensor(engine)
    return tensor(engine, of_rank(len(equation.split("->")[1].replace(" ", ""))))


# ---- looking up


@_effect
def _gathered(a: Arguments, engine: str) -> Value:
    if a.has("batch_dims") or not a.complete:
        return tensor(engine)
    reference, indices = a["reference"], a["ids"] if a.has("ids") else a["indices"]
    if reference.rank is None or indices.rank is None:
        return tensor(engine, None, reference.dtype if reference.is_tensor else None)
    dtype = reference.dtype if reference.is_tensor else None
    return tensor(engine, of_rank(reference.rank - 1 + indices.rank), dtype)


@_effect
def _one_hot(a: Arguments, engine: str) -> Value:
    rank = a["indices"].rank
    own = FLOATING if not a.has("on_value") and not a.has("off_value") else None
    return tensor(engine, of_rank(None if rank is None else rank + 1), _dtype(a, own) if "dtype" in a.defaults else own)


@_effect
def _chosen(a: Arguments, engine: str) -> Value:
    """``K.switch``: the condition may broadcast on Theano, so its rank has to be known as well."""
    found = domain.join(a["x"], a["y"])
    small = a["condition"].rank is not None and found.rank is not None and (a["condition"].rank or 0) <= found.rank
    return tensor(engine, of_rank(found.rank) if small else None, found.dtype if found.is_tensor else None)


@_effect
def _joined(a: Arguments, engine: str) -> Value:
    found = domain.join(a["x"], a["y"])
    return replace(found, engine=engine) if found.symbolic else UNKNOWN


@_effect
def _tf_where(a: Arguments, engine: str) -> Value:
    if not a.has("x") and a.complete:
        return tensor(engine, (None, None), "int64")
    ranks = [a[name].rank for name in ("condition", "x", "y")]
    known = [rank for rank in ranks if rank is not None]
    shape = of_rank(max(known)) if len(known) == len(ranks) else None
    return tensor(engine, shape, domain.join_dtypes(_tensor_dtype(a["x"]), _tensor_dtype(a["y"])))


def _tensor_dtype(value: Value) -> str | None:
    return value.dtype if value.is_tensor else None


@_effect
def _t_switch(a: Arguments, engine: str) -> Value:
    shape = shapes.broadcast(a["condition"].shape, broadcast(a["x"], a["y"]))
    first, second = _tensor_dtype(a["x"]), _tensor_dtype(a["y"])
    return tensor(engine, shape, first if first == second else None)


@_effect
def _phases(a: Arguments, engine: str) -> Value:
    found = domain.join(a["x"], a["alt"])
    return found if found.symbolic else tensor(engine)


@_effect
def _top(a: Arguments, engine: str) -> Value:
    shape = of_rank(a["x"].rank)
    return sequence([tensor(engine, shape, a["x"].dtype), tensor(engine, shape, "int32")])


# ---- made from a shape or a value


@_effect
def _placeholder(a: Arguments, engine: str) -> Value:
    shape = _shape(a["shape"]) if a.has("shape") else None
    if shape is None and a.has("ndim"):
        ndim = a.constant("ndim")
        shape = of_rank(ndim) if type(ndim) is int else None
    return tensor(engine, shape, _dtype(a, FLOATING))


@_effect
def _input(a: Arguments, engine: str) -> Value:
    dtype = _dtype(a, FLOATING)
    if a.has("batch_shape"):
        return tensor(engine, _shape(a["batch_shape"]), dtype)
    shape = _shape(a["shape"]) if a.has("shape") else None
    return tensor(engine, None if shape is None else (None, *shape), dtype if a.has("shape") else None)


@_effect
def _theano_placeholder(a: Arguments, engine: str) -> Value:
    own = str(a.defaults["own_dtype"])
    rank = a.defaults["rank"]
    assert isinstance(rank, int)
    return tensor(engine, of_rank(rank), _dtype(a, own) if own == FLOATING else own)


@_effect
def _made_variable(a: Arguments, engine: str) -> Value:
    shape = _shape(a["shape"])
    literal = shape is not None and None not in shape
    return tensor(engine, shape, _dtype(a, FLOATING), VARIABLE if literal else TENSOR)


@_effect
def _eye(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None, None), _dtype(a, FLOATING), VARIABLE)


@_effect
def _constant(a: Arguments, engine: str) -> Value:
    shape = _shape(a["shape"]) if a.has("shape") else a["x"].shape
    own = FLOATING if engine == domain.ANY_ENGINE else None
    return tensor(engine, shape, _dtype(a, own))


@_effect
def _variable(a: Arguments, engine: str) -> Value:
    own = FLOATING if engine == domain.ANY_ENGINE else None
    return tensor(engine, a["x"].shape, _dtype(a, own) if "dtype" in a.defaults else None, VARIABLE)


@_effect
def _got_variable(a: Arguments, engine: str) -> Value:
    return tensor(engine, _shape(a["shape"]) if a.has("shape") else None, _dtype(a, None), VARIABLE)


@_effect
def _filled(a: Arguments, engine: str) -> Value:
    shape = _shape(a["shape"])
    if shape is None and a["shape"].kind == NUMBER and engine == "theano":
        shape = (None,)
    return tensor(engine, shape, _dtype(a, "float32" if engine == "tensorflow" else FLOATING))


@_effect
def _filled_value(a: Arguments, engine: str) -> Value:
    return tensor(engine, _shape(a["shape"]), _tensor_dtype(a["x"]))


@_effect
def _alloc(a: Arguments, engine: str) -> Value:
    if not a.complete or not a.variadic:
        return tensor(engine)
    return tensor(engine, of_rank(len(a.variadic)), _tensor_dtype(a["x"]))


@_effect
def _random(a: Arguments, engine: str) -> Value:
    return tensor(engine, _shape(a["shape"]), _dtype(a, FLOATING))


def _of_rank(rank: int) -> Effect:
    return lambda a, engine: tensor(engine, (None,) * rank, FLOATING if is_floating(a["x"].dtype) else None)


@_effect
def _vector(a: Arguments, engine: str) -> Value:
    return tensor(engine, (None,))


@_effect
def _scalar_integer(a: Arguments, engine: str) -> Value:
    return tensor(engine, (), INTEGER)


@_effect
def _shape_vector(a: Arguments, engine: str) -> Value:
    return tensor(engine, (a["x"].rank,), INTEGER)


# ---- Python values


@_effect
def _int_shape(a: Arguments, engine: str) -> Value:
    return sizes(a["x"])


def sizes(value: Value) -> Value:
    """The static shape of a tensor as a tuple: a size may be None where the tensor's is not fixed."""
    if value.shape is None or not value.is_tensor:
        return domain.sequence_of(UNKNOWN)
    return sequence(UNKNOWN if size is None else number(size, INTEGER) for size in value.shape)


@_effect
def _ndim(a: Arguments, engine: str) -> Value:
    rank = a["x"].rank if a["x"].is_tensor else None
    return number(domain.NO_CONSTANT if rank is None else rank, INTEGER)


def _always(value: Value) -> Effect:
    return lambda a, engine: value


# ---- several


@_effect
def _rnn(a: Arguments, engine: str) -> Value:
    return sequence([tensor(engine), tensor(engine), domain.sequence_of(tensor(engine))])


@_effect
def _three_tensors(a: Arguments, engine: str) -> Value:
    return sequence([tensor(engine, a["x"].shape), tensor(engine), tensor(engine)])


@_effect
def _some_tensors(a: Arguments, engine: str) -> Value:
    return tensor(engine, kind=TENSORS)


@_effect
def _some_tensor(a: Arguments, engine: str) -> Value:
    return tensor(engine)


EFFECTS.update(
    {
        "to_float32": _cast_to("float32"),
        "to_int32": _cast_to("int32"),
        "rank_2": _of_rank(2),
        "rank_3": _of_rank(3),
        "rank_4": _of_rank(4),
        "rank_5": _of_rank(5),
        "a_float": _always(number(dtype=FLOATING)),
        "a_text": _always(Value(TEXT)),
        "an_array": _always(Value(ARRAY)),
    }
)
# Effects whose function arguments are called by the operation: their results take part.
CALLING = frozenset({"chosen", "joined", "phases"})
