"""Which differences count.

A claim falls with the first difference that counts; every other difference is a remark, stored and shown with the rule.

*Preserving* (on the original's engine): values count on every class of values, a NaN being equal to a NaN in the same place.
Where the inputs are infinite or NaN, a result that is not finite on both sides is a remark; a finite value that becomes another
one, or a NaN, counts. Gradients count where the inputs are finite, kinks and ties included, but not at the
smallest numbers: the slope of a square root there is what each engine's approximation makes of it. A dtype counts; that of a
gradient does not. Text that fails where the original runs counts for the example's own inputs, for other ranks (1 and up) and
other dtypes; for scalars, empty tensors, booleans and sizes that must be broadcast it is a remark: it is heard, and gives no
wrong value. Cases that the rule refuses where it can see them are remarks.

*Portable* (on the other engine): values count for floats on finite classes; gradients also, but for zeros and ties, where
engines have conventions of their own; failure counts for the example's own inputs.

Under floatx float32 everything has the float32 tolerance: constants of the code have 24 bits then; under float16 that of
float16 (2 %, and 1 % of the largest value: sums of some dozen terms lose as much). Tiny values are compared by their own size.
An engine that has no kernel of half precision for the replacement says so, and that is a remark.

Under Theano's default optimizer the logarithm of a result counts as the result itself does (see ``worker/proof.py``); where that
of the original is infinite and that of the replacement is not, nothing is lost. Tiny values have the usual tolerance there: the
optimizer wins digits where it sees log(1 + x).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kmigrate.verify.compare import Tolerance, Verdict, compare
from kmigrate.verify.proof.classes import FINITE, NOT_FINITE, SMALLEST, Array
from kmigrate.verify.proof.variants import Variant
from kmigrate.verify.result import Other, Result, decode, decode_moments

_EQUAL = ("identical", "equal")
_FLOATX32 = Tolerance(rtol64=1e-4, atol64=1e-5)
_FLOATX16 = Tolerance(2e-2, 1e-2, 2e-2, 1e-2, 2e-2, 1e-2)
_TOLERANCES = {"float64": None, "float32": _FLOATX32, "float16": _FLOATX16}
# What engines say where they have no kernel for a dtype.
_NO_KERNEL = (
    "No OpKernel was registered",
    "Could not find device for node",
    "not in list of allowed values",
    "float16 is unsupported",
)
# Of tiny values nearly all is below the usual absolute tolerance: lost digits would hide there.
_TINY = {"float64": Tolerance(atol64=1e-23, atol32=1e-17), "float32": Tolerance(rtol64=1e-4, atol64=1e-17, atol32=1e-17)}


@dataclass(frozen=True, slots=True)
class Difference:
    """One failing case. ``arrays`` are its inputs, ``original`` and ``replacement`` what was computed, for people."""

    variant: Variant
    value_class: str
    arrays: Mapping[str, Array]
    where: str
    reason: str
    original: Result
    replacement: Result
    counts: bool

    @property
    def size(self) -> tuple[bool, int, int]:
        """Tensors before what stands in their place, small first; among equals the more ordinary class."""
        order = (*FINITE, *NOT_FINITE)
        place = order.index(self.value_class) if self.value_class in order else len(order)
        return self.variant.silent, sum(array.size for array in self.arrays.values()), place


@dataclass(slots=True)
class Findings:
    """What the runs of one text of one job showed on one engine."""

    cases: int = 0
    max_ulp: float = 0.0
    max_rel: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    def numbers(self, verdict: Verdict) -> None:
        self.max_ulp = max(self.max_ulp, verdict.ulp or 0.0)
        self.max_rel = max(self.max_rel, verdict.max_rel or 0.0)

    def worst(self, counts: bool) -> Difference | None:
        """The smallest case among those that count, or among the remarks."""
        found = [d for d in self.differences if d.counts is counts]
        return min(found, key=lambda d: d.size) if found else None


def result_of(answer: Mapping[str, Any], place: int, base: Result | None = None) -> Result:
    """One run of a worker's answer for one text. ``base``: the result that ``"="`` stands for."""
    if not answer.get("ok"):
        return _failed(answer)
    run = answer["runs"][place]
    if not run.get("ok"):
        return _failed(run)
    gradients = [
        (base.gradients[i] if base else None) if item == "=" else None if item is None else decode(item)
        for i, item in enumerate(run["gradients"])
    ]
    random = bool(answer["random"])
    return Result(
        True,
        outputs=tuple(_value(item, base, i) for i, item in enumerate(run["outputs"])),
        names=tuple(answer["names"]),
        gradients=tuple(gradients),
        gradient_names=tuple(answer["gradient_names"]),
        no_gradient=answer["no_gradient"],
        random=random,
        moments=tuple(decode_moments(item) for item in answer["moments"]),
    )


