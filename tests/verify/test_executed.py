"""Which edits the cases execute: marks that change nothing, what is asked of which case, and what is said of each edit."""

from __future__ import annotations

import ast
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.cli.main import main
from kmigrate.config import Config
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.verify.cases import Case
from kmigrate.verify.executed import Executed, covered, edit_verdicts, marks_of
from kmigrate.verify.markers import RAN, marked, wrapped
from kmigrate.verify.verdicts import EditVerdict, EngineVerdict, UnitVerdict

HEAD = "import tensorflow as tf\nfrom keras.layers import Layer, Lambda\n\n\n"
METHOD = "class A(Layer):\n    def call(self, a, b=None):\n        return "


def check(folder: Path, text: str) -> Checked:
    path = folder / "m.py"
    path.write_text(HEAD + text + "\n")
    (one,) = Project(Config()).check([str(path)])
    return one


# --- the marks -------------------------------------------------------------------------------------------------------

EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "(a)", "1.5", "[a, b]", "-a", "(yield)", "a if b else tf.exp(b)", "a\n        .T"]),
    lambda inner: st.one_of(
        st.builds("tf.exp({})".format, inner),
        st.builds("tf.concat([{}, {}], axis={})".format, inner, inner, inner),
        st.builds("tf.where(\n            {},  # why\n            x={}, y=({}))".format, inner, inner, inner),
        st.builds("({}).get_shape()".format, inner),
        st.builds("tf.shape({})[0]".format, inner),
        st.builds("tf.reduce_sum({}, *a)".format, inner),
        st.builds("tf.map_fn(lambda q: {}, b)".format, inner),
        st.builds("tf.nn.relu({})({})".format, inner, inner),
        st.builds('f"{{tf.exp({})}}"'.format, st.sampled_from(["a", "b"])),
    ),
    max_leaves=5,
)


