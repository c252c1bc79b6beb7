"""The inverse of the K API: every public function of K that both engines have is the replacement of something, or a reason says why not."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from kmigrate.rulebook.book import load_rulebook
from kmigrate.toml import tomllib

DATA = Path(__file__).parent / "data"
ENGINES = ["tensorflow", "theano"]


def stored() -> dict[str, list[str]]:
    functions: dict[str, list[str]] = json.loads((DATA / "k_functions.json").read_text("utf-8"))
    return functions


def reasons() -> dict[str, str]:
    groups = tomllib.loads((DATA / "k_exceptions.toml").read_text("utf-8"))
    return {name: group["reason"] for group in groups.values() for name in group["functions"]}


def written() -> set[str]:
    """The functions of K in the replacements of engine symbols (those of ``tf.keras.backend.f`` by ``K.f`` say nothing)."""
    found = set()
    for rule in load_rulebook().rules:
        if rule.symbols[0].startswith("tf.keras.backend."):
            continue
        for alternative in rule.alternatives:
            for node in ast.walk(alternative.replacement.get("keras2", ast.Constant(None))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "K":
                    found.add(node.attr)
    return found


def test_every_function_of_both_engines_is_written_or_has_a_reason() -> None:
    both = {name for name, engines in stored().items() if engines == ENGINES}
    assert len(both) > 140
    assert both - written() - set(reasons()) == set()


def test_no_reason_outlives_its_rule() -> None:
    assert set(reasons()) & written() == set()
    assert set(reasons()) - set(stored()) == set()


def test_a_rule_with_a_function_of_one_engine_is_not_portable() -> None:
    functions = stored()
    alone = {name for name, engines in functions.items() if engines != ENGINES}
    assert written() <= set(functions)
    book = load_rulebook()
    portable = [
        rule.code
        for rule in book.rules
        for index, alternative in enumerate(rule.alternatives)
        if book.claim(rule, index).portable
        and any(f"K.{name}(" in ast.unparse(alternative.replacement.get("keras2", ast.Constant(None))) for name in alone)
    ]
    assert portable == []


@pytest.mark.engines
def test_the_list_is_what_the_stack_says() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
    try:
        from k_functions import listing
    finally:
        sys.path.pop(0)
    assert listing() == stored()
