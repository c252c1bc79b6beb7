"""Observed facts: arguments are watched without changing what the code does, and choose among the alternatives of a rule."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmigrate.cli.main import main
from kmigrate.config import Config
from kmigrate.model import Fix
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.rulebook.book import load_rulebook
from kmigrate.values.observed import Call, Seen
from kmigrate.verify.observe import calls_of, chosen_again, undecided, watched
from kmigrate.verify.runner import Engines
from kmigrate.verify.stacks import ensure, get_stack

HEAD = "import tensorflow as tf\nfrom keras.layers import Layer\n\n\nclass A(Layer):\n    def call(self, a, b=None, c=None):\n        return "


def tensor(rank: int | None, dtype: str = "float32", shape: tuple[int | None, ...] | None = None) -> Seen:
    return Seen("tensor", rank, dtype, shape if shape is not None else None if rank is None else (None,) * rank)


def check(folder: Path, expression: str) -> Checked:
    path = folder / "m.py"
    path.write_text(HEAD + expression + "\n")
    (one,) = Project(Config()).check([str(path)])
    return one


def fix_with(folder: Path, expression: str, *calls: list[Seen]) -> tuple[Fix | None, Fix | None]:
    """The fix of the only use without and with what calls, one in each case, showed."""
    one = check(folder, expression)
    (finding,) = undecided(one)
    seen = {finding.span: [Call(case, dict(enumerate(arguments))) for case, arguments in enumerate(calls)]}
    again = chosen_again(one, seen, load_rulebook(()), "keras2")
    return finding.fix, again.report.findings[0].fix


# --- the choice ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "calls", "replacement", "said"),
    [
        ("tf.matmul(a, b)", [[tensor(2), tensor(2)]] * 6, "K.dot(a, b)", "observed b of rank 2 in 6 cases"),
        ("tf.matmul(a, b)", [[tensor(4), tensor(2)], [tensor(2), tensor(2)]], "K.dot(a, b)", "observed b of rank 2 in 2 cases"),
        ("tf.matmul(a, b)", [[tensor(3), tensor(3)]], "K.batch_dot(a, b)", "observed a of rank 3, b of rank 3 in 1 case"),
        (
            "tf.repeat(a, b, axis=1)",
            [[tensor(2), Seen("number")]] * 3,
            "K.repeat_elements(a, b, 1)",
            "repeats a Python number in 3",
        ),
        (
            "tf.gather(a, b, axis=1)",
            [[tensor(3), tensor(1, "int32")]],
            "K.permute_dimensions(K.gather(K.permute_dimensions(a, (1, 0, 2)), b), (1, 0, 2))",
            "observed indices of rank 1, params of rank 3 in 1 case",
        ),
        (
            "tf.matmul(a, b, transpose_b=True)",
            [[tensor(3), tensor(3)]],
            "K.batch_dot(a, b, axes=[2, 2])",
            "a of rank 3, b of rank 3",
        ),
    ],
)
def test_an_alternative_is_chosen_by_what_was_seen(
    tmp_path: Path, expression: str, calls: list[list[Seen]], replacement: str, said: str
) -> None:
    before, after = fix_with(tmp_path, expression, *calls)
    assert before is not None
    assert before.observed is None
    assert after is not None
    assert after.replacement == replacement
    assert after.applicability == "unsafe"
    assert said in (after.assumption or "")
    assert after.observed is not None
    assert after.observed.cases == len(calls)
    assert after.rests_on_observation_alone


@pytest.mark.parametrize(
    "calls",
    [
        [[tensor(3), tensor(3)], [tensor(2), tensor(2)]],
        [[tensor(4), tensor(4)]],
        [[tensor(None), tensor(None)]],
        [[Seen("other"), Seen("other")]],
        [[]],
    ],
)
def test_calls_that_show_nothing_or_differ_leave_the_fix_as_it_is(tmp_path: Path, calls: list[list[Seen]]) -> None:
    before, after = fix_with(tmp_path, "tf.matmul(a, b)", *calls)
    assert after == before


def test_an_assumption_that_a_call_contradicts_is_not_made(tmp_path: Path) -> None:
    """tf.where of one shape is assumed without a run; seen with a smaller condition it must not become K.switch."""
    small, big = tensor(1, "bool", (2,)), tensor(3)
    before, assumed = fix_with(tmp_path, "tf.where(a, b, c)")
    assert before == assumed
    assert before is not None
    assert before.assumption is not None
    _, same = fix_with(tmp_path, "tf.where(a, b, c)", [tensor(3, "bool"), big, big])
    assert same is not None
    assert same.observed is not None
    assert "of rank 3" in str(same.observed)
    _, other = fix_with(tmp_path, "tf.where(a, b, c)", [small, big, big])
    assert other is None or other.replacement != same.replacement


def test_what_was_seen_is_held_against_what_was_proven(tmp_path: Path) -> None:
    """A list where the proof had tensors only: the observation alone does not carry the fix."""
    number = Seen("number")
    _, after = fix_with(tmp_path, "tf.matmul(a, b)", [Seen("list", items=(number,)), tensor(2)])
    assert after is None or not after.rests_on_observation_alone


def test_only_observation_admits_a_fix_that_is_otherwise_unsafe(tmp_path: Path) -> None:
    one = check(tmp_path, "tf.matmul(a, b)")
    (finding,) = undecided(one)
    seen = {finding.span: [Call(0, {0: tensor(3), 1: tensor(3)})]}
    findings = chosen_again(one, seen, load_rulebook(()), "keras2").report.findings
    assert fixes_to_apply(findings, unsafe=False) == []
    assert fixes_to_apply(findings, unsafe=False, observed=True) == list(findings)


# --- the watchers ----------------------------------------------------------------------------------------------------

EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "(a)", "1.5", "None", "[a, b]", "a [0]", "(yield)", "-a", "a if b else c", "a\n        .T"]),
    lambda inner: st.one_of(
        st.builds("tf.matmul({}, {})".format, inner, inner),
        st.builds("tf.concat([{}, {}], axis={})".format, inner, inner, inner),
        st.builds("tf.where(\n            {},  # why\n            x={}, y=({}))".format, inner, inner, inner),
        st.builds("({}).get_shape()".format, inner),
        st.builds("tf.reduce_sum({}, *a)".format, inner),
        st.builds("tf.stack([{} for q in b])".format, inner),
        st.builds("tf.map_fn(lambda q: {}, b)".format, inner),
    ),
    max_leaves=5,
)


@given(EXPRESSIONS)
def test_watching_moves_no_line_and_keeps_the_code(tmp_path_factory: pytest.TempPathFactory, expression: str) -> None:
    one = check(tmp_path_factory.mktemp("w"), f"({expression})")
    analysis = one.analysis
    if analysis is None:
        return
    made = watched(analysis, undecided(one))
    if made is None:
        return
    text, uses = made
    assert text.count("\n") == analysis.source.text.count("\n")
    assert text.replace("__kmigrate_seen__(", "").count("__kmigrate_seen__") == 0
    assert ast.dump(_Unwatched().visit(ast.parse(text))) == ast.dump(ast.parse(analysis.source.text))
    assert len(set(uses)) == len(uses)


class _Unwatched(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[2] if isinstance(node.func, ast.Name) and node.func.id == "__kmigrate_seen__" else node


@pytest.fixture
def watching() -> Iterator[type]:
    """The worker's watcher: plain Python, so it runs here as well."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "kmigrate" / "verify"))
    try:
        from worker.observing import Watching

        yield Watching
    finally:
        sys.path.pop(0)


