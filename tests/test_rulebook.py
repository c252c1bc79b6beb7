"""Loading, conditions and the derivation of safety."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from kmigrate.lint import analyse
from kmigrate.model import UserError
from kmigrate.rulebook.book import Rulebook, load_rulebook
from kmigrate.rulebook.conditions import Unknown, evaluate
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.proofs import Proofs, proof_file, read_proof
from kmigrate.source import Source
from kmigrate.verify.proof import unproven

GOOD = '[[rule]]\ncode = "XX1"\nname = "exp"\nsymbols = ["tf.exp"]\nsignature = "x"\nkeras2 = "K.exp(x)"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rule]\n", ["not valid TOML"]),
        ("x = 1\n", ["unknown key 'x'"]),
        ("rule = 3\n", ["[[rule]]"]),
        (GOOD.replace("XX1", ""), ["rule", "code", "missing"]),
        (GOOD.replace("signature", "signatur"), ["rule XX1", "signatur", "did you mean 'signature'"]),
        (GOOD.replace('"x"', '"x,,"'), ["rule XX1", "signature", "not a parameter list"]),
        (GOOD.replace('"x"', "3"), ["rule XX1", "signature", "must be a str"]),
        (GOOD.replace("K.exp(x)", "K.exp(y)"), ["rule XX1", "keras2", "'y' is neither a parameter nor K"]),
        (GOOD.replace("K.exp(x)", "K.exp("), ["rule XX1", "keras2", "not a Python expression"]),
        (GOOD.replace("tf.exp", "numpy.exp"), ["rule XX1", "symbols"]),
        (GOOD + 'drop = ["name"]\n', ["rule XX1", "drop", "'name' is not a parameter"]),
        (GOOD + 'when = "rnk(x) == 2"\n', ["rule XX1", "when", "unknown name 'rnk'"]),
        (GOOD.replace('keras2 = "K.exp(x)"', ""), ["rule XX1", "guidance"]),
        (GOOD + GOOD, ["rule XX1", "code", "also used"]),
        (GOOD + GOOD.replace("XX1", "XX2"), ["rule XX2", "symbols", "also belongs to XX1"]),
        (GOOD + "[[rule.example]]\nafter = 'x'\n", ["rule XX1", "example.after", "unknown key"]),
        (GOOD + "[[rule.refuse]]\nwhen = 'given(x)'\n", ["rule XX1", "refuse", "reason"]),
    ],
)
def test_errors_name_file_rule_and_key(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_files([path])
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_a_missing_directory_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such rules file"):
        load_files([tmp_path / "nope"])


class Known:
    """Facts for conditions: a dict of answers; what is missing is unknown."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        def answer(*arguments: str) -> Any:
            key = "_".join([name, *arguments])
            if key not in self.answers:
                raise Unknown(key)
            return self.answers[key]

        return answer


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("rank(a) == 2", True),
        ("rank(a) == 3", False),
        ("rank(b) == 2", None),
        ("rank(a) == 2 and rank(b) == 2", None),
        ("rank(a) == 3 and rank(b) == 2", False),
        ("rank(a) == 2 or rank(b) == 2", True),
        ("rank(a) == 3 or rank(b) == 2", None),
        ("not rank(b) == 2", None),
        ("not rank(a) == 2", False),
        ("value(axis) in (0, -1)", True),
        ("value(axis) < 'x'", None),
        ("floating(a)", True),
    ],
)
def test_conditions_are_three_valued(condition: str, expected: bool | None) -> None:
    facts = Known(rank_a=2, value_axis=0, floating_a=True)
    assert evaluate(ast.parse(condition, mode="eval").body, facts) is expected


def test_safety_comes_from_a_current_proof_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    (rule,) = load_files([path])
    claim = {"0": {"preserving": True, "portable": False, "portability": "theano: differs"}}
    proven = Rulebook([rule], Proofs({"XX1": {"digest": rule.digest, "alternatives": claim}}))
    assert proven.claim(rule, 0).preserving is True
    assert proven.claim(rule, 0).portability == "theano: differs"
    stale = Rulebook([rule], Proofs({"XX1": {"digest": "old", "alternatives": claim}}))
    assert stale.claim(rule, 0).preserving is None
    assert "changed after its proof" in str(stale.claim(rule, 0).reason)
    assert Rulebook([rule], Proofs({})).claim(rule, 0).preserving is None


