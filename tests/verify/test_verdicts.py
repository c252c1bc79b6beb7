"""The data model of verdicts, its figures, and the lines that it shows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kmigrate.report.verdicts import render_verdicts_json
from kmigrate.verify.compare import compare
from kmigrate.verify.excerpt import excerpt
from kmigrate.verify.result import Result
from kmigrate.verify.verdicts import DECADES, CaseVerdict, EngineVerdict, UnitVerdict, unit_from_json


def result(output: object, gradient: object = None, dtype: str = "float64") -> Result:
    arrays = (np.asarray(output, dtype),)
    gradients = () if gradient is None else (np.asarray(gradient, dtype),)
    return Result(True, outputs=arrays, names=("output",), gradients=gradients, gradient_names=("x",)[: len(gradients)])


def test_the_spread_counts_every_value_by_its_relative_error() -> None:
    verdict = compare(result([1.0, 1.0, 0.0, 10.0]), result([1.0, 1.0 + 1.5e-12, 0.0, 5.0]))
    assert len(verdict.spread) == DECADES
    # 0: exact; 1e-12 lies in bin 1 + (16 - 12) + 1; a relative error of .5 in the last but one
    assert {index: count for index, count in enumerate(verdict.spread) if count} == {0: 2, 6: 1, 17: 1}


def test_an_error_as_large_as_the_value_is_in_the_last_bin() -> None:
    verdict = compare(result([1.0, 3.0]), result([0.0, -3.0]))
    assert verdict.spread[-1] == 2


def test_gradient_figures_stand_apart() -> None:
    verdict = compare(result([1.0], [2.0]), result([1.0], [2.0 + 2e-10]))
    assert verdict.max_abs == verdict.gradient_abs == pytest.approx(2e-10)
    assert verdict.gradient_rel == pytest.approx(1e-10)
    assert sum(verdict.spread) == 2
    only_output = compare(result([1.0], [2.0]), result([1.0 + 1e-10], [2.0]))
    assert (only_output.gradient_abs, only_output.gradient_rel) == (0.0, 0.0)
    assert compare(result([1.0]), result([1.0])).gradient_abs is None


RUN = CaseVerdict("tensorflow", 1, "x=float[2]", "float64", "test", "channels_last", "equal", 1e-9, 1e-9, 2.0, spread=(1,) * 19)
UNIT = UnitVerdict("m.py", "F", "layer", "equal", {"tensorflow": EngineVerdict("equal", 1e-9)}, 1, runs=(RUN,), before="a\n")


def test_a_stored_verdict_is_as_good_as_a_fresh_one() -> None:
    assert unit_from_json(json.loads(json.dumps(UNIT.as_json()))) == UNIT


@pytest.mark.parametrize("item", [{}, {**UNIT.as_json(), "more": 1}, {**UNIT.as_json(), "runs": [{"spread": []}]}])
def test_what_is_no_stored_verdict(item: dict[str, object]) -> None:
    with pytest.raises((TypeError, KeyError)):
        unit_from_json(item)


def test_numbers_that_json_does_not_have_are_null_everywhere() -> None:
    broken = UNIT.as_json()
    broken["runs"][0]["max_abs"] = broken["engines"]["tensorflow"]["max_rel"] = float("nan")
    unit = json.loads(render_verdicts_json([broken], "keras2", "s"))["units"][0]
    assert unit["runs"][0]["max_abs"] is unit["engines"]["tensorflow"]["max_rel"] is None
    assert unit["runs"][0]["max_rel"] == 1e-9


BEFORE = """import tf

@register
class Pool(Layer):
    def call(self, x):
        return tf.sum(
            x
        )

def build():
    y = Lambda(lambda t: tf.abs(t))(z)
    return y
"""
AFTER = BEFORE.replace("import tf\n", "from keras import backend as K\n\n").replace(
    "tf.sum(\n            x\n        )", "K.sum(x)"
)
AFTER = AFTER.replace("tf.abs", "K.abs")


@pytest.mark.parametrize(
    ("qualname", "line", "first", "old", "new"),
    [
        ("Pool", 4, 3, "@register", "@register\nclass Pool(Layer):\n    def call(self, x):\n        return K.sum(x)\n"),
        ("Pool.call", 5, 5, "    def call", "    def call(self, x):\n        return K.sum(x)\n"),
        ("build.<lambda>", 11, 11, "    y = ", "    y = Lambda(lambda t: K.abs(t))(z)\n"),
    ],
)
def test_the_lines_of_a_unit(qualname: str, line: int, first: int, old: str, new: str) -> None:
    start, before, after = excerpt(BEFORE, AFTER, qualname, line)
    assert (start, after) == (first, new)
    assert before.startswith(old)
    assert before in BEFORE


def test_no_lines_of_a_unit_that_is_not_there() -> None:
    assert excerpt(BEFORE, AFTER, "nobody", 900) == (0, "", "")
    assert excerpt("def f(:\n", "", "f", 1) == (0, "", "")
