"""Pages of rules say what the rules and their proofs say, and the committed ones are current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kmigrate.report.rules import index_page, page, status
from kmigrate.report.rules_json import render_rules
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.proofs import Proofs

ROOT = Path(__file__).parent.parent
RULE = """
[[rule]]
code = "XX1"
name = "our-op"
symbols = ["tf.our_op"]
why = "Because."
signature = "a, b, name=None"
guidance = "Write it by hand."
[[rule.refuse]]
when = "integer(a)"
reason = "integers are rounded"
[[rule.alternative]]
when = "rank(a) == 2"
assume = "a has rank 2"
keras2 = "K.dot(a, b)"
[[rule.example]]
before = "tf.our_op(x, w)"
keras2 = "K.dot(x, w)"
inputs = { x = "float[2,3]", w = "float[3,4]" }
[[rule.example]]
before = "tf.our_op(i, w)"
inputs = { i = "int[2,3]", w = "float[3,4]" }
"""


def test_the_committed_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "rule_pages.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, "run: python scripts/rule_pages.py\n" + result.stdout + result.stderr


def test_a_page_says_what_changes_when_and_what_was_run(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(RULE)
    (rule,) = load_files([path])
    engines = {"tensorflow": {"cases": 12, "max_ulp": 1.0, "max_rel": 2e-16, "stacks": ["keras2-tf1"]}}
    record = {
        "digest": rule.digest,
        "alternatives": {"0": {"preserving": True, "portable": False, "tf_keras": True, "portability": "theano turns it round"}},
        "engines": engines,
        "inputs": {"classes": ["ordinary", "NaN"], "dtypes": ["float64"], "ranks": [1, 2]},
    }
    book = Rulebook([rule], Proofs({"XX1": record}))
    text = page(book, rule)
    for words in (
        "# XX1 our-op",
        "Because.",
        "tf.our_op(x, w)\n# -> K.dot(x, w)",
        "tf.our_op(i, w)\n# -> no fix",
        "When `a` has rank 2.",
        "Else unsafe, assuming that a has rank 2.",
        "- Preserves values on TensorFlow: yes\n- Portable: no: ",
        "theano turns it round",
        "- where `a` is a tensor of integers: integers are rounded",
        "Write it by hand.",
        "- TensorFlow: 12 cases (keras2-tf1), largest error 1 ulp, 2e-16 relative",
        "ranks 1, 2; float64; values: ordinary, NaN",
    ):
        assert words in text
    assert "| [XX1](XX1.md) | our-op | `tf.our_op` | safe | no |" in index_page(book)


def test_a_rule_without_a_current_proof_is_not_called_safe(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(RULE)
    (rule,) = load_files([path])
    text = page(Rulebook([rule], Proofs({})), rule)
    assert "Unsafe: right under an assumption" in text and "not known: no example has proven it" in text


ASSUMED = """
[[rule]]
code = "XX1"
name = "our-op"
symbols = ["tf.our_op"]
signature = "a, b, name=None"
[[rule.alternative]]
when = "{when}"
assume = "a has rank 2"
keras2 = "K.dot(a, b)"
[[rule.example]]
before = "tf.our_op(x, w)"
keras2 = "K.dot(x, w)"
inputs = {{ x = "float[2,3]", w = "float[3,4]" }}
"""


@pytest.mark.parametrize(
    ("when", "word"),
    [
        ("rank(a) == 2", "safe"),
        ("rank(a) == 2 and unknown()", "unsafe"),
        ("not unknown()", "unsafe"),
        ("unknown() or rank(a) == 2", "safe"),
        ("not (unknown() or rank(a) == 2)", "unsafe"),
        ("not (unknown() and rank(a) == 2)", "safe"),
    ],
)
def test_what_no_code_can_show_is_not_called_safe(tmp_path: Path, when: str, word: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(ASSUMED.format(when=when))
    (rule,) = load_files([path])
    claim = {"preserving": True, "portable": True, "tf_keras": True}
    book = Rulebook([rule], Proofs({"XX1": {"digest": rule.digest, "alternatives": {"0": claim}}}))
    assert status(book, rule) == word
    assert f"| {word} | yes |" in index_page(book)
    assert page(book, rule).startswith(f"# XX1 our-op\n\n{word.capitalize()}: ")
    data = json.loads(render_rules(book, [rule]))["rules"][0]
    assert data["fix"] == data["alternatives"][0]["fix"] == word and data["portable"] == "yes"


def test_a_condition_that_is_always_assumed_is_said_without_the_word_for_it(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(ASSUMED.format(when="rank(a) == 2 and unknown()"))
    (rule,) = load_files([path])
    text = page(Rulebook([rule], Proofs({})), rule)
    assert "When `a` has rank 2.\n\nUnsafe, assuming that a has rank 2." in text and "unknown" not in text
