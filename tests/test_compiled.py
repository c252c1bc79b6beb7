"""The compiled rulebook says what the rules say, whatever became of it on the disk."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from kmigrate.cache import cache_directory
from kmigrate.model import UserError
from kmigrate.rulebook import book as books
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.compiled import Compiled
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.proofs import Proofs

RULE = """[[rule]]
code = "MY1"
name = "mine"
symbols = ["tf.my_own"]
signature = "x"
keras2 = "K.exp(x)"
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Rulebook]:
    """As another process would load the rulebook."""
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path / "cache"))

    def load(*extra: Path) -> Rulebook:
        books.load_rulebook.cache_clear()
        return books.load_rulebook(extra)

    return load


def kept() -> Path:
    (file,) = Path(cache_directory()).glob("*-rulebook.json")
    return file


def plain(value: Any) -> Any:
    """A rule as data that can be compared: trees by their text, objects by their fields."""
    if isinstance(value, ast.AST):
        return ast.dump(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__slots__") and hasattr(value, "__dataclass_fields__"):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def test_it_says_what_the_rules_say(load: Callable[..., Rulebook]) -> None:
    first, second = load(), load()
    written = load_files([builtin_rules_directory()])
    assert isinstance(first.rules, list) and not isinstance(second.rules, list)
    assert plain(list(second.rules)) == plain(written) == plain(list(first.rules))
    for rule in written:
        assert second.get(rule.code) is second.get(rule.code)
        assert plain(second.get(rule.code)) == plain(rule)
        for symbol in rule.symbols:
            assert second.find(symbol) is second.get(rule.code)
        for number in range(len(rule.alternatives)):
            assert second.claim(rule, number) == first.claim(rule, number)
            assert repr(second.differences(rule, number)) == repr(first.differences(rule, number))  # there are NaNs in them
    assert len(second) == len(written)
    assert second.proofs.records == Proofs.read(dict.fromkeys(r.source for r in written)).records


@pytest.mark.parametrize("damage", [b"", b"\n", b"{}", b"\xff\n{}", None])
def test_a_damaged_one_is_made_anew(load: Callable[..., Rulebook], damage: bytes | None) -> None:
    load()
    whole = kept().read_bytes()
    kept().write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert isinstance(load().rules, list)
    assert kept().read_bytes() == whole


def test_a_changed_rule_is_seen(load: Callable[..., Rulebook], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"

    def write(text: str, age: int) -> None:
        mine.write_text(text)
        os.utime(mine, (time.time() - age,) * 2)

    write(RULE, 100)
    load(mine)
    assert kept().exists()
    write(RULE.replace("K.exp", "K.log"), 100)  # as long, and as old
    rule = load(mine).get("MY1")
    assert rule is not None and ast.unparse(rule.alternatives[0].replacement["keras2"]) == "K.log(x)"
    write(RULE.replace("K.exp", "K.exp("), 50)
    with pytest.raises(UserError, match="not a Python expression"):
        load(mine)


def test_rules_of_this_moment_are_not_kept(load: Callable[..., Rulebook], tmp_path: Path) -> None:
    """Their time does not tell whether they are changed once more."""
    mine = tmp_path / "mine.toml"
    mine.write_text(RULE)
    assert load(mine).find("tf.my_own") is not None
    assert not list(Path(cache_directory()).glob("*")) if Path(cache_directory()).exists() else True


def test_what_json_cannot_say_is_not_kept(load: Callable[..., Rulebook], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(RULE + "[[rule.example]]\nbefore = 'tf.my_own(x)'\ninputs = { x = 2020-01-01 }\n")
    os.utime(mine, (1, 1))
    for _ in range(2):
        assert isinstance(load(mine).rules, list)


def test_a_rule_is_made_when_it_is_asked_for() -> None:
    book = Compiled(
        {"names": [["A1", ["tf.a"]]], "sources": ["a.toml"], "tables": [[0, 1, "{"]], "proofs": {}, "differences": []}
    )
    assert book.names == [["A1", ["tf.a"]]]
    with pytest.raises(ValueError):
        book.rules[0]
