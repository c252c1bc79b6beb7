"""Every symbol and parameter that a shipped rule names exists in an installed library, or is listed with the version that has it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kmigrate.lint import analyse
from kmigrate.names.aliases import TABLE, VERSIONS
from kmigrate.rulebook.book import load_rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.source import Source
from kmigrate.toml import tomllib
from kmigrate.verify.proof.record import proof_stacks
from kmigrate.verify.runner import Engines
from kmigrate.verify.signatures import asked, misread, missing_symbols, wrong_parameters
from kmigrate.verify.stacks import ensure

# Signatures of TensorFlow 0.12, 1.0 and 1.4, as these libraries showed them: version -> signature -> spellings.
OLDER = Path(__file__).parent.parent / "data" / "signatures.json"
# Spellings that older versions read otherwise, which the rule finds out from the arguments: code -> what it refuses.
FOUND_OUT = {
    "TF305": "concat(axis, values) of 0.12: a number as the first argument, a list as the second",
    "TF313": "split(axis, n, value) and split_v(value, sizes, axis) of 0.12: a number as the first argument",
    "TF317": "reverse(x, dims) of 0.12: booleans",
}
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


# ---- every spelling that a rule is reached by


@lru_cache
def reached() -> dict[str, list[str]]:
    """code -> the spellings that lead to it through the table of aliases, of rules that have a fix."""
    book = load_rulebook()
    spellings: dict[str, None] = {}
    for line in TABLE.read_text("utf-8").splitlines():
        for word in line.split(" ") if not line.startswith("#") else ():
            if word[0] != "<":
                spellings.update(dict.fromkeys(word.replace("*", version) for version in (VERSIONS if "*" in word else ("",))))
    spellings.update(dict.fromkeys(symbol for rule in book.rules for symbol in rule.symbols))
    found: dict[str, list[str]] = {}
    for spelling in spellings:
        rule = book.find(spelling) if book.knows(spelling) else None
        if rule is not None and rule.parameters is not None and rule.alternatives:
            found.setdefault(rule.code, []).append(spelling)
    return found


def older() -> dict[str, dict[str, list[str]]]:
    return {
        f"TensorFlow {version}": {name: _parameters(text) for text, names in signatures.items() for name in names.split()}
        for version, signatures in json.loads(OLDER.read_text("utf-8")).items()
    }


def _parameters(signature: str) -> list[str]:
    """As the worker lists them."""
    arguments = ast.parse(f"def f({signature}): pass").body[0].args  # type: ignore[attr-defined]  # the statement is a function
    plain = [a.arg for a in arguments.args]
    defaults = [""] * (len(plain) - len(arguments.defaults)) + [f"={ast.unparse(d)}" for d in arguments.defaults]
    return [name + default for name, default in zip(plain, defaults, strict=True)]


def misreadings(shown: dict[str, dict[str, Any]], codes: Iterable[str]) -> dict[str, list[str]]:
    book = load_rulebook()
    found = {}
    for code in codes:
        rule = book.get(code)
        assert rule is not None
        mine = {
            where: {s: p for s, p in names.items() if book.knows(s) and book.find(s) is rule} for where, names in shown.items()
        }
        texts = misread(rule, mine)
        if texts:
            found[code] = texts
    return found


def test_a_rule_holds_for_every_spelling_of_older_versions() -> None:
    versions = older()
    assert sum(map(len, versions.values())) > 900
    found = misreadings(versions, reached())
    assert {code: texts for code, texts in found.items() if code not in FOUND_OUT} == {}, (
        "make the parameters after the first that differs keyword-only, or write a rule for the other spelling"
    )
    assert sorted(set(FOUND_OUT) - set(found)) == [], "listed, but read rightly"


@pytest.mark.parametrize(
    "before",
    ["tf.concat(1, [x, y])", "tf.concat(1, xs)", "tf.concat(axis, [x, y])", "tf.split(1, 2, x)", "tf.reverse(x, [True, False])"],
)
def test_what_older_versions_read_otherwise_is_found_out(before: str) -> None:
    text = f"import tensorflow as tf\n\n\ndef f(x, y, xs, axis):\n    return {before}\n"
    (finding,) = analyse(Source.parse("m.py", text.encode()), load_rulebook(), whole_module=True).findings
    assert finding.fix is None and "TensorFlow before 1.0" in finding.message


@pytest.mark.engines
def test_a_rule_holds_for_every_spelling_of_the_installed_libraries() -> None:
    wanted = [spelling for spellings in reached().values() for spelling in spellings]
    assert len(wanted) > 1500
    shown: dict[str, dict[str, Any]] = {}
    for name, stack in proof_stacks().items():
        with Engines(ensure(stack, Console(stderr=True)), stack.engines) as engines:
            shown[name] = {}
            for engine in stack.engines:
                mine = [spelling for spelling in wanted if spelling.startswith("theano") == (engine == "theano")]
                shown[name].update(engines.signatures(engine, mine))
    assert misreadings(shown, reached()) == {}


@pytest.mark.parametrize(
    ("signature", "parameters", "words"),
    [
        ("x, axis=None, name=None", ["x", "axis=None", "name=None"], []),
        ("x, axis=None", ["x", "name=None", "axis=None"], ["parameter 2 is name, not axis: tf.f in v"]),
        ("x, *, axis=None, name=None", ["x", "name=None", "axis=None"], []),
        ("x, axis=0", ["x", "dim=0"], []),
        ("x, axis=0", ["x", "axis=-1"], ["the default of axis is -1, not 0: tf.f in v"]),
        ("x, axis=-1", ["x", "axis=None"], []),
        ("x, dtype='float32'", ["x", "dtype=tf.float32"], []),
        ("x, y", ["x"], []),
        ("x", ["*args", "**kwargs"], []),
    ],
)
def test_what_a_spelling_would_be_misread_as(signature: str, parameters: list[str], words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    renamed = 'renamed = { dim = "axis" }\n' if "axis" in signature else ""
    text = f'[[rule]]\ncode = "XX1"\nname = "n"\nsymbols = ["tf.f"]\nsignature = "{signature}"\n{renamed}guidance = "none"\n'
    path.write_text(text)
    (rule,) = load_files([path])
    assert misread(rule, {"v": {"tf.f": parameters}}) == words
