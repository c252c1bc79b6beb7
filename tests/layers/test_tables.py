"""A table of functions at a module's level: layer code that names it runs what it holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import analysed

from kmigrate.config import Config
from kmigrate.project import Project
from kmigrate.rulebook.book import load_rulebook

HEAD = "import tensorflow as tf\nfrom functools import partial\nfrom keras.layers import Dense, Layer\n\n\n"
LAYER = "class A(Layer):\n    def call(self, x, kind='a'):\n        return {use}\n"


def found(text: str) -> list[tuple[str, str]]:
    findings = analysed(HEAD + text, load_rulebook(), whole=False).findings
    return [(finding.symbol, finding.context.qualname) for finding in findings]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("{'a': tf.nn.relu}", [("tf.nn.relu", "<module>")]),
        ("{'a': lambda x: tf.exp(x)}", [("tf.math.exp", "<lambda>")]),
        ("[tf.nn.relu, tf.abs]", [("tf.nn.relu", "<module>"), ("tf.math.abs", "<module>")]),
        ("dict(a=tf.nn.relu)", [("tf.nn.relu", "<module>")]),
        ("{'a': (partial(tf.nn.leaky_relu, alpha=0.1), 3)}", [("tf.nn.leaky_relu", "<module>")]),
        ("{'a': np.exp, 'b': 3}", []),
    ],
)
def test_its_entries_are_uses(table: str, expected: list[tuple[str, str]]) -> None:
    for use in ("T[kind](x)", "T.get(kind)(x)", "[f(x) for f in T.values()]", "run(T, x)"):
        assert found(f"T = {table}\n\n\n{LAYER.format(use=use)}") == expected
    assert found(f"T = {table}\n\n\n{LAYER.format(use='x')}") == [], "a table that no layer code names"


def test_what_its_functions_call_is_layer_code() -> None:
    helpers = "def scaled(x):\n    return tf.exp(x)\n\n\ndef gelu(x):\n    return scaled(x)\n\n\n"
    assert found(f"{helpers}T = {{'gelu': gelu}}\n\n\n{LAYER.format(use='T[kind](x)')}") == [("tf.math.exp", "scaled")]


def test_an_entry_that_is_handed_to_keras() -> None:
    table = "def gelu(x):\n    return tf.exp(x)\n\n\nT = {'gelu': gelu, 'relu': tf.nn.relu}\n"
    assert found(f"{table}layer = Dense(3, activation=T['gelu'])\n") == [("tf.math.exp", "gelu"), ("tf.nn.relu", "<module>")]


def test_a_local_of_the_same_name_is_no_table() -> None:
    assert found(f"T = {{'a': tf.nn.relu}}\n\n\n{LAYER.format(use='[T[0] for T in x]')}") == []


def test_a_table_of_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "acts.py").write_text(
        "import tensorflow as tf\n\n\ndef f(x):\n    return tf.exp(x)\n\n\nT = {'f': f, 'r': tf.nn.relu}\n"
    )
    (package / "layers.py").write_text(
        "from keras.layers import Layer\nfrom .acts import T\n\n\n" + LAYER.format(use="T[kind](x)")
    )
    reports = Project(Config()).reports(["pkg"])
    reasons = {f.symbol: (report.path, f.context.reason) for report in reports for f in report.findings}
    assert reasons == {
        "tf.math.exp": ("pkg/acts.py", "`f` is handed on in `A.call` in pkg/layers.py"),
        "tf.nn.relu": ("pkg/acts.py", "`tf.nn.relu` is in a table that `A.call` uses in pkg/layers.py"),
    }
