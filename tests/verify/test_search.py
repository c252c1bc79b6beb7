"""The search against a stand-in for the worker: what a message says is what is tried next."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape, read_unit
from kmigrate.verify.cases import Case
from kmigrate.verify.failure import Failure, failure_of
from kmigrate.verify.feedback import neighbours, next_cases
from kmigrate.verify.guesses import input_sets
from kmigrate.verify.search import Search, progress_of

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
        ("Dimension size, given by scalar input 0 must be in range [-1, 1) for 'split'", "float[4]", "float[2,4]"),
        ("ValueError: Tensor conversion requested dtype complex64 for Tensor with dtype float32", "float[2,4]", "complex[2,4]"),
        ("ValueError: tuple index out of range", "float[2,4]", "float[2,6,4]"),
        ("indices[9] = 24 is not in [0, 24)", "int[2,6]<30", "int[2,6]<24"),
        ("ValueError: not enough values to unpack (expected 4, got 3)", "float[2,6,4]", "float[2,8,8,4]"),
        (
            "Value passed to parameter 'indices' has DataType float32 not in list of allowed values: int32, int64",
            "float[2]",
            "int32[2]<2",
        ),
        ("Input 'box_ind' of 'Op' Op has type float32 that does not match expected type of int32.", "float[2]", "int[2]<2"),
        ("IRFFT requires tf.complex64 or tf.complex128 inputs, got: Tensor", "float[2,4]", "complex[2,4]"),
        ("ValueError: Affine matrix must be of shape (2, 3) or (3, 4), got (6, 4).", "float[2,6,4]", "float[2,3,4]"),
        ("size * heads must equal the last dimension size of inputs,got 2 * 3 != 4", "float[2,6,4]", "float[2,6,6]"),
        ("Shape must be rank 1 but is rank 0 for 'Crop'", "literal(3)", "literal((3, 3))"),
        ("Expected int32 passed to parameter 'x0' of op 'Crop', got 0.5 of type 'float' instead.", "literal(0.5)", "literal(1)"),
        ("TypeError: Expected int32, got 1.0 of type 'float' instead.", "literal(1.0)", "literal(1)"),
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
    assert {} in [c.kwargs for c in failing("TypeError: ('Keyword argument not understood:', 'units')", units=3)]
    assert {"units": 4} in [c.kwargs for c in failing("ValueError: Ambiguous dimension: 0.75", units=3)]
    product = failing("Dimension size must be evenly divisible by 9 but is 12 for 'd' (op: 'DepthToSpace')", units=4, rate=3)
    assert {"units": 12, "rate": 3} in [c.kwargs for c in product]
    assert {"size": 3} in [c.kwargs for c in failing("unsupported operand type(s) for -: 'str' and 'int'", size="same")]
    pooling = failing("AttributeError: 'Dense' object has no attribute 'pool_size'", layer="expr(layers.Dense(3))")
    assert pooling[0].kwargs == {"layer": "expr(layers.MaxPooling2D(2))"}
    assert {"units": 16} in [c.kwargs for c in failing("ZeroDivisionError: division by zero", units=3)]


def test_a_python_value_takes_the_place_of_a_tensor() -> None:
    message = "OperatorNotAllowedInGraphError: using a `tf.Tensor` as a Python `bool` is not allowed in Graph execution"
    found = failing(message, "float[2,4]", "float[2,4]", "float[2,4]")
    assert found[0].inputs == (("x0", "float[2,4]"), ("x1", "float[2,4]"), ("x2", "literal(3)"))
    assert found[3].inputs == (("x0", "float[2,4]"), ("x1", "literal(3)"), ("x2", "literal(3)"))


def test_an_optional_parameter_of_a_function_may_be_needed() -> None:
    shape = read_unit("def f(x, cap=None): pass\n", "f")
    assert shape is not None
    case = Case({}, (("x", "float[2,4]"),), dynamic=False)
    message = "ValueError: Tried to convert 'y' to a tensor and failed. Error: None values not supported."
    given = [dict(found.inputs).get("cap") for found in next_cases(Failure(case, "call", message, shape))]
    assert given == ["literal(3)", "float[2,4]"]


def test_a_size_that_a_message_tells_may_be_too_large_to_be_tried() -> None:
    assert failing("expected axis -1 of input shape to have value 80000 but got", "float[2,4]")
    assert not failing("expected axis -1 of input shape to have value 80000000 but got", "float[2,4]")
    assert not failing("expected axis -1 of input shape to have value 80000 but got", "onehot[2,4]")


def test_neighbours_are_also_made_together() -> None:
    case = Case({}, (("x.0", "float[2,6,4]"), ("x.1", "float[2,6,4]")))
    assert neighbours(case)[0].inputs == (("x.0", "float[2,1,4]"), ("x.1", "float[2,1,4]"))


def test_one_tensor_takes_the_place_of_a_list() -> None:
    case = Case({}, (("x.0", "float[2,4]"), ("x.1", "float[2,4]"), ("y", "float[2]")))
    found = next_cases(Failure(case, "call", "AttributeError: 'list' object has no attribute 'shape'", SHAPE))
    assert found[0].inputs == (("x", "float[2,4]"), ("y", "float[2]"))


def test_an_array_takes_the_place_of_a_tensor_that_numpy_gets() -> None:
    first = failing("ValueError: setting an array element with a sequence.", "float[2,4]")[0].inputs[0][1]
    assert first.startswith("expr(np.")
    assert "(2, 4)" in first


def test_a_sparse_tensor_takes_the_place_of_a_dense_one_of_rank_2() -> None:
    found = failing("AssertionError: A must be a SparseTensor", "float[2,4]", "float[4,4]", "float[2,6,4]")
    assert [case.inputs[1][1].startswith("expr(tf.sparse.from_dense(") for case in found[:2]] == [True, False]
    assert all(case.inputs[2][1] == "float[2,6,4]" for case in found[:2])


def test_ragged_tensors_take_the_place_of_dense_ones() -> None:
    found = failing("AttributeError: 'Tensor' object has no attribute 'row_splits'", "float[2,6,4]", "int[2,6,2]<4", "float[2]")
    assert [[text.count("RaggedTensor") for _, text in case.inputs] for case in found[:4]] == [
        [1, 1, 0],
        [1, 1, 0],
        [1, 0, 0],
        [0, 1, 0],
    ]
    assert ["randint" in text for _, text in found[0].inputs] == [False, True, False]


def test_arguments_that_only_the_message_names() -> None:
    function = read_unit("def f(x, **options): pass\n", "f")
    layer = read_unit("class L(Layer):\n    def call(self, x, training=None): pass\n", "L")
    assert function is not None
    assert layer is not None
    case = Case({}, (("x", "float[2,4]"),))
    wanted = next_cases(Failure(case, "call", "KeyError: 'nb_steps'", function))
    assert [dict(found.inputs)["nb_steps"] for found in wanted] == ["literal(2)", "literal(3)"]
    message = "TypeError: You are attempting to use Python control flow in a layer that was not declared to be dynamic."
    phases = next_cases(Failure(case, "call", message, layer))
    assert [dict(found.inputs).get("training") for found in phases[:2]] == ["literal(True)", "literal(False)"]


def test_states_have_the_sizes_that_the_cell_names() -> None:
    message = "ValueError: An `initial_state` was passed that is not compatible; however `cell.state_size` is [3, 5]"
    (found, *_) = failing(message, "float[4,6,4]", "float[6]", "float[2,8,8,3]")
    assert [text for _, text in found.inputs] == ["float[4,6,4]", "float[4,3]", "float[4,5]"]


def test_a_dictionary_of_tensors_grows_by_the_keys_that_are_asked_for() -> None:
    layer = read_unit("class L(Layer):\n    def call(self, x): pass\n", "L")
    assert layer is not None
    message = "TypeError: Only integers, slices (`:`) and scalar tf.int32/tf.int64 tensors are valid indices, got 'anchor'"
    (first, *_) = next_cases(Failure(Case({}, (("x", "float[2,4]"),)), "call", message, layer))
    assert first.inputs == (("x.anchor", "float[2,4]"),)
    error = {"where": "call", "type": "KeyError", "message": "KeyError: 'positive'"}
    (second, *_) = next_cases(failure_of(first, error, layer))
    assert second.inputs == (("x.anchor", "float[2,4]"), ("x.positive", "float[2,4]"))


def test_a_layer_that_wants_masks_gets_one_for_each_tensor() -> None:
    layer = read_unit("class L(Layer):\n    def call(self, x, mask=None): pass\n", "L")
    assert layer is not None
    case = Case({}, (("x.0", "float[2,6,4]"), ("x.1", "float[2,3,4]")))
    found = next_cases(Failure(case, "call", "When supports_masking=True,input must support masking", layer))
    assert found[0].inputs[2:] == (("mask.0", "bool[2,6]"), ("mask.1", "bool[2,3]"))
    assert next_cases(Failure(found[0], "call", "input must support masking", layer)) == []
    needed = next_cases(Failure(replace(case, dynamic=False), "call", "ValueError: None values not supported.", layer))
    assert needed[0].inputs == found[0].inputs


def test_a_layer_that_wants_a_name_gets_one() -> None:
    case = Case({"units": 3}, (("x", "float[2,4]"),))
    shape = UnitShape((), (), True, 0, "")
    assert (
        next_cases(Failure(case, "call", "ValueError: name for name_scope must be a string.", shape))[0].kwargs["name"] == "unit"
    )


# --- what no case cures, and budgets ---------------------------------------------------------------------------------


def failing_always(**error: Any) -> tuple[str, int]:
    """(the reason, how many cases were tried) of a search where every case fails in one way."""
    shape = read_unit("def f(boxes, things, scores): pass\n", "f")
    assert shape is not None
    probe, seen = worker(lambda case: {"where": "call", "lines": [3], **error})
    outcome = Search(probe, shape, "helper").run()
    assert outcome.case is None
    return str(outcome.reason), len(seen)


@pytest.mark.parametrize(
    ("kind", "message", "says"),
    [
        ("ImportError", "tfp is not installed in the stack", "--install-missing installs tfp beside the stack"),
        ("ModuleNotFoundError", "No module named 'librosa.util'", "--install-missing installs librosa beside"),
        ("TypeError", "unsupported operand type(s) for /: 'int' and 'Dimension', please use // instead", "--stack keras2-tf2"),
        ("AttributeError", "module 'tensorflow' has no attribute 'contrib'", "--stack keras2-tf1"),
        ("AttributeError", "module 'tensorflow' has no attribute 'frobnicate'", "another --stack"),
        ("AttributeError", "module 'tensorflow._api.v1.initializers' has no attribute 'Zeros'", "--stack keras2-tf2"),
        ("AttributeError", "'int' object has no attribute 'value'", "--stack keras2-tf1"),
        ("AttributeError", "type object 'ResizeMethodV1' has no attribute 'LANCZOS3'", "--stack keras2-tf2"),
        ("TypeError", "it returns a function, and no value that could be compared", "where the returned function is a unit"),
        ("NameError", "name 'Lion' is not defined", "does not define"),
        ("NameError", "NameError: name 'Lion' is not defined", "does not define"),
        ("TypeError", "Can't instantiate abstract class Base with abstract methods mix", "a base class"),
        ("RuntimeError", "It looks like you are subclassing `Model` and you forgot to call `super(...)`", "a Keras before"),
        ("ValueError", "Shape (2, 2, 1) must have rank 0", "before 1.0"),
        ("RuntimeError", "tf.device does not support functions when eager execution is enabled.", "a graph only"),
        ("MissingInputError", "Undeclared input", "a placeholder of its own"),
    ],
)
def test_a_search_ends_where_no_case_cures_the_failure(kind: str, message: str, says: str) -> None:
    reason, tried = failing_always(type=kind, message=message)
    assert says in reason
    assert tried < 64
    assert f"none of {tried} cases runs; " in reason
    _, others = failing_always(type="ValueError", message="no idea")
    assert others > 2 * tried


def test_a_search_goes_on_while_some_case_fails_otherwise() -> None:
    """The import stands behind a condition that another case does not meet."""
    shape = read_unit("def f(boxes, things, scores): pass\n", "f")
    assert shape is not None

    def fails(case: Case) -> dict[str, Any] | None:
        ranks = [len(specs.parse(text).shape) for _, text in case.inputs]
        if ranks == [4, 4, 4]:
            return None
        kind = "ImportError" if ranks[0] == 2 else "ValueError"
        return {"where": "call", "type": kind, "message": "tfp is not installed in the stack", "lines": [3]}

    probe, _ = worker(
        lambda case: {**found, "message": "?"} if (found := fails(case)) and found["type"] == "ValueError" else found
    )
    assert Search(probe, shape, "helper").run().case is not None


def test_what_no_case_cures_is_the_reason_among_failures_in_one_line() -> None:
    shape = read_unit("def f(boxes, things): pass\n", "f")
    assert shape is not None

    def fails(case: Case) -> dict[str, Any]:
        ranks = {len(specs.parse(text).shape) for _, text in case.inputs}
        kind, said = ("ImportError", "tfp is not installed in the stack") if len(ranks) == 1 else ("ValueError", f"odd {ranks}")
        return {"where": "call", "type": kind, "message": said, "lines": [3]}

    probe, seen = worker(fails)
    reason = str(Search(probe, shape, "helper").run().reason)
    assert "tfp is not installed in the stack (--install-missing installs tfp" in reason
    assert len(seen) <= 420


def test_a_budget_that_ended_is_said() -> None:
    shape = read_unit("def f(boxes, things, scores): pass\n", "f")
    assert shape is not None
    probe, _ = worker(lambda case: time.sleep(0.1) or {"where": "call", "type": "ValueError", "message": "?", "lines": []})
    outcome = Search(probe, shape, "helper", budget_s=2.0).run()
    assert re.match(
        r"none of \d+ cases runs within 2 s; the one that came furthest fails at call: ValueError: \?", str(outcome.reason)
    )


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


def test_a_new_message_is_answered_before_one_that_was_answered() -> None:
    """Most cases fail of one message that leads nowhere; what leads on is said by few, in the same line."""
    shape = read_unit("def f(boxes, index): pass\n", "f")
    assert shape is not None

    def fails(case: Case) -> dict[str, Any] | None:
        boxes, index = (specs.parse(text) for _, text in case.inputs)
        message = "Shapes must be equal rank, but are 2 and 3"
        if index.kind == "int":
            message = "Can not squeeze dim[1], expected a dimension of 1, got 4"
            if boxes.shape[1:2] == (1,):
                return None
        return {"where": "call", "type": "ValueError", "message": message, "lines": [5]}

    probe, seen = worker(fails)
    assert Search(probe, shape, "helper").run().case is not None
    assert len(seen) < 160


def test_what_keras_refuses_before_the_code_sees_it_is_not_far() -> None:
    assert progress_of({"where": "call", "lines": [3]}) < progress_of({"where": "call", "lines": []})
    assert progress_of({"where": "evaluate", "lines": []}) < progress_of({"where": "call", "lines": [3]})


def test_the_reason_names_the_place_and_a_case_to_begin_with() -> None:
    shape = read_unit("def f(x): pass\n", "f")
    assert shape is not None
    probe, _ = worker(lambda case: {"where": "call", "type": "E", "message": "odd", "lines": [3], "at": "a.py:3"})
    reason = str(Search(probe, shape, "helper").run().reason)
    assert "fails at call (a.py:3): E: odd" in reason
    assert re.search(r"it came as far with x=float\[[\d,]*\]\)$", reason)


def test_the_reason_doubts_that_any_case_runs_where_all_fail_alike() -> None:
    shape = read_unit("def f(x): pass\n", "f")
    assert shape is not None
    probe, _ = worker(lambda case: {"where": "call", "type": "E", "message": f"E: odd {len(case.inputs)} at 0x7f1", "lines": [3]})
    reason = str(Search(probe, shape, "helper").run().reason)
    assert re.search(r"fails at call: E: odd 1 \(all \d+ that came as far fail so, and perhaps the code does not run on", reason)
    probe, _ = worker(lambda case: {"where": "call", "type": "E", "message": f"no {case.inputs[0][1][:3]}", "lines": [3]})
    assert "fail so" not in str(Search(probe, shape, "helper").run().reason)


def test_a_function_of_the_library_that_lacks_an_argument_is_of_another_version() -> None:
    reason, _ = failing_always(type="TypeError", message="map_fn() got an unexpected keyword argument 'sign'", of="tensorflow")
    assert "a later version of the library" in reason
    reason, _ = failing_always(type="TypeError", message="own() got an unexpected keyword argument 'sign'", of=None)
    assert "a later version" not in reason


@pytest.mark.parametrize("given", [True, False])
def test_an_argument_that_a_class_of_keras_does_not_take_is_of_another_version_unless_the_case_gave_it(given: bool) -> None:
    shape = read_unit("class L(Layer):\n    def __init__(self, units): pass\n    def call(self, x): pass\n", "L")
    assert shape is not None

    def fails(case: Case) -> dict[str, Any]:
        name = next(iter(case.kwargs), "one") if given else "groups"
        return {
            "where": "construct",
            "type": "TypeError",
            "message": f"('Keyword argument not understood:', '{name}')" if case.kwargs else "no units",
            "lines": [2],
        }

    probe, _ = worker(fails)
    assert ("a later version of the library" in str(Search(probe, shape, "layer").run().reason)) is not given


def test_what_a_function_calls_inputs_may_be_one_tensor_among_numbers() -> None:
    shape = read_unit("def f(inputs, drop_prob, is_training): pass\n", "f")
    assert shape is not None
    wanted = (("inputs", "float[2,4]"), ("drop_prob", "literal(0.5)"), ("is_training", "literal(True)"))
    assert wanted in input_sets(shape, "helper")[:6]


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
