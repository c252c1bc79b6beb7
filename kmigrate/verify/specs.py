"""Input specs: short strings such as ``float[2,3]`` turned into numpy arrays, the same for cases and for rule proofs.

========================  ==================================================================================
``float[2,3]``            normal values with zeros, ones, negatives and ties mixed in
``positive[..]``          0.1 to 3
``unit[..]``              0 to 1
``probability[..]``       positive, each row (last axis) sums to 1
``onehot[..]``            0 or 1, one 1 in each row
``int[..]``, ``int[..]<5``  -4 to 4, or 0 <= v < 5
``bool[..]``              both values
``few[..]``               bool, one True in each row
``edges[..]``             0, 0.5 and 1 only: bounds and ties
``large[..]``             like float, up to a few hundred
``ones[..]``              1
``range[..]``             0, 1, 2, ...
``complex[..]``           complex numbers, both parts like float
``literal(...)``          a Python literal, handed over as it is
``expr(...)``             an expression that the worker evaluates (``layers``, ``K``, ... are bound), handed over as it is
========================  ==================================================================================

``float[]`` is a scalar. ``float64[2]``, ``float32[2]``, ``int32[2]`` and ``int64[2]`` fix the dtype; else floats have the
floatx of the case and integers are int32.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_KINDS = (
    "float",
    "positive",
    "unit",
    "probability",
    "onehot",
    "int",
    "bool",
    "large",
    "few",
    "edges",
    "ones",
    "range",
    "complex",
)
_ARRAY = re.compile(r"^\s*(?P<kind>[a-z]+?)(?P<width>16|32|64)?\s*\[(?P<shape>[\d\s,]*)\]\s*(?:<\s*(?P<below>\d+))?\s*$")


class SpecError(ValueError):
    """A spec that says nothing: the message quotes it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One parsed spec. ``shape`` is empty for scalars; ``width`` is the number of bits, 0 where the case decides."""

    kind: str
    shape: tuple[int, ...] = ()
    width: int = 0
    below: int | None = None
    value: Any = None

    @property
    def is_tensor(self) -> bool:
        return self.kind in _KINDS

    def __str__(self) -> str:
        if self.kind == "literal":
            return f"literal({self.value!r})"
        if self.kind == "expr":
            return f"expr({self.value})"
        below = "" if self.below is None else f"<{self.below}"
        return f"{self.kind}{self.width or ''}[{','.join(map(str, self.shape))}]{below}"


def parse(text: str) -> Spec:
    """``float[2,3]`` -> Spec. Raises SpecError."""
    stripped = text.strip()
    for kind in ("literal", "expr"):
        if stripped.startswith(kind + "(") and stripped.endswith(")"):
            return _parse_value(kind, stripped[len(kind) + 1 : -1])
    found = _ARRAY.match(text)
    if not found or found["kind"] not in _KINDS:
        raise SpecError(f"not an input spec: {text!r} (expected one of {', '.join(_KINDS)} with [shape], or literal(...))")
    try:
        shape = tuple(int(size) for size in found["shape"].split(",") if size.strip())
    except ValueError:
        raise SpecError(f"not a shape: {text!r}") from None
    below = int(found["below"]) if found["below"] else None
    if below is not None and found["kind"] != "int":
        raise SpecError(f"only int takes a limit: {text!r}")
    if below == 0:
        raise SpecError(f"no integer is below 0 and at least 0: {text!r}")
    return Spec(found["kind"], shape, int(found["width"] or 0), below)


def _parse_value(kind: str, text: str) -> Spec:
    if kind == "expr":
        return Spec("expr", value=text)
    try:
        return Spec("literal", value=ast.literal_eval(text))
    except (ValueError, SyntaxError):
        raise SpecError(f"not a Python literal: {text!r}") from None


def with_shape(text: str, shape: tuple[int, ...]) -> str:
    """The same spec with another shape; other values than arrays stay as they are."""
    spec = parse(text)
    return str(replace(spec, shape=shape)) if spec.is_tensor else text


def affordable(text: str) -> bool:
    """Whether what a spec makes is small enough for a case that nobody asked for: some megabytes."""
    spec = parse(text)
    size = math.prod(spec.shape)
    if spec.kind in ("onehot", "few"):  # made from all its possible rows
        size = max(size, spec.shape[-1] ** 2 if spec.shape else 0)
    return size < 1 << 20


def generate(text: str, seed: int, floatx: str = "float32") -> Any:
    """The value of a spec: a numpy array, or the Python value of a literal. Depends on the arguments alone."""
    spec = parse(text)
    if not spec.is_tensor:
        return spec.value
    rng = np.random.default_rng([seed, *spec.shape, _KINDS.index(spec.kind)])
    values = _VALUES[spec.kind](rng, spec)
    return np.ascontiguousarray(values.astype(_dtype(spec, floatx))).reshape(spec.shape)


def _dtype(spec: Spec, floatx: str) -> str:
    if spec.kind in ("bool", "few"):
        return "bool"
    if spec.kind == "int":
        return f"int{spec.width or 32}"
    if spec.kind == "complex":
        return "complex128" if floatx == "float64" else "complex64"
    return f"float{spec.width}" if spec.width else floatx


def _floats(rng: np.random.Generator, spec: Spec) -> Array:
    # A quarter of the values stands on the edges where implementations part: 0, 1, -1 and exact ties. float32 values
    # are taken, so that both passes see the same numbers.
    values = rng.normal(size=spec.shape).astype("float32").astype("float64")
    edges = rng.choice(np.array([0.0, 1.0, -1.0, 0.5, -0.5]), size=spec.shape)
    return np.where(rng.random(size=spec.shape) < 0.25, edges, values)


def _ones(rng: np.random.Generator, spec: Spec) -> Array:
    return np.ones(spec.shape)


def _range(rng: np.random.Generator, spec: Spec) -> Array:
    return np.arange(float(np.prod(spec.shape, dtype=int))).reshape(spec.shape)


def _complex(rng: np.random.Generator, spec: Spec) -> Array:
    return np.asarray(_floats(rng, spec) + 1j * _floats(rng, spec))


def _large(rng: np.random.Generator, spec: Spec) -> Array:
    return _floats(rng, spec) * 100.0


def _positive(rng: np.random.Generator, spec: Spec) -> Array:
    values = rng.uniform(0.1, 3.0, size=spec.shape).astype("float32").astype("float64")
    return np.where(rng.random(size=spec.shape) < 0.15, 1.0, values)


def _unit(rng: np.random.Generator, spec: Spec) -> Array:
    values = rng.uniform(0.0, 1.0, size=spec.shape).astype("float32").astype("float64")
    edges = rng.choice(np.array([0.0, 1.0, 0.5]), size=spec.shape)
    return np.where(rng.random(size=spec.shape) < 0.2, edges, values)


def _edges(rng: np.random.Generator, spec: Spec) -> Array:
    return np.asarray(rng.choice(np.array([0.0, 0.5, 1.0]), size=spec.shape))


def _probability(rng: np.random.Generator, spec: Spec) -> Array:
    values: Array = np.asarray(rng.uniform(0.05, 1.0, size=spec.shape))
    return np.asarray(values / values.sum(axis=-1, keepdims=True)) if spec.shape else values


def _onehot(rng: np.random.Generator, spec: Spec) -> Array:
    if not spec.shape or not spec.shape[-1]:
        return np.zeros(spec.shape)
    return np.asarray(np.eye(spec.shape[-1])[rng.integers(0, spec.shape[-1], size=spec.shape[:-1])])


def _integers(rng: np.random.Generator, spec: Spec) -> Array:
    low, high = (-4, 5) if spec.below is None else (0, spec.below)
    return np.asarray(rng.integers(low, high, size=spec.shape))


def _booleans(rng: np.random.Generator, spec: Spec) -> Array:
    return np.asarray(rng.random(size=spec.shape) < 0.6)


_VALUES = {
    "float": _floats,
    "large": _large,
    "positive": _positive,
    "unit": _unit,
    "probability": _probability,
    "onehot": _onehot,
    "int": _integers,
    "bool": _booleans,
    "few": _onehot,
    "edges": _edges,
    "ones": _ones,
    "range": _range,
    "complex": _complex,
}
