"""Comparison of two runs of one case: one verdict with its numbers and, where they differ, the place and the reason."""

from __future__ import annotations

from dataclasses import dataclass

from kmigrate.verify.runner import Result


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Relative and absolute tolerance by dtype. The absolute one is scaled by the largest magnitude of the array above 1."""

    rtol64: float = 1e-9
    atol64: float = 1e-11
    rtol32: float = 1e-4
    atol32: float = 1e-5


@dataclass(frozen=True, slots=True)
class Verdict:
    """``verdict`` is identical, equal, different or error. ``ulp`` is the largest distance in units in the last place."""

    verdict: str
    max_abs: float | None = None
    max_rel: float | None = None
    ulp: float | None = None
    where: str | None = None
    reason: str | None = None


def compare(original: Result, rewritten: Result, tolerance: Tolerance | None = None, *, same_engine: bool = True) -> Verdict:
    """``same_engine=False`` lets widths of dtypes differ (Theano upcasts where TensorFlow does not) and ignores reprs."""
    raise NotImplementedError
