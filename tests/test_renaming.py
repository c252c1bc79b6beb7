"""What is found does not depend on how things are called, nor on what stands around them: properties of the analyzer."""

from __future__ import annotations

import builtins
import keyword
import textwrap
from collections import Counter

import pytest
from conftest import analysed
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.model import Finding
from kmigrate.names import aliases
from kmigrate.names.aliases import canonical_symbol
from kmigrate.rulebook.book import load_rulebook

BOOK = load_rulebook()
# The roles of names in the programs below. None of them is one that Keras knows parameters by.
ROLES = ("E", "N", "B", "X", "P", "Q", "F", "C")
NASTY = ("tf", "T", "K", "KB", "theano", "np", "ops", "tensorflow", "keras", "x", "Layer2", "backend", "_", "__a", "ünï")
# Builtins, names of the programs, and parameters that Keras hands over under these names.
RESERVED = {*dir(builtins), "self", "mask", "states", "initial_state", "attention_mask", "training", "Layer", "Mine"}
NAMES = st.lists(
    st.sampled_from(NASTY) | st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,7}", fullmatch=True),
    min_size=len(ROLES),
    max_size=len(ROLES),
    unique=True,
).filter(lambda names: not any(n in RESERVED or keyword.iskeyword(n) for n in names))

HEAD = """import tensorflow as {E}
import numpy as {N}
from keras import backend as {B}
from keras.layers import Layer


class Mine(Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(3, 4), initializer="zeros")

    def call(self, {X}, mask=None):
        {P} = {E}.exp({X})
        {Q} = {B}.sum({P}, axis=-1)
"""
STATEMENTS = (
    "{Q} = {E}.nn.relu({P})",
    "{P} = {E}.reduce_sum({X}, 1, keepdims=True) * {N}.pi",
    "{Q} = {P}.get_shape().as_list()",
    "{Q} = {E}.cast({P}, {E}.float32)",
    "{F} = {E}.nn.tanh\n{Q} = {F}({P})",
    "{F} = lambda {C}: {E}.abs({C})\n{Q} = {F}({P})",
    "{Q} = [{E}.square({C}) for {C} in ({P}, {X})]",
    "for {C} in range(3):\n    {P} = {P} + {E}.sign({P})",
    "with {E}.name_scope('s'):\n    {Q} = {E}.sqrt({P})",
    "if isinstance({X}, {E}.Tensor):\n    {Q} = {E}.identity({X})",
    "{Q} = {E}.where({P} > 0, {P}, {E}.zeros_like({P}))",
    "def {F}({C}, {Q}={E}.nn.softmax):\n    return {Q}({C}) + {E}.ones_like({C})\n{P} = {F}({P})",
    "{Q} = {E}.tensordot({P}, self.w, 1)",
    "self.w.assign({E}.zeros((3, 4)))",
    "{Q} = {E}.unheard_of({P})",
    "{Q}: {E}.Tensor = {B}.tf.exp({P})",
)
BODIES = st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=5)
PLAIN = dict(zip(ROLES, ("tf_", "np_", "K_", "inputs_", "p_", "q_", "f_", "c_"), strict=True))


def program(body: str, names: dict[str, str]) -> str:
    return (HEAD + textwrap.indent(body, "        ") + "\n        return {X}\n").format(**names)


def found(text: str) -> list[Finding]:
    return list(analysed(text, BOOK, whole=False).findings)


def described(text: str) -> list[tuple[int, str, str, str | None]]:
    """Line, code, symbol and applicability of every finding, in the order of the text."""
    return [(f.line, f.code, f.symbol, f.fix.applicability if f.fix else None) for f in found(text)]


@given(BODIES, NAMES)
@settings(max_examples=150)
def test_renaming_changes_no_finding(statements: list[str], names: list[str]) -> None:
    body = "\n".join(statements)
    plain, renamed = program(body, PLAIN), program(body, dict(zip(ROLES, names, strict=True)))
    expected = described(plain)
    assert expected  # the first line of `call` is one
    assert described(renamed) == expected


@given(BODIES, st.permutations("abcdefgh"))
@settings(max_examples=50)
def test_positions_move_with_the_names_alone(statements: list[str], letters: list[str]) -> None:
    """Names of one length: then nothing moves at all."""
    body = "\n".join(statements)
    first = [(f.start, f.end, f.line, f.column) for f in found(program(body, dict(zip(ROLES, "abcdefgh", strict=True))))]
    second = [(f.start, f.end, f.line, f.column) for f in found(program(body, dict(zip(ROLES, letters, strict=True))))]
    assert first == second


