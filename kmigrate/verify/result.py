"""What a case yields: arrays, failures, and their way over JSON (base64, so that every bit arrives)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Other:
    """A result that is no tensor, by its repr (addresses blanked). ``opaque`` is the type of one whose repr does not say what it
    holds: two of them cannot be compared."""

    text: str
    opaque: str = ""


Value = Array | Other

DEAD = ("timeout", "crash", "start")
"""Where a run ends that cost its worker, or had none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``case_s`` and ``start_s`` in seconds of wall clock, ``memory_mb`` of address space (0: no limit).

    ``file_mb`` is the most that one file may grow to, ``processes`` how many user code may have at a time besides the worker;
    ``namespaces=False`` asks for no network and process namespaces (the rest of the sandbox holds in any case).
    ``theano_optimizer`` ``None`` is fast and deterministic but skips Theano's stabilising rewrites;
    ``fast_run`` has them.
    """

    case_s: float = 60.0
    start_s: float = 180.0
    memory_mb: int = 6144
    file_mb: int = 1024
    processes: int = 64
    namespaces: bool = True
    theano_optimizer: str = "None"


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance, element by element, of one random output over ``count`` evaluations.

    ``means`` and ``spreads`` have one number for each evaluation: the mean of its elements, and the mean of their squared
    distances from the elements' means. Evaluations are independent, elements of one need not be.
    """

    mean: Array
    variance: Array
    count: int
    means: Array
    spreads: Array


@dataclass(frozen=True, slots=True)
class Result:
    """What one case yielded.

    ``where`` (start, import, construct, call, evaluate, weights, timeout, crash, unsupported), ``type`` and ``message`` tell
    of a failure, ``at`` (file and line), ``function`` (of K) and ``inside`` (the package that raised) where in the user's
    code it came about. ``outputs`` is flat, ``names`` says what each one is. ``gradients`` are those of a fixed weighted sum
    of the outputs with respect to ``gradient_names`` (None where unconnected); ``no_gradient`` says why there are none at
    all. ``weights`` (called ``weight_names``) are the values before, ``after`` those after one evaluation with its updates,
    ``states`` those of other variables that the updates change. ``shape_error`` says how ``compute_output_shape`` contradicts
    the outputs. ``config`` is the text of ``get_config`` and ``copy`` says why the object that ``from_config`` makes of it
    does not work, where the case asked for them. ``moments`` are there where the unit is random.
    """

    ok: bool
    where: str | None = None
    type: str | None = None
    message: str | None = None
    at: str | None = None
    function: str | None = None
    inside: str | None = None
    outputs: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    gradients: tuple[Array | None, ...] = ()
    gradient_names: tuple[str, ...] = ()
    no_gradient: str | None = None
    weights: tuple[Array, ...] = ()
    weight_names: tuple[str, ...] = ()
    after: tuple[Array, ...] = ()
    random: bool = False
    moments: tuple[Moments | None, ...] = ()
    output_shape: str | None = None
    states: tuple[Array, ...] = ()
    shape_error: str | None = None
    config: str | None = None
    copy: str | None = None
    seconds: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failure(self) -> str:
        """One line about what went wrong; empty where nothing did."""
        return "" if self.ok else f"{self.where}: {self.type}: {self.message}"


def encode(value: Array) -> dict[str, Any]:
    """An array as JSON; ``decode`` gives it back bit for bit."""
    array = np.ascontiguousarray(value).reshape(value.shape)
    return {"d": str(array.dtype), "s": list(array.shape), "b": base64.b64encode(array.tobytes()).decode("ascii")}


def decode(item: Mapping[str, Any]) -> Array:
    raw = np.frombuffer(base64.b64decode(item["b"]), dtype=item["d"])
    return np.asarray(raw.reshape(item["s"]))


def _value(item: Mapping[str, Any] | None) -> Value:
    if item is None:
        return Other("None")
    return decode(item) if "b" in item else Other(str(item["repr"]), str(item.get("opaque", "")))


def decode_moments(item: Mapping[str, Any]) -> Moments:
    """A worker's summary of one random output."""
    mean, variance = decode(item["mean"]), decode(item["variance"])
    means, spreads = (decode(item[name]) if name in item else np.zeros(0) for name in ("means", "spreads"))
    return Moments(mean, variance, int(item["count"]), means, spreads)


def decode_result(answer: Mapping[str, Any]) -> Result:
    """A worker's answer as a Result."""
    if not answer.get("ok"):
        return Result(
            False,
            str(answer.get("where") or "crash"),
            str(answer.get("type") or "Error"),
            str(answer.get("message") or ""),
            answer.get("at"),
            answer.get("function"),
            answer.get("inside"),
            seconds=float(answer.get("seconds") or 0.0),
        )
    return Result(
        True,
        outputs=tuple(_value(item) for item in answer["outputs"]),
        names=tuple(answer["names"]),
        gradients=tuple(None if item is None else decode(item) for item in answer.get("gradients", ())),
        gradient_names=tuple(answer.get("gradient_names", ())),
        no_gradient=answer.get("no_gradient"),
        weights=tuple(decode(item) for item in answer["weights"]),
        weight_names=tuple(answer.get("weight_names", ())),
        after=tuple(decode(item) for item in answer["after"]),
        random=bool(answer["random"]),
        moments=tuple(None if item is None else decode_moments(item) for item in answer.get("moments", ())),
        output_shape=answer.get("output_shape"),
        states=tuple(decode(item) for item in answer.get("states", ())),
        shape_error=answer.get("shape_error"),
        config=answer.get("config"),
        copy=answer.get("copy"),
        seconds=float(answer["seconds"]),
    )
