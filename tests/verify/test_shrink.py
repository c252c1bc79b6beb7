"""The smallest case: it differs, nothing on its grid is simpler, and the same question has the same answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.config import Config
from kmigrate.project import Project
from kmigrate.verify import specs
from kmigrate.verify.against import plan_against
from kmigrate.verify.anatomy import Parameter, UnitShape
from kmigrate.verify.cases import Case
from kmigrate.verify.run import Verifier
from kmigrate.verify.runner import Engines
from kmigrate.verify.shrink import OutOfBudget, _at, axes, smallest
from kmigrate.verify.stacks import ensure, get_stack
from kmigrate.verify.verdicts import UnitVerdict

SHAPE = UnitShape((Parameter("units"), Parameter("rate", "0.5"), Parameter("size", "(2, 2)")), (), True, 0, "")
BIG = Case(
    {"units": 24, "rate": 0.25, "size": (3, 3)},
    (("x.0", "float[2,17,24]"), ("x.1", "float[2,17,24]"), ("mask.0", "bool[2,17]"), ("mask.1", "bool[2,17]")),
    seed=7,
    phase=1,
    floatx="float64",
    epsilon=0.03,
)


def shapes(case: Case) -> list[tuple[int, ...]]:
    return [specs.parse(text).shape for _, text in case.inputs if not text.startswith("bool")]


@pytest.mark.parametrize(
    ("differs", "minimal"),
    [
        (lambda case: True, Case({"units": 1}, (("x.0", "ones[1]"),))),
        (lambda case: case.phase == 1, Case({"units": 1}, (("x.0", "ones[1]"),), phase=1)),
        (lambda case: case.kwargs["units"] >= 5, Case({"units": 5}, (("x.0", "ones[1]"),))),
        (lambda case: len(shapes(case)[0]) == 3, Case({"units": 1}, (("x.0", "ones[1,1,1]"),))),
        (lambda case: shapes(case)[0][-1] >= 3, Case({"units": 1}, (("x.0", "ones[1,3]"),))),
        (lambda case: "size" in case.kwargs, Case({"units": 1, "size": (1, 1)}, (("x.0", "ones[1]"),))),
        (lambda case: "ones" not in dict(case.inputs)["x.0"], Case({"units": 1}, (("x.0", "range[1]"),))),
        (
            lambda case: any(name.startswith("mask") for name, _ in case.inputs),
            Case({"units": 1}, (("x.0", "ones[1]"), ("mask.0", "bool[1]"))),
        ),
        (lambda case: len(shapes(case)) == 2, Case({"units": 1}, (("x.0", "ones[1]"), ("x.1", "ones[1]")))),
    ],
)
def test_what_the_difference_needs_is_what_stays(differs: Callable[[Case], bool], minimal: Case) -> None:
    found = smallest(BIG, SHAPE, differs, 60.0)
    assert found.case == minimal
    assert found.ended is None


CASES = st.builds(
    Case,
    st.fixed_dictionaries({"units": st.integers(1, 40)}, optional={"rate": st.floats(0.1, 1), "size": st.just((2, 3))}),
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), max_size=2).map(
        lambda all: tuple((f"x{n}", f"float[{','.join(map(str, sizes))}]") for n, sizes in enumerate(all))
    ),
    seed=st.integers(0, 9),
    phase=st.sampled_from([0, 1]),
    floatx=st.sampled_from(["float32", "float64"]),
)


@settings(deadline=None)
@given(base=CASES, picks=st.lists(st.integers(0, 99), min_size=20, max_size=20))
def test_the_grid_ends_in_the_case_itself_and_holds_only_cases(base: Case, picks: list[int]) -> None:
    grid = list(axes(base, SHAPE))
    assert _at(base, grid, [len(axis) - 1 for axis in grid]) == base
    other = _at(base, grid, [pick % len(axis) for axis, pick in zip(grid, picks, strict=False)])
    other.payload()
    assert [name for name, _ in other.inputs] == [name for name, _ in base.inputs]
    for before, after in zip(shapes(base), shapes(other), strict=True):
        assert len(after) <= len(before)
        assert max(after) <= max(before)


@settings(max_examples=25, deadline=None)
@given(base=CASES, modulus=st.integers(1, 4))
def test_what_is_found_differs_and_is_found_again(base: Case, modulus: int) -> None:
    """However odd the condition is."""

    def differs(case: Case) -> bool:
        return case == base or sum(map(len, shapes(case))) * 3 + sum(map(sum, shapes(case))) + case.phase % modulus == 0

    found = smallest(base, SHAPE, differs, 60.0)
    assert differs(found.case)
    assert smallest(base, SHAPE, differs, 60.0) == found


def test_two_sizes_made_smaller_never_become_one() -> None:
    base = Case({}, (("a", "float[2,3,5]"),))
    found = smallest(base, None, lambda case: len(set(shapes(case)[0])) == 3, 60.0)
    assert found.case.inputs == (("a", "ones[1,2,3]"),)


def test_a_budget_that_ends_leaves_the_case_and_says_so() -> None:
    def slow(case: Case) -> bool:
        time.sleep(0.02)
        return False

    found = smallest(BIG, SHAPE, slow, 0.1)
    assert found.case == BIG
    assert found.ended == "the 0.1 s for it ended"
    assert found.tried <= 10

    def dying(case: Case) -> bool:
        raise OutOfBudget("the worker is gone")

    assert smallest(BIG, SHAPE, dying, 60.0).ended == "the worker is gone"
    half = iter(range(1000))

    def sometimes(case: Case) -> bool:
        if next(half) > 12:
            raise OutOfBudget("enough")
        return case.kwargs["units"] > 3

    found = smallest(BIG, SHAPE, sometimes, 60.0)
    assert found.ended == "enough"
    assert found.case.kwargs["units"] > 3


def test_a_case_without_anything_to_make_simpler_is_the_smallest() -> None:
    assert smallest(Case(), None, lambda case: True, 60.0).case == Case()


# --- real engines ----------------------------------------------------------------------------------------------------

BEFORE = '''import tensorflow as tf
from keras.layers import Layer


class Norm(Layer):
    """Norm(units=24, rate=0.5)(Input((17, 24)))"""

    def __init__(self, units, rate=0.3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate = units, rate

    def call(self, x):
        return x / tf.reduce_sum(tf.square(x) + self.rate, axis=1, keepdims=True) * self.units
'''


def judged(folder: Path, after: str, engines: Engines) -> UnitVerdict:
    path = folder / "norm.py"
    path.write_text(after)
    (one,) = Project(Config()).check([str(path)])
    planned = plan_against(one, BEFORE.encode())
    assert planned is not None
    return Verifier(engines, Config()).unit(one, (), planned[0], planned[1][0])


@pytest.mark.engines
def test_a_fault_on_a_big_case_is_shown_by_the_small_one(tmp_path: Path) -> None:
    stack = get_stack("keras2-tf1")
    right = (
        BEFORE.replace("tf.reduce_sum", "K.sum")
        .replace("tf.", "K.")
        .replace("import tensorflow as tf", "from keras import backend as K")
    )
    with Engines(ensure(stack), ("tensorflow",)) as engines:
        wrong = judged(tmp_path, right.replace("axis=1", "axis=-1"), engines)
        again = judged(tmp_path, right.replace("axis=1", "axis=-1"), engines)
        failing = judged(tmp_path, right.replace("keepdims=True", "keepdim=True"), engines)
        fine = judged(tmp_path, right, engines)
    assert (wrong.verdict, wrong.runs[0].case.split(",")[0]) == ("different", "units=24")
    assert wrong.smallest is not None
    assert wrong.smallest.table == {"args": {"units": 1}, "inputs": {"x": "ones[1,1,2]"}}
    assert wrong.smallest.worst is not None
    assert "[units=1, x=ones[1,1,2], float32, test; the smallest of " in (wrong.reason or "")
    assert again.smallest == wrong.smallest
    assert failing.smallest is not None
    assert failing.smallest.table == {"args": {"units": 1}, "inputs": {"x": "ones[1]"}} or failing.smallest.where == "call"
    assert (fine.verdict, fine.smallest) == ("identical", None)