_LOGARITHM = "log of "


def without_logarithms(result: Result) -> Result:
    """A run under Theano's optimizer as one of an engine that has no logarithms beside the outputs."""
    kept = [place for place, name in enumerate(result.names) if not name.startswith(_LOGARITHM)]
    return replace(result, outputs=tuple(result.outputs[i] for i in kept), names=tuple(result.names[i] for i in kept))


def _only_logarithms_gain(original: Result, replacement: Result) -> bool:
    """Whether nothing but logarithms differs, and these only where the original's is not finite."""
    if not replacement.ok or original.names != replacement.names:
        return False
    left, right = list(original.outputs), list(replacement.outputs)
    for place, name in enumerate(original.names):
        one, other = left[place], right[place]
        if (
            name.startswith(_LOGARITHM)
            and not isinstance(one, Other)
            and not isinstance(other, Other)
            and one.shape == other.shape
        ):
            lost = ~np.isfinite(one)
            left[place], right[place] = np.where(lost, one.dtype.type(0), one), np.where(lost, other.dtype.type(0), other)
    one_side, other_side = replace(original, outputs=tuple(left)), replace(replacement, outputs=tuple(right))
    return compare(one_side, other_side).verdict in _EQUAL


def _value(item: Any, base: Result | None, place: int) -> Array | Other:
    if item == "=":
        assert base is not None
        return base.outputs[place]
    if item is None:
        return Other("None")
    return decode(item) if "b" in item else Other(str(item["repr"]))


def _failed(answer: Mapping[str, Any]) -> Result:
    where, kind = str(answer.get("where") or "crash"), str(answer.get("type") or "Error")
    return Result(False, where, kind, str(answer.get("message") or ""))


def judge(
    variant: Variant,
    value_class: str,
    arrays: Mapping[str, Array],
    original: Result,
    replacement: Result,
    into: Findings,
    same_engine: bool,
) -> None:
    """Compare one run of the original with one of the replacement; a difference goes into ``into``."""
    if not original.ok:
        return
    if original.random and value_class != variant.classes[0]:
        return
    if _nothing_on_both(original, replacement):
        return
    into.cases += 1
    tolerance = _TOLERANCES[variant.floatx]
    replacement = _gradients_like(original, replacement)
    forward = replace(original, no_gradient="compared apart")
    strict = _TINY[variant.floatx] if value_class == "tiny" and same_engine and not variant.optimized else tolerance
    verdict = compare(forward, replacement, strict, same_engine=same_engine)
    if verdict.verdict not in _EQUAL:
        if not replacement.ok:
            counts = _failure_counts(variant, same_engine) and not _has_no_kernel(variant, replacement)
        else:
            counts = _values_count(variant, value_class, same_engine)
            # Large values of half precision overflow on the way.
            loose = value_class in NOT_FINITE or not same_engine or variant.floatx == "float16"
            if counts and loose and _differ_where_not_finite(forward, replacement, tolerance, same_engine):
                counts = False
            if counts and variant.optimized and same_engine and _only_logarithms_gain(forward, replacement):
                counts = False
    else:
        into.numbers(verdict)
        verdict = compare(original, replacement, tolerance, same_engine=same_engine)
        if verdict.verdict in _EQUAL:
            into.numbers(verdict)
            return
        counts = _values_count(variant, value_class, same_engine) and value_class not in (*NOT_FINITE, SMALLEST)
        if replacement.no_gradient is not None:
            counts = counts and _failure_counts(variant, same_engine)
        if not same_engine and value_class in ("zeros", "ties"):
            counts = False
    if variant.silent:
        counts = _is_silent(original, replacement)
    reason = verdict.reason or replacement.failure
    into.differences.append(
        Difference(
            variant, value_class, arrays, verdict.where or "output", reason, original, replacement, counts and not variant.refused
        )
    )


def _nothing_on_both(original: Result, replacement: Result) -> bool:
    """Whether neither yields a value (the gradient of integers is None): they agree, and it proves nothing."""
    return replacement.ok and all(
        isinstance(value, Other) and value.text == "None" for value in (*original.outputs, *replacement.outputs)
    )


def _is_silent(original: Result, replacement: Result) -> bool:
    """Whether the replacement yields as many arrays, of the same dtypes: nothing but the values tells that it is wrong."""
    sides = [[value.dtype for value in r.outputs if not isinstance(value, Other)] for r in (original, replacement)]
    return replacement.ok and sides[0] == sides[1] and bool(sides[0])