def test_calls_are_told_apart_and_told_once(watching: type) -> None:
    with watching() as watcher:
        seen = __kmigrate_seen__  # type: ignore[name-defined]  # noqa: F821
        for value in (1, 1, "x"):
            assert seen(0, 0, value) is value
            assert seen(0, 1, None) is None
        for length in range(20):
            seen(1, 0, [1] * length)
    found = watcher.different()
    assert found["0"] == [{"0": {"kind": "number"}, "1": {"kind": "none"}}, {"0": {"kind": "text"}, "1": {"kind": "none"}}]
    assert found["1"] is None, "more different calls than are told"
    calls = calls_of({"seen": [found, None, {"0": found["0"][:1]}]}, [(3, 4), (5, 6)], 10)
    assert [call.case for call in calls[3, 4]] == [10, 10, 12]
    assert calls[3, 4][1].arguments == {0: Seen("text"), 1: Seen("none")}
    assert (5, 6) not in calls


# --- real engines ----------------------------------------------------------------------------------------------------

TF = '''import tensorflow as tf
from keras.layers import Layer, Lambda


class Att(Layer):
    """Att()([Input((5, 4)), Input((4, 3))])"""

    def call(self, inputs):
        a, b = inputs
        return tf.matmul(a, tf.square(b))


class Project(Layer):
    """Project(units=3)(Input((4,)))"""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (shape[-1], self.units), initializer="ones")

    def call(self, x):
        return apply(x, self.kernel)


def apply(x, w):
    return tf.matmul(x, w)
'''