def test_compat_spellings_are_looked_up() -> None:
    rule = load_files([Path(__file__).parent / "data" / "rules.toml"])
    book = Rulebook(rule, Proofs({}))
    assert book.find("tf.compat.v1.exp") is book.find("tf.exp") is not None
    assert book.find("tf.compat.v3.exp") is None


# ---- the shipped rules


def test_every_shipped_proof_is_current() -> None:
    book = load_rulebook()
    assert len(book) > 60
    stale = [r.code for r in unproven(book, book.rules)]
    assert stale == [], "run: kmigrate rules --prove --stale"


def test_every_proof_file_belongs_to_a_rules_file_and_names_its_rules() -> None:
    book = load_rulebook()
    by_file: dict[Path, set[str]] = {}
    for rule in book.rules:
        by_file.setdefault(proof_file(rule.source), set()).add(rule.code)
    found = {path: set(read_proof(path)[0]) for path in builtin_rules_directory().rglob("proof/*.json")}
    assert found
    assert {path: codes - by_file.get(path, set()) for path, codes in found.items() if codes - by_file.get(path, set())} == {}


def test_no_shipped_rule_fails_its_own_examples() -> None:
    book = load_rulebook()
    problems = {r.code: (book.proofs.record(r) or {}).get("problems") for r in book.rules}
    assert {code: p for code, p in problems.items() if p} == {}


def test_every_shipped_replacement_has_an_executed_example() -> None:
    book = load_rulebook()
    missing = [
        f"{rule.code}/{index}"
        for rule in book.rules
        for index, alternative in enumerate(rule.alternatives)
        if "keras2" in alternative.replacement and book.claim(rule, index).preserving is None
    ]
    assert missing == []


def test_a_rule_is_added_by_one_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(GOOD.replace("tf.exp", "tf.our_op"))
    book = load_rulebook((path,))
    rule = book.find("tf.our_op")
    assert rule is not None and rule.code == "XX1"


def test_every_shipped_example_is_rewritten_as_it_says() -> None:
    from kmigrate.verify.proof import job_of

    book = load_rulebook()
    problems = [
        f"{rule.code} example {number + 1}: {job.problem}"
        for rule in book.rules
        for number in range(len(rule.examples))
        if (job := job_of(book, rule, number)).problem
    ]
    assert problems == []


def test_what_is_right_for_every_rank_needs_none() -> None:
    from kmigrate.lint import analyse
    from kmigrate.source import Source

    text = "import tensorflow as tf\n\n\ndef loss(y_true, y_pred):\n    return tf.matmul(y_true, y_pred)\n"
    (finding,) = analyse(Source.parse("m.py", text.encode()), load_rulebook()).findings
    assert finding.fix is not None
    assert (finding.fix.replacement, finding.fix.applicability, finding.fix.portable) == ("y_true @ y_pred", "safe", False)
    assert "K.batch_dot" in str(finding.fix.portability)


