"""The table of spellings: what is one symbol, and what only looks like it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kmigrate.lint import analyse
from kmigrate.names.aliases import TABLE, canonical_symbol, is_known, spellings, wider_symbol
from kmigrate.names.symbols import canonical
from kmigrate.rulebook.book import Rulebook, load_rulebook
from kmigrate.source import Source
from kmigrate.verify.stacks import ensure, get_stack

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.mark.parametrize(
    ("canonical", "spellings"),
    [
        (
            "tf.math.reduce_sum",
            "tf.reduce_sum tf.compat.v1.reduce_sum tf.compat.v2.reduce_sum tf.compat.v1.math.reduce_sum "
            "tf.python.ops.math_ops.reduce_sum tf.python.ops.math_ops.reduce_sum_v1",
        ),
        ("tf.nn.relu", "tf.compat.v1.nn.relu tf.python.ops.nn.relu tf.python.ops.gen_nn_ops.relu tf.python.ops.nn_ops.relu"),
        ("tf.math.sigmoid", "tf.sigmoid tf.nn.sigmoid tf.python.ops.math_ops.sigmoid"),
        ("tf.float32", "tf.dtypes.float32 tf.compat.v1.float32 tf.python.framework.dtypes.float32"),
        ("tf.math.log", "tf.log tf.compat.v1.log"),
        ("tf.Tensor.shape", "tf.python.framework.ops.Tensor.shape tf.compat.v1.Tensor.shape"),
        ("tf.nn.rnn_cell.LSTMCell", "tf.contrib.rnn.LSTMCell tf.compat.v1.nn.rnn_cell.LSTMCell"),
        ("theano.tensor.dot", "theano.tensor.basic.dot"),
        ("theano.tensor.nnet.softmax", "theano.tensor.nnet.nnet.softmax"),
        ("theano.tensor.sqr", "theano.tensor.square theano.tensor.basic.square"),
        ("tf.no_such", ""),
    ],
)
def test_every_spelling_is_one_symbol(canonical: str, spellings: str) -> None:
    assert {canonical_symbol(s) for s in [canonical, *spellings.split()]} == {canonical}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tf.compat.v1.argmax", "tf.compat.v2.argmax"),
        ("tf.compat.v1.argmax", "tf.argmax"),
        ("tf.compat.v1.where", "tf.compat.v2.where"),
        ("tf.compat.v1.image.resize", "tf.compat.v2.image.resize"),
        ("tf.compat.v1.nn.softmax_cross_entropy_with_logits", "tf.compat.v2.nn.softmax_cross_entropy_with_logits"),
        ("tf.compat.v1.nn.dropout", "tf.compat.v2.nn.dropout"),
        ("tf.compat.v1.shape", "tf.compat.v2.shape"),
        ("tf.nn.relu", "tf.nn.relu6"),
        ("theano.tensor.max", "theano.tensor.maximum"),
    ],
)
def test_different_functions_stay_apart(one: str, other: str) -> None:
    assert canonical_symbol(one) != canonical_symbol(other)


def test_a_name_that_versions_give_to_different_functions_is_wider_than_each() -> None:
    assert canonical_symbol("tf.argmax") == "tf.math.argmax"
    assert wider_symbol(canonical_symbol("tf.compat.v1.argmax")) == "tf.math.argmax"
    assert wider_symbol(canonical_symbol("tf.python.ops.math_ops.argmax_v2")) == "tf.math.argmax"
    assert wider_symbol("tf.math.argmax") is None


def test_known_symbols() -> None:
    assert is_known("tf.reduce_sum") and is_known("tf.compat.v1.placeholder") and is_known("theano.tensor.dot")
    assert not is_known("tf.no_such") and not is_known("theano.tensor.len")


def test_a_rule_is_found_by_every_spelling(book: Rulebook) -> None:
    rule = book.find("tf.reduce_sum")
    assert rule is not None
    for symbol in ["tf.compat.v1.math.reduce_sum", "tf.python.ops.math_ops.reduce_sum", "tf.compat.v2.reduce_sum"]:
        assert book.find(symbol) is rule
    assert book.find("tf.compat.v3.reduce_sum") is None


def test_every_spelling_has_the_same_rule_or_guidance() -> None:
    book = load_rulebook()
    symbols = {line.split(" ")[0].replace("*", "") for line in TABLE.read_text("utf-8").splitlines() if line[0] != "#"}
    assert len(symbols) > 1000
    for symbol in symbols:
        assert len({rule and rule.code for rule in map(book.find, spellings(symbol))}) == 1, symbol
    # The public module says more than the private one, whatever is written.
    for spelling in ("tf.python.summary.summary.Event", "tf.summary.Event", "tf.Event", "tf.Event.ByteSize"):
        rule = book.find(spelling)
        assert rule is not None and rule.name == "training-loop"


def test_a_finding_has_the_canonical_symbol_and_names_the_spelling(book: Rulebook) -> None:
    text = "from tensorflow.python.ops import math_ops\nimport tensorflow.compat.v1 as tf\nmath_ops.reduce_sum(x)\ntf.reduce_sum(x)\n"
    findings = analyse(Source.parse("m.py", text.encode()), book, whole_module=True).findings
    assert [f.symbol for f in findings] == ["tf.math.reduce_sum"] * 2
    assert "`tf.python.ops.math_ops.reduce_sum`" in findings[0].message and "`tf.compat.v1.reduce_sum`" in findings[1].message


def test_no_two_rules_have_the_same_symbol() -> None:
    owners: dict[str, set[str]] = {}
    for rule in load_rulebook().rules:
        for symbol in rule.symbols:
            owners.setdefault(canonical_symbol(symbol), set()).add(rule.code)
    assert {symbol: codes for symbol, codes in owners.items() if len(codes) > 1} == {}


def test_the_table_is_read_only_where_it_is_needed() -> None:
    code = "import kmigrate.lint, kmigrate.project, sys; from kmigrate.names import aliases; print(aliases._table.cache_info().misses)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "0"
    assert TABLE.stat().st_size < 400_000


@pytest.mark.engines
def test_the_table_is_what_the_installed_libraries_give() -> None:
    subprocess.run([sys.executable, SCRIPTS / "make_aliases.py", "--check"], check=True)


@pytest.mark.engines
@pytest.mark.parametrize("stack", ["keras2-tf1", "keras2-tf2"])
def test_what_the_python_package_of_tensorflow_re_exports_is_there(stack: str) -> None:
    """canonical("tensorflow.python.X") names the place where TensorFlow itself has the module X."""
    code = "import json, tensorflow.python as p; m = type(p); print(json.dumps({n: v.__name__ for n, v in vars(p).items() if type(v) is m}))"
    output = subprocess.run(
        [ensure(get_stack(stack)), "-I", "-c", code], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    modules = json.loads(output.stdout)
    asked = {
        n: place
        for n, place in modules.items()
        if (n.endswith("_ops") and "gen_" not in n) or n in ("nn", "dtypes", "constant_op")
    }
    wrong = {n: place for n, place in asked.items() if canonical(f"tensorflow.python.{n}") != canonical(place)}
    assert len(asked) > 12
    assert wrong.keys() <= {"user_ops"}
    assert modules["ops"] == "tensorflow.python.framework.ops"
