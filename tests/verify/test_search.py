"""The search against a stand-in for the worker: what a message says is what is tried next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape, read_unit
from kmigrate.verify.cases import Case
from kmigrate.verify.feedback import Failure, next_cases
from kmigrate.verify.search import Search

SHAPE = UnitShape((), (), True, 0, "")


def failing(message: str, *inputs: str, where: str = "call", **kwargs: Any) -> list[Case]:
    case = Case(kwargs, tuple((f"x{n}", text) for n, text in enumerate(inputs)))
    return next_cases(Failure(case, where, message, SHAPE))


@pytest.mark.parametrize(
    ("message", "given", "wanted"),
    [
        ("Input 0 is incompatible with layer a: expected ndim=3, found ndim=2", "float[2,4]", "float[2,6,4]"),
        ("Can not squeeze dim[2], expected a dimension of 1, got 4", "float[2,6,4]", "float[2,6,1]"),
        ("expected axis -1 of input shape to have value 8 but got", "float[2,4]", "float[2,8]"),
        ("slice index 11 of dimension 1 out of bounds.", "float[2,4]", "float[2,12]"),
        ("Dimension size must be evenly divisible by 4 but is 3", "float[2,8,8,3]", "float[2,8,8,4]"),
        ("ValueError: tuple index out of range", "float[2,4]", "float[2,6,4]"),
        ("indices[9] = 24 is not in [0, 24)", "int[2,6]<30", "int[2,6]<24"),
        ("ValueError: not enough values to unpack (expected 4, got 3)", "float[2,6,4]", "float[2,8,8,4]"),
        (
            "Value passed to parameter 'indices' has DataType float32 not in list of allowed values: int32, int64",
            "float[2]",
            "int32[2]<2",
        ),
    ],
)
def test_a_message_leads_to_the_case_that_it_asks_for(message: str, given: str, wanted: str) -> None:
    assert any(text == wanted for case in failing(message, given) for _, text in case.inputs)


def test_constructor_messages_change_constructor_arguments() -> None:
    message = "__init__() missing 2 required positional arguments: 'filters' and 'kernel_size'"
    assert failing(message, where="construct")[0].kwargs == {"filters": 3, "kernel_size": 3}
    assert {"size": (3, 3)} in [c.kwargs for c in failing("TypeError: 'int' object is not subscriptable", size=3)]
    assert {"mode": "general"} in [c.kwargs for c in failing("mode must be one of 'dot', 'general'", mode=3)]
    assert {} in [c.kwargs for c in failing("got an unexpected keyword argument 'units'", units=3)]


def test_an_unknown_dimension_asks_for_static_shapes() -> None:
    assert any(not case.dynamic for case in failing("Cannot convert an unknown Dimension to a Tensor: ?", "float[2,4]"))


def worker(fails: Callable[[Case], dict[str, Any] | None]) -> tuple[Callable[[Sequence[Case]], dict[str, Any]], list[Case]]:
    seen: list[Case] = []

    def probe(cases: Sequence[Case]) -> dict[str, Any]:
        errors = []
        for index, case in enumerate(cases):
            seen.append(case)
            error = fails(case)
            if error is None:
                return {"ok": True, "index": index, "errors": errors}
            errors.append(error)
        return {"ok": False, "index": None, "errors": errors}

    return probe, seen


def test_the_search_climbs_along_the_lines_that_were_reached() -> None:
    """The two inputs have to be right one after the other, and no message says what is wrong."""
    shape = read_unit("def f(boxes, things, scores): pass\n", "f")
    assert shape is not None

    def fails(case: Case) -> dict[str, Any] | None:
        ranks = [len(specs.parse(text).shape) for _, text in case.inputs]
        wanted = [4, 1, 3]
        line = next((n for n, (one, two) in enumerate(zip(ranks, wanted, strict=False)) if one != two), None)
        return None if line is None else {"where": "call", "type": "Odd", "message": "no", "lines": [10 + line]}

    probe, _ = worker(fails)
    found = Search(probe, shape, "helper").run()
    assert found.case is not None
    assert [len(specs.parse(text).shape) for _, text in found.case.inputs] == [4, 1, 3]


def test_refused_constructor_arguments_are_tried_once() -> None:
    shape = read_unit("class L(Layer):\n    def __init__(self, units): pass\n    def call(self, x): pass\n", "L")
    assert shape is not None
    probe, seen = worker(lambda case: {"where": "construct", "type": "E", "message": f"bad {case.kwargs}"})
    outcome = Search(probe, shape, "layer").run()
    assert outcome.case is None
    assert "fails at construct: E: bad" in str(outcome.reason)
    # a chunk is sent at once; after it, arguments that were refused are not sent again
    assert len(seen) <= 48


def test_a_worker_that_dies_twice_ends_the_search() -> None:
    shape = read_unit("def f(x): pass\n", "f")
    assert shape is not None
    calls = []

    def probe(cases: Sequence[Case]) -> dict[str, Any]:
        calls.append(cases)
        return {"ok": False, "where": "timeout", "type": "Timeout", "message": "late"}

    assert "timeout: Timeout: late" in str(Search(probe, shape, "helper").run().reason)
    assert len(calls) == 2