@pytest.mark.parametrize(
    "line",
    [
        "v = [[1.0, 2.0], [3.0, 4.0]]\n    return tf.gather(v, x)",
        "a = [1.0]\n    b = [2.0]\n    return tf.add(a, b)",
        "return tf.zeros((x, 3), tf.bool)",
        "return tf.matmul(x, y, adjoint_b=True)",
        "return tf.matmul(x, y * 2.0, transpose_b=True)",
        "return tf.split(1, 3, x)",
        "return tf.split(x, 3, 1)",
        "return tf.split(x, y, 1)",
        "return tf.unstack(x)",
        "return tf.squeeze(x, [0, -1])",
        "return tf.pad(x, [[0, 1]], constant_values=y)",
        "return tf.einsum('bij,kij->bk', x, y)",
        "return tf.linspace(0.0, 1.0, x)",
        "return tf.fill([2, 3], x)",
        "return tf.repeat(x, y)",
        "return tf.repeat(x, y, 1)",
        "return tf.roll(x, y, 1)",
        "return tf.broadcast_to(x, [3, 4])",
        "return tf.where(x, y, 0.0)",
        "return tf.where(x, 1, 0)",
        "return tf.one_hot(x, 3, axis=0)",
        "return tf.one_hot(x, 3, on_value=2)",
        "return tf.gather(x, [-1], axis=1)",
        "return tf.nn.conv2d(x, y, [1, 1, 1, 2], 'SAME')",
        "return tf.nn.max_pool(x, 2, 2, 'SAME')",
        "return tf.cumsum(x, y, exclusive=True)",
        "return tf.where(x)",
        "return tf.gather(x, y, batch_dims=1)",
        "return tf.gather(x, y, axis=1)",
        "return tf.concat(1, [x, y])",
        "return tf.squeeze(x)",
        "return tf.reshape(*x)",
        "return tf.reduce_sum(x, **y)",
        "return tf.zeros_like(x, name=make())",
        "return tf.convert_to_tensor(x)",  # of an IndexedSlices tf.identity makes no tensor in TensorFlow 2
        "return tf.sqrt(x)",
        "return tf.math.rsqrt(x + 1.0)",
        "return tf.split(x, [y, -1], 1)",
        "return tf.squeeze(x, [0, y])",
        "return tf.ones(x)",
    ],
)
def test_hostile_calls_have_no_safe_fix(line: str) -> None:
    """Calls for which K has something that looks right and is not."""
    from kmigrate.lint import analyse
    from kmigrate.source import Source

    text = f"import tensorflow as tf\n\n\ndef loss(y_true, y_pred, x=None, y=None):\n    {line}\n"
    findings = analyse(Source.parse("m.py", text.encode()), load_rulebook()).findings
    calls = [f for f in findings if not f.symbol.endswith((".bool", ".int32"))]
    assert calls
    assert [f.fix.replacement for f in calls if f.fix is not None and f.fix.applicability == "safe"] == []


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("tf.data.Dataset.from_tensor_slices", "data-pipeline"),
        ("tf.compat.v1.train.Saver", "training-loop"),
        ("tf.math.bessel_j1", "more-math"),
        ("tf.math.log", "log"),
        ("tf.compat.v1.math.log", "log"),
        ("tf.contrib.layers.fully_connected", "more-nn"),
        ("tf.contrib.no_such", "internal-module"),
    ],
)
def test_a_rule_for_a_module_speaks_where_none_names_the_symbol(symbol: str, name: str) -> None:
    rule = load_rulebook().find(symbol)
    assert rule is not None and rule.name == name


def test_only_a_rule_that_names_the_symbol_knows_it() -> None:
    book = load_rulebook()
    assert book.knows("tf.exp") and book.knows("tf.compat.v1.exp")
    assert not book.knows("tf.data.no_such") and book.find("tf.no_such") is None


@pytest.mark.parametrize(
    ("call", "assumption"),
    [
        ("tf.reduce_mean(x)", None),
        ("tf.reduce_mean(unknown)", None),
        ("tf.reduce_mean([x, x])", "no example has proven it with a list for `input_tensor`"),
        ("tf.reduce_mean(numbers, axis=0)", "no example has proven it with a list of numbers for `input_tensor`"),
        ("tf.reduce_mean(x, axis=[0, 1])", None),
        ("tf.reduce_mean(x, axis=None)", None),
        ("tf.reduce_mean(x, name=3)", None),
        ("tf.norm(x, keepdims=1)", "no example has proven it with a number for `keepdims`"),
        ("tf.logical_not(flag)", "no example has proven it with a Python bool for `x`"),
        ("tf.add_n([[1.0, 2.0], [3.0, 4.0]])", "no example has proven it with a list of lists for `inputs`"),
        ("tf.zeros(1)", None),
        ("tf.sequence_mask([1, 2], 3)", "no example has proven it with a list of numbers for `lengths`"),
    ],
)
def test_a_fix_is_safe_for_the_kinds_of_values_that_were_proven(call: str, assumption: str | None) -> None:
    head = "import tensorflow as tf\nfrom keras.layers import Layer\n\nclass A(Layer):\n    def call(self, x, unknown=None):\n"
    text = f"{head}        numbers = [1.0, 2.0]\n        flag = True\n        return {call}\n"
    (finding,) = analyse(Source.parse("a.py", text.encode()), load_rulebook(), "keras2").findings
    assert finding.fix is not None
    assert finding.fix.assumption == assumption
    assert finding.fix.applicability == ("unsafe" if assumption else "safe")


@pytest.mark.parametrize(("keras", "fixed"), [("keras", True), ("tensorflow.keras", False)])
def test_what_the_k_of_tensorflow_keras_lacks_is_no_fix_there(keras: str, fixed: bool) -> None:
    text = f"import tensorflow as tf\nfrom {keras}.layers import Layer\n\nclass A(Layer):\n    def call(self, x):\n        return tf.identity(x)\n"
    finding = next(
        f for f in analyse(Source.parse("a.py", text.encode()), load_rulebook(), "keras2").findings if f.code == "TF110"
    )
    assert (finding.fix is not None) == fixed
    assert ("the K of tensorflow.keras has no `identity`: import K from `keras`" in finding.message) != fixed
