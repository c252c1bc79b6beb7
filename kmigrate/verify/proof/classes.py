"""Classes of values that implementations part on, and arrays that are drawn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kmigrate.verify.specs import Spec, generate

Array = npt.NDArray[Any]

# Normal values with zeros, ones, negatives and ties mixed in: the first one of every variant.
ORDINARY = "ordinary"
# Everything finite that a layer meets; a difference here counts for both claims.
FINITE = (ORDINARY, "ordinary again", "zeros", "negatives", "ties")
# Finite, but where formulas overflow, vanish or lose digits. "smallest" are the smallest normal numbers: half of one is 0 where
# an engine keeps no subnormals. "limits": exp overflows there, half of it does not.
SMALLEST = "smallest"
FAR = ("large", "huge", "tiny", SMALLEST, "limits")
_EXP_OVERFLOWS = {"float32": 89.2, "float64": 710.3}
NOT_FINITE = ("infinities", "NaN")
_INTEGERS = (ORDINARY, "ordinary again", "zeros", "negatives", "ties", "large")
_INDICES = (ORDINARY, "ordinary again", "zeros", "largest")
# Kinds of input whose values hang together: the original is documented for nothing else.
_BOUND = ("probability", "onehot")


def classes_of(specs: list[Spec]) -> tuple[str, ...]:
    """The classes that say something about inputs of these specs, the ordinary ones first."""
    tensors = [spec for spec in specs if spec.is_tensor]
    if any(spec.kind in _BOUND for spec in tensors):
        return FINITE[:2]
    if any(spec.kind not in ("int", "bool") for spec in tensors):
        return FINITE + FAR + NOT_FINITE
    if any(spec.kind == "int" and spec.below is None for spec in tensors):
        return _INTEGERS
    if any(spec.kind == "int" for spec in tensors):
        return _INDICES
    return (ORDINARY, "ordinary again", "zeros", "ties") if tensors else (ORDINARY,)


def draw(spec: Spec, dtype: str, value_class: str, position: int) -> Array:
    """An array of the class. ``position`` tells the inputs of one example apart; ties also stand between them."""
    seed = (101 if value_class == "ordinary again" else 0) + position
    ordinary = np.asarray(generate(str(spec), seed, "float64"))
    rng = np.random.default_rng([seed, 7, *spec.shape])
    if spec.kind == "bool":
        found = {"zeros": np.zeros(spec.shape, "bool"), "ties": np.ones(spec.shape, "bool")}.get(value_class, ordinary)
    elif spec.below is not None:
        edge = {"zeros": 0, "ties": spec.below - 1, "largest": spec.below - 1}.get(value_class)
        found = ordinary if edge is None else np.full(spec.shape, edge)
    elif spec.kind in _BOUND or (spec.kind == "int" and value_class not in _INTEGERS):
        found = ordinary
    else:
        found = _of_class(ordinary, value_class, rng, dtype)
    with np.errstate(over="ignore"):  # in half precision large values are infinite
        return np.ascontiguousarray(found.astype(dtype)).reshape(spec.shape)


def _of_class(ordinary: Array, value_class: str, rng: np.random.Generator, dtype: str) -> Array:
    shape = ordinary.shape
    if value_class == SMALLEST:
        return np.where(ordinary < 0, -1.0, 1.0) * float(np.finfo(dtype).tiny)
    if value_class == "limits":
        return np.where(np.abs(ordinary) > 1, np.sign(ordinary) * _EXP_OVERFLOWS[dtype], ordinary)
    if value_class == "zeros":
        return np.zeros(shape)
    if value_class == "negatives":
        return -np.abs(ordinary) - (1 if ordinary.dtype.kind == "i" else 0.25)
    if value_class == "ties":
        return np.ones(shape)
    if value_class == "large":
        return ordinary * 300
    if value_class == "huge":
        return ordinary * 1e12
    if value_class == "tiny":
        return ordinary * 1e-12
    if value_class in NOT_FINITE:
        special = np.array([np.inf, -np.inf] if value_class == "infinities" else [np.nan])
        mixed = np.where(rng.random(shape) < 0.4, rng.choice(special, size=shape), ordinary)
        # A small array must hold one as well.
        if mixed.size and np.isfinite(mixed).all():
            mixed = np.asarray(mixed)
            mixed.reshape(-1)[0] = special[0]
        return mixed
    return ordinary
