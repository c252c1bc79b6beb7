"""Helpers that the tests share: a rulebook of their own, so that they do not change when a real rule does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from kmigrate.fix.apply import apply_fixes
from kmigrate.lint import Analysis, analyse
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.proofs import Proofs
from kmigrate.source import Source
from kmigrate.verify import stacks
from kmigrate.verify.runner import Engines, Limits

RULES = Path(__file__).parent / "data" / "rules.toml"
# How long an example takes is a matter of the machine's load: never a failure.
settings.register_profile("kmigrate", deadline=None)
settings.load_profile("kmigrate")


@pytest.fixture(scope="session")
def book() -> Rulebook:
    """The test rules, taken as proven: these tests are about text, not about values."""
    rules = load_files([RULES])
    claim = {"preserving": True, "portable": True, "tf_keras": True}
    records = {r.code: {"digest": r.digest, "alternatives": {str(i): claim for i in range(len(r.alternatives))}} for r in rules}
    return Rulebook(rules, Proofs(records))


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """TensorFlow and Theano of the default stack; the first use on a machine installs it."""
    stack = stacks.get_stack(stacks.DEFAULT_STACKS["keras2"])
    with Engines(stacks.ensure(stack), stack.engines, Limits(case_s=20.0)) as found:
        yield found


def analysed(text: str, book: Rulebook, whole: bool = True, path: str = "module.py") -> Analysis:
    return analyse(Source.parse(path, text.encode()), book, "keras2", whole)


def fixed(text: str, book: Rulebook, whole: bool = True, path: str = "module.py") -> str:
    """The text with every fix applied."""
    analysis = analysed(text, book, whole, path)
    return apply_fixes(analysis, analysis.findings)
