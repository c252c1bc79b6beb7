"""Which fixes stay when verdicts come back: rounds until every fix that stays is confirmed among those that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kmigrate.config import Config
from kmigrate.model import Finding
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.verify.campaign import Task
from kmigrate.verify.confirm import confirmed_fixes
from kmigrate.verify.run import blame_line
from kmigrate.verify.saved import load
from kmigrate.verify.verdicts import EditVerdict, EngineVerdict, UnitVerdict

FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": """import tensorflow as tf


def loss_a(y_true, y_pred):
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)
""",
    "pkg/b.py": """import tensorflow as tf


def loss_b(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred), axis=-1)
""",
}
Judge = Callable[[Task], tuple[str, Finding | None]]
"""(verdict, the fix to blame) of one task."""


@pytest.fixture
def files(tmp_path: Path) -> list[Checked]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return [one for one in Project(Config()).check([str(tmp_path)]) if one.report.findings]


def run(files: Sequence[Checked], judge: Judge) -> tuple[list[list[str]], list[list[Task]], list[str]]:
    """The symbols whose fixes stay in each file, the tasks of each round, and the lines told. The verdicts are the test's own:
    engines are not what is tested here."""
    rounds: list[list[Task]] = []
    said: list[str] = []

    def verdicts(tasks: Sequence[Task]) -> list[tuple[Task, UnitVerdict]]:
        rounds.append(list(tasks))
        return [(task, verdict(task, *judge(task))) for task in tasks]

    chosen = [fixes_to_apply(one.report.findings, False) for one in files]
    kept = confirmed_fixes(files, chosen, Config(), "keras2-tf1", load(None), verdicts, said.append)
    return [[finding.symbol for finding in fixes] for fixes in kept], rounds, said


def verdict(task: Task, name: str, guilty: Finding | None) -> UnitVerdict:
    engines = {"tensorflow": EngineVerdict(name)}
    blame = None if guilty is None else blame_line(guilty)
    return UnitVerdict(task.pair.path, task.unit.qualname, task.unit.kind, name, engines, 1, "why", blame)


def named(task: Task, symbol: str) -> Finding | None:
    return next((finding for finding in task.chosen if finding.symbol == symbol), None)


def test_everything_confirmed_needs_one_round(files: list[Checked]) -> None:
    kept, rounds, said = run(files, lambda task: ("identical", None))
    assert kept == [["tf.math.reduce_sum", "tf.math.square"], ["tf.math.reduce_sum", "tf.math.abs"]]
    assert len(rounds) == 1
    assert said == []


def test_the_fix_to_blame_goes_and_the_others_are_confirmed_without_it(files: list[Checked]) -> None:
    def judge(task: Task) -> tuple[str, Finding | None]:
        guilty = named(task, "tf.math.square")
        return ("different", guilty) if guilty else ("equal", None)

    kept, rounds, said = run(files, judge)
    assert kept == [["tf.math.reduce_sum"], ["tf.math.reduce_sum", "tf.math.abs"]]
    assert ["loss_a: different: 1 of 2 fixes left out" in line for line in said] == [True]
    first, second = rounds
    assert "K.square" in dict(first[1].pair.others)["pkg/a.py"]
    assert "tf.square" in dict(second[1].pair.others)["pkg/a.py"], "the other file runs again beside what is left of this one"


@pytest.mark.parametrize(
    ("executed", "kept"), [(False, ["tf.math.reduce_sum"]), (None, ["tf.math.reduce_sum", "tf.math.square"])]
)
def test_what_no_case_executed_is_not_confirmed(files: list[Checked], executed: bool | None, kept: list[str]) -> None:
    """Equal says nothing of a branch that nothing took. What cannot be marked is confirmed with its unit."""

    def verdicts(tasks: Sequence[Task]) -> list[tuple[Task, UnitVerdict]]:
        return [(task, replace(verdict(task, "equal", None), edits=tuple(edits(task)))) for task in tasks]

    def edits(task: Task) -> Iterator[EditVerdict]:
        for f in task.chosen:
            yield EditVerdict(f.line, f.column, f.code, f.symbol, "", executed if f.symbol == "tf.math.square" else True)

    said: list[str] = []
    chosen = [fixes_to_apply(one.report.findings, False) for one in files]
    found = confirmed_fixes(files, chosen, Config(), "keras2-tf1", load(None), verdicts, said.append)
    assert [[finding.symbol for finding in fixes] for fixes in found] == [kept, ["tf.math.reduce_sum", "tf.math.abs"]]
    told = "loss_a: equal: 1 of 2 fixes left out (executed by no case: line 5: tf.math.square)"
    assert [told in line for line in said] == ([] if executed is None else [True])


def test_what_cannot_be_run_keeps_nothing(files: list[Checked]) -> None:
    kept, rounds, said = run(files, lambda task: ("skipped" if task.unit.qualname == "loss_b" else "identical", None))
    assert kept == [["tf.math.reduce_sum", "tf.math.square"], []]
    assert len(rounds) == 2
    assert "2 of 2 fixes left out (why)" in said[0]


def test_a_unit_without_a_verdict_keeps_nothing(files: list[Checked]) -> None:
    chosen = [fixes_to_apply(one.report.findings, False) for one in files]
    assert confirmed_fixes(files, chosen, Config(), "keras2-tf1", load(None), lambda tasks: [], lambda line: None) == [[], []]


def test_a_file_that_differs_only_beside_the_others_loses_its_fixes(files: list[Checked]) -> None:
    def judge(task: Task) -> tuple[str, Finding | None]:
        beside = "".join(text for _, text in task.pair.others)
        return ("different" if task.unit.qualname == "loss_b" and "K.square" in beside else "identical", None)

    kept, rounds, _ = run(files, judge)
    assert kept == [["tf.math.reduce_sum", "tf.math.square"], []]
    assert len(rounds) == 2
