"""What a replacement can say beyond a call: computed values, unrolled lists, nests, elements, choices."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from kmigrate.fix.apply import apply_fixes
from kmigrate.lint import analyse
from kmigrate.model import UserError
from kmigrate.project import fixes_to_apply
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.proofs import Proofs
from kmigrate.source import Source

HEAD = "from keras import backend as K\nimport tensorflow as tf\n\n\ndef loss(y_true, y_pred):\n    "
RULE = '[[rule]]\ncode = "XX1"\nname = "f"\nsymbols = ["tf.f"]\nsignature = "{signature}"\ndrop = []\nkeras2 = "{keras2}"\n'


def rulebook(tmp_path: Path, signature: str, keras2: str, more: str = "") -> Rulebook:
    path = tmp_path / "rules.toml"
    path.write_text(RULE.replace("{signature}", signature).replace("{keras2}", keras2) + more)
    return Rulebook(load_files([path]), Proofs({}))


def rewritten(book: Rulebook, call: str) -> str:
    """The call after the fix, or the reason why there is none."""
    analysis = analyse(Source.parse("m.py", f"{HEAD}r = {call}\n".encode()), book)
    finding = next(f for f in analysis.findings if f.code == "XX1")
    if finding.fix is None:
        return finding.message
    text = apply_fixes(analysis, fixes_to_apply(analysis.findings, unsafe=True))
    ast.parse(text)
    return text.rpartition("r = ")[2].rstrip("\n")


@pytest.mark.parametrize(
    ("signature", "keras2", "call", "expected"),
    [
        # computed values
        ("x, axis", "x[:, {axis - 1}:{axis + 1}]", "tf.f(a, 2)", "a[:, 1:3]"),
        ("x, axis", "x[{at(axis, slice(0, 2))}]", "tf.f(a, 2)", "a[:, :, 0:2]"),
        ("x, axis", "x[{at(axis, slice(0, 2))}]", "tf.f(a, -2)", "a[..., 0:2, :]"),
        ("x, axis", "x[{at(axis, 3)}]", "tf.f(a, 0)", "a[3]"),
        ("x, f='NHWC'", "K.g(x, {dict(NHWC='last')[f]})", "tf.f(a, 'NHWC')", "K.g(a, 'last')"),
        ("x, axis", "K.g(x, {axis % rank(x)})", "tf.f(K.placeholder(shape=(2, 3, 4)), -1)", "K.g(K.placeholder(shape=(2, 3, 4)), 2)"),
        ("x, strides", "K.g(x, {tuple(strides[1:3])})", "tf.f(a, [1, 2, 3, 1])", "K.g(a, (2, 3))"),
        ("x, p", "K.g(x, {[(a, b) for a, b in p]})", "tf.f(a, [[0, 1], [2, 3]])", "K.g(a, [(0, 1), (2, 3)])"),
        ("x, axis, n", "x[at({axis}, slice(None, n))]", "tf.f(a, 1, b.c)", "a[:, :b.c]"),
        ("x, axis, n", "x[at({axis}, slice(n, n + 1))]", "tf.f(a, -1, n)", "a[..., n:n + 1]"),
        ("x, axis, n", "x[at({axis}, n)]", "tf.f(a, 0, n)", "a[n]"),
        # lists written out
        ("x, n", "[x[:, {i}] for i in {range(n)}]", "tf.f(a, 3)", "[a[:, 0], a[:, 1], a[:, 2]]"),
        ("x, n", "K.g([x * {i} for i in {range(n)}])", "tf.f(a.b, 2)", "K.g([a.b * 0, a.b * 1])"),
        ("rows", "K.stack([K.stack(row) for row in [*rows]])", "tf.f([[a, b], c])", "K.stack([K.stack([a, b]), K.stack(c)])"),
        # nests
        ("x, axes", "fold(lambda t, i: K.squeeze(t, {i}), {sorted(axes)[::-1]}, x)", "tf.f(a, [1, 3])", "K.squeeze(K.squeeze(a, 3), 1)"),
        ("*xs", "fold(lambda a, b: a + b, [*xs])", "tf.f(a, b - c, d)", "a + (b - c) + d"),
        ("*xs", "fold(lambda a, b: K.maximum(a, b), [*xs])", "tf.f(a, b, c)", "K.maximum(K.maximum(a, b), c)"),
        ("xs", "fold(lambda a, b: a + b, [*xs])", "tf.f([a, b])", "a + b"),
        ("xs", "fold(lambda a, b: a + b, [*xs])", "tf.f((a,))", "a"),
        # elements
        ("xs", "K.g(xs[1], xs[0])", "tf.f([a, b])", "K.g(b, a)"),
        ("*xs", "K.g(xs[0], xs[1])", "tf.f(a, (b + c))", "K.g(a, (b + c))"),
        ("xs", "xs[0]", "tf.f(ys)", "ys[0]"),
        # a part of a tensor, and what is around it
        ("x, y", "K.g([y if {i is None} else base(x)[{at(part(x)[0], i)}] for i in {pieces(x)}])", "tf.f(a.b[:, 1:-1], c)", "K.g([a.b[:, :1], c, a.b[:, -1:]])"),
        ("x, y", "K.g([y if {i is None} else base(x)[{at(part(x)[0], i)}] for i in {pieces(x)}])", "tf.f(a[-1], c)", "K.g([a[:-1], c])"),
        # choices
        ("x, n", "K.a(x) if {n > 1} else K.b(x)", "tf.f(a, 2)", "K.a(a)"),
        ("x, n", "K.a(x) if {n > 1} else K.b(x)", "tf.f(a, 1)", "K.b(a)"),
        # a lambda of the template
        ("fn, x", "K.g(lambda a, b: fn(b, a), x)", "tf.f(h, y)", "K.g(lambda a, b: h(b, a), y)"),
        ("fn, x", "K.g(lambda a, b: fn(b, a), x)", "tf.f(a, b)", "K.g(lambda a_, b_: a(b_, a_), b)"),
    ],
)  # fmt: skip
def test_rewrites(signature: str, keras2: str, call: str, expected: str, tmp_path: Path) -> None:
    assert rewritten(rulebook(tmp_path, signature, keras2), call) == expected


@pytest.mark.parametrize(
    ("signature", "keras2", "call", "reason"),
    [
        ("x, axis", "K.g(x, {axis % rank(x)})", "tf.f(a, -1)", "rank(x) is not known"),
        ("x, axis", "x[{at(axis, 1)}]", "tf.f(a, n)", "argument 'axis' is not a literal"),
        ("x, f", "K.g(x, {dict(NHWC='last')[f]})", "tf.f(a, 'WHAT')", "has a value that the rule does not know"),
        ("x, n", "[x[{i}] for i in {range(n)}]", "tf.f(h(a), 2)", "evaluated more than once"),
        ("x, n", "[x[{i}] for i in {range(n)}]", "tf.f(a, 1000)", "more than 64 parts"),
        ("x, n", "[x[{i}] for i in {range(n)}]", "tf.f(a, 1000000000000)", "more than 64 parts"),
        ("x, n", "[x[{i}] for i in {n}]", "tf.f(a, 3)", "is no list"),
        ("x, axis", "[x[at({axis}, i)] for i in range(2)]", "tf.f(a, 2.5)", "axis is no axis"),
        ("x, axis", "[x[at({axis}, i)] for i in range(2)]", "tf.f(a, 1000000000000)", "axis is no axis"),
        ("x, n", "K.g(x, {1 / n})", "tf.f(a, 0)", "has a value that the rule does not know"),
        ("xs", "fold(lambda a, b: a + b, [*xs])", "tf.f(ys)", "no list that is written out"),
        ("xs", "fold(lambda a, b: a + b, [*xs])", "tf.f([])", "nothing to put together"),
        ("xs", "K.g(xs[1])", "tf.f([a, b])", "element 0 of argument 'xs' has no counterpart"),
        ("xs", "K.g(xs[0], xs[1])", "tf.f([a])", "has no element 1"),
        ("xs", "K.g(xs[1], xs[0])", "tf.f([h(), g()])", "order of evaluation"),
        ("fn, x", "K.g(lambda a: fn(a), x)", "tf.f(make(), a)", "evaluated more than once"),
        ("x", "K.g({pieces(x)})", "tf.f(a[1:2, 0])", "pieces(x) is not known"),
        ("x", "K.g({pieces(x)})", "tf.f(a[n:])", "pieces(x) is not known"),
        ("x", "K.g({pieces(x)})", "tf.f(a[-1:2])", "pieces(x) is not known"),
        ("x", "K.g({pieces(x)})", "tf.f(a[::2])", "pieces(x) is not known"),
        ("x", "K.g({pieces(x)})", "tf.f(a[2:0])", "pieces(x) is not known"),
        ("x", "K.g({pieces(x)})", "tf.f(a[-1:-2])", "pieces(x) is not known"),
        ("x", "base(x)", "tf.f(a)", "is no subscript"),
        ("xs", "fold(lambda a, b: a + b, [*xs])", "tf.f([a,  # first\n        b])", "a comment inside the call would be lost"),
    ],
)
def test_no_fix(signature: str, keras2: str, call: str, reason: str, tmp_path: Path) -> None:
    assert reason in rewritten(rulebook(tmp_path, signature, keras2), call)


@pytest.mark.parametrize(
    ("statement", "replacement", "assumption"),
    [
        ("r = Dense(2, activation=tf.f)", "K.tanh", "no example has proven it"),
        ("r = Activation(tf.f)", "K.tanh", "no example has proven it"),
        ("r = list(map(tf.f, xs))", "K.tanh", "called with 1 positional argument only"),
        ("r = other(activation=tf.f)", "K.tanh", "called with 1 positional argument only"),
    ],
)
def test_a_function_that_is_handed_on(statement: str, replacement: str, assumption: str, tmp_path: Path) -> None:
    book = rulebook(tmp_path, "x, name=None", "K.tanh(x)")
    text = "from keras.layers import Activation, Dense\n" + HEAD + statement + "\n"
    (finding,) = (f for f in analyse(Source.parse("m.py", text.encode()), book).findings if f.code == "XX1")
    assert finding.fix is not None and finding.fix.replacement == replacement
    assert assumption in str(finding.fix.assumption)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("tf.f(a)[0]", "K.mean(a)"),
        ("tf.f(a)[1] * 2", "K.var(a) * 2"),
        ("tf.f(g(a))[1]", "K.var(g(a))"),
        ("tf.f(a)[2]", "(K.mean(a), K.var(a))[2]"),
        ("tf.f(a)[n]", "(K.mean(a), K.var(a))[n]"),
        ("tf.f(a)", "(K.mean(a), K.var(a))"),
    ],
)
def test_one_element_of_a_tuple_is_written_alone(call: str, expected: str, tmp_path: Path) -> None:
    assert rewritten(rulebook(tmp_path, "x", "(K.mean(x), K.var(x))"), call) == expected


def test_conditions_ask_about_elements(tmp_path: Path) -> None:
    book = rulebook(tmp_path, "*xs", "K.stack([*xs])", 'when = "rank(xs[0]) == 2"\n')
    assert rewritten(book, "tf.f(K.placeholder(ndim=2), b)") == "K.stack([K.placeholder(ndim=2), b])"
    assert "which the code does not show" in rewritten(book, "tf.f(a, b)")


@pytest.mark.parametrize(
    ("keras2", "message"),
    [
        ("K.g({x, x})", "holds one expression"),
        ("[x for i in {range(2)} if i]", "no 'if'"),
        ("fold(x, x)", "fold takes a lambda"),
        ("K.g(at(1, 2))", "'at' is neither"),
        ("K.g({open(x)})", "'open' is neither"),
    ],
)
def test_the_loader_rejects(keras2: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        rulebook(tmp_path, "x", keras2)


def test_the_rules_own_words_on_portability_come_first(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    text = RULE.replace("{signature}", "x").replace("{keras2}", "K.f(x)")
    path.write_text(text + 'portability = "Theano adds one: K.f(1.) is 2."\n')
    (rule,) = load_files([path])
    claim = {"preserving": True, "portable": False, "portability": "theano: 1 of 2 values differ"}
    book = Rulebook([rule], Proofs({"XX1": {"digest": rule.digest, "alternatives": {"0": claim}}}))
    assert book.claim(rule, 0).portability == "Theano adds one: K.f(1.) is 2.; measured: theano: 1 of 2 values differ"
    path.write_text(text)
    (plain,) = load_files([path])
    assert plain.digest == rule.digest, "prose must not invalidate a proof"