class _Unmarked(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[1] if isinstance(node.func, ast.Name) and node.func.id == RAN else node


@settings(deadline=None)
@given(EXPRESSIONS)
def test_marking_moves_no_line_and_keeps_the_code(tmp_path_factory: pytest.TempPathFactory, expression: str) -> None:
    one = check(tmp_path_factory.mktemp("w"), f"{METHOD}({expression})")
    if one.analysis is None:
        return
    uses = [finding.span for finding in one.report.findings]
    text, unmarked = marked(one.analysis.source.text, uses)
    assert text.count("\n") == one.analysis.source.text.count("\n")
    assert text.count(f"{RAN}(") == len(uses) - len(unmarked)
    assert ast.dump(_Unmarked().visit(ast.parse(text))) == ast.dump(ast.parse(one.analysis.source.text))


def test_what_cannot_be_marked_is_named_and_the_rest_is() -> None:
    text = "x = f'{a}' 'b'\ny = g(h(1))\n"
    first, second = (4, 10), (text.index("h(1)"), text.index("h(1)") + 4)
    changed, unmarked = marked(text, [first, second])
    assert unmarked == {0}
    assert changed == f"x = f'{{a}}' 'b'\ny = g({RAN}(1, h(1)))\n"
    assert wrapped(text, []) is None
    assert marked("def broken(:", [(0, 3)]) == ("def broken(:", {0})


def test_a_unit_has_the_marks_of_its_own_edits(tmp_path: Path) -> None:
    """Lambdas share one name: the edits of another one, which its cases never execute, are none of its own."""
    one = check(tmp_path, "f = Lambda(lambda t: tf.exp(t))\ng = Lambda(lambda t: tf.abs(tf.square(t)))")
    assert one.analysis is not None
    chosen = fixes_to_apply(one.report.findings, False)
    every = [marks_of(one.analysis, unit, chosen) for unit in one.analysis.units(chosen)]
    assert [[fix.symbol for fix in marks.fixes] for marks in every] == [
        ["tf.math.exp"],
        ["tf.math.abs", "tf.math.square"],
    ]
    assert every[1].text.splitlines()[-1].endswith(f"{RAN}(0, tf.abs({RAN}(1, tf.square(t)))))")


@pytest.mark.parametrize("deferred", [True, False])
def test_an_annotation_that_python_never_evaluates_is_no_edit_that_a_case_could_execute(tmp_path: Path, deferred: bool) -> None:
    text = "class A(Layer):\n    def call(self, x: tf.Tensor) -> tf.Tensor:\n        y: tf.Tensor = tf.exp(x)\n        return y\n"
    path = tmp_path / "m.py"
    path.write_text(("from __future__ import annotations\n" if deferred else "") + HEAD + text)
    (one,) = Project(Config()).check([str(path)])
    assert one.analysis is not None
    chosen = fixes_to_apply(one.report.findings, False)
    (unit,) = one.analysis.units(chosen)
    symbols = [fix.symbol for fix in marks_of(one.analysis, unit, chosen).fixes]
    assert symbols == ([] if deferred else ["tf.Tensor", "tf.Tensor"]) + ["tf.math.exp"]


# --- what is asked and said ------------------------------------------------------------------------------------------


def test_cases_are_asked_until_every_use_was_evaluated() -> None:
    shows: dict[int, frozenset[int] | dict[str, Any]] = {
        1: frozenset({0}),
        2: {"ok": False},
        3: frozenset({0}),
        4: frozenset({0, 2}),
        5: frozenset({1}),
    }
    asked: list[int] = []

    def run(case: Case) -> frozenset[int] | dict[str, Any]:
        asked.append(case.seed)
        return shows[case.seed]

    executed = Executed(frozenset({0, 2}), run, time.monotonic() + 60)
    new = []
    for number in shows:
        if executed.finished:
            break
        new.append(executed.ask(number, Case(seed=number)))
    assert asked == [1, 2, 3, 4]
    assert new == [True, False, False, True]
    assert executed.first([1, 2, 3, 4]) == {0: 1, 2: 4}
    assert executed.first([3]) == {0: 3}, "a case that was not compared counts for nothing"


def test_the_search_for_what_runs_ends_with_its_time() -> None:
    executed = Executed(frozenset({0}), lambda case: frozenset(), time.monotonic() - 1)
    assert executed.finished
    assert executed.missing == {0}


def test_an_edit_is_executed_or_not_or_it_is_not_known(tmp_path: Path) -> None:
    one = check(tmp_path, METHOD + "tf.exp(a), tf.abs(a), tf.square(a)")
    assert one.analysis is not None
    (unit,) = one.analysis.units(one.report.findings)
    marks = marks_of(one.analysis, unit, one.report.findings)
    marks = type(marks)(marks.fixes, marks.text, frozenset({2}))
    found = edit_verdicts(marks, {0: 3}, known=True)
    assert [(edit.symbol, edit.executed, edit.case) for edit in found] == [
        ("tf.math.exp", True, 3),
        ("tf.math.abs", False, None),
        ("tf.math.square", None, None),
    ]
    assert found[0].replacement == "K.exp(a)"
    assert {edit.executed for edit in edit_verdicts(marks, {}, known=False)} == {None}


@pytest.mark.parametrize(
    ("executed", "verdict"), [((False, False), "skipped"), ((True, False), "equal"), ((None, False), "equal"), ((), "equal")]
)
def test_a_verdict_that_no_edit_was_executed_for_is_none(executed: tuple[bool | None, ...], verdict: str) -> None:
    edits = tuple(EditVerdict(line, 1, "TF1", "tf.exp", "K.exp(x)", one) for line, one in enumerate(executed))
    engines = {"tensorflow": EngineVerdict("equal"), "theano": EngineVerdict("unsupported", reason="no")}
    found = covered(UnitVerdict("m.py", "A", "layer", "equal", engines, 3, edits=edits))
    assert found.verdict == found.engines["tensorflow"].verdict == verdict
    assert found.engines["theano"].reason == "no"
    assert ("none executes what was rewritten" in (found.reason or "")) == (verdict == "skipped")
    different = UnitVerdict("m.py", "A", "layer", "different", engines, 3, edits=edits)
    assert covered(different) is different


def test_what_no_case_executed_is_told_with_how_the_cases_made_for_it_fail() -> None:
    answers: dict[int, dict[str, Any]] = {
        1: {"where": "call", "type": "ValueError", "message": "ValueError: rank 3", "lines": [3]},
        2: {
            "where": "call",
            "type": "TypeError",
            "message": "f() got an unexpected keyword argument 'how'",
            "lines": [9],
            "of": "tf",
        },
        3: {"where": "construct", "type": "ValueError", "message": "no", "lines": [20]},
    }
    executed = Executed(frozenset({0}), lambda case: answers[case.seed], time.monotonic() + 60)
    assert executed.reach([], [(0, Case(seed=1)), (0, Case(seed=2)), (0, Case(seed=3))], lambda case: []) == []
    edits = (EditVerdict(1, 1, "TF1", "tf.exp", "K.exp(x)", False),)
    unit = UnitVerdict("m.py", "A", "layer", "equal", {"tensorflow": EngineVerdict("equal")}, 3, edits=edits)
    reason = str(covered(unit, executed.refused).reason)
    assert (
        "one that was made for it fails at call: TypeError: f() got an unexpected keyword argument 'how' (the code is" in reason
    )


@pytest.fixture
def executing() -> Iterator[type]:
    """The worker's side: plain Python, so it runs here as well."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "kmigrate" / "verify"))
    try:
        from worker.executing import Executing

        yield Executing
    finally:
        sys.path.pop(0)


def test_a_use_that_fails_was_not_evaluated(executing: type) -> None:
    with executing() as found:
        namespace = {"x": [1]}
        exec(f"y = {RAN}(0, x[0]) if {RAN}(1, len(x)) else {RAN}(2, x[1])", namespace)
        with pytest.raises(IndexError):
            exec(f"{RAN}(3, {RAN}(4, x)[1])", namespace)
    assert found.ran == {0, 1, 4}
    assert namespace["y"] == 1
    with pytest.raises(NameError):
        exec(f"{RAN}(0, 1)")


# --- real engines ----------------------------------------------------------------------------------------------------

BRANCHES = """class Branches(Layer):
    def call(self, x):
        y = tf.tanh(x) if self.trainable else tf.exp(x)
        if len(x.shape) == 7:
            y = tf.sigmoid(y)
        return tf.square(y)

    def never(self, x):
        return tf.abs(x)


class Tested(Layer):
    def call(self, x):
        return tf.exp(x)
"""


@pytest.mark.engines
@pytest.mark.parametrize("head", [HEAD, HEAD.replace("from keras", "from tensorflow.keras")])
@pytest.mark.parametrize("stack", ["keras2-tf1", "keras2-tf2"])
def test_edits_that_no_case_executed_are_named_and_not_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], head: str, stack: str
) -> None:
    """Also where TensorFlow converts the functions of a layer from their source."""
    monkeypatch.chdir(tmp_path)
    Path("m.py").write_text(head + BRANCHES)
    assert main(["verify", "--stack", stack, "--output-format", "json", "m.py"]) == 0
    document = json.loads(capsys.readouterr().out)
    first, second = document["units"]
    assert {edit["symbol"]: edit["executed"] for edit in first["edits"]} == {
        "tf.math.tanh": True,
        "tf.math.exp": True,
        "tf.math.sigmoid": False,
        "tf.math.square": True,
        "tf.math.abs": False,
    }
    assert [edit["executed"] for edit in second["edits"]] == [True]
    assert second["edits"][0]["case"] == 1
    assert (document["summary"]["edits"], document["summary"]["not_executed"]) == (6, 2)
    assert main(["fix", "--verify", "--stack", stack, "--write", "m.py"]) == 1
    said = capsys.readouterr().err
    assert "m.py: Branches: identical: 2 of 5 fixes left out (executed by no case: line 9: tf.math.sigmoid" in said
    text = Path("m.py").read_text()
    assert "K.tanh(x) if self.trainable else K.exp(x)" in text
    assert "y = tf.sigmoid(y)\n        return K.square(y)" in text
    assert "return tf.abs(x)" in text
    assert text.endswith("return K.exp(x)\n")
