from __future__ import annotations

import pytest

from kmigrate.model import UserError
from kmigrate.verify.anatomy import UnitShape, inner_function, read_unit
from kmigrate.verify.cases import Case
from kmigrate.verify.search import candidates
from kmigrate.verify.tables import from_config
from kmigrate.verify.variations import variations

SOURCE = """
from keras.layers import Layer, Dense
class Base(Layer):
    def __init__(self, units, rate=0.5, **kwargs):
        super().__init__(**kwargs)
    def call(self, inputs, mask=None, training=None):
        a, b = inputs
        return a
class Child(Base):
    pass
class Plain(Dense):
    def call(self, x):
        return x
class Cell(Layer):
    def call(self, inputs, states):
        return inputs, states
def make_loss(gamma, alpha=1):
    def loss(y_true, y_pred):
        return y_true
    return loss
def sample(args):
    mean, spread = args
    return mean
def first(x):
    return x[0] + x[:, 1]
if True:
    def squeeze(x, axis): return x
f = lambda q: q
"""


def shape_of(name: str, line: int = 0) -> UnitShape:
    shape = read_unit(SOURCE, name, line)
    assert shape is not None
    return shape


def test_a_class_inherits_its_signature() -> None:
    shape = shape_of("Child")
    assert [item.name for item in shape.construct] == ["units", "rate"]
    assert shape.count == 2
    assert shape.takes_mask


def test_a_keras_base_brings_its_required_parameters() -> None:
    assert [item.name for item in shape_of("Plain").construct] == ["units"]


def test_states_of_a_cell_are_not_inputs() -> None:
    assert [item.name for item in shape_of("Cell").inputs] == ["inputs"]


def test_a_cell_that_wants_more_than_keras_gives_gets_it_all() -> None:
    shape = read_unit("class C(Cell):\n    def __call__(self, inputs, state, score, scope=None): pass\n", "C")
    assert shape is not None
    assert [item.name for item in shape.inputs] == ["inputs", "state", "score"]
    assert not shape.takes_states
    inside = "    def call(self, inputs, state, score=None): pass\n"
    again = read_unit(f"class C(Cell):\n{inside}    def __call__(self, inputs, state, score): pass\n", "C")
    assert again is not None
    assert again.inputs == shape.inputs


def test_required_parameters_of_a_function_are_its_inputs_whatever_their_names() -> None:
    shape = read_unit("def loop(x, mask, initial_state, training=None): pass\n", "loop")
    assert shape is not None
    assert [item.name for item in shape.inputs] == ["x", "mask", "initial_state"]


def test_a_factory_gives_its_inner_function() -> None:
    assert inner_function(SOURCE, "make_loss") == "make_loss.loss"
    assert inner_function(SOURCE, "sample") is None
    shape = shape_of("make_loss.<locals>.loss")
    assert [item.name for item in shape.construct] == ["gamma", "alpha"]
    assert candidates(shape, "loss")[0].kwargs == {"gamma": 0.5}


def test_lists_of_inputs() -> None:
    assert shape_of("sample").count == 2
    assert [name for name, _ in candidates(shape_of("sample"), "helper")[0].inputs] == ["args.0", "args.1"]
    assert shape_of("first").count == 0


def test_python_parameters_become_literals() -> None:
    inputs = dict(candidates(shape_of("squeeze"), "helper")[0].inputs)
    assert inputs["axis"].startswith("literal(")
    assert inputs["x"].startswith("float[")


def test_lambdas_are_found_by_line() -> None:
    line = SOURCE.splitlines().index("f = lambda q: q") + 1
    assert shape_of("<lambda>", line).lambda_index == 0
    assert read_unit(SOURCE, "<lambda>", 1) is None
    assert read_unit(SOURCE, "Nobody") is None


