"""The measuring script, and what it measures: every symbol that real layer code uses is known to a rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kmigrate.rulebook.book import load_rulebook

SCRIPTS = Path(__file__).parent.parent / "scripts"


def run(*arguments: str) -> str:
    command = [sys.executable, str(SCRIPTS / "coverage.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_every_symbol_of_real_layer_code_is_known() -> None:
    book = load_rulebook()
    lines = (SCRIPTS / "symbols.tsv").read_text("utf-8").splitlines()[1:]
    symbols = [line.split("\t")[0] for line in lines]
    assert len(symbols) > 300
    assert [symbol for symbol in symbols if book.find(symbol) is None] == []


def test_the_figures_are_counted_by_uses(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    lines = ["import tensorflow as tf", "", "", "def loss(y_true, y_pred):", "    d = tf.exp(y_pred) - tf.exp(y_true)"]
    lines += ["    return tf.no_such(tf.squeeze(d))", ""]
    (project / "losses.py").write_text("\n".join(lines))
    output = run(str(project), "--write", str(tmp_path / "symbols.tsv"))
    assert "tf: 4 uses of 3 symbols; known 75.0%, safe 50.0%" in output
    assert "unknown: tf.no_such (1)" in output
    rows = (tmp_path / "symbols.tsv").read_text().splitlines()
    assert rows[:2] == ["symbol\tuses\tprojects\tsafe\tunsafe", "tf.math.exp\t2\t1\t2\t0"]
    assert run(str(tmp_path / "symbols.tsv")).startswith("tf: 4 uses of 3 symbols; known 75.0%, safe 50.0%")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, str(SCRIPTS / "coverage.py"), str(SCRIPTS / "symbols.tsv"), "--limit", "10000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0
