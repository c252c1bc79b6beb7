from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kmigrate.verify.compare import Verdict, compare, worst
from kmigrate.verify.result import Other, Result, decode, encode


def result(*outputs: Any, **more: Any) -> Result:
    names = tuple(f"output[{i}]" for i in range(len(outputs)))
    return Result(True, outputs=outputs, names=names, **{"no_gradient": "not asked for", **more})


ONE = np.array([1.0, 2.0, -3.0])


def test_same_bits_are_identical() -> None:
    assert compare(result(ONE), result(ONE.copy())).verdict == "identical"
    nan = np.array([np.nan, 0.0])
    assert compare(result(nan), result(nan.copy())).verdict == "identical"


def test_small_gaps_are_equal_with_numbers() -> None:
    verdict = compare(result(ONE), result(np.nextafter(ONE, 9)))
    assert verdict.verdict == "equal"
    assert verdict.ulp == 1.0
    assert 0 < (verdict.max_abs or 0) < 1e-15


def test_tolerance_follows_the_dtype() -> None:
    narrow = ONE.astype("float32")
    assert compare(result(narrow), result((narrow * 1.00001).astype("float32"))).verdict == "equal"
    assert compare(result(ONE), result(ONE * 1.00001)).verdict == "different"


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        (ONE, ONE[:2], "shape"),
        (ONE, ONE.astype("float32"), "dtype"),
        (ONE, np.array([1.0, np.nan, -3.0]), "NaN"),
        (ONE, np.array([1.0, np.inf, -3.0]), "infinite"),
        (np.array([1, 2]), np.array([1, 3]), "differ"),
        (ONE, Other("None"), "one side"),
        (Other("1"), Other("2"), "not 2"),
    ],
)
def test_differences_say_what_differs(left: Any, right: Any, says: str) -> None:
    verdict = compare(result(left), result(right))
    assert verdict.verdict == "different"
    assert verdict.where == "output[0]"
    assert says in (verdict.reason or "")


def test_signed_zeros_are_equal_but_not_identical() -> None:
    assert compare(result(np.array([0.0])), result(np.array([-0.0]))).verdict == "equal"


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf"), float("nan")]])
def test_where_nothing_is_finite_there_is_nothing_to_measure(values: list[float]) -> None:
    narrow, wide = result(np.asarray(values, "float32")), result(np.asarray(values, "float64"))
    assert compare(narrow, wide, same_engine=False).verdict == "equal"
    assert compare(wide, narrow, same_engine=False).verdict == "equal"


def test_other_engine_may_be_wider() -> None:
    wide, narrow = np.array([1.0, 2.0]), np.array([1.0, 2.0], "float32")
    assert compare(result(narrow), result(wide), same_engine=False).verdict == "equal"
    assert compare(result(np.array([True])), result(np.array([1], "int8")), same_engine=False).verdict == "equal"
    assert compare(result(narrow), result(np.array([1, 2])), same_engine=False).verdict == "different"


def test_failures() -> None:
    failed = Result(False, "call", "TypeError", "no")
    assert compare(failed, result(ONE)).verdict == "error"
    assert compare(result(ONE), failed).verdict == "different"
    assert compare(result(ONE), failed, same_engine=False).verdict == "error"
    assert compare(result(ONE), replace(failed, where="timeout")).verdict == "error"


def test_gradients() -> None:
    base = result(ONE, gradients=(ONE,), gradient_names=("x",), no_gradient=None)
    assert compare(base, base).verdict == "identical"
    assert compare(base, replace(base, gradients=(ONE * 2,))).where == "gradient of x"
    assert compare(base, replace(base, gradients=(), no_gradient="TypeError")).verdict == "different"
    zero = replace(base, gradients=(np.zeros(3),))
    assert compare(replace(base, gradients=(None,)), zero).verdict == "identical"
    assert compare(replace(base, gradients=(None,)), base).verdict == "different"


def test_state_and_shape() -> None:
    base = result(ONE, after=(ONE,), output_shape="(None, 3)")
    assert compare(base, replace(base, after=(ONE + 1,))).verdict == "different"
    assert compare(base, replace(base, output_shape="(None, 4)")).where == "compute_output_shape"


def test_worst_of_many() -> None:
    many = [Verdict("identical", 0.0), Verdict("different", 1.0, reason="x"), Verdict("equal", 2.0)]
    assert worst(many) == Verdict("different", 2.0, reason="x")
    assert worst([]).verdict == "skipped"


@pytest.mark.parametrize("array", [ONE, np.float32(3.0).reshape(()), np.zeros((0, 2), "int64"), np.array([True])])
def test_arrays_survive_json(array: Any) -> None:
    back = decode(encode(array))
    assert back.shape == array.shape
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()


def test_two_runs_of_which_nothing_was_looked_at_are_not_equal() -> None:
    nothing = result(Other("None"))
    assert compare(nothing, nothing).verdict == "skipped"
    opaque = result(Other("<Thing object at 0x>", "Thing"))
    assert compare(opaque, opaque).verdict == "skipped"
    assert "output[0] (a Thing)" in (compare(opaque, opaque).reason or "")
    assert compare(result(Other("'float32'")), result(Other("'float32'"))).verdict == "identical"


def test_what_was_passed_over_is_said() -> None:
    two = replace(result(ONE), names=("output[0]", "output[1]"), outputs=(ONE, Other("<Thing object at 0x>", "Thing")))
    verdict = compare(two, two)
    assert verdict.verdict == "identical"
    assert verdict.reason == "not compared: output[1] (a Thing)"
