"""What a replacement names must mean there what it means in the rule: builtins, and names inside a comprehension in a class."""

from __future__ import annotations

import pytest
from conftest import analysed

from kmigrate.fix.apply import FixError, apply_fixes
from kmigrate.rulebook.book import Rulebook, load_rulebook

HEAD = "import tensorflow as tf\nfrom keras import backend as K\n"


@pytest.fixture(scope="module")
def rules() -> Rulebook:
    return load_rulebook()


def message(text: str, rules: Rulebook) -> str:
    finding = next(f for f in analysed(text, rules).findings if f.symbol in ("tf.math.is_inf", "tf.split"))
    return finding.message


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def f(x, float):\n    return tf.math.is_inf(x)\n", "float"),
        ("float = 3\n\n\ndef f(x):\n    return tf.math.is_inf(x)\n", "float"),
        ("def f(x):\n    float = x\n    return tf.math.is_inf(x)\n", "float"),
        ("def f(x, *, float):\n    return (lambda t: tf.math.is_inf(t))(x)\n", "float"),
        ("def f(x, float=1.0):\n    return [tf.math.is_inf(t) for t in x]\n", "float"),
        ("def f(x):\n    return [tf.math.is_inf(float) for float in x]\n", "float"),
        ("def f(x):\n    return tf.math.is_inf(x)\n", None),
        ("def g(float):\n    return float\n\n\ndef f(x):\n    return tf.math.is_inf(x)\n", None),
        ("class A:\n    float = 3\n\n    def f(self, x):\n        return tf.math.is_inf(x)\n", None),
    ],
)
def test_a_builtin_that_means_something_else(text: str, name: str | None, rules: Rulebook) -> None:
    assert (f"needs {name!r}, which means something else here" in message(HEAD + text, rules)) == (name is not None)


@pytest.mark.parametrize(
    ("star", "hidden"),
    [("keras.backend", True), ("tensorflow", True), ("numpy", True), ("helpers", True), ("keras.layers", False)],
)
def test_a_builtin_that_a_star_import_may_bring(star: str, hidden: bool, rules: Rulebook) -> None:
    text = f"{HEAD}from {star} import *\n\n\ndef f(x):\n    sizes = [n for n in (1, 3)]\n    return tf.split(x, sizes, axis=1)\n"
    finding = next(f for f in analysed(text, rules).findings if f.symbol == "tf.split")
    assert finding.fix is None or "sum(" not in finding.fix.replacement or not hidden
    assert hidden or (finding.fix is not None and "sum(sizes" in finding.fix.replacement)


@pytest.mark.parametrize("parts", ["heads", "sizes"])
def test_names_of_a_class_in_a_comprehension(parts: str, rules: Rulebook) -> None:
    """Python: a comprehension in a class's body sees none of the class's names but in its first iterable."""
    text = (
        f"{HEAD}class A:\n    y = K.ones((2, 4))\n    heads = 2\n    sizes = [1, 3]\n    parts = tf.split(y, {parts}, axis=1)\n"
    )
    analysis = analysed(text, rules)
    assert next(f for f in analysis.findings if f.symbol == "tf.split").fix is None
    assert "tf.split(" in apply_fixes(analysis, analysis.findings)


def test_no_import_for_a_name_that_is_no_fix_s(book: Rulebook) -> None:
    """A defect of a rule or of ours: an unknown name must not be imported as if it were K."""
    analysis = analysed(HEAD + "def f(x):\n    return tf.exp(x)\n", book)
    (finding,) = analysis.findings
    assert finding.fix is not None
    edit = type(finding.fix.edit)(finding.fix.edit.start, finding.fix.edit.end, ("unknown_name(x)",))
    object.__setattr__(finding.fix, "edit", edit)
    with pytest.raises(FixError, match="unknown_name"):
        apply_fixes(analysis, [finding])
