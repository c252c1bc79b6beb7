"""Helpers that the tests share: a rulebook of their own, so that they do not change when a real rule does."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.fix.apply import apply_fixes
from kmigrate.lint import Analysis, analyse
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.proofs import Proofs
from kmigrate.source import Source

RULES = Path(__file__).parent / "data" / "rules.toml"


@pytest.fixture(scope="session")
def book() -> Rulebook:
    """The test rules, taken as proven: these tests are about text, not about values."""
    rules = load_files([RULES])
    claim = {"preserving": True, "portable": True, "tf_keras": True}
    records = {r.code: {"digest": r.digest, "alternatives": {str(i): claim for i in range(len(r.alternatives))}} for r in rules}
    return Rulebook(rules, Proofs(records))


def analysed(text: str, book: Rulebook, whole: bool = True, path: str = "module.py") -> Analysis:
    return analyse(Source.parse(path, text.encode()), book, "keras2", whole)


def fixed(text: str, book: Rulebook, whole: bool = True, path: str = "module.py") -> str:
    """The text with every fix applied."""
    analysis = analysed(text, book, whole, path)
    return apply_fixes(analysis, analysis.findings)