def _gradients_like(original: Result, replacement: Result) -> Result:
    """The replacement with its gradients in the dtypes of the original's: an engine may compute them wider than the inputs."""
    if len(original.gradients) != len(replacement.gradients):
        return replacement
    cast = tuple(
        other.astype(one.dtype) if one is not None and other is not None else other
        for one, other in zip(original.gradients, replacement.gradients, strict=True)
    )
    return replace(replacement, gradients=cast)


def _values_count(variant: Variant, value_class: str, same_engine: bool) -> bool:
    if same_engine:
        return True
    finite = value_class in (*FINITE, "largest")
    floats = variant.own or all(spec.kind not in ("int", "bool") for spec in variant.tensors().values())
    return finite and floats and not variant.empty


def _failure_counts(variant: Variant, same_engine: bool) -> bool:
    if variant.own or not same_engine:
        return variant.own
    return not (variant.empty or variant.label in ("rank 0", "bool") or "broadcast" in variant.label or "alone" in variant.label)


def _has_no_kernel(variant: Variant, replacement: Result) -> bool:
    return variant.floatx == "float16" and any(words in replacement.failure for words in _NO_KERNEL)


def _differ_where_not_finite(original: Result, replacement: Result, tolerance: Tolerance | None, same_engine: bool) -> bool:
    """Whether results differ only in places where neither side is finite."""
    if len(original.outputs) != len(replacement.outputs):
        return False
    left, right = list(original.outputs), list(replacement.outputs)
    for place, (one, other) in enumerate(zip(left, right, strict=True)):
        if isinstance(one, Other) or isinstance(other, Other) or one.shape != other.shape:
            continue
        if one.dtype.kind == "f" and other.dtype.kind == "f":
            neither = ~np.isfinite(one) & ~np.isfinite(other)
            left[place] = np.where(neither, one.dtype.type(0), one)
            right[place] = np.where(neither, other.dtype.type(0), other)
    one_side, other_side = replace(original, outputs=tuple(left)), replace(replacement, outputs=tuple(right))
    return compare(one_side, other_side, tolerance, same_engine=same_engine).verdict in _EQUAL


def describe(difference: Difference) -> str:
    """One line: the inputs and what was computed from them."""
    texts = {name: _text(array) for name, array in difference.arrays.items()}
    if difference.variant.silent:
        texts |= {name: repr(s.value) for name, s in difference.variant.specs.items() if s.kind == "literal"}
    inputs = ", ".join(f"{name} = {text}" for name, text in texts.items())
    original, replacement = _computed(difference)
    floatx = f" under floatx {difference.variant.floatx}" if "floatx" in difference.variant.label else ""
    given = f"with {inputs}{floatx}: " if inputs else ""
    if original is None:
        return f"{given}{difference.reason}"
    where = "" if difference.where == "output" else f"{difference.where}: "
    if original == replacement:
        return f"{given}{difference.reason}"
    return f"{given}{where}the original gives {original}, the replacement {replacement}"


def _computed(difference: Difference) -> tuple[str | None, str | None]:
    """The two values that differ; None where the reason says more than values could."""
    one, other = difference.original, difference.replacement
    if not other.ok or one.random or other.random or len(one.outputs) != len(other.outputs):
        return None, None
    pairs: list[tuple[str, Any, Any]] = list(zip(one.names, one.outputs, other.outputs, strict=False))
    pairs += [(f"gradient of {n}", a, b) for n, a, b in zip(one.gradient_names, one.gradients, other.gradients, strict=False)]
    for name, left, right in pairs:
        if name == difference.where:
            if isinstance(left, Other) or isinstance(right, Other) or left is None or right is None:
                return (
                    left.text if isinstance(left, Other) else _text(left),
                    right.text if isinstance(right, Other) else _text(right),
                )
            return _text(left), _text(right)
    return None, None


def _text(array: Array | None) -> str:
    """``float64 [1.0, -2.0]``; a large one by its shape and first values."""
    if array is None:
        return "nothing (not connected)"
    values = array.tolist()
    if array.size > 12:
        first = ", ".join(f"{value:.4g}" if array.dtype.kind == "f" else str(value) for value in array.reshape(-1)[:4])
        return f"{array.dtype}{list(array.shape)} ({first}, ...)"
    if not array.size:
        return f"{array.dtype}{list(array.shape)}"
    return f"{array.dtype} {_rounded(values)}"


def _rounded(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_rounded, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
