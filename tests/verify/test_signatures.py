"""Every symbol and parameter that a shipped rule names exists in an installed library, or is listed with the version that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kmigrate.rulebook.book import load_rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.toml import tomllib
from kmigrate.verify.proof.record import proof_stacks
from kmigrate.verify.runner import Engines
from kmigrate.verify.signatures import asked, missing_symbols, wrong_parameters
from kmigrate.verify.stacks import ensure

ELSEWHERE = Path(__file__).parent.parent / "data" / "symbols_elsewhere.toml"


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, Any]]:
    """What the libraries of every stack show of the rulebook's symbols."""
    found: dict[str, dict[str, Any]] = {}
    for name, stack in proof_stacks().items():
        with Engines(ensure(stack, Console(stderr=True)), stack.engines) as engines:
            found[name] = {}
            for engine in stack.engines:
                rules = [rule for rule in load_rulebook().rules if rule.engine == engine]
                found[name].update(engines.signatures(engine, asked(rules)))
    return found


@pytest.mark.engines
def test_every_symbol_exists_or_is_listed_with_its_versions(shown: dict[str, dict[str, Any]]) -> None:
    listed = tomllib.loads(ELSEWHERE.read_text("utf-8"))["symbols"]
    missing = missing_symbols(load_rulebook().rules, shown)
    assert {s: code for s, code in missing.items() if s not in listed} == {}, "in no stack: wrong, or to be listed with versions"
    assert sorted(set(listed) - set(missing)) == [], "listed, but in a stack or in no rule"


@pytest.mark.engines
def test_every_parameter_exists_where_the_rule_says(shown: dict[str, dict[str, Any]]) -> None:
    listed = tomllib.loads(ELSEWHERE.read_text("utf-8"))["parameters"]
    excused = {(code, f"no such parameter: {name}") for code, _, name in (key.partition(".") for key in listed)}
    wrong = {(rule.code, text) for rule in load_rulebook().rules for text in wrong_parameters(rule, shown)}
    assert sorted(wrong - excused) == []
    assert sorted(excused - wrong) == [], "listed, but right"


@pytest.mark.parametrize(
    ("signature", "parameters", "words"),
    [
        ("x, axis=None, name=None", ["x", "axis=None", "name=None"], []),
        ("x, axes=None", ["x", "axis=None"], ["no such parameter: axes", "parameter 2 is axis, not axes"]),
        (
            "x, name=None, axis=None",
            ["x", "axis=None", "name=None"],
            ["parameter 2 is axis, not name", "parameter 3 is name, not axis"],
        ),
        ("x, y", ["*inputs", "**kwargs"], []),
        ("x, *, name=None", ["x", "axis=None", "name: str = None"], []),
    ],
)
def test_signatures_are_compared_by_name_and_place(
    signature: str, parameters: list[str], words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'[[rule]]\ncode = "XX1"\nname = "n"\nsymbols = ["tf.f"]\nsignature = "{signature}"\nguidance = "none"\n')
    (rule,) = load_files([path])
    assert wrong_parameters(rule, {"stack": {"tf.f": parameters}}) == words
    assert missing_symbols([rule], {"stack": {"tf.f": parameters}}) == {}
    assert missing_symbols([rule], {"stack": {"tf.f": "missing"}}) == {"tf.f": "XX1"}
