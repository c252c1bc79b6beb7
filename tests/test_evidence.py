"""The evidence for machines and pull requests, and what the page is made of."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from evidence_sample import EVIDENCE, HIGHLIGHTS, HOSTILE, HOSTILE_PATH, NOT_EXECUTED, UNITS
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.model import UserError
from kmigrate.report.evidence import FORMATS, Evidence, format_of, needs, render
from kmigrate.report.evidence.highlights import highlights
from kmigrate.report.evidence.markdown import MOST_CHARACTERS, code, fenced
from kmigrate.report.evidence.plot import decades, spread_svg
from kmigrate.report.evidence.sides import side_by_side
from kmigrate.verify.verdicts import DECADES


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_renders_nothing_and_everything(form: str) -> None:
    assert render(Evidence("keras2", "s"), form).endswith("\n")
    text = render(EVIDENCE, form)
    assert text.endswith("\n")
    assert all(one.qualname in text for one in UNITS if one.qualname != HOSTILE)


@pytest.mark.parametrize(
    ("name", "form"), [("a.html", "html"), ("A.HTM", "html"), ("b.md", "markdown"), ("c.json", "json"), ("d.xml", "junit")]
)
def test_the_suffix_decides(name: str, form: str) -> None:
    assert format_of(Path("x") / name) == form


def test_other_suffixes_are_refused() -> None:
    with pytest.raises(UserError, match=r"--report out\.pdf: the suffix decides"):
        format_of(Path("out.pdf"))


@pytest.mark.parametrize("library", ["jinja2", "leather"])
def test_a_missing_library_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    needs("markdown")
    with pytest.raises(UserError, match=rf"needs {library}: pip install 'kmigrate\[report\]'"):
        needs("html")


# --- json and junit --------------------------------------------------------------------------------------------------


def test_json_says_what_is_missing() -> None:
    document = json.loads(render(EVIDENCE, "json"))
    assert document["missing"] == 2
    assert document["versions"]["tensorflow"] == "1.15.5"
    assert document["units"][0]["runs"][0]["spread"][0] == 400
    assert [edit["executed"] for edit in document["units"][1]["edits"]] == [True, False, None]
    assert (document["summary"]["edits"], document["summary"]["not_executed"]) == (4, 1)


def test_junit_counts_what_the_exit_code_counts() -> None:
    root = ElementTree.fromstring(render(EVIDENCE, "junit").split("\n", 1)[1])
    suite = root.find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "14", "failures": "1", "errors": "1", "skipped": "5",
    }  # fmt: skip
    failed = suite.find("testcase/failure")
    assert failed is not None
    assert failed.get("message") == "different: output: 12 of 20 values differ"
    assert failed.text == "blame: line 6: TF201 `tf.reduce_sum`"
    assert [case.get("name") for case in suite.findall("testcase[error]")] == ["Hangs [tensorflow]"]
    (said,) = suite.findall("testcase/system-out")
    assert said.text == NOT_EXECUTED
    left = suite.find("system-err")
    assert left is not None
    assert "2 units" in (left.text or "")


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=60)
def test_junit_and_html_hold_any_text(name: str, reason: str) -> None:
    unit = {**UNITS[2].as_json(), "qualname": name, "reason": reason, "before": reason, "runs": []}
    evidence = Evidence("keras2", "s", [unit])
    ElementTree.fromstring(render(evidence, "junit").split("\n", 1)[1])
    page = _Page()
    page.feed(render(evidence, "html"))
    assert page.scripts == 1


# --- markdown --------------------------------------------------------------------------------------------------------


def test_markdown_shows_trouble_first_and_folds_the_rest() -> None:
    text = render(EVIDENCE, "markdown")
    assert text.startswith("**kmigrate verify**: 7 units run before and after on real engines: 2 identical, 2 equal, 1 different")
    assert "\n1 of 4 edits executed by no case.\n" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1].split(":")[1] for row in rows[:4]] == ["Helper", "Merge", "Resize", "Hangs"]
    assert "2 other units: identical or equal on every engine." in text
    assert text.count("<details>") == text.count("</details>") == len(UNITS)
    assert "-        scores = tf.reduce_sum(tf.tanh" in text
    assert "keras 2.3.1" in text.splitlines()[-1]


def test_markdown_tells_the_worst_element_and_the_smallest_case_of_the_unit_that_has_them() -> None:
    lines = render(EVIDENCE, "markdown").splitlines()
    place = next(number for number, line in enumerate(lines) if "src/layers.py: Merge: different" in line)
    assert lines[place + 4 : place + 7] == [f"- {what}: `{text}`" for what, text in HIGHLIGHTS.items()]
    assert sum(line.startswith("- Smallest case") for line in lines) == 1
    assert f"- The verdict does not cover: `{NOT_EXECUTED}`" in lines


def test_a_difference_that_json_cannot_hold_is_told_in_words() -> None:
    document = json.loads(render(EVIDENCE, "json"))
    smallest = document["units"][2]["smallest"]
    assert smallest["worst"]["rewritten"] is None
    assert dict(highlights(document["units"][2]))["Smallest case that differs"].endswith("1 before, not finite after")


def test_markdown_keeps_names_in_their_place() -> None:
    text = render(EVIDENCE, "markdown")
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text.replace("\\|", ""))
    assert "<script" not in outside
    assert "<img" not in outside
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("| ")}
    assert columns == {6}
    assert HOSTILE_PATH.replace("|", "\\|") in text


def test_markdown_fits_into_a_comment() -> None:
    units = [{**UNITS[2].as_json(), "qualname": f"Unit{number}"} for number in range(200)]
    text = render(Evidence("keras2", "s", units), "markdown")
    assert len(text) < 65_536
    assert len(text) > MOST_CHARACTERS / 2
    assert re.search(r"The details of \d+ units are left out", text)


@given(st.text(alphabet="`a |<\n", max_size=12))
def test_code_spans_close_where_they_should(text: str) -> None:
    span = code(text)
    fence = re.match("`+", span)
    assert fence is not None
    inner = span[len(fence.group()) : -len(fence.group())]
    assert fence.group() not in re.findall("`+", inner)
    assert "\n" not in span


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a\n````\nb\n", "diff") == "`````diff\na\n````\nb\n`````\n"


# --- the page --------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Counts scripts, and every attribute that could fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        assert not any(name.startswith("on") for name, _ in attributes)


def test_the_page_has_one_script_and_links_to_itself_alone() -> None:
    page = _Page()
    page.feed(render(EVIDENCE, "html"))
    assert page.scripts == 1
    assert page.links
    assert all(link.startswith("#") for link in page.links)


def test_a_path_that_is_not_text_makes_no_broken_page() -> None:
    unit = {**UNITS[0].as_json(), "path": "\udcff.py"}
    assert "?.py" in render(Evidence("keras2", "s", [unit]), "html")


def test_bins_have_names() -> None:
    assert len(decades()) == DECADES
    assert (decades()[1], decades()[2], decades()[17]) == ("<1e-16", "1e-16", "1e-1")


def test_a_picture_has_a_column_for_each_decade_in_use() -> None:
    spread = [0] * DECADES
    spread[0], spread[9], spread[11] = 1000, 1, 20
    svg = ElementTree.fromstring(spread_svg(tuple(spread)))
    series = next(one for one in svg.iter() if one.get("class") == "series columns")
    assert len(list(series)) == 4  # exact, and from 1e-9 to 1e-7 with the empty one between
    labels = [one.text for one in svg.iter() if one.tag.endswith("text")]
    assert labels[:4] == ["exact", "1e-9", "1e-8", "1e-7"]
    heights = [float(one.get("height", 0)) for one in series]
    assert heights[0] > heights[3] > heights[1] > heights[2] == 0


def test_side_by_side_marks_what_changed() -> None:
    rows = side_by_side("a\nx = tf.f(y)\nb\nc\n", "a\nx = K.f(y)\nc\nd\n", 5)
    assert [(row.kind, row.number) for row in rows] == [("same", 5), ("changed", 6), ("removed", 7), ("same", 8), ("added", None)]
    assert rows[1].left == (("x = ", False), ("tf", True), (".f(y)", False))
    assert rows[1].right == (("x = ", False), ("K", True), (".f(y)", False))
    assert (rows[2].right, rows[4].left) == (None, None)


def test_long_stretches_without_a_change_are_folded() -> None:
    before = [f"line {number}" for number in range(100)]
    after = [*before[:50], "changed", *before[51:]]
    rows = side_by_side("\n".join(before), "\n".join(after))
    assert [(row.number, row.lines) for row in rows if row.kind == "folded"] == [(3, 42), (58, 43)]
    assert sum(row.lines for row in rows) == 100
    assert [row.kind for row in rows].count("changed") == 1
    assert [row.kind for row in side_by_side("a\n" * 8, "a\n" * 8)] == ["same"] * 8


LINES = st.lists(st.sampled_from(["a", "b c", "", "  d.e(f)"]), max_size=5)


@given(LINES, LINES)
def test_side_by_side_says_all_of_both_sides(old: list[str], new: list[str]) -> None:
    rows = side_by_side("".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new))
    left = ["".join(text for text, _ in row.left) for row in rows if row.left is not None]
    right = ["".join(text for text, _ in row.right) for row in rows if row.right is not None]
    assert (left, right) == (old, new)