WRAPPERS = {
    "if": "if True:\n{body}",
    "else": "if mask is None:\n    pass\nelse:\n{body}",
    "try": "try:\n{body}\nfinally:\n    pass",
    "finally": "try:\n    pass\nfinally:\n{body}",
    "except": "try:\n    pass\nexcept ValueError as error:\n{body}",
    "with": "with open('f') as handle:\n{body}",
    "for": "for step in range(2):\n{body}",
    "while": "while mask:\n{body}\n    break",
    "function": "def inner():\n{body}\ninner()",
    "method's function": "def inner(self):\n{body}\ninner(self)",
    "class": "class Inner:\n    def run(own):\n{body2}\nInner().run()",
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@given(BODIES)
@settings(max_examples=25)
def test_wrapping_loses_no_finding(wrapper: str, statements: list[str]) -> None:
    body = "\n".join(statements)
    wrapped = (
        WRAPPERS[wrapper].replace("{body2}", textwrap.indent(body, " " * 8)).replace("{body}", textwrap.indent(body, "    "))
    )
    # Inside a function {P} and {Q} may be locals that are read before they are bound: there they are given a value first.
    before = "{P} = {X}\n{Q} = {X}\n"
    inside = Counter(symbol for _, _, symbol, _ in described(program(wrapped.replace("{body}", ""), PLAIN)))
    plain = Counter(symbol for _, _, symbol, _ in described(program(before + body, PLAIN)))
    assert not {symbol: n for symbol, n in (plain - inside).items() if not symbol.startswith(("tf.Tensor", "tf.Variable"))}


SHADOWS = (
    "{E} = fft({X})",
    "{E}, {Q} = {X}",
    "for {E} in {X}:\n    pass",
    "with open('f') as {E}:\n    pass",
    "import numpy.linalg as {E}",
    "from numpy import fft as {E}",
    "def {E}():\n    pass",
    "class {E}:\n    pass",
    "{Q} = ({E} := {X})",
    "{E}: int = 3",
    "{E} = None\n{E} += 1",
    "try:\n    pass\nexcept ValueError as {E}:\n    pass",
    "({E}) = [{E} for {E} in {X}]",
    "[*{E}] = {X}",
)
USES = ("{Q} = {E}.exp({X})", "{Q} = {E}.nn.relu", "{Q} = [{E}.square({C}) for {C} in {X}]", "{F} = lambda {C}: {E}.abs({C})")


@given(st.sampled_from(SHADOWS), st.sampled_from(USES), NAMES)
@settings(max_examples=150)
def test_a_local_that_shadows_the_engine_is_never_flagged(shadow: str, use: str, names: list[str]) -> None:
    text = "import tensorflow as {E}\nfrom keras.layers import Layer\n\n\nclass Mine(Layer):\n    def call(self, {X}):\n"
    body = textwrap.indent(f"{shadow}\n{use}\nreturn {{X}}", " " * 8)
    assert described((text + body + "\n").format(**dict(zip(ROLES, names, strict=True)))) == []


@given(st.sampled_from(USES), NAMES)
@settings(max_examples=40)
def test_a_parameter_that_shadows_the_engine_is_never_flagged(use: str, names: list[str]) -> None:
    text = (
        "import tensorflow as {E}\nfrom keras.layers import Layer\n\n\nclass Mine(Layer):\n    def call(self, {X}, {E}=None):\n"
    )
    body = textwrap.indent(f"{use}\nreturn {{X}}", " " * 8)
    assert described((text + body + "\n").format(**dict(zip(ROLES, names, strict=True)))) == []


# ---- spellings

SYMBOLS = ("tensorflow.nn.relu", "tensorflow.math.reduce_sum", "theano.tensor.nnet.sigmoid", "tensorflow.image.resize_images")


def imports(dotted: str, a: str, b: str) -> list[tuple[str, str]]:
    """Every way to import a symbol and to name it: import lines, the expression."""
    parts = dotted.split(".")
    root, rest = parts[0], ".".join(parts[1:])
    module, _, name = dotted.rpartition(".")
    return [
        (f"import {root}", dotted),
        (f"import {root} as {a}", f"{a}.{rest}"),
        (f"import {module}", dotted),
        (f"import {module} as {a}", f"{a}.{name}"),
        (f"from {module} import {name}", name),
        (f"from {module} import {name} as {a}", a),
        (f"from {module} import *", name),
        (f"from {root} import {parts[1]} as {a}", ".".join([a, *parts[2:]])),
        (f"import {root} as {a}\n{b} = {a}.{parts[1]}", ".".join([b, *parts[2:]])),
        (f"import {root} as {a}\n{b} = {a}.{rest}", b),
        (f"try:\n    import {root} as {a}\nexcept ImportError:\n    {a} = None", f"{a}.{rest}"),
        (f"import os, {root} as {a}", f"{a}.{rest}"),
        (f"if True:\n    import {root} as {a}", f"{a}.{rest}"),
        (f"import importlib\n{a} = importlib.import_module('{root}')", f"{a}.{rest}"),
    ]


@pytest.mark.parametrize("dotted", SYMBOLS)
@given(st.sampled_from(["tf", "T", "engine", "zz", "ä"]), st.sampled_from(["nn", "f", "module", "_g"]))
@settings(max_examples=10)
def test_every_way_to_import_a_symbol_gives_one_code(dotted: str, a: str, b: str) -> None:
    codes = set()
    for lines, use in imports(dotted, a, b):
        text = f"{lines}\nfrom keras.layers import Layer\n\n\nclass Mine(Layer):\n    def call(self, x):\n        return {use}(x, 1)\n"
        (finding,) = [f for f in found(text) if f.line > 5]
        codes.add((finding.code, canonical_symbol(finding.symbol)))
    assert len(codes) == 1


def test_all_spellings_of_a_symbol_have_one_rule() -> None:
    """Where a rule names the symbol; what is only said of a whole module (``tf.contrib.*``) goes by the module."""
    wrong = []
    for spelling, canonical in aliases._table()[0].items():
        if BOOK.knows(spelling) or BOOK.knows(canonical):
            rule, other = BOOK.find(spelling), BOOK.find(canonical)
            if rule is None or other is None or rule.code != other.code:
                wrong.append((spelling, canonical))
    assert wrong == []
