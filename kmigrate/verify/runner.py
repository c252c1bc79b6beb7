"""Worker processes: one for each engine, restarted when a case kills them.

A worker is ``verify/worker.py`` run by a stack's own Python. The parent keeps the time: a case that does not answer in time
costs its worker, and that worker alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Union

import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Other:
    """A result that is no tensor, by its repr."""

    text: str


Value = Union[Array, Other]


@dataclass(frozen=True, slots=True)
class Limits:
    """``case_s`` and ``start_s`` in seconds of wall clock, ``memory_mb`` of address space."""

    case_s: float = 60.0
    start_s: float = 180.0
    memory_mb: int = 6144


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance, element by element, of one random output over ``count`` evaluations."""

    mean: Array
    variance: Array
    count: int


@dataclass(frozen=True, slots=True)
class Result:
    """What one case yielded.

    ``where`` (import, construct, build, call, evaluate, gradient, timeout, crash), ``type`` and ``message`` tell of a failure.
    ``outputs`` is flat, ``names`` says what each one is. ``gradients`` are those of a fixed weighted sum of the outputs with
    respect to ``gradient_names`` (None where unconnected); ``no_gradient`` says why there are none at all. ``weights`` are the
    values before, ``after`` those after one evaluation with its updates.
    """

    ok: bool
    where: str | None = None
    type: str | None = None
    message: str | None = None
    outputs: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    gradients: tuple[Array | None, ...] = ()
    gradient_names: tuple[str, ...] = ()
    no_gradient: str | None = None
    weights: tuple[Array, ...] = ()
    after: tuple[Array, ...] = ()
    random: bool = False
    moments: tuple[Moments | None, ...] = ()
    output_shape: str | None = None
    seconds: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)


class Worker:
    """One process that runs cases under one engine. Started by the first case; a context manager that ends it."""

    def __init__(self, python: Path, engine: str, limits: Limits | None = None) -> None: ...

    def run(self, request: Mapping[str, Any]) -> Result:
        """Run one case. Never raises for what the case does."""
        raise NotImplementedError

    def close(self) -> None: ...

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Engines:
    """One worker for each engine of a stack, started when first needed. A context manager."""

    def __init__(
        self, python: Path, names: tuple[str, ...] = ("tensorflow", "theano"), limits: Limits | None = None
    ) -> None:
        self.names = names

    def run(self, engine: str, request: Mapping[str, Any]) -> Result:
        raise NotImplementedError

    def close(self) -> None: ...

    def __enter__(self) -> Engines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
