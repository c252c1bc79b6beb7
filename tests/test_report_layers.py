"""The summary of layers: what stands between each unit of layer code and portability."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from kmigrate.cli.main import main
from kmigrate.model import Context, Edit, FileReport, Finding, Fix
from kmigrate.report.layers import DIFFERS, NO_FIX, UNKNOWN, UNPROVEN, layer_summaries, render_layers


def finding(unit: str, symbol: str, line: int, fix: Fix | None, code: str = "TF201") -> Finding:
    return Finding(code, "name", symbol, "message", "a.py", line, 1, line, 9, Context("layer", f"{unit}.call", "why", unit), fix)


def fix(portable: bool | None, assumption: str | None = None) -> Fix:
    return Fix("unsafe" if assumption else "safe", "K.f(x)", Edit(0, 1, ("",)), assumption, portable)


REPORT = FileReport(
    "a.py",
    (
        finding("Free", "tf.exp", 1, fix(True)),
        finding("Free", "tf.matmul", 2, fix(True, "rank 2")),
        finding("Tied", "tf.foo", 5, None, "KM001"),
        finding("Tied", "tf.image.resize", 6, None),
        finding("Tied", "tf.nn.conv2d", 7, fix(False)),
        finding("Tied", "tf.nn.conv2d", 8, fix(None)),
        finding("Open", "tf.sign", 9, fix(None)),
        finding("", "tf.keras", 1, None, "KM002"),
    ),
)


def test_each_unit_has_its_counts_and_its_obstacles() -> None:
    free, tied, open_ = layer_summaries([REPORT])
    assert (free.qualname, free.uses, free.safe, free.unsafe, free.manual) == ("Free", 2, 1, 1, 0)
    assert (free.obstacles, free.portable_after_fix) == ({}, True)
    assert tied.obstacles == {"tf.foo": UNKNOWN, "tf.image.resize": NO_FIX, "tf.nn.conv2d": DIFFERS}
    assert (tied.line, tied.uses, tied.portable_after_fix) == (5, 4, False)
    assert (open_.obstacles, open_.portable_after_fix) == ({"tf.sign": UNPROVEN}, None)


def test_the_worst_reason_of_a_symbol_is_told() -> None:
    uses = (finding("A", "tf.f", 1, None), finding("A", "tf.f", 2, fix(True)), finding("A", "tf.f", 3, fix(None)))
    assert layer_summaries([FileReport("a.py", uses)])[0].obstacles == {"tf.f": NO_FIX}


def test_text_names_the_obstacles_and_counts_what_will_be_portable() -> None:
    assert render_layers([REPORT]) == (
        "Layer code with direct engine uses:\n"
        "a.py:1 Free: 2 uses (1 safe, 1 unsafe, 0 without a fix): portable when fixed, if the assumptions hold\n"
        "a.py:5 Tied: 4 uses (2 safe, 0 unsafe, 2 without a fix): not portable\n"
        "    tf.foo: no rule knows it\n"
        "    tf.image.resize: no fix\n"
        "    tf.nn.conv2d: the engines differ\n"
        "a.py:9 Open: 1 use (1 safe, 0 unsafe, 0 without a fix): not proven to be portable\n"
        "    tf.sign: not proven on the other engine\n"
        "1 of 3 will be portable when fixed\n"
    )
    assert render_layers([FileReport("a.py")]) == ""


MODULE = """import tensorflow as tf
from keras.layers import Lambda, Layer

class Outer(Layer):
    def call(self, x):
        def step(t):
            return tf.exp(t)
        return Lambda(lambda v: tf.exp(v))(step(x))

def helper(x):
    return tf.no_such_function(x)

class Other(Layer):
    def call(self, x):
        return helper(x)
"""


def checked(tmp_path: Path, *options: str) -> Any:
    command = [sys.executable, "-m", "kmigrate", "check", *options, "."]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_json_has_the_layers_and_the_cache_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE, "utf-8")
    first, second = (json.loads(checked(tmp_path, "--output-format", "json").stdout) for _ in range(2))
    assert first == second
    assert [(one["qualname"], one["uses"]) for one in first["layers"]] == [("Outer", 2), ("helper", 1)]
    assert first["layers"][1]["obstacles"] == [{"symbol": "tf.no_such_function", "reason": UNKNOWN}]
    assert first["layers"][1]["portable_after_fix"] is False


def test_the_option_adds_the_section(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE, "utf-8")
    plain, more = checked(tmp_path).stdout, checked(tmp_path, "--layers").stdout
    assert more.startswith(plain)
    assert more[len(plain) :].startswith("\nLayer code with direct engine uses:\nm.py:7 Outer: 2 uses")


def test_free_layer_code_has_no_section(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "m.py"
    path.write_text("from keras.layers import Layer\n\nclass A(Layer):\n    pass\n", "utf-8")
    assert main(["check", "--layers", "--no-cache", str(path)]) == 0
    assert "Layer code" not in capsys.readouterr().out
