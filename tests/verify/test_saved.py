"""Saved cases: what is written is what is read, a person's edits run as they stand, and every error names its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.cli.main import main
from kmigrate.model import UserError
from kmigrate.toml import tomllib
from kmigrate.verify import saved
from kmigrate.verify.cases import Case
from kmigrate.verify.tables import from_table, to_table
from kmigrate.verify.verdicts import FAILS_BEFORE, CaseVerdict, EngineVerdict, UnitVerdict

NAMES = st.text(st.characters(categories=["L", "N"], include_characters="_. -'\"\\\n"), min_size=1, max_size=8)
SPECS = st.one_of(
    st.builds(
        "{}[{}]".format,
        st.sampled_from(["float", "positive", "bool", "int32", "float64", "onehot", "few"]),
        st.lists(st.integers(0, 9), max_size=4).map(lambda sizes: ",".join(map(str, sizes))),
    ),
    st.builds("int[{}]<{}".format, st.integers(1, 9), st.integers(1, 50)),
    st.one_of(st.integers(), st.text(max_size=8), st.none(), st.tuples(st.integers(), st.booleans())).map("literal({!r})".format),
    st.sampled_from(["expr(np.eye(3))", "expr('\"' + \"'\")"]),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["literal(3)", "literal(", "literal(x)", "expr(layers.Dense(3))", "\x7f\x00\r\n\t"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=6,
)
CASES = st.builds(
    Case,
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(NAMES, SPECS, max_size=3).map(lambda table: tuple(table.items())),
    seed=st.integers(0, 2**32 - 1),
    phase=st.sampled_from([0, 1]),
    floatx=st.sampled_from(["float16", "float32", "float64"]),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dynamic=st.booleans(),
    gradient=st.booleans(),
    epsilon=st.floats(1e-9, 1.0),
    initial_state=st.booleans(),
    round_trip=st.booleans(),
)


def exactly(case: Case) -> str:
    """Equality that tells 1 from True and a tuple from a list."""
    return repr(case)


def verdict(path: Path, qualname: str, cases: list[Case], line: int = 1, origin: str = "") -> UnitVerdict:
    runs = tuple(
        CaseVerdict("tensorflow", number, "", case.floatx, "test", case.data_format, "equal", table=to_table(case))
        for number, case in enumerate(cases, 1)
    )
    return UnitVerdict(
        str(path),
        qualname,
        "layer",
        "equal",
        {"tensorflow": EngineVerdict("equal")},
        len(runs),
        line=line,
        runs=runs,
        origin=origin,
    )


# --- tables and files ------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(CASES)
def test_a_case_is_its_table(case: Case) -> None:
    table = to_table(case)
    assert exactly(from_table("here", table)) == exactly(case)
    assert exactly(from_table("here", json.loads(json.dumps(table)))) == exactly(case)


@settings(deadline=None)
@given(cases=st.lists(CASES, min_size=1, max_size=3), more=st.lists(CASES, min_size=1, max_size=2), origin=TEXTS)
def test_what_is_saved_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, cases: list[Case], more: list[Case], origin: str
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    path, module = folder / "cases.toml", folder / "layers.py"
    one, two = saved.keys(module, [("A", 1), ("B", 9)]).values()
    assert saved.save(path, [(one, verdict(module, "A", cases, origin=origin))]) == (1, 0)
    first = path.read_bytes()
    assert saved.save(path, [(one, verdict(module, "A", more)), (two, verdict(module, "B", more))]) == (1, 1)
    assert path.read_bytes().startswith(first.rstrip(b"\n")), "what was there stays byte for byte"
    read = saved.load(path)
    assert {key: [exactly(case) for case in unit.cases] for key, unit in read.units.items()} == {
        one: [exactly(case) for case in cases],
        two: [exactly(case) for case in more],
    }


def test_the_file_is_one_that_a_person_reads(tmp_path: Path) -> None:
    case = Case(
        {"units": 3, "size": (2, 2), "bias": None}, (("x", "float[2,6,4]"), ("mask", "bool[2,6]")), floatx="float64", phase=1
    )
    module = tmp_path / "src" / "layers.py"
    (key,) = saved.keys(module, [("Attention", 4)]).values()
    saved.save(tmp_path / "cases.toml", [(key, verdict(module, "Attention", [case], origin="the call in tests/test_a.py:3"))])
    text = (tmp_path / "cases.toml").read_text()
    assert text.splitlines()[-7:] == [
        "[[unit]]",
        'path = "src/layers.py"',
        'qualname = "Attention"',
        'origin = "the call in tests/test_a.py:3"',
        "cases = [",
        '    {args = {units = 3, size = "literal((2, 2))", bias = "literal(None)"}, '
        'inputs = {x = "float[2,6,4]", mask = "bool[2,6]"}, floatx = "float64", phase = 1},',
        "]",
    ]


def test_infinities_and_expressions_inside_others_stay_what_they_mean() -> None:
    case = Case({"a": (float("inf"), "expr(K.relu)"), "b": [float("nan")], "c": float("-inf"), "d": 2**70})
    table = to_table(case)
    assert table["args"]["a"] == "expr((float('inf'), K.relu))"
    assert eval(table["args"]["a"][4:], {"K": type("K", (), {"relu": 1})}) == (float("inf"), 1)
    assert table["args"]["d"] == f"literal({2**70})"
    assert repr(table["args"]["b"]) == "[nan]"
    assert table["args"]["c"] == float("-inf")


def test_units_of_one_name_are_numbered(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    found = saved.keys(module, [("f.<lambda>", 7), ("g", 5), ("f.<lambda>", 3), ("g", 5)])
    assert [key[1:] for key in found.values()] == [("f.<lambda>", 1), ("g", 1), ("f.<lambda>", 2)]


def test_cases_that_the_original_does_not_run_are_not_saved() -> None:
    unit = verdict(Path("m.py"), "A", [Case(seed=1), Case(seed=2)])
    failed = [CaseVerdict(**{**_fields(unit.runs[0]), "where": FAILS_BEFORE}), unit.runs[1]]
    elsewhere = CaseVerdict(**{**_fields(unit.runs[1]), "engine": "theano"})
    broken = UnitVerdict("m.py", "A", "layer", "error", unit.engines, 2, runs=(*failed, elsewhere))
    assert broken.tables == [{"seed": 2}]


def _fields(run: CaseVerdict) -> dict[str, Any]:
    return {name: getattr(run, name) for name in CaseVerdict.__dataclass_fields__}


# --- errors ----------------------------------------------------------------------------------------------------------

UNIT = '[[unit]]\npath = "layers.py"\nqualname = "A"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[unit", "not valid TOML"),
        ("schema = 1\n", "unknown key 'schema'"),
        ("unit = 3\n", r"unit: expected \[\[unit\]\] tables"),
        ('[[unit]]\npath = "layers.py"\n', "unit 1: qualname is missing"),
        (UNIT + "case = []\n", "unit 1: unknown key 'case'"),
        (UNIT + "cases = 3\n", "unit 1: cases: expected a list"),
        (UNIT + "cases = []\n", "layers.py: A: there is no case"),
        (UNIT + "cases = [{}, 3]\n", "layers.py: A: case 2: expected a table"),
        (UNIT + 'cases = [{}, {inputs = {x = "flaot[2]"}}]\n', "layers.py: A: case 2: inputs: x: not an input spec: 'flaot"),
        (UNIT + "cases = [{args = 3}]\n", "layers.py: A: case 1: args: expected a table"),
        (UNIT + "cases = [{phase = 2}]\n", "layers.py: A: case 1: phase: expected one of 0, 1"),
        (UNIT + "cases = [{phase = true}]\n", "layers.py: A: case 1: phase: expected one of 0, 1"),
        (UNIT + "cases = [{dynamic = 1}]\n", "layers.py: A: case 1: dynamic: expected one of false, true"),
        (UNIT + "cases = [{seed = -1}]\n", "layers.py: A: case 1: seed"),
        (UNIT + "cases = [{epsilon = 0}]\n", "layers.py: A: case 1: epsilon"),
        (UNIT + "cases = [{trainig = true}]\n", "layers.py: A: case 1: unknown key 'trainig'"),
        (UNIT + 'cases = [{args = {a = "literal(x)"}}]\n', "layers.py: A: case 1: args: a: not a Python literal"),
        (UNIT + "cases = [{args = {a = 2020-01-01}}]\n", "layers.py: A: case 1: args: a: .* no value"),
        (UNIT + "cases = [{}]\n" + UNIT + "cases = [{}]\n", "layers.py: A: the file has two tables"),
    ],
)
def test_an_error_names_file_unit_case_and_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("cases.toml")
    path.write_text(text)
    with pytest.raises(UserError, match=says) as error:
        saved.load(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_file_that_cannot_be_read_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text("import tensorflow as tf\n\n\ndef loss(y_true, y_pred):\n    return tf.square(y_pred)\n")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    for arguments in (
        ["--cases", "none.toml"],
        ["--cases", "bad.toml"],
        ["--save-cases", "bad.toml"],
        ["--save-cases", "no/c.toml"],
    ):
        assert main(["verify", "m.py", *arguments]) == 2
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 1
        assert arguments[1] in told[0]
    (tmp_path / "kmigrate.toml").write_text('cases = "none.toml"\n')
    assert main(["verify", "m.py"]) == 2
    assert "kmigrate.toml: cases: there is no file" in capsys.readouterr().err


def test_units_that_no_run_can_use_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "layers.py").write_text("")
    (tmp_path / "other.py").write_text("")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cases.toml"
    tables = [("layers.py", "Attention"), ("layers.py", "Head"), ("gone.py", "A"), ("other.py", "B")]
    path.write_text("".join(f'[[unit]]\npath = "{place}"\nqualname = "{name}"\ncases = [{{}}]\n' for place, name in tables))
    known = list(saved.keys(tmp_path / "layers.py", [("Head", 1), ("Attention2", 9)]).values())
    lines = list(saved.load(path).unknown({str(tmp_path / "layers.py"): known}))
    assert lines == [
        "cases.toml: layers.py: Attention: this run verifies no such unit (did you mean Attention2?)",
        "cases.toml: gone.py: A: there is no file gone.py",
    ]


# --- real engines ----------------------------------------------------------------------------------------------------

MODULE = '''import tensorflow as tf
from keras.layers import Layer


class Gate(Layer):
    """Scales by a power.

    >>> Gate(power=3)
    """

    def __init__(self, power, **kwargs):
        super().__init__(**kwargs)
        self.power = power

    def call(self, x):
        return tf.square(x) * self.power

    def get_config(self):
        return {**super().get_config(), "power": self.power}
'''


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    code = main(["verify", "--output-format", "json", *arguments])
    told = capsys.readouterr()
    return code, json.loads(told.out)["units"][0], told.err


@pytest.mark.engines
def test_cases_are_saved_edited_and_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "gate.py").write_text(MODULE)
    path = tmp_path / "cases.toml"
    code, unit, err = run(capsys, "src", "--save-cases", "cases.toml")
    assert (code, unit["verdict"]) == (0, "identical")
    assert "cases of 1 unit added" in err
    table = tomllib.loads(path.read_text())["unit"][0]
    assert (table["path"], table["qualname"], table["cases"][0]["args"]) == ("src/gate.py", "Gate", {"power": 3})
    assert "gate.py" in table["origin"]
    assert table["cases"] == [run["table"] for run in unit["runs"] if run["engine"] == "tensorflow"]

    code, again, _ = run(capsys, "src", "--cases", "cases.toml")
    assert (code, again["cases"], again["verdict"]) == (0, unit["cases"], "identical")
    assert again["origin"].startswith("saved: ")
    assert [r["table"] for r in again["runs"]] == [r["table"] for r in unit["runs"]]

    edited = (
        path.read_text().split("cases = [")[0]
        + 'cases = [{args = {power = 0.5}, inputs = {x = "float[5]"}, floatx = "float64"}]\n'
    )
    path.write_text(edited)
    (tmp_path / "kmigrate.toml").write_text('cases = "cases.toml"\n')
    _, once, _ = run(capsys, "src", "--save-cases", "cases.toml")
    assert once["cases"] == 1
    assert once["runs"][0]["table"] == {"args": {"power": 0.5}, "inputs": {"x": "float[5]"}, "floatx": "float64"}
    assert path.read_text() == edited, "a unit that the file has is left alone"

    path.write_text(edited.replace("power = 0.5", "powder = 0.5"))
    code, failed, _ = run(capsys, "src")
    assert (code, failed["verdict"]) == (2, "error")
    assert "cases.toml: src/gate.py: Gate: case 1 does not run on the original" in failed["reason"]
    assert "'power'" in failed["reason"]

    assert main(["fix", "--verify", "src"]) == 0
    told = capsys.readouterr()
    assert "1 of 1 fixes left out" in told.err
    assert "'power'" in told.err
    path.write_text(edited.replace("Gate", "Gata"))
    _, unit, err = run(capsys, "src")
    assert "cases.toml: src/gate.py: Gata: this run verifies no such unit (did you mean Gate?)" in err
    assert unit["cases"] > 1