@pytest.mark.engines
def test_ranks_seen_on_the_original_choose_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("att.py").write_text(TF)
    assert main(["fix", "--observed", "att.py"]) == 2
    assert "--observed is for fix --verify" in capsys.readouterr().err
    assert main(["fix", "--verify", "att.py"]) == 1
    assert "K.batch_dot" not in capsys.readouterr().out
    assert main(["fix", "--verify", "--observed", "--output-format", "json", "att.py"]) == 1
    told = json.loads(capsys.readouterr().out)["findings"]
    facts = [["a of rank 3", "b of rank 3"], ["b of rank 2"]]
    assert [f["fix"]["observed"]["facts"] for f in told if f["symbol"] == "tf.linalg.matmul"] == facts
    assert all(f["applied"] and f["fix"]["applicability"] == "unsafe" for f in told if f["symbol"] == "tf.linalg.matmul")
    main(["fix", "--verify", "--observed", "--write", "att.py"])
    err = capsys.readouterr().err
    text = Path("att.py").read_text()
    assert "return K.batch_dot(a, K.square(b))" in text
    assert "return K.dot(x, w)" in text
    assert "att.py:10:16: TF281 `K.batch_dot(a, tf.square(b))`: observed a of rank 3, b of rank 3 in " in err


@pytest.mark.engines
@pytest.mark.parametrize("stack_name", ["keras2-tf1", "keras2-tf2"])
def test_watched_values_are_described(stack_name: str) -> None:
    stack = get_stack(stack_name)
    body = "def f(x):\n    w = K.variable([[1.0]])\n    s = __kmigrate_seen__\n    s(0, 0, x)\n    s(0, 1, w)\n    s(0, 2, [x, 3, None, 'a'])\n    return x\n"
    tensorflow = "import tensorflow as tf\nfrom keras import backend as K\n" + body
    theano = "import theano.tensor as T\nfrom keras import backend as K\n" + body
    case = {
        "kwargs": {},
        "inputs": [{"name": "x", "value": {"d": "float32", "s": [2, 3], "b": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}],
        "dynamic": True,
    }
    with Engines(ensure(stack), stack.engines) as engines:
        for engine, source in (("tensorflow", tensorflow), ("theano", theano)):
            module = {"name": "m", "source": source, "path": "m.py", "flavour": "keras"}
            request = {
                "op": "observe",
                "module": module,
                "unit": {"qualname": "f", "kind": "helper"},
                "cases": [case, {"kwargs": {}, "inputs": []}],
            }
            answer = engines.call(engine, request)
            first, second = answer["seen"]
            assert second is None
            x, w, items = (first["0"][0][place] for place in "012")
            assert (x["kind"], x["rank"], x["dtype"], x["shape"][0]) == ("tensor", 2, "float32", None)
            assert (w["kind"], w["rank"], w["dtype"]) == ("variable", 2, "float32")
            assert [item["kind"] for item in items["items"]] == ["tensor", "number", "none", "text"]
