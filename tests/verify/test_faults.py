"""Planted faults: one wrong edit among the right ones of a module is found, and it alone is blamed.

The faults are rows of ``data/faults/faults.toml``. The right edits are those of the real fixer.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from kmigrate.config import Config
from kmigrate.model import Edit, Finding, Slice
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.toml import tomllib
from kmigrate.verify import stacks
from kmigrate.verify.run import CONFIRMED, Verifier, blame_line, plan
from kmigrate.verify.runner import Engines
from kmigrate.verify.verdicts import UnitVerdict

ROOT = Path(__file__).parent.parent.parent
UNITS: list[dict[str, Any]] = tomllib.loads((ROOT / "tests/data/faults/faults.toml").read_text())["unit"]
FAULTS = [
    pytest.param(number, row, id=f"{unit['name']}-{fault['kind']}-{row}".replace(" ", "_"))
    for number, unit in enumerate(UNITS)
    for row, fault in enumerate(unit["faults"])
]


@dataclass(frozen=True)
class Answer:
    """What verify says of a unit as the fixer writes it, and with each of its faults beside the edit that is to blame."""

    right: UnitVerdict
    wrong: Sequence[tuple[str, UnitVerdict]]


def planted(finding: Finding, others: Sequence[Finding], text: str, change: Sequence[str]) -> Finding:
    """The finding with a wrong fix: ``change`` (from, to) in the replacement, nested uses being edited as before."""
    assert finding.fix is not None
    wrong = finding.fix.replacement.replace(change[0], change[1], 1)
    assert wrong != finding.fix.replacement, f"{change[0]!r} is not in {finding.fix.replacement!r}"
    inner = [f for f in others if finding.start <= f.start and f.end <= finding.end and f.span != finding.span]
    pieces: list[str | Slice] = [wrong]
    for use in sorted(inner, key=lambda f: f.start - f.end):
        for index, piece in enumerate(pieces):
            written = text[use.start : use.end]
            if isinstance(piece, str) and written in piece:
                before, _, after = piece.partition(written)
                pieces[index : index + 1] = [before, Slice(use.start, use.end), after]
                break
    edit = Edit(finding.fix.edit.start, finding.fix.edit.end, tuple(pieces))
    return replace(finding, fix=replace(finding.fix, replacement=wrong, edit=edit))


def right_fixes(checked: Checked) -> list[Finding]:
    return fixes_to_apply(checked.report.findings, unsafe=True)


def with_fault(checked: Checked, unit: str, fault: dict[str, Any]) -> tuple[list[Finding], Finding]:
    """All fixes of the module, one of them made wrong, and that one."""
    assert checked.analysis is not None
    text = checked.analysis.source.text
    chosen = right_fixes(checked)
    own = checked.analysis.inside(unit, chosen)
    finding = next((f for f in own if text[f.start : f.end].startswith(fault["use"])), None)
    assert finding is not None, f"{unit} has no use {fault['use']!r}"
    wrong = planted(finding, chosen, text, fault["change"])
    return [wrong if f is finding else f for f in chosen], wrong


def verdict_of(verifier: Verifier, checked: Checked, chosen: Sequence[Finding], name: str) -> UnitVerdict:
    planned = plan(checked, chosen, "keras2")
    assert planned is not None
    unit = next(unit for unit in planned[1] if unit.qualname == name)
    return verifier.unit(checked, chosen, planned[0], unit)


def answer(verifier: Verifier, checked: Checked, unit: dict[str, Any]) -> Answer:
    name = unit["name"]
    right = verdict_of(verifier, checked, right_fixes(checked), name)
    wrong = []
    for fault in unit["faults"]:
        chosen, planted_one = with_fault(checked, name, fault)
        wrong.append((blame_line(planted_one), verdict_of(verifier, checked, chosen, name)))
    return Answer(right, wrong)


def check_modules() -> dict[str, Checked]:
    paths = sorted({unit["module"] for unit in UNITS})
    return dict(zip(paths, Project(Config()).check([str(ROOT / path) for path in paths]), strict=True))


@pytest.fixture(scope="module")
def checked() -> dict[str, Checked]:
    return check_modules()


def answers_of(numbers: Sequence[int]) -> dict[int, Answer]:
    python = stacks.ensure(stacks.get_stack(stacks.DEFAULT_STACKS["keras2"]))
    modules = check_modules()
    with Engines(python, ("tensorflow",)) as one, Engines(python, ("theano",)) as other:
        verifiers = {"tensorflow": Verifier(one, Config()), "theano": Verifier(other, Config())}
        for verifier in verifiers.values():
            verifier.settings = replace(verifier.settings, shrink_s=1.0)  # a smaller case is not what is asked here
        found = {}
        for number in numbers:
            unit = UNITS[number]
            engine = "theano" if "/theano/" in unit["module"] else "tensorflow"
            found[number] = answer(verifiers[engine], modules[unit["module"]], unit)
        return found


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """Every unit, two at a time, on the engine that it was written for (what is portable is another question).

    Two processes, not threads: Python 3.11 cannot build two syntax trees in two threads at once.
    """
    found: dict[int, Answer] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        for part in pool.map(answers_of, (range(0, len(UNITS), 2), range(1, len(UNITS), 2))):
            found |= part
    return [found[number] for number in range(len(UNITS))]


def test_every_fault_can_be_planted(checked: dict[str, Checked]) -> None:
    assert sum(len(unit["faults"]) for unit in UNITS) >= 60
    for unit in UNITS:
        for fault in unit["faults"]:
            chosen, wrong = with_fault(checked[unit["module"]], unit["name"], fault)
            assert plan(checked[unit["module"]], chosen, "keras2") is not None
            assert wrong.fix is not None


@pytest.mark.engines
@pytest.mark.parametrize("number", range(len(UNITS)), ids=[unit["name"] for unit in UNITS])
def test_the_right_edits_are_confirmed(number: int, answers: list[Answer]) -> None:
    right = answers[number].right
    assert right.verdict in CONFIRMED, right.reason
    assert right.blame is None


@pytest.mark.engines
@pytest.mark.parametrize(("number", "row"), FAULTS)
def test_a_planted_fault_is_found_and_it_alone_is_blamed(number: int, row: int, answers: list[Answer]) -> None:
    blame, verdict = answers[number].wrong[row]
    assert verdict.verdict == "different", verdict.reason
    assert verdict.blame == blame
