"""The fixtures: what ``fix`` makes of every module, to the byte; a second run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.fix.apply import apply_fixes
from kmigrate.lint import analyse
from kmigrate.project import fixes_to_apply
from kmigrate.rulebook.book import load_rulebook
from kmigrate.source import Source

FIXTURES = Path(__file__).parent.parent / "fixtures"
MODULES = sorted(p for folder in ("tensorflow", "theano") for p in (FIXTURES / folder).glob("*.py"))


def safe_fixes(path: str, data: bytes) -> bytes:
    analysis = analyse(Source.parse(path, data), load_rulebook())
    return analysis.source.encode(apply_fixes(analysis, fixes_to_apply(analysis.findings, unsafe=False)))


def test_there_are_fixtures_of_both_engines() -> None:
    assert len(MODULES) >= 12
    assert {p.parent.name for p in MODULES} == {"tensorflow", "theano"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_fix_gives_the_expected_module(path: Path) -> None:
    expected = FIXTURES / "expected" / path.parent.name / path.name
    fixed = safe_fixes(str(path), path.read_bytes())
    assert fixed.decode() == expected.read_text("utf-8")
    assert safe_fixes(str(path), fixed) == fixed


@pytest.mark.parametrize("path", sorted((FIXTURES / "refusals").glob("*.py")), ids=lambda p: p.stem)
def test_refusals_stay_as_they_are(path: Path) -> None:
    analysis = analyse(Source.parse(str(path), path.read_bytes()), load_rulebook())
    assert analysis.findings
    assert [f.message for f in fixes_to_apply(analysis.findings, unsafe=False)] == []
