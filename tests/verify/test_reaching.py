"""Cases for edits in branches: what the branches ask is read from the text, what reaches an edit is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kmigrate.cli.main import main
from kmigrate.verify.anatomy import read_unit
from kmigrate.verify.cases import Case
from kmigrate.verify.executed import Executed
from kmigrate.verify.guards import Guards
from kmigrate.verify.markers import RAN
from kmigrate.verify.reaching import directed, reachable, uncalled, undirected
from kmigrate.verify.usages import Usage
from kmigrate.verify.wishes import Wish

CLASS = """
class A(Layer):
    def __init__(self, units=3, mode="sum", scale=None, flag=False, act=None, **kwargs):
        self.units = units
        self.mode = mode
        self.gain = scale
        self.flag = flag
        self.wide = units > 4 and mode == "max"
        self.act = activations.get(act)

    def call(self, x, mask=None, training=None, other=None):
        {body}

    def other_one(self, x):
        return {mark}(9, x)

    def helper(self, x):
        if self.mode == "min":
            return {mark}(8, x)
"""
BASE = Case({"units": 3}, (("x", "float[2,6,4]"),))


def cases_for(body: str, use: int = 0, engine: str = "tensorflow", text: str = CLASS) -> list[str] | None:
    """The cases that are tried for a marked use, in words, as far as they differ from the base; None where none can reach it."""
    marked_text = text.replace("{body}", body.replace("\n", "\n        ")).replace("{mark}", RAN).replace("MARK", f"{RAN}(0, x)")
    shape = read_unit(marked_text, "A")
    assert shape is not None
    asked = reachable(marked_text, "A", shape, engine, [use])
    if not asked:
        return None
    return [case.arguments().removeprefix("units=3, ") for _, case in directed(asked, shape, BASE)]


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ("return MARK if self.flag else x", "flag=True, x=float[2,6,4]"),
        ("return x if not self.flag else MARK", "flag=True, x=float[2,6,4]"),
        ('if self.mode == "mul":\n    return MARK', "mode='mul', x=float[2,6,4]"),
        ('if "mul" == self.mode:\n    return MARK', "mode='mul', x=float[2,6,4]"),
        ('if self.mode in ("mul", "dot"):\n    return MARK', "mode='mul', x=float[2,6,4]"),
        ('if self.mode != "sum":\n    return MARK', "mode='min', x=float[2,6,4]"),
        ('if self.mode == "sum":\n    return x\nreturn MARK', "mode='min', x=float[2,6,4]"),
        ('if self.mode == "sum":\n    return x\nelif self.mode == "mul":\n    return x\nelse:\n    return MARK', "mode='min', x=float[2,6,4]"),
        ("if self.units > 3:\n    return MARK", "units=4, x=float[2,6,4]"),
        ("if 5 <= self.units:\n    return MARK", "units=5, x=float[2,6,4]"),
        ("if self.gain is not None and MARK:\n    return x", "scale=2, x=float[2,6,4]"),
        ("return self.gain and MARK", "scale=2, x=float[2,6,4]"),
        ("if self.wide:\n    return MARK", "units=5, mode='max', x=float[2,6,4]"),
        ("if self.act is not None:\n    return MARK", "act='tanh', x=float[2,6,4]"),
        ("if callable(self.gain):\n    return MARK", "scale='expr(lambda x: x)', x=float[2,6,4]"),
        ("if not self.trainable:\n    return MARK", "trainable=False, x=float[2,6,4]"),
        ("if training:\n    return MARK", "x=float[2,6,4], training=literal(True)"),
        ("if mask is not None:\n    return MARK", "x=float[2,6,4], mask=bool[2,6]"),
        ("if other is None:\n    return x\nreturn MARK", "x=float[2,6,4], other=float[2,6,4]"),
        ("if K.ndim(x) == 4:\n    return MARK", "x=float[2,8,8,3]"),
        ("if len(K.int_shape(x)) == 2 and mask is not None:\n    return MARK", "x=float[2,4], mask=bool[2,4]"),
        ("rank = len(x.get_shape())\nif rank == 2:\n    return MARK", "x=float[2,4]"),
        ("if isinstance(x, (list, tuple)):\n    return MARK", "x.0=float[2,6,4], x.1=float[2,6,4]"),
        ("if len(x) == 3:\n    return MARK", "x.0=float[2,6,4], x.1=float[2,6,4], x.2=float[2,6,4]"),
        ("assert self.units == 7\nreturn MARK", "units=7, x=float[2,6,4]"),
        ('if K.backend() == "tensorflow" and self.flag:\n    return MARK', "flag=True, x=float[2,6,4]"),
        ("def step(a, s):\n    return MARK if self.flag else a\nreturn K.rnn(step, x, [])", "flag=True, x=float[2,6,4]"),
        ("scale = self.gain\nif scale:\n    return MARK", "scale=2, x=float[2,6,4]"),
        ("if training in (None, False):\n    return x\nreturn MARK", "x=float[2,6,4], training=literal(True)"),
        ("if not x.dtype.is_floating:\n    return MARK", "x=int32[2,6,4]<2"),
        ("if K.dtype(x) != 'float32':\n    return MARK", "x=int32[2,6,4]<2"),
        ("if x.dtype.base_dtype == tf.bool:\n    return MARK", "x=bool[2,6,4]"),
        ("if x.shape[-1] == 1:\n    return MARK", "x=float[2,6,1]"),
        ("axis = 1 if K.image_data_format() == 'channels_first' else 3\nif K.int_shape(x)[axis] != 1 or K.ndim(x) != 4:\n    return x\nreturn MARK", "x=float[2,8,8,1]"),
    ],
)  # fmt: skip
def test_what_the_branches_ask_is_granted(body: str, first: str) -> None:
    made = cases_for(body)
    assert made is not None
    assert made[0] == first


def test_the_data_format_is_that_of_the_case() -> None:
    text = CLASS.replace("{body}", f'if K.image_data_format() == "channels_first":\n            return {RAN}(0, x)')
    text = text.replace("{mark}", RAN)
    shape = read_unit(text, "A")
    assert shape is not None
    base = Case({}, (("x", "float[2,8,8,3]"),))
    (first, *_) = [case for _, case in directed(reachable(text, "A", shape, "tensorflow", [0]), shape, base)]
    assert (first.data_format, first.inputs) == ("channels_first", (("x", "float[2,3,8,8]"),))


@pytest.mark.parametrize(
    ("body", "use", "engine"),
    [
        ("return x", 9, "tensorflow"),  # nothing calls the method
        ('if K.backend() == "theano":\n    return MARK', 0, "tensorflow"),
        ('if K.backend() == "theano":\n    return x\nreturn MARK', 0, "theano"),
        ('if self.mode == "sum" and self.mode == "mul":\n    return MARK', 0, "tensorflow"),
        ("if False:\n    return MARK", 0, "tensorflow"),
    ],
)
def test_what_no_case_can_reach_is_not_looked_for(body: str, use: int, engine: str) -> None:
    assert cases_for(body, use, engine) is None


def test_a_branch_may_want_one_tensor_where_another_unpacks_a_list() -> None:
    text = CLASS.replace("{body}", f"if self.flag and mask is not None:\n            return {RAN}(0, x)\n        x, n = x")
    text = text.replace("{mark}", RAN)
    shape = read_unit(text, "A")
    assert shape is not None
    base = Case({}, (("x.0", "float[2,6,4]"), ("x.1", "int[2,1]<2")))
    made = [case.arguments() for _, case in directed(reachable(text, "A", shape, "tensorflow", [0]), shape, base)]
    assert "flag=True, x.0=float[2,6,4], x.1=int[2,1]<2, mask.0=bool[2,6], mask.1=bool[2,1]" in made
    assert "flag=True, x=float[2,6,4], mask=bool[2,6]" in made


def test_a_method_is_reached_through_those_that_call_it() -> None:
    assert cases_for("if self.flag:\n    return self.helper(x)", 8) == ["mode='min', flag=True, x=float[2,6,4]"]


def test_methods_that_nothing_calls_are_named() -> None:
    text = CLASS.replace("{body}", f"return {RAN}(0, x)").replace("{mark}", RAN)
    assert uncalled(text, [0, 8, 9]) == ["helper", "other_one"]
    assert uncalled(text, [0]) == []


def test_what_cannot_be_read_asks_for_nothing() -> None:
    """The use may be reached by any case: there is nothing to direct one by."""
    assert cases_for("if tf.reduce_any(x) > self.units * 2:\n    return MARK") == []


def test_guards_of_a_text_without_the_use() -> None:
    assert Guards("x = 1").of(3) == []


def test_other_calls_and_flags_are_tried_as_they_are() -> None:
    text = CLASS.replace("{body}", "return x").replace("{mark}", RAN)
    shape = read_unit(text, "A")
    assert shape is not None
    usage = Usage((8,), {"mode": "max"}, where="tests/test_a.py:3")
    made = [case.arguments() for case in undirected(BASE, shape, [usage], None)]
    assert "units=3, flag=True, x=float[2,6,4]" in made
    assert "units=8, mode='max', x=float[2,6,4]" in made
    assert "units=3, scale=2, x=float[2,6,4]" in made
    assert "units=3, x=float[2,6,4], training=literal(True)" in made


def test_cases_that_reach_something_are_kept_with_variations() -> None:
    reaches = {1: frozenset({0}), 2: frozenset({0, 1}), 5: frozenset({0, 2})}
    asked: list[int] = []

    def run(case: Case) -> frozenset[int]:
        asked.append(case.seed)
        return reaches.get(case.seed, frozenset())

    def vary(case: Case) -> Sequence[Case]:
        return [Case(seed=case.seed * 100 + n) for n in range(20)]

    executed = Executed(frozenset({0, 1, 2, 3}), run, time.monotonic() + 60)
    executed.ask(1, Case(seed=1))
    proposed = [
        (1, Case(seed=2)),
        (1, Case(seed=3)),
        (2, Case(seed=4)),
        (None, Case(seed=5)),
        (3, Case(seed=1)),
        (3, Case(seed=7)),
    ]
    found = executed.reach([Case(seed=1)], proposed, vary)
    assert asked == [1, 2, 4, 5, 7], "a case for an edit that was reached meanwhile, or one that is there, is not tried"
    assert [case.seed for case in found] == [1, 2, *range(200, 208), 5, *range(500, 508)]
    assert executed.first(range(1, len(found) + 1)) == {0: 1, 1: 2, 2: 11}
    assert executed.missing == {3}


def test_a_case_that_fails_is_adapted_a_few_times() -> None:
    asked: list[int] = []

    def run(case: Case) -> frozenset[int] | dict[str, str]:
        asked.append(case.seed)
        return frozenset({0}) if case.seed == 21 else {"message": str(case.seed)}

    def adapt(case: Case, failure: Mapping[str, str]) -> list[Case]:
        assert failure == {"message": str(case.seed)}
        return [Case(seed=case.seed * 10 + n) for n in range(9)]

    executed = Executed(frozenset({0}), run, time.monotonic() + 60)
    found = executed.reach([], [(0, Case(seed=1)), (0, Case(seed=2))], lambda case: [], adapt)
    assert asked == [1, 10, 11, 12, 13, 100, 2, 20, 21]
    assert [case.seed for case in found] == [21]
    assert executed.first([1]) == {0: 1}


# --- real engines ----------------------------------------------------------------------------------------------------

BRANCHES = '''import tensorflow as tf
from keras import backend as K
from keras.layers import Layer


class Branchy(Layer):
    """Branchy(4)(Input((6, 4)))"""

    def __init__(self, units, scale=None, combine="add", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gain = scale
        self.combine = combine

    def call(self, x, training=None, mask=None):
        y = tf.tanh(x)
        if self.gain is not None:
            y = tf.square(y) * self.gain
        if training:
            y = tf.abs(y)
        if self.combine == "mul" and self.gain is not None:
            y = WRONG(y)
        z = tf.cos(y + 2.0) if mask is not None else y
        if len(x.shape) == 7 or K.backend() == "theano":
            z = tf.sigmoid(z)
        return z

    def report(self, x):
        return tf.maximum(x, 0.0)
'''
# Wrong on purpose, and only in the branch.
RULE = """[[rule]]
code = "XX001"
name = "wrong"
symbols = ["tf.math.bessel_i0e"]
signature = "x, name=None"
keras2 = "K.abs(x)"

