"""The table of verdicts on real packages: which packages import, what counts as a verdict, what a limit leaves out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import verdicts
from verdicts import Row


def unit(own: str, other: str | None, reason: str | None = None) -> dict[str, Any]:
    engines: dict[str, Any] = {"tensorflow": {"verdict": own, "reason": reason}}
    if other is not None:
        engines["theano"] = {"verdict": other, "reason": reason}
    return {"path": "a.py", "qualname": "f", "verdict": own, "reason": reason, "engines": engines}


@pytest.mark.parametrize(
    ("own", "other", "counts"),
    [
        ("equal", "identical", (1, 1, 1)),
        ("equal", "unsupported", (1, 1, 1)),
        ("different", "skipped", (1, 0, 0)),
        ("skipped", None, (0, 0, 0)),
        ("error", "equal", (0, 1, 0)),
        ("equal", None, (1, 0, 0)),
    ],
)
def test_what_counts_as_a_verdict(own: str, other: str | None, counts: tuple[int, int, int]) -> None:
    row = Row("p", "keras2-tf1", None, [unit(own, other)])
    assert tuple(row.count(which) for which in ("own", "other", "both")) == counts


def test_units_without_time_count_as_units_without_a_verdict() -> None:
    rows = [Row("p", "keras2-tf1", None, [unit("equal", "equal")], left=1), Row("q", "keras2-tf1", "q: no", [])]
    lines = verdicts.table(rows)
    assert lines[1].split()[:5] == ["p", "2", "1", "1", "1"]
    assert lines[1].endswith("no time for 1")
    assert lines[2].endswith("no: q: no")
    assert lines[3].split()[1:3] == ["2", "50"]


def test_the_table_counts_the_edits_that_no_case_executed() -> None:
    compared = {**unit("equal", "equal"), "edits": [{"executed": True}, {"executed": False}, {"executed": None}]}
    rows = [Row("p", "keras2-tf1", None, [compared, unit("skipped", None)])]
    assert verdicts.table(rows)[-1] == "of 3 edits of units that were compared 1 were executed by no case"


def test_reasons_that_differ_in_numbers_and_places_are_one() -> None:
    one = unit("skipped", None, "none of 31 cases runs; the one that came furthest fails at call: E: size 3 (a.py:7)")
    two = unit("skipped", None, "none of 7 cases runs; the one that came furthest fails at call: E: size 4 (b.py:9)")
    assert verdicts.reasons([Row("p", "keras2-tf1", None, [one, two, unit("equal", "equal")])]) == [
        "    2 own: skipped: fails at call: E: size N \n      p: a.py: f"
    ]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_packages_are_the_outermost_ones_wherever_they_lie(tmp_path: Path) -> None:
    write(tmp_path, {"P-1.0/pkg/__init__.py": "", "P-1.0/pkg/inner/__init__.py": "", "P-1.0/tests/__init__.py": ""})
    assert [path.name for path in verdicts.packages(tmp_path)] == ["pkg"]


def test_a_package_imports_where_its_own_python_imports_it(tmp_path: Path) -> None:
    good = write(tmp_path / "good", {"x/one_that_imports/__init__.py": "from . import part", "x/one_that_imports/part.py": ""})
    bad = write(tmp_path / "bad", {"one_that_does_not/__init__.py": "import a_module_that_is_nowhere"})
    python = Path(sys.executable)
    assert verdicts.importable(good, python) is None
    assert verdicts.importable(bad, python) == (
        "one_that_does_not: ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"
    )


def test_the_first_stack_that_imports_it_is_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pkg/__init__.py": ""})
    monkeypatch.setattr(verdicts, "ensure", lambda stack: Path(stack.name))
    errors: dict[str, str | None] = {"keras2-tf1": "old", "keras2-tf2": None}
    monkeypatch.setattr(verdicts, "importable", lambda _, python: errors[python.name])
    assert verdicts.stack_for(tmp_path, verdicts.STACKS) == ("keras2-tf2", None)
    errors["keras2-tf2"] = "new"
    assert verdicts.stack_for(tmp_path, verdicts.STACKS) == ("keras2-tf1", "old")


def test_what_is_measured_is_kept_and_what_a_limit_cut_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [vars(Row("done", "keras2-tf1", None, [unit("equal", "equal")])), vars(Row("cut", "keras2-tf1", None, [], left=2))]
    file = tmp_path / "table.json"
    file.write_text(json.dumps(kept), encoding="utf-8")
    asked: list[str] = []

    def verified(folder: Path, stack: str, options: argparse.Namespace) -> tuple[list[dict[str, Any]], int]:
        asked.append(folder.name)
        if folder.name == "broken":
            raise RuntimeError("no report")
        return [unit("equal", "equal")], 0

    monkeypatch.setattr(verdicts, "verified", verified)
    monkeypatch.setattr(verdicts, "stack_for", lambda folder, stacks: (stacks[0], None))
    options = argparse.Namespace(resume=True, json=file, stack=["keras2-tf1"], jobs=1, limit=None)
    folders = [Path("done"), Path("cut"), Path("broken"), Path("new")]
    *_, rows = verdicts.measured(folders, options)
    assert asked == ["cut", "broken", "new"]
    assert [(row.name, row.total) for row in rows] == [("done", 1), ("cut", 1), ("new", 1)]


def test_code_without_anything_to_rewrite_is_a_row_of_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"pkg/__init__.py": "x = 1\n"})
    options = argparse.Namespace(jobs=1, limit=60.0)
    assert verdicts.verified(tmp_path, "keras2-tf1", options) == ([], 0)