def test_variations_change_one_thing_at_a_time() -> None:
    shape = shape_of("Child")
    base = Case({"units": 4}, (("inputs.0", "float[2,6,4]"), ("inputs.1", "float[2,6,4]")))
    found = variations(base, shape)
    assert {case.floatx for case in found} == {"float32", "float64"}
    assert {case.phase for case in found} == {0, 1}
    assert any(("mask.0", "bool[2,6]") in case.inputs for case in found)
    assert any(("inputs.0", "float[3,7,4]") in case.inputs for case in found)
    assert len({repr(case) for case in found}) == len(found)


def test_payload_marks_what_json_lacks() -> None:
    wire = Case({"size": (2, 2), "layer": "expr(layers.Dense(3))"}, (("x", "literal((1, 2))"),)).payload()
    assert wire["kwargs"] == {"size": {"tuple": [2, 2]}, "layer": {"expr": "layers.Dense(3)"}}
    assert wire["inputs"][0]["value"] == {"tuple": [1, 2]}


@pytest.mark.parametrize(
    "table",
    [{"input": {}}, {"inputs": {"x": "flaot[2]"}}, {"kwargs": 3}, {"floatx": "float8"}, {"data_format": "last"}],
)
def test_bad_configured_cases_name_their_place(table: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"verify\.cases\.X"):
        from_config("verify.cases.X", table, None, (0,))


def test_configured_cases_are_widened_but_for_what_they_fix() -> None:
    table = {"args": {"units": 3}, "inputs": {"x": "float[2,3]"}, "phase": 1}
    found = from_config("here", table, None, (0, 1))
    assert found[1] == Case({"units": 3}, (("x", "float[2,3]"),), phase=1)
    assert [(case.floatx, case.phase, case.seed) for case in found] == [("float64", 1, 0), ("float32", 1, 0), ("float64", 1, 1)]


def test_a_list_of_specs_follows_the_parameters() -> None:
    def names(shape_name: str, *given: str) -> list[str]:
        return [name for name, _ in from_config("here", {"inputs": given}, shape_of(shape_name), (0,))[0].inputs]

    assert names("Child", "float[2]", "float[2]") == ["inputs.0", "inputs.1"]
    assert names("squeeze", "float[2,1]", "literal(1)") == ["x", "axis"]
    assert names("make_loss.loss", "float[2]", "float[2]") == ["y_true", "y_pred"]


def test_variations_show_what_one_size_and_probabilities_hide() -> None:
    shape = read_unit("def loss(y_true, y_pred): pass\n", "loss")
    assert shape is not None
    found = variations(Case({}, (("y_true", "unit[2,4]"), ("y_pred", "probability[2,4]"))), shape)
    inputs = [dict(case.inputs) for case in found]
    assert {"y_true": "edges[2,4]", "y_pred": "edges[2,4]"} in inputs
    assert {"y_true": "float[2,4]", "y_pred": "float[2,4]"} in inputs
    assert {"y_true": "unit[2,5]", "y_pred": "probability[2,4]"} in inputs
    assert not any(text.startswith("edges") for case in found if case.gradient for _, text in case.inputs)


def test_variations_reach_the_branches_that_words_and_flags_choose() -> None:
    text = """
class Pool(Layer):
    def __init__(self, size, mode="mean", scaled=False, rate=0.5, **kwargs): self.mode = mode
    def call(self, x):
        if self.mode == "mean": return x
        if self.mode in ("max", "sum"): return -x
def f(x, kind):
    return x if kind == "a" else -x if kind == "b" else None
"""
    layer, function = read_unit(text, "Pool"), read_unit(text, "f")
    assert layer is not None
    assert function is not None
    found = [case.kwargs for case in variations(Case({"size": 2}, (("x", "float[2,4]"),)), layer)]
    for changed in ({"mode": "max"}, {"mode": "sum"}, {"scaled": True}):
        assert {"size": 2, **changed} in found
    base = Case({}, (("x", "float[2,4]"), ("kind", "literal('a')")))
    assert "literal('b')" in [dict(case.inputs)["kind"] for case in variations(base, function)]