[[rule.example]]
before = "tf.math.bessel_i0e(x)"
keras2 = "K.abs(x)"
inputs = { x = "float[2,3]" }
"""


@pytest.mark.engines
@pytest.mark.parametrize("stack", ["keras2-tf1", "keras2-tf2"])
def test_branches_are_reached_and_a_fault_in_one_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stack: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.py").write_text(BRANCHES.replace("WRONG", "tf.exp"))
    assert main(["verify", "--stack", stack, "--output-format", "json", "m.py"]) == 0
    (unit,) = json.loads(capsys.readouterr().out)["units"]
    assert {edit["symbol"]: edit["executed"] for edit in unit["edits"]} == {
        "tf.math.tanh": True,
        "tf.math.square": True,
        "tf.math.abs": True,
        "tf.math.exp": True,
        "tf.math.cos": True,
        "tf.math.sigmoid": False,
        "tf.math.maximum": False,
    }
    Path("wrong").mkdir()
    Path("wrong/rules.toml").write_text(RULE)
    Path("kmigrate.toml").write_text('rules = ["wrong"]\n')
    Path("m.py").write_text(BRANCHES.replace("WRONG", "tf.math.bessel_i0e"))
    assert main(["verify", "--stack", stack, "--unsafe", "--output-format", "json", "m.py"]) == 1
    (unit,) = json.loads(capsys.readouterr().out)["units"]
    assert unit["verdict"] == "different"
    assert unit["blame"] == "line 22, column 17: XX001 `tf.math.bessel_i0e` -> `K.abs(y)`"


FLOAT32 = '''import tensorflow as tf
from keras.layers import Layer


class Named(Layer):
    """Named()(Input((4,)))"""

    def __init__(self, flag=False, **kwargs):
        super().__init__(**kwargs)
        self.flag = flag

    def call(self, x):
        y = x * tf.constant(2.0, tf.float32)
        return tf.exp(y) if self.flag else y
'''


@pytest.mark.engines
def test_a_branch_of_code_that_runs_in_float32_alone_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.py").write_text(FLOAT32)
    assert main(["verify", "--output-format", "json", "m.py"]) == 0
    (unit,) = json.loads(capsys.readouterr().out)["units"]
    assert {run["floatx"] for run in unit["runs"]} == {"float32"}
    assert [edit["executed"] for edit in unit["edits"] if edit["symbol"] == "tf.math.exp"] == [True]


def test_a_branch_may_ask_for_a_list() -> None:
    asked = [Wish("construct", "axes", "equal", value) for value in ([1, 2], [1, 2], [1])]
    assert [wish.value for wish in dict.fromkeys(asked)] == [[1, 2], [1]]
