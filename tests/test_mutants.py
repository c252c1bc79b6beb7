"""Wrong rules that look right: each must be refuted, by a case that names what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.proofs import Proofs
from kmigrate.rulebook.rule import Rule
from kmigrate.verify.proof import prove_rules

pytestmark = pytest.mark.engines

# One book for each file: several of them make something wrong of one symbol.
BOOKS = [load_files([path]) for path in sorted((Path(__file__).parent / "data" / "mutants").glob("*.toml"))]
MUTANTS = [rule for rules in BOOKS for rule in rules]


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, Any]]:
    """The proof of all of them, run once."""
    found: dict[str, dict[str, Any]] = {}
    for rules in BOOKS:
        found.update(prove_rules(Rulebook(rules, Proofs({})), rules, Console(stderr=True)))
    return found


@pytest.mark.parametrize("rule", MUTANTS, ids=[rule.name for rule in MUTANTS])
def test_a_wrong_rule_is_refuted(rule: Rule, records: dict[str, dict[str, Any]]) -> None:
    record = records[rule.code]
    assert "problems" not in record
    claim = record["alternatives"]["0"]
    assert claim["preserving"] is False and claim["portable"] is False
    assert rule.examples[0].before in claim["reason"]
    # It says what differs, on which input: a value on both sides, or how the rewritten text fails.
    assert "the original gives" in claim["reason"] or "the rewritten code fails" in claim["reason"] or "differ" in claim["reason"]
    assert "with " in claim["reason"]


def test_there_are_enough_of_them() -> None:
    assert len({rule.code for rule in MUTANTS}) == len(MUTANTS) >= 80
