"""Reports: the JSON contract to the letter, readable text, and diffs that real tools apply."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmigrate import __version__
from kmigrate.model import Applicability, Context, Edit, FileError, FileReport, Finding, Fix
from kmigrate.report import REPORTERS, summary
from kmigrate.report.diff import unified
from kmigrate.report.verdicts import not_executed, render_verdicts_json, render_verdicts_text, verdict_summary
from kmigrate.terminal import use_color


def fix(applicability: Applicability = "safe", **more: Any) -> Fix:
    return Fix(applicability, "K.sum(x, axis=1)", Edit(0, 1, ("",)), **more)


def finding(path: str = "src/layers.py", line: int = 12, repair: Fix | None = None, **more: Any) -> Finding:
    values: dict[str, Any] = {
        "code": "TF201",
        "name": "reduce-sum",
        "symbol": "tf.math.reduce_sum",
        "message": "`tf.reduce_sum` ties this to TensorFlow",
        "context": Context("layer", "Attention.call", "method of Attention, which derives from Layer", "Attention"),
    }
    return Finding(path=path, line=line, column=9, end_line=line, end_column=44, fix=repair, **{**values, **more})


REPORTS = [
    FileReport("z.py", (finding("z.py", 3, fix("unsafe", assumption="both arguments have rank 2")),)),
    FileReport("bad.py", (), (FileError("bad.py", 3, 1, "Python 2 syntax"), FileError("bad.py", None, None, "gone"))),
    FileReport(
        "src/layers.py",
        (finding(line=20), finding(line=12, repair=fix(portable=False, portability="flips the kernel on theano"))),
    ),
]


# --- json ------------------------------------------------------------------------------------------------------------


def test_json_is_the_contract() -> None:
    document = json.loads(REPORTERS["json"].render_check(REPORTS, "keras2", 10))
    assert list(document) == ["schema", "version", "target", "findings", "layers", "errors", "summary"]
    assert (document["schema"], document["version"], document["target"]) == (1, __version__, "keras2")
    assert [(one["path"], one["line"]) for one in document["findings"]] == [
        ("src/layers.py", 12),
        ("src/layers.py", 20),
        ("z.py", 3),
    ]
    assert document["findings"][0] == {
        "code": "TF201",
        "name": "reduce-sum",
        "symbol": "tf.math.reduce_sum",
        "message": "`tf.reduce_sum` ties this to TensorFlow",
        "path": "src/layers.py",
        "line": 12,
        "column": 9,
        "end_line": 12,
        "end_column": 44,
        "context": {
            "kind": "layer",
            "qualname": "Attention.call",
            "reason": "method of Attention, which derives from Layer",
            "unit": "Attention",
        },
        "fix": {
            "applicability": "safe",
            "replacement": "K.sum(x, axis=1)",
            "assumption": None,
            "portable": False,
            "portability": "flips the kernel on theano",
            "observed": None,
        },
    }
    assert document["findings"][1]["fix"] is None
    assert document["errors"] == [
        {"path": "bad.py", "line": None, "column": None, "message": "gone"},
        {"path": "bad.py", "line": 3, "column": 1, "message": "Python 2 syntax"},
    ]
    counts = {"files": 10, "findings": 3, "safe": 1, "unsafe": 1, "manual": 1, "errors": 2}
    assert document["summary"] == summary(REPORTS, 10) == counts


def test_json_survives_paths_that_are_not_text() -> None:
    path = b"\xff.py".decode("utf-8", "surrogateescape")
    text = REPORTERS["json"].render_check([FileReport(path, (finding(path),))], "keras2", 1)
    assert json.loads(text.encode("utf-8"))["findings"][0]["path"] == path


# --- text ------------------------------------------------------------------------------------------------------------


def test_text() -> None:
    assert REPORTERS["text"].render_check(REPORTS, "keras2", 10).splitlines() == [
        "src/layers.py:12:9: TF201 `tf.reduce_sum` ties this to TensorFlow [fix: safe]",
        "    in Attention.call: method of Attention, which derives from Layer",
        "    not portable: flips the kernel on theano",
        "src/layers.py:20:9: TF201 `tf.reduce_sum` ties this to TensorFlow [no fix]",
        "    in Attention.call: method of Attention, which derives from Layer",
        "z.py:3:9: TF201 `tf.reduce_sum` ties this to TensorFlow [fix: unsafe]",
        "    in Attention.call: method of Attention, which derives from Layer",
        "    assumes: both arguments have rank 2",
        "bad.py: error: gone",
        "bad.py:3:1: error: Python 2 syntax",
        "3 findings in 2 of 10 files (target keras2): 1 with a safe fix, 1 with an unsafe one, 1 without; 2 errors",
    ]


def test_text_without_findings() -> None:
    assert REPORTERS["text"].render_check([], "keras3", 1) == "No findings in 1 file (target keras3)\n"


def test_text_stays_on_its_line_and_steers_no_terminal() -> None:
    path = "a\x1b[31m\n\udcff.py"
    text = REPORTERS["text"].render_check([FileReport(path, (finding(path, message="a\n\tb"),))], "keras2", 1)
    assert len(text.splitlines()) == 3
    assert "\x1b" not in text
    text.encode("utf-8")


def test_colour_adds_nothing_but_colour() -> None:
    import re

    plain = REPORTERS["text"].render_check(REPORTS, "keras2", 10)
    colored = REPORTERS["text"].render_check(REPORTS, "keras2", 10, color=True)
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_use_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert use_color(Terminal())
    assert not use_color(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not use_color(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not use_color(Terminal())


def test_rich_is_not_imported_without_colour() -> None:
    code = (
        "import sys; from kmigrate.report import REPORTERS; REPORTERS['text'].render_check([], 'keras2', 1);"
        "import kmigrate.report.diff as d; d.unified('a', 'x', 'y'); sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_formats_are_found_as_files() -> None:
    assert {"text", "json"} <= set(REPORTERS)
    for name in REPORTERS:
        assert callable(REPORTERS[name].render_check)
    for helper in ("common", "diff", "evidence", "verdicts", "no-such"):
        with pytest.raises(KeyError):
            REPORTERS[helper]


# --- diff ------------------------------------------------------------------------------------------------------------


def apply_with_git(folder: Path, name: str, old: str, new: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(old.encode("utf-8"))
    diff = unified(name, old, new)
    subprocess.run(["git", "apply", "-"], input=diff.encode("utf-8"), cwd=folder, check=True, capture_output=True)
    return path.read_bytes().decode("utf-8")


LONG = "".join(f"line {number}\n" for number in range(30))

CHANGES = [
    ("a\nb\n", "a\nc\n"),
    ("a\nb", "a\nc"),
    ("a\nb", "a\nb\n"),
    ("a\nb\n", "a\nb"),
    ("a\r\nb\r\n", "a\r\nc\r\n"),
    ("a\r\nb", "x\r\na\r\nb"),
    ("a\rb\rc\n", "a\rx\rc\n"),
    ("é\x0c\u2028b\nc\n", "é\x0c\u2028ü\nc\n"),
    ("--- a\n+++ b\n", "--- b\n@@ -1 +1 @@\n"),
    (LONG, LONG.replace("line 3\n", "").replace("line 25", "LINE 25")),
    ("\n\n", "\n"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_git_applies_the_diff(tmp_path: Path, old: str, new: str) -> None:
    assert apply_with_git(tmp_path, "pkg/m.py", old, new) == new


@pytest.mark.parametrize("name", ["a b.py", "é.py", 'q"uo\\te.py', "tab\t.py", "d d/x  y.py"])
def test_git_finds_files_with_odd_names(tmp_path: Path, name: str) -> None:
    assert apply_with_git(tmp_path, name, "a\n", "b\n") == "b\n"


def test_git_applies_it_in_a_folder_of_a_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "sub").mkdir()
    assert apply_with_git(tmp_path / "sub", "m.py", "a\n", "b\n") == "b\n"


LINES = st.lists(st.sampled_from(["a", "b", "\r", "", "-", "+x", "\\ No newline at end of file"]), max_size=4)


def sides(diff: str) -> dict[str, str]:
    """The old and the new text that a diff with one hunk says."""
    texts = {"-": "", "+": ""}
    last = ""
    for line in diff.split("\n")[3:-1]:
        concerned = [side for side in texts if last in (side, " ")]
        if line.startswith("\\"):
            texts.update({side: texts[side].removesuffix("\n") for side in concerned})
        else:
            last = line[0]
            texts.update({side: texts[side] + line[1:] + "\n" for side in texts if last in (side, " ")})
    return texts


@given(LINES, LINES)
def test_a_diff_says_all_of_both_sides(old_lines: list[str], new_lines: list[str]) -> None:
    # At most four lines: then the three lines of context around a change cover both texts.
    old, new = "\n".join(old_lines), "\n".join(new_lines)
    diff = unified("m.py", old, new)
    assert (diff == "") == (old == new)
    if diff:
        assert sides(diff) == {"-": old, "+": new}


def test_the_diff_of_equal_texts_is_empty() -> None:
    assert unified("m.py", "a\r\n", "a\r\n") == ""


def test_a_line_that_occurs_often_did_not_change_between_two_that_did() -> None:
    branches = "    if x:\n        y = tf.exp(x)\n    else:\n        y = tf.abs(x)\n    return y\n\n"
    old = "".join(f"def f{number}(x):\n{branches}" for number in range(40))
    diff = unified("m.py", old, old.replace("tf.", "K."))
    assert sum(line.startswith("-    ") for line in diff.splitlines()) == 80


def test_diff_in_colour() -> None:
    colored = unified("m.py", "a\n", "b", color=True)
    assert "\x1b[31m-a\x1b[0m\n" in colored
    assert colored.endswith("\\ No newline at end of file\n")


# --- verdicts --------------------------------------------------------------------------------------------------------


def engine(verdict: str, max_abs: float | None = None, reason: str | None = None) -> dict[str, Any]:
    return {"verdict": verdict, "max_abs": max_abs, "max_rel": max_abs, "reason": reason}


def unit(qualname: str, verdict: str, engines: dict[str, Any], cases: int = 12, **more: Any) -> dict[str, Any]:
    values = {"path": "m.py", "qualname": qualname, "kind": "layer", "verdict": verdict, "engines": engines}
    return {**values, "cases": cases, "reason": None, "blame": None, **more}


UNITS = [
    unit("Attention", "equal", {"tensorflow": engine("equal", 1.25e-7), "theano": engine("identical", 0.0)}),
    unit(
        "Conv",
        "different",
        {"tensorflow": engine("identical", 0.0), "theano": engine("different", float("inf"), "output 0 differs")},
        cases=4,
        blame={"code": "TF301", "line": 7},
    ),
    unit("build", "skipped", {}, cases=0, reason="no case was found"),
]


def test_verdicts_text() -> None:
    assert render_verdicts_text(UNITS, "keras2", "keras2-tf1").splitlines() == [
        "unit            verdict    tensorflow     theano         cases",
        "m.py:Attention  equal      equal 1.2e-07  identical         12",
        "m.py:Conv       different  identical      different inf      4",
        "m.py:build      skipped    -              -                  0",
        "",
        "m.py:Conv: different",
        "    theano: output 0 differs",
        "    blame: code TF301, line 7",
        "m.py:build: skipped",
        "    no case was found",
        "",
        "3 units verified (target keras2, stack keras2-tf1): 1 equal, 1 different, 1 skipped",
    ]


def test_verdicts_text_without_units() -> None:
    text = render_verdicts_text([], "keras2", "keras2-tf1")
    assert text == "No units to verify (target keras2, stack keras2-tf1)\n"


def test_verdicts_colour_keeps_the_columns() -> None:
    import re

    colored = render_verdicts_text(UNITS, "keras2", "s", color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_verdicts_text(UNITS, "keras2", "s")
    assert "\x1b[" in colored


def test_verdicts_json_is_the_contract() -> None:
    document = json.loads(render_verdicts_json(UNITS, "keras2", "keras2-tf1"))
    assert list(document) == ["schema", "target", "stack", "units", "summary", "versions", "missing"]
    assert document["units"][0] == UNITS[0]
    assert document["units"][1]["engines"]["theano"]["max_abs"] is None
    counts = {"units": 3, "identical": 0, "equal": 1, "different": 1, "unsupported": 0, "error": 0, "skipped": 1}
    assert verdict_summary(UNITS) == counts
    assert document["summary"] == {**counts, "edits": 0, "not_executed": 0}


def test_verdicts_text_names_the_edits_that_no_case_executed() -> None:
    edits = [{"line": line, "symbol": "tf.exp", "executed": line != 4} for line in (2, 4)]
    units = [unit("A", "equal", {"tensorflow": engine("equal", reason="read so")}, edits=edits), UNITS[0]]
    assert render_verdicts_text(units, "keras2", "s").splitlines()[4:] == [
        "m.py:A: equal",
        "    1 of 2 edits executed by no case: line 4 (tf.exp)",
        "",
        "tensorflow, 1 unit: read so",
        "",
        "2 units verified (target keras2, stack s): 2 equal; 1 of 2 edits executed by no case",
    ]
    assert not_executed({"edits": edits[:1]}) == ""
    many = [{"line": line, "symbol": "tf.exp", "executed": False} for line in range(1, 10)]
    assert not_executed({"edits": many}).endswith("line 6 (tf.exp) and 3 more")
