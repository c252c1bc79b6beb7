"""Comparison of two runs of one case: one verdict with its numbers and, where they differ, the place and the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kmigrate.verify.moments import FALSE_ALARM, moments_differ
from kmigrate.verify.reasons import failed_elsewhere, failed_here
from kmigrate.verify.result import Other, Result, Value
from kmigrate.verify.verdicts import DECADES, Place

Array = npt.NDArray[Any]
_EDGES = 10.0 ** np.arange(-16, 1)
_NOTHING = "it yields no value that could be compared: what calls it is what can show a difference"
ORDER = ("identical", "equal", "skipped", "unsupported", "different", "error")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Relative and absolute tolerance by dtype (the coarser one of the two where dtypes differ).

    The absolute part is scaled by the largest finite magnitude of the array where that is above 1.
    """

    rtol64: float = 1e-9
    atol64: float = 1e-11
    rtol32: float = 1e-4
    atol32: float = 1e-5
    rtol16: float = 2e-2
    atol16: float = 1e-2

    def of(self, *dtypes: np.dtype[Any]) -> tuple[float, float]:
        """(rtol, atol) for arrays of these dtypes; integers are compared exactly."""
        size = min((dtype.itemsize // (2 if dtype.kind == "c" else 1) for dtype in dtypes if dtype.kind in "fc"), default=0)
        return {0: (0.0, 0.0), 2: (self.rtol16, self.atol16), 4: (self.rtol32, self.atol32)}.get(size, (self.rtol64, self.atol64))


@dataclass(frozen=True, slots=True)
class Verdict:
    """``verdict`` is identical, equal, different or error.

    ``max_abs`` and ``max_rel`` are None where nothing was compared by number; ``ulp`` is the largest distance in
    units in the last place, None where dtypes differ. ``where`` names the output, gradient or weight that differs. The others are
    those of ``verdicts.CaseVerdict``.
    """

    verdict: str
    max_abs: float | None = None
    max_rel: float | None = None
    ulp: float | None = None
    where: str | None = None
    reason: str | None = None
    gradient_abs: float | None = None
    gradient_rel: float | None = None
    no_gradient: str | None = None
    spread: tuple[int, ...] = ()
    worst: Place | None = None


def worst(verdicts: list[Verdict]) -> Verdict:
    """One verdict for many: the worst with its place and reason, and the largest numbers of all."""
    if not verdicts:
        return Verdict("skipped", reason="nothing was compared")
    top = max(verdicts, key=lambda verdict: ORDER.index(verdict.verdict))
    reason = top.reason or next((verdict.reason for verdict in verdicts if verdict.reason), None)
    numbers = [_largest(verdicts, name) for name in ("max_abs", "max_rel", "ulp")]
    widest = max(verdicts, key=lambda verdict: (verdict.verdict == top.verdict, verdict.max_abs or 0.0))
    place = top.worst if top.where else widest.worst
    return Verdict(top.verdict, numbers[0], numbers[1], numbers[2], top.where, reason, worst=place)


def _largest(verdicts: list[Verdict], name: str) -> float | None:
    return max((value for verdict in verdicts if (value := getattr(verdict, name)) is not None), default=None)


def compare(
    original: Result, rewritten: Result, tolerance: Tolerance | None = None, *, same_engine: bool = True, engine: str = ""
) -> Verdict:
    """Outputs, state after the run, gradients and output shape.

    ``same_engine=False`` lets widths of dtypes differ (Theano upcasts where TensorFlow does not), leaves results
    that are no tensors aside; where ``engine`` names the other one, a run that failed is taken for what it tells of it.
    """
    if not original.ok:
        return Verdict("error", reason=f"the original does not run: {original.failure}")
    if not rewritten.ok:
        verdict, reason = failed_here(rewritten) if same_engine else failed_elsewhere(rewritten, engine)
        return Verdict(verdict, where=rewritten.where, reason=reason)
    comparison = _Comparison(tolerance or Tolerance(), same_engine)
    comparison.results(original, rewritten)
    return comparison.verdict()


@dataclass(slots=True)
class _Comparison:
    """Collects numbers and the first difference."""

    tolerance: Tolerance
    same_engine: bool
    identical: bool = True
    max_abs: float | None = None
    max_rel: float | None = None
    ulp: float | None = None
    where: str | None = None
    reason: str | None = None
    worst: Place | None = None
    notes: list[str] = field(default_factory=list)
    compared: int = 0
    passed_over: list[str] = field(default_factory=list)
    gradient_abs: float | None = None
    gradient_rel: float | None = None
    no_gradient: str | None = None
    spread: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(DECADES, np.int64))

    def verdict(self) -> Verdict:
        notes = list(self.notes)
        if self.passed_over:
            notes.append(f"not compared: {', '.join(self.passed_over[:4])}{' and others' if len(self.passed_over) > 4 else ''}")
        if self.where is not None:
            name, reason = "different", self.reason
        elif not self.compared:
            # To call two runs equal of which nothing was looked at would hide every mistake.
            name, reason = "skipped", "; ".join([_NOTHING, *notes])
        else:
            name, reason = "identical" if self.identical else "equal", "; ".join(notes) or None
        spread = tuple(int(count) for count in self.spread)
        return Verdict(
            name,
            self.max_abs,
            self.max_rel,
            self.ulp,
            self.where,
            reason,
            self.gradient_abs,
            self.gradient_rel,
            self.no_gradient,
            spread,
            self.worst,
        )

    def differ(self, where: str, reason: str, worst: Place | None = None) -> None:
        self.identical = False
        if self.where is None:
            self.where, self.reason, self.worst = where, f"{where}: {reason}", worst

    def results(self, left: Result, right: Result) -> None:
        if len(left.outputs) != len(right.outputs):
            self.differ("output", f"{len(left.outputs)} results, not {len(right.outputs)}")
            return
        if left.random or right.random:
            self._random(left, right)
            return
        for name, one, other in zip(left.names, left.outputs, right.outputs, strict=False):
            self._value(name, one, other)
        if len(left.after) != len(right.after):
            self.differ("weights", f"{len(left.after)} weights, not {len(right.after)}")
        for index, (one, other) in enumerate(zip(left.after, right.after, strict=False)):
            self._array(f"weight[{index}] after the run", one, other)
        self._states(left, right)
        self._gradients(left, right)
        self._contract(left, right)

    def _states(self, left: Result, right: Result) -> None:
        """Variables besides the weights that the updates change. Another engine may keep them in other ways."""
        if len(left.states) != len(right.states):
            if self.same_engine:
                self.differ("states", f"{len(left.states)} of them, not {len(right.states)}")
            return
        for index, (one, other) in enumerate(zip(left.states, right.states, strict=True)):
            self._array(f"state[{index}] after the run", one, other)

    def _contract(self, left: Result, right: Result) -> None:
        """The declared shapes and the way through the configuration. What was wrong in the original is no difference."""
        if self.same_engine and left.output_shape != right.output_shape:
            self.differ("compute_output_shape", f"{left.output_shape}, not {right.output_shape}")
        if right.shape_error and not left.shape_error:
            if self.same_engine:
                self.differ("compute_output_shape", right.shape_error)
            else:
                # tf.keras finds the shape by itself where Keras takes it for that of the input: not the rewrite's doing.
                self.notes.append(f"compute_output_shape: {right.shape_error}; Keras wants it declared where tf.keras infers it")
        if self.same_engine and left.config != right.config:
            self.differ("get_config", _first_difference(left.config, right.config))
        if right.copy and not left.copy:
            self.differ("from_config", right.copy)

    def _value(self, name: str, one: Value, other: Value) -> None:
        if isinstance(one, Other) or isinstance(other, Other):
            if isinstance(one, Other) and one.opaque:
                self.passed_over.append(f"{name} (a {one.opaque})")
            elif isinstance(one, Other) and isinstance(other, Other) and one == other and one.text != "None":
                self.compared += 1
            if not self.same_engine:
                self.identical = False
            elif not (isinstance(one, Other) and isinstance(other, Other)):
                self.differ(name, "a tensor on one side only")
            elif one != other:
                self.differ(name, f"{one.text}, not {other.text}")
            return
        self._array(name, one, other)

    def _gradients(self, left: Result, right: Result) -> None:
        self.no_gradient = left.no_gradient
        if left.no_gradient is not None:
            return
        if right.no_gradient is not None:
            self.differ("gradient", f"none: {right.no_gradient}")
            return
        names = left.gradient_names
        if len(left.gradients) != len(right.gradients):
            self.differ("gradient", f"{len(left.gradients)} of them, not {len(right.gradients)}")
        for name, one, other in zip(names, left.gradients, right.gradients, strict=False):
            where = f"gradient of {name}"
            if one is None or other is None:
                # An engine may say "unconnected" where the other says zero.
                rest = one if other is None else other
                if rest is not None and np.any(rest):
                    self.differ(where, "unconnected on one side only")
                continue
            self._array(where, one, other, gradient=True)

    def _array(self, where: str, one: Array, other: Array, *, gradient: bool = False) -> None:
        self.compared += 1
        if one.shape != other.shape:
            self.differ(where, f"shape {one.shape}, not {other.shape}")
            return
        if one.dtype != other.dtype:
            self.identical = False
            if self.same_engine or _family(one.dtype) != _family(other.dtype):
                self.differ(where, f"dtype {one.dtype}, not {other.dtype}")
                return
        elif one.tobytes() == other.tobytes():
            self._numbers(np.zeros(one.size), np.zeros(one.size), 0.0, gradient)
            return
        self.identical = False
        self._close(where, one, other, gradient)

    def _close(self, where: str, one: Array, other: Array, gradient: bool) -> None:
        rtol, atol = self.tolerance.of(one.dtype, other.dtype)
        wide = np.complex128 if "c" in (one.dtype.kind, other.dtype.kind) else np.float64
        left, right = one.astype(wide), other.astype(wide)
        nan = np.isnan(left)
        if not np.array_equal(nan, np.isnan(right)):
            reason = f"{int(nan.sum())} NaN, not {int(np.isnan(right).sum())}, of {nan.size} values"
            self.differ(where, reason, place(where, left, right, nan != np.isnan(right)))
            return
        infinite = np.isinf(left) | np.isinf(right)
        if not np.array_equal(left[infinite], right[infinite]):
            self.differ(where, "infinite values stand elsewhere", place(where, left, right, infinite & (left != right)))
            return
        finite = ~(nan | infinite)
        gaps = np.abs(np.subtract(left, right, out=np.zeros_like(left), where=finite))
        if not finite.any():
            self._numbers(np.zeros(one.size), np.zeros(one.size), 0.0, gradient)
            return
        worst = place(where, left, right, gaps)
        left, right = left[finite], right[finite]
        gap = gaps[finite]
        scale = np.maximum(np.abs(left), np.abs(right))
        relative = np.divide(gap, scale, out=np.zeros_like(gap), where=scale > 0)
        if self.where is None and float(gap.max()) > (self.max_abs or 0.0):
            self.worst = worst
        ulp = _ulps(one[finite], other[finite])
        self._numbers(gap, relative, ulp, gradient)
        allowed = atol * max(1.0, float(np.abs(left).max())) + rtol * np.abs(left)
        if np.any(gap > allowed):
            most = f"{gap.max():.3g} (relative {relative.max():.3g}{'' if ulp is None else f', {ulp:.3g} ulp'})"
            reason = f"{int((gap > allowed).sum())} of {one.size} values differ, by up to {most}"
            self.differ(where, f"{reason}; {worst}", worst)

    def _numbers(self, gaps: Array, relatives: Array, ulp: float | None, gradient: bool) -> None:
        """Add the absolute and relative errors of one array, element by element (none where it is empty)."""
        gap, relative = float(gaps.max(initial=0.0)), float(relatives.max(initial=0.0))
        self.max_abs = max(self.max_abs or 0.0, gap)
        self.max_rel = max(self.max_rel or 0.0, relative)
        if gradient:
            self.gradient_abs = max(self.gradient_abs or 0.0, gap)
            self.gradient_rel = max(self.gradient_rel or 0.0, relative)
        if ulp is not None:
            self.ulp = max(self.ulp or 0.0, ulp)
        bins = np.where(gaps == 0, 0, 1 + np.digitize(relatives, _EDGES))
        self.spread += np.bincount(bins.ravel(), minlength=DECADES)

    def _random(self, left: Result, right: Result) -> None:
        self.identical = False
        if left.random != right.random:
            self.differ("output", f"only the {'original' if left.random else 'rewritten'} code is random")
            return
        for name, value, other, one, two in zip(
            left.names, left.outputs, right.outputs, left.moments, right.moments, strict=False
        ):
            if isinstance(value, Other) or isinstance(other, Other):
                continue
            self.compared += 1
            if value.shape != other.shape:
                self.differ(name, f"shape {value.shape}, not {other.shape}")
            elif self.same_engine and value.dtype != other.dtype:
                self.differ(name, f"dtype {value.dtype}, not {other.dtype}")
            elif one is not None and two is not None and (reason := moments_differ(one, two)):
                self.differ(name, reason)
        count = next((item.count for item in left.moments if item is not None), 0)
        alarms = f"a right rewrite is called different once in {1 / FALSE_ALARM:,.0f}"
        self.notes.append(f"random: mean and variance over {count} evaluations agree ({alarms})")


def place(where: str, left: Array, right: Array, weight: Array) -> Place:
    """The element of the largest weight."""
    index = np.unravel_index(int(np.argmax(weight)), weight.shape)
    one, other = left[index], right[index]
    if np.iscomplexobj(left):
        one, other = np.abs(one), np.abs(other)
    return Place(where, tuple(int(number) for number in index), float(one), float(other))


def _first_difference(one: str | None, other: str | None) -> str:
    """Two texts, from shortly before where they part."""
    left, right = one or "none", other or "none"
    parted = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = max(0, parted - 30)
    return f"{left[start : start + 120]}, not {right[start : start + 120]}"


def _family(dtype: np.dtype[Any]) -> str:
    """Kinds that engines mix freely: Theano has int8 where TensorFlow has bool."""
    return "integer" if dtype.kind in "biu" else dtype.kind


def _ulps(one: Array, other: Array) -> float | None:
    """Largest distance in units in the last place; None for dtypes that have none, or that differ."""
    if one.dtype != other.dtype or one.dtype.kind != "f" or one.dtype.itemsize not in (2, 4, 8):
        return None
    if not one.size:
        return 0.0
    left, right = one.astype(np.float64), other.astype(np.float64)
    unit = np.spacing(np.maximum(np.abs(one), np.abs(other))).astype(np.float64)
    return float((np.abs(left - right) / unit).max())
