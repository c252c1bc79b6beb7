"""Generated giants through the real command: each is worked on or refused by name, and the file beside it is always checked.

What is allowed to fail is only what a stated limit of Python's parser, or of recursion, stops; the message says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmigrate.source import Source, SourceError

HEAD = "import tensorflow as tf\nfrom keras.layers import Layer\n\n\n"
CALL = HEAD + "class Giant(Layer):\n    def call(self, x):\n"
PARSER = "the code is nested too deeply for Python's parser"
BRACKETS = "syntax error: too many nested parentheses"
INDENTS = "syntax error: too many levels of indentation"


def returned(expression: str) -> str:
    return f"{CALL}        return {expression}\n"


def branches(count: int) -> str:
    tests = "".join(f"        elif x == {n}:\n            y{n} = tf.exp(x)\n" for n in range(count))
    return f"{CALL}        if x is None:\n            pass\n{tests}        return x\n"


def nested_functions(depth: int, use: str) -> str:
    inner = "".join(" " * n + f"def f{n}(x):\n" for n in range(depth))
    return HEAD + inner + " " * depth + use


def long_file(lines: int) -> str:
    layer = "\n\nclass L{n}(Layer):\n    def call(self, x):\n{body}        return tf.exp(x)\n"
    body = "".join(f"        x = x * {n} + 1\n" for n in range(995))
    return HEAD + "".join(layer.format(n=n, body=body) for n in range(lines // 1000))


# Name: the text, how many findings it has, and the messages that may take their place.
GIANTS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "sum_of_900_calls": (returned(" + ".join(["tf.exp(x)"] * 900)), 900, ()),
    "sum_of_10000_calls": (returned(" + ".join(["tf.exp(x)"] * 10_000)), 10_000, (PARSER, "nested too deeply")),
    "sum_of_900_terms_in_a_call": (returned(f"tf.exp({' + '.join(['x'] * 900)})"), 1, ()),
    "nested_calls_190": (returned("tf.exp(" * 190 + "x" + ")" * 190), 190, ()),
    "nested_calls_1000": (returned("tf.exp(" * 1000 + "x" + ")" * 1000), 0, (BRACKETS,)),
    "branches_400": (branches(400), 400, ()),
    "branches_5000": (branches(5000), 5000, (PARSER, "nested too deeply")),
    "functions_90_deep": (nested_functions(90, "return tf.exp(x)\n"), 0, ()),
    "functions_200_deep": (nested_functions(200, "return tf.exp(x)\n"), 0, (INDENTS,)),
    "chain_of_100000_calls": (returned("tf.exp(x" + ".a()" * 100_000 + ")"), 1, (PARSER, "nested too deeply")),
    "minus_100000": (returned("tf.exp(" + "-" * 100_000 + "x)"), 1, (PARSER,)),
    "list_of_20000": (returned(f"tf.stack([{', '.join(['x'] * 20_000)}])"), 1, ()),
    "arguments_5000": (returned(f"tf.unknown({', '.join(['x'] * 5000)})"), 1, ()),
    "aliases_2000": (
        HEAD + "f0 = tf.exp\n" + "".join(f"f{n + 1} = f{n}\n" for n in range(2000)) + CALL + "        return f2000(x)\n",
        1,
        (),
    ),
    "bases_2000": (
        HEAD + "class C0(Layer):\n    pass\n" + "".join(f"class C{n + 1}(C{n}):\n    pass\n" for n in range(2000))
        + "class Z(C2000):\n    def call(self, x):\n        return tf.exp(x)\n",
        1,
        (),
    ),
    "helpers_2000": (
        HEAD + "def h0(x):\n    return tf.exp(x)\n" + "".join(f"def h{n + 1}(x):\n    return h{n}(x)\n" for n in range(2000))
        + "class Z(Layer):\n    def call(self, x):\n        return h2000(x)\n",
        1,
        (),
    ),
    "line_of_a_megabyte": (returned(f"tf.exp(x, name='{'a' * 1_000_000}')"), 1, ()),
    "lines_50000": (long_file(50_000), 50, ()),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All giants in one folder, and a file that has nothing to do with them."""
    folder = tmp_path_factory.mktemp("giants")
    for name, (text, _, _) in GIANTS.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    (folder / "zz_fine.py").write_text(returned("tf.exp(x)"), "utf-8")
    return folder


def kmigrate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kmigrate", *arguments, "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    done = kmigrate(folder, "check", "--no-cache", "--jobs", "2", "--output-format", "json")
    assert done.stderr == ""
    assert done.returncode == 2
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize("name", GIANTS)
def test_a_giant_is_checked_or_refused_by_name(name: str, report: dict[str, Any]) -> None:
    _, expected, refusals = GIANTS[name]
    errors = [e["message"] for e in report["errors"] if e["path"] == f"{name}.py"]
    found = sum(f["path"] == f"{name}.py" for f in report["findings"])
    if errors:
        assert refusals, f"{name} must not be refused: {errors}"
        assert len(errors) == 1
        assert errors[0].startswith(refusals)
    else:
        assert found == expected


def test_the_file_beside_them_is_checked(report: dict[str, Any]) -> None:
    assert [f["symbol"] for f in report["findings"] if f["path"] == "zz_fine.py"] == ["tf.math.exp"]


def test_fix_does_the_others_too(folder: Path) -> None:
    done = kmigrate(folder, "fix")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    fixed = set(added_files(done.stdout))
    assert {"zz_fine.py", "nested_calls_190.py", "sum_of_900_calls.py", "lines_50000.py", "branches_400.py"} <= fixed


def added_files(diff: str) -> Iterator[str]:
    return (line[6:].strip() for line in diff.splitlines() if line.startswith("+++ b/"))


@pytest.mark.parametrize("link", [".b()", ".b", "[0]", " + a"])
def test_no_depth_of_a_chain_ends_the_process(link: str) -> None:
    """Python 3.10 does not count the depth of such trees, and dies where its stack ends, if nothing is done about it."""
    text = "x = a" + link * 100_000
    script = "import sys; from kmigrate.source import Source, SourceError\ntry: Source.parse('x.py', sys.stdin.buffer.read())\n"
    script += "except SourceError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in ("", PARSER)


def test_a_refusal_names_its_cause() -> None:
    with pytest.raises(SourceError, match="too many nested parentheses"):
        Source.parse("x.py", b"x = " + b"(" * 1000 + b")" * 1000)
